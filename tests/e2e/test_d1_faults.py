"""D1 away, slow, overloaded, answering half or somebody else's page: what the client is told, and that nothing runs twice.
The transports' own tests (tests/workerd) look at requests; these look from the client's side."""
import contextlib
import json
import threading
import time
import urllib.request

import psycopg
import pytest

from pgd1 import Pgd1, Workerd

OVERLOADED = "D1 DB is overloaded. Requests queued for too long."
INTERNAL = "internal error; reference = 0123456789"


class Faulty:
    """pgd1 before a D1 whose network the test makes fail."""

    def __init__(self, kind, folder):
        self.kind, self.d1 = kind, Workerd(folder)
        info = self.d1.info
        info["gateway"]["url"] = info["faults"]["gateway_url"]
        info["rest"]["base_url"] = info["faults"]["rest_base_url"]
        self.control = info["faults"]["gateway_url"] + "/control" if kind == "workerd" else info["faults"]["rest_control"]
        self.server = Pgd1(kind, workerd=self.d1, settings={"d1_timeout": "3s", "schema_poll_interval": "0"})

    def set(self, *faults):
        request = urllib.request.Request(self.control, json.dumps({"faults": list(faults)}).encode(), {"content-type": "application/json"})
        urllib.request.urlopen(request, timeout=10).close()

    def seen(self):
        with urllib.request.urlopen(self.control, timeout=10) as answer:
            return json.load(answer)["seen"]

    def passed(self):
        with urllib.request.urlopen(self.control, timeout=10) as answer:
            return json.load(answer)["passed"]

    def answer(self, status, code, text, **more):
        """An error as this transport's other end words it."""
        if self.kind == "workerd":
            return {"status": 422 if status == 500 else status, "body": {"error": {"message": text}}, **more}
        return {"status": status, "body": {"success": False, "errors": [{"code": code, "message": text}], "messages": [], "result": None}, **more}

    def overloaded(self, seconds=1):
        return self.answer(429, 7429, OVERLOADED, headers={"retry-after": str(seconds)})

    def internal(self, **more):
        return self.answer(500, 7500, INTERNAL, **more)


@pytest.fixture(scope="module", params=("workerd", "rest"))
def faulty(request, tmp_path_factory):
    bad = Faulty(request.param, tmp_path_factory.mktemp("faults"))
    try:
        with bad.server:
            with bad.server.connect() as connection:
                connection.execute("CREATE TABLE t (a int PRIMARY KEY, b text)")
            yield bad
    finally:
        bad.d1.stop()


@pytest.fixture
def connection(faulty):
    faulty.set()
    with faulty.server.connect() as connection:
        connection.execute("DELETE FROM t")
        connection.execute("INSERT INTO t VALUES (1, 'one')")
        yield connection
        faulty.set()


@contextlib.contextmanager
def fails(code, *words):
    with pytest.raises(psycopg.Error) as raised:
        yield
    told = raised.value.diag
    assert told.sqlstate == code, str(raised.value)
    for word in words:
        assert word in str(raised.value), str(raised.value)


def goes_on(connection):
    """After an error the same connection works, and sees the truth."""
    return connection.execute("SELECT a FROM t ORDER BY a").fetchall()


def test_a_read_outlasts_a_bad_moment(faulty, connection):
    faulty.set(faulty.internal(), {"status": 502, "body": "<html>"}, {"html": True}, {"cut": 12})
    assert connection.execute("SELECT b FROM t").fetchone() == ("one",)
    assert faulty.seen() == 5


def test_a_read_that_never_gets_through_is_answered(faulty, connection):
    faulty.set(*[faulty.internal()] * 20)
    with fails("08006", "connection to D1 was lost", "internal error"):
        connection.execute("SELECT b FROM t")
    faulty.set()
    assert goes_on(connection) == [(1,)]


@pytest.mark.parametrize("what", ["page", "cut", "internal"])
def test_a_write_whose_answer_is_lost_is_found_to_have_run(faulty, connection, what):
    lost = {"page": {"html": True, "after": True}, "cut": {"cut": 10}, "internal": faulty.internal(after=True)}[what]
    faulty.set(lost)
    assert connection.execute("INSERT INTO t VALUES (2, 'two')").rowcount == 1
    assert faulty.seen() == 3 and goes_on(connection) == [(1,), (2,)]  # the batch again, then its row of _pgd1_txn
    faulty.set(lost)
    assert connection.execute("INSERT INTO t VALUES (3, 'three') RETURNING b, a").fetchall() == [("three", 3)]
    assert faulty.seen() == 3 and goes_on(connection) == [(1,), (2,), (3,)]
    faulty.set(lost)
    with fails("08007", "the transaction was committed", "Its id is "):
        connection.execute("UPDATE t SET b = 'x' WHERE a > 2 RETURNING a")
    assert faulty.seen() == 2 and goes_on(connection) == [(1,), (2,), (3,)]


def test_ids_of_blocks_only(faulty, connection):
    """exactly_once = transactions: COMMIT is looked into, a write outside of a block is not."""
    lost = {"html": True, "after": True}
    with Pgd1(faulty.kind, workerd=faulty.d1, settings={"exactly_once": "transactions"}) as server, server.connect() as other:
        other.execute("DELETE FROM t WHERE a > 1")
        other.execute("BEGIN")
        assert other.execute("INSERT INTO t VALUES (2, 'two') RETURNING a").fetchall() == [(2,)]
        faulty.set(lost)
        assert other.execute("COMMIT").statusmessage == "COMMIT"
        assert faulty.seen() == 2
        faulty.set(lost)
        assert other.execute("BEGIN; INSERT INTO t VALUES (3, 'three'); COMMIT").statusmessage == "BEGIN"
        assert goes_on(other) == [(1,), (2,), (3,)]
        faulty.set(lost)
        with fails("08007", "it is unknown whether the changes were applied"):
            other.execute("INSERT INTO t VALUES (4, 'four')")
        assert faulty.seen() == 1 and goes_on(other) == [(1,), (2,), (3,), (4,)]


def test_without_ids_a_lost_answer_is_told_as_unsure(faulty, connection):
    with Pgd1(faulty.kind, workerd=faulty.d1, settings={"exactly_once": "off"}) as server, server.connect() as other:
        other.execute("DELETE FROM t WHERE a = 2")
        faulty.set({"html": True, "after": True})
        with fails("08007", "it is unknown whether the changes were applied"):
            other.execute("INSERT INTO t VALUES (2, 'two')")
        assert faulty.seen() == 1 and goes_on(other) == [(1,), (2,)]


def test_ids_are_nobodys_business(faulty, connection):
    """The table of ids is in no catalogue, and changes no count."""
    connection.execute("INSERT INTO t VALUES (2, 'two')")
    assert connection.execute("UPDATE t SET b = 'x'").rowcount == 2
    assert connection.execute("SELECT count(*) FROM pg_class WHERE relname LIKE '%pgd1_txn%'").fetchone() == (0,)
    assert "txn" not in faulty.server.psql("-c", r"\d").stdout
    with fails("42P01"):
        connection.execute("SELECT * FROM _pgd1_txn")


def test_an_overloaded_write_waits_and_runs_once(faulty, connection):
    faulty.set(faulty.overloaded(), faulty.overloaded())
    began = time.monotonic()
    connection.execute("INSERT INTO t VALUES (2, 'two')")
    assert time.monotonic() - began >= 2 and goes_on(connection) == [(1,), (2,)]


def test_overload_beyond_the_deadline_is_told(faulty, connection):
    with Pgd1(faulty.kind, workerd=faulty.d1, settings={"d1_timeout": "1s", "worker_threads": "2"}) as server:
        with server.connect() as one, server.connect() as two:  # of two threads
            assert goes_on(one) == goes_on(two) == [(1,)]
            faulty.set(faulty.overloaded(3))
            with fails("53300", "D1 is overloaded", "Nothing was changed"):
                one.execute("INSERT INTO t VALUES (2, 'two')")
            for other in (one, two):
                with fails("53300", "D1 asked to be left alone"):
                    goes_on(other)
            assert faulty.seen() == 1
            time.sleep(3)
            assert goes_on(one) == goes_on(two) == [(1,)]


def test_a_slow_read_names_the_timeout_that_ended_it(faulty, connection):
    faulty.set({"delay_ms": 5000}, {"delay_ms": 5000})
    with fails("57014", "D1 did not answer within d1_timeout (3 s)"):
        connection.execute("SELECT b FROM t")
    faulty.set({"delay_ms": 2000}, {"delay_ms": 2000})
    connection.execute("SET statement_timeout = '500ms'")
    with fails("57014", "canceling statement due to statement timeout"):
        connection.execute("SELECT b FROM t")
    connection.execute("RESET statement_timeout")
    faulty.set()
    assert goes_on(connection) == [(1,)]


def test_a_slow_write_is_sent_again_and_runs_once(faulty, connection):
    faulty.set({"delay_ms": 4000})
    assert connection.execute("INSERT INTO t VALUES (2, 'two')").rowcount == 1
    end = time.monotonic() + 20
    while faulty.passed() < 2:  # the first one arrives late
        assert time.monotonic() < end
        time.sleep(0.2)
    assert goes_on(connection) == [(1,), (2,)]


def test_a_slow_read_can_be_cancelled(faulty, connection):
    faulty.set({"delay_ms": 2500})
    threading.Timer(0.3, connection.cancel).start()
    began = time.monotonic()
    with fails("57014", "user request"):
        connection.execute("SELECT b FROM t")
    assert time.monotonic() - began < 2
    assert goes_on(connection) == [(1,)]


def test_half_of_a_large_result_is_an_error_not_a_result(faulty, connection):
    connection.execute("INSERT INTO t SELECT g, repeat('x', 1000) FROM generate_series(10, 1009) g")
    faulty.set(*[{"cut": 500000}] * 20)
    with fails("08006"):
        connection.execute("SELECT * FROM t")
    faulty.set()
    assert len(goes_on(connection)) == 1001


def test_a_refused_token_is_told(faulty, connection):
    faulty.set(faulty.answer(403, 10000, "Authentication error"))
    with fails("28000", "D1 refused pgd1's credentials"):
        connection.execute("SELECT b FROM t")
    assert goes_on(connection) == [(1,)]


def test_what_needs_no_d1_works_meanwhile(faulty, connection):
    faulty.set({"delay_ms": 2000})
    slow = threading.Thread(target=lambda: connection.execute("SELECT b FROM t"))
    slow.start()
    time.sleep(0.2)
    began = time.monotonic()
    with faulty.server.connect() as other:
        assert other.execute("SELECT 1 + 1").fetchone() == (2,)
    assert time.monotonic() - began < 1.5
    slow.join()


def test_the_first_look_at_the_schema_may_fail_and_be_slow(faulty):
    """A fresh pgd1 reads the schema for the first statement: this read fails, is slow and is cancelled like any other."""
    with Pgd1(faulty.kind, workerd=faulty.d1, settings={"d1_timeout": "3s"}) as fresh:
        faulty.set({"delay_ms": 2500}, {"delay_ms": 2500})
        with fresh.connect() as connection:
            connection.execute("SET statement_timeout = '500ms'")
            began = time.monotonic()
            with fails("57014", "statement timeout"):
                connection.execute("SELECT b FROM t")
            assert time.monotonic() - began < 2
            connection.execute("RESET statement_timeout")
        faulty.set(*[faulty.internal()] * 40)
        with fresh.connect() as connection, fails("08006", "connection to D1 was lost"):
            connection.execute("SELECT b FROM t")
    with Pgd1(faulty.kind, workerd=faulty.d1, settings={"d1_timeout": "3s"}) as fresh:
        faulty.set({"delay_ms": 2500}, {"delay_ms": 2500})
        with fresh.connect() as connection:
            threading.Timer(0.3, connection.cancel).start()
            began = time.monotonic()
            with fails("57014", "user request"):
                connection.execute("SELECT b FROM t")
            assert time.monotonic() - began < 2
            faulty.set()
            connection.execute("SELECT b FROM t")


def test_the_first_look_at_the_schema_may_break_off(faulty):
    """Behind its first rows; each request gets one of the cuts, and none gets through before all are used up."""
    with Pgd1(faulty.kind, workerd=faulty.d1, settings={"d1_timeout": "3s", "worker_threads": "1"}) as fresh:
        faulty.set(*[{"cut": 400}] * 4)
        with fresh.connect() as connection:
            assert connection.execute("SELECT b FROM t WHERE false").fetchall() == []


@pytest.mark.parametrize("kind", ["workerd", "rest"])
def test_d1_away(kind, tmp_path):
    bad = Faulty(kind, tmp_path)
    try:
        with bad.server as server:
            with server.connect() as early:
                early.execute("CREATE TABLE t (a int PRIMARY KEY)")
                bad.d1.stop()
                for sql in ("SELECT a FROM t", "INSERT INTO t VALUES (1)"):
                    with fails("57P03", "D1 cannot be reached"):
                        early.execute(sql)
                assert early.execute("SELECT 1").fetchone() == (1,)
            with server.connect() as late, fails("57P03", "D1 cannot be reached"):
                late.execute("CREATE TABLE u (a int)")
        with Pgd1(kind, workerd=bad.d1) as fresh, fresh.connect() as connection, fails("57P03", "D1 cannot be reached"):
            connection.execute("SELECT a FROM t")
    finally:
        if bad.d1.child.poll() is None:
            bad.d1.stop()
