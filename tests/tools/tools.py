"""Migration tools, unmodified: how each is installed, what its project looks like, how it is told to go up and down.

Every project tells the same story in the tool's own words:
    1 authors (id generated, name not null and unique, created_at with a default)
    2 books (key to authors with ON DELETE CASCADE, numeric price with a default) and an index
    3 two rows of authors, a column added to it, which is then filled
    broken: a table `half`, then a row of authors that its constraints refuse
A tool runs as its users run it: its command, or the call its manual gives for programs. PG* variables tell the server.
"""
import contextlib
import fcntl
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys

from proc import ROOT

HERE = pathlib.Path(__file__).resolve().parent
INSTALLED = ROOT / "build/tools"
SECONDS = 300

AUTHORS = """CREATE TABLE authors (
  id serial PRIMARY KEY,
  name varchar(100) NOT NULL UNIQUE,
  created_at timestamptz NOT NULL DEFAULT now()
);
"""
BOOKS = """CREATE TABLE books (
  id bigserial PRIMARY KEY,
  author_id integer NOT NULL REFERENCES authors (id) ON DELETE CASCADE,
  title text NOT NULL,
  price numeric(10,2) NOT NULL DEFAULT 0
);
CREATE INDEX books_author_id_idx ON books (author_id);
"""
ROWS = """INSERT INTO authors (name) VALUES ('Ursula'), ('Stanislaw');
ALTER TABLE authors ADD COLUMN email varchar(200);
UPDATE authors SET email = lower(name) || '@example.org';
"""
ROWS_BACK = """ALTER TABLE authors DROP COLUMN email;
DELETE FROM authors;
"""
BROKEN = """CREATE TABLE half (id integer PRIMARY KEY);
INSERT INTO authors (name) VALUES (NULL);
"""
STEPS = (("authors", AUTHORS, "DROP TABLE authors;\n"), ("books", BOOKS, "DROP TABLE books;\n"), ("rows", ROWS, ROWS_BACK))
FAILING = ("broken", BROKEN, "DROP TABLE half;\n")


class Missing(Exception):
    """Why a tool cannot be had here."""


def install(name, files, make, needs):
    """Runs make(folder) once for what these files say; gives the folder."""
    missing = [command for command in needs if not shutil.which(command)]
    if missing:
        raise Missing(f"not installed: {', '.join(missing)}")
    digest = hashlib.sha256(b"".join((HERE / name / file).read_bytes() for file in files)).hexdigest()
    INSTALLED.mkdir(parents=True, exist_ok=True)
    folder, mark = INSTALLED / name, INSTALLED / f"{name}.sources"
    with open(INSTALLED / f"{name}.lock", "w", encoding="ascii") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        if not mark.exists() or mark.read_text() != digest:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make(folder)
            mark.write_text(digest)
    return folder


class Tool:
    """One tool in a project folder of its own, against one server. has_down, has_status: what the tool can do; is_atomic: a step that
    fails leaves nothing behind, on PostgreSQL too."""

    name = bookkeeping = None
    needs = ()
    has_down = has_status = is_atomic = True

    @classmethod
    def install(cls):
        """The folder of the installed tool, or Missing."""
        return INSTALLED

    def __init__(self, installed, folder, env):
        self.installed, self.folder, self.env = installed, folder, {**os.environ, **env, "NO_COLOR": "1", "CI": "1"}
        self.database = {key[2:].lower(): value for key, value in env.items() if key.startswith("PG") and key != "PGD1_PID"}
        self.url = "postgres://{user}:{password}@{host}:{port}/{database}?sslmode=disable".format(**self.database)
        self.prepare()

    def prepare(self):
        """Writes the project with its three steps."""
        for number, (name, up, down) in enumerate(STEPS, 1):
            self.write_step(number, name, up, down)

    def break_it(self):
        """Adds the failing step."""
        self.write_step(len(STEPS) + 1, *FAILING)

    def write_step(self, number, name, up, down):
        raise NotImplementedError

    def start(self, *arguments):
        return subprocess.Popen([str(a) for a in arguments], cwd=self.folder, env=self.env, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def run(self, *arguments):
        """Gives status and output."""
        child = self.start(*arguments)
        try:
            output = child.communicate(timeout=SECONDS)[0]
        except subprocess.TimeoutExpired:
            child.kill()
            output = child.communicate()[0] + "\n(killed at the time limit)"
        return child.returncode, output

    @staticmethod
    def content(status, output):
        """Whether the tool says that all went well."""
        return status == 0

    up_command = down_command = status_command = ()

    def up(self):
        return self.run(*self.up_command)

    def down(self):
        return self.run(*self.down_command)

    def status(self):
        return self.run(*self.status_command)


# ---- Python ----


class Alembic(Tool):
    name, bookkeeping = "alembic", "alembic_version"
    alembic = (sys.executable, "-m", "alembic")
    up_command, down_command, status_command = (*alembic, "upgrade", "head"), (*alembic, "downgrade", "-1"), (*alembic, "current", "-v")

    def prepare(self):
        url = self.url.replace("postgres://", "postgresql+psycopg://")
        (self.folder / "alembic.ini").write_text(f"[alembic]\nscript_location = {self.folder}/scripts\nsqlalchemy.url = {url}\n")
        (self.folder / "scripts/versions").mkdir(parents=True)
        shutil.copy(HERE / "python/alembic_env.py", self.folder / "scripts/env.py")
        for number in (1, 2, 3):
            shutil.copy(HERE / f"python/alembic_{number}.py", self.folder / f"scripts/versions/{number}.py")

    def break_it(self):
        shutil.copy(HERE / "python/alembic_4.py", self.folder / "scripts/versions/4.py")


class Django(Tool):
    name, bookkeeping = "django", "django_migrations"
    manage = (sys.executable, "manage.py")
    up_command, down_command = (*manage, "migrate", "--no-input"), (*manage, "migrate", "--no-input", "library", "0002")
    status_command = (*manage, "showmigrations")

    def prepare(self):
        (self.folder / "library/migrations").mkdir(parents=True)
        for package in ("library", "library/migrations"):
            (self.folder / package / "__init__.py").touch()
        shutil.copy(HERE / "python/django_manage.py", self.folder / "manage.py")
        shutil.copy(HERE / "python/django_settings.py", self.folder / "settings.py")
        shutil.copy(HERE / "python/django_models.py", self.folder / "library/models.py")
        for number in (1, 2, 3):
            self.copy_step(number)

    def copy_step(self, number):
        shutil.copy(HERE / f"python/django_{number}.py", self.folder / f"library/migrations/000{number}_step.py")

    def break_it(self):
        self.copy_step(4)


# ---- Node.js ----


class NodeTool(Tool):
    needs = ("node", "npm")

    @classmethod
    def install(cls):
        files = ("package.json", "package-lock.json")

        def make(folder):
            for file in files:
                shutil.copy(HERE / "node" / file, folder)
            subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], cwd=folder, check=True)
        return install("node", files, make, cls.needs)

    def prepare(self):
        (self.folder / "node_modules").symlink_to(self.installed / "node_modules")
        super().prepare()

    def copy(self, name, to=None):
        target = self.folder / (to or name)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(HERE / "node" / name, target)


class Knex(NodeTool):
    name, bookkeeping = "knex", "knex_migrations"
    knex = ("node", "node_modules/knex/bin/cli.js", "--knexfile", "knexfile.js")
    up_command, down_command, status_command = (*knex, "migrate:latest"), (*knex, "migrate:down"), (*knex, "migrate:list")

    def prepare(self):
        self.copy("knexfile.js")
        super().prepare()

    def write_step(self, number, name, up, down):
        self.copy(f"knex_{number}.js", f"migrations/{number}_{name}.js")


class NodePgMigrate(NodeTool):
    name, bookkeeping, has_status = "node-pg-migrate", "pgmigrations", False
    pgmigrate = ("node", "node_modules/node-pg-migrate/bin/node-pg-migrate.js", "--migration-file-language", "js")
    up_command, down_command = (*pgmigrate, "up"), (*pgmigrate, "down")

    def prepare(self):
        self.env["DATABASE_URL"] = self.url
        super().prepare()

    def write_step(self, number, name, up, down):
        self.copy(f"pgmigrate_{number}.js", f"migrations/{number}_{name}.js")


class TypeOrm(NodeTool):
    name, bookkeeping = "typeorm", "typeorm_migrations"
    typeorm = ("node", "node_modules/typeorm/cli.js", "-d", "data-source.js")
    up_command, down_command = (*typeorm, "migration:run"), (*typeorm, "migration:revert")
    status_command = (*typeorm, "migration:show")

    def prepare(self):
        self.copy("typeorm_data_source.js", "data-source.js")
        super().prepare()

    def write_step(self, number, name, up, down):
        self.copy(f"typeorm_{number}.js", f"migrations/{number}.js")


class Umzug(NodeTool):
    """Sequelize with its migrator."""
    name, bookkeeping = "sequelize-umzug", "SequelizeMeta"
    umzug = ("node", "umzug.js")
    up_command, down_command, status_command = (*umzug, "up"), (*umzug, "down"), (*umzug, "executed")

    def prepare(self):
        self.copy("umzug.js")
        super().prepare()

    def write_step(self, number, name, up, down):
        self.copy(f"umzug_{number}.js", f"migrations/{number}_{name}.js")


class DrizzleKit(NodeTool):
    """Its migrations are SQL with breakpoints and a journal; it has no way down and no status."""
    name, bookkeeping, has_down, has_status = "drizzle-kit", "drizzle.__drizzle_migrations", False, False
    up_command = ("node", "node_modules/drizzle-kit/bin.cjs", "migrate")

    def prepare(self):
        self.env["DATABASE_URL"], self.entries = self.url, []
        self.copy("drizzle.config.js")
        super().prepare()

    def write_step(self, number, name, up, down):
        tag = f"{number:04d}_{name}"
        (self.folder / "drizzle/meta").mkdir(parents=True, exist_ok=True)
        (self.folder / f"drizzle/{tag}.sql").write_text(up.strip().replace(";\n", ";\n--> statement-breakpoint\n"))
        self.entries.append({"idx": number - 1, "version": "7", "when": 1700000000000 + number, "tag": tag, "breakpoints": True})
        journal = {"version": "7", "dialect": "postgresql", "entries": self.entries}
        (self.folder / "drizzle/meta/_journal.json").write_text(json.dumps(journal))


class Prisma(NodeTool):
    """Its schema engine: what `prisma migrate deploy` runs. It sends a step's statements one by one."""
    name, bookkeeping, has_down, is_atomic = "prisma", "_prisma_migrations", False, False
    up_command, status_command = ("node", "prisma.mjs", "deploy"), ("node", "prisma.mjs", "status")

    @classmethod
    def install(cls):
        folder = super().install()
        if subprocess.run(["node", "-p", "process.versions.node.split('.')[0] >= 20"], capture_output=True, text=True, check=True).stdout != "true\n":
            raise Missing("Prisma needs Node.js 20")
        return folder

    def prepare(self):
        self.copy("prisma.mjs")
        super().prepare()

    def write_step(self, number, name, up, down):
        folder = self.folder / f"migrations/2026010{number}000000_{name}"
        folder.mkdir(parents=True)
        (folder / "migration.sql").write_text(up)


# ---- Go ----


class GolangMigrate(Tool):
    name, bookkeeping, needs = "golang-migrate", "schema_migrations", ("go",)

    @classmethod
    def install(cls):
        def make(folder):
            command = (HERE / "go/command.txt").read_text().strip()
            subprocess.run(["go", "install", "-tags", "postgres", command], env={**os.environ, "GOBIN": str(folder)}, check=True)
        return install("go", ["command.txt"], make, cls.needs)

    def prepare(self):
        (self.folder / "migrations").mkdir()
        migrate = (self.installed / "migrate", "-source", f"file://{self.folder}/migrations", "-database", self.url)
        self.up_command, self.down_command, self.status_command = (*migrate, "up"), (*migrate, "down", "1"), (*migrate, "version")
        super().prepare()

    def write_step(self, number, name, up, down):
        (self.folder / f"migrations/{number}_{name}.up.sql").write_text(up)
        (self.folder / f"migrations/{number}_{name}.down.sql").write_text(down)


# ---- Java ----


class JavaTool(Tool):
    needs = ("mvn", "java")
    main = None

    @classmethod
    def install(cls):
        def make(folder):
            subprocess.run(["mvn", "-q", "-B", "-f", str(HERE / "java/pom.xml"), "dependency:copy-dependencies", f"-DoutputDirectory={folder}"], check=True)
        return install("java", ["pom.xml"], make, cls.needs)

    def java(self):
        return ("java", "-Xshare:auto", "-XX:TieredStopAtLevel=1", "-cp", f"{self.installed}/*", self.main)

    @property
    def jdbc_url(self):
        return "jdbc:postgresql://{host}:{port}/{database}".format(**self.database)


class Flyway(JavaTool):
    """The free edition has no way down."""
    name, bookkeeping, has_down, main = "flyway", "flyway_schema_history", False, "org.flywaydb.commandline.Main"

    @staticmethod
    def content(status, output):
        return status == 0 and "ERROR:" not in output  # this way of starting it loses the status of a failed migration

    def prepare(self):
        (self.folder / "sql").mkdir()
        options = (f"-url={self.jdbc_url}", f"-user={self.database['user']}", f"-password={self.database['password']}",
                   f"-locations=filesystem:{self.folder}/sql")
        self.up_command, self.status_command = (*self.java(), *options, "migrate"), (*self.java(), *options, "info")
        super().prepare()

    def write_step(self, number, name, up, down):
        (self.folder / f"sql/V{number}__{name}.sql").write_text(up)


class Liquibase(JavaTool):
    name, bookkeeping, main = "liquibase", "databasechangelog", "liquibase.integration.commandline.LiquibaseCommandLine"

    def prepare(self):
        options = ("--changelog-file=changelog.sql", f"--url={self.jdbc_url}", f"--username={self.database['user']}", f"--password={self.database['password']}")
        self.up_command = (*self.java(), "update", *options)
        self.down_command = (*self.java(), "rollback-count", "--count=1", *options)
        self.status_command = (*self.java(), "status", *options)
        (self.folder / "changelog.sql").write_text("--liquibase formatted sql\n")
        super().prepare()

    def write_step(self, number, name, up, down):
        with open(self.folder / "changelog.sql", "a", encoding="ascii") as file:
            file.write(f"\n--changeset library:{number}-{name}\n{up}")
            for line in down.splitlines():
                file.write(f"--rollback {line}\n")


# ---- Rust ----


class RustTool(Tool):
    """Built from source, which takes minutes: in the long form only, or where it has been built before."""
    needs = ("cargo", "pg_config")

    @classmethod
    def install(cls):
        def make(folder):
            for line in (HERE / "rust/crates.txt").read_text().splitlines():
                subprocess.run(["cargo", "install", "-q", "--locked", "--no-default-features", "--root", str(folder), *line.split()], check=True)
        if not os.environ.get("PGD1_LONG") and not (INSTALLED / "rust.sources").exists():
            raise Missing("built in the long form only")
        return install("rust", ["crates.txt"], make, cls.needs)


class Sqlx(RustTool):
    name, bookkeeping = "sqlx", "_sqlx_migrations"

    def prepare(self):
        (self.folder / "migrations").mkdir()
        sqlx, options = self.installed / "bin/sqlx", ("--source", "migrations", "--database-url", self.url)
        self.up_command, self.down_command = (sqlx, "migrate", "run", *options), (sqlx, "migrate", "revert", *options)
        self.status_command = (sqlx, "migrate", "info", *options)
        super().prepare()

    def write_step(self, number, name, up, down):
        (self.folder / f"migrations/{number}_{name}.up.sql").write_text(up)
        (self.folder / f"migrations/{number}_{name}.down.sql").write_text(down)


class Diesel(RustTool):
    name, bookkeeping = "diesel", "__diesel_schema_migrations"

    def prepare(self):
        (self.folder / "diesel.toml").write_text("")
        diesel, options = self.installed / "bin/diesel", ("--migration-dir", "migrations", "--database-url", self.url)
        self.up_command, self.down_command = (diesel, "migration", "run", *options), (diesel, "migration", "revert", *options)
        self.status_command = (diesel, "migration", "list", *options)
        super().prepare()

    def write_step(self, number, name, up, down):
        folder = self.folder / f"migrations/2026-01-0{number}-000000_{name}"
        folder.mkdir(parents=True)
        (folder / "up.sql").write_text(up)
        (folder / "down.sql").write_text(down)


# The slowest first: the others run beside it.
TOOLS = (Prisma, Alembic, Diesel, Django, DrizzleKit, Flyway, GolangMigrate, Knex, Liquibase, NodePgMigrate, Sqlx, TypeOrm, Umzug)


@contextlib.contextmanager
def both(tool):
    """Two runners started at once; gives their statuses and outputs."""
    children = [tool.start(*tool.up_command) for _ in range(2)]
    try:
        yield [(child.communicate(timeout=SECONDS)[0], child.returncode)[::-1] for child in children]
    finally:
        for child in children:
            if child.poll() is None:
                child.kill()
                child.wait()
