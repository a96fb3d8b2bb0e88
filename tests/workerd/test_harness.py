"""workerd.py as a command: its line, its ends, a database that outlives it."""
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

from workerd import Workerd

SCRIPT = pathlib.Path(__file__).resolve().parent / "workerd.py"


class Command:
    """folder: for its temporary files, which a killed one cannot remove."""

    def __init__(self, folder, *arguments):
        self.child = subprocess.Popen([sys.executable, SCRIPT, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                      env={**os.environ, "TMPDIR": str(folder)})
        self.info = json.loads(self.child.stdout.readline())

    def wait(self):
        try:
            return self.child.wait(20)
        finally:
            self.child.stdin.close()
            self.child.stdout.close()


def runs(pid):
    state = pathlib.Path(f"/proc/{pid}/stat")
    return state.exists() and state.read_text().rsplit(")", 1)[1].split()[0] != "Z"


def ends(pid):
    end = time.monotonic() + 10
    while runs(pid) and time.monotonic() < end:
        time.sleep(0.02)
    return not runs(pid)


def test_the_line(tmp_path):
    command = Command(tmp_path, "start", "--d1", "shop")
    assert set(command.info) == {"gateway", "rest", "faults", "rest_control", "pid"}
    assert set(command.info["gateway"]) == {"url", "binding", "token"}
    assert set(command.info["rest"]) == {"base_url", "account", "database", "token"}
    assert runs(command.info["pid"])
    command.child.stdin.close()
    assert command.wait() == 0
    assert ends(command.info["pid"])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("number, status", [(signal.SIGTERM, 0), (signal.SIGINT, 0), (signal.SIGKILL, -signal.SIGKILL)])
def test_it_leaves_nothing_running(number, status, tmp_path):
    command = Command(tmp_path)
    command.child.send_signal(number)
    assert command.wait() == status
    assert ends(command.info["pid"])


def test_an_engine_that_dies_is_noticed(tmp_path):
    command = Command(tmp_path)
    subprocess.run(["kill", "-9", str(command.info["pid"])], check=True)
    assert command.wait() != 0


def test_a_database_that_stays(tmp_path):
    for i in range(2):
        with Workerd(data=tmp_path / "d1") as d1:
            status, body = d1.batch("CREATE TABLE IF NOT EXISTS t(a)", "INSERT INTO t VALUES(1)", "SELECT count(*) AS c0 FROM t")
            assert (status, body["results"][2]["rows"]) == (200, [[i + 1]])


def test_databases_start_empty():
    for _ in range(2):
        with Workerd() as d1:
            assert d1.batch("CREATE TABLE t(a)")[0] == 200
