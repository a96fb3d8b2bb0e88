#!/usr/bin/env python3
"""readme.py: whether the README's lists of what is refused and what has no effect say what the .def rows say. --fix rewrites them.

The configuration table has its check in tests/unit/test_config.c.
"""
import pathlib
import re
import sys

from def_rows import ROW, columns

ROOT = pathlib.Path(__file__).resolve().parents[2]
START = "<!-- generated from proxy/sql/accepted.def, proxy/sql/ddl_alter.c, proxy/sql/refused_types.def and proxy/gucs.def: tests/style/readme.py --fix rewrites it -->\n"
END = "<!-- end of the generated lists -->\n"


def rows(path, macro):
    for line in (ROOT / path).read_text().splitlines():
        row = ROW.match(line)
        if row and row[1] == macro:
            yield columns(row[2])


def text(literal):
    return "" if literal == "NULL" else literal[1:-1].replace('\\"', '"')


FORM = re.compile(r'\{ AT\((\w+)\), PASS_OTHER, NULL, (\w+), (NULL|"[^"]*"), (?:NULL|note_options) \}')
SPELLED = {"ChangeOwner": "OWNER TO", "DropCluster": "SET WITHOUT CLUSTER", "SetUnLogged": "SET UNLOGGED", "SetTableSpace": "SET TABLESPACE pg_default",
           "SetRelOptions": "SET (…)", "ResetRelOptions": "RESET (…)", "SetOptions": "ALTER COLUMN … SET (…)", "ResetOptions": "ALTER COLUMN … RESET (…)",
           "DisableRowSecurity": "DISABLE ROW LEVEL SECURITY", "NoForceRowSecurity": "NO FORCE ROW LEVEL SECURITY", "EnableTrigAll": "ENABLE TRIGGER ALL",
           "EnableTrigUser": "ENABLE TRIGGER USER", "DisableTrigAll": "DISABLE TRIGGER ALL", "DisableTrigUser": "DISABLE TRIGGER USER"}


def forms():
    """ALTER TABLE's commands without effect, and those refused by name, from the rows of ddl_alter.c."""
    found = FORM.findall((ROOT / "proxy/sql/ddl_alter.c").read_text())
    spelled = [SPELLED.get(name, re.sub(r"(?<!^)(?=[A-Z])", " ", name).upper()) for name, check, refused in found if refused == "NULL" and check != "check_trigger"]
    return sorted(f"`{form}`" for form in spelled), sorted("`" + text(refused).replace("ALTER TABLE … ", "") + "`" for _, _, refused in found if refused != "NULL")


def lists():
    refused = [f"| {text(name)} | {text(hint)} |" for _, name, hint in rows("proxy/sql/accepted.def", "REFUSED")]
    accepted = [f"| {text(name)} | {text(reason)} |" for _, name, reason in rows("proxy/sql/accepted.def", "ACCEPTED")]
    hints = [f"`{text(row[0])}`" for row in rows("proxy/gucs.def", "GUC") if row[8] == "HINT"]
    fixed = [f"`{text(row[0])}`" for row in rows("proxy/gucs.def", "GUC") if row[8] == "FIXED"]
    types = sorted(f"`{row[0]}`" for row in rows("proxy/sql/refused_types.def", "REFUSED_TYPE"))
    idle, refused_forms = forms()
    assert refused and accepted and hints and fixed and types and idle and refused_forms, "a .def file has lost its rows or changed their form"
    return "\n".join(["### Statements refused", "", "| statement | hint |", "|---|---|", *sorted(refused), "",
                      "Forms of ALTER TABLE refused: " + ", ".join(refused_forms) + ".", "",
                      "### Types no column can have", "",
                      ", ".join(types) + ", ranges, composite types, and arrays of these.", "", "### Accepted without effect", "", "| statement | why |", "|---|---|", *sorted(accepted), "",
                      "Forms of ALTER TABLE without effect, for D1 has neither owners nor storage; what they name must be there: " + ", ".join(idle) + ".", "",
                      "Settings that are taken and shown and change nothing: " + ", ".join(hints) + ".", "",
                      "Settings that take only their default: " + ", ".join(fixed) + ".", ""])


def main():
    path = ROOT / "README.md"
    readme = path.read_text()
    pattern = re.escape(START) + ".*?" + re.escape(END)
    if not re.search(pattern, readme, re.S):
        sys.exit("README.md has lost the marks of the generated lists")
    current = re.sub(pattern, lambda _: START + lists() + END, readme, flags=re.S)
    if current == readme:
        print("current")
    elif sys.argv[1:] == ["--fix"]:
        path.write_text(current)
    else:
        sys.exit("the lists of README.md are old: tests/style/readme.py --fix rewrites them")


if __name__ == "__main__":
    main()
