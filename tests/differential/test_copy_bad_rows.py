"""COPY … FROM STDIN of rows that are wrong in more than one way: the fault that PostgreSQL finds first, with its context."""
import psycopg
import pytest
from pgd1 import Pgd1

TABLE = "CREATE TABLE bad_rows (a int, b int, c date)"
ROWS = (
    b"1\t2\t2024-01-01\nx\t2\n",
    b"1\tx\n",
    b"x\n",
    b"1\n",
    b"\n",
    b"1\t2\n",
    b"x\ty\tz\n",
    b"x\ty\tz\tmore\n",
    b"1\t2\tnever\n",
)


def answer(connection, options, data):
    try:
        with connection.cursor() as cursor, cursor.copy(f"COPY bad_rows FROM STDIN {options}") as copy:
            copy.write(data)
    except psycopg.Error as e:
        return e.sqlstate, e.diag.message_primary, e.diag.context
    return None


@pytest.mark.parametrize("options", ("", "WITH (FORMAT csv, DELIMITER E'\\t')"))
def test_bad_rows(oracle, options):
    with Pgd1("embedded") as server, server.connect() as ours, oracle.connect() as theirs:
        for connection in ours, theirs:
            connection.execute("DROP TABLE IF EXISTS bad_rows")
            connection.execute(TABLE)
        wrong = [(data, expected, given) for data in ROWS
                 if (expected := answer(theirs, options, data)) != (given := answer(ours, options, data))]
    assert not wrong
