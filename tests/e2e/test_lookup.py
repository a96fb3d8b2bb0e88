"""Writes that read first (proxy/sql/lookup.h): nothing is lost while several do it at once, in autocommit and in blocks."""
import threading

import psycopg
import pytest
from pgd1 import Pgd1

WRITERS, TURNS = 4, 12
# D1 has no regular expressions: the value is computed outside of it.
ADD = "UPDATE counter SET n = (regexp_replace(n, '^x', '')::int + 1)::text WHERE n ~ '^[0-9]+$'"


def add(server, block, done):
    with server.connect() as connection:
        for _ in range(TURNS):
            try:
                if block:
                    with connection.transaction():
                        cursor = connection.execute(ADD)
                else:
                    cursor = connection.execute(ADD)
                assert cursor.rowcount == 1
                done.append(1)
            except psycopg.errors.SerializationFailure:
                pass


@pytest.mark.parametrize("block", [False, True])
@pytest.mark.parametrize("transport", ["embedded", "workerd"])
def test_nothing_is_lost(transport, block):
    with Pgd1(transport) as server:
        with server.connect() as connection:
            connection.execute("CREATE TABLE counter (id int PRIMARY KEY, n text)")
            connection.execute("INSERT INTO counter VALUES (1, '0')")
            done = []
            threads = [threading.Thread(target=add, args=(server, block, done)) for _ in range(WRITERS)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert done
            assert connection.execute("SELECT n FROM counter").fetchone() == (str(len(done)),)


@pytest.mark.parametrize("transport", ["embedded", "workerd"])
def test_own_writes_are_not_overlooked(transport):
    """What the transaction wrote and has not sent is not there to be read: refused, not ignored."""
    with Pgd1(transport) as server, server.connect() as connection:
        connection.execute("CREATE TABLE counter (id int PRIMARY KEY, n text)")
        connection.execute("INSERT INTO counter VALUES (1, '0')")
        with pytest.raises(psycopg.errors.FeatureNotSupported):
            connection.execute(f"UPDATE counter SET n = '5'; {ADD}")
        assert connection.execute("SELECT n FROM counter").fetchone() == ("0",)
        with pytest.raises(psycopg.errors.FeatureNotSupported), connection.transaction():
            connection.execute("UPDATE counter SET n = '5'")
            connection.execute(ADD)
        assert connection.execute("SELECT n FROM counter").fetchone() == ("0",)
