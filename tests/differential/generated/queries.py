"""Random queries: a tree, whether its rows have an order, and whether equal values may show otherwise (`loose`)."""
import re

from . import tables, values
from .expressions import COMPARABLE, NUMBERS, TYPES, Expressions
from .tree import Items, Node, printed

SORTABLE = ["int2", "int4", "int8", "float8", "numeric", "text", "varchar", "bpchar", "date", "time", "timestamp", "timestamptz", "interval", "uuid", "bytea", "mood", "bool"]
HASHABLE = ["int2", "int4", "int8", "text", "varchar", "date", "time", "timestamp", "timestamptz", "uuid", "bytea", "mood", "bool", "bpchar", "numeric", "_int4", "_text"]
# Which of several equal values an aggregate, DISTINCT or a set operation shows is nobody's promise: 1.0 and 1.00, 1 day and 24 hours, 0 and -0.
ALIKE = {"numeric", "interval", "float8", "float4", "jsonb", "bpchar", "_numeric", "timetz", "inet"}
FLOATS = {"float4", "float8"}
INNER = ["int4", "text", "numeric", "bool", "date", "int8", "float8", "timestamp"]


class Source:
    """What FROM offers: node, its columns as (sql, type), and the keys that order its rows totally (none: no total order)."""

    def __init__(self, node, columns, keys):
        self.node, self.columns, self.keys = node, columns, keys


class Query:
    def __init__(self, node, ordered=None, loose=False):
        self.node, self.order, self.loose = node, ordered, loose

    def is_ordered(self):
        """The ORDER BY that makes the order total is still in the tree."""
        return self.order is not None and any(node is self.order for node in self.node.walk())


class Queries:
    def __init__(self, rng, facts, depth=3, edge=0.1, broken=0.0):
        self.rng, self.facts, self.depth, self.edge, self.broken = rng, facts, depth, edge, broken
        self.names = 0
        self.loose = False

    def alias(self, stem="q"):
        self.names += 1
        return f"{stem}{self.names}"

    def expressions(self, columns, subqueries=True):
        made = Expressions(self.rng, self.facts, columns, self.edge, self.broken)
        made.subquery = Subqueries(self, columns) if subqueries and self.rng.random() < 0.5 else None
        return made

    def query(self):
        """One query of any shape."""
        self.loose, self.names = False, 0
        shapes = [(self.constants, 3), (self.rows, 5), (self.grouped, 3), (self.windows, 2), (self.united, 2), (self.distinct, 1), (self.with_query, 1), (self.distinct_on, 1), (self.values_query, 1), (self.sets, 1),
                  (self.recursive, 1), (self.star, 1), (self.ordered_sets, 1)]
        shape = self.rng.choices([s for s, _ in shapes], [w for _, w in shapes])[0]
        node, order = shape()
        return Query(node, order, self.loose)

    # --- FROM

    def table(self):
        name, alias = self.rng.choice(["plain", "plain", "edge", "item", "note"]), self.alias("t")
        return Source(Node([f"{name} {alias}"]), [(f"{alias}.{column}", t) for column, t in tables.columns(name)], [f"{alias}.id"])

    def derived(self):
        alias, base = self.alias("d"), self.table()
        made = self.expressions(base.columns, False)
        ts = [self.rng.choice(INNER) for _ in range(self.rng.randint(1, 3))]
        items = [Node([made.expression(t, 1), f" AS x{i}"]) for i, t in enumerate(ts)]
        node = Node(["(SELECT ", Node([f"{base.keys[0]} AS id, "]), Node([join(items)]), " FROM ", base.node, self.where(made, 0.3, 1), f") AS {alias}"])
        return Source(node, [(f"{alias}.id", "int4"), *((f"{alias}.x{i}", t) for i, t in enumerate(ts))], [f"{alias}.id"])

    def values_list(self):
        alias, made = self.alias("v"), self.expressions([], False)
        ts = [self.rng.choice(INNER) for _ in range(2)]
        rows = [Node([f"({i}, ", join([made.constant(t) for t in ts]), ")"]) for i in range(self.rng.randint(1, 3))]
        return Source(Node(["(VALUES ", Items(rows), f") AS {alias}(id, a, b)"]), [(f"{alias}.id", "int4"), (f"{alias}.a", ts[0]), (f"{alias}.b", ts[1])], [f"{alias}.id"])

    def series(self):
        alias = self.alias("g")
        return Source(Node([f"generate_series({self.rng.randint(-1, 2)}, {self.rng.randint(2, 5)}) AS {alias}(id)"]), [(f"{alias}.id", "int4")], [f"{alias}.id"])

    def unnest(self):
        alias, made = self.alias("u"), self.expressions([], False)
        t = self.rng.choice(["int4", "text", "numeric", "date"])
        return Source(Node(["unnest(", made.constant("_" + t, null=0), f") WITH ORDINALITY AS {alias}(a, id)"]), [(f"{alias}.a", t), (f"{alias}.id", "int8")], [f"{alias}.id"])

    def source(self):
        return self.rng.choices([self.table, self.derived, self.values_list, self.series, self.unnest], [8, 2, 1, 1, 1])[0]()

    def lateral(self, outer):
        alias, made = self.alias("l"), self.expressions(outer.columns, False)
        t = self.rng.choice(INNER)
        node = Node(["LATERAL (SELECT ", made.expression(t, 2), f" AS x) AS {alias}"])
        return Source(node, [(f"{alias}.x", t)], [])

    def lateral_rows(self, outer):
        """Rows of a table that hang on the outer row: the first few, or one of aggregates."""
        alias, base = self.alias("l"), self.table()
        made = self.expressions(base.columns + outer.columns, False)
        where = Node([" WHERE ", made.expression("bool", 1)], optional=True)
        if self.rng.random() < 0.4:
            call = self.aggregate(self.expressions(base.columns, False))
            return Source(Node(["LATERAL (SELECT ", call, " AS x FROM ", base.node, where, f") AS {alias}"]), [(f"{alias}.x", call.type)] if call.type in TYPES else [], [])
        t = self.rng.choice(INNER)
        node = Node([f"LATERAL (SELECT {base.keys[0]} AS id, ", made.expression(t, 1), " AS x FROM ", base.node, where, f" ORDER BY {base.keys[0]} LIMIT {self.rng.randint(1, 3)}) AS {alias}"])
        return Source(node, [(f"{alias}.id", "int4"), (f"{alias}.x", t)], [f"{alias}.id"])

    def sources(self):
        """One relation, or up to three joined."""
        left = self.source()
        for _ in range(self.rng.choices([0, 1, 2], [6, 4, 1])[0]):
            left = self.join(left)
        return left

    def join(self, left):
        if self.rng.random() < 0.1:
            right = self.lateral(left)
            return Source(Node([left.node, " CROSS JOIN ", right.node]), left.columns + right.columns, left.keys)
        if self.rng.random() < 0.1:
            right = self.lateral_rows(left)
            return Source(Node([left.node, self.rng.choice([" LEFT JOIN ", " JOIN "]), right.node, " ON true"]), left.columns + right.columns, left.keys + right.keys)
        right = self.source()
        kind = self.rng.choice([" JOIN ", " LEFT JOIN ", " RIGHT JOIN ", " FULL JOIN ", " CROSS JOIN ", ", "])
        columns, keys = left.columns + right.columns, left.keys + right.keys
        if kind == " CROSS JOIN " or kind == ", " and " JOIN " not in "".join(part for part in left.node.parts if isinstance(part, str)):
            return Source(Node([left.node, kind, right.node]), columns, keys)
        kind = kind if kind != ", " else " JOIN "
        return Source(Node([left.node, kind, right.node, " ON ", self.join_condition(left, right, kind)]), columns, keys)

    def join_condition(self, left, right, kind):
        pairs = [(a, b) for a, t in left.columns for b, u in right.columns if t == u and t in HASHABLE]
        condition = Node([" = ".join(self.rng.choice(pairs or [(left.keys[0], right.keys[0])]))], "bool")
        if kind != " FULL JOIN " and self.rng.random() < 0.4:
            made = self.expressions(left.columns + right.columns, False)
            condition = Node([condition, Node([" AND ", made.expression("bool", 1)], optional=True)], "bool")
        return condition

    def where(self, made, likely=0.5, depth=2):
        return Node([" WHERE ", made.expression("bool", depth)], optional=True) if self.rng.random() < likely else ""

    # --- ORDER BY and LIMIT

    def order(self, made, keys, likely=0.6):
        """ORDER BY some expressions, then the keys: a total order. Perhaps LIMIT. Gives (clause, the node that must stay)."""
        if not keys or self.rng.random() >= likely:
            return "", None
        firsts = [self.sort_key(made.expression(self.rng.choice(SORTABLE), 1)) for _ in range(self.rng.choice([0, 1, 1, 2]))]
        parts = [" ORDER BY ", *([Items(firsts), ", "] if firsts else []), ", ".join(keys), self.limit()]
        clause = Node(parts, optional=True)
        return clause, clause

    def sort_key(self, expression):
        # a bare number or text in ORDER BY is a position or an error
        collation = ' COLLATE "C"' if expression.type in ("text", "varchar", "bpchar") and self.rng.random() < 0.2 else ""
        return Node(["(", expression, ")" + collation + self.rng.choice(["", " DESC", " ASC"]) + self.rng.choice(["", "", " NULLS FIRST", " NULLS LAST"])])

    def limit(self):
        if self.rng.random() < 0.6:
            return ""
        return Node([self.rng.choice([" LIMIT 3", " LIMIT 5 OFFSET 2", " OFFSET 3", " FETCH FIRST 2 ROWS ONLY", " LIMIT 0", " LIMIT NULL", " OFFSET 1 LIMIT 4"])], optional=True)

    # --- shapes

    def outputs(self, made, n, depth=None):
        items = []
        for _ in range(n):
            item = made.expression(self.rng.choice(TYPES), self.depth if depth is None else depth)
            items.append(Node([item, f" AS {self.alias('c')}"]) if self.rng.random() < 0.15 else item)
        return Items(items)

    def constants(self):
        made = self.expressions([])
        return Node(["SELECT ", self.outputs(made, self.rng.randint(1, 3))]), None

    def rows(self):
        source = self.sources()
        made = self.expressions(source.columns)
        clause, order = self.order(made, source.keys)
        return Node(["SELECT ", self.outputs(made, self.rng.randint(1, 4), self.rng.randint(1, self.depth)), " FROM ", source.node, self.where(made), clause]), order

    def aggregate(self, made, numbers_only=False, window=False):
        """A call of an aggregate; those whose answer depends on the order get one."""
        call = self.rng.choice([c for c in self.facts.aggregates if (not numbers_only or c.result in NUMBERS) and ("json" not in c.name or c.name in ("json_agg", "jsonb_agg"))])
        if self.rng.random() < 0.15:
            return Node(["count(*)"], "int8")
        self.loose = self.loose or call.result in ALIKE
        if call.name in ("array_agg", "string_agg", "json_agg", "jsonb_agg"):
            return self.ordered_aggregate(made, call)
        if not window and (call.result in FLOATS or FLOATS & set(call.args)) and self.keys_of(made):  # digits hang on the order of the rows
            return Node([f"{call.name}(", Items([made.expression(t, self.rng.choice([0, 1])) for t in call.args]), f" ORDER BY {self.keys_of(made)})", self.filter(made)], call.result)
        args = Items([made.expression(t, self.rng.choice([0, 1])) for t in call.args])
        distinct = "DISTINCT " if len(call.args) == 1 and call.args[0] in HASHABLE and self.rng.random() < 0.2 else ""
        return Node([f"{call.name}({distinct}", args, ")", self.filter(made)], call.result)

    def ordered_aggregate(self, made, call):
        self.loose = True
        args = [made.leaf(call.args[0]), *([made.constant(call.args[1], "," if call.args[1] == "text" else None)] if len(call.args) > 1 else [])]
        order = self.keys_of(made)
        return Node([f"{call.name}(", Items(args), f" ORDER BY {order})", self.filter(made)], call.result) if order else Node(["count(*)"], "int8")

    def keys_of(self, made):
        return ", ".join(name for name, _ in made.columns if name.endswith(".id"))

    def filter(self, made):
        return Node([" FILTER (WHERE ", made.expression("bool", 1), ")"], optional=True) if self.rng.random() < 0.15 else ""

    def group_keys(self, made, n):
        """Expressions over columns; constants would be positions."""
        keys = []
        for _ in range(n):
            t = self.rng.choice(HASHABLE)
            fitting = [name for name, its_type in made.columns if its_type == t]
            if fitting:
                keys.append(Node([self.rng.choice(fitting)], t))
        return keys or [Node([made.columns[0][0]], made.columns[0][1])]

    def grouped(self):
        source = self.sources()
        made = self.expressions(source.columns, False)
        keys = self.group_keys(made, self.rng.randint(0, 2)) if self.rng.random() < 0.75 else []
        self.loose = self.loose or any(key.type in ALIKE for key in keys)
        over = Expressions(self.rng, self.facts, [(key.parts[0], key.type) for key in keys], self.edge)
        items = [*keys, *(self.aggregate(made) for _ in range(self.rng.randint(1, 3)))]
        if keys and self.rng.random() < 0.4:
            items.append(over.expression(self.rng.choice(INNER), 2))
        if self.rng.random() < 0.2:
            items.append(Node(["(", self.aggregate(made, True), " + ", self.aggregate(made, True), ")"], "numeric"))
        group = Node([" GROUP BY ", self.grouping(keys)], optional=True) if keys else ""
        having = Node([" HAVING ", self.aggregate(made, True), self.rng.choice([" > 0", " IS NOT NULL", " <= 2"])], optional=True) if self.rng.random() < 0.2 else ""
        clause = Node([" ORDER BY ", ", ".join(str(i + 1) for i in range(len(keys)))], optional=True) if keys and self.rng.random() < 0.3 else ""
        return Node(["SELECT ", Items(items), " FROM ", source.node, self.where(made, 0.4), group, having, clause]), None

    def grouping(self, keys):
        texts, word = ", ".join(key.parts[0] for key in keys), self.rng.random()
        if word < 0.85:
            return texts
        return self.rng.choice([f"ROLLUP ({texts})", f"CUBE ({texts})", f"GROUPING SETS (({texts}), ())"])

    def windows(self):
        source = self.sources()
        made = self.expressions(source.columns, False)
        items = [self.window(made, source) for _ in range(self.rng.randint(1, 2))]
        if self.rng.random() < 0.2:
            items.append(self.range_window(made))
        clause, order = self.order(made, source.keys)
        return Node(["SELECT ", Items([Node([", ".join(source.keys)]) if source.keys else made.leaf("int4"), *items]), " FROM ", source.node, self.where(made, 0.3), clause]), order

    def window(self, made, source):
        call = self.rng.choice(self.facts.windows) if self.rng.random() < 0.6 else None
        head = Node([f"{call.name}(", Items([self.window_argument(made, call, i) for i in range(len(call.args))]) if call.args else "", ")"], call.result) if call else self.aggregate(made, window=True)
        partition = Node(["PARTITION BY ", self.rng.choice(self.group_keys(made, 1)), " "], optional=True) if self.rng.random() < 0.5 else ""
        keys = ", ".join(source.keys)
        order = Node(["ORDER BY ", self.sort_key(made.leaf(self.rng.choice(SORTABLE))), f", {keys}" if keys else "", self.frame(bool(keys))])
        return Node([head, " OVER (", partition, order, ")"], head.type)

    def window_argument(self, made, call, index):
        if call.args[index] == "int4" and (index == 1 or call.name == "ntile"):
            return made.constant("int4", self.rng.choice(["1", "2", "3", "0"]))
        return made.expression(call.args[index], 1)

    def frame(self, total):
        if self.rng.random() < 0.6 or not total:
            return ""
        return Node([" " + self.rng.choice(["ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING", "ROWS UNBOUNDED PRECEDING", "ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING", "RANGE UNBOUNDED PRECEDING",
                                            "GROUPS BETWEEN 1 PRECEDING AND CURRENT ROW", "ROWS BETWEEN 2 PRECEDING AND 1 PRECEDING", "GROUPS BETWEEN CURRENT ROW AND 1 FOLLOWING EXCLUDE TIES",
                                            "ROWS BETWEEN 1 FOLLOWING AND 2 FOLLOWING", "RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW EXCLUDE GROUP", "ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING EXCLUDE CURRENT ROW"])], optional=True)

    RANGES = {"int4": ["1", "0", "-1", "'2'"], "numeric": ["1.5", "10"], "float8": ["0.5", "2"], "date": ["'1 day'", "interval '1 mon'"], "timestamp": ["'1 hour'", "interval '1 year'"], "int8": ["3", "4294967296"], "interval": ["'1 day'"]}

    def range_window(self, made):
        """RANGE with a distance: one column to order by."""
        t = self.rng.choice(list(self.RANGES))
        key, n = made.leaf(t), self.rng.choice(self.RANGES[t])
        bounds = self.rng.choice([f"{n} PRECEDING AND {n} FOLLOWING", f"{n} PRECEDING AND CURRENT ROW", f"CURRENT ROW AND {n} FOLLOWING", f"UNBOUNDED PRECEDING AND {n} PRECEDING"])
        name = self.rng.choice(["count", "min", "max", "sum"])
        head = Node(["count(*)"]) if name == "count" or t in ("date", "timestamp") and name == "sum" else Node([f"{name}(", key, ")"])
        self.loose = True
        return Node([head, " OVER (ORDER BY ", key, f"{self.rng.choice(['', ' DESC'])} RANGE BETWEEN {bounds})"], "")

    def united(self):
        ts = [self.rng.choice(HASHABLE) for _ in range(self.rng.randint(1, 3))]
        self.loose = self.loose or bool(ALIKE & {*ts, *(self.NEAR.get(t, t) for t in ts)})
        node = self.branch(ts)
        for _ in range(self.rng.choice([1, 1, 2])):
            word = self.rng.choice([" UNION ", " UNION ALL ", " INTERSECT ", " EXCEPT ", " EXCEPT ALL ", " INTERSECT ALL "])
            node = Node([node, word, self.branch(ts)]) if self.rng.random() < 0.7 else Node(["(", node, ")", word, "(", self.branch(ts), ")"])
        clause = Node([" ORDER BY ", ", ".join(str(i + 1) for i in range(len(ts)))], optional=True) if self.rng.random() < 0.4 else ""
        return Node([node, clause]), None

    NEAR = {"int4": "int8", "int2": "numeric", "int8": "float8", "varchar": "text", "date": "timestamp", "bpchar": "text"}

    def branch(self, ts):
        source = self.source() if self.rng.random() < 0.8 else None
        made = self.expressions(source.columns if source else [], False)
        items = [made.expression(self.NEAR.get(t, t) if self.rng.random() < 0.2 else t, 1) for t in ts]
        tail = [" FROM ", source.node, self.where(made, 0.3, 1)] if source else []
        return Node(["SELECT ", join(items), *tail])

    def distinct(self):
        source = self.sources()
        made = self.expressions(source.columns, False)
        ts = [self.rng.choice(HASHABLE) for _ in range(self.rng.randint(1, 2))]
        self.loose = self.loose or bool(ALIKE & set(ts))
        clause = Node([" ORDER BY 1"], optional=True) if self.rng.random() < 0.4 else ""
        return Node(["SELECT DISTINCT ", Items([made.expression(t, 2) for t in ts]), " FROM ", source.node, self.where(made, 0.3), clause]), None

    def distinct_on(self):
        source = self.sources()
        made = self.expressions(source.columns, False)
        key = self.group_keys(made, 1)[0].parts[0]
        clause = Node([f" ORDER BY {key}{self.rng.choice(['', ' DESC'])}, {', '.join(source.keys)}"])
        return Node([f"SELECT DISTINCT ON ({key}) ", self.outputs(made, 2, 1), " FROM ", source.node, clause]), clause

    def with_query(self):
        source, name = self.table(), self.alias("w")
        made = self.expressions(source.columns, False)
        ts = [self.rng.choice(INNER) for _ in range(2)]
        hint = self.rng.choice(["", " MATERIALIZED", " NOT MATERIALIZED"])
        inner = Node(["SELECT ", source.keys[0], " AS id, ", join([Node([made.expression(t, 2), f" AS x{i}"]) for i, t in enumerate(ts)]), " FROM ", source.node, self.where(made, 0.3)])
        outer = self.expressions([(f"{name}.id", "int4"), *((f"{name}.x{i}", t) for i, t in enumerate(ts))])
        clause, order = self.order(outer, [f"{name}.id"])
        return Node([f"WITH {name} AS{hint} (", inner, ") SELECT ", self.outputs(outer, 2, 2), f" FROM {name}", self.where(outer, 0.4), clause]), order

    def values_query(self):
        made = self.expressions([], False)
        ts = [self.rng.choice(TYPES) for _ in range(self.rng.randint(1, 3))]
        rows = [Node(["(", join([made.expression(t, 1) for t in ts]), ")"]) for _ in range(self.rng.randint(1, 3))]
        return Node(["VALUES ", Items(rows)]), None

    def recursive(self):
        made, name = self.expressions([], False), self.alias("r")
        t = self.rng.choice(INNER)
        step = self.expressions([(f"{name}.id", "int4"), (f"{name}.x", t)], False)
        inner = Node(["SELECT 1, ", made.expression(t, 1), self.rng.choice([" UNION ALL ", " UNION "]), f"SELECT {name}.id + 1, ", step.expression(t, 1), f" FROM {name} WHERE {name}.id < {self.rng.randint(1, 4)}"])
        clause, order = self.order(step, [f"{name}.id"])
        self.loose = self.loose or t in ALIKE
        return Node([f"WITH RECURSIVE {name}(id, x) AS (", inner, ") SELECT ", self.outputs(step, 2, 1), f", {name}.x FROM {name}", clause]), order

    def star(self):
        """*, t.*, USING and NATURAL: which columns there are, and in which order."""
        if self.rng.random() < 0.5:
            source = self.sources()
            made = self.expressions(source.columns, False)
            clause, order = self.order(made, source.keys)
            alias = self.rng.choice(source.columns)[0].split(".")[0]
            return Node(["SELECT ", self.rng.choice(["*", f"{alias}.*", f"{alias}.*, 1 AS one"]), " FROM ", source.node, self.where(made, 0.5), clause, self.rng.choice(["", "", " FOR UPDATE"]) if "JOIN" not in printed(source.node, False).sql else ""]), order
        kind = self.rng.choice([" JOIN ", " LEFT JOIN ", " RIGHT JOIN ", " FULL JOIN "])
        text = self.rng.choice([f"item{kind}note USING (id)", f"item NATURAL{kind}note", f"plain{kind}edge USING (id, b)", f"item{kind}note AS n(id, kind) USING (id, kind)", f"plain{kind}edge USING (id){kind}item USING (id)",
                                f"(SELECT id, kind FROM item) a{kind}(SELECT id, body AS kind FROM note) b USING (kind)", f"item{kind}note USING (id) AS j"])
        return Node(["SELECT ", self.rng.choice(["*", "id", "item.*" if "item" in text and "FROM item" not in text else "*", "count(*)"]), " FROM ", text]), None

    def ordered_sets(self):
        """percentiles, mode, and hypothetical rows."""
        source = self.sources()
        made = self.expressions(source.columns, False)
        self.loose = True

        def call():
            t = self.rng.choice(["int4", "float8", "numeric", "text", "date", "interval", "float4", "int8", "timestamp"])
            form = self.rng.choice(["percentile_disc(0.5)", "percentile_cont(0.25)", "mode()", "percentile_disc(ARRAY[0, 0.5, 1])", "percentile_cont(ARRAY[0.1, 0.9])", "rank", "dense_rank", "percent_rank", "cume_dist", "percentile_disc(2)",
                                    "percentile_cont(NULL)"])
            head = [form] if "(" in form else [f"{form}(", made.constant(t), ")"]
            return Node([*head, " WITHIN GROUP (ORDER BY ", made.expression(t, 1), self.rng.choice(["", " DESC", " NULLS FIRST"]), ")", self.filter(made)], t)
        key = self.group_keys(made, 1)[0] if self.rng.random() < 0.5 else None
        return Node(["SELECT ", Items([*([key] if key else []), call(), call()]), " FROM ", source.node, self.where(made, 0.3), Node([" GROUP BY ", key.parts[0]]) if key else ""]), None

    def sets(self):
        """Set-returning functions."""
        made = self.expressions([], False)
        choice = self.rng.choice(["unnest", "generate_series", "regexp_split_to_table", "jsonb_array_elements", "jsonb_each_text", "jsonb_object_keys", "string_to_table", "generate_subscripts"])
        args = {"unnest": ["_" + self.rng.choice(["int4", "text", "numeric"])], "generate_series": ["int4", "int4"], "regexp_split_to_table": ["text", "text"], "string_to_table": ["text", "text"],
                "generate_subscripts": ["_int4", "int4"]}.get(choice, ["jsonb"])
        items = [made.constant(t, self.rng.choice([*values.SMALL, "5"]) if t == "int4" else None) for t in args]
        call = Node([f"{choice}(", Items(items), ")"])
        return (Node(["SELECT ", call]) if self.rng.random() < 0.4 else Node(["SELECT * FROM ", call])), None


BASES = re.compile(r"\b(plain|edge|item|note) (t\d+)\b")


def from_items(root):
    """alias -> what stands in FROM for it, in the queries the generator makes; the target of a change under its own name and as excluded."""
    items = {"target": "target", "excluded": "target AS excluded"}
    for node in root.walk():
        text = printed(node, False).sql
        items.update({alias: f"{table} {alias}" for table, alias in BASES.findall(text)})
        named = re.fullmatch(r"(?:\(|LATERAL \(|generate_series|unnest).*\) (?:WITH ORDINALITY )?AS ([a-z]+\d+)(?:\([a-z, ]+\))?", text, re.S)
        if named and not node.type:
            items[named[1]] = node
    return {**items, **with_items(root)}


def with_items(root):
    """alias -> its WITH query as a subquery of FROM."""
    head = re.fullmatch(r"WITH (RECURSIVE )?(\w+)(\(id, x\))? AS(?: NOT MATERIALIZED| MATERIALIZED)? \(", root.parts[0]) if root.parts and isinstance(root.parts[0], str) else None
    if not head:
        return {}
    inner = Node(["WITH RECURSIVE ", head[2], head[3], " AS (", root.parts[1], ") SELECT * FROM ", head[2]]) if head[1] else root.parts[1]
    return {head[2]: Node(["(", inner, f") AS {head[2]}"])}


def foreign(text):
    """The aliases that a text takes columns of, and does not have itself."""
    own = {alias for _, alias in BASES.findall(text)}
    return {alias for alias in re.findall(r"\b([a-z]+\d+|target|excluded)(?=\.)", text) if alias not in own}


def is_lateral(item):
    return isinstance(item, Node) and str(item.parts[0]).startswith("LATERAL ")


def aliases_of(items, text):
    """The aliases that an expression's text needs, and those that LATERAL ones of these need, which come last; None where one is not to be had."""
    wanted, seen = foreign(text), set()
    while wanted - seen:
        alias = min(wanted - seen)
        seen.add(alias)
        if alias not in items:
            return None
        if is_lateral(items[alias]):
            wanted |= foreign(printed(items[alias], False).sql) - {alias}
    return sorted(seen, key=lambda alias: (is_lateral(items[alias]), int(re.sub(r"\D", "", alias) or 0) if is_lateral(items[alias]) else 0, alias))


def sources_of(root, text):
    """The FROM list, as parts of a node, that an expression's text needs; None where one of its tables is not to be had outside of its query."""
    items, parts = from_items(root), []
    aliases = aliases_of(items, text)
    for alias in aliases or []:
        parts += [", " if parts else " FROM ", items[alias]]
    return None if aliases is None else parts


def expressions_alone(root):
    """Each expression of a query, inner ones first, as a query of its own over the tables whose columns it reads; with it the column that it is written to."""
    for node in reversed(list(root.walk())):
        if not node.type or not (node.parts or node.into):
            continue
        text = printed(node, False).sql
        if " OVER (" in text:  # its rows are those of the whole query
            continue
        sources = sources_of(root, text)
        if sources is not None:
            yield node, Node(["SELECT ", node, *sources]), not sources and not BASES.search(text)
            if node.into and node.into != "g":
                chosen = ["SELECT ", node, *sources] if sources else ["VALUES (", node, ")"]
                yield node, Node([f"INSERT INTO bare ({node.into}) ", *chosen]), not sources and not BASES.search(text)


class Subqueries:
    """Subqueries inside expressions; columns of the outer query are in their scope."""

    def __init__(self, queries, columns):
        self.queries, self.columns, self.rng = queries, columns, queries.rng

    def parts(self):
        source = self.queries.table()
        made = self.queries.expressions(source.columns + (self.columns if self.rng.random() < 0.5 else []), False)
        return source, made

    def scalar(self, type_name, depth):
        source, made = self.parts()
        if self.rng.random() < 0.4:
            calls = [c for c in self.queries.facts.aggregates if c.result == type_name and c.name in ("min", "max", "sum", "avg", "count", "bool_and", "bit_or")]
            if calls:
                call = self.rng.choice(calls)
                self.queries.loose = self.queries.loose or type_name in ALIKE
                return Node([f"(SELECT {call.name}(", Items([made.leaf(t) for t in call.args]) if call.args and call.args[0] != "any" else "*", ") FROM ", source.node, self.queries.where(made, 0.4, 1), ")"], type_name)
        return Node(["(SELECT ", made.expression(type_name, min(depth, 1)), " FROM ", source.node, f" WHERE {source.keys[0]} = {self.rng.randint(0, 7)})"], type_name)

    def condition(self, _, depth):
        source, made = self.parts()
        where, depth = self.queries.where(made, 0.6, 1), min(depth, 1)
        if self.rng.random() < 0.4:
            return Node([self.rng.choice(["EXISTS", "NOT EXISTS"]), " (SELECT 1 FROM ", source.node, where, ")"], "bool")
        t = self.rng.choice(COMPARABLE)
        outer = Expressions(self.rng, self.queries.facts, self.columns, self.queries.edge)
        word = self.rng.choice([" IN (", " NOT IN (", " = ANY (", " < ALL (", " <> ALL (", " >= ANY ("])
        return Node(["(", outer.expression(t, depth), word, "SELECT ", made.expression(t, 0), " FROM ", source.node, where, "))"], "bool")


def join(items):
    """Several nodes with commas, none of which may be left out."""
    parts = []
    for item in items:
        parts += [", ", item] if parts else [item]
    return Node(parts)
