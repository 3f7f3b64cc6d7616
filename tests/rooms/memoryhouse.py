"""A house without a database: the real doors, loop and machine over jobs in memory, and a store that is a few dicts.

What a transaction has written is taken back with it. `pipelines.store`, `warmth` and `events` are stood in for while
a house is `plugged_in`; everything else is the product's own.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pipelines.actions
import pipelines.cooling
import pipelines.jobs
from ledger.errors import Code, Error
from ledger.jobs_memory import MemoryJobs
from pipelines.change import Change
from pipelines.deploy import ENDED, Deploy, Order, State
from pipelines.gates import Situation, gates
from pipelines.plan import ReleaseRef, Was, plan
from pipelines.planning import Preview
from pipelines.situation import LockedBy, Yes
from pipelines.spec import DeploySpec
from pipelines.store import Asked, lane
from pipelines.terms import USUAL, Terms
from tests.conftest import NOON

Place = tuple[str, str]  # service, environment


@dataclass(frozen=True)
class Recorded:
    kind: str
    subject: str
    actor: str
    at: datetime
    data: Mapping[str, Any]


@dataclass
class Kept:
    """The tables, and what pipelines/store.py offers over them. Values never change; the dicts are copied."""

    deploys: dict[int, tuple[Asked, Deploy]] = field(default_factory=dict)
    orders: dict[int, tuple[Order, ...]] = field(default_factory=dict)
    lives: dict[Place, tuple[ReleaseRef, int]] = field(default_factory=dict)
    numbers: dict[tuple[str, str], int] = field(default_factory=dict)
    warm: dict[Place, datetime | None] = field(default_factory=dict)
    facts: tuple[Recorded, ...] = ()
    last_order: int = 0
    heard: Callable[[Recorded], None] = lambda fact: None

    def copy(self) -> dict[str, Any]:
        return {name: dict(one) if isinstance(one, dict) else one for name, one in vars(self).items()}

    def put_back(self, copied: dict[str, Any]) -> None:
        vars(self).update(copied)

    # As pipelines/store.py.

    lane = staticmethod(lane)

    def lock_service(self, tx: Any, service: str) -> None:
        pass

    def number(self, tx: Any, service: str, revision: str, subject: str, at: datetime) -> ReleaseRef:
        among = [number for (of, _), number in self.numbers.items() if of == service]
        number = self.numbers.setdefault((service, revision), max(among, default=0) + 1)
        return ReleaseRef(number, revision, subject)

    def open_deploy(
        self, tx: Any, service: str, environment: str, revision: str, *, rollback: bool = False, trial: bool = False
    ) -> int | None:
        for number, (asked, deploy) in sorted(self.deploys.items()):
            same = (asked.service, asked.environment, asked.release.revision) == (service, environment, revision)
            same = same and asked.terms.trial is trial and (asked.rollback or not rollback)
            if same and deploy.state not in ENDED:
                return number
        return None

    def add(self, tx: Any, asked: Asked, at: datetime) -> int:
        number = len(self.deploys) + 1
        self.deploys[number] = (asked, Deploy(number))
        return number

    def load(self, tx: Any, deploy_id: int) -> tuple[Asked, Deploy, Sequence[Order]]:
        asked, deploy = self.deploys[deploy_id]
        return asked, deploy, self.orders.get(deploy_id, ())

    def save(self, tx: Any, before: Deploy, after: Deploy) -> None:
        asked, now = self.deploys[before.id]
        if now.version != before.version:
            raise Error(Code.CONFLICT, f"deploy {before.id} has moved on meanwhile")
        self.deploys[before.id] = (asked, replace(after, version=before.version + 1))

    def unfinished(self, tx: Any, among: Sequence[int]) -> Sequence[int]:
        return [one for one in among if self.deploys[one][1].state not in ENDED]

    def order(self, tx: Any, deploy_id: int, kind: str, actor: str, at: datetime, reason: str) -> None:
        self.last_order += 1
        order = Order(kind, actor, at, reason, self.last_order)
        self.orders[deploy_id] = (*self.orders.get(deploy_id, ()), order)

    def live(self, tx: Any, service: str, environment: str) -> ReleaseRef | None:
        found = self.lives.get((service, environment))
        return found[0] if found else None

    def set_live(self, tx: Any, asked: Asked, deploy_id: int, at: datetime) -> None:
        self.lives[asked.service, asked.environment] = (asked.release, deploy_id)
        self.warm[asked.service, asked.environment] = None

    def set_up(self, tx: Any, service: str, environment: str) -> Was | None:
        found = self.lives.get((service, environment))
        made = self.deploys[found[1]][1].plan if found else None
        return Was(dict(made.target), made.build) if made else None

    def is_stuck(self, tx: Any, service: str, environment: str) -> bool:
        ended = [
            (deploy.ended_at, deploy.state)
            for asked, deploy in self.deploys.values()
            if (asked.service, asked.environment) == (service, environment)
        ]
        stuck = [at for at, state in ended if at is not None and state is State.STUCK]
        healthy = [at for at, state in ended if at is not None and state is State.HEALTHY]
        return bool(stuck) and (not healthy or max(stuck) > max(healthy))

    # As pipelines/warmth.py.

    def keep(self, tx: Any, service: str, environment: str, until: datetime | None) -> None:
        self.warm[service, environment] = until

    def until(self, tx: Any, service: str, environment: str) -> datetime | None:
        return self.warm.get((service, environment))

    # As ledger/events.py.

    def record(
        self,
        tx: Any,
        kind: str,
        subject: str,
        actor: str,
        at: datetime,
        data: Mapping[str, Any],
        **more: Any,
    ) -> None:
        fact = Recorded(kind, subject, actor, at, data)
        self.heard(fact)
        self.facts = (*self.facts, fact)


class KeptJobs(MemoryJobs):
    """The memory jobs, with a store whose writes end with theirs; `writing` is called when all is written."""

    def __init__(self, kept: Kept, writing: Callable[[], None] = lambda: None) -> None:
        super().__init__()
        self.kept, self.writing = kept, writing

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Any]:
        before = self.kept.copy()
        try:
            with super().transaction() as tx:
                yield tx
                self.writing()
        except BaseException:
            self.kept.put_back(before)
            raise


@dataclass
class Weigher:
    """What plans and weighs, without git: `specs` says what is in each revision."""

    kept: Kept
    jobs: MemoryJobs
    specs: Mapping[str, DeploySpec]
    irreversible: frozenset[str] = frozenset()
    locks: tuple[LockedBy, ...] = ()
    approvals: dict[str, tuple[Yes, ...]] = field(default_factory=dict)  # by revision
    is_away: bool = False  # git does not answer

    def preview(
        self, service: Any, environment: str, revision: str, at: datetime, actor: str = "", terms: Terms = USUAL
    ) -> Preview:
        number = self.kept.numbers.get((service.ref, revision), len(self.kept.numbers) + 1)
        release = ReleaseRef(number, revision, f"change {revision}")
        asked = Asked(service.ref, environment, 1, release, self.specs[revision], actor, terms=terms)
        return self.weighed(None, asked, at, 0, head=True)

    def preview_rollback(self, service: Any, environment: str, number: int, at: datetime, actor: str = "") -> Preview:
        place = (service.ref, environment)
        for asked, deploy in reversed(self.kept.deploys.values()):
            same = (asked.service, asked.environment, asked.release.number) == (*place, number)
            if same and deploy.state is State.HEALTHY:
                back = replace(asked, actor=actor, rollback=True, note="", terms=USUAL)
                return self.weighed(None, back, at, 0, head=False)
        raise Error(Code.CONFLICT, f"release {number} has never been healthy there")

    def weighed(self, tx: Any, asked: Asked, at: datetime, problems: int, *, head: bool) -> Preview:
        if self.is_away:
            raise Error(Code.UNAVAILABLE, "git does not answer", permanent=False)
        base = self.kept.live(tx, asked.service, asked.environment)
        why = "it drops a column" if asked.release.revision in self.irreversible else ""
        back = asked.rollback or asked.terms.trial
        made = plan(
            asked.service,
            asked.environment,
            asked.spec,
            asked.release,
            base,
            Change(),
            rollback=asked.rollback,
            trial=asked.terms.trial,
            irreversible="" if back else why,
            was=self.kept.set_up(tx, asked.service, asked.environment),
            stuck=self.kept.is_stuck(tx, asked.service, asked.environment),
        )
        with_jobs = self.jobs._tables  # a glance: a preview may be made inside and outside a transaction
        situation = Situation(
            asked.release,
            base,
            Change(),
            asked.rollback,
            stuck=self.kept.is_stuck(tx, asked.service, asked.environment),
            held="held" if asked.lane in with_jobs.holds and not asked.rollback else "",
            now=at,
            settings=asked.spec.environments[asked.environment].gates,
            terms=asked.terms,
            asker=asked.actor,
            authors=frozenset({"user:default/carol"}),
            locks=[one for one in self.locks if one.service in (None, asked.service)],
            approvals=self.approvals.get(asked.release.revision, ()),
        )
        return Preview(made, gates(situation), asked, at, head, situation)


@contextlib.contextmanager
def plugged_in(kept: Kept) -> Iterator[None]:
    """Have the room work on these tables."""
    with contextlib.ExitStack() as stack:
        for module, names in (
            (pipelines.actions, ("store", "events")),
            (pipelines.jobs, ("store", "events")),
            (pipelines.cooling, ("store", "warmth", "events")),
        ):
            for name in names:
                stack.enter_context(patch.object(module, name, kept))
        yield


@contextlib.contextmanager
def _reading() -> Iterator[None]:
    yield None


NO_DATABASE: Any = SimpleNamespace(read=_reading)
START = NOON
