"""The job that sends what is due in the outbox: one for each kind of pager, many messages at a time.

An attempt is begun in one transaction, made without any, and ended in another; of a worker that died between the two
the next one knows which messages may have gone out, and says so in the second. A page that nobody needs any more is
withdrawn instead. What a provider refuses goes to the person's next channel, and is tried again where that may help.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog
from sqlalchemy.orm import Session

import catalog.query
from ledger import events
from ledger.clock import Clock
from ledger.db import Database
from ledger.jobs import Claim, Jobs, Lost
from oncall import escalation, outbox, planstore, reach, store, wording
from oncall.answering import Answering
from oncall.contention import until_through
from oncall.incident import Fact, Incident, Kind, Page, State
from oncall.moving import Mover
from oncall.outbox import Waiting
from oncall.paging import ports
from oncall.paging.ports import Delivered, Outcome, Pager, Refused
from oncall.planstore import Way
from oncall.policy import Target, TargetKind

AT_ONCE = 32  # messages under way, so that a provider that hangs delays few
LOOK = 0.05  # seconds between two looks at what has been answered
GATHER = 0.03  # seconds for others that are about to answer, too
SOON = timedelta(seconds=30)  # a provider that wants longer is not waited for: the next channel is taken
RETRY, RETRY_MOST = timedelta(seconds=15), timedelta(minutes=10)
LEFT = "she has left the catalog, so nothing is sent to her"
TRIES = 20  # of one message, so that a channel that is dead is not tried for ever

log = structlog.get_logger()

Links = Callable[[int, str], tuple[str, str]]
"""An incident and a person to the address of its page, and one at which she acknowledges it without logging in."""


@dataclass(frozen=True)
class Sender:
    """Made once by the wiring. `pagers`: by kind; without one of its kind a page is refused for good."""

    database: Database
    jobs: Jobs
    clock: Clock
    pagers: Mapping[str, Pager]
    links: Links
    fallback: str = ""

    def send(self, claim: Claim, lost: Callable[[], bool] = lambda: False) -> None:
        """Send what is due of one kind until nothing is."""
        kind, under_way = claim.key, dict[Future[Outcome], Waiting]()
        with self.jobs.transaction() as tx:
            self.jobs.guard(tx, claim)
            outbox.left_over(tx, kind)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            while not lost():
                under_way |= self._begin(pool, claim, AT_ONCE - len(under_way), lost)
                if not under_way and self._leave(claim):
                    return
                done, others = wait(under_way, LOOK, FIRST_COMPLETED) if under_way else (set(), set())
                if done and others:
                    done |= wait(others, GATHER).done  # what is kept together costs less
                if done:
                    self._end(claim, [(under_way.pop(one), one.result()) for one in done])

    def _begin(
        self, pool: ThreadPoolExecutor, claim: Claim, most: int, lost: Callable[[], bool]
    ) -> Mapping[Future[Outcome], Waiting]:
        now = self.clock()
        with self.database.read() as session:
            if most <= 0 or not outbox.is_due(session, claim.key, now):
                return {}
        with self.jobs.transaction() as tx:
            self.jobs.guard(tx, claim)
            begun = outbox.begin(tx, claim.key, now, most)
            wanted = still_wanted(tx, begun, now, is_wanted)
            people = {page.person for page, _ in wanted}
            ways, here = planstore.ways(tx, people), catalog.query.present(tx, people)
        found: dict[Future[Outcome], Waiting] = {}
        for page, incident in wanted:
            way = next((one for one in ways.get(page.person, ()) if str(one.id) == page.channel), None)
            act = self._attempt if page.person in here else left_out
            found[pool.submit(act, claim, page, incident, way, lost)] = page
        return found

    def _attempt(
        self, claim: Claim, page: Waiting, incident: Incident, way: Way | None, lost: Callable[[], bool]
    ) -> Outcome:
        pager = self.pagers.get(page.kind)
        if way is None:
            return Refused("the channel was taken away meanwhile", permanent=True)
        if pager is None:
            return Refused(f"there is no pager of kind {page.kind} here", permanent=True)
        try:
            url, ack_url = self.links(page.incident, page.person)
            about = ports.Key(page.incident, page.step, page.loop, page.person, page.channel)
            why = wording.why_paged(page.because, page.target, page.level, page.loop, incident)
            said = (incident.title, why, incident.severity, incident.urgency, page.person)
            message = ports.Page(about, *said, way.address, url, ack_url, page.attempts, page.repeated)
            if lost():  # it was frozen, and another one has sent it meanwhile or knows that nobody needs it any more
                raise Lost(claim)
            return pager.send(message)
        except Lost:
            raise
        except Exception:  # a driver that breaks must not stop the others' pages
            log.exception("pager broke", kind=page.kind, incident=page.incident)
            return Refused("the pager broke; the log says how", uncertain=True)

    def _end(self, claim: Claim, answered: Sequence[tuple[Waiting, Outcome]]) -> None:
        keep(self.jobs, self.clock, self.fallback, claim, answered, self._delivered, self._refused)

    def _delivered(self, mover: Mover, page: Waiting, now: datetime) -> None:
        twice = "it may have come twice: an attempt before it was cut off" if page.repeated else ""
        fact = Fact(Kind.DELIVERED, reason=twice, step=page.step, person=page.person, channel=page.channel)
        mover.happen(mover.held(page.incident), [fact], now)

    def _refused(self, mover: Mover, page: Waiting, outcome: Refused, now: datetime) -> None:
        over = outcome.permanent or page.attempts >= TRIES
        if over:
            outbox.end(mover.session, page.id, "refused", outcome.why, now)
        else:
            at = now + (outcome.again_after or backoff(page.attempts))
            outbox.again(mover.session, page.id, at, outcome.why, repeated=outcome.uncertain)
            mover.send(page.kind, at)
        planstore.change_way(mover.session, int(page.channel), trouble=outcome.why[:500], trouble_at=now)
        incident = mover.held(page.incident)
        slow = outcome.again_after is not None and outcome.again_after > SOON
        moves_on = over or slow or page.attempts >= 2
        stays = outcome.why != LEFT  # else no channel of hers is tried any more
        left = stays and (self._other_channel(mover, incident, page, now) if moves_on else True)
        about = Fact(Kind.REFUSED, reason=outcome.why, step=page.step, person=page.person, channel=page.channel)
        mover.happen(incident, [replace(about, last=not left)], now)

    def _other_channel(self, mover: Mover, incident: Incident, page: Waiting, now: datetime) -> bool:
        """Take the person's next channel at once; False when there is none that has not refused."""
        sent = outbox.of_step(mover.session, page.incident, page.step, page.person)
        bad = {one.channel for one in sent if one.ending == "refused" or one.attempts >= 2 or one.id == page.id}
        following = reach.fall_back(mover.answering.rules(page.person), incident.urgency, bad)
        if following is None:
            return False
        kind = following.kind
        about = (page.step, page.because, page.person, page.target, following.ref, kind, now, page.loop, page.level)
        if not outbox.put(mover.session, outbox.row(page.incident, *about)):
            outbox.sooner(mover.session, page.incident, page.step, page.person, following.ref, now)
        mover.send(kind, now)
        return True

    def _leave(self, claim: Claim) -> bool:
        """End the claim until the next page is due."""
        with self.jobs.transaction() as tx:
            self.jobs.finish(tx, claim, self.clock(), again_at=outbox.next_due(tx, claim.key))
        return True


def left_out(*_about: object) -> Outcome:
    """Send nothing to whom the catalog does not know any more, and have the next level come at once."""
    return Refused(LEFT, permanent=True)


def keep(
    jobs: Jobs,
    clock: Clock,
    fallback: str,
    claim: Claim,
    answered: Sequence[tuple[Waiting, Outcome]],
    delivered: Callable[[Mover, Waiting, datetime], None],
    refused: Callable[[Mover, Waiting, Refused, datetime], None],
) -> None:
    """Keep what came of messages. What is lost here goes out again, so whoever was only in the way is waited for."""

    def kept() -> None:
        now = clock()
        with jobs.transaction() as tx:
            mover = Mover(tx, jobs, Answering(tx, fallback))
            mover.hold({page.incident for page, _ in answered})  # before the job, as everybody does
            jobs.guard(tx, claim)
            there = [(page.id, one.provider_id) for page, one in answered if isinstance(one, Delivered)]
            outbox.end_all(tx, there, "delivered", now)
            with events.together(tx):
                for page, outcome in answered:
                    if isinstance(outcome, Delivered):
                        delivered(mover, page, now)
                    else:
                        refused(mover, page, outcome, now)

    until_through(kept)


def still_wanted(
    session: Session, begun: Sequence[Waiting], now: datetime, wants: Callable[[Incident, Waiting], bool]
) -> Sequence[tuple[Waiting, Incident]]:
    """Withdraw what nobody needs any more; return the rest with its incidents.

    What belongs to an incident that nobody can read waits for a program that can, and keeps nobody else waiting.
    """
    known, wanted = store.load_all(session, {page.incident for page in begun}), []
    for page in begun:
        incident = known.get(page.incident)
        if incident is None:
            outbox.again(session, page.id, now + RETRY_MOST, "its incident cannot be read", repeated=False)
        elif wants(incident, page):
            wanted.append((page, incident))
        else:
            outbox.end(session, page.id, "withdrawn", f"the incident was {incident.state} by then", now)
    return wanted


def is_wanted(incident: Incident, page: Waiting) -> bool:
    """Shall it still go out?"""
    if page.because == Kind.EXHAUSTED:
        newest = page.step == -(incident.run + 1)  # it may have gone on since, and nobody come again
        return newest and incident.state is State.OPEN and incident.exhausted_at is not None
    target = Target(TargetKind.PERSON, page.person)
    asked = (Kind(page.because), page.step, page.loop, page.level, page.person, target, page.due_at)
    return escalation.is_wanted(incident, Page(*asked))


def backoff(attempt: int) -> timedelta:
    """Return how long to wait after that many attempts: 15 s, 30 s, 1 min … 10 min.

    >>> [int(backoff(attempt).total_seconds()) for attempt in (1, 2, 3, 9)]
    [15, 30, 60, 600]
    """
    return min(RETRY * (1 << min(attempt - 1, 10)), RETRY_MOST)
