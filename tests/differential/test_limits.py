"""What is above D1's limits (../../README.md, D1's documentation: parameters, bytes, columns, depth, terms) is folded or finished here:
the same rows and types as PostgreSQL, on the embedded engine and on D1's own. What cannot be is refused by name."""
import psycopg
import pytest
from pgd1 import Pgd1

SETUP = [
    "CREATE TABLE t (id int PRIMARY KEY, a int, b text, n numeric, f float8, d timestamp)",
    "INSERT INTO t SELECT g, g % 7, 'text ' || g, g / 3.0, g * 0.5, timestamp '2024-01-01' + g * interval '1 hour' FROM generate_series(1, 300) g",
    "CREATE TABLE wide1 (%s)" % ", ".join(f"c{i} int DEFAULT {i}" for i in range(60)),
    "CREATE TABLE wide2 (%s)" % ", ".join(f"d{i} int DEFAULT {i}" for i in range(60)),
    "INSERT INTO wide1(c0) VALUES (1)", "INSERT INTO wide2(d0) VALUES (1)",
    "CREATE TABLE w100 (%s)" % ", ".join(f"c{i} int DEFAULT {i}" for i in range(100)), "INSERT INTO w100(c0) VALUES (5)",
]


def chain(operator, item, n):
    return f" {operator} ".join(item.format(i=i) for i in range(n))


CASES = {
    'or150': "SELECT id FROM t WHERE " + chain("OR", "id = {i}", 150) + " ORDER BY id",
    'or150mixed': "SELECT id FROM t WHERE " + chain("OR", "(id = {i} AND b = 'text {i}')", 150) + " ORDER BY id",
    'or1000': "SELECT id FROM t WHERE " + chain("OR", "(id = {i} AND a = {i} % 7)", 1000) + " ORDER BY id",
    'or3000': "SELECT id FROM t WHERE " + chain("OR", "id = {i}", 3000) + " ORDER BY id",
    'and150': "SELECT id FROM t WHERE " + chain("AND", "id <> {i}", 150) + " ORDER BY id",
    'and500text': "SELECT id FROM t WHERE " + chain("AND", "b <> 'text {i}'", 500) + " ORDER BY id",
    'plus150': "SELECT " + chain(" + ", "a", 150) + " FROM t WHERE id < 4 ORDER BY id",
    'plus150n': "SELECT " + chain(" + ", "n", 150) + " FROM t WHERE id < 4 ORDER BY id",
    'plus150f': "SELECT " + chain(" + ", "f", 150) + " FROM t WHERE id < 4 ORDER BY id",
    'plusconst': "SELECT " + chain(" + ", "1", 150),
    'plusover': "SELECT " + chain(" + ", "100000000", 150),
    'minus150': "SELECT " + chain("-", "a", 150) + " FROM t WHERE id < 4 ORDER BY id",
    'mul150': "SELECT " + chain(" * ", "1", 150) + " * a FROM t WHERE id < 4 ORDER BY id",
    'concat150': "SELECT " + chain("||", "b", 150) + " FROM t WHERE id < 4 ORDER BY id",
    'concatf150': "SELECT concat(" + ", ".join(["b"]*150) + ") FROM t WHERE id < 4 ORDER BY id",
    'coalesce150': "SELECT coalesce(" + ", ".join(["nullif(a,a)"]*150) + ",1) FROM t WHERE id < 4 ORDER BY id",
    'greatest150': "SELECT greatest(" + ", ".join(["a + %d"%i for i in range(150)]) + ") FROM t WHERE id < 4 ORDER BY id",
    'in10000': "SELECT id FROM t WHERE id IN (" + ", ".join(map(str, range(5, 10005))) + ") ORDER BY id",
    'notin10000': "SELECT id FROM t WHERE id NOT IN (" + ", ".join(map(str, range(5, 10005))) + ") ORDER BY id",
    'intext5000': "SELECT id FROM t WHERE b IN (" + ", ".join(f"'text {i}'" for i in range(100, 5100)) + ") ORDER BY id",
    'innum5000': "SELECT id FROM t WHERE n IN (" + ", ".join(f"{i}.0" for i in range(100, 5100)) + ") ORDER BY id",
    'ints':
        "SELECT id FROM t WHERE d IN (" + ", ".join(f"timestamp '2024-01-01 {i % 24:02}:00:00'" for i in range(500)) + ") ORDER BY id",
    'rowin': "SELECT id FROM t WHERE (id, a) IN (" + ", ".join(f"({i}, {i % 7})" for i in range(400)) + ") ORDER BY id",
    'case200': "SELECT CASE id " + " ".join(f"WHEN {i} THEN 'v{i}'" for i in range(200)) + " ELSE 'other' END FROM t ORDER BY id",
    'case200s':
        "SELECT CASE " + " ".join(f"WHEN id = {i} AND a > 0 THEN 'v{i}'" for i in range(200)) + " ELSE 'other' END FROM t ORDER BY id",
    'casenest60': "SELECT " + "CASE WHEN a = 1 THEN 1 ELSE " * 60 + "0" + " END" * 60 + " FROM t ORDER BY id",
    'casenest150': "SELECT " + "CASE WHEN a = 1 THEN 1 ELSE " * 150 + "0" + " END" * 150 + " FROM t ORDER BY id",
    'union10': chain("UNION", "SELECT {i} AS x", 10) + " ORDER BY x",
    'unionall40': chain("UNION ALL", "SELECT id + {i} AS x FROM t WHERE id < 3", 40) + " ORDER BY x",
    'exceptmix': "SELECT id FROM t " + " ".join(f"EXCEPT SELECT {i}" for i in range(20)) + " ORDER BY 1",
    'cols150': "SELECT " + ", ".join(f"a + {i}" for i in range(150)) + " FROM t WHERE id < 3 ORDER BY id",
    'cols150plain': "SELECT " + ", ".join("id" for i in range(150)) + " FROM t WHERE id < 3 ORDER BY id",
    'cols150const': "SELECT " + ", ".join(str(i) for i in range(150)),
    'cols120star': "SELECT * FROM wide1, wide2",
    'cols120starwhere': "SELECT * FROM wide1 JOIN wide2 ON c0 = d0 WHERE c1 = 1 ORDER BY c2",
    'cols160': "SELECT * FROM w100, wide1",
    'cols110tables': "SELECT w.*, 1, 2, 3 FROM w100 w",
    'w100star': "SELECT * FROM w100",
    'cols120sub': "SELECT c5, d7 FROM (SELECT * FROM wide1, wide2) s",
    'cols120cte': "WITH s AS MATERIALIZED (SELECT * FROM wide1, wide2) SELECT c5, d7 FROM s",
    'order120': "SELECT id FROM t ORDER BY " + ", ".join(f"a * {i+1}" for i in range(120)) + ", id LIMIT 5",
    'group120': "SELECT count(*) FROM t GROUP BY " + ", ".join(f"a + {i}" for i in range(120)) + " ORDER BY 1",
    'like60': "SELECT id FROM t WHERE b LIKE '%" + "x" * 60 + "%'",
    'like60p': "SELECT id FROM t WHERE b LIKE 'text 1%" + "%" * 60 + "' ORDER BY id",
    'ilike60': "SELECT id FROM t WHERE b ILIKE 'TEXT 1%" + "%" * 60 + "' ORDER BY id",
    'notlike60': "SELECT id FROM t WHERE b NOT LIKE '%" + "_" * 60 + "' ORDER BY id",
    'likecol': "SELECT id FROM t WHERE repeat('x', 60) LIKE repeat('_', 60) AND id < 3 ORDER BY id",
    'likecol2': "SELECT id FROM t WHERE b LIKE '%' || substr(b, 3, 60) || repeat('%', 60) AND id < 3 ORDER BY id",
    'subq15': "SELECT " + "(SELECT " * 15 + "max(id) FROM t" + ")" * 15,
    'fromnest': "SELECT count(*) FROM " + "(SELECT * FROM " * 30 + "t" + ") s" * 30,
    'paren': "SELECT " + "(" * 300 + "a" + ")" * 300 + " FROM t WHERE id < 3 ORDER BY id",
    'not120': "SELECT id FROM t WHERE " + "NOT " * 120 + "(a = 1) ORDER BY id",
    'func120': "SELECT " + "abs(" * 120 + "a" + ")" * 120 + " FROM t WHERE id < 4 ORDER BY id",
    'big where': "SELECT id FROM t WHERE b = '" + "x" * 150000 + "' OR id = 3",
    'values2000': "SELECT sum(x) FROM (VALUES " + ", ".join(f"({i}, 'a{i}')" for i in range(2000)) + ") v(x, y)",
    'agg': "SELECT " + chain(" + ", "sum(a)", 120) + " FROM t",
    'having': "SELECT a FROM t GROUP BY a HAVING " + chain("OR", "count(*) = {i}", 150) + " ORDER BY a",
    'onchain': "SELECT count(*) FROM t x JOIN t y ON " + chain("OR", "(x.id = {i} AND y.id = {i})", 150),
    'betweens': "SELECT id FROM t WHERE " + chain("OR", "id BETWEEN {i} AND {i} + 1", 200) + " ORDER BY id",
    'likes': "SELECT id FROM t WHERE " + chain("OR", "b LIKE '%{i}%'", 150) + " ORDER BY id",
    'isnulls': "SELECT id FROM t WHERE " + chain("AND", "b IS NOT NULL", 150) + " ORDER BY id LIMIT 3",
    'orselect': "SELECT id, " + chain("OR", "a = {i}", 150) + " FROM t ORDER BY id LIMIT 3",
    'WRITE update case':
        "UPDATE t SET a = CASE id " + " ".join(f"WHEN {i} THEN {i * 2}" for i in range(250)) + " ELSE a END WHERE id IN (" + ", ".join(map(str, range(250))) + ") RETURNING id, a",
    'WRITE update or': "UPDATE t SET a = a + 1 WHERE " + chain("OR", "id = {i}", 250) + " RETURNING id",
    'WRITE delete or': "DELETE FROM t WHERE " + chain("OR", "(id = {i} AND a <> 100)", 250) + " RETURNING id",
    'WRITE update concat': "UPDATE t SET b = " + chain("||", "b", 120) + " WHERE id < 4 RETURNING length(b)",
    'WRITE insert cols':
        "INSERT INTO t(id, b) SELECT 1000 + id, " + chain("||", "b", 120) + " FROM t WHERE id < 4 RETURNING length(b)",
    'WRITE insert select 120': "INSERT INTO t(id) VALUES (5000 + " + chain(" + ", "1", 120) + ") RETURNING id",
    'WRITE insert 2000': "INSERT INTO t(id, a, b) VALUES " + ", ".join(f"({i}, {i}, 'ins {i}')" for i in range(10000, 12000)),
    'WRITE insert big': "INSERT INTO t(id, b) VALUES (20000, '" + "y" * 300000 + "') RETURNING length(b)",
    'WRITE update big': "UPDATE t SET b = '" + "y" * 300000 + "' WHERE id = 3 RETURNING length(b)",
    'WRITE delete in': "DELETE FROM t WHERE id IN (" + ", ".join(map(str, range(100, 8100))) + ")",
    'WRITE ins ret 120': "INSERT INTO w100(c0) VALUES (9) RETURNING *, 1, 2, 3",
}

# What is refused: the limit is D1's own, and the local engine has it too, or nobody can keep it.
REFUSED = {
    "66 tables": ("SELECT count(*) FROM t t0 " + " ".join(f"JOIN t t{i} ON t{i}.id = t{i - 1}.id" for i in range(1, 66)), "54000"),
    "101 columns of a table": ("CREATE TABLE w101 (%s)" % ", ".join(f"c{i} int" for i in range(101)), "54011"),
    "110 terms of 110 conditions": (
        "SELECT id FROM t WHERE " + chain("OR", "(" + chain("AND", "a <> -{i}", 110) + ")", 110), "54001"),
}


def answer(connection, sql, params=None):
    """Types, names and rows, or the SQLSTATE. Rows of a change have no order."""
    try:
        cursor = connection.execute(sql, params)
    except psycopg.Error as error:
        return error.sqlstate
    if not cursor.description:
        return cursor.statusmessage
    rows = cursor.fetchall()
    return [(c.name, c.type_code) for c in cursor.description], sorted(rows) if not sql.startswith(("SELECT", "WITH")) else rows


@pytest.fixture(scope="module")
def postgres(oracle):
    with oracle.connect(autocommit=True) as connection:
        connection.execute("DROP SCHEMA IF EXISTS limits CASCADE; CREATE SCHEMA limits; SET search_path = limits")
        for statement in SETUP:
            connection.execute(statement)
        yield connection
        connection.execute("DROP SCHEMA limits CASCADE")


@pytest.fixture(scope="module", params=["embedded", "workerd"])
def pgd1(request):
    with Pgd1(request.param) as server, server.connect(autocommit=True) as connection:
        for statement in SETUP:
            connection.execute(statement)
        yield connection


@pytest.mark.parametrize("name", CASES)
def test_folded(postgres, pgd1, name):
    """Writes are taken back: on pgd1 the block tries them out."""
    sql = CASES[name]
    if not name.startswith("WRITE"):
        assert answer(pgd1, sql) == answer(postgres, sql)
        return
    postgres.execute("BEGIN")
    want = answer(postgres, sql)
    postgres.execute("ROLLBACK")
    pgd1.execute("BEGIN")
    try:
        assert answer(pgd1, sql) == want
    finally:
        pgd1.execute("ROLLBACK")


@pytest.mark.parametrize("n", [101, 150, 5000, 9000])
def test_parameters(postgres, pgd1, n):
    """Lists of parameters as node-postgres and psycopg send them: one by one, and as an array."""
    values = list(range(0, 2 * n, 2))
    marks = ", ".join(["%s"] * n)
    for sql in [f"SELECT id FROM t WHERE id IN ({marks}) ORDER BY id", f"SELECT id FROM t WHERE id NOT IN ({marks}) ORDER BY id"]:
        assert answer(pgd1, sql, values) == answer(postgres, sql, values)
    assert answer(pgd1, "SELECT id FROM t WHERE id = ANY(%s) ORDER BY id", [values]) == answer(
        postgres, "SELECT id FROM t WHERE id = ANY(%s) ORDER BY id", [values])
    texts = [f"text {value}" for value in values]
    sql = f"SELECT id FROM t WHERE {' OR '.join(['b = %s'] * min(n, 4000))} ORDER BY id"
    assert answer(pgd1, sql, texts[:4000]) == answer(postgres, sql, texts[:4000])


def test_inserted_parameters(postgres, pgd1):
    rows = 2500
    values = [value for i in range(rows) for value in (50000 + i, i % 7, f"p{i}", i / 4)]
    sql = f"INSERT INTO t(id, a, b, f) VALUES {', '.join(['(%s, %s, %s, %s)'] * rows)}"
    read = "SELECT count(*), sum(a), max(b), sum(f) FROM t WHERE id >= 50000"
    for connection in (postgres, pgd1):
        connection.execute("DELETE FROM t WHERE id >= 50000")
    assert answer(pgd1, sql, values) == answer(postgres, sql, values) == f"INSERT 0 {rows}"
    assert answer(pgd1, read) == answer(postgres, read)
    for connection in (postgres, pgd1):
        assert connection.execute("DELETE FROM t WHERE id >= 50000").rowcount == rows


def row_of_each_type(i):
    return [9007199254740993 + i if i % 3 else None, f"n\u00e4'{{?{i}}}" if i % 5 else None, i % 2 == 0,
            [1.5, float("nan"), float("inf"), None][i % 4], f"2024-01-{i % 28 + 1:02}", f"2024-01-01 {i % 24:02}:00:00+00",
            bytes([i % 256, 0, 255]) if i % 4 else None]


@pytest.mark.parametrize("n", [20, 1000])
def test_rows_of_parameters(postgres, pgd1, n):
    """As SQLAlchemy inserts many rows: VALUES of casts in FROM, with a counter that orders them."""
    types = ["bigint", "varchar", "boolean", "float8", "date", "timestamptz", "bytea"]
    rows = ",".join("(" + ",".join(f"%s::{name}" for name in types) + f",{i})" for i in range(n))
    names = ",".join(f"p{i}" for i in range(len(types)))
    values = [value for i in range(n) for value in row_of_each_type(i)]
    source = f"FROM (VALUES {rows}) AS v({names},counter)"
    insert = f"INSERT INTO many({names}) SELECT {names} {source} ORDER BY counter RETURNING *"
    read = f"SELECT count(*), sum(p0), count(p1), max(p5), min(p4), sum(counter) {source} WHERE p2"
    for connection in (postgres, pgd1):
        connection.execute("CREATE TABLE many (id serial PRIMARY KEY, %s)" % ", ".join(f"p{i} {name}" for i, name in enumerate(types)))
    try:
        assert repr(answer(pgd1, insert, values)) == repr(answer(postgres, insert, values))
        assert answer(pgd1, read, values) == answer(postgres, read, values)
    finally:
        for connection in (postgres, pgd1):
            connection.execute("DROP TABLE many")


@pytest.mark.parametrize("name", REFUSED)
def test_refused(pgd1, name):
    sql, code = REFUSED[name]
    assert answer(pgd1, sql) == code
    assert answer(pgd1, "SELECT count(*) FROM t")[1] == [(300,)]
