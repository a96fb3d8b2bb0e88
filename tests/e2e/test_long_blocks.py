"""Blocks of many statements: what was folded into one member or computed without D1 is what would have come of each by itself."""
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
    import psycopg
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
    import psycopg
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
    import psycopg
    connection.execute("BEGIN")
    shown = [connection.execute("INSERT INTO kinds (a) VALUES (%s) RETURNING id", (i,)).fetchone()[0] for i in range(3)]
    other = server.connect()
    other.execute("INSERT INTO kinds (id, a) VALUES (%s, 99)", (shown[1],))
    other.close()
    with pytest.raises(psycopg.errors.SerializationFailure):
        connection.execute("COMMIT")
    assert connection.execute("SELECT id, a FROM kinds").fetchall() == [(shown[1], 99)]
