"""What pgd1 knows of PostgreSQL 15's text search is what the server has: configurations and stop words; with PGD1_LONG=1 the characters inside
words too."""
import os
import pathlib
import subprocess
import sys

import pytest

SCRIPT = pathlib.Path(__file__).resolve().parents[1] / "support/text_search_facts.py"
LONG = os.environ.get("PGD1_LONG") == "1"


@pytest.mark.timeout(900 if LONG else 120)
def test_facts_are_current():
    done = subprocess.run([sys.executable, str(SCRIPT), "--check" if LONG else "--check-lists"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
