"""Generated statements with a mistake, on PostgreSQL 15 and on pgd1: SQLSTATE, words, hints and position are the same, and nothing has changed.

Bad values of every type wherever a type comes from, values beyond each width, unknown names of every kind, wrong numbers of arguments, misplaced
words. PGD1_LONG=1 runs 10,000 of a random seed, otherwise 800; PGD1_SEED and PGD1_BATCH as in test_generated.py.
"""
import os

import pytest
from generated import campaign
from test_generated import BATCHES, LONG, SEED, embedded, facts, reference, told  # noqa: F401 (fixtures)

MOST_GRAMMAR = 0.5  # share of mistakes that only the grammar sees: they test little
pytestmark = pytest.mark.timeout(3000 if LONG else 300)


def test_generated_mistakes(reference, embedded, facts, capsys):  # noqa: F811
    run = campaign.MistakeCampaign(reference, embedded, SEED, facts)
    batch = os.environ.get("PGD1_BATCH")
    run.run(int(batch) if batch else 0, 1 if batch else BATCHES // 2)
    run.close()
    told(run, capsys)
    assert not run.differences, f"seed {SEED}, {len(run.differences)} differences:\n" + "\n".join(f"batch {number}: {found}" for number, found in run.differences)
    if not batch:
        assert sum(run.errors.values()) >= 0.8 * run.done, "too many statements are right"
        assert run.errors["42601"] <= MOST_GRAMMAR * run.done
        assert sum(run.refused.values()) <= 0.02 * run.done, "pgd1 refuses too much"
