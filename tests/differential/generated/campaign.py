"""Runs generated queries on PostgreSQL and on pgd1, counts what pgd1 refuses, shrinks what differs."""
import concurrent.futures
import random
from collections import Counter

from . import changes, evidence, known, mistakes
from .compare import Comparison
from .expressions import ELEMENTS, TYPES
from .facts import Facts
from .queries import Queries, Query, expressions_alone
from .shrink import shrink
from .tree import Node, printed
from .wire import Side

BATCH = 40
MODES = ["simple", "simple", "text", "text", "binary"]
SETTINGS = [{"timezone": "UTC"}] * 4 + [{"timezone": "Europe/Berlin"}, {"timezone": "America/St_Johns"}, {"timezone": "UTC", "datestyle": "SQL, DMY", "intervalstyle": "iso_8601"},
                                        {"timezone": "UTC", "bytea_output": "escape", "extra_float_digits": "0"}]
DEFAULTS = {"timezone": "UTC", "datestyle": "ISO, MDY", "intervalstyle": "postgres", "bytea_output": "hex", "extra_float_digits": "1"}


def facts():
    return Facts([*TYPES, "jsonpath"], ELEMENTS)


class Difference:
    def __init__(self, what, sql, params, mode, settings, theirs, ours):
        self.what, self.sql, self.params, self.mode, self.settings, self.theirs, self.ours = what, sql, params, mode, settings, theirs, ours

    def __str__(self):
        return f"{self.what} ({self.mode}, {self.settings}):\n  {self.sql}\n  parameters {self.params}\n  PostgreSQL {brief(self.theirs)}\n  pgd1       {brief(self.ours)}"


def words(answer):
    """What is said of an error in the text."""
    return (answer.message, answer.detail, answer.hint) if known.of_the_text(answer) else ()


def brief(answer):
    if answer.state:
        more = "".join(f" {name}: {text}" for name, text in (("DETAIL", answer.detail), ("HINT", answer.hint)) if text)
        return f"{answer.state} {answer.message} at {answer.position or '-'}{more}"
    return f"{[c[:3] for c in answer.columns]} {answer.rows[:6]}{'…' if len(answer.rows) > 6 else ''}"


class Maker:
    """Makes the batches of a seed."""
    queries = Queries

    def __init__(self, facts_of, seed):
        self.facts, self.seed = facts_of, seed

    def batch(self, number):
        """The queries of one batch, and the settings they run under: of a seed of its own, so that one can be repeated alone."""
        rng = random.Random(f"{self.seed}/{number}")
        style = rng.random()
        makers = self.queries(rng, self.facts, depth=rng.choice([1, 2, 2, 3]), edge=0.1 if style < 0.6 else 0.4, broken=0.0 if style < 0.7 else 0.1)
        settings = {**DEFAULTS, **rng.choice(SETTINGS)}
        return [(makers.query(), rng.choice(MODES)) for _ in range(BATCH)], settings


def difference(query, mode, settings, theirs, ours):
    """None, or a Difference."""
    out = printed(query.node, mode != "simple")
    what = Comparison(out.sql, mode == "binary", query.is_ordered(), query.loose).difference(theirs, ours)
    return Difference(what, out.sql, out.params, mode, settings, theirs, ours) if what else None


class ChangeMaker(Maker):
    """Batches of statements that change a table."""
    queries = changes.Changes


class MistakeMaker(Maker):
    """Batches of statements with mistakes."""
    queries = mistakes.Mistakes


class Campaign(Maker):
    def __init__(self, oracle, server, seed, facts_of=None):
        super().__init__(facts_of or facts(), seed)
        self.theirs, self.ours = Side(oracle), Side(server)
        self.pool = concurrent.futures.ThreadPoolExecutor(2)
        self.refused, self.listed, self.errors, self.done = Counter(), Counter(), Counter(), 0
        self.messages = Counter()
        self.differences = []

    def close(self):
        self.pool.shutdown()
        self.theirs.close()
        self.ours.close()

    def ask(self, side, requests, settings):
        if side.settings != settings:
            side.set(settings)
        return side.run([(query.node, mode) for query, mode in requests])

    def both(self, requests, settings, *before):
        """Answers of both sides, asked at the same time."""
        return [future.result() for future in [self.pool.submit(self.ask, side, requests, settings, *before) for side in (self.theirs, self.ours)]]

    def difference(self, query, mode, settings, theirs, ours):
        """None, known.REFUSED, or a Difference with the reason that explains it ("": none)."""
        if ours.state == "0A000" and (theirs.state, theirs.message) != (ours.state, ours.message):
            return known.REFUSED
        found = difference(query, mode, settings, theirs, ours)
        if found:
            found.reason = known.reason(found)
        return found

    def run(self, first, count, limit=20):
        """Batches first…first + count - 1; stops at `limit` differences."""
        for number in range(first, first + count):
            requests, settings = self.batch(number)
            theirs, ours = self.both(requests, settings)
            for (query, mode), a, b in zip(requests, theirs, ours):
                self.judge(query, mode, settings, a, b, number)
            if len(self.differences) >= limit:
                return

    def judge(self, query, mode, settings, a, b, number):
        self.done += 1
        self.errors[a.state] += bool(a.state)
        found = self.difference(query, mode, settings, a, b)
        if found is known.REFUSED:
            self.refused[known.construct(b.message)] += 1
        elif found and found.reason:
            self.listed[found.reason] += 1
        elif found:
            self.report(query, mode, settings, found, number)
        elif a.state and a.message != b.message:
            self.messages[f"{a.message} | {b.message}"] += 1

    def report(self, query, mode, settings, found, number):
        """A difference; where errors of evaluation differ, that of the first expression which differs alone. Which of several errors is met is the
        planner's choice, when each of them is met alone."""
        why, alone = self.why(query, mode, settings, found)
        if why:
            self.listed[why] += 1
        else:
            self.differences.append((number, self.smaller(alone or query, mode, settings, found)))

    def why(self, query, mode, settings, found):
        """Why another error is met, or another length is told, or ""; and the smallest query of one expression that differs, or None."""
        is_order = known.may_be_order(found) or known.may_be_row(found)
        if (is_order or known.lengths(found)) and self.is_planned_for_values(query, mode, settings, found):
            return known.VALUES_PLANNED, None
        if not is_order:
            return "", None
        alone, met = self.alone(query, mode, settings)
        return "" if alone else self.order(query, mode, settings, found, met), alone

    def order(self, query, mode, settings, found, met):
        """Why another error is met first, or "": by what expressions and rows give alone, and by what PostgreSQL does when it plans."""
        why = known.order(found, met)
        if why == known.CONSTANTS_FIRST and not evidence.is_planned(self, query, mode, settings, found.theirs.state):
            why = ""
        if not why and known.may_be_row(found):
            why = known.order_of_rows(found, evidence.single_rows(self, query, mode, settings)) or known.order_of_rows(found, self.single_targets(query, mode, settings))
        if not why and known.may_be_group(found):
            why = known.order_of_groups(found, met, evidence.single_groups(self, query, mode, settings))
        if not why and known.may_be_timing(found) and found.theirs.state:
            alone, met_anywhere = self.alone(Query(evidence.without_conditions(query.node)), mode, settings)
            why = "" if alone else known.order(found, met_anywhere)
        planned = "" if why else known.planned(found, met)
        if planned and evidence.is_planned(self, query, mode, settings, found.theirs.state):
            why = planned
        if not why and found.theirs.state and found.ours.state and evidence.each_without_the_other(self, query, mode, settings, found.theirs, found.ours):
            why = known.TIMING
        return why

    def is_planned_for_values(self, query, mode, settings, found):
        """PostgreSQL's plan for any values of the parameters gives pgd1's answer."""
        if mode == "simple" or not printed(query.node, True).params:
            return False
        return self.difference(query, mode, settings, evidence.of_any_values(self, query, mode, settings), found.ours) is None

    def is_explained(self, query, mode, settings, a, b):
        """No difference, or one with a reason."""
        found = self.difference(query, mode, settings, a, b)
        return not found or found is not known.REFUSED and bool(found.reason or self.why(query, mode, settings, found)[0])

    def single_targets(self, query, mode, settings):
        """The states of a change of each row alone; of a query none."""
        return set()

    def alone(self, query, mode, settings):
        """The smallest query of one expression that differs, or None; and the errors that both sides give for expressions alone."""
        parts, met = list(expressions_alone(query.node)), known.Met()
        theirs, ours = self.both([(Query(one), mode) for _, one, _ in parts], settings)
        for (node, one, constant), a, b in zip(parts, theirs, ours):
            different = self.difference(Query(one), mode, settings, a, b)
            met.violated |= {a.state} & {b.state} if a.state[:2] == "23" else set()
            rows = evidence.row_by_row(self, query, one, node, mode, settings) if not constant and a.state and b.state else set()
            if known.is_runtime(a) and known.is_runtime(b) or rows:
                met.add(node, {a.state, b.state} | rows, constant)
            elif "(SELECT" not in printed(one, False).sql and different and different is not known.REFUSED and not different.reason and not met.explains(node, a, b) \
                    and not self.is_planned_for_values(Query(one), mode, settings, different):
                return Query(one), met
        return None, met

    def smaller(self, query, mode, settings, found):
        kept = [found]

        def fails(candidate):
            a, b = self.both([(candidate, mode)], settings)
            again = self.difference(candidate, mode, settings, a[0], b[0])
            bad = bool(again) and again is not known.REFUSED and not again.reason and again.what == found.what
            bad = bad and known.may_be_order(again) == known.may_be_order(found) and known.may_be_row(again) == known.may_be_row(found)
            bad = bad and not self.why(candidate, mode, settings, again)[0]
            if bad:
                kept.append(again)
            return bad
        shrink(query, fails)
        return kept[-1]


class ChangeCampaign(ChangeMaker, Campaign):
    """Every statement on the same rows, which are read again afterwards."""

    def ask(self, side, requests, settings, before=""):
        if side.settings != settings:
            side.set(settings)
        return [changed(side, query, mode, before) for query, mode in requests]

    def single_targets(self, query, mode, settings):
        return evidence.single_targets(self, query, mode, settings)


class MistakeCampaign(MistakeMaker, ChangeCampaign):
    """Whose errors are compared, with their words and where they stand: of what is found when a statement runs only that there is an error."""

    def difference(self, query, mode, settings, theirs, ours):
        found = super().difference(query, mode, settings, theirs, ours)
        if found is None and words(theirs) != words(ours):
            out = printed(query.node, mode != "simple")
            found = Difference("words", out.sql, out.params, mode, settings, theirs, ours)
            found.reason = known.reason(found)
        return found

    def batch(self, number):
        """Some mistakes make rows without end."""
        requests, settings = super().batch(number)
        return requests, {**settings, "statement_timeout": "2000"}

    def judge(self, query, mode, settings, a, b, number):
        if (known.of_the_text(a) or known.of_the_text(b)) and "57014" not in (a.state, b.state):
            super().judge(query, mode, settings, a, b, number)
        else:
            self.done += 1
            self.errors[a.state] += bool(a.state)


def changed(side, query, mode, before=""):
    """The answer to a statement, with the rows it leaves; a failed one leaves them as they are. before: a statement that comes first."""
    if side.dirty or before:
        reset = side.simple([(Node([f"{changes.RESET}; {before}"]), "simple")])[0]
        assert not reset.state, f"the rows cannot be put back: {reset.message}"
        side.kept = rows_now(side)
    answer = side.run([(query.node, mode)])[0]
    answer.after = rows_now(side)
    side.dirty = bool(before) or answer.after != side.kept
    return answer


def rows_now(side):
    answer = side.simple([(Node([changes.AFTERWARDS]), "simple")])[0]
    return [*answer.rows, answer.state]
