#!/usr/bin/env python3
"""pgd1 embedded, PostgreSQL 15 and PgBouncer before it, side by side with pgbench: prints tps and ratios, and memory of idle connections.

    build/venv/bin/python tests/bench/pgbench.py [--seconds 5] [--runs 3] [--rows 100000] [--only select-simple …]
    build/venv/bin/python tests/bench/pgbench.py --only tpcb --seconds 60

Release build (PGD1_BUILD, PGD1_BINARY choose another). Loopback TCP, 16 clients, 2 pgbench threads; the servers take turns in every run
and the median counts. select: one row of --rows by primary key; insert: one row per statement, both sides durable (PostgreSQL with
fsync, pgd1 always). tpcb: pgbench's own script and tables, 8 clients, one run each, on workerd too; what had to be tried again, and
whether the balances agree afterwards. Needs pgbench and, for its column, pgbouncer.
"""
import argparse
import contextlib
import os
import pathlib
import pwd
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
os.environ.setdefault("PGD1_BUILD", "release")

from pgd1 import Pgd1  # noqa: E402
from postgres import DATABASE, USER, Postgres, tool  # noqa: E402
from proc import Port, Process, answers  # noqa: E402

CLIENTS, TPCB_CLIENTS, THREADS, IDLE = 16, 8, 2, 1000
SELECT = "\\set aid random(1, {rows})\nSELECT abalance FROM pgbench_accounts WHERE aid = :aid;\n"
INSERT = "\\set n random(1, 1000000)\nINSERT INTO pgbench_inserted (n, filler) VALUES (:n, 'twenty-two characters.');\n"
KINDS = {"select-simple": (SELECT, "simple"), "select-prepared": (SELECT, "prepared"), "insert-simple": (INSERT, "simple"),
         "insert-prepared": (INSERT, "prepared")}
# What the project promises against PostgreSQL direct.
WANTED = {"select-simple": 1.5, "select-prepared": 1.1, "insert-simple": 1.0, "insert-prepared": 1.0}


class PgBouncer:
    """Before a PostgreSQL that trusts us; transaction pooling, which is its quick way. Version 1.18 knows no prepared statements there:
    session pooling then, with a server connection per client."""

    def __init__(self, postgres):
        self.postgres, self.port = postgres, Port()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="pgd1-pgbouncer-"))

    def __enter__(self):
        (self.folder / "users.txt").write_text(f'"{USER}" ""\n')
        (self.folder / "pgbouncer.ini").write_text(f"""[databases]
{DATABASE} = host=127.0.0.1 port={self.postgres.port.number} dbname={DATABASE}
prepared = host=127.0.0.1 port={self.postgres.port.number} dbname={DATABASE} pool_mode=session
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {self.port.number}
unix_socket_dir =
auth_type = trust
auth_file = {self.folder / "users.txt"}
pool_mode = transaction
default_pool_size = {CLIENTS}
max_client_conn = 2000
""")
        identity = {}
        if os.getuid() == 0:
            account = pwd.getpwnam("postgres")
            identity = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
            for path in (self.folder, *self.folder.iterdir()):
                os.chown(path, account.pw_uid, account.pw_gid)
        self.process = Process([shutil.which("pgbouncer"), "-q", self.folder / "pgbouncer.ini"], self.folder / "log", cwd=self.folder, **identity)
        self.process.wait_until(lambda: answers(self.port.number), "PgBouncer")
        return self

    def __exit__(self, *_):
        self.process.stop()
        self.port.release()
        shutil.rmtree(self.folder, ignore_errors=True)

    def client_env(self):
        return {**self.postgres.client_env(), "PGPORT": str(self.port.number)}


def load(server, rows):
    """The same table on each side."""
    with server.connect() as connection:
        connection.execute("CREATE TABLE pgbench_accounts (aid int PRIMARY KEY, bid int, abalance int, filler char(84))")
        connection.execute("CREATE TABLE pgbench_inserted (id serial PRIMARY KEY, n int, filler text)")
        with connection.cursor().copy("COPY pgbench_accounts FROM STDIN") as copy:
            for aid in range(1, rows + 1):
                copy.write_row((aid, 1, 0, ""))
    if isinstance(server, Postgres):
        server.psql("-q", "-c", "VACUUM ANALYZE")


def run(server, script, mode, seconds):
    """tps of one pgbench run, without the time to connect."""
    env = {**os.environ, **server.client_env()}
    if isinstance(server, PgBouncer) and mode == "prepared":
        env["PGDATABASE"] = "prepared"
    done = subprocess.run([tool("pgbench"), "-n", "-c", str(CLIENTS), "-j", str(THREADS), "-T", str(seconds), "-M", mode, "-f", script],
                          env=env, capture_output=True, text=True, check=False)
    found = re.search(r"tps = ([0-9.]+)", done.stdout)
    if done.returncode != 0 or not found:
        raise RuntimeError(f"pgbench: {done.stdout}{done.stderr}")
    return float(found.group(1))


def compare(servers, kind, options):
    text, mode = KINDS[kind]
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write(text.format(rows=options.rows))
        script.flush()
        taken = {name: [] for name in servers}
        for _ in range(options.runs):
            for name, server in servers.items():
                taken[name].append(run(server, script.name, mode, options.seconds))
    median = {name: statistics.median(values) for name, values in taken.items()}
    ratio = median["pgd1"] / median["postgres"]
    bouncer = f"{median['pgbouncer']:>12,.0f} {median['pgd1'] / median['pgbouncer']:>7.2f}x" if "pgbouncer" in median else f"{'-':>12} {'-':>8}"
    print(f"{kind:<16} {median['pgd1']:>10,.0f} {median['postgres']:>12,.0f} {ratio:>7.2f}x {WANTED[kind]:>7.2f}x {bouncer}", flush=True)


BALANCES = """SELECT (SELECT sum(abalance) FROM pgbench_accounts), (SELECT sum(bbalance) FROM pgbench_branches),
    (SELECT sum(tbalance) FROM pgbench_tellers), (SELECT sum(delta) FROM pgbench_history), (SELECT count(*) FROM pgbench_history)"""


def tpcb(name, server, seconds):
    """One line; an error when the balances differ or a transaction was not done in the end."""
    env = {**os.environ, **server.client_env()}
    subprocess.run([tool("pgbench"), "-i", "-q", "-s", "1"], env=env, capture_output=True, text=True, check=True)
    done = subprocess.run([tool("pgbench"), "-n", "-c", str(TPCB_CLIENTS), "-j", "2", "-T", str(seconds), "--max-tries=0"], env=env,
                          capture_output=True, text=True, check=False)
    figures = {what: re.search(what + r"[^0-9]*([0-9.]+)", done.stdout) for what in
               ("tps =", "transactions actually processed:", "failed transactions:", "transactions retried:", "total number of retries:")}
    if done.returncode != 0 or not figures["tps ="]:
        raise RuntimeError(f"pgbench: {done.stdout}{done.stderr}")
    tps, n, failed, retried, retries = (float(found.group(1)) if found else 0 for found in figures.values())
    with server.connect() as connection:
        *sums, rows = connection.execute(BALANCES).fetchone()
    verdict = "balances agree" if len({int(total) for total in sums}) == 1 and rows == n and not failed else f"WRONG: {sums}, {rows} rows"
    print(f"{name:<12} {tps:>10,.0f} {n:>10,.0f} {failed:>8,.0f} {retried:>8,.0f} {retries:>8,.0f}  {verdict}", flush=True)


def compare_tpcb(seconds):
    print(f"TPC-B, {TPCB_CLIENTS} clients, {seconds} s, tried again until done")
    print(f"{'':<12} {'tps':>10} {'done':>10} {'failed':>8} {'retried':>8} {'retries':>8}")
    for name, server in (("PostgreSQL", Postgres(fsync=True)), ("embedded", Pgd1("embedded")), ("workerd", Pgd1("workerd"))):
        with server as running:
            tpcb(name, running, seconds)


def resident(pid):
    """Kilobytes of this process and those it started, swapped ones too."""
    total = 0
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            fields = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines() if ":" in line)
            if int(folder.name) == pid or int(fields["PPid"]) == pid:
                total += sum(int(fields.get(name, "0 kB").split()[0]) for name in ("VmRSS", "VmSwap"))
    return total


def idle_memory(settings):
    """Kilobytes per idle connection, logged in, after one statement each."""
    with Pgd1("embedded", settings=settings) as server, contextlib.ExitStack() as stack:
        def another():
            connection = stack.enter_context(contextlib.closing(server.connect()))
            connection.execute("SELECT 1")
        for _ in range(20):
            another()
        before = resident(server.pid)
        for _ in range(IDLE):
            another()
        return (resident(server.pid) - before) / IDLE


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--rows", type=int, default=100000)
    parser.add_argument("--only", nargs="*", choices=[*KINDS, "tpcb", "memory"], default=[*KINDS, "memory"])
    options = parser.parse_args()
    kinds = [kind for kind in options.only if kind in KINDS]
    with contextlib.ExitStack() as stack:
        if kinds:
            servers = {"pgd1": stack.enter_context(Pgd1("embedded")), "postgres": stack.enter_context(Postgres(fsync=True))}
            for server in servers.values():
                load(server, options.rows)
            if shutil.which("pgbouncer"):
                servers["pgbouncer"] = stack.enter_context(PgBouncer(servers["postgres"]))
            print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}; tps, median of {options.runs} runs of {options.seconds} s")
            print(f"{'':<16} {'pgd1':>10} {'PostgreSQL':>12} {'ratio':>8} {'wanted':>8} {'PgBouncer':>12} {'ratio':>8}")
        for kind in kinds:
            compare(servers, kind, options)
    if "tpcb" in options.only:
        compare_tpcb(options.seconds)
    if "memory" in options.only:
        print(f"idle connection: {idle_memory({'max_client_conn': IDLE + 100}):.1f} kB each at {IDLE} (wanted: 10 kB at most)")


if __name__ == "__main__":
    main()
