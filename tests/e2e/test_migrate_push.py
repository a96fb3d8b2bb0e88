"""MIGRATE PUSH and RESET: a database made equal to a declared schema, or made anew from its migrations; on D1's engine here, in workerd and behind REST."""
import pytest

from test_migrate import Project
from test_migrate_generate import Declared

TABLES = """
CREATE TABLE parent (id INTEGER PRIMARY KEY AUTOINCREMENT, n {n});
CREATE TABLE child (id INTEGER PRIMARY KEY, parent INTEGER NOT NULL REFERENCES parent(id) ON DELETE CASCADE);
CREATE INDEX child_parent ON child (parent);
CREATE VIEW family AS SELECT parent.n, child.id FROM parent JOIN child ON child.parent = parent.id;
"""


@pytest.fixture(params=("embedded", "workerd", "rest"))
def transport(request):
    return request.param


@pytest.fixture
def project(transport):
    with Declared(transport) as running:
        yield running


def names(project):
    return sorted(row[0] for row in project.run("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v')")
                  if row[0] not in ("d1_migrations",))


def test_push(project):
    notices = []
    project.connection.add_notice_handler(lambda notice: notices.append(notice.message_primary))
    project.declare(TABLES.format(n="INTEGER"))
    pushed = project.run("MIGRATE PUSH")
    assert [row[1] for row in pushed] == ["create table parent", "create table child", "create index child_parent", "create view family"]
    assert len({row[0] for row in pushed}) == 1 and pushed[0][0].startswith("push_")
    assert project.states() == {pushed[0][0].removesuffix(".sql"): "pushed"} and project.applied() == []
    assert project.run("MIGRATE PUSH") == [] and notices[-1] == 'the schema of "schema.sql" is there already: nothing is to be done'
    project.connection.execute("INSERT INTO parent (n) VALUES (1), (2)")
    project.connection.execute("INSERT INTO child (id, parent) VALUES (1, 1), (2, 2), (3, 2)")
    project.declare(TABLES.format(n="TEXT CHECK (n <> '')"))
    assert [row[2] for row in project.run("MIGRATE PUSH")] == [None] * 4
    assert project.run("SELECT n, id FROM family ORDER BY id") == [("1", 1), ("2", 2), ("2", 3)]
    project.declare(TABLES.format(n="INTEGER"))
    assert "column n of table parent becomes bigint" in project.fails("MIGRATE PUSH", "55000").diag.message_detail
    project.run("MIGRATE PUSH ALLOW DATA LOSS")
    project.declare(TABLES.format(n="TEXT CHECK (n <> '')"))
    project.run("MIGRATE PUSH")  # the same text once more: its row is there
    assert project.run("SELECT n, id FROM family ORDER BY id") == [("1", 1), ("2", 2), ("2", 3)]


def test_push_is_atomic(project):
    project.declare(TABLES.format(n="INTEGER"))
    project.run("MIGRATE PUSH")
    project.connection.execute("INSERT INTO parent (n) VALUES (1), (NULL)")
    project.declare("CREATE TABLE extra (a INTEGER);" + TABLES.format(n="INTEGER NOT NULL"))
    project.fails("MIGRATE PUSH ALLOW DATA LOSS", "23502")
    assert names(project) == ["child", "family", "parent"] and project.run("SELECT count(*) FROM parent") == [(2,)]
    project.declare("CREATE TABLE extra (a INTEGER);" + TABLES.format(n="INTEGER"))
    assert [row[1] for row in project.run("MIGRATE PUSH")] == ["create table extra"]  # the lease was given back


def test_push_in_postgres_dialect(transport):
    with Declared(transport, options="migrations_dialect=postgres environment=preview") as project:
        project.declare("CREATE TABLE t (id serial PRIMARY KEY, a int)")
        project.run("MIGRATE PUSH")
        project.connection.execute("INSERT INTO t (a) VALUES (1), (2)")
        project.declare("CREATE TYPE e AS ENUM ('x'); CREATE TABLE t (id serial PRIMARY KEY, a bigint NOT NULL, e e DEFAULT 'x')")
        project.run("MIGRATE PUSH ALLOW DATA LOSS")
        assert project.run("SELECT id, a, e FROM t ORDER BY id") == [(1, 1, "x"), (2, 2, "x")]
        assert project.run("MIGRATE PUSH") == []
        project.write(_1_a="SELECT 1")
        assert "development databases only" in str(project.fails("MIGRATE RESET", "55000"))


def test_reset(project):
    project.write(_1_a=TABLES.format(n="INTEGER"), _2_b="-- pgd1: postgres\nCREATE TABLE t (id serial PRIMARY KEY, e text);\nINSERT INTO t (e) VALUES ('seed');",
                  _3_c="CREATE TRIGGER g AFTER DELETE ON child BEGIN UPDATE parent SET n = n - 1; END;")
    assert [row[:2] for row in project.run("MIGRATE RESET")] == [(None, "emptied"), ("1_a.sql", "applied"), ("2_b.sql", "applied"), ("3_c.sql", "applied")]
    assert set(project.states().values()) == {"applied"}
    project.connection.execute("CREATE TABLE mine (a int)")
    assert 'table "t" holds rows' in str(project.fails("MIGRATE RESET", "55000"))
    assert set(project.states().values()) == {"applied"}  # the refusal is no failure of a migration
    project.connection.execute("INSERT INTO t (e) VALUES ('more')")
    project.connection.execute("INSERT INTO parent (n) VALUES (1)")
    project.connection.execute("INSERT INTO child (id, parent) VALUES (1, 1), (2, 1)")
    assert len(project.run("MIGRATE RESET ALLOW DATA LOSS")) == 4
    assert names(project) == ["child", "family", "parent", "t"] and project.run("SELECT id, e FROM t") == [(1, "seed")]
    assert project.run("SELECT count(*) FROM parent") == [(0,)]
    project.connection.execute("INSERT INTO parent (n) VALUES (1)")
    assert project.run("SELECT id FROM parent") == [(1,)]  # counted from the first again
    assert set(project.states().values()) == {"applied"} and project.applied() == ["1_a", "2_b", "3_c"]


def test_reset_that_ends_half_way(project):
    project.write(_1_a="CREATE TABLE a (a INTEGER);", _2_b="CREATE TABLE b (b INTEGER);")
    project.run("MIGRATE UP")
    project.connection.execute("CREATE TABLE other (a int)")
    project.write(_2_b="CREATE TABLE b (b INTEGER);\nCREATE TABLE c (nosuch nosuch nosuch, 1);")
    project.fails("MIGRATE RESET", "42601")
    assert project.states() == {"1_a": "applied", "2_b": "failed"} and names(project) == ["a"]
    project.write(_2_b="CREATE TABLE b (b INTEGER);")
    assert [row[:2] for row in project.run("MIGRATE UP")] == [("2_b.sql", "applied")]
    assert len(project.run("MIGRATE RESET")) == 3 and names(project) == ["a", "b"]


def test_production_is_refused(transport):
    with Project(transport, options="environment=production") as project:
        project.write(_1_a="CREATE TABLE a (a INTEGER);")
        (project.folder.parent / "schema.sql").write_text("CREATE TABLE a (a INTEGER);")
        for command in ("PUSH", "PUSH ALLOW DATA LOSS", "RESET", "RESET ALLOW DATA LOSS"):
            project.fails(f"MIGRATE {command}", "55000")
        assert project.states() == {"1_a": "pending"}
