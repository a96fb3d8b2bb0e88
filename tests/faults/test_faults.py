"""Whatever the network between pgd1 and D1 does: no acknowledged write is lost, nothing is applied twice, and what is told as not done is not
there. load.py makes the clients and the check, network.py the faults. PGD1_LONG=1: over 2,000 faults. PGD1_SEED repeats a run."""
import os
import random
import re

import psycopg
import pytest

import load
from behind import Behind
from network import FAULTS

LONG = os.environ.get("PGD1_LONG") == "1"
SEED = os.environ.get("PGD1_SEED") or str(random.randrange(1 << 32))
CLIENTS = 4
if LONG:
    pytestmark = pytest.mark.timeout(3600)


@pytest.fixture(params=("workerd", "rest"))
def behind(request, tmp_path):
    with Behind(request.param, tmp_path) as made:
        yield made


def finish(behind, run, threads):
    for thread in threads:
        thread.join()
    behind.network.reset()
    behind.network.settle()
    told = dict(run.outcomes())
    print(f"{behind.kind}: seed {SEED}, {sum(behind.network.injected.values())} faults, {told}")
    wrong = run.check(behind.rows_of)
    assert not wrong, f"seed {SEED}: {len(wrong)} wrong:\n" + "\n".join(wrong[:20])


def test_faults_at_random(behind):
    operations = 1100 if LONG else 40
    run = load.Load(SEED)
    with behind.server.connect() as connection:
        run.create(connection, CLIENTS, CLIENTS * operations)
    behind.network.at_random(SEED, 0.25)
    finish(behind, run, run.run(behind.server.connect, operations))
    assert sum(behind.network.injected.values()) > (2000 if LONG else 30)
    unknown = run.unknown()
    assert not unknown, f"seed {SEED}: D1 could be asked, and yet it was not known:\n" + "\n".join(unknown[:20])


def test_a_fault_at_every_request(behind):
    """One client does every operation once; each fault comes at each of its requests, one at a time. Only the rows of a read may be lost:
    when its answer breaks off behind the first ones, which may be with the client already, it is not asked again."""
    chance = random.Random(SEED)
    run = load.Load(SEED)
    with behind.server.connect() as connection:
        run.create(connection, 1, 1000000 if LONG else 2000)
        client = run.clients[0]
        op, broken_reads = 0, set()
        for operation in load.OPERATIONS:
            behind.network.reset(lambda number, body: None)
            op += 1
            client.do(connection, op, operation)
            requests = behind.network.requests
            for fault in FAULTS if LONG else chance.sample(sorted(FAULTS), 2):
                for at in range(requests) if LONG else [chance.randrange(requests)] if requests else []:
                    behind.network.reset(lambda number, body: fault if number == at else None)
                    op += 1
                    if (operation, fault) == (load.read_back, "half_after"):
                        broken_reads.add(op)
                    client.do(connection, op, operation)
    finish(behind, run, [])
    failed = [f"{client.operations[op].__name__}: {said}" for op, said in client.said.items()
              if client.outcomes[op] != "committed" and not (op in broken_reads and said.startswith("08006"))]
    assert not failed, f"seed {SEED}: one bad moment of the network failed:\n" + "\n".join(failed[:20])


@pytest.mark.parametrize("first", ["cut_after", "cut_before"])
def test_what_is_never_known_can_be_looked_up(tmp_path, first):
    """D1 stays away for commit_resolution_timeout: 08007, and later the id tells."""
    with Behind("workerd", tmp_path, commit_resolution_timeout="500ms", worker_threads="1") as behind:
        with behind.server.connect() as connection:
            connection.execute("CREATE TABLE t (a int PRIMARY KEY)")
            behind.network.reset(lambda number, body: "cut_before" if number else first)
            with pytest.raises(psycopg.Error, match="it is unknown whether the transaction was committed") as raised:
                connection.execute("INSERT INTO t VALUES (1)")
            assert raised.value.sqlstate == "08007"
            behind.network.reset()
            id_ = re.search("[0-9a-f]{32}", raised.value.diag.message_detail).group()
            told = behind.rows_of(f"SELECT count(*) FROM _pgd1_txn WHERE id = '{id_}' AND result IS NOT 'fence'")
            assert told == behind.rows_of("SELECT count(*) FROM t") == [[int(first == "cut_after")]]


def test_old_ids_are_taken_away(tmp_path):
    with Behind("workerd", tmp_path, worker_threads="1") as behind:
        with behind.server.connect() as connection:
            connection.execute("CREATE TABLE t (a int)")
            old, fresh = "'00000001' || hex(randomblob(12))", "'f0000001' || hex(randomblob(12))"
            behind.rows_of(f"INSERT INTO _pgd1_txn(id, at) VALUES ({old}, 1), ({old}, unixepoch()), ({fresh}, 1)")
            before = behind.rows_of("SELECT count(*) FROM _pgd1_txn")[0][0]
            for n in range(256):
                connection.execute("INSERT INTO t VALUES (%s)", (n,))
            # the old one by both clocks is gone; a proxy whose clock is wrong loses no id too early
            assert behind.rows_of("SELECT count(*) FROM _pgd1_txn") == [[before + 256 - 1]]
            assert behind.rows_of("SELECT count(*) FROM _pgd1_txn WHERE id LIKE '00000001%'") == [[1]]
