"""What the proxy knows of the schema may be old, or nothing yet: what it answers must not be."""
import pytest

from pgd1 import Pgd1

TABLES = ("aged_a", "aged_b", "aged_c")


@pytest.mark.parametrize("transport", ["embedded", "workerd"])
def test_if_exists_looks_before_it_skips(transport):
    """The first statement of a process that has not read the schema."""
    with Pgd1(transport) as server:
        with server.connect() as connection:
            connection.execute("CREATE TABLE aged_a (a int)")
        server.restart()
        with server.connect() as connection:
            connection.execute("DROP TABLE IF EXISTS aged_a")
            assert connection.execute("SELECT to_regclass('aged_a')").fetchone() == (None,)
            assert connection.execute("CREATE TABLE aged_a (a int)").statusmessage == "CREATE TABLE"


@pytest.mark.parametrize("transport", ["embedded", "workerd"])
def test_schema_changes_while_it_is_polled(transport):
    """Each statement finds the schema old and starts to read it again beside its own work."""
    with Pgd1(transport, settings={"schema_poll_interval": "1ms", "worker_threads": 2}) as server:
        for _ in range(10):
            with server.connect() as connection:
                for table in TABLES:
                    connection.execute(f"DROP TABLE IF EXISTS {table}")
                for table in TABLES:
                    connection.execute(f"CREATE TABLE {table} (a int)")
                    connection.execute(f"INSERT INTO {table} VALUES (1)")
            with server.connect() as connection:
                assert [connection.execute(f"SELECT a FROM {table}").fetchall() for table in TABLES] == [[(1,)]] * 3
