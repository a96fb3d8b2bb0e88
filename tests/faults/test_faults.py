"""Whatever the network between pgd1 and D1 does: no acknowledged write is lost, nothing is applied twice, and what is told as not done is not
there. load.py makes the clients and the check, network.py the faults. PGD1_LONG=1: over 2,000 faults. PGD1_SEED repeats a run."""
import os
import random

import pytest

import load
from network import FAULTS, Network
from pgd1 import Pgd1, Workerd

LONG = os.environ.get("PGD1_LONG") == "1"
SEED = os.environ.get("PGD1_SEED") or str(random.randrange(1 << 32))
CLIENTS = 4


class Behind:
    """pgd1 behind a bad network to a D1 of its own."""

    def __init__(self, kind, folder, **settings):
        self.kind, self.d1 = kind, Workerd(folder)
        fields, key = self.d1.info[{"workerd": "gateway"}.get(kind, kind)], "url" if kind == "workerd" else "base_url"
        self.direct = dict(self.d1.info["gateway"])
        self.network = Network(fields[key])
        self.network.__enter__()
        fields[key] = self.network.url
        self.server = Pgd1(kind, workerd=self.d1, settings={"commit_resolution_timeout": "60s", **settings})
        self.server.__enter__()

    def stop(self):
        self.network.reset()
        try:
            self.server.stop()
        finally:
            self.network.__exit__()
            self.d1.stop()

    def rows_of(self, sql):
        """What is in the database, asked past the network and pgd1."""
        import http.client
        import json
        import urllib.parse
        parts = urllib.parse.urlsplit(self.direct["url"])
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
        body = {"db": self.direct["binding"], "statements": [{"sql": sql}]}
        connection.request("POST", "/v1/batch", json.dumps(body), {"authorization": "Bearer " + self.direct["token"]})
        answer = json.load(connection.getresponse())
        connection.close()
        return answer["results"][0]["rows"]


@pytest.fixture(params=("workerd", "rest"))
def behind(request, tmp_path):
    made = Behind(request.param, tmp_path)
    yield made
    made.stop()


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
