"""With -n, a tool's tests go together: PostgreSQL is told its story once."""
import pytest


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    from spread import Spread
    return Spread(config, log, r"\[(.+)-[^-]+\]$")
