"""The generated fact tables equal what a running PostgreSQL 15 says."""
import os
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))
import catalog_facts  # noqa: E402
from postgres import Postgres  # noqa: E402


@pytest.fixture(scope="module")
def wanted(newest_oracle):  # noqa: ARG001: of its release, but empty
    with Postgres() as postgres:
        return catalog_facts.files(postgres)


@pytest.mark.parametrize("name", catalog_facts.FILES)
def test_file_is_what_postgresql_says(wanted, name):
    with open(os.path.join(catalog_facts.FOLDER, name), encoding="ascii") as file:
        have, want = file.read().splitlines(), wanted[name].splitlines()
    assert have == want


def test_every_file_is_listed(wanted):
    assert sorted(wanted) == sorted(catalog_facts.FILES)
