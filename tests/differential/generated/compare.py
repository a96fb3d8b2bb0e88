"""Whether two answers are the same; what may differ, and why."""
import decimal
import math
import re
import struct

from . import tables

INEXACT = {  # whose last digits depend on the C library, or on the order in which rows are added
    "exp", "ln", "log", "log10", "pow", "power", "sqrt", "cbrt", "sin", "cos", "tan", "cot", "asin", "acos", "atan", "atan2", "sind", "cosd", "tand", "cotd", "asind", "acosd", "atand", "atan2d", "sinh", "cosh", "tanh",
    "asinh", "acosh", "atanh", "avg", "sum", "stddev", "stddev_pop", "stddev_samp", "variance", "var_pop", "var_samp", "corr", "covar_pop", "covar_samp", "regr_avgx", "regr_avgy", "regr_intercept", "regr_r2", "regr_slope",
    "regr_sxx", "regr_sxy", "regr_syy", "degrees", "radians"}
TARGET_TYPES = [tables.base(t) for _, t, _ in tables.TARGET]
INEXACT_CALL = re.compile(r"\b(" + "|".join(sorted(INEXACT)) + r")\b\"?\(|\^|\|/")


def as_float(cell, type_name, binary):
    if not binary:
        return float(cell)
    return struct.unpack(">f" if type_name == "float4" else ">d", cell)[0]


def near(a, b, type_name, binary):
    """Two floats that differ in their last digits only."""
    x, y = as_float(a, type_name, binary), as_float(b, type_name, binary)
    if math.isnan(x) or math.isnan(y) or math.isinf(x) or math.isinf(y):
        return x == y or math.isnan(x) and math.isnan(y)
    return math.isclose(x, y, rel_tol=1e-5 if type_name == "float4" else 1e-9, abs_tol=1e-12)


UNITS = {b"y": 360 * 86400, b"m": 30 * 86400, b"d": 86400}  # of seconds: as intervals are compared
ISO = {b"Y": 360 * 86400, b"W": 7 * 86400, b"D": 86400, b"H": 3600, b"S": 1}


def interval_value(cell, binary):
    """What an interval is compared by: a month has 30 days, a day 24 hours. Of text in the styles postgres and iso_8601."""
    if binary:
        us, days, months = struct.unpack(">qii", cell)
        return us + (days + 30 * months) * 86400 * 10**6
    seconds = decimal.Decimal(0)
    if b"P" in cell:
        date, _, time = cell.partition(b"T")
        for part, minute in ((date, 30 * 86400), (time, 60)):
            seconds += sum(decimal.Decimal(n.decode()) * (minute if unit == b"M" else ISO[unit]) for n, unit in re.findall(rb"(-?[\d.]+)([A-Z])", part))
    else:
        seconds += sum(int(n) * UNITS[unit] for n, unit in re.findall(rb"([+-]?\d+) ([ymd])", cell))
        for sign, hours, minutes, rest in re.findall(rb"([+-]?)(\d+):(\d\d):([\d.]+)", cell):
            time = int(hours) * 3600 + int(minutes) * 60 + decimal.Decimal(rest.decode())
            seconds += -time if sign == b"-" else time
    return int(seconds * 10**6)


def array_head(cell):
    """The length of a binary array's head, without the flags that wire.py leaves out."""
    return 8 + 8 * int.from_bytes(cell[:4], "big")


def interval_list(cell, binary):
    """An array of intervals with what its elements are compared by."""
    if not binary:
        return re.sub(rb'"?([^{},"]+)"?', lambda item: item[1] if item[1] == b"NULL" else b"%d" % interval_value(item[1], False), cell)
    at = array_head(cell)
    shown = cell[:at]
    while at < len(cell):
        size = 0 if cell[at:at + 4] == b"\xff" * 4 else 16
        shown += b" %d" % interval_value(cell[at + 4:at + 20], True) if size else b" NULL"
        at += 4 + size
    return shown


def near_lists(a, b, type_name, binary):
    """Arrays of floats, of the same shape, whose elements differ in their last digits only."""
    if binary:
        head, width = array_head(a), 8 if type_name == "_float8" else 4
        if a[:head] != b[:head] or len(a) != len(b):
            return False
        while head < len(a):
            if a[head:head + 4] != b[head:head + 4]:
                return False
            size = width if a[head:head + 4] != b"\xff" * 4 else 0
            x, y = a[head + 4:head + 4 + size], b[head + 4:head + 4 + size]
            if x != y and not near(x, y, type_name[1:], True):
                return False
            head += 4 + size
        return True
    pairs = list(zip(re.split(rb"([{},])", a), re.split(rb"([{},])", b)))
    numbers = [(x, y) for x, y in pairs if x != y]
    return len(re.split(rb"([{},])", a)) == len(re.split(rb"([{},])", b)) and all(
        re.search(rb"\d", x) and re.search(rb"\d", y) and near(x, y, type_name[1:], False) for x, y in numbers)


class Comparison:
    """One query's: sql, binary results, rows in order, `loose`: of equal values another one may be shown."""

    def __init__(self, sql, binary, ordered, loose):
        self.sql, self.binary, self.ordered, self.loose = sql, binary, ordered, loose
        self.inexact = bool(INEXACT_CALL.search(sql))

    def same_cell(self, a, b, type_name):
        if a == b:
            return True
        if a is None or b is None:
            return False
        if type_name in ("float4", "float8") and self.inexact:
            return near(a, b, type_name, self.binary)
        if type_name in ("_float4", "_float8") and self.inexact and near_lists(a, b, type_name, self.binary):
            return True
        return self.loose and self.shown(a, type_name) == self.shown(b, type_name)

    def shown(self, cell, type_name):
        """A value without what equal values may differ in."""
        if cell is None:
            return cell
        if self.binary and type_name == "numeric":
            return cell[:6] + cell[8:]  # but for the scale that is shown
        if type_name == "interval":  # 1 mon is 30 days is 720 hours
            return b"%d" % interval_value(cell, self.binary)
        if type_name == "_interval":
            return interval_list(cell, self.binary)
        if self.binary and type_name != "bpchar":
            return cell
        if type_name in ("numeric", "jsonb", "_numeric"):
            return re.sub(rb"(\d)\.(\d*?)0+(?!\d)", rb"\1.\2", re.sub(rb"\.0+(?!\d)", b"", cell)).rstrip(b".")
        if type_name == "bpchar":
            return cell.rstrip(b" ")
        return cell.replace(b"-0", b"0") if cell == b"-0" else cell

    def sort_key(self, row, types):
        return [(cell is not None, self.rounded(cell, t)) for cell, t in zip(row, types)]

    def rounded(self, cell, type_name):
        if cell is not None and type_name in ("float4", "float8") and self.inexact:
            value = as_float(cell, type_name, self.binary)
            return b"%r" % float(f"{value:.5g}") if math.isfinite(value) else b"%r" % value
        return self.shown(cell, type_name) if self.loose else cell

    def difference(self, theirs, ours):
        """"" when the same, else what differs."""
        if ours.lost or theirs.lost:
            return "" if ours.lost and theirs.lost else "connection lost"
        if theirs.state or ours.state:
            if theirs.state != ours.state:
                return "SQLSTATE"
            return "position" if theirs.position != ours.position else self.afterwards(theirs, ours)
        if [c[0] for c in theirs.columns] != [c[0] for c in ours.columns]:
            return "names"
        if [c[1:3] for c in theirs.columns] != [c[1:3] for c in ours.columns]:
            return "types"
        if [c[3:] for c in theirs.columns] != [c[3:] for c in ours.columns]:
            return "table columns"
        if theirs.tag != ours.tag:
            return "number of rows"
        return self.rows(theirs, ours) or self.afterwards(theirs, ours)

    def afterwards(self, theirs, ours):
        """The changed table's rows, and the state of reading them."""
        a, b = theirs.after, ours.after
        if a == b:
            return ""
        near = self.inexact and len(a) == len(b) and a[-1] == b[-1] and all(self.near_row(x, y) for x, y in zip(a[:-1], b[:-1]))
        return "" if near else "rows afterwards"

    def near_row(self, a, b):
        return all(x == y or t in ("float4", "float8") and None not in (x, y) and near(x, y, t, False) for x, y, t in zip(a, b, TARGET_TYPES))

    def rows(self, theirs, ours):
        types = [c[1] for c in theirs.columns]
        a, b = theirs.rows, ours.rows
        if not self.ordered:
            a, b = (sorted(rows, key=lambda row: self.sort_key(row, types)) for rows in (a, b))
        for mine, other in zip(a, b):
            if not all(self.same_cell(x, y, t) for x, y, t in zip(mine, other, types)):
                return "values"
        return ""
