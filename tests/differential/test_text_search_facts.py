"""What pgd1 knows of PostgreSQL 15's text search is what the server has: configurations, stop words, characters inside words."""
import pathlib
import subprocess
import sys

SCRIPT = pathlib.Path(__file__).resolve().parents[1] / "support/text_search_facts.py"


def test_facts_are_current():
    done = subprocess.run([sys.executable, str(SCRIPT), "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
