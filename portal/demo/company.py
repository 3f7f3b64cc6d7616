"""The Corner Shop: its repositories in a folder, and what has happened to them before: deploys, and late commits."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from portal.demo import repository, story
from portal.demo.people import Employee
from portal.demo.story import Commit, Pace

PEOPLE = "people"
OURSELVES = "fullcycle"
SOURCE = Path(__file__).parents[2]  # the checkout that this runs from, when it is one


@dataclass(frozen=True)
class PastDeploy:
    """A commit that was deployed, so long ago. `ending`: see story.py, `deployed`."""

    service: str
    revision: str
    author: Employee
    ago: timedelta
    ending: str


@dataclass(frozen=True)
class Late:
    """A commit that the portal was told of when it was made, in a repository that it knew, or for the first time."""

    repository: Path
    commit: Commit

    @property
    def ago(self) -> timedelta:
        return self.commit.ago


@dataclass(frozen=True)
class Company:
    """`repositories` in the order in which they are registered; `left_out` says why Fullcycle itself is not there.

    `late`, oldest first, is not committed yet where the repository is known before.
    """

    made_at: datetime
    repositories: Sequence[Path]
    past: Sequence[PastDeploy]
    late: Sequence[Late]
    left_out: str


def make(folder: Path, pace: Pace, now: datetime, source: Path = SOURCE) -> Company:
    """Write all repositories below `folder`."""
    lives = {PEOPLE: story.everybody()}
    lives |= {name: story.life(name, pace) for name in (*story.services(), *story.others())}
    repositories: list[Path] = []
    past: list[PastDeploy] = []
    late: list[Late] = []
    for name, commits in lives.items():
        shas = repository.write(folder / name, [commit for commit in commits if commit.late != "again"], now)
        late += [Late(folder / name, commit) for commit in commits if commit.late]
        if not any(commit.late == "first" for commit in commits):
            repositories.append(folder / name)
        past += [
            PastDeploy(name, shas[index], commit.author, commit.ago, commit.deployed)
            for index, commit in enumerate(commits)
            if commit.deployed
        ]
    left_out = repository.clone(source, folder / OURSELVES)
    if not left_out:
        repositories.append(folder / OURSELVES)
    past.sort(key=_ago, reverse=True)
    late.sort(key=_ago, reverse=True)
    return Company(now, repositories, past, late, left_out)


def _ago(one: PastDeploy | Late) -> timedelta:
    return one.ago
