#!/usr/bin/env python3
"""Checks the rows of .def files: def_rows.py FILE…

A .def file opens with a comment that says what its rows are, as MACRO(column, column…), and its order: "sorted by COLUMN[, then
COLUMN]" ("… without case"), "sorted" or "byte order" by the first column and on, or "in order" where the sequence itself means
something. Rows are fenced from the formatter. Sorted ones must be, each macro by itself, and have no row twice. Generated files ("do
not edit") are left out.
"""
import pathlib
import re
import sys

ROW = re.compile(r"^([A-Z][A-Z0-9_]*)\((.*)\)\s*(?:/\*.*\*/)?\s*$")


def columns(arguments):
    """Splits at commas outside quotes and parentheses."""
    parts, depth, quote, start = [], 0, None, 0
    for i, c in enumerate(arguments):
        if quote:
            if c == quote and arguments[i - 1] != "\\":
                quote = None
        elif c in "\"'":
            quote = c
        elif c in "([{":
            depth += 1
        elif c in ")]}":
            depth -= 1
        elif c == "," and depth == 0:
            parts.append(arguments[start:i])
            start = i + 1
    return [part.strip() for part in [*parts, arguments[start:]]]


def key(text, nocase):
    if re.fullmatch(r"-?\d+", text):
        return (0, int(text), "")
    text = text.strip("\"'") if text[:1] in "\"'" else text
    return (1, 0, text.lower() if nocase else text)


def check(path):
    """Complaints about one file."""
    source = path.read_text()
    header = re.match(r"\s*/\*(.*?)\*/", source, re.S)
    if not header:
        return [f"{path}:1: no opening comment that says what a row is"]
    said = " ".join(header[1].replace("\n *", "\n").split())
    if "do not edit" in said:
        return []
    complaints = [] if "clang-format off" in source else [f"{path}: rows are not fenced with clang-format off"]
    order = re.search(r"sorted by (\w+)(?:,? then (?:by )?(\w+))?( without case)?|byte order|\bin order\b|order matters|\bsorted\b", said, re.I)
    if not order:
        return [*complaints, f"{path}:1: the opening comment does not say the order of the rows"]
    if order[0].lower() in ("in order", "order matters"):
        return complaints
    signatures = {m[1]: columns(m[2]) for m in re.finditer(r"\b([A-Z][A-Z0-9_]*)\(([^()]*)\)", said)}
    last = {}
    for number, line in enumerate(source.splitlines(), 1):
        row = ROW.match(line)
        if not row or row[1] not in signatures and signatures:
            continue
        names, cells = signatures.get(row[1], []), columns(row[2])
        at = [names.index(column) for column in order.groups()[:2] if column in names] or range(len(cells))
        mine = [key(cells[i], bool(order[3])) for i in at if i < len(cells)]
        if row[1] in last and mine <= last[row[1]][0]:
            complaints.append(f"{path}:{number}: {cells[at[0]]} stands after {last[row[1]][1]}")
        last[row[1]] = mine, cells[at[0]]
    if not last:
        complaints.append(f"{path}: no row found of what its opening comment describes")
    return complaints


def main():
    complaints = [line for name in sys.argv[1:] for line in check(pathlib.Path(name))]
    print("\n".join(complaints) or "in order")
    sys.exit(1 if complaints else 0)


if __name__ == "__main__":
    main()
