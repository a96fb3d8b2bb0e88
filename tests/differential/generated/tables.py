"""The tables every query reads: `plain` (benign values of every type), `edge` (edges), `item` and `note` (for joins)."""
from . import values

WIDE = [("b", "bool"), ("i2", "int2"), ("i4", "int4"), ("i8", "int8"), ("f4", "float4"), ("f8", "float8"), ("n", "numeric"), ("n2", "numeric(10,2)"), ("n20", "numeric(30,6)"), ("t", "text"),
        ("v", "varchar(20)"), ("c", "char(6)"), ("d", "date"), ("tm", "time"), ("tz", "timetz"), ("ts", "timestamp"), ("tstz", "timestamptz"), ("iv", "interval"), ("u", "uuid"), ("bt", "bytea"),
        ("j", "json"), ("jb", "jsonb"), ("e", "mood"), ("ai", "int4[]"), ("at", "text[]"), ("an", "numeric[]"), ("ad", "date[]"), ("ip", "inet"), ("mac", "macaddr"),
        ("cd", "cidr"), ("nm", "name"), ("a8", "int8[]"), ("af", "float8[]"), ("ab", "bool[]"), ("ats", "timestamp[]"), ("ae", "mood[]"), ("au", "uuid[]"), ("dp", "posint"), ("dw", "word"),
        ("i8b", "bigint"), ("ts3", "timestamp(3)"), ("v5", "varchar(5)")]
NARROW = {"item": [("id", "int4"), ("kind", "text"), ("price", "numeric(8,2)"), ("made", "date"), ("stock", "int8"), ("ok", "bool"), ("mood", "mood"), ("parent", "int4")],
          "note": [("id", "int4"), ("item", "int4"), ("body", "text"), ("at", "timestamp"), ("score", "float8"), ("small", "int2"), ("tags", "text[]")]}
ITEMS = [(1, "tool", "9.99", "2024-01-01", 10, "t", "ok", None), (2, "tool", "19.50", "2024-02-29", 0, "f", "sad", 1), (3, "toy", None, None, None, None, None, 1), (4, "toy", "5.00", "2023-06-15", 7, "t", "happy", 2),
         (5, None, "5.00", "2024-01-01", -3, "f", "ok", None), (6, "Food", "0.10", "1999-12-31", 100, "t", "sad", 5), (7, "", "9.99", None, 10, None, "happy", 4)]
NOTES = [(1, 1, "first", "2024-01-01 10:00", "1.5", 1, "{a,b}"), (2, 1, "second", "2024-02-29 12:34:56.5", "-2", 2, "{}"), (3, 2, None, None, None, None, None), (4, 4, "é", "2023-06-15 00:00", "0.25", -1, "{é,NULL}"),
         (5, None, "lost", "1999-12-31 23:59:59.999999", "100", 3, "{a}"), (6, 9, "far", "2024-01-01 10:00", "1.5", 1, "{b}"), (7, 6, "", "2024-03-31 02:30", "0", 0, "{a,b}")]
SETUP = ["CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy')", "CREATE DOMAIN posint AS int4 CHECK (VALUE > 0)", "CREATE DOMAIN word AS varchar(12) DEFAULT 'w' CHECK (VALUE <> 'bad')"]
DOMAINS = {"posint": "int4", "word": "varchar"}  # what a client sees of them
# What changes.py changes: every kind of constraint and default.
TARGET = [("id", "int4", "PRIMARY KEY"), ("k", "text", "UNIQUE"), ("i2", "int2", ""), ("i4", "int4", "NOT NULL DEFAULT 7"), ("i8", "int8", ""), ("n2", "numeric(8,2)", "CHECK (n2 < 1000000)"), ("n", "numeric", ""),
          ("f4", "float4", ""), ("f8", "float8", ""), ("v", "varchar(5)", ""), ("c", "char(4)", ""), ("t", "text", "DEFAULT 'none'"), ("d", "date", "DEFAULT '2024-01-01'"), ("tm", "time", ""), ("ts", "timestamp(3)", ""),
          ("tstz", "timestamptz", ""), ("iv", "interval", ""), ("b", "bool", ""), ("e", "mood", "DEFAULT 'ok'"), ("u", "uuid", ""), ("bt", "bytea", ""), ("j", "json", ""), ("jb", "jsonb", "DEFAULT '{}'"),
          ("ai", "int4[]", ""), ("at", "text[]", ""), ("dp", "posint", ""), ("dw", "word", ""), ("ip", "inet", ""), ("g", "int4", "GENERATED ALWAYS AS (i4 + 1) STORED")]

TARGET_IDS = [1, 2, 5, 6, 9]  # of the rows that it has when a statement comes


def base(sql_type):
    """numeric(10,2) -> numeric, char(6) -> bpchar, int4[] -> _int4"""
    bare = sql_type.split("(")[0]
    return {"char": "bpchar", "bigint": "int8", **DOMAINS}.get(bare, "_" + bare[:-2] if bare.endswith("[]") else bare)


def columns(table):
    """(name, type) of a table's columns, types as pg_type names them."""
    if table == "target":
        return [(name, base(t)) for name, t, _ in TARGET]
    return [("id", "int4"), *((name, base(t)) for name, t in WIDE)] if table in ("plain", "edge") else [(name, base(t)) for name, t in NARROW[table]]


TABLES = ["plain", "edge", "item", "note"]


def literal(value):
    return "NULL" if value is None else "'" + str(value).replace("'", "''") + "'"


def wide_rows(lists, n):
    """n rows; row i has the i-th value of each type, and about every fifth cell is NULL."""
    for i in range(n):
        cells = []
        for j, (_, t) in enumerate(WIDE):
            choices = fitting(lists, t)
            cells.append(None if (i * 7 + j * 3) % 5 == 4 or not choices else choices[i % len(choices)])
        yield (i + 1, *cells)


def fitting(lists, t):
    if t == "posint":
        return ["1", "5", "2147483647"]
    if t == "word":
        return ["", "abc", "Zed", "12", "ß", "hello"]
    if t == "varchar(5)":
        return ["", "abc", "Zed", "é"]
    if t == "timestamp(3)":
        return ["2024-02-29 12:34:56.789", "1999-12-31 23:59:59.99", "infinity"]
    choices = lists.get(base(t)) or values.GOOD[base(t)]
    if t == "numeric(10,2)":
        return ["0", "1.5", "-12.34", "99999999.99", "0.01", "1.50", "100"]
    if t == "numeric(30,6)":
        return ["0", "1.5", "-12.345678", "123456789012345678901234.567891", "0.000001", "2"]
    return choices


def statements():
    """The whole schema with its rows, one statement each."""
    yield from SETUP
    yield f"CREATE TABLE target ({', '.join(f'{name} {t} {rest}' for name, t, rest in TARGET)})"
    yield f"CREATE TABLE bare ({', '.join(f'{name} {t}' + (' ' + rest if rest.startswith('GENERATED') else '') for name, t, rest in TARGET)})"  # for a value alone
    for table in ("plain", "edge"):
        yield f"CREATE TABLE {table} (id int4 PRIMARY KEY, {', '.join(f'{name} {t}' for name, t in WIDE)})"
    for table, its_columns in NARROW.items():
        yield f"CREATE TABLE {table} ({', '.join(f'{name} {t}' + (' PRIMARY KEY' if name == 'id' else '') for name, t in its_columns)})"
    for table, rows in (("plain", wide_rows(values.GOOD, 12)), ("edge", wide_rows(values.EDGE, 11)), ("item", ITEMS), ("note", NOTES)):
        for row in rows:
            yield f"INSERT INTO {table} VALUES ({', '.join(map(literal, row))})"
