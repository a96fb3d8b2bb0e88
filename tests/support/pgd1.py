"""pgd1 for tests: Pgd1(transport) starts one on a fresh database, as PostgreSQL user `postgres`, database `app`, SCRAM.

    with Pgd1("embedded") as server:
        with server.connect() as connection: ...

The build is PGD1_BUILD (release, dev, tsan…; default dev), a folder under build/, or PGD1_BINARY, a path. PGD1_SETTINGS="worker_threads=4
log_level=debug" adds settings to every server that does not set them itself. stop() fails the test when the server ended badly or a
sanitizer reported something. Standard library only; connect() needs psycopg.
"""
import json
import os
import pathlib
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile

from proc import ROOT, SANITIZER_REPORTS, Port, Process, answers

TRANSPORTS = ("embedded", "workerd", "rest")
USER, DATABASE = "postgres", "app"


def binary():
    """The pgd1 to test."""
    path = os.environ.get("PGD1_BINARY")
    return pathlib.Path(path) if path else ROOT / "build" / os.environ.get("PGD1_BUILD", "dev") / "pgd1"


def environment_settings():
    return dict(pair.split("=", 1) for pair in os.environ.get("PGD1_SETTINGS", "").split())


class Workerd:
    """tests/workerd/workerd.py, which serves a fresh D1 through the gateway Worker and the REST shape, and prints one JSON line:
    {"gateway": {"url", "binding", "token"}, "rest": {"base_url", "account", "database", "token"}}. It ends at end of input."""

    def __init__(self, folder):
        self.log_path = folder / "workerd.log"
        with open(self.log_path, "ab") as log:
            self.child = subprocess.Popen([sys.executable, str(ROOT / "tests/workerd/workerd.py")], stdin=subprocess.PIPE,
                                          stdout=subprocess.PIPE, stderr=log, start_new_session=True)
        line = self.child.stdout.readline()
        if not line:
            self.stop()
            raise RuntimeError("workerd did not start:\n" + self.log_path.read_text(errors="replace")[-4000:])
        self.info = json.loads(line)

    def stop(self):
        self.child.stdin.close()
        try:
            self.child.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self.child.pid, signal.SIGKILL)
            self.child.wait()
        self.child.stdout.close()


class Pgd1:
    """settings: keys of [pgd1]; databases: further lines of [databases]; users: further users, name to password or verifier;
    user_options: what stands behind their passwords. options: more of the database's own line, as "environment=production". workerd: a running Workerd to share instead of one's own. keep:
    leave the folder behind."""

    def __init__(self, transport="embedded", *, settings=None, databases=None, users=None, password=None, env=None, workerd=None,
                 folder=None, keep=False, options="", user_options=None):
        self.options, self.user_options = options, dict(user_options or {})
        if transport not in TRANSPORTS:
            raise ValueError(f"transport {transport!r} is none of {', '.join(TRANSPORTS)}")
        self.transport, self.env, self.keep = transport, dict(env or {}), keep
        self.settings, self.databases = {**environment_settings(), **(settings or {})}, dict(databases or {})
        self.password = password or secrets.token_hex(12)
        self.users = {USER: self.password, **(users or {})}
        self.folder = pathlib.Path(folder or tempfile.mkdtemp(prefix="pgd1-"))
        self.port, self.process = None, None
        self.workerd, self._own_workerd = workerd, False

    # --- life

    def start(self):
        try:
            if self.transport != "embedded" and not self.workerd:
                self.workerd, self._own_workerd = Workerd(self.folder), True
            self.port = self.port or Port()
            self.write_config()
            self.launch()
        except BaseException:
            self._clean()
            raise
        return self

    def launch(self):
        """Starts the process on the configuration as written, and waits until it answers."""
        self.process = Process([binary(), self.config_path], self.folder / "pgd1.log", cwd=self.folder,
                               env={**os.environ, **self.env})
        self.process.wait_until(lambda: answers(self.port.number), "answer on the port", 60)

    def stop(self):
        """Ends it at once, whatever clients are doing, and checks that it ended well. (SIGTERM would wait for open transactions.)"""
        try:
            if self.process:
                status, log = self.process.stop(signal.SIGINT), self.process.log()
                if status != 0 or any(report in log for report in SANITIZER_REPORTS):
                    self.keep = True
                    raise AssertionError(f"pgd1 ended with status {status}, log {self.process.log_path}:\n{self.process.tail()}")
        finally:
            self._clean()

    def restart(self):
        """Stops and starts on the same database and port."""
        self.process.stop(signal.SIGINT)
        self.launch()

    def kill(self):
        """As a power cut would; start again with launch()."""
        self.process.kill()

    def reload(self):
        self.process.send(signal.SIGHUP)

    def _clean(self):
        if self.process and self.process.running():
            self.process.kill()
        if self.workerd and self._own_workerd:
            self.workerd.stop()
            self.workerd = None
        if self.port:
            self.port.release()
        if not self.keep:
            shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, value, trace):
        if kind is None:
            self.stop()
        else:
            self._clean()

    # --- configuration

    @property
    def config_path(self):
        return self.folder / "pgd1.ini"

    def database_line(self):
        if self.transport == "embedded":
            return "d1=embedded path=app.db"
        kind = "gateway" if self.transport == "workerd" else "rest"
        fields = dict(self.workerd.info[kind])
        token = self.folder / "token"
        token.write_text(fields.pop("token"))
        token.chmod(0o600)
        return f"d1={kind} " + " ".join(f"{key}={value}" for key, value in fields.items()) + " token_file=token"

    def write_config(self):
        settings = {"listen_addr": "127.0.0.1", "listen_port": self.port.number, "unix_socket_dir": self.folder, **self.settings}
        lines = ["[pgd1]", *(f"{key} = {value}" for key, value in settings.items())]
        lines += ["[databases]", f"{DATABASE} = {self.database_line()} {self.options}", *(f"{name} = {line}" for name, line in self.databases.items())]
        lines += ["[users]", *(f"{name} = '{secret}' {self.user_options.get(name, '')}" for name, secret in self.users.items())]
        self.config_path.write_text("\n".join(lines) + "\n")
        self.config_path.chmod(0o600)

    # --- clients

    @property
    def pid(self):
        return self.process.pid

    def client_env(self):
        """What libpq's clients read, and the process id."""
        return {"PGHOST": "127.0.0.1", "PGPORT": str(self.port.number), "PGUSER": USER, "PGPASSWORD": self.password,
                "PGDATABASE": DATABASE, "PGD1_PID": str(self.pid)}

    def dsn(self, **changes):
        fields = {"host": "127.0.0.1", "port": self.port.number, "user": USER, "password": self.password, "dbname": DATABASE, **changes}
        return " ".join(f"{key}={value}" for key, value in fields.items())

    def connect(self, autocommit=True, **changes):
        """A psycopg 3 connection."""
        import psycopg
        return psycopg.connect(self.dsn(**changes), autocommit=autocommit)

    def psql(self, *arguments, text=None, check=True, timeout=120):
        """Runs psql without the user's settings; gives the finished process with output as text."""
        return subprocess.run(["psql", "-X", "-v", "ON_ERROR_STOP=1", *arguments], input=text, text=True, capture_output=True,
                              env={**os.environ, **self.client_env()}, check=check, timeout=timeout)

    def pg_dump(self, *arguments, timeout=120):
        """PostgreSQL 15's pg_dump; gives what it prints."""
        from postgres import tool
        done = subprocess.run([tool("pg_dump"), *arguments], text=True, capture_output=True, env={**os.environ, **self.client_env()}, timeout=timeout,
                              check=False)
        if done.returncode != 0:
            raise RuntimeError(f"pg_dump: {done.stderr}")
        return done.stdout

    # --- log

    def log(self):
        return self.process.log()

    def log_contains(self, text):
        return self.process.log_contains(text)

    def wait_for_log(self, text, timeout=10):
        self.process.wait_for_log(text, timeout)
