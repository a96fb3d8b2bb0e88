"""Generated queries on PostgreSQL 15 and on pgd1: values, types, column names, SQLSTATE and position are the same.

PGD1_LONG=1 runs 20,000 queries and more of a random seed, otherwise 1,600; PGD1_SEED repeats a run, PGD1_BATCH=n one batch of it (a difference
names its batch). pgd1 may refuse with 0A000, not too often; generated/known.py lists what else may differ, with reasons. generated/found.sql and
found_changes.sql have queries and changes that differed once. generated/blocks.py makes scripts: transaction blocks with savepoints, 150 of them or
4,000; for these PGD1_BATCH is a script's number. Workerd answers some of both as embedded does.
"""
import os
import pathlib
import random

import pytest
from generated import blocks, campaign, known, patterns, scripts, tables
from generated.queries import Query
from generated.tree import Constant, Node
from generated.wire import Side
from seed import seed

LONG = os.environ.get("PGD1_LONG") == "1"
SEED = seed()
BATCHES, CHANGE_BATCHES, SCRIPTS = (512, 256, 4000) if LONG else (40, 6, 150)
MOST_REFUSED, MOST_LISTED, MOST_ERRORS = 0.06, 0.06, 0.45  # shares of all queries
FOUND, FOUND_CHANGES = (pathlib.Path(__file__).parent / "generated" / name for name in ("found.sql", "found_changes.sql"))
pytestmark = pytest.mark.timeout(3000 if LONG else 300)


def load(server):
    with server.connect() as connection:
        for statement in tables.statements():
            connection.execute(statement)


@pytest.fixture(scope="module")
def facts():
    return campaign.facts()


@pytest.fixture(scope="module")
def reference(oracle):
    """PostgreSQL with the tables, in a database of its own."""
    class Database:
        def connect(self):
            return oracle.connect(dbname="generated")
    with oracle.connect() as connection:
        connection.execute("DROP DATABASE IF EXISTS generated WITH (FORCE)")
        connection.execute("CREATE DATABASE generated")
    load(Database())
    return Database()


@pytest.fixture(scope="module")
def embedded():
    from pgd1 import Pgd1
    with Pgd1("embedded") as server:
        load(server)
        yield server


def told(run, capsys):
    """What a run saw, on the terminal whether it passes or not."""
    lines = [f"seed {SEED}: {run.done} queries, {sum(run.errors.values())} with errors, {sum(run.refused.values())} refused, {sum(run.listed.values())} listed differences"]
    lines += [f"  refused {count:5} {text}" for text, count in run.refused.most_common(12)]
    lines += [f"  listed  {count:5} {text}" for text, count in run.listed.most_common()]
    with capsys.disabled():
        print("\n" + "\n".join(lines))


def batches(most):
    """First number and how many: PGD1_BATCH is the only one."""
    batch = os.environ.get("PGD1_BATCH")
    return (int(batch), 1) if batch else (0, most)


def judged(run, part, capsys):
    """Tells what a run saw; no difference may be left. Whether all of it was run."""
    told(run, capsys)
    assert not run.differences, f"seed {SEED}, {len(run.differences)} differences:\n" + "\n".join(f"{part} {number}: {found}" for number, found in run.differences)
    if os.environ.get("PGD1_BATCH"):
        return False
    assert sum(run.refused.values()) <= MOST_REFUSED * run.done, "pgd1 refuses too much"
    return True


def test_generated_queries(reference, embedded, facts, capsys):
    run = campaign.Campaign(reference, embedded, SEED, facts)
    run.run(*batches(BATCHES))
    run.close()
    if judged(run, "batch", capsys):
        assert sum(run.listed.values()) <= MOST_LISTED * run.done, "too many listed differences: do the rules in known.py hide something?"
        assert sum(run.errors.values()) <= MOST_ERRORS * run.done, "too many queries fail in PostgreSQL: the generator tests little"


def test_generated_changes(reference, embedded, facts, capsys):
    """INSERT, UPDATE, DELETE, MERGE: the answers, and the rows they leave, whether they succeed or fail."""
    run = campaign.ChangeCampaign(reference, embedded, SEED, facts)
    run.run(*batches(CHANGE_BATCHES))
    run.close()
    if judged(run, "batch", capsys):
        assert sum(run.listed.values()) <= MOST_LISTED * run.done, "too many listed differences: do the rules in known.py hide something?"


def set_up_scripts(*servers):
    for server in servers:
        with server.connect() as connection:
            for statement in blocks.SETUP:
                connection.execute(statement)


def test_generated_scripts(reference, embedded, facts, capsys):
    """Changes and reads in transaction blocks with savepoints: every answer, and the rows left."""
    set_up_scripts(reference, embedded)
    sides = campaign.Campaign(reference, embedded, SEED, facts)
    run = scripts.Scripts(sides, SEED)
    run.run(*batches(SCRIPTS))
    sides.close()
    judged(run, "script", capsys)


@pytest.mark.parametrize("mode", ["simple", "text", "binary"])
@pytest.mark.parametrize("kind, path", [(campaign.Campaign, FOUND), (campaign.ChangeCampaign, FOUND_CHANGES)], ids=["queries", "changes"])
def test_what_differed_once(reference, embedded, facts, kind, path, mode):
    run, bad = kind(reference, embedded, SEED, facts), []
    requests = [(Query(Node([line])), mode) for line in path.read_text(encoding="utf-8").splitlines() if line and not line.startswith("--")]
    theirs, ours = run.both(requests, campaign.DEFAULTS)
    for (query, _), a, b in zip(requests, theirs, ours):
        found = run.difference(query, mode, campaign.DEFAULTS, a, b)
        if found is known.REFUSED or found and not found.reason:
            bad.append(f"{query.node.parts[0]}\n  PostgreSQL {campaign.brief(a)}\n  pgd1       {campaign.brief(b)}")
    run.close()
    assert not bad, "\n".join(bad)


EXPLAINED = [
    (known.VALUES_PLANNED, "text", Node(["SELECT COALESCE((", Constant(None, "bool", "param_cast", "bool"), ")::char(6)) FROM plain t1"])),
    (known.TIMING, "simple", Node(["WITH w2 AS (", Node(["SELECT t1.id AS id, t1.b AS x0 FROM plain t1", Node([" WHERE ", Node(["namelt(CASE 1000000007 WHEN t1.i8b THEN 'a' END, 'a'::name)"], "bool")])]),
                                   ") SELECT 1 FROM w2", Node([" WHERE ", Node(["jsonb_path_match('[]'::jsonb, '$.a', '{}'::jsonb, w2.x0)"], "bool")])])),
    (known.EAGER, "simple", Node(["WITH w2 AS MATERIALIZED (", Node(["SELECT t1.id AS id, ", Node(["substr('ab', t1.id, -1)"], "text"), " AS x0, datetimetz_pl(t1.d, t1.tz) AT TIME ZONE '+02' AS x1 FROM plain t1"]),
                                  ") SELECT w2.id FROM w2 WHERE 'no'::bool"])),
]


@pytest.mark.parametrize("reason, mode, node", EXPLAINED, ids=["length", "conditions", "unread"])
def test_what_explains(reference, embedded, facts, reason, mode, node):
    """Both servers answer as they should, and why they differ is found."""
    run = campaign.Campaign(reference, embedded, SEED, facts)
    query = Query(node)
    theirs, ours = run.both([(query, mode)], campaign.DEFAULTS)
    found = run.difference(query, mode, campaign.DEFAULTS, theirs[0], ours[0])
    assert found and (found.reason or run.why(query, mode, campaign.DEFAULTS, found)[0]) == reason
    run.close()


def patterns_agree(make, number, most_refused, reference, embedded):
    rng, bad, refused = random.Random(f"{make.__name__}/{SEED}"), [], 0
    texts = [make(rng) for _ in range(number)]
    there, here = Side(reference), Side(embedded)
    answers = [side.run([(Node([text]), "simple") for text in texts]) for side in (there, here)]
    for text, a, b in zip(texts, *answers):
        refused += b.state == "0A000"
        if b.state != "0A000" and not known.pattern_too_large(a, b) and (a.state, a.message, a.rows) != (b.state, b.message, b.rows):
            bad.append(f"{text}\n  PostgreSQL {campaign.brief(a)}\n  pgd1       {campaign.brief(b)}")
    there.close()
    here.close()
    assert not bad, f"seed {SEED}, {len(bad)}:\n" + "\n".join(bad[:20])
    assert refused <= most_refused * len(texts)


def test_generated_patterns(reference, embedded):
    """Regular expressions: matches, and PostgreSQL's own words about what is wrong with them."""
    patterns_agree(patterns.query, 20000 if LONG else 1500, 0.02, reference, embedded)


def test_remembered_groups(reference, embedded):
    """What groups remember where a text matches in many ways; nothing of it is refused."""
    patterns_agree(patterns.remembered, 20000 if LONG else 1000, 0, reference, embedded)


def test_workerd_answers_as_embedded(embedded, facts):
    """The same queries through the gateway and D1's real engine."""
    from pgd1 import Pgd1
    maker = campaign.Maker(facts, SEED)
    with Pgd1("workerd") as server:
        load(server)
        here, there, bad = Side(embedded), Side(server), []
        sides = campaign.Campaign(embedded, server, SEED, facts)
        for number in range(60 if LONG else 8):
            requests, settings = maker.batch(number)
            sent = [(query.node, mode) for query, mode in requests]
            for side in (here, there):
                side.set(settings)
            for (query, mode), a, b in zip(requests, here.run(sent), there.run(sent)):
                found = campaign.difference(query, mode, settings, a, b)
                if not found or known.may_be_timing(found) and a.state and b.state or known.negative_zero(found):
                    continue
                if sides.why(query, mode, settings, found)[0] != known.TIMING:
                    bad.append(f"batch {number}: {found}")
        sides.close()
        here.close()
        there.close()
    assert not bad, f"seed {SEED}, {len(bad)} (PostgreSQL stands for embedded, pgd1 for workerd):\n" + "\n".join(bad[:20])


def test_workerd_answers_scripts_as_embedded(facts, capsys):
    """The same scripts through the gateway and D1's real engine; a refusal of the one alone is a difference too."""
    from pgd1 import Pgd1
    with Pgd1("embedded") as here, Pgd1("workerd") as there:
        set_up_scripts(here, there)
        sides = campaign.Campaign(here, there, SEED, facts)
        run = scripts.Scripts(sides, SEED)
        batch = os.environ.get("PGD1_BATCH")
        run.run(int(batch) if batch else 0, 1 if batch else SCRIPTS // 10 if LONG else 25)
        sides.close()
    told(run, capsys)
    assert not run.differences, f"seed {SEED}, {len(run.differences)} (PostgreSQL stands for embedded, pgd1 for workerd):\n" + "\n".join(f"script {number}: {found}" for number, found in run.differences)
    assert not run.refused
