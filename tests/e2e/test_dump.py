"""What pg_dump 15 writes of a typical database is restored on pgd1 by psql, unmodified: the rows, the counters and psql's \\d of every object are
PostgreSQL's afterwards. Statements that fail are named here with the reason, and nothing else may fail."""
import pathlib
import re
import subprocess

import pytest
from pgd1 import Pgd1
from postgres import tool
from test_ddl import clear

SCHEMA = pathlib.Path(__file__).parent / "dump" / "shop.sql"
FORMS = {"copy": [], "inserts": ["--column-inserts", "--no-owner"], "schema": ["--schema-only"],
         "clean": ["--clean", "--if-exists"]}
# What is refused, and why.
REFUSED = {
    "access method gin is not supported": "SQLite has B-trees only",
    "arithmetic on numerics of more than 15 digits here is not supported": "a view compares a sum of numerics, which D1 cannot do exactly",
    'relation "shop.big" does not exist': "the owner of that view",
}
TABLES = ("users", "shop.categories", "shop.products", "orders", "order_items")
SEQUENCES = ("users_id_seq", "orders_id_seq", "shop.categories_id_seq", "shop.products_id_seq", "invoice_seq")
DESCRIBED = (*TABLES, *SEQUENCES, "open_orders")


@pytest.fixture(scope="module")
def dumps(oracle):
    """The database, and pg_dump's texts of it."""
    oracle.psql("-c", "CREATE DATABASE dump_source")
    oracle.psql("-q", "-d", "dump_source", "-f", str(SCHEMA))
    def dump(arguments):
        return subprocess.run([tool("pg_dump"), *arguments, "-d", "dump_source"], check=True, capture_output=True, text=True,
                              env={**oracle.client_env(), "PATH": "/usr/bin:/bin"}).stdout
    yield {name: dump(arguments) for name, arguments in FORMS.items()}
    oracle.psql("-c", "DROP DATABASE dump_source")



def plain(text):
    """\\d+ as it would be without what is known to be missing: the index that was refused, and storage, which SQLite has not."""
    return "\n".join(line for line in text.split("\n") if "users_settings_gin" not in line)


@pytest.fixture(scope="module", params=["embedded", "workerd"])
def target(request):
    with Pgd1(request.param) as running:
        yield running


@pytest.mark.parametrize("form", FORMS)
def test_restored(oracle, target, dumps, form):
    with target.connect() as connection:
        clear(connection)
    done = target.psql("-q", "-v", "ON_ERROR_STOP=0", text=dumps[form])
    errors = re.findall(r"ERROR:  (.*)", done.stderr)
    assert [error for error in errors if error not in REFUSED] == [], done.stderr
    assert "access method gin is not supported" in errors
    with target.connect() as ours, oracle.connect(dbname="dump_source") as theirs:
        for table in TABLES if form != "schema" else ():
            query = f"SELECT * FROM {table} ORDER BY 1, 2"
            assert ours.execute(query).fetchall() == theirs.execute(query).fetchall(), table
        for sequence in SEQUENCES if form != "schema" else ():
            following = theirs.execute(f"SELECT last_value + CASE WHEN is_called THEN seqincrement ELSE 0 END FROM {sequence}, pg_sequence"
                                       f" WHERE seqrelid = '{sequence}'::regclass").fetchone()
            assert ours.execute(f"SELECT nextval('{sequence}')").fetchone() == following, sequence
    for name in DESCRIBED:
        arguments = [part for command in (f"\\d {name}", f"\\d+ {name}") for part in ("-c", command)]
        expected = oracle.psql("-d", "dump_source", *arguments).stdout
        assert plain(target.psql(*arguments).stdout) == plain(expected), name
    with target.connect() as connection:
        clear(connection)
