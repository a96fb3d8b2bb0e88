"""100,000 rows in tables that refer to each other, to themselves and in a circle, with a trigger, a view, generated columns, partial and expression
indexes: rebuilt, and rebuilt while pgd1 or D1 is killed or D1's answer is lost. Afterwards there is the old or the new schema, whole, with all rows."""
import json
import os
import pathlib
import random
import signal
import sys
import tempfile
import threading
import time
import urllib.request

import psycopg
import pytest
from pgd1 import Pgd1
from proc import Port

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "workerd"))
LONG = os.environ.get("PGD1_LONG") == "1"
SEED = int(os.environ.get("PGD1_SEED", "20261121"))

SCHEMA = """
CREATE TABLE parent (id serial PRIMARY KEY, n int NOT NULL, boss int REFERENCES parent(id) ON DELETE CASCADE, t text DEFAULT 'x', favourite int,
                     upper_t text GENERATED ALWAYS AS (upper(t)) STORED);
CREATE TABLE child (id serial PRIMARY KEY, parent_id int NOT NULL REFERENCES parent(id) ON DELETE CASCADE, v numeric(8,2));
CREATE TABLE grandchild (id serial PRIMARY KEY, child_id int REFERENCES child(id) ON DELETE SET NULL, w text UNIQUE);
CREATE TABLE strict_child (parent_id int NOT NULL REFERENCES parent(id) ON DELETE RESTRICT, v int, PRIMARY KEY (parent_id));
CREATE INDEX parent_lower_t ON parent (lower(t)) WHERE n > 0;
CREATE UNIQUE INDEX child_cover ON child (id, parent_id) INCLUDE (v);
CREATE VIEW families AS SELECT parent.id, parent.t, count(child.id) AS children FROM parent LEFT JOIN child ON child.parent_id = parent.id
    GROUP BY parent.id, parent.t;
CREATE TABLE log (what text, id int);
INSERT INTO parent (n, t) SELECT i, 't' || i FROM generate_series(1, 20000) i;
INSERT INTO child (parent_id, v) SELECT 1 + i % 20000, i * 0.25 FROM generate_series(1, 50000) i;
INSERT INTO grandchild (child_id, w) SELECT i, 'w' || i FROM generate_series(1, 20000) i;
INSERT INTO strict_child SELECT i, i FROM generate_series(1, 10000) i;
UPDATE parent SET favourite = id, boss = nullif(id - 1, 0);
ALTER TABLE parent ADD FOREIGN KEY (favourite) REFERENCES child(id) DEFERRABLE INITIALLY DEFERRED;
"""
TRIGGER = "CREATE TRIGGER parent_log AFTER UPDATE OF t ON parent BEGIN INSERT INTO log VALUES ('t', OLD.id); END"
CHANGE = "ALTER TABLE parent ALTER COLUMN n TYPE bigint USING n * 2, ADD COLUMN more int NOT NULL DEFAULT 7, ADD CONSTRAINT n_even CHECK (n % 2 = 0)"
BACK = "ALTER TABLE parent ALTER COLUMN n TYPE int USING n / 2, DROP COLUMN more, DROP CONSTRAINT n_even"
# Rows and sums of every table: what each shape must show, beside the sum of n.
DIGESTS = {
    "SELECT count(*), sum(id), sum(boss), sum(favourite), sum(length(t)), sum(length(upper_t)) FROM parent": (20000, 200010000, 199990000, 200010000, 108894, 108894),
    "SELECT count(*), sum(id), sum(parent_id), sum(v) FROM child": (50000, 1250025000, 450035000, 312506250),
    "SELECT count(*), sum(id), sum(child_id), sum(length(w)) FROM grandchild": (20000, 200010000, 200010000, 108894),
    "SELECT count(*), sum(parent_id), sum(v) FROM strict_child": (10000, 50005000, 50005000),
    "SELECT count(*), sum(children) FROM families": (20000, 50000),
    "SELECT count(*) FROM log": (0,),
    "SELECT count(*) FROM parent p JOIN parent b ON b.id = p.boss JOIN child c ON c.id = p.favourite": (19999,),
    "SELECT count(*) FROM pg_class WHERE relname ~ '_pgd1_(new|help|key)'": (0,),
    "SELECT count(*) FROM pg_index WHERE indrelid IN ('parent'::regclass, 'child'::regclass, 'grandchild'::regclass)": (6,),
    "SELECT count(*) FROM pg_constraint WHERE contype = 'f'": (5,),
}


def fill(connection):
    for statement in SCHEMA.strip().split(";\n"):
        connection.execute(statement.rstrip(";"))


def whole(connection, hint):
    """'old' or 'new'; fails when it is neither, or when a row is missing."""
    columns = dict(connection.execute("SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'parent'::regclass AND attnum > 0"
                                      " AND NOT attisdropped").fetchall())
    checks = connection.execute("SELECT count(*) FROM pg_constraint WHERE conname = 'n_even'").fetchone()[0]
    shape = {("integer", False, 0): "old", ("bigint", True, 1): "new"}.get((columns["n"], "more" in columns, checks))
    assert shape, f"{hint}: {columns}, {checks} checks"
    for query, expected in DIGESTS.items():
        assert connection.execute(query).fetchone() == expected, f"{hint}: {query}"
    expected = {"old": (200010000, 0), "new": (400020000, 140000)}[shape]
    more = "sum(more)" if shape == "new" else "0"
    assert connection.execute(f"SELECT sum(n), {more} FROM parent").fetchone() == expected, hint
    return shape


def acts(connection):
    """Keys, the trigger and the counters do what they did."""
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        connection.execute("INSERT INTO child (parent_id) VALUES (99999)")
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        connection.execute("DELETE FROM parent WHERE id = 10000")
    with pytest.raises(psycopg.errors.UniqueViolation):
        connection.execute("INSERT INTO grandchild (w) VALUES ('w5')")
    assert connection.execute("INSERT INTO grandchild (w) VALUES ('new') RETURNING id").fetchone()[0] > 20000
    connection.execute("DELETE FROM grandchild WHERE w = 'new'")
    connection.execute("UPDATE parent SET t = t WHERE id = 3")
    assert connection.execute("SELECT what, id FROM log").fetchall() == [("t", 3)]
    connection.execute("DELETE FROM log")


class Embedded:
    """pgd1 with its own SQLite; killed as a whole."""

    def __init__(self):
        self.server = Pgd1("embedded")
        self.server.start()

    def trigger(self):
        import sqlite3
        self.server.process.stop(signal.SIGINT)
        database = sqlite3.connect(self.server.folder / "app.db")
        database.execute(TRIGGER)
        database.commit()
        database.close()
        self.server.launch()

    def kill(self):
        self.server.kill()

    def revive(self):
        self.server.launch()

    def stop(self):
        self.server.stop()


class OnWorkerd:
    """pgd1 before a workerd whose database outlives it; workerd is killed."""

    def __init__(self, faults=False):
        import workerd
        self.port = Port()
        self.folder = tempfile.TemporaryDirectory(prefix="pgd1-data-")
        self.d1 = workerd.Workerd(port=self.port.number, data=self.folder.name)
        self.control = None
        if faults:
            self.d1.info["gateway"]["url"] = self.d1.info["faults"]["gateway_url"]
            self.control = self.d1.info["gateway"]["url"] + "/control"
        self.server = Pgd1("workerd", workerd=self.d1, settings={"schema_poll_interval": "0", "d1_timeout": "15s"})
        self.server.start()

    def trigger(self):
        status, body = self.d1.batch(TRIGGER)
        assert status == 200, body
        self.server.restart()  # it looks at the schema anew

    def set(self, *faults):
        request = urllib.request.Request(self.control, json.dumps({"faults": list(faults)}).encode(), {"content-type": "application/json"})
        urllib.request.urlopen(request, timeout=10).close()

    def kill(self):
        self.d1.child.kill()
        self.d1.child.wait()

    def revive(self):
        self.d1._start()  # on the same port and data

    def stop(self):
        try:
            self.server.stop()
        finally:
            self.d1.stop()
            self.port.release()
            self.folder.cleanup()


@pytest.fixture(params=["embedded", "workerd"])
def family(request):
    place = Embedded() if request.param == "embedded" else OnWorkerd()
    try:
        with place.server.connect() as connection:
            fill(connection)
        place.trigger()
        yield place
    finally:
        place.stop()


def change_or_die(place, statement, told):
    try:
        with place.server.connect() as connection:
            told["sent"] = time.monotonic()
            connection.execute(statement)
            told["done"] = True
    except psycopg.Error as error:
        told["error"] = error.sqlstate


def killed_at(place, statement, after):
    """Sends the change and kills what runs it so many seconds later. True: the change was acknowledged."""
    told = {}
    thread = threading.Thread(target=change_or_die, args=(place, statement, told))
    thread.start()
    while "sent" not in told and thread.is_alive():
        time.sleep(0.001)
    time.sleep(after)
    place.kill()
    thread.join(60)
    assert not thread.is_alive(), "the client waits for ever"
    place.revive()
    return "done" in told


@pytest.mark.timeout(1800 if LONG else 600)
def test_every_row_outlives_rebuilds_and_kills(family):
    generator = random.Random(SEED)
    points = 40 if LONG else 4
    with family.server.connect() as connection:
        assert whole(connection, "before") == "old"
        acts(connection)
        began = time.monotonic()
        connection.execute(CHANGE)
        took = time.monotonic() - began
        assert whole(connection, "changed") == "new"
        acts(connection)
        connection.execute(BACK)
        assert whole(connection, "changed back") == "old"
    seen = {"old": 0, "new": 0}
    for point in range(points):
        after = 0 if point == 0 else took * 3 if point == points - 1 else took * (point + generator.random()) / (points - 1)
        acknowledged = killed_at(family, CHANGE, after)
        hint = f"seed {SEED}, point {point}, killed after {after:.3f} s of {took:.3f} s"
        with family.server.connect() as connection:
            shape = whole(connection, hint)
            assert shape == "new" or not acknowledged, f"{hint}: acknowledged, and gone"
            seen[shape] += 1
            acts(connection)
            if shape == "new":
                connection.execute(BACK)
    assert seen["old"] and seen["new"], f"the kills came all too early or all too late: {seen}"


INTERNAL = {"status": 422, "body": {"error": {"message": "internal error; reference = 0123456789"}}}


@pytest.mark.timeout(600)
def test_a_lost_answer_leaves_a_whole_schema():
    """The network between pgd1 and D1 fails before D1 has run the batch, or after: the client is told the truth or that it is not known."""
    generator = random.Random(SEED)
    cuts = [{"cut": generator.randrange(1, 400)} for _ in range(20 if LONG else 2)]
    place = OnWorkerd(faults=True)
    try:
        place.set()
        with place.server.connect() as connection:
            fill(connection)
        place.trigger()
        for fault, expected in [(INTERNAL, "old"), ({**INTERNAL, "after": True}, "new"), ({"html": True, "after": True}, "new"), *((cut, "new") for cut in cuts)]:
            told = {}
            with place.server.connect() as connection:
                assert whole(connection, str(fault)) == "old"
                place.set(fault)
                try:
                    connection.execute(CHANGE)
                    told["done"] = True
                except psycopg.Error as error:
                    told["state"] = error.sqlstate
                place.set()
            assert "done" in told or told["state"] in ("08006", "08007"), f"{fault}: {told}"
            with place.server.connect() as connection:
                shape = whole(connection, f"{fault}: {told}")
                assert shape == ("new" if "done" in told else expected), f"{fault}: {told}"
                acts(connection)
                if shape == "new":
                    connection.execute(BACK)
    finally:
        place.stop()
