"""Whatever a client sends is answered: every SQL command of PostgreSQL 15, in every way the protocol has, is carried out or refused with
an SQLSTATE and a text, within seconds, and the connection goes on. Uses libpq without blocking, so that a missing answer is seen."""
import select
import time

import pytest
from psycopg import pq

SECONDS = 20  # far above any answer, far below a client's patience
TABLES = "CREATE TABLE never_t (id int PRIMARY KEY, a text, n numeric(10,2)); INSERT INTO never_t VALUES (1, 'x', 1.5)"

# One of each command (PostgreSQL's manual, part VI), and what clients and tools are known to send. What changes the session or the table for
# good is undone behind it or harmless. Whether one works is not said here: other tests do.
COMMANDS = """\
ALTER AGGREGATE never_a(int) RENAME TO never_b
ALTER DATABASE app SET work_mem = '1MB'
ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC
ALTER DOMAIN never_d DROP DEFAULT
ALTER EXTENSION plpgsql UPDATE
ALTER FUNCTION never_f() RENAME TO never_g
ALTER INDEX never_i RENAME TO never_j
ALTER LARGE OBJECT 1 OWNER TO postgres
ALTER MATERIALIZED VIEW never_m RENAME TO never_n
ALTER POLICY never_p ON never_t RENAME TO never_q
ALTER PUBLICATION never_p ADD TABLE never_t
ALTER ROLE postgres SET work_mem = '1MB'
ALTER RULE never_r ON never_t RENAME TO never_s
ALTER SCHEMA never_s RENAME TO never_u
ALTER SEQUENCE never_s RESTART
ALTER STATISTICS never_s SET STATISTICS 10
ALTER SYSTEM SET work_mem = '1MB'
ALTER TABLE never_t ADD COLUMN never_c tsvector GENERATED ALWAYS AS (to_tsvector('english', a)) STORED
ALTER TABLE never_t ALTER COLUMN a TYPE box USING a::box
ALTER TABLE never_t CLUSTER ON never_i
ALTER TABLE never_t ENABLE ROW LEVEL SECURITY
ALTER TABLE never_t OWNER TO nobody
ALTER TABLE never_t SET UNLOGGED
ALTER TRIGGER never_g ON never_t RENAME TO never_h
ALTER TYPE never_e ADD VALUE 'x'
ALTER USER MAPPING FOR postgres SERVER never_s OPTIONS (a 'b')
ALTER VIEW never_v RENAME TO never_w
ANALYZE never_t
CALL never_p()
CHECKPOINT
CLOSE never_c
CLUSTER never_t
COMMENT ON TABLE never_t IS NULL
COMMIT PREPARED 'never'
COPY never_t FROM '/etc/passwd'
COPY never_t FROM PROGRAM 'true'
COPY never_t TO '/tmp/never'
COPY never_t TO STDOUT
COPY (SELECT id, a FROM never_t) TO STDOUT (FORMAT csv, HEADER)
COPY (SELECT 1/0) TO STDOUT
COPY never_t TO STDOUT (FORMAT nonsense)
COPY never_nothing TO STDOUT
CREATE ACCESS METHOD never_a TYPE TABLE HANDLER heap_tableam_handler
CREATE AGGREGATE never_a(int) (SFUNC = int4pl, STYPE = int)
CREATE CAST (int AS box) WITH INOUT
CREATE COLLATION never_c FROM "C"
CREATE CONVERSION never_c FOR 'UTF8' TO 'LATIN1' FROM utf8_to_iso8859_1
CREATE DATABASE never_d
CREATE EVENT TRIGGER never_e ON ddl_command_start EXECUTE FUNCTION never_f()
CREATE EXTENSION hstore
CREATE FOREIGN TABLE never_f (id int) SERVER never_s
CREATE FUNCTION never_f() RETURNS int LANGUAGE sql AS 'SELECT 1'
CREATE INDEX ON never_t USING gin (to_tsvector('english', a))
CREATE LANGUAGE plpython3u
CREATE MATERIALIZED VIEW never_m AS SELECT 1
CREATE OPERATOR === (LEFTARG = int, RIGHTARG = int, FUNCTION = int4eq)
CREATE OPERATOR CLASS never_o FOR TYPE int USING btree AS OPERATOR 1 <
CREATE POLICY never_p ON never_t
CREATE PROCEDURE never_p() LANGUAGE sql AS 'SELECT 1'
CREATE PUBLICATION never_p FOR ALL TABLES
CREATE ROLE never_r
CREATE RULE never_r AS ON INSERT TO never_t DO NOTHING
CREATE SERVER never_s FOREIGN DATA WRAPPER never_w
CREATE STATISTICS never_s ON id, a FROM never_t
CREATE SUBSCRIPTION never_s CONNECTION 'host=nowhere' PUBLICATION p
CREATE TABLE never_p (id int) PARTITION BY RANGE (id)
CREATE TABLE never_x (r int4range)
CREATE TABLESPACE never_t LOCATION '/tmp'
CREATE TEMP TABLE never_x (id int)
CREATE TEXT SEARCH CONFIGURATION never_c (COPY = english)
CREATE TRANSFORM FOR int LANGUAGE sql (FROM SQL WITH FUNCTION never_f(internal))
CREATE TRIGGER never_g AFTER INSERT ON never_t FOR EACH ROW EXECUTE FUNCTION never_f()
CREATE TYPE never_y AS (a int, b text)
CREATE TYPE never_y AS RANGE (SUBTYPE = int4)
CREATE UNIQUE INDEX CONCURRENTLY ON never_t (a) WHERE a > ''
CREATE USER MAPPING FOR postgres SERVER never_s
DEALLOCATE never_p
DECLARE never_c CURSOR FOR SELECT 1
DECLARE never_c CURSOR WITH HOLD FOR SELECT * FROM never_t
DELETE FROM never_t WHERE a = to_char(now(), 'Day') RETURNING *
DISCARD TEMP
DO 'BEGIN NULL; END'
DROP DATABASE never_d
DROP EXTENSION plpgsql
DROP FUNCTION never_f()
DROP OWNED BY postgres
DROP TABLE never_nothing
EXECUTE never_p
EXPLAIN (ANALYZE, BUFFERS, FORMAT xml) SELECT * FROM never_t
EXPLAIN SELECT * FROM never_t JOIN never_t b USING (id)
FETCH ALL FROM never_c
GRANT SELECT ON never_t TO PUBLIC
IMPORT FOREIGN SCHEMA s FROM SERVER never_s INTO public
INSERT INTO never_t SELECT g, 'x', 0 FROM generate_series(2, 4) g WHERE g < 0
INSERT INTO never_t VALUES (1)
INSERT INTO never_t VALUES (2, 'x', 'x')
LISTEN never_c
LOAD 'never'
LOCK TABLE never_t IN EXCLUSIVE MODE
MERGE INTO never_t USING (VALUES (9)) v(i) ON id = i WHEN MATCHED THEN DELETE
MOVE 1 FROM never_c
NOTIFY never_c, 'x'
PREPARE TRANSACTION 'never'
REASSIGN OWNED BY postgres TO postgres
REFRESH MATERIALIZED VIEW never_m
REINDEX TABLE never_t
RELEASE SAVEPOINT never_s
RESET work_mem
REVOKE ALL ON never_t FROM PUBLIC
ROLLBACK TO SAVEPOINT never_s
SAVEPOINT never_s
SECURITY LABEL ON TABLE never_t IS NULL
SELEC 1
SELECT * FROM json_table('[]', '$' COLUMNS (a int))
SELECT * FROM never_nothing
SELECT * FROM never_t FOR UPDATE
SELECT * FROM never_t TABLESAMPLE SYSTEM (50)
SELECT * FROM never_t, LATERAL (SELECT id + 1) x
SELECT * FROM pg_largeobject
SELECT * FROM xmltable('/a' PASSING '<a/>' COLUMNS b int)
SELECT 1 / (id - id) FROM never_t
SELECT 1/0
SELECT '(1,2)'::point <-> '(3,4)'::point
SELECT 'a' @@ 'b'
SELECT 'x'::int
SELECT 'x'::regclass
SELECT ROW(1, 'x')
SELECT array_agg(ROW(id, a)) FROM never_t
SELECT int4range(1, 3)
SELECT lo_create(0)
SELECT never_f(1)
SELECT pg_advisory_xact_lock(1)
SELECT pg_export_snapshot()
SELECT pg_logical_emit_message(true, 'a', 'b')
SELECT pg_sleep(0.01)
SELECT query_to_xml('SELECT 1', true, false, '')
SELECT regexp_replace(a, '(', '') FROM never_t
SELECT set_config('never.c', '1', false)
SELECT sum(n) OVER (ORDER BY id RANGE BETWEEN 1 PRECEDING AND CURRENT ROW EXCLUDE TIES) FROM never_t
SELECT txid_current()
SET CONSTRAINTS ALL DEFERRED
SET LOCAL never.c = 1
SET ROLE nobody
SET SESSION AUTHORIZATION nobody
SET TRANSACTION ISOLATION LEVEL SERIALIZABLE
SET TRANSACTION SNAPSHOT '00000003-1B'
SET never = 1
SHOW never
START_REPLICATION SLOT s LOGICAL 0/0
TRUNCATE never_nothing
UNLISTEN never_c
UPDATE never_t SET a = to_char(n, 'FM999') WHERE id = 99 RETURNING a
VACUUM FULL never_t
VALUES (1), ('x')
WITH x AS (DELETE FROM never_t WHERE id = 99 RETURNING *) SELECT count(*) FROM x
WITH RECURSIVE x(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM x WHERE i < 5) SEARCH DEPTH FIRST BY i SET o SELECT * FROM x""".splitlines()


class Silence(AssertionError):
    """No answer in time."""


class Wire:
    """A connection whose answers are waited for with a limit."""

    def __init__(self, server):
        env = server.client_env()
        text = f"host={env['PGHOST']} port={env['PGPORT']} user={env['PGUSER']} password={env['PGPASSWORD']} dbname={env['PGDATABASE']}"
        self.pg = pq.PGconn.connect(text.encode())
        assert self.pg.status == pq.ConnStatus.OK, self.pg.error_message
        self.pg.nonblocking = 1

    def wait(self, until):
        self.pg.flush()
        ready, _, _ = select.select([self.pg.socket], [], [], max(0, until - time.monotonic()))
        if not ready:
            raise Silence(f"no answer within {SECONDS} s")
        self.pg.consume_input()

    def result(self, until):
        while self.pg.is_busy():
            self.wait(until)
        return self.pg.get_result()

    def drain_copy(self, until):
        while (n_data := self.pg.get_copy_data(1))[0] != -1:
            if n_data[0] == 0:
                self.wait(until)

    def one(self):
        """What the statement under way gives: [(status, sqlstate or None)]."""
        until, got = time.monotonic() + SECONDS, []
        while result := self.result(until):
            state = result.error_field(pq.DiagnosticField.SQLSTATE)
            got.append((result.status, state.decode() if state else None))
            if result.status == pq.ExecStatus.COPY_OUT:
                self.drain_copy(until)
            if result.status == pq.ExecStatus.COPY_IN:
                self.pg.put_copy_end(b"not wanted")
            if result.status == pq.ExecStatus.FATAL_ERROR:
                assert state, "an error without SQLSTATE: " + result.error_message.decode()
                assert not state.startswith(b"XX"), result.error_message.decode()
                assert result.error_message.strip(), "an error without a text"
            if result.status in (pq.ExecStatus.PIPELINE_SYNC,):
                break
        return got

    def simple(self, text):
        self.pg.send_query(text.encode())
        return self.one()

    def extended(self, text):
        self.pg.send_query_params(text.encode(), None)
        return self.one()

    def pipeline(self, *texts, flush):
        """Each statement's results, in a pipeline with one Sync at its end; flush: with Flush behind each."""
        self.pg.enter_pipeline_mode()
        for text in texts:
            self.pg.send_query_params(text.encode(), None)
            if flush:
                self.pg.send_flush_request()
        self.pg.pipeline_sync()
        got = [self.one() for _ in texts]
        assert self.one() == [(pq.ExecStatus.PIPELINE_SYNC, None)]
        self.pg.exit_pipeline_mode()
        return got

    def must_work(self):
        """The connection is idle and answers, whatever was before."""
        if self.pg.transaction_status != pq.TransactionStatus.IDLE:
            self.simple("ROLLBACK")
        assert self.pg.transaction_status == pq.TransactionStatus.IDLE
        assert self.extended("SELECT 42") == [(pq.ExecStatus.TUPLES_OK, None)]


@pytest.fixture
def wire(server):
    w = Wire(server)
    w.simple("DROP TABLE IF EXISTS never_t")
    assert w.simple(TABLES)[-1] == (pq.ExecStatus.COMMAND_OK, None)
    yield w
    w.pg.finish()
    cleaner = Wire(server)
    cleaner.simple("DROP TABLE IF EXISTS never_t, never_x, never_y, never_p")
    cleaner.pg.finish()


def ways(w, command):
    """One command in every way; the name of the way goes with what happens."""
    yield "simple", lambda: w.simple(command)
    yield "extended", lambda: w.extended(command)
    yield "among others in a string", lambda: w.simple(f"SELECT 1; {command}; SELECT 2")
    if not command.startswith("COPY"):  # libpq has no COPY in pipelines
        yield "pipeline", lambda: w.pipeline("SELECT 1", command, "SELECT * FROM never_t", flush=False)
        yield "pipeline with Flush", lambda: w.pipeline("SELECT * FROM never_t", command, "SELECT 2", flush=True)
    yield "in a block", lambda: [w.simple("BEGIN"), w.extended(command), w.simple("SELECT 1")]
    yield "in a block that failed", lambda: [w.simple("BEGIN"), w.simple("SELECT 1/0"), w.simple(command)]


def silent(w, command):
    """What was not as it should be, as texts."""
    for way, run in ways(w, command):
        try:
            run()
            w.must_work()
        except AssertionError as problem:
            yield f"{command} ({way}): {problem}"
            if isinstance(problem, Silence) or w.pg.status != pq.ConnStatus.OK:
                return


@pytest.mark.timeout(300)
def test_every_command_is_answered_and_the_connection_goes_on(server, wire):
    problems, w = [], wire
    for command in COMMANDS:
        found = list(silent(w, command))
        problems += found
        if found:
            w = Wire(server)
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("copy, data", [
    ("COPY never_t FROM STDIN", b"2\tx\tno number\n"),
    ("COPY never_t FROM STDIN", b"too\tmany\tcolumns\there\n"),
    ("COPY never_t (id, nothing) FROM STDIN", b"2\tx\n"),
    ("COPY never_nothing FROM STDIN", b"2\n"),
    ("COPY never_t FROM STDIN (FORMAT binary)", b"not binary at all"),
    ("COPY never_t FROM STDIN (FORMAT csv)", b'2,"never closed'),
    ("COPY never_t FROM STDIN", b"1\tdouble\t0\n"),
])
def test_copy_in_that_fails_ends_and_the_connection_goes_on(wire, copy, data):
    """Whether the error comes before the data, in them or at their end."""
    for prefix in ([], ["BEGIN"]):
        for statement in prefix:
            wire.simple(statement)
        wire.pg.send_query(copy.encode())
        until = time.monotonic() + SECONDS
        first = wire.result(until)
        if first.status == pq.ExecStatus.COPY_IN:
            for _ in range(200):
                wire.pg.put_copy_data(data)
                wire.pg.flush()
            wire.pg.put_copy_end()
            first = wire.result(until)
        assert first.status == pq.ExecStatus.FATAL_ERROR and not first.error_field(pq.DiagnosticField.SQLSTATE).startswith(b"XX")
        assert wire.result(until) is None
        wire.must_work()
        assert wire.simple("SELECT count(*) FROM never_t WHERE id > 1") == [(pq.ExecStatus.TUPLES_OK, None)]


@pytest.mark.parametrize("waiting", ["SELECT pg_sleep(60)", "SELECT pg_advisory_lock(4711)", "SELECT g, pg_sleep(30) FROM generate_series(1, 3) g",
                                     "EXECUTE never_sleep", "COPY (SELECT pg_sleep(60)) TO STDOUT"])
def test_what_waits_ends_by_cancel_and_by_time_out(server, wire, waiting):
    other = Wire(server)
    other.simple("SELECT pg_advisory_lock(4711)")
    wire.simple("PREPARE never_sleep AS SELECT pg_sleep(60)")
    for run in (wire.pg.send_query, lambda text: wire.pg.send_query_params(text, None)):
        run(waiting.encode())
        wire.pg.flush()
        assert not select.select([wire.pg.socket], [], [], 0.1)[0]
        wire.pg.get_cancel().cancel()
        assert wire.one()[-1] == (pq.ExecStatus.FATAL_ERROR, "57014")
        wire.must_work()
        wire.simple("SET statement_timeout = 150")
        run(waiting.encode())
        assert wire.one()[-1] == (pq.ExecStatus.FATAL_ERROR, "57014")
        wire.simple("RESET statement_timeout")
        wire.must_work()
    other.pg.finish()
