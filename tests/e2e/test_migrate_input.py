"""Bad migrations, one by one: each is refused with its file, line and column, and the whole database is as it was; on D1's engine here and in
workerd. And where errors are: both dialects, CRLF, a byte order mark, characters of several bytes. A file without the right to read it is in
tests/unit/test_migrate_folder.c, which can be another user than root."""
import os
import socket

import psycopg
import pytest

from test_migrate import Project

TRANSPORTS = ("embedded", "workerd")
NOTES = ("_pgd1_migrations", "_pgd1_migration_lease", "_pgd1_txn")  # a run that failed at D1 is noted there, and each batch over a network
GOOD = "CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER);\nINSERT INTO t VALUES (1, 10), (2, 20);\nCREATE INDEX ti ON t (n);\nCREATE VIEW v AS SELECT n FROM t;"


class Inspected(Project):
    def raw_rows(self, sql):
        self.connection.execute("SET pgd1.dialect = 'sqlite'")
        try:
            return [tuple(cell if cell is None else str(cell) for cell in row) for row in self.connection.execute(sql).fetchall()]
        finally:
            self.connection.execute("RESET pgd1.dialect")

    def whole(self):
        """Everything in the database: schema, and each row of each table."""
        schema = self.raw_rows("SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE name NOT GLOB '_cf_*' ORDER BY type, name")
        tables = [row[1] for row in schema if row[0] in ("table", "view")]
        return {"schema": schema, **{name: self.raw_rows(f'SELECT * FROM "{name}"') for name in tables}}

    def begin(self):
        self.write(_0001_a=GOOD)
        self.run("MIGRATE UP")
        return self.whole()

    def remains(self, before, but=()):
        """All is as before, but rows of these tables."""
        now = self.whole()
        assert {name: rows for name, rows in now.items() if name not in but} == {name: rows for name, rows in before.items() if name not in but}


@pytest.fixture(scope="module", params=TRANSPORTS)
def inspected(request):
    """One database for all cases, which leave it as it is."""
    with Inspected(request.param) as running:
        running.before = running.begin()
        yield running


@pytest.fixture
def project(inspected):
    yield inspected
    inspected.remains(inspected.before, NOTES)
    for path in inspected.folder.iterdir():
        if path.name != "0001_a.sql":
            path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()


LONG_STATEMENT = "SELECT 1;\n  SELECT '" + "x" * 100000 + "';"


@pytest.mark.parametrize("text, code, message", [
    (b"SELECT 1;\nSELECT '\xe4';", "22021", "0002_b.sql:2:9: byte 0xe4"),
    ("SELECT 'ä';\nSELECT 'é".encode() + b"\xff';", "22021", "0002_b.sql:2:10: byte 0xff"),
    (b"\xff\xfeS\0E\0", "22021", "0002_b.sql:1:1: byte 0xff"),
    (b"SELECT 1;\nSELECT '\0';", "22021", "0002_b.sql:2:9: byte 0x00"),
    (LONG_STATEMENT.encode(), "54000", "0002_b.sql:2:3: statement is too long"),
    (b"CREATE TABLE b (b INTEGER);\n BEGIN;\nDROP TABLE t;\nCOMMIT;", "25001", "0002_b.sql:2:2: BEGIN"),
    (b"DROP TABLE t;\nCOMMIT;\nCREATE TABLE b (b INTEGER);", "25001", "0002_b.sql:2:1: COMMIT"),
    (b"DROP TABLE t;\nend transaction;", "25001", "0002_b.sql:2:1: END"),
    (b"DROP TABLE t; ROLLBACK;", "25001", "0002_b.sql:1:15: ROLLBACK"),
    (b"SAVEPOINT a; DROP TABLE t; RELEASE a;", "25001", "0002_b.sql:1:1: SAVEPOINT"),
    (b"DELETE FROM t;\nPRAGMA ignore_check_constraints = on;", "0A000", "0002_b.sql:2:1: PRAGMA ignore_check_constraints"),
    (b"ATTACH 'other.db' AS o;", "0A000", "0002_b.sql:1:1: ATTACH"),
    (b"VACUUM INTO 'copy.db';", "0A000", "0002_b.sql:1:1: VACUUM"),
    (b"-- pgd1: postgres\nDROP TABLE t;\nCOMMIT;", "25001", "0002_b.sql:3:1: COMMIT"),
    (b"-- pgd1: postgres\nDELETE FROM t;\nSTART TRANSACTION;", "25001", "0002_b.sql:3:1: START"),
    (b"-- pgd1: postgres\nDROP TABLE t;\nSELECT 1 SELECT 2;", "42601", "0002_b.sql:3:17: "),  # the second SELECT is a column's name
    (b"DELETE FROM t;\nDROP TABLE IF EXISTS _pgd1_catalog;", "42501", "0002_b.sql:2:1: pgd1's own tables"),
])
def test_what_cannot_be_read(project, text, code, message):
    """Found before anything runs; by VALIDATE, UP and UP DRY RUN."""
    (project.folder / "0002_b.sql").write_bytes(text)
    project.write(_0003_c="CREATE TABLE c (c INTEGER);")
    notes = project.whole()
    for command in ("MIGRATE UP", "MIGRATE UP DRY RUN", "SELECT * FROM pgd1.migrate_up()"):
        assert project.fails(command, code).diag.message_primary.startswith(message)
    if code == "22021":  # of a folder that cannot be read nothing can be said
        assert project.fails("MIGRATE VALIDATE", code).diag.message_primary.startswith(message)
    else:
        kind, file, line, column, _, text, sqlstate = project.run("MIGRATE VALIDATE")[0]
        assert (kind, sqlstate) == ("error", code) and f"{file}:{line}:{column}: {text}".startswith(message)
    assert project.whole() == notes


@pytest.mark.parametrize("text, code, message", [
    (b"CREATE TABLE b (b INTEGER);\nSELECT 1 SELECT 2;", "42601", "0002_b.sql:2:1: "),
    (b"DELETE FROM t;\nINSERT INTO t VALUES (9, 9)\nDROP TABLE t;", "42601", "0002_b.sql:2:1: "),
    (b"DELETE FROM t;\nPRAGMA journal_mode = delete;", "42501", "0002_b.sql:2:1: "),
    (b"DELETE FROM t;\nPRAGMA writable_schema = on;", "42501", "0002_b.sql:2:1: "),
    (b"DELETE FROM t;\nDROP TABLE _pgd1_migrations;", "42501", "0002_b.sql:2:1: "),
    (b"DELETE FROM t;\nUPDATE _pgd1_migrations SET hash = 'x';", "42501", "0002_b.sql:2:1: "),
    (b"DELETE FROM t;\nCREATE INDEX i ON _pgd1_migrations (hash);", "42501", "0002_b.sql:2:1: "),
    (b"DELETE FROM t;\nALTER TABLE _pgd1_migrations ADD COLUMN x TEXT;", "42501", "0002_b.sql:2:1: "),
    # where it is
    (b"DELETE FROM t;\r\nUPDATE t SET n = 1;\r\n  SELECT * FROM nosuch;\r\n", "42P01", "0002_b.sql:3:3: "),
    (b"\xef\xbb\xbfDELETE FROM t; SELECT * FROM nosuch;", "42P01", "0002_b.sql:1:16: "),
    ("UPDATE t SET n = length('äöü€😀'); SELECT * FROM nosuch;".encode(), "42P01", "0002_b.sql:1:35: "),
    ("/* ä\nö */ DELETE FROM t; -- €\n\tSELECT * FROM nosuch;".encode(), "42P01", "0002_b.sql:3:2: "),
    (b"-- pgd1: postgres\r\nDELETE FROM t;\r\n  SELECT * FROM nosuch;\r\n", "42P01", "0002_b.sql:3:3: "),
    (b"\xef\xbb\xbf-- pgd1: postgres\nDELETE FROM t; SELECT * FROM nosuch;", "42P01", "0002_b.sql:2:16: "),
    ("-- pgd1: postgres\nUPDATE t SET n = length('äöü€😀'); SELECT * FROM nosuch;".encode(), "42P01", "0002_b.sql:2:35: "),
    ("-- pgd1: postgres\nINSERT INTO t VALUES (3, 3); /* ä /* ö */ */\n INSERT INTO t VALUES (3, 3);".encode(), "23505", "0002_b.sql:3:2: "),
    ("INSERT INTO t VALUES (3, 3);\n /* ä */ INSERT INTO t VALUES (3, 4);".encode(), "23505", "0002_b.sql:2:10: "),
])
def test_what_fails_when_it_runs(project, text, code, message):
    """The whole migration is taken back; VALIDATE says the same, at the same place."""
    (project.folder / "0002_b.sql").write_bytes(text)
    project.write(_0003_c="CREATE TABLE c (c INTEGER);")
    kind, file, line, column, _, told, sqlstate = project.run("MIGRATE VALIDATE")[0]
    unknown = "42P01" if b"_pgd1_" in text else code  # an empty database has no journal
    assert kind == "error" and sqlstate in (code, unknown) and f"{file}:{line}:{column}: {told}".startswith(message)
    project.remains(project.before, NOTES)
    for command in ("MIGRATE UP", "SELECT * FROM pgd1.migrate_up()"):
        assert project.fails(command, code).diag.message_primary.startswith(message)
        assert project.states() == {"0001_a": "applied", "0002_b": "failed", "0003_c": "pending"}


def test_a_file_with_a_byte_order_mark():
    """What editors of Windows write runs, in both dialects."""
    with Inspected("embedded") as project:
        project.folder.joinpath("0001_a.sql").write_bytes(b"\xef\xbb\xbfCREATE TABLE a (a INTEGER);\r\nINSERT INTO a VALUES (1);\r\n")
        project.folder.joinpath("0002_b.sql").write_bytes(b"\xef\xbb\xbf-- pgd1: postgres\r\nCREATE TABLE b (b boolean);\r\n--> breakpoint\r\nINSERT INTO b VALUES (true);\r\n")
        assert [row[:3] for row in project.run("MIGRATE UP")] == [("0001_a.sql", "applied", 2), ("0002_b.sql", "applied", 2)]
        assert project.run("SELECT a, b FROM a, b") == [(1, True)] and project.run("MIGRATE VALIDATE") == []


@pytest.mark.parametrize("name", ["../x", "a/b", "/etc/x", "", ".", "..", ".hidden", "a\\b", "a\nb", "a\x7fb", "x" * 201])
def test_names_stay_in_the_folder(project, name):
    (project.folder.parent / "schema.sql").write_text(GOOD + "CREATE TABLE u (u INTEGER);")
    above = sorted(path.name for path in project.folder.parent.iterdir())
    for command in (f"MIGRATE CREATE '{name}' AS 'SELECT 1'", f"MIGRATE GENERATE '{name}'", f"MIGRATE GENERATE 'x' FROM '{name or '/'}'", f"MIGRATE PUSH FROM '{name or '/'}'",
                    f"SELECT * FROM pgd1.migrate_create('{name}')"):
        project.fails(command, "42602")
    assert sorted(path.name for path in project.folder.parent.iterdir()) == above
    (project.folder.parent / "schema.sql").unlink()
    assert sorted(path.name for path in project.folder.iterdir()) == ["0001_a.sql"]


def test_a_name_with_a_zero_byte(project):
    """It cannot be written: not in a string constant, nor as a character's number."""
    project.fails("MIGRATE CREATE 'a\0b'", "42601")  # the text ends there
    for constant in (r"E'a\000b'", r"E'a\x00b'", r"U&'a\0000b'"):
        with pytest.raises(psycopg.Error) as caught:
            project.run(f"MIGRATE CREATE {constant}")
        assert caught.value.sqlstate in ("22021", "42601")
    assert sorted(path.name for path in project.folder.iterdir()) == ["0001_a.sql"]


def links(folder):
    secret = folder.parent / "secret.sql"
    secret.write_text("a secret")
    return {"out of the folder": "../secret.sql", "absolute": str(secret), "within": "0001_a.sql", "to nothing": "nosuch", "to itself": "0002_b.sql"}


@pytest.mark.parametrize("kind", ("out of the folder", "absolute", "within", "to nothing", "to itself"))
def test_links(project, kind):
    (project.folder / "0002_b.sql").symlink_to(links(project.folder)[kind])
    for command in ("MIGRATE STATUS", "MIGRATE UP", "MIGRATE VALIDATE", "MIGRATE CREATE 'next'"):
        error = project.fails(command, "58030")
        assert error.diag.message_primary == f'"{project.folder}/0002_b.sql" is a symbolic link' and "secret" not in str(error).replace(str(project.folder), "")
    (project.folder.parent / "schema.sql").symlink_to("secret.sql")
    (project.folder / "0002_b.sql").unlink()
    assert "symbolic link" in str(project.fails("MIGRATE GENERATE 'next'", "58030"))
    (project.folder.parent / "schema.sql").unlink()


def test_a_folder_that_is_a_link(project):
    """The folder is where the configuration says; that may be a link."""
    moved = project.folder.with_name("elsewhere")
    project.folder.rename(moved)
    project.folder.symlink_to("elsewhere")
    try:
        assert project.states() == {"0001_a": "applied"}
    finally:
        project.folder.unlink()
        moved.rename(project.folder)


def make_pipe(path):
    os.mkfifo(path)


def make_socket(path):
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


@pytest.mark.parametrize("make", (os.mkdir, make_pipe, make_socket))
def test_what_is_no_file(project, make):
    make(project.folder / "0002_b.sql")
    for command in ("MIGRATE STATUS", "MIGRATE UP", "MIGRATE VALIDATE"):
        assert "0002_b.sql" in project.fails(command, "58030").diag.message_primary


def test_a_folder_that_is_missing(project):
    moved = project.folder.with_name("elsewhere")
    project.folder.rename(moved)
    try:
        for command in ("MIGRATE STATUS", "MIGRATE UP", "MIGRATE UP DRY RUN", "MIGRATE DOWN", "MIGRATE VALIDATE", "MIGRATE BASELINE", "MIGRATE REPAIR"):
            error = project.fails(command, "58P01")
            assert str(project.folder) in error.diag.message_primary and "migrations_dir" in error.diag.message_hint
        project.folder.write_text("no folder")
        project.fails("MIGRATE UP", "58030")
        project.folder.unlink()
    finally:
        moved.rename(project.folder)
