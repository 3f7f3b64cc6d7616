"""The on-call room, plugged in: its loops, its pagers, and what the other rooms ask of it.

The pagers that need processes of their own are made where pages are sent from, which is the worker.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import cast

import httpx2
import structlog
from itsdangerous import BadSignature, URLSafeSerializer
from sqlalchemy import Select
from sqlalchemy.orm import Session

from catalog import refs
from ledger.clock import Clock
from ledger.db import Database
from ledger.errors import Code, Error
from ledger.jobs import Jobs
from ledger.runner import Handler, Periodic, Work
from oncall import heartbeat, intakestore, keeping, planstore
from oncall import query as incidents
from oncall.actions import Actions
from oncall.answering import Answering
from oncall.auditing import AUDIT, EVERY, Auditor
from oncall.intakestore import Key
from oncall.loop import Loop
from oncall.moving import ADVANCE, SEND
from oncall.notices import NOTICE, Messenger
from oncall.pagerdutying import PAGERDUTY
from oncall.paging.addresses import Providers, understood
from oncall.paging.channels import ChannelPager, Ways
from oncall.paging.memory import MemoryPager
from oncall.paging.networks import networks
from oncall.paging.ports import Pager
from oncall.plans import Plans
from oncall.planwatch import FAIR, FAIR_EVERY, GAPS, GAPS_EVERY, PlanWatcher
from oncall.polling import POLL, POLLS, POLLS_EVERY, Poller
from oncall.reaching import VERIFY, Reaching
from oncall.receiving import RECEIVE, Receiver, tell
from oncall.sending import Sender
from oncall.teamsending import TeamSender
from oncall.terms import Urgency
from oncall.trying import TEST, Tester
from oncall.watching import BEATS, BEATS_EVERY, WATCH, WATCH_EVERY, Watcher, expected, plain
from pipelines.blockers import Answering as Gate
from pipelines.blockers import Incident
from portal import config as configs
from portal.config import Config
from portal.teampaging import Teams
from production.secrets import SiteSecrets

CHANNELS, PHONES = "apprise", "memory"  # kinds of pagers
KEEPING, KEEPING_EVERY = "oncall.keeping", timedelta(hours=6)
FINE = timedelta(seconds=5)  # for telling the outside that all is well

log = structlog.get_logger()


@dataclass(frozen=True)
class OnCall:
    """Made once by the wiring, in every process."""

    config: Config
    database: Database
    jobs: Jobs
    clock: Clock
    secrets: SiteSecrets | None = None

    @property
    def fallback(self) -> str:
        return self.config.oncall.fallback

    @cached_property
    def actions(self) -> Actions:
        return Actions(self.database, self.jobs, self.clock, self.fallback)

    @cached_property
    def plans(self) -> Plans:
        return Plans(self.database, self.jobs, self.clock, self.fallback)

    @cached_property
    def reaching(self) -> Reaching:
        secret = configs.secret_key(self.config)
        return Reaching(self.database, self.jobs, self.clock, secret, self.masked, lambda: self.pagers)

    @cached_property
    def tester(self) -> Tester:
        return Tester(self.database, self.jobs, self.clock, lambda: self.pagers)

    def masked(self, kind: str, address: str) -> str:
        """Return what may be shown of an address; Error(INVALID) for one that cannot be used."""
        if kind == PHONES and self.config.oncall.phones:
            return "a phone on this portal's own page"
        if kind != CHANNELS:
            raise Error(Code.INVALID, "There is no such kind of channel here.")
        return understood(address, self.ways.providers, self.ways.allowed).shown

    @cached_property
    def phones(self) -> MemoryPager:
        """The phones that only remember; without them in the configuration nobody can choose one."""
        return MemoryPager(self.clock, path=self.config.data / "phones.json", keeps_one=False)

    @cached_property
    def ways(self) -> Ways:
        told = self.config.oncall
        providers = Providers(_said(told.mail_file), _said(told.sms_file), _said(told.voice_file))
        ca_file, proxy = self.config.network.ca_file, self.config.network.proxy
        allowed = networks(told.allowed_networks)
        return Ways(providers, allowed, told.limit, ca_file=str(ca_file) if ca_file else None, proxy=proxy or None)

    @cached_property
    def pagers(self) -> Mapping[str, Pager]:
        found: dict[str, Pager] = {CHANNELS: ChannelPager(self.ways, self.clock)}
        return found | ({PHONES: self.phones} if self.config.oncall.phones else {})

    @cached_property
    def teams(self) -> Teams:
        """The pagers that whole teams have."""
        network, url = self.config.network, self.config.oncall.pagerduty_url
        return Teams(self.database, self.clock, self.secrets, url, network.ca_file, network.proxy)

    @contextmanager
    def ready(self) -> Iterator[None]:
        """Have what carries messages ready while a worker runs; without anybody's channel nothing is started."""
        with self.database.read() as session:
            needed = planstore.is_used(session, CHANNELS)
        channels = cast(ChannelPager, self.pagers[CHANNELS])
        if needed:
            channels.warm()
        try:
            yield
        finally:
            channels.close()

    @cached_property
    def receiver(self) -> Receiver:
        return Receiver(self.database, self.jobs, self.clock, self.fallback)

    # --- addresses that acknowledge -----------------------------------------------------------------------------------

    @cached_property
    def _seal(self) -> URLSafeSerializer:
        return URLSafeSerializer(configs.secret_key(self.config), salt="acknowledge")

    def links(self, incident: int, person: str) -> tuple[str, str]:
        """Return the address of an incident, and the one at which that person takes it without logging in."""
        token = self._seal.dumps([incident, person, int(self.clock().timestamp())])
        return f"{self.config.address}/incidents/{incident}", f"{self.config.address}/ack/{token}"

    def meant(self, token: str) -> tuple[int, str, datetime | None]:
        """Return which incident and person an address is for, and when it was sent, where it says so.

        NOT_FOUND for one that was not made here.
        """
        try:
            incident, person, *sent = self._seal.loads(token)
            at = datetime.fromtimestamp(int(sent[0]), UTC) if sent else None
        except (BadSignature, ValueError, TypeError, OverflowError):
            raise Error(
                Code.NOT_FOUND, "This address is none of ours, or not whole. Open the incident itself."
            ) from None
        return int(incident), str(person), at

    @property
    def waiting(self) -> Select[tuple[int]]:
        """The ids of what was accepted and is not understood yet; nobody may forget that."""
        return intakestore.not_understood()

    def back(self, session: Session, key: Key, at: datetime) -> None:
        """Say that a heart beats again that had been late, in the caller's transaction."""
        said = heartbeat.back_signal(expected(key), at, key.source, key.service)
        tell(session, self.jobs, plain(said), f"{key.source}@back@{at.isoformat()}", at)

    # --- the worker ---------------------------------------------------------------------------------------------------

    def handlers(self) -> Mapping[str, Handler]:
        sender = Sender(self.database, self.jobs, self.clock, self.pagers, self.links, self.fallback)
        teams = TeamSender(self.database, self.jobs, self.clock, self.teams.pager, self.links, self.fallback)
        loop = Loop(self.jobs, self.clock, self.fallback)
        auditor = Auditor(self.database, self.jobs, self.clock, self.fallback, self._all_fine)
        messenger = Messenger(self.database, self.jobs, self.clock, self.pagers, self.config.address)
        ca_file = self.config.network.ca_file
        allowed = networks(self.config.oncall.allowed_networks)
        poller = Poller(self.database, self.jobs, self.clock, allowed, str(ca_file) if ca_file else None)
        watcher = Watcher(self.database, self.jobs, self.clock, self.fallback)
        plans = PlanWatcher(self.database, self.jobs, self.clock, self.fallback)

        def audit(_work: Work) -> None:
            auditor.audit()

        def keep() -> None:
            keeping.forget(self.database, self.clock())

        return {
            RECEIVE: lambda work: self.receiver.receive(work.claim, work.lost),
            ADVANCE: lambda work: loop.advance(work.claim),
            SEND: lambda work: (teams if work.claim.key == PAGERDUTY else sender).send(work.claim, work.lost),
            NOTICE: lambda work: messenger.send(work.claim),
            VERIFY: lambda work: self.reaching.send(work.claim),
            TEST: lambda work: self.tester.send(work.claim),
            AUDIT: audit,
            BEATS: lambda _work: watcher.beats(),
            WATCH: lambda _work: watcher.watch(),
            POLLS: lambda _work: poller.polls(),
            POLL: lambda work: poller.poll(work.claim, work.lost),
            GAPS: lambda _work: plans.gaps(),
            FAIR: lambda _work: plans.fairness(),
            KEEPING: lambda _work: keep(),
        }

    def periodic(self) -> Sequence[Periodic]:
        plans = Periodic(GAPS, GAPS_EVERY), Periodic(FAIR, FAIR_EVERY), Periodic(KEEPING, KEEPING_EVERY)
        looks = Periodic(BEATS, BEATS_EVERY), Periodic(WATCH, WATCH_EVERY), Periodic(POLLS, POLLS_EVERY)
        return Periodic(AUDIT, EVERY), *looks, *plans

    def _all_fine(self) -> None:
        """Tell the outside that every page was sent; it pages by itself when it has not heard that for a while."""
        try:
            address = _said(self.config.oncall.heartbeat_file)
            if not address:
                return
            with httpx2.Client(timeout=FINE.total_seconds()) as client:
                client.get(address).raise_for_status()
        except (httpx2.HTTPError, httpx2.InvalidURL, ValueError, OSError) as error:
            # Its address is a secret, so only the kind of the error is told.
            log.warning("the outside heartbeat does not answer", kind=type(error).__name__)


@dataclass(frozen=True)
class Gates:
    """What the gates of a deploy ask: what is open, and whether somebody who answers can be reached."""

    database: Database
    fallback: str = ""

    def open(self, service: str, dependencies: Sequence[str]) -> Sequence[Incident] | None:
        with self.database.read() as session:
            if not _is_connected(session):
                return None
            found = incidents.open_of(session, [service, *dependencies])
        return [Incident(one.number, one.title, one.service, one.opened_at) for one in found]

    def now(self, service: str, at: datetime) -> Gate | None:
        with self.database.read() as session:
            if not _is_connected(session):
                return None
            answering = Answering(session, self.fallback)
            answers = answering.of(service)
            people = [
                one
                for level in answers.policy.levels[:1]
                for target in level.targets
                for one in answering.on_call(target, Urgency.HIGH, at)
            ]
            names = {
                one.person: answering.known.people[one.person].name
                for one in people
                if one.person in answering.known.people
            }
        if not people:
            return Gate("", False, f"nobody is on call for {answers.team or 'it'} now")
        there = next((one for one in people if one.at is not None), people[0])
        name = names.get(there.person, refs.short(there.person))
        return Gate(name, there.at is not None, there.why or answers.why)


def _is_connected(session: Session) -> bool:
    """Has anybody set on-call up? Until then nothing is known, which is never a yes."""
    return incidents.has_plans(session) or bool(intakestore.keys(session))


def _said(path: Path | None) -> str:
    return path.expanduser().read_text().strip() if path else ""
