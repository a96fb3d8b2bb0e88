"""pgd1.dialect = sqlite: SQLite's SQL as it is, the same on every transport (proxy/raw.h)."""
import psycopg
import pytest
from pgd1 import TRANSPORTS, Pgd1

INT8, FLOAT8, TEXT, BYTEA = 20, 701, 25, 17
BIG = 2**53 + 1
TABLE = """CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT, b REAL, c BLOB, d);
           INSERT INTO t VALUES(1, 'x', 1.5, x'00ff', NULL), (9007199254740993, 'y;', 2, NULL, 'z');"""
TRIGGER = """CREATE TRIGGER tr AFTER INSERT ON t\r
begin\r
  UPDATE t SET a = CASE WHEN NEW.a IS NULL THEN 'null;' ELSE CASE NEW.a WHEN 'y' THEN 'Y' ELSE NEW.a END END WHERE id = NEW.id;\r
end"""

# statement, its types, its rows
ROWS = [
    ("SELECT * FROM t ORDER BY id", [INT8, TEXT, FLOAT8, BYTEA, TEXT],
     [(1, "x", 1.5, b"\x00\xff", None), (BIG, "y;", 2.0, None, "z")]),
    ("SELECT id AS x, id AS x, count(*) OVER () FROM t LIMIT 1", [INT8, INT8, INT8], [(1, 1, 2)]),
    ("SELECT 1.0, 1, 9e999, -9e999, 'a' || char(0), x''", [FLOAT8, INT8, FLOAT8, FLOAT8, TEXT, BYTEA],
     None),
    ("SELECT 1 WHERE 0", [TEXT], []),
    ("SELECT id FROM t WHERE 0", [INT8], []),
    ("VALUES (1), (2.5)", [FLOAT8], [(1.0,), (2.5,)]),
    ("VALUES (9007199254740993), (2.5)", [TEXT], [("9007199254740993",), ("2.5",)]),
    ("SELECT d FROM t UNION ALL SELECT 5 ORDER BY 1", [TEXT], [(None,), ("5",), ("z",)]),
    ("SELECT x'01' UNION ALL SELECT 'text' ORDER BY 1", [TEXT], [("text",), ("\\x01",)]),
    ("WITH w(a) AS (SELECT 3) SELECT a, random() = random() FROM w", [INT8, INT8], [(3, 0)]),
    ("SELECT name, type FROM pragma_table_info('t') LIMIT 2", [TEXT, TEXT], [("id", "INTEGER"), ("a", "TEXT")]),
    ("PRAGMA table_info(t)", [INT8, TEXT, TEXT, INT8, TEXT, INT8], None),
    ("EXPLAIN QUERY PLAN SELECT * FROM t WHERE id = 1", [INT8, INT8, INT8, TEXT], None),
]

# statement, SQLSTATE, a part of what is said
ERRORS = [
    ("SELEC 1", "42601", "syntax error"),
    ("SELECT 'open", "42601", "unrecognized token"),
    ("SELECT * FROM missing", "42P01", "missing"),
    ("SELECT nope FROM t", "42703", "nope"),
    ("SELECT nope(1)", "42883", "nope"),
    ("SELECT power(2, 3)", "42501", "power"),
    ("SELECT sqlite_version()", "42501", "sqlite_version"),
    ("ATTACH 'x' AS y", "42501", "not authorized"),
    ("CREATE TEMP TABLE x(a)", "42501", "not authorized"),
    ("CREATE TABLE _cf_x(a)", "42501", "not"),
    ("PRAGMA user_version", "42501", "not authorized"),
    ("PRAGMA foreign_keys = off", "0A000", "PRAGMA"),
    ("PRAGMA case_sensitive_like(1)", "0A000", "PRAGMA"),
    ("VACUUM", "0A000", "VACUUM"),
    ("SELECT :name", "0A000", "name"),
    ("SELECT @name", "0A000", "name"),
    ("SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 UNION SELECT 6", "54000", "compound"),
    ("SELECT " + " + ".join(["1"] * 120), "54001", "depth"),
    ("INSERT INTO t(id) VALUES(1)", "23505", "t_pkey"),
    ("DELETE FROM _pgd1_catalog", "42501", "pgd1"),
]


@pytest.fixture(scope="module", params=TRANSPORTS)
def server(request):
    with Pgd1(request.param) as server:
        with server.connect(autocommit=True) as connection:
            connection.execute("CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE TABLE described (id int, m mood)")
        yield server


@pytest.fixture
def raw(server):
    with server.connect(autocommit=True, options="'-c pgd1.dialect=sqlite'") as connection:
        connection.execute(TABLE)
        yield connection
        if connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
            connection.execute("ROLLBACK")
        connection.execute("DROP TABLE t")


def types(cursor):
    return [column.type_code for column in cursor.description]


@pytest.mark.parametrize("sql, want, rows", ROWS, ids=[row[0][:40] for row in ROWS])
def test_columns_are_typed_by_their_cells(raw, sql, want, rows):
    cursor = raw.execute(sql)
    assert types(cursor) == want
    if rows is not None:
        assert cursor.fetchall() == rows


@pytest.mark.parametrize("sql, code, text", ERRORS, ids=[row[0][:40] for row in ERRORS])
def test_what_d1_refuses_is_refused(raw, sql, code, text):
    with pytest.raises(psycopg.Error) as caught:
        raw.execute(sql)
    assert caught.value.sqlstate == code
    assert text in caught.value.diag.message_primary + (caught.value.diag.message_detail or "")
    assert raw.execute("SELECT count(*) FROM t").fetchone() == (2,)


def test_described_columns_keep_their_promise(raw):
    """Extended protocol: RowDescription comes without a round trip, so it says what the table declares; text of what is computed."""
    cursor = raw.execute("SELECT id, a, b, c, d, id + 1, typeof($1) FROM t WHERE id = $1".replace("$1", "%(id)s"), {"id": BIG})
    assert types(cursor) == [INT8, TEXT, FLOAT8, BYTEA, TEXT, TEXT, TEXT]
    assert cursor.fetchone() == (BIG, "y;", 2.0, None, "z", str(BIG + 1), "integer")
    cursor = raw.execute("SELECT id, b, c FROM t WHERE id = %s", [1], binary=True)
    assert cursor.fetchone() == (1, 1.5, b"\x00\xff")
    raw.execute("UPDATE t SET b = 'word' WHERE id = %s", [1])
    with pytest.raises(psycopg.errors.InvalidTextRepresentation) as caught:
        raw.execute("SELECT b FROM t WHERE id = %s", [1])
    assert "CAST" in caught.value.diag.message_hint and "t.b" in caught.value.diag.message_detail
    assert raw.execute("SELECT CAST(b AS TEXT) FROM t WHERE id = %s", [1]).fetchone() == ("word",)
    assert raw.execute("SELECT b FROM t WHERE id = 1").fetchone() == ("word",)


@pytest.mark.parametrize("value, kind, text", [
    (5, "integer", "5"), (2**63 - 1, "integer", "9223372036854775807"), (-2**63, "integer", "-9223372036854775808"),
    (1.0, "real", "1"), (0.1, "real", "0.1"), (float("inf"), "real", "Infinity"), (b"\x00\xff", "blob", "\\x00ff"),
    ("5", "text", "5"), ("", "text", ""), (None, "null", None), (True, "integer", "1")])
def test_parameters_keep_their_class(raw, value, kind, text):
    assert raw.execute("SELECT typeof(%s), %s", [value, value]).fetchone() == (kind, text)
    assert raw.execute("INSERT INTO t(d) VALUES(%s)", [value]).rowcount == 1
    assert raw.execute("SELECT typeof(d), d FROM t WHERE d IS %s AND id NOT IN (1, 9007199254740993)", [value]).fetchall() == [(kind, text)]


def test_parameters_have_no_affinity(raw):
    """A number is no text: `a = 5` compares with the text '5', as it does when SQLite binds it."""
    raw.execute("INSERT INTO t(a) VALUES('05'), ('5')")
    assert raw.execute("SELECT a FROM t WHERE a = %s", [5]).fetchall() == [("5",)]


def test_changes_and_rows_of_changes(raw):
    assert raw.execute("INSERT INTO t(a) VALUES('n'), ('m')").statusmessage == "INSERT 0 2"
    assert raw.execute("REPLACE INTO t(id, a) VALUES(1, 'r')").statusmessage == "INSERT 0 1"
    assert raw.execute("WITH w AS (SELECT 1) UPDATE t SET d = (SELECT * FROM w) WHERE a > 'm'").statusmessage == "UPDATE 3"
    cursor = raw.execute("UPDATE t SET d = id WHERE id IN (1, 9007199254740993) RETURNING *, d + 0 AS e")
    assert cursor.statusmessage == "UPDATE 2"
    assert [column.name for column in cursor.description] == ["id", "a", "b", "c", "d", "e"]
    assert [(row[0], row[4], row[5]) for row in cursor] == [(1, 1, 1), (BIG, BIG, BIG)]
    assert raw.execute("DELETE FROM t WHERE id = %s RETURNING id, typeof(b), (SELECT count(*) FROM t, t) > 1", [BIG]).fetchall() == [
        (BIG, "real", "1")]
    assert raw.execute("DELETE FROM t").statusmessage == "DELETE 3"


def test_a_string_is_one_batch(raw):
    with pytest.raises(psycopg.Error):
        raw.execute("INSERT INTO t(a) VALUES('lost'); INSERT INTO t(id) VALUES(1)")
    cursor = raw.execute(f"{TRIGGER}; INSERT INTO t(id) VALUES(7); INSERT INTO t(id, a) VALUES(8, 'y'); SELECT a FROM t WHERE id IN (7, 8)")
    tags = [cursor.statusmessage]
    while cursor.nextset():
        tags.append(cursor.statusmessage)
    assert tags == ["CREATE TRIGGER", "INSERT 0 1", "INSERT 0 1", "SELECT 2"]
    assert cursor.fetchall() == [("null;",), ("Y",)]
    assert raw.execute("SELECT count(*) FROM t").fetchone() == (4,)


def test_blocks(server, raw):
    raw.execute("BEGIN")
    raw.execute("INSERT INTO t(id, a) VALUES(3, 'in block')")
    raw.execute("CREATE TABLE u(x)")
    raw.execute("INSERT INTO u VALUES(%s)", [BIG])
    assert raw.execute("SELECT x, typeof(x), a FROM u, t WHERE id = 3 ORDER BY x").fetchall() == [(BIG, "integer", "in block")]
    with server.connect(autocommit=True) as other:
        assert other.execute("SELECT count(*) FROM t").fetchone() == (2,)
    raw.execute("COMMIT")
    assert raw.execute("SELECT count(*) FROM t").fetchone() == (3,)
    raw.execute("BEGIN")
    raw.execute("DROP TABLE u")
    with pytest.raises(psycopg.errors.UndefinedTable):
        raw.execute("SELECT * FROM u")
    raw.execute("ROLLBACK")
    assert raw.execute("SELECT x FROM u").fetchone() == (BIG,)
    for refused in ["PRAGMA table_info(t)", "EXPLAIN QUERY PLAN SELECT 1"]:
        raw.execute("BEGIN; CREATE TABLE w(a)")
        with pytest.raises(psycopg.errors.FeatureNotSupported):
            raw.execute(refused)
        raw.execute("ROLLBACK")
    raw.execute("BEGIN")
    with pytest.raises(psycopg.errors.FeatureNotSupported):
        raw.execute("INSERT INTO t(a) VALUES('r') RETURNING id")
    raw.execute("ROLLBACK; DROP TABLE u")
    assert raw.execute("SELECT count(*) FROM t").fetchone() == (3,)


def test_a_conflict_is_seen(server, raw):
    """What a block was shown must hold at COMMIT, raw or not."""
    raw.execute("BEGIN ISOLATION LEVEL SERIALIZABLE")
    assert raw.execute("SELECT a FROM t WHERE id = 1").fetchone() == ("x",)
    with server.connect(autocommit=True) as other:
        other.execute("UPDATE t SET a = 'changed' WHERE id = 1")
    with pytest.raises(psycopg.errors.SerializationFailure):
        raw.execute("INSERT INTO t(a) VALUES('w')")
        raw.execute("COMMIT")


def test_full_text_search(server, raw):
    raw.execute("CREATE VIRTUAL TABLE ft USING fts5(body)")
    raw.execute("INSERT INTO ft VALUES('hello world'), ('other')")
    assert raw.execute("SELECT rowid, highlight(ft, 0, '<', '>') FROM ft WHERE ft MATCH %s", ["hello"]).fetchall() == [
        (1, "<hello> world")]
    raw.execute("BEGIN; CREATE TABLE beside(a)")
    raw.execute("INSERT INTO ft VALUES('hello again')")
    raw.execute("INSERT INTO beside VALUES(1)")
    assert raw.execute("SELECT count(*) FROM ft('hello')").fetchone() == (2,)
    raw.execute("ROLLBACK")
    raw.execute("SET pgd1.dialect = postgresql")
    assert raw.execute("SELECT body FROM ft ORDER BY body").fetchall() == [("hello world",), ("other",)]
    with raw.transaction():
        raw.execute("CREATE TABLE beside (a int)")
        raw.execute("INSERT INTO beside VALUES (1)")
    raw.execute("DROP TABLE beside")
    raw.execute("SET pgd1.dialect = sqlite")
    raw.execute("DROP TABLE ft")


def test_the_schema_is_known_at_once(server, raw):
    """Raw DDL brings the schema it leaves, for both dialects and every session."""
    with server.connect(autocommit=True) as other:
        assert other.execute("SELECT count(*) FROM t").fetchone() == (2,)
        raw.execute("ALTER TABLE t ADD COLUMN e TEXT DEFAULT 'q'")
        assert raw.execute("SELECT e FROM t LIMIT 1").fetchone() == ("q",)
        assert other.execute("SELECT e FROM t LIMIT 1").fetchone() == ("q",)
        raw.execute("ALTER TABLE t DROP COLUMN e")
        with pytest.raises(psycopg.errors.UndefinedColumn):
            other.execute("SELECT e FROM t LIMIT 1")


def test_what_the_side_catalogue_describes_is_not_dropped_raw(server, raw):
    for statement in ["DROP TABLE described", "ALTER TABLE described RENAME TO other", "ALTER TABLE described DROP COLUMN m"]:
        with pytest.raises(psycopg.errors.FeatureNotSupported, match="raw DROP or ALTER"):
            raw.execute(statement)
    raw.execute("ALTER TABLE described ADD COLUMN n TEXT; ALTER TABLE t RENAME COLUMN d TO dd; ALTER TABLE t RENAME TO tt")
    raw.execute("ALTER TABLE tt RENAME TO t")
    with server.connect(autocommit=True) as other:
        other.execute("ALTER TABLE described DROP COLUMN n")


def test_the_dialect_is_a_setting(server):
    with server.connect(autocommit=True) as connection:
        prepared = connection.cursor()
        connection.execute("PREPARE ours AS SELECT 7 / 2 AS seven")
        connection.execute("BEGIN; SET LOCAL pgd1.dialect = 'sqlite'")
        assert connection.execute("SELECT typeof(7 / 2.0)").fetchone() == ("real",)
        assert connection.execute("SHOW pgd1.dialect").fetchone() == ("sqlite",)
        assert prepared.execute("EXECUTE ours").fetchone() == (3,)
        connection.execute("COMMIT")
        assert connection.execute("SHOW pgd1.dialect").fetchone() == ("postgresql",)
        assert connection.execute("SELECT pg_typeof(7 / 2.0)").fetchone() == ("numeric",)


def test_read_only_transactions_stay_so(raw):
    for statement in ["INSERT INTO t(a) VALUES('w')", "CREATE TABLE w(a)", "UPDATE t SET a = 1 RETURNING a", "ANALYZE"]:
        raw.execute("BEGIN READ ONLY")
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            raw.execute(statement)
        raw.execute("ROLLBACK")
