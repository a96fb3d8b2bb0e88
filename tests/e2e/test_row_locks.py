"""Transactions that change or lock the same row, named by a key: the second waits for the first, as in PostgreSQL, instead of being
refused at COMMIT. Every script here is run on PostgreSQL too."""
import threading
import time

import psycopg
import pytest

from later import ENDS_S, Later

SCHEMA = """
DROP TABLE IF EXISTS row_t, row_log;
CREATE TABLE row_t (id int PRIMARY KEY, code text UNIQUE, n int NOT NULL);
CREATE TABLE row_log (n int);
INSERT INTO row_t VALUES (1, 'a', 10), (2, 'b', 20), (3, 'c', 30)
"""


def n_of(target, row=1):
    with target.connect() as connection:
        return connection.execute("SELECT n FROM row_t WHERE id = %s", (row,)).fetchone()[0]


SECOND_STATEMENTS = {
    "block": "UPDATE row_t SET n = n * 2 WHERE id = 1 RETURNING n",
    "by another form of the value": "UPDATE row_t SET n = n * 2 WHERE n > 0 AND '1' = id RETURNING n",
    "lock": "SELECT n FROM row_t WHERE id = 1 FOR UPDATE",
    "share": "SELECT n FROM row_t WHERE id = 1 FOR SHARE",
    "delete": "DELETE FROM row_t WHERE id = 1 RETURNING n",
    "upsert": "INSERT INTO row_t VALUES (1, 'z', 0) ON CONFLICT (id) DO UPDATE SET n = row_t.n * 2 RETURNING n",
}


@pytest.mark.parametrize("autocommit", [True, False], ids=["autocommit", "in a block"])
@pytest.mark.parametrize("name", SECOND_STATEMENTS)
def test_second_waits_and_sees_the_newest(target, name, autocommit):
    with target.connect(autocommit=False) as one, target.connect(autocommit=autocommit) as two:
        assert one.execute("UPDATE row_t SET n = n + 1 WHERE id = 1 RETURNING n").fetchone() == (11,)
        later = Later(two, SECOND_STATEMENTS[name])
        assert later.waits()
        one.commit()
        assert later.result() == [(22,)] if name in ("block", "by another form of the value", "upsert") else [(11,)]
        two.commit()


def test_rollback_and_a_client_that_goes_let_the_second_go(target):
    with target.connect(autocommit=False) as two:
        for leave in (lambda c: c.rollback(), lambda c: c.close()):
            one = target.connect(autocommit=False)
            one.execute("UPDATE row_t SET n = 0 WHERE id = 1")
            later = Later(two, "UPDATE row_t SET n = n + 1 WHERE id = 1 RETURNING n")
            assert later.waits()
            leave(one)
            assert later.result() == [(11,)]
            two.rollback()
            one.close()


def test_an_error_ends_the_locks(target):
    with target.connect(autocommit=False) as one, target.connect() as two:
        one.execute("UPDATE row_t SET n = 0 WHERE id = 1")
        with pytest.raises(psycopg.errors.DivisionByZero):
            one.execute("SELECT 1/0")
        assert two.execute("UPDATE row_t SET n = n + 1 WHERE id = 1 RETURNING n").fetchone() == (11,)


def test_other_rows_and_plain_reads_do_not_wait(target):
    with target.connect(autocommit=False) as one, target.connect() as two:
        one.execute("UPDATE row_t SET n = 0 WHERE id = 1")
        assert two.execute("SELECT n FROM row_t WHERE id = 1").fetchone() == (10,)
        assert two.execute("UPDATE row_t SET n = n + 1 WHERE id = 2 RETURNING n").fetchone() == (21,)
        assert two.execute("UPDATE row_t SET n = n + 1 WHERE code = 'c' RETURNING n").fetchone() == (31,)
        one.commit()


def test_shared_locks(target):
    with target.connect(autocommit=False) as one, target.connect(autocommit=False) as two, target.connect() as three:
        one.execute("SELECT n FROM row_t WHERE id = 1 FOR SHARE")
        two.execute("SELECT n FROM row_t WHERE id = 1 FOR SHARE")
        later = Later(three, "UPDATE row_t SET n = n + 1 WHERE id = 1 RETURNING n")
        assert later.waits()
        one.commit()
        assert later.waits()
        two.commit()
        assert later.result() == [(11,)]


def test_deadlock(target):
    with target.connect(autocommit=False) as one, target.connect(autocommit=False) as two:
        one.execute("UPDATE row_t SET n = n + 1 WHERE id = 1")
        two.execute("UPDATE row_t SET n = n + 1 WHERE id = 2")
        first = Later(one, "UPDATE row_t SET n = n + 1 WHERE id = 2")
        assert first.waits()
        second = Later(two, "UPDATE row_t SET n = n + 1 WHERE id = 1")
        second.join(ENDS_S)
        if not second.problem:
            first.join(ENDS_S)  # then it is the one, and its error may come behind the other's success
        failed, other = (second, first) if second.problem else (first, second)
        assert failed.problem.sqlstate == "40P01"
        assert "blocked by process" in failed.problem.diag.message_detail
        assert other.result() == "UPDATE 1"
        (one if other is first else two).commit()
    assert (n_of(target, 1), n_of(target, 2)) == (11, 21)


def test_deadlock_over_rows_and_advisory_locks(target):
    with target.connect(autocommit=False) as one, target.connect(autocommit=False) as two:
        one.execute("UPDATE row_t SET n = n + 1 WHERE id = 1")
        two.execute("SELECT pg_advisory_xact_lock(7)")
        first = Later(one, "SELECT pg_advisory_xact_lock(7)")
        assert first.waits()
        second = Later(two, "UPDATE row_t SET n = n + 1 WHERE id = 1")
        second.join(ENDS_S)
        first.join(ENDS_S if second.problem else 0.1)
        assert sorted((first.problem and first.problem.sqlstate or "", second.problem and second.problem.sqlstate or "")) == ["", "40P01"]
        (two if second.problem else one).rollback()


def test_nowait_and_timeouts(target):
    with target.connect(autocommit=False) as one, target.connect() as two:
        one.execute("UPDATE row_t SET n = 0 WHERE id = 1")
        with pytest.raises(psycopg.errors.LockNotAvailable, match='could not obtain lock on row in relation "row_t"'):
            two.execute("SELECT n FROM row_t WHERE id = 1 FOR UPDATE NOWAIT")
        two.execute("SET lock_timeout = '200ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable, match="canceling statement due to lock timeout"):
            two.execute("UPDATE row_t SET n = 5 WHERE id = 1")
        two.execute("SET lock_timeout = 0")
        two.execute("SET statement_timeout = '200ms'")
        with pytest.raises(psycopg.errors.QueryCanceled, match="canceling statement due to statement timeout"):
            two.execute("UPDATE row_t SET n = 5 WHERE id = 1")
        two.execute("SET statement_timeout = 0")
        later = Later(two, "UPDATE row_t SET n = 5 WHERE id = 1")
        assert later.waits()
        two.cancel()
        with pytest.raises(psycopg.errors.QueryCanceled, match="canceling statement due to user request"):
            later.result()
        later = Later(two, "UPDATE row_t SET n = n + 1 WHERE id = 1 RETURNING n")
        assert later.waits()
        one.rollback()
        assert later.result() == [(11,)]


def test_in_pipelines(target):
    with target.connect(autocommit=False) as one, target.connect() as two:
        one.execute("UPDATE row_t SET n = 0 WHERE id = 1")
        later = Later(two, "UPDATE row_t SET n = n + 1 WHERE id = 2; UPDATE row_t SET n = n + 1 WHERE id = 1; INSERT INTO row_log VALUES (1)")
        assert later.waits()
        one.commit()
        assert later.result() == "INSERT 0 1" or later.answer == "UPDATE 1"
        assert (n_of(target, 1), n_of(target, 2)) == (1, 21)


def test_repeatable_read_finds_the_other_one_first(target):
    with target.connect() as two, target.connect(autocommit=False) as one:
        two.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        two.execute("SELECT n FROM row_t WHERE id = 1")
        one.execute("UPDATE row_t SET n = n + 1 WHERE id = 1")
        later = Later(two, "UPDATE row_t SET n = n + 1 WHERE id = 1")
        assert later.waits()
        one.commit()
        with pytest.raises(psycopg.errors.SerializationFailure):
            later.result()


def test_hot_rows_are_never_refused(target):
    """What was refused before most of the time: everybody reads what they have just written to one row."""
    n_clients, turns = 8, 15
    failures = []

    def work():
        with target.connect() as connection:
            for _ in range(turns):
                try:
                    connection.execute("BEGIN")
                    (locked,) = connection.execute("SELECT n FROM row_t WHERE id = 3 FOR UPDATE").fetchone()
                    connection.execute("UPDATE row_t SET n = %s WHERE id = 3", (locked + 1,))
                    (shown,) = connection.execute("UPDATE row_t SET n = n + 1 WHERE id = 1 RETURNING n").fetchone()
                    assert connection.execute("SELECT n FROM row_t WHERE id = 1").fetchone() == (shown,)
                    connection.execute("INSERT INTO row_log VALUES (%s)", (shown,))
                    connection.execute("COMMIT")
                except (psycopg.Error, AssertionError) as error:
                    failures.append(error)
                    connection.rollback()

    threads = [threading.Thread(target=work) for _ in range(n_clients)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(100 - (time.monotonic() - began))
    assert not failures
    assert (n_of(target, 1), n_of(target, 3)) == (10 + n_clients * turns, 30 + n_clients * turns)
    with target.connect() as connection:
        assert connection.execute("SELECT count(*), count(DISTINCT n) FROM row_log").fetchone() == (n_clients * turns,) * 2
