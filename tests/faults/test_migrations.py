"""MIGRATE UP of five migrations, one of them in two chunks: pgd1 is killed, or the network fails once, at each request to D1 in turn. Never half a
chunk, never one twice, never one skipped; STATUS explains what is there, and UP goes on with the rest. PGD1_LONG=1: every fault at every
request. PGD1_SEED repeats a run."""
import os
import random

import psycopg
import pytest

from behind import Behind
from network import FAULTS

LONG = os.environ.get("PGD1_LONG") == "1"
SEED = os.environ.get("PGD1_SEED") or str(random.randrange(1 << 32))
NAMES = [f"000{n}_m" for n in range(1, 6)]
CHUNKS = {NAMES[2]: 2}
STEPS = [(name, chunk) for name in NAMES for chunk in range(CHUNKS.get(name, 1))]
EXTRA = {"workerd": 1, "rest": 2}  # the journal; the bookmark, where there is one
pytestmark = pytest.mark.timeout(3600 if LONG else 600)


def step_text(name, chunk):
    table = f"m{name[3]}_{chunk}"
    return (f"CREATE TABLE {table} (id INTEGER PRIMARY KEY, step TEXT NOT NULL);\nINSERT INTO {table} (step) VALUES ('{name}.{chunk}');\n"
            f"INSERT INTO tally (step) VALUES ('{name}.{chunk}');\n")


class Project:
    def __init__(self, behind):
        self.behind = behind
        folder = behind.server.folder / "migrations"
        folder.mkdir()
        for name in NAMES:
            parts = [step_text(name, chunk) for chunk in range(CHUNKS.get(name, 1))]
            head = "CREATE TABLE tally (id INTEGER PRIMARY KEY, step TEXT NOT NULL);\n" if name == NAMES[0] else ""
            (folder / f"{name}.sql").write_text(head + "--> breakpoint\n".join(parts))

    def up(self):
        """Answers whether it was done."""
        try:
            with self.behind.server.connect() as connection:
                self.behind.network.requests = 0
                connection.execute("MIGRATE UP")
                return True
        except psycopg.Error:
            return False

    def there(self, sql):
        return self.behind.rows_of(sql)

    def clear(self):
        """The database as it was before the first run."""
        names = [row[0] for row in self.there("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT GLOB 'sqlite_*' AND name NOT GLOB '_cf_*'")]
        for name in names:
            self.there(f'DROP TABLE "{name}"')

    def lease_ends(self):
        """As time would end it."""
        if self.there("SELECT 1 FROM sqlite_schema WHERE name = '_pgd1_migration_lease'"):
            self.there("UPDATE _pgd1_migration_lease SET until = 0")

    def done(self):
        """How many steps have run, by the tables and by their rows; they are the first ones, each once."""
        tables = {row[0] for row in self.there("SELECT name FROM sqlite_schema WHERE type = 'table' AND name GLOB 'm[0-9]_*'")}
        tally = [row[0] for row in self.there("SELECT step FROM tally ORDER BY id")] if tables else []
        assert tally == [f"{name}.{chunk}" for name, chunk in STEPS[:len(tally)]]
        assert tables == {f"m{name[3]}_{chunk}" for name, chunk in STEPS[:len(tally)]}
        return len(tally)

    def check(self, what):
        """Tables, wrangler's journal and our own agree with STATUS."""
        n = self.done()
        whole = [name for name in NAMES if (name, CHUNKS.get(name, 1) - 1) in STEPS[:n]]
        with self.behind.server.connect() as connection:
            status = {row[0].removesuffix(".sql"): (row[1], row[5]) for row in connection.execute("MIGRATE STATUS").fetchall()}
        assert [name for name in NAMES if status[name][0] == "applied"] == whole, (what, status)
        begun = [name for name, chunk in STEPS[:n] if name not in whole]
        assert all(status[name][1] == 1 for name in begun), (what, status)
        if n:
            assert [row[0].removesuffix(".sql") for row in self.there("SELECT name FROM d1_migrations ORDER BY id")] == whole, what
        return n

    def ends_well(self, what):
        self.behind.network.reset()
        self.behind.network.settle()
        self.check(what)
        self.lease_ends()
        assert self.up(), what
        assert self.check(what) == len(STEPS), what


@pytest.fixture(params=("workerd", "rest"))
def project(request, tmp_path):
    with Behind(request.param, tmp_path, schema_poll_interval="0") as made:
        yield Project(made)


def places_of(project, faults):
    """Each fault at each request of one undisturbed run, from the log-in on."""
    project.behind.network.reset(lambda number, body: None)
    assert project.up()
    requests = project.behind.network.requests
    assert project.check("undisturbed") == len(STEPS) and requests > len(STEPS)
    return [(fault, at) for fault in faults for at in range(requests)]


def test_killed_at_every_request(project):
    network, server = project.behind.network, project.behind.server
    places, partial = places_of(project, ("cut_before", "cut_after")), set()
    everywhere = LONG or project.behind.kind == "workerd"

    def choose(number, body):
        if number != at:
            return None
        server.kill()
        return fault

    for fault, at in places if everywhere else random.Random(SEED).sample(places, 4):
        project.clear()
        if server.process.running():
            server.kill()
        server.launch()
        network.reset(choose)
        assert not project.up(), (fault, at)
        network.reset()
        network.settle()
        server.launch()
        partial.add(project.done())
        project.ends_well((SEED, fault, at))
    assert not everywhere or partial == set(range(len(STEPS) + 1))  # so each place between two steps was seen


def test_a_fault_at_every_request(project):
    network, chance = project.behind.network, random.Random(SEED)
    places = places_of(project, FAULTS)
    for fault, at in places if LONG else chance.sample(places, 8):
        project.clear()
        network.reset(lambda number, body: fault if number == at else None)
        project.up()
        project.ends_well((SEED, fault, at))


def test_requests_are_counted(project):
    """As the network sees them: one a chunk, and the journal's, and the bookmark's where there is one."""
    with project.behind.server.connect() as connection:
        for requests in (len(STEPS) + EXTRA[project.behind.kind], 1):
            connection.execute("SELECT count(*) FROM pg_class")  # the schema is known
            project.behind.network.reset()
            connection.execute("MIGRATE UP")
            assert project.behind.network.requests == requests
    assert project.check("counted") == len(STEPS)


def between(project, *statements):
    """Somebody else does this behind what UP has read, and before its first chunk comes."""
    left = list(statements)

    def choose(number, body):
        while b"INSERT INTO _pgd1_migration_lease" in body and left:
            project.there(left.pop(0))

    project.behind.network.reset(choose)
    return left


def run_somewhere_else(project):
    """The first migration as another pgd1 would have left it: these are its tables and rows."""
    assert project.up()
    kept = [row for row in project.there("SELECT sql FROM sqlite_schema WHERE name IN ('d1_migrations', '_pgd1_migrations', 'tally', 'm1_0')")]
    digest = project.there(f"SELECT hash FROM _pgd1_migrations WHERE name = '{NAMES[0]}.sql'")[0][0]
    project.clear()
    return [*(row[0].replace("CREATE TABLE", "CREATE TABLE IF NOT EXISTS", 1) for row in kept),
            f"INSERT INTO m1_0 (step) VALUES ('{STEPS[0][0]}.0')", f"INSERT INTO tally (step) VALUES ('{STEPS[0][0]}.0')",
            f"INSERT INTO d1_migrations (name) VALUES ('{NAMES[0]}.sql')",
            f"INSERT INTO _pgd1_migrations (name, hash, chunks_done, chunks) VALUES ('{NAMES[0]}.sql', '{digest}', 1, 1)"]


def test_another_runs_behind_the_look(project):
    """What UP read of the journal is not there any more when its first chunk comes: it begins again, and runs what is left."""
    statements = run_somewhere_else(project)
    left = between(project, *statements)
    with project.behind.server.connect() as connection:
        assert [row[0] for row in connection.execute("MIGRATE UP").fetchall()] == [f"{name}.sql" for name in NAMES[1:]]
    assert not left
    project.behind.network.reset()
    assert project.check("begun again") == len(STEPS)


def test_another_has_the_lease_behind_the_look(project):
    """It is told who runs migrations, nothing is noted as failed, and the other's lease stays."""
    lease = ("CREATE TABLE IF NOT EXISTS _pgd1_migration_lease (id INTEGER PRIMARY KEY CHECK (id = 1), holder TEXT NOT NULL, held_by TEXT NOT NULL, "
             "until INTEGER NOT NULL, began REAL)")
    between(project, lease, "INSERT INTO _pgd1_migration_lease VALUES (1, 'h', 'somebody', unixepoch() + 60, NULL)")
    with project.behind.server.connect() as connection:
        with pytest.raises(psycopg.errors.ObjectInUse, match="are being run by somebody"):
            connection.execute("MIGRATE UP")
    project.behind.network.reset()
    assert project.there("SELECT holder FROM _pgd1_migration_lease") == [["h"]] and project.done() == 0
    assert not project.there("SELECT 1 FROM sqlite_schema WHERE name = '_pgd1_migrations'")
    project.ends_well("behind the other's lease")


def test_a_failure_of_the_first_chunk_is_noted(project):
    """Its batch makes the journal and takes the lease, and is taken back: the failure is noted all the same, unless another has run meanwhile."""
    (project.behind.server.folder / "migrations" / f"{NAMES[0]}.sql").write_text("INSERT INTO nosuch VALUES (1)")
    assert not project.up()
    with project.behind.server.connect() as connection:
        status = connection.execute("MIGRATE STATUS").fetchall()
    assert [row[1] for row in status] == ["failed"] + ["pending"] * 4 and "nosuch" in status[0][9]
    assert project.there("SELECT count(*) FROM _pgd1_migration_lease") == [[0]]


def reads_schema(body):
    return body.startswith(b"{") and b"pragma_table_xinfo" in body


def test_the_schema_is_read_back_once(project):
    """What the DDL of a file leaves is known here: D1 is asked for its schema with the journal and behind the last chunk, however many there are."""
    read = []
    with project.behind.server.connect() as connection:
        connection.execute("SELECT count(*) FROM pg_class")
        project.behind.network.reset(lambda number, body: read.append(reads_schema(body)))
        connection.execute("MIGRATE UP")
        chunks = read[-len(STEPS):]
        assert read[0] and chunks == [False] * (len(STEPS) - 1) + [True]
        project.behind.network.reset()
        assert project.check("once") == len(STEPS)


def test_a_table_made_elsewhere_in_the_middle_of_a_run(project):
    """The schema behind each chunk is reckoned here, and still a name that somebody else made meanwhile is found."""
    folder = project.behind.server.folder / "migrations"
    (folder / f"{NAMES[3]}.sql").write_text("-- pgd1: postgres\nINSERT INTO elsewhere (a) VALUES (4);\nCREATE TABLE behind (b int);\n")
    (folder / f"{NAMES[4]}.sql").write_text("INSERT INTO elsewhere (a) SELECT a + 1 FROM elsewhere;\nALTER TABLE elsewhere ADD COLUMN c INTEGER;\n")
    left = ["CREATE TABLE elsewhere (a INTEGER)"]

    def choose(number, body):
        if b"CREATE TABLE m3_0" in body and left:
            project.there(left.pop())

    with project.behind.server.connect() as connection:
        project.behind.network.reset(choose)
        assert len(connection.execute("MIGRATE UP").fetchall()) == len(NAMES)
        project.behind.network.reset()
        assert connection.execute("SELECT a, c FROM elsewhere ORDER BY a").fetchall() == [(4, None), (5, None)]
        assert connection.execute("SELECT count(*) FROM behind").fetchall() == [(0,)]
