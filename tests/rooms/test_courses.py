"""Trains and bisects on a real repository: they go, wait, stop, find, and a killed worker loses and doubles nothing."""

import random
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from ledger import db
from ledger.errors import Error
from ledger.jobs import LEASE, Lost
from pipelines import ci, statuses
from pipelines.bisect import TRIALS, Hunt, most
from pipelines.train import Train
from tests.conftest import with_tables
from tests.rooms.coursing import Coursing, Killed, pushed
from tests.rooms.deploying import (
    ALICE,
    BOB,
    CANARY,
    CHECKOUT,
    LANE,
    PRODUCTION,
    Repository,
    described,
    served_by,
    service,
)

BAD = described(CANARY, fails={"*": "check"})
UNBUILDABLE = described(CANARY, fails={"*": "prepare"})
GOOD = described(CANARY)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "checkout")


@pytest.fixture
def yard(database: db.Database, repository: Repository) -> Coursing:
    made = Coursing(database, repository.mirrored)
    served_by(made, repository, GOOD)
    return made


def suspects(yard: Coursing, course: int) -> list[str]:
    way = yard.course(course).way
    assert isinstance(way, Hunt)
    return [one.verdict for one in way.suspects]


def states(yard: Coursing, course: int) -> list[str]:
    way = yard.course(course).way
    assert isinstance(way, Train)
    return [car.state for car in way.cars]


# Trains.


def test_a_train_brings_every_commit_out_one_after_another(yard: Coursing, repository: Repository) -> None:
    pushed_ = pushed(repository, 3)
    course = yard.depart()

    ended = yard.finished(course)

    assert (ended.state, ended.reason) == ("arrived", "all 3 cars are out")
    assert yard.of_course(course) == [(revision, "healthy") for revision in pushed_]
    assert yard.live() == 4


def test_only_one_car_is_under_way_at_any_time(yard: Coursing, repository: Repository) -> None:
    pushed(repository, 3)
    course = yard.depart()

    def crowd() -> bool:
        return sum(not row.ended for row in yard.rows()) > 1

    while yard.course(course).state == "going":
        assert not crowd()
        yard.step()


def test_it_stops_at_the_first_car_that_does_not_become_healthy(yard: Coursing, repository: Repository) -> None:
    pushed_ = pushed(repository, 4, at="1", description=BAD)
    course = yard.depart()

    ended = yard.finished(course)

    assert ended.state == "stopped"
    assert ended.reason.startswith(f"car 2 of 4, {pushed_[1][:7]} by Alice, did not become healthy: ")
    assert ended.reason.endswith("2 cars stay behind")
    assert yard.of_course(course) == [(pushed_[0], "healthy"), (pushed_[1], "failed")]
    assert states(yard, course) == ["gone", "failed", "waiting", "waiting"]


def test_what_is_under_way_goes_on_when_a_person_stops_it(yard: Coursing, repository: Repository) -> None:
    pushed_ = pushed(repository, 3)
    course = yard.depart()
    yard.go_to(2, "bake")

    yard.courses.stop(course, BOB, yard.now, "lunch")
    ended = yard.finished(course)

    assert (ended.state, ended.reason) == ("stopped", "stopped by bob: lunch")
    assert yard.of_course(course) == [(pushed_[0], "healthy")]
    assert states(yard, course) == ["gone", "waiting", "waiting"]


def test_it_waits_while_the_lane_is_held_and_says_why(yard: Coursing, repository: Repository) -> None:
    pushed(repository, 2)
    with yard.jobs.transaction() as tx:
        yard.jobs.hold(tx, LANE, BOB, "look first", yard.now)
    course = yard.depart()
    yard.finished(course, timedelta(minutes=5))

    assert yard.course(course).way.waits == ("the lane is held: look first",)
    assert yard.of_course(course) == []

    yard.actions.let_go(CHECKOUT, PRODUCTION, ALICE, yard.now)
    assert yard.finished(course).state == "arrived"


def test_a_car_that_somebody_else_has_brought_out_has_gone(yard: Coursing, repository: Repository) -> None:
    pushed_ = pushed(repository, 4)
    by_hand = yard.deploy(pushed_[1])
    course = yard.depart()

    ended = yard.finished(course)

    assert ended.state == "arrived"
    assert yard.word(by_hand) == "replaced"
    assert yard.of_course(course) == [(revision, "healthy") for revision in pushed_[2:]]


def test_it_stops_when_somebody_goes_back(yard: Coursing, repository: Repository) -> None:
    pushed(repository, 3)
    course = yard.depart()
    yard.go_to(3, "bake")
    back = yard.rollback(1)
    yard.go(lambda: yard.word(back) == "healthy")
    ended = yard.finished(course, timedelta(minutes=5))

    assert ended.state == "stopped"
    assert yard.live() == 1


def test_a_commit_whose_ci_is_not_green_rides_with_the_next(yard: Coursing, repository: Repository) -> None:
    pushed_ = pushed(repository, 3)
    with yard.database.write() as session:
        statuses.say(session, 1, pushed_[1], "tests", ci.State.FAILURE, "2 failed", "", yard.now)
    course = yard.depart()
    yard.finished(course)

    assert [revision for revision, _ in yard.of_course(course)] == [pushed_[0], pushed_[2]]


@pytest.mark.parametrize("count", [0, 1])
def test_a_train_needs_two_cars(yard: Coursing, repository: Repository, count: int) -> None:
    pushed(repository, count)

    with pytest.raises(Error, match="needs no train"):
        yard.depart()


def test_asking_twice_is_asking_once_and_another_one_waits_until_it_is_stopped(
    yard: Coursing, repository: Repository
) -> None:
    pushed_ = pushed(repository, 3)
    course = yard.depart()

    again = yard.courses.depart(service(), PRODUCTION, "", BOB, yard.now)
    with pytest.raises(Error, match="is under way in production; stop it first"):
        yard.depart(pushed_[1])

    assert (again.id, again.already) == (course, True)


def test_a_commit_that_cannot_be_read_as_a_deploy_stops_the_train(yard: Coursing, repository: Repository) -> None:
    pushed(repository, 2, at="0", description="apiVersion: [broken")
    repository.commit(GOOD)
    course = yard.depart()

    ended = yard.finished(course)

    assert ended.state == "stopped"
    assert "cannot be deployed" in ended.reason


# Bisects.


def undone(yard: Coursing, revision: str = "") -> int:
    deploy = yard.deploy(revision)
    yard.go(lambda: yard.page(deploy).row.ended)
    assert yard.word(deploy) == "undone"
    return deploy


@pytest.mark.long
@pytest.mark.parametrize("culprit", range(5))
def test_a_bisect_finds_the_commit(yard: Coursing, repository: Repository, culprit: int) -> None:
    pushed_ = pushed(repository, 5, at=str(culprit), description=BAD)
    course = yard.bisect(undone(yard))

    ended = yard.finished(course)

    assert ended.state == "found"
    assert ended.reason == f"{pushed_[culprit][:7]} “Change number {culprit + 2}” by Alice"
    tries = yard.of_course(course)
    assert len(tries) <= most(5)
    assert {ending for _, ending in tries} <= {"good", "bad"}
    assert yard.live() == 1  # all as before
    assert yard.serving() == {1: 100.0}


def test_a_trial_gets_no_more_than_the_first_wave(yard: Coursing, repository: Repository) -> None:
    pushed(repository, 4, at="3", description=BAD)
    deploy = undone(yard)
    course = yard.bisect(deploy)
    most_seen = 0.0
    while yard.course(course).state == "going":
        most_seen = max([most_seen, *(share for release, share in yard.serving().items() if release != 1)])
        yard.step()

    way = yard.course(course).way
    assert isinstance(way, Hunt)
    assert most_seen == way.percent == 10


def test_a_commit_that_cannot_be_built_is_left_out(yard: Coursing, repository: Repository) -> None:
    texts = [None, UNBUILDABLE, GOOD, BAD, None]
    for text in texts:
        repository.commit(text)
    course = yard.bisect(undone(yard))

    ended = yard.finished(course)

    assert ended.state == "found"
    assert "Change number 5" in ended.reason


def test_it_says_between_which_commits_it_lies_when_it_cannot_say_more(yard: Coursing, repository: Repository) -> None:
    for text in (GOOD, UNBUILDABLE, UNBUILDABLE, BAD):
        repository.commit(text)
    course = yard.bisect(undone(yard))

    ended = yard.finished(course)

    assert ended.state == "unclear"
    assert "it is one of 3" in ended.reason
    assert suspects(yard, course).count("skipped") == 2


def test_stopping_its_trial_stops_the_bisect(yard: Coursing, repository: Repository) -> None:
    pushed(repository, 4, at="2", description=BAD)
    course = yard.bisect(undone(yard))
    yard.go_to(3, "bake")
    yard.abort(3)

    ended = yard.finished(course)

    assert ended.state == "stopped"
    assert len(yard.of_course(course)) == 1


def test_a_trial_is_not_asked_for_while_the_very_commit_goes_out_otherwise(
    yard: Coursing, repository: Repository
) -> None:
    pushed_ = pushed(repository, 4, at="2", description=BAD)
    deploy = undone(yard)
    by_hand = yard.deploy(pushed_[1])
    course = yard.bisect(deploy)

    ended = yard.finished(course)

    assert yard.word(by_hand) == "healthy"
    assert yard.of_course(course) == []
    assert (ended.state, ended.reason) == ("stopped", "something else serves now than what was good")


def test_it_is_refused_with_the_reason_where_nothing_is_to_be_found(yard: Coursing, repository: Repository) -> None:
    pushed(repository, 2)
    healthy = yard.deploy()
    yard.go()
    with pytest.raises(Error, match="it was not undone by itself"):
        yard.bisect(healthy)

    repository.commit(BAD)
    with pytest.raises(Error, match="it was one commit"):
        yard.bisect(undone(yard))


def test_it_is_refused_when_something_else_serves_by_now(yard: Coursing, repository: Repository) -> None:
    pushed(repository, 3, at="1", description=BAD)
    deploy = undone(yard)
    repository.commit(GOOD)
    yard.deploy()
    yard.go()

    with pytest.raises(Error, match="is not what was good before"):
        yard.bisect(deploy)


@pytest.mark.long
def test_a_bisect_and_then_a_train_on_either_engine(each_database: db.Database, repository: Repository) -> None:
    yard = Coursing(each_database, repository.mirrored)
    served_by(yard, repository, GOOD)
    pushed_ = pushed(repository, 3, at="1", description=BAD)
    found = yard.finished(yard.bisect(undone(yard)))
    train = yard.finished(yard.depart())

    assert (found.state, found.reason[:7]) == ("found", pushed_[1][:7])
    assert train.state == "stopped"
    assert yard.live() == 3


# Killed anywhere.


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> tuple[Repository, list[str]]:
    repository = Repository(tmp_path_factory.mktemp("history") / "checkout")
    first = repository.commit(described(CANARY, bake="1s"))
    bad = described(CANARY, bake="1s", fails={"*": "check"})
    return repository, [first, *(repository.commit(bad if number == 3 else None) for number in range(5))]


class Play:
    """One interleaving of people, a worker that dies at random commits, and the clock."""

    def __init__(self, seed: int, folder: Path, repository: Repository, revisions: list[str]) -> None:
        self.chance = random.Random(seed)
        self.revisions = revisions
        self.yard = Coursing(with_tables(db.sqlite(folder / f"{seed}.db")), repository.mirrored)
        self.count: Counter[str] = Counter()
        assert self.yard.deploy(revisions[0]) == 1
        self.yard.go()
        self.course = self._begun()

    def _begun(self) -> int:
        if self.chance.random() < 0.5:
            return self.yard.depart(self.revisions[-1])
        deploy = self.yard.deploy(self.revisions[-1])
        self.yard.go()
        return self.yard.bisect(deploy)

    def run(self) -> Counter[str]:
        acts = (self.work, self.die, self.tick, self.hold, self.abort, self.stop)
        for _ in range(60):
            act = self.chance.choices(acts, weights=(40, 12, 12, 3, 0.4, 0.3))[0]
            act()
            self.count[act.__name__] += 1
        with self.yard.jobs.transaction() as tx:
            self.yard.jobs.release(tx, LANE)
        self.yard.now += LEASE
        ended = self.yard.finished(self.course)
        self.count[f"{ended.kind} {ended.state}"] += 1
        self.check()
        self.yard.database.close()
        return self.count

    def work(self) -> None:
        self.yard.step()

    def die(self) -> None:
        """Claim, and die: at once, or at the first commit after that."""
        claim = self.yard.claim()
        if claim is None or self.chance.random() < 0.3:
            return
        jobs = self.yard.jobs
        finish = jobs.finish

        def dies(*arguments: object, **more: object) -> None:
            raise Killed

        jobs.finish = dies  # type: ignore[method-assign]
        try:
            self.yard.do(claim)
        except (Killed, Lost):
            self.count["killed"] += 1
        finally:
            jobs.finish = finish  # type: ignore[method-assign]

    def tick(self) -> None:
        self.yard.now += self.chance.choice((1, 2, 6, 61)) * timedelta(seconds=1)

    def hold(self) -> None:
        with self.yard.jobs.transaction() as tx:
            if self.yard.jobs.held(tx, [LANE]):
                self.yard.jobs.release(tx, LANE)
            else:
                self.yard.jobs.hold(tx, LANE, BOB, "look first", self.yard.now)

    def abort(self) -> None:
        for row in self.yard.rows():
            if not row.ended:
                self.yard.abort(row.id)
                return

    def stop(self) -> None:
        if self.yard.course(self.course).state == "going":
            self.yard.courses.stop(self.course, BOB, self.yard.now)

    def check(self) -> None:
        """Each commit had its deploy, once and in order, and all are accounted for in the course."""
        course, asked = self.yard.course(self.course), self.yard.of_course(self.course)
        assert course.state != "going"
        assert all(row.ended for row in self.yard.rows())
        if isinstance(course.way, Train):
            self.check_train(course.way, asked)
        else:
            self.check_bisect(course.way, asked)
            assert course.state != "found" or course.reason.startswith(self.revisions[4][:7])

    def check_train(self, way: Train, asked: list[tuple[str, str]]) -> None:
        assert [revision for revision, _ in asked] == self.revisions[1 : 1 + len(asked)]
        assert [ending for _, ending in asked[:-1]] == ["healthy"] * (len(asked) - 1)
        states = ["gone" if ending == "healthy" else "failed" for _, ending in asked]
        assert [car.state for car in way.cars if car.deploy is not None] == states

    def check_bisect(self, way: Hunt, asked: list[tuple[str, str]]) -> None:
        told = [revision for revision, ending in asked if ending in ("good", "bad")]
        assert len(told) == len(set(told)) <= most(5), f"tried twice: {asked}"
        assert sorted(told) == sorted(one.revision for one in way.suspects if one.verdict in ("good", "bad"))
        assert all(count <= TRIALS for count in Counter(revision for revision, _ in asked).values())
        assert self.yard.live() == 1


@pytest.mark.long
def test_random_interleavings_with_a_worker_that_dies_lose_and_double_no_deploy(
    tmp_path: Path, history: tuple[Repository, list[str]]
) -> None:
    count: Counter[str] = Counter()
    for seed in range(8):
        try:
            count += Play(seed, tmp_path, *history).run()
        except AssertionError as error:
            raise AssertionError(f"interleaving {seed}: {error}") from error

    assert count["killed"] > 20
    assert min(count[f"{kind} {state}"] for kind, state in (("train", "stopped"), ("bisect", "found"))) > 1
