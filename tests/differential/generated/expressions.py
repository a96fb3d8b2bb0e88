"""Random expressions of a wanted type over the columns in scope."""
import datetime
import decimal
import struct
import uuid

from . import values
from .tree import Constant, Items, Node

SQL_TYPES = {"bpchar": "char(6)", "varchar": "varchar", "_int4": "int4[]", "_int8": "int8[]", "_text": "text[]", "_numeric": "numeric[]", "_float8": "float8[]", "_bool": "bool[]",
             "_date": "date[]", "_timestamp": "timestamp[]", "_mood": "mood[]", "_uuid": "uuid[]"}
TYPES = [name for name in values.GOOD]
ELEMENTS = ["int4", "text", "numeric", "float8", "date", "int8", "bool", "mood", "uuid", "timestamp"]
NUMBERS = ["int2", "int4", "int8", "float4", "float8", "numeric"]
COMPARABLE = ["int2", "int4", "int8", "float8", "numeric", "text", "varchar", "bpchar", "date", "time", "timestamp", "timestamptz", "interval", "uuid", "bytea", "mood", "bool", "_int4", "_text", "jsonb", "inet"]
# Arguments that would make a value too large, or an answer too slow.
SMALL_ARGUMENTS = {"repeat", "lpad", "rpad", "factorial", "!", "power", "pow", "^", "exp", "dexp", "<<", ">>", "trunc", "round", "make_interval", "log", "trim_array", "to_hex", "lcm"}
WORDS = {  # text arguments that mean something: function -> position -> choices
    "date_trunc": {0: values.TRUNCATED}, "date_part": {0: values.UNITS}, "timezone": {0: values.ZONES}, "encode": {1: ["hex", "base64", "escape"]}, "decode": {1: ["hex", "base64", "escape"]},
    "to_char": {1: values.FORMATS_NUMBER + values.FORMATS_DATE}, "to_date": {1: values.FORMATS_DATE}, "to_timestamp": {1: values.FORMATS_DATE}, "to_number": {1: values.FORMATS_NUMBER},
    "regexp_replace": {1: values.REGEXES, 3: ["g", "i", "", "gi"]}, "regexp_match": {1: values.REGEXES, 2: ["i", ""]}, "regexp_split_to_array": {1: values.REGEXES}, "regexp_like": {1: values.REGEXES, 2: ["i", ""]},
    "regexp_count": {1: values.REGEXES}, "regexp_instr": {1: values.REGEXES}, "regexp_substr": {1: values.REGEXES}, "~": {1: values.REGEXES}, "~*": {1: values.REGEXES}, "!~": {1: values.REGEXES},
    "!~*": {1: values.REGEXES}, "~~": {1: values.PATTERNS}, "~~*": {1: values.PATTERNS}, "!~~": {1: values.PATTERNS}, "!~~*": {1: values.PATTERNS}, "like": {1: values.PATTERNS}, "notlike": {1: values.PATTERNS},
    "convert_from": {1: ["UTF8", "LATIN1"]}, "convert_to": {1: ["UTF8", "LATIN1"]}, "->": {1: values.KEYS}, "->>": {1: values.KEYS}, "#>": {1: values.TEXT_PATHS}, "#>>": {1: values.TEXT_PATHS}, "?": {1: values.KEYS},
    "jsonb_set": {1: values.TEXT_PATHS}, "jsonb_insert": {1: values.TEXT_PATHS}, "#-": {1: values.TEXT_PATHS}, "format": {0: ["%s", "%s-%s", "%L", "%I", "%%", "%5s|"]}, "similar_to_escape": {0: values.PATTERNS},
    "split_part": {1: [" ", "b", ",", ""]}, "string_to_array": {1: [",", " ", "", "b"]}, "jsonb_extract_path": {1: values.KEYS}, "jsonb_extract_path_text": {1: values.KEYS}, "make_timestamptz": {6: values.ZONES},
    "overlay": {}, "translate": {}, "json_object_field": {}, "textregexsubstr": {1: values.REGEXES}, "parse_ident": {0: ["a.b", '"X".y', "x"]}, "quote_nullable": {},
}


def to_binary(text, type_name):
    """The binary form of a parameter, for the types where it is plain; else None."""
    try:
        if type_name in ("int2", "int4", "int8"):
            return int(text).to_bytes(int(type_name[3]), "big", signed=True)
        if type_name in ("float4", "float8"):
            return struct.pack(">f" if type_name == "float4" else ">d", float(text))
        if type_name in ("text", "varchar", "json"):
            return text.encode()
        if type_name == "bool":
            return {"true": b"\1", "false": b"\0"}[text]
        if type_name == "uuid":
            return uuid.UUID(text).bytes
        if type_name == "jsonb":
            return b"\1" + text.encode()
        if type_name == "bytea":
            return bytes.fromhex(text[2:]) if text.startswith("\\x") else text.encode("ascii")
        if type_name == "date":
            return (datetime.date.fromisoformat(text) - datetime.date(2000, 1, 1)).days.to_bytes(4, "big", signed=True)
        if type_name == "timestamp" and len(text) > 18:
            return ((datetime.datetime.fromisoformat(text) - datetime.datetime(2000, 1, 1)) // datetime.timedelta(microseconds=1)).to_bytes(8, "big", signed=True)
        if type_name == "time":
            return ((datetime.datetime.combine(datetime.date(1, 1, 1), datetime.time.fromisoformat(text)) - datetime.datetime(1, 1, 1)) // datetime.timedelta(microseconds=1)).to_bytes(8, "big")
        if type_name == "mood":
            return text.encode()
        if type_name == "numeric":
            return numeric_binary(text)
        if type_name in ("_int4", "_int8"):
            return array_binary([int(part) for part in text.strip("{}").split(",")] if text != "{}" else [], int(type_name[4]))
    except (ValueError, OverflowError, KeyError, TypeError, decimal.InvalidOperation):
        return None
    return None


def numeric_binary(text):
    """pg_type numeric's digits of base 10000."""
    sign, digits, exponent = decimal.Decimal(text).as_tuple()
    scale = -exponent  # TypeError and negative scales: the text is sent instead
    if scale < 0:
        raise ValueError(text)
    whole, part = "".join(map(str, digits)).rjust(scale + 1, "0")[:len(digits) - scale or None], "".join(map(str, digits)).rjust(scale, "0")[-scale:] if scale else ""
    whole = whole if len(digits) > scale else "0"
    whole, part = whole.rjust(-(-len(whole) // 4) * 4, "0"), part.ljust(-(-len(part) // 4) * 4, "0")
    groups = [int((whole + part)[i:i + 4]) for i in range(0, len(whole + part), 4)]
    weight = len(whole) // 4 - 1
    while groups and groups[0] == 0:
        groups, weight = groups[1:], weight - 1
    while groups and groups[-1] == 0:
        groups = groups[:-1]
    return struct.pack(f">hhHh{len(groups)}h", len(groups), weight if groups else 0, 0x4000 if sign else 0, scale, *groups)


def array_binary(numbers, width):
    """A one-dimensional array of integers."""
    head = struct.pack(">iii", 1 if numbers else 0, 0, {4: 23, 8: 20}[width])
    body = b"".join(struct.pack(">i", width) + number.to_bytes(width, "big", signed=True) for number in numbers)
    return head + (struct.pack(">ii", len(numbers), 1) + body if numbers else b"")


class Expressions:
    """columns: (sql, type name) in scope. edge: share of constants at an edge; broken: share of invalid ones."""

    def __init__(self, rng, facts, columns=(), edge=0.1, broken=0.0, subquery=None):
        self.rng, self.facts, self.columns, self.edge, self.broken, self.subquery = rng, facts, list(columns), edge, broken, subquery
        self.makers = {}

    # --- leaves

    def text(self, type_name):
        r, lists = self.rng.random(), [values.GOOD]
        if r < self.broken:
            lists = [values.INVALID, values.GOOD]
        elif r < self.broken + self.edge:
            lists = [self.rng.choice([values.EDGE, values.ODD]), values.GOOD]
        for chosen in lists:
            if chosen.get(type_name):
                return self.rng.choice(chosen[type_name])
        raise KeyError(type_name)

    def constant(self, type_name, text=None, null=0.04):
        if text is None and self.rng.random() >= null:
            text = self.text(type_name)
        styles = ["cast"] * 6 + ["typed"] * 3 + ["bare", "param"] + ["param_cast", "param_typed", "binary"] * 3
        if type_name in NUMBERS and text is not None and text.strip("-").replace(".", "", 1).isdigit():
            styles += ["number"] * 12
        if type_name == "text":
            styles += ["bare"] * 12
        raw = to_binary(text, type_name) if text is not None else None
        return Constant(text, type_name, self.rng.choice(styles), SQL_TYPES.get(type_name, type_name), raw)

    def leaf(self, type_name):
        fitting = [name for name, its_type in self.columns if its_type == type_name]
        if fitting and self.rng.random() < 0.75:
            return Node([self.rng.choice(fitting)], type_name)
        return self.constant(type_name)

    # --- composition

    def expression(self, type_name, depth):
        if depth <= 0 or self.rng.random() < 0.12:
            return self.leaf(type_name)
        makers = self.makers_of(type_name)
        kind = self.rng.choice(list(makers))
        return self.rng.choice(makers[kind])(type_name, depth - 1)

    def makers_of(self, type_name):
        """kind -> functions that make an expression of the type; kinds are chosen evenly, so that rows do not drown the forms."""
        if type_name not in self.makers:
            made = {"leaf": [lambda t, d: self.leaf(t)], "form": [self.case, self.coalesce, self.nullif, self.greatest, self.simple_case]}
            operators = [call for call in self.facts.operators if call.result == type_name]
            functions = [call for call in self.facts.functions if call.result == type_name]
            casts = [source for source, target in self.facts.casts if target == type_name]
            if operators:
                made["operator"] = [self.operator_maker(by_name) for by_name in grouped(operators)]
            if functions:
                made["function"] = [self.function_maker(by_name) for by_name in grouped(functions)]
            if casts or type_name in ("text", "varchar"):
                made["cast"] = [self.cast_maker(casts or TYPES)] if type_name != "text" else [self.cast_maker(TYPES)]
            special = self.special(type_name)
            if special:
                made["special"] = special
            if self.subquery:
                made["subquery"] = [self.subquery.scalar if type_name != "bool" else self.subquery.condition]
            self.makers[type_name] = made
        return self.makers[type_name]

    def special(self, type_name):
        return {"bool": [self.logic, self.logic, self.negation, self.is_null, self.between, self.in_list, self.like, self.distinct_from, self.is_true, self.any_array, self.row_compare, self.overlaps],
                "numeric": [self.extract], "text": [self.substring, self.trim, self.overlay, self.pad_cast], "int4": [self.position, self.element], "timestamp": [self.at_zone], "timestamptz": [self.at_zone],
                "_int4": [self.array, self.slice], "_text": [self.array, self.slice], "_numeric": [self.array], "_date": [self.array], "_bool": [self.array], "numeric(p,s)": []}.get(type_name, [])

    def operator_maker(self, calls):
        def make(_, depth):
            call = self.rng.choice(calls)
            args = self.arguments(call, depth)
            if len(args) == 1:
                return Node([f"({call.name} ", args[0], ")"], call.result)
            return Node(["(", args[0], f" {call.name} ", args[1], ")"], call.result)
        return make

    def function_maker(self, calls):
        def make(_, depth):
            call = self.rng.choice(calls)
            name = call.name if call.name not in ("left", "right", "position", "overlay", "substring", "trim", "char", "timestamp", "time", "interval", "timestamptz") else f'"{call.name}"'
            if call.name in values_sql_types():
                name = f'"{call.name}"'
            return Node([f"{name}(", Items(self.arguments(call, depth)), ")"] if call.args else [f"{name}()"], call.result)
        return make

    def arguments(self, call, depth):
        return [self.argument(call, index, depth) for index in range(len(call.args))]

    def argument(self, call, index, depth):
        type_name, words = call.args[index], WORDS.get(call.name, {}).get(index)
        if words and self.rng.random() < 0.9:
            return self.constant(type_name, self.rng.choice(words))
        if call.name in SMALL_ARGUMENTS and type_name in NUMBERS and (index > 0 or len(call.args) == 1):
            return self.constant(type_name, self.rng.choice(values.SMALL))
        if type_name == "jsonpath":
            return self.constant(type_name, self.rng.choice(values.JSON_PATHS))
        return self.expression(type_name, depth)

    def cast_maker(self, sources):
        def make(type_name, depth):
            source, target = self.rng.choice(sources), SQL_TYPES.get(type_name, type_name)
            if source in ("text", "jsonb", "varchar", "bpchar") and target != "text" and self.rng.random() < 0.8:  # mostly 22P02 and 22023
                source = self.rng.choice(sources)
            if source == "text" and target != "text" and type_name in values.GOOD and self.rng.random() < 0.8:
                return Node(["(", self.constant("text", self.rng.choice(values.GOOD[type_name])), f"::text)::{target}"], type_name)
            if type_name == "numeric" and self.rng.random() < 0.4:
                target = self.rng.choice(["numeric(10,2)", "numeric(5)", "numeric(20,8)", "decimal"])
            if type_name == "varchar" and self.rng.random() < 0.5:
                target = self.rng.choice(["varchar(3)", "character varying(10)"])
            if type_name in ("timestamp", "time", "timestamptz") and self.rng.random() < 0.3:
                target = {"timestamp": "timestamp(1)", "time": "time(0)", "timestamptz": "timestamptz(3)"}[type_name]
            inner = self.expression(source, depth)
            return Node(["CAST(", inner, f" AS {target})"], type_name) if self.rng.random() < 0.3 else Node(["(", inner, f")::{target}"], type_name)
        return make

    # --- forms of every type

    def case(self, type_name, depth):
        arms = [Node([" WHEN ", self.expression("bool", depth), " THEN ", self.expression(type_name, depth)]) for _ in range(self.rng.randint(1, 2))]
        other = Node([" ELSE ", self.expression(type_name, depth)], optional=True)
        return Node(["CASE", Items(arms, ""), other, " END"], type_name)

    def simple_case(self, type_name, depth):
        tested = self.rng.choice(COMPARABLE)
        arms = [Node([" WHEN ", self.expression(tested, 0), " THEN ", self.expression(type_name, depth)]) for _ in range(self.rng.randint(1, 2))]
        return Node(["CASE ", self.expression(tested, depth), Items(arms, ""), Node([" ELSE ", self.leaf(type_name)], optional=True), " END"], type_name)

    def coalesce(self, type_name, depth):
        return Node(["COALESCE(", Items([self.expression(type_name, depth) for _ in range(self.rng.randint(2, 3))]), ")"], type_name)

    def nullif(self, type_name, depth):
        return Node(["NULLIF(", self.expression(type_name, depth), ", ", self.leaf(type_name), ")"], type_name)

    def greatest(self, type_name, depth):
        word = self.rng.choice(["GREATEST", "LEAST"])
        return Node([f"{word}(", Items([self.expression(type_name, depth) for _ in range(self.rng.randint(2, 3))]), ")"], type_name)

    # --- conditions

    def logic(self, _, depth):
        return Node(["(", Items([self.expression("bool", depth) for _ in range(2)], self.rng.choice([" AND ", " OR "])), ")"], "bool")

    def negation(self, _, depth):
        return Node(["(NOT ", self.expression("bool", depth), ")"], "bool")

    def is_null(self, _, depth):
        return Node(["(", self.expression(self.rng.choice(TYPES), depth), self.rng.choice([" IS NULL", " IS NOT NULL"]), ")"], "bool")

    def is_true(self, _, depth):
        return Node(["(", self.expression("bool", depth), self.rng.choice([" IS TRUE", " IS NOT TRUE", " IS FALSE", " IS NOT FALSE", " IS UNKNOWN", " IS NOT UNKNOWN"]), ")"], "bool")

    def between(self, _, depth):
        t, word = self.rng.choice(COMPARABLE), self.rng.choice([" BETWEEN ", " NOT BETWEEN ", " BETWEEN SYMMETRIC "])
        return Node(["(", self.expression(t, depth), word, self.leaf(t), " AND ", self.leaf(t), ")"], "bool")

    def in_list(self, _, depth):
        t = self.rng.choice(COMPARABLE)
        return Node(["(", self.expression(t, depth), self.rng.choice([" IN (", " NOT IN ("]), Items([self.leaf(t) for _ in range(self.rng.randint(1, 4))]), "))"], "bool")

    def like(self, _, depth):
        word = self.rng.choice([" LIKE ", " NOT LIKE ", " ILIKE ", " NOT ILIKE ", " SIMILAR TO "])
        pattern = self.constant("text", self.rng.choice(values.PATTERNS))
        return Node(["(", self.expression(self.rng.choice(["text", "text", "varchar", "bpchar"]), depth), word, pattern, Node([" ESCAPE '!'"], optional=True) if self.rng.random() < 0.1 else "", ")"], "bool")

    def distinct_from(self, _, depth):
        t = self.rng.choice(COMPARABLE)
        return Node(["(", self.expression(t, depth), self.rng.choice([" IS DISTINCT FROM ", " IS NOT DISTINCT FROM "]), self.leaf(t), ")"], "bool")

    def any_array(self, _, depth):
        element = self.rng.choice(["int4", "text", "numeric", "date", "mood"])
        word = self.rng.choice([" = ANY (", " <> ALL (", " < ANY (", " >= ALL ("])
        return Node(["(", self.expression(element, depth), word, self.expression("_" + element, depth), "))"], "bool")

    def row_compare(self, _, depth):
        ts = [self.rng.choice(COMPARABLE) for _ in range(2)]
        sides = [Items([self.expression(t, depth - 1) for t in ts]) for _ in range(2)]
        return Node(["((", sides[0], self.rng.choice([") = (", ") < (", ") <> (", ") >= ("]), sides[1], "))"], "bool")

    def overlaps(self, _, depth):
        t = self.rng.choice(["date", "timestamp"])
        return Node(["((", self.expression(t, depth), ", ", self.leaf(t), ") OVERLAPS (", self.leaf(t), ", ", self.leaf(t), "))"], "bool")

    # --- syntax of their own

    def extract(self, _, depth):
        return Node([f"EXTRACT({self.rng.choice(values.UNITS)} FROM ", self.expression(self.rng.choice(["date", "timestamp", "timestamptz", "time", "interval"]), depth), ")"], "numeric")

    def substring(self, _, depth):
        source = self.expression("text", depth)
        if self.rng.random() < 0.3:
            return Node(["SUBSTRING(", source, " FROM ", self.constant("text", self.rng.choice(values.REGEXES)), ")"], "text")
        length = Node([" FOR ", self.small()], optional=True)
        return Node(["SUBSTRING(", source, " FROM ", self.small(), length, ")"], "text")

    def small(self):
        return self.constant("int4", self.rng.choice(values.SMALL))

    def trim(self, _, depth):
        return Node([f"TRIM({self.rng.choice(['BOTH', 'LEADING', 'TRAILING'])} ", self.constant("text", self.rng.choice([" ", "a", "xyz", ""])), " FROM ", self.expression("text", depth), ")"], "text")

    def overlay(self, _, depth):
        return Node(["OVERLAY(", self.expression("text", depth), " PLACING ", self.leaf("text"), " FROM ", self.small(), ")"], "text")

    def pad_cast(self, _, depth):
        return Node(["(", self.expression(self.rng.choice(TYPES), depth), " || ", self.expression("text", depth), ")"], "text")

    def position(self, _, depth):
        return Node(["POSITION(", self.leaf("text"), " IN ", self.expression("text", depth), ")"], "int4")

    def element(self, _, depth):
        return Node(["(", self.expression("_int4", depth), ")[", self.small(), "]"], "int4")

    def slice(self, type_name, depth):
        return Node(["(", self.expression(type_name, depth), ")[", self.small(), ":", self.small(), "]"], type_name)

    def array(self, type_name, depth):
        return Node(["ARRAY[", Items([self.expression(type_name[1:], depth) for _ in range(self.rng.randint(1, 3))]), "]"], type_name)

    def at_zone(self, type_name, depth):
        other = {"timestamp": "timestamptz", "timestamptz": "timestamp"}[type_name]
        return Node(["(", self.expression(other, depth), " AT TIME ZONE ", self.constant("text", self.rng.choice(values.ZONES)), ")"], type_name)


def values_sql_types():
    return {"extract", "date", "numeric", "float4", "float8", "int2", "int4", "int8", "text", "varchar", "bpchar", "name", "bool", "bytea", "timetz", "inet", "cidr", "macaddr", "oid", "json", "jsonb"}


def grouped(calls):
    """Calls by name, so that a name with many types is as likely as one with one."""
    names = {}
    for call in calls:
        names.setdefault(call.name, []).append(call)
    return list(names.values())
