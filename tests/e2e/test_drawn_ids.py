"""Ids of rows that blocks insert while others insert into the same table: shown once, kept at COMMIT, in the order of the statements."""
import contextlib
import sqlite3
import threading

import psycopg
import pytest

from pgd1 import Pgd1


@pytest.fixture
def table(server):
    with server.connect() as connection:
        connection.execute("DROP TABLE IF EXISTS drawn_log")
        connection.execute("CREATE TABLE drawn_log (id bigserial PRIMARY KEY, what text)")
        yield "drawn_log"
        connection.execute("DROP TABLE drawn_log")


def unit_of_work(connection, name):
    """Returns the ids that were shown, in order."""
    with connection.transaction():
        connection.execute("INSERT INTO drawn_log (what) VALUES (%s)", (name,))
        shown = connection.execute("INSERT INTO drawn_log (what) VALUES (%s) RETURNING id", (name,)).fetchall()
        assert connection.execute("SELECT currval('drawn_log_id_seq')").fetchall() == shown
        shown += connection.execute("INSERT INTO drawn_log (what) VALUES (%s), (%s) RETURNING id", (name, name)).fetchall()
        check(connection, name, shown)
    return shown


def check(connection, name, shown):
    """The row that was not shown may get its id at COMMIT, behind the others, as long as the table is not known to be busy."""
    ids = connection.execute("SELECT id FROM drawn_log WHERE what = %s", (name,)).fetchall()
    assert len(set(ids)) == 4 and set(ids) > set(shown) and shown == sorted(shown)


def test_blocks_pass_while_others_insert(server, table):
    """Without any luck: a unit of work that meets 40001, as the first ones may, passes at its second try."""
    ended, failures, names = threading.Event(), [], []

    def insert():
        with server.connect() as connection:
            while not ended.is_set():
                connection.execute("INSERT INTO drawn_log (what) VALUES ('other')")

    def work(number):
        retries = 0
        try:
            with server.connect() as connection:
                for i in range(12):
                    name = f"{number}.{i}"
                    try:
                        shown = unit_of_work(connection, name)
                    except psycopg.errors.SerializationFailure:
                        retries += 1
                        shown = unit_of_work(connection, name)
                    names.append((name, shown))
            assert retries < 4
        except BaseException as error:
            failures.append(error)

    others = [threading.Thread(target=insert) for _ in range(2)]
    workers = [threading.Thread(target=work, args=(number,)) for number in range(2)]
    for thread in others + workers:
        thread.start()
    for thread in workers:
        thread.join()
    ended.set()
    for thread in others:
        thread.join()
    assert not failures, failures
    with server.connect() as connection:
        for name, shown in names:
            check(connection, name, shown)
        highest = connection.execute("SELECT max(id) FROM drawn_log").fetchone()[0]
        assert connection.execute("INSERT INTO drawn_log (what) VALUES ('last') RETURNING id").fetchone()[0] > highest


def test_alone_there_is_no_gap_and_no_request_more(server, table):
    """What nobody else writes to is numbered as PostgreSQL does."""
    with server.connect() as connection, server.connect() as watch:
        trips = lambda: int(watch.execute("SHOW pgd1.round_trips").fetchone()[0])  # noqa: E731
        connection.execute("SELECT 1 FROM drawn_log")
        before = trips()
        with connection.transaction():
            connection.execute("INSERT INTO drawn_log (what) VALUES ('a')")
            assert connection.execute("INSERT INTO drawn_log (what) VALUES ('b') RETURNING id").fetchone() == (2,)
        assert trips() - before == 3
        assert connection.execute("INSERT INTO drawn_log (what) VALUES ('c') RETURNING id").fetchone() == (3,)


def test_a_writer_that_pgd1_does_not_know_of():
    """As wrangler is one: the first transaction finds out, the next draws its ids, and neither takes the other's any more."""
    with Pgd1("embedded") as server, server.connect() as connection, contextlib.closing(
            sqlite3.connect(server.folder / "app.db", isolation_level=None)) as other:
        connection.execute("CREATE TABLE t (id serial PRIMARY KEY, what text)")
        insert = "INSERT INTO t (what) VALUES ('mine') RETURNING id"
        connection.execute("BEGIN")
        assert connection.execute(insert).fetchone() == (1,)
        other.execute("INSERT INTO t (what) VALUES ('theirs')")
        with pytest.raises(psycopg.errors.SerializationFailure):
            connection.execute("COMMIT")
        connection.execute("BEGIN")
        assert connection.execute(insert).fetchone() == (2,)
        other.execute("INSERT INTO t (what) VALUES ('theirs')")
        assert connection.execute(insert).fetchone() == (3,)
        connection.execute("COMMIT")
        assert connection.execute("SELECT id, what FROM t ORDER BY id").fetchall() == [(1, "theirs"), (2, "mine"), (3, "mine"), (34, "theirs")]
        assert other.execute("SELECT seq FROM sqlite_sequence WHERE name = 't'").fetchone() == (34,)
        # three that were tried out, and the request that drew the ids
        counted = "SELECT calls, round_trips FROM pgd1.statements WHERE query LIKE 'INSERT INTO t %'"
        assert connection.execute(counted).fetchone() == (3, 4)
        connection.execute("BEGIN")
        assert connection.execute(insert).fetchone() == (4,)  # what was drawn and taken back is a gap, as in PostgreSQL
        connection.execute("ROLLBACK")
        connection.execute("BEGIN")
        assert connection.execute(insert).fetchone() == (5,)
        connection.execute("COMMIT")
        # counted anew by somebody else: ids that were drawn are taken when they come, and others are drawn
        other.execute("INSERT INTO t (id, what) VALUES (6, 'theirs'), (7, 'theirs')")
        connection.execute("BEGIN")
        assert connection.execute(insert).fetchone() == (35,)
        connection.execute("COMMIT")
        # the sequence set here: what was drawn is forgotten
        connection.execute("TRUNCATE t RESTART IDENTITY")
        connection.execute("BEGIN")
        assert connection.execute(insert).fetchone() == (1,)
        connection.execute("COMMIT")
