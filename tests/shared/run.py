#!/usr/bin/env python3
"""Runs what lies beside the checkout in ../shared against pgd1 and holds the results against stated expectations.

    run.py [--transport T] [--junit FILE] [--update] corpus|psql|clients [NAME…]

corpus    recorded sessions of ../shared/corpus, a test per turn, named psql/dt.jsonl:7
psql      psql's printed text for the corpus' commands, a test per command
clients   programs of real clients in ../shared/clients, a test per check; only those that have an expectation file

What may fail stands in tests/shared_expectations/KIND[.NAME][@TRANSPORT].txt, one per line: "test name  # reason"; * and ? match
anything. A test that fails and is not listed fails the run, and so does a line that no failing test needs any more: the list only
ever says what is true. --update rewrites the lists from what failed, new lines with the failure as their reason, to be reviewed.
"""
import argparse
import contextlib
import fnmatch
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree

ROOT = pathlib.Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared"
EXPECTATIONS = ROOT / "tests/shared_expectations"
sys.path.insert(0, str(ROOT / "tests/support"))
from pgd1 import TRANSPORTS, Pgd1  # noqa: E402
from postgres import Postgres  # noqa: E402

# Commands a client's program needs; without them it is skipped, and that is said.
NEEDS = {"pgjdbc": ("javac", "mvn"), "pgx": ("go",), "libpq": ("cc", "pg_config"), "pg": ("npm",), "prisma": ("npm",)}
CLIENT_SECONDS, CORPUS_SECONDS = 600, 900


def server_for(options):
    """postgres: the oracle itself, to check this runner."""
    return Postgres(password="oracle") if options.transport == "postgres" else Pgd1(options.transport)


@contextlib.contextmanager
def judged_end(options, report, group):
    """A server whose bad end (crash, sanitizer) is one more failure, while what the tests said still counts."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(server_for(options))
        yield server
        try:
            stack.close()
        except (AssertionError, RuntimeError) as problem:
            report.fail(group, "the server", str(problem))


class Expectations:
    """One list of tests that may fail."""

    def __init__(self, name, transport):
        special = EXPECTATIONS / f"{name}@{transport}.txt"
        self.path = special if special.exists() else EXPECTATIONS / f"{name}.txt"
        self.reasons, self.used = {}, set()
        for number, line in enumerate(self._lines(), 1):
            if not line.strip() or line.startswith("#"):
                continue
            test, mark, reason = line.partition("  # ")
            if not mark or not reason.strip():
                raise SystemExit(f"{self.path}:{number}: expected \"test name  # reason\"")
            self.reasons[test] = reason.strip()

    def _lines(self):
        return self.path.read_text().splitlines() if self.path.exists() else []

    def reason(self, test):
        """Why this test may fail, or None; marks the line as needed."""
        found = None
        for pattern, reason in self.reasons.items():
            if pattern == test or fnmatch.fnmatchcase(test, pattern.replace("[", "[[]")):
                self.used.add(pattern)
                found = found or reason
        return found

    def unused(self):
        return [pattern for pattern in self.reasons if pattern not in self.used]

    def update(self, failures):
        """The lines still needed, and one for each failure that has none."""
        comments = [line for line in self._lines() if line.startswith("#")]
        lines = [f"{test}  # {reason}" for test, reason in self.reasons.items() if test in self.used]
        lines += [f"{test}  # {' '.join(message.split())[:160]}" for test, message in failures.items() if self.reason(test) is None]
        self.path.write_text("".join(line + "\n" for line in comments + sorted(lines)))


class Report:
    """What ran, as JUnit and as a count."""

    def __init__(self):
        self.suite = ElementTree.Element("testsuite", name="shared")
        self.passed = self.failed = self.expected = 0

    def case(self, group, test):
        return ElementTree.SubElement(self.suite, "testcase", classname=group, name=test)

    def fail(self, group, test, message):
        self.failed += 1
        ElementTree.SubElement(self.case(group, test), "failure", message=message[:500])
        print(f"FAIL {group} {test}: {message[:300]}")

    def skip(self, group, test, reason):
        ElementTree.SubElement(self.case(group, test), "skipped", message=reason)
        print(f"SKIP {group} {test}: {reason}")

    def judge(self, group, results, expectations):
        """results: test name to None (passed) or how it failed."""
        for test, failure in results.items():
            if failure is None:
                self.passed += 1
                self.case(group, test)
            elif expectations.reason(test) is not None:
                self.expected += 1
                ElementTree.SubElement(self.case(group, test), "skipped", message="expected: " + expectations.reason(test))
            else:
                self.fail(group, test, failure)
        for pattern in expectations.unused():
            self.fail(group, pattern, f"does not fail any more: take its line out of {expectations.path.relative_to(ROOT)}")

    def write(self, path):
        for name, value in (("tests", len(self.suite)), ("failures", self.failed)):
            self.suite.set(name, str(value))
        ElementTree.ElementTree(self.suite).write(path, encoding="unicode", xml_declaration=True)


def run(argv, seconds, **options):
    """Runs a program in a group of its own, which is killed at the time limit. Gives (status or None, output)."""
    with tempfile.TemporaryFile() as out:
        child = subprocess.Popen([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                                 start_new_session=True, **options)
        try:
            status = child.wait(seconds)
        except subprocess.TimeoutExpired:
            status = None
        try:
            os.killpg(child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        child.wait()
        out.seek(0)
        return status, out.read().decode(errors="replace")


# --- corpus

def turns(path, name):
    """Names of the turns that the replayer counts."""
    for number, text in enumerate(path.read_text().splitlines(), 1):
        line = json.loads(text)
        if "corpus" not in line and not (line.get("cancel") or "fault" in line or line.get("incomplete") or line.get("setup")):
            yield f"{name}:{number}"


def turns_of(results, name):
    return [test for test in results if test.rsplit(":", 1)[0] == name]


def replay(server, files, names):
    """Test name to failure for the turns of some files, replayed one after the other on one server."""
    with tempfile.NamedTemporaryFile(suffix=".json") as result:
        env = server.client_env()
        status, output = run([sys.executable, SHARED / "corpus/replay.py", "--port", env["PGPORT"], "--user", env["PGUSER"],
                              "--password", env["PGPASSWORD"], "--dbname", env["PGDATABASE"], "--timeout", "30",
                              "--report", result.name, *files], CORPUS_SECONDS)
        try:
            report = json.load(result)
        except ValueError:
            return {name: f"the replayer {'ran out of time' if status is None else 'failed'}: {output[-300:]}" for name in names.values()}
    found = {turn: None for path, name in names.items() for turn in turns(path, name)}
    for file in report["files"]:
        name = names[pathlib.Path(file["file"])]
        for m in file["mismatches"]:
            test = f"{name}:{m['line']}"
            if m["kind"] == "unreachable":  # nothing after it was tried
                found.update({t: "not tried: " + str(m["actual"]) for t in turns_of(found, name) if int(t.rsplit(":", 1)[1]) > m["line"]})
            found[test] = found.get(test) or f"{m['kind']}: expected {m['expected']!r}, got {m['actual']!r} | {m['sql'][:120]}"
    return found


def corpus(options, report):
    for group in ("sql", "psql"):
        files = sorted((SHARED / "corpus" / group).glob("*.jsonl"))
        names = {path: f"{group}/{path.name}" for path in files}
        names = {path: name for path, name in names.items() if not options.names or name in options.names}
        if not names:
            continue
        with judged_end(options, report, f"corpus.{group}") as server:
            results = replay(server, list(names), names)
        settle(options, report, f"corpus.{group}", results)


def psql(options, report):
    folder = SHARED / "corpus/psql"
    names = (folder / "commands.txt").read_text().splitlines()
    names += [line + "<TAB>" for line in (folder / "completions.txt").read_text().splitlines()]
    with judged_end(options, report, "psql") as server:
        status, output = run([folder / "check.sh", "--load"], CORPUS_SECONDS, env={**os.environ, **server.client_env()})
    if status is None or not re.search(r"^\d+ passed, \d+ failed$", output, re.M):
        return settle(options, report, "psql", {"check.sh": "did not end well: " + output[-300:]})
    parts = re.split(r"^FAILED: (.*)$", output, flags=re.M)[1:]
    differences = {name: next((line for line in text.splitlines() if re.match(r"[-+][^-+]", line)), "differs")
                   for name, text in zip(parts[::2], parts[1::2])}
    return settle(options, report, "psql", {name: differences.get(name) for name in names if name})


# --- clients

def client(server, name):
    """Check name to failure for one client's program."""
    env = {**os.environ, **server.client_env(), "CLIENTS_CACHE": str(ROOT / "build/clients"), "CHECK_TIMEOUT": "30",
           "TIMEOUT_FACTOR": "2"}
    status, output = run([SHARED / "clients" / name / "run"], CLIENT_SECONDS, env=env)
    (ROOT / "build/logs").mkdir(parents=True, exist_ok=True)
    (ROOT / f"build/logs/clients-{name}.log").write_text(output)
    results = {}
    for line in output.splitlines():
        if match := re.match(r"ok (.*)$", line):
            results[match[1]] = None
        elif match := re.match(r"FAIL (.*?): (.*)$", line):
            results[match[1]] = match[2]
    if status is None:
        results["the program"] = f"did not end within {CLIENT_SECONDS} s"
    elif not re.search(r"^\d+ passed, \d+ failed$", output, re.M):
        results["the program"] = f"ended with status {status}: {output[-300:]}"
    return results


def too_old(name):
    """A client in Go says which Go it needs. Since 1.21 Go fetches a newer one by itself."""
    module = SHARED / "clients" / name / "go.mod"
    wanted = re.search(r"^go (\d+)\.(\d+)", module.read_text(), re.M) if module.exists() else None
    if not wanted or not shutil.which("go"):
        return []
    version = subprocess.run(["go", "version"], capture_output=True, text=True, check=True).stdout
    installed = tuple(map(int, re.search(r"go(\d+)\.(\d+)", version).groups()))
    return [] if installed >= min((1, 21), tuple(map(int, wanted.groups()))) else [f"Go {wanted[1]}.{wanted[2]}"]


def clients(options, report):
    known = sorted(path.parent.name for path in (SHARED / "clients").glob("*/run"))
    for name in options.names or known:
        if not options.names and not list(EXPECTATIONS.glob(f"clients.{name}*.txt")):
            print(f"not run: {name} has no file in {EXPECTATIONS.relative_to(ROOT)}")
            continue
        missing = [command for command in NEEDS.get(name, ()) if not shutil.which(command)] + too_old(name)
        if missing:
            report.skip(f"clients.{name}", "the program", f"there is no {' and no '.join(missing)}")
            continue
        with judged_end(options, report, f"clients.{name}") as server:
            results = client(server, name)
        settle(options, report, f"clients.{name}", results)


def settle(options, report, group, results):
    expectations = Expectations(group, options.transport)
    if options.update:
        failures = {test: failure for test, failure in results.items() if failure is not None}
        for test in failures:
            expectations.reason(test)
        expectations.update(failures)
        expectations = Expectations(group, options.transport)
    if options.names and group.startswith("corpus"):
        chosen = {test.rsplit(":", 1)[0] for test in results}
        expectations.reasons = {p: r for p, r in expectations.reasons.items() if p.rsplit(":", 1)[0] in chosen}
    report.judge(group, results, expectations)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--transport", choices=(*TRANSPORTS, "postgres"), default="embedded")
    parser.add_argument("--junit", metavar="FILE")
    parser.add_argument("--update", action="store_true")
    parser.add_argument("kind", choices=("corpus", "psql", "clients"))
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    report = Report()
    try:
        {"corpus": corpus, "psql": psql, "clients": clients}[options.kind](options, report)
    except (RuntimeError, TimeoutError, OSError) as problem:  # the server did not start
        report.fail(options.kind, "the server", str(problem))
    if options.junit:
        report.write(options.junit)
    print(f"{report.passed} passed, {report.failed} failed, {report.expected} expected to fail")
    sys.exit(1 if report.failed else 0)


if __name__ == "__main__":
    main()
