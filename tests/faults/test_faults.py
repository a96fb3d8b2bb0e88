"""Whatever the network between pgd1 and D1 does: no acknowledged write is lost, nothing is applied twice, and what is told as not done is not
there. load.py makes the clients and the check, network.py the faults. PGD1_LONG=1: over 2,000 faults. PGD1_SEED repeats a run."""
import os
import random

import pytest

import load
from behind import Behind
from network import FAULTS

LONG = os.environ.get("PGD1_LONG") == "1"
SEED = os.environ.get("PGD1_SEED") or str(random.randrange(1 << 32))
CLIENTS = 4


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
    operations = 900 if LONG else 40
    run = load.Load(SEED)
    with behind.server.connect() as connection:
        run.create(connection, CLIENTS, CLIENTS * operations)
    behind.network.at_random(SEED, 0.25)
    finish(behind, run, run.run(behind.server.connect, operations))
    assert sum(behind.network.injected.values()) > (2000 if LONG else 30)
    unknown = run.unknown()
    assert not unknown, f"seed {SEED}: D1 could be asked, and yet it was not known:\n" + "\n".join(unknown[:20])


def test_a_fault_at_every_request(behind):
    """One client does every operation once; each fault comes at each of its requests, one at a time."""
    chance = random.Random(SEED)
    run = load.Load(SEED)
    with behind.server.connect() as connection:
        run.create(connection, 1, 1000000 if LONG else 2000)
        client = run.clients[0]
        op = 0
        for operation in load.OPERATIONS:
            behind.network.reset(lambda number, body: None)
            op += 1
            client.do(connection, op, operation)
            requests = behind.network.requests
            for fault in FAULTS if LONG else chance.sample(sorted(FAULTS), 2):
                for at in range(requests) if LONG else [chance.randrange(requests)] if requests else []:
                    behind.network.reset(lambda number, body: fault if number == at else None)
                    op += 1
                    client.do(connection, op, operation)
    finish(behind, run, [])
    failed = [f"{client.operations[op].__name__}: {said}" for op, said in client.said.items() if client.outcomes[op] != "committed"]
    assert not failed, f"seed {SEED}: one bad moment of the network failed:\n" + "\n".join(failed[:20])
