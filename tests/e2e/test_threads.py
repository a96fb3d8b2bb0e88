"""Many clients on several event loops at once: what threads share (schema, writer, notifications, cancel table, configuration) is used
from all of them. The truth is counted at the end; ThreadSanitizer watches in ./test --long."""
import os
import random
import threading
import time

import psycopg
import pytest

from pgd1 import Pgd1

SECONDS = 30 if os.environ.get("PGD1_LONG") else 4


@pytest.fixture(scope="module")
def threaded():
    with Pgd1("embedded", settings={"worker_threads": 4, "embedded_reader_threads": 2, "embedded_step_budget": 1000, "schema_poll_interval": "1s"}) as server:
        with server.connect() as connection:
            connection.execute("CREATE TABLE counted (id serial PRIMARY KEY, who int, note text)")
            connection.execute("CREATE TABLE wide (id int, t text)")
            connection.execute("INSERT INTO wide SELECT g, %s FROM generate_series(1, 3000) g", ("x" * 50,))
        yield server


class Crowd:
    """Functions that run again and again in threads of their own until the time is over; the first exception ends all."""

    def __init__(self):
        self.over, self.failed, self.written, self.lock = threading.Event(), [], 0, threading.Lock()

    def again(self, work, *arguments):
        try:
            while not self.over.is_set():
                work(*arguments)
        except Exception as problem:  # told by run()
            self.failed.append(problem)
            self.over.set()

    def run(self, *works):
        threads = [threading.Thread(target=self.again, args=work) for work in works]
        for thread in threads:
            thread.start()
        self.over.wait(SECONDS)
        self.over.set()
        for thread in threads:
            thread.join(60)
        assert not any(thread.is_alive() for thread in threads), "a client waits for ever"
        if self.failed:
            raise self.failed[0]


def test_everything_at_once(threaded):
    crowd = Crowd()

    def write(connection, who):
        with connection.pipeline():
            for n in range(5):
                connection.execute("INSERT INTO counted (who, note) VALUES (%s, %s)", (who, f"note {n}"))
        with crowd.lock:
            crowd.written += 5

    def read(connection):
        assert connection.execute("SELECT count(*), sum(length(t)) FROM wide").fetchone() == (3000, 150000)
        assert len(connection.execute("SELECT * FROM wide ORDER BY t, id").fetchall()) == 3000

    def change_schema(connection, name):
        connection.execute(f"CREATE TABLE {name} (id int PRIMARY KEY)")
        assert connection.execute("SELECT count(*) FROM pg_class WHERE relname = %s", (name,)).fetchone() == (1,)
        connection.execute(f"DROP TABLE {name}")

    def come_and_go():
        with threaded.connect(application_name="guest") as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)

    def cancel(connection):
        timer = threading.Timer(random.random() / 20, connection.cancel)
        timer.start()
        try:
            connection.execute("SELECT count(*) FROM wide a, wide b WHERE a.id + b.id = -1")
        except psycopg.errors.QueryCanceled:
            pass
        timer.join()

    def notify(connection):
        connection.execute("NOTIFY bell, 'ding'")
        connection.execute("SELECT count(*) FROM pg_stat_activity")

    def listen(connection):
        for _ in connection.notifies(timeout=0.2, stop_after=10):
            pass

    def reload():
        threaded.reload()
        time.sleep(0.3)

    connections = [threaded.connect() for _ in range(12)]
    connections[11].execute("LISTEN bell")
    try:
        crowd.run((write, connections[0], 0), (write, connections[1], 1), (write, connections[2], 2), (read, connections[3]), (read, connections[4]),
                  (change_schema, connections[5], "here"), (change_schema, connections[6], "there"), (come_and_go,), (cancel, connections[7]),
                  (cancel, connections[8]), (notify, connections[9]), (notify, connections[10]), (listen, connections[11]), (reload,))
        assert connections[0].execute("SELECT count(*) FROM counted").fetchone() == (crowd.written,)
        assert crowd.written > 0
    finally:
        for connection in connections:
            connection.close()
