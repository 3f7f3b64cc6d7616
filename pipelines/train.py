"""A train: many commits that wait go out one small deploy after another, and stop at the first that is not healthy.

`cars` couples commits, `decide` names the one next thing to do, `after` takes in how a car's deploy ended. Pure.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from pipelines.change import SMALL_FILES, SMALL_LINES, Committed, change

MOST_CARS = 50  # more than a working day of deploys; the rest takes the next train


@dataclass(frozen=True)
class Car:
    """Commits that go out together; `revision` is the newest of them and `subject`, `author` and `mail` are its.

    `state` is waiting, going, gone or failed; `release` and `deploy` are known once it has been asked for.
    """

    revision: str
    subject: str
    author: str
    mail: str = ""
    commits: int = 1
    files: int = 0
    plus: int = 0
    minus: int = 0
    state: str = "waiting"
    deploy: int | None = None
    release: int | None = None
    why: str = ""


@dataclass(frozen=True)
class Train:
    """All cars, oldest first. `base` served when it departed; `each` is what one car should take.

    `ticks` is what of the checklist was ticked, for all of them.
    """

    cars: tuple[Car, ...]
    base: str
    each: timedelta = timedelta(0)
    ticks: tuple[str, ...] = ()
    waits: tuple[str, ...] = ()  # why the next car may not go now

    @property
    def gone(self) -> int:
        return sum(car.state == "gone" for car in self.cars)

    @property
    def going(self) -> Car | None:
        return next((car for car in self.cars if car.state == "going"), None)

    @property
    def left(self) -> tuple[Car, ...]:
        return tuple(car for car in self.cars if car.state == "waiting")

    @property
    def expected(self) -> timedelta:
        """How long it should still take."""
        return self.each * (len(self.left) + (self.going is not None))


@dataclass(frozen=True)
class Depart:
    """Ask for a deploy of that car."""

    index: int


@dataclass(frozen=True)
class Wait:
    """A deploy is under way, or something keeps the next car: nothing to do now."""

    why: tuple[str, ...] = ()


@dataclass(frozen=True)
class Arrived:
    """Every car is out."""


@dataclass(frozen=True)
class Stopped:
    why: str


@dataclass(frozen=True)
class Ended:
    """How a car's deploy ended. `kind` is healthy, refused (it never began and may go later), or what went wrong."""

    kind: str
    why: str = ""


def cars(commits: Sequence[Committed], per_car: int = 1, green: Collection[str] | None = None) -> tuple[Car, ...]:
    """Couple commits, given oldest first, into cars of at most `per_car` that stay small together.

    A commit that is not among the green ones rides with the next one that is; those after the last green one stay
    where they are. `green` is None where nobody asks a CI.
    """
    found: list[Car] = []
    riding: list[Committed] = []
    wanted = 0  # commits of `riding` that could have gone by themselves
    for commit in commits:
        may_go = green is None or commit.sha in green
        if riding and wanted and may_go and (wanted >= per_car or not _small([*riding, commit])):
            found.append(_car(riding))
            riding, wanted = [], 0
        if riding and wanted and not may_go:  # what is green so far need not wait for it
            found.append(_car(riding))
            riding, wanted = [], 0
        riding.append(commit)
        wanted += may_go
    return tuple(found + ([_car(riding)] if wanted else []))


def _small(commits: Sequence[Committed]) -> bool:
    told = change(commits)
    return told.files <= SMALL_FILES and told.plus + told.minus <= SMALL_LINES


def _car(commits: Sequence[Committed]) -> Car:
    told, newest = change(commits), commits[-1]
    return Car(newest.sha, newest.subject, newest.author, newest.mail, len(commits), told.files, told.plus, told.minus)


def decide(train: Train) -> Depart | Wait | Arrived | Stopped:
    """Name the one next thing to do; asked twice, it says the same."""
    failed = next((number for number, car in enumerate(train.cars, start=1) if car.state == "failed"), None)
    if failed is not None:
        return Stopped(_stopped(train, failed))
    if train.going is not None:
        return Wait()
    index = next((at for at, car in enumerate(train.cars) if car.state == "waiting"), None)
    return Arrived() if index is None else Depart(index)


def _stopped(train: Train, number: int) -> str:
    car, left = train.cars[number - 1], len(train.left)
    stays = f"; {left} {'car stays' if left == 1 else 'cars stay'} behind" if left else ""
    return f"car {number} of {len(train.cars)}, {car.revision[:7]} by {car.author}, {car.why}{stays}"


def departed(train: Train, index: int, deploy: int, release: int) -> Train:
    """Return the train whose car has been asked for."""
    return _with(train, index, state="going", deploy=deploy, release=release)


def after(train: Train, ended: Ended) -> Train:
    """Return the train after the deploy of the car under way has ended."""
    index = next(at for at, car in enumerate(train.cars) if car.state == "going")
    match ended.kind:
        case "healthy":
            return _with(train, index, state="gone")
        case "refused":
            refused = _with(train, index, state="waiting")
            return replace(refused, waits=(ended.why,))
        case "aborted":
            return _with(train, index, state="failed", why=_said("was stopped by a person", ended.why))
        case _:
            return _with(train, index, state="failed", why=_said("did not become healthy", ended.why))


def impossible(train: Train, index: int, why: str) -> Train:
    """Return the train with a car that cannot be deployed at all."""
    return _with(train, index, state="failed", why=f"cannot be deployed: {why}")


def served(train: Train, upto: int) -> Train:
    """Return the train when something else has brought its first cars out, up to that index."""
    passed = [replace(car, state="gone") if at <= upto and car.state == "waiting" else car for at, car in _each(train)]
    return replace(train, cars=tuple(passed))


def _with(train: Train, index: int, **values: Any) -> Train:
    changed = [replace(car, **values) if at == index else car for at, car in _each(train)]
    return replace(train, cars=tuple(changed), waits=())


def _each(train: Train) -> list[tuple[int, Car]]:
    return list(enumerate(train.cars))


def _said(what: str, why: str) -> str:
    return f"{what}: {why}" if why else what
