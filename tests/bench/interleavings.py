"""Random interleavings of request, abort, a lost race, a finish and the clock on the memory jobs, against a model.

`./dev bench interleavings` plays those of whole deploys as well (tests/bench/deploys_interleaved.py).

The model is written from the promises alone: a lane is a list in which each newcomer is put at its place. After every
step the two must agree; at the end nothing is lost, nothing was done twice, and the order was kept.
"""

import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from ledger.jobs import LEASE, Claim, Jobs, Lost
from ledger.jobs_memory import MemoryJobs
from tests.bench import deploys_interleaved

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
LANES = ("checkout@production", "basket@production", None)
WORKERS = ("anna", "bert", "cleo")
STEPS = 60


@dataclass
class Wanted:
    """What the model knows of one job."""

    key: str
    lane: str | None
    jumps: bool
    run_at: datetime
    begun: bool = False
    owed: datetime | None = None  # asked for again while in hand
    holder: Claim | None = None
    lease_until: datetime = NOON
    finishes: int = 0


@dataclass
class Model:
    lanes: dict[str, list[Wanted]] = field(default_factory=dict)
    loose: list[Wanted] = field(default_factory=list)
    held: set[str] = field(default_factory=set)
    fences: dict[str, int] = field(default_factory=dict)
    begun: list[str] = field(default_factory=list)

    def line(self, lane: str | None) -> list[Wanted]:
        return self.loose if lane is None else self.lanes.setdefault(lane, [])

    def open(self) -> list[Wanted]:
        return [*self.loose, *(job for line in self.lanes.values() for job in line)]

    def request(self, job: Wanted) -> None:
        line = self.line(job.lane)
        place = len(line)
        if job.jumps:
            place = next((at for at, other in enumerate(line) if not other.begun and not other.jumps), place)
        line.insert(place, job)

    def claimable(self, now: datetime) -> list[Wanted]:
        heads = [*self.loose]
        for lane, line in self.lanes.items():
            if line and (lane not in self.held or line[0].begun or line[0].jumps):
                heads.append(line[0])
        return [job for job in heads if job.run_at <= now and (job.holder is None or job.lease_until <= now)]


class Play:
    """One interleaving. Each method named like a thing that happens does it to both, and compares."""

    def __init__(self, seed: int, jobs: Jobs) -> None:
        self.chance = random.Random(seed)
        self.jobs, self.model, self.now = jobs, Model(), NOON
        self.hands: dict[str, list[Claim]] = {worker: [] for worker in WORKERS[: self.chance.choice((2, 3))]}
        self.all: list[Wanted] = []
        self.count: Counter[str] = Counter()

    def run(self) -> Counter[str]:
        acts = (self.request, self.abort, self.claim, self.heartbeat, self.finish, self.again, self.tick, self.hold)
        for _ in range(STEPS):
            act = self.chance.choices(acts, weights=(5, 3, 8, 3, 5, 4, 5, 1))[0]
            self.count[act.__name__] += 1
            act()
            self.check()
        self.drain()
        return self.count

    def request(self) -> None:
        again = self.chance.random() < 0.2 and self.model.open()
        at = self.now + self.chance.choice((0, 0, 0, 2, 7)) * SECOND
        if again:
            job = self.chance.choice(again)
            self._asked(job, at)
        else:
            job = Wanted(str(len(self.all)), self.chance.choice(LANES), self.chance.random() < 0.2, at)
            self.all.append(job)
            self.model.request(job)
        with self.jobs.transaction() as tx:
            new = self.jobs.enqueue(tx, "advance", job.key, at, lane=job.lane, jumps=job.jumps)
        assert new is not bool(again)

    def abort(self) -> None:
        if not self.all:
            return
        job = self.chance.choice(self.all)
        if not job.finishes:
            self._asked(job, self.now)
        with self.jobs.transaction() as tx:
            self.jobs.wake(tx, "advance", job.key, self.now)

    def _asked(self, job: Wanted, at: datetime) -> None:
        if job.holder is None:
            job.run_at = min(job.run_at, at)
        else:
            job.owed = min(job.owed or at, at)

    def claim(self) -> None:
        worker = self.chance.choice(list(self.hands))
        might = self.model.claimable(self.now)
        claim = self.jobs.claim(worker, ["advance"], self.now)
        assert (claim is None) is (not might), f"{claim} of {might}"
        if claim is None:
            return
        job = next(job for job in might if job.key == claim.key)
        assert job.run_at == min(other.run_at for other in might)  # who waits longest goes first
        self._begins(job, claim)
        if job.holder is not None:
            self.count["taken over"] += 1
        job.holder, job.lease_until = claim, self.now + LEASE
        if job.owed is not None and job.owed <= self.now:
            job.owed = None
        self.hands[worker].append(claim)

    def _begins(self, job: Wanted, claim: Claim) -> None:
        of = job.lane or f"loose {job.key}"
        assert claim.fence > self.model.fences.get(of, 0)
        self.model.fences[of] = claim.fence
        if not job.begun:
            self.model.begun.append(job.key)
        job.begun = True

    def heartbeat(self) -> None:
        if (claim := self._some_claim()) is None:
            return
        job = self.all[int(claim.key)]
        if job.holder == claim:
            job.lease_until = self.now + LEASE
        assert self.jobs.heartbeat(claim, self.now) is (job.holder == claim)

    def finish(self, again_at: datetime | None = None) -> None:
        if (claim := self._some_claim()) is None:
            return
        job = self.all[int(claim.key)]
        ours = job.holder == claim
        ended = False
        with suppress(Lost), self.jobs.transaction() as tx:
            self.jobs.finish(tx, claim, self.now, again_at=again_at)
            ended = True
        assert ended is ours, "a claim that was taken over ended the job, or a good one could not"
        if not ours:
            self.count["lost"] += 1
            return
        moments = [moment for moment in (again_at, job.owed) if moment is not None]
        job.holder = job.owed = None
        if moments:
            job.run_at = min(moments)
        else:
            job.finishes += 1
            self.model.line(job.lane).remove(job)

    def again(self) -> None:
        self.finish(self.now + self.chance.choice((0, 1, 6)) * SECOND)

    def tick(self) -> None:
        self.now += self.chance.choice((1, 1, 2, 6)) * SECOND

    def hold(self) -> None:
        lane = LANES[0]
        assert lane is not None
        with self.jobs.transaction() as tx:
            if lane in self.model.held:
                self.model.held.remove(lane)
                self.jobs.release(tx, lane)
            else:
                self.model.held.add(lane)
                self.jobs.hold(tx, lane, "alice", "look first", self.now)

    def _some_claim(self) -> Claim | None:
        claims = [claim for hand in self.hands.values() for claim in hand]
        return self.chance.choice(claims) if claims else None

    def check(self) -> None:
        """No lane is in two hands, and both see the same line."""
        valid = Counter(claim.lane for hand in self.hands.values() for claim in hand if self.jobs.holds(claim))
        assert all(count == 1 for lane, count in valid.items() if lane is not None), f"two at one time: {valid}"
        with self.jobs.transaction() as tx:
            for lane, line in self.model.lanes.items():
                assert [waiting.key for waiting in self.jobs.queue(tx, lane)] == [job.key for job in line]

    def drain(self) -> None:
        """All workers die, others come: everything that was asked for ends, once."""
        if self.model.held:
            self.hold()
        while self.model.open():
            self.now += LEASE
            for hand in self.hands.values():
                hand.clear()
            self.claim()
            self.finish()
        assert [job.finishes for job in self.all] == [1] * len(self.all)
        assert sorted(self.model.begun, key=int) == [job.key for job in self.all]
        assert self.jobs.due(["advance"], self.now) is None


def play(first: int, last: int, jobs: Callable[[], Jobs] = MemoryJobs) -> Counter[str]:
    """Play those seeds, each on empty jobs; return how often each thing happened."""
    total: Counter[str] = Counter()
    for seed in range(first, last):
        try:
            total += Play(seed, jobs()).run()
        except AssertionError as error:
            raise AssertionError(f"interleaving {seed}: {error}") from error
    return total


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 and sys.argv[1].isdigit() else 10_000
    begun = time.monotonic()
    total = play(0, count)
    steps = ", ".join(f"{name} {times}" for name, times in sorted(total.items()))
    print(
        f"{count} interleavings of {STEPS} steps in {time.monotonic() - begun:.1f} s: none lost, none doubled ({steps})"
    )
    deploys_interleaved.main()


if __name__ == "__main__":
    main()
