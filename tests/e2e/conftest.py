"""Servers of the end-to-end tests: one per transport for the whole run; each test makes and drops its own tables."""
import pytest

from pgd1 import Pgd1

TRANSPORTS = ("embedded", "workerd", "rest")


@pytest.fixture(scope="session", params=TRANSPORTS)
def server(request):
    with Pgd1(request.param) as running:
        yield running


@pytest.fixture(scope="session")
def embedded():
    with Pgd1("embedded") as running:
        yield running
