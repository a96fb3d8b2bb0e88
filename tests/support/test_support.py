"""The tools that judge the other tests: they must fail when they should."""
import os
import pathlib
import re
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "style"), str(HERE.parent / "shared")]
import def_rows  # noqa: E402
import run as shared  # noqa: E402

JUNIT = "<testsuite>{}</testsuite>"
PASS = '<testcase name="a"/>'
FAIL = '<testcase classname="c" name="b"><failure message="wrong&#10;more"/></testcase>'
ERROR = '<testcase name="e"><error>broke\nmore</error></testcase>'
SKIP = '<testcase name="s"><skipped message="why"/></testcase>'


@pytest.mark.parametrize("results, stages, last, status", [
    ({"x.xml": PASS + PASS}, "", "2 passed, 0 failed", 0),
    ({"x.xml": PASS + SKIP}, "", "1 passed, 0 failed, 1 skipped", 0),
    ({"x.xml": PASS + FAIL}, "unit\tx.xml\n", "1 passed, 1 failed", 1),
    ({"x.xml": ERROR, "y.xml": PASS}, "unit\tx.xml\n", "1 passed, 1 failed", 1),
    ({"x.xml": PASS}, "unit\tx.xml\n", "1 passed, 1 failed", 1),  # the stage failed, its results do not say why
    ({"x.xml": PASS}, "build\t\n", "1 passed, 1 failed", 1),
    ({"x.xml": PASS, "y.xml": None}, "", "1 passed, 1 failed", 1),  # cut short
    ({}, "", "0 passed, 0 failed", 0),
])
def test_summary_counts(tmp_path, results, stages, last, status):
    for name, cases in results.items():
        (tmp_path / name).write_text("<testsuite><testc" if cases is None else JUNIT.format(cases))
    done = subprocess.run([sys.executable, HERE / "summary.py", tmp_path], input=stages, text=True, capture_output=True, check=False)
    assert (done.stdout.splitlines()[-1], done.returncode) == (last, status)


@pytest.mark.parametrize("source, complaints", [
    ('/* ROW(name, n): sorted by name. */\n/* clang-format off */\nROW("a", 2)\nROW("b", 1)\n', 0),
    ('/* ROW(name, n): sorted by name. */\n/* clang-format off */\nROW("b", 2)\nROW("a", 1)\n', 1),
    ('/* ROW(name, n): sorted by name. */\n/* clang-format off */\nROW("a", 2)\nROW("a", 1)\n', 1),
    ('/* ROW(name, n): sorted by n. */\n/* clang-format off */\nROW("b", 9)\nROW("a", 10)\n', 0),
    ('/* ROW(name, n): sorted by name without case. */\n/* clang-format off */\nROW("a", 9)\nROW("B", 10)\n', 0),
    ('/* ROW(name, n): in order. */\n/* clang-format off */\nROW("b", 9)\nROW("a", 10)\n', 0),
    ('/* ROW(name, n) */\n/* clang-format off */\nROW("a", 9)\n', 1),
    ('/* ROW(name, n): sorted by name. */\nROW("a", 9)\n', 1),
    ('ROW("a", 9)\n', 1),
])
def test_rows_of_def_files(tmp_path, source, complaints):
    path = tmp_path / "x.def"
    path.write_text(source)
    assert len(def_rows.check(path)) == complaints


def judged(tmp_path, monkeypatch, lines, results):
    monkeypatch.setattr(shared, "EXPECTATIONS", tmp_path)
    monkeypatch.setattr(shared, "ROOT", tmp_path)
    (tmp_path / "g.txt").write_text(lines)
    report = shared.Report()
    report.judge("g", results, shared.Expectations("g", "embedded"))
    return report.passed, report.failed, report.expected


def test_expectations(tmp_path, monkeypatch):
    assert judged(tmp_path, monkeypatch, "", {"a": None, "b": "wrong"}) == (1, 1, 0)
    assert judged(tmp_path, monkeypatch, "b  # known\n", {"a": None, "b": "wrong"}) == (1, 0, 1)
    assert judged(tmp_path, monkeypatch, "b  # known\n", {"a": None, "b": None}) == (2, 1, 0)  # the line can go
    assert judged(tmp_path, monkeypatch, "f:*  # known\n", {"f:1": "wrong", "f:2": None}) == (1, 0, 1)
    with pytest.raises(SystemExit):
        judged(tmp_path, monkeypatch, "b\n", {})  # no reason


def stage(tmp_path, *words):
    """A stage of install.sh in a folder of its own: (status, what it printed)."""
    script = f'. {HERE / "install.sh"}; PROGRESS_FD=1; slow() {{ trap "" TERM; sleep 60; }}; stage "$@"'
    done = subprocess.run(["sh", "-c", script, "sh", *words], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    return done.returncode, done.stdout


def test_stage_tells_only_what_failed(tmp_path):
    assert stage(tmp_path, "good", "10", "echo", "chatter") == (0, f"{'good':28}    0 s\n")
    status, text = stage(tmp_path, "bad", "10", "sh", "-c", "echo the reason; exit 3")
    assert status == 3 and "FAILED (status 3)" in text and "the reason" in text


def test_stage_has_a_limit(tmp_path):
    status, text = stage(tmp_path, "long", "1", "slow")
    assert status != 0 and "stopped after 1 s" in text


def test_missing_packages(tmp_path):
    (tmp_path / "list").write_text("# comment\ncoreutils  # there\nno-such-package (or sh)  # sh does\nno-such-package  # missing\n"
                                   "sed (>= 1.0)  # there\nbash (>= 99.0)  # too old\n")
    script = f". {HERE / 'install.sh'}; missing_packages list"
    done = subprocess.run(["sh", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True, env={**os.environ})
    assert done.stdout == "no-such-package\nbash\n"


@pytest.mark.parametrize("broken, status", [("", 0), ("build\t", 1)])
def test_the_status_of_a_run_is_the_summary_s(tmp_path, broken, status):
    """dash: `exit` in a trap, without a number, gives what was before the trap."""
    (tmp_path / "tests").symlink_to(HERE.parent)
    (tmp_path / "build/results").mkdir(parents=True)
    closing = re.search(r"^closing\(\) \{.*?^\}", (HERE.parents[1] / "test").read_text(), re.M | re.S)[0]
    script = f"{closing}\ntrap closing EXIT\nbroken='{broken}'\n"
    done = subprocess.run(["sh", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (status, f"0 passed, {status} failed"), done
