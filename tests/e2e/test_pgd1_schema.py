"""What the schema pgd1 has in the catalogue: what works there, no more and no less, shown to those who name it and to nobody else."""
import os
import pathlib
import pty
import re
import select
import time

import pytest

from pgd1 import Pgd1

PROXY = pathlib.Path(__file__).resolve().parents[2] / "proxy"
TYPES = {"NONE": 16, "TEXT": 25, "NEEDED": 25}


@pytest.fixture(scope="module")
def server():
    with Pgd1("embedded") as running:
        (running.folder / "migrations").mkdir()
        yield running


@pytest.fixture
def connection(server):
    with server.connect() as made:
        yield made


def rows_of(name, macro):
    """The arguments of each row of a .def file, as texts."""
    text = (PROXY / name).read_text().split("*/", 1)[1]
    return [[item.strip().strip('"') for item in re.findall(r'"[^"]*"|[^,]+', row)] for row in re.findall(rf"^{macro}\((.*)\)$", text, re.M)]


def test_functions_are_those_that_work(connection):
    renamed = dict(rows_of("migrate/arguments.def", "RENAMED"))
    clauses, columns = rows_of("migrate/commands.def", "CLAUSE"), rows_of("migrate/columns.def", "COLUMN")
    wanted = {}
    for verb, number, function, *_ in rows_of("migrate/commands.def", "COMMAND"):
        mine = [(renamed.get(row[2], row[2]), row[3]) for row in clauses if row[0] == verb]
        wanted[function] = (16300 + int(number), [name for name, _ in mine], [TYPES[value] for _, value in mine],
                            sum(value != "NEEDED" for _, value in mine), [(row[1], int(row[2])) for row in columns if row[0] == verb])
    found = {}
    for oid, name, names, types, modes, n, defaults in connection.execute(
            "SELECT p.oid, proname, proargnames, proallargtypes::int[], proargmodes::text[], pronargs, pronargdefaults FROM pg_proc p "
            "JOIN pg_namespace n ON n.oid = p.pronamespace WHERE nspname = 'pgd1' AND proretset AND prorettype = 'record'::regtype").fetchall():
        assert modes == ["i"] * n + ["o"] * (len(types) - n)
        found[name] = (oid, names[:n], types[:n], defaults, list(zip(names[n:], types[n:])))
    assert found == wanted and len(found) == 12


@pytest.mark.parametrize("statement, call", [("MIGRATE HELP", "migrate_help()"), ("MIGRATE STATUS", "migrate_status()"), ("MIGRATE VALIDATE", "migrate_validate()"),
                                             ("MIGRATE UP", "migrate_up(dry_run => true)"), ("MIGRATE DOWN", "migrate_down(dry_run => true)"),
                                             ("MIGRATE REPAIR", "migrate_repair()"), ("MIGRATE BASELINE", "migrate_baseline()")])
def test_columns_are_those_that_come(connection, statement, call):
    come = [(column.name, column.type_code) for column in connection.execute(statement).description]
    assert come == [(column.name, column.type_code) for column in connection.execute(f"SELECT * FROM pgd1.{call}").description]
    names, types, n = connection.execute("SELECT proargnames, proallargtypes::int[], pronargs FROM pg_proc WHERE pronamespace = 'pgd1'::regnamespace "
                                         "AND proname = %s", [call.split("(")[0]]).fetchone()
    assert come == list(zip(names[n:], types[n:]))


def test_views_are_those_that_work(connection):
    own = {row[3] for row in rows_of("catalog/system_own.def", "OWN_RELATION") if row[2] == "pgd1"}
    views = dict(connection.execute("SELECT relname, c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = 'pgd1'").fetchall())
    assert set(views) == own | {"migrations"} and own == {"statements"}
    for name, oid in views.items():
        described = [(column.name, column.type_code) for column in connection.execute(f"SELECT * FROM pgd1.{name}").description]
        assert described == connection.execute("SELECT attname, atttypid::int FROM pg_attribute WHERE attrelid = %s AND attnum > 0 ORDER BY attnum", [oid]).fetchall()
        assert connection.execute("SELECT %s::regclass::oid, %s::oid::regclass::text", [f"pgd1.{name}", oid]).fetchone() == (oid, f"pgd1.{name}")
        assert connection.execute("SELECT typname, typrelid FROM pg_type WHERE oid = (SELECT reltype FROM pg_class WHERE oid = %s)", [oid]).fetchone() == (name, oid)
    assert connection.execute("SELECT table_name FROM information_schema.views WHERE table_schema = 'pgd1' ORDER BY 1").fetchall() == [("migrations",), ("statements",)]
    routines = connection.execute("SELECT count(*) FROM information_schema.routines WHERE routine_schema = 'pgd1'").fetchone()
    assert routines == (12,)
    assert connection.execute("SELECT 'pgd1.migrate_restore(text, text, text)'::regprocedure::text, 'pgd1.migrate_help'::regproc::text").fetchone() == (
        "pgd1.migrate_restore(text,text,text)", "pgd1.migrate_help")
    definition = connection.execute("SELECT pg_get_viewdef('pgd1.migrations'::regclass)").fetchone()[0]
    assert [c.name for c in connection.execute(definition).description] == [c.name for c in connection.execute("SELECT * FROM pgd1.migrations").description]


def test_oids_are_nobody_elses(connection):
    connection.execute("CREATE TABLE IF NOT EXISTS a_table (id serial PRIMARY KEY, e text CHECK (e <> ''))")
    ours = [oid for table, where in (("pg_namespace", "nspname = 'pgd1'"), ("pg_class", "relnamespace = 'pgd1'::regnamespace"),
                                     ("pg_proc", "pronamespace = 'pgd1'::regnamespace"), ("pg_type", "typnamespace = 'pgd1'::regnamespace"),
                                     ("pg_rewrite", "ev_class IN ('pgd1.migrations'::regclass, 'pgd1.statements'::regclass)"))
            for (oid,) in connection.execute(f"SELECT oid FROM {table} WHERE {where}").fetchall()]
    assert len(ours) == len(set(ours)) == 1 + 2 + 12 + 4 + 2 and all(15899 <= oid < 16384 for oid in ours)
    for table in ("pg_class", "pg_proc", "pg_type", "pg_constraint", "pg_namespace", "pg_rewrite", "pg_attrdef", "pg_operator"):
        assert connection.execute(f"SELECT oid FROM {table} WHERE oid::bigint / 100 BETWEEN 158 AND 162").fetchall() == [], table


def test_who_does_not_name_it_does_not_see_it(connection):
    """As tools that reflect all schemas ask."""
    assert connection.execute("SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' ORDER BY 1").fetchall() == [("information_schema",), ("public",)]
    for sql in ("SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'public', 'pg_toast')",
                "SELECT 1 FROM information_schema.views WHERE table_schema NOT IN ('pg_catalog', 'information_schema')",
                "SELECT 1 FROM information_schema.tables WHERE table_name IN ('migrations', 'statements')",
                "SELECT 1 FROM pg_views WHERE viewname = 'migrations'",
                "SELECT 1 FROM pg_proc WHERE proname ~ '^migrate_'",
                "SELECT 1 FROM information_schema.schemata WHERE schema_name LIKE 'pgd_'",
                "SELECT 1 FROM information_schema.routines WHERE routine_name = 'migrate_up'"):
        assert connection.execute(sql).fetchall() == [], sql


def test_psql_shows_it_when_it_is_named(server):
    def shown(command):
        return server.psql("-A", "-t", "-c", command, check=False).stdout

    assert [line.split("|")[:2] for line in shown("\\dv pgd1.*").splitlines()] == [["pgd1", "migrations"], ["pgd1", "statements"]]
    assert len(shown("\\df pgd1.*").splitlines()) == 12
    assert "confirm text DEFAULT NULL::text, dry_run boolean DEFAULT false" in shown("\\df pgd1.migrate_up")
    assert "12 rows" not in shown("\\df *.migrate_*") and shown("\\dn").strip() == "public|pg_database_owner"
    assert shown("\\dn pgd1").startswith("pgd1|") and shown("\\dt pgd1.*") == ""
    assert "migrate_status.name" in server.psql("-c", "\\d+ pgd1.migrations").stdout and "transport|text" in shown("\\d pgd1.migrations")
    assert "CREATE OR REPLACE FUNCTION pgd1.migrate_down(" in shown("\\sf pgd1.migrate_down")


def test_psql_completes_its_names(server):
    """The tab key behind "pgd1." finishes the name; without that there would be no such relation."""
    child, terminal = pty.fork()
    if child == 0:
        os.execvpe("psql", ["psql", "-X", "-A", "-t"], {**os.environ, **server.client_env(), "TERM": "dumb", "PAGER": "cat", "INPUTRC": "/dev/null"})
    said, end = b"", time.monotonic() + 40

    def wait_for(text):
        nonlocal said
        while text not in said and time.monotonic() < end:
            if select.select([terminal], [], [], 1)[0]:
                said += os.read(terminal, 4096)
        assert text in said, said
        said = b""

    wait_for(b"=# ")
    os.write(terminal, b"SELECT * FROM pgd1.mig\t")
    wait_for(b"rations")
    os.write(terminal, b"WHERE false;\n\\echo it is over\n")
    wait_for(b"it is over\r\n")
    os.write(terminal, b"\\q\n")
    os.waitpid(child, 0)
    os.close(terminal)


def test_sqlalchemy_reflects_no_such_schema(server):
    sqlalchemy = pytest.importorskip("sqlalchemy")
    engine = sqlalchemy.create_engine("postgresql+psycopg://", creator=lambda: server.connect(autocommit=False))
    inspector = sqlalchemy.inspect(engine)
    assert inspector.get_schema_names() == ["information_schema", "public"] and inspector.get_view_names() == []
    assert not set(inspector.get_table_names()) & {"migrations", "statements"}
    assert sorted(inspector.get_view_names("pgd1")) == ["migrations", "statements"]
    engine.dispose()
