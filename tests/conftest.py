"""For every pytest suite: support/ in the path (pgd1.py, postgres.py), servers that a whole run shares, and who runs what with -n."""
import pathlib
import re
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent / "support"))


@pytest.fixture(scope="session")
def oracle():
    """A PostgreSQL 15 of this run; see support/postgres.py."""
    from postgres import Postgres
    with Postgres() as server:
        yield server


@pytest.fixture(scope="session")
def newest_oracle(oracle):
    """The same where each row of the catalogue and each corner of a function is compared: minor releases change both, and what pgd1 says
    is of the release that its facts were written from."""
    facts = (pathlib.Path(__file__).parents[1] / "proxy/catalog/facts_row.def").read_text(encoding="ascii")
    ours = re.search(r"DBMS VERSION.*\\037(\d+\.\d+)\.", facts)[1]
    with oracle.connect() as connection:
        theirs = connection.execute("SHOW server_version").fetchone()[0].split()[0]
    if ours != theirs:
        pytest.skip(f"the catalogue's facts are of PostgreSQL {ours}, this one is {theirs}")
    return oracle


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """With -n: a file's tests of one transport go together."""
    from spread import Spread
    return Spread(config, log, r"[\[-](embedded|workerd|gateway|rest)[-\]]")
