"""Who runs which tests, and when: a file is one worker's, and what takes longest begins first.

The files that visit the demo count as one, so that it is made once.
"""

from xdist.scheduler import LoadFileScheduling

SHOP = ("tests/browser/", "tests/journeys/test_demo.py")
LONGEST = ("tests/journeys/test_tour.py", *SHOP, "tests/crash/test_deploy_killed.py")


class Scheduling(LoadFileScheduling):
    def _split_scope(self, nodeid: str) -> str:
        file: str = super()._split_scope(nodeid)
        return "the shop" if file.startswith(SHOP) else file


def rank(nodeid: str) -> int:
    """Return the place of a test among those that go first; the others come after all of them, in their order."""
    return next((at for at, file in enumerate(LONGEST) if nodeid.startswith(file)), len(LONGEST))
