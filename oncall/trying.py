"""A page to oneself, as a test: through each channel that counts, at once, quiet hours or not.

It is the way that a real page takes, without an incident; what a provider says against it stands beside the channel.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ledger import events
from ledger.clock import Clock
from ledger.db import Database
from ledger.errors import Code, Error
from ledger.jobs import Claim, Jobs
from oncall import planstore
from oncall.paging.ports import Delivered, Key, Page, Pager
from oncall.terms import Severity, Urgency

TEST = "oncall.test"


@dataclass(frozen=True)
class Tester:
    """Made once by the wiring. `pagers` is asked for by the worker only."""

    database: Database
    jobs: Jobs
    clock: Clock
    pagers: Callable[[], Mapping[str, Pager]]

    def ask(self, person: str) -> int:
        """Have each channel of a person that counts tried now; return how many there are."""
        now = self.clock()
        with self.jobs.transaction() as tx:
            ways = [one for one in planstore.ways(tx, [person]).get(person, ()) if one.channel.verified]
            if not ways:
                raise Error(Code.CONFLICT, "You have no channel that counts yet; add one, and type the code it gets.")
            for way in ways:
                self.jobs.enqueue(tx, TEST, str(way.id), now)
        return len(ways)

    def send(self, claim: Claim) -> None:
        """The job: try one channel, and keep what came of it."""
        now, number = self.clock(), int(claim.key)
        with self.database.read() as session:
            way = planstore.way(session, number)
        pager = self.pagers().get(way.kind) if way else None
        outcome = None
        if way is not None and pager is not None:
            about = Key(0, int(now.timestamp()), 0, way.person, str(way.id))
            text = "You asked for it. Nothing is wrong, and nothing waits for your answer."
            page = Page(about, "A test page", text, Severity.INFO, Urgency.HIGH, way.person, way.address)
            outcome = pager.send(page)
        with self.jobs.transaction() as tx:
            if way is not None and outcome is not None:
                took = isinstance(outcome, Delivered)
                trouble = "" if isinstance(outcome, Delivered) else outcome.why[:500]
                planstore.change_way(tx, number, trouble=trouble, trouble_at=None if took else now)
                data = {"label": way.label, "delivered": took}
                events.record(tx, "oncall.channel_tested", f"channel:{number}", way.person, now, data)
            self.jobs.finish(tx, claim, now)
