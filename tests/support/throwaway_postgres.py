"""A PostgreSQL 15 that lives as long as a `with` block: own data folder, Unix socket only, nobody else's port.

    with ThrowawayPostgres() as pg:
        rows = pg.rows("SELECT oid, typname FROM pg_type")     # a list of dicts

PGD1_POSTGRES_BIN names the folder of initdb and pg_ctl, default Debian's. initdb refuses root: as root everything runs as
the user `postgres`, whom Debian's package creates.
"""
import json
import os
import shutil
import subprocess
import tempfile

BIN = os.environ.get("PGD1_POSTGRES_BIN", "/usr/lib/postgresql/15/bin")


class ThrowawayPostgres:
    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="pgd1-postgres-")
        self.data = os.path.join(self.folder, "data")
        self.prefix = []
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres", "postgres")
            self.prefix = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]

    def _run(self, *command):
        subprocess.run([*self.prefix, *command], check=True, stdout=subprocess.DEVNULL, cwd=self.folder)

    def __enter__(self):
        self._run(f"{BIN}/initdb", "-D", self.data, "-U", "postgres", "-E", "UTF8", "--locale=C", "-A", "trust", "--no-sync")
        options = f"-k {self.folder} -c listen_addresses= -c fsync=off -c autovacuum=off"
        self._run(f"{BIN}/pg_ctl", "-D", self.data, "-o", options, "-l", f"{self.folder}/log", "-w", "start")
        return self

    def __exit__(self, *_):
        self._run(f"{BIN}/pg_ctl", "-D", self.data, "-m", "immediate", "-w", "stop")
        shutil.rmtree(self.folder, ignore_errors=True)

    def psql(self, sql, database="postgres"):
        """Runs a script; gives what psql prints, without headers. Raises on the first error."""
        command = [f"{BIN}/psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", self.folder, "-U", "postgres", "-d", database, "-f", "-"]
        done = subprocess.run(command, input=sql, text=True, capture_output=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(done.stderr)
        return done.stdout

    def rows(self, query, database="postgres"):
        return json.loads(self.psql(f"SELECT coalesce(json_agg(row_to_json(r)), '[]') FROM ({query}) r", database))
