"""TLS and HTTP/2 of the transports, against a server of Node's: certificates, one connection for many requests, repetition, flow."""
import json
import pathlib
import subprocess

import pytest

from conftest import Transport

HERE = pathlib.Path(__file__).resolve().parent


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A key and a certificate for 127.0.0.1 that nobody signed."""
    folder = tmp_path_factory.mktemp("tls")
    key, cert = folder / "key.pem", folder / "cert.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", "/CN=pgd1 test", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", cert],
                   check=True, capture_output=True)
    return key, cert


class Server:
    def __init__(self, certificate, *arguments):
        self.child = subprocess.Popen(["node", HERE / "h2_server.mjs", *certificate, *arguments], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, text=True)
        self.port = int(self.child.stdout.readline())

    def counts(self):
        self.child.stdin.write("\n")
        self.child.stdin.flush()
        return json.loads(self.child.stdout.readline())

    def stop(self):
        self.child.stdin.close()
        self.child.wait(20)
        self.child.stdout.close()


@pytest.fixture(params=["2.0", "1.1"])
def version(request):
    return request.param


@pytest.fixture
def server(certificate, version):
    s = Server(certificate, *(["1"] if version == "1.1" else []))
    yield s
    s.stop()


@pytest.fixture
def transport(server, certificate):
    t = Transport(["gateway", f"https://127.0.0.1:{server.port}", "DB"], "token", {"PGD1_CA_FILE": str(certificate[1])})
    yield t
    t.close()


def test_many_requests(server, transport, version):
    """HTTP/2 carries all on one connection; HTTP/1.1 stays within eight."""
    answers = transport.together([{"access": "write", "statements": ["SELECT 1"]} for _ in range(64)])
    assert {a["kind"] for a in answers} == {"ok"}
    counts = server.counts()
    assert counts["versions"] == {version: 64}
    assert counts["connections"] == 1 if version == "2.0" else 1 < counts["connections"] <= 8


def test_a_certificate_that_nobody_trusts(server):
    t = Transport(["gateway", f"https://127.0.0.1:{server.port}", "DB"], "token")
    answer = t.run("SELECT 1")
    assert (answer["kind"], answer["may_have_run"]) == ("unreachable", False)
    assert "certificate" in answer["message"]
    assert server.counts()["requests"] == 0
    t.close()


def test_a_certificate_of_another_name(server, certificate):
    t = Transport(["gateway", f"https://localhost:{server.port}", "DB"], "token", {"PGD1_CA_FILE": str(certificate[1])})
    answer = t.run("SELECT 1")
    assert (answer["kind"], answer["may_have_run"]) == ("unreachable", False)
    assert server.counts()["requests"] == 0
    t.close()


def test_a_write_on_a_connection_that_dies(server, transport):
    assert transport.run("SELECT 1")["kind"] == "ok"
    answer = transport.run("die")
    assert (answer["kind"], answer["may_have_run"], answer["round_trips"]) == ("lost", True, 1)
    assert server.counts()["requests"] == 2
    assert transport.run("SELECT 1")["kind"] == "ok"


def test_a_read_on_a_connection_that_dies(server, transport):
    answer = transport.read("die")
    assert (answer["kind"], answer["may_have_run"], answer["round_trips"]) == ("lost", False, 5)
    assert server.counts()["requests"] >= 5


def test_pauses(transport):
    answers = transport.together([{"access": "read", "statements": ["rows 20000"], "pause_every": 500},
                                  {"access": "read", "statements": ["rows 20000"]},
                                  {"access": "read", "statements": ["rows 20000"], "cancel_after_rows": 100}])
    assert [a["kind"] for a in answers] == ["ok", "ok", "cancelled"]
    assert [len(a["results"][0]["rows"]) for a in answers] == [20000, 20000, 100]
    assert [row[0] for row in answers[0]["results"][0]["rows"]] == [{"i": str(i)} for i in range(20000)]
