"""Statements that change the schema, against PostgreSQL 15: tags, notices, errors with detail and hint, rows and catalogue afterwards.

A script is statements that end with ";" at the end of a line. "\\d t" asks the catalogue for a table's columns, constraints and indexes.
A statement behind "-- refused" is one that pgd1 refuses with 0A000; PostgreSQL does not see it.
"""
import pathlib
import re

import psycopg
import pytest

SCRIPTS = sorted((pathlib.Path(__file__).parent / "ddl").glob("*.sql"))
DESCRIBE = (
    "SELECT a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, a.attgenerated, pg_get_expr(d.adbin, d.adrelid),"
    " col_description(a.attrelid, a.attnum) FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum"
    " WHERE a.attrelid = '{0}'::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum",
    "SELECT conname, contype, condeferrable, condeferred, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = '{0}'::regclass ORDER BY 1",
    "SELECT pg_get_indexdef(indexrelid), indisunique, indisprimary FROM pg_index WHERE indrelid = '{0}'::regclass ORDER BY 1",
)


def statements(text):
    """(statement, refused) of a script."""
    for part in re.split(r";\s*\n", text + "\n"):
        lines = [line for line in part.split("\n") if line.strip()]
        refused = any(line.startswith("-- refused") for line in lines)
        statement = "\n".join(line for line in lines if not line.startswith("--")).strip()
        if statement.startswith("\\d "):
            for query in DESCRIBE:
                yield query.format(statement[3:].strip()), False
        elif statement:
            yield statement, refused


def answer(connection, statement):
    """What a client sees of one statement."""
    notices = []
    connection.add_notice_handler(lambda n: notices.append((n.severity, n.sqlstate, n.message_primary, n.message_detail)))
    try:
        cursor = connection.execute(statement)
        rows = cursor.fetchall() if cursor.description else None
        return {"tag": cursor.statusmessage, "rows": rows, "notices": notices}
    except psycopg.Error as error:
        d = error.diag
        if re.match(r"Failing row contains|Key \(", d.message_detail or "") and re.match("INSERT|UPDATE|DELETE", statement):
            return {"state": d.sqlstate, "message": d.message_primary}  # D1 does not say which values it refused
        return {"state": d.sqlstate, "message": d.message_primary, "detail": d.message_detail, "hint": d.message_hint}
    finally:
        connection._notice_handlers.clear()


def clear(connection):
    """Drops every object of the user's."""
    for kind, name in connection.execute("SELECT c.relkind, c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
                                         " WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast', 'pgd1')"
                                         " AND c.relkind IN ('v', 'r', 'S') ORDER BY c.relkind DESC").fetchall():
        word = {"v": "VIEW", "r": "TABLE", "S": "SEQUENCE"}[kind if isinstance(kind, str) else kind.decode()]
        connection.execute(f"DROP {word} IF EXISTS {name} CASCADE")
    for (name,) in connection.execute("SELECT t.oid::regtype::text FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace"
                                      " WHERE n.nspname = 'public' AND t.typtype IN ('e', 'd') ORDER BY t.typtype").fetchall():
        connection.execute(f"DROP TYPE IF EXISTS {name} CASCADE")
    for (name,) in connection.execute("SELECT extname FROM pg_extension WHERE extname <> 'plpgsql'").fetchall():
        connection.execute(f'DROP EXTENSION "{name}"')
    for (name,) in connection.execute("SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND"
                                      " nspname NOT IN ('public', 'information_schema', 'pgd1')").fetchall():
        connection.execute(f'DROP SCHEMA "{name}" CASCADE')


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_as_postgresql(oracle, server, path):
    with oracle.connect() as theirs, server.connect() as ours:
        differences = []
        for connection in (theirs, ours):
            clear(connection)
            connection.prepare_threshold = None
        for statement, refused in statements(path.read_text()):
            ours_said = answer(ours, statement)
            if refused:
                assert ours_said.get("state") == "0A000", f"{statement}\n  {ours_said}"
                assert ours_said["message"].endswith("is not supported") or "not supported" in ours_said["message"]
                continue
            theirs_said = answer(theirs, statement)
            if "state" in theirs_said and "detail" not in theirs_said:
                ours_said = {key: value for key, value in ours_said.items() if key not in ("detail", "hint")}
            if theirs_said != ours_said:
                differences.append(f"{statement}\n  PostgreSQL {theirs_said}\n  pgd1       {ours_said}")
        clear(ours)
        assert not differences, f"{len(differences)} differ:\n" + "\n".join(differences)
