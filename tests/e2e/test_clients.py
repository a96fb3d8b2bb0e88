"""Programs with the drivers of other languages: node-postgres, pgx, pgjdbc, libpq. Each prints "ok WHAT" or "FAIL WHAT: why" per check
and leaves its table dropped. What they are built from is fetched once, pinned, and kept under build/e2e/."""
import fcntl
import os
import pathlib
import shutil
import subprocess

import pytest

from pgd1 import Pgd1
from proc import ROOT

HERE = pathlib.Path(__file__).resolve().parent
BUILD = ROOT / "build/e2e"


def node():
    folder = BUILD / "node"
    shutil.copytree(HERE / "node", folder, ignore=shutil.ignore_patterns("node_modules"))
    subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], cwd=folder, check=True)
    return ["node", str(folder / "client.mjs")]


def go():
    subprocess.run(["go", "build", "-buildvcs=false", "-o", str(BUILD / "go/client"), "."], cwd=HERE / "go", check=True)
    return [str(BUILD / "go/client")]


def java():
    """The quick compiler only: start-up is most of it."""
    folder = BUILD / "java"
    folder.mkdir()
    subprocess.run(["mvn", "-q", "-B", "-f", str(HERE / "java/pom.xml"), "dependency:copy-dependencies", f"-DoutputDirectory={folder}"], check=True)
    subprocess.run(["javac", "-encoding", "UTF-8", "-cp", f"{folder}/*", "-d", str(folder), str(HERE / "java/Client.java")], check=True)
    return ["java", "-Xshare:auto", "-XX:TieredStopAtLevel=1", "-cp", f"{folder}:{folder}/*", "Client"]


def libpq():
    folder = BUILD / "libpq"
    folder.mkdir()
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", "libpq"], check=True, capture_output=True, text=True).stdout.split()
    subprocess.run(["cc", "-std=gnu17", "-O1", "-Wall", "-Wextra", "-Werror", "-o", str(folder / "client"), str(HERE / "libpq/client.c"), *flags], check=True)
    return [str(folder / "client")]


# How a program is made and started, and what must be installed for that.
PROGRAMS = {"node": (node, ("node", "npm")), "go": (go, ("go",)), "java": (java, ("mvn", "javac")), "libpq": (libpq, ("cc", "pkg-config"))}


def sources(name):
    return b"".join(path.name.encode() + path.read_bytes() for path in sorted((HERE / name).iterdir()) if path.is_file())


def made(name):
    """The command that runs a program; built when its sources changed."""
    build, tools = PROGRAMS[name]
    missing = [tool for tool in tools if not shutil.which(tool)]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
    BUILD.mkdir(parents=True, exist_ok=True)
    with open(BUILD / f"{name}.lock", "w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        mark, command = BUILD / f"{name}.sources", BUILD / f"{name}.command"
        if not mark.exists() or mark.read_bytes() != sources(name):
            shutil.rmtree(BUILD / name, ignore_errors=True)
            command.write_text("\n".join(build()))
            mark.write_bytes(sources(name))
        return command.read_text().split("\n")


@pytest.fixture(scope="session", params=PROGRAMS)
def program(request):
    return made(request.param)


@pytest.mark.timeout(600)
def test_every_check_of_the_program(program, server):
    done = subprocess.run(program, env={**os.environ, **server.client_env()}, capture_output=True, text=True, timeout=120)
    lines = done.stdout.splitlines()
    assert [line for line in lines if not line.startswith("ok ")] == [] and done.returncode == 0, done.stdout + done.stderr
    assert len(lines) > 5


@pytest.mark.timeout(600)
@pytest.mark.parametrize("transport", ("embedded", "workerd"))
@pytest.mark.parametrize("name", ("node", "java"))
def test_migrations(name, transport):
    """MIGRATE through the driver, on a server of its own: functions with text and binary rows, both protocols."""
    command = made(name)
    with Pgd1(transport) as server:
        done = subprocess.run([*command, "migrations"], env={**os.environ, **server.client_env()}, capture_output=True, text=True, timeout=120)
    lines = done.stdout.splitlines()
    assert len(lines) >= 2 and all(line.startswith("ok ") for line in lines) and done.returncode == 0, done.stdout + done.stderr
