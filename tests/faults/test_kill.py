"""pgd1 is killed (SIGKILL) again and again while clients write: no acknowledged write is lost, nothing is there twice or in part.
PGD1_LONG=1: more kills. PGD1_SEED repeats a run."""
import os
import random
import time

import psycopg
import pytest

import load
from pgd1 import Pgd1

LONG = os.environ.get("PGD1_LONG") == "1"
SEED = os.environ.get("PGD1_SEED") or str(random.randrange(1 << 32))
CLIENTS = 4
if LONG:
    pytestmark = pytest.mark.timeout(3600)


def patient(connect):
    """A connection as soon as there is one."""
    def again():
        while True:
            try:
                return connect()
            except psycopg.OperationalError:
                time.sleep(0.02)
    return again


@pytest.mark.parametrize("kind", ["embedded", "workerd"])
def test_killed_at_random(kind):
    kills, operations, chance = 150 if LONG else 6, 900 if LONG else 60, random.Random(SEED)
    run = load.Load(SEED)
    with Pgd1(kind, settings={"worker_threads": "2"}) as server:
        with server.connect() as connection:
            run.create(connection, CLIENTS, CLIENTS * operations)
        threads, killed = run.run(patient(server.connect), operations), 0
        while any(thread.is_alive() for thread in threads) and killed < kills:
            done = sum(len(client.outcomes) for client in run.clients)
            more = chance.randrange(3, 3 * CLIENTS * operations // kills // 2)
            while any(thread.is_alive() for thread in threads) and sum(len(client.outcomes) for client in run.clients) < done + more:
                time.sleep(0.001)
            time.sleep(chance.random() * 0.02)
            server.kill()
            server.launch()
            killed += 1
        for thread in threads:
            thread.join()
        told = dict(run.outcomes())
        print(f"{kind}: seed {SEED}, {killed} kills, {told}")
        wrong = run.check(rows_of(server))
    assert killed >= kills // 2 and told["done"] > operations
    assert not wrong, f"seed {SEED}: {len(wrong)} wrong:\n" + "\n".join(wrong[:20])


def rows_of(server):
    """After the last kill a write of a dead pgd1 may still be on its way to workerd: two looks that agree, with time between."""
    def look(sql):
        names = "SELECT relname FROM pg_class WHERE relkind = 'r'"
        with server.connect() as connection:
            return connection.execute(names if "sqlite_schema" in sql else sql).fetchall()

    def settled(sql):
        before = look(sql)
        while True:
            time.sleep(0.3)
            now = look(sql)
            if now == before:
                return now
            before = now
    return settled
