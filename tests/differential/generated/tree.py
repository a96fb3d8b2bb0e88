"""A query as a tree of texts: printed with its parameters, and cut down by shrink.py."""
from dataclasses import dataclass, field


@dataclass
class Printed:
    """What is sent. Parameters: (text, type name or None, binary)."""
    sql: str = ""
    params: list = field(default_factory=list)


class Node:
    """parts: texts and nodes. type: of an expression; "" for clauses. optional: may be left out."""
    optional, into = False, ""  # into: the column of `target` that an expression is written to

    def __init__(self, parts, type_name="", optional=False):
        self.parts, self.type, self.optional = list(parts), type_name, optional

    def write(self, out, extended):
        for part in self.parts:
            out.sql += part if isinstance(part, str) else ""
            if isinstance(part, Node):
                part.write(out, extended)

    def children(self):
        return [part for part in self.parts if isinstance(part, Node)]

    def walk(self):
        yield self
        for child in self.children():
            yield from child.walk()


class Items(Node):
    """A list with commas (or another word between); all but one may be left out."""

    def __init__(self, items, between=", "):
        super().__init__(items)
        self.between = between

    def write(self, out, extended):
        for index, item in enumerate(self.parts):
            out.sql += self.between if index else ""
            item.write(out, extended)


class Constant(Node):
    """style: number, bare, cast, typed (type 'text'), and for the extended protocol param, param_cast, param_typed, binary."""

    def __init__(self, text, type_name, style, sql_type, raw=None):
        super().__init__([], type_name)
        self.text, self.style, self.sql_type, self.raw = text, style, sql_type, raw

    def write(self, out, extended):
        if self.style.startswith("param") or self.style == "binary":
            out.sql += self.parameter(out) if extended else self.literal("cast")
        else:
            out.sql += self.literal(self.style)

    def literal(self, style):
        quoted = "NULL" if self.text is None else "'" + self.text.replace("'", "''") + "'"
        if style == "number" and self.text is not None:
            return self.text if self.text[0] != "-" else f"({self.text})"
        if style == "typed" and self.text is not None and not self.sql_type.endswith("]"):
            return f"{self.sql_type} {quoted}"
        return quoted if style in ("bare", "number") else f"{quoted}::{self.sql_type}"

    def parameter(self, out):
        binary = self.style == "binary" and self.raw is not None
        declared = self.style in ("param_typed", "binary")
        out.params.append((self.raw if binary else self.text, self.type if declared else None, binary))
        return f"${len(out.params)}" + (f"::{self.sql_type}" if self.style == "param_cast" else "")


def printed(node, extended):
    out = Printed()
    node.write(out, extended)
    return out
