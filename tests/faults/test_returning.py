"""The answer of a write with RETURNING is lost: its rows come from the row of its id, the same that D1 would have given; where they
are not noted there, 08007 says that the write is committed."""
import re
import socket
import struct

import psycopg
import pytest

from behind import Behind

TABLE = """CREATE TABLE {t} (id bigserial PRIMARY KEY, k text UNIQUE, n int NOT NULL DEFAULT 1, f float8, d numeric(10,2), big numeric, b bytea,
  at timestamptz, day date, ok boolean, j jsonb, u uuid, list int[])"""
FIRST = """INSERT INTO {t} (k, n, f, d, big, b, at, day, ok, j, u, list) VALUES
  ('one', 1, 0.1, 12.34, 123456789012345678901234567890.5, '\\x00ff27', '2024-02-29 12:34:56.789+02', '2024-02-29', true,
   '{{"a": [1, "it''s \\"x\\"", null]}}', '00000000-0000-4000-8000-000000000001', '{{1,NULL,3}}'),
  ('two', 2, 'NaN', -0.01, 'NaN', '', 'infinity', '-infinity', false, 'null', NULL, '{{}}'),
  ('three', 3, '-Infinity', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)"""
ALL = "id, k, n, f, d, big, b, at::text, day::text, ok, j, u, list"
RECOVERED = [
    f"INSERT INTO {{t}} (k, f, b, at, j) VALUES (E'it''s\\n\\u00e4\\\\ \"x\"', 1e-300, '\\x27', '2001-01-01 UTC', '[1.50]') RETURNING {ALL}",
    f"INSERT INTO {{t}} (k, n) VALUES ('a', 10), ('b', 20), ('c', 30) RETURNING {ALL}",
    "INSERT INTO {t} (k, n) VALUES ('a', 10) RETURNING id, n + 1, k || '!', n / 4.0",
    "INSERT INTO {t} (id, k) VALUES (77, 'x') RETURNING id, k",
    "INSERT INTO {t} DEFAULT VALUES RETURNING id, n",
    "INSERT INTO {t} (k, n) SELECT 'g' || g, g FROM generate_series(1, 400) g RETURNING id, k",
    f"INSERT INTO {{t}} (k, n) SELECT k || '2', n FROM {{t}} WHERE n < 3 RETURNING {ALL}",
    "INSERT INTO {t} (k, n) VALUES ('one', 5) ON CONFLICT (k) DO UPDATE SET n = {t}.n + excluded.n RETURNING id, n",
    "INSERT INTO {t} (k, n) VALUES ('new', 5) ON CONFLICT (k) DO UPDATE SET n = {t}.n + excluded.n RETURNING id, n",
    "INSERT INTO {t} (k, n) VALUES ('one', 5) ON CONFLICT (k) DO NOTHING RETURNING id, n",
    "INSERT INTO {t} (k, n) VALUES ('new', 5) ON CONFLICT (k) DO NOTHING RETURNING id, n",
    f"UPDATE {{t}} SET n = n + 1, k = k || 'x' WHERE id = 1 RETURNING {ALL}",
    "UPDATE {t} AS x SET n = n + 1 WHERE x.id = 2 AND n = 2 RETURNING x.id, x.f, x.big, x.b, x.day::text, x.n",
    "UPDATE {t} SET n = n + 1 WHERE k = 'two' AND n = 99 RETURNING id",
    f"DELETE FROM {{t}} WHERE id = 1 RETURNING {ALL}",
    "DELETE FROM {t} WHERE k = 'two' AND n > 1 RETURNING id, n",
    "DELETE FROM {t} WHERE id = 4711 RETURNING id",
    "INSERT INTO {t} (k) VALUES ('p'); UPDATE {t} SET n = 7 WHERE id = 2 RETURNING id, n; INSERT INTO {t} (k) VALUES ('q'), ('r')",
]
COMMITTED = [  # which rows they were is not known any more, or they are too many
    "UPDATE {t} SET n = n + 1 WHERE n < 3 RETURNING id, n",
    "DELETE FROM {t} RETURNING id",
    "INSERT INTO {t} (id, k) VALUES (90, 'x'), (80, 'y') RETURNING id",
    "INSERT INTO {t} (k) VALUES ('x') RETURNING id, (SELECT count(*) FROM {t})",
    "INSERT INTO {t} (k) SELECT 'g' || g FROM generate_series(1, 1100) g RETURNING id",
    "INSERT INTO {t} (k) VALUES (repeat('x', 70000)) RETURNING k",
]


@pytest.fixture(scope="module", params=("workerd", "rest"))
def behind(request, tmp_path_factory):
    with Behind(request.param, tmp_path_factory.mktemp("d1"), worker_threads="1") as made:
        yield made


@pytest.fixture(params=(False, True), ids=("text", "binary"))
def connection(behind, request):
    with behind.server.connect() as made:
        for name in ("whole", "lost"):
            made.execute(f"DROP TABLE IF EXISTS {name}")
            made.execute(TABLE.format(t=name))
            made.execute(FIRST.format(t=name))
        made.binary = request.param
        yield made


def results(connection, sql, name):
    """Of each statement: what its columns are, its rows, its count."""
    cursor = connection.cursor(binary=connection.binary and ";" not in sql)
    cursor.execute(sql.format(t=name))
    gave = []
    while True:
        columns = [(c.name, c.type_code) for c in cursor.description or ()]
        rows = cursor.fetchall() if columns else None
        gave.append((columns, repr(rows), cursor.rowcount))
        if not cursor.nextset():
            return gave


CHANGE = re.compile(rb'(INSERT (OR \w+ )?INTO|UPDATE (OR \w+ )?|DELETE FROM) *\\"lost\\"')


def lose(behind):
    """The answer of the first request that changes the table."""
    lost = []

    def choose(number, body):
        if CHANGE.search(body) and not lost:
            lost.append(number)
            return "cut_after"
        return None
    behind.network.reset(choose)
    return lost


@pytest.mark.parametrize("sql", RECOVERED)
def test_rows_are_recovered(behind, connection, sql):
    expected = results(connection, sql, "whole")
    lost = lose(behind)
    assert results(connection, sql, "lost") == expected
    assert lost, "nothing was lost"
    behind.network.reset()
    rows = f"SELECT {ALL} FROM {{t}} ORDER BY id"
    assert results(connection, rows, "lost") == results(connection, rows, "whole")


@pytest.mark.parametrize("sql", COMMITTED)
def test_what_is_not_noted_is_told_as_committed(behind, connection, sql):
    results(connection, sql, "whole")
    lost = lose(behind)
    with pytest.raises(psycopg.Error, match="was committed") as raised:
        results(connection, sql, "lost")
    assert raised.value.sqlstate == "08007" and "Its id is " in raised.value.diag.message_detail
    assert lost, "nothing was lost"
    behind.network.reset()
    rows = f"SELECT {ALL} FROM {{t}} ORDER BY id"
    assert results(connection, rows, "lost") == results(connection, rows, "whole")


def test_tables_with_triggers_are_not_guessed(behind, connection):
    """What RETURNING gives is not what a trigger leaves behind."""
    connection.execute("SET pgd1.dialect = 'sqlite'")
    connection.execute("CREATE TRIGGER changes AFTER INSERT ON lost BEGIN UPDATE lost SET n = 1000 WHERE id = NEW.id; END")
    connection.execute("SET pgd1.dialect = 'postgresql'")
    lose(behind)
    with pytest.raises(psycopg.Error, match="was committed"):
        connection.execute("INSERT INTO lost (k) VALUES ('x') RETURNING n")
    behind.network.reset()
    assert connection.execute("SELECT n FROM lost WHERE k = 'x'").fetchall() == [(1000,)]


def message(kind, body):
    return kind + struct.pack("!i", len(body) + 4) + body


@pytest.mark.parametrize("fault", ["cut_after", "half_after", "error_after"])
def test_rows_that_a_portal_keeps_are_recovered_once(tmp_path, fault):
    """A client that fetches one row at a time: also where a part of the rows had come before the answer broke off."""
    with Behind("workerd", tmp_path, worker_threads="1", auth_type="trust") as behind:
        with behind.server.connect() as connection:
            connection.execute("CREATE TABLE lost (id bigserial PRIMARY KEY, k text)")
        insert = b"INSERT INTO lost (k) VALUES ('" + b"a" * 3000 + b"'), ('b'), ('c') RETURNING id, length(k)"
        one_row = message(b"E", b"\0" + struct.pack("!i", 1))
        with socket.create_connection(("127.0.0.1", behind.server.port.number), timeout=15) as client:
            answers = client.makefile("rb")

            def until_ready(data):
                client.sendall(data)
                rows, kind = [], b""
                while kind != b"Z":
                    kind, n = struct.unpack("!ci", answers.read(5))
                    body = answers.read(n - 4)
                    assert kind != b"E", body
                    rows += [body[6:].split(b"\0\0\0\1")] if kind == b"D" else [kind] if kind in b"sC" else []
                return rows
            who = b"user\0postgres\0database\0app\0\0"
            until_ready(struct.pack("!ii", 8 + len(who), 196608) + who)
            lose_one = lose(behind)
            choose = behind.network.choose
            behind.network.choose = lambda number, body: choose(number, body) and fault
            got = until_ready(message(b"P", b"\0" + insert + b"\0\0\0") + message(b"B", b"\0\0\0\0\0\0\0\0") + 5 * one_row + message(b"S", b""))
            assert lose_one, "nothing was lost"
        kinds = [row if isinstance(row, bytes) else b"row" for row in got]
        assert kinds[:6] == [b"row", b"s", b"row", b"s", b"row", b"s"] and kinds.count(b"row") == 3, got
        behind.network.reset()
        assert behind.rows_of("SELECT count(*) FROM lost") == [[3]]
