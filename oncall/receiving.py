"""The job that understands what came in: each body becomes signals, each signal what it comes to, in one transaction.

One worker at a time does it, in the order in which things came. A body waits in a table of its own until it is
understood, so what was accepted is never lost and the work for it does not grow with what was before.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from ledger import events, inbox
from ledger.clock import Clock
from ledger.db import Database
from ledger.errors import Code, Error
from ledger.jobs import Claim, Jobs, Lost
from oncall import intakestore, understanding
from oncall.intakestore import Body, Key
from oncall.moving import PORTAL
from oncall.signal import to_json
from oncall.taking import taking
from oncall.understanding import OWN, Came

RECEIVE, ALL = "oncall.receive", "all"
# Bodies in one transaction, at most, and for how long one more is begun: who is in it is not paged before its end.
BATCH, HOLD = 80, timedelta(seconds=0.3)
ALONE, ALONE_HOLD = 24, timedelta(seconds=0.05)  # the same where nobody else can write meanwhile
HANDFUL, FEW = 10, 4  # bodies: so many coming are no rush, and so many are taken where they take long
GATHER = 0.15  # seconds from one batch to the next where not much comes: more of them together cost less
RUSH = 200  # a second; when more comes than that, the doors come first: three quarters of the time are theirs
REST = 0.5  # seconds, at most, that are left to them after a batch
PATIENCE = 5  # times that somebody else may have been first, in a row
ASIDE = "aside"  # stands beside the portal's word about a body that was put aside

log = structlog.get_logger()


@dataclass(frozen=True)
class Receiver:
    """Made once by the wiring."""

    database: Database
    jobs: Jobs
    clock: Clock
    fallback: str = ""

    def receive(self, claim: Claim, lost: Callable[[], bool] = lambda: False) -> None:
        """Understand all that waits. A body that breaks the reader is put aside and said, not in everybody's way."""
        most = limit = ALONE if self.database.is_sqlite else BATCH
        while not lost():
            begun = self.clock()
            with self.database.read() as session:
                bodies, newest = intakestore.waiting(session, most), intakestore.newest(session)
            if not bodies:
                with self.jobs.transaction() as tx:
                    again = self.clock() if intakestore.is_waiting(tx) else None
                    self.jobs.finish(tx, claim, self.clock(), again_at=again)
                return
            done = self._batch(bodies, claim)
            with self.database.read() as session:
                came = intakestore.newest(session) - newest
            if came > 0:
                behind = done < len(bodies) or len(bodies) == most
                time.sleep(rest((self.clock() - begun).total_seconds(), came, behind=behind))
            most = min(max(2 * done, FEW), limit)

    def _batch(self, bodies: Sequence[Body], claim: Claim) -> int:
        """Understand the first of some bodies; return how many."""
        try:
            return self._understand(bodies, claim)
        except Exception as error:  # whatever one body does must keep no other from being understood
            if is_no_fault_of_theirs(error, claim.attempt):
                raise
            if len(bodies) == 1:
                log.exception("not understood", inbox=bodies[0].inbox_id, kind=bodies[0].kind)
                self._put_aside(bodies[0], claim)
                return 1
            return sum(self._batch([body], claim) for body in bodies)

    def _understand(self, bodies: Sequence[Body], claim: Claim) -> int:
        with self.database.read() as session:
            keys = intakestore.keys_of(session, {body.key_id for body in bodies})
        read = [understanding.understood(_came(body, keys.get(body.key_id))) for body in bodies]
        signals = [said for reading in read for said in reading.signals]
        with self.jobs.transaction() as tx:
            done, longest = 0, ALONE_HOLD if self.database.is_sqlite else HOLD
            with taking(tx, self.jobs, self.clock, self.fallback, signals) as taken:
                begun = self.clock()
                for reading in read:
                    for said in reading.signals:
                        taken.take(said)
                    done += 1
                    if self.clock() - begun > longest:
                        break
            intakestore.understood(tx, [body.inbox_id for body in bodies[:done]])
            intakestore.heard(tx, {body.key_id for body in bodies[:done] if body.key_id}, self.clock())
            self.jobs.guard(tx, claim)  # as the last of it: the doors ask for this very job with all that they take
        return done

    def _put_aside(self, body: Body, claim: Claim) -> None:
        """Have people look at it: it may have been about something that is broken."""
        now = self.clock()
        with self.jobs.transaction() as tx:
            self.jobs.guard(tx, claim)
            intakestore.understood(tx, [body.inbox_id])
            subject, said = f"inbox:{body.inbox_id}", {"key": body.key_id, "kind": body.kind}
            events.record(tx, "oncall.not_understood", subject, PORTAL, now, said)
            if not body.headers.get(ASIDE):  # else this was the very word about another
                came = _came(body, intakestore.key(tx, body.key_id))
                word = json.dumps(to_json(understanding.set_aside(came, body.inbox_id, now))).encode()
                tell(tx, self.jobs, word, f"aside:{body.inbox_id}", now, {ASIDE: "1"})


def rest(took: float, came: int, *, behind: bool = False) -> float:
    """Return how long to wait after a batch that took so many seconds, in which so many bodies came.

    `behind`: others had been waiting before it, too.

    >>> rest(0.0, 2), rest(0.09, 9), rest(0.09, 60), rest(0.5, 400), rest(0.09, 9, behind=True)
    (0.15, 0.06, 0.27, 0.5, 0.0)
    """
    if came > RUSH * took > 0 and came > HANDFUL:
        return min(3 * took, REST)
    return 0.0 if behind else max(0.0, GATHER - took)


def is_no_fault_of_theirs(error: Exception, attempt: int) -> bool:
    """Is it only that somebody was first, or the database away? Then it is done again; a conflict not for ever."""
    if isinstance(error, Error | IntegrityError):
        is_conflict = isinstance(error, IntegrityError) or error.code is Code.CONFLICT
        return is_conflict and attempt < PATIENCE
    return isinstance(error, Lost) or (isinstance(error, DBAPIError) and not isinstance(error, DataError))


def _came(body: Body, key: Key | None) -> Came:
    if key is not None:
        return Came(body.kind, key.source, key.service, key.settings, body.at, body.headers, body.body)
    if body.key_id:  # nobody knows that integration; it is not the portal's own word
        return Came(body.kind, f"{body.kind}:{body.key_id}", "", {}, body.at, body.headers, body.body)
    return Came(OWN, OWN, "", {}, body.at, body.headers, body.body)


def tell(
    session: Session, jobs: Jobs, said: bytes, delivery: str, at: datetime, headers: Mapping[str, str] | None = None
) -> bool:
    """Let the portal itself say something in the way of all others: a signal as JSON. False: it is said already."""
    kept = inbox.receive(session, OWN, delivery, headers or {}, said, at)
    if kept is None:
        return False
    intakestore.waits(session, kept, 0, OWN)
    jobs.enqueue(session, RECEIVE, ALL, at)
    return True
