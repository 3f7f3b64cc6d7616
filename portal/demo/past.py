"""Plays a company's past through: every deploy really happens, in seconds, with the clock set back to its day.

So does every night in which somebody was woken (nights.py).
"""

import contextlib
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial

import catalog.query
from ledger import events
from ledger.clock import Clock, stopwatch
from ledger.errors import Code, Error
from ledger.runner import Runner
from pipelines import delivery, query
from pipelines.jobs import ADVANCE
from portal import scoring, wiring
from portal.demo import duty, repository
from portal.demo.company import Company, Late, PastDeploy
from portal.demo.nights import Act, Nights
from portal.demo.people import BY_LOGIN
from portal.demo.waiting import until
from portal.services import Services

ENVIRONMENT = "production"
FOUNDED = timedelta(days=29)  # ago: when the portal was told of the repositories
LATER = timedelta(minutes=40)  # between a commit and its deploy
REGRET = timedelta(minutes=35)  # between a deploy and going back from it
SEEN = timedelta(minutes=1)  # between a commit and the portal's next look
LONGEST = timedelta(minutes=4)  # for one deploy of the past, which takes two seconds where nothing else goes on
ADMIN = BY_LOGIN["kofi"].ref

Say = Callable[[str], None]


class Hindsight:
    """A clock that can be set back, and only ever goes forward from there."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._back = FOUNDED

    def __call__(self) -> datetime:
        return self._clock() - self._back

    def come_closer(self, back: timedelta) -> None:
        self._back = min(self._back, back)

    def forward(self, moment: datetime) -> None:
        """Go on to that moment, if it is still to come."""
        self.come_closer(self._clock() - moment)


def play(services: Services, clock: Hindsight, company: Company, say: Say) -> None:
    """Register the repositories and deploy what was deployed. `services` go by `clock`."""
    for path in company.repositories:
        wiring.sync(services, services.register(str(path), ADMIN), clock(), check=False)
    wiring.check(services)
    scoring.score_all(services, clock())
    duty.set_up(services, company.made_at)
    nights = Nights(services, clock)
    deploys = list(_deploys(services, clock, company, nights, say))
    lates = [
        Act(company.made_at - late.ago + SEEN, partial(_see, services, clock, company, late)) for late in company.late
    ]
    acts = sorted([*deploys, *lates, *nights.acts(company.made_at)], key=lambda one: one.at)
    quiet = max(act.at for act in deploys)
    with _worker(services):
        nights.play([act for act in acts if act.at <= quiet])
    nights.play([act for act in acts if act.at > quiet])  # without the worker, which reads the repositories, too
    clock.come_closer(timedelta(0))
    _measure(services, clock)
    events.seal(services.database)
    delivery.catch_up(services.database, clock())


def _deploys(services: Services, clock: Hindsight, company: Company, nights: Nights, say: Say) -> Iterator[Act]:
    """Yield each deploy at its moment; of one that was put back its author hears soon after."""

    def deploy(past: PastDeploy) -> None:
        took = stopwatch()
        release = _deploy(services, clock, past)
        say(f"{past.author.name} deploys {past.service} {release}: {past.ending}, {took().total_seconds():.1f} s")

    for past in company.past:
        at = company.made_at - past.ago + LATER
        yield Act(at, partial(deploy, past))
        if past.ending == "undone":
            yield from nights.put_back(past.service, past.author.login, at)


def _see(services: Services, clock: Hindsight, company: Company, late: Late) -> None:
    """Have the portal see a commit soon after it was made."""
    if late.commit.late == "again":
        repository.add(late.repository, late.commit, company.made_at)
    wiring.sync(services, services.register(str(late.repository), ADMIN), clock())
    scoring.score_all(services, clock())


@contextlib.contextmanager
def _worker(services: Services) -> Iterator[None]:
    """Have deploys go on, and nothing else: with each jump of the clock all that is done every minute would be due."""
    deploys = wiring.loop(services)
    runner = Runner(
        services.jobs,
        {ADVANCE: lambda work: deploys.advance(work.claim, work.lost)},
        "demo",
        services.clock,
        changes=services.database.changes,
        on_change=partial(events.seal, services.database),
    )
    thread = threading.Thread(target=runner.run, name="demo", daemon=True)
    thread.start()
    try:
        yield
    finally:
        runner.stop()
        thread.join()


def _deploy(services: Services, clock: Hindsight, past: PastDeploy) -> int:
    """Deploy and wait for the end; return the release's number."""
    with services.database.read() as session:
        service = catalog.query.service(session, past.service)
    started = services.actions.deploy(service, ENVIRONMENT, past.revision, past.author.ref, clock())
    row = _ended(services, started.id, past.service, "undone" if past.ending == "undone" else "healthy")
    if past.ending == "regretted":
        clock.come_closer(past.ago - LATER - REGRET)
        with services.database.read() as session:
            before = query.way_back(session, service.ref, ENVIRONMENT, limit=1)[0]
        back = services.actions.rollback(
            service, ENVIRONMENT, before.number, past.author.ref, clock(), "customers frowned"
        )
        _ended(services, back.id, past.service, "healthy")
        services.actions.let_go(service.ref, ENVIRONMENT, past.author.ref, clock())
    return row.release


def _ended(services: Services, deploy: int, service: str, ending: str) -> query.Row:
    """Wait for the end of a deploy. Raises Error(UNAVAILABLE) when it is another one."""

    def look() -> query.Row | None:
        with services.database.read() as session:
            row = query.page(session, deploy, services.jobs).row
        return row if row.ended else None

    row = until(look, LONGEST, f"the end of deploy {deploy} of {service}", every=0.15)
    if row.word != ending:
        raise Error(Code.UNAVAILABLE, f"{service} {row.release} became {row.word}, not {ending}: {row.reason}")
    return row


def _measure(services: Services, clock: Hindsight) -> None:
    with services.database.read() as session:
        known = [service for service in catalog.query.services(session) if service.deploy]
    for service in known:
        services.planner.measure([service], clock())
