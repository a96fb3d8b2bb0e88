"""pg_dump 15 of a schema: the same text as from PostgreSQL, and what it says makes the same schema again."""
import re
import subprocess

import pytest

from pgd1 import Pgd1
from postgres import tool

SCHEMA = """
CREATE SCHEMA shop;
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE DOMAIN percent AS integer CHECK (VALUE >= 0 AND VALUE <= 100);
CREATE SEQUENCE ticket START 100 INCREMENT 5;
CREATE TABLE zones (id bigserial PRIMARY KEY, email varchar(120) NOT NULL UNIQUE, name text NOT NULL DEFAULT 'nobody', feeling mood DEFAULT 'ok',
  share percent, balance numeric(12,2) DEFAULT 0, seen timestamptz DEFAULT now(), tags text[], CONSTRAINT sane CHECK (name <> '' OR email IS NULL));
CREATE TABLE shop.orders (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, zone bigint NOT NULL REFERENCES zones (id) ON DELETE CASCADE,
  parent integer REFERENCES shop.orders (id) ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED, number bigint DEFAULT nextval('ticket'),
  qty integer CHECK (qty > 0), twice integer GENERATED ALWAYS AS (qty * 2) STORED, UNIQUE (zone, number));
CREATE INDEX orders_big ON shop.orders (zone) WHERE qty > 10;
CREATE INDEX zones_name ON zones (lower(name), email DESC);
CREATE VIEW busy AS SELECT z.id, z.name, count(o.id) AS orders FROM zones z JOIN shop.orders o ON o.zone = z.id WHERE z.feeling <> 'sad' GROUP BY z.id, z.name;
CREATE VIEW above AS SELECT name FROM busy WHERE orders > 1;
COMMENT ON TABLE zones IS 'where they are';
COMMENT ON COLUMN shop.orders.qty IS 'how many';
"""


def dump(server, *arguments):
    """What pg_dump prints, without versions and the random word of its \\restrict."""
    env = {**server.client_env(), "PATH": "/usr/bin:/bin"}
    done = subprocess.run([tool("pg_dump"), *arguments], env=env, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    return re.sub(r"^(\\(un)?restrict .*|-- Dumped .*)$", "", done.stdout, flags=re.M)


@pytest.fixture(scope="module")
def server():
    with Pgd1("embedded") as server:
        server.psql("-q", text=SCHEMA)
        yield server


def test_schema_as_postgresql_writes_it(server, oracle):
    oracle.psql("-d", "postgres", "-c", "DROP DATABASE IF EXISTS app", "-c", "CREATE DATABASE app")
    oracle.psql("-q", text=SCHEMA)
    assert dump(server, "--schema-only") == dump(oracle, "--schema-only")


def test_data_goes_to_postgresql(server, oracle):
    """The whole database restored into PostgreSQL and dumped from there is the same text."""
    server.psql("-q", text="INSERT INTO zones (email, tags, balance) VALUES ('a', '{x,\"y z\"}', 12.5), (E'b\\t\\\\', NULL, NULL);"
                           "INSERT INTO shop.orders (zone, qty) VALUES (1, 11), (2, 3); UPDATE shop.orders SET parent = 1 WHERE id = 2;")
    text = dump(server)
    oracle.psql("-d", "postgres", "-c", "DROP DATABASE IF EXISTS app", "-c", "CREATE DATABASE app")
    oracle.psql("-q", text=text)
    assert dump(oracle) == text


def test_refused_while_views_are_restricted(server):
    """pg_dump's setting against views that would run somebody else's code is kept, not only accepted."""
    with server.connect() as connection:
        connection.execute("SET restrict_nonsystem_relation_kind TO 'view, foreign-table'")
        with pytest.raises(Exception) as failure:
            connection.execute("SELECT * FROM busy")
        assert failure.value.sqlstate == "55000"
        assert connection.execute("SELECT count(*) FROM pg_views WHERE viewname = 'busy'").fetchone() == (1,)
        connection.execute("RESET restrict_nonsystem_relation_kind")
        connection.execute("SELECT * FROM busy")
