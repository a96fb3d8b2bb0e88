"""Random INSERT, UPDATE, DELETE, MERGE and WITH queries that change the table `target`; its rows are compared afterwards."""
from . import tables
from .evidence import Rows
from .queries import Queries, Query
from .tree import Items, Node

COLUMNS = [(name, tables.base(t)) for name, t, _ in tables.TARGET]
WRITTEN = [pair for pair in COLUMNS if pair[0] not in ("id", "g")]
AS_SOURCE = "INSERT INTO target (id, k, i2, i4, i8, n2, n, f4, f8, v, c, t, d, tm, ts, tstz, iv, b, e, u, bt, j, jb, ai, at, dp, dw, ip) " \
            "SELECT id, 'k' || id, i2, coalesce(i4, 0), i8, i2, n, f4, f8, left(t, 5), left(v, 4), t, d, tm, ts3, tstz, iv, b, e, u, bt, j, jb, ai, at, dp, dw, ip " \
            f"FROM plain WHERE id IN ({', '.join(map(str, tables.TARGET_IDS))})"
RESET = "DELETE FROM target; " + AS_SOURCE
AFTERWARDS = "SELECT * FROM target ORDER BY id"
# What an assignment casts, what it must refuse, and what it may find too large.
NEAR = {"int2": ["int4", "int8", "numeric", "float8"], "int4": ["int2", "int8", "numeric", "float8"], "int8": ["int4", "numeric", "float8"], "numeric": ["int4", "float8", "int8"], "float4": ["float8", "numeric"],
        "float8": ["float4", "numeric", "int8"], "varchar": ["text", "int4", "date"], "bpchar": ["text", "varchar"], "text": ["varchar", "int4", "bool", "uuid", "jsonb"], "date": ["timestamp", "timestamptz"],
        "timestamp": ["date", "timestamptz"], "timestamptz": ["timestamp", "date"], "time": ["interval", "timestamp", "timetz"], "interval": ["time"], "json": ["jsonb"], "jsonb": ["json"], "inet": ["cidr", "text"],
        "_int4": ["_int8"], "_text": ["_int4"]}


class Changes(Queries):
    """Makes statements that change `target`."""

    def query(self):
        self.loose, self.names = False, 0
        shapes = [(self.insert, 5), (self.insert_select, 2), (self.update, 5), (self.delete, 2), (self.merge, 2), (self.changing_with, 2)]
        shape = self.rng.choices([s for s, _ in shapes], [w for _, w in shapes])[0]
        return Query(shape(), None, self.loose)

    # --- values

    def value(self, made, column, depth=1):
        """What is put into a column: (name, type)."""
        r = self.rng.random()
        if r < 0.05:
            return Node(["DEFAULT"])
        return self.plain_value(made, column, depth)

    def plain_value(self, made, column, depth=1):
        name, type_name = column
        node = self.any_value(made, type_name, depth)
        node.into = name
        return node

    def any_value(self, made, type_name, depth):
        r = self.rng.random()
        if r < 0.3:
            constant = made.constant(type_name)
            constant.style = self.rng.choice(["bare", "param", "param_typed", "binary"])
            return constant
        if r < 0.45 and type_name in NEAR:
            return made.expression(self.rng.choice(NEAR[type_name]), depth)
        return made.expression(type_name, self.rng.choice([0, depth]))

    def identity(self, made):
        """An id: mostly a new one."""
        return made.constant("int4", self.rng.choice(["20", "21", "22", "23", "24", "25", "1", "2", "5", "-1"]), 0)

    def some_columns(self, n):
        """Columns to write; now and then the generated one, which is an error for every value but DEFAULT."""
        return self.rng.sample([*WRITTEN, ("g", "int4")] if self.rng.random() < 0.05 else WRITTEN, n)

    def returning(self, made, likely=0.5):
        if self.rng.random() >= likely:
            return ""
        return Node([" RETURNING ", self.rng.choice([Node(["*"]), self.outputs(made, 2, 1), self.outputs(made, 1, 2)])], optional=True)

    def target(self):
        return self.expressions([(f"target.{name}", t) for name, t in COLUMNS])

    # --- statements

    def insert(self):
        made, picked = self.expressions([], False), self.some_columns(self.rng.randint(1, 4))
        rows = [Node(["(", self.identity(made), *[part for column in picked for part in (", ", self.value(made, column))], ")"]) for _ in range(self.rng.choice([1, 1, 2, 3]))]
        return Node([f"INSERT INTO target ({', '.join(['id', *[name for name, _ in picked]])}) VALUES ", Rows(rows), self.conflict([name for name, _ in picked]), self.returning(self.target())])

    def conflict(self, written):
        if self.rng.random() < 0.6:
            return ""
        where = self.rng.choice(["(id)", "(id)", "(k)", "", "ON CONSTRAINT target_pkey"])
        if self.rng.random() < 0.4 or not where:
            return Node([f" ON CONFLICT {where} DO NOTHING"], optional=True)
        both = self.expressions([*[(f"excluded.{name}", t) for name, t in COLUMNS], *[(f"target.{name}", t) for name, t in COLUMNS]], False)
        sets = self.assignments(both, self.some_columns(self.rng.randint(1, 2)))
        return Node([f" ON CONFLICT {where} DO UPDATE SET ", sets, Node([" WHERE ", both.expression("bool", 1)], optional=True) if self.rng.random() < 0.4 else ""], optional=True)

    def insert_select(self):
        source, picked = self.rng.choice([self.table, self.table, self.derived, self.values_list])(), self.some_columns(self.rng.randint(1, 3))
        made = self.expressions(source.columns, False)
        key = source.keys[0] if source.keys else "1"
        items = [part for column in picked for part in (", ", self.plain_value(made, column))]
        return Node([f"INSERT INTO target ({', '.join(['id', *[name for name, _ in picked]])}) SELECT {key} + 100", *items, " FROM ", source.node, self.where(made), self.conflict([]), self.returning(self.target(), 0.3)])

    def assignments(self, made, picked):
        sets = []
        for column in picked:
            sets.append(Node([f"{column[0]} = ", self.value(made, column)]))
        if self.rng.random() < 0.15:
            pair = self.some_columns(2)
            sets.append(Node([f"({pair[0][0]}, {pair[1][0]}) = (", self.value(made, pair[0]), ", ", self.value(made, pair[1]), ")"]))
        if self.rng.random() < 0.08:
            pair = self.some_columns(2)
            source = self.table()
            inner = self.expressions(source.columns, False)
            values = [inner.expression(t, 1) for _, t in pair]
            for node, (name, _) in zip(values, pair):
                node.into = name
            sets.append(Node([f"({pair[0][0]}, {pair[1][0]}) = (SELECT ", values[0], ", ", values[1], " FROM ", source.node, f" WHERE {source.keys[0]} = 1)"]))
        return Items(sets)

    def update(self):
        made, source = self.target(), None
        if self.rng.random() < 0.3:
            source = self.table()
            made = self.expressions([*made.columns, *source.columns], False)
        condition = self.expressions(made.columns).expression("bool", 2)
        where = Node([" WHERE ", Node([f"target.id = {source.keys[0]} AND "]) if source else "", condition], optional=not source) if source or self.rng.random() < 0.7 else ""
        return Node(["UPDATE target SET ", self.assignments(made, self.some_columns(self.rng.randint(1, 3))), *([" FROM ", source.node] if source else []), where, self.returning(made)])

    def delete(self):
        made = self.target()
        if self.rng.random() < 0.3:
            source = self.table()
            both = self.expressions([*made.columns, *source.columns], False)
            return Node(["DELETE FROM target USING ", source.node, f" WHERE target.id = {source.keys[0]} AND ", both.expression("bool", 1), self.returning(both)])
        return Node(["DELETE FROM target", Node([" WHERE ", made.expression("bool", 2)], optional=True) if self.rng.random() < 0.85 else "", self.returning(made)])

    def merge(self):
        source = self.table()
        made = self.target()
        both = self.expressions([*made.columns, *source.columns], False)
        alone = self.expressions(source.columns, False)
        clauses = []
        for _ in range(self.rng.randint(1, 3)):
            matched, r = self.rng.random() < 0.6, self.rng.random()
            scope = both if matched else alone
            condition = Node([" AND ", scope.expression("bool", 1)], optional=True) if self.rng.random() < 0.4 else ""
            picked = self.some_columns(self.rng.randint(1, 2))
            if r < 0.15:
                action = Node(["DO NOTHING"])
            elif not matched:
                names = ", ".join(["id", *[name for name, _ in picked]])
                action = Node([f"INSERT ({names}) VALUES ({source.keys[0]} + 50", *[part for column in picked for part in (", ", self.value(alone, column))], ")"])
            else:
                action = Node(["DELETE"]) if r < 0.35 else Node(["UPDATE SET ", self.assignments(both, picked)])
            clauses.append(Node([" WHEN ", "" if matched else "NOT ", "MATCHED", condition, " THEN ", action]))
        return Node(["MERGE INTO target USING ", source.node, f" ON target.id = {source.keys[0]}", Items(clauses, "")])

    def changing_with(self):
        """A statement that changes rows inside WITH."""
        name, columns = self.alias("w"), [("id", "int4"), *self.some_columns(2)]
        listed = ", ".join(column for column, _ in columns)
        made = self.target()
        change = self.rng.choice([
            lambda: Node(["UPDATE target SET ", self.assignments(made, self.some_columns(1)), Node([" WHERE ", made.expression("bool", 1)], optional=True)]),
            lambda: Node(["DELETE FROM target WHERE ", made.expression("bool", 1)]),
            lambda: Node(["INSERT INTO target (id, t) VALUES (", self.identity(made), ", ", self.plain_value(self.expressions([], False), ("t", "text")), ")"])])()
        outer = self.expressions([(f"{name}.{column}", t) for column, t in columns], False)
        tail = self.rng.choice([lambda: Node(["SELECT ", self.outputs(outer, 2, 1), f" FROM {name}"]), lambda: Node([f"SELECT count(*) FROM {name}"]),
                                lambda: Node([f"SELECT min({name}.id), (SELECT count(*) FROM item) FROM {name}"])])()
        return Node([f"WITH {name} AS (", change, f" RETURNING {listed}) ", tail])
