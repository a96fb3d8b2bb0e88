"""Functions that act on sessions, with real clients on several threads: advisory locks, pg_sleep, pg_notify, cancel and terminate."""
import threading
import time

import psycopg
import pytest

from later import Later
from pgd1 import Pgd1


@pytest.fixture(scope="module")
def threaded():
    with Pgd1("embedded", settings={"worker_threads": 3}) as server:
        yield server


@pytest.fixture
def three(threaded):
    connections = [threaded.connect() for _ in range(3)]
    yield connections
    for connection in connections:
        connection.close()


def one(connection, sql, *values):
    return connection.execute(sql, values).fetchone()[0]


def test_a_lock_is_waited_for_and_handed_over(three):
    first, second, third = three
    one(first, "SELECT pg_advisory_lock(1)")
    assert one(second, "SELECT pg_try_advisory_lock(1)") is False
    waiting = Later(second, "SELECT pg_advisory_lock(1)")
    assert waiting.waits()
    assert third.execute("SELECT granted, count(*) FROM pg_locks WHERE locktype = 'advisory' GROUP BY granted ORDER BY granted").fetchall() == [(False, 1), (True, 1)]
    assert one(first, "SELECT pg_advisory_unlock(1)") is True
    assert waiting.result() == [("",)]
    assert one(second, "SELECT pg_advisory_unlock(1)") is True
    assert one(second, "SELECT pg_advisory_unlock(1)") is False


def test_shared_locks_go_together(three):
    first, second, third = three
    one(first, "SELECT pg_advisory_lock_shared(2, 3)")
    assert one(second, "SELECT pg_try_advisory_lock_shared(2, 3)") is True
    assert one(third, "SELECT pg_try_advisory_lock(2, 3)") is False
    waiting = Later(third, "SELECT pg_advisory_lock(2, 3)")
    assert waiting.waits()
    one(first, "SELECT pg_advisory_unlock_all()")
    assert waiting.waits()
    one(second, "SELECT pg_advisory_unlock_shared(2, 3)")
    waiting.result()
    one(third, "SELECT pg_advisory_unlock_all()")


def test_a_lock_of_a_transaction_ends_with_it(three):
    first, second, _ = three
    with first.transaction():
        one(first, "SELECT pg_advisory_xact_lock(4)")
        assert one(second, "SELECT pg_try_advisory_xact_lock(4)") is False
        waiting = Later(second, "SELECT pg_advisory_xact_lock(4)")
        assert waiting.waits()
    waiting.result()
    assert one(first, "SELECT pg_try_advisory_xact_lock(4)") is True


def test_a_client_that_leaves_releases_its_locks(threaded, three):
    for leave in (lambda c: c.close(), lambda c: one(three[1], "SELECT pg_terminate_backend(%s)", c.info.backend_pid)):
        guest = threaded.connect()
        one(guest, "SELECT pg_advisory_lock(5)")
        waiting = Later(three[0], "SELECT pg_advisory_lock(5)")
        assert waiting.waits()
        leave(guest)
        waiting.result()
        one(three[0], "SELECT pg_advisory_unlock(5)")
        guest.close()


def test_who_waits_can_be_cancelled_time_out_and_be_terminated(three):
    first, second, third = three
    one(first, "SELECT pg_advisory_lock(6)")
    waiting = Later(second, "SELECT pg_advisory_lock(6)")
    assert waiting.waits()
    second.cancel()
    with pytest.raises(psycopg.errors.QueryCanceled, match="user request"):
        waiting.result()
    second.execute("SET statement_timeout = '200ms'")
    with pytest.raises(psycopg.errors.QueryCanceled, match="statement timeout"):
        one(second, "SELECT pg_advisory_lock(6)")
    second.execute("SET statement_timeout = 0; SET lock_timeout = '200ms'")
    with pytest.raises(psycopg.errors.LockNotAvailable):
        one(second, "SELECT pg_advisory_lock(6)")
    waiting = Later(third, "SELECT pg_advisory_lock(6)")
    assert waiting.waits()
    assert one(first, "SELECT pg_terminate_backend(%s)", third.info.backend_pid) is True
    with pytest.raises(psycopg.OperationalError):
        waiting.result()
    assert one(first, "SELECT pg_advisory_unlock(6)") is True
    assert one(second, "SELECT pg_try_advisory_lock(6)") is True
    one(second, "SELECT pg_advisory_unlock_all()")


def test_a_deadlock_is_broken(three):
    first, second, _ = three
    one(first, "SELECT pg_advisory_lock(7)")
    one(second, "SELECT pg_advisory_lock(8)")
    waiting = Later(first, "SELECT pg_advisory_lock(8)")
    assert waiting.waits()
    with pytest.raises(psycopg.errors.DeadlockDetected):
        one(second, "SELECT pg_advisory_lock(7)")
    one(second, "SELECT pg_advisory_unlock_all()")
    waiting.result()
    one(first, "SELECT pg_advisory_unlock_all()")


def test_many_take_turns(threaded):
    """A counter kept by clients that trust the lock alone."""
    with threaded.connect() as connection:
        connection.execute("CREATE TABLE turns (n int)")
        connection.execute("INSERT INTO turns VALUES (0)")
    problems = []

    def work():
        try:
            with threaded.connect() as connection:
                for _ in range(15):
                    one(connection, "SELECT pg_advisory_lock(9)")
                    n = one(connection, "SELECT n FROM turns")
                    connection.execute("UPDATE turns SET n = %s", (n + 1,))
                    one(connection, "SELECT pg_advisory_unlock(9)")
        except Exception as problem:
            problems.append(problem)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert problems == []
    with threaded.connect() as connection:
        assert one(connection, "SELECT n FROM turns") == 90


def test_sleep_holds_up_only_itself(three):
    first, second, _ = three
    began = time.monotonic()
    one(first, "SELECT pg_sleep(0.3)")
    assert time.monotonic() - began >= 0.3
    sleeping = Later(first, "SELECT pg_sleep(60)")
    assert sleeping.waits()
    assert one(second, "SELECT 1") == 1 and sleeping.waits()
    assert one(second, "SELECT pg_cancel_backend(%s)", first.info.backend_pid) is True
    with pytest.raises(psycopg.errors.QueryCanceled):
        sleeping.result()
    assert one(second, "SELECT pg_cancel_backend(2000000000)") is False


def test_notify_from_a_function(three):
    first, second, _ = three
    second.execute("LISTEN bell")
    with first.transaction():
        one(first, "SELECT pg_notify('bell', 'ding')")
        assert list(second.notifies(timeout=0.2)) == []
    assert [(n.channel, n.payload) for n in second.notifies(timeout=5, stop_after=1)] == [("bell", "ding")]


NOTIFY_AND_SAVEPOINTS = """
LISTEN z; BEGIN; NOTIFY z, '1'; SAVEPOINT a; NOTIFY z, '2'; NOTIFY z, '1'; SAVEPOINT b; NOTIFY z, '3'; RELEASE b; ROLLBACK TO a; NOTIFY z, '2'; SAVEPOINT c; NOTIFY z, '4'; RELEASE c; COMMIT;
BEGIN; SAVEPOINT a; UNLISTEN z; ROLLBACK TO a; SAVEPOINT b; UNLISTEN *; LISTEN z; RELEASE b; COMMIT; NOTIFY z, '5';
BEGIN; SAVEPOINT a; LISTEN w; SAVEPOINT b; UNLISTEN w; ROLLBACK TO b; RELEASE a; COMMIT; NOTIFY w, '6'; BEGIN; SAVEPOINT a; LISTEN v; UNLISTEN w; ROLLBACK TO a; COMMIT; NOTIFY v, '7'; NOTIFY w, '8';
BEGIN; LISTEN v; SAVEPOINT a; UNLISTEN v; RELEASE a; COMMIT; NOTIFY v, '9'; BEGIN; SAVEPOINT a; LISTEN v; NOTIFY v, '10'; RELEASE a; COMMIT"""


def test_savepoints_take_notifications_back(threaded, oracle):
    heard = []
    for target in (oracle, threaded):
        with target.connect() as connection:
            for statement in NOTIFY_AND_SAVEPOINTS.split(";"):
                connection.execute(statement)
            heard.append([(notify.channel, notify.payload) for notify in connection.notifies(timeout=0.1)])
    assert heard[1] == heard[0]
    assert [payload for _, payload in heard[0]] == ["1", "2", "4", "5", "6", "8", "10"]


def test_a_savepoint_taken_back_lets_its_locks_go(three):
    first, second, third = three
    with first.transaction():
        one(first, "SELECT pg_advisory_xact_lock(21)")
        first.execute("SAVEPOINT a")
        one(first, "SELECT pg_advisory_xact_lock(22)")
        waiting = Later(second, "SELECT pg_advisory_lock(22)")
        assert waiting.waits()
        with pytest.raises(psycopg.errors.DivisionByZero):
            first.execute("SELECT 1/0")
        waiting.result()
        assert one(third, "SELECT pg_try_advisory_lock(21)") is False
        first.execute("ROLLBACK TO a")
        assert one(third, "SELECT pg_try_advisory_lock(21)") is False
    assert one(third, "SELECT pg_try_advisory_lock(21)") is True
    for connection in (second, third):
        connection.execute("SELECT pg_advisory_unlock_all()")


def test_channels_are_told_in_their_order(threaded, oracle):
    for target in (oracle, threaded):
        with target.connect() as connection:
            for channel in ("b", "a", "b", "c"):
                connection.execute(f"LISTEN {channel}")
            connection.execute("UNLISTEN a")
            connection.execute("LISTEN a")
            assert connection.execute("SELECT pg_listening_channels()").fetchall() == [("b",), ("c",), ("a",)]
            assert connection.execute("SELECT count(*) FROM pg_listening_channels() AS c WHERE c > 'a'").fetchone() == (2,)
            connection.execute("UNLISTEN *")
            assert connection.execute("SELECT * FROM pg_listening_channels()").fetchall() == []
