"""The job that sends what is in the outbox for PagerDuty: pages of teams, and what became of their incidents.

As with the people's own pagers an attempt is begun in one transaction, made without any, and ended in another. What is
refused twice, or for longer than is waited, goes to the people's own channels at once, and the timeline says so.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from ledger.clock import Clock
from ledger.db import Database
from ledger.errors import Error
from ledger.jobs import Claim, Jobs
from oncall import outbox, wording
from oncall.incident import Fact, Incident, Kind
from oncall.moving import Mover
from oncall.outbox import Waiting
from oncall.pagerdutying import ACKNOWLEDGED, GRACE, PAGERDUTY, is_news, is_told
from oncall.paging import ports
from oncall.paging.ports import Outcome, Refused
from oncall.sending import AT_ONCE, SOON, TRIES, Links, backoff, is_wanted, keep, still_wanted

LATER = timedelta(seconds=1)  # for what must not overtake an attempt that is under way
UNSET = timedelta(minutes=5)  # until a secret is looked for again

log = structlog.get_logger()


class TeamPager(Protocol):
    """What PagerDuty can do for a team. `run`: how often an incident has begun again; each is an alert of its own."""

    def send(self, page: ports.Page, run: int) -> Outcome: ...

    def acknowledge(self, incident: int, by: str, run: int) -> Outcome: ...

    def resolve(self, incident: int, run: int) -> Outcome: ...


@dataclass(frozen=True)
class TeamSender:
    """Made once by the wiring. `pager_of` a team; it raises Error where its secret cannot be had."""

    database: Database
    jobs: Jobs
    clock: Clock
    pager_of: Callable[[str], TeamPager]
    links: Links
    fallback: str = ""

    def send(self, claim: Claim, lost: Callable[[], bool] = lambda: False) -> None:
        """Send what is due until nothing is."""
        with self.jobs.transaction() as tx:
            self.jobs.guard(tx, claim)
            outbox.left_over(tx, PAGERDUTY)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            while not lost():
                begun = self._begin(claim)
                if begun is None:
                    return
                outcomes = pool.map(self._attempt, begun)
                self._end(claim, [(page, one) for (page, _), one in zip(begun, outcomes, strict=True)])

    def _begin(self, claim: Claim) -> Sequence[tuple[Waiting, Incident]] | None:
        """Begin what is due; None when nothing is, and the claim is ended."""
        now = self.clock()
        with self.jobs.transaction() as tx:
            self.jobs.guard(tx, claim)
            begun = outbox.begin(tx, PAGERDUTY, now, AT_ONCE)
            if not begun:
                self.jobs.finish(tx, claim, now, again_at=outbox.next_due(tx, PAGERDUTY))
                return None
            wanted = still_wanted(tx, begun, now, _wants)
            early = {page.id for page, _ in wanted if is_told(page) and _others(page, begun)}
            for page_id in early:
                outbox.again(tx, page_id, now + LATER, "after what is under way", repeated=False)
        return [(page, incident) for page, incident in wanted if page.id not in early]

    def _attempt(self, begun: tuple[Waiting, Incident]) -> Outcome:
        page, incident = begun
        try:
            pager = self.pager_of(page.person)
            if page.because == ACKNOWLEDGED:
                return pager.acknowledge(page.incident, " and ".join(incident.assigned), page.loop)
            if is_told(page):
                return pager.resolve(page.incident, page.loop)
            return pager.send(self._message(page, incident), incident.run)
        except Error as error:
            return Refused(error.message, UNSET)
        except Exception:  # a driver that breaks must not stop the others' pages
            log.exception("pager broke", kind=page.kind, incident=page.incident)
            return Refused("the pager broke; the log says how", uncertain=True)

    def _message(self, page: Waiting, incident: Incident) -> ports.Page:
        """The page as PagerDuty gets it: with the incident's address, and none that acknowledges for somebody."""
        url, _ = self.links(page.incident, page.person)
        about = ports.Key(page.incident, page.step, page.loop, page.person, page.channel)
        why = wording.why_paged(page.because, page.person, page.level, page.loop, incident)
        said = (incident.title, why, incident.severity, incident.urgency, page.person)
        return ports.Page(about, *said, "", url, "", page.attempts, page.repeated)

    def _end(self, claim: Claim, answered: Sequence[tuple[Waiting, Outcome]]) -> None:
        keep(self.jobs, self.clock, self.fallback, claim, answered, self._delivered, self._refused)

    def _delivered(self, mover: Mover, page: Waiting, now: datetime) -> None:
        if is_told(page):
            return
        outbox.withdraw(mover.session, page.incident, page.step, "PagerDuty has it", now)
        self._say(
            mover, page, Kind.DELIVERED, "PagerDuty has it, so nobody's own channels are used for this level", now
        )

    def _refused(self, mover: Mover, page: Waiting, outcome: Refused, now: datetime) -> None:
        over = outcome.permanent or page.attempts >= TRIES
        if over:
            outbox.end(mover.session, page.id, "refused", outcome.why, now)
        else:
            at = now + (outcome.again_after or backoff(page.attempts))
            outbox.again(mover.session, page.id, at, outcome.why, repeated=outcome.uncertain)
            mover.send(PAGERDUTY, at)
        if is_told(page):
            return
        slow = outcome.again_after is not None and outcome.again_after > SOON
        why = outcome.why
        if over or slow or page.attempts >= 2:
            why += "; the team's own channels are used"
            for kind in outbox.hasten(mover.session, page.incident, page.step, now, now + GRACE):
                mover.send(kind, now)
        if over or page.attempts <= 2:  # an hour of refusals is said once, not every minute
            self._say(mover, page, Kind.REFUSED, why, now)

    def _say(self, mover: Mover, page: Waiting, kind: Kind, why: str, now: datetime) -> None:
        fact = Fact(kind, reason=why, step=page.step, person=page.person, channel=page.channel)
        mover.happen(mover.held(page.incident), [fact], now)


def _wants(incident: Incident, page: Waiting) -> bool:
    return is_news(incident, page) if is_told(page) else is_wanted(incident, page)


def _others(page: Waiting, begun: Sequence[Waiting]) -> bool:
    """Is something else of its incident begun with it, which it must not overtake?"""
    return any(one.id != page.id and one.incident == page.incident for one in begun)
