"""Blocks of many statements: what was folded into one member or computed without D1 is what would have come of each by itself."""
import os
import random

import psycopg
import pytest

from pgd1 import Pgd1

TRANSPORTS = ("embedded", "workerd")
SCHEMA = (
    "CREATE TABLE kinds (id serial PRIMARY KEY, a int, b bigint, f float8, t text, y bytea, n numeric(10,2), d date, ts timestamptz, j jsonb, bo boolean)",
    "CREATE TABLE parents (id int PRIMARY KEY, t text)",
    "CREATE TABLE children (id serial PRIMARY KEY, parent int REFERENCES parents (id), x float8)",
)
FLOATS = (0.1, 1e300, -5.5, float("nan"), float("inf"), 0.0, 1 / 3, 5e-324, 123456789.125, None)
TEXTS = ("x", "it's \"q\" \\ \n \t é \u2028 \x01", None, "", "[1]", "null", "1.0")
BYTES = (b"", b"\x00\xff", None, b"text")


@pytest.fixture(scope="module", params=TRANSPORTS)
def server(request):
    with Pgd1(request.param) as server:
        yield server


@pytest.fixture
def connection(server):
    connection = server.connect()
    for sql in SCHEMA:
        connection.execute(sql)
    yield connection
    connection.rollback() if not connection.autocommit else None
    connection.execute("ROLLBACK")
    connection.execute("DROP TABLE children, parents, kinds")
    connection.close()


def fill(connection):
    shown = []
    for i in range(40):
        connection.execute(
            "INSERT INTO kinds (a, b, f, t, y, n, d, ts, j, bo) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            (i, 2**62 + i, FLOATS[i % len(FLOATS)], TEXTS[i % len(TEXTS)], BYTES[i % len(BYTES)], i / 4, "2024-02-29", "2024-02-29 10:00:00.123456+02", '{"a":[1,"\\u00e9"]}', i % 2 == 0))
        if i % 3 == 0:
            shown.append(connection.execute("INSERT INTO kinds (a, t) VALUES (%s, %s) RETURNING a, t, f", (i, TEXTS[i % len(TEXTS)])).fetchone())
        connection.execute("INSERT INTO parents VALUES (%s, 'parent')", (i,))
        shown.append(connection.execute("INSERT INTO children (parent, x) VALUES (%s, %s) RETURNING parent, x", (i, i / 7)).fetchone())
    return shown


def content(connection):
    return [repr(connection.execute(sql).fetchall()) for sql in (
        "SELECT a, b, f, t, y, n, d, ts, j, bo FROM kinds ORDER BY id",
        "SELECT * FROM parents ORDER BY id",
        "SELECT parent, x FROM children ORDER BY id",
        "SELECT count(DISTINCT id), max(id) - min(id) FROM kinds",
        "SELECT count(DISTINCT id), max(id) - min(id) FROM children")]


def test_folded_rows_are_what_each_would_have_been(connection, oracle):
    with oracle.connect() as postgres:
        postgres.execute("CREATE SCHEMA folded; SET search_path = folded")
        for sql in SCHEMA:
            postgres.execute(sql)
        postgres.execute("BEGIN")
        expected = [fill(postgres), content(postgres)]
        postgres.execute("ROLLBACK")
        postgres.execute("DROP SCHEMA folded CASCADE")
    connection.execute("BEGIN")
    shown, inside = fill(connection), content(connection)
    connection.execute("COMMIT")
    assert [repr(shown), inside] == [repr(expected[0]), expected[1]]
    assert content(connection) == inside


def test_ids_that_were_shown_are_those_that_stay(connection):
    connection.execute("BEGIN")
    shown = [connection.execute("INSERT INTO kinds (a) VALUES (%s) RETURNING id, a", (i,)).fetchone() for i in range(20)]
    connection.execute("COMMIT")
    assert connection.execute("SELECT id, a FROM kinds ORDER BY id").fetchall() == shown


def test_errors_stand_at_their_statement_and_savepoints_cut_a_fold(connection):
    connection.execute("BEGIN")
    for i in range(5):
        connection.execute("INSERT INTO parents VALUES (%s, 'kept')", (i,))
    connection.execute("SAVEPOINT a")
    for i in range(5, 8):
        connection.execute("INSERT INTO parents VALUES (%s, 'dropped')", (i,))
    with pytest.raises(psycopg.errors.UniqueViolation) as error:
        connection.execute("INSERT INTO parents VALUES (6, 'twice')")
    assert error.value.diag.constraint_name == "parents_pkey"
    connection.execute("ROLLBACK TO a")
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        connection.execute("INSERT INTO children (parent) VALUES (6)")
    connection.execute("ROLLBACK TO a")
    connection.execute("INSERT INTO children (parent) VALUES (4)")
    connection.execute("INSERT INTO parents VALUES (6, 'kept')")
    connection.execute("COMMIT")
    assert connection.execute("SELECT id FROM parents WHERE t = 'kept' ORDER BY id").fetchall() == [(0,), (1,), (2,), (3,), (4,), (6,)]
    assert connection.execute("SELECT count(*) FROM parents").fetchone() == (6,)


@pytest.mark.parametrize("change", ("INSERT INTO parents VALUES (3, 'other')", "DELETE FROM kinds", "UPDATE kinds SET a = 0"))
def test_a_fold_that_meets_others_rows_is_a_conflict(server, connection, change):
    """Another session takes a key, or nothing that this one was shown: what it inserted itself nobody else can touch."""
    other = server.connect()
    connection.execute("BEGIN")
    for i in range(5):
        connection.execute("INSERT INTO parents VALUES (%s, 'mine')", (i,))
        connection.execute("INSERT INTO kinds (a) VALUES (%s) RETURNING id", (i,))
    other.execute(change)
    other.close()
    if "INSERT" in change:
        with pytest.raises(psycopg.errors.SerializationFailure):
            connection.execute("COMMIT")
        assert connection.execute("SELECT t FROM parents").fetchall() == [("other",)]
        return
    connection.execute("COMMIT")
    assert connection.execute("SELECT count(*), sum(a) FROM kinds").fetchone() == (5, 10)


def test_ids_taken_meanwhile_are_a_conflict_or_others(server, connection):
    """Another proxy's ids: nobody reserved them."""
    connection.execute("BEGIN")
    shown = [connection.execute("INSERT INTO kinds (a) VALUES (%s) RETURNING id", (i,)).fetchone()[0] for i in range(3)]
    other = server.connect()
    other.execute("INSERT INTO kinds (id, a) VALUES (%s, 99)", (shown[1],))
    other.close()
    with pytest.raises(psycopg.errors.SerializationFailure):
        connection.execute("COMMIT")
    assert connection.execute("SELECT id, a FROM kinds").fetchall() == [(shown[1], 99)]


# ---- what needs no D1 ----

def trips(server):
    with server.connect() as watch:
        return int(watch.execute("SHOW pgd1.round_trips").fetchone()[0])


def test_own_tables_cost_one_request(server, connection):
    connection.execute("SELECT count(*) FROM parents")
    before = trips(server)
    connection.execute("BEGIN")
    connection.execute("CREATE TABLE own_a (id serial PRIMARY KEY, t text UNIQUE)")
    connection.execute("CREATE TABLE own_b (id int REFERENCES own_a ON DELETE CASCADE, n numeric(8,2))")
    connection.execute("CREATE UNIQUE INDEX own_n ON own_b (n)")
    ids = [connection.execute("INSERT INTO own_a (t) VALUES (%s) RETURNING id", (str(i),)).fetchone()[0] for i in range(30)]
    for i in ids:
        connection.execute("INSERT INTO own_b VALUES (%s, %s)", (i, i / 2))
    connection.execute("DELETE FROM own_a WHERE id > 20")
    assert connection.execute("SELECT count(*), sum(n) FROM own_b").fetchone() == (20, 105)
    connection.execute("ALTER TABLE own_b ADD COLUMN more text DEFAULT 'x'")
    connection.execute("ALTER TABLE parents ADD COLUMN more text DEFAULT 'y'")
    assert trips(server) == before
    connection.execute("COMMIT")
    assert trips(server) == before + 1
    assert connection.execute("SELECT id FROM own_a ORDER BY id").fetchall() == [(i,) for i in ids[:20]]
    assert connection.execute("SELECT count(*), sum(n), min(more) FROM own_b").fetchone() == (20, 105, "x")
    connection.execute("DROP TABLE own_b, own_a")


@pytest.mark.parametrize("change, code", (
    ("CREATE UNIQUE INDEX own_i ON {} (n)", "23505"),
    ("ALTER TABLE {} ADD PRIMARY KEY (n)", "23505"),
    ("ALTER TABLE {} ADD CHECK (n > 1)", "23514"),
    ("ALTER TABLE {} ALTER COLUMN m SET NOT NULL", "23502"),
    ("ALTER TABLE {} ADD COLUMN k int NOT NULL", "23502"),
    ("ALTER TABLE {} ADD FOREIGN KEY (n) REFERENCES parents (id)", "23503")))
@pytest.mark.parametrize("table", ("own_t", "others_t"))
def test_ddl_that_rows_forbid_fails_at_once(connection, table, change, code):
    """Whether the rows are the block's own, or D1's, or were copied from D1's."""
    connection.execute("CREATE TABLE others_t (n int, m int, t text); INSERT INTO others_t VALUES (1, NULL, 'x'), (1, 2, 'y')")
    try:
        for fill in ("INSERT INTO own_t VALUES (1, NULL, 'x'), (1, 2, 'y')", "INSERT INTO own_t SELECT * FROM others_t"):
            connection.execute("BEGIN")
            connection.execute("CREATE TABLE own_t (n int, m int, t text)")
            connection.execute(fill)
            with pytest.raises(psycopg.Error) as error:
                connection.execute(change.format(table))
            assert error.value.sqlstate == code
            connection.execute("ROLLBACK")
    finally:
        connection.execute("ROLLBACK")
        connection.execute("DROP TABLE others_t")


def test_ddl_planned_ahead_does_not_hide_rows(connection):
    """A string of statements inside a block: later DDL has run in the shadow when the ones before it are tried out."""
    connection.execute("INSERT INTO parents VALUES (1, 'a'), (2, 'b')")
    connection.execute("BEGIN")
    connection.execute("CREATE TABLE own_t (n int, t text)")
    connection.execute("INSERT INTO own_t SELECT id, t FROM parents; CREATE TABLE own_z (n int); INSERT INTO own_z VALUES (5); ALTER TABLE own_t ADD COLUMN u int DEFAULT 3; INSERT INTO own_t VALUES (3, 'c', 4)")
    assert connection.execute("SELECT * FROM own_t ORDER BY n").fetchall() == [(1, "a", 3), (2, "b", 3), (3, "c", 4)]
    assert connection.execute("SELECT * FROM own_z").fetchall() == [(5,)]
    connection.execute("SAVEPOINT a")
    with pytest.raises(psycopg.errors.UniqueViolation):
        connection.execute("INSERT INTO own_z VALUES (5); CREATE UNIQUE INDEX own_i ON own_z (n); SELECT 1")
    connection.execute("ROLLBACK TO a")
    connection.execute("COMMIT")
    assert connection.execute("SELECT * FROM own_t ORDER BY n").fetchall() == [(1, "a", 3), (2, "b", 3), (3, "c", 4)]
    assert connection.execute("SELECT count(*) FROM own_z").fetchone() == (1,)
    connection.execute("DROP TABLE own_t, own_z")


def test_a_table_that_somebody_else_makes_meanwhile_is_no_success(server, connection):
    connection.execute("BEGIN")
    connection.execute("CREATE TABLE own_t (n int)")
    connection.execute("INSERT INTO own_t VALUES (1)")
    with server.connect() as other:
        other.execute("CREATE TABLE own_t (n int); INSERT INTO own_t VALUES (2)")
    with pytest.raises(psycopg.Error) as error:
        connection.execute("INSERT INTO parents VALUES (77, 'x')")
        connection.execute("COMMIT")
    assert error.value.sqlstate in ("42P07", "40001", "23505")
    connection.execute("ROLLBACK")
    assert connection.execute("SELECT n FROM own_t").fetchall() == [(2,)]
    assert connection.execute("SELECT count(*) FROM parents").fetchone() == (0,)
    connection.execute("DROP TABLE own_t")


def test_what_the_shadow_cannot_hold_goes_to_d1(connection):
    """More than the shadow's memory: the block goes on, tried out at D1."""
    connection.execute("BEGIN")
    connection.execute("CREATE TABLE own_t (n int, t text)")
    connection.execute("INSERT INTO own_t VALUES (1, repeat('x', 1000000))")
    for i in range(6):
        connection.execute("INSERT INTO own_t SELECT n, t FROM own_t")
    assert connection.execute("SELECT count(*), sum(length(t)) FROM own_t").fetchone() == (64, 64000000)
    connection.execute("ROLLBACK")


def test_a_limit_ends_a_block_before_d1_does(connection):
    connection.execute("SET pgd1.max_transaction_statements = 3")
    connection.execute("BEGIN")
    for i in range(3):
        connection.execute("INSERT INTO parents VALUES (%s, 'x')", (i,))
    with pytest.raises(psycopg.errors.ProgramLimitExceeded) as error:
        connection.execute("INSERT INTO parents VALUES (4, 'x')")
    assert "pgd1.max_transaction_statements" in error.value.diag.message_hint
    connection.execute("ROLLBACK")
    connection.execute("BEGIN")
    connection.execute("SET LOCAL pgd1.max_transaction_statements = 5")
    for i in range(5):
        connection.execute("INSERT INTO parents VALUES (%s, 'x')", (i,))
    connection.execute("COMMIT")
    assert connection.execute("SHOW pgd1.max_transaction_statements").fetchone() == ("3",)
    assert connection.execute("SELECT count(*) FROM parents").fetchone() == (5,)


def test_flush_gives_what_needs_no_d1(server):
    """Flush in a pipeline: answers that came without asking D1 are sent at once, not with those to come."""
    with server.connect(autocommit=False) as one:
        one.execute("CREATE TABLE own_flush (id serial PRIMARY KEY, name text)")
        with one.pipeline() as pipeline:
            cursor = one.execute("INSERT INTO own_flush (name) VALUES ('a') RETURNING id")
            one.pgconn.send_flush_request()
            assert cursor.fetchone() == (1,)
            pipeline.sync()
        cursor = one.cursor()
        cursor.executemany("INSERT INTO own_flush (name) VALUES (%s) RETURNING id", [(str(i),) for i in range(20)], returning=True)
        ids = [cursor.fetchone()[0]]
        while cursor.nextset():
            ids.append(cursor.fetchone()[0])
        assert ids == list(range(2, 22))
        one.rollback()


ROWS = 12
CHANGES = (  # by key, by another key, of keys, of all rows; each may fail
    "UPDATE by_key SET n = n + {n} WHERE id = {id}",
    "UPDATE by_key SET n = n + 1, note = 'n{n}' WHERE id = {id} AND n > {n}",
    "UPDATE by_key SET note = 'seen {n}' WHERE name = 'name {id}'",
    "UPDATE by_key SET name = 'name {n}' WHERE id = {id}",
    "UPDATE by_key SET n = n * 2 WHERE n > {n}",
    "UPDATE by_key SET n = (SELECT max(n) FROM by_key) WHERE id = {id}",
    "UPDATE by_key SET n = {n} WHERE id = {id} RETURNING id, n, note",
    "DELETE FROM by_key WHERE id = {id}",
    "DELETE FROM by_key_part WHERE id = {id} RETURNING owner",
    "INSERT INTO by_key (id, name, n) VALUES ({id}, 'name {n}', {n})",
    "INSERT INTO by_key (id, name, n) VALUES ({id}, 'name {id}', {n}) RETURNING id",
    "INSERT INTO by_key (id, name, n) VALUES ({id}, 'name {id}', 0) ON CONFLICT (id) DO UPDATE SET n = by_key.n + 100",
    "INSERT INTO by_key_part VALUES ({n}, {id}, 'part')",
    "INSERT INTO by_key_part VALUES ({n}, {id}, 'part') RETURNING (SELECT n FROM by_key WHERE id = owner)",
    "UPDATE by_key_part SET owner = {id} WHERE id = {n}",
    "UPDATE by_key_part SET what = 'x{n}' WHERE id = {n} RETURNING what",
    "UPDATE by_key_codes SET n = n + 1 WHERE code = 'c{id}'",
    "UPDATE by_key_codes SET n = n + 1 WHERE code = 'C{id}'",
    "SELECT n, note FROM by_key WHERE id = {id}",
    "SELECT n FROM by_key WHERE name = 'name {id}'",
    "SELECT n FROM by_key WHERE id = {id} FOR UPDATE",
    "SELECT sum(n), count(*) FROM by_key WHERE id = {id}",
    "SELECT n, (SELECT count(*) FROM by_key) FROM by_key WHERE id = {id}",
    "SELECT p.n, c.what FROM by_key p JOIN by_key_part c ON c.owner = p.id WHERE c.id = {n} ORDER BY 1, 2",
    "SELECT * FROM by_key ORDER BY id",
)


def answer(connection, text):
    connection.execute("SAVEPOINT one")
    try:
        cursor = connection.execute(text)
    except psycopg.Error as error:
        connection.execute("ROLLBACK TO one")
        return error.sqlstate
    return cursor.statusmessage, cursor.fetchall() if cursor.description else None


def test_statements_by_key_see_what_the_block_did(server, oracle):
    """Any mix of statements that name their row and such that do not: every answer is PostgreSQL's, and so is what COMMIT leaves."""
    seed = int(os.environ.get("PGD1_SEED") or random.randrange(1 << 32))
    choice = random.Random(seed)
    with oracle.connect() as postgres, server.connect() as connection:
        both = (postgres, connection)
        for one in both:
            one.execute("CREATE TABLE by_key (id int PRIMARY KEY, name text UNIQUE, n int, note text)")
            one.execute("CREATE TABLE by_key_part (id int PRIMARY KEY, owner int REFERENCES by_key (id), what text)")
            one.execute("CREATE TABLE by_key_codes (code varchar(5) PRIMARY KEY, n int)")
            one.execute(f"INSERT INTO by_key SELECT i, 'name ' || i, i FROM generate_series(1, {ROWS}, 2) AS i")
            one.execute(f"INSERT INTO by_key_codes SELECT 'c' || i, 0 FROM generate_series(1, {ROWS}) AS i")
        try:
            for _ in range(3):
                for one in both:
                    one.execute("BEGIN")
                for i in range(60):
                    text = choice.choice(CHANGES).format(id=choice.randint(1, ROWS), n=choice.randint(1, ROWS))
                    expected, got = (answer(one, text) for one in both)
                    assert got == expected, f"PGD1_SEED={seed}: statement {i}: {text}"
                end = choice.choice(("COMMIT", "COMMIT", "ROLLBACK"))
                for one in both:
                    one.execute(end)
                for table in ("by_key", "by_key_part", "by_key_codes"):
                    rows = [one.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall() for one in both]
                    assert rows[0] == rows[1], f"PGD1_SEED={seed}: {table} after {end}"
        finally:
            for one in both:
                one.execute("ROLLBACK")
                one.execute("DROP TABLE by_key_part, by_key_codes, by_key")
