#!/usr/bin/env python3
"""Writes proxy/catalog/facts_*.def from a running PostgreSQL 15: what its catalogue says of types, functions, operators, casts…

    tests/support/catalog_facts.py            rewrites the files
    tests/support/catalog_facts.py --check    says which would change (tests/differential/test_facts.py asserts the same)

OIDs up to 11999 are PostgreSQL's own constants; those above are given at initdb, in the order of its scripts.
"""
import argparse
import json
import os
import sys

sys.path.insert(0, os.path.dirname(__file__))
from postgres import Postgres  # noqa: E402

FOLDER = os.path.join(os.path.dirname(__file__), "..", "..", "proxy", "catalog")
FILES = ["facts_type.def", "facts_type_name.def", "facts_proc.def", "facts_proc_oid.def", "facts_operator.def", "facts_operator_oid.def",
         "facts_cast.def", "facts_aggregate.def", "facts_keyword.def", "facts_relation.def", "facts_column.def", "facts_rows.def",
         "facts_row.def", "facts_view.def", "facts_proc_more.def"]

TYPES = """
SELECT t.oid::int8, typname AS name, typarray::int8 AS array,
       CASE WHEN typsubscript = 'array_subscript_handler'::regproc THEN typelem::int8 ELSE 0 END AS element, typlen AS length,
       typtype AS kind, typcategory AS category, typispreferred AS preferred, typdelim AS delimiter,
       typelem::int8 AS typelem, typrelid::int8 AS relation, typbyval AS by_value, typinput::oid::int8 AS input, typoutput::oid::int8 AS output,
       typreceive::oid::int8 AS receive, typsend::oid::int8 AS send, typmodin::oid::int8 AS modin, typmodout::oid::int8 AS modout,
       typanalyze::oid::int8 AS analyze, typsubscript::oid::int8 AS subscript, typalign AS align, typstorage AS storage,
       typcollation::int8 AS collation
FROM pg_type t WHERE typnamespace = 'pg_catalog'::regnamespace ORDER BY t.oid
"""

PROCS = """
SELECT p.oid::int8, proname AS name, prokind AS kind, provolatile AS volatility, proisstrict AS strict, proretset AS returns_set,
       prorettype::int8 AS result, provariadic::int8 AS variadic, pronargs AS n_args, pronargdefaults AS n_defaults,
       (SELECT coalesce(json_agg(a::int8 ORDER BY n), '[]') FROM unnest(proargtypes::oid[]) WITH ORDINALITY u(a, n)) AS args,
       CASE WHEN lanname IN ('internal', 'c') AND prokind <> 'a' THEN prosrc ELSE proname || '(' || coalesce(
           (SELECT string_agg(typname, ',' ORDER BY n) FROM unnest(proargtypes::oid[]) WITH ORDINALITY u(a, n) JOIN pg_type t ON t.oid = a), '') || ')' END AS source,
       proallargtypes::int8[] AS all_args, proargmodes AS modes, proargnames AS names,
       (SELECT json_agg(pg_get_function_arg_default(p.oid, n::int) ORDER BY n) FROM generate_series(1, pronargs + 40) n
        WHERE pronargdefaults > 0 AND pg_get_function_arg_default(p.oid, n::int) IS NOT NULL) AS defaults,
       pronamespace <> 'pg_catalog'::regnamespace AS is_information_schema, lanname AS language, procost AS cost, prorows AS rows,
       proleakproof AS leakproof, proparallel AS parallel, prosupport::oid::int8 AS support
FROM pg_proc p JOIN pg_language l ON l.oid = prolang ORDER BY proname COLLATE "C", p.oid
"""

OPERATORS = """
SELECT o.oid::int8, oprname AS name, oprkind AS kind, oprleft::int8 AS left, oprright::int8 AS right, oprresult::int8 AS result,
       oprcode::oid::int8 AS proc, oprcom::int8 AS commutator, oprnegate::int8 AS negator, oprcanmerge AS can_merge, oprcanhash AS can_hash,
       oprrest::oid::int8 AS restriction, oprjoin::oid::int8 AS join
FROM pg_operator o ORDER BY oprname COLLATE "C", o.oid
"""

CASTS = """
SELECT castsource::int8 AS source, casttarget::int8 AS target, castfunc::int8 AS proc, castcontext AS context, castmethod AS method, c.oid::int8
FROM pg_cast c ORDER BY castsource, casttarget
"""

AGGREGATES = "SELECT aggfnoid::oid::int8 AS proc, aggkind AS kind, aggnumdirectargs AS n_direct_args FROM pg_aggregate ORDER BY aggfnoid::oid"


RELATIONS = """
SELECT c.oid::int8, reltype::int8 AS row_type, nspname AS schema, relname AS name, relkind AS kind,
       (SELECT json_agg(json_build_object('name', attname, 'type', (CASE WHEN typtype = 'd' THEN typbasetype ELSE atttypid END)::int8,
                                          'typmod', CASE WHEN typtype = 'd' THEN typtypmod ELSE atttypmod END, 'not_null', attnotnull) ORDER BY attnum)
        FROM pg_attribute a JOIN pg_type t ON t.oid = atttypid WHERE attrelid = c.oid AND attnum > 0) AS columns
FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
WHERE nspname IN ('pg_catalog', 'information_schema') AND relkind IN ('r', 'v') ORDER BY nspname COLLATE "C", relname COLLATE "C"
"""

# Relations whose rows a fresh database has are kept whole, in the order of a key. Names of columns: texts that depend on the machine or
# on the past of the cluster are given as constants.
WHOLE = {
    "pg_aggregate": "aggfnoid::oid", "pg_am": "oid", "pg_amop": "oid", "pg_amproc": "oid", "pg_attribute": "attrelid, attnum", "pg_auth_members": "roleid, member",
    "pg_authid": "oid", "pg_class": "oid", "pg_collation": "oid", "pg_constraint": "oid", "pg_conversion": "oid",
    "pg_depend": "classid, objid, objsubid, refclassid, refobjid, refobjsubid", "pg_description": "classoid, objoid, objsubid", "pg_extension": "oid",
    "pg_index": "indexrelid", "pg_init_privs": "classoid, objoid, objsubid", "pg_language": "oid", "pg_namespace": "oid", "pg_opclass": "ctid", "pg_opfamily": "oid",
    "pg_range": "rngtypid", "pg_rewrite": "oid", "pg_shdescription": "classoid, objoid", "pg_tablespace": "oid", "pg_ts_config": "oid",
    "information_schema.sql_features": "feature_id, sub_feature_id", "information_schema.sql_implementation_info": "implementation_info_id",
    "information_schema.sql_parts": "feature_id", "information_schema.sql_sizing": "sizing_id",
    "pg_ts_config_map": "mapcfg, maptokentype, mapseqno", "pg_ts_dict": "oid", "pg_ts_parser": "oid", "pg_ts_template": "oid", "pg_type": "oid",
}
# PostgreSQL's first superuser, the databases and the collations of the machine are not facts.
WHERE = {"pg_authid": "oid <> 10", "pg_collation": "collprovider = 'd' OR collname IN ('C', 'POSIX', 'ucs_basic')", "pg_shdescription": "classoid <> 1262",
         "pg_depend": "NOT (classid = 3456 AND refclassid = 3456)", "pg_description": "classoid <> 3456 OR objoid IN (100, 950, 951)"}
CONSTANT = {"relfilenode": "0", "relpages": "0", "reltuples": "-1", "relallvisible": "0", "relfrozenxid": "0", "relminmxid": "0",
            "rolpassword": "NULL", "ev_qual": "'<>'", "ev_action": "CASE WHEN rulename = '_RETURN' THEN '<>' ELSE pg_get_ruledef(r.oid) END", "attcacheoff": "-1",
            "attoptions": "NULL"}

# What a few rows of pg_proc have besides: SQL bodies, rights, libraries.
MORE = """
SELECT p.oid::int8, CASE WHEN lanname IN ('internal', 'c') THEN NULL ELSE prosrc END AS source, pg_get_function_sqlbody(p.oid) AS body,
       to_json(proacl::text[])::text AS acl, probin AS library
FROM pg_proc p JOIN pg_language l ON l.oid = prolang WHERE lanname NOT IN ('internal', 'c') OR proacl IS NOT NULL OR probin IS NOT NULL ORDER BY p.oid
"""

VIEWS = """
SELECT nspname AS schema, relname AS name, pg_get_viewdef(c.oid) AS text FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
WHERE nspname IN ('pg_catalog', 'information_schema') AND relkind = 'v' ORDER BY nspname COLLATE "C", relname COLLATE "C"
"""
# information_schema's two functions over whole rows, written out (information_schema.sql of PostgreSQL 15).
WHOLE_ROW_CALLS = {
    "information_schema._pg_truetypid(a.*, t.*)": "CASE WHEN (t.typtype = 'd'::\"char\") THEN t.typbasetype ELSE a.atttypid END",
    "information_schema._pg_truetypmod(a.*, t.*)": "CASE WHEN (t.typtype = 'd'::\"char\") THEN t.typtypmod ELSE a.atttypmod END",
}

KEYWORDS = 'SELECT word, catcode AS category, barelabel AS bare FROM pg_get_keywords() ORDER BY word COLLATE "C"'


def c_text(text):
    """A C string literal; NULL for None."""
    if text is None:
        return "NULL"
    out = []
    for byte in text.encode():
        char = chr(byte)
        if char in '"\\':
            out.append("\\" + char)
        elif 32 <= byte < 127 and char != "?":
            out.append(char)
        else:
            out.append(f"\\{byte:03o}")
    return '"' + "".join(out) + '"'


def c_char(char):
    return "0" if char in (None, "", "\0") else "'\\''" if char == "'" else f"'{char}'"


def c_bool(value):
    return "true" if value else "false"


def type_row(r):
    return (f"PG_TYPE({r['oid']}, {c_text(r['name'])}, {r['array']}, {r['element']}, {r['length']}, {c_char(r['kind'])}, {c_char(r['category'])}, "
            f"{c_bool(r['preferred'])}, {c_char(r['delimiter'])}, {r['typelem']}, {r['relation']}, {c_bool(r['by_value'])}, {r['input']}, {r['output']}, "
            f"{r['receive']}, {r['send']}, {r['modin']}, {r['modout']}, {r['analyze']}, {r['subscript']}, {c_char(r['align'])}, {c_char(r['storage'])}, {r['collation']})")


def proc_row(r):
    modes = r["modes"] or ["i"] * r["n_args"]
    names = r["names"] or []
    names += [""] * (len(modes) - len(names))
    inputs = [n for m, n in zip(modes, names) if m in "ibv"]
    outputs = [f"{n} {t}" for m, n, t in zip(modes, names, r["all_args"] or []) if m in "obt"]
    assert len(inputs) == r["n_args"] and len(r["defaults"] or []) == r["n_defaults"], r
    args = ", ".join(str(a) for a in r["args"]) or "0"
    return (f"PG_PROC({r['oid']}, {c_text(r['name'])}, {c_char(r['kind'])}, {c_char(r['volatility'])}, {c_bool(r['strict'])}, {c_bool(r['returns_set'])}, "
            f"{r['result']}, {r['variadic']}, {r['n_args']}, {r['n_defaults']}, PG_ARGS({args}), {c_text(r['source'])}, "
            f"{c_text(','.join(outputs) or None)}, {c_text(','.join(inputs) if any(inputs) else None)}, {c_text(chr(31).join(r['defaults'] or []) or None)}, "
            f"{c_bool(r['is_information_schema'])}, {c_char(r['language'][0])}, {float(r['cost'])!r}F, {float(r['rows'])!r}F, {c_bool(r['leakproof'])}, {c_char(r['parallel'])}, {r['support']})"
            )




def operator_row(r):
    return (f"PG_OPERATOR({r['oid']}, {c_text(r['name'])}, {c_char(r['kind'])}, {r['left']}, {r['right']}, {r['result']}, {r['proc']}, "
            f"{r['commutator']}, {r['negator']}, {c_bool(r['can_merge'])}, {c_bool(r['can_hash'])}, {r['restriction']}, {r['join']})")


def cast_row(r):
    return f"PG_CAST({r['source']}, {r['target']}, {r['proc']}, {c_char(r['context'])}, {c_char(r['method'])}, {r['oid']})"


def aggregate_row(r):
    return f"PG_AGGREGATE({r['proc']}, {c_char(r['kind'])}, {r['n_direct_args']})"


def relation_rows(relations):
    """Rows of the relations and of their columns, which stand one after the other."""
    rows, columns = [], []
    for r in relations:
        name = c_text(r["name"] if r["schema"] == "pg_catalog" else f"{r['schema']}.{r['name']}")
        rows.append(f"SYSTEM_RELATION({r['oid']}, {r['row_type']}, {c_text(r['schema'])}, {c_text(r['name'])}, {name}, "
                    f"{'VIEW' if r['kind'] == 'v' else 'TABLE'}, {len(columns)}, {len(r['columns'])})")
        columns += [f"SYSTEM_COLUMN({c_text(c['name'])}, {at}, {c['type']}, {c['typmod']}, {c_bool(c['not_null'])})" for at, c in enumerate(r["columns"], 1)]
    return rows, columns


def stored(name, type_name, relation):
    """SQL of a column in storage form (pgwire/types.h) as text."""
    column = f'r."{name}"'
    if CONSTANT.get(name):
        return f"({CONSTANT[name]})::text"
    if type_name == "pg_node_tree":
        of = {"pg_constraint": "conrelid", "pg_index": "indrelid"}.get(relation, "0")
        return f"pg_get_expr({column}, {of})"
    if type_name == "bool":
        return f"{column}::int::text"
    if type_name.startswith("reg"):
        return f"{column}::oid::text"
    if type_name in ("int2vector", "oidvector", "_int2", "_oid", "_int4"):
        plain = {"int2vector": "::int2[]", "oidvector": "::oid[]"}.get(type_name, "")
        return f"to_json({column}{plain}::int8[])::text"
    if type_name == "_float4":
        return f"to_json({column})::text"
    if type_name.startswith("_"):
        return f"to_json({column}::text[])::text"
    return f"{column}::text"


def whole_rows(postgres):
    """Rows of the relations in WHOLE, cells separated by \\037, NULL as \\036; and where each relation's rows stand."""
    spans, rows = [], []
    for relation, order in sorted(WHOLE.items()):
        columns = query(postgres, f"SELECT attname AS name, typname AS type FROM pg_attribute a JOIN pg_type t ON t.oid = atttypid "
                                  f"WHERE attrelid = '{relation}'::regclass AND attnum > 0 ORDER BY attnum")
        cells = ", ".join(f"coalesce({stored(c['name'], c['type'], relation)}, chr(30))" for c in columns)
        found = query(postgres, f"SELECT concat_ws(chr(31), {cells}) AS text FROM {relation} r WHERE {WHERE.get(relation, 'true')} ORDER BY {order}")
        spans.append(f"SYSTEM_ROWS({c_text(relation)}, {len(rows)}, {len(found)})")
        rows += [f"SYSTEM_ROW({c_text(r['text'])})" for r in found]
    return spans, rows


def view_rows(views):
    rows = []
    for v in views:
        text = v["text"]
        for call, meaning in WHOLE_ROW_CALLS.items():
            text = text.replace(call, meaning)
        rows.append(f"SYSTEM_VIEW({c_text(v['schema'])}, {c_text(v['name'])}, {c_text(text)})")
    return rows


def by_oid(rows, macro):
    return [f"{macro}({oid}, {at})" for oid, at in sorted((r["oid"], at) for at, r in enumerate(rows))]


def query(postgres, sql):
    """Rows as dicts."""
    done = postgres.psql("-A", "-t", "-q", text=f"SELECT coalesce(json_agg(row_to_json(r)), '[]') FROM ({sql}) r")
    return json.loads(done.stdout)


def files(postgres):
    """Name -> text of every generated file."""
    types, procs, operators, casts, aggregates, keywords = (query(postgres, sql) for sql in (TYPES, PROCS, OPERATORS, CASTS, AGGREGATES, KEYWORDS))
    relations, columns = relation_rows(query(postgres, RELATIONS))
    spans, rows = whole_rows(postgres)
    tables = {
        "facts_type.def": ("by OID", [type_row(r) for r in types]),
        "facts_type_name.def": ("by name: where the type stands in facts_type.def",
                                [f"PG_TYPE_NAME({at})" for _, at in sorted((r["name"], at) for at, r in enumerate(types))]),
        "facts_proc.def": ("by name, then OID", [proc_row(r) for r in procs]),
        "facts_proc_oid.def": ("by OID: where the function stands in facts_proc.def", by_oid(procs, "PG_PROC_OID")),
        "facts_operator.def": ("by name, then OID", [operator_row(r) for r in operators]),
        "facts_operator_oid.def": ("by OID: where the operator stands in facts_operator.def", by_oid(operators, "PG_OPERATOR_OID")),
        "facts_cast.def": ("by source, then target", [cast_row(r) for r in casts]),
        "facts_relation.def": ("system relations by schema, then name", relations),
        "facts_column.def": ("columns of the system relations", columns),
        "facts_keyword.def": ("by word", [f"PG_KEYWORD({c_text(r['word'])}, {c_char(r['category'])}, {c_bool(r['bare'])})" for r in keywords]),
        "facts_rows.def": ("relations whose rows are kept: where they stand in facts_row.def", spans),
        "facts_row.def": ("rows of relations, cells in storage form separated by \\037, NULL as \\036", rows),
        "facts_proc_more.def": ("by function", [f"PG_PROC_MORE({r['oid']}, {c_text(r['source'])}, {c_text(r['body'])}, {c_text(r['acl'])}, "
                                                f"{c_text(r['library'])})" for r in query(postgres, MORE)]),
        "facts_view.def": ("definitions of the system views by schema, then name", view_rows(query(postgres, VIEWS))),
        "facts_aggregate.def": ("by function", [aggregate_row(r) for r in aggregates]),
    }
    head = "/* Facts of PostgreSQL 15's catalogue, {}. Written by tests/support/catalog_facts.py: do not edit. */\n/* clang-format off */\n"
    return {name: head.format(order) + "\n".join(rows) + "\n/* clang-format on */\n" for name, (order, rows) in tables.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a file differs")
    options = parser.parse_args()
    with Postgres() as postgres:
        wanted = files(postgres)
    stale = 0
    for name, text in wanted.items():
        path = os.path.join(FOLDER, name)
        have = open(path, encoding="ascii").read() if os.path.exists(path) else ""
        if have == text:
            continue
        stale += 1
        print(f"{'differs' if options.check else 'written'}: {name}")
        if not options.check:
            with open(path, "w", encoding="ascii") as out:
                out.write(text)
    return 1 if stale and options.check else 0


if __name__ == "__main__":
    sys.exit(main())
