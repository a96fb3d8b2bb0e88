"""pg_stat_statements on PostgreSQL 15 and on pgd1: the same columns, and for the same statements the same texts, calls and rows."""
import pytest
from pgd1 import Pgd1
from postgres import Postgres

SETUP = ["CREATE EXTENSION IF NOT EXISTS pg_stat_statements", "CREATE TABLE t (id int PRIMARY KEY, name text, n numeric)"]
STATEMENTS = [
    "INSERT INTO t VALUES (1, 'a', 1.5), (2, 'b', 2)", "INSERT INTO t VALUES (3, 'c', 1), (4, 'd', 2)", "insert  into t VALUES (5, E'e\\n', 7)",
    "SELECT * FROM t WHERE id = 1", "select * from t where id = 2", "SELECT * FROM t WHERE id = 10000000000", "SELECT name FROM t WHERE name LIKE '%x' LIMIT 3",
    "SELECT 1", "SELECT 'one'", "SELECT id FROM t ORDER BY 1", "SELECT id, name FROM t ORDER BY 2 DESC, 1", "SELECT count(*), 'x' FROM t GROUP BY 2",
    "UPDATE t SET name = 'q' WHERE id IN (1, 2)", "UPDATE t SET n = n + 1 WHERE id = 3 RETURNING id", "DELETE FROM t WHERE id = 5", "SELECT $$dollar$$ || 'x'",
    "SELECT id FROM t WHERE id = 99 /* a comment */", "BEGIN", "SELECT 2", "UPDATE t SET name = 'z' WHERE id = 1", "COMMIT", "SET work_mem = '8MB'", "SHOW work_mem",
    "SELECT relname FROM pg_class WHERE relname = 'nothing'", "TABLE t", "VALUES (1, 'a'), (2, 'b')", "SELECT cast('12' AS int) + 1", "COPY (SELECT 1) TO STDOUT",
    "SELECT generate_series(1, 5)", "WITH w AS (SELECT 5 AS x) SELECT x FROM w", "SELECT 1/0", "SELECT nothing FROM t", "EXPLAIN SELECT 1", "SELECT 3; SELECT 4, 5",
]
SHOWN = "SELECT query, calls, rows, plans, toplevel, wal_bytes = 0 OR calls > 0, queryid <> 0, min_exec_time <= mean_exec_time AND mean_exec_time <= max_exec_time, " \
        "abs(calls * mean_exec_time - total_exec_time) < 0.01, stddev_exec_time >= 0, userid = (SELECT oid FROM pg_roles WHERE rolname = current_user), " \
        "dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) FROM pg_stat_statements WHERE query NOT LIKE '%pg_stat_statements%' ORDER BY query COLLATE \"C\", calls, rows"


@pytest.fixture(scope="module")
def counting():
    with Postgres(settings={"shared_preload_libraries": "pg_stat_statements"}) as server:
        yield server


def run(connection, sql):
    try:
        if sql.startswith("COPY"):
            with connection.cursor().copy(sql) as copy:
                list(copy)
        else:
            connection.pgconn.exec_(sql.encode())
    except Exception:  # errors are not counted on either side
        pass


def counted(server):
    with server.connect() as connection:
        connection.autocommit = True
        for sql in SETUP:
            connection.execute(sql)
        connection.execute("SELECT pg_stat_statements_reset()")
        for sql in STATEMENTS:
            run(connection, sql)
        for i in range(3):
            connection.execute("SELECT name FROM t WHERE id = %s AND n > 0", [i])
        return connection.execute(SHOWN).fetchall()


@pytest.mark.parametrize("transport", ["embedded", "workerd"])
def test_the_same_statements_are_counted(counting, transport):
    name = f"counted_{transport}"
    counting.psql("-d", "postgres", "-c", f"CREATE DATABASE {name}")

    class Theirs:
        def connect(self):
            return counting.connect(dbname=name)
    with Pgd1(transport) as server:
        theirs, ours = counted(Theirs()), counted(server)
    assert ours == theirs


def test_columns_are_those_of_1_10(counting):
    counting.psql("-d", "app", "-c", "CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
    with Pgd1("embedded") as server, server.connect() as ours, counting.connect() as theirs:
        for view in ("pg_stat_statements", "pg_stat_statements_info"):
            a, b = ([(c.name, c.type_code) for c in side.execute(f"SELECT * FROM {view} LIMIT 0").description] for side in (theirs, ours))
            assert a == b


def test_the_catalogue_knows_the_views(counting):
    counting.psql("-d", "app", "-c", "CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
    with Pgd1("embedded") as server, server.connect() as ours, counting.connect() as theirs:
        assert ours.execute("SELECT count(*) FROM pg_class WHERE relname ~ '^pg_stat_statements'").fetchone() == (0,)
        ours.execute("CREATE EXTENSION pg_stat_statements")
        for sql in ("SELECT relname, relnamespace::regnamespace::text, relkind, relnatts, pg_table_is_visible(oid) FROM pg_class WHERE relname ~ '^pg_stat_statements' ORDER BY 1",
                    "SELECT attrelid::regclass::text, attname, format_type(atttypid, atttypmod), attnum, attnotnull FROM pg_attribute"
                    " WHERE attrelid IN ('pg_stat_statements'::regclass, 'pg_stat_statements_info'::regclass) AND attnum > 0 ORDER BY 1, attnum"):
            assert ours.execute(sql).fetchall() == theirs.execute(sql).fetchall()


def test_what_d1_did_is_counted_too():
    with Pgd1("workerd") as server, server.connect() as connection:
        connection.autocommit = True
        connection.execute("CREATE TABLE t (id int PRIMARY KEY, v text)")
        connection.execute("INSERT INTO t SELECT g, 'v' || g FROM generate_series(1, 10) g")
        for _ in range(2):
            connection.execute("SELECT count(v) FROM t")
        row = connection.execute("SELECT calls, rows, round_trips, rows_read, finished_locally FROM pgd1.statements WHERE query = 'SELECT count(v) FROM t'").fetchone()
        assert row == (2, 2, 2, 20, 0)
        written = connection.execute("SELECT rows, round_trips, rows_written >= 10 FROM pgd1.statements WHERE query LIKE 'INSERT INTO t%'").fetchone()
        assert written == (10, 1, True)


def test_reset_forgets_one_statement_or_all():
    with Pgd1("embedded") as server, server.connect() as connection:
        connection.autocommit = True

        def known():
            return [query for query, in connection.execute("SELECT query FROM pg_stat_statements WHERE query LIKE 'SELECT $%'")]
        connection.execute("SELECT 1")
        connection.execute("SELECT 1 + 1")
        assert sorted(known()) == ["SELECT $1", "SELECT $1 + $2"]
        number = connection.execute("SELECT queryid FROM pg_stat_statements WHERE query = 'SELECT $1'").fetchone()[0]
        connection.execute(f"SELECT pg_stat_statements_reset(0, 0, {number})")
        assert known() == ["SELECT $1 + $2"]
        since = connection.execute("SELECT stats_reset FROM pg_stat_statements_info").fetchone()[0]
        connection.execute("SELECT pg_stat_statements_reset()")
        assert known() == [] and connection.execute("SELECT stats_reset FROM pg_stat_statements_info").fetchone()[0] > since


def test_the_number_of_statements_is_bounded():
    with Pgd1("embedded", settings={"statement_statistics": 40, "worker_threads": 1}) as server, server.connect() as connection:
        connection.autocommit = True
        for _ in range(5):
            connection.execute("SELECT 'often'")
        for i in range(200):
            connection.execute(f"SELECT 1 AS c{i}")
        count, = connection.execute("SELECT count(*) FROM pg_stat_statements").fetchone()
        assert 20 <= count <= 40
        assert connection.execute("SELECT calls FROM pg_stat_statements WHERE query = 'SELECT $1'").fetchone() == (5,)
        assert connection.execute("SELECT dealloc FROM pg_stat_statements_info").fetchone()[0] >= 160
