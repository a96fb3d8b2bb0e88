"""Databases that D1's users have already, as drizzle-kit, Prisma, wrangler and hand-written SQL made them: read, written, compared,
described, and errors that name the remedy. Nothing is silently taken for something else."""
import contextlib
import datetime as dt
import decimal
import sqlite3

import psycopg
import pytest
from pgd1 import Pgd1

UTC = dt.timezone.utc

DRIZZLE = """
CREATE TABLE `users` (`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL, `name` text NOT NULL, `is_admin` integer DEFAULT false NOT NULL,
  `created_at` integer DEFAULT (unixepoch()) NOT NULL, `updated_ms` integer, `meta` text, `balance` real, `photo` blob, `price` numeric);
CREATE UNIQUE INDEX `users_name_unique` ON `users` (`name`);
INSERT INTO users(name, is_admin, created_at, updated_ms, meta, balance, photo, price) VALUES
  ('ann', 1, 1704067200, 1704067200123, '{"a": 1}', 1.5, x'00ff', 12.50), ('bob', 0, 1704153600, NULL, NULL, 2, NULL, NULL);
CREATE TABLE log(msg TEXT);
CREATE TRIGGER tr_users AFTER INSERT ON users BEGIN INSERT INTO log VALUES('new ' || NEW.name); END;
"""

PRISMA = """
CREATE TABLE "User" ("id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, "email" TEXT NOT NULL, "active" BOOLEAN NOT NULL DEFAULT true,
  "createdAt" DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP, "price" DECIMAL, "views" BIGINT, "data" JSONB, "raw" BLOB, "score" REAL);
CREATE TABLE "Post" ("id" TEXT NOT NULL PRIMARY KEY, "userId" INTEGER NOT NULL,
  CONSTRAINT "Post_userId_fkey" FOREIGN KEY ("userId") REFERENCES "User" ("id") ON DELETE CASCADE ON UPDATE CASCADE);
INSERT INTO "User"(email, active, createdAt, price, views, data, raw, score) VALUES
  ('a@x', 1, '2024-01-01T10:00:00.000+00:00', 12.34, 9007199254740993, '{"k":[1,2]}', x'01', 0.5),
  ('b@x', 0, '2024-01-01 10:00:00', 0.1, 1, '[]', NULL, 1e300),
  ('c@x', true, '2024-01-01T09:59:59.5Z', NULL, NULL, NULL, NULL, NULL),
  ('d@x', 1, '2024-01-02 00:00:00.000 +00:00', NULL, NULL, NULL, NULL, NULL),
  ('e@x', 1, '2024-01-03', NULL, NULL, NULL, NULL, NULL);
INSERT INTO "Post" VALUES('p1', 1);
"""

BY_HAND = """
CREATE TABLE d1_migrations(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL);
INSERT INTO d1_migrations(name, applied_at) VALUES('0001_init.sql', '2024-05-06 07:08:09');
CREATE TABLE plain(id INTEGER PRIMARY KEY, a, "odd name" TEXT, [brackets] INT, `back``tick` VARCHAR(5), "quo""te" TEXT);
INSERT INTO plain VALUES(1, 1, 'o', 5, 'too long', 'q'), (2, 1.5, NULL, 'abc', NULL, NULL), (3, 't', NULL, 3.7, NULL, NULL);
CREATE TABLE pairs(k TEXT PRIMARY KEY, v INTEGER) WITHOUT ROWID;
INSERT INTO pairs VALUES('a', 1), ('b', 2);
CREATE TABLE strict_one(id INTEGER PRIMARY KEY, i INT, r REAL, t TEXT, b BLOB, a ANY) STRICT;
INSERT INTO strict_one VALUES(1, 2, 3.5, 'x', x'aa', 1), (2, NULL, NULL, NULL, NULL, 'any');
CREATE TABLE keyed(id TEXT PRIMARY KEY, n INTEGER CHECK (n > 0), twice INTEGER GENERATED ALWAYS AS (n * 2) VIRTUAL,
  token TEXT DEFAULT (lower(hex(randomblob(4)))));
INSERT INTO keyed(id, n) VALUES('k', 3);
CREATE VIRTUAL TABLE docs USING fts5(title, body);
INSERT INTO docs VALUES('Hello', 'world');
CREATE VIEW shown AS SELECT k, v * 2 AS twice FROM pairs;
CREATE TABLE mixed(id INTEGER PRIMARY KEY, d DATE, ts TIMESTAMP, tz TIMESTAMPTZ, at DATETIME, n DECIMAL(10, 2), big BIGINT, flag BOOL);
INSERT INTO mixed VALUES(1, '2024-01-01', '2024-01-01 10:00:00', '2024-01-01 10:00:00.5', '2024-01-01 10:00:00', 1.5, 9223372036854775807, 1),
  (2, '2024-1-1', '2024-01-01T10:00:00', '2024-01-01T10:00:00Z', 1704067200, 'abc', 1.5, 't'),
  (3, NULL, NULL, NULL, '2024-01-01 10:00:00+02:00', NULL, NULL, 2), (4, NULL, NULL, NULL, '2024-13-01 10:00:00', NULL, NULL, NULL);
"""


@pytest.fixture(scope="module", params=["embedded", "workerd"])
def server(request):
    with Pgd1(request.param) as server:
        yield server


@pytest.fixture
def db(server):
    """A connection; each test makes its tables anew."""
    with server.connect(autocommit=True) as connection:
        connection.execute("DROP VIEW IF EXISTS shown, loose_view")
        for name in ["Post", "User", "users", "log", "d1_migrations", "plain", "pairs", "strict_one", "keyed", "docs", "mixed", "loose", "loose_parents", "loose_copy"]:
            connection.execute(f'DROP TABLE IF EXISTS "{name}"')
        connection.execute("SET pgd1.dialect = 'sqlite'")
        connection.execute(DRIZZLE + PRISMA + BY_HAND)
        connection.execute("SET pgd1.dialect = 'postgresql'")
        yield connection


def one(db, sql, *params):
    row = db.execute(sql, params or None).fetchone()
    return row[0] if row and len(row) == 1 else row


def column(db, sql, *params):
    return [row[0] for row in db.execute(sql, params or None)]


def refused(db, sql, code, hint):
    with pytest.raises(psycopg.Error) as caught:
        db.execute(sql).fetchall()
    assert caught.value.sqlstate == code
    said = " ".join(filter(None, [caught.value.diag.message_primary, caught.value.diag.message_detail, caught.value.diag.message_hint]))
    assert hint in said
    return said


def test_drizzle(db):
    assert db.execute("SELECT * FROM users WHERE id = 1").fetchone() == (
        1, "ann", 1, 1704067200, 1704067200123, '{"a": 1}', 1.5, b"\x00\xff", decimal.Decimal("12.5"))
    assert one(db, "INSERT INTO users(name) VALUES ('carl') RETURNING id, is_admin, created_at > 1704067200") == (3, 0, True)
    assert one(db, "INSERT INTO users(id, name, created_at) VALUES (DEFAULT, 'dora', DEFAULT) RETURNING id") == 4
    assert column(db, "SELECT msg FROM log") == ["new carl", "new dora"]
    refused(db, "INSERT INTO users(name, created_at) VALUES ('x', DEFAULT), ('y', 5)", "0A000", "unixepoch()")
    refused(db, "UPDATE users SET created_at = DEFAULT", "0A000", "unixepoch()")
    with pytest.raises(psycopg.errors.UniqueViolation):
        db.execute("INSERT INTO users(name) VALUES ('ann')")
    with db.cursor().copy("COPY users (name, photo) FROM STDIN") as copy:
        copy.write_row(("copied", b"\x01"))
    assert one(db, "SELECT id, is_admin, photo FROM users WHERE name = 'copied'")[1:] == (0, b"\x01")


def test_numbers_that_are_times(db):
    for call in ["'users.created_at', 'timestamptz', 'unixepoch'", "'users.updated_ms', 'timestamptz', 'unixms'",
                 "'users.is_admin', 'boolean'", "'public.users.meta', 'jsonb'"]:
        assert db.execute(f"SELECT pgd1.annotate({call})").statusmessage == "SELECT 1"
    ann = (dt.datetime(2024, 1, 1, tzinfo=UTC), dt.datetime(2024, 1, 1, 0, 0, 0, 123000, tzinfo=UTC), True)
    assert one(db, "SELECT created_at, updated_ms, is_admin FROM users WHERE name = 'ann'") == ann
    assert column(db, "SELECT name FROM users WHERE created_at < %s AND is_admin ORDER BY created_at", dt.datetime(2024, 6, 1, tzinfo=UTC)) == [
        "ann"]
    assert column(db, "SELECT name FROM users ORDER BY created_at DESC") == ["bob", "ann"]
    assert column(db, "SELECT name FROM users WHERE updated_ms = '2024-01-01 00:00:00.123+00'") == ["ann"]
    assert one(db, "SELECT meta->'a' FROM users WHERE meta @> '{\"a\": 1}'") == 1
    db.execute("UPDATE users SET created_at = '2020-01-01 00:00+00', is_admin = false WHERE name = 'ann'")
    db.execute("INSERT INTO users(name, updated_ms) VALUES ('new', '2020-01-01 00:00:00.5+00')")
    db.execute("SET pgd1.dialect = 'sqlite'")
    assert one(db, "SELECT created_at, typeof(created_at), is_admin FROM users WHERE name = 'ann'") == (1577836800, "integer", 0)
    assert one(db, "SELECT updated_ms, typeof(created_at) FROM users WHERE name = 'new'") == (1577836800500, "integer")
    db.execute("SET pgd1.dialect = 'postgresql'")
    assert db.execute("SELECT pgd1.annotate('users.created_at', NULL)").statusmessage == "SELECT 1"
    assert one(db, "SELECT created_at FROM users WHERE name = 'bob'") == 1704153600
    assert column(db, "SELECT data_type FROM information_schema.columns WHERE table_name = 'users' AND column_name IN "
                      "('created_at', 'updated_ms', 'is_admin', 'meta') ORDER BY ordinal_position") == [
        "boolean", "bigint", "timestamp with time zone", "jsonb"]


def test_annotate_refuses_what_would_lie(db):
    refused(db, "SELECT pgd1.annotate('users.meta', 'int4')", "0A000", "declared text")
    refused(db, "SELECT pgd1.annotate('users.is_admin', 'text')", "0A000", "declared integer")
    refused(db, "SELECT pgd1.annotate('users.name', 'timestamptz', 'unixms')", "0A000", "declared text")
    refused(db, "SELECT pgd1.annotate('users.name', 'jsonb', 'unixms')", "22023", "storage")
    refused(db, "SELECT pgd1.annotate('users.nope', 'int4')", "42703", "nope")
    refused(db, "SELECT pgd1.annotate('nope.nope', 'int4')", "42P01", "nope")
    refused(db, "SELECT pgd1.annotate('users.name', 'nope')", "42704", "nope")
    refused(db, "SELECT pgd1.annotate('users', 'text')", "42602", "table.column")
    refused(db, "SELECT pgd1.annotate(name, 'text') FROM users", "42883", "annotate")


def test_prisma(db):
    ten = dt.datetime(2024, 1, 1, 10)
    assert one(db, 'SELECT "createdAt", price, views, data, active FROM "User" WHERE id = 1') == (
        ten, decimal.Decimal("12.34"), 2**53 + 1, {"k": [1, 2]}, True)
    assert column(db, 'SELECT id FROM "User" WHERE "createdAt" = %s ORDER BY id', ten) == [1, 2]
    assert column(db, 'SELECT id FROM "User" WHERE "createdAt" < \'2024-01-02\' ORDER BY "createdAt", id') == [3, 1, 2]
    assert column(db, 'SELECT id FROM "User" ORDER BY "createdAt" DESC, id') == [5, 4, 1, 2, 3]
    assert one(db, 'SELECT max("createdAt"), count(DISTINCT "createdAt") FROM "User"') == (dt.datetime(2024, 1, 3), 4)
    created = one(db, 'INSERT INTO "User"(email, data) VALUES (\'f@x\', \'{"b": 2, "a": 1}\') RETURNING "createdAt"')
    assert one(db, 'SELECT "createdAt", "createdAt" > now() - interval \'1 hour\' FROM "User" WHERE email = \'f@x\'') == (created, True)
    db.execute('UPDATE "User" SET "createdAt" = \'2025-01-01 00:00:00.123456\' WHERE id = 5')
    assert column(db, 'SELECT id FROM "User" WHERE "createdAt" >= \'2025-01-01 00:00:00.123456\' AND id < 6') == [5]
    assert db.execute('DELETE FROM "User" WHERE id = 1').rowcount == 1
    assert one(db, 'SELECT count(*) FROM "Post"') == 0


def test_values_that_do_not_fit(db):
    assert one(db, "SELECT * FROM mixed WHERE id = 1") == (
        1, dt.date(2024, 1, 1), dt.datetime(2024, 1, 1, 10), dt.datetime(2024, 1, 1, 10, 0, 0, 500000, tzinfo=UTC),
        dt.datetime(2024, 1, 1, 10), decimal.Decimal("1.50"), 2**63 - 1, True)
    assert one(db, "SELECT ts, tz FROM mixed WHERE id = 2") == (dt.datetime(2024, 1, 1, 10), dt.datetime(2024, 1, 1, 10, tzinfo=UTC))
    for name, remedy in [("d", "mixed.d"), ("at", "unixms"), ("n", "annotate('mixed.n'"), ("big", "mixed.big"), ("flag", "mixed.flag")]:
        refused(db, f"SELECT {name} FROM mixed WHERE id = 2", "22P02", remedy)
    for row in (2, 3, 4):  # compared or sorted, not shown: a time in no known form is no reason to leave a row out silently
        refused(db, f"SELECT id FROM mixed WHERE at > '2020-01-01' AND id = {row}", "22P02", '"at"')
    assert column(db, "SELECT id FROM mixed WHERE ts = '2024-01-01 10:00:00' ORDER BY id") == [1, 2]
    db.execute("SET pgd1.dialect = 'sqlite'")
    assert one(db, "SELECT d, ts, at, n, big, flag FROM mixed WHERE id = 2") == (
        "2024-1-1", "2024-01-01T10:00:00", 1704067200, "abc", 1.5, "t")


LOOSE = """
CREATE TABLE loose(id INTEGER PRIMARY KEY, u UUID, ts TIMESTAMP, tz timestamptz, d DATE, t TIME(6), c CHAR(5), n INTEGER);
CREATE TABLE loose_parents(u UUID PRIMARY KEY, name TEXT);
INSERT INTO loose VALUES (1, 'AAAAAAAA-0000-0000-0000-000000000001', '2024-01-01T10:00:00Z', '2024-01-01T10:00:00.500+00:00', '2024-01-01', '10:00:00', 'ab   ', 1),
  (2, 'aaaaaaaa-0000-0000-0000-000000000001', '2024-01-01 10:00', '2024-01-01 10:00:00.5', '2024-01-02', '10:00:00.5', 'ab', 2),
  (3, 'bbbbbbbb-0000-0000-0000-000000000002', '2024-01-01', '2024-01-02T00:00:00.000Z', NULL, NULL, '', 3),
  (4, NULL, NULL, NULL, 'infinity', '24:00:00', NULL, 4);
INSERT INTO loose_parents VALUES ('AAAAAAAA-0000-0000-0000-000000000001', 'upper'), ('bbbbbbbb-0000-0000-0000-000000000002', 'lower')"""
U1 = "aaaaaaaa-0000-0000-0000-000000000001"


def test_forms_of_others_compare_as_what_they_are(db):
    """UUIDs in upper case, times with T and Z: nothing is missed, grouped apart or sorted by its spelling."""
    db.execute("SET pgd1.dialect = 'sqlite'")
    db.execute(LOOSE)
    db.execute("SET pgd1.dialect = 'postgresql'")
    assert column(db, f"SELECT id FROM loose WHERE u = '{U1}' ORDER BY id") == [1, 2]
    assert column(db, "SELECT id FROM loose WHERE u = ANY(%s::uuid[]) ORDER BY id", [U1]) == [1, 2]
    assert column(db, f"SELECT id FROM loose WHERE u IN ('{U1.upper()}') ORDER BY id") == [1, 2]
    assert one(db, "SELECT count(DISTINCT u), count(DISTINCT ts), count(DISTINCT tz), max(ts) FROM loose") == (2, 2, 2, dt.datetime(2024, 1, 1, 10))
    assert column(db, "SELECT count(*) FROM loose WHERE u IS NOT NULL GROUP BY u ORDER BY u") == [2, 1]
    assert column(db, "SELECT p.name FROM loose l JOIN loose_parents p ON p.u = l.u ORDER BY l.id") == ["upper", "upper", "lower"]
    assert column(db, "SELECT name FROM loose l JOIN loose_parents USING (u) ORDER BY l.id") == ["upper", "upper", "lower"]
    assert column(db, "SELECT id FROM loose WHERE ts = '2024-01-01 10:00' ORDER BY id") == [1, 2]
    assert column(db, "SELECT id FROM loose WHERE ts < '2024-01-01 10:00'") == [3]
    assert column(db, "SELECT id FROM loose WHERE tz = '2024-01-01 10:00:00.5+00' ORDER BY id") == [1, 2]
    assert column(db, "SELECT id FROM loose WHERE tz >= '2024-01-02 00:00+00'") == [3]
    assert column(db, "SELECT id FROM loose WHERE ts IS NOT NULL ORDER BY ts, id") == [3, 1, 2]
    assert column(db, "SELECT DISTINCT u::text FROM loose WHERE u IS NOT NULL ORDER BY 1") == [U1, "bbbbbbbb-0000-0000-0000-000000000002"]
    assert column(db, "SELECT u::text FROM loose WHERE id = 1 UNION SELECT u::text FROM loose WHERE id = 2") == [U1]
    assert column(db, "SELECT row_number() OVER (PARTITION BY u ORDER BY id) FROM loose WHERE id < 3 ORDER BY id") == [1, 2]
    assert column(db, "SELECT id FROM loose WHERE d < '2024-01-02' OR d = 'infinity' ORDER BY id") == [1, 4]
    assert column(db, "SELECT id FROM loose WHERE t > '10:00' ORDER BY id") == [2, 4]
    assert column(db, "SELECT id FROM loose WHERE c = 'ab' ORDER BY id") == [1, 2]
    assert db.execute("SELECT c, count(*), max(length(c)) FROM loose WHERE c > '' GROUP BY c").fetchall() == [("ab   ", 2, 2)]
    assert one(db, "SELECT md5(u::text) = md5(%s), ts, tz FROM loose WHERE id = 1", U1) == (
        True, dt.datetime(2024, 1, 1, 10), dt.datetime(2024, 1, 1, 10, 0, 0, 500000, tzinfo=UTC))
    assert db.execute(f"UPDATE loose SET n = n + 10 WHERE u = '{U1}'").rowcount == 2
    assert db.execute("DELETE FROM loose WHERE ts = '2024-01-01 10:00' AND n = 11 RETURNING u, ts").fetchall()[0][1] == dt.datetime(2024, 1, 1, 10)


def test_views_and_copies_of_forms_of_others(db):
    db.execute("SET pgd1.dialect = 'sqlite'")
    db.execute(LOOSE)
    db.execute("SET pgd1.dialect = 'postgresql'")
    db.execute(f"CREATE VIEW loose_view AS SELECT id, u, ts FROM loose WHERE u = '{U1}' OR ts < '2024-01-01 10:00'")
    assert column(db, "SELECT id FROM loose_view ORDER BY id") == [1, 2, 3]
    assert column(db, f"SELECT id FROM loose_view WHERE u = '{U1}' AND ts = '2024-01-01 10:00' ORDER BY id") == [1, 2]
    db.execute("DROP VIEW loose_view")
    db.execute("CREATE TABLE loose_copy AS SELECT * FROM loose WHERE ts >= '2024-01-01 10:00'")
    assert column(db, f"SELECT id FROM loose_copy WHERE u = '{U1}' AND ts = '2024-01-01 10:00' ORDER BY id") == [1, 2]
    db.execute("ALTER TABLE loose ALTER COLUMN ts TYPE timestamp(3), ADD CHECK (n > 0)")
    assert column(db, "SELECT id FROM loose WHERE ts = '2024-01-01 10:00' ORDER BY id") == [1, 2]
    db.execute("ALTER TABLE loose ALTER COLUMN n TYPE bigint")
    assert column(db, f"SELECT id FROM loose WHERE u = '{U1}' ORDER BY id") == [1, 2]


def test_forms_nobody_knows_are_told(db):
    db.execute("SET pgd1.dialect = 'sqlite'")
    db.execute(LOOSE)
    for column_name, cells in {"u": ["'aaaaaaaa00000000000000000000000001'", "'{aaaaaaaa-0000-0000-0000-000000000001}'", "x'00ff'", "12", "'gaaaaaaa-0000-0000-0000-000000000001'",
                                     "'-aaaaaaa-0000-0000-0000-000000000001'"],
                               "ts": ["1704103200", "'2024-01-01 10:00:00+02:00'", "'2024-02-30 10:00:00'", "'Jan 1 2024'", "'2024-01-01 10:00:00.1234567'"],
                               "d": ["'2024-1-1'", "'2024-02-30'", "19723", "'2024-01-01T00:00:00'"], "t": ["'10:00'", "'10:00:00.50'", "'25:00:00'", "'10:00:00.'"]}.items():
        for cell in cells:
            db.execute("SET pgd1.dialect = 'sqlite'")
            db.execute(f"UPDATE loose SET {column_name} = {cell} WHERE id = 1")
            db.execute("SET pgd1.dialect = 'postgresql'")
            for sql in ["SELECT {} FROM loose", "SELECT id FROM loose ORDER BY {}", "SELECT id FROM loose WHERE {} > {}", "SELECT count(*) FROM loose GROUP BY {}",
                        "SELECT id FROM (SELECT id, {} AS c FROM loose) x ORDER BY c"]:
                refused(db, sql.format(column_name, column_name), "22P02", column_name)
        db.execute("SET pgd1.dialect = 'sqlite'")
        db.execute(f"UPDATE loose SET {column_name} = NULL WHERE id = 1")
    db.execute("SET pgd1.dialect = 'postgresql'")
    assert one(db, "SELECT count(u), count(ts), count(d), count(t) FROM loose") == (2, 2, 2, 2)


def test_own_columns_keep_their_indexes(db):
    """What pgd1 declared is known to hold its own forms; so is what an annotation says to."""
    db.execute("DROP TABLE IF EXISTS own")
    db.execute("CREATE TABLE own (id uuid PRIMARY KEY, ts timestamp(3), tz timestamptz, d date, t time, c char(3))")
    db.execute("CREATE INDEX ON own (ts)")
    for name in ("id", "ts", "tz", "d", "t", "c"):
        assert "CASE" not in "".join(column(db, f"EXPLAIN SELECT 1 FROM own WHERE {name} IS NOT NULL ORDER BY {name}"))
    db.execute("SET pgd1.dialect = 'sqlite'")
    db.execute(LOOSE)
    db.execute("SET pgd1.dialect = 'postgresql'")
    for name, type_name in {"u": "uuid", "ts": "timestamp", "d": "date"}.items():
        assert "CASE" in "".join(column(db, f"EXPLAIN SELECT 1 FROM loose WHERE {name} > NULL ORDER BY {name}"))
        db.execute(f"SELECT pgd1.annotate('loose.{name}', '{type_name}', 'text')")
        assert "CASE" not in "".join(column(db, f"EXPLAIN SELECT 1 FROM loose WHERE {name} > NULL ORDER BY {name}"))
    db.execute("DROP TABLE own")


def test_booleans_that_are_none(db):
    """'true' is no number, so D1 would take it for false: wherever such a cell decides, it is told."""
    db.execute("SET pgd1.dialect = 'sqlite'")
    db.execute("DROP TABLE IF EXISTS marks; CREATE TABLE marks(id INTEGER PRIMARY KEY, b BOOLEAN, ok BOOL CHECK (\"ok\" in (1, 0)), n INTEGER);"
               "INSERT INTO marks VALUES (1, 1, 1, 1), (2, 0, 0, 0), (3, NULL, NULL, NULL), (4, 'true', 1, 7), (5, 2, 0, 1)")
    db.execute("SET pgd1.dialect = 'postgresql'")
    for row in (4, 5):
        for sql in ["SELECT id FROM marks WHERE b AND id = {}", "SELECT id FROM marks WHERE NOT b AND id = {}", "SELECT id FROM marks WHERE b = true AND id = {}",
                    "SELECT count(*) FROM marks WHERE b IS FALSE AND id = {}", "SELECT b::int FROM marks WHERE id = {}", "SELECT b FROM marks WHERE id = {}",
                    "SELECT bool_or(b) FROM marks WHERE id >= {}", "SELECT CASE WHEN b THEN 'y' ELSE 'n' END FROM marks WHERE id = {}",
                    "SELECT max(id) FROM marks WHERE id = {} GROUP BY b", "SELECT md5(b::text) FROM marks WHERE id = {}", "UPDATE marks SET n = 0 WHERE NOT b AND id = {}",
                    "DELETE FROM marks WHERE b IS NOT TRUE AND id = {}", "SELECT id FROM (SELECT id, b AS c FROM marks) x WHERE c AND id = {}"]:
            refused(db, sql.format(row), "22P02", "marks.b")
    assert column(db, "SELECT id FROM marks WHERE b AND id < 4") == [1]
    assert column(db, "SELECT id FROM marks WHERE NOT b AND id < 4") == [2]
    assert column(db, "SELECT b FROM marks WHERE id < 4 ORDER BY id") == [True, False, None]
    assert column(db, "SELECT id FROM marks WHERE ok ORDER BY id") == [1, 4]
    assert "CASE" not in "".join(column(db, "EXPLAIN SELECT id FROM marks WHERE ok"))
    db.execute("SELECT pgd1.annotate('marks.n', 'boolean')")
    refused(db, "SELECT id FROM marks WHERE n", "22P02", "marks.n")
    db.execute("SET pgd1.dialect = 'sqlite'")
    db.execute("UPDATE marks SET b = 1, n = 1 WHERE id > 3")
    db.execute("SET pgd1.dialect = 'postgresql'")
    assert column(db, "SELECT id FROM marks WHERE b AND n ORDER BY id") == [1, 4, 5]


def test_tables_by_hand(db):
    assert one(db, "SELECT * FROM d1_migrations") == (1, "0001_init.sql", dt.datetime(2024, 5, 6, 7, 8, 9))
    assert one(db, "INSERT INTO d1_migrations(name) VALUES ('0002') RETURNING id, applied_at > '2024-06-01'") == (2, True)
    assert column(db, "SELECT a FROM plain ORDER BY id") == ["1", "1.5", "t"]
    assert one(db, 'SELECT "odd name", brackets, "back`tick", "quo""te" FROM plain WHERE "odd name" = \'o\'') == ("o", 5, "too long", "q")
    refused(db, "SELECT brackets FROM plain", "22P02", "plain.brackets")
    assert one(db, "INSERT INTO plain(a) VALUES ('5') RETURNING id, a") == (4, "5")
    assert db.execute("INSERT INTO pairs VALUES ('a', 3) ON CONFLICT (k) DO UPDATE SET v = excluded.v RETURNING *").fetchall() == [("a", 3)]
    # an expression of a view has no declared type: text
    assert db.execute("SELECT * FROM shown ORDER BY k").fetchall() == [("a", "6"), ("b", "4")]
    assert db.execute("SELECT * FROM strict_one ORDER BY id").fetchall() == [
        (1, 2, 3.5, "x", b"\xaa", "1"), (2, None, None, None, None, "any")]
    assert one(db, "INSERT INTO strict_one(i, r, t, b, a) VALUES (1, 1, 't', '\\x00', 'z') RETURNING *") == (3, 1, 1.0, "t", b"\x00", "z")
    assert one(db, "INSERT INTO keyed(id, n) VALUES ('k2', 1) RETURNING twice, length(token)") == (2, 8)
    with pytest.raises(psycopg.errors.CheckViolation):
        db.execute("INSERT INTO keyed(id, n) VALUES ('k3', 0)")
    for statement in ["INSERT INTO keyed(id, n) VALUES (NULL, 1)", "INSERT INTO keyed(n) VALUES (1)", "UPDATE keyed SET id = NULL",
                      "INSERT INTO keyed(id, n) SELECT NULL, 1"]:
        with pytest.raises(psycopg.errors.NotNullViolation):
            db.execute(statement)
    assert db.execute("SELECT title FROM docs WHERE title = 'Hello'").fetchall() == [("Hello",)]
    assert db.execute("INSERT INTO docs VALUES ('x', 'y')").rowcount == 1


@pytest.mark.parametrize("table", ["users", "User", "plain", "pairs", "strict_one", "keyed", "mixed"])
def test_described(db, table):
    """The catalogue speaks of them as of any table: what \\d asks."""
    rows = db.execute("""SELECT a.attname, format_type(a.atttypid, a.atttypmod), pg_get_expr(d.adbin, d.adrelid), a.attnotnull
        FROM pg_attribute a LEFT JOIN pg_attrdef d ON a.attrelid = d.adrelid AND a.attnum = d.adnum
        WHERE a.attrelid = %s::regclass AND a.attnum > 0 ORDER BY a.attnum""", [f'"{table}"']).fetchall()
    assert rows and all(row[1] for row in rows)
    assert db.execute("SELECT count(*) FROM pg_index WHERE indrelid = %s::regclass AND indisprimary", [f'"{table}"']).fetchone() == (1,)


def test_collations_of_others_do_not_decide(db):
    """PostgreSQL compares byte by byte, whatever a column was declared; a UNIQUE of D1's own still holds."""
    db.execute("SET pgd1.dialect = 'sqlite'")
    db.execute("DROP TABLE IF EXISTS names; CREATE TABLE names(id INTEGER PRIMARY KEY, c TEXT COLLATE NOCASE UNIQUE, r TEXT COLLATE RTRIM);"
               "INSERT INTO names VALUES(1, 'AbC', 'x'), (2, 'b', 'x '), (3, 'C', 'y')")
    db.execute("SET pgd1.dialect = 'postgresql'")
    assert column(db, "SELECT id FROM names WHERE c = 'abc'") == []
    assert column(db, "SELECT id FROM names WHERE c IN ('abc', 'b') ORDER BY id") == [2]
    assert column(db, "SELECT id FROM names WHERE r = 'x'") == [1]
    assert column(db, "SELECT c FROM names ORDER BY c") == ["AbC", "C", "b"]
    assert one(db, "SELECT count(DISTINCT r), max(c) FROM names") == (3, "b")
    assert db.execute("SELECT r, count(*) FROM names GROUP BY r ORDER BY r").fetchall() == [("x", 1), ("x ", 1), ("y", 1)]
    assert db.execute("UPDATE names SET r = 'z' WHERE c = 'B'").rowcount == 0
    with pytest.raises(psycopg.errors.UniqueViolation):
        db.execute("INSERT INTO names(c) VALUES ('ABC')")


def test_blocks_and_copy(db):
    with db.transaction():
        assert one(db, "INSERT INTO plain(a) VALUES ('in block') RETURNING id") == 4
        assert one(db, "INSERT INTO plain(a) VALUES ('again') RETURNING id") == 5
        db.execute("UPDATE users SET is_admin = 1")
    assert column(db, "SELECT a FROM plain WHERE id > 3 ORDER BY id") == ["in block", "again"]
    with db.cursor().copy("COPY (SELECT k, v FROM pairs ORDER BY k) TO STDOUT") as copy:
        assert b"".join(map(bytes, copy)) == b"a\t1\nb\t2\n"
    with db.cursor().copy("COPY plain (a) FROM STDIN") as copy:
        copy.write_row(("x",))
    assert one(db, "SELECT id FROM plain WHERE a = 'x'") == 6


def test_domains_not_null_that_the_table_does_not_know():
    """As pgd1 once made columns of a domain over a domain NOT NULL, or as another tool made the table anew."""
    with Pgd1("embedded") as server, server.connect(autocommit=True) as db:
        db.execute("CREATE DOMAIN given AS int NOT NULL; CREATE DOMAIN over_given AS given; CREATE TABLE lax (id int PRIMARY KEY, v over_given)")
        with contextlib.closing(sqlite3.connect(server.folder / "app.db", isolation_level=None)) as file:
            file.executescript("DROP TABLE lax; CREATE TABLE lax (id INTEGER PRIMARY KEY, v INTEGER); INSERT INTO lax VALUES (1, NULL), (2, 2)")
        db.execute("CREATE TABLE other (id int)")  # behind DDL the whole schema is read again
        assert db.execute("SELECT id, v FROM lax WHERE pg_typeof(v)::text = 'over_given' ORDER BY id").fetchall() == [(1, None), (2, 2)]
        for sql, params in [
                ("INSERT INTO lax VALUES (3, NULL)", None), ("INSERT INTO lax VALUES (3, %s)", (None,)), ("INSERT INTO lax (id) VALUES (3)", None),
                ("INSERT INTO lax VALUES (3, 3), (4, NULL)", None), ("INSERT INTO lax SELECT 9, nullif(v, 2) FROM lax WHERE id = 2", None),
                ("UPDATE lax SET v = NULL", None), ("UPDATE lax SET v = nullif(v, 2) WHERE id = 2", None)]:
            with pytest.raises(psycopg.errors.NotNullViolation, match="domain over_given does not allow null values"):
                db.execute(sql, params)
        for columns, line in [("", "3\t\\N\n"), ("(id)", "3\n")]:
            with pytest.raises(psycopg.errors.NotNullViolation, match="domain over_given"), db.cursor().copy(f"COPY lax {columns} FROM STDIN") as copy:
                copy.write(line)
        db.execute("INSERT INTO lax VALUES (3, 3)")
        assert db.execute("SELECT id, v FROM lax ORDER BY id").fetchall() == [(1, None), (2, 2), (3, 3)]


@pytest.mark.parametrize("transport", ["embedded", "workerd"])
def test_views_without_tables_are_never_old(transport):
    """SQLite prepares a statement again when the schema has changed, but not each one that reads no table."""
    with Pgd1(transport) as server, server.connect(autocommit=True) as one, server.connect(autocommit=True) as two:
        two.execute("CREATE VIEW bare AS SELECT 0 AS a; CREATE VIEW over_bare AS SELECT a * 10 AS b FROM bare; CREATE TABLE t (n int)")
        queries = ["SELECT max(a) FROM bare", "SELECT max(b) FROM over_bare", "SELECT max(b), md5(max(b)::text) FROM over_bare",
                   "SELECT max(x.a) FROM (SELECT a FROM bare UNION ALL SELECT b FROM over_bare) x", "WITH c AS (SELECT a FROM bare) SELECT max(a) FROM c"]
        for n in (2, 3, 7):
            two.execute(f"CREATE OR REPLACE VIEW bare AS SELECT i AS a FROM generate_series(1, {n}) i")
            for connection in (one, two):
                assert [connection.execute(query, prepare=True).fetchone()[0] for query in queries] == [n, 10 * n, 10 * n, 10 * n, n]
            assert one.execute("INSERT INTO t SELECT max(a) FROM bare RETURNING n").fetchone() == (n,)


@pytest.mark.parametrize("transport", ["embedded", "workerd"])
def test_views_that_only_name_tables_are_never_old(transport):
    """A column, a WITH query and an alias that are called like a table are none."""
    with Pgd1(transport) as server, server.connect(autocommit=True) as one, server.connect(autocommit=True) as two:
        two.execute("CREATE TABLE t (n int); CREATE TABLE t2 (t int)")
        for text in ["SELECT i AS t FROM generate_series(1, {0}) i", "WITH t2(t) AS (SELECT i AS t FROM generate_series(1, {0}) i) SELECT t FROM t2",
                     "SELECT t.x AS t FROM generate_series(1, {0}) t(x) JOIN generate_series(1, {0}) t2(x) USING (x)"]:
            two.execute(f"CREATE VIEW named AS {text.format(1)}; CREATE VIEW over_named AS SELECT t * 10 AS t FROM named")
            for n in (2, 3, 7):
                two.execute(f"CREATE OR REPLACE VIEW named AS {text.format(n)}")
                for connection in (one, two):
                    assert connection.execute("SELECT max(t) FROM named", prepare=True).fetchone() == (n,), (text, n)
                    assert connection.execute("SELECT max(t) FROM over_named", prepare=True).fetchone() == (n * 10,), (text, n)
            two.execute("DROP VIEW over_named; DROP VIEW named")
        one.execute("CREATE VIEW named AS SELECT 1 AS t WHERE EXISTS (SELECT 1 FROM t2)")
        assert "sqlite_schema" not in str(one.execute("EXPLAIN SELECT t FROM named").fetchall())
