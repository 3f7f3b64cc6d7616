"""Who runs which tests, and when: a file is one worker's, and what takes longest begins first.

The files that visit the demo count as one, so that it is made once. There are two workers to a core, for the tests wait
about as much as they work: for the demo, a killed worker's successor, a script, a database.
"""

import os
from typing import Any

from xdist.scheduler import LoadFileScheduling

SHOP = ("tests/browser/", "tests/journeys/test_demo.py")
LONGEST = ("tests/journeys/test_tour.py", *SHOP, "tests/crash/", "tests/rooms/", "tests/doors/", "tests/promises/")


class Scheduling(LoadFileScheduling):
    """Takes the files in the order in which they were collected; xdist would begin with those of the most tests."""

    def __init__(self, config: Any, log: Any) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False

    def _split_scope(self, nodeid: str) -> str:
        file: str = super()._split_scope(nodeid)
        return "the shop" if file.startswith(SHOP) else file


def rank(nodeid: str) -> int:
    """Return the place of a test among those that go first; the others come after all of them, in their order."""
    return next((at for at, file in enumerate(LONGEST) if nodeid.startswith(file)), len(LONGEST))


def workers() -> int:
    return 2 * (os.cpu_count() or 1)
