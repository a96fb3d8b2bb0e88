"""PostgreSQL's functions as pgd1 computes them, against PostgreSQL 15: the same statements on both, in process (function_driver).

PGD1_LONG=1 tries more templates; PGD1_SEED repeats a run (the seed is in the message of a failure).
"""
import os
import pathlib
import re
import subprocess

import function_cases
import pytest
from psycopg import pq
from seed import seed
from type_oracle import Answer, from_hex, to_hex

ROOT = pathlib.Path(__file__).resolve().parents[2]
DRIVER = os.environ.get("FUNCTION_DRIVER") or str(ROOT / "build" / os.environ.get("PGD1_BUILD", "dev") / "function_driver")
LONG = os.environ.get("PGD1_LONG") == "1"
SEARCHES = ["headlines", "search_texts", "search_queries"]
FAMILIES = ["jsonpaths", "networks", "angles", "byte_strings", "series", "texts", "numbers"]
COUNT = 20000 if LONG else 1500
SEED = seed()
pytestmark = pytest.mark.timeout(1800 if LONG else 120)
if not os.path.exists(DRIVER):
    pytest.skip("the target function_driver is not built", allow_module_level=True)


@pytest.fixture(scope="module")
def pg(newest_oracle):
    connection = newest_oracle.connect()
    connection.execute("CREATE SCHEMA functions; SET search_path = functions")
    yield connection
    connection.execute("DROP SCHEMA functions CASCADE")
    connection.close()


def of_postgres(pg, sql):
    """Rows as psql -At shows them: cells joined by '|', NULL empty."""
    result = pg.pgconn.exec_params(sql.encode(), [])
    if result.status not in (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK):
        fields = pq.DiagnosticField
        state, message, detail, hint = ((result.error_field(field) or b"").decode() for field in (
            fields.SQLSTATE, fields.MESSAGE_PRIMARY, fields.MESSAGE_DETAIL, fields.MESSAGE_HINT))
        return Answer(state=state, message=message, detail=detail, hint=hint)
    rows = [b"|".join(result.get_value(row, column) or b"" for column in range(result.nfields)) for row in range(result.ntuples)]
    types = ",".join(str(result.ftype(column)) for column in range(result.nfields))
    return Answer(text=b"".join(row + b"\n" for row in rows), context=types)


def of_pgd1(statements, zone):
    """One answer for each; the driver's end is checked, a sanitizer's complaint is a failure."""
    lines = "".join(to_hex(sql.encode()) + "\n" for sql in statements)
    done = subprocess.run([DRIVER, zone], input=lines.encode(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=1500, check=False)
    answers = done.stdout.decode().splitlines()
    assert done.returncode == 0 and len(answers) == len(statements), \
        f"{statements[min(len(answers), len(statements) - 1)]}\n{done.stderr.decode()[-4000:]}"
    for line in answers:
        kind, *fields = line.split(" ")
        if kind == "ok":
            yield Answer(text=from_hex(fields[0]), context=fields[1] if len(fields) > 1 else "")
        else:
            texts = [from_hex(field).decode() for field in fields[1:]]
            yield Answer(state=fields[0], message=texts[0], detail=texts[1], hint=texts[2])


def same_types(theirs, ours):
    """The OIDs of the columns; those of types that the test made are each server's own."""
    pairs = list(zip(theirs.split(","), ours.split(",")))
    return theirs.count(",") == ours.count(",") and all(a == b or a >= "16384" and len(a) >= 5 for a, b in pairs)


def verdict(case, theirs, ours):
    """What is wrong, or None."""
    same = same_types(theirs.context, ours.context) and (theirs.text, theirs.state, theirs.message, theirs.detail, theirs.hint) == (ours.text, ours.state, ours.message, ours.detail, ours.hint)
    # Far years: the year 1 BC is what to_date makes of no year, which a zone may carry into the year 1.
    far = theirs.state == "22008" or re.search(rb"BC|\d{5}-\d\d-\d\d|^0001-01-01", theirs.text)
    unstorable = ours.state == "22008" and ours.detail.startswith("Only the years 1 to 9999") and far
    if case.known == "syntax" and theirs.state == ours.state == "42601":
        return None
    if case.known not in ("", "constant", "syntax") and same:
        return "agrees: its comment can go"
    if case.known == "refused":
        return None if ours.state in ("0A000", "22008") else "is not refused"
    if case.known == "wording":
        return None if theirs.state == ours.state else "has another SQLSTATE"
    return None if same or unstorable or case.known == "differs" else "differs"


def compare(pg, cases, zone):
    cases = list(cases)
    pg.execute(f"SET timezone = '{zone}'")
    bad = []
    for case, ours in zip(cases, of_pgd1([case.sql for case in cases], zone)):
        theirs = of_postgres(pg, case.sql)
        wrong = verdict(case, theirs, ours)
        if wrong:
            bad.append(f"{case.sql} {wrong}\n  PostgreSQL {theirs}\n  pgd1       {ours}")
    assert not bad, f"seed {SEED}, {len(bad)} of {len(cases)}:\n" + "\n".join(bad[:20])
    return len(cases)


@pytest.mark.parametrize("name", function_cases.LISTS)
def test_listed(pg, name):
    assert compare(pg, function_cases.listed(name), "Europe/Berlin") > 20


@pytest.mark.parametrize("name", [name for name in function_cases.LISTS if name not in ("aggregates", "stored", "text_search")] + FAMILIES)
def test_columns(pg, name):
    """The same expressions over columns of a table, so that D1 computes what it has a template for."""
    listed = function_cases.listed(name) if name in function_cases.LISTS else function_cases.generated(name, SEED, COUNT // 3)
    cases = list(function_cases.over_columns(name, listed))
    refused = 0
    bad = []
    pg.execute("SET timezone = 'UTC'")
    statements = [sql for case in cases for sql in case.statements]
    answers = of_pgd1(statements, "UTC")
    for case in cases:
        *makes, ours, _ = [next(answers) for _ in case.statements]
        *made, theirs, _ = [of_postgres(pg, sql) for sql in case.statements]
        if any(answer.state for answer in made) or theirs.state.startswith("42"):
            continue  # the constant was of unknown type, or part of the syntax
        if ours.state == "0A000" or any(answer.state == "0A000" for answer in makes):
            refused += 1
            continue
        wrong = verdict(case, theirs, ours)
        if wrong:
            bad.append(f"{'; '.join(case.statements[:3])} {wrong}\n  PostgreSQL {theirs}\n  pgd1       {ours}")
    assert not bad, f"{len(bad)} of {len(cases)}:\n" + "\n".join(bad[:20])
    assert refused * 3 <= len(cases), "most of them are refused"


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Kolkata"])
@pytest.mark.parametrize("name", ["to_char_dates", "to_dates"])
def test_dates(pg, name, zone):
    assert compare(pg, function_cases.generated(name, SEED, COUNT), zone) >= COUNT


@pytest.mark.parametrize("name", FAMILIES + SEARCHES)
def test_families(pg, name):
    assert compare(pg, function_cases.generated(name, SEED, COUNT), "Europe/Berlin") == COUNT


@pytest.mark.parametrize("name", ["to_char_numbers", "to_numbers"])
def test_numbers(pg, name):
    assert compare(pg, function_cases.generated(name, SEED, COUNT), "UTC") >= COUNT
