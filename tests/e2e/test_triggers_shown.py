"""Triggers that SQLite runs, made without PostgreSQL: the catalogue shows them, with SQLite's own words for what they do."""
import pytest

from pgd1 import Pgd1

TRIGGERS = [
    "CREATE TRIGGER t_count AFTER UPDATE OF a, b ON t WHEN (new.a > 1) BEGIN UPDATE t SET n = n + 1 WHERE id = new.id; END",
    'CREATE TRIGGER "Odd name" INSERT ON "s.u" FOR EACH ROW BEGIN SELECT 1; END',
    "create trigger v_ins instead of insert on v begin insert into t(a) values (new.a); end",
]


@pytest.fixture(scope="module")
def connection():
    with Pgd1("embedded") as server, server.connect() as connection:
        for sql in ("CREATE TABLE t (id serial PRIMARY KEY, a int, b text, n int DEFAULT 0)", "CREATE SCHEMA s", "CREATE TABLE s.u (id int PRIMARY KEY)",
                    "CREATE TABLE plain (id int REFERENCES t)", "CREATE VIEW v AS SELECT id, a FROM t", "SET pgd1.dialect TO 'sqlite'"):
            connection.execute(sql)
        for sql in TRIGGERS:
            connection.execute(sql)
        connection.execute("RESET pgd1.dialect")
        yield connection


def test_pg_trigger(connection):
    rows = connection.execute("SELECT tgname, tgrelid::regclass::text, tgtype, tgattr::text, pg_get_expr(tgqual, tgrelid), pg_get_triggerdef(oid), tgenabled"
                              " FROM pg_trigger WHERE NOT tgisinternal ORDER BY tgname").fetchall()
    assert rows == [
        ("Odd name", "s.u", 7, "", None, 'CREATE TRIGGER "Odd name" BEFORE INSERT ON s.u FOR EACH ROW BEGIN SELECT 1; END', "O"),
        ("t_count", "t", 17, "2 3", "new.a > 1",
         "CREATE TRIGGER t_count AFTER UPDATE OF a, b ON public.t FOR EACH ROW WHEN (new.a > 1) BEGIN UPDATE t SET n = n + 1 WHERE id = new.id; END", "O"),
        ("v_ins", "v", 69, "", None, "CREATE TRIGGER v_ins INSTEAD OF INSERT ON public.v FOR EACH ROW begin insert into t(a) values (new.a); end", "O"),
    ]
    flags = connection.execute("SELECT relname, relhastriggers FROM pg_class WHERE relname IN ('t', 'u', 'v', 'plain') ORDER BY 1").fetchall()
    assert flags == [("plain", True), ("t", True), ("u", True), ("v", True)]


def test_information_schema(connection):
    rows = connection.execute("SELECT trigger_name, event_object_table, action_timing, event_manipulation, action_order, action_condition, action_statement"
                              " FROM information_schema.triggers ORDER BY trigger_name").fetchall()
    assert rows == [
        ("Odd name", "u", "BEFORE", "INSERT", 1, None, "BEGIN SELECT 1; END"),
        ("t_count", "t", "AFTER", "UPDATE", 1, "new.a > 1", "BEGIN UPDATE t SET n = n + 1 WHERE id = new.id; END"),
        ("v_ins", "v", "INSTEAD OF", "INSERT", 1, None, "begin insert into t(a) values (new.a); end"),
    ]


def test_they_still_run(connection):
    connection.execute("INSERT INTO t (a) VALUES (3)")
    connection.execute("UPDATE t SET a = 4")
    assert connection.execute("SELECT a, n FROM t").fetchall() == [(4, 1)]
