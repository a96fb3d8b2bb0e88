"""psycopg 3 and asyncpg: both protocols, both formats, prepared statements, pipelines, COPY, cancel, many connections."""
import asyncio
import datetime as dt
import decimal
import threading
import time
import uuid

import asyncpg
import psycopg
import pytest

from pgd1 import Pgd1

TYPES = [
    ("int2", [0, -32768, 32767]), ("int4", [1, -2147483648]), ("int8", [9007199254740993, -9223372036854775808, 9223372036854775807]),
    ("float8", [0.1, 1e300, float("inf"), -0.0]), ("float4", [0.5, -2.25]), ("numeric", [decimal.Decimal("123456789012345678901234567890.5"), decimal.Decimal("0.00")]),
    ("numeric(10,2)", [decimal.Decimal("12345678.90"), decimal.Decimal("-0.01")]), ("bool", [True, False]), ("text", ["", "it's", "ünï\n\t\\", "x" * 5000]),
    ("varchar(10)", ["abc"]), ("bytea", [b"", b"\x00\xff\x01"]), ("date", [dt.date(2024, 2, 29), dt.date(1, 1, 1)]),
    ("time", [dt.time(23, 59, 59, 999999)]), ("timestamp", [dt.datetime(2024, 5, 1, 10, 0, 0, 123456)]),
    ("timestamptz", [dt.datetime(2024, 5, 1, 10, 0, tzinfo=dt.timezone.utc)]), ("uuid", [uuid.UUID(int=1 << 100)]),
    ("int4[]", [[1, 2, None], []]), ("text[]", [["a", 'b"c', "d,e", None]]), ("interval", [dt.timedelta(days=3, seconds=5, microseconds=7)]),
]


@pytest.mark.parametrize("type_name, values", TYPES, ids=[t for t, _ in TYPES])
@pytest.mark.parametrize("binary", [False, True], ids=["text", "binary"])
def test_values_go_in_and_out(server, type_name, values, binary):
    with server.connect() as connection:
        connection.execute("DROP TABLE IF EXISTS v")
        connection.execute(f"CREATE TABLE v (id serial PRIMARY KEY, v {type_name})")
        cursor = connection.cursor(binary=binary)
        mark = "%b" if binary else "%t"
        for value in values:
            assert cursor.execute(f"INSERT INTO v (v) VALUES ({mark}) RETURNING v", (value,)).fetchone() == (value,)
        assert [row[0] for row in cursor.execute("SELECT v FROM v ORDER BY id")] == values
        connection.execute("INSERT INTO v (v) VALUES (NULL)")
        assert cursor.execute("SELECT count(*) FROM v WHERE v IS NULL").fetchone() == (1,)
        connection.execute("DROP TABLE v")


def test_seven_executions_change_to_prepared_statements(server):
    with server.connect() as connection:
        connection.prepare_threshold = 3
        connection.execute("DROP TABLE IF EXISTS seven")
        connection.execute("CREATE TABLE seven (id int PRIMARY KEY, name text)")
        for n in range(9):
            connection.execute("INSERT INTO seven VALUES (%s, %s)", (n, f"name {n}"))
        for n in range(9):
            assert connection.execute("SELECT name FROM seven WHERE id = %s", (n,)).fetchone() == (f"name {n}",)
        connection.execute("DROP TABLE seven")


def test_a_thousand_rows_of_values_with_parameters(embedded):
    """As SQLAlchemy inserts many rows: the placeholders become longer texts than they were. (Over the other transports
    it is longer than D1 takes.)"""
    rows = ",".join(f"(%s::bigint, %s::varchar, {n})" for n in range(1000))
    with embedded.connect() as connection:
        connection.execute("DROP TABLE IF EXISTS thousand")
        connection.execute("CREATE TABLE thousand (id serial PRIMARY KEY, i8 bigint, tx varchar)")
        ids = connection.execute(f"INSERT INTO thousand (i8, tx) SELECT a, b FROM (VALUES {rows}) AS v(a, b, n) ORDER BY n RETURNING id",
                                 [value for n in range(1000) for value in (n, f"t{n}")]).fetchall()
        assert ids == [(n + 1,) for n in range(1000)]
        assert connection.execute("SELECT sum(i8), count(DISTINCT tx) FROM thousand").fetchone() == (499500, 1000)
        connection.execute("DROP TABLE thousand")


def test_names_of_objects_as_parameters(server):
    """drivers and ORMs send `$1::regclass`; the name may also be computed"""
    with server.connect() as connection:  # the first statement of a fresh session on a fresh server: the schema is not known yet
        assert connection.execute("SELECT %s::regclass::text", ("pg_catalog.pg_class",)).fetchone() == ("pg_class",)
        connection.execute("DROP TABLE IF EXISTS named")
        connection.execute('CREATE TABLE named (id int PRIMARY KEY, "Odd Name" text)')
        query = "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 ORDER BY attnum"
        assert connection.execute(query, ("public.named",)).fetchall() == [("id",), ("Odd Name",)]
        oid = connection.execute("SELECT 'named'::regclass::oid").fetchone()[0]
        assert connection.execute("SELECT %b::regclass::text", (oid,)).fetchone() == ("named",)
        assert connection.execute("SELECT %s::regtype::text, %s::regrole::text", ("int4[]", "postgres")).fetchone() == ("integer[]", "postgres")
        computed = "SELECT ('\"' || udt_schema || '\".\"' || udt_name || '\"')::regtype::text FROM information_schema.columns WHERE table_name = 'named' ORDER BY 1"
        assert connection.execute(computed).fetchall() == [("integer",), ("text",)]
        with pytest.raises(psycopg.errors.UndefinedTable, match='relation "nowhere" does not exist'):
            connection.execute("SELECT %s::regclass", ("nowhere",))
        with pytest.raises(psycopg.errors.UndefinedObject, match='type "nothing" does not exist'):
            connection.execute("SELECT %s::regtype", ("nothing",))
        connection.execute("DROP TABLE named")


def test_pipeline_is_one_transaction_up_to_sync(server):
    with server.connect() as connection:
        connection.execute("DROP TABLE IF EXISTS piped")
        connection.execute("CREATE TABLE piped (id int PRIMARY KEY)")
        with connection.pipeline():
            for n in range(20):
                connection.execute("INSERT INTO piped VALUES (%s)", (n,))
            count = connection.execute("SELECT count(*) FROM piped")
        assert count.fetchone() == (20,)
        with pytest.raises(psycopg.errors.UniqueViolation), connection.pipeline():
            connection.execute("INSERT INTO piped VALUES (100)")
            connection.execute("INSERT INTO piped VALUES (1)")
        assert connection.execute("SELECT count(*) FROM piped").fetchone() == (20,)
        connection.execute("DROP TABLE piped")


def test_copy_both_ways_in_three_formats(server):
    rows = [(1, "a\tb\\", decimal.Decimal("1.50")), (2, None, None), (3, 'q"uote,\n', decimal.Decimal("-0.01"))]
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS copied")
        cursor.execute("CREATE TABLE copied (id int PRIMARY KEY, s text, n numeric(6,2))")
        for options in ("", "(FORMAT csv)", "(FORMAT binary)"):
            cursor.execute("DELETE FROM copied")
            with cursor.copy(f"COPY copied FROM STDIN {options}") as copy:
                if "csv" in options:
                    copy.write('1,"a\tb\\",1.50\n2,,\n3,"q""uote,\n",-0.01\n')
                else:
                    if options:
                        copy.set_types(["int4", "text", "numeric"])
                    for row in rows:
                        copy.write_row(row)
            assert cursor.rowcount == 3
            assert cursor.execute("SELECT * FROM copied ORDER BY id").fetchall() == rows
        with cursor.copy("COPY (SELECT * FROM copied ORDER BY id) TO STDOUT (FORMAT binary)") as copy:
            copy.set_types(["int4", "text", "numeric"])
            assert list(copy.rows()) == rows
        with pytest.raises(psycopg.errors.InvalidTextRepresentation), cursor.copy("COPY copied FROM STDIN") as copy:
            copy.write("4\tx\t1\nfive\ty\t2\n")
        assert cursor.execute("SELECT count(*) FROM copied").fetchone() == (3,)
        cursor.execute("DROP TABLE copied")


def test_server_cursor_and_row_limits(server):
    with server.connect(autocommit=False) as connection:
        with connection.cursor(name="srv") as cursor:
            cursor.itersize = 7
            cursor.execute("SELECT g FROM generate_series(1, 50) g")
            assert [row[0] for row in cursor] == list(range(1, 51))
        connection.rollback()


def test_cancel_stops_a_long_read(embedded):
    with embedded.connect() as connection:
        threading.Timer(0.5, connection.cancel).start()
        began = time.monotonic()
        with pytest.raises(psycopg.errors.QueryCanceled):
            connection.execute("CREATE TABLE IF NOT EXISTS slow (id int)")
            connection.execute("INSERT INTO slow SELECT g FROM generate_series(1, 300) g")
            connection.execute("SELECT count(*) FROM slow a, slow b, slow c, slow d WHERE a.id + b.id + c.id + d.id = 0")
        assert time.monotonic() - began < 60
        assert connection.execute("SELECT 1").fetchone() == (1,)
        connection.execute("DROP TABLE slow")


def test_statement_timeout(embedded):
    with embedded.connect() as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS slow2 (id int)")
        connection.execute("INSERT INTO slow2 SELECT g FROM generate_series(1, 300) g")
        connection.execute("SET statement_timeout = '300ms'")
        with pytest.raises(psycopg.errors.QueryCanceled):
            connection.execute("SELECT count(*) FROM slow2 a, slow2 b, slow2 c, slow2 d WHERE a.id + b.id + c.id + d.id = 0")
        connection.execute("RESET statement_timeout")
        connection.execute("DROP TABLE slow2")


def test_wrong_password_unknown_user_unknown_database(server):
    for changes, words in (({"password": "wrong"}, "password"), ({"user": "nobody"}, "password"), ({"dbname": "nosuch"}, "nosuch")):
        with pytest.raises(psycopg.OperationalError, match=words):
            server.connect(**changes)


def test_many_connections_at_once(server):
    connections = [server.connect() for _ in range(40)]
    try:
        for n, connection in enumerate(connections):
            assert connection.execute("SELECT %s::int", (n,)).fetchone() == (n,)
    finally:
        for connection in connections:
            connection.close()


def run(coroutine):
    return asyncio.run(coroutine)


def test_asyncpg_is_binary_and_prepared(server):
    async def go():
        connection = await asyncpg.connect(host="127.0.0.1", port=int(server.client_env()["PGPORT"]), user="postgres",
                                           password=server.client_env()["PGPASSWORD"], database="app")
        try:
            await connection.execute("DROP TABLE IF EXISTS apg")
            await connection.execute("CREATE TABLE apg (id int PRIMARY KEY, big int8, n numeric, t text, at timestamptz, u uuid, j jsonb, tags text[], raw bytea)")
            row = (1, 2**62, decimal.Decimal("1.50"), "é", dt.datetime(2024, 1, 1, tzinfo=dt.timezone.utc), uuid.uuid4(), '{"a": 1}', ["x", None], b"\x00")
            for n in range(7):
                await connection.execute("INSERT INTO apg VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)", n, *row[1:])
            for n in range(7):
                assert tuple(await connection.fetchrow("SELECT * FROM apg WHERE id = $1", n)) == (n, *row[1:])
            assert await connection.fetchval("SELECT count(*) FROM apg WHERE t = $1 AND id = ANY($2::int[])", "é", [1, 2, 99]) == 2
            with pytest.raises(asyncpg.UniqueViolationError):
                await connection.execute("INSERT INTO apg (id) VALUES ($1)", 1)
            await connection.copy_records_to_table("apg", records=[(100 + n, n) for n in range(500)], columns=["id", "big"])
            assert await connection.fetchval("SELECT count(*) FROM apg") == 507
            await connection.execute("DROP TABLE apg")
        finally:
            await connection.close()
    run(go())


def test_asyncpg_prepares_anew_what_has_other_columns(server):
    """It knows such an error by the routine it comes from."""
    async def go():
        connection = await asyncpg.connect(host="127.0.0.1", port=int(server.client_env()["PGPORT"]), user="postgres",
                                           password=server.client_env()["PGPASSWORD"], database="app")
        try:
            await connection.execute("DROP TABLE IF EXISTS widened; CREATE TABLE widened (a int); INSERT INTO widened VALUES (1)")
            assert tuple(await connection.fetchrow("SELECT * FROM widened")) == (1,)
            await connection.execute("ALTER TABLE widened ADD COLUMN b text DEFAULT 'x'")
            assert tuple(await connection.fetchrow("SELECT * FROM widened")) == (1, "x")
            async with connection.transaction():
                await connection.execute("ALTER TABLE widened DROP COLUMN b")
                with pytest.raises(asyncpg.InvalidCachedStatementError):
                    await connection.fetchrow("SELECT * FROM widened")
        finally:
            await connection.close()
    run(go())


def test_a_select_without_columns_gives_rows(server):
    with server.connect() as connection:
        cursor = connection.cursor()
        assert list(cursor.stream("SELECT")) == [()]
        assert list(cursor.stream("SELECT FROM generate_series(1, %s)", (3,))) == [(), (), ()]
        assert cursor.execute("SELECT FROM pg_class LIMIT 2", prepare=True).fetchall() == [(), ()]


def test_thirty_thousand_parameters_without_types(embedded):
    async def go():
        connection = await asyncpg.connect(host="127.0.0.1", port=int(embedded.client_env()["PGPORT"]), user="postgres",
                                           password=embedded.client_env()["PGPASSWORD"], database="app")
        try:
            await connection.execute("DROP TABLE IF EXISTS many; CREATE TABLE many (a int, b text)")
            rows = ",".join(f"(${n}, ${n + 1})" for n in range(1, 30000, 2))
            await connection.execute(f"INSERT INTO many VALUES {rows}", *([1, "x"] * 15000))
            assert await connection.fetchval("SELECT count(*) FROM many WHERE a = 1 AND b = 'x'") == 15000
            await connection.execute("DROP TABLE many")
        finally:
            await connection.close()
    run(go())


@pytest.mark.parametrize("transport", ("embedded", "workerd"))
def test_asyncpg_migrates(transport):
    """MIGRATE as functions: prepared by asyncpg, their rows in binary."""
    async def go(server):
        connection = await asyncpg.connect(host="127.0.0.1", port=int(server.client_env()["PGPORT"]), user="postgres", password=server.password,
                                           database="app")
        made = await connection.fetchrow("SELECT * FROM pgd1.migrate_create('users', body => 'CREATE TABLE users (id INTEGER)')")
        assert made["name"] == "0001_users.sql"
        pending = "SELECT name, applied_at, chunks_done FROM pgd1.migrations WHERE state = $1"
        assert [tuple(row) for row in await connection.fetch(pending, "pending")] == [("0001_users.sql", None, None)]
        assert [tuple(row)[:3] for row in await connection.fetch("SELECT * FROM pgd1.migrate_up(target => '1')")] == [("0001_users.sql", "applied", 1)]
        (row,) = await connection.fetch(pending, "applied")
        assert abs(row["applied_at"] - dt.datetime.now(dt.timezone.utc)) < dt.timedelta(minutes=10) and row["chunks_done"] == 1
        assert await connection.fetch("SELECT * FROM pgd1.migrate_validate()") == [] and await connection.fetch("MIGRATE UP") == []
        with pytest.raises(asyncpg.ObjectNotInPrerequisiteStateError):  # its file does not say how
            await connection.fetch("SELECT * FROM pgd1.migrate_down()")
        await connection.close()
    with Pgd1(transport) as server:
        asyncio.run(go(server))
