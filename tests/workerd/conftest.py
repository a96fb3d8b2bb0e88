"""Fixtures of the suite that runs on D1's real engine: one workerd for all, a fresh database name where a test needs it clean."""
import json
import os
import pathlib
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from workerd import Workerd  # noqa: E402

D1_RUN = HERE.parents[1] / "build" / os.environ.get("PGD1_BUILD", "dev") / "d1_run"


@pytest.fixture(scope="session")
def d1():
    with Workerd() as server:
        yield server


class Transport:
    """d1_run on one transport: run(request) gives its answer, run([…]) those of requests under way together."""

    def __init__(self, arguments, token, env=None):
        binary = os.environ.get("PGD1_D1_RUN", D1_RUN)
        self.child = subprocess.Popen([binary, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                      text=True, env={**os.environ, "PGD1_TOKEN": token, **(env or {})})

    def line(self, text):
        self.child.stdin.write(text + "\n")
        self.child.stdin.flush()
        answer = self.child.stdout.readline()
        assert answer, self.child.stderr.read()
        return json.loads(answer)

    def run(self, *statements, access="write", **options):
        return self.line(json.dumps({"access": access, "statements": [form(s) for s in statements], **options}))

    def read(self, *statements, **options):
        return self.run(*statements, access="read", **options)

    def together(self, requests):
        return self.line(json.dumps([{**r, "statements": [form(s) for s in r["statements"]]} for r in requests]))

    def close(self):
        self.child.stdin.close()
        complaints = self.child.stderr.read()
        assert (self.child.wait(20), complaints) == (0, "")
        self.child.stdout.close()


def form(statement):
    """SQL, (SQL, parameters) or a whole statement."""
    if isinstance(statement, dict):
        return statement
    return {"sql": statement} if isinstance(statement, str) else {"sql": statement[0], "params": list(statement[1])}


def open_transport(d1, kind, faulty=False, env=None, token=None):
    gateway, rest, faults = d1.info["gateway"], d1.info["rest"], d1.info["faults"]
    if kind == "gateway":
        return Transport(["gateway", faults["gateway_url"] if faulty else gateway["url"], gateway["binding"]],
                         token or gateway["token"], env)
    return Transport(["rest", faults["rest_base_url"] if faulty else rest["base_url"], rest["account"], rest["database"]],
                     token or rest["token"], env)


@pytest.fixture(params=["gateway", "rest"])
def kind(request):
    return request.param


@pytest.fixture
def transport(d1, kind):
    """One of the two, on a database without tables."""
    clean(d1)
    t = open_transport(d1, kind)
    yield t
    t.close()


def clean(d1):
    """Drops what tests left behind."""
    status, body = d1.batch("SELECT type AS c0, name AS c1 FROM sqlite_schema WHERE type IN ('table', 'view') "
                            "AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name NOT LIKE '\\_cf\\_%' ESCAPE '\\'")
    assert status == 200, body
    found = body["results"][0]["rows"]
    if found:
        drops = [f'DROP {kind.upper()} "{name}"' for kind, name in sorted(found, reverse=True)]
        status, body = d1.batch("PRAGMA defer_foreign_keys=on", *drops)
        assert status == 200, body


class Faults:
    """The network before the faulty addresses: fault(…) sets what happens to the next requests, seen() counts them."""

    def __init__(self, d1, kind):
        self.d1 = d1
        self.url = d1.info["faults"]["gateway_url"] + "/control" if kind == "gateway" else d1.info["faults"]["rest_control"]

    def set(self, *faults):
        status, _ = self.d1.call(self.url, {"faults": list(faults)})
        assert status == 200

    def counts(self):
        return self.d1.call(self.url)[1]


@pytest.fixture
def faulty(d1, kind):
    """(transport, faults) through a bad network."""
    clean(d1)
    faults = Faults(d1, kind)
    faults.set()
    t = open_transport(d1, kind, faulty=True)
    yield t, faults
    faults.set()
    t.close()
