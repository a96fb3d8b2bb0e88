"""Parameters that Parse declares to be of a domain: its constraints are looked at when Bind brings the value, as PostgreSQL does."""
import pytest
from psycopg import pq
from pgd1 import Pgd1

SETUP = """CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE DOMAIN present AS text NOT NULL;
CREATE DOMAIN codes AS text CHECK (length(VALUE) = 3) CHECK (VALUE ~~ 'a%')"""
CASES = [("positive", b"1"), ("positive", b"-1"), ("positive", b"x"), ("positive", None), ("present", None), ("present", b""),
         ("codes", b"abc"), ("codes", b"bbc"), ("codes", b"ab"), ("codes", None)]
FIELDS = (pq.DiagnosticField.SQLSTATE, pq.DiagnosticField.MESSAGE_PRIMARY, pq.DiagnosticField.SCHEMA_NAME, pq.DiagnosticField.DATATYPE_NAME,
          pq.DiagnosticField.CONSTRAINT_NAME)


def answers(connection):
    """What each value gives: where the statement uses its parameter, and where nothing does."""
    connection.execute(SETUP)
    told = []
    for domain, value in CASES:
        oid = connection.execute(f"SELECT '{domain}'::regtype::oid").fetchone()[0]
        for sql in (b"SELECT $1", b"SELECT 1"):
            result = connection.pgconn.exec_params(sql, [value], [oid])
            failed = result.status == pq.ExecStatus.FATAL_ERROR
            told.append((domain, value, sql, tuple(result.error_field(field) for field in FIELDS) if failed else result.get_value(0, 0)))
    return told


@pytest.mark.parametrize("transport", ["embedded", "workerd"])
def test_declared_by_parse(transport, oracle):
    name = f"domain_parameters_{transport}"
    oracle.psql("-d", "postgres", "-c", f"CREATE DATABASE {name}")
    with oracle.connect(dbname=name) as connection:
        expected = answers(connection)
    with Pgd1(transport) as server, server.connect() as connection:
        assert answers(connection) == expected
