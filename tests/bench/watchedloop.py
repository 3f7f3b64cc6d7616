"""The loop of deploys as a play of interleavings runs it: it stops between any two things a worker does.

Nothing is decided here: what happens in between, a crash as well, is the play's (tests/bench/deploys_interleaved.py).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ledger.jobs import Claim
from pipelines.deciding import Bind, Nothing, Perform, Record
from pipelines.deploy import Deploy
from pipelines.jobs import Loop
from pipelines.store import Asked
from pipelines.world import Came


class Crash(BaseException):
    """The worker's process is gone."""


@dataclass(frozen=True)
class Watched(Loop):
    """The loop, which lets the play happen between any two things it does."""

    play: Any = None

    def _do(self, act: Bind | Perform | Record | Nothing, asked: Asked, deploy: Deploy, claim: Claim) -> Came | None:
        with self.play.deciding(deploy.id, act):
            self.play.point()
            came = super()._do(act, asked, deploy, claim)
            self.play.point()
        return came

    def _write(self, *arguments: Any) -> bool:
        self.play.is_writing = True
        try:
            over = super()._write(*arguments)
        finally:
            self.play.is_writing = False
        self.play.point()
        return over

    def _leave(self, claim: Claim, until: datetime) -> None:
        self.play.point()
        super()._leave(claim, until)
        self.play.point()
