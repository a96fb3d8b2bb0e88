"""The seed of tests that try what chance gives: PGD1_SEED; without it always the same one, in the long form (PGD1_LONG=1) a new one."""
import hashlib
import os


def seed():
    """As text. Processes of one run (pytest -n) get the same, for it is in the names of tests."""
    if os.environ.get("PGD1_SEED"):
        return os.environ["PGD1_SEED"]
    if os.environ.get("PGD1_LONG") != "1":
        return "15"
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or os.urandom(16).hex()
    return str(int(hashlib.sha256(run.encode()).hexdigest()[:8], 16))
