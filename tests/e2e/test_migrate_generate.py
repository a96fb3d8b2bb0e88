"""MIGRATE GENERATE: a declared schema becomes a migration that keeps every row, in both dialects; on D1's engine here, in workerd and behind REST."""
import os

import pytest

from test_migrate import Project

LONG = os.environ.get("PGD1_LONG") == "1"
FAMILY = """
CREATE TABLE parent (id INTEGER PRIMARY KEY AUTOINCREMENT, n {n});
CREATE TABLE child (id INTEGER PRIMARY KEY, parent INTEGER NOT NULL REFERENCES parent(id) ON DELETE CASCADE, t TEXT);
CREATE INDEX child_parent ON child (parent);
CREATE TABLE grandchild (id INTEGER PRIMARY KEY, child INTEGER NOT NULL REFERENCES child(id) ON DELETE CASCADE);
CREATE TABLE log (what TEXT, id INTEGER);
CREATE TRIGGER child_gone AFTER DELETE ON child BEGIN INSERT INTO log VALUES ('gone', old.id); END;
CREATE VIEW family AS SELECT parent.n, child.t FROM parent JOIN child ON child.parent = parent.id;
CREATE VIEW families AS SELECT count(*) AS n FROM family;
"""
COUNTS = "SELECT (SELECT count(*) FROM parent), (SELECT count(*) FROM child), (SELECT count(*) FROM grandchild), (SELECT count(*) FROM log), (SELECT n FROM families)"


@pytest.fixture(params=("embedded", "workerd", "rest"))
def transport(request):
    return request.param


class Declared(Project):
    def declare(self, text, name="schema.sql"):
        (self.folder.parent / name).write_text(text)

    def generate(self, name="next", more=""):
        return self.run(f"MIGRATE GENERATE '{name}' {more}")

    def files(self):
        return sorted(path.name for path in self.folder.iterdir())

    def proves(self):
        """What was generated leads to what is declared: nothing is left to generate."""
        before = self.files()
        assert self.generate("nothing") == [] and self.files() == before


@pytest.fixture
def project(transport):
    with Declared(transport) as running:
        yield running


def test_from_nothing_to_a_schema(project):
    project.declare("CREATE TABLE b (id INTEGER PRIMARY KEY, a INTEGER REFERENCES a(id));\nCREATE TABLE a (id INTEGER PRIMARY KEY);\nCREATE INDEX i ON b (a);")
    steps = [("0001_next.sql", "create table a", None), ("0001_next.sql", "create table b", None), ("0001_next.sql", "create index i", None)]
    assert project.generate() == steps and project.files() == ["0001_next.sql"]
    assert project.states() == {"0001_next": "pending"}
    assert project.run("SELECT to_regclass('a')") == [(None,)]  # the database is not touched
    project.run("MIGRATE UP")
    assert project.run("SELECT to_regclass('a'), to_regclass('b')") == [("a", "b")]
    project.proves()


def test_nothing_to_do_is_told(project):
    notices = []
    project.connection.add_notice_handler(lambda notice: notices.append(notice.message_primary))
    project.write(_1_a="CREATE TABLE a (id INTEGER PRIMARY KEY);")
    project.declare("CREATE TABLE a(\n  id INTEGER PRIMARY KEY\n);")
    assert project.generate() == [] and project.files() == ["1_a.sql"]
    assert notices == ['the schema of "schema.sql" is what the migrations lead to: nothing is to be done']


def test_columns_by_alter(project):
    project.write(_1_a="CREATE TABLE t (id INTEGER PRIMARY KEY, gone TEXT);\nINSERT INTO t VALUES (1, 'x'), (2, 'y');")
    project.run("MIGRATE UP")
    project.declare("CREATE TABLE t (id INTEGER PRIMARY KEY, \"it's\" TEXT NOT NULL DEFAULT 'a;b', n INTEGER CHECK (n > 0));")
    error = project.fails("MIGRATE GENERATE 'x'", "55000")
    assert "column gone of table t is dropped with its values" in error.diag.message_detail and "RENAME" in error.diag.message_hint
    assert project.files() == ["1_a.sql"]
    steps = project.generate("two", "ALLOW DATA LOSS")
    assert [row[1:] for row in steps] == [("drop column gone of t", "column gone of table t is dropped with its values"),
                                         ("add column it's to t", None), ("add column n to t", None)]
    text = (project.folder / "2_two.sql").read_text() if (project.folder / "2_two.sql").exists() else (project.folder / "0002_two.sql").read_text()
    assert "ALTER TABLE \"t\" DROP COLUMN \"gone\";" in text and "Expand and contract" in text and "_new_" not in text
    project.run("MIGRATE UP")
    assert project.run("SELECT * FROM t ORDER BY id") == [(1, "a;b", None), (2, "a;b", None)]
    project.proves()


def rows(project, count):
    project.connection.execute("SET pgd1.dialect = 'sqlite'")
    numbers = f"WITH RECURSIVE k(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM k WHERE n < {count})"
    project.connection.execute(f"INSERT INTO parent (id, n) {numbers} SELECT n, n * 3 FROM k")
    project.connection.execute(f"INSERT INTO child (id, parent, t) {numbers} SELECT n, 1 + n * 7 % {count}, 'row ' || n FROM k")
    project.connection.execute(f"INSERT INTO grandchild (id, child) {numbers} SELECT n, 1 + n * 11 % {count} FROM k")
    project.connection.execute("DELETE FROM child WHERE id = 3")
    project.connection.execute("RESET pgd1.dialect")


def digest(project):
    """Every row of every table, folded: a lost, doubled or changed one shows."""
    tables = {"parent": "id || ':' || n", "child": "id || ':' || parent || ':' || t", "grandchild": "id || ':' || child", "log": "what || id"}
    project.connection.execute("SET pgd1.dialect = 'sqlite'")
    found = {table: project.run(f"SELECT count(*), sum(id), sum(length({row})), sum(id * length({row})) FROM {table}") for table, row in tables.items()}
    found["sequence"] = project.run("SELECT seq FROM sqlite_sequence WHERE name = 'parent'")
    found["last"] = project.run("SELECT id || ':' || n FROM parent ORDER BY id DESC LIMIT 3")
    project.connection.execute("RESET pgd1.dialect")
    return found


@pytest.mark.parametrize("count", (100000,) if LONG else (200,))
def test_rebuild_with_cascades_triggers_and_views(project, count):
    project.write(_0001_a=FAMILY.format(n="INTEGER"))
    project.run("MIGRATE UP")
    rows(project, count)
    before, counts = digest(project), project.run(COUNTS)
    project.declare(FAMILY.format(n="TEXT NOT NULL CHECK (n <> '')"))
    project.generate("rebuild", "ALLOW DATA LOSS")
    text = (project.folder / "0002_rebuild.sql").read_text()
    assert "PRAGMA legacy_alter_table" not in text
    project.run("MIGRATE UP")
    assert digest(project) == before and project.run(COUNTS) == counts
    assert project.run("SELECT pg_typeof(n)::text FROM parent LIMIT 1") == [("text",)]
    project.proves()
    project.connection.execute("DELETE FROM parent WHERE id = 5")  # cascades and the trigger work again
    assert project.run(COUNTS) != counts


CIRCLE = """
CREATE TABLE team (id INTEGER PRIMARY KEY, name {name}, lead INTEGER REFERENCES person(id) ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE person (id INTEGER PRIMARY KEY, team INTEGER NOT NULL REFERENCES team(id) ON DELETE CASCADE, boss INTEGER REFERENCES person(id) ON DELETE CASCADE);
CREATE TABLE badge (person INTEGER PRIMARY KEY REFERENCES person(id) ON DELETE CASCADE, code TEXT);
CREATE TRIGGER badged AFTER INSERT ON person BEGIN INSERT INTO badge VALUES (new.id, 'p' || new.id); END;
CREATE VIEW leads AS SELECT team.name, lead FROM team;
CREATE VIEW codes AS SELECT leads.name, badge.code FROM leads JOIN badge ON badge.person = leads.lead;
CREATE VIEW many AS SELECT count(*) AS n FROM codes;
"""
CIRCLE_ROWS = ("SELECT (SELECT json_group_array(json_array(id, name, lead)) FROM team), (SELECT json_group_array(json_array(id, team, boss)) FROM person), "
               "(SELECT json_group_array(json_array(person, code)) FROM badge), (SELECT n FROM many)")


@pytest.mark.parametrize("command", ("GENERATE", "PUSH"))
def test_keys_in_a_circle(project, command):
    """Tables that refer to each other and to themselves, with cascades, a trigger and views on views: made, and made anew with every row."""
    def go(name, more=""):
        if command == "PUSH":
            return project.run(f"MIGRATE PUSH {more}")
        project.generate(name, more)
        return project.run("MIGRATE UP")

    def rows():
        project.connection.execute("SET pgd1.dialect = 'sqlite'")
        found = project.run(CIRCLE_ROWS)
        project.connection.execute("RESET pgd1.dialect")
        return found

    project.declare(CIRCLE.format(name="INTEGER"))
    go("circle")
    project.raw("INSERT INTO team VALUES (1, 10, NULL), (2, 20, NULL)", "INSERT INTO person VALUES (1, 1, NULL), (2, 1, 1), (3, 2, 3), (4, 2, 2)",
                "UPDATE team SET lead = id + 1")
    before = rows()
    project.declare(CIRCLE.format(name="TEXT"))
    assert len(go("again", "ALLOW DATA LOSS")) >= 1
    assert project.run("SELECT pg_typeof(name)::text FROM team LIMIT 1") == [("text",)]
    assert [str(cell).replace('"', "") for cell in rows()[0]] == [str(cell).replace('"', "") for cell in before[0]]
    assert not project.run("MIGRATE PUSH")  # the database is what is declared
    assert command == "PUSH" or not project.findings()
    project.raw("DELETE FROM team WHERE id = 1")  # its two people, whom the fourth has above him, their badges
    assert project.run("SELECT (SELECT count(*) FROM team), (SELECT count(*) FROM person), (SELECT count(*) FROM badge)") == [(1, 1, 1)]


def test_a_row_that_does_not_fit_leaves_all(project):
    project.write(_0001_a=FAMILY.format(n="INTEGER"))
    project.run("MIGRATE UP")
    rows(project, 50)
    project.connection.execute("UPDATE parent SET n = NULL WHERE id = 7")
    before = digest(project)
    project.declare(FAMILY.format(n="INTEGER NOT NULL"))
    project.generate("strict", "ALLOW DATA LOSS")
    assert project.fails("MIGRATE UP", "23502")
    assert digest(project) == before and project.states()["0002_strict"] == "failed"


def test_what_is_refused(project):
    project.write(_1_a="CREATE TABLE t (id INTEGER PRIMARY KEY);")
    project.fails("MIGRATE GENERATE 'x'", "58P01")  # no schema.sql
    project.declare("CREATE TABLE t (id INTEGER PRIMARY KEY);\nCREATE TABLE u (")
    assert project.fails("MIGRATE GENERATE 'x'", "42601").diag.message_primary.startswith("schema.sql:2:")
    project.fails("MIGRATE GENERATE 'x' FROM '../schema.sql'", "42602")
    project.declare("CREATE TABLE u (id INTEGER PRIMARY KEY);", "other.sql")
    assert "table t is dropped with its rows" in project.fails("MIGRATE GENERATE 'x' FROM 'other.sql'", "55000").diag.message_detail
    project.declare("-- pgd1: postgres\nCREATE TABLE t (id int PRIMARY KEY, e text);\nCOMMENT ON TABLE t IS 'x';")
    project.fails("MIGRATE GENERATE 'x'", "0A000")
    assert project.files() == ["1_a.sql"]


# ---- PostgreSQL's dialect ----

SHOP = """
CREATE TYPE state AS ENUM ({states});
CREATE TABLE customer (id serial PRIMARY KEY, name varchar({width}) NOT NULL{more});
CREATE TABLE purchase (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, customer int NOT NULL REFERENCES customer(id) ON DELETE CASCADE, state state DEFAULT 'new', sum {sum});
CREATE INDEX purchase_customer ON purchase (customer){where};
CREATE VIEW totals AS SELECT c.name, sum(p.sum) AS total FROM customer c JOIN purchase p ON p.customer = c.id GROUP BY c.name;
COMMENT ON TABLE customer IS '{comment}';
"""
BEFORE = {"states": "'new', 'paid'", "width": 20, "more": "", "sum": "int", "where": "", "comment": "who buys"}
AFTER = {"states": "'new', 'checked', 'paid', 'it''s sent'", "width": 40, "more": ", email text UNIQUE, vip boolean NOT NULL DEFAULT false, CHECK (name <> '')",
         "sum": "numeric(12,2) NOT NULL DEFAULT 0 CHECK (sum >= 0)", "where": " WHERE state <> 'paid'", "comment": "who''s who"}


@pytest.fixture
def shop(transport):
    with Declared(transport, options="migrations_dialect=postgres") as running:
        yield running


def test_postgres_dialect(shop):
    shop.declare(SHOP.format(**BEFORE))
    shop.generate("first")
    assert (shop.folder / "0001_first.sql").read_text().startswith("-- pgd1: postgres\n")
    shop.run("MIGRATE UP")
    shop.connection.execute("INSERT INTO customer (name) SELECT 'name ' || g FROM generate_series(1, 20) g")
    shop.connection.execute("INSERT INTO purchase (customer, sum) SELECT 1 + g % 20, g FROM generate_series(1, 100) g")
    query = "SELECT p.id, c.id, c.name, p.state, p.sum::int FROM purchase p JOIN customer c ON p.customer = c.id ORDER BY p.id"
    before = shop.run(query)
    shop.declare(SHOP.format(**AFTER))
    assert "NOT NULL" in shop.fails("MIGRATE GENERATE 'second'", "55000").diag.message_detail
    steps = shop.generate("second", "ALLOW DATA LOSS")
    assert any(row[1].startswith("alter table purchase: ") and row[2] for row in steps), steps
    shop.run("MIGRATE UP")
    assert shop.run(query) == before and len(before) == 100
    shop.proves()
    shop.connection.execute("INSERT INTO purchase (customer, state) VALUES (1, 'it''s sent')")
    assert shop.run("SELECT total FROM totals WHERE name = 'name 1'")[0][0] == sum(n for n in range(1, 101) if 1 + n % 20 == 1)
    shop.connection.execute("DELETE FROM customer WHERE id = 1")
    assert shop.run("SELECT count(*) FROM purchase") == [(95,)]


def test_collations(shop):
    shop.declare('CREATE DOMAIN d AS text COLLATE "C"; CREATE TABLE t (id int PRIMARY KEY, a text COLLATE "C", b text, d d); CREATE INDEX i ON t (b COLLATE "POSIX");')
    shop.generate("first")
    shop.run("MIGRATE UP")
    shop.connection.execute("INSERT INTO t VALUES (1, 'a', 'b', 'd')")
    shop.proves()
    shop.declare('CREATE DOMAIN d AS text COLLATE "C"; CREATE TABLE t (id int PRIMARY KEY, a text, b text COLLATE "POSIX", d d COLLATE "default"); CREATE INDEX i ON t (b);')
    shop.generate("second")
    shop.run("MIGRATE UP")
    shop.proves()
    assert shop.run("SELECT attname, attcollation::int FROM pg_attribute WHERE attrelid = 't'::regclass AND attnum > 1 ORDER BY attnum") == [("a", 100), ("b", 951), ("d", 100)]
    assert shop.run("SELECT * FROM t") == [(1, "a", "b", "d")]


def test_unlogged_and_options_of_views(shop):
    text = "CREATE UNLOGGED TABLE t (id int PRIMARY KEY); CREATE VIEW v WITH (security_barrier, check_option=local) AS SELECT id FROM t WHERE id > 1;"
    query = "SELECT relname, relpersistence, reloptions FROM pg_class WHERE relname IN ('t', 'v') ORDER BY 1"
    shop.declare(text)
    shop.generate("first")
    shop.run("MIGRATE UP")
    shop.proves()
    assert shop.run(query) == [("t", "u", None), ("v", "p", ["security_barrier=true", "check_option=local"])]
    shop.declare(text.replace("security_barrier, ", ""))
    shop.generate("second")
    shop.run("MIGRATE UP")
    shop.proves()
    assert shop.run(query)[1] == ("v", "p", ["check_option=local"])


def test_what_postgres_cannot_say(shop):
    shop.declare("-- pgd1: sqlite\nCREATE TABLE t (a TEXT COLLATE NOCASE);")
    error = shop.fails("MIGRATE GENERATE 'x'", "0A000")
    assert "t.a: column collation is none, declared NOCASE" in error.diag.message_detail
    shop.declare("CREATE TYPE e AS ENUM ('a', 'b'); CREATE TABLE t (e e);")
    shop.generate("one")
    shop.declare("CREATE TYPE e AS ENUM ('b'); CREATE TABLE t (e e);")
    assert "type is enum ('a', 'b'), declared enum ('b')" in shop.fails("MIGRATE GENERATE 'x'", "0A000").diag.message_detail
    assert shop.files() == ["0001_one.sql"]
