"""Requests to D1 per client action: the figures of tests/bench/round_trips.py are promises. Exact, so that a cache that hides a
statement from D1 would show as well."""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "bench"))
import round_trips  # noqa: E402


@pytest.fixture(scope="module", params=("embedded", "workerd", "rest"))
def measured(request):
    return {what: took for what, took, _ in round_trips.measure(request.param)}


@pytest.mark.parametrize("what, expected", [(what, limit) for what, _, limit in round_trips.ACTIONS], ids=[what for what, _, _ in round_trips.ACTIONS])
def test_round_trips(measured, what, expected):
    assert measured[what] == expected
