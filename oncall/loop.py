"""The worker's look at one incident: do what is due, and say when to look again. Killed anywhere, it is done again."""

from dataclasses import dataclass

from ledger.clock import Clock
from ledger.jobs import Claim, Jobs
from oncall import store
from oncall.answering import Answering
from oncall.moving import Mover


@dataclass(frozen=True)
class Loop:
    """Made once by the wiring."""

    jobs: Jobs
    clock: Clock
    fallback: str = ""

    def advance(self, claim: Claim) -> None:
        """Do what is due for one incident."""
        with self.jobs.transaction() as tx:
            incident = store.hold(tx, int(claim.key))  # before its job, as everybody does
            self.jobs.guard(tx, claim)
            now = self.clock()
            Mover(tx, self.jobs, Answering(tx, self.fallback)).carry(incident, now)
            self.jobs.finish(tx, claim, now)
