"""int8 and numeric are exact on every path and every transport: each row below goes through each path, and what comes back is compared
with the value itself; what is computed of all of them, with PostgreSQL 15."""
from decimal import Decimal, getcontext

import psycopg
import pytest
from pgd1 import TRANSPORTS, Pgd1
from psycopg.types.numeric import Int8

getcontext().prec = 100

INTEGERS = [0, 1, -1, 2**31 - 1, -2**31, 2**31, 2**53 - 1, 2**53, 2**53 + 1, -2**53 - 1, 2**62 + 3, 9007199254740995, 999999999999999999,
            2**63 - 1, -2**63, -2**63 + 1]
NUMBERS = [Decimal(text) for text in
           ["0", "1", "-1", "0.1", "-0.1", "1.5", "0.000001", "123456789.123456", "-999999999.999999", "999999999.999999"]]
WIDE = NUMBERS + [Decimal(text) for text in
                  ["9007199254740993", "9007199254740993.000000000000000001", "-12345678901234567890123456789.123456789012345678",
                   "0.0000000000000000000000000001", "99999999999999999999999999999999999999", "1E+20", "123456789012345678.9", "0.30",
                   "100", "1000000000000000000000000000000000000000000.5"]]

# column, its type, the values
COLUMNS = [
    ("i8", "int8", INTEGERS),
    ("n15", "numeric(15,6)", NUMBERS),
    ("n30", "numeric(48,18)", WIDE[:12]),
    ("nn", "numeric", WIDE),
]
SETUP = "CREATE TABLE exact (id int PRIMARY KEY, i8 int8, n15 numeric(15,6), n30 numeric(48,18), nn numeric)"


def stored(kind, value):
    """What a column of that type keeps of the value."""
    scale = {"numeric(15,6)": 6, "numeric(48,18)": 18}.get(kind)
    return value if scale is None else value.quantize(Decimal(1).scaleb(-scale))


@pytest.fixture(scope="module", params=TRANSPORTS)
def pgd1(request):
    with Pgd1(request.param) as server, server.connect(autocommit=True) as connection:
        connection.execute(SETUP)
        yield connection


@pytest.fixture(scope="module")
def postgres(oracle):
    with oracle.connect(autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS exact; " + SETUP)
        yield connection
        connection.execute("DROP TABLE exact")


@pytest.fixture(autouse=True)
def emptied(pgd1):
    pgd1.execute("DELETE FROM exact")


def by_literal(db, column, i, value):
    return db.execute(f"INSERT INTO exact(id, {column}) VALUES ({i}, {value:f}) RETURNING {column}" if isinstance(value, Decimal)
                      else f"INSERT INTO exact(id, {column}) VALUES ({i}, {value}) RETURNING {column}")


def by_string(db, column, i, value):
    return db.execute(f"INSERT INTO exact(id, {column}) VALUES ({i}, '{value}') RETURNING {column}")


def by_text(db, column, i, value):
    return db.execute(f"INSERT INTO exact(id, {column}) VALUES (%t, %t) RETURNING {column}", [i, wire(value)])


def by_binary(db, column, i, value):
    return db.execute(f"INSERT INTO exact(id, {column}) VALUES (%b, %b) RETURNING {column}", [i, wire(value)], binary=True)


def by_update(db, column, i, value):
    db.execute("INSERT INTO exact(id) VALUES (%s)", [i])
    return db.execute(f"UPDATE exact SET {column} = %s WHERE id = %s RETURNING {column}", [wire(value), i])


def by_conflict(db, column, i, value):
    db.execute("INSERT INTO exact(id) VALUES (%s)", [i])
    return db.execute(f"INSERT INTO exact(id, {column}) VALUES (%s, %s) ON CONFLICT (id) DO UPDATE SET {column} = excluded.{column} "
                      f"RETURNING {column}", [i, wire(value)])


def by_block(db, column, i, value):
    with db.transaction():
        given = db.execute(f"INSERT INTO exact(id, {column}) VALUES (%s, %s) RETURNING {column}", [i, wire(value)]).fetchone()
        assert db.execute(f"SELECT {column} FROM exact WHERE id = %s", [i]).fetchone() == given
    return db.execute(f"SELECT {column} FROM exact WHERE id = %s", [i])


def wire(value):
    return Int8(value) if isinstance(value, int) else value


PATHS = [by_literal, by_string, by_text, by_binary, by_update, by_conflict, by_block]


@pytest.mark.parametrize("column, kind, values", COLUMNS, ids=[row[0] for row in COLUMNS])
@pytest.mark.parametrize("path", PATHS, ids=[path.__name__ for path in PATHS])
def test_written_and_returned(pgd1, path, column, kind, values):
    for i, value in enumerate(values):
        want = stored(kind, value)
        got = path(pgd1, column, i, value).fetchone()[0]
        assert (got, str(got)) == (want, str(want) if kind != "numeric" else str(got)), value
    for binary in (False, True):
        rows = pgd1.execute(f"SELECT {column} FROM exact ORDER BY id", binary=binary).fetchall()
        assert [row[0] for row in rows] == [stored(kind, value) for value in values]
    for i, value in enumerate(values):  # found again by what they are
        for binary in (False, True):
            mark = "%b" if binary else "%t"
            found = pgd1.execute(f"SELECT id FROM exact WHERE {column} = {mark}", [wire(value)]).fetchall()
            assert (i,) in found and all(stored(kind, values[n]) == stored(kind, value) for n, in found), value
    assert [row[0] for row in pgd1.execute(f"SELECT {column} FROM exact ORDER BY {column}")] == sorted(
        stored(kind, value) for value in values)


@pytest.mark.parametrize("column, kind, values", COLUMNS, ids=[row[0] for row in COLUMNS])
@pytest.mark.parametrize("form", ["text", "csv", "binary"])
def test_copied(pgd1, form, column, kind, values):
    with pgd1.cursor().copy(f"COPY exact (id, {column}) FROM STDIN (FORMAT {form})") as copy:
        if form == "csv":
            copy.write("".join(f"{i},{value}\n" for i, value in enumerate(values)))
        else:
            copy.set_types(["int4", kind.split("(")[0]])
            for i, value in enumerate(values):
                copy.write_row((i, wire(value)))
    with pgd1.cursor().copy(f"COPY (SELECT id, {column} FROM exact ORDER BY id) TO STDOUT (FORMAT {form})") as copy:
        if form == "csv":
            rows = [line.split(",") for line in b"".join(map(bytes, copy)).decode().split()]
        else:
            copy.set_types(["int4", kind.split("(")[0]])
            rows = list(copy.rows())
    assert [type(value)(row[1]) for row, value in zip(rows, values)] == [stored(kind, value) for value in values]


# What is computed of all the values; {c}: the column.
COMPUTED = [
    "SELECT sum({c}), min({c}), max({c}), count(DISTINCT {c}) FROM exact",
    "SELECT {c} FROM exact WHERE {c} > 1 ORDER BY {c} DESC",
    "SELECT id, -{c} FROM exact WHERE id < 6 ORDER BY id",
    "SELECT id, {c}::text, {c}::numeric + 0.5, {c} = {c}::text::numeric FROM exact ORDER BY id",
    "SELECT a.id, b.id FROM exact a JOIN exact b ON a.{c} = b.{c} ORDER BY 1, 2",
    "SELECT array_agg({c} ORDER BY id) FROM exact",
    "SELECT json_agg({c} ORDER BY id)::text FROM exact",
    "SELECT id FROM exact WHERE {c} = ANY (ARRAY(SELECT {c} FROM exact WHERE id > 3)) ORDER BY id",
    "SELECT id, lag({c}) OVER (ORDER BY id), sum({c}) OVER (ORDER BY id ROWS 1 PRECEDING) FROM exact WHERE id < 8 ORDER BY id",
    "SELECT id, coalesce({c}, 0), greatest({c}, 5), CASE WHEN {c} > 0 THEN {c} END FROM exact ORDER BY id",
    "SELECT avg({c}) FROM exact WHERE id < 5",
    "UPDATE exact SET {c} = {c} + 1 WHERE id < 3 RETURNING id, {c}",
]


@pytest.mark.parametrize("sql", COMPUTED, ids=[sql[:40] for sql in COMPUTED])
@pytest.mark.parametrize("column, kind, values", COLUMNS, ids=[row[0] for row in COLUMNS])
def test_computed(pgd1, postgres, sql, column, kind, values):
    postgres.execute("TRUNCATE exact")
    answers = []
    for db in (postgres, pgd1):
        with db.cursor() as cursor:
            cursor.executemany(f"INSERT INTO exact(id, {column}) VALUES (%s, %s)", [(i, wire(value)) for i, value in enumerate(values)])
            try:
                cursor.execute(sql.format(c=column))
                rows = cursor.fetchall()
                answers.append(([c.type_code for c in cursor.description], sorted(rows, key=str) if sql.startswith("UPDATE") else rows))
            except psycopg.Error as error:
                answers.append(error.sqlstate)
    assert answers[1] == answers[0]


@pytest.mark.parametrize("sql", ["SELECT 9223372036854775807 + 1", "SELECT 9223372036854775808::int8", "SELECT -9223372036854775808 - 1",
                                 "INSERT INTO exact(id, i8) VALUES (1, 9223372036854775808)", "SELECT 4611686018427387904 * 2",
                                 "INSERT INTO exact(id, n15) VALUES (1, 1000000000)", "INSERT INTO exact(id, n30) VALUES (1, 1e31)"])
def test_what_does_not_fit(pgd1, sql):
    with pytest.raises(psycopg.errors.NumericValueOutOfRange):
        pgd1.execute(sql)
    assert pgd1.execute("SELECT count(*) FROM exact").fetchone() == (0,)


@pytest.mark.parametrize("kind, value, message", [
    ("numeric(10,2)", "NaN", "a column of type numeric(10,2) cannot hold NaN"),
    ("numeric(3,3)", "NaN", "a column of type numeric(3,3) cannot hold NaN"),
    ("numeric(3,-6)", "NaN", "a column of type numeric(3,-6) cannot hold NaN"),
    ("numeric(3,-6)", "Infinity", "numeric field overflow"),
])
def test_what_a_number_cell_cannot_hold_is_told(pgd1, kind, value, message):
    pgd1.execute("DROP TABLE IF EXISTS cell")
    pgd1.execute(f"CREATE TABLE cell (n {kind})")
    for statement, parameters in ((f"INSERT INTO cell VALUES ('{value}')", ()), ("INSERT INTO cell VALUES (%s)", (value,)),
                                  (f"INSERT INTO cell SELECT '{value}'::numeric", ())):
        with pytest.raises(psycopg.errors.NumericValueOutOfRange) as told:
            pgd1.execute(statement, parameters)
        assert told.value.diag.message_primary == message
    assert pgd1.execute("SELECT count(*) FROM cell").fetchone() == (0,)
