"""What shows that of several errors another one was met first: the same statement cut into rows, or only planned."""
import copy
import itertools
import re

from . import known, tables
from .queries import Query, aliases_of, from_items, is_lateral
from .shrink import parents, simplest
from .tree import Items, Node, printed

IDS = range(-1, 13)  # of every source that the generator makes
MOST_SOURCES = 2


class Rows(Items):
    """The rows of VALUES in an INSERT."""


def of_each_row(root, one, node):
    """The query `one` of an expression `node` of `root`, for each row of what it reads, alone."""
    items = from_items(root)
    aliases = [alias for alias in aliases_of(items, printed(node, False).sql) or [] if not is_lateral(items[alias])]
    if not 0 < len(aliases) <= MOST_SOURCES:
        return
    for ids in itertools.product(IDS, repeat=len(aliases)):
        yield Node([*one.parts, " WHERE ", " AND ".join(f"{alias}.id = {number}" for alias, number in zip(aliases, ids))])


def row_by_row(campaign, query, one, node, mode, settings):
    """The states that an expression gives for each of its rows, when both sides give the same for every row; else none."""
    queries = [Query(single) for single in of_each_row(query.node, one, node)]
    return same_states(campaign, queries, mode, settings)


def single_rows(campaign, query, mode, settings):
    """The states of an INSERT with each row of its VALUES alone, when both sides give the same for every row; else none."""
    rows = next((part for part in query.node.walk() if isinstance(part, Rows)), None)
    if rows is None or len(rows.parts) < 2:
        return set()
    whole, states = rows.parts, []
    try:
        for row in whole:
            rows.parts = [row]
            states.append(same_states(campaign, [query], mode, settings))
    finally:
        rows.parts = whole
    return set().union(*states) if all(states) else set()


def same_states(campaign, queries, mode, settings):
    """The states of queries (with "" for those that succeed), when both sides agree about each; else none."""
    theirs, ours = campaign.both([(query, mode) for query in queries], settings)
    states = [same_state(campaign, query, mode, settings, a, b) for query, a, b in zip(queries, theirs, ours)]
    return set() if None in states else set().union(*states)


def same_state(campaign, query, mode, settings, theirs, ours):
    """The states of both answers, or None when they differ without a reason."""
    different = campaign.difference(query, mode, settings, theirs, ours)
    return None if different and (different is known.REFUSED or not different.reason) else frozenset({theirs.state, ours.state})


def of_each_group(campaign, query, mode, settings, has_where=True):
    """The items of a grouped query for each of its groups alone, and for all rows; of another query for all rows, without ORDER BY and LIMIT."""
    select = parts_of(query.node)
    if select is None:
        return
    items, source, where, keys = select
    where = where if has_where else ["true"]
    for count in range(len(keys) + 1):
        for chosen in itertools.combinations(keys, count):
            listed = Query(Node(["SELECT DISTINCT ", ", ".join(f"{key}::text" for key in chosen) or "1", " FROM ", source, " WHERE ", *where]))
            for row in campaign.ask(campaign.theirs, [(listed, mode)], settings)[0].rows:
                same = [f" AND {key}::text IS NOT DISTINCT FROM {tables.literal(cell and cell.decode())}" for key, cell in zip(chosen, row)]
                yield from (Query(Node(["SELECT ", item, " FROM ", source, " WHERE ", *where, *same])) for item in items if printed(item, False).sql not in keys)


def parts_of(root):
    """A SELECT's items, its FROM, its condition as parts, the columns it is grouped by; None of a query of another shape."""
    at = next((i for i, part in enumerate(root.parts) if isinstance(part, str) and part.startswith(" FROM ")), 0)
    if not at or not isinstance(root.parts[at - 1], Items) or not str(root.parts[at - 2]).endswith("SELECT "):
        return None
    name = root.parts[at].removeprefix(" FROM ")
    source, rest = (from_items(root).get(name), root.parts[at + 1:]) if name else (root.parts[at + 1], root.parts[at + 2:])
    clauses = {text.split()[0]: part for part in rest if isinstance(part, Node) and (text := printed(part, False).sql)}
    keys = re.findall(r"\b[a-z]+\d+\.\w+", printed(clauses["GROUP"], False).sql) if "GROUP" in clauses else []
    where = ["(", *clauses["WHERE"].parts[1:], ")"] if "WHERE" in clauses else ["true"]
    return None if source is None else (root.parts[at - 1].parts, source, where, keys)


def single_groups(campaign, query, mode, settings):
    """The states of a query's items for each group alone, when both sides give the same for every group; else none. Where WHERE fails for some
    rows, which PostgreSQL may look at before it joins, the items for all rows."""
    found = same_states(campaign, list(of_each_group(campaign, query, mode, settings)), mode, settings)
    return found or same_states(campaign, list(of_each_group(campaign, query, mode, settings, False)), mode, settings)


def single_targets(campaign, query, mode, settings):
    """The states of a change of `target` when it has one of its rows only, when both sides give the same for each; else none."""
    states = set()
    for number in tables.TARGET_IDS:
        theirs, ours = campaign.both([(query, mode)], settings, f"DELETE FROM target WHERE id <> {number}")
        states.add(same_state(campaign, query, mode, settings, theirs[0], ours[0]))
    return set() if None in states else set().union(*states)


def without_conditions(root):
    """The query without the conditions of its WITH query and of its derived tables: PostgreSQL puts these next to its own, the cheapest first."""
    def bare(node):
        if not isinstance(node, Node) or node.type:
            return node
        parts = [] if node.parts[:1] == [" WHERE "] else [bare(part) for part in node.parts]
        other = copy.copy(node)
        other.parts = parts
        return other
    return Node([part if isinstance(part, Node) and part.parts[:1] == [" WHERE "] else bare(part) for part in root.parts])


def without_parts(query):
    """The query with NULL or a plain value in the place of each of its expressions, one after the other, inner ones first."""
    top = Node([query.node])
    for parent, child in reversed(list(parents(top))):
        if child.type and (child.parts or getattr(child, "text", None) is not None):
            whole = parent.parts
            for plain in simplest(child.type):
                parent.parts = [plain if part is child else part for part in whole]
                try:
                    yield Query(top.parts[0], query.order, query.loose)
                finally:
                    parent.parts = whole


def each_without_the_other(campaign, query, mode, settings, theirs, ours):
    """Both errors are in the query: with a plain value for a part, pgd1 too gives PostgreSQL's error, and with one for another part PostgreSQL gives pgd1's;
    or none, for a reason."""
    def agree(other):
        a, b = (answers[0] for answers in campaign.both([(other, mode)], settings))
        return a.state == theirs.state and (a.state == b.state or not b.state and campaign.is_explained(other, mode, settings, a, b))

    def is_left(other):
        a, b = (answers[0] for answers in campaign.both([(other, mode)], settings))
        return b.state == ours.state and (a.state == b.state or not a.state and campaign.is_explained(other, mode, settings, a, b))
    return any(agree(other) for other in without_parts(query)) and any(is_left(other) for other in without_parts(query))


def of_any_values(campaign, query, mode, settings):
    """PostgreSQL's answer by the plan that it makes without the parameters' values."""
    try:
        return campaign.ask(campaign.theirs, [(query, mode)], {**settings, "plan_cache_mode": "force_generic_plan"})[0]
    finally:
        campaign.theirs.set({**settings, "plan_cache_mode": "auto"})


def is_planned(campaign, query, mode, settings, state):
    """PostgreSQL gives the error when it plans: EXPLAIN, which runs nothing, has it too."""
    explain = Query(Node(["EXPLAIN ", query.node]))
    return campaign.ask(campaign.theirs, [(explain, mode)], settings)[0].state == state
