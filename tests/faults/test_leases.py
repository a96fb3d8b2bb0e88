"""Advisory locks that several pgd1s share (advisory_locks = shared), while the network to D1 is bad."""
import time

import psycopg
import pytest

from network import Network
from pgd1 import Pgd1, Workerd

SETTINGS = {"advisory_locks": "shared", "advisory_lease": "3s", "worker_threads": 2}
LONGER = {**SETTINGS, "advisory_lease": "9s"}  # not lost when a loaded machine stands still for some seconds


def one(connection, sql):
    return connection.execute(sql).fetchone()[0]


def eventually(connection, sql):
    end = time.monotonic() + 20
    while not one(connection, sql):
        assert time.monotonic() < end, f"{sql} is still false"
        time.sleep(0.05)


def test_a_lock_that_cannot_be_kept_ends_its_session(tmp_path):
    """D1 stays away for longer than the lease: another may have the lock, so its session must not go on."""
    d1 = Workerd(tmp_path)
    with Network(d1.info["gateway"]["url"]) as network:
        d1.info["gateway"]["url"] = network.url
        with Pgd1("workerd", settings=SETTINGS, workerd=d1) as server:
            with server.connect() as holder, server.connect() as other:
                one(holder, "SELECT pg_advisory_lock(1)")
                assert one(other, "SELECT 1") == 1
                network.choose = lambda number, body: "cut_before"
                time.sleep(4)
                with pytest.raises(psycopg.OperationalError, match="an advisory lock could not be kept"):
                    holder.execute("SELECT 1")
                network.choose = None
                assert one(other, "SELECT pg_try_advisory_lock(1)") is True
            assert server.log_contains("advisory_lease_lost")
    d1.stop()


@pytest.mark.parametrize("fault", ["cut_before", "cut_after", "error_after", "late_cut", "twice", "overloaded"])
def test_a_bad_network_loses_no_lock(tmp_path, fault):
    """Each request about locks fails once."""
    d1 = Workerd(tmp_path)
    with Network(d1.info["gateway"]["url"]) as network:
        plain = dict(d1.info["gateway"])
        with Pgd1("workerd", settings=LONGER, workerd=d1) as second:
            d1.info["gateway"]["url"] = network.url
            with Pgd1("workerd", settings=LONGER, workerd=d1) as first, first.connect() as here, second.connect() as there:
                seen = {}

                def choose(number, body):
                    seen[body] = seen.get(body, 0) + 1
                    return fault if b"_pgd1_advisory" in body and seen[body] == 1 else None
                network.choose = choose
                one(here, "SELECT pg_advisory_lock(1)")
                assert one(here, "SELECT pg_try_advisory_lock(2)") is True
                assert one(there, "SELECT pg_try_advisory_lock(1)") is False
                assert one(there, "SELECT pg_try_advisory_lock(2)") is False
                end = time.monotonic() + 20
                while network.injected[fault] < 3:  # the two locks, and one renewal
                    assert time.monotonic() < end, network.injected
                    time.sleep(0.05)
                assert one(there, "SELECT pg_try_advisory_lock(1)") is False
                assert one(here, "SELECT pg_advisory_unlock(1)") is True
                eventually(there, "SELECT pg_try_advisory_lock(1)")
                network.choose = None
        d1.info["gateway"] = plain
    d1.stop()
