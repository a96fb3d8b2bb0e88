"""New rows of a block are tried out without those before them, where their keys cannot clash: what clashes is told at its statement, as PostgreSQL does."""
import os
import random

import psycopg
import pytest

from pgd1 import Pgd1
from seed import seed

SCHEMA = """
CREATE TABLE keyed (id int PRIMARY KEY, code text UNIQUE, a int, b bigint, note varchar(20), UNIQUE (a, b));
CREATE TABLE counted (id serial PRIMARY KEY, code text UNIQUE, n int);
CREATE TABLE forms (id int PRIMARY KEY, c char(4) UNIQUE, n numeric(8,2) UNIQUE, u uuid UNIQUE, v varchar(5) UNIQUE, d date UNIQUE, s smallint UNIQUE);
CREATE TABLE partial (id int PRIMARY KEY, k int, live boolean);
CREATE UNIQUE INDEX partial_live ON partial (k) WHERE live;
CREATE TABLE lowered (id int PRIMARY KEY, k text);
CREATE UNIQUE INDEX lowered_k ON lowered (lower(k));
CREATE TABLE tree (id int PRIMARY KEY, parent int REFERENCES tree);
CREATE TABLE doubled (id int PRIMARY KEY, n int, twice int GENERATED ALWAYS AS (n * 2) STORED UNIQUE);
CREATE TABLE parents (id int PRIMARY KEY, code text UNIQUE);
CREATE TABLE children (id serial PRIMARY KEY, parent int REFERENCES parents, code text REFERENCES parents (code) ON DELETE CASCADE);
"""
TABLES = "keyed, counted, forms, partial, lowered, tree, doubled, children, parents"

BLOCKS = {
    "keys of one column and of two, and NULL in them": """
        INSERT INTO keyed VALUES (1, 'x', 1, 1)
        INSERT INTO keyed VALUES (2, 'x', 2, 2)
        INSERT INTO keyed VALUES (2, 'y', 1, 1)
        INSERT INTO keyed VALUES (1, 'y', 3, 3)
        INSERT INTO keyed VALUES (2, 'y', 1, NULL) RETURNING id, code
        INSERT INTO keyed VALUES (3, NULL, 1, NULL) RETURNING id, code
        INSERT INTO keyed VALUES (4, NULL, 1, 2)
        INSERT INTO keyed (id) VALUES (4)
        INSERT INTO keyed (id) VALUES (5) RETURNING *
        INSERT INTO keyed (b, a, code, id) VALUES (2, 1, 'z', 6)
        INSERT INTO keyed (id, code) VALUES ('6', 'y')
        INSERT INTO keyed (id, code) VALUES ('6', 'y ') RETURNING id
        INSERT INTO keyed (id, code) VALUES (1 + 1, 'q')
        SELECT count(*), sum(id) FROM keyed""",
    "rows that were there before": """
        INSERT INTO keyed VALUES (100, 'q', 9, 9)
        INSERT INTO keyed VALUES (7, 'there', 7, 7)
        INSERT INTO keyed VALUES (100, 'other', 7, 7)
        INSERT INTO keyed VALUES (7, 'other', 7, 7)
        INSERT INTO keyed VALUES (8, 'q', 8, 8)
        DELETE FROM keyed WHERE id = 100
        INSERT INTO keyed VALUES (8, 'there', 8, 8)
        INSERT INTO keyed VALUES (9, 'there', 9, 9)
        INSERT INTO keyed VALUES (100, 'q', 10, 9)
        SELECT * FROM keyed ORDER BY id""",
    "changes and reads of a row by its key": """
        INSERT INTO keyed VALUES (1, 'x', 1, 1)
        INSERT INTO keyed VALUES (2, 'y', 2, 2)
        UPDATE keyed SET note = 'one' WHERE id = 1 RETURNING *
        UPDATE keyed SET note = 'two' WHERE code = 'y' RETURNING *
        UPDATE keyed SET note = 'none' WHERE id = 3
        SELECT * FROM keyed WHERE id = 2
        SELECT * FROM keyed WHERE id = 2 FOR UPDATE
        SELECT * FROM keyed WHERE a = 1 AND b = 1
        INSERT INTO keyed VALUES (3, 'z', 3, 3)
        UPDATE keyed SET code = 'x' WHERE id = 3
        UPDATE keyed SET code = 'w' WHERE id = 1
        INSERT INTO keyed VALUES (4, 'x', 4, 4) RETURNING code
        INSERT INTO keyed VALUES (5, 'w', 5, 5)
        DELETE FROM keyed WHERE id = 4
        INSERT INTO keyed VALUES (4, 'x', 4, 4) RETURNING code
        DELETE FROM keyed WHERE code = 'y' RETURNING id
        INSERT INTO keyed VALUES (2, 'y', 2, 2)
        INSERT INTO keyed VALUES (2, 'yy', 5, 5)
        UPDATE keyed SET id = 20 WHERE id = 2
        INSERT INTO keyed VALUES (2, 'yy', 5, 5)
        INSERT INTO keyed VALUES (20, 'yyy', 6, 6)
        SELECT * FROM keyed ORDER BY id""",
    "ON CONFLICT, several rows and SELECT": """
        INSERT INTO keyed VALUES (1, 'x', 1, 1)
        INSERT INTO keyed VALUES (1, 'n', 2, 2) ON CONFLICT DO NOTHING
        INSERT INTO keyed VALUES (1, 'n', 2, 2) ON CONFLICT (id) DO UPDATE SET note = 'again' RETURNING *
        INSERT INTO keyed VALUES (2, 'y', 2, 2), (3, 'z', 3, 3)
        INSERT INTO keyed VALUES (3, 'a', 4, 4)
        INSERT INTO keyed VALUES (4, 'z', 4, 4)
        INSERT INTO keyed SELECT 4, 'd', 4, 4
        INSERT INTO keyed VALUES (5, 'd', 5, 5)
        INSERT INTO keyed VALUES (5, 'e', 4, 4)
        SELECT * FROM keyed ORDER BY id""",
    "values that look different and are the same": """
        INSERT INTO forms VALUES (1, 'a', 1.5, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'v', '2024-02-29', 7)
        INSERT INTO forms (id, c) VALUES (2, 'a  ')
        INSERT INTO forms (id, n) VALUES (2, 1.50)
        INSERT INTO forms (id, u) VALUES (2, 'A0EEBC999C0B4EF8BB6D6BB9BD380A11')
        INSERT INTO forms (id, v) VALUES (2, 'v')
        INSERT INTO forms (id, v) VALUES (2, 'v    ') RETURNING v
        INSERT INTO forms (id, v) VALUES (3, 'v           ')
        INSERT INTO forms (id, d) VALUES (3, '29 Feb 2024')
        INSERT INTO forms (id, s) VALUES (3, '07')
        INSERT INTO forms (id, s) VALUES (3, 7.2)
        INSERT INTO forms (id) VALUES (2.0)
        INSERT INTO forms (id) VALUES (3)
        SELECT id, v FROM forms ORDER BY id""",
    "indexes with conditions and expressions, keys to oneself, generated columns": """
        INSERT INTO partial VALUES (1, 1, true)
        INSERT INTO partial VALUES (2, 1, false)
        INSERT INTO partial VALUES (3, 1, true)
        INSERT INTO lowered VALUES (1, 'Abc')
        INSERT INTO lowered VALUES (2, 'aBC')
        INSERT INTO lowered VALUES (2, 'abd')
        INSERT INTO tree VALUES (1, NULL)
        INSERT INTO tree VALUES (2, 1)
        INSERT INTO tree VALUES (3, 4)
        INSERT INTO tree VALUES (2, 1)
        INSERT INTO tree VALUES (5, 5)
        INSERT INTO doubled VALUES (1, 1)
        INSERT INTO doubled VALUES (2, 1)
        INSERT INTO doubled VALUES (2, 2) RETURNING twice
        SELECT (SELECT count(*) FROM partial), (SELECT count(*) FROM lowered), (SELECT count(*) FROM tree)""",
    "parents and children": """
        INSERT INTO parents VALUES (1, 'one')
        INSERT INTO parents VALUES (2, 'two')
        INSERT INTO children (parent) VALUES (1)
        INSERT INTO children (parent) VALUES (3)
        INSERT INTO children (code) VALUES ('two')
        INSERT INTO children (parent, code) VALUES (2, 'three')
        INSERT INTO children (parent, code) VALUES (NULL, NULL) RETURNING parent, code
        INSERT INTO parents VALUES (3, 'three')
        INSERT INTO children (parent, code) VALUES (3, 'three') RETURNING parent, code
        UPDATE parents SET code = 'four' WHERE id = 1
        INSERT INTO children (code) VALUES ('one')
        INSERT INTO children (code) VALUES ('four')
        DELETE FROM parents WHERE id = 1
        DELETE FROM children WHERE parent = 1
        DELETE FROM parents WHERE id = 1
        INSERT INTO children (parent) VALUES (1)
        INSERT INTO parents VALUES (1, 'four')
        INSERT INTO children (parent, code) VALUES (1, 'four')
        DELETE FROM parents WHERE code = 'two'
        INSERT INTO children (code) VALUES ('two')
        SELECT parent, code FROM children ORDER BY 1, 2""",
    "a key that the block makes": """
        INSERT INTO keyed VALUES (1, 'x', 1, 1, 'n')
        INSERT INTO keyed VALUES (2, 'y', 2, 2, 'm')
        CREATE UNIQUE INDEX keyed_note ON keyed (note)
        INSERT INTO keyed VALUES (3, 'z', 3, 3, 'n')
        INSERT INTO keyed VALUES (3, 'x', 3, 3, 'o')
        INSERT INTO keyed VALUES (3, 'z', 3, 3, 'o')
        INSERT INTO keyed VALUES (4, 'w', 4, 4, 'o')
        DROP INDEX keyed_note
        INSERT INTO keyed VALUES (4, 'w', 4, 4, 'o')
        INSERT INTO keyed VALUES (5, 'w', 5, 5, 'o')
        SELECT * FROM keyed ORDER BY id""",
}


@pytest.fixture(scope="module", params=("embedded", "workerd", "rest"))
def server(request):
    with Pgd1(request.param) as server:
        yield server


@pytest.fixture
def connection(server):
    connection = server.connect()
    connection.execute(SCHEMA)
    connection.execute("INSERT INTO keyed VALUES (100, 'there', 100, 100)")
    yield connection
    connection.execute("ROLLBACK")
    connection.execute("DROP TABLE " + TABLES)
    connection.close()


def outcome(connection, sql):
    """What came of it, behind a savepoint."""
    connection.execute("SAVEPOINT before")
    try:
        cursor = connection.execute(sql)
        return sql, cursor.statusmessage, cursor.fetchall() if cursor.description else None
    except psycopg.Error as error:
        connection.execute("ROLLBACK TO before")
        name = None if error.sqlstate == "23503" else error.diag.constraint_name  # D1 does not tell which of two it was
        return sql, error.sqlstate, name


def play(connection, block):
    connection.execute("BEGIN")
    outcomes = [outcome(connection, line.strip()) for line in block.strip().splitlines()]
    connection.execute("COMMIT")
    return outcomes + [connection.execute("SELECT count(*) FROM " + table).fetchone() for table in TABLES.split(", ")]


@pytest.mark.parametrize("name", BLOCKS)
def test_errors_stand_where_postgresql_has_them(connection, oracle, name):
    with oracle.connect() as postgres:
        postgres.execute("CREATE SCHEMA block_keys; SET search_path = block_keys")
        postgres.execute(SCHEMA)
        postgres.execute("INSERT INTO keyed VALUES (100, 'there', 100, 100)")
        expected = play(postgres, BLOCKS[name])
        postgres.execute("DROP SCHEMA block_keys CASCADE")
    assert play(connection, BLOCKS[name]) == expected


def insert(connection, columns, *values):
    places = ", ".join(["%s"] * len(values))
    return connection.execute(f"INSERT INTO counted ({columns}) VALUES ({places}) RETURNING id", values).fetchone()[0]


def test_ids_that_d1_gives_are_each_its_own(connection):
    """Shown or not, beside such that are given: no two rows get the same, and COMMIT keeps what was shown."""
    connection.execute("BEGIN")
    shown = {insert(connection, "code", f"a{i}"): f"a{i}" for i in range(5)}
    connection.execute("INSERT INTO counted (code) VALUES ('unseen')")
    shown[insert(connection, "code", "b")] = "b"
    highest = max(shown)
    for taken in (min(shown), highest):
        connection.execute("SAVEPOINT s")
        with pytest.raises(psycopg.errors.UniqueViolation) as error:
            insert(connection, "id, code", taken, "c")
        assert error.value.diag.constraint_name == "counted_pkey"
        connection.execute("ROLLBACK TO s")
    shown[insert(connection, "id, code", highest + 3, "given")] = "given"
    for i in range(4):
        shown[insert(connection, "code", f"d{i}")] = f"d{i}"
    connection.execute("SAVEPOINT s")
    with pytest.raises(psycopg.errors.UniqueViolation) as error:
        insert(connection, "code", "a3")
    assert error.value.diag.constraint_name == "counted_code_key"
    connection.execute("ROLLBACK TO s")
    connection.execute("INSERT INTO counted (code) VALUES ('unseen too')")
    assert len(shown) == 11
    assert connection.execute("SELECT count(*) FROM counted").fetchone() == (13,)
    connection.execute("COMMIT")
    there = dict(connection.execute("SELECT id, code FROM counted WHERE code NOT LIKE 'unseen%'").fetchall())
    assert there == shown
    assert connection.execute("SELECT count(*) FROM counted").fetchone() == (13,)


def test_ids_that_are_drawn_are_each_its_own(server, connection):
    """Others insert meanwhile, for good and in a block."""
    other, third = server.connect(), server.connect()
    shown = {}
    for turn in range(3):
        connection.execute("BEGIN")
        other.execute("BEGIN")
        for i in range(4):
            shown[insert(connection, "code", f"m{turn}.{i}")] = f"m{turn}.{i}"
            shown[insert(other, "code", f"o{turn}.{i}")] = f"o{turn}.{i}"
            third.execute("INSERT INTO counted (code) VALUES (%s)", (f"t{turn}.{i}",))
            other.execute("SAVEPOINT s")
            with pytest.raises(psycopg.errors.UniqueViolation):
                insert(other, "code", f"o{turn}.{i}")
            other.execute("ROLLBACK TO s")
        try:
            other.execute("COMMIT")
            connection.execute("COMMIT")
        except psycopg.errors.SerializationFailure:  # the first turn may meet others' ids
            assert turn == 0
            shown = dict(connection.execute("SELECT id, code FROM counted WHERE code NOT LIKE 't%'").fetchall())
    other.close()
    third.close()
    assert dict(connection.execute("SELECT id, code FROM counted WHERE code NOT LIKE 't%'").fetchall()) == shown
    assert connection.execute("SELECT count(*) FROM counted WHERE code LIKE 't%'").fetchone() == (12,)


def test_a_key_that_another_takes_meanwhile_is_found_at_commit(server, connection):
    other = server.connect()
    connection.execute("BEGIN")
    for i in range(5):
        connection.execute("INSERT INTO keyed (id, code) VALUES (%s, %s)", (i, f"c{i}"))
    other.execute("INSERT INTO keyed (id, code) VALUES (50, 'c2')")
    connection.execute("INSERT INTO keyed (id, code) VALUES (6, 'c6')")
    with pytest.raises(psycopg.errors.SerializationFailure):
        connection.execute("COMMIT")
    assert connection.execute("SELECT id FROM keyed ORDER BY id").fetchall() == [(50,), (100,)]
    other.close()


def test_savepoints_free_keys(connection):
    connection.execute("BEGIN")
    first = insert(connection, "code", "x")
    connection.execute("SAVEPOINT s")
    for i in range(3):
        insert(connection, "code", f"y{i}")
    connection.execute("ROLLBACK TO s")
    again = [insert(connection, "code", f"y{i}") for i in range(3)]
    with pytest.raises(psycopg.errors.UniqueViolation):
        insert(connection, "code", "x")
    connection.execute("ROLLBACK TO s")
    last = insert(connection, "code", "y1")
    connection.execute("COMMIT")
    assert len({first, *again}) == 4
    assert connection.execute("SELECT id, code FROM counted ORDER BY code").fetchall() == [(first, "x"), (last, "y1")]


# ---- what chance gives ----

TURNS = [f"{seed()}.{turn}" for turn in range(40 if os.environ.get("PGD1_LONG") == "1" else 4)]


def some_statement(chance):
    """One of few rows, so that keys clash, and are freed and taken again."""
    n, m, k = (chance.choice((1, 2, 3, 4, 5, 6, "NULL")) for _ in range(3))
    row, other = chance.randint(1, 6), chance.randint(1, 6)
    code = chance.choice(("'a'", "'b'", "'c'", "'d'", "NULL"))
    return chance.choice((
        f"INSERT INTO keyed VALUES ({row}, {code}, {n}, {m})",
        f"INSERT INTO keyed (id, code) VALUES ({row}, {code}) RETURNING id, code",
        f"INSERT INTO keyed (id, a, b) VALUES ({row}, {n}, {m}) RETURNING *",
        f"INSERT INTO keyed (id) VALUES ({row}), ({other})",
        f"INSERT INTO keyed VALUES ({row}, {code}) ON CONFLICT DO NOTHING",
        f"UPDATE keyed SET note = 'n{other}' WHERE id = {row} RETURNING *",
        f"UPDATE keyed SET code = {code} WHERE id = {row}",
        f"UPDATE keyed SET note = 'c' WHERE code = {code}",
        f"DELETE FROM keyed WHERE id = {row}",
        f"DELETE FROM keyed WHERE code = {code} RETURNING id",
        f"SELECT * FROM keyed WHERE id = {row}",
        f"SELECT * FROM keyed WHERE code = {code}",
        f"INSERT INTO parents VALUES ({row}, {code})",
        f"INSERT INTO children (parent) VALUES ({n}) RETURNING parent",
        f"INSERT INTO children (code) VALUES ({code})",
        f"UPDATE parents SET code = {code} WHERE id = {row}",
        f"DELETE FROM parents WHERE id = {row}",
        f"DELETE FROM children WHERE parent = {row}",
        f"INSERT INTO tree VALUES ({row}, {k})",
        f"DELETE FROM tree WHERE id = {row}",
        f"INSERT INTO doubled VALUES ({row}, {n})",
    ))


@pytest.mark.parametrize("turn", TURNS)
def test_blocks_of_chance(connection, oracle, turn):
    chance = random.Random(turn)
    with oracle.connect() as postgres:
        block = "\n".join(some_statement(chance) for _ in range(60))
        postgres.execute("CREATE SCHEMA block_keys; SET search_path = block_keys")
        postgres.execute(SCHEMA)
        expected = play(postgres, block)
        postgres.execute("DROP SCHEMA block_keys CASCADE")
        connection.execute("DELETE FROM keyed")
        assert play(connection, block) == expected


@pytest.mark.parametrize("turn", TURNS)
def test_counted_ids_of_chance(connection, turn):
    """Nobody else writes: each statement works unless its key is taken, COMMIT always does, and all that was shown is there."""
    chance = random.Random(turn)
    connection.execute("BEGIN")
    shown, codes, unseen = {}, set(), 0
    for i in range(50):
        kind, code = chance.choice(("shown", "shown", "unseen", "given", "several", "update", "again")), f"c{i}"
        connection.execute("SAVEPOINT s")
        try:
            if kind == "shown":
                shown[insert(connection, "code", code)] = code
            elif kind == "unseen":
                connection.execute("INSERT INTO counted (code) VALUES (%s)", (code,))
                unseen += 1
            elif kind == "given":
                shown[insert(connection, "id, code", chance.randint(1, 60), code)] = code
            elif kind == "several":
                connection.execute("INSERT INTO counted (code) VALUES (%s), (%s)", (code, code + "x"))
                unseen += 2
            elif kind == "update" and shown:
                row = chance.choice(sorted(shown))
                assert connection.execute("UPDATE counted SET n = 1 WHERE id = %s RETURNING code", (row,)).fetchall() == [(shown[row],)]
            elif kind == "again" and codes:
                with pytest.raises(psycopg.errors.UniqueViolation) as error:
                    insert(connection, "code", chance.choice(sorted(codes)))
                assert error.value.diag.constraint_name == "counted_code_key"
                connection.execute("ROLLBACK TO s")
        except psycopg.errors.UniqueViolation as error:
            assert kind == "given" and error.diag.constraint_name == "counted_pkey"
            connection.execute("ROLLBACK TO s")
        else:
            codes |= {code} if kind in ("shown", "unseen", "given", "several") else set()
    connection.execute("COMMIT")
    there = dict(connection.execute("SELECT id, code FROM counted").fetchall())
    assert {row: there.get(row) for row in shown} == shown
    assert len(there) == len(shown) + unseen
