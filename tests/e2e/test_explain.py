"""EXPLAIN ANALYZE: the statement runs as it would alone, its rows are not shown, its plan is, with what it took. Options are refused with
PostgreSQL 15's words."""
import json

import psycopg
import pytest
from pgd1 import Pgd1

TABLE = "CREATE TABLE item (id int PRIMARY KEY, name text, price numeric(10,2))"
QUIET = "EXPLAIN (ANALYZE, TIMING off, SUMMARY off)"


@pytest.fixture(scope="module", params=["embedded", "workerd"])
def server(request):
    with Pgd1(request.param) as started:
        with started.connect() as connection:
            connection.execute(TABLE)
        yield started


@pytest.fixture
def connection(server):
    with server.connect(autocommit=True) as opened:
        opened.execute("DELETE FROM item")
        opened.execute("INSERT INTO item VALUES (1, 'a', 1.5), (2, 'b', 2.5), (3, 'c', 3.5)")
        yield opened


def lines(connection, sql, *values):
    cursor = connection.execute(sql, *values)
    assert cursor.statusmessage == "EXPLAIN" and cursor.description[0].name == "QUERY PLAN"
    return [row[0] for row in cursor.fetchall()]


def names(connection):
    return [row[0] for row in connection.execute("SELECT name FROM item ORDER BY id")]


def test_read(connection):
    plan = lines(connection, f"{QUIET} SELECT * FROM item WHERE id > 1")
    assert plan[0] == "D1  (round trips=1) (actual rows=2 round trips=1)"
    assert plan[1].startswith("  ->  Main at D1: SELECT ")


def test_time_is_told_unless_it_is_not_wanted(connection):
    plan = lines(connection, "EXPLAIN ANALYZE SELECT * FROM item")
    assert "(actual time=" in plan[0] and plan[-1].startswith("Execution Time: ") and plan[-1].endswith(" ms")
    assert "time" not in "".join(lines(connection, f"{QUIET} SELECT * FROM item")).lower()


def test_finished_here(connection):
    plan = lines(connection, f"{QUIET} SELECT * FROM item WHERE price::text ~ '^2'")
    assert plan[0] == "D1, finished here  (round trips=1) (actual rows=1 round trips=1)"
    assert lines(connection, f"{QUIET} SELECT 1")[0] == "Here  (round trips=0) (actual rows=1 round trips=0)"


@pytest.mark.parametrize("returning", ["", " RETURNING *"])
def test_write_is_done(connection, returning):
    plan = lines(connection, f"{QUIET} UPDATE item SET name = 'x' WHERE id < 3{returning}")
    assert plan[0] == "D1  (round trips=1) (actual rows=2 round trips=1)"
    assert names(connection) == ["x", "x", "c"]


def test_plain_explain_does_nothing(connection):
    lines(connection, "EXPLAIN DELETE FROM item")
    assert names(connection) == ["a", "b", "c"]


def test_block_takes_it_back(connection):
    connection.execute("BEGIN")
    assert lines(connection, f"{QUIET} DELETE FROM item WHERE id = 1")[0].endswith("(actual rows=1 round trips=1)")
    assert names(connection) == ["b", "c"]
    connection.execute("ROLLBACK")
    assert names(connection) == ["a", "b", "c"]


def test_string_of_statements_answers_in_order(connection):
    cursor = connection.execute(f"INSERT INTO item VALUES (4, 'd'); {QUIET} DELETE FROM item WHERE id > 2; SELECT count(*) FROM item")
    answers = [cursor.statusmessage]
    while cursor.nextset():
        answers.append((cursor.statusmessage, cursor.fetchall()[0][0]))
    assert answers[0] == "INSERT 0 1" and answers[2] == ("SELECT 1", 2)
    assert answers[1][0] == "EXPLAIN" and "(actual rows=2 " in answers[1][1]


def test_error_is_the_statements(connection):
    with pytest.raises(psycopg.errors.UniqueViolation):
        connection.execute("EXPLAIN ANALYZE INSERT INTO item VALUES (9), (1)")
    assert names(connection) == ["a", "b", "c"]


def test_read_only(connection):
    connection.execute("BEGIN READ ONLY")
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction, match="cannot execute DELETE in a read-only transaction"):
        connection.execute("EXPLAIN ANALYZE DELETE FROM item")
    connection.execute("ROLLBACK")


def test_read_from_memory_takes_no_round_trip(connection):
    connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
    told = [lines(connection, f"{QUIET} SELECT * FROM item")[0] for _ in range(2)]
    connection.execute("COMMIT")
    assert [line.rpartition("round trips=")[2] for line in told] == ["1)", "0)"]


def test_prepared_and_parameters(connection):
    connection.execute("PREPARE one(int) AS SELECT * FROM item WHERE id >= $1")
    assert lines(connection, "EXPLAIN EXECUTE one(2)")[0] == "D1  (round trips=1)"
    assert lines(connection, f"{QUIET} EXECUTE one(2)")[0] == "D1  (round trips=1) (actual rows=2 round trips=1)"
    assert "(actual rows=1 " in lines(connection, f"{QUIET} SELECT * FROM item WHERE name = %s", ("b",))[0]
    with pytest.raises(psycopg.errors.InvalidSqlStatementName):
        connection.execute("EXPLAIN EXECUTE nothing")


def test_cursor_is_not_made(connection):
    connection.execute("BEGIN")
    assert "(actual rows=3 " in lines(connection, f"{QUIET} DECLARE three CURSOR FOR SELECT * FROM item")[0]
    with pytest.raises(psycopg.errors.InvalidCursorName):
        connection.execute("FETCH three")
    connection.execute("ROLLBACK")


def test_table_is_made(connection):
    assert "(actual rows=3 " in lines(connection, f"{QUIET} CREATE TABLE copied AS SELECT * FROM item")[0]
    assert connection.execute("SELECT count(*) FROM copied").fetchone() == (3,)
    connection.execute("DROP TABLE copied")


def test_temporary_tables(connection):
    connection.execute("CREATE TEMP TABLE kept (id int)")
    assert lines(connection, f"{QUIET} INSERT INTO kept VALUES (1), (2)")[0] == "Temporary tables  (round trips=0) (actual rows=2 round trips=0)"
    assert lines(connection, f"{QUIET} INSERT INTO kept SELECT id FROM item")[0].endswith("(round trips=1) (actual rows=3 round trips=1)")
    assert connection.execute("SELECT count(*) FROM kept").fetchone() == (5,)


def test_json(connection):
    told = lines(connection, "EXPLAIN (ANALYZE, FORMAT json) DELETE FROM item WHERE id = 1")[0]
    (item,) = told if isinstance(told, list) else json.loads(told)
    plan = item["Plan"]
    assert (plan["Actual Rows"], plan["Actual Round Trips"], plan["Round Trips"]) == (1, 1, 1)
    assert plan["Actual Total Time"] >= 0 and item["Execution Time"] >= 0
    assert plan["Statements"][0]["SQL"].startswith("DELETE FROM")


def test_counts_that_are_not_asked_for_are_refused(connection):
    connection.execute("SET pgd1.transaction_mode = 'batch'")
    connection.execute("BEGIN")
    with pytest.raises(psycopg.errors.FeatureNotSupported, match="EXPLAIN ANALYZE of a write"):
        connection.execute("EXPLAIN ANALYZE DELETE FROM item")
    connection.execute("ROLLBACK")


BAD = ["(ANALYZE, nonsense) SELECT 1", "(TIMING) SELECT 1", "(TIMING off) SELECT 1", "(WAL) SELECT 1", "(FORMAT foo) SELECT 1",
       "(ANALYZE maybe) SELECT 1", "(ANALYZE 2) SELECT 1", "(FORMAT) SELECT 1", "ANALYZE SELECT 1/0", "ANALYZE VACUUM"]


@pytest.mark.parametrize("options", BAD)
def test_bad_options(server, oracle, options):
    def told(connection):
        try:
            connection.execute(f"EXPLAIN {options}")
        except psycopg.Error as error:
            return error.sqlstate, error.diag.message_primary, error.diag.statement_position
        return None

    with server.connect() as ours, oracle.connect() as theirs:
        assert told(ours) == told(theirs)
