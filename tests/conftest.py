"""For every pytest suite: support/ in the path (pgd1.py, postgres.py), and servers that a whole run shares."""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent / "support"))


@pytest.fixture(scope="session")
def oracle():
    """A PostgreSQL 15 of this run; see support/postgres.py."""
    from postgres import Postgres
    with Postgres() as server:
        yield server
