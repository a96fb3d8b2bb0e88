"""pgd1.transaction_mode = batch, asked for, or because D1 does not pass on error texts whole."""
import psycopg
import pytest

from behind import Behind
from pgd1 import Pgd1


def noticing(server):
    connection = server.connect()
    notices = []
    connection.add_notice_handler(lambda notice: notices.append(notice.message_primary))
    return connection, notices


def use_a_block(connection, notices):
    """Writes wait for COMMIT; what needs an answer is refused; errors come at COMMIT, and nothing is kept then."""
    connection.execute("CREATE TABLE t (a int PRIMARY KEY, b text)")
    connection.execute("CREATE TABLE other (a int)")
    with connection.transaction():
        assert connection.execute("INSERT INTO t VALUES (1, 'one'), (2, 'two')").rowcount == 0
        connection.execute("UPDATE t SET b = 'x' WHERE a = 1")
        assert connection.execute("SELECT count(*) FROM other").fetchone() == (0,)
    assert notices == ["writes of transaction blocks are sent at COMMIT"]
    assert connection.execute("SELECT * FROM t ORDER BY a").fetchall() == [(1, "x"), (2, "two")]
    with pytest.raises(psycopg.errors.UniqueViolation, match="t_pkey"):
        with connection.transaction():
            connection.execute("DELETE FROM t WHERE a = 2")
            connection.execute("INSERT INTO t VALUES (1, 'again')")
    with pytest.raises(psycopg.errors.FeatureNotSupported):
        with connection.transaction():
            connection.execute("INSERT INTO t VALUES (3, 'three') RETURNING a")
    with pytest.raises(psycopg.errors.FeatureNotSupported):
        with connection.transaction():
            connection.execute("INSERT INTO t VALUES (3, 'three')")
            connection.execute("SELECT * FROM t")
    assert connection.execute("SELECT count(*) FROM t").fetchone() == (2,)


@pytest.mark.parametrize("kind", ["embedded", "workerd", "rest"])
def test_asked_for(kind):
    with Pgd1(kind) as server:
        connection, notices = noticing(server)
        with connection:
            connection.execute("SET pgd1.transaction_mode = batch")
            use_a_block(connection, notices)


@pytest.mark.parametrize("kind", ["workerd", "rest"])
def test_error_texts_that_are_cut(kind, tmp_path):
    with Behind(kind, tmp_path) as behind:
        behind.network.max_error_text = 200
        connection, notices = noticing(behind.server)
        with connection:
            use_a_block(connection, notices)
        assert behind.server.log_contains("d1_error_texts_cut")


def test_refused_where_error_texts_are_cut(tmp_path):
    with Behind("workerd", tmp_path, transaction_fallback="refuse") as behind:
        behind.network.max_error_text = 200
        with behind.server.connect() as connection:
            connection.execute("CREATE TABLE t (a int PRIMARY KEY)")
            with pytest.raises(psycopg.errors.FeatureNotSupported):
                with connection.transaction():
                    connection.execute("INSERT INTO t VALUES (1)")
            connection.execute("BEGIN; INSERT INTO t VALUES (1); COMMIT")
            assert connection.execute("SELECT a FROM t").fetchall() == [(1,)]


def test_nothing_is_written_where_batches_are_torn(tmp_path):
    """A service that runs the statements of a batch one by one, without a transaction around them."""
    with Behind("workerd", tmp_path) as behind:
        behind.rows_of("CREATE TABLE t (a INTEGER PRIMARY KEY)")
        behind.network.tears = True
        with behind.server.connect() as connection:
            for sql in ("INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (1); SELECT 1", "CREATE TABLE u (a int)", "BEGIN; INSERT INTO t VALUES (1); COMMIT"):
                with pytest.raises(psycopg.errors.FeatureNotSupported, match="keeps a part of a batch"):
                    connection.execute(sql)
                connection.execute("ROLLBACK")
            assert connection.execute("SELECT count(*) FROM t").fetchone() == (0,)
        assert behind.server.log_contains("d1_batches_not_atomic")
        assert behind.rows_of("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE '\\_cf%' ESCAPE '\\'") == [["t"]]
