"""What drivers ask about the row they wrote: currval() and lastval(), xmax; prepared, in pipelines, with other sessions, on each
transport."""
import psycopg
import pytest
from pgd1 import Pgd1

TRANSPORTS = ("embedded", "workerd", "rest")


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_last_insert_id(transport):
    with Pgd1(transport) as server, server.connect() as one, server.connect() as two:
        one.execute("CREATE TABLE t (id serial PRIMARY KEY, v text)")
        for connection in one, two:
            with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState):
                connection.execute("SELECT lastval()")
        for v in "abc":
            for connection in one, two:
                connection.execute("INSERT INTO t (v) VALUES (%s)", (v,), prepare=True)
        for connection, expected in (one, 5), (two, 6):
            for _ in range(2):
                row = connection.execute("SELECT lastval(), currval('t_id_seq')", prepare=True).fetchone()
                assert row == (expected, expected)
        with one.transaction():
            one.execute("INSERT INTO t (v) VALUES (%s)", ("d",), prepare=True)
            mine = one.execute("SELECT id FROM t WHERE v = 'd'").fetchone()[0]
            assert one.execute("SELECT lastval()").fetchone() == (mine,)
        assert one.execute("SELECT v, id = lastval() FROM t WHERE id = currval('t_id_seq')").fetchone() == ("d", True)
        assert two.execute("SELECT lastval()").fetchone() == (6,)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_another_session_inserts_meanwhile(transport):
    """What the block was shown holds, or COMMIT fails."""
    with Pgd1(transport) as server, server.connect() as one, server.connect() as two:
        one.execute("CREATE TABLE t (id serial PRIMARY KEY, v text)")
        one.execute("CREATE TABLE child (t int REFERENCES t, v text)")
        one.execute("BEGIN")
        one.execute("INSERT INTO t (v) VALUES ('mine')")
        one.execute("INSERT INTO child VALUES (currval('t_id_seq'), 'blind')")
        two.execute("INSERT INTO t (v) VALUES ('theirs')")
        one.execute("COMMIT")
        assert one.execute("SELECT t.v FROM child JOIN t ON t.id = child.t").fetchall() == [("mine",)]
        one.execute("BEGIN")
        one.execute("INSERT INTO t (v) VALUES ('shown')")
        shown = one.execute("SELECT lastval()").fetchone()[0]
        two.execute("INSERT INTO t (v) VALUES ('theirs again')")
        try:
            one.execute("COMMIT")
        except psycopg.errors.SerializationFailure:
            return
        assert one.execute("SELECT v FROM t WHERE id = %s", (shown,)).fetchone() == ("shown",)


def test_pipeline():
    with Pgd1("embedded") as server, server.connect() as connection:
        connection.execute("CREATE TABLE t (id serial PRIMARY KEY, v text)")
        with connection.pipeline(), connection.cursor() as insert, connection.cursor() as ask:
            insert.execute("INSERT INTO t (v) VALUES ('a')")
            ask.execute("SELECT currval('t_id_seq')")
            assert ask.fetchone() == (1,)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_upsert_tells_whether_it_inserted(transport):
    upsert = "INSERT INTO u (k, n) VALUES (%s, 1) ON CONFLICT (k) DO UPDATE SET n = u.n + 1 RETURNING n, (xmax = 0)"
    with Pgd1(transport) as server, server.connect() as one:
        one.execute("CREATE TABLE u (k text PRIMARY KEY, n int)")
        assert [one.execute(upsert, ("a",), prepare=True).fetchone() for _ in range(3)] == [(1, True), (2, False), (3, False)]
        one.execute("BEGIN")
        assert [one.execute(upsert, ("b",)).fetchone() for _ in range(2)] == [(1, True), (2, False)]
        one.execute("COMMIT")
        assert one.execute("SELECT n FROM u ORDER BY k").fetchall() == [(3,), (2,)]


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_ids_that_blocks_were_shown(transport):
    """COMMIT sends the id that was shown, whatever other sessions have taken meanwhile: currval() is that one."""
    with Pgd1(transport) as server, server.connect() as one, server.connect() as two:
        one.execute("CREATE TABLE t (id serial PRIMARY KEY, v text)")
        one.execute("BEGIN")
        mine = one.execute("INSERT INTO t (v) VALUES ('one') RETURNING id").fetchone()
        two.execute("BEGIN")
        theirs = two.execute("INSERT INTO t (v) VALUES ('two') RETURNING id").fetchone()
        two.execute("COMMIT")
        one.execute("COMMIT")
        for connection, expected in (one, mine), (two, theirs):
            assert connection.execute("SELECT currval('t_id_seq')").fetchone() == expected
        one.execute("BEGIN")
        one.execute("INSERT INTO t (v) VALUES ('undone') RETURNING id")
        one.execute("ROLLBACK")
        with pytest.raises(psycopg.errors.FeatureNotSupported):
            one.execute("SELECT currval('t_id_seq')")


@pytest.mark.parametrize("transport", ("embedded", "workerd"))
def test_copy(transport):
    with Pgd1(transport) as server, server.connect() as one:
        one.execute("CREATE TABLE t (id serial PRIMARY KEY, v text)")
        with one.cursor() as cursor, cursor.copy("COPY t (v) FROM STDIN") as copy:
            copy.write("a\nb\n")
        assert one.execute("SELECT currval('t_id_seq'), lastval()").fetchone() == (2, 2)
        with one.cursor() as cursor, cursor.copy("COPY t FROM STDIN") as copy:
            copy.write("7\tc\n")
        assert one.execute("SELECT currval('t_id_seq'), lastval()").fetchone() == (2, 2)
