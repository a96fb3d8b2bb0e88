"""What pytest -n gives to one process together; the hook pytest_xdist_make_scheduler in conftest.py chooses."""
import re

from xdist.scheduler import LoadScopeScheduling


class Spread(LoadScopeScheduling):
    """A file's tests whose names give the same text for the pattern's group go together, so that what fixtures of the file, or of the
    run, make for them is made once. Told --no-loadscope-reorder, xdist hands them out in pytest's order, where the tests of one
    session-wide server stand together: hardly any process starts such a server twice."""

    def __init__(self, config, log, pattern):
        self.pattern = re.compile(pattern)
        super().__init__(config, log)

    def _split_scope(self, nodeid):
        found = self.pattern.search(nodeid)
        return f"{nodeid.split('::')[0]} {found[1] if found else ''}"
