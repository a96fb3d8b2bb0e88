"""MIGRATE from a client: files, journal, chunks, failures, two runners, wrangler's table; on D1's engine here, in workerd and behind REST."""
import os
import pathlib
import re
import threading

import psycopg
import pytest

from pgd1 import Pgd1

LONG = os.environ.get("PGD1_LONG") == "1"
JOURNAL = "SELECT name FROM d1_migrations ORDER BY id"


@pytest.fixture(params=("embedded", "workerd", "rest"))
def transport(request):
    return request.param


class Project:
    """A server with a folder of migrations."""

    def __init__(self, transport, settings=None, **options):
        self.transport = transport
        self.server = Pgd1(transport, settings={"schema_poll_interval": "0", **(settings or {})}, **options)

    def __enter__(self):
        self.server.start()
        self.folder = self.server.folder / "migrations"
        self.folder.mkdir()
        self.connection = self.server.connect()
        return self

    def __exit__(self, *_):
        self.connection.close()
        self.server.stop()

    def write(self, **files):
        for name, text in files.items():
            (self.folder / f"{name[1:]}.sql").write_text(text)

    def run(self, sql, prepare=False):
        return self.connection.execute(sql, prepare=prepare).fetchall()

    def states(self):
        return {row[0].removesuffix(".sql"): row[1] for row in self.run("MIGRATE STATUS") if row[1] != "drift"}

    def drift(self):
        return {row[0]: row[9] for row in self.run("MIGRATE STATUS") if row[1] == "drift"}

    def raw(self, *statements):
        self.connection.execute("SET pgd1.dialect = 'sqlite'")
        for statement in statements:
            self.connection.execute(statement)
        self.connection.execute("RESET pgd1.dialect")

    def findings(self):
        """MIGRATE VALIDATE without messages: kind, file, line, column, object, SQLSTATE."""
        return [(*row[:5], row[6]) for row in self.run("MIGRATE VALIDATE")]

    def applied(self):
        return [row[0].removesuffix(".sql") for row in self.run(JOURNAL)]

    def fails(self, sql, code):
        with pytest.raises(psycopg.Error) as caught:
            self.run(sql)
        assert caught.value.sqlstate == code, caught.value
        return caught.value

    def trips(self):
        return int(self.run("SHOW pgd1.round_trips")[0][0])


@pytest.fixture
def project(transport):
    with Project(transport) as running:
        yield running


def test_up(project):
    project.write(_0001_a="CREATE TABLE a (id INTEGER PRIMARY KEY, n INTEGER NOT NULL);\nINSERT INTO a VALUES (1, 10);",
                  _0002_b="CREATE TRIGGER t AFTER INSERT ON a BEGIN\n UPDATE a SET n = n + 1 WHERE id = new.id;\nEND;\nINSERT INTO a VALUES (2, 20);",
                  _0003_c="-- pgd1: postgres\nCREATE TABLE c (id serial PRIMARY KEY, t text DEFAULT 'it''s');\nINSERT INTO c DEFAULT VALUES;")
    assert project.states() == {"0001_a": "pending", "0002_b": "pending", "0003_c": "pending"}
    assert [row[:3] for row in project.run("MIGRATE UP DRY RUN")] == [("0001_a.sql", "pending", 2), ("0002_b.sql", "pending", 2),
                                                                     ("0003_c.sql", "pending", 2)]
    assert project.states()["0001_a"] == "pending"
    assert [row[:3] for row in project.run("MIGRATE UP TO '2'")] == [("0001_a.sql", "applied", 2), ("0002_b.sql", "applied", 2)]
    assert project.applied() == ["0001_a", "0002_b"]
    assert [row[0] for row in project.run("MIGRATE UP", prepare=True)] == ["0003_c.sql"]
    assert project.run("SELECT id, n FROM a ORDER BY id") == [(1, 10), (2, 21)]
    assert project.run("SELECT id, t FROM c") == [(1, "it's")]
    assert project.run("MIGRATE UP") == []
    assert project.states() == {"0001_a": "applied", "0002_b": "applied", "0003_c": "applied"}
    status = project.connection.execute("MIGRATE STATUS")
    row = dict(zip([column.name for column in status.description], status.fetchone()))
    assert row["applied_by"] == "postgres" and row["chunks_done"] == row["chunks"] == 1 and row["duration_ms"] >= 0 and row["error"] is None
    assert row["applied_at"].tzinfo is not None and len(row["hash"]) == 64


def test_progress_is_told(project):
    notices = []
    project.connection.add_notice_handler(lambda notice: notices.append((notice.severity, notice.message_primary)))
    project.write(_1_a="CREATE TABLE a (a int);\n--> breakpoint\nINSERT INTO a VALUES (1);", _2_b="SELECT 1")
    project.run("MIGRATE UP")
    assert notices.pop(0)[1].startswith("the database is at bookmark ")
    assert notices == [("NOTICE", "migration 1_a.sql: chunk 1 of 2 done"), ("NOTICE", "migration 1_a.sql applied (1 of 2)"),
                       ("NOTICE", "migration 2_b.sql applied (2 of 2)")]


@pytest.mark.parametrize("text, code, place", [
    ("CREATE TABLE b (b int);\nINSERT INTO nosuch VALUES (1);", "42P01", "0002_b.sql:2:1: "),
    ("CREATE TABLE b (b INTEGER);\nINSERT INTO b VALUES (1), (1);\n  CREATE UNIQUE INDEX bi ON b (b);", "23505", "0002_b.sql:3:3: "),
    ("CREATE TABLE b (b INTEGER);\nSELECT 1 SELECT 2;", "42601", "0002_b.sql:2:1: "),
    ("CREATE TABLE b (b INTEGER);\nBEGIN;", "25001", "0002_b.sql:2:1: "),
    ("-- pgd1: postgres\nCREATE TABLE b (b int);\nINSERT INTO b VALUES ('x');", "22P02", "0002_b.sql:3:1: "),
    ("-- pgd1: postgres\nCREATE TABLE b (b int CHECK (b > 0));\nINSERT INTO b VALUES (1);\nINSERT INTO b VALUES (0);", "23514", "0002_b.sql:4:1: "),
])
def test_a_migration_that_fails_leaves_nothing(project, text, code, place):
    project.write(_0001_a="CREATE TABLE a (a int);", _0002_b=text, _0003_c="CREATE TABLE c (c int);")
    error = project.fails("MIGRATE UP", code)
    assert error.diag.message_primary.startswith(place), error
    ran = code not in ("25001",)  # what cannot be read is found before anything runs
    assert project.run("SELECT to_regclass('a') IS NOT NULL, to_regclass('b'), to_regclass('c')") == [(ran, None, None)]
    assert project.states() == {"0001_a": "applied" if ran else "pending", "0002_b": "failed" if ran else "pending", "0003_c": "pending"}
    project.write(_0002_b="CREATE TABLE b (b int);")
    assert [row[0] for row in project.run("MIGRATE UP")] == ["0001_a.sql"] * (not ran) + ["0002_b.sql", "0003_c.sql"]
    assert project.applied() == ["0001_a", "0002_b", "0003_c"]


def test_chunks_are_resumed(project):
    project.write(_1_a="CREATE TABLE a (a int);\n--> breakpoint\nINSERT INTO a VALUES (1);\n--> breakpoint\nINSERT INTO b VALUES (1);")
    assert project.fails("MIGRATE UP", "42P01").diag.message_primary.startswith("1_a.sql:5:1: ")
    assert project.run("SELECT a FROM a") == [(1,)] and project.applied() == []
    row = project.run("MIGRATE STATUS")[0]
    assert row[1] == "failed" and row[5:7] == (2, 3) and row[9].startswith("1_a.sql:5:1: ")
    project.write(_1_a="CREATE TABLE a (a int);\n--> breakpoint\nINSERT INTO a VALUES (2);\n--> breakpoint\nINSERT INTO b VALUES (1);")
    assert project.states() == {"1_a": "modified"}  # what was done is another text
    project.fails("MIGRATE UP", "55000")
    project.write(_1_a="CREATE TABLE a (a int);\n--> breakpoint\nINSERT INTO a VALUES (1);\n--> breakpoint\nINSERT INTO b VALUES (1);")
    project.connection.execute("CREATE TABLE b (b int)")
    assert [row[:2] for row in project.run("MIGRATE UP")] == [("1_a.sql", "applied")]
    assert project.run("SELECT a FROM a") == [(1,)] and project.run("SELECT b FROM b") == [(1,)]


def test_changed_and_missing_files(project):
    project.write(_1_a="CREATE TABLE a (a int);", _2_b="CREATE TABLE b (b int);")
    project.run("MIGRATE UP")
    project.write(_1_a="CREATE TABLE a (a text);", _3_c="CREATE TABLE c (c int);")
    (project.folder / "2_b.sql").unlink()
    assert project.states() == {"1_a": "modified", "2_b": "missing", "3_c": "pending"}
    assert "SHA-256" in project.fails("MIGRATE UP", "55000").diag.message_detail
    project.write(_1_a="CREATE TABLE a (a int);")
    assert [row[0] for row in project.run("MIGRATE UP")] == ["3_c.sql"]


def test_what_wrangler_applied_is_applied(project):
    """wrangler makes its table and its rows; a file that it applied is not run, and what we apply stands in its table."""
    project.write(_0001_a="CREATE TABLE a (a int);", _0002_b="CREATE TABLE b (b int);")
    project.connection.execute("SET pgd1.dialect = 'sqlite'")
    project.connection.execute("CREATE TABLE d1_migrations(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, applied_at TIMESTAMP DEFAULT "
                               "CURRENT_TIMESTAMP NOT NULL)")
    project.connection.execute("INSERT INTO d1_migrations (name) VALUES ('0001_a.sql')")
    project.connection.execute("RESET pgd1.dialect")
    assert project.states() == {"0001_a": "applied", "0002_b": "pending"}
    assert [row[0] for row in project.run("MIGRATE UP")] == ["0002_b.sql"]
    assert project.applied() == ["0001_a", "0002_b"]
    assert project.run("SELECT to_regclass('a'), to_regclass('b')") == [(None, "b")]


def test_what_drizzle_applied_is_applied(project):
    project.write(_0000_a="CREATE TABLE a (a int);")
    digest = project.run("MIGRATE STATUS")[0][7]
    project.connection.execute("SET pgd1.dialect = 'sqlite'")
    project.connection.execute("CREATE TABLE __drizzle_migrations (id SERIAL PRIMARY KEY, hash text NOT NULL, created_at numeric)")
    project.connection.execute(f"INSERT INTO __drizzle_migrations (hash, created_at) VALUES ('{digest}', 1700000000000)")
    project.connection.execute("RESET pgd1.dialect")
    assert project.states() == {"0000_a": "applied"}
    assert project.run("MIGRATE UP") == []


def test_one_runner_at_a_time(project):
    """Several run at once: each migration is applied once, and whoever is told to wait is told for whom."""
    project.write(**{f"_{n:04}_t": f"CREATE TABLE t{n} (a int); INSERT INTO t{n} VALUES ({n});" for n in range(1, 9)})
    outcomes, lock = [], threading.Lock()

    def runner():
        with project.server.connect() as connection:
            try:
                done = [row[0] for row in connection.execute("MIGRATE UP").fetchall()]
            except psycopg.Error as error:
                done = error
            with lock:
                outcomes.append(done)

    threads = [threading.Thread(target=runner) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    errors = [outcome for outcome in outcomes if isinstance(outcome, psycopg.Error)]
    assert all(error.sqlstate == "55006" and "are being run by postgres, process" in str(error) for error in errors), errors
    applied = [name for outcome in outcomes if isinstance(outcome, list) for name in outcome]
    assert sorted(applied) == [f"{n:04}_t.sql" for n in range(1, 9)]
    assert project.run("SELECT count(*) FROM d1_migrations") == [(8,)]


def up_counts(project, total):
    """UP of so many pending files of one chunk each costs one request a file, one for the journal, and one for the bookmark where there is one;
    STATUS, VALIDATE and UP of nothing cost one."""
    bookmark = {"embedded": 1, "workerd": 0, "rest": 1}[project.transport]
    for sql, rows, requests in (("MIGRATE STATUS", total, 1), ("MIGRATE VALIDATE", 0, 1), ("MIGRATE UP DRY RUN", total, 1),
                                ("MIGRATE UP", total, 1 + bookmark + total), ("MIGRATE STATUS", total, 1), ("MIGRATE UP", 0, 1)):
        before = project.trips()
        assert len(project.run(sql)) == rows
        assert (sql, project.trips() - before) == (sql, requests)
    assert set(project.states().values()) == {"applied"}


@pytest.mark.parametrize("total", (1, 5, 60))
def test_round_trips(project, total):
    project.write(**{f"_{n:04}_t": f"CREATE TABLE t{n} (a int);\nDROP TABLE t{n};\nCREATE TABLE t{n} (a int)" for n in range(1, total + 1)})
    project.run("SELECT count(*) FROM pg_class")  # the schema is known
    up_counts(project, total)
    project.write(**{f"_{n:04}_u": f"-- pgd1: postgres\nCREATE TABLE u{n} (a int)" for n in range(total + 1, total + total + 1)})
    bookmark = {"embedded": 1, "workerd": 0, "rest": 1}[project.transport]
    before = project.trips()
    assert len(project.run("MIGRATE UP")) == total  # the journal is there now
    assert project.trips() - before == 1 + bookmark + total


@pytest.mark.timeout(1200)
def test_a_thousand_files(transport):
    """Requests grow with migrations and by nothing else, however many there are; over a network 1,000 in the long form."""
    total = 1000 if transport == "embedded" or LONG else 200
    with Project(transport) as project:
        project.write(_0001_t="CREATE TABLE t (a INTEGER);", **{f"_{n:04}_t": f"INSERT INTO t VALUES ({n});" for n in range(2, total + 1)})
        project.run("SELECT count(*) FROM pg_class")
        up_counts(project, total)
        assert project.drift() == {} and project.run("SELECT count(*) FROM t") == [(total - 1,)]


def test_each_file_sees_what_those_before_left(project):
    """DDL of both dialects, one on top of the other; other sessions see each file's tables as soon as it is applied."""
    project.write(_1_a="CREATE TABLE a (id INTEGER PRIMARY KEY, n INTEGER);\nCREATE INDEX a_n ON a (n);",
                  _2_b="-- pgd1: postgres\nCREATE TYPE mood AS ENUM ('sad', 'glad');\nCREATE TABLE b (id serial PRIMARY KEY, a int REFERENCES a, m mood);",
                  _3_c="-- pgd1: postgres\nINSERT INTO a VALUES (1, 10);\nINSERT INTO b (a, m) VALUES (1, 'glad');\n--> breakpoint\n"
                       "ALTER TABLE b RENAME TO c;\nCREATE VIEW v AS SELECT c.id, m, n FROM c JOIN a ON a.id = c.a;",
                  _4_d="PRAGMA foreign_key_check;\nALTER TABLE a ADD COLUMN t TEXT DEFAULT 'x';\nCREATE TRIGGER g AFTER INSERT ON a BEGIN\n"
                       "UPDATE a SET t = 'seen' WHERE id = new.id;\nEND;",
                  _5_e="-- pgd1: postgres\nALTER TABLE c ADD COLUMN w numeric(6,2) NOT NULL DEFAULT 1.5;\nDROP VIEW v;\nCREATE SCHEMA s;\nCREATE TABLE s.d (c int REFERENCES c);",
                  _6_f="INSERT INTO a (id) VALUES (2);\nDROP INDEX a_n;",
                  _7_g="-- pgd1: postgres\nINSERT INTO c (a, m, w) VALUES (2, 'sad', 2.25);\nINSERT INTO s.d VALUES (2);")
    seen = []
    with project.server.connect() as other:
        def look(notice):
            if "applied" in notice.message_primary or "chunk" in notice.message_primary:
                seen.append(sorted(row[0] for row in other.execute("SELECT relname FROM pg_class WHERE relkind IN ('r', 'v') "
                                                                   "AND relnamespace::regnamespace::text IN ('public', 's')").fetchall()))

        project.connection.add_notice_handler(look)
        assert len(project.run("MIGRATE UP")) == 7
        journal = ["d1_migrations"]
        tables = [[*"a"], [*"ab"], [*"ab"], [*"acv"], [*"acv"], [*"acd"], [*"acd"], [*"acd"]]
        assert seen == [sorted(names + journal) for names in tables]
        for connection in (project.connection, other):
            assert connection.execute("SELECT id, a, m, w::text FROM c ORDER BY id").fetchall() == [(1, 1, "glad", "1.50"), (2, 2, "sad", "2.25")]
            assert connection.execute("SELECT id, n, t FROM a ORDER BY id").fetchall() == [(1, 10, "x"), (2, None, "seen")]
    assert project.drift() == {} and project.findings() == []


def test_a_run_that_fails_late_leaves_the_schema_known(project):
    project.write(_1_a="CREATE TABLE a (a INTEGER);", _2_b="ALTER TABLE a ADD COLUMN b INTEGER;", _3_c="CREATE TABLE c (c INTEGER);\nINSERT INTO nosuch VALUES (1);")
    project.fails("MIGRATE UP", "42P01")
    assert project.run("SELECT column_name FROM information_schema.columns WHERE table_name IN ('a', 'c') ORDER BY 1") == [("a",), ("b",)]
    assert project.run("SELECT a, b FROM a") == [] and project.states() == {"1_a": "applied", "2_b": "applied", "3_c": "failed"}
    project.write(_3_c="-- pgd1: postgres\nCREATE TABLE c AS SELECT a, b FROM a;")
    assert [row[0] for row in project.run("MIGRATE UP")] == ["3_c.sql"] and project.drift() == {}


def test_down(project):
    down = "\n-- migrate:down\n"
    project.write(_1_a="CREATE TABLE a (a INTEGER);", _2_b=f"CREATE TABLE b (b INTEGER);{down}DROP TABLE b;",
                  _3_c=f"CREATE TABLE c (c INTEGER); INSERT INTO b VALUES (3);{down}DELETE FROM b WHERE b = 3;\n--> breakpoint\nDROP TABLE c;")
    project.run("MIGRATE UP")
    assert [row[:3] for row in project.run("MIGRATE DOWN DRY RUN")] == [("3_c.sql", "to be taken back", 2)]
    assert [row[:3] for row in project.run("MIGRATE DOWN")] == [("3_c.sql", "taken back", 2)]
    assert project.states() == {"1_a": "applied", "2_b": "applied", "3_c": "pending"}
    assert project.run("SELECT to_regclass('c'), count(*) FROM b") == [(None, 0)]
    assert [row[0] for row in project.run("MIGRATE UP")] == ["3_c.sql"]
    assert [row[0] for row in project.run("MIGRATE DOWN TO '1_a'")] == ["3_c.sql", "2_b.sql"]
    assert project.applied() == ["1_a"]
    assert "does not say how" in str(project.fails("MIGRATE DOWN", "55000"))
    assert project.applied() == ["1_a"] and project.run("SELECT count(*) FROM a") == [(0,)]


def test_down_that_fails_leaves_all(project):
    project.write(_1_a="CREATE TABLE a (a INTEGER);\n-- migrate:down\nDROP TABLE a;\nDROP TABLE nosuch;")
    project.run("MIGRATE UP")
    assert project.fails("MIGRATE DOWN", "42P01").diag.message_primary.startswith("1_a.sql:4:1: ")
    assert project.run("SELECT count(*) FROM a") == [(0,)] and project.applied() == ["1_a"]
    project.write(_1_a="CREATE TABLE a (a INTEGER);\n-- migrate:down\nDROP TABLE a;")
    assert "changed" in str(project.fails("MIGRATE DOWN", "55000"))


def test_baseline(project):
    """A database that is there already: its migrations are taken as applied."""
    project.connection.execute("CREATE TABLE a (a int)")
    project.write(_1_a="CREATE TABLE a (a INTEGER);", _2_b="CREATE TABLE b (b INTEGER);", _3_c="CREATE TABLE c (c INTEGER);")
    assert project.run("MIGRATE BASELINE '1_a'") == [("1_a.sql", "taken as applied")]
    assert project.states() == {"1_a": "applied", "2_b": "pending", "3_c": "pending"}
    assert [row[0] for row in project.run("MIGRATE UP TO '2_b'")] == ["2_b.sql"]
    assert project.run("MIGRATE BASELINE") == [("3_c.sql", "taken as applied")]
    assert project.run("MIGRATE BASELINE") == [] and project.run("MIGRATE UP") == []
    assert project.applied() == ["1_a", "2_b", "3_c"] and project.run("SELECT to_regclass('c')") == [(None,)]


def test_repair(project):
    project.write(_1_a="CREATE TABLE a (a INTEGER);", _2_b="CREATE TABLE b (b INTEGER);")
    project.run("MIGRATE UP")
    old = {row[0]: row[7] for row in project.run("MIGRATE STATUS")}
    project.write(_1_a="CREATE TABLE a (a INTEGER); -- a comment", _3_c="CREATE TABLE c (c INTEGER);")
    project.fails("MIGRATE UP", "55000")
    repaired = project.run("MIGRATE REPAIR")
    assert [row[:2] for row in repaired] == [("1_a.sql", old["1_a.sql"])] and repaired[0][2] != old["1_a.sql"]
    assert project.run("MIGRATE REPAIR") == []
    assert [row[0] for row in project.run("MIGRATE UP")] == ["3_c.sql"]


def test_validate(project):
    """What is applied and what is pending is replayed; nothing of the database changes."""
    project.write(_1_a="CREATE TABLE p (id INTEGER PRIMARY KEY);\nCREATE TABLE c (p INTEGER REFERENCES p(id));",
                  _2_b="-- pgd1: postgres\nCREATE TABLE b (id serial PRIMARY KEY, t text NOT NULL DEFAULT 'x' CHECK (t <> ''));\nINSERT INTO b(t) VALUES ('y');")
    assert project.findings() == []
    project.run("MIGRATE UP")
    assert project.findings() == []
    project.write(_3_c="CREATE TABLE d (d INTEGER);\nINSERT INTO c VALUES (7);")
    assert project.findings() == [("error", "3_c.sql", 2, 1, None, "23503")]
    project.write(_3_c="CREATE TABLE d (d INTEGER);\n  INSERT INTO nosuch VALUES (7);", _4_d="-- pgd1: postgres\nSELEC 1;", _5_e="COMMIT;")
    assert project.findings() == [("error", "4_d.sql", 2, 1, None, "42601"), ("error", "5_e.sql", 1, 1, None, "25001"),
                                  ("error", "3_c.sql", 2, 3, None, "42P01")]
    row = project.run("MIGRATE VALIDATE")[2]
    assert row[5] == 'relation "nosuch" does not exist'
    assert project.states() == {"1_a": "applied", "2_b": "applied", "3_c": "pending", "4_d": "pending", "5_e": "pending"}
    assert project.run("SELECT count(*) FROM c") == [(0,)] and project.run("SELECT to_regclass('d')") == [(None,)]
    project.write(_3_c="CREATE TABLE d (d INTEGER REFERENCES nosuch(id));", _4_d="SELECT 4;", _5_e="SELECT 5;")
    assert project.findings() == [("foreign key", None, None, None, "table d", "42P01")]
    project.write(_1_a="CREATE TABLE p (id INTEGER PRIMARY KEY);\nCREATE TABLE c (p INTEGER REFERENCES p(id)); -- more")
    (project.folder / "3_c.sql").unlink()
    assert project.findings() == [("modified", "1_a.sql", None, None, None, None)]
    project.run("MIGRATE REPAIR")
    assert project.findings() == []


def test_queries_that_read_no_table_are_validated(project):
    project.write(_1_a="-- pgd1: postgres\nSELECT set_config('search_path', 'public', false);\nSELECT pg_advisory_lock(1), pg_advisory_unlock(1);\n"
                       "SELECT random(), now(), current_user, pg_backend_pid();\nSELECT count(*) FROM pg_class;\nSELECT count(*) FROM pg_stat_activity;")
    assert project.findings() == []
    project.write(_2_b="-- pgd1: postgres\nSELECT 1;\n SELECT 1 / 0;")
    assert project.findings() == [("error", "2_b.sql", 3, 2, None, "22012")]
    project.write(_2_b="-- pgd1: postgres\nSELECT 'x'::text::int;")
    assert project.findings() == [("error", "2_b.sql", 2, 1, None, "22P02")]
    project.fails("MIGRATE UP", "22P02")
    assert project.states() == {"1_a": "applied", "2_b": "failed"}


def test_a_file_costs_the_same_however_many_are_before_it():
    """In the server's own time: the schema is not read again, nor made again, for each file."""
    total, part, spent = 300, 60, []
    with Project("embedded") as project:
        def spend(notice):
            fields = pathlib.Path(f"/proc/{project.server.pid}/stat").read_text().rsplit(")", 1)[1].split()
            spent.append(int(fields[11]) + int(fields[12]))

        project.write(**{f"_{n:04}_t": f"{'' if n % 2 else '-- pgd1: postgres'}\nCREATE TABLE t{n} (id INTEGER PRIMARY KEY, a TEXT NOT NULL);\n"
                                       f"CREATE INDEX t{n}_a ON t{n} (a);" for n in range(1, total + 1)})
        project.connection.add_notice_handler(spend)
        assert len(project.run("MIGRATE UP")) == total
        first, last = spent[part] - spent[0], spent[-1] - spent[-1 - part]
        assert last <= 4 * first + 10, (first, last)
        assert project.drift() == {}


def test_drift(project):
    """The database was changed beside its migrations: told object by object, by STATUS in one round trip."""
    project.write(_1_a="CREATE TABLE a (id INTEGER PRIMARY KEY, n INTEGER);\nCREATE TABLE gone (id INTEGER);\nCREATE INDEX ai ON a (n);",
                  _2_b="-- pgd1: postgres\nCREATE TABLE b (id serial PRIMARY KEY, t varchar(10));\n--> breakpoint\nCREATE VIEW v AS SELECT id FROM b;")
    project.run("MIGRATE UP")
    assert project.drift() == {} and project.findings() == []
    project.raw("ALTER TABLE a ADD COLUMN more TEXT", "DROP TABLE gone", "CREATE TABLE extra (x INTEGER)")
    project.connection.execute("ALTER TABLE b ALTER COLUMN t TYPE varchar(20)")
    drift = project.drift()
    assert set(drift) == {"column a.more", "table gone", "table extra", "column b.t"}, drift
    assert "20" in drift["column b.t"] and "10" in drift["column b.t"]
    assert sorted(row[4] for row in project.findings()) == sorted(drift)
    assert {row[0] for row in project.findings()} == {"drift"}
    row = project.run("MIGRATE STATUS")[0]
    assert row[10] == project.run("SELECT current_database()")[0][0]
    before = project.trips()
    project.run("MIGRATE STATUS")
    assert project.trips() - before == 1
    project.write(_2_b="nonsense")
    assert project.states()["2_b"] == "modified" and "cannot be replayed: 2_b.sql:1:1: " in project.drift()["schema"]


def test_drift_is_of_what_is_applied(project):
    """A migration that is begun, or pending, has its part in the comparison: as far as it is applied."""
    project.write(_1_a="CREATE TABLE a (a INTEGER);\n--> breakpoint\nCREATE TABLE b (b INTEGER);\n--> breakpoint\nINSERT INTO nosuch VALUES (1);",
                  _2_b="CREATE TABLE later (a INTEGER);")
    project.fails("MIGRATE UP", "42P01")
    assert project.drift() == {}
    project.raw("DROP TABLE b")
    assert set(project.drift()) == {"table b"}


FAMILY = """CREATE TABLE p (id INTEGER PRIMARY KEY, n INTEGER);
CREATE TABLE c (id INTEGER PRIMARY KEY, p INTEGER REFERENCES p(id) ON DELETE {action});
INSERT INTO p VALUES (1, 10), (2, 20);
INSERT INTO c VALUES (1, 1), (2, 1), (3, 2);"""
RECIPE = """PRAGMA defer_foreign_keys = on;
CREATE TABLE new_p (id INTEGER PRIMARY KEY, n TEXT);
INSERT INTO new_p SELECT id, n FROM p;
{drop}
ALTER TABLE new_p RENAME TO p;"""
RENAMED = """PRAGMA defer_foreign_keys = on;
PRAGMA foreign_keys = off;
ALTER TABLE p RENAME TO old_p;
CREATE TABLE p (id INTEGER PRIMARY KEY, n TEXT);
INSERT INTO p SELECT id, n FROM old_p;
DROP TABLE old_p;"""
REFILLED = """PRAGMA defer_foreign_keys = on;
CREATE TABLE kept AS SELECT * FROM p;
DROP TABLE p;
CREATE TABLE p (id INTEGER PRIMARY KEY, n TEXT);
INSERT INTO p SELECT id, n FROM kept;
DROP TABLE kept;"""
WHOLE = """PRAGMA defer_foreign_keys = on;
CREATE TABLE new_p (id INTEGER PRIMARY KEY, n TEXT);
INSERT INTO new_p SELECT id, n FROM p;
CREATE TABLE new_c (id INTEGER PRIMARY KEY, p INTEGER REFERENCES new_p(id) ON DELETE CASCADE);
INSERT INTO new_c SELECT * FROM c;
DROP TABLE c;
DROP TABLE p;
ALTER TABLE new_p RENAME TO p;
ALTER TABLE new_c RENAME TO c;"""


@pytest.mark.parametrize("action, text, place, children", [
    ("CASCADE", RECIPE.format(drop="DROP TABLE p;"), "4:1", [1, 1, 2]),
    ("SET NULL", RECIPE.format(drop="drop table if exists main.\"P\";"), "4:1", [1, 1, 2]),
    ("SET DEFAULT", RECIPE.format(drop="DROP /* it */ TABLE [p];"), "4:1", [1, 1, 2]),
    ("CASCADE", RENAMED, "6:1", [1, 1, 2]),
    ("CASCADE", "SELECT 1;\n--> breakpoint\n" + RENAMED, "8:1", [1, 1, 2]),
    ("NO ACTION", REFILLED, None, [1, 1, 2]),
    ("CASCADE", WHOLE, None, [1, 1, 2]),
    ("CASCADE", "-- pgd1: allow cascade\n" + RECIPE.format(drop="DROP TABLE p;"), None, []),
    ("SET NULL", "-- pgd1: allow cascade\n" + RECIPE.format(drop="DROP TABLE p;"), None, [None, None, None]),
])
def test_drop_of_a_table_that_others_refer_to(project, action, text, place, children):
    """DROP TABLE deletes rows first, and ON DELETE acts on those of other tables, deferred keys or not: found before anything runs."""
    project.write(_1_a=FAMILY.format(action=action))
    project.run("MIGRATE UP")
    project.write(_2_b="CREATE TABLE other (a INTEGER);", _3_c=text)
    if place:
        for command in ("MIGRATE UP", "MIGRATE UP DRY RUN"):
            error = project.fails(command, "2BP01")
            assert error.diag.message_primary.startswith(f"3_c.sql:{place}: DROP TABLE") and f'"c", which refer to it ON DELETE {action}' in str(error)
            assert "allow cascade" in error.diag.message_hint
        assert [("error", "3_c.sql", *map(int, place.split(":")), None, "2BP01")] == project.findings()
        assert project.states() == {"1_a": "applied", "2_b": "pending", "3_c": "pending"}
        assert project.run("SELECT to_regclass('other')") == [(None,)]
        assert [row[0] for row in project.run("MIGRATE UP TO '2_b'")] == ["2_b.sql"]  # the lease was given back
    else:
        assert project.findings() == []
        assert [row[0] for row in project.run("MIGRATE UP")] == ["2_b.sql", "3_c.sql"]
        assert project.run("SELECT pg_typeof(n)::text FROM p LIMIT 1") == [("text",)]
    assert [row[0] for row in project.run("SELECT p FROM c ORDER BY id")] == children


def test_drop_down(project):
    """The reverse part is looked at as well."""
    project.write(_1_a="CREATE TABLE p (id INTEGER PRIMARY KEY);\n-- migrate:down\nDROP TABLE p;")
    project.run("MIGRATE UP")
    project.raw("CREATE TABLE c (p INTEGER REFERENCES p(id) ON DELETE CASCADE)", "INSERT INTO p VALUES (1)", "INSERT INTO c VALUES (1)")
    assert project.fails("MIGRATE DOWN", "2BP01").diag.message_primary.startswith("1_a.sql:3:1: ")
    assert project.run("SELECT p FROM c") == [(1,)] and project.applied() == ["1_a"]
    project.raw("DROP TABLE c")
    assert [row[:2] for row in project.run("MIGRATE DOWN")] == [("1_a.sql", "taken back")]


def test_commands_as_functions(project):
    """For clients that check syntax: every command in FROM, in both protocols; its rows are a query's like any other."""
    project.write(_1_a="CREATE TABLE a (a INTEGER);", _2_b="CREATE TABLE b (b INTEGER);\n-- migrate:down\nDROP TABLE b;")
    assert project.run("SELECT * FROM pgd1.migrations") == project.run("MIGRATE STATUS") == project.run("SELECT m.* FROM pgd1.migrate_status() m")
    pending = "SELECT name, state FROM pgd1.migrations m WHERE m.state = 'pending' ORDER BY name DESC"
    assert project.run(pending) == [("2_b.sql", "pending"), ("1_a.sql", "pending")]
    assert project.run("SELECT name, result FROM pgd1.migrate_up(target => '1_a', dry_run => true)") == [("1_a.sql", "pending")]
    assert project.run("SELECT name, result FROM pgd1.migrate_up('1_a')", prepare=True) == [("1_a.sql", "applied")]
    assert project.run(pending, prepare=True) == [("2_b.sql", "pending")]
    assert project.run("SELECT count(*), max(name) FROM (SELECT * FROM pgd1.migrate_up(confirm => NULL)) x", prepare=True) == [(1, "2_b.sql")]
    for prepare in (False, True):
        assert project.run(pending, prepare=prepare) == []
        assert project.run("SELECT name, result FROM pgd1.migrate_down()", prepare=prepare) == [("2_b.sql", "taken back")]
        assert project.run("SELECT statements FROM pgd1.migrate_up()", prepare=prepare) == [(1,)]
    assert project.run("SELECT name FROM pgd1.migrate_create('next', body => 'SELECT ''x''')") == [("0003_next.sql",)]
    assert (project.folder / "0003_next.sql").read_text() == "SELECT 'x'\n"
    assert project.run("SELECT * FROM pgd1.migrate_validate()") == project.run("SELECT * FROM pgd1.migrate_repair()") == []
    assert project.run("SELECT * FROM pgd1.migrate_help()") == project.run("MIGRATE HELP")
    assert project.run("SELECT name FROM pgd1.migrate_baseline()") == [("0003_next.sql",)]
    joined = "SELECT m.name, c.relname FROM pgd1.migrations m JOIN pg_class c ON m.name LIKE '%' || c.relname || '.sql' AND c.relname = 'b'"
    assert project.run(joined) == [("2_b.sql", "b")]


def test_functions_are_described_without_running(project):
    project.write(_1_a="CREATE TABLE a (a INTEGER);")
    connection = project.connection.pgconn
    connection.prepare(b"up", b"SELECT * FROM pgd1.migrate_up()")
    described = connection.describe_prepared(b"up")
    assert [(described.fname(i), described.ftype(i)) for i in range(described.nfields)] == [(b"name", 25), (b"result", 25), (b"statements", 20),
                                                                                         (b"duration_ms", 20)]
    assert project.states() == {"1_a": "pending"}
    for expected in ([b"1_a.sql"], []):  # each Execute runs it
        ran = connection.exec_prepared(b"up", None)
        assert [ran.get_value(i, 0) for i in range(ran.ntuples)] == expected


@pytest.mark.parametrize("sql, code", [
    ("SELECT * FROM pgd1.migrate_up(nosuch => 1)", "42883"),
    ("SELECT * FROM pgd1.migrate_up(dry_run => 'x')", "42804"),
    ("SELECT * FROM pgd1.migrate_up(target => lower('X'))", "0A000"),
    ("SELECT * FROM pgd1.migrate_create()", "42883"),
    ("SELECT * FROM pgd1.migrate_create('../x')", "42602"),
    ("SELECT * FROM pgd1.migrate_validate('x')", "42883"),
    ("SELECT * FROM pgd1.nosuch()", "42883"),
    ("SELECT * FROM pgd1.migrate_up", "42P01"),
    ("SELECT * FROM pgd1.migrations, pgd1.migrate_up()", "0A000"),
    ("SELECT * FROM pgd1.migrations, t", "0A000"),
    ("INSERT INTO t SELECT 1 FROM pgd1.migrations", "0A000"),
    ("EXPLAIN SELECT * FROM pgd1.migrate_up()", "0A000"),
    ("DECLARE c CURSOR WITH HOLD FOR SELECT * FROM pgd1.migrate_up()", "0A000"),
    ("COPY (SELECT * FROM pgd1.migrate_up()) TO STDOUT", "0A000"),
    ("CREATE VIEW v AS SELECT * FROM pgd1.migrations", "0A000"),
    ("BEGIN; SELECT * FROM pgd1.migrations", "25001"),
])
def test_functions_that_are_refused(sql, code):
    with Project("embedded") as project:
        project.connection.execute("CREATE TABLE t (a int)")
        project.write(_1_a="CREATE TABLE a (a INTEGER);")
        project.fails(sql, code)
        project.connection.execute("ROLLBACK")
        assert project.states() == {"1_a": "pending"}
        assert project.run("SELECT to_regclass('v'), count(*) FROM t") == [(None, 0)]


def test_functions_fail_as_statements_do(project):
    project.write(_1_a="INSERT INTO nosuch VALUES (1);", _2_b="SELECT 2;")
    for prepare in (False, True):
        with pytest.raises(psycopg.errors.UndefinedTable) as caught:
            project.run("SELECT * FROM pgd1.migrate_up()", prepare=prepare)
        assert caught.value.diag.message_primary.startswith("1_a.sql:1:1: ")
    assert project.states() == {"1_a": "failed", "2_b": "pending"}
    project.write(_1_a="-- pgd1: postgres\nSELECT * FROM pgd1.migrate_up();")
    assert project.fails("MIGRATE UP", "25001").diag.message_primary.startswith("1_a.sql:2:1: ")
    project.write(_1_a="SELECT 1;")
    assert project.run("SELECT name FROM pgd1.migrate_up()") == [("1_a.sql",), ("2_b.sql",)]


def test_a_long_replay_lets_others_work(transport):
    """VALIDATE of many files takes turns with other sessions, and can be cancelled."""
    with Project(transport) as project:
        project.write(**{f"_{n:04}_t": f"-- pgd1: postgres\nCREATE TABLE t{n} (id serial PRIMARY KEY, a int);" for n in range(1, 151)})
        validating = project.server.connect()
        cursor = validating.cursor()
        errors = []

        def validate():
            try:
                cursor.execute("MIGRATE VALIDATE")
            except psycopg.Error as error:
                errors.append(error)

        thread = threading.Thread(target=validate)
        thread.start()
        answered = 0
        while thread.is_alive():
            assert project.run("SELECT 1") == [(1,)]
            answered += 1
            if answered == 3:
                validating.cancel()
        thread.join()
        assert answered >= 3 and [error.sqlstate for error in errors] == ["57014"]
        assert validating.execute("SELECT 1").fetchall() == [(1,)]
        validating.close()


def test_help_lists_what_there_is(project):
    project.write(_0001_a="SELECT 1")
    helped = {row[0].split()[1] for row in project.run("MIGRATE HELP")}
    assert helped == {"STATUS", "CREATE", "UP", "DOWN", "VALIDATE", "GENERATE", "PUSH", "BASELINE", "REPAIR", "RESET", "RESTORE", "HELP"}


def test_create(project):
    assert project.run("MIGRATE CREATE 'add users' AS 'CREATE TABLE users (id int)'") == [("0001_add_users.sql", str(project.folder))]
    assert (project.folder / "0001_add_users.sql").read_text() == "CREATE TABLE users (id int)\n"
    assert project.run("MIGRATE CREATE 'next'")[0][0] == "0002_next.sql"
    for name in ("../x", "a/b", "", ".."):
        project.fails(f"MIGRATE CREATE '{name}'", "42602")
    assert sorted(path.name for path in project.folder.iterdir()) == ["0001_add_users.sql", "0002_next.sql"]


def test_bad_input(project):
    project.write(_0001_a="SELECT 1")
    project.fails("MIGRATE SIDEWAYS", "42601")
    project.fails("MIGRATE UP TO 'nosuch'", "42704")
    project.fails("BEGIN; MIGRATE UP", "42601")  # PostgreSQL's grammar reads a string of several statements
    with project.connection.transaction():
        project.connection.execute("SELECT 1")
    project.connection.execute("BEGIN")
    project.fails("MIGRATE UP", "25001")
    project.connection.execute("ROLLBACK")
    (project.folder / "0002_latin.sql").write_bytes(b"SELECT '\xe4'")
    assert "0002_latin.sql" in str(project.fails("MIGRATE STATUS", "22021"))
    (project.folder / "0002_latin.sql").unlink()
    project.write(_1_b="SELECT 2")
    assert "same number" in str(project.fails("MIGRATE UP", "42710"))
    (project.folder / "1_b.sql").unlink()
    (project.folder / "0001_a.sql").unlink()
    project.folder.rmdir()
    project.fails("MIGRATE STATUS", "58P01")


def test_production_asks(transport):
    with Project(transport, options="environment=production migrations_table=done") as project:
        project.write(_0001_a="CREATE TABLE a (a int)")
        database = project.run("SELECT current_database()")[0][0]
        assert project.run("MIGRATE UP DRY RUN")[0][0] == "0001_a.sql"
        assert database in project.fails("MIGRATE UP", "55000").diag.message_hint
        project.fails("MIGRATE UP CONFIRM 'other'", "55000")
        assert [row[0] for row in project.run(f"MIGRATE UP CONFIRM '{database}'")] == ["0001_a.sql"]
        assert project.run("SELECT name FROM done") == [("0001_a.sql",)]


def test_production_that_does_not_ask(transport):
    with Project(transport, options="environment=production confirm=off") as project:
        project.write(_0001_a="CREATE TABLE a (a int)")
        assert [row[0] for row in project.run("MIGRATE UP")] == ["0001_a.sql"]


# Each command, by its verb: what it is called with as a statement and as a function.
LOOKING = {"STATUS": ("", ""), "VALIDATE": ("", ""), "HELP": ("", "")}
CHANGING = {"CREATE": ("'x' AS 'SELECT 1'", "'x', body => 'SELECT 1'"), "UP": ("DRY RUN", "dry_run => true"), "DOWN": ("DRY RUN", "dry_run => true"),
            "GENERATE": ("'x' FROM 'schema.sql'", "'x', source => 'schema.sql'"), "PUSH": ("FROM 'schema.sql'", "source => 'schema.sql'"),
            "BASELINE": ("'1_a'", "'1_a'"), "REPAIR": ("", ""), "RESET": ("ALLOW DATA LOSS", "allow_data_loss => true"),
            "RESTORE": ("TO BOOKMARK 'b'", "bookmark => 'b'")}


def test_a_user_who_may_not_migrate():
    """can_migrate=off: looking is for everybody, changing files or the database is not, whatever form the command has."""
    with Project("embedded", users={"bob": "bobs", "eve": "eve"}, user_options={"bob": "can_migrate=off", "eve": "can_migrate=on"}) as project:
        project.write(_1_a="CREATE TABLE a (a INTEGER);")
        (project.folder.parent / "schema.sql").write_text("CREATE TABLE b (b INTEGER);")
        helped = {row[0].split()[1] for row in project.run("MIGRATE HELP")}
        assert helped <= {*LOOKING, *CHANGING}
        with project.server.connect(user="bob", password="bobs", autocommit=True) as bob:
            assert bob.execute("SELECT name, state FROM pgd1.migrations").fetchall() == [("1_a.sql", "pending")]
            for verb, (clauses, arguments) in LOOKING.items():
                rows = bob.execute(f"MIGRATE {verb} {clauses}").fetchall()
                assert rows == bob.execute(f"SELECT * FROM pgd1.migrate_{verb.lower()}({arguments})").fetchall()
            for verb in helped - {*LOOKING}:
                clauses, arguments = CHANGING[verb]
                commands = [f"MIGRATE {verb} {clauses}", f"SELECT * FROM pgd1.migrate_{verb.lower()}({arguments})"]
                for command in commands + [f"MIGRATE {verb}"] * (verb in ("UP", "DOWN", "PUSH", "RESET", "BASELINE")):
                    for prepare in (False, True):
                        with pytest.raises(psycopg.errors.InsufficientPrivilege) as caught:
                            bob.execute(command, prepare=prepare)
                        assert caught.value.diag.message_primary == f"permission denied to run MIGRATE {verb}"
        assert sorted(path.name for path in project.folder.iterdir()) == ["1_a.sql"] and project.states() == {"1_a": "pending"}
        with project.server.connect(user="eve", password="eve", autocommit=True) as eve:
            assert [row[0] for row in eve.execute("MIGRATE UP").fetchall()] == ["1_a.sql"]


def readme():
    """The part of README.md about migrations."""
    text = (pathlib.Path(__file__).parents[2] / "README.md").read_text()
    return text.split("\n## Migrations\n")[1].split("\n## ")[0]


def walk():
    """Its walk from psql: what is typed, and the lines that are shown for it."""
    steps = []
    for line in readme().split("```\n")[1].splitlines():
        prompt = re.match(r"app(=>|'>) ", line)
        if prompt and prompt[1] == "=>":
            steps.append((line[prompt.end():], []))
        elif prompt:
            steps[-1] = (steps[-1][0] + "\n" + line[prompt.end():], [])
        else:
            steps[-1][1].append(line.rstrip())
    return steps


def without_bookmark(line):
    return re.sub(r"[0-9a-f]{8}(-[0-9a-f]+){3}", "a bookmark", line)


@pytest.mark.parametrize("transport", ("embedded",))  # D1's bookmarks differ from transport to transport
def test_the_walk_of_the_readme(project):
    """Each command of it is typed into psql and shows what the page says; where it says nothing, nothing is to be said."""
    steps = walk()
    assert len(steps) >= 10 and sum(bool(lines) for _, lines in steps) >= 4
    for command, lines in steps:
        done = project.server.psql(text=command + "\n", check=False)
        shown = [line.rstrip() for line in (done.stderr + done.stdout).splitlines()]
        missing = [line for line in map(without_bookmark, lines) if line not in map(without_bookmark, shown)]
        assert not missing, (command, missing, shown)
        says_error = any(line.startswith("ERROR") for line in lines)
        assert (done.returncode != 0 or "ERROR" in done.stderr) == says_error, (command, shown)
    assert project.states()["0002_posts"] == "pending" and project.applied() == ["0001_users"]


def test_the_readme_lists_the_commands(project):
    listed = re.findall(r"^\| `(MIGRATE [^`]*)` \|", readme(), re.M)
    project.write(_1_a="SELECT 1")
    assert [row[0] for row in project.run("MIGRATE HELP")] == [command.replace("\\|", "|") for command in listed]


def test_killed_between_migrations(transport):
    """kill -9 while a run is under way: whole chunks with their journal, the rest runs later, once."""
    with Project(transport) as project:
        total = 40
        project.write(**{f"_{n:04}_t": f"CREATE TABLE t{n} (a int); INSERT INTO t{n} VALUES ({n});" for n in range(1, total + 1)})
        seen, stop = [], threading.Event()
        project.connection.add_notice_handler(lambda notice: (seen.append(notice.message_primary), len(seen) == 6 and stop.set()))
        killer = threading.Thread(target=lambda: (stop.wait(30), project.server.kill()))
        killer.start()
        with pytest.raises(psycopg.OperationalError):
            project.run("MIGRATE UP")
        killer.join()
        project.server.launch()
        project.connection = project.server.connect()
        applied = project.applied()
        assert len(applied) >= 5 and applied == [f"{n:04}_t" for n in range(1, len(applied) + 1)]
        assert all(project.run(f"SELECT a FROM t{n}") == [(n,)] for n in range(1, len(applied) + 1))
        project.connection.execute("SET pgd1.dialect = 'sqlite'")
        tables = project.run("SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name GLOB 't[0-9]*'")
        project.connection.execute("RESET pgd1.dialect")
        assert int(tables[0][0]) == len(applied)
        project.fails("MIGRATE UP", "55006")  # the lease of the dead runner
