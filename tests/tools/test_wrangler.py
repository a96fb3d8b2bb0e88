"""A project that takes turns between wrangler and pgd1: each sees what the other applied, and what comes of it is what wrangler alone would have
made.

The long form has the real wrangler, on the local state that it keeps: pgd1 reaches that through its own gateway Worker, which `wrangler dev`
serves, or opens its SQLite file. The database, its folder and its table are read from the project's wrangler file, environments included.
What each turn left is compared with wrangler/recorded.json (PGD1_RECORD=1 writes it). The short form does pgd1's turns on what wrangler left
there, and must leave what wrangler went on from."""
import json
import os
import platform
import re
import shutil
import sqlite3
import subprocess

import pytest
from pgd1 import Pgd1
from proc import ROOT, Port, Process

from tools import HERE, Missing, install

LONG = os.environ.get("PGD1_LONG") == "1"
SECONDS = 120
ID = "00000000-0000-0000-0000-00000000000"
TOKEN = "a-token-of-a-local-gateway-worker"
JSONC = f"""{{ // of a project
  "name": "shop", "compatibility_date": "2026-04-01",
  "d1_databases": [{{ "binding": "DB", "database_name": "shop", "database_id": "{ID}1" }},],
}}
"""
TOML = f"""name = "shop"
compatibility_date = "2026-04-01"
[[d1_databases]]
binding = "DB"
database_name = "shop"
database_id = "{ID}1"
[[env.staging.d1_databases]]
binding = "DB"
database_name = "shop-staging"
database_id = "{ID}2"
migrations_dir = "database/steps"
migrations_table = "done"
"""
TEXTS = {
    "users": "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);\nINSERT INTO users (name) VALUES ('Ursula; née K.'), ('Stanisław');",
    "posts": "CREATE TABLE posts (id INTEGER PRIMARY KEY AUTOINCREMENT, author INTEGER REFERENCES users (id), text TEXT DEFAULT ';');\n"
             "INSERT INTO posts (author) VALUES (1), (2);",
    "touch": "CREATE TABLE log (note TEXT);\nCREATE TRIGGER touched AFTER INSERT ON posts BEGIN\n  INSERT INTO log VALUES ('a; ' || new.id);\nEND;\n"
             "INSERT INTO posts (author, text) VALUES (1, 'x');",
    "both": "ALTER TABLE users ADD COLUMN mail TEXT;\nCREATE INDEX by_author ON posts (author);",
    "last": "CREATE VIEW shown AS SELECT name, text FROM posts JOIN users ON users.id = author;\nUPDATE users SET mail = lower(name);",
}
OWN = "name NOT GLOB '_pgd1_*' AND name NOT GLOB '_cf_*' AND name NOT GLOB 'sqlite_*'"


@pytest.fixture(scope="session")
def installed():
    """The pinned wrangler, and the Node that it wants."""
    files = ("package.json", "package-lock.json")

    def make(folder):
        for file in (*files, "drizzle.mjs"):
            shutil.copy(HERE / "wrangler" / file, folder)
        subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], cwd=folder, check=True)

    try:
        return install("wrangler", (*files, "drizzle.mjs"), make, ("npm",))
    except Missing as missing:
        pytest.skip(str(missing))


class Project:
    """A folder with a wrangler file. env: which of its environments is meant."""

    def __init__(self, installed, folder, file, text, env=None):
        self.installed, self.folder, self.env = installed, folder, env
        self.folder.mkdir()
        self.file = folder / file
        self.file.write_text(text)
        staging = env == "staging"
        self.database = "shop-staging" if staging else "shop"
        self.id = f"{ID}{2 if staging else 1}"
        self.migrations = folder / ("database/steps" if staging else "migrations")
        self.table = "done" if staging else "d1_migrations"
        self.migrations.mkdir(parents=True)
        self.state = folder / ".wrangler/state"
        machine = {"x86_64": "x64", "aarch64": "arm64"}[platform.machine()]
        self.node = installed / f"node_modules/node-linux-{machine}/bin/node"
        self.environment = {**os.environ, "WRANGLER_SEND_METRICS": "false", "CI": "1", "NO_COLOR": "1", "HOME": str(folder),
                            "XDG_CONFIG_HOME": str(folder / ".config")}

    def run(self, *command):
        done = subprocess.run([str(part) for part in (self.node, *command)], cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=SECONDS, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def wrangler(self, *arguments):
        env = ("--env", self.env) if self.env else ()
        return self.run(self.installed / "node_modules/wrangler/bin/wrangler.js", *arguments, *env)

    def create(self, name):
        """wrangler's own new file."""
        self.wrangler("d1", "migrations", "create", self.database, name)
        (made,) = self.migrations.glob(f"*_{name}.sql")
        made.write_text(made.read_text() + TEXTS[name] + "\n")
        return made.name

    def apply(self):
        self.wrangler("d1", "migrations", "apply", self.database, "--local")

    def pending(self):
        return re.findall(r"│ (\S+\.sql) +│", self.wrangler("d1", "migrations", "list", self.database, "--local"))

    def path(self):
        """wrangler's SQLite file."""
        (found,) = [path for path in (self.state / "v3/d1/miniflare-D1DatabaseObject").glob("*.sqlite") if path.stem != "metadata"]
        return found

    def picture(self):
        """What is in the file: schema, rows, wrangler's journal; without what is pgd1's own."""
        connection = sqlite3.connect(f"file:{self.path()}?mode=ro", uri=True)
        try:
            schema = connection.execute(f"SELECT type, name, sql FROM sqlite_schema WHERE {OWN} ORDER BY name").fetchall()
            rows = {name: connection.execute(f"SELECT * FROM {name}").fetchall() for kind, name, _ in schema if kind != "index" and kind != "trigger" and
                    name != self.table}
            journal = connection.execute(f"SELECT id, name FROM {self.table} ORDER BY id").fetchall()
            return {"schema": schema, "rows": rows, "journal": journal}
        finally:
            connection.close()


class Turn:
    """pgd1 on the project's local database for a while."""

    def __init__(self, project, transport):
        self.project, self.transport = project, transport

    def __enter__(self):
        project = self.project
        options = f"wrangler={project.file}" + (f" env={project.env}" if project.env else "")
        self.dev = self.port = None
        if self.transport == "gateway":
            self.serve()
        self.server = Served(options, project.path() if self.transport == "embedded" else None, self.port)
        try:
            self.server.start()
        except BaseException:
            self.end()
            raise
        self.connection = self.server.connect()
        return self

    def serve(self):
        """pgd1's gateway Worker under `wrangler dev`, bound to the project's database."""
        project = self.project
        folder = project.folder / "gateway"
        folder.mkdir(exist_ok=True)
        shutil.copytree(ROOT / "d1/gateway/worker/src", folder / "src", dirs_exist_ok=True)
        (folder / "wrangler.json").write_text(json.dumps({
            "name": "pgd1-gateway", "main": "src/gateway.js", "compatibility_date": "2026-04-01",
            "d1_databases": [{"binding": "DB", "database_name": project.database, "database_id": project.id}]}))
        self.port = Port()
        log = project.folder / "dev.log"
        log.unlink(missing_ok=True)  # an earlier turn's "Ready"
        self.dev = Process([project.node, project.installed / "node_modules/wrangler/bin/wrangler.js", "dev", "--config", folder / "wrangler.json",
                            "--persist-to", project.state, "--ip", "127.0.0.1", "--port", self.port.number, "--inspector-port", 0,
                            "--show-interactive-dev-session=false", "--var", f"PGD1_TOKEN:{TOKEN}"],
                           log, cwd=folder, env=project.environment)
        self.dev.wait_for_log("Ready on", SECONDS)

    def __exit__(self, *_):
        self.connection.close()
        try:
            self.server.stop()
        finally:
            self.end()

    def end(self):
        if self.dev:
            self.dev.kill()
        if self.port:
            self.port.release()

    def migrate(self, command):
        return self.connection.execute(f"MIGRATE {command}").fetchall()

    def create(self, name):
        text = TEXTS[name].replace("'", "''")
        return self.migrate(f"CREATE '{name}' AS '{text}'")[0][0]

    def states(self):
        return {row[0]: row[1] for row in self.migrate("STATUS")}

    def pending(self):
        return [name for name, state in self.states().items() if state == "pending"]


class Served(Pgd1):
    """pgd1 on a database that is there already: behind a gateway's port, or a file."""

    def __init__(self, options, path, port):
        super().__init__("embedded", options=options, settings={"schema_poll_interval": "0"})
        self.path, self.gateway = path, port

    def database_line(self):
        if self.path:
            return f"d1=embedded path={self.path}"
        token = self.folder / "token"
        token.write_text(TOKEN)
        token.chmod(0o600)
        return f"d1=gateway url=http://127.0.0.1:{self.gateway.number} token_file=token"


FILES = {"jsonc": ("wrangler.jsonc", JSONC, None), "toml with an environment": ("wrangler.toml", TOML, "staging")}
# Whose turn it is, what it creates, and what pgd1 applies; wrangler applies all.
TURNS = (("wrangler", ["users"], None), ("pgd1", ["posts"], "UP"), ("wrangler", ["touch"], None), ("pgd1", ["both", "last"], "UP TO '0004_both'"),
         ("wrangler", [], None), ("pgd1", [], "UP"))
NAMES = [f"{number:04}_{name}.sql" for number, name in enumerate(TEXTS, 1)]
RECORDED = HERE / "wrangler/recorded.json"


def long_form(test):
    """A test of the long form only."""
    test.__test__ = LONG
    return test


def turn_of_pgd1(pgd1, before, new, command):
    """before: names that are applied. Answers those after it."""
    assert pgd1.states() == {name: "applied" for name in before}  # no drift either
    assert [pgd1.create(name) for name in new] == NAMES[len(before):len(before) + len(new)]
    there = NAMES[:len(before) + len(new)]
    assert pgd1.pending() == there[len(before):]
    done = [row[0] for row in pgd1.migrate(command)]
    after = [*before, *done]
    assert after == there[:len(after)] and pgd1.pending() == there[len(after):] and pgd1.migrate("VALIDATE") == []
    return after


@long_form
@pytest.mark.timeout(900)
@pytest.mark.parametrize("transport", ("gateway", "embedded"))
@pytest.mark.parametrize("file", FILES)
def test_turns(installed, tmp_path, transport, file):
    alone = Project(installed, tmp_path / "alone", *FILES[file])
    for name, text in zip(NAMES, TEXTS.values()):
        (alone.migrations / name).write_text(text)
    alone.apply()
    project, after, pictures = Project(installed, tmp_path / "shop", *FILES[file]), [], []
    for whose, new, command in TURNS:
        if whose == "wrangler":
            for name in new:
                project.create(name)
            there = sorted(path.name for path in project.migrations.iterdir())
            assert project.pending() == there[len(after):] != []
            project.apply()
            after = there
        else:
            with Turn(project, transport) as pgd1:
                after = turn_of_pgd1(pgd1, after, new, command)
        pictures.append(project.picture())
    assert project.pending() == [] and after == NAMES
    assert pictures[-1] == alone.picture()
    recorded = json.loads(RECORDED.read_text()) if RECORDED.exists() else {}
    if os.environ.get("PGD1_RECORD") == "1":
        RECORDED.write_text(json.dumps({**recorded, file: pictures}, indent=1, ensure_ascii=False) + "\n")
    else:
        assert json.loads(json.dumps(pictures)) == recorded[file]


class Replayed:
    """A turn of pgd1 on a database that is as wrangler left it."""

    migrate, create, states, pending = Turn.migrate, Turn.create, Turn.states, Turn.pending

    def __init__(self, transport, table, picture):
        options = "" if table == "d1_migrations" else f"migrations_table={table}"
        self.server, self.table, self.left = Pgd1(transport, settings={"schema_poll_interval": "0"}, options=options), table, picture

    def __enter__(self):
        self.server.start()
        folder = self.server.folder / "migrations"
        folder.mkdir()
        for _, name in self.left["journal"]:
            (folder / name).write_text(TEXTS[name[5:-4]] + "\n")
        self.connection = self.server.connect()
        self.raw(*[sql for kind, _, sql in self.left["schema"] if kind == "table"])
        views = [name for kind, name, _ in self.left["schema"] if kind == "view"]
        made = sorted((name for name in self.left["rows"] if name not in views), key="".join(TEXTS.values()).index)  # parents first
        for table, rows in ((self.table, self.left["journal"]), *((name, self.left["rows"][name]) for name in made)):
            for row in rows:
                values = ", ".join("NULL" if cell is None else "'" + str(cell).replace("'", "''") + "'" for cell in row)
                self.raw(f"INSERT INTO {table}{' (id, name)' if table == self.table else ''} VALUES ({values})")
        self.raw(*[sql for kind, _, sql in self.left["schema"] if kind != "table"])
        return self

    def __exit__(self, *_):
        self.connection.close()
        self.server.stop()

    def raw(self, *statements):
        self.connection.execute("SET pgd1.dialect = 'sqlite'")
        try:
            return [cursor.fetchall() if cursor.description else None for cursor in map(self.connection.execute, statements)]
        finally:
            self.connection.execute("RESET pgd1.dialect")

    def picture(self):
        (schema,) = self.raw(f"SELECT type, name, sql FROM sqlite_schema WHERE {OWN} ORDER BY name")
        names = [name for kind, name, _ in schema if kind in ("table", "view") and name != self.table]
        rows = self.raw(*[f"SELECT * FROM {name}" for name in names])
        (journal,) = self.raw(f"SELECT id, name FROM {self.table} ORDER BY id")
        return text_of({"schema": schema, "rows": dict(zip(names, rows)), "journal": journal})


def text_of(picture):
    """Raw cells arrive as texts."""
    cells = lambda rows: [[None if cell is None else str(cell) for cell in row] for row in rows]  # noqa: E731
    return {"schema": cells(picture["schema"]), "rows": {name: cells(rows) for name, rows in picture["rows"].items()}, "journal": cells(picture["journal"])}


@pytest.mark.parametrize("transport", ("embedded", "workerd"))
@pytest.mark.parametrize("file", FILES)
def test_turns_as_recorded(transport, file):
    pictures = json.loads(RECORDED.read_text())[file]
    for number, (whose, new, command) in enumerate(TURNS):
        if whose == "wrangler":
            continue
        before = pictures[number - 1]
        with Replayed(transport, "done" if FILES[file][2] else "d1_migrations", before) as pgd1:
            for name in TEXTS if not new else ():  # what an earlier turn created is there as well
                (pgd1.server.folder / "migrations" / NAMES[list(TEXTS).index(name)]).write_text(TEXTS[name] + "\n")
            assert pgd1.picture() == text_of(before)
            turn_of_pgd1(pgd1, [name for _, name in before["journal"]], new, command)
            assert pgd1.picture() == text_of(pictures[number])


@long_form
@pytest.mark.timeout(900)
def test_wrangler_sees_nothing_of_what_failed(installed, tmp_path):
    """A migration that fails in pgd1 is pending for wrangler, and the other way round; who mends it, applies it."""
    project = Project(installed, tmp_path / "shop", *FILES["jsonc"])
    (project.migrations / "0001_a.sql").write_text("CREATE TABLE a (a INTEGER);")
    (project.migrations / "0002_b.sql").write_text("CREATE TABLE b (b INTEGER);\nINSERT INTO nosuch VALUES (1);")
    with pytest.raises(AssertionError, match="nosuch"):
        project.apply()
    with Turn(project, "embedded") as pgd1:
        assert pgd1.states() == {"0001_a.sql": "applied", "0002_b.sql": "pending"}
        with pytest.raises(Exception, match="0002_b.sql:2:1: "):
            pgd1.migrate("UP")
        assert pgd1.states() == {"0001_a.sql": "applied", "0002_b.sql": "failed"}
    assert project.pending() == ["0002_b.sql"]
    (project.migrations / "0002_b.sql").write_text("CREATE TABLE b (b INTEGER);")
    project.apply()
    with Turn(project, "embedded") as pgd1:
        assert pgd1.states() == {"0001_a.sql": "applied", "0002_b.sql": "applied"}


@long_form
@pytest.mark.timeout(900)
@pytest.mark.parametrize("transport", ("embedded", "gateway"))
def test_drizzle(installed, tmp_path, transport):
    """What drizzle's own migrator applied on D1 is applied; the next one is applied by pgd1."""
    project = Project(installed, tmp_path / "shop", *FILES["jsonc"])
    (project.migrations / "meta").mkdir()
    texts = ["CREATE TABLE a (id integer PRIMARY KEY);\n--> statement-breakpoint\nCREATE TABLE b (id integer PRIMARY KEY);\n",
             "ALTER TABLE a ADD n integer;\n"]
    names = [f"{number:04}_step" for number in range(3)]
    for name, text in zip(names, texts):
        (project.migrations / f"{name}.sql").write_text(text)
    entries = [{"idx": n, "version": "6", "when": 1700000000000 + n, "tag": names[n], "breakpoints": True} for n in range(2)]
    (project.migrations / "meta/_journal.json").write_text(json.dumps({"version": "7", "dialect": "sqlite", "entries": entries}))
    project.run(project.installed / "drizzle.mjs", project.file, project.state / "v3", project.migrations)
    (project.migrations / f"{names[2]}.sql").write_text("CREATE TABLE c (id INTEGER);")
    with Turn(project, transport) as pgd1:
        assert [(row[0], row[1]) for row in pgd1.migrate("STATUS")] == [(f"{names[0]}.sql", "applied"), (f"{names[1]}.sql", "applied"),
                                                                       (f"{names[2]}.sql", "pending")]
        at = pgd1.connection.execute("SELECT name, applied_at FROM pgd1.migrations WHERE state = 'applied'").fetchall()
        assert all(when.year == 2023 for _, when in at), at
        assert [row[0] for row in pgd1.migrate("UP")] == [f"{names[2]}.sql"]
        assert pgd1.migrate("VALIDATE") == []
