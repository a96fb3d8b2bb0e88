"""advisory_locks = shared: advisory locks of clients of two pgd1s in front of one D1, and of one embedded file."""
import time

import psycopg
import pytest

from later import Later
from pgd1 import Pgd1, Workerd
from test_session_calls import one

SETTINGS = {"advisory_locks": "shared", "advisory_lease": "3s", "worker_threads": 2}


class Two:
    """Two pgd1s on the same database."""

    def __init__(self, kind, folder, **settings):
        shared = {**SETTINGS, **settings}
        self.d1 = Workerd(folder) if kind == "workerd" else None
        self.first = Pgd1(kind, settings=shared, workerd=self.d1)
        self.second = Pgd1(kind, settings=shared, workerd=self.d1)
        if kind == "embedded":
            self.second.database_line = lambda: f"d1=embedded path={self.first.folder / 'app.db'}"

    def __enter__(self):
        self.first.start()
        self.second.start()
        return self

    def __exit__(self, *_):
        for server in (self.second, self.first):
            server.stop()
        if self.d1:
            self.d1.stop()


@pytest.fixture(scope="module", params=("embedded", "workerd"))
def two(request, tmp_path_factory):
    with Two(request.param, tmp_path_factory.mktemp("d1")) as made:
        yield made


@pytest.fixture
def here(two):
    with two.first.connect() as connection:
        yield connection


@pytest.fixture
def there(two):
    with two.second.connect() as connection:
        yield connection


@pytest.fixture
def there_too(two):
    with two.second.connect() as connection:
        yield connection


def eventually(connection, sql, wanted=True, within=10):
    end = time.monotonic() + within
    while (got := one(connection, sql)) is not wanted:
        assert time.monotonic() < end, f"{sql} is still {got}"
        time.sleep(0.05)


def test_a_lock_keeps_the_other_proxy_out(here, there):
    assert one(here, "SELECT pg_try_advisory_lock(1)") is True
    assert one(there, "SELECT pg_try_advisory_lock(1)") is False
    assert one(there, "SELECT pg_try_advisory_lock(1, 0)") is True  # another space of keys
    assert one(there, "SELECT pg_try_advisory_lock(2)") is True
    assert one(here, "SELECT pg_try_advisory_lock(1)") is True  # once more
    assert one(here, "SELECT pg_advisory_unlock(1)") is True
    assert one(there, "SELECT pg_try_advisory_lock(1)") is False
    assert one(here, "SELECT pg_advisory_unlock(1)") is True
    assert one(there, "SELECT pg_try_advisory_lock(1)") is True
    assert one(here, "SELECT pg_advisory_unlock(1)") is False
    there.execute("SELECT pg_advisory_unlock_all()")
    assert one(here, "SELECT pg_try_advisory_lock(1) AND pg_try_advisory_lock(2) AND pg_try_advisory_lock(1, 0)") is True
    here.execute("SELECT pg_advisory_unlock_all()")


def test_it_is_waited_for_and_handed_over_in_turn(here, there, there_too):
    one(here, "SELECT pg_advisory_lock(3)")
    first = Later(there, "SELECT pg_advisory_lock(3)")
    assert first.waits()
    second = Later(there_too, "SELECT pg_advisory_lock_shared(3)")
    assert second.waits()
    assert one(here, "SELECT pg_advisory_unlock(3)") is True
    assert first.result() == [("",)]
    assert second.waits()
    third = Later(here, "SELECT pg_advisory_lock_shared(3)")
    assert third.waits()
    assert one(there, "SELECT pg_advisory_unlock(3)") is True
    assert second.result() == [("",)] and third.result() == [("",)]  # both share it
    assert one(there, "SELECT pg_try_advisory_lock(3)") is False
    assert one(here, "SELECT pg_advisory_unlock_shared(3)") is True
    assert one(there_too, "SELECT pg_advisory_unlock_shared(3)") is True


def test_who_shares_may_ask_for_all_of_it(here, there, there_too):
    """It does not wait behind those that wait for itself."""
    one(here, "SELECT pg_advisory_lock_shared(4)")
    waiting = Later(there, "SELECT pg_advisory_lock(4)")
    assert waiting.waits()
    assert one(there_too, "SELECT pg_try_advisory_lock_shared(4)") is False  # somebody who wants all of it came first
    assert one(here, "SELECT pg_try_advisory_lock(4)") is True
    assert one(here, "SELECT pg_advisory_unlock(4)") is True
    assert waiting.waits()
    assert one(here, "SELECT pg_advisory_unlock_shared(4)") is True
    assert waiting.result() == [("",)]
    there.execute("SELECT pg_advisory_unlock_all()")


def test_locks_of_transactions_end_with_them(here, there):
    with here.transaction():
        one(here, "SELECT pg_advisory_xact_lock(5)")
        assert one(there, "SELECT pg_try_advisory_xact_lock(5)") is False
    eventually(there, "SELECT pg_try_advisory_lock(5)")
    there.execute("SELECT pg_advisory_unlock(5)")
    with pytest.raises(psycopg.errors.DivisionByZero):
        with here.transaction():
            one(here, "SELECT pg_advisory_xact_lock(5)")
            here.execute("SELECT 1 / 0")
    eventually(there, "SELECT pg_try_advisory_lock(5)")
    there.execute("SELECT pg_advisory_unlock(5)")


def test_waits_end_as_asked(here, there):
    one(here, "SELECT pg_advisory_lock(6)")
    there.execute("SET lock_timeout = 300")
    with pytest.raises(psycopg.errors.LockNotAvailable):
        one(there, "SELECT pg_advisory_lock(6)")
    there.execute("SET lock_timeout = 0; SET statement_timeout = 300")
    with pytest.raises(psycopg.errors.QueryCanceled, match="statement timeout"):
        one(there, "SELECT pg_advisory_lock(6)")
    there.execute("SET statement_timeout = 0")
    waiting = Later(there, "SELECT pg_advisory_lock(6)")
    assert waiting.waits()
    there.cancel()
    with pytest.raises(psycopg.errors.QueryCanceled, match="user request"):
        waiting.result()
    assert one(here, "SELECT pg_advisory_unlock(6)") is True
    eventually(here, "SELECT pg_try_advisory_lock(6)")  # who gave up stands in nobody's way
    here.execute("SELECT pg_advisory_unlock(6)")


def test_a_session_that_ends_gives_its_locks_back(two, there):
    with two.first.connect() as other:
        other.execute("SELECT pg_advisory_lock(7), pg_advisory_lock_shared(8)")
        assert one(there, "SELECT pg_try_advisory_lock(8)") is False
    eventually(there, "SELECT pg_try_advisory_lock(7) AND pg_try_advisory_lock(8)", within=2)
    there.execute("SELECT pg_advisory_unlock_all()")


def test_a_lock_is_kept_for_longer_than_a_lease(here, there):
    one(here, "SELECT pg_advisory_lock(9)")
    for _ in range(8):
        time.sleep(0.6)
        assert one(there, "SELECT pg_try_advisory_lock(9)") is False
    assert one(here, "SELECT pg_advisory_unlock(9)") is True


def test_it_counts_right_under_contention(two):
    """Clients of both add one to a number that they read before: no addition is lost."""
    from anomalies import Clients
    with two.first.connect() as connection:
        connection.execute("DROP TABLE IF EXISTS counter")
        connection.execute("CREATE TABLE counter (n int)")
        connection.execute("INSERT INTO counter VALUES (0)")
    turn = iter([two.first.connect, two.second.connect] * 2)

    def add_one(connection, _, number):
        one(connection, "SELECT pg_advisory_lock(10)")
        n = one(connection, "SELECT n FROM counter")
        connection.execute("UPDATE counter SET n = %s", (n + 1,))
        assert one(connection, "SELECT pg_advisory_unlock(10)") is True
    clients = Clients(lambda: next(turn)(), "x", 4, 40, add_one)
    clients.run()
    with two.second.connect() as connection:
        assert one(connection, "SELECT n FROM counter") == 40


def test_a_statement_that_cannot_wait_is_refused(here):
    here.execute("CREATE TABLE IF NOT EXISTS locked (id int)")
    here.execute("DELETE FROM locked")
    here.execute("INSERT INTO locked VALUES (11)")
    with pytest.raises(psycopg.errors.FeatureNotSupported, match="in a statement that reads tables"):
        here.execute("SELECT pg_try_advisory_lock(id) FROM locked")
    assert one(here, "SELECT pg_try_advisory_lock(11)") is True
    assert one(here, "SELECT pg_advisory_unlock(11)") is True


@pytest.mark.parametrize("kind", ["embedded", "workerd"])
def test_what_a_dead_proxy_held_ends(kind, tmp_path):
    with Two(kind, tmp_path) as both:
        held = both.first.connect()
        one(held, "SELECT pg_advisory_lock(1)")
        with both.second.connect() as other:
            waiting = Later(other, "SELECT pg_advisory_lock(1)")
            assert waiting.waits()
            both.first.kill()
            began = time.monotonic()
            assert waiting.result() == [("",)]
            assert time.monotonic() - began < 8
        both.first.launch()
        with pytest.raises(psycopg.OperationalError):
            held.execute("SELECT 1")
