"""SELECT … FOR UPDATE SKIP LOCKED: rows that another transaction has locked are left out, so that the workers of a job queue pass each
other by. Every script is run on PostgreSQL too."""
import threading

import psycopg
import pytest

SCHEMA = """
DROP TABLE IF EXISTS jobs, job_pairs;
CREATE TABLE jobs (id int PRIMARY KEY, state text NOT NULL DEFAULT 'new', n int NOT NULL DEFAULT 0);
CREATE TABLE job_pairs (queue text, number bigint, done boolean NOT NULL DEFAULT false, PRIMARY KEY (queue, number));
INSERT INTO jobs (id) SELECT i FROM generate_series(1, 6) i;
INSERT INTO job_pairs VALUES ('it''s "a"', 1), ('b', 9007199254740993)
"""


NEXT = "SELECT id FROM jobs WHERE state = 'new' ORDER BY id FOR UPDATE SKIP LOCKED LIMIT 1"
ONE = (1,), (2,), (3,)
CLAIMS = {
    "select": (NEXT, ONE),
    "delete": (f"DELETE FROM jobs WHERE id = ({NEXT}) RETURNING id", ONE),
    "update": (f"UPDATE jobs SET state = 'run', n = n + 1 WHERE id = ({NEXT}) RETURNING id", ONE),
    "with": (f"WITH next AS ({NEXT}) UPDATE jobs SET state = 'run' FROM next WHERE jobs.id = next.id RETURNING jobs.id", ONE),
    "no key update": (NEXT.replace("FOR UPDATE", "FOR NO KEY UPDATE"), ONE),
    "two at once": (f"DELETE FROM jobs WHERE id IN ({NEXT.replace('LIMIT 1', 'LIMIT 2')}) RETURNING id", ((1, 2), (3, 4), (5, 6))),
    "all": ("SELECT id FROM jobs WHERE id < 7 ORDER BY id FOR UPDATE SKIP LOCKED", ((1, 2, 3, 4, 5, 6), (), ())),
    "key of two columns": ("SELECT number FROM job_pairs WHERE NOT done ORDER BY number LIMIT 1 FOR UPDATE SKIP LOCKED",
                           ((1,), (9007199254740993,), ())),
}


def ids(connection, sql, *arguments):
    return tuple(sorted(row[0] for row in connection.execute(sql, *arguments).fetchall()))


@pytest.mark.parametrize("name", CLAIMS)
def test_three_blocks_get_three_jobs(target, name):
    sql, expected = CLAIMS[name]
    with target.connect(autocommit=False) as one, target.connect(autocommit=False) as two, target.connect(autocommit=False) as three:
        assert (ids(one, sql), ids(two, sql), ids(three, sql)) == expected
        for connection in (two, one, three):
            connection.commit()


@pytest.mark.parametrize("name", CLAIMS)
def test_rollback_gives_the_job_back(target, name):
    sql, expected = CLAIMS[name]
    with target.connect(autocommit=False) as one, target.connect() as two:
        assert ids(one, sql) == expected[0]
        one.rollback()
        assert ids(two, sql) == expected[0]


@pytest.mark.parametrize("name", CLAIMS)
def test_autocommit_passes_a_block_by(target, name):
    sql, expected = CLAIMS[name]
    with target.connect(autocommit=False) as one, target.connect() as two:
        assert ids(one, sql) == expected[0]
        assert ids(two, sql) == expected[1]
        one.commit()


@pytest.mark.parametrize("lock", ["UPDATE jobs SET n = 1 WHERE id = 1", "DELETE FROM jobs WHERE id = 1", "SELECT 1 FROM jobs WHERE id = 1 FOR UPDATE",
                                  "SELECT 1 FROM jobs WHERE id = 1 FOR SHARE"])
def test_rows_locked_by_key_are_passed_by(target, lock):
    with target.connect(autocommit=False) as one, target.connect(autocommit=False) as two:
        one.execute(lock)
        assert ids(two, NEXT) == (2,)
        assert ids(two, NEXT.replace("FOR UPDATE", "FOR SHARE")) == ((1,) if "SHARE" in lock else (2,))
        assert ids(one, NEXT) == ((3,) if "DELETE" in lock or "SHARE" in lock else (1,))
        two.rollback()
        one.commit()


def test_parameters_prepared_and_again_in_one_block(target):
    sql = "SELECT id FROM jobs WHERE state = %s AND id > %s ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED"
    with target.connect(autocommit=False) as one, target.connect(autocommit=False) as two:
        for round in range(3):
            mine = one.execute(sql, ("new", 0, 1), prepare=True).fetchone()[0]
            other = two.execute(sql, ("new", 1, 1), prepare=True).fetchone()[0]
            assert mine != other
            assert one.execute("UPDATE jobs SET state = 'done' WHERE id = %s", (mine,)).rowcount == 1
            assert two.execute("UPDATE jobs SET state = 'done' WHERE id = %s", (other,)).rowcount == 1
        one.commit()
        two.commit()
        assert ids(one, "SELECT id FROM jobs WHERE state = 'done'") == (1, 2, 3, 4, 5, 6)
        one.rollback()


def test_new_jobs_are_no_conflict(target):
    with target.connect(autocommit=False) as one, target.connect() as two:
        assert ids(one, NEXT) == (1,)
        two.execute("INSERT INTO jobs (id) VALUES (-1), (0)")
        one.execute("UPDATE jobs SET state = 'done' WHERE id = 1")
        assert ids(one, NEXT) == (-1,)
        two.execute("INSERT INTO jobs (id) VALUES (-2)")
        one.execute("UPDATE jobs SET state = 'done' WHERE id = -1")
        one.commit()
        assert ids(two, "SELECT id FROM jobs WHERE state = 'done'") == (-1, 1)


def in_block(connection):
    with connection.transaction():
        row = connection.execute(NEXT).fetchone()
        if row:
            assert connection.execute("UPDATE jobs SET state = 'done', n = n + 1 WHERE id = %s", row).rowcount == 1
    return [row[0]] if row else []


def with_delete(connection):
    return list(ids(connection, CLAIMS["two at once"][0]))


def with_delete_in_block(connection):
    with connection.transaction():
        return list(ids(connection, CLAIMS["two at once"][0]))


@pytest.mark.parametrize("claims", [[in_block], [with_delete], [with_delete_in_block], [in_block, with_delete, with_delete_in_block]],
                         ids=["blocks", "autocommit", "delete in blocks", "mixed"])
def test_eight_workers_drain_a_queue(target, claims):
    jobs = 300
    with target.connect() as connection:
        connection.execute("DELETE FROM jobs")
        connection.execute("INSERT INTO jobs (id) SELECT i FROM generate_series(1, %s) i", (jobs,))
    got, refused = [], []

    def work(claim):
        with target.connect() as connection:
            while True:
                try:
                    claimed = claim(connection)
                except psycopg.errors.SerializationFailure as error:
                    refused.append(error)
                    continue
                if not claimed:
                    return
                got.extend(claimed)

    workers = [threading.Thread(target=work, args=(claims[i % len(claims)],)) for i in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(got) == list(range(1, jobs + 1))
    assert not refused
    with target.connect() as connection:
        assert connection.execute("SELECT count(*) FROM jobs WHERE state = 'new' OR n > 1").fetchone() == (0,)


def test_an_error_gives_the_turn_back(target):
    with target.connect() as one, target.connect() as two:
        one.execute("BEGIN")
        with pytest.raises(psycopg.errors.DivisionByZero):
            one.execute("SELECT id FROM jobs WHERE 1 / (id - 1) > 0 ORDER BY id FOR UPDATE SKIP LOCKED LIMIT 1")
        two.execute("BEGIN")
        two.execute("SET lock_timeout = '5s'")
        assert ids(two, NEXT) == (1,)
        two.execute("ROLLBACK")
        one.execute("ROLLBACK")
