"""Random interleavings of whole deploys: request, approve, abort, pause, resume, lock, roll back, and workers that die.

The doors, the loop, the machine and the memory jobs are the product's; between any two things a worker does, people
press buttons, time passes, and another worker may take over while the first goes on. See tests/rooms/promised.py.
"""

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

from ledger.errors import Code, Error
from ledger.jobs import LEASE, Lost
from ledger.runner import backoff
from pipelines.actions import Actions
from pipelines.cooling import COOL, LATER, Cooling
from pipelines.deciding import Act
from pipelines.deploy import ENDED, Deploy, Fact, Kind, State
from pipelines.jobs import ADVANCE
from pipelines.situation import LockedBy, Yes
from pipelines.store import Asked, lane
from pipelines.terms import Terms
from pipelines.world import Ports
from production.ports import Failed
from production.targets.memory import MemoryChecker
from tests.bench.watchedloop import Crash, Watched
from tests.rooms.memoryhouse import NO_DATABASE, plugged_in
from tests.rooms.promised import PRODUCTION, SERVICES, SPECS, UNDER_WAY, Promises

ALICE, BOB = "user:default/alice", "user:default/bob"
KINDS = (ADVANCE, LATER, COOL)
STEPS = 40


class Play(Promises):
    """One interleaving."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.depth = 0
        unchecked: Any = self.weigher
        self.actions = Actions(NO_DATABASE, self.jobs, unchecked)
        targets = {"memory": self.target}
        self.cooling = Cooling(NO_DATABASE, self.jobs, targets, lambda: self.now)
        ports = Ports(targets, {"memory": MemoryChecker(self.target)}, lambda: self.now)
        self.loop = Watched(NO_DATABASE, self.jobs, ports, self.bind, lambda _: "", self.ended, self)
        self.is_writing = False  # a worker, and not a door
        self.calm = False  # nobody dies any more, and nobody presses anything

    def run(self) -> Counter[str]:
        with plugged_in(self.kept):
            for _ in range(STEPS):
                self.something()
                self.check()
            self.drain()
        return self.count

    # What people do.

    def something(self) -> None:
        acts: dict[Callable[[], object], int] = {
            self.request: 5,
            self.rollback: 1,
            self.approve: 2,
            self.abort: 2,
            self.pause: 2,
            self.answer: 3,
            self.lock: 1,
            self.unlock: 2,
            self.let_go: 2,
            self.git: 1,
            self.fail: 1,
            self.tick: 6,
            self.work: 14,
        }
        act = self.chance.choices(list(acts), weights=list(acts.values()))[0]
        self.count[act.__name__] += 1
        act()

    def request(self) -> None:
        service, revision = self.service(), self.chance.choice(list(SPECS))
        place = (service.ref, PRODUCTION)
        terms = Terms(trial=self.chance.random() < 0.15)
        open_ = self.kept.open_deploy(None, *place, revision, trial=terms.trial)
        barred = self.barred(service.ref, revision)
        with self.refused() as told:
            started = self.actions.deploy(service, PRODUCTION, revision, ALICE, self.now, terms=terms)
        if self.weigher.is_away:
            assert told.code is Code.UNAVAILABLE
        elif barred:
            assert told.code is Code.CONFLICT, "a gate was passed"
        else:
            assert told.code is None, "it was refused for nothing"
            assert started.already is (open_ is not None), "asked for twice, or not at all"
            assert open_ in (None, started.id)
            if not started.already:
                self.new(started.id, rollback=False)

    def rollback(self) -> None:
        service = self.service()
        healthy = [
            asked.release.number
            for asked, deploy in self.kept.deploys.values()
            if asked.service == service.ref and deploy.state is State.HEALTHY
        ]
        if not healthy:
            return
        with self.refused():
            begun = [one.id for one in self.of(lane(service.ref, PRODUCTION)) if self.state(one.id) in UNDER_WAY]
            sure = {one for one in begun if not self._is_ending(one)}
            started = self.actions.rollback(service, PRODUCTION, self.chance.choice(healthy), BOB, self.now)
            if not started.already:
                for one in sure - {started.id}:
                    self.promised[one].must_stop |= self.state(one) is not State.UNDOING
                self.new(started.id, rollback=True)

    def approve(self) -> None:
        revision = self.chance.choice(list(SPECS))
        self.weigher.approvals[revision] = (Yes(BOB, "Bob", self.now),)

    def abort(self) -> None:
        if (one := self.some(*State)) is None:
            return
        state, ending = self.state(one), self._is_ending(one)
        with self.refused() as told:
            self.actions.abort(one, ALICE, self.now, self.chance.choice(("", "looks odd")))
        assert (told.code is Code.CONFLICT) is (state in ENDED)
        if state is State.QUEUED:
            assert self.state(one) is State.UNDONE, "it waits for its turn only to end"
        elif state in UNDER_WAY and state is not State.UNDOING:
            self.promised[one].must_stop |= not ending

    def pause(self) -> None:
        if (one := self.some(State.GOING, State.ACTING)) is None:
            return
        self.actions.pause(one, ALICE, self.now, "let me look")
        self.promised[one].must_pause |= not any(of == one for of, _ in self.inflight)

    def answer(self) -> None:
        if (one := self.some(State.PAUSED)) is None:
            return
        orders = self.actions.resume, self.actions.look_again
        with self.refused():
            self.chance.choice(orders)(one, BOB, self.now)
            self.count["answered"] += 1

    def lock(self) -> None:
        service = self.chance.choice((*SERVICES, None))
        hard = self.chance.random() < 0.7
        lock = LockedBy(len(self.weigher.locks) + 1, hard, "all", "an audit", "Alice", self.now, service=service)
        self.weigher.locks = (*self.weigher.locks, lock)

    def unlock(self) -> None:
        self.weigher.locks = self.weigher.locks[1:]

    def let_go(self) -> None:
        with self.refused():
            self.actions.let_go(self.service().ref, PRODUCTION, ALICE, self.now)

    def git(self) -> None:
        self.weigher.is_away = not self.weigher.is_away

    def fail(self) -> None:
        method = self.chance.choice(("prepare", "start", "weigh", "drain", "stop"))
        self.target._fail_once[method] = Failed("the machine does not answer", permanent=self.chance.random() < 0.5)

    def tick(self) -> None:
        self.now += timedelta(seconds=self.chance.choice((1, 1, 2, 7, 30)))

    # What workers do.

    def work(self) -> bool:
        claim = self.jobs.claim("worker", KINDS, self.now)
        if claim is None:
            return False
        if claim.attempt > 1:
            self.count["claimed again"] += 1
        try:
            if claim.kind == ADVANCE:
                self.loop.advance(claim)
            else:
                (self.cooling.later if claim.kind == LATER else self.cooling.cool)(claim)
                self.count[claim.kind] += 1
        except Crash:
            self.count["crash"] += 1
        except Lost:
            self.count["lost"] += 1
        except Error:  # as the runner does
            with suppress(Lost), self.jobs.transaction() as tx:
                self.jobs.give_back(tx, claim, self.now, again_at=self.now + backoff(claim.attempt))
        return True

    def point(self) -> None:
        """A worker is between two things: it may die here, or others may do something first."""
        if self.calm or self.depth > 2 or self.chance.random() > 0.12:
            return
        if self.chance.random() < 0.3:
            raise Crash
        self.depth += 1
        try:
            if self.chance.random() < 0.5:  # another worker takes over, and this one does not know
                self.now += LEASE
                self.work()
                self.count["frozen"] += 1
            else:
                self.something()
        finally:
            self.depth -= 1

    def writing(self) -> None:
        if self.is_writing and not self.calm and self.chance.random() < 0.02:
            raise Crash

    @contextmanager
    def deciding(self, deploy_id: int, act: Act) -> Iterator[None]:
        self.inflight.append((deploy_id, act))
        try:
            yield
        finally:
            self.inflight.pop()

    def bind(self, asked: Asked, deploy_id: int, at: datetime) -> Fact:
        fact = self.actions.bind(asked, deploy_id, at)
        barred = not asked.rollback and self.barred(asked.service, asked.release.revision)
        nothing_to_do = self.serves(asked.service, asked.release.revision)
        assert (fact.kind is Kind.REFUSED) is (bool(barred) or nothing_to_do), f"{fact.kind}: {fact.reason}"
        return fact

    def ended(self, tx: Any, asked: Asked, deploy: Deploy) -> None:
        self.cooling.ended(tx, asked, deploy, self.now)

    def drain(self) -> None:
        """Calm comes: all locks and holds are lifted, whoever is asked answers, and workers go on to the end."""
        self.calm, self.weigher.is_away, self.weigher.locks = True, False, ()
        self.target._fail_once.clear()
        for _ in range(5000):
            for service in SERVICES:
                with self.refused():
                    self.actions.let_go(service, PRODUCTION, ALICE, self.now)
            if self.work():
                self.check()
            elif (paused := self.some(State.PAUSED)) is not None and self.chance.random() < 0.5:
                with self.refused():
                    self.chance.choice((self.actions.resume, self.actions.abort))(paused, BOB, self.now)
            else:
                due = self.jobs.due(KINDS, self.now)
                if due is None:
                    break
                self.now = max(due, self.now)
        else:
            raise AssertionError("it goes on for ever")
        self.all_ended()

    @contextmanager
    def refused(self) -> Iterator[Any]:
        told = SimpleNamespace(code=None)
        try:
            yield told
        except Error as error:
            told.code = error.code


def play(first: int, last: int) -> Counter[str]:
    """Play those seeds; return how often each thing happened."""
    total: Counter[str] = Counter()
    for seed in range(first, last):
        try:
            total += Play(seed).run()
        except AssertionError as error:
            raise AssertionError(f"interleaving {seed}: {error}") from error
    return total


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 and sys.argv[1].isdigit() else 10_000
    begun = time.monotonic()
    total = play(0, count)
    steps = ", ".join(f"{name} {times}" for name, times in sorted(total.items()))
    took = time.monotonic() - begun
    print(f"{count} interleavings of whole deploys in {took:.0f} s: none lost, none doubled, all say why ({steps})")


if __name__ == "__main__":
    main()
