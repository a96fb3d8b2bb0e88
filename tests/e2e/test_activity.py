"""What sessions see of each other: pg_stat_activity, pg_stat_database, pg_stat_ssl and pg_locks, of every worker thread."""
import time

import pytest

from pgd1 import Pgd1

OTHERS = "SELECT pid, application_name, state, query, wait_event, xact_start IS NOT NULL, client_port FROM pg_stat_activity WHERE pid <> pg_backend_pid()"


@pytest.fixture(scope="module")
def server():
    with Pgd1("embedded", settings={"worker_threads": 3}) as server:
        yield server


def others(connection):
    return {row[0]: row[1:] for row in connection.execute(OTHERS).fetchall()}


def wait_for(connection, pid, wanted):
    end = time.monotonic() + 10
    while (found := others(connection).get(pid, (None,) * 6))[1] != wanted:
        assert time.monotonic() < end, found
        time.sleep(0.02)
    return found


def test_states_of_other_sessions(server):
    """Each of several sessions, on whichever thread, shows its name, state and last statement."""
    with server.connect() as watcher:
        for number in range(5):
            watch_one(server, watcher, number)


def watch_one(server, watcher, number):
    with server.connect(application_name=f"worker{number}") as session:
        pid = session.info.backend_pid
        session.execute("SELECT 1 AS one")
        name, state, query, wait, in_transaction, port = wait_for(watcher, pid, "idle")
        assert (name, query, wait, in_transaction) == (f"worker{number}", "SELECT 1 AS one", "ClientRead", False)
        assert port > 1024
        session.execute("SET application_name TO 'renamed'")
        assert wait_for(watcher, pid, "idle")[0] == "renamed"
        session.execute("BEGIN")
        assert wait_for(watcher, pid, "idle in transaction")[2:5] == ("BEGIN", "ClientRead", True)
        with pytest.raises(Exception, match="division by zero"):
            session.execute("SELECT 1 / 0")
        assert wait_for(watcher, pid, "idle in transaction (aborted)")[2] == "SELECT 1 / 0"
        session.execute("ROLLBACK")
        assert wait_for(watcher, pid, "idle")[4] is False
    end = time.monotonic() + 10
    while pid in others(watcher):
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_running_statement(server):
    """A statement that waits is active, and so is the one that asks; times never run backwards."""
    with server.connect() as watcher, server.connect() as session:
        session.execute("SELECT 1")
        session.pgconn.send_query(b"SELECT pg_sleep(60), 'long'")
        assert wait_for(watcher, session.info.backend_pid, "active")[2:5] == ("SELECT pg_sleep(60), 'long'", None, True)
        assert watcher.execute("SELECT pg_cancel_backend(%s)", (session.info.backend_pid,)).fetchone() == (True,)
        while session.pgconn.get_result():
            pass
        assert wait_for(watcher, session.info.backend_pid, "idle")
        assert watcher.execute("SELECT state, backend_start <= xact_start AND xact_start <= query_start AND query_start <= clock_timestamp(), datname,"
                               " usename FROM pg_stat_activity WHERE pid = pg_backend_pid()").fetchall() == [("active", True, "app", "postgres")]


def test_a_long_statement_is_cut(server):
    """1023 bytes, whole characters, as with PostgreSQL's track_activity_query_size."""
    with server.connect() as watcher, server.connect() as session:
        text = "SELECT '" + "é" * 2000 + "'"
        session.execute(text)
        query = wait_for(watcher, session.info.backend_pid, "idle")[2]
        assert text.startswith(query) and len(query.encode()) in (1022, 1023)


def test_counts_and_encryption(server):
    with server.connect() as one, server.connect() as two:
        end = time.monotonic() + 10  # sessions of the tests before may still be going
        while (row := one.execute("SELECT numbackends, xact_commit, blks_read FROM pg_stat_database WHERE datname = current_database()").fetchone()) != (2, None, None):
            assert time.monotonic() < end, row
        assert one.execute("SELECT a.datid = d.oid, s.datid = d.oid, ssl FROM pg_stat_activity a JOIN pg_database d USING (datname)"
                           " JOIN pg_stat_database s USING (datname) JOIN pg_stat_ssl USING (pid)").fetchall() == [(True, True, False)] * 2
        two.execute("SELECT 1")


def test_locks_name_their_database(server):
    """Holders and waiters of advisory locks, joined with pg_database and pg_stat_activity as lock monitors do."""
    query = ("SELECT a.pid, l.mode, l.granted, l.classid::int8, l.objid::int8, l.objsubid, d.datname FROM pg_locks l JOIN pg_stat_activity a USING (pid)"
             " JOIN pg_database d ON d.oid = l.database WHERE locktype = 'advisory' ORDER BY granted DESC")
    with server.connect() as watcher, server.connect() as holder, server.connect() as waiter:
        holder.execute("SELECT pg_advisory_lock(7, 8)")
        waiter.pgconn.send_query(b"SELECT pg_advisory_lock_shared(7, 8)")
        end = time.monotonic() + 10
        while len(rows := watcher.execute(query).fetchall()) < 2:
            assert time.monotonic() < end, rows
            time.sleep(0.02)
        assert rows == [(holder.info.backend_pid, "ExclusiveLock", True, 7, 8, 2, "app"), (waiter.info.backend_pid, "ShareLock", False, 7, 8, 2, "app")]
        assert watcher.execute("SELECT pid, pg_blocking_pids(pid) FROM pg_stat_activity WHERE pg_blocking_pids(pid) <> '{}'").fetchall() == [
            (waiter.info.backend_pid, [holder.info.backend_pid])]
        holder.execute("SELECT pg_advisory_unlock(7, 8)")
        while waiter.pgconn.get_result():
            pass
        assert [row[0] for row in watcher.execute(query).fetchall()] == [waiter.info.backend_pid]
