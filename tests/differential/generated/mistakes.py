"""Queries and changes with a mistake: what PostgreSQL says of it, and where."""
import re

from . import tables, values
from .changes import Changes
from .queries import Query
from .tree import Node, printed

TOKEN = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"|[A-Za-z_]\w*|\d+(?:\.\d+)?|::|[<>=!~@#%^&|?*/+-]+|\s+|.", re.S)
WORDS = {"SELECT", "FROM", "WHERE", "AND", "OR", "NOT", "AS", "ON", "JOIN", "LEFT", "RIGHT", "FULL", "CROSS", "GROUP", "BY", "ORDER", "HAVING", "LIMIT", "OFFSET", "UNION", "ALL", "CASE", "WHEN", "THEN", "ELSE", "END", "IN",
         "IS", "NULL", "VALUES", "INSERT", "INTO", "UPDATE", "SET", "DELETE", "WITH", "CAST", "BETWEEN", "LIKE", "DISTINCT", "OVER", "PARTITION", "RETURNING"}
SQL_TYPES = ["int4", "text", "bool", "date", "numeric", "jsonb", "uuid", "interval", "nosuch", "int4[]", "varchar(2)", "numeric(3,1)", "mood", "timestamptz", "bytea", "numeric(0)", "varchar(0)", "inet", "float8", "pg_catalog.nosuch", "posint"]
NAMES = ["nosuch", "id", "t1.nosuch", "t9.id", "item.id", "\"ID\"", "nosuch.id", "count(*)", "sum(1)", "row_number() OVER ()", "generate_series(1, 2)", "t1", "$1", "DEFAULT", "NULL", "'x'", "1", "2147483648", "1.5", "true",
         "(SELECT 1, 2)", "(SELECT id FROM item)", "nosuch()", "abs()", "abs(1, 2)", "abs('x')", "length(5)", "now(1)", "ARRAY[1, 'x']", "ROW(1, 2)", "coalesce()", "1 / 0", "'é'", "upper(NULL, 1)", "date '2023-02-30'"]
OPERATORS = ["+", "-", "*", "/", "=", "<", "||", "@@@", "~", "->", "<>", "AND", "LIKE", "IS DISTINCT FROM", "@>", "::", "%", "^", "IN", "&&"]
# What columns cannot be assigned, by type; each is put into INSERT, UPDATE and comparisons.
OVERFLOWS = {"int2": ["32768", "-32769", "1e10", "32767 + 1"], "int4": ["2147483648", "-2147483649", "2147483647 + 1", "-2147483648 - 1"], "int8": ["9223372036854775808", "9223372036854775807 + 1", "1e30"],
             "numeric": ["10000000", "-1e7", "'NaN'", "999999.995"], "float4": ["1e50", "'1e50'", "1e-60"], "float8": ["'1e400'", "1e308 * 10::float8"], "varchar": ["'abcdef'", "'ééééééé'", "repeat('a', 6)"], "bpchar": ["'abcde'", "'abcd  '", "'ééééé'"],
             "date": ["'2023-02-29'", "'5874898-01-01'", "'0000-01-01'"], "time": ["'25:00'", "'12:60'"], "timestamp": ["'294277-01-01'", "'2024-02-30'"], "timestamptz": ["'2024-01-01 00:00+99'"], "interval": ["'1e20 years'", "'9999999999 days'"],
             "mood": ["'SAD'", "''"], "uuid": ["'1'"], "bytea": ["'\\x0'"], "json": ["'{'"], "jsonb": ["'{\"a\":}'", "'1e200000'"], "bool": ["'maybe'", "2"], "_int4": ["'{2147483648}'", "'{1,'", "ARRAY['x']"], "inet": ["'1.2.3.256'"]}


class Mistakes(Changes):
    """Breaks statements that were right, and puts bad values where values stand."""

    def query(self):
        if self.rng.random() < 0.35:
            text = self.bad_value()
        else:
            whole = super().query() if self.rng.random() < 0.3 else super(Changes, self).query()
            text = self.broken_text(printed(whole.node, False).sql)
        return Query(Node([text]), None, True)

    # --- values

    def bad_text(self, type_name):
        choices = ["'" + text.replace("'", "''") + "'" for text in values.INVALID.get(type_name, [])] + OVERFLOWS.get(type_name, [])
        return self.rng.choice(choices or ["'x'"])

    def bad_value(self):
        """A value that its type does not have, in one of the places where a type comes from."""
        column, type_name = self.rng.choice([(name, tables.base(t)) for name, t, _ in tables.TARGET if name not in ("id", "g", "k")])
        bad, before = self.bad_text(type_name), self.rng.choice(["", "", "'é' AS a, ", "/* ü */ "])
        sql_type = next(t for name, t, _ in tables.TARGET if name == column)
        typed = f"{sql_type} {bad}" if bad[0] == "'" and "(" not in sql_type and "[" not in sql_type else f"CAST({bad} AS {sql_type})"
        return self.rng.choice([
            f"SELECT {before}({bad})::{sql_type}", f"SELECT {before}{typed}", f"SELECT {before}CAST({bad} AS {sql_type}) FROM target", f"SELECT {before}id FROM target WHERE {column} = {bad}",
            f"SELECT {before}id FROM target WHERE {column} IN ({column}, {bad})", f"SELECT {before}COALESCE({column}, {bad}) FROM target", f"SELECT {before}CASE WHEN id = 1 THEN {column} ELSE {bad} END FROM target",
            f"SELECT {before}id FROM target WHERE {column} BETWEEN {bad} AND {column}", f"SELECT {before}NULLIF({column}, {bad}) FROM target", f"SELECT {before}{column} FROM target UNION ALL SELECT {bad}",
            f"INSERT INTO target (id, {column}) VALUES (50, {bad})", f"INSERT INTO target (id, {column}) VALUES (50, NULL), (51, {bad})", f"INSERT INTO target (id, {column}) SELECT 50, {bad}", f"UPDATE target SET {column} = {bad}",
            f"UPDATE target SET t = 'é', {column} = {bad} WHERE id = 1", f"UPDATE target SET (t, {column}) = ('ü', {bad}) WHERE id = 1", f"INSERT INTO target (id, {column}) VALUES (1, {bad}) ON CONFLICT (id) DO UPDATE SET {column} = {bad}",
            f"DELETE FROM target WHERE {column} = {bad} RETURNING 'é'", f"MERGE INTO target USING item i ON target.id = i.id WHEN MATCHED THEN UPDATE SET {column} = {bad}", f"SELECT ARRAY[{column}, {bad}] FROM target",
            f"SELECT {before}{column} = ANY (ARRAY[{bad}]) FROM target", f"SELECT GREATEST({column}, {bad}) FROM target", f"SELECT id FROM target ORDER BY {column} = {bad}", f"SELECT count(*) FROM target GROUP BY {column} = {bad}",
            f"VALUES (1, {bad}), (2, (SELECT {column} FROM target LIMIT 1))", f"SELECT {before}id FROM target WHERE ({column}, id) = ({bad}, 1)"])

    # --- texts

    def broken_text(self, text):
        tokens = TOKEN.findall(text)
        spots = [i for i, token in enumerate(tokens) if not token.isspace()]
        said = [i for i in spots if tokens[i].upper() not in WORDS and re.fullmatch(r"[\w'\"<>=!~@#%^&|?*/+-].*", tokens[i], re.S)]  # what is wrong there is seldom the grammar
        for _ in range(self.rng.choice([1, 1, 1, 2])):
            at = self.rng.choice(said if said and self.rng.random() < 0.85 else spots)
            tokens[at] = self.instead(tokens, at)
        return "".join(tokens)

    def instead(self, tokens, at):
        token, r = tokens[at], self.rng.random()
        if r < 0.03:
            return ""
        if r < 0.05:
            return f"{token} {token}"
        if tokens[max(at - 1, 0)] == "::":
            return self.rng.choice(SQL_TYPES)
        if re.fullmatch(r"[<>=!~@#%^&|?*/+-]+|AND|OR|LIKE", token):
            return self.rng.choice(OPERATORS)
        if token.upper() in WORDS and token.isupper():
            return self.rng.choice([*sorted(WORDS), self.rng.choice(NAMES)])
        if re.fullmatch(r"[a-z_]\w*", token) and "".join(tokens[at + 1:at + 2]) == "(":
            return self.rng.choice(["nosuch", "sum", "abs", "coalesce", "length", "row_number", "upper", "generate_series", "array_agg", "pg_catalog.nosuch", "extract", "lag"])
        return self.rng.choice(NAMES)
