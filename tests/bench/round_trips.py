#!/usr/bin/env python3
"""How many requests to D1 each thing a client does takes: round_trips.py [embedded|workerd|rest …]

Runs the actions of ACTIONS on a fresh server each and prints the figures; tests/e2e/test_round_trips.py asserts them. The count is
`SHOW pgd1.round_trips`, which is the whole process's: nobody else may be connected, and the schema is not polled meanwhile.
"""
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))

from pgd1 import Pgd1  # noqa: E402

SETTINGS = {"schema_poll_interval": "0", "worker_threads": "1"}
SCHEMA = "CREATE TABLE trips (id int PRIMARY KEY, name text, price numeric(10,2)); CREATE TABLE copied (id int PRIMARY KEY, name text);" \
         "CREATE TABLE parent (id serial PRIMARY KEY, name text, children int DEFAULT 0);" \
         "CREATE TABLE child (id serial PRIMARY KEY, parent int REFERENCES parent, name text)"


def login(client):
    client.server.connect().close()


def settings(client):
    client.run("SET application_name = 'trips'", "SHOW timezone", "RESET application_name", "SELECT set_config('work_mem', '8MB', false)")


def no_table(client):
    client.run("SELECT 1", "SELECT version(), current_user, now()", "SELECT upper('a') || 'b'", "VALUES (1), (2)")


def catalogue(client):
    client.run("SELECT relname, relkind FROM pg_catalog.pg_class WHERE relname = 'trips'",
               "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'trips'::regclass AND attnum > 0",
               "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")


def psql_d(client):
    client.server.psql("-c", "\\d trips", "-c", "\\dt", "-c", "\\l")


def definitions(client):
    client.run("SELECT pg_get_constraintdef(oid) FROM pg_constraint", "SELECT pg_get_indexdef(indexrelid) FROM pg_index",
               "SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef", "SELECT * FROM pg_stat_user_tables", "SELECT pid, state, query FROM pg_stat_activity",
               "SELECT count(*) FROM pg_depend", "SELECT * FROM information_schema.view_column_usage WHERE view_schema = 'public'", "SELECT 'trips'::regclass")


def pg_dump(client):
    client.server.pg_dump("--schema-only")


def empty_block(client):
    client.run("BEGIN", "SELECT 1", "COMMIT", "BEGIN", "ROLLBACK")


def describe(client):
    """Parse and Describe of a statement, neither bound nor executed."""
    connection = client.connection.pgconn
    assert connection.prepare(b"trips", b"SELECT id, name, price FROM trips WHERE id = $1").status == 1
    assert connection.describe_prepared(b"trips").nfields == 3


def errors_of_ours(client):
    client.fail("SELEKT 1", "42601")
    client.fail("SELECT 1 / 0", "22012")
    client.fail("SELECT nosuch(1)", "42883")


def unknown_column(client):
    """Perhaps somebody else added it: the schema is read again before the error is believed."""
    client.fail("SELECT nosuch FROM trips", "42703")


def statement(sql):
    return lambda client: client.run(sql)


def statements(*texts):
    return lambda client: client.run(*texts)


def prepared(client):
    client.connection.execute("SELECT name FROM trips WHERE id = %s", (1,), prepare=True)


def binary(client):
    client.connection.cursor(binary=True).execute("SELECT id, name FROM trips WHERE id = %b", (1,)).fetchall()


def pipeline(client):
    with client.connection.pipeline():
        for n in range(20):
            client.connection.execute("INSERT INTO trips VALUES (%s, 'piped')", (1000 + n,))
        client.connection.execute("SELECT count(*) FROM trips WHERE name = 'piped'")


def read_block(client):
    client.run("BEGIN", "SELECT count(*) FROM trips", "SELECT max(id) FROM trips", "COMMIT")


def unit_of_work(client):
    """A parent with its children, as an application writes them."""
    connection = client.connection
    with connection.transaction():
        parent = connection.execute("INSERT INTO parent (name) VALUES ('unit') RETURNING id").fetchone()[0]
        for n in range(3):
            connection.execute("INSERT INTO child (parent, name) VALUES (%s, %s)", (parent, f"child {n}"))
        connection.execute("UPDATE parent SET children = 3 WHERE id = %s", (parent,))


def orm_unit_of_work(client):
    """The same by an ORM's session: it sends the children as one statement."""
    import sqlalchemy
    import sqlalchemy.orm as orm

    class Base(orm.DeclarativeBase):
        pass

    class Parent(Base):
        __tablename__ = "parent"
        id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
        name: orm.Mapped[str]
        children: orm.Mapped[int]
        rows: orm.Mapped[list["Child"]] = orm.relationship()

    class Child(Base):
        __tablename__ = "child"
        id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
        parent: orm.Mapped[int] = orm.mapped_column(sqlalchemy.ForeignKey("parent.id"))
        name: orm.Mapped[str]

    engine = sqlalchemy.create_engine("postgresql+psycopg://", creator=lambda: client.server.connect(autocommit=False), poolclass=sqlalchemy.pool.NullPool)
    with orm.Session(engine) as session:
        parent = Parent(name="orm", children=0, rows=[Child(name=f"child {n}") for n in range(3)])
        session.add(parent)
        session.flush()
        parent.children = 3
        session.commit()
    engine.dispose()


def copy_in(rows):
    def go(client):
        with client.connection.cursor().copy("COPY copied FROM STDIN") as copy:
            for n in range(rows):
                copy.write_row((n, f"name {n}"))
    return go


def copy_out(client):
    with client.connection.cursor().copy("COPY trips TO STDOUT") as copy:
        for _ in copy:
            pass


# What a client does, in this order, and the requests to D1 it may take.
ACTIONS = [
    ("connect and disconnect", login, 0),
    ("SET, SHOW, RESET, set_config", settings, 0),
    ("SELECT without a table, four times", no_table, 0),
    ("look-ups in the catalogue, three", catalogue, 0),
    ("psql: connect, \\d table, \\dt, \\l", psql_d, 0),
    ("definitions, statistics, sessions, what views read", definitions, 0),
    ("pg_dump --schema-only", pg_dump, 0),
    ("the values of all sequences", statement("SELECT sequencename, last_value FROM pg_sequences"), 1),
    ("BEGIN … COMMIT without a table", empty_block, 0),
    ("Parse and Describe of a statement", describe, 0),
    ("statements with an error of ours", errors_of_ours, 0),
    ("a column that does not exist", unknown_column, 1),
    ("INSERT of one row", statement("INSERT INTO trips VALUES (1, 'one', 1.50)"), 1),
    ("INSERT of 500 rows", statement("INSERT INTO trips (id, name) VALUES " + ", ".join(f"({n}, 'many')" for n in range(2, 502))), 1),
    ("INSERT … RETURNING", statement("INSERT INTO trips VALUES (600, 'back') RETURNING id, price"), 1),
    ("INSERT … RETURNING that pgd1 finishes itself", statement("INSERT INTO trips VALUES (601, 'back') RETURNING id, md5(name), (SELECT count(*) FROM trips)"), 1),
    ("SELECT", statement("SELECT name FROM trips WHERE id = 1"), 1),
    ("SELECT, prepared statement", prepared, 1),
    ("SELECT, parameters and result binary", binary, 1),
    ("SELECT that pgd1 finishes itself", statement("SELECT count(*) FROM trips WHERE name ~ '^o.*e$'"), 1),
    ("UPDATE", statement("UPDATE trips SET price = 2.50 WHERE id = 1"), 1),
    ("DELETE", statement("DELETE FROM trips WHERE id = 600"), 1),
    ("string of three statements", statement("INSERT INTO trips VALUES (700); UPDATE trips SET name = 'x' WHERE id = 700; DELETE FROM trips WHERE id = 700"), 1),
    ("string with BEGIN … COMMIT", statement("BEGIN; INSERT INTO trips VALUES (701); DELETE FROM trips WHERE id = 701; COMMIT"), 1),
    ("pipeline of 21 statements up to Sync", pipeline, 1),
    ("block of two SELECTs", read_block, 2),
    ("BEGIN, SAVEPOINT, ROLLBACK TO, ROLLBACK", statements("BEGIN", "SAVEPOINT a", "SAVEPOINT b", "ROLLBACK TO a", "RELEASE a", "ROLLBACK"), 0),
    ("block of one INSERT", statements("BEGIN", "INSERT INTO trips VALUES (702)", "COMMIT"), 2),
    ("block of an INSERT, rolled back", statements("BEGIN", "INSERT INTO trips VALUES (703)", "ROLLBACK"), 1),
    ("block of an INSERT taken back by a savepoint", statements("BEGIN", "SAVEPOINT a", "INSERT INTO trips VALUES (704)", "ROLLBACK TO a", "COMMIT"), 1),
    ("unit of work, psycopg: five writes", unit_of_work, 6),
    ("unit of work, SQLAlchemy: three writes", orm_unit_of_work, 4),
    ("COPY FROM of 1,000 rows", copy_in(1000), 1),
    ("COPY TO", copy_out, 1),
]


class Client:
    """One connection for the actions and one that only reads the counter."""

    def __init__(self, server):
        self.server, self.connection, self.observer = server, server.connect(), server.connect()
        self.run(SCHEMA, "SELECT count(*) FROM trips")  # from here on the schema is known

    def run(self, *statements):
        for sql in statements:
            self.connection.execute(sql)

    def fail(self, sql, code):
        import psycopg
        try:
            self.connection.execute(sql)
        except psycopg.Error as error:
            if error.sqlstate == code:
                return
            raise
        raise AssertionError(f"{sql}: no error")

    def trips(self):
        return int(self.observer.execute("SHOW pgd1.round_trips").fetchone()[0])

    def cost(self, action):
        """Requests to D1, or what went wrong."""
        before = self.trips()
        try:
            action(self)
        except Exception as error:  # whatever a driver or psql raises: the next action is measured all the same
            return f"{error} {getattr(error, 'stderr', '')}".strip()
        return self.trips() - before

    def close(self):
        self.connection.close()
        self.observer.close()


def measure(transport):
    """[(what, requests to D1 or the error, requests it may take)]"""
    with Pgd1(transport, settings=SETTINGS) as server:
        client = Client(server)
        try:
            return [(what, client.cost(action), limit) for what, action, limit in ACTIONS]
        finally:
            client.close()


def main():
    print(f"{'D1 round trips':<42} {'transport':<10} {'took':>4} {'may':>4}")
    bad = 0
    for transport in sys.argv[1:] or ("embedded", "workerd"):
        for what, took, limit in measure(transport):
            remark = took if isinstance(took, str) else "MORE" if took > limit else ""
            bad += remark != ""
            print(f"{what:<42} {transport:<10} {'-' if isinstance(took, str) else took:>4} {limit:>4}  {remark}".rstrip())
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
