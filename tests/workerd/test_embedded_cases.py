"""The embedded transport's cases (tests/embedded_cases) on D1's real engine, through the gateway Worker: rows, counts, error texts, limits.

A case that answers otherwise there stands in known_differences.py with its reason; a reason that no longer holds fails too.
"""
import json
import pathlib
import re

import pytest

from known_differences import KNOWN
from workerd import Workerd

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "embedded_cases"


def read_cases():
    for path in sorted(FOLDER.glob("*.jsonl")):
        for line in path.read_text().splitlines():
            case = json.loads(line)
            yield f"{path.stem}: {case['name']}", case


CASES = dict(read_cases())
# Each runs on a database of its own.
BINDINGS = {name: f"CASE{i}" for i, name in enumerate(CASES)}


@pytest.fixture(scope="module")
def engine():
    with Workerd(more=BINDINGS.values()) as server:
        yield server


def expand(sql):
    return re.sub(r"\{([^{}]*)\*(\d+)\}", lambda m: m[1] * int(m[2]), sql)


def parameter(p):
    if p is None:
        return None
    kind, text = p[0], p[1:]
    return {"t": lambda: text, "i": lambda: float(text), "r": lambda: float(text), "b": lambda: list(bytes.fromhex(text))}[kind]()


def cell(expected):
    """What JSON carries of a cell: numbers without their class, blobs as lists of bytes."""
    if expected is None:
        return None
    return {**{k: float for k in "ir"}, "t": str, "b": lambda h: list(bytes.fromhex(h))}[expected[0]](expected[1:])


def statement(s):
    body = {"sql": expand(s["sql"]), "params": [parameter(p) for p in s.get("params", [])]}
    return {**body, "changes": True} if s.get("changes") else body


def run(engine, db, statements):
    """As in `want`: {"results": …} or {"error": …}."""
    status, body = engine.batch(*[statement(s) for s in statements], db=db)
    if status != 200:
        return {"error": body["error"]["message"]}
    results = [{k: v for k, v in r.items() if k in ("rows", "changes")} for r in body["results"]]
    return {"results": [{**r, "rows": [[double(c) for c in row] for row in r["rows"]]} for r in results]}


def double(cell):
    """A number as JavaScript has it."""
    return float(cell) if isinstance(cell, int) else cell


def want(expected):
    if "error" in expected:
        return {"error": expected["error"]}
    return {"results": [{**r, "rows": [[cell(c) for c in row] for row in r.get("rows", [])]} for r in expected["results"]]}


def answer(engine, db, case):
    for sql in case.get("before", []):
        got = run(engine, db, [{"sql": sql}])
        if "error" in got:
            return {"before": got}
    got = {"batch": run(engine, db, case["batch"])}
    if "after" in case:
        got["after"] = run(engine, db, case["after"])
    return got


@pytest.mark.parametrize("name", CASES)
def test_case(engine, name):
    case = CASES[name]
    got = answer(engine, BINDINGS[name], case)
    expected = {"batch": want(case["want"])}
    if "after" in case:
        expected["after"] = want(case["want"]["after"])
    if name in KNOWN:
        assert got != expected, f"no longer different, remove it from known_differences.py: {KNOWN[name]}"
    else:
        assert got == expected


def test_known_differences_are_of_cases():
    assert set(KNOWN) <= set(CASES)
