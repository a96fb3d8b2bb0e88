#!/usr/bin/env python3
"""How long blocks of many statements take, each sent after the answer to the one before: long_blocks.py [embedded|workerd|rest …] [--size N]

Prints time and requests to D1. Twice the statements should take about twice the time."""
import argparse
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from pgd1 import Pgd1  # noqa: E402


def inserts(n):
    """Rows of a table that was there before."""
    return ["INSERT INTO block_rows (id, name) VALUES (%d, 'row %d')" % (i, i) for i in range(n)]


def returning(n):
    """Ids that D1 gives, shown."""
    return ["INSERT INTO block_ids (name) VALUES ('row %d') RETURNING id" % i for i in range(n)]


def parents_and_children(n):
    """Two tables by turns, one refers to the other."""
    texts = []
    for i in range(n // 2):
        texts.append("INSERT INTO block_rows (id, name) VALUES (%d, 'order %d')" % (i, i))
        texts.append("INSERT INTO block_parts (row_id, part) VALUES (%d, 'a')" % i)
    return texts


def updates(n):
    """Rows that were there before, by key."""
    return ["UPDATE block_old SET name = 'new %d' WHERE id = %d" % (i, i) for i in range(n)]


def new_table(n):
    """A table that the block makes."""
    return ["CREATE TABLE block_new (id integer PRIMARY KEY, name text NOT NULL)"] + [
        "INSERT INTO block_new VALUES (%d, 'row %d')" % (i, i) for i in range(n - 1)]


def migration(n):
    """What a migration does: tables with keys, indexes, columns, some rows, also for a table that was there before."""
    texts = []
    for t in range(n // 10):
        texts += [
            "CREATE TABLE m%d (id serial PRIMARY KEY, name varchar(80) NOT NULL, owner integer)" % t,
            "CREATE INDEX m%d_name ON m%d (name)" % (t, t),
            "CREATE UNIQUE INDEX m%d_owner ON m%d (owner, name)" % (t, t),
            "ALTER TABLE m%d ADD COLUMN note text DEFAULT 'none'" % t,
            "INSERT INTO m%d (name, owner) VALUES ('first', %d)" % (t, t),
            "INSERT INTO m%d (name, owner) VALUES ('second', %d) RETURNING id" % (t, t),
            "UPDATE m%d SET note = 'seen' WHERE name = 'first'" % t,
            "CREATE TABLE m%d_link (a integer REFERENCES m%d (id), b integer)" % (t, t),
            "INSERT INTO schema_versions (version) VALUES ('20260101%04d')" % t,
            "SELECT count(*) FROM m%d" % t,
        ]
    return texts


BLOCKS = (inserts, returning, parents_and_children, updates, new_table, migration)


def prepare(connection, n):
    connection.execute("CREATE TABLE block_rows (id integer PRIMARY KEY, name text)")
    connection.execute("CREATE TABLE block_ids (id serial PRIMARY KEY, name text)")
    connection.execute("CREATE TABLE block_parts (id serial PRIMARY KEY, row_id integer REFERENCES block_rows (id), part text)")
    connection.execute("CREATE TABLE block_old (id integer PRIMARY KEY, name text)")
    connection.execute("INSERT INTO block_old SELECT i, 'old' FROM generate_series(0, %d) AS i" % n)
    connection.execute("CREATE TABLE schema_versions (version text PRIMARY KEY)")


def round_trips(connection):
    return int(connection.execute("SHOW pgd1.round_trips").fetchone()[0])


def measure(transport, sizes, blocks):
    for block in blocks:
        for n in sizes:
            with Pgd1(transport, settings={"schema_poll_interval": "0"}) as server:
                connection, watch = server.connect(), server.connect()
                prepare(connection, n)
                texts = block(n)
                trips = round_trips(watch)
                began = time.monotonic()
                for text in ["BEGIN", *texts, "COMMIT"]:
                    connection.execute(text)
                took = time.monotonic() - began
                yield transport, block.__name__, len(texts), took, round_trips(watch) - trips
                connection.close()
                watch.close()


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("transports", nargs="*", default=["embedded"])
    arguments.add_argument("--size", type=int, action="append")
    arguments.add_argument("--block", action="append")
    options = arguments.parse_args()
    blocks = [b for b in BLOCKS if not options.block or b.__name__ in options.block]
    for transport in options.transports:
        for row in measure(transport, options.size or [400], blocks):
            print("%-9s %-22s %5d statements %7.2f s %6d requests" % row, flush=True)


if __name__ == "__main__":
    main()
