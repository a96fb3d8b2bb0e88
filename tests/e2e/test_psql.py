"""An unmodified psql: create, load, query, fail; on the embedded default and on a real D1."""
import pytest


def answers(server, *arguments, **options):
    return server.psql(*arguments, **options).stdout


SCHEMA = """
CREATE TABLE author (id serial PRIMARY KEY, name varchar(40) NOT NULL UNIQUE, born date);
CREATE TABLE book (id bigserial PRIMARY KEY, author_id int NOT NULL REFERENCES author(id) ON DELETE CASCADE,
                   title text NOT NULL, price numeric(8,2) CHECK (price >= 0), tags text[] DEFAULT '{}', info jsonb,
                   in_print boolean NOT NULL DEFAULT true, added timestamptz DEFAULT '2024-01-01 00:00+00', uid uuid, raw bytea);
CREATE INDEX book_author ON book (author_id, title DESC);
INSERT INTO author (name, born) VALUES ('Undset', '1882-05-20'), ('Camus', NULL);
INSERT INTO book (author_id, title, price, tags, info, uid, raw) VALUES
  (1, 'The Wreath', 14.90, '{novel,"hi story"}', '{"lang": "no", "n": 1}', '6f1c2d3e-0000-4000-8000-000000000001', '\\xdeadbeef'),
  (2, 'The Plague', 12, '{}', NULL, NULL, NULL);
"""

QUERIES = [
    ("SELECT * FROM author ORDER BY id", "1|Undset|1882-05-20\n2|Camus|"),
    ("SELECT id, title, price, tags, info, in_print, added, uid, raw FROM book ORDER BY id",
     '1|The Wreath|14.90|{novel,"hi story"}|{"n": 1, "lang": "no"}|t|2024-01-01 00:00:00+00|6f1c2d3e-0000-4000-8000-000000000001|\\xdeadbeef\n'
     "2|The Plague|12.00|{}||t|2024-01-01 00:00:00+00||"),
    ("SELECT a.name, count(b.id), sum(b.price) FROM author a LEFT JOIN book b ON b.author_id = a.id GROUP BY a.name ORDER BY 1",
     "Camus|1|12.00\nUndset|1|14.90"),
    ("SELECT avg(price), max(price) + 1, round(price / 3, 2) FROM book GROUP BY price ORDER BY 1", "12.0000000000000000|13.00|4.00\n14.9000000000000000|15.90|4.97"),
    ("UPDATE book SET price = price * 1.1 WHERE id = 1 RETURNING price", "16.39\nUPDATE 1"),
    ("SELECT title FROM book WHERE title LIKE 'The P%' OR title ILIKE '%wreath'  ORDER BY 1", "The Plague\nThe Wreath"),
    ("WITH w AS (SELECT title, row_number() OVER (ORDER BY title DESC) AS n FROM book) SELECT n, title FROM w ORDER BY n", "1|The Wreath\n2|The Plague"),
    ("SELECT lower(name) FROM author UNION SELECT 'z' ORDER BY 1 DESC", "z\nundset\ncamus"),
    ("INSERT INTO author (name) VALUES ('Camus') ON CONFLICT (name) DO UPDATE SET born = '1913-11-07' RETURNING id, born", "2|1913-11-07\nINSERT 0 1"),
    ("SELECT name FROM author WHERE name ~ '^C.*s$'", "Camus"),
    ("DELETE FROM author WHERE id = 1", "DELETE 1"),
    ("SELECT count(*) FROM book", "1"),
]

ERRORS = [
    ("INSERT INTO author (name) VALUES ('Camus')", "23505", 'duplicate key value violates unique constraint "author_name_key"'),
    ("INSERT INTO book (author_id, title) VALUES (99, 'x')", "23503", 'insert or update on table "book" violates foreign key constraint "book_author_id_fkey"'),
    ("INSERT INTO book (author_id) VALUES (2)", "23502", 'null value in column "title" of relation "book" violates not-null constraint'),
    ("UPDATE book SET price = -1", "23514", 'new row for relation "book" violates check constraint "book_price_check"'),
    ("SELECT nosuch FROM book", "42703", 'column "nosuch" does not exist'),
    ("SELECT * FROM nosuch", "42P01", 'relation "nosuch" does not exist'),
    ("SELEKT 1", "42601", 'syntax error at or near "SELEKT"'),
    ("SELECT 1/0", "22012", "division by zero"),
    ("SELECT id / 0 FROM book", "22012", "division by zero"),
    ("SELECT 'x'::int", "22P02", 'invalid input syntax for type integer: "x"'),
    ("INSERT INTO author (name) VALUES (repeat('x', 41))", "22001", "value too long for type character varying(40)"),
    ("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'", "0A000", "CREATE FUNCTION is not supported"),
]


@pytest.fixture(scope="module")
def loaded(server):
    server.psql("-q", "-c", "DROP TABLE IF EXISTS book", "-c", "DROP TABLE IF EXISTS author")
    server.psql("-q", text=SCHEMA)
    return server


def test_queries_in_order(loaded):
    for sql, want in QUERIES:
        assert answers(loaded, "-At", "-c", sql).strip() == want, sql


@pytest.mark.parametrize("sql, code, message", ERRORS, ids=[code + " " + sql[:30] for sql, code, _ in ERRORS])
def test_errors_have_postgresqls_words(loaded, sql, code, message):
    import psycopg
    with loaded.connect() as connection, pytest.raises(psycopg.Error) as raised:
        connection.execute(sql)
    assert (raised.value.diag.sqlstate, raised.value.diag.message_primary) == (code, message)


def test_a_file_of_statements_and_copy(server, tmp_path):
    rows = 15000
    data = "".join(f"{n}\tname {n}\t{n % 7}.50\n" for n in range(rows))
    script = tmp_path / "load.sql"
    script.write_text("DROP TABLE IF EXISTS copied;\nCREATE TABLE copied (id int PRIMARY KEY, name text, price numeric(6,2));\n"
                      "COPY copied (id, name, price) FROM STDIN;\n" + data + "\\.\n")
    server.psql("-q", "-v", "ON_ERROR_STOP=1", "-f", str(script))
    assert answers(server, "-At", "-c", "SELECT count(*), sum(price), min(name), max(id) FROM copied").strip() == f"{rows}|{sum((n % 7) + 0.5 for n in range(rows)):.2f}|name 0|{rows - 1}"
    out = answers(server, "-At", "-c", "COPY (SELECT id, name FROM copied WHERE id < 3 ORDER BY id) TO STDOUT WITH (FORMAT csv, HEADER)")
    assert out == "id,name\n0,name 0\n1,name 1\n2,name 2\n"
    server.psql("-q", "-c", "DROP TABLE copied")


def test_inserts_of_many_rows_fold_into_d1s_limits(server, tmp_path):
    rows, per = 15000, 500
    script = tmp_path / "insert.sql"
    parts = ["DROP TABLE IF EXISTS inserted;", "CREATE TABLE inserted (id int PRIMARY KEY, name text, at timestamp, ok bool);"]
    for first in range(0, rows, per):
        values = ", ".join(f"({n}, 'it''s {n}', '2024-01-{1 + n % 28:02d} 10:00', {'true' if n % 2 else 'false'})" for n in range(first, first + per))
        parts.append(f"INSERT INTO inserted (id, name, at, ok) VALUES {values};")
    script.write_text("\n".join(parts))
    server.psql("-q", "-v", "ON_ERROR_STOP=1", "-f", str(script))
    assert answers(server, "-At", "-c", "SELECT count(*), count(*) FILTER (WHERE ok), max(at), max(name) FROM inserted").strip() == f"{rows}|{rows // 2}|2024-01-28 10:00:00|it's 9999"
    server.psql("-q", "-c", "DROP TABLE inserted")


def test_settings_transactions_and_prepared_statements(server):
    out = answers(server, "-At", text="SHOW timezone;\nSET timezone TO 'Europe/Berlin';\nSELECT '2024-06-01 12:00+00'::timestamptz;\n"
                      "PREPARE q (int) AS SELECT $1 + 1;\nEXECUTE q(41);\nDEALLOCATE q;\nBEGIN;\nSELECT 1;\nROLLBACK;\nSHOW timezone;\n")
    assert out.split("\n")[:-1] == ["UTC", "SET", "2024-06-01 14:00:00+02", "PREPARE", "42", "DEALLOCATE", "BEGIN", "1", "ROLLBACK", "Europe/Berlin"]


def test_a_string_of_statements_is_one_transaction(server):
    server.psql("-q", "-c", "DROP TABLE IF EXISTS whole", "-c", "CREATE TABLE whole (id int PRIMARY KEY)")
    server.psql("-q", "-c", "INSERT INTO whole VALUES (1); INSERT INTO whole VALUES (1)", check=False)
    assert answers(server, "-At", "-c", "SELECT count(*) FROM whole").strip() == "0"
    server.psql("-q", "-c", "BEGIN; INSERT INTO whole VALUES (1); INSERT INTO whole VALUES (2); COMMIT")
    assert answers(server, "-At", "-c", "SELECT count(*) FROM whole").strip() == "2"
    server.psql("-q", "-c", "DROP TABLE whole")
