"""The gateway Worker by itself: its protocol as d1/gateway/worker/README.md states it."""
import http.client
import json
import re
import urllib.parse

import pytest

from conftest import clean


@pytest.fixture(autouse=True)
def fresh(d1):
    clean(d1)


@pytest.fixture
def post(d1):
    gateway = d1.info["gateway"]
    return lambda body, path="/v1/batch", token=gateway["token"], method="POST": d1.call(gateway["url"] + path, body, token, method)


def test_info(d1):
    gateway = d1.info["gateway"]
    status, body = d1.call(gateway["url"] + "/v1/info", token=gateway["token"])
    assert status == 200
    assert body == {"protocol": 1, "worker": body["worker"], "databases": ["DB", "OTHER"]}
    assert re.fullmatch(r"\d+\.\d+\.\d+", body["worker"])


def test_batch(d1):
    status, body = d1.batch("CREATE TABLE t(a, b)", {"sql": "INSERT INTO t VALUES(?1, ?2), (?1, NULL)", "params": ["x", 1.5], "changes": True},
                            "SELECT a AS c0, b AS c1 FROM t", {"sql": "DELETE FROM t RETURNING b AS c0", "changes": True})
    assert status == 200
    assert [r["rows"] for r in body["results"]] == [[], [], [["x", 1.5], ["x", None]], [[1.5], [None]]]
    assert [r.get("changes") for r in body["results"]] == [None, 2, None, 2]
    assert body["results"][1]["meta"]["rows_written"] == 2
    assert re.fullmatch(r"[0-9a-f-]+", body["bookmark"])
    assert list(body) == ["results", "bookmark"]


def test_columns_keep_their_order_beyond_ten(d1):
    names = ", ".join(f"{i} AS c{i}" for i in range(100))
    status, body = d1.batch(f"SELECT {names}")
    assert (status, body["results"][0]["rows"]) == (200, [list(range(100))])


def test_changes_are_those_of_the_statement(d1):
    """Neither triggers nor cascades count: it is changes(), not meta.changes."""
    status, body = d1.batch(
        "CREATE TABLE p(id INTEGER PRIMARY KEY)", "CREATE TABLE c(p REFERENCES p ON DELETE CASCADE)", "CREATE TABLE log(x)",
        "CREATE TRIGGER t AFTER DELETE ON p BEGIN INSERT INTO log VALUES(1); END", "INSERT INTO p VALUES(1), (2)",
        "INSERT INTO c VALUES(1), (1)", {"sql": "DELETE FROM p WHERE id = 1", "changes": True})
    assert (status, body["results"][-1]["changes"]) == (200, 1)


def test_a_failing_batch_leaves_nothing(d1):
    status, body = d1.batch("CREATE TABLE t(a)", "INSERT INTO t VALUES(1)", "SELECT * FROM missing")
    assert (status, body["error"]) == (422, {"message": "no such table: missing: SQLITE_ERROR"})
    assert d1.batch("SELECT * FROM t")[0] == 422


def test_the_error_text_carries_two_megabytes(d1):
    """What interactive transactions rest on: the whole text comes through."""
    payload = "é'\"\\\n" * 200000
    status, body = d1.batch(("SELECT json_extract('{}', '>' || ?1)", [payload]))
    assert status == 422
    found = re.fullmatch(r"bad JSON path: '>(.*)': SQLITE_ERROR", body["error"]["message"], re.DOTALL)
    assert found and found[1].replace("''", "'") == payload


def test_several_databases(d1):
    d1.batch("CREATE TABLE t(a)", "INSERT INTO t VALUES(1)")
    status, body = d1.batch("SELECT count(*) AS c0 FROM sqlite_schema WHERE name = 't'", db="OTHER")
    assert (status, body["results"][0]["rows"]) == (200, [[0]])


@pytest.mark.parametrize("name", ["NOT_A_DATABASE", "PGD1_TOKEN", "missing", "__proto__", "constructor", "", "db"])
def test_no_such_binding(d1, name):
    status, body = d1.batch("SELECT 1", db=name)
    assert status == 404 and set(body) == {"error"}


# --- sessions

def test_bookmarks_grow(d1):
    _, first = d1.batch("CREATE TABLE t(a)")
    status, second = d1.batch("SELECT 1 AS c0", session=first["bookmark"])
    assert status == 200 and second["bookmark"] >= first["bookmark"]


def test_an_error_answers_the_bookmark_it_was_given(d1):
    _, first = d1.batch("SELECT 1 AS c0")
    status, body = d1.batch("selec", session=first["bookmark"])
    assert (status, body["bookmark"]) == (422, first["bookmark"])
    assert "bookmark" not in d1.batch("selec")[1]


@pytest.mark.parametrize("session", ["first-primary", "first-unconstrained", "", None])
def test_sessions(d1, post, session):
    assert post({"db": "DB", "session": session, "statements": [{"sql": "SELECT 1 AS c0"}]})[0] == 200


@pytest.mark.parametrize("session", ["a b", "x" * 201, "a\n", 7, ["a"], {}])
def test_sessions_that_are_none(post, session):
    assert post({"db": "DB", "session": session, "statements": [{"sql": "SELECT 1 AS c0"}]})[0] == 400


# --- what is no request

@pytest.mark.parametrize("body", [
    {}, [], None, 7, "x", {"db": "DB"}, {"db": "DB", "statements": []}, {"db": "DB", "statements": {}}, {"statements": [{"sql": "SELECT 1"}]},
    {"db": 7, "statements": [{"sql": "SELECT 1"}]}, {"db": "DB", "statements": [{}]}, {"db": "DB", "statements": [{"sql": ""}]},
    {"db": "DB", "statements": [{"sql": " \n"}]}, {"db": "DB", "statements": [{"sql": 7}]},
    {"db": "DB", "statements": [{"sql": "SELECT ?1", "params": "x"}]}, {"db": "DB", "statements": [{"sql": "SELECT ?1", "params": {}}]},
    {"db": "DB", "statements": [None]}, {"db": "DB", "statements": ["SELECT 1"]},
])
def test_bad_requests(post, body):
    status, answer = post(body if body is not None else b"null")
    assert status == 400 and answer["error"]["message"].startswith("gateway: "), answer


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b'{"db":"\xff"}'])
def test_bytes_that_are_no_request(post, body):
    assert post(body)[0] == 400


def test_a_parameter_of_another_kind_is_d1s_error(post):
    status, body = post({"db": "DB", "statements": [{"sql": "SELECT ?1 AS c0", "params": [{"a": 1}]}]})
    assert status == 422 and "D1_TYPE_ERROR" in body["error"]["message"]


@pytest.mark.parametrize("path, method, status", [("/", "POST", 404), ("/v2/batch", "POST", 404), ("/v1/batch", "GET", 400),
                                                  ("/v1/info", "POST", 404), ("/v1/batch/x", "POST", 404)])
def test_paths(post, path, method, status):
    assert post(None, path=path, method=method)[0] == status


# --- limits

def test_a_request_above_the_limit(d1, post):
    text = "x" * (33 << 20)
    assert post({"db": "DB", "statements": [{"sql": "SELECT ?1", "params": [text]}]})[0] == 413


def test_a_length_that_says_too_much(d1):
    """Refused before the body comes."""
    gateway = d1.info["gateway"]
    parts = urllib.parse.urlsplit(gateway["url"])
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=20)
    connection.putrequest("POST", "/v1/batch")
    connection.putheader("Authorization", "Bearer " + gateway["token"])
    connection.putheader("Content-Length", str(1 << 40))
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()


def test_too_many_statements(post):
    statements = [{"sql": "SELECT 1 AS c0"}] * 10001
    assert post({"db": "DB", "statements": statements})[0] == 413
    assert post({"db": "DB", "statements": statements[1:]})[0] == 200


# --- who asks

@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Bearer wrong", "Basic {token}", "bearer {token}", "{token}",
                                    "Bearer {token}x", "Bearer {half}", "Bearer {token} x"])
def test_wrong_tokens(d1, header):
    gateway = d1.info["gateway"]
    token = gateway["token"]
    headers = {} if header is None else {"authorization": header.format(token=token, half=token[:-1])}
    for path in ("/v1/batch", "/v1/info", "/"):
        status, body = d1.call(gateway["url"] + path, {"db": "DB", "statements": [{"sql": "SELECT 1"}]}, headers=headers)
        assert (status, body) == (401, {"error": {"message": "gateway: token missing or wrong"}})


def test_the_previous_token(d1):
    gateway = d1.info["gateway"]
    assert d1.call(gateway["url"] + "/v1/info", token=d1.secrets["PGD1_GATEWAY_TOKEN_PREVIOUS"])[0] == 200


def test_answers_do_not_tell_the_token(d1, post):
    for body in ({}, {"db": "PGD1_TOKEN", "statements": [{"sql": "SELECT 1"}]}, {"db": "DB", "statements": [{"sql": "x"}]}):
        assert d1.info["gateway"]["token"] not in json.dumps(post(body))
