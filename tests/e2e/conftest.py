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


@pytest.fixture(params=["pgd1", "postgresql"])
def target(request, server, oracle):
    """pgd1 over each transport and PostgreSQL, with the SCHEMA of the test's module made anew."""
    if request.param == "postgresql" and server.transport != "embedded":
        pytest.skip("PostgreSQL once")
    running = oracle if request.param == "postgresql" else server
    with running.connect() as connection:
        for statement in request.module.SCHEMA.split(";\n"):
            connection.execute(statement)
    return running
