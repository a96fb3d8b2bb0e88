"""Many clients, random transactions: nothing that the isolation level forbids is seen, on pgd1 as on PostgreSQL. PGD1_LONG=1: 10,000 of them;
PGD1_TRANSACTIONS: so many. PGD1_SEED repeats a run."""
import os
import random

import pytest

import anomalies
from pgd1 import Pgd1

LONG = os.environ.get("PGD1_LONG") == "1"
TOTAL = int(os.environ.get("PGD1_TRANSACTIONS") or (10000 if LONG else 120))
CLIENTS = 6
SEED = os.environ.get("PGD1_SEED") or str(random.randrange(1 << 32))


class Impatient:
    """PostgreSQL looks for deadlocks after a second, which most of these transactions would wait out."""

    def __init__(self, server):
        self.server = server

    def connect(self):
        connection = self.server.connect()
        connection.execute("SET deadlock_timeout = '10ms'")
        return connection


@pytest.fixture(scope="module", params=("postgresql", "embedded", "workerd"))
def target(request):
    """PostgreSQL 15, and pgd1 on D1's engine here and in workerd."""
    if request.param == "postgresql":
        yield Impatient(request.getfixturevalue("oracle"))
        return
    with Pgd1(request.param) as running:
        yield running


def report(what, outcome):
    wrong, done, retries = outcome
    print(f"{what}: seed {SEED}, {done} done, {retries} to be tried again")
    assert not wrong, f"seed {SEED}: " + "; ".join(wrong[:5])
    assert done > 0


@pytest.mark.parametrize("level", ["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"])
def test_histories(target, level):
    report(f"histories, {level}", anomalies.histories(target.connect, level, SEED, CLIENTS, TOTAL))


@pytest.mark.parametrize("level, lock", [("READ COMMITTED", " FOR UPDATE"), ("REPEATABLE READ", ""), ("SERIALIZABLE", "")])
def test_transfers(target, level, lock):
    report(f"transfers, {level}{lock}", anomalies.transfers(target.connect, level, lock, SEED, CLIENTS, TOTAL))


def test_numbers_drawn_by_update(target):
    report("tickets", anomalies.tickets(target.connect, SEED, CLIENTS, TOTAL))


def history(number, reads=(), writes=(), committed=True):
    done = anomalies.Transaction(number)
    done.reads, done.writes, done.committed = list(reads), list(writes), committed
    return done


WRITE_SKEW = [history(1, [(1, [], 0)], [0]), history(2, [(0, [], 0)], [1])]
LOST_UPDATE = [history(1, [(0, [], 0)], [0]), history(2, [(0, [], 0)], [0])]
PHANTOM = [history(1, [("class 0", [], 0), ("class 0", [2], 0)]), history(2, writes=["class 0"])]


@pytest.mark.parametrize("what, results, final, forbidden", [
    ("G2", WRITE_SKEW, {0: [1], 1: [2]}, ("SERIALIZABLE",)),
    ("G-single", LOST_UPDATE, {0: [1, 2]}, ("REPEATABLE READ",)),
    ("G2", LOST_UPDATE, {0: [1, 2]}, ("SERIALIZABLE",)),
    ("moved", PHANTOM, {"class 0": [2]}, ("REPEATABLE READ", "SERIALIZABLE")),
    ("G-single", [history(1, [("class 0", [], 0), (0, [2], 0)]), history(2, writes=["class 0", 0])], {
    "class 0" : [2], 0 : [2]}, ("REPEATABLE READ",)),
    ("G1c", [history(1, [(1, [2], 0)], [0]), history(2, [(0, [1], 0)], [1])], {
    0 : [1], 1 : [2]}, ("READ COMMITTED", "SERIALIZABLE")),
    ("lost", [history(1, writes=[0, 0])], {
    0 : [1]}, ("READ COMMITTED",)),
    ("lost", [history(1, writes=["class 3"])], {}, ("READ COMMITTED",)),
    ("G1a", [history(1, [(0, [9], 0)])], {
    0 : []}, ("READ COMMITTED",)),
    ("G1a", [history(1, [(0, [2], 0)]), history(2, writes=[0], committed=False)], {
    0 : []}, ("READ COMMITTED",)),
    ("G1b", [history(1, [(0, [2], 0)]), history(2, writes=[0, 0])], {
    0 : [ 2, 2 ]}, ("READ COMMITTED",)),
    ("own", [history(1, [(0, [], 1)], [0])], {
    0 : [1]}, ("READ COMMITTED",)),
])
def test_the_checker_finds(what, results, final, forbidden):
    for level in forbidden:
        found = anomalies.check_history(results, final, level)
        assert found and found[0].startswith(what + ":"), found


def test_the_checker_allows_what_a_level_allows():
    for level in ("READ COMMITTED", "REPEATABLE READ"):
        assert anomalies.check_history(WRITE_SKEW, {0: [1], 1: [2]}, level) == []
    for results, final in ((LOST_UPDATE, {0: [1, 2]}), (PHANTOM, {"class 0": [2]})):
        assert anomalies.check_history(results, final, "READ COMMITTED") == []
    for level in ("READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"):
        assert anomalies.check_history([history(1, writes=[0]), history(2, [(0, [1], 0)], [0])], {
    0 : [ 1, 2 ]}, level) == []
