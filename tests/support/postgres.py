"""A throw-away PostgreSQL 15, the oracle of the differential tests and the rival of the benchmarks.

    with Postgres() as oracle:
        oracle.connect().execute("…")

initdb -E UTF8 --locale=C.UTF-8, time zone UTC, user postgres, database app; trust unless password is given. fsync off unless asked.
PostgreSQL refuses to run as root: then it runs as the user postgres, which Debian's package makes.
"""
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import tempfile

from proc import Port, Process

USER, DATABASE = "postgres", "app"


def tool(name):
    """A PostgreSQL 15 program: of Debian's folder, else from PATH."""
    path = pathlib.Path("/usr/lib/postgresql/15/bin") / name
    return str(path) if path.exists() else name


class Postgres:
    def __init__(self, *, fsync=False, settings=None, password=None, folder=None):
        self.settings = {"timezone": "'UTC'", "log_timezone": "'UTC'", "fsync": "on" if fsync else "off",
                         "synchronous_commit": "on" if fsync else "off", "full_page_writes": "on" if fsync else "off",
                         "max_connections": "200", **(settings or {})}
        self.password, self.port, self.process = password, None, None
        self.folder = pathlib.Path(folder or tempfile.mkdtemp(prefix="pgd1-postgres-"))
        self.identity = {}
        if os.getuid() == 0:
            account = pwd.getpwnam("postgres")
            self.identity = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
            os.chown(self.folder, account.pw_uid, account.pw_gid)

    def start(self):
        try:
            self.port = Port()
            self._initdb()
            self.process = Process([tool("postgres"), "-D", self.data, "-p", self.port.number, "-k", self.folder,
                                    "-c", "listen_addresses=127.0.0.1", *(f"-c{key}={value.strip(chr(39))}"
                                    for key, value in self.settings.items())], self.folder / "postgres.log", cwd=self.folder,
                                   env=self._env(), **self.identity)
            self.process.wait_until(self._ready, "PostgreSQL", 60)
            if DATABASE != "postgres":
                self.psql("-d", "postgres", "-c", f"CREATE DATABASE {DATABASE}")
        except BaseException:
            self._clean()
            raise
        return self

    def _initdb(self):
        command = [tool("initdb"), "-D", self.data, "-U", USER, "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
        if self.password:
            (self.folder / "password").write_text(self.password)
            command += ["--auth=scram-sha-256", f"--pwfile={self.folder / 'password'}"]
        else:
            command += ["--auth=trust"]
        done = subprocess.run([str(part) for part in command], cwd=self.folder, capture_output=True, text=True, env=self._env(),
                              timeout=120, **self.identity)
        if done.returncode != 0:
            raise RuntimeError(f"initdb: {done.stdout}{done.stderr}")

    def _env(self):
        """Ours without what would steer PostgreSQL's programs."""
        return {key: value for key, value in os.environ.items() if not key.startswith("PG")}

    @property
    def data(self):
        return str(self.folder / "data")

    def _ready(self):
        return subprocess.run([tool("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port.number)], check=False).returncode == 0

    def stop(self):
        try:
            self.process.stop(signal.SIGINT)  # fast shutdown
        finally:
            self._clean()

    def _clean(self):
        if self.process and self.process.running():
            self.process.kill()
        if self.port:
            self.port.release()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    @property
    def pid(self):
        return self.process.pid

    def client_env(self):
        env = {"PGHOST": "127.0.0.1", "PGPORT": str(self.port.number), "PGUSER": USER, "PGDATABASE": DATABASE}
        return {**env, "PGPASSWORD": self.password} if self.password else env

    def dsn(self, **changes):
        fields = {"host": "127.0.0.1", "port": self.port.number, "user": USER, "dbname": DATABASE, **changes}
        if self.password:
            fields.setdefault("password", self.password)
        return " ".join(f"{key}={value}" for key, value in fields.items())

    def connect(self, autocommit=True, **changes):
        """A psycopg 3 connection."""
        import psycopg
        return psycopg.connect(self.dsn(**changes), autocommit=autocommit)

    def psql(self, *arguments, text=None, check=True, timeout=120):
        return subprocess.run([tool("psql"), "-X", "-v", "ON_ERROR_STOP=1", *arguments], input=text, text=True, capture_output=True,
                              env={**self._env(), **self.client_env()}, check=check, timeout=timeout)
