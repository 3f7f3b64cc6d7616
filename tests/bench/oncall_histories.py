"""Random histories of a team on call: edits, overrides, days of DST, people who answer or leave, providers that fail,
workers that die or freeze at any point. What came of each is held against a model (tests/bench/_oncallmodel.py).

Receiver, sender, loop and doors are the product's, over SQLite in memory's own folder, with a clock that is told what
time it is. `./dev bench oncall-histories 10000 --from 0 --jobs 2`.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import select, text

from ledger import events
from ledger.clock import stopwatch
from ledger.errors import Error
from ledger.jobs import LEASE, Claim, Lost
from ledger.runner import backoff
from oncall.moving import ADVANCE, SEND
from oncall.paging.memory import ANSWERS, Trouble
from oncall.paging.ports import LIMIT, Delivered, Outcome, Page
from oncall.receiving import RECEIVE
from tests.bench._oncallground import KINDS, Crash, Ground, Key, ground
from tests.bench._oncallmodel import Call, Walk, hold
from tests.bench._oncallpeople import MINUTE, SECOND, People
from tests.rooms.oncallhouse import PHONE

STEPS = 10


class Play(People):
    """One history."""

    def __init__(self, seed: int, ground: Ground) -> None:
        super().__init__(seed, ground)
        self.count: Counter[str] = Counter()
        self.calls: list[Call] = []
        self.interrupted: set[Key] = set()  # nobody knows whether they came; each is so once at most
        self.under_way: list[set[Key]] = []  # of each worker: what was called and is not written
        self.calm, self.depth = True, 0
        self.limit = LIMIT

    # --- the beginning and the end ------------------------------------------------------------------------------------

    def run(self) -> Counter[str]:
        self.ground.clear()
        self.house.now = self.now
        house, clock = self.house, lambda: self.now
        parts = (house.receiver, house.sender, house.loop, house.actions)
        for part in parts:
            vars(part).update(clock=clock, jobs=self.ground.jobs)
        vars(house.sender).update(pagers={PHONE: self}, links=self.links)
        self.ground.jobs.play = self
        try:
            self.found()
            self.calm = False
            for _ in range(STEPS):
                self.something()
            self.calm = True
            self.until(self.now + 30 * MINUTE)
        finally:
            self.ground.jobs.play = None
        self.check()
        return self.count

    def check(self) -> None:
        walks = []
        for number, key in self.opened():
            facts = self.facts(number)
            posted = max(at for at in self.posted[key] if at <= facts[0][0])
            walk = Walk(number, posted, self.world, self.levels, self.repeat + 1)
            walk.story(facts, self.now)
            walks.append(walk)
        silent = set(self.posted) - {key for _, key in self.opened()}
        assert not silent, f"nothing came of {silent}"
        hold(walks, self.calls, self.world, self.now, self.count)
        self.count["incidents"] += len(walks)

    def opened(self) -> Sequence[tuple[int, str]]:
        with self.house.database.read() as session:
            rows = session.execute(
                text("SELECT incident_id, key FROM alerts WHERE incident_id > 0 ORDER BY incident_id")
            )
            return [(int(row[0]), str(row[1])) for row in rows]

    def facts(self, number: int) -> Sequence[tuple[datetime, str, str, Mapping[str, Any]]]:
        columns = (events.EventRow.at, events.EventRow.kind, events.EventRow.actor, events.EventRow.data)
        query = select(*columns).where(events.EventRow.subject == f"incident:{number}").order_by(events.EventRow.id)
        with self.house.database.read() as session:
            return [(row[0], row[1].removeprefix("incident."), row[2], row[3]) for row in session.execute(query)]

    def something(self) -> None:
        acts: dict[Callable[[], object], int] = {
            self.alert: 5,
            self.repeated: 2,
            self.over: 2,
            self.acknowledge: 3,
            self.resolve: 1,
            self.snooze: 1,
            self.edit: 1,
            self.override: 2,
            self.leave: 1,
            self.take_away: 1,
            self.trouble: 3,
            self.work: 4,
            self.wait: 8,
        }
        self.now += timedelta(milliseconds=1)  # nothing happens in the same moment as anything else
        act = self.chance.choices(list(acts), weights=list(acts.values()))[0]
        self.count[act.__name__] += 1
        act()

    def wait(self) -> None:
        self.until(self.now + self.chance.choice((1, 20, 180, 600, 1200, 2400)) * SECOND)

    # --- what workers do ----------------------------------------------------------------------------------------------

    def until(self, moment: datetime) -> None:
        """Let time go by, and have each job done when it is due."""
        while (due := self.ground.jobs.due(KINDS, self.now)) is not None and due <= moment:
            self.now = max(self.now, due)
            if not self.work():
                self.now += timedelta(milliseconds=1)
        self.now = max(self.now, moment)

    def work(self) -> bool:
        self.working += 1
        self.under_way.append(set())
        try:
            claim = self.ground.jobs.claim("worker", KINDS, self.now)
            if claim is None:
                return False
            self.may_die(0.01)
            self._handle(claim)
        except Crash:
            self.count["crash"] += 1
        except Lost:
            self.count["lost"] += 1
        finally:
            self.working -= 1
            self.under_way.pop()
        return True

    def _handle(self, claim: Claim) -> None:
        sure, house = self.now + LEASE, self.house
        handlers: Mapping[str, Callable[[Claim], None]] = {
            RECEIVE: partial(house.receiver.receive, lost=lambda: self.now >= sure),
            ADVANCE: house.loop.advance,
            SEND: partial(house.sender.send, lost=lambda: self.now >= sure),
        }
        try:
            handlers[claim.kind](claim)
        except Error:  # as the runner does
            self.count["again"] += 1
            self.world.stumbles.append(self.now)
            with suppress(Lost), self.ground.jobs.transaction() as tx:
                self.ground.jobs.give_back(tx, claim, self.now, again_at=self.now + backoff(claim.attempt))

    def may_die(self, share: float) -> None:
        if self.working and not self.calm and self.chance.random() < share and self.may_interrupt():
            self.interrupt()
            raise Crash

    def written(self) -> None:
        if self.working:
            self.under_way[-1].clear()

    def may_interrupt(self) -> bool:
        """A message is doubled once at most, so that the promise can be held to."""
        return not self.interrupted & set().union(*self.under_way)

    def interrupt(self) -> None:
        self.interrupted |= set().union(*self.under_way)
        self.world.stumbles.append(self.now)

    # --- what providers do --------------------------------------------------------------------------------------------

    def links(self, incident: int, person: str) -> tuple[str, str]:
        """Asked right before a page is sent: a worker may freeze here, and others go on."""
        self.may_freeze()
        return f"https://portal/incidents/{incident}", "https://portal/ack"

    def send(self, page: Page) -> Outcome:
        key = (page.incident, page.key.step, page.person, page.key.channel)
        trouble = self.troubles.get(page.key.channel)
        if trouble is Trouble.LOST and key in self.interrupted:
            trouble = None
        self.may_die(0.04)  # before it reached anybody
        self.calls.append(Call(self.now, key, page.repeat, trouble in (None, Trouble.LOST)))
        self.under_way[-1].add(key)
        self.count["calls"] += 1
        self.may_die(0.04)  # and nobody knows that it did
        self.may_freeze()
        if trouble is Trouble.LOST:
            self.interrupted.add(key)
        return Delivered(self.now) if trouble is None else ANSWERS[trouble]

    def may_freeze(self) -> None:
        """Another worker takes over, people go on, and this one does not know."""
        if self.calm or self.depth or self.chance.random() > 0.04 or not self.may_interrupt():
            return
        self.count["frozen"] += 1
        self.interrupt()
        self.depth += 1
        try:
            self.now += LEASE + SECOND
            for _ in range(self.chance.choice((0, 1, 3))):
                self.something()
        finally:
            self.depth -= 1


def play(seeds: Sequence[int]) -> Counter[str]:
    """Play those histories; return how often each thing happened."""
    total: Counter[str] = Counter()
    with ground() as made:
        for seed in seeds:
            try:
                total += Play(seed, made).run()
            except Exception as error:
                raise AssertionError(f"history {seed}: {error!r}") from error
    return total


def main() -> None:
    asked = argparse.ArgumentParser(prog="bench oncall_histories")
    asked.add_argument("count", type=int, nargs="?", default=10_000)
    asked.add_argument("--first", type=int, default=0)
    asked.add_argument("--jobs", type=int, default=2)
    chosen = asked.parse_args(sys.argv[2:])
    seeds = range(chosen.first, chosen.first + chosen.count)
    shares = [seeds[at : at + 100] for at in range(0, len(seeds), 100)]
    took, total = stopwatch(), Counter[str]()
    with ProcessPoolExecutor(chosen.jobs) as pool:
        for done in pool.map(play, shares):
            total += done
    about = {"histories": len(seeds), "steps": STEPS, "seconds": round(took().total_seconds())}
    print(json.dumps({"bench": "oncall_histories", **about, "missed": 0, **dict(sorted(total.items()))}))


if __name__ == "__main__":
    main()
