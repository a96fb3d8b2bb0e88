"""MIGRATE RESTORE and ON FAILURE RESTORE: a database taken back in time, what other sessions see of it, how often it takes itself back; on the
embedded copies and behind REST. Through a Worker it is refused."""
import contextlib
import random
import re
import sqlite3
import threading
import time

import psycopg
import pytest

from test_migrate import Project

BOOKMARK = re.compile(r"[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{32}")


@pytest.fixture(params=("embedded", "rest"))
def transport(request):
    return request.param


class Restoring(Project):
    """Keeps the notices."""

    def __enter__(self):
        super().__enter__()
        self.notices = []
        self.watch()
        return self

    def watch(self):
        self.connection.add_notice_handler(lambda notice: self.notices.append((notice.message_primary, notice.message_hint)))

    def hints(self):
        """The commands that notices have named, oldest first."""
        return [hint for _, hint in self.notices if hint and hint.startswith("MIGRATE RESTORE")]

    def tables(self):
        return sorted(row[0] for row in self.run("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'")
                      if row[0] != "d1_migrations")


@pytest.fixture
def project(transport):
    with Restoring(transport) as running:
        yield running


def test_there_and_back(project):
    project.write(_1_a="CREATE TABLE a (id INTEGER PRIMARY KEY AUTOINCREMENT, n INTEGER);\nINSERT INTO a (n) VALUES (1), (2);")
    project.run("MIGRATE UP")
    project.write(_2_b="ALTER TABLE a ADD COLUMN t TEXT;\nCREATE TABLE b (a INTEGER REFERENCES a(id));\nINSERT INTO a (n, t) VALUES (3, 'x');")
    project.run("MIGRATE UP")
    message, back = project.notices[-2]
    bookmark = BOOKMARK.search(message)[0]
    assert message == f"the database is at bookmark {bookmark}" and back == f"MIGRATE RESTORE TO BOOKMARK '{bookmark}'"
    status = {row[0]: row[8] for row in project.run("MIGRATE STATUS")}
    assert status["2_b.sql"] == bookmark and status["1_a.sql"] and status["1_a.sql"] < bookmark
    project.run("INSERT INTO a (n) VALUES (4) RETURNING id")
    row, = project.run(back)
    assert row[0] == "restored" and row[1] == bookmark and BOOKMARK.fullmatch(row[2]) and row[3] >= 0
    assert project.hints()[-1] == f"MIGRATE RESTORE TO BOOKMARK '{row[2]}'"
    assert project.tables() == ["a"] and project.run("SELECT * FROM a") == [(1, 1), (2, 2)]
    assert project.states() == {"1_a": "applied", "2_b": "pending"}
    assert project.run("INSERT INTO a (n) VALUES (5) RETURNING id") == [(3,)]  # counted on from there
    project.run(project.hints()[-1])
    assert project.tables() == ["a", "b"] and project.run("SELECT * FROM a ORDER BY id")[2:] == [(3, 3, "x"), (4, 4, None)]
    assert project.states() == {"1_a": "applied", "2_b": "applied"}
    project.run(back)
    assert [row[:2] for row in project.run("MIGRATE UP")] == [("2_b.sql", "applied")]  # no lease has come back


def test_to_a_time(project):
    project.write(_1_a="CREATE TABLE a (n INTEGER);\nINSERT INTO a VALUES (1);", _2_b="UPDATE a SET n = 2;")
    project.run("MIGRATE UP TO '1'")
    project.run("MIGRATE UP")
    time.sleep(0.1)
    moment = project.run("SELECT clock_timestamp()")[0][0]
    project.run("SELECT 1")
    project.run(project.hints()[0])
    assert project.tables() == []
    row, = project.run(f"MIGRATE RESTORE TO TIMESTAMP '{moment.isoformat()}'")  # the second run's is the newest before it
    assert project.run("SELECT n FROM a") == [(1,)] and row[1] == BOOKMARK.search(project.hints()[1])[0]
    project.connection.execute("SET TimeZone = 'Asia/Tokyo'")
    local = project.run(f"SELECT ('{moment.isoformat()}'::timestamptz)::text")[0][0].split("+")[0]
    assert project.run(f"SELECT result, bookmark FROM pgd1.migrate_restore(at_time => '{local}')")[0] == ("restored", row[1])
    assert "no time that has been" in str(project.fails("MIGRATE RESTORE TO TIMESTAMP 'infinity'", "22023"))
    project.fails("MIGRATE RESTORE TO TIMESTAMP '2100-01-01'", "22023")
    project.fails("MIGRATE RESTORE TO TIMESTAMP 'x'", "22007")
    early = project.fails("MIGRATE RESTORE TO TIMESTAMP '2020-01-01'", "55000")
    assert ("30 days" if project.server.transport == "rest" else "no snapshot") in str(early)


def test_what_is_refused(project):
    nowhere = "ffffffff-00000000-00000000-00000000000000000000000000000001"
    project.connection.execute("CREATE TABLE mine (a int)")
    project.fails("MIGRATE RESTORE TO BOOKMARK 'x'", "22023")
    project.fails(f"MIGRATE RESTORE TO BOOKMARK '{nowhere.upper()}'", "22023")
    project.fails("MIGRATE RESTORE", "42601")
    project.connection.execute("BEGIN")
    project.fails(f"MIGRATE RESTORE TO BOOKMARK '{nowhere}'", "25001")
    project.connection.execute("ROLLBACK")
    assert nowhere in str(project.fails(f"MIGRATE RESTORE TO BOOKMARK '{nowhere}'", "55000")) or project.server.transport == "embedded"
    project.fails(f"SELECT * FROM pgd1.migrate_restore(bookmark => '{nowhere}')", "55000")
    assert project.tables() == ["mine"]
    project.write(_1_a="CREATE TABLE a (a INTEGER);")
    assert [row[0] for row in project.run("MIGRATE UP")] == ["1_a.sql"]  # the lease was given back each time


def test_a_worker_cannot():
    with Restoring("workerd") as project:
        error = project.fails("MIGRATE RESTORE TO BOOKMARK '00000001-00000000-00000000-00000000000000000000000000000001'", "0A000")
        assert "wrangler d1 time-travel restore DB" in error.diag.message_hint
        project.write(_1_a="CREATE TABLE a (a INTEGER);\n--> breakpoint\nINSERT INTO nosuch VALUES (1);")
        assert "wrangler" in project.fails("MIGRATE UP ON FAILURE RESTORE", "0A000").diag.message_hint
        assert project.states() == {"1_a": "pending"}
        error = project.fails("MIGRATE UP", "42P01")
        assert re.search(f"wrangler d1 time-travel restore DB --bookmark=\\S+ takes back", error.diag.message_hint)


def test_snapshots_turned_off():
    with Restoring("embedded", settings={"embedded_snapshots": "0"}) as project:
        project.write(_1_a="CREATE TABLE a (a INTEGER);")
        project.run("MIGRATE UP")
        assert project.hints() == [] and not list(project.server.folder.glob("*-snapshots"))
        error = project.fails("MIGRATE RESTORE TO TIMESTAMP 'yesterday'", "0A000")
        assert "embedded_snapshots" in error.diag.message_hint


def test_the_newest_snapshots_are_kept():
    with Restoring("embedded", settings={"embedded_snapshots": "3"}) as project:
        for n in range(1, 6):
            project.write(**{f"_{n}_t": f"CREATE TABLE t{n} (a INTEGER);"})
            project.run("MIGRATE UP")
        kept = sorted(path.name for path in (project.server.folder / "app.db-snapshots").iterdir())
        assert kept == [BOOKMARK.search(hint)[0] for hint in project.hints()[-3:]]
        project.fails(project.hints()[0], "55000")
        project.run(project.hints()[2])
        assert project.tables() == ["t1", "t2"]


def test_who_may(transport):
    with Restoring(transport, options="environment=production", users={"bob": "bobs"}, user_options={"bob": "can_migrate=off"}) as project:
        project.write(_1_a="CREATE TABLE a (a INTEGER);")
        project.run("MIGRATE UP CONFIRM 'app'")
        back = project.hints()[0]
        assert back.endswith(" CONFIRM 'app'")
        project.fails(back.removesuffix(" CONFIRM 'app'"), "55000")
        with project.server.connect(user="bob", password="bobs") as bob, pytest.raises(psycopg.errors.InsufficientPrivilege):
            bob.execute(back)
        assert project.tables() == ["a"]
        project.run(back)
        assert project.tables() == []


def test_other_sessions(transport):
    """Open blocks end with 40001, other sessions see the old schema and the old rows, on whichever thread."""
    with Restoring(transport, settings={"worker_threads": "3"}) as project:
        project.write(_1_a="CREATE TABLE a (id INTEGER PRIMARY KEY, n INTEGER);\nINSERT INTO a VALUES (1, 1);")
        project.run("MIGRATE UP")
        project.write(_2_b="ALTER TABLE a ADD COLUMN t TEXT;\nCREATE TABLE b (id INTEGER PRIMARY KEY);")
        project.run("MIGRATE UP")
        others = [project.server.connect() for _ in range(6)]
        for other in others:
            assert other.execute("SELECT id, n, t FROM a").fetchall() == [(1, 1, None)]
        blocks = others[:4]
        for other in blocks:
            other.execute("BEGIN")
        blocks[0].execute("SELECT n FROM a")
        blocks[1].execute("INSERT INTO a (n, t) VALUES (2, 'x') RETURNING id")
        blocks[2].execute("UPDATE a SET n = n + 1 WHERE id = 1")
        # blocks[3] has run nothing yet: it may go on
        project.run(project.hints()[-1])
        for other, sql in ((blocks[0], "SELECT n FROM a"), (blocks[1], "INSERT INTO a (n) VALUES (3)"), (blocks[2], "COMMIT")):
            with pytest.raises(psycopg.errors.SerializationFailure) as caught:
                other.execute(sql)
            assert "restored" in str(caught.value)
            other.execute("ROLLBACK")
        assert blocks[3].execute("SELECT n FROM a").fetchall() == [(1,)]
        blocks[3].execute("COMMIT")
        for other in others:
            with pytest.raises(psycopg.errors.UndefinedColumn):
                other.execute("SELECT t FROM a")
            assert other.execute("SELECT * FROM a").fetchall() == [(1, 1)]
            with pytest.raises(psycopg.errors.UndefinedTable):
                other.execute("INSERT INTO b VALUES (1)")
            other.close()
        assert project.run("INSERT INTO a (n) VALUES (9) RETURNING id") == [(2,)]


def test_before_push_and_reset(project):
    (project.folder.parent / "schema.sql").write_text("CREATE TABLE p (a INTEGER);")
    project.run("MIGRATE PUSH")
    project.connection.execute("INSERT INTO p VALUES (7)")
    project.write(_1_a="CREATE TABLE a (a INTEGER);")
    project.run("MIGRATE RESET ALLOW DATA LOSS")
    assert project.tables() == ["a"] and len(project.hints()) == 2
    project.run(project.hints()[1])
    assert project.tables() == ["p"] and project.run("SELECT a FROM p") == [(7,)]
    project.run(project.hints()[0])
    assert project.tables() == []


CHUNKS = "CREATE TABLE a (a INTEGER);\nINSERT INTO a VALUES (1);\n--> breakpoint\nINSERT INTO a VALUES (2);\n--> breakpoint\nINSERT INTO {} VALUES (3);"


def test_a_hint_names_the_way_back(project):
    project.write(_1_x="CREATE TABLE x (a INTEGER);", _2_a=CHUNKS.format("nosuch"))
    error = project.fails("MIGRATE UP", "42P01")
    assert error.diag.message_hint == project.hints()[0] + " takes back the chunks that are done."
    project.run(project.hints()[0])
    assert project.tables() == [] and project.states() == {"1_x": "pending", "2_a": "pending"}


@pytest.mark.parametrize("way", ("option", "statement", "function"))
def test_on_failure(transport, way):
    """At most three times in a row; a restart does not make it forget."""
    run = {"option": "MIGRATE UP", "statement": "MIGRATE UP ON FAILURE RESTORE", "function": "SELECT * FROM pgd1.migrate_up(restore => true)"}[way]
    with Restoring(transport, options="on_failure=restore" if way == "option" else "") as project:
        project.write(_1_x="CREATE TABLE x (a INTEGER);", _2_a=CHUNKS.format("nosuch"), _3_z="CREATE TABLE z (a INTEGER);")
        for n in range(1, 4):
            project.notices.clear()
            error = project.fails(run, "42P01")
            assert error.diag.message_primary.startswith("2_a.sql:6:1: ") and not error.diag.message_hint
            assert project.tables() == ["x"], n
            assert project.states() == {"1_x": "applied", "2_a": "failed", "3_z": "pending"}
            message, back = project.notices[-1]
            assert f"failed behind 2 of 3 chunks: the database was restored to bookmark" in message and f"({n} of at most 3 times" in message
            assert re.fullmatch(f"MIGRATE RESTORE TO BOOKMARK '{BOOKMARK.pattern}'", back)
            if n == 2:
                project.connection.close()
                project.server.restart()
                project.connection = project.server.connect()
                project.watch()
        error = project.fails(run, "42P01")
        assert "3 times in a row" in project.notices[-1][0] and "takes back the chunks" in error.diag.message_hint
        assert project.tables() == ["a", "x"] and project.run("SELECT a FROM a ORDER BY a") == [(1,), (2,)]
        project.write(_2_a=CHUNKS.format("a"))
        project.run(re.search("MIGRATE RESTORE TO BOOKMARK '.*?'", error.diag.message_hint)[0])
        assert [row[:2] for row in project.run(run)] == [("2_a.sql", "applied"), ("3_z.sql", "applied")]
        project.write(_4_a=CHUNKS.replace("CREATE TABLE a", "CREATE TABLE a4").format("nosuch"))
        project.fails(run, "42P01")
        assert "(1 of at most 3 times" in project.notices[-1][0] and project.run("SELECT count(*) FROM a") == [(3,)]


def test_on_failure_of_the_first_chunk(project):
    """Nothing is half done, so nothing is taken back; nor is it counted."""
    project.write(_1_a="CREATE TABLE a (a nosuch nosuch, 1);\n--> breakpoint\nSELECT 1;")
    for _ in range(5):
        project.notices.clear()
        project.fails("MIGRATE UP ON FAILURE RESTORE", "42601")
        assert len(project.notices) == 1  # the bookmark
    project.write(_1_a="CREATE TABLE a (a INTEGER);\n--> breakpoint\nSELECT * FROM nosuch;")
    project.fails("MIGRATE UP ON FAILURE RESTORE", "42P01")
    assert "(1 of at most 3 times" in project.notices[-1][0] and project.tables() == []
    project.fails("MIGRATE UP ON FAILURE STOP ON FAILURE RESTORE", "42601")
    project.fails("MIGRATE UP ON FAILURE STOP", "42P01")
    assert project.tables() == ["a"]


def test_killed_while_restoring():
    """kill -9: the database of before or that of the bookmark, whole."""
    chance = random.Random(4711)
    with Restoring("embedded", settings={"embedded_snapshots": "100"}) as project:
        project.write(_1_a="CREATE TABLE a (id INTEGER PRIMARY KEY, n INTEGER, filler TEXT);\nINSERT INTO a WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL "
                           "SELECT i + 1 FROM n WHERE i < 20000) SELECT i, 0, printf('%400s', i) FROM n;")
        project.run("MIGRATE UP")
        project.write(_2_b="UPDATE a SET n = 1;\nCREATE TABLE b (a INTEGER);")
        project.run("MIGRATE UP")
        seen, backs = set(), [project.hints()[-1]]
        started = time.monotonic()
        project.run(backs[0])
        took = time.monotonic() - started
        backs.append(project.hints()[-1])
        for n in range(10):
            killer = threading.Timer(chance.random() * 1.5 * took, project.server.kill)
            killer.start()
            try:
                project.run(backs[(n + 1) % 2])
            except psycopg.OperationalError:
                pass
            killer.join()
            project.connection.close()
            with contextlib.closing(sqlite3.connect(project.server.folder / "app.db")) as file, file:
                file.execute("DELETE FROM _pgd1_migration_lease")  # as time would
            project.server.launch()
            project.connection = project.server.connect()
            project.watch()
            is_new = "b" in project.tables()
            seen.add(is_new)
            assert project.run("SELECT count(*), min(n), max(n) FROM a") == [(20000, is_new, is_new)]
            assert project.states() == {"1_a": "applied", "2_b": "applied" if is_new else "pending"}
            project.run(backs[n % 2])  # whatever came, the next round starts from the other one
