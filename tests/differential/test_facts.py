"""The generated fact tables equal what a running PostgreSQL 15 says."""
import os
import re
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))
import catalog_facts  # noqa: E402
from postgres import Postgres  # noqa: E402


# A minor release may bring functions: by it their OIDs. Facts are of the newest; an older server may lack them.
PROC_FILES = {"facts_proc.def": r"PG_PROC\((\d+), ", "facts_proc_oid.def": r"PG_PROC_OID\((\d+), "}
BROUGHT_BY_A_MINOR_RELEASE = {4551}


@pytest.fixture(scope="module")
def wanted():
    with Postgres() as postgres:
        return catalog_facts.files(postgres)


def without_news(lines, pattern):
    """Without the functions that only a newer minor release has; where the others stand in their file is then not compared."""
    kept = []
    for line in lines:
        found = re.match(pattern, line)
        if found and int(found.group(1)) in BROUGHT_BY_A_MINOR_RELEASE:
            continue
        kept.append(found.group(0) if found and "OID" in pattern else line)
    return kept


@pytest.mark.parametrize("name", catalog_facts.FILES)
def test_file_is_what_postgresql_says(wanted, name):
    with open(os.path.join(catalog_facts.FOLDER, name), encoding="ascii") as file:
        have, want = file.read().splitlines(), wanted[name].splitlines()
    if name in PROC_FILES and len(have) != len(want):
        have, want = without_news(have, PROC_FILES[name]), without_news(want, PROC_FILES[name])
    assert have == want


def test_every_file_is_listed(wanted):
    assert sorted(wanted) == sorted(catalog_facts.FILES)
