"""Makes a failing query small: drops clauses and items, puts parts or constants for expressions, as long as it still fails."""
from . import values
from .expressions import SQL_TYPES
from .tree import Constant, Items, Node


def simplest(type_name):
    """Constants to put for an expression of a type."""
    sql_type = SQL_TYPES.get(type_name, type_name)
    yield Constant(None, type_name, "cast", sql_type)
    for text in values.GOOD.get(type_name, [])[:2]:
        yield Constant(text, type_name, "cast", sql_type)


def parents(node):
    for child in node.children():
        yield node, child
        yield from parents(child)


def proposals(root):
    """(undo, redo) pairs are made by assigning parts: yields (node, new parts)."""
    for node in list(root.walk()):
        if isinstance(node, Items) and len(node.parts) > 1:
            for i in range(len(node.parts)):
                yield node, node.parts[:i] + node.parts[i + 1:]
    for parent, child in list(parents(root)):
        if child.optional:
            yield parent, [part if part is not child else "" for part in parent.parts]
    for parent, child in list(parents(root)):
        if child.type and child.parts:
            inside = [node for node in child.walk() if node is not child and node.type == child.type]
            for other in [*inside, *simplest(child.type)]:
                yield parent, [part if part is not child else other for part in parent.parts]


def shrink(query, fails, budget=150):
    """Changes the query's tree; fails(query) says whether it still does."""
    top = Node([query.node])
    tries, progress = 0, True
    while progress and tries < budget:
        progress = False
        for node, parts in proposals(top):
            before, node.parts = node.parts, parts
            query.node = top.parts[0] if isinstance(top.parts[0], Node) else query.node
            tries += 1
            if fails(query):
                progress = True
                break
            node.parts = before
            query.node = top.parts[0]
            if tries >= budget:
                break
    return query
