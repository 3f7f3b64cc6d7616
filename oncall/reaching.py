"""What people say of how they are reached: channels, which count once verified, delays, quiet hours.

An address may hold a token: it is kept, shown masked to its owner, and to nobody else. The code that verifies a
channel is not kept: it is made anew from a key of the portal, the channel and the moment until which it holds.
"""

import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import time, timedelta

from sqlalchemy.orm import Session

from ledger import events
from ledger.clock import Clock
from ledger.db import Database
from ledger.errors import Code, Error
from ledger.jobs import Claim, Jobs
from oncall import planstore, zones
from oncall.paging.ports import Delivered, Outcome, Pager
from oncall.paging.wording import verification
from oncall.planstore import Way

VERIFY = "oncall.verify"
HOLDS = timedelta(minutes=15)  # a code
TRIES = 5  # wrong codes, then a new one is needed
PAUSE = timedelta(minutes=1)  # between two codes, so that nobody is rung without end and nobody tries all codes
MOST = 10  # channels of one person
LATEST = timedelta(hours=1)  # that a channel may wait for the quicker ones

Masked = Callable[[str, str], str]
"""A kind of pager and an address to what may be shown of it; raises Error for an address that cannot be used."""


@dataclass(frozen=True)
class Shown:
    """A channel as its owner sees it."""

    way: Way
    address: str  # masked


@dataclass(frozen=True)
class Reaching:
    """Made once by the wiring. `pagers` is asked for by the worker only, where codes are sent."""

    database: Database
    jobs: Jobs
    clock: Clock
    secret: str
    masked: Masked
    pagers: Callable[[], Mapping[str, Pager]]

    def channels(self, session: Session, person: str) -> Sequence[Shown]:
        return [Shown(way, self._shown(way)) for way in planstore.ways(session, [person]).get(person, ())]

    def _shown(self, way: Way) -> str:
        try:
            return self.masked(way.kind, way.address)
        except Error:
            return "an address that cannot be used any more"

    def add(
        self,
        person: str,
        kind: str,
        label: str,
        address: str,
        by: str,
        high: timedelta | None = timedelta(0),
        low: timedelta | None = timedelta(0),
    ) -> int:
        """Keep a channel and send it a code; it counts when the code has come back."""
        self.masked(kind, address)
        label = label.strip()[:80] or kind
        _sensible(high, low)
        with self.jobs.transaction() as tx:
            if len(planstore.ways(tx, [person]).get(person, ())) >= MOST:
                raise Error(Code.CONFLICT, f"{MOST} channels are enough; take one away first.")
            number = planstore.add_way(tx, person, kind, label, address.strip(), high, low)
            self._ask(tx, number)
            data = {"label": label, "kind": kind}
            events.record(tx, "oncall.channel_added", f"channel:{number}", by, self.clock(), data)
        return number

    def send_code(self, person: str, number: int) -> None:
        """Send a new code."""
        with self.jobs.transaction() as tx:
            way = self._mine(tx, person, number)
            if way.code_until is not None and way.code_until - HOLDS > self.clock() - PAUSE:
                raise Error(Code.CONFLICT, "A code was sent just now; wait for it, or ask for another in a minute.")
            self._ask(tx, number)

    def _ask(self, session: Session, number: int) -> None:
        now = self.clock()
        planstore.change_way(session, number, code_until=now + HOLDS, tries=0)
        self.jobs.enqueue(session, VERIFY, str(number), now)

    def verify(self, person: str, number: int, code: str) -> None:
        """Take the code that came; from now on the channel counts."""
        now = self.clock()
        with self.jobs.transaction() as tx:
            way = self._mine(tx, person, number)
            if way.channel.verified:
                return
            if way.code_until is None or now > way.code_until or way.tries >= TRIES:
                raise Error(Code.CONFLICT, "That code does not hold any more; have a new one sent.")
            right = hmac.compare_digest(self._code(way).encode(), code.strip().replace(" ", "").encode())
            if right:
                planstore.change_way(tx, number, verified_at=now, code_until=None, trouble="", trouble_at=None)
                events.record(tx, "oncall.channel_verified", f"channel:{number}", person, now, {"label": way.label})
            else:
                planstore.change_way(tx, number, tries=way.tries + 1)
        if not right:
            raise Error(Code.INVALID, f"That is not the code that was sent; {TRIES - way.tries - 1} tries are left.")

    def remove(self, person: str, number: int, by: str) -> None:
        with self.jobs.transaction() as tx:
            way = self._mine(tx, person, number)
            planstore.remove_way(tx, number)
            data = {"label": way.label, "kind": way.kind}
            events.record(tx, "oncall.channel_removed", f"channel:{number}", by, self.clock(), data)

    def set_delays(self, person: str, number: int, high: timedelta | None, low: timedelta | None) -> None:
        """Keep how long a channel waits for the quicker ones; None: it is not used for that."""
        _sensible(high, low)
        with self.jobs.transaction() as tx:
            self._mine(tx, person, number)
            said = [None if one is None else int(one.total_seconds()) for one in (high, low)]
            planstore.change_way(tx, number, high_after=said[0], low_after=said[1])

    def set_quiet(self, person: str, zone: str, start: str, end: str) -> None:
        """Keep when a person is not to be disturbed by what can wait; no hours: never quiet."""
        try:
            zones.zone(zone)
        except ValueError as error:
            raise Error(Code.INVALID, f"{str(error)[:1].upper()}{str(error)[1:]}") from None
        try:
            said = [time.fromisoformat(one).strftime("%H:%M") for one in (start, end) if one]
        except ValueError:
            raise Error(Code.INVALID, "Write hours like 22:00 and 07:00.") from None
        if len(said) == 1 or (said and said[0] == said[1]):
            raise Error(Code.INVALID, "Say when it begins to be quiet and when it ends, at another time; or neither.")
        with self.jobs.transaction() as tx:
            planstore.set_quiet(tx, person, zone, *(said or ("", "")))

    def send(self, claim: Claim) -> None:
        """The job: send one channel its code. What the provider says against it stands beside the channel."""
        now, number = self.clock(), int(claim.key)
        with self.database.read() as session:
            way = planstore.way(session, number)
        outcome = self._sent(way) if way is not None and not way.channel.verified else None
        with self.jobs.transaction() as tx:
            if outcome is not None and not isinstance(outcome, Delivered):
                planstore.change_way(tx, number, trouble=outcome.why[:500], trouble_at=now)
            self.jobs.finish(tx, claim, now)

    def _sent(self, way: Way) -> Outcome | None:
        pager = self.pagers().get(way.kind)
        if pager is None or way.code_until is None:
            return None
        return pager.send(verification(way.person, way.address, self._code(way), HOLDS, str(way.id)))

    def _code(self, way: Way) -> str:
        """Return six digits that hold for this channel until its moment."""
        until = way.code_until.isoformat() if way.code_until else ""
        made = hmac.new(self.secret.encode(), f"{way.id} {way.address} {until}".encode(), hashlib.sha256)
        return f"{int.from_bytes(made.digest()[:8], 'big') % 1_000_000:06}"

    def _mine(self, session: Session, person: str, number: int) -> Way:
        way = planstore.way(session, number, held=True)
        if way is None or way.person != person:
            raise Error(Code.NOT_FOUND, "There is no such channel among yours; it may have been taken away.")
        return way


def _sensible(*delays: timedelta | None) -> None:
    if any(delay is not None and not timedelta(0) <= delay <= LATEST for delay in delays):
        raise Error(Code.INVALID, "A channel may wait for at most an hour; the next level comes before that.")
