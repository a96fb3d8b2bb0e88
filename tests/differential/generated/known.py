"""The differences that are meant, each with its reason; everything else fails the test."""
import re

from .tree import Node

REFUSED = object()

TIMING = "which expressions are evaluated, and in which order, is the planner's choice: each expression alone gives the same on both sides"
EAGER = "PostgreSQL's plan leaves out expressions that nothing needs, as columns of derived tables that nobody reads; pgd1 computes them, and they may fail"
YEARS = "D1 stores the years 1 to 9999 only: 22008 says so"
FOLDED = "PostgreSQL shows the length of what its planner left of CASE, COALESCE, UNION and the like; pgd1 that of the expression as it was written"
PADDING = "char(n) is kept without its blanks; where the length is lost, as in a set operation of several lengths, they are not shown"
NEGATIVE_ZERO = "SQLite stores no negative zero, and D1's JSON carries none"
NO_COMPARISON = "GREATEST and LEAST of json are refused when they are planned, in PostgreSQL when they are reached"
WRAPPED = "PostgreSQL's make_interval() overflows without noticing"
WRAPPED_TIME = "PostgreSQL's cast of an interval next to the least bigint of microseconds to time overflows without noticing: a time behind 24:00"
TWO_ERRORS = "PostgreSQL analyzes window definitions last: of two errors in a text another one is named"
NAN_STORED = "a column of numeric(p<=15,s) is a number in D1, which is never NaN: 22003 says so before a check of the column, or a condition, can"
ROWS_IN_ORDER = "of several rows that are wrong each in its own way, one by a constraint, which one is met first is the planner's choice"
KEYS_MOVE = "unique keys are checked row by row: whether an UPDATE that moves them among rows meets one that has not moved yet depends on the order of rows"
COLLATIONS = "texts made of names have the collation C in PostgreSQL, which pgd1's only one is"
SQUARES = "PostgreSQL's avg() of floats overflows in a sum of squares that it does not need; D1's gives the average"
CONSTRAINTS_IN_ORDER = "of two constraints that a row violates, PostgreSQL names the domain's, which it checks first, D1 NOT NULL"
PATTERNS_PLANNED = "PostgreSQL's planner compiles the constant pattern of a condition to guess how many rows match, whether one is compared with it or not"
VALUES_PLANNED = "PostgreSQL plans with the values of parameters, as constants; its own plan for any values gives pgd1's answer"
CONSTANTS_PLANNED = "PostgreSQL's planner computes constants, whether there is a row that needs them or not"
GENERATED_FIRST = "D1 computes generated columns before it looks at a domain's constraint"
CONSTANTS_FIRST = "PostgreSQL computes constants when it plans: a change that violates a key too has another first error"
MERGE_ON = "PostgreSQL 15 takes values of every type for MERGE's ON, by their bits; pgd1 wants a boolean, as PostgreSQL's JOIN does"
PARAMETER = "libpg_query's grammar takes a parameter in the place of a constant; pgd1 refuses it later, when it may have met another error"
NO_CONVERSION = "PostgreSQL's coercion of a hypothetical argument to a common type fails with an internal error, XX000, where there is no cast; pgd1 says 42846 as for UNION"
SCROLLS = "whether a cursor declared without SCROLL goes backwards is the planner's choice: a plan without Sort on top of a join does not"
MERGE_MIXED = "PostgreSQL 15 gives the row subqueries of one action of MERGE to another one, and fails where their types differ"


def construct(message):
    """A refusal's text without names and values, for counting."""
    return re.sub(r'"[^"]*"|\'[^\']*\'|\d+', "…", message)[:90]


def is_runtime(answer):
    """An error of evaluating: no position, class 22 and the like; 0A000 of what a function cannot do with a value, 42601 of a template."""
    return (answer.state[:2] in ("22", "21", "54") or answer.state in ("0A000", "42883", "42601")) and not answer.position


def of_the_text(answer):
    """An error that is in the text, whatever the rows are."""
    return bool(answer.position) or answer.state[:2] in ("42", "3F") or answer.state in ("428C9", "22P02", "22007") and not is_runtime(answer)


def may_be_timing(found):
    """One side failed while it evaluated, the other did not, or otherwise."""
    pair = (found.theirs, found.ours)
    return found.what == "SQLSTATE" and any(is_runtime(a) for a in pair) and all(is_runtime(a) or not a.state for a in pair)


def may_be_order(found):
    """As above, or against a constraint of a row."""
    pair = (found.theirs, found.ours)
    return found.what == "SQLSTATE" and any(is_runtime(a) for a in pair) and all(is_runtime(a) or not a.state or a.state[:2] == "23" and not a.position for a in pair)


class Met:
    """The errors that expressions of a query give alone, on both sides."""

    def __init__(self):
        self.of, self.all, self.constants, self.violated = {}, set(), set(), set()

    def add(self, node, states, constant):
        self.of.setdefault(id(node), set()).update(states)
        self.all |= states
        self.constants |= states if constant else set()

    def explains(self, node, theirs, ours):
        """One side did without the part of an expression that fails; where the form must not compute all of its parts, it may be PostgreSQL that fails."""
        parts = node.walk() if theirs.state else always_computed(node)
        inside = set().union(*(self.of.get(id(part), set()) for part in parts))
        return not (theirs.state and ours.state) and (theirs.state or ours.state) in inside


def always_computed(node):
    """The parts that stand in no form that must not compute some of its parts."""
    yield node
    if not re.search(r"\b(CASE|COALESCE)\b", "".join(part for part in node.parts if isinstance(part, str))):
        for part in node.parts:
            if isinstance(part, Node):
                yield from always_computed(part)


def years(found):
    far = any(cell and re.search(rb"\d{5}-\d\d-\d\d", cell) for row in found.theirs.rows for cell in row)
    return found.ours.state == "22008" and ("Only the years 1 to 9999" in found.ours.detail or far)


def lengths(found):
    """Only lengths of the columns differ."""
    return found.what == "types" and [column[1] for column in found.theirs.columns] == [column[1] for column in found.ours.columns]


def folded(found):
    """pgd1 says no length where PostgreSQL does."""
    pairs = zip(found.theirs.columns, found.ours.columns)
    return lengths(found) and all(a[2] == b[2] or b[2] == -1 for a, b in pairs) and \
        bool(re.search(r"\b(CASE|COALESCE|NULLIF|GREATEST|LEAST|UNION)\b|\"time(tz|stamp|stamptz)?\"\(.*(\$\d|\)::int4\)|\)\)|'::int4 \S+ '-?\d+'::int4\))", found.sql, re.I))


def cells(found, *types):
    """Pairs of cells of columns of these types; None when something else differs. Rows are compared in sorted order."""
    if found.what != "values" or found.mode == "binary" and "numeric" in types:
        return None
    a, b = ([[cell or b"" for cell in row] for row in answer.rows] for answer in (found.theirs, found.ours))
    names = [column[1] for column in found.theirs.columns]
    return a, b, [i for i, name in enumerate(names) if name in types], [column[2] for column in found.theirs.columns]


def same_without(found, change, *types):
    """The rows are the same when `change` is made to the cells of these types."""
    parts = cells(found, *types)
    if not parts or not parts[2]:
        return False
    a, b, indexes, _ = parts
    for row in a + b:
        for i in indexes:
            row[i] = change(row[i])
    return sorted(a) == sorted(b)


def padding(found):
    return same_without(found, lambda cell: cell.rstrip(b" "), "bpchar")


def negative_zero(found):
    def positive(cell):
        return b"0" if cell == b"-0" else bytes(len(cell)) if found.mode == "binary" and cell in (b"\x80" + bytes(3), b"\x80" + bytes(7)) else cell
    def positive_list(cell):
        return re.sub(rb"(?<=[{,])-0(?=[,}])", b"0", cell) if found.mode != "binary" else cell
    return same_without(found, positive, "float4", "float8") or same_without(found, positive_list, "_float4", "_float8")


def two_errors(found):
    """Both sides name an error in the text, of a query with a window definition."""
    pair = (found.theirs, found.ours)
    if found.theirs.message.endswith("is not implemented for window functions") and found.ours.position:
        return True
    if found.theirs.message.startswith("could not determine polymorphic type") and found.ours.position and " OVER (" in found.sql:
        return True
    return found.what in ("SQLSTATE", "position") and all(a.state[:2] in ("22", "3F", "42") and a.position for a in pair) and " OVER (" in found.sql


def no_comparison(found):
    return found.ours.message.startswith("could not identify a comparison function") and found.what == "SQLSTATE"


def wrapped_interval(found):
    goes_on = not found.theirs.state or is_runtime(found.theirs) or found.theirs.state[:2] == "23"  # … to the next function, or the row's constraints
    return found.ours.message == "interval out of range" and goes_on and "make_interval(" in found.sql


def wrapped_time(found):
    """Only times that PostgreSQL itself would not read differ."""
    parts = cells(found, "time")
    if not parts or not parts[2]:
        return False
    a, b, indexes, _ = parts

    def is_wrapped(cell):
        return int.from_bytes(cell, "big") > 86400000000 if found.mode == "binary" else cell > b"24:00:00"
    wrapped = [row for row in a if any(is_wrapped(row[i]) for i in indexes if row[i])]
    without = [[b"" if i in indexes else cell for i, cell in enumerate(row)] for row in wrapped]
    return bool(wrapped) and "interval" in found.sql and \
        sorted([[b"" if i in indexes else cell for i, cell in enumerate(row)] for row in b if row not in a]) == sorted(without)


def squares_overflow(found):
    return found.theirs.message == "value out of range: overflow" and not found.ours.state and "avg(" in found.sql


def stored_zero(cell):
    return b"0" if cell == b"-0" else cell


def zero_afterwards(found):
    """The rows left are the same but for zeros' signs."""
    rows = [[row if isinstance(row, str) else tuple(map(stored_zero, row)) for row in answer.after] for answer in (found.theirs, found.ours)]
    return found.what == "rows afterwards" and rows[0] == rows[1]


def nan_stored(found):
    return found.ours.state == "22003" and "cannot hold NaN" in found.ours.message and (found.theirs.state in ("23514", "") or is_runtime(found.theirs))


def constraints_in_order(found):
    """A row's value is none of its column's domain, and another value violates NOT NULL."""
    pair = (found.theirs, found.ours)
    return [a.state for a in pair] == ["23514", "23502"] and found.theirs.message.startswith("value for domain ")


def of_two_rows(answer):
    """A constraint, or a key that comes twice: no expression gives it alone."""
    return answer.state[:2] == "23" or answer.message.startswith("ON CONFLICT DO UPDATE command cannot affect row a second time")


MANY_ROWS = re.compile(r"(INSERT .* (SELECT|VALUES \(.*\), \()|UPDATE|DELETE|MERGE|WITH)", re.S)


def rows_in_order(sql, theirs, ours):
    """Of several rows each side names another one that violates a constraint, or has the key of another row; or only one side met such a row before it moved."""
    if not MANY_ROWS.match(sql) or (theirs.state, theirs.message) == (ours.state, ours.message):
        return ""
    if {theirs.state, ours.state} == {"23505", ""} and re.search(r"\bUPDATE (\w+ )?SET\b", sql):
        return KEYS_MOVE
    if re.match(r"UPDATE\b", sql) and sorted(a.state[:2] for a in (theirs, ours)) == ["22", "23"]:
        return ROWS_IN_ORDER  # a value that does not fit its column, and a row with one that fits but violates
    return ROWS_IN_ORDER if of_two_rows(theirs) and of_two_rows(ours) else ""


def order(found, met):
    """Why another error is met first, or none, when each that is met is one that an expression gives alone; or ""."""
    theirs, ours = found.theirs, found.ours
    if not {a.state for a in (theirs, ours) if a.state and not of_two_rows(a)} <= met.all or not met.all:
        return ""
    change = re.match(r"(INSERT|UPDATE|DELETE|MERGE|WITH)\b", found.sql)
    if change and is_runtime(theirs) and ours.state[:2] == "23" and theirs.state in met.constants:
        return CONSTANTS_FIRST
    if theirs.message.startswith("value for domain ") and ours.state == "22003" and theirs.state in met.violated:
        return GENERATED_FIRST
    if of_two_rows(theirs) and of_two_rows(ours):
        return ""
    if not of_two_rows(theirs) and not of_two_rows(ours):
        return TIMING if theirs.state else EAGER
    return ROWS_IN_ORDER if MANY_ROWS.match(found.sql) else ""


def may_be_row(found):
    """Both sides met an error of one row, or of two rows together."""
    return found.what == "SQLSTATE" and all(is_runtime(a) or a.state[:2] == "23" and not a.position for a in (found.theirs, found.ours))


def order_of_rows(found, states):
    """states: what the statement gives with each of its rows alone, on both sides; two rows together may have the same key."""
    met = {found.theirs.state, found.ours.state}
    return ROWS_IN_ORDER if met & states and met <= states | {"21000", "23505"} else ""


def may_be_group(found):
    """A query whose items may have been computed in another order, or not at all."""
    return may_be_timing(found) and bool(re.match(r"(SELECT|WITH)\b", found.sql))


def order_of_groups(found, met, states):
    """states: what its items give for each group alone, on both sides."""
    return TIMING if states and {a.state for a in (found.theirs, found.ours) if a.state} <= met.all | states else ""


def planned(found, met):
    """What may have made PostgreSQL fail before there was a row: a pattern, or a constant where pgd1 met no row at all or another error first."""
    if found.theirs.state == "2201B" and (not found.ours.state or is_runtime(found.ours)):
        return PATTERNS_PLANNED
    is_constant = found.theirs.state in met.constants and is_runtime(found.ours)
    return CONSTANTS_PLANNED if is_runtime(found.theirs) and (is_constant or not found.ours.state and found.ours.tag.endswith(" 0")) else ""


def pattern_too_large(theirs, ours):
    """PostgreSQL's automaton of a pattern outgrew the space that its compiler may take (REG_MAX_COMPILE_SPACE); pgd1 makes no such automaton."""
    return theirs.message == "invalid regular expression: regular expression is too complex" and not ours.state


def parameter_as_constant(found):
    return re.match(r'syntax error at or near "\$\d+"', found.theirs.message) and bool(found.ours.state)


def merge_on(found):
    return found.ours.message.startswith("argument of JOIN/ON must be type boolean") and found.sql.startswith("MERGE ")


def merge_mixed(found):
    return found.theirs.message == "table row type and query-specified row type do not match" and len(re.findall(r"\) = \(SELECT ", found.sql)) > 1 and found.sql.startswith("MERGE ")


def no_conversion(found):
    return found.theirs.state == "XX000" and found.theirs.message.startswith("failed to find conversion function from ") and found.ours.state == "42846" and "WITHIN GROUP" in found.sql


def scrolls(found):
    return found.theirs.message == "cursor can only scan forward" and not found.ours.state and found.ours.tag.startswith(("FETCH", "MOVE"))


def collations(found):
    return found.theirs.state == "42P21"


RULES = [(scrolls, SCROLLS), (no_conversion, NO_CONVERSION), (constraints_in_order, CONSTRAINTS_IN_ORDER), (merge_mixed, MERGE_MIXED), (merge_on, MERGE_ON), (parameter_as_constant, PARAMETER), (collations, COLLATIONS), (zero_afterwards, NEGATIVE_ZERO), (nan_stored, NAN_STORED), (years, YEARS), (folded, FOLDED), (padding, PADDING), (negative_zero, NEGATIVE_ZERO), (squares_overflow, SQUARES), (two_errors, TWO_ERRORS), (wrapped_interval, WRAPPED), (wrapped_time, WRAPPED_TIME), (no_comparison, NO_COMPARISON)]


def reason(found):
    """Why a difference is right, or ""."""
    return next((why for rule, why in RULES if rule(found)), "")
