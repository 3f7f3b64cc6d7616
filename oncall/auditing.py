"""The auditor: it proves that each page that was due has been tried, and that each open incident will be looked at.

Its work grows with what is open, never with what was. What it finds is put right and said; only when all is in order it
tells an outside heartbeat so, which therefore also notices when the auditor itself is gone.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from ledger import events
from ledger.clock import Clock
from ledger.db import Database
from ledger.jobs import Jobs
from oncall import intakestore, outbox, store
from oncall.answering import Answering
from oncall.deciding import Record, decide
from oncall.moving import ADVANCE, PORTAL, SEND
from oncall.receiving import ALL, RECEIVE

AUDIT, EVERY = "oncall.audit", timedelta(minutes=1)
LATE = timedelta(seconds=60)  # a page that has not been tried, a body that is not understood


@dataclass(frozen=True)
class Found:
    """What an audit came to."""

    incidents: int  # open ones that were looked at
    pages: int  # that were due and had not been tried
    unmoved: tuple[int, ...]  # incidents at which something was due and nobody had done it
    bodies: bool  # something was accepted long ago and is not understood
    back: tuple[
        int, ...
    ] = ()  # nobody could be reached for those, and now somebody can; they are looked at now and then

    @property
    def is_fine(self) -> bool:
        return not (self.pages or self.unmoved or self.bodies)

    @property
    def said(self) -> str:
        if self.is_fine:
            return f"every page that was due has been tried; {self.incidents} open"
        wrong = [
            f"{self.pages} pages were due and had not been tried" if self.pages else "",
            f"nobody had moved incident {', '.join(map(str, self.unmoved[:5]))}" if self.unmoved else "",
            "something was accepted and not understood in time" if self.bodies else "",
        ]
        return "; ".join(one for one in wrong if one)


@dataclass(frozen=True)
class Auditor:
    """`all_fine` tells the outside; it may be slow and never raises."""

    database: Database
    jobs: Jobs
    clock: Clock
    fallback: str = ""
    all_fine: Callable[[], None] = lambda: None

    def audit(self) -> Found:
        """Look once through what is open; put right and say what is wrong."""
        now = self.clock()
        with self.database.read() as session:
            found, kinds = self._look(session, now)
        if found.is_fine:
            self.all_fine()
            if not found.back:
                return found
        with self.jobs.transaction() as tx:
            for kind in kinds:
                self.jobs.enqueue(tx, SEND, kind, now)
            for incident in (*found.unmoved, *found.back):
                self.jobs.enqueue(tx, ADVANCE, str(incident), now)
            if found.bodies:
                self.jobs.enqueue(tx, RECEIVE, ALL, now)
            if not found.is_fine:
                events.record(tx, "oncall.audit_found", PORTAL, PORTAL, now, {"said": found.said})
        return found

    def _look(self, session: Session, now: datetime) -> tuple[Found, set[str]]:
        late = outbox.overdue(session, now - LATE)
        answering = Answering(session, self.fallback)
        unmoved, back, count = set(store.open_numbers(session)), list[int](), 0
        for incident in store.everything_open(session):
            count += 1
            unmoved.discard(incident.number)
            if isinstance(decide(incident, answering.on_call, now - LATE), Record):
                # Of an exhausted one nothing is ever due: it begins again by itself at the next look, in five minutes.
                (unmoved.add if incident.exhausted_at is None else back.append)(incident.number)
        bodies = intakestore.oldest(session)
        waits = bodies is not None and bodies < now - LATE
        return Found(count, len(late), tuple(sorted(unmoved)), waits, tuple(back)), {page.kind for page in late}
