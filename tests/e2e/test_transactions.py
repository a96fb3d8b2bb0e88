"""Transaction blocks that wait for each answer: pgd1 and PostgreSQL 15 must answer every statement alike, and leave the same rows."""
import os
import subprocess

import psycopg
import pytest

from postgres import tool

SCHEMA = """
DROP TABLE IF EXISTS txn_line, txn_order, txn_t CASCADE;
CREATE TABLE txn_t (id int PRIMARY KEY, n int NOT NULL CHECK (n >= 0), note text UNIQUE);
CREATE TABLE txn_order (id serial PRIMARY KEY, customer text, total numeric(10,2) DEFAULT 0, at timestamptz DEFAULT now());
CREATE TABLE txn_line (id bigserial PRIMARY KEY, order_id int NOT NULL REFERENCES txn_order ON DELETE CASCADE, what text, price float8, raw bytea);
INSERT INTO txn_t VALUES (1, 10, 'a'), (2, 20, 'b'), (3, 30, NULL);
"""

FINAL = ("SELECT id, n, note FROM txn_t ORDER BY id", "SELECT id, customer, total FROM txn_order ORDER BY id",
         "SELECT id, order_id, what, price, raw FROM txn_line ORDER BY id")

SCRIPTS = {
    "write_read_commit": """
        BEGIN; INSERT INTO txn_t VALUES (4, 40, 'd'); SELECT * FROM txn_t ORDER BY id; UPDATE txn_t SET n = n + 1 WHERE id > 2;
        SELECT sum(n) FROM txn_t; DELETE FROM txn_t WHERE id = 1; SELECT count(*) FROM txn_t; COMMIT""",
    "write_rollback": "BEGIN; UPDATE txn_t SET n = 0; SELECT n FROM txn_t WHERE id = 2; ROLLBACK; SELECT n FROM txn_t WHERE id = 2",
    "returning": """
        BEGIN; INSERT INTO txn_order (customer) VALUES ('Ann') RETURNING id, customer, total;
        INSERT INTO txn_line (order_id, what, price, raw) VALUES (1, 'it''s "a" \\', 0.1, '\\x00ff27'), (1, E'new\\nline', 1e300, NULL) RETURNING id, what, price, raw;
        UPDATE txn_order SET total = total + 12.5 WHERE id = 1 RETURNING total, id * 1000000000000;
        DELETE FROM txn_line WHERE what LIKE 'new%' RETURNING *; SELECT * FROM txn_line; COMMIT""",
    "returning_upsert": """
        BEGIN; INSERT INTO txn_t VALUES (1, 1, 'a'), (9, 9, 'i') ON CONFLICT (id) DO UPDATE SET n = txn_t.n + excluded.n RETURNING id, n;
        INSERT INTO txn_t VALUES (1, 1, 'a') ON CONFLICT DO NOTHING RETURNING id; COMMIT""",
    "returning_changes_key": "BEGIN; UPDATE txn_t SET id = id + 100 WHERE id > 1 RETURNING id, n; UPDATE txn_t SET n = n + 1 RETURNING n; COMMIT",
    "error_fails_the_block": """
        BEGIN; INSERT INTO txn_t VALUES (5, 5, 'e'); INSERT INTO txn_t VALUES (1, 1, 'x'); SELECT 1; INSERT INTO txn_t VALUES (6, 6, 'f'); COMMIT""",
    "constraints": """
        BEGIN; SAVEPOINT a; INSERT INTO txn_t VALUES (7, -1, 'x'); ROLLBACK TO a; INSERT INTO txn_t VALUES (7, NULL, 'x'); ROLLBACK TO a;
        INSERT INTO txn_t VALUES (7, 1, 'a'); ROLLBACK TO a; INSERT INTO txn_line (order_id) VALUES (99); ROLLBACK TO a;
        INSERT INTO txn_t VALUES (7, 1, 'ok'); COMMIT""",
    "savepoints": """
        BEGIN; INSERT INTO txn_t VALUES (4, 4, 'd'); SAVEPOINT s; INSERT INTO txn_t VALUES (5, 5, 'e'); SAVEPOINT s; INSERT INTO txn_t VALUES (6, 6, 'f');
        ROLLBACK TO s; SELECT id FROM txn_t ORDER BY id; RELEASE s; ROLLBACK TO s; SELECT id FROM txn_t ORDER BY id; INSERT INTO txn_t VALUES (7, 7, 'g');
        RELEASE s; ROLLBACK TO s; ROLLBACK TO nowhere; COMMIT""",
    "savepoint_after_error": """
        BEGIN; INSERT INTO txn_t VALUES (4, 4, 'd'); SAVEPOINT s; SELECT 1/0; SELECT 1; ROLLBACK TO SAVEPOINT s; UPDATE txn_t SET n = 99 WHERE id = 4;
        RELEASE SAVEPOINT s; COMMIT""",
    "warnings": "COMMIT; ROLLBACK; BEGIN; BEGIN; INSERT INTO txn_t VALUES (4, 4, 'd'); COMMIT; COMMIT AND CHAIN",
    "chain": "BEGIN; INSERT INTO txn_t VALUES (4, 4, 'd'); COMMIT AND CHAIN; INSERT INTO txn_t VALUES (5, 5, 'e'); ROLLBACK AND CHAIN; INSERT INTO txn_t VALUES (6, 6, 'f'); COMMIT",
    "read_only": "BEGIN READ ONLY; SELECT n FROM txn_t WHERE id = 1; UPDATE txn_t SET n = 0; SELECT 1; COMMIT",
    "now_stands": """
        BEGIN; INSERT INTO txn_order (customer) VALUES ('Ann'); SELECT at = now() FROM txn_order; SELECT count(*) FROM txn_order WHERE at = transaction_timestamp(); COMMIT""",
    "cascade": """
        BEGIN; INSERT INTO txn_order (customer) VALUES ('Ann'); INSERT INTO txn_line (order_id, what) VALUES (1, 'x'); DELETE FROM txn_order WHERE id = 1;
        SELECT count(*) FROM txn_line; COMMIT""",
    "repeatable_read": "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT * FROM txn_t ORDER BY id; SELECT sum(n) FROM txn_t; UPDATE txn_t SET n = n * 2 WHERE id = 1; SELECT n FROM txn_t WHERE id = 1; COMMIT",
    "serializable": "BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT * FROM txn_t WHERE n > 100; INSERT INTO txn_t VALUES (8, 8, 'h'); SELECT * FROM txn_t WHERE n < 9; COMMIT",
    "for_update": "BEGIN; SELECT n FROM txn_t WHERE id = 1 FOR UPDATE; UPDATE txn_t SET n = 11 WHERE id = 1; SELECT n FROM txn_t WHERE id = 2 FOR SHARE NOWAIT; COMMIT",
    "computed_here": """
        BEGIN; INSERT INTO txn_t VALUES (4, 4, md5('d')); SELECT md5(note), repeat(note, 2) FROM txn_t WHERE id = 4; UPDATE txn_t SET n = 5 WHERE id = 4 RETURNING md5(note); COMMIT""",
    "cursor": """
        BEGIN; INSERT INTO txn_t VALUES (4, 40, 'd'); DECLARE c CURSOR FOR SELECT id FROM txn_t ORDER BY id; FETCH 2 FROM c; INSERT INTO txn_t VALUES (5, 50, 'e');
        FETCH ALL FROM c; CLOSE c; COMMIT""",
    "cursors_and_savepoints": """
        BEGIN; DECLARE c CURSOR FOR SELECT id FROM txn_t ORDER BY id; FETCH c; SAVEPOINT a; FETCH c; DECLARE d CURSOR FOR SELECT 7; DECLARE h CURSOR WITH HOLD FOR SELECT 8; SELECT 1/0;
        ROLLBACK TO a; FETCH c; FETCH d; ROLLBACK TO a; FETCH h; ROLLBACK TO a; SAVEPOINT b; DECLARE d CURSOR FOR SELECT 9; SAVEPOINT e; DECLARE h CURSOR WITH HOLD FOR SELECT 10; RELEASE e; FETCH h;
        RELEASE b; FETCH d; ROLLBACK TO a; FETCH d; ROLLBACK TO a; DECLARE h CURSOR WITH HOLD FOR SELECT 11; RELEASE a; COMMIT; BEGIN; SAVEPOINT a; FETCH h; ROLLBACK TO a; FETCH h; COMMIT; CLOSE h""",
    "locks_and_savepoints": """
        BEGIN; SELECT pg_advisory_xact_lock(11); SAVEPOINT a; SELECT pg_advisory_xact_lock(11), pg_advisory_xact_lock(12), pg_advisory_xact_lock_shared(13), pg_advisory_lock(14); SELECT 1/0;
        ROLLBACK TO a; SELECT objid, mode FROM pg_locks WHERE locktype = 'advisory' ORDER BY 1, 2; SELECT pg_advisory_xact_lock(15); RELEASE a; SAVEPOINT a; ROLLBACK TO a; SAVEPOINT b;
        SELECT pg_advisory_xact_lock(16); ROLLBACK TO a; SELECT objid, mode FROM pg_locks WHERE locktype = 'advisory' ORDER BY 1, 2; COMMIT; SELECT objid FROM pg_locks WHERE locktype = 'advisory';
        SELECT pg_advisory_unlock_all()""",
    "insert_select": "BEGIN; INSERT INTO txn_t SELECT id + 10, n, note || '!' FROM txn_t WHERE note IS NOT NULL; INSERT INTO txn_t SELECT id + 100, n, NULL FROM txn_t RETURNING id; COMMIT",
    "ddl": """
        BEGIN; CREATE TABLE txn_new (id serial PRIMARY KEY, name text NOT NULL, n int DEFAULT 7); INSERT INTO txn_new (name) VALUES ('a'), ('b') RETURNING *;
        CREATE UNIQUE INDEX txn_new_name ON txn_new (name); SAVEPOINT s; INSERT INTO txn_new (name) VALUES ('a'); ROLLBACK TO s;
        ALTER TABLE txn_new ADD COLUMN extra text DEFAULT 'x'; SELECT * FROM txn_new ORDER BY id; SELECT count(*) FROM pg_class WHERE relname = 'txn_new';
        ALTER TABLE txn_t ADD COLUMN more int; UPDATE txn_t SET more = n; SELECT sum(more) FROM txn_t; COMMIT; SELECT * FROM txn_new ORDER BY id; DROP TABLE txn_new""",
    "ddl_rolled_back": """
        BEGIN; CREATE TABLE txn_new (id int); INSERT INTO txn_new VALUES (1); ROLLBACK; SELECT * FROM txn_new; BEGIN; SAVEPOINT a; CREATE TABLE txn_new (id int);
        ROLLBACK TO a; SELECT 1 FROM txn_new; ROLLBACK TO a; CREATE TABLE txn_new (name text); INSERT INTO txn_new VALUES ('x') RETURNING name; DROP TABLE txn_new; COMMIT""",
    "ddl_error": "BEGIN; CREATE UNIQUE INDEX nope ON txn_t ((1)); ROLLBACK; BEGIN; CREATE TABLE txn_t (id int); SELECT 1; COMMIT",
    "truncate": "BEGIN; TRUNCATE txn_line; TRUNCATE txn_t; INSERT INTO txn_t VALUES (1, 1, 'new'); SELECT * FROM txn_t; COMMIT",
    "create_as": "BEGIN; CREATE TABLE txn_new AS SELECT id, n FROM txn_t; SELECT sum(n) FROM txn_new; COMMIT; SELECT count(*) FROM txn_new; DROP TABLE txn_new",
    "own_tables": """
        BEGIN; CREATE TABLE txn_new (id serial PRIMARY KEY, n int CHECK (n > 0), t text UNIQUE); CREATE TABLE txn_part (id int REFERENCES txn_new ON DELETE CASCADE, x numeric(8,2));
        INSERT INTO txn_new (n, t) VALUES (1, 'a'), (2, 'b'); INSERT INTO txn_new (n, t) VALUES (3, 'c') RETURNING *; INSERT INTO txn_part VALUES (1, 1.5), (3, 2.25);
        SELECT t, x FROM txn_new JOIN txn_part USING (id) ORDER BY 1; SAVEPOINT a; INSERT INTO txn_new (n) VALUES (0); ROLLBACK TO a; INSERT INTO txn_new (n, t) VALUES (9, 'a');
        ROLLBACK TO a; INSERT INTO txn_part VALUES (77, 1); ROLLBACK TO a; UPDATE txn_new SET n = n * 10, t = upper(t) WHERE n > 1 RETURNING n, t; SELECT sum(x), count(*) FROM txn_part;
        DELETE FROM txn_new WHERE t = 'C'; SELECT * FROM txn_part; SELECT md5(t), n / 0.7 FROM txn_new ORDER BY n; SAVEPOINT b; SELECT 1 / (n - n) FROM txn_new; ROLLBACK TO b;
        SELECT n, t FROM txn_new ORDER BY n; COMMIT; SELECT n, t FROM txn_new ORDER BY n; SELECT * FROM txn_part; DROP TABLE txn_part, txn_new""",
    "own_rows_rewound": """
        BEGIN; CREATE TABLE txn_new (id int PRIMARY KEY, t text); INSERT INTO txn_new VALUES (1, 'a'); SAVEPOINT s; INSERT INTO txn_new VALUES (2, 'b'); ALTER TABLE txn_new ADD COLUMN u int DEFAULT 3;
        UPDATE txn_new SET u = 4 WHERE id = 2; SELECT * FROM txn_new ORDER BY id; ROLLBACK TO s; SELECT * FROM txn_new ORDER BY id; INSERT INTO txn_new VALUES (2, 'c'); SAVEPOINT s;
        DROP TABLE txn_new; SELECT * FROM txn_new; ROLLBACK TO s; SELECT * FROM txn_new ORDER BY id; COMMIT; SELECT * FROM txn_new ORDER BY id; DROP TABLE txn_new""",
    "own_and_others": """
        BEGIN; CREATE TABLE txn_new (id int PRIMARY KEY, n int); INSERT INTO txn_new VALUES (1, 100); INSERT INTO txn_new SELECT id, n FROM txn_t WHERE id > 1; INSERT INTO txn_new VALUES (7, 7);
        SELECT * FROM txn_new ORDER BY id; UPDATE txn_t SET n = txn_new.n FROM txn_new WHERE txn_new.id = txn_t.id; SELECT id, n FROM txn_t ORDER BY id; DELETE FROM txn_new WHERE n > 50;
        SELECT count(*) FROM txn_new; INSERT INTO txn_new VALUES (7, 8); ROLLBACK""",
    "own_table_of_others": """
        BEGIN; CREATE TABLE txn_new (id int PRIMARY KEY, t int REFERENCES txn_t); INSERT INTO txn_new VALUES (1, 1), (2, NULL); SAVEPOINT a; INSERT INTO txn_new VALUES (3, 99); ROLLBACK TO a;
        DELETE FROM txn_t WHERE id = 1; ROLLBACK TO a; DELETE FROM txn_t WHERE id = 2; SELECT * FROM txn_new ORDER BY id; DROP TABLE txn_new; DELETE FROM txn_t WHERE id = 1; COMMIT""",
    "dropped_child": """
        BEGIN; INSERT INTO txn_order (customer) VALUES ('Ann'), ('Bob'); INSERT INTO txn_line (order_id) VALUES (1); COMMIT; ALTER TABLE txn_line DROP CONSTRAINT txn_line_order_id_fkey, ADD CONSTRAINT txn_k FOREIGN KEY (order_id) REFERENCES txn_order;
        BEGIN; SAVEPOINT a; DELETE FROM txn_order WHERE id = 1; ROLLBACK TO a; ALTER TABLE txn_line DROP CONSTRAINT txn_k; DELETE FROM txn_order WHERE id = 1; ROLLBACK TO a;
        CREATE TABLE txn_line2 (id bigint, order_id int, what text, price float8, raw bytea); DROP TABLE txn_line; DELETE FROM txn_order WHERE id = 1; ALTER TABLE txn_line2 RENAME TO txn_line; SELECT id FROM txn_order; COMMIT""",
    "own_rows_gone_at_d1": """
        BEGIN; CREATE TABLE txn_new (n int, t text); INSERT INTO txn_new VALUES (1, 'a'), (1, 'b'); INSERT INTO txn_new SELECT id + 1, 'c' FROM txn_t; DELETE FROM txn_new WHERE t = 'b';
        CREATE UNIQUE INDEX txn_u ON txn_new (n); INSERT INTO txn_new VALUES (1, 'd') ON CONFLICT (n) DO UPDATE SET t = 'e'; SELECT * FROM txn_new ORDER BY n; CREATE TABLE txn_more (n int);
        INSERT INTO txn_more VALUES (1); SELECT * FROM txn_more; COMMIT; SELECT * FROM txn_new ORDER BY n; DROP TABLE txn_new, txn_more""",
    "own_changed": """
        BEGIN; CREATE TABLE txn_a (id int, t text); INSERT INTO txn_a VALUES (1, 'x'), (1, 'y');
        UPDATE txn_a SET id = 2 WHERE t = 'y'; ALTER TABLE txn_a ADD PRIMARY KEY (id); ALTER TABLE txn_a RENAME TO txn_b; ALTER TABLE txn_b RENAME COLUMN t TO name; INSERT INTO txn_b VALUES (3, 'z');
        SELECT * FROM txn_b ORDER BY id; ALTER TABLE txn_b ALTER COLUMN name SET NOT NULL; SAVEPOINT s; INSERT INTO txn_b VALUES (4, NULL); ROLLBACK TO s; INSERT INTO txn_b VALUES (1, 'q'); ROLLBACK TO s;
        CREATE TABLE txn_a (id int REFERENCES txn_b); INSERT INTO txn_a VALUES (3); SAVEPOINT s; DELETE FROM txn_b WHERE id = 3; ROLLBACK TO s; ALTER TABLE txn_b DROP COLUMN name; SELECT * FROM txn_b ORDER BY 1;
        COMMIT; SELECT * FROM txn_b ORDER BY 1; SELECT * FROM txn_a; DROP TABLE txn_a, txn_b""",
    "own_replaces": """
        BEGIN; CREATE TABLE txn_copy AS SELECT id, n FROM txn_t; DROP TABLE txn_t; CREATE TABLE txn_t (id int PRIMARY KEY, n int, note text); SELECT * FROM txn_t; INSERT INTO txn_t VALUES (50, 1, 'new');
        INSERT INTO txn_t SELECT id, n, 'copied' FROM txn_copy; SELECT * FROM txn_t ORDER BY id; CREATE INDEX txn_i ON txn_t (n); DROP TABLE txn_copy; COMMIT""",
    "own_sequences": """
        BEGIN; CREATE SEQUENCE txn_s START 5; CREATE TABLE txn_new (id int DEFAULT nextval('txn_s'), k serial, t text); INSERT INTO txn_new (t) VALUES ('a') RETURNING *; INSERT INTO txn_new (t) VALUES ('b');
        SELECT nextval('txn_s'); SELECT * FROM txn_new ORDER BY id; COMMIT; SELECT * FROM txn_new ORDER BY id; DROP TABLE txn_new; DROP SEQUENCE txn_s""",
    "own_deferred": """
        BEGIN; CREATE TABLE txn_new (id int PRIMARY KEY, up int REFERENCES txn_new DEFERRABLE INITIALLY DEFERRED); INSERT INTO txn_new VALUES (1, 2); INSERT INTO txn_new VALUES (2, NULL); SELECT count(*) FROM txn_new; COMMIT;
        SELECT * FROM txn_new ORDER BY id; BEGIN; CREATE TABLE txn_more (id int PRIMARY KEY, up int REFERENCES txn_more DEFERRABLE INITIALLY DEFERRED); INSERT INTO txn_more VALUES (1, 9); ROLLBACK;
        SELECT * FROM txn_more; DROP TABLE txn_new""",
    "own_serializable": """
        BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT count(*) FROM txn_t; CREATE TABLE txn_new (id int PRIMARY KEY); INSERT INTO txn_new VALUES (1); SELECT * FROM txn_new; INSERT INTO txn_t VALUES (9, 9, 'i');
        INSERT INTO txn_new VALUES (2) ON CONFLICT DO NOTHING; INSERT INTO txn_new VALUES (2) ON CONFLICT DO NOTHING; SELECT count(*) FROM txn_new; COMMIT; DROP TABLE txn_new""",
    "changing_with": "BEGIN; WITH gone AS (DELETE FROM txn_t WHERE id = 1 RETURNING id, n) SELECT * FROM gone; SELECT id FROM txn_t ORDER BY id; COMMIT",
}


def statements(script):
    return [s.strip() for s in script.split(";") if s.strip()]


def run(connection, script):
    """What each statement gave: rows and tag, or SQLSTATE; and the state of the block behind it."""
    seen = []
    for statement in statements(script):
        try:
            cursor = connection.execute(statement)
            rows = cursor.fetchall() if cursor.description else None
            seen.append((statement, cursor.statusmessage, rows, connection.info.transaction_status.name))
        except psycopg.Error as error:
            seen.append((statement, error.sqlstate, error.diag.constraint_name, connection.info.transaction_status.name))
    return seen


def prepare(connection):
    for statement in statements(SCHEMA):
        connection.execute(statement)


def final(connection):
    return [connection.execute(query).fetchall() for query in FINAL]


@pytest.mark.parametrize("name", SCRIPTS)
def test_block_answers_as_postgresql(server, oracle, name):
    results = []
    for target in (oracle, server):
        with target.connect() as connection:
            prepare(connection)
            results.append((run(connection, SCRIPTS[name]), final(connection)))
    for expected, given in zip(results[0][0], results[1][0]):
        assert given == expected
    assert results[1][1] == results[0][1]


def test_nothing_is_seen_before_commit(server):
    with server.connect() as watcher, server.connect(autocommit=False) as writer:
        prepare(watcher)
        writer.execute("UPDATE txn_t SET n = 77 WHERE id = 1")
        assert writer.execute("SELECT n FROM txn_t WHERE id = 1").fetchone() == (77,)
        assert watcher.execute("SELECT n FROM txn_t WHERE id = 1").fetchone() == (10,)
        writer.commit()
        assert watcher.execute("SELECT n FROM txn_t WHERE id = 1").fetchone() == (77,)


UNLOCKED = {"options": "'-c pgd1.row_locks=off'"}  # as a session of another pgd1: it waits for nobody, and nobody for it


def test_blind_changes_do_not_get_lost(server):
    with server.connect() as watcher, server.connect(autocommit=False) as one, server.connect(autocommit=False, **UNLOCKED) as two:
        prepare(watcher)
        one.execute("UPDATE txn_t SET n = n + 1 WHERE id = 1")
        two.execute("UPDATE txn_t SET n = n + 10 WHERE id = 1")
        two.commit()
        one.commit()
        assert watcher.execute("SELECT n FROM txn_t WHERE id = 1").fetchone() == (21,)


@pytest.mark.parametrize("shown", ["UPDATE txn_t SET n = n + 1 WHERE id = 1 RETURNING n", "SELECT n FROM txn_t WHERE id = 1 FOR UPDATE"])
def test_what_was_shown_must_hold_at_commit(server, shown):
    with server.connect(**UNLOCKED) as watcher, server.connect(autocommit=False) as one:
        prepare(watcher)
        one.execute(shown)
        one.execute("UPDATE txn_t SET note = 'seen' WHERE id = 2")
        watcher.execute("UPDATE txn_t SET n = 50 WHERE id = 1")
        with pytest.raises(psycopg.errors.SerializationFailure) as caught:
            one.commit()
        assert caught.value.diag.message_hint == "The transaction might succeed if retried."
        assert one.info.transaction_status.name == "IDLE"
        assert watcher.execute("SELECT n, note FROM txn_t WHERE id < 3 ORDER BY id").fetchall() == [(50, "a"), (20, "b")]


def test_for_update_of_no_row_promises_nothing(server):
    """As get_or_create() does it: nobody has the row, somebody else makes it, the block finds it then. Above READ COMMITTED it is a conflict."""
    for level in (psycopg.IsolationLevel.READ_COMMITTED, psycopg.IsolationLevel.REPEATABLE_READ):
        with server.connect() as connection, server.connect() as other:
            prepare(connection)
            connection.autocommit = False
            connection.isolation_level = level
            assert connection.execute("SELECT * FROM txn_t WHERE note = 'v' LIMIT 21 FOR UPDATE").fetchall() == []
            other.execute("INSERT INTO txn_t VALUES (50, 1, 'v')")
            if level == psycopg.IsolationLevel.READ_COMMITTED:
                connection.execute("SAVEPOINT a")
                with pytest.raises(psycopg.errors.UniqueViolation):
                    connection.execute("INSERT INTO txn_t VALUES (51, 1, 'v')")
                connection.execute("ROLLBACK TO a")
                assert connection.execute("SELECT id FROM txn_t WHERE note = 'v' LIMIT 21 FOR UPDATE").fetchall() == [(50,)]
                connection.execute("UPDATE txn_t SET n = 2 WHERE id = 50")
                connection.commit()
                assert other.execute("SELECT n FROM txn_t WHERE id = 50").fetchone() == (2,)
            else:
                with pytest.raises(psycopg.errors.SerializationFailure):
                    connection.execute("UPDATE txn_t SET n = 2 WHERE id = 1")
                    connection.commit()
                connection.rollback()


def test_rows_of_a_limit_without_order_hold_at_commit(server):
    """Which rows such a LIMIT gives is SQLite's to choose; the check must choose the same ones. Here by an index that has all that is read."""
    with server.connect() as connection:
        prepare(connection)
    with server.connect() as connection, connection.transaction():
        connection.execute("INSERT INTO txn_t VALUES (11, 1, 'z'), (12, 1, 'y'), (13, 1, 'x'), (14, 1, 'w')")
        assert len(connection.execute("SELECT id, note FROM txn_t LIMIT 2").fetchall()) == 2
        assert len(connection.execute("SELECT note FROM txn_t OFFSET 3").fetchall()) == 4


def test_count_shown_must_hold_at_commit(server):
    with server.connect() as watcher, server.connect(autocommit=False) as one:
        prepare(watcher)
        assert one.execute("UPDATE txn_t SET note = NULL WHERE n < 25").rowcount == 2
        watcher.execute("DELETE FROM txn_t WHERE id = 1")
        with pytest.raises(psycopg.errors.SerializationFailure):
            one.commit()


@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
def test_write_skew_is_refused(server, level):
    with server.connect() as watcher:
        prepare(watcher)
        sessions = [server.connect() for _ in range(2)]
        for number, session in enumerate(sessions):
            session.execute(f"BEGIN ISOLATION LEVEL {level}")
            assert session.execute("SELECT sum(n) FROM txn_t WHERE id < 3").fetchone() == (30,)
            session.execute("UPDATE txn_t SET n = n - 10 WHERE id = %s", (number + 1,))
        sessions[0].execute("COMMIT")
        with pytest.raises(psycopg.errors.SerializationFailure):
            sessions[1].execute("COMMIT")
        for session in sessions:
            session.close()
        assert watcher.execute("SELECT n FROM txn_t WHERE id < 3 ORDER BY id").fetchall() == [(0,), (20,)]


def test_repeatable_read_does_not_mix_states(server):
    with server.connect() as watcher, server.connect() as reader:
        prepare(watcher)
        reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        assert reader.execute("SELECT n FROM txn_t WHERE id = 1").fetchone() == (10,)
        watcher.execute("UPDATE txn_t SET n = 0 WHERE id = 1")
        with pytest.raises(psycopg.errors.SerializationFailure):
            reader.execute("SELECT n FROM txn_t WHERE id = 2")
        assert reader.info.transaction_status.name == "INERROR"
        reader.execute("ROLLBACK")


def trips(session):
    return int(session.execute("SHOW pgd1.round_trips").fetchone()[0])


@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
def test_the_same_read_gives_the_snapshot_again(server, level):
    """Without a request, whatever was committed meanwhile, in whatever form it is asked; a block that only reads commits."""
    text = "SELECT id, n, note FROM txn_t WHERE n < %s ORDER BY n DESC"
    shown = [(2, 20, "b"), (1, 10, "a")]
    with server.connect() as watcher, server.connect() as reader:
        prepare(watcher)
        reader.execute(f"BEGIN ISOLATION LEVEL {level}")
        assert reader.execute(text, (25,)).fetchall() == shown
        watcher.execute("DELETE FROM txn_t WHERE id = 1")
        before = trips(watcher)
        for prepared, binary in ((False, False), (True, False), (True, True)):
            assert reader.execute(text, (25,), prepare=prepared, binary=binary).fetchall() == shown
        reader.execute("SAVEPOINT s")
        assert reader.execute(text, (25,)).fetchall() == shown
        reader.execute("ROLLBACK TO s")
        reader.execute("DECLARE c CURSOR FOR " + text.replace("%s", "25"))
        assert reader.execute("FETCH 1 FROM c").fetchall() == shown[:1]
        assert reader.execute("FETCH 5 FROM c").fetchall() == shown[1:]
        reader.execute("COMMIT")
        assert trips(watcher) == before
        assert reader.execute(text, (25,)).fetchall() == [(2, 20, "b")]


@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
@pytest.mark.parametrize("then", ["SELECT n FROM txn_t WHERE id = 1 FOR UPDATE", "UPDATE txn_t SET n = 0 WHERE id = 3",
                                  "SELECT count(*) FROM txn_t"])
def test_what_is_not_the_same_read_finds_the_change(server, level, then):
    with server.connect() as watcher, server.connect() as one:
        prepare(watcher)
        one.execute(f"BEGIN ISOLATION LEVEL {level}")
        for _ in range(2):
            assert one.execute("SELECT n FROM txn_t WHERE id = 1").fetchone() == (10,)
            watcher.execute("UPDATE txn_t SET n = n + 1 WHERE id = 1")
        with pytest.raises(psycopg.errors.SerializationFailure):
            one.execute(then)
        one.execute("ROLLBACK")


def test_what_the_block_wrote_is_read_again(server):
    """Also through a view; what a savepoint takes back is gone, and what was read behind it still counts."""
    with server.connect() as watcher, server.connect() as one:
        prepare(watcher)
        watcher.execute("DROP VIEW IF EXISTS txn_sum; CREATE VIEW txn_sum AS SELECT sum(n) AS n FROM txn_t; DROP TABLE IF EXISTS txn_u; CREATE TABLE txn_u (n int); INSERT INTO txn_u VALUES (7)")
        total = lambda: one.execute("SELECT n FROM txn_sum").fetchone()[0]  # noqa: E731
        one.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        first = total()
        one.execute("SAVEPOINT s")
        one.execute("UPDATE txn_t SET n = n + 1 WHERE id = 1")
        assert (total(), total()) == (first + 1, first + 1)
        assert one.execute("SELECT n FROM txn_u").fetchone() == (7,)
        one.execute("UPDATE txn_t SET n = n + 1 WHERE id = 1")
        assert total() == first + 2
        one.execute("ROLLBACK TO s")
        assert total() == first
        watcher.execute("UPDATE txn_u SET n = 8")
        assert one.execute("SELECT n FROM txn_u").fetchone() == (7,)
        with pytest.raises(psycopg.errors.SerializationFailure):
            one.execute("SELECT n + 0 FROM txn_t")
        one.execute("ROLLBACK")
        watcher.execute("DROP VIEW txn_sum")


def test_what_moves_by_itself_is_not_repeated(server):
    with server.connect() as watcher, server.connect() as one:
        prepare(watcher)
        watcher.execute("DROP SEQUENCE IF EXISTS txn_q; CREATE SEQUENCE txn_q")
        one.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        both = [one.execute("SELECT clock_timestamp(), now(), n FROM txn_t WHERE id = 1").fetchone() for _ in range(2)]
        assert both[0][0] != both[1][0] and both[0][1:] == both[1][1:]
        for value in (1, 2):
            assert one.execute("SELECT nextval('txn_q')").fetchone() == (value,)
            assert one.execute("SELECT last_value FROM txn_q").fetchone() == (value,)
        one.execute("COMMIT")


def test_a_new_duplicate_is_a_conflict_at_commit(server):
    with server.connect() as watcher, server.connect(autocommit=False) as one:
        prepare(watcher)
        one.execute("INSERT INTO txn_t VALUES (50, 1, 'mine')")
        watcher.execute("INSERT INTO txn_t VALUES (50, 2, 'theirs')")
        with pytest.raises(psycopg.errors.SerializationFailure) as caught:
            one.commit()
        assert "txn_t_pkey" in caught.value.diag.message_detail
        with pytest.raises(psycopg.errors.UniqueViolation):
            one.execute("INSERT INTO txn_t VALUES (50, 1, 'mine')")
        one.rollback()


def test_client_that_goes_away_leaves_nothing(server):
    with server.connect() as watcher:
        prepare(watcher)
        session = server.connect(autocommit=False)
        session.execute("DELETE FROM txn_t")
        session.close()
        assert watcher.execute("SELECT count(*) FROM txn_t").fetchone() == (3,)


def test_pinned_values_are_what_was_shown(server):
    with server.connect() as watcher, server.connect(autocommit=False) as one:
        prepare(watcher)
        shown = one.execute("INSERT INTO txn_order (customer) VALUES (gen_random_uuid()::text) RETURNING id, customer, at").fetchone()
        one.execute("UPDATE txn_order SET total = 1")
        one.commit()
        assert watcher.execute("SELECT id, customer, at FROM txn_order").fetchone() == shown


def test_copy_is_part_of_the_block(server):
    with server.connect() as watcher, server.connect(autocommit=False) as one:
        prepare(watcher)
        one.execute("INSERT INTO txn_t VALUES (4, 40, 'd')")
        with one.cursor().copy("COPY txn_t FROM STDIN") as copy:
            for number in range(100, 1100):
                copy.write_row((number, number, None))
        assert one.execute("SELECT count(*), max(id) FROM txn_t").fetchone() == (1004, 1099)
        assert watcher.execute("SELECT count(*) FROM txn_t").fetchone() == (3,)
        with pytest.raises(psycopg.errors.UniqueViolation), one.transaction():
            with one.cursor().copy("COPY txn_t FROM STDIN") as copy:
                copy.write_row((1, 1, None))
        with one.cursor().copy("COPY (SELECT id FROM txn_t WHERE id < 5 ORDER BY id) TO STDOUT") as copy:
            assert [row[0] for row in copy.rows()] == ["1", "2", "3", "4"]
        one.commit()
        assert watcher.execute("SELECT count(*) FROM txn_t").fetchone() == (1004,)


def test_pipeline_inside_a_block(server):
    with server.connect() as watcher, server.connect(autocommit=False) as one:
        prepare(watcher)
        one.execute("UPDATE txn_t SET n = 1 WHERE id = 1")
        with one.pipeline():
            first = one.execute("INSERT INTO txn_t VALUES (4, 40, 'd') RETURNING n")
            second = one.execute("SELECT sum(n) FROM txn_t")
            one.execute("DELETE FROM txn_t WHERE id = 2")
        assert first.fetchone() == (40,) and second.fetchone() == (91,)
        one.commit()
        assert watcher.execute("SELECT id, n FROM txn_t ORDER BY id").fetchall() == [(1, 1), (3, 30), (4, 40)]


def test_commit_takes_what_was_pipelined_before_it(server):
    with server.connect() as one:
        prepare(one)
        one.execute("BEGIN")
        one.execute("UPDATE txn_t SET n = 1 WHERE id = 1")
        with one.pipeline():
            one.execute("UPDATE txn_t SET n = n + 5 WHERE id = 1")
            one.execute("COMMIT")
        assert one.execute("SELECT n FROM txn_t WHERE id = 1").fetchone() == (6,)


def test_generated_ids_do_not_conflict(server):
    """Two blocks that are open together are shown different ids, and keep them whatever the order of their COMMITs."""
    with server.connect() as watcher, server.connect(autocommit=False) as one, server.connect(autocommit=False) as two:
        prepare(watcher)
        insert = "INSERT INTO txn_order (customer) VALUES (%s), (%s) RETURNING id, customer"
        shown = [one.execute(insert, ("a", "b")).fetchall(), two.execute(insert, ("c", "d")).fetchall(), one.execute(insert, ("e", "f")).fetchall()]
        for session, rows in ((one, shown[0]), (two, shown[1])):
            session.execute("INSERT INTO txn_line (order_id, what) VALUES (%s, 'x') RETURNING id", (rows[0][0],))
        assert two.execute("SELECT id, customer FROM txn_order WHERE customer IN ('c', 'd') ORDER BY id").fetchall() == shown[1]
        two.rollback()
        shown[1] = two.execute(insert, ("g", "h")).fetchall()
        two.execute("INSERT INTO txn_line (order_id, what) VALUES (%s, 'x')", (shown[1][0][0],))
        two.commit()
        watcher.execute("INSERT INTO txn_line (order_id, what) VALUES (%s, 'autocommit')", (shown[1][0][0],))
        one.commit()
        assert watcher.execute("SELECT id, customer FROM txn_order ORDER BY id").fetchall() == sorted(sum(shown, []))
        assert watcher.execute("SELECT count(*) FROM txn_order JOIN txn_line ON order_id = txn_order.id").fetchone() == (3,)


def test_sequences_are_pinned(server):
    with server.connect() as watcher, server.connect(autocommit=False) as one:
        prepare(watcher)
        watcher.execute("DROP SEQUENCE IF EXISTS txn_numbers")
        watcher.execute("CREATE SEQUENCE txn_numbers START 5")
        assert one.execute("SELECT nextval('txn_numbers')").fetchone() == (5,)
        assert one.execute("SELECT nextval('txn_numbers') + 100").fetchone() == (106,)
        one.execute("INSERT INTO txn_t VALUES (nextval('txn_numbers'), 1, 'seq')")
        assert one.execute("SELECT setval('txn_numbers', 50)").fetchone() == (50,)
        one.commit()
        assert watcher.execute("SELECT id FROM txn_t WHERE note = 'seq'").fetchone() == (7,)
        assert watcher.execute("SELECT nextval('txn_numbers')").fetchone() == (51,)


def test_deferred_keys_are_checked_at_commit(server, oracle):
    for target in (oracle, server):
        with target.connect() as watcher, target.connect(autocommit=False) as one:
            watcher.execute("DROP TABLE IF EXISTS txn_child")
            watcher.execute("DROP TABLE IF EXISTS txn_parent")
            watcher.execute("CREATE TABLE txn_parent (id int PRIMARY KEY)")
            watcher.execute("CREATE TABLE txn_child (id int REFERENCES txn_parent DEFERRABLE INITIALLY DEFERRED)")
            one.execute("INSERT INTO txn_child VALUES (1)")
            one.execute("INSERT INTO txn_parent VALUES (1)")
            one.commit()
            one.execute("INSERT INTO txn_child VALUES (2)")
            with pytest.raises(psycopg.errors.ForeignKeyViolation):
                one.commit()
            assert one.info.transaction_status.name == "IDLE"
            assert watcher.execute("SELECT id FROM txn_child").fetchall() == [(1,)]
            watcher.execute("DROP TABLE txn_child")
            watcher.execute("DROP TABLE txn_parent")


def test_psql_shows_the_state_of_the_block(server):
    with server.connect() as watcher:
        prepare(watcher)
    script = """\\set ON_ERROR_STOP off
\\set PROMPT1 '%x '
BEGIN;
INSERT INTO txn_t VALUES (4, 40, 'd') RETURNING id \\gset
\\set ON_ERROR_ROLLBACK on
INSERT INTO txn_t VALUES (1, 1, 'x');
SELECT :id, count(*) FROM txn_t;
COMMIT;
SELECT n FROM txn_t WHERE id = :id;
"""
    done = server.psql("-At", text=script, check=False)
    assert done.stdout.split("\n") == ["BEGIN", "INSERT 0 1", "4|4", "COMMIT", "40", ""], done.stderr
    assert 'duplicate key value violates unique constraint "txn_t_pkey"' in done.stderr


@pytest.mark.parametrize("protocol", ["simple", "extended", "prepared"])
def test_pgbench_keeps_the_balances(embedded, protocol):
    """TPC-B as it comes, eight clients: what was refused is tried again, and all sums agree."""
    environment = {**os.environ, **embedded.client_env()}
    subprocess.run([tool("pgbench"), "-i", "-q", "-I", "dtgp"], env=environment, check=True, capture_output=True)
    done = subprocess.run([tool("pgbench"), "-n", "-c", "8", "-j", "2", "-t", "25", "-M", protocol, "--max-tries=0", "--latency-limit=100000"], env=environment,
                          check=True, capture_output=True, text=True)
    assert "number of transactions actually processed: 200/200" in done.stdout and "ERROR" not in done.stderr, done.stdout + done.stderr
    with embedded.connect() as connection:
        sums = connection.execute("""SELECT (SELECT sum(abalance) FROM pgbench_accounts), (SELECT sum(tbalance) FROM pgbench_tellers),
            (SELECT sum(bbalance) FROM pgbench_branches), (SELECT sum(delta) FROM pgbench_history), (SELECT count(*) FROM pgbench_history)""").fetchone()
        assert sums == (sums[0],) * 4 + (200,)
        connection.execute("DROP TABLE pgbench_accounts, pgbench_tellers, pgbench_branches, pgbench_history")


def test_a_string_computes_from_what_it_wrote(server):
    """BEGIN … COMMIT in one string: a change that is computed here reads first what the string wrote before. (One that was refused left its
    read behind, which ended the server.)"""
    with server.connect() as connection:
        connection.execute("DROP TABLE IF EXISTS txn_read; CREATE TABLE txn_read (id int PRIMARY KEY, name text, data jsonb); INSERT INTO txn_read VALUES (1, 'Ann Bee', '{}'), (2, 'Cid  Dee', '{}')")
        done = connection.pgconn.exec_(b"""BEGIN; INSERT INTO txn_read VALUES (9, 'Eve', '{}') ON CONFLICT DO NOTHING;
            MERGE INTO txn_read USING (SELECT 1 AS k) s ON txn_read.id = s.k WHEN MATCHED THEN UPDATE SET data = txn_read.data || '[3]'
            WHEN NOT MATCHED THEN INSERT VALUES (s.k + 40);
            ALTER TABLE txn_read ADD COLUMN slug text; UPDATE txn_read SET slug = regexp_replace(lower(name), '[^a-z]+', '-', 'g');
            ALTER TABLE txn_read ALTER COLUMN slug SET NOT NULL; COMMIT""")
        assert done.status == psycopg.pq.ExecStatus.COMMAND_OK, done.error_message
        assert connection.execute("SELECT id, data, slug FROM txn_read ORDER BY id").fetchall() == [(1, [{}, 3], "ann-bee"), (2, {}, "cid-dee"), (9, {}, "eve")]


def test_a_string_without_begin_refuses_to(server):
    with server.connect() as connection:
        connection.execute("DROP TABLE IF EXISTS txn_read; CREATE TABLE txn_read (id int PRIMARY KEY, name text); INSERT INTO txn_read VALUES (1, 'Ann Bee')")
        done = connection.pgconn.exec_(b"UPDATE txn_read SET name = name || '!'; UPDATE txn_read SET name = regexp_replace(name, '[^a-z]+', '-', 'g')")
        assert done.error_field(psycopg.pq.DiagnosticField.SQLSTATE) == b"0A000"
        assert b"BEGIN" in done.error_field(psycopg.pq.DiagnosticField.MESSAGE_HINT)
        assert connection.execute("SELECT name FROM txn_read").fetchall() == [("Ann Bee",)]
