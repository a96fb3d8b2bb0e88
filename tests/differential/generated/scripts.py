"""Runs scripts of statements (blocks.py) on PostgreSQL and on pgd1, statement by statement or as one string, and shrinks those that differ."""
import random
from collections import Counter

from psycopg import pq

from . import blocks, known
from .campaign import DEFAULTS, Difference, brief
from .compare import Comparison
from .tree import Node

MODES = ["simple", "text", "binary", "string"]
NAMELESS = ("23503", "23505")  # D1 does not say which of several foreign keys it is; of two unique keys violated each side finds another one first
IDLE = pq.TransactionStatus.IDLE


class Run:
    """What one side did: (statement, answer, state of the transaction) in order, then the rows left."""

    def __init__(self, steps, after):
        self.steps, self.after = steps, after


class Scripts:
    def __init__(self, campaign, seed):
        self.campaign, self.seed = campaign, seed
        self.refused, self.listed, self.errors, self.done = Counter(), Counter(), Counter(), 0
        self.differences = []

    def run(self, first, count, limit=10):
        for number in range(first, first + count):
            rng = random.Random(f"blocks/{self.seed}/{number}")
            script, mode = blocks.Blocks(rng).script(), rng.choice(MODES)
            found = self.difference(script, mode)
            if found:
                self.differences.append((number, self.smaller(script, mode, found)))
            if len(self.differences) >= limit:
                return

    def both(self, script, mode):
        c = self.campaign
        return [future.result() for future in [c.pool.submit(played, side, script, mode) for side in (c.theirs, c.ours)]]

    def difference(self, script, mode):
        """None, or what differs, as text."""
        theirs, ours = self.both(script, mode)
        self.done += len(theirs.steps)
        for (sql, a, state), (_, b, other) in zip(theirs.steps, ours.steps):
            self.errors[a.state] += bool(a.state)
            if b.state == "0A000" and a.state != "0A000":
                self.refused[b.message] += 1
                return None
            what = Comparison(sql, mode == "binary", " ORDER BY " in sql, False).difference(a, b) or ("message" if a.message != b.message and a.state not in NAMELESS else "") or ("transaction" if state != other else "")
            why = what and (known.reason(Difference(what, sql, [], mode, DEFAULTS, a, b)) or known.rows_in_order(sql, a, b))
            if why:
                self.listed[why] += 1
                return None
            if what:
                return self.told(what, mode, theirs.steps, sql, brief(a) + f" {a.tag} {state}", brief(b) + f" {b.tag} {other}")
        if len(theirs.steps) != len(ours.steps):
            return self.told("number of answers", mode, theirs.steps, "", str(len(theirs.steps)), str(len(ours.steps)))
        return None if theirs.after == ours.after else self.told("rows afterwards", mode, theirs.steps, "", str(theirs.after), str(ours.after))

    def told(self, what, mode, steps, sql, theirs, ours):
        whole = "".join(f"  {statement};{'   <--' if statement is sql else ''}\n" for statement, *_ in steps)
        return f"{what} ({mode}):\n{whole}  PostgreSQL {theirs}\n  pgd1       {ours}"

    def smaller(self, script, mode, found):
        """Without each statement that it does not need."""
        at = len(script) - 1
        while at >= 0:
            shorter = script[:at] + script[at + 1:]
            again = self.difference(shorter, mode) if shorter else None
            if again:
                script, found = shorter, again
            at -= 1
        return found


def played(side, script, mode):
    """A script on one side; after an error back to the newest savepoint, or out of the block, where it ends."""
    if side.settings != DEFAULTS:
        side.set(DEFAULTS)
    for reset in blocks.RESET:
        must(side, reset)
    steps = whole_string(side, script) if mode == "string" else one_by_one(side, list(script), mode)
    if side.pg.transaction_status != IDLE:
        side.simple([(Node(["ROLLBACK"]), "simple")])
    after = [must(side, sql).rows for sql in blocks.AFTERWARDS]
    if any("extra" in sql for sql in script):
        must(side, "DROP TABLE IF EXISTS extra CASCADE")
    if any("scratch" in sql for sql in script):
        must(side, "DROP TABLE IF EXISTS scratch")
    return Run(steps, after)


def must(side, sql):
    answer = side.simple([(Node([sql]), "simple")])[0]
    assert not answer.state, f"{sql}: {answer.message}"
    return answer


def one_by_one(side, script, mode):
    steps, savepoints = [], []
    while script:
        sql = script.pop(0)
        answer = side.run([(Node([sql]), mode)])[0]
        steps.append((sql, answer, side.pg.transaction_status))
        if side.pg.transaction_status == pq.TransactionStatus.INERROR:
            if not savepoints:
                break
            script.insert(0, f"ROLLBACK TO {savepoints[-1]}")
        elif sql.startswith("SAVEPOINT "):
            savepoints.append(sql.split()[-1])
        elif sql.startswith(("ROLLBACK TO ", "RELEASE ")):
            forget(savepoints, sql)
    return steps


def forget(savepoints, sql):
    name = sql.split()[-1]
    if name in savepoints:
        at = len(savepoints) - 1 - savepoints[::-1].index(name)
        del savepoints[at + sql.startswith("ROLLBACK TO "):]


def whole_string(side, script):
    side.pg.send_query("; ".join(script).encode())
    steps = []
    while (result := side.pg.get_result()) is not None:
        steps.append((script[len(steps)], side.answer(result)))
    return [(sql, answer, None) for sql, answer in steps[:-1]] + [(*step, side.pg.transaction_status) for step in steps[-1:]]
