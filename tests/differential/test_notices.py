"""NOTICEs and WARNINGs of statements: severity, SQLSTATE, message and DETAIL, in order, as PostgreSQL 15 sends them."""
import pytest
from pgd1 import Pgd1

LONG = "a" * 70
STATEMENTS = [
    "SELECT '2024-01-01'::timestamp(9)", "SELECT '2024-01-01'::timestamptz(7), '10:00'::time(8), '10:00'::timetz(99)", "SELECT '1 s'::interval(7), interval '1' second(9)",
    "SELECT CAST(NULL AS timestamp(6))", "SELECT current_timestamp(7) IS NULL, localtime(8) IS NULL, localtimestamp(9) IS NULL, current_time(7) IS NULL",
    "SELECT 1 WHERE now()::timestamp(9) IS NULL", "SELECT '{2024-01-01}'::timestamp(9)[]", "CREATE TABLE notes (id int, t timestamp(9))",
    "ALTER TABLE notes ADD COLUMN u time(7)", "INSERT INTO notes VALUES (1, '2024-01-01'::timestamp(8))", "SELECT t::timestamp(7) FROM notes", "CREATE VIEW later AS SELECT t::timestamp(7) FROM notes",
    "SELECT * FROM later", "CREATE DOMAIN d9 AS timestamp(9)", "SELECT '2024-01-01'::d9", "SELECT to_tsquery('english', 'the')", "SELECT plainto_tsquery('english', 'the and')",
    "SELECT phraseto_tsquery('english', 'the of')", "SELECT websearch_to_tsquery('english', 'the')", "SELECT to_tsquery('english', 'cat')", "SELECT to_tsquery(' ')", "SELECT plainto_tsquery(' ')",
    "SELECT plainto_tsquery('')", "SELECT websearch_to_tsquery('')", "SELECT to_tsquery('')", "SELECT to_tsquery('english', 'the & cat')",
    "SELECT to_tsvector('english', 'a cat') @@ plainto_tsquery('english', 'the')",
    "SELECT to_tsquery('english', x) FROM (VALUES ('the'), ('a'), ('cat')) v(x)", "SELECT querytree('!cat'::tsquery)",
    f"SELECT 1 AS {LONG}", f'SELECT 1 AS "{LONG}"', f"CREATE TABLE {LONG} (id int, {LONG}b int)", f"SELECT * FROM {LONG}", f"DROP TABLE {LONG}", f"SELECT {LONG}.x FROM (SELECT 1 AS x) {LONG}",
    *(f"DROP {what}" for what in (
        "TABLE IF EXISTS nosuch, no_schema.nosuch", "VIEW IF EXISTS no_schema.v", "SEQUENCE IF EXISTS no_schema.s", "INDEX IF EXISTS no_schema.i, i", "INDEX no_schema.i", "TYPE IF EXISTS no_schema.t",
        "DOMAIN IF EXISTS no_schema.t", "TRIGGER IF EXISTS x ON no_schema.t", "TRIGGER x ON no_schema.t", "TRIGGER IF EXISTS x ON notes", "RULE IF EXISTS x ON no_schema.t", "RULE x ON nosuch",
        "POLICY IF EXISTS x ON no_schema.t", "COLLATION IF EXISTS no_schema.c", "FUNCTION IF EXISTS no_schema.f()", "FUNCTION IF EXISTS f(no_type)", "FUNCTION IF EXISTS f(int, no_schema.no_type)",
        "FUNCTION IF EXISTS f(int, text, int[])", "FUNCTION f(int[])", "AGGREGATE IF EXISTS no_schema.f(int)", "AGGREGATE nosuch(*)", "TEXT SEARCH PARSER IF EXISTS no_schema.p", "SCHEMA IF EXISTS no_schema")),
    "SELECT 1 AS " + "é" * 40, "SELECT 1 AS \"" + "a\"\"" * 40 + "\"",
]


def answers(connection):
    told = []
    connection.add_notice_handler(lambda d: told[-1][1].append((d.severity, d.sqlstate, d.message_primary, d.message_detail)))
    for sql in STATEMENTS:
        told.append((sql, []))
        result = connection.pgconn.exec_(sql.encode())
        told[-1] += (bytes(result.error_field(67) or b"").decode(),)
    return told


@pytest.mark.parametrize("transport", ["embedded", "workerd"])
def test_notices(transport, oracle):
    name = f"notices_{transport}"
    oracle.psql("-d", "postgres", "-c", f"CREATE DATABASE {name}")
    with oracle.connect(dbname=name) as theirs, Pgd1(transport) as server, server.connect() as ours:
        wrong = [(a, b) for a, b in zip(answers(theirs), answers(ours)) if a != b]
    assert not wrong, "\n".join(f"{a[0]}\n  PostgreSQL {a[1:]}\n  pgd1       {b[1:]}" for a, b in wrong)
