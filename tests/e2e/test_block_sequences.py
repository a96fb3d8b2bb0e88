"""nextval() in transaction blocks: numbers that are taken are not given back, as in PostgreSQL, and no block is refused for them."""
import threading

import psycopg
import pytest

SCHEMA = """
DROP SEQUENCE IF EXISTS drawn, drawn_too;
CREATE SEQUENCE drawn;
CREATE SEQUENCE drawn_too START 100 INCREMENT 10;
DROP TABLE IF EXISTS draws;
CREATE TABLE draws (id int PRIMARY KEY, who int)
"""


def one_value(connection, sql="SELECT nextval('drawn')", *arguments):
    return connection.execute(sql, *arguments).fetchone()[0]


def test_two_blocks_take_numbers_by_turns(target):
    with target.connect(autocommit=False) as one, target.connect(autocommit=False) as two:
        one.execute("INSERT INTO draws VALUES (-1, 0)")
        assert [one_value(c) for c in (one, two, one, two)] == [1, 2, 3, 4]
        assert one_value(one, "SELECT currval('drawn')") == 3
        assert one_value(two, "SELECT lastval()") == 4
        for connection, id in (one, 3), (two, 4):
            connection.execute("INSERT INTO draws VALUES (%s, 1)", (id,))
        one.commit()
        two.commit()
        assert one.execute("SELECT id FROM draws ORDER BY id").fetchall() == [(-1,), (3,), (4,)]
        assert one_value(one, "SELECT currval('drawn')") == 3


def test_rollback_gives_nothing_back(target):
    with target.connect(autocommit=False) as one, target.connect(autocommit=False) as two:
        one.execute("INSERT INTO draws VALUES (7, 0)")
        one.execute("SAVEPOINT a")
        assert (one_value(one), one_value(one, "SELECT nextval('drawn_too')")) == (1, 100)
        one.execute("ROLLBACK TO a")
        assert one_value(one) == 2
        assert one_value(two) == 3
        one.rollback()
        assert (one_value(one), one_value(one, "SELECT nextval('drawn_too')")) == (4, 110)
        one.execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
        one.rollback()
        assert one_value(one, "SELECT count(*) FROM draws") == 0


@pytest.mark.parametrize("level", ["READ COMMITTED", "SERIALIZABLE"])
def test_eight_clients_in_blocks(target, level):
    got, refused = [], []

    def work(number):
        with target.connect() as connection:
            for _ in range(10):
                with connection.transaction():
                    connection.execute(f"SET TRANSACTION ISOLATION LEVEL {level}")
                    id = one_value(connection)
                    connection.execute("INSERT INTO draws VALUES (%s, %s)", (id, number))
                    assert one_value(connection, "SELECT currval('drawn')") == id
                got.append(id)

    def guarded(number):
        try:
            work(number)
        except psycopg.Error as error:
            refused.append(error)

    clients = [threading.Thread(target=guarded, args=(i,)) for i in range(8)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    assert not refused
    assert sorted(got) == list(range(1, 81))


def test_what_the_block_did_to_the_sequence_counts(target):
    with target.connect(autocommit=False) as one:
        one.execute("SELECT setval('drawn', 50)")
        assert one_value(one) == 51
        one.execute("CREATE SEQUENCE made_here START 5")
        assert one_value(one, "SELECT nextval('made_here')") == 5
        one.execute("DROP SEQUENCE made_here")
        one.commit()
        assert one_value(one) == 52


def test_several_in_one_string_and_pipeline(target):
    with target.connect() as one:
        one.execute("BEGIN; SELECT nextval('drawn'); SELECT nextval('drawn'); COMMIT")
        with one.pipeline():
            one.execute("BEGIN")
            first = one.execute("SELECT nextval('drawn')")
            second = one.execute("SELECT nextval('drawn_too'), nextval('drawn')")
            one.execute("INSERT INTO draws VALUES (1, 1)")
            one.execute("COMMIT")
        assert (first.fetchall(), second.fetchall()) == ([(3,)], [(100, 4)])
        one.execute("BEGIN; SELECT nextval('drawn')")
        one.execute("ROLLBACK")
        assert one_value(one) == 6
