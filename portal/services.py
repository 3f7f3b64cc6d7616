"""What the doors lean on, made once by the wiring and handed to every page."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from catalog.git import Mirror
from catalog.query import Repository
from ledger.clock import Clock
from ledger.db import Database
from ledger.jobs import Jobs
from pipelines.actions import Actions
from pipelines.planning import Planner
from portal.config import Config
from portal.oncalling import OnCall
from production.metricsport import Metrics
from production.ports import Checker, Hosting, Target
from production.secrets import SiteSecrets


@dataclass(frozen=True)
class Services:
    config: Config
    database: Database
    clock: Clock
    jobs: Jobs
    targets: Mapping[str, Target]  # by kind: local, memory
    hosting: Hosting  # what runs on this very machine
    checkers: Mapping[str, Checker]  # by kind of target
    metrics: Metrics
    secrets: SiteSecrets
    planner: Planner  # what would happen
    actions: Actions  # deploy, roll back, abort, let a lane go on
    register: "Register"
    mirror: Callable[[Repository], Mirror]  # with what it takes to fetch more into it
    oncall: OnCall  # who answers, what is wrong, and the pages that go out


class Register(Protocol):
    def __call__(self, url: str, actor: str, listed_by: int | None = None) -> int:
        """Take a repository in, have it read soon and return its id. `listed_by`: the repository that names it."""
