"""The gateway and the REST transport of pgd1 on D1's real engine: values, batches, errors, faults."""
import random
import struct
import uuid

import pytest

from conftest import Faults, Transport, clean, open_transport


def results(answer):
    assert answer["kind"] == "ok", answer
    return [r["rows"] for r in answer["results"]]


def integer(n):
    return {"i": str(n)}


def real(x):
    return {"r": "%.17g" % x}


# --- values

TEXTS = ["", "a", "it's", 'a"b', "back\\slash", "é€😀", "\n\t\r\x01\x1f\x7f", "x" * 100000, "[1]", "{\"a\":1}", "NULL", "'>"]


def test_texts(transport):
    answer = transport.read(*[("SELECT ?1 AS c0, typeof(?1) AS c1", [text]) for text in TEXTS])
    assert results(answer) == [[[text, "text"]] for text in TEXTS]


def test_texts_in_tables(transport):
    transport.run("CREATE TABLE t(a TEXT)")
    transport.run(*[("INSERT INTO t VALUES(?1)", [text]) for text in TEXTS])
    assert results(transport.read("SELECT a AS c0 FROM t ORDER BY rowid")) == [[[text] for text in TEXTS]]


def test_a_text_with_nul(transport):
    assert results(transport.read("SELECT 'a' || char(0) || 'b' AS c0")) == [[[{"t": "610062"}]]]


@pytest.mark.parametrize("n", [0, 1, -1, 2**31, 2**53 - 1, 2**53, 2**53 + 1, -2**53 - 1, 2**63 - 1, -2**63])
def test_integers(transport, n):
    """As the emitter writes them: cast on the way in, text on the way out when large."""
    rows = results(transport.read(("SELECT CAST(CAST(?1 AS INTEGER) AS TEXT) AS c0, typeof(CAST(?1 AS INTEGER)) AS c1, "
                                   "CAST(?1 AS INTEGER) AS c2", [integer(n)])))
    assert rows[0][0][:2] == [str(n), "integer"]
    assert rows[0][0][2] == (integer(n) if abs(n) < 2**53 else real(n))


REALS = [0.0, 0.1, 0.1 + 0.2, -1.5, 1e22, 1e-7, 5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, 1 / 3, 123456789.123456789]


def back(cell):
    return float(cell["r"] if "r" in cell else cell["i"])


def test_reals(transport):
    rng = random.Random(7)
    values = REALS + [struct.unpack("d", rng.randbytes(8))[0] for _ in range(500)]
    values = [v for v in values if v == v and abs(v) != float("inf")]
    answer = transport.read(*[("SELECT ?1 AS c0, typeof(?1) AS c1", [real(v)]) for v in values])
    for value, [[cell, kind]] in zip(values, results(answer)):
        assert (struct.pack("d", back(cell)), kind) == (struct.pack("d", value), "real"), value


def test_reals_that_json_has_not(transport):
    answer = transport.read(("SELECT CAST(?1 AS TEXT) AS c0, CAST(?2 AS TEXT) AS c1, typeof(?3) AS c2, ?4 AS c3",
                             [{"r": "inf"}, {"r": "-inf"}, {"r": "nan"}, "last"]))
    assert results(answer) == [[["Inf", "-Inf", "null", "last"]]]


@pytest.mark.parametrize("blob", ["", "00", "00ff", "c0ffee" * 1000])
def test_blobs(transport, blob):
    answer = transport.read(("SELECT unhex(?1) AS c0, typeof(unhex(?1)) AS c1, hex(unhex(?1)) AS c2", [{"b": blob}]))
    assert results(answer) == [[[{"b": blob}, "blob", blob.upper()]]]


def test_nulls(transport):
    answer = transport.read(("SELECT ?1 IS NULL AS c0, typeof(?1) AS c1, ?2 AS c2, ?3 AS c3, coalesce(?1, ?4) AS c4",
                             [None, "b", None, "d"]))
    assert results(answer) == [[[integer(1), "null", "b", None, "d"]]]


def test_many_parameters(transport):
    values = [None if i % 3 == 0 else f"v{i}" for i in range(100)]
    columns = ", ".join(f"?{i + 1} AS c{i}" for i in range(100))
    assert results(transport.read(("SELECT " + columns, values))) == [[values]]


# --- batches

def test_batch(transport):
    answer = transport.run("CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT)",
                           {"sql": "INSERT INTO t(a) VALUES('x'), ('y') RETURNING id AS c0, a AS c1", "changes": True},
                           {"sql": "UPDATE t SET a = a || 'z'", "changes": True}, "SELECT a AS c0 FROM t ORDER BY id",
                           {"sql": "DELETE FROM t WHERE 0", "changes": True})
    assert results(answer) == [[], [[integer(1), "x"], [integer(2), "y"]], [], [["xz"], ["yz"]], []]
    assert [r.get("changes") for r in answer["results"]] == [None, 2, 2, None, 0]
    assert answer["round_trips"] == 1


def test_a_failing_batch_leaves_nothing(transport):
    answer = transport.run("CREATE TABLE t(a)", "INSERT INTO t VALUES(1)", "SELECT * FROM missing")
    assert (answer["kind"], answer["message"], answer["may_have_run"]) == ("sql", "no such table: missing: SQLITE_ERROR", False)
    assert transport.read("SELECT * FROM t")["kind"] == "sql"


def test_a_trigger_is_one_statement(transport):
    """REST takes statements apart at semicolons; BEGIN in capitals keeps a body together."""
    answer = transport.run("CREATE TABLE t(a)", "CREATE TABLE log(a)",
                           "CREATE TRIGGER tr AFTER INSERT ON t BEGIN INSERT INTO log VALUES(NEW.a); INSERT INTO log VALUES(';'); END",
                           "INSERT INTO t VALUES('x')", "SELECT a AS c0 FROM log ORDER BY rowid")
    assert results(answer)[-1] == [["x"], [";"]]


def test_the_guard_carries_rows_out(transport):
    payload = "é'\"\\\n😀" * 100000
    answer = transport.run("CREATE TABLE t(a)", ("SELECT json_extract('{}', '>' || ?1) AS c0", [payload]))
    assert answer["kind"] == "sql"
    assert answer["message"] == "bad JSON path: '>" + payload.replace("'", "''") + "': SQLITE_ERROR"


def test_many_rows(transport):
    answer = transport.read("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000) "
                            "SELECT i AS c0, 'row ' || i AS c1 FROM n")
    assert results(answer) == [[[integer(i), f"row {i}"] for i in range(1, 50001)]]


def test_many_requests_at_once(transport):
    transport.run("CREATE TABLE t(n)", "INSERT INTO t VALUES(0)")
    requests = [{"access": "write", "statements": ["UPDATE t SET n = n + 1"]} for _ in range(100)]
    assert {a["kind"] for a in transport.together(requests)} == {"ok"}
    assert results(transport.read("SELECT n AS c0 FROM t")) == [[[integer(100)]]]


# --- flow

ROWS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30000) SELECT i AS c0, printf('%0200d', i) AS c1 FROM n"


def test_pauses(transport):
    answer = transport.read(ROWS, pause_every=1000)
    assert [row[0] for row in results(answer)[0]] == [integer(i) for i in range(1, 30001)]


def test_stop(transport):
    answer = transport.read(ROWS, cancel_after_rows=10)
    assert answer["kind"] == "cancelled" and len(answer["results"][0]["rows"]) == 10
    assert results(transport.read("SELECT 1 AS c0")) == [[[integer(1)]]]


def test_results_are_bounded(transport):
    answer = transport.read(ROWS, max_result_bytes=100000)
    assert answer["kind"] == "too big" and not answer["may_have_run"]
    assert 400 < len(answer["results"][0]["rows"]) < 500


def test_cancel(transport):
    slow = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000000) SELECT count(*) AS c0 FROM n"
    answer = transport.read(slow, cancel_after_ms=30)
    assert answer["kind"] == "cancelled"
    assert transport.read(slow, deadline_ms=30)["kind"] == "deadline"


def test_the_probe_finds_everything(transport):
    answer = transport.line("probe")
    assert answer.pop("error_text_bytes") == 1900000
    assert answer.pop("failed") == 0
    assert answer.pop("asked") == 18
    assert set(answer.values()) == {True}, answer
    assert results(transport.read("SELECT count(*) AS c0 FROM sqlite_schema WHERE name LIKE '%probe%'")) == [[[integer(0)]]]


# --- sessions: the gateway's only

def test_bookmarks(d1):
    clean(d1)
    t = open_transport(d1, "gateway")
    first = t.run("CREATE TABLE t(a)")
    second = t.read("SELECT 1 AS c0", session=first["bookmark"])
    assert first["bookmark"] and second["bookmark"] >= first["bookmark"]
    failed = t.read("selec", session=second["bookmark"])
    assert (failed["kind"], failed["bookmark"]) == ("sql", second["bookmark"])
    t.close()


def test_rest_has_none(d1):
    t = open_transport(d1, "rest")
    assert t.read("SELECT 1 AS c0", session="anything")["bookmark"] == ""
    t.close()


# --- who asks

def test_wrong_token(d1, kind):
    t = open_transport(d1, kind, token="wrong")
    answer = t.run("CREATE TABLE t(a)")
    assert (answer["kind"], answer["may_have_run"], answer["round_trips"]) == ("auth", False, 1)
    t.close()


def test_no_such_database(d1):
    gateway, rest = d1.info["gateway"], d1.info["rest"]
    for arguments, token in ((["gateway", gateway["url"], "NONE"], gateway["token"]),
                             (["rest", rest["base_url"], rest["account"], str(uuid.uuid4())], rest["token"]),
                             (["rest", rest["base_url"], "0" * 32, rest["database"]], rest["token"]),
                             (["rest", rest["base_url"], rest["account"], "abc"], rest["token"])):
        t = Transport(arguments, token)
        assert t.read("SELECT 1 AS c0")["kind"] == "auth", arguments
        t.close()


def test_what_the_api_takes_besides_text_makes_no_difference(d1):
    """Nobody knows whether production refuses null and numbers: nothing but text is sent."""
    rest = d1.info["rest"]
    for mode in ("any", "strings"):
        status, _ = d1.call(d1.info["rest_control"], {"params": mode}, rest["token"])
        assert status == 200
        t = open_transport(d1, "rest")
        assert results(t.read(("SELECT ?1 AS c0, ?2 AS c1, ?3 AS c2", [None, real(0.5), "x"]))) == [[[None, real(0.5), "x"]]]
        t.close()


def test_the_probe_notices_batches_that_are_not_atomic(d1):
    rest = d1.info["rest"]
    clean(d1)
    d1.call(d1.info["rest_control"], {"atomic": False}, rest["token"])
    try:
        t = open_transport(d1, "rest")
        answer = t.line("probe")
        assert answer["batch_is_atomic"] is False and answer["unhex"] is True
        t.close()
    finally:
        d1.call(d1.info["rest_control"], {"atomic": True}, rest["token"])
        clean(d1)


# --- faults

def overloaded(kind, seconds):
    text = "D1 DB is overloaded. Requests queued for too long."
    body = {"error": {"message": text}} if kind == "gateway" else {"success": False, "errors": [{"code": 7429, "message": text}],
                                                                   "messages": [], "result": None}
    return {"status": 429, "headers": {"retry-after": str(seconds)}, "body": body}


def internal(kind):
    text = "internal error; reference = 0123"
    if kind == "gateway":
        return {"status": 422, "body": {"error": {"message": text}}}
    return {"status": 500, "body": {"success": False, "errors": [{"code": 7500, "message": text}], "messages": [], "result": None}}


def test_a_read_outlasts_faults(faulty, kind):
    t, faults = faulty
    faults.set(internal(kind), {"status": 502, "body": "<html>"}, {"html": True}, {"cut": 12})
    answer = t.read("SELECT 1 AS c0")
    assert results(answer) == [[[integer(1)]]]
    assert answer["round_trips"] == 5 == faults.counts()["seen"]


def test_a_read_gives_up(faulty, kind):
    t, faults = faulty
    faults.set(*[internal(kind)] * 10)
    answer = t.read("SELECT 1 AS c0")
    assert (answer["kind"], answer["may_have_run"], answer["round_trips"]) == ("lost", False, 5)


@pytest.mark.parametrize("fault", ["internal", "page", "cut"])
def test_a_write_is_not_repeated(faulty, kind, fault):
    """The answer is lost after the write ran: it is told as unsure, and nothing runs twice."""
    t, faults = faulty
    results(t.run("CREATE TABLE t(a)"))
    faults.set({"internal": {**internal(kind), "after": True}, "page": {"html": True, "after": True}, "cut": {"cut": 5}}[fault])
    answer = t.run("INSERT INTO t VALUES(1)")
    assert (answer["kind"], answer["may_have_run"], answer["round_trips"]) == ("lost", True, 1)
    assert faults.counts()["seen"] == 1
    assert results(t.read("SELECT count(*) AS c0 FROM t")) == [[[integer(1)]]]


def test_overload(faulty, kind):
    t, faults = faulty
    faults.set(overloaded(kind, 1))
    answer = t.run("CREATE TABLE t(a)")
    assert (answer["kind"], answer["may_have_run"], answer["retry_after_us"], answer["round_trips"]) == ("overloaded", False, 1000000, 1)
    faults.set(overloaded(kind, 1))
    answer = t.read("SELECT 1 AS c0")
    assert (results(answer), answer["round_trips"]) == ([[[integer(1)]]], 2)
    faults.set(overloaded(kind, 5))
    answer = t.read("SELECT 1 AS c0", deadline_ms=1000)
    assert (answer["kind"], answer["retry_after_us"], answer["round_trips"]) == ("overloaded", 5000000, 1)


def test_a_late_answer_of_a_write(faulty):
    t, faults = faulty
    results(t.run("CREATE TABLE t(a)"))
    faults.set({"delay_ms": 300})
    answer = t.run("INSERT INTO t VALUES(1)", deadline_ms=100)
    assert (answer["kind"], answer["may_have_run"]) == ("deadline", True)


def test_silence(d1, kind):
    faults = Faults(d1, kind)
    faults.set({"delay_ms": 1500}, {"delay_ms": 0})
    t = open_transport(d1, kind, faulty=True, env={"PGD1_TIMEOUT_MS": "200"})
    answer = t.read("SELECT 1 AS c0")
    assert (results(answer), answer["round_trips"]) == ([[[integer(1)]]], 2)
    t.close()
    faults.set()


def test_redirects_are_not_followed(faulty, d1):
    t, faults = faulty
    faults.set({"status": 307, "headers": {"location": d1.info["gateway"]["url"] + "/v1/batch"}, "body": ""})
    answer = t.read("SELECT 1 AS c0")
    assert (answer["kind"], answer["round_trips"]) == ("auth", 1)
    assert "redirects are not followed" in answer["message"]


def test_nobody_there():
    t = Transport(["gateway", "http://127.0.0.1:9", "DB"], "token")
    answer = t.run("INSERT INTO t VALUES(1)")
    assert (answer["kind"], answer["may_have_run"], answer["round_trips"]) == ("unreachable", False, 1)
    t.close()


def test_a_host_that_has_no_name():
    """And the loop is not blocked by asking for it: the deadline holds."""
    t = Transport(["gateway", "https://gateway.invalid", "DB"], "token")
    answer = t.run("INSERT INTO t VALUES(1)", deadline_ms=3000)
    assert answer["kind"] in ("unreachable", "deadline") and not answer["may_have_run"]
    t.close()


def test_unencrypted_addresses_are_refused():
    t = Transport(["gateway", "http://gateway.example.com", "DB"], "s3cret-token")
    assert t.child.wait(20) == 1
    complaint = t.child.stderr.read()
    assert "unencrypted" in complaint and "s3cret-token" not in complaint
    t.child.stdin.close()
    t.child.stdout.close()
