"""The Corner Shop: its repositories in a folder, and which of their commits have been deployed before."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from portal.demo import repository, story
from portal.demo.people import Employee
from portal.demo.story import Pace

PEOPLE = "people"
OURSELVES = "fullcycle"
SOURCE = Path(__file__).parents[2]  # the checkout that this runs from, when it is one


@dataclass(frozen=True)
class PastDeploy:
    """A commit that was deployed, so long ago. `ending`: healthy, or undone."""

    service: str
    revision: str
    author: Employee
    ago: timedelta
    ending: str


@dataclass(frozen=True)
class Company:
    """`repositories` in the order in which they are registered; `left_out` says why Fullcycle itself is not there."""

    repositories: Sequence[Path]
    past: Sequence[PastDeploy]
    left_out: str


def make(folder: Path, pace: Pace, now: datetime, source: Path = SOURCE) -> Company:
    """Write all repositories below `folder`."""
    repositories = [folder / PEOPLE]
    repository.write(folder / PEOPLE, story.everybody(), now)
    past: list[PastDeploy] = []
    for name in story.services():
        commits = story.life(name, pace)
        shas = repository.write(folder / name, commits, now)
        repositories.append(folder / name)
        past += [
            PastDeploy(name, shas[index], commit.author, commit.ago, commit.deployed)
            for index, commit in enumerate(commits)
            if commit.deployed
        ]
    left_out = repository.clone(source, folder / OURSELVES)
    if not left_out:
        repositories.append(folder / OURSELVES)
    return Company(repositories, sorted(past, key=lambda one: one.ago, reverse=True), left_out)
