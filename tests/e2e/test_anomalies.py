"""Many clients, random transactions: nothing that the isolation level forbids is seen, on pgd1 as on PostgreSQL. PGD1_LONG=1: 10,000 of them.
PGD1_SEED repeats a run."""
import os
import random

import pytest

import anomalies
from pgd1 import Pgd1

LONG = os.environ.get("PGD1_LONG") == "1"
TOTAL = 10000 if LONG else 120
CLIENTS = 6
SEED = os.environ.get("PGD1_SEED") or str(random.randrange(1 << 32))


@pytest.fixture(scope="module", params=("postgresql", "embedded", "workerd"))
def target(request):
    """PostgreSQL 15, and pgd1 on D1's engine here and in workerd."""
    if request.param == "postgresql":
        yield request.getfixturevalue("oracle")
        return
    with Pgd1(request.param) as running:
        yield running


def report(what, outcome):
    wrong, done, retries = outcome
    print(f"{what}: seed {SEED}, {done} done, {retries} to be tried again")
    assert not wrong, f"seed {SEED}: " + "; ".join(wrong[:5])
    assert done > 0


@pytest.mark.parametrize("level", ["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"])
def test_register_histories(target, level):
    report(f"registers, {level}", anomalies.registers(target.connect, level, SEED, CLIENTS, TOTAL))


@pytest.mark.parametrize("level, lock", [("READ COMMITTED", " FOR UPDATE"), ("REPEATABLE READ", ""), ("SERIALIZABLE", "")])
def test_transfers(target, level, lock):
    report(f"transfers, {level}{lock}", anomalies.transfers(target.connect, level, lock, SEED, CLIENTS, TOTAL))


def test_numbers_drawn_by_update(target):
    report("tickets", anomalies.tickets(target.connect, SEED, CLIENTS, TOTAL))


def test_the_checker_finds_what_it_looks_for():
    done = [(1, "committed", {}, [0]), (2, "committed", {0: [([], 0)]}, [1]), (3, "committed", {1: [([], 0)]}, [0])]
    final = {0: [1, 3], 1: [2]}
    assert anomalies.check_registers(done, final, True) == ["G2: 2 -> 1 -> 3 -> 2"] or "G2" in anomalies.check_registers(done, final, True)[0]
    assert anomalies.check_registers(done, final, False) == []
    assert "lost" in anomalies.check_registers([(1, "committed", {}, [0, 0])], {0: [1]}, False)[0]
    assert "G1a" in anomalies.check_registers([(1, "committed", {0: [([9], 0)]}, [])], {0: []}, False)[0]
    assert "G1b" in anomalies.check_registers([(1, "committed", {0: [([2], 0)]}, []), (2, "committed", {}, [0, 0])], {0: [2, 2]}, False)[0]
    assert "own" in anomalies.check_registers([(1, "committed", {0: [([], 1)]}, [0])], {0: [1]}, False)[0]
