"""The catalogue of the same schema on PostgreSQL 15 and on pgd1: every system relation that pgd1 fills, row by row, and what clients ask.

OIDs of the users' objects differ between servers: they are replaced by the names of what they mean before rows are compared.
"""
import pathlib
import re

import pytest

from pgd1 import Pgd1

SCHEMA = """
CREATE SCHEMA shop;
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE DOMAIN percent AS integer CHECK (VALUE >= 0 AND VALUE <= 100);
CREATE SEQUENCE ticket START 100 INCREMENT 5;
CREATE TABLE people (
  id bigserial PRIMARY KEY, email varchar(120) NOT NULL UNIQUE, name text NOT NULL DEFAULT 'nobody', active boolean NOT NULL DEFAULT true,
  balance numeric(12,2) DEFAULT 0, born date, seen timestamptz DEFAULT now(), feeling mood DEFAULT 'ok', share percent, tags text[],
  data jsonb, code char(8), CONSTRAINT people_sane CHECK (name <> '' OR email IS NULL));
CREATE TABLE shop.orders (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, person bigint NOT NULL REFERENCES people (id) ON DELETE CASCADE,
  parent integer REFERENCES shop.orders (id) ON UPDATE CASCADE ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED,
  number bigint DEFAULT nextval('ticket'), qty integer CHECK (qty > 0), twice integer GENERATED ALWAYS AS (qty * 2) STORED,
  at timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP, UNIQUE (person, number));
CREATE TABLE items (order_id integer NOT NULL REFERENCES shop.orders, line smallint NOT NULL, note text, PRIMARY KEY (order_id, line));
CREATE INDEX items_note ON items (lower(note), line DESC);
CREATE INDEX orders_big ON shop.orders (person) WHERE qty > 10;
CREATE INDEX people_sum ON people ((balance + 1));
CREATE VIEW adults AS SELECT id, name FROM people WHERE active;
CREATE VIEW totals (who, n, big) AS SELECT p.name, count(o.id), sum(o.qty) > 5 AND NOT p.active FROM people p LEFT JOIN shop.orders o ON o.person = p.id AND (o.qty > 1 OR o.parent IS NULL)
  WHERE p.balance * 2 + 1 > (3 - p.share) AND p.feeling IN ('ok', 'happy') GROUP BY p.id, p.name, lower(p.code) ORDER BY p.name DESC, 2;
COMMENT ON TABLE people IS 'who they are';
COMMENT ON COLUMN people.email IS 'login';
COMMENT ON SCHEMA shop IS 'what they buy';
COMMENT ON TYPE mood IS 'how they feel';
"""

# Columns that are not compared, and why: storage, statistics and the past of a cluster, which D1 has not.
STORAGE = "relfilenode relpages reltuples relallvisible reltoastrelid relfrozenxid relminmxid relhastoasttable"
IGNORED = {
    "pg_attribute": "attoptions attmissingval attacl attndims",
    "pg_class": STORAGE,
    "pg_attrdef": "adbin", "pg_constraint": "conbin", "pg_index": "indexprs indpred", "pg_rewrite": "ev_action ev_qual",
    "pg_proc": "prosqlbody proargdefaults", "pg_type": "typdefaultbin",
}
# Rows that only one side has: TOAST tables, and the columns below zero of users' tables, which cannot be read here.
FILTER = {
    "pg_attribute": "attrelid NOT IN (SELECT oid FROM pg_class WHERE relnamespace = 99) AND (attnum > 0 OR attrelid < 16384)",
    "pg_class": "relnamespace <> 99",
    "pg_collation": "oid IN (100, 950, 951)",
    "pg_depend": "objid >= 16384 AND NOT EXISTS (SELECT 1 FROM pg_class c WHERE c.oid = objid AND relnamespace = 99)"
                 " AND classid <> 2620",
    "pg_description": "classoid <> 3456",
    "pg_index": "indexrelid NOT IN (SELECT oid FROM pg_class WHERE relnamespace = 99)",
    "pg_namespace": "nspname !~ '^pg_toast'",
    "pg_authid": "oid <> 10",
    "pg_proc": "oid <> 5028",  # the one variadic function that has modes of arguments but no list of them
}
TABLES = ["pg_aggregate", "pg_am", "pg_amop", "pg_amproc", "pg_attrdef", "pg_attribute", "pg_auth_members", "pg_authid", "pg_cast", "pg_class",
          "pg_collation", "pg_constraint", "pg_conversion", "pg_depend", "pg_description", "pg_enum", "pg_extension", "pg_index", "pg_inherits",
          "pg_init_privs", "pg_language", "pg_namespace", "pg_opclass", "pg_operator", "pg_opfamily", "pg_proc", "pg_range", "pg_rewrite", "pg_sequence",
          "pg_tablespace", "pg_trigger", "pg_ts_config", "pg_ts_config_map", "pg_ts_dict", "pg_ts_parser", "pg_ts_template", "pg_type"]

OBJECTS = """
SELECT oid, 'class ' || relnamespace::regnamespace || '.' || relname FROM pg_class
UNION ALL SELECT oid, 'type ' || typnamespace::regnamespace || '.' || typname FROM pg_type
UNION ALL SELECT oid, 'constraint ' || conname || ' ' || conrelid::regclass::text || contypid::regtype::text FROM pg_constraint
UNION ALL SELECT oid, 'schema ' || nspname FROM pg_namespace
UNION ALL SELECT oid, 'default ' || adrelid::regclass::text || ' ' || adnum FROM pg_attrdef
UNION ALL SELECT oid, 'rule ' || ev_class::regclass::text FROM pg_rewrite
UNION ALL SELECT t.oid, 'trigger ' || tgrelid::regclass::text || ' ' || conname || ' ' || tgtype FROM pg_trigger t JOIN pg_constraint c ON c.oid = tgconstraint
UNION ALL SELECT oid, 'label ' || enumlabel FROM pg_enum
"""


class Side:
    """One server: its connection and what its OIDs mean."""

    def __init__(self, connection):
        self.connection = connection
        for statement in filter(str.strip, SCHEMA.split(";\n")):
            connection.execute(statement)
        self.names = {int(oid): name for oid, name in connection.execute(OBJECTS).fetchall() if int(oid) >= 16384}

    def plain(self, value):
        if isinstance(value, bool) or value is None:
            return value
        if isinstance(value, int):
            return self.names.get(value, value)
        if isinstance(value, (list, tuple)):
            return [self.plain(v) for v in value]
        return re.sub(r"\d{5,}", lambda m: self.names.get(int(m.group()), m.group()), str(value))

    def rows(self, sql):
        cursor = self.connection.execute(sql)
        rows = [tuple(self.plain(v) for v in row) for row in cursor.fetchall()]
        return [c.name for c in cursor.description], sorted(rows, key=repr)


@pytest.fixture(scope="module")
def sides(newest_oracle):
    with Pgd1("embedded") as server:
        newest_oracle.psql("-d", "postgres", "-c", "DROP DATABASE IF EXISTS catalogue", "-c", "CREATE DATABASE catalogue")
        with newest_oracle.connect(dbname="catalogue", autocommit=True) as theirs, server.connect(autocommit=True) as ours:
            yield Side(theirs), Side(ours)


def assert_same(sides, sql):
    (names, theirs), (our_names, ours) = (side.rows(sql) for side in sides)
    assert names == our_names
    missing = [r for r in theirs if r not in ours]
    extra = [r for r in ours if r not in theirs]
    assert not missing and not extra, f"missing {len(missing)}: {missing[:3]}\nextra {len(extra)}: {extra[:3]}\ncolumns {names}"
    assert theirs == ours


@pytest.mark.parametrize("relation", TABLES)
def test_rows_of_a_system_table(sides, relation):
    columns = [c for c, in sides[0].connection.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 ORDER BY attnum", (f"pg_catalog.{relation}",))]
    kept = [c for c in columns if c not in IGNORED.get(relation, "").split()]
    assert_same(sides, f"SELECT {', '.join(kept)} FROM pg_catalog.{relation} WHERE {FILTER.get(relation, 'true')}")


# Views: those of information_schema are asked without what names the database's size of everything built in.
OWN = "NOT IN ('pg_catalog', 'information_schema', 'pg_toast')"
VIEWS = {
    "pg_catalog.pg_indexes": f"schemaname {OWN}",
    "pg_catalog.pg_sequences": "true",
    "pg_catalog.pg_tables": "true", "pg_catalog.pg_group": "true", "pg_catalog.pg_rules": "true", "pg_catalog.pg_views": f"schemaname {OWN}",
    "information_schema.sql_features": "true", "information_schema.sql_implementation_info": "true", "information_schema.sql_parts": "true",
    "information_schema.sql_sizing": "true",
    "information_schema.role_table_grants": f"grantee = 'postgres' AND table_schema {OWN}", "information_schema.table_privileges": f"table_schema {OWN}",
    "information_schema.column_privileges": f"table_schema {OWN}", "information_schema.usage_privileges": "object_schema <> 'pg_catalog'",
    "information_schema.applicable_roles": "true", "information_schema.enabled_roles": "role_name ~ '^pg_'",
    "information_schema.attributes": "true",
    "information_schema.character_sets": "true",
    "information_schema.check_constraints": "constraint_name !~ 'not_null'",
    "information_schema.collations": "collation_name IN ('C', 'POSIX')",
    "information_schema.column_column_usage": "true",
    "information_schema.columns": f"table_name <> 'adults' AND table_schema {OWN}",
    "information_schema.constraint_column_usage": "true",
    "information_schema.constraint_table_usage": "true",
    "information_schema.domain_constraints": "true", "information_schema.domains": "true", "information_schema.element_types": "true",
    "information_schema.key_column_usage": "true",
    "information_schema.parameters": "specific_schema = 'pg_catalog' AND specific_name < 'c'",
    "information_schema.referential_constraints": "true",
    "information_schema.routines": "specific_name BETWEEN 'a' AND 'c'",
    "information_schema.schemata": "true", "information_schema.sequences": "true",
    "information_schema.table_constraints": "constraint_name !~ 'not_null'",
    "information_schema.tables": "table_type = 'BASE TABLE'",
    "information_schema.view_column_usage": f"view_schema {OWN}", "information_schema.view_table_usage": f"view_schema {OWN}",
    "information_schema.triggers": "true", "information_schema.views": f"table_schema {OWN} AND table_name <> 'adults'",
}


@pytest.mark.parametrize("view", VIEWS)
def test_rows_of_a_system_view(sides, view):
    assert_same(sides, f"SELECT * FROM {view} WHERE {VIEWS[view]}".replace("SELECT *", sides_columns(sides, view)))


def sides_columns(sides, view):
    """Owners have another name on each server."""
    columns = [c for c, in sides[0].connection.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 ORDER BY attnum", (view,))]
    return "SELECT " + ", ".join(c for c in columns if not c.endswith(("owner", "_catalog", "catalog_name")))


QUERIES = """
SELECT c.conname, pg_get_constraintdef(c.oid), pg_get_constraintdef(c.oid, true) FROM pg_constraint c WHERE c.oid >= 16384
SELECT indexrelid::regclass, pg_get_indexdef(indexrelid), pg_get_indexdef(indexrelid, 0, true), pg_get_indexdef(indexrelid, 1, true) FROM pg_index WHERE indexrelid < 16384 OR indrelid IN (SELECT oid FROM pg_class WHERE relnamespace <> 99)
SELECT reltoastrelid::regclass, 'pg_toast.pg_toast_2619'::regclass, 'pg_toast.pg_toast_2619_index'::regclass, to_regclass('pg_toast_2619') FROM pg_class WHERE oid < 16384
SELECT indexrelid::regclass, pg_get_expr(indpred, indrelid), pg_get_expr(indpred, indrelid, true) FROM pg_index WHERE indpred IS NOT NULL
SELECT adrelid::regclass, adnum, pg_get_expr(adbin, adrelid), pg_get_expr(adbin, adrelid, true) FROM pg_attrdef
SELECT pg_get_viewdef('adults'::regclass), pg_get_viewdef('adults'::regclass, true), pg_get_viewdef('totals'), pg_get_viewdef('totals', true)
SELECT pg_get_viewdef('pg_indexes'::regclass, true), pg_get_viewdef('pg_tables'::regclass), pg_get_viewdef('pg_stats'::regclass, true)
SELECT tgconstrrelid::regclass, pg_get_triggerdef(oid), pg_get_triggerdef(oid, true) FROM pg_trigger
SELECT attrelid::regclass, attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid >= 16384 AND attnum > 0 AND attrelid IN (SELECT oid FROM pg_class WHERE relnamespace <> 99)
SELECT oid, format_type(oid, NULL), format_type(oid, -1), oid::regtype FROM pg_type
SELECT oid, oid::regprocedure, pg_get_function_arguments(oid), pg_get_function_identity_arguments(oid), pg_get_function_result(oid) FROM pg_proc
SELECT oid, oid::regoperator FROM pg_operator
SELECT oid, pg_get_functiondef(oid) FROM pg_proc WHERE prokind <> 'a' AND prolang <> 13 AND proname < 'c'
SELECT pg_get_serial_sequence('people', 'id'), pg_get_serial_sequence('shop.orders', 'id'), pg_get_serial_sequence('people', 'name')
SELECT to_regclass('people'), to_regclass('shop.orders'), to_regclass('nowhere'), to_regclass('people_pkey'), to_regclass('PEOPLE')
SELECT to_regtype('int4'), to_regtype('timestamp with time zone'), to_regtype('mood'), to_regtype('text[]'), to_regtype('nothing'), to_regtype('varchar(10)')
SELECT to_regproc('lower'), to_regproc('now'), to_regprocedure('lower(text)'), to_regprocedure('lower(int4)'), to_regnamespace('shop'), to_regnamespace('x')
SELECT pg_typeof(1), pg_typeof('a'::varchar), pg_typeof(ARRAY[1.5]), pg_typeof('ok'::mood), pg_typeof(NULL)
SELECT 'people'::regclass, 'shop.orders'::regclass::text, 'mood'::regtype, 'pg_class'::regclass::oid, 'public'::regnamespace, 'date'::regtype::oid
SELECT obj_description('people'::regclass, 'pg_class'), col_description('people'::regclass, 2), obj_description('mood'::regtype, 'pg_type'), obj_description(16, 'pg_type'), obj_description('shop'::regnamespace, 'pg_namespace')
SELECT (information_schema._pg_expandarray(conkey)).n, conname FROM pg_constraint WHERE conrelid = 'people'::regclass
SELECT ss.c, (ss.x).n, (ss.x).x FROM (SELECT conname AS c, information_schema._pg_expandarray(conkey) AS x FROM pg_constraint WHERE conrelid = 'items'::regclass) ss
SELECT relname, c.tableoid::regclass, c.xmax, c.cmin FROM pg_class c WHERE relname IN ('pg_class', 'pg_type')
SELECT has_table_privilege('people', 'SELECT'), has_schema_privilege('shop', 'USAGE'), pg_has_role('pg_monitor', 'pg_read_all_stats', 'USAGE')
SELECT acldefault('r', 10), acldefault('c', 10), acldefault('f', 10), acldefault('d', 10), acldefault('n', 10)
SELECT (aclexplode('{postgres=ar*w/postgres,=r/postgres}'::aclitem[])).*
SELECT relname, (aclexplode(relacl)).privilege_type, (aclexplode(relacl)).grantee FROM pg_class WHERE relname IN ('pg_class', 'pg_authid')
SELECT word, catcode, barelabel, catdesc, baredesc FROM pg_get_keywords()
SELECT pg_tablespace_location(1663), pg_tablespace_location(0)
SELECT NULL AS table_cat, n.nspname AS table_schem, ct.relname AS table_name, a.attname AS column_name, (information_schema._pg_expandarray(i.indkey)).n AS key_seq, ci.relname AS pk_name, information_schema._pg_expandarray(i.indkey) AS keys, a.attnum AS a_attnum FROM pg_catalog.pg_class ct JOIN pg_catalog.pg_attribute a ON (ct.oid = a.attrelid) JOIN pg_catalog.pg_namespace n ON (ct.relnamespace = n.oid) JOIN pg_catalog.pg_index i ON ( a.attrelid = i.indrelid) JOIN pg_catalog.pg_class ci ON (ci.oid = i.indexrelid) WHERE false
SELECT result.table_name, result.column_name, result.key_seq FROM (SELECT ct.relname AS table_name, a.attname AS column_name, (information_schema._pg_expandarray(i.indkey)).n AS key_seq, information_schema._pg_expandarray(i.indkey) AS keys, a.attnum AS a_attnum FROM pg_class ct JOIN pg_attribute a ON ct.oid = a.attrelid JOIN pg_index i ON a.attrelid = i.indrelid WHERE ct.relname = 'items' AND i.indisprimary) result WHERE result.a_attnum = (result.keys).x ORDER BY result.table_name, result.key_seq
SELECT unnest(i.indkey) AS attnum, generate_subscripts(i.indkey, 1) AS ord, indexrelid FROM pg_index i WHERE indrelid = 'items'::regclass
SELECT indexrelid, array_lower(indkey, 1), array_upper(indkey, 1), array_length(indkey, 1), indkey[0], generate_subscripts(indkey, 1, true) FROM pg_index WHERE indrelid = 'items'::regclass
SELECT array_position(indkey, 2::int2), array_position(indkey, 3::int2, 1), array_positions(indkey, 3::int2), array_position(ARRAY[5,6,5], 5, 2) FROM pg_index WHERE indexrelid = 'pg_class_relname_nsp_index'::regclass
SELECT unnest(ARRAY['a','b','c']) AS x, generate_series(1, 2) AS y, unnest(ARRAY[true]) AS z, generate_series(1, 2) + 1 AS again, generate_subscripts(ARRAY[7,8], 1)
SELECT rolname, rolsuper, rolcanlogin FROM pg_roles WHERE rolname ~ '^pg_'
SELECT * FROM ts_token_type('default')
SELECT pg_blocking_pids(pg_backend_pid()), pg_blocking_pids(1), pg_blocking_pids(NULL)
SELECT relname, age(xmin) >= 0, age('2'::xid), age('0'::xid), age(NULL::xid) FROM pg_class WHERE relname IN ('people', 'pg_class')
SELECT cfgname, t.* FROM pg_ts_config c, ts_token_type(c.cfgparser) t WHERE cfgname = 'english'
SELECT '{int,text,"character varying"}'::regtype[], '{{int,text},{bool,mood}}'::regtype[], '{}'::regtype[], NULL::regclass[], '{int,NULL}'::regtype[]
SELECT '{int,text}'::regtype[]::text, 23 = ANY ('{int8,int}'::regtype[]), ARRAY['int'::regtype, 'people'::regtype], '{people,shop.orders}'::regclass[]
SELECT attname FROM pg_attribute WHERE attrelid = ANY ('{people,shop.orders}'::regclass[]) AND attnum > 0
SELECT a.attname, CASE WHEN a.atttypid = ANY ('{int,int8,int2}'::regtype[]) AND EXISTS (SELECT FROM pg_attrdef d WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum AND pg_get_expr(d.adbin, d.adrelid) = 'nextval(''' || pg_get_serial_sequence(a.attrelid::regclass::text, a.attname)::regclass::text || '''::regclass)') THEN 'serial' ELSE format_type(a.atttypid, a.atttypmod) END FROM pg_attribute a WHERE attrelid IN ('people'::regclass, 'shop.orders'::regclass) AND attnum > 0
"""


@pytest.mark.parametrize("sql", QUERIES.strip().split("\n"))
def test_query(sides, sql):
    assert_same(sides, sql)


REFLECTION = [block.strip() for block in (pathlib.Path(__file__).parent / "reflection.sql").read_text().split("\n\n")[1:]]


@pytest.mark.parametrize("block", REFLECTION, ids=[block.splitlines()[0][3:] for block in REFLECTION])
def test_reflection(sides, block):
    """As test_query; an OID in braces differs between servers."""
    results = []
    for side in sides:
        oids = {name: str(oid) for oid, name in side.names.items()}
        results.append(side.rows(re.sub(r"\{(class [^}]*)\}", lambda m: oids[m[1]], block)))
    (names, theirs), (our_names, ours) = results
    assert names == our_names and theirs == ours


# Names are shown as the search path finds them, in definitions too.
PATH_QUERIES = """
SELECT adrelid::regclass, adnum, pg_get_expr(adbin, adrelid), pg_get_expr(adbin, adrelid, true) FROM pg_attrdef
SELECT conname, pg_get_constraintdef(oid), pg_get_constraintdef(oid, true) FROM pg_constraint WHERE oid >= 16384
SELECT indexrelid::regclass, pg_get_indexdef(indexrelid), pg_get_indexdef(indexrelid, 0, true) FROM pg_index WHERE indexrelid >= 16384 AND indrelid NOT IN (SELECT oid FROM pg_class WHERE relnamespace = 99)
SELECT pg_get_viewdef('public.adults'), pg_get_viewdef('public.totals'), pg_get_viewdef('public.totals', true), pg_get_viewdef('pg_indexes')
SELECT 'public.people'::regclass, 'shop.orders'::regclass::text, 'public.mood'::regtype, format_type('public.mood[]'::regtype, -1), 'public.people'::regtype
SELECT column_name, column_default, udt_name FROM information_schema.columns WHERE table_name IN ('people', 'orders')
SELECT oid::regclass FROM pg_class WHERE relnamespace IN ('public'::regnamespace, 'shop'::regnamespace)
"""


@pytest.mark.parametrize("path", ["''", "shop", "shop, public", "information_schema, public"])
@pytest.mark.parametrize("sql", PATH_QUERIES.strip().split("\n"))
def test_query_on_a_search_path(sides, path, sql):
    for side in sides:
        side.connection.execute(f"SET search_path TO {path}")
    try:
        assert_same(sides, sql)
    finally:
        for side in sides:
            side.connection.execute("RESET search_path")


@pytest.mark.parametrize("sql", ["SELECT typname[0], typname[1], typname[63], typname[64], typname[-1], typname[0] = '_' FROM pg_type WHERE oid < 2000",
                                 "SELECT ('abc'::name)[1], ('abc'::name)[5], (NULL::name)[1], pg_typeof(('abc'::name)[0])"])
def test_bytes_of_names(sides, sql):
    assert_same(sides, sql)


# Counters that D1 does not tell are NULL, never a number somebody made up; which rows there are is known.
@pytest.mark.parametrize("view", ["pg_stat_user_tables", "pg_stat_user_indexes", "pg_statio_user_tables", "pg_statio_user_indexes", "pg_statio_user_sequences",
                                  "pg_stat_xact_user_tables", "pg_stat_user_functions"])
def test_statistics_that_are_not_known(sides, view):
    columns = [c for c, in sides[0].connection.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 ORDER BY attnum", (view,))]
    known = [c for c in columns if c in ("relid", "indexrelid", "schemaname", "relname", "indexrelname", "funcid", "funcname")]
    assert_same(sides, f"SELECT {', '.join(known)} FROM {view}")
    others = " AND ".join(f"{c} IS NULL" for c in columns if c not in known)
    assert sides[1].connection.execute(f"SELECT count(*) FROM {view} WHERE NOT ({others})").fetchone() == (0,)


# Last, as it changes what the tests above see.
@pytest.mark.parametrize("sql", [
    "SELECT last_value, is_called FROM ticket", "SELECT nextval('ticket')", "SELECT last_value, is_called, last_value + 1 AS next FROM ticket",
    "INSERT INTO people (email) VALUES ('a'), ('b')", "SELECT s.last_value, is_called FROM people_id_seq s", "SELECT is_called FROM shop.orders_id_seq WHERE NOT is_called",
    "SELECT sequencename, last_value FROM pg_sequences", "SELECT last_value, relname FROM people_id_seq, pg_class WHERE relname = 'ticket'",
    "SELECT (SELECT max(last_value) FROM ticket) + count(*) FROM people", "SELECT setval('ticket', 500, false)", "SELECT schemaname, last_value FROM pg_sequences ORDER BY 1, 2",
    "SELECT last_value, is_called FROM ticket", "SELECT nosuch FROM ticket"])
def test_sequences_read_as_tables(sides, sql):
    results = []
    for side in sides:
        try:
            cursor = side.connection.execute(sql)
            results.append((cursor.statusmessage, sorted(cursor.fetchall(), key=repr) if cursor.description else None))
        except Exception as problem:
            results.append(problem.sqlstate)
    assert results[0] == results[1]


@pytest.mark.parametrize("sql", ["SELECT ('abc'::name)[0:1]", "SELECT ('abc'::text)[0]", "SELECT * FROM ts_token_type('x')", "SELECT * FROM ts_token_type(1)", "SELECT '{nosuch}'::regtype[]", "SELECT 'nosuch.x'::regclass", "SELECT 'shop.x'::regclass", "LOCK TABLE people IN ACCESS SHARE MODE",
                                 "BEGIN; LOCK TABLE nosuch IN ACCESS SHARE MODE", "BEGIN; LOCK TABLE ticket IN ACCESS SHARE MODE",
                                 "SET restrict_nonsystem_relation_kind TO 'views'", "SELECT 'nowhere'::regclass", "SELECT 'nothing'::regtype", "SELECT 'nofunction'::regproc", "SELECT 'lower'::regproc",
                                 "SELECT 'noschema'::regnamespace", "SELECT has_table_privilege('nowhere', 'SELECT')",
                                 "SELECT has_table_privilege('norole', 'people', 'SELECT')", "SELECT pg_get_serial_sequence('people', 'nocolumn')",
                                 "SELECT to_regclass('a.b.c.d.e')", "SELECT xmin FROM pg_tables", "SELECT (x).nofield FROM (SELECT pg_class AS x FROM pg_class) s"])
def test_error(sides, sql):
    states = []
    for side in sides:
        with pytest.raises(Exception) as failure:
            side.connection.execute(sql)
        states.append(failure.value.sqlstate)
        side.connection.rollback()
    assert states[0] == states[1]
