#!/usr/bin/env python3
"""Counts JUnit results: summary.py FOLDER < stages. Prints what failed and, last, "N passed, N failed[, N skipped]".

Standard input has a line per stage that failed: its name, a tab, its results file if it has one. A failed stage whose results show
no failure, or that left none, counts as one failure. Status 1 when anything failed.
"""
import pathlib
import sys
import xml.etree.ElementTree as ElementTree

SHOWN = 60


def cases(path):
    """(name, outcome, message) of each test in a file; a file cut short is one failure."""
    try:
        root = ElementTree.parse(path).getroot()
    except ElementTree.ParseError as problem:
        yield path.stem, "failed", f"unreadable results: {problem}"
        return
    for case in root.iter("testcase"):
        names = dict.fromkeys([case.get("classname"), case.get("name")])  # ctest gives the name twice
        name = ".".join(part for part in names if part)
        bad = case.find("failure") if case.find("failure") is not None else case.find("error")
        if bad is not None:
            yield name, "failed", first_line(bad.get("message") or bad.text)
        elif case.find("skipped") is not None:
            yield name, "skipped", first_line(case.find("skipped").get("message"))
        else:
            yield name, "passed", ""


def first_line(text):
    return next((line.strip() for line in (text or "").splitlines() if line.strip()), "")[:200]


def main():
    folder = pathlib.Path(sys.argv[1])
    count = {"passed": 0, "failed": 0, "skipped": 0}
    failed = {}
    lines = []
    for path in sorted(folder.glob("*.xml")):
        for name, outcome, message in cases(path):
            count[outcome] += 1
            if outcome == "failed":
                failed[path.name] = failed.get(path.name, 0) + 1
                lines.append(f"FAILED {path.stem}: {name}" + (f": {message}" if message else ""))
    for stage in sys.stdin.read().splitlines():
        name, _, results = stage.partition("\t")
        if not failed.get(results):
            count["failed"] += 1
            lines.append(f"FAILED stage {name}")
    for line in lines[:SHOWN]:
        print(line)
    if len(lines) > SHOWN:
        print(f"… and {len(lines) - SHOWN} more; see build/logs")
    skipped = f", {count['skipped']} skipped" if count["skipped"] else ""
    print(f"{count['passed']} passed, {count['failed']} failed{skipped}")
    sys.exit(1 if count["failed"] else 0)


if __name__ == "__main__":
    main()
