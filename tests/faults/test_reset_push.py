"""MIGRATE RESET and PUSH: pgd1 is killed at each request to D1 in turn. RESET leaves whole batches, of before or an empty database with the first
files applied; PUSH the schema of before or the declared one. Rows that are to stay, stay; the same command then ends well. PGD1_SEED repeats
a run; PGD1_LONG=1: at every request behind REST as well."""
import os
import random

import psycopg
import pytest

from behind import Behind
from test_migrations import LONG, STEPS, Project

SEED = os.environ.get("PGD1_SEED") or str(random.randrange(1 << 32))
pytestmark = pytest.mark.timeout(3600 if LONG else 900)
OLD = "CREATE TABLE p (id INTEGER PRIMARY KEY, n INTEGER);\nCREATE TABLE c (id INTEGER PRIMARY KEY, p INTEGER REFERENCES p(id) ON DELETE CASCADE);\n"
NEW = OLD.replace("n INTEGER", "n TEXT NOT NULL DEFAULT 'x'") + "CREATE TABLE extra (a INTEGER);\n"


class Killed(Project):
    def run(self, sql):
        """Answers whether it was done."""
        try:
            with self.behind.server.connect() as connection:
                self.behind.network.requests = 0
                connection.execute(sql)
                return True
        except psycopg.Error:
            return False

    def names(self):
        return {row[0] for row in self.there("SELECT name FROM sqlite_schema WHERE type = 'table'")}

    def places(self, sql):
        """Each way to die at each request of one undisturbed run."""
        self.behind.network.reset(lambda number, body: None)
        assert self.run(sql)
        places = [(fault, at) for fault in ("cut_before", "cut_after") for at in range(self.behind.network.requests)]
        self.behind.network.reset()
        everywhere = LONG or self.behind.kind == "workerd"
        return places if everywhere else random.Random(SEED).sample(places, 4)

    def kill_in(self, sql, fault, at):
        network, server = self.behind.network, self.behind.server

        def choose(number, body):
            if number != at:
                return None
            server.kill()
            return fault
        network.reset(choose)
        assert not self.run(sql), (fault, at)
        network.reset()
        network.settle()
        server.launch()
        self.lease_ends()


@pytest.fixture(params=("workerd", "rest"))
def project(request, tmp_path):
    with Behind(request.param, tmp_path, schema_poll_interval="0") as made:
        yield Killed(made)


def test_reset_killed_at_every_request(project):
    def prepare():
        if "mine" not in project.names():
            project.there("CREATE TABLE mine (a INTEGER)")
            project.there("INSERT INTO mine VALUES (1)")
    prepare()
    assert project.up()
    command, seen = "MIGRATE RESET ALLOW DATA LOSS", set()
    for fault, at in project.places(command):
        prepare()
        with project.behind.server.connect() as connection:
            project.behind.look_again(connection)
        project.kill_in(command, fault, at)
        steps = project.done()
        if "mine" in project.names():
            assert steps == len(STEPS) and project.there("SELECT a FROM mine") == [[1]], (SEED, fault, at)
            steps = "old"
        seen.add(steps)
        project.check((SEED, fault, at))
        assert project.run(command), (SEED, fault, at)
        assert project.check((SEED, fault, at)) == len(STEPS) and "mine" not in project.names()
    assert project.behind.kind != "workerd" or seen == {"old", *range(len(STEPS) + 1)}  # each place between two batches was seen


def test_push_killed_at_every_request(project):
    schema, seen, command = project.behind.server.folder / "schema.sql", set(), "MIGRATE PUSH ALLOW DATA LOSS"
    for path in (project.behind.server.folder / "migrations").iterdir():
        path.unlink()

    def old():
        schema.write_text(OLD)
        assert project.run(command)
        project.there("DELETE FROM p")
        project.there("INSERT INTO p (id, n) VALUES (1, 5), (2, 6)")
        project.there("INSERT INTO c VALUES (1, 1), (2, 2), (3, 2)")
        schema.write_text(NEW)
    old()
    for fault, at in project.places(command):
        old()
        project.kill_in(command, fault, at)
        is_new = "extra" in project.names()
        seen.add(is_new)
        rows = [["5"], ["6"]] if is_new else [[5], [6]]
        assert project.there("SELECT n FROM p ORDER BY id") == rows and project.there("SELECT id, p FROM c ORDER BY id") == [[1, 1], [2, 2], [3, 2]]
        assert project.there("SELECT 1 FROM pragma_foreign_key_check") == []
        assert project.run(command), (SEED, fault, at)
        assert project.there("SELECT n FROM p ORDER BY id") == [["5"], ["6"]] and "extra" in project.names()
    assert seen == {False, True} or project.behind.kind != "workerd"
