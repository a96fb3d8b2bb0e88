"""What PostgreSQL has and pgd1 says it runs: rows of proxy/catalog/facts_*.def that have a row in proxy/sql/functions.def."""
import pathlib
import re
from dataclasses import dataclass

ROOT = pathlib.Path(__file__).resolve().parents[3]
TOKEN = re.compile(r'"((?:[^"\\]|\\.)*)"|(\'.\')|(-?\d+(?:\.\d+)?)F?|(\w+)|([(),])')

# What depends on the session, the moment or the server, waits, or has an effect.
APART = re.compile(r"^(pg_|has_|to_reg|inet_client|inet_server|current_|row_security|json_to_record|jsonb_to_record|json_populate|jsonb_populate"
                   r"|txid_|shobj_|obj_desc|col_desc|format_type|getdatabaseencoding|version|now$|age$|set_config|like_escape$|acl|makeacl|session_user"
                   r"|statement_timestamp|transaction_timestamp|unknown|quote_ident_|dsn|array_fill|generate_|normalize|is_normalized|xid|query_to)")


@dataclass(frozen=True)
class Call:
    """A function, operator, aggregate or window function on certain types; names of types, arrays as "_int4"."""
    name: str
    kind: str  # f a w; b l for operators
    args: tuple
    result: str
    source: str
    returns_set: bool = False
    volatile: bool = False


def rows(path):
    for line in (ROOT / path).read_text(encoding="utf-8").splitlines():
        start = line.find("(")
        if start > 0 and line[:start].isupper():
            yield fields(line[start + 1:line.rindex(")")])


def fields(text):
    """The fields of one row; PG_ARGS(…) becomes a list."""
    out, inner = [], None
    for string, char, number, word, mark in TOKEN.findall(text):
        if mark:
            inner = [] if mark == "(" else None if mark == ")" else inner
            continue
        if word == "PG_ARGS":
            inner = out
            out.append([])
            continue
        value = char[1] if char else float(number) if "." in number else int(number) if number else {"true": True, "false": False, "NULL": None}.get(word, word) if word else string
        (out if inner is None else out[-1]).append(value)
    return out


POLYMORPHIC = {"anyelement", "anyarray", "anynonarray", "anyenum", "anycompatible", "anycompatiblearray", "anycompatiblenonarray", "any"}


class Facts:
    """types: the names generated; elements: the types put for anyelement."""

    def __init__(self, types, elements):
        self.names = {row[0]: row[1] for row in rows("proxy/catalog/facts_type.def")}
        self.types, self.elements = set(types), elements
        self.keys = {row[0] for row in rows("proxy/sql/functions.def") if row}
        procs = {row[0]: self.proc(row) for row in rows("proxy/catalog/facts_proc.def") if not row[15]}
        kept = [call for call in procs.values() if self.supported(call)]
        self.functions = [c for call in kept if call.kind == "f" and not call.returns_set and not APART.match(call.name) and call.source != "interval_scale" for c in self.instances(call)]
        ordered = {row[0] for row in rows("proxy/catalog/facts_aggregate.def") if row[1] != "n"}
        kept = [procs[oid] for oid in procs if oid not in ordered and self.supported(procs[oid])]
        self.aggregates = [c for call in kept if call.kind == "a" for c in self.instances(call)]
        self.windows = [c for call in kept if call.kind == "w" for c in self.instances(call)]
        self.operators = [c for row in rows("proxy/catalog/facts_operator.def") for c in self.operator(row, procs)]
        self.casts = [(self.names[row[0]], self.names[row[1]]) for row in rows("proxy/catalog/facts_cast.def")
                      if self.names.get(row[0]) in self.types and self.names.get(row[1]) in self.types]

    def proc(self, row):
        _, name, kind, volatility, _, returns_set, result, _, n_args, _, args, source = row[:12]
        return Call(name, kind, tuple(self.names.get(arg, "?") for arg in args[:n_args]), self.names.get(result, "?"), source, returns_set, volatility == "v")

    def supported(self, call):
        return not call.volatile and (f"{call.source}({','.join(call.args)})" in self.keys or call.source in self.keys)

    def operator(self, row, procs):
        _, name, kind, left, right, result, proc = row[:7]
        if proc not in procs or not self.supported(procs[proc]):
            return []
        args = tuple(self.names.get(arg, "?") for arg in ([left, right] if kind == "b" else [right]))
        return self.instances(Call(name, kind, args, self.names.get(result, "?"), procs[proc].source))

    def instances(self, call):
        """Polymorphic arguments replaced by several types; calls on types that are not generated are left out."""
        if not POLYMORPHIC & set(call.args):
            return [call] if set(call.args) <= self.types and call.result in self.types else []
        elements = ["mood"] if "anyenum" in call.args else self.elements
        made = []
        for element in elements:
            array = "_" + element
            put = {"anyarray": array, "anycompatiblearray": array}

            def real(name, put=put, element=element):
                return put.get(name, element) if name in POLYMORPHIC else name
            one = Call(call.name, call.kind, tuple(real(arg) for arg in call.args), real(call.result), call.source)
            if set(one.args) <= self.types and one.result in self.types:
                made.append(one)
        return made
