"""MIGRATE RESTORE over a bad REST API: a fault at each of its requests in turn, and pgd1 killed at each; ON FAILURE RESTORE likewise. What the client was told is true: done, not done,
or 08007 with the way to find out; the database is the one or the other, whole; nothing written behind it is undone by a late or second
restore. PGD1_LONG=1: every fault at every request. PGD1_SEED repeats a run."""
import os
import random

import psycopg
import pytest

from behind import Behind
from network import FAULTS

LONG = os.environ.get("PGD1_LONG") == "1"
SEED = os.environ.get("PGD1_SEED") or str(random.randrange(1 << 32))
pytestmark = pytest.mark.timeout(3600 if LONG else 600)
RESTORED = "restored"


class Place:
    """A database with an old state (a row, a table) that has a bookmark, and a new one."""

    def __init__(self, behind):
        self.behind = behind
        self.folder = behind.server.folder / "migrations"
        self.folder.mkdir()
        (self.folder / "1_a.sql").write_text("CREATE TABLE a (n INTEGER);\nINSERT INTO a VALUES (1);")
        (self.folder / "2_b.sql").write_text("UPDATE a SET n = 2;\nCREATE TABLE b (n INTEGER);")
        self.hints = []

    def connect(self):
        connection = self.behind.server.connect()
        connection.add_notice_handler(lambda notice: notice.message_hint and self.hints.append(notice.message_hint))
        return connection

    def new_state(self):
        """A fresh one, with its bookmark's command."""
        for name, in self.behind.rows_of("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT GLOB 'sqlite_*' AND name NOT GLOB '_cf_*'"):
            self.behind.rows_of(f'DROP TABLE "{name}"')
        self.hints.clear()
        with self.connect() as connection:
            self.behind.look_again(connection)
            connection.execute("MIGRATE UP TO '1'")
            connection.execute("MIGRATE UP")
        return self.hints[-1]

    def state(self):
        """1: the old one, 2: the new one; whole."""
        (n, has_b, applied), = self.behind.rows_of(
            "SELECT n, EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'b'), (SELECT count(*) FROM d1_migrations) FROM a")
        assert (n, has_b, applied) in ((1, 0, 1), (2, 1, 2))
        return n

    def restore(self, command):
        """What the client was told: "restored", or the SQLSTATE; None: the connection broke."""
        try:
            with self.connect() as connection:
                self.behind.network.requests = 0
                return connection.execute(command).fetchone()[0]
        except psycopg.Error as error:
            return error.sqlstate


@pytest.fixture
def place(tmp_path):
    with Behind("rest", tmp_path, schema_poll_interval="0", commit_resolution_timeout="2s") as made:
        yield Place(made)


def requests_of(place):
    command = place.new_state()
    place.behind.network.reset(lambda number, body: None)
    assert place.restore(command) == RESTORED and place.state() == 1
    return place.behind.network.requests


def check(place, what, told):
    """True to what was told, at once and when all that was under way has arrived."""
    before = place.state()
    place.behind.network.reset()
    if told == RESTORED:
        assert before == 1, what
        place.behind.rows_of("INSERT INTO a VALUES (3)")  # of somebody else, behind the restore
    place.behind.network.settle()
    if told == RESTORED:
        assert place.behind.rows_of("SELECT n FROM a ORDER BY n") == [[1], [3]], what
    elif told not in ("08007", None):
        assert place.state() == 2, (what, told)
    else:
        place.state()


def test_a_fault_at_every_request(place):
    network, chance = place.behind.network, random.Random(SEED)
    total = requests_of(place)
    places = [(fault, at) for fault in FAULTS for at in range(total)]
    seen = set()
    for fault, at in places if LONG else chance.sample(places, 14):
        command = place.new_state()
        network.reset(lambda number, body: fault if number == at else None)
        told = place.restore(command)
        seen.add(told)
        check(place, (SEED, fault, at), told)
    assert RESTORED in seen


def test_an_answer_that_is_lost(place):
    """The restore has happened: pgd1 finds out by itself. It never arrived: 08007, with a way to find out that is right."""
    network = place.behind.network
    for fault, expected in (("cut_after", RESTORED), ("half_after", RESTORED), ("cut_before", "08007")):
        command = place.new_state()
        network.reset(lambda number, body: fault if b"time_travel/restore" in body else None)
        connection = place.connect()
        if expected == RESTORED:
            assert connection.execute(command).fetchone()[0] == RESTORED and place.state() == 1
        else:
            with pytest.raises(psycopg.Error) as caught:
                connection.execute(command)
            assert caught.value.sqlstate == "08007" and "_pgd1_migration_lease" in caught.value.diag.message_hint
            holder = caught.value.diag.message_hint.split("'")[1]
            assert place.state() == 2 and place.behind.rows_of(f"SELECT 1 FROM _pgd1_migration_lease WHERE holder = '{holder}'")
        connection.close()
        network.reset()


def test_killed_at_every_request(place):
    network, server = place.behind.network, place.behind.server
    total, seen = requests_of(place), set()
    for fault in ("cut_before", "cut_after"):
        for at in range(total):
            command = place.new_state()

            def choose(number, body):
                if number == at:
                    server.kill()
                    return fault
                return None
            network.reset(choose)
            assert place.restore(command) is None, (fault, at)
            network.reset()
            network.settle()
            seen.add(place.state())
            server.launch()
    assert seen == {1, 2}


def test_a_late_copy_of_a_write_that_was_restored_away(place):
    """Its id has gone with the restore, and is a fence now."""
    command = place.new_state()
    network, sent = place.behind.network, []
    with place.connect() as connection:
        network.reset(lambda number, body: sent.append(body))
        connection.execute("INSERT INTO a VALUES (9)")
        network.reset()
        assert connection.execute(command).fetchone()[0] == RESTORED
    write, = [body for body in sent if b"_pgd1_txn(id,at)" in body]
    fields = place.behind.d1.info["rest"]
    status, answer = place.behind.send(f"/accounts/{fields['account']}/d1/database/{fields['database']}/raw", write, fields["token"])
    assert status == 400 and "UNIQUE constraint failed: _pgd1_txn.id" in answer["errors"][0]["message"]
    assert place.state() == 1


CHUNKS = "CREATE TABLE c (n INTEGER);\nINSERT INTO c VALUES (1);\n--> breakpoint\nINSERT INTO c VALUES (2);\n--> breakpoint\nINSERT INTO nosuch VALUES (3);"
UP = "MIGRATE UP ON FAILURE RESTORE"


def half_way(place):
    """What there is of the migration that fails: its chunks, which the journal knows, and what else was there."""
    tables = {name for name, in place.behind.rows_of("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    chunks = len(place.behind.rows_of("SELECT n FROM c")) if "c" in tables else 0
    noted = place.behind.rows_of("SELECT chunks_done FROM _pgd1_migrations WHERE name = '2_b.sql'") if "_pgd1_migrations" in tables else []
    assert (noted or [[0]])[0][0] == chunks and place.behind.rows_of("SELECT n FROM a") == [[1]]
    return chunks


def tries(place):
    (n,), = place.behind.rows_of("SELECT count(*) FROM sqlite_schema WHERE name = '_pgd1_migration_tries'")
    return place.behind.rows_of("SELECT sum(tries) FROM _pgd1_migration_tries")[0][0] or 0 if n else 0


def prepare_failing(place):
    place.new_state()
    place.behind.rows_of("DROP TABLE b")
    place.behind.rows_of("UPDATE a SET n = 1")
    place.behind.rows_of("DELETE FROM d1_migrations WHERE name = '2_b.sql'")
    place.behind.rows_of("DELETE FROM _pgd1_migrations WHERE name = '2_b.sql'")
    (place.folder / "2_b.sql").write_text(CHUNKS)


def test_on_failure_when_the_answer_is_lost(place):
    network, whole = place.behind.network, (place.folder / "2_b.sql").read_text()
    for fault, code, chunks in (("cut_after", "42P01", 0), ("late_cut", "42P01", 0), ("cut_before", "08007", 2)):
        (place.folder / "2_b.sql").write_text(whole)
        prepare_failing(place)
        network.reset(lambda number, body: fault if b"time_travel/restore" in body else None)
        assert place.restore(UP) == code
        network.reset()
        network.settle()
        assert half_way(place) == chunks and tries(place) == 1


def test_on_failure_killed_at_every_request(place):
    """Whole chunks, or nothing of it; every try is counted, whatever was killed."""
    network, server = place.behind.network, place.behind.server
    whole = (place.folder / "2_b.sql").read_text()
    prepare_failing(place)
    network.reset(lambda number, body: None)
    assert place.restore(UP) == "42P01" and half_way(place) == 0 and tries(place) == 1
    places = [(fault, at) for fault in ("cut_before", "cut_after") for at in range(network.requests)]
    seen = set()
    for fault, at in places if LONG else random.Random(SEED).sample(places, 10):
        (place.folder / "2_b.sql").write_text(whole)
        prepare_failing(place)

        def choose(number, body):
            if number == at:
                server.kill()
                return fault
            return None
        network.reset(choose)
        assert place.restore(UP) is None, (fault, at)
        network.reset()
        network.settle()
        chunks = half_way(place)
        seen.add(chunks)
        assert tries(place) == 1 or not chunks, (SEED, fault, at)
        server.launch()
    assert len(seen) > 1
