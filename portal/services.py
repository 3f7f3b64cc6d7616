"""What the doors lean on, made once by the wiring and handed to every page."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ledger.clock import Clock
from ledger.db import Database
from ledger.jobs import Jobs
from pipelines.actions import Actions
from portal.config import Config
from production.ports import Checker, Target


@dataclass(frozen=True)
class Services:
    config: Config
    database: Database
    clock: Clock
    jobs: Jobs
    targets: Mapping[str, Target]  # by kind: local, memory
    checkers: Mapping[str, Checker]  # by kind of target
    actions: Actions  # plan, deploy, roll back, abort, let a lane go on
    register: Callable[[str, str], int]  # a repository's URL and who asks; reads it soon and returns its id
