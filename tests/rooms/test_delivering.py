"""Continuous delivery with a real repository, real deploys and a clock of its own: what is green goes out by itself."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
import yaml

from catalog.query import Service
from ledger import events
from ledger.errors import Error
from pipelines import decided, delivering, locks, quarantine, situations, statuses, store
from pipelines.ci import State
from pipelines.continuous import CONSIDER, ON_ITS_WAY, Nothing, Wait
from pipelines.decided import Decided
from pipelines.delivering import LOOK_AGAIN, Continuous
from pipelines.gates import Gate
from pipelines.planning import Planner
from pipelines.query import Row
from tests.conftest import NOON
from tests.rooms.deploying import BOB, CHECKOUT, PRODUCTION, SECOND, House, Repository, described, service
from tests.rooms.deploying import house as house
from tests.rooms.deploying import repository as repository

ALICE_WENT_BACK = "the lane is held: alice went back to 1"


@dataclass
class Delivery:
    """Checkout with `continuous: true`, and a CI that says at once what it is told to."""

    house: House
    repository: Repository
    service: Service
    continuous: Continuous

    def commit(self, state: str = "success", description: str | None = None, **files: str) -> str:
        revision = self.repository.commit(description or DESCRIBED, files)
        self.say(revision, state)
        return revision

    def say(self, revision: str, state: str, context: str = "tests") -> None:
        if state:
            with self.house.database.write() as session:
                statuses.say(session, 1, revision, context, State(state), "", "", self.house.now)

    def consider(self) -> Wait | Nothing:
        return self.continuous.consider(self.service, PRODUCTION, self.house.now)

    def settle(self) -> None:
        """Consider, let the worker do all it can, and consider again, until nothing more comes of it."""
        for _ in range(20):
            self.consider()
            if not self.open():
                return
            self.house.go()
        raise AssertionError("it goes on for ever")

    def rows(self) -> Sequence[Row]:
        """All deploys, oldest first."""
        with self.house.database.read() as session:
            ids = range(1, 30)
            found = []
            for number in ids:
                try:
                    store.load(session, number)
                except Error:
                    break
                found.append(self.house.page(number).row)
        return found

    def open(self) -> list[int]:
        return [row.id for row in self.rows() if not row.ended]

    def words(self) -> list[str]:
        return [row.word for row in self.rows()]

    def live(self) -> str:
        with self.house.database.read() as session:
            live = store.live(session, CHECKOUT, PRODUCTION)
        return live.revision if live else ""

    def last(self) -> Decided | None:
        with self.house.database.read() as session:
            return decided.last(session, CHECKOUT, PRODUCTION)

    def facts(self) -> list[str]:
        with self.house.database.read() as session:
            found = events.latest(session, kinds=[decided.KIND])
        return [one.data["word"] for one in reversed(found)]

    def quarantine(self, revision: str, deploy_id: int) -> None:
        with self.house.database.write() as session:
            quarantine.quarantine(session, CHECKOUT, PRODUCTION, revision, "5xx", deploy_id, self.house.now)


DESCRIBED = described(bake="0s", continuous=True)
FAILS = described(bake="0s", continuous=True, fails={"*": "check"})


def block(text: str) -> Any:
    return yaml.safe_load(text)["spec"]["deploy"]


@pytest.fixture
def delivery(house: House, repository: Repository) -> Delivery:
    made = Continuous(house.database, house.jobs, house.planner, house.actions)
    return Delivery(house, repository, replace(service(), deploy=block(DESCRIBED)), made)


def test_what_is_green_goes_out_by_itself_and_says_so(delivery: Delivery) -> None:
    revision = delivery.commit()

    assert delivery.consider() == Nothing(ON_ITS_WAY)
    (row,) = delivery.rows()
    assert (row.revision, row.actor, row.note) == (revision, "continuous", "tests passed")
    with delivery.house.database.read() as session:
        assert store.load(session, row.id)[0].terms.continuous
    assert delivery.last() == Decided("deploy", ("tests passed",), revision, None, None, row.id, NOON)
    delivery.house.go()
    assert delivery.consider() == Nothing("the newest commit serves")
    assert (delivery.live(), delivery.words()) == (revision, ["healthy"])
    assert delivery.facts() == ["deploy", "nothing"]


def test_asked_again_it_does_nothing_again(delivery: Delivery) -> None:
    delivery.commit()
    for _ in range(3):
        delivery.consider()

    assert len(delivery.rows()) == 1
    assert delivery.facts() == ["deploy"]


def test_it_waits_for_the_tests_and_says_since_when(delivery: Delivery) -> None:
    revision = delivery.commit("pending")
    delivery.house.now += timedelta(minutes=2)

    assert delivery.consider() == Wait((f"{revision[:7]}: tests is running",), revision, since=NOON)
    told = delivery.last()
    assert told is not None
    assert (told.word, told.since) == ("wait", NOON)
    delivery.say(revision, "success")
    delivery.settle()
    assert delivery.live() == revision


@pytest.mark.parametrize(("state", "why"), [("failure", "tests failed"), ("", "no CI has said anything")])
def test_what_is_not_green_stays(delivery: Delivery, state: str, why: str) -> None:
    revision = delivery.commit(state)
    delivery.settle()

    assert delivery.consider() == Wait((f"{revision[:7]}: {why}",), revision, NOON if state else None)
    assert delivery.rows() == []


def test_the_newest_green_one_goes_and_takes_the_others_along(delivery: Delivery) -> None:
    delivery.commit("failure")
    green = delivery.commit()
    delivery.commit("pending")
    delivery.settle()

    assert delivery.live() == green
    assert [row.note for row in delivery.rows()] == ["tests passed; takes 1 earlier commit along"]


def test_what_waits_is_superseded_by_what_is_newer_and_what_is_under_way_goes_on(delivery: Delivery) -> None:
    delivery.commit()
    delivery.consider()
    delivery.house.go_to(1, "probe")
    delivery.commit()
    delivery.consider()
    newest = delivery.commit()
    delivery.consider()

    assert [(row.word, row.reason) for row in delivery.rows()[1:]] == [("aborted", "superseded by #3"), ("queued", "")]
    delivery.settle()
    assert delivery.words() == ["replaced", "aborted", "healthy"]
    assert delivery.live() == newest


def test_what_a_person_asked_for_is_never_taken_out_of_the_queue(delivery: Delivery) -> None:
    delivery.commit()
    delivery.consider()
    delivery.house.go_to(1, "probe")
    hers = delivery.house.deploy(delivery.commit())
    delivery.commit()
    delivery.consider()
    delivery.consider()

    assert delivery.open() == [1, hers, 3]
    delivery.settle()
    assert delivery.words() == ["replaced", "replaced", "healthy"]


def test_what_has_begun_meanwhile_is_not_taken_out(delivery: Delivery) -> None:
    delivery.commit()
    delivery.consider()
    delivery.house.go_to(1, "probe")

    delivery.continuous._take_out(delivery.service, PRODUCTION, 1, "superseded by #2", delivery.house.now)
    delivery.house.go()
    assert delivery.words() == ["healthy"]


def test_what_is_red_meanwhile_is_taken_out(delivery: Delivery) -> None:
    delivery.commit()
    delivery.consider()
    delivery.house.go_to(1, "probe")
    second = delivery.commit()
    delivery.consider()
    delivery.house.now += SECOND
    delivery.say(second, "failure")

    delivery.consider()
    assert [(row.word, row.reason) for row in delivery.rows()[1:]] == [
        ("aborted", "taken out of the queue: tests failed")
    ]


def test_a_failed_one_is_not_tried_again_by_itself_and_a_newer_one_is(delivery: Delivery) -> None:
    good = delivery.commit()
    delivery.settle()
    bad = delivery.commit(description=FAILS)
    delivery.settle()

    assert (delivery.live(), delivery.words()) == (good, ["healthy", "undone"])
    left = delivery.consider()
    assert isinstance(left, Wait)
    assert left.revision == bad
    assert left.why[0].startswith(f"{bad[:7]}: deploy #2 of it ended undone: ")
    assert left.why[1] == "it waits for a newer green commit, or for a person"
    mended = delivery.commit()
    delivery.settle()
    assert delivery.live() == mended


def test_a_quarantined_one_stays_and_nothing_older_goes_instead(delivery: Delivery) -> None:
    good = delivery.commit()
    delivery.settle()
    delivery.commit()
    bad = delivery.commit()
    delivery.quarantine(bad, 1)

    delivery.settle()
    assert delivery.live() == good
    with delivery.house.database.write() as session:
        quarantine.lift(session, CHECKOUT, PRODUCTION, bad, BOB, delivery.house.now)
    delivery.settle()
    assert delivery.live() == bad


def test_a_lifted_quarantine_gives_one_more_attempt(delivery: Delivery) -> None:
    delivery.commit()
    delivery.settle()
    bad = delivery.commit(description=FAILS)
    delivery.settle()
    delivery.quarantine(bad, 2)
    with delivery.house.database.write() as session:
        quarantine.lift(session, CHECKOUT, PRODUCTION, bad, BOB, delivery.house.now)
    delivery.settle()
    delivery.settle()

    assert delivery.words() == ["healthy", "undone", "undone"]


def test_what_was_bad_in_another_environment_does_not_go_here(delivery: Delivery) -> None:
    bad = delivery.commit()
    with delivery.house.database.write() as session:
        quarantine.quarantine(session, CHECKOUT, "staging", bad, "5xx", 9, NOON)

    left = delivery.consider()
    assert isinstance(left, Wait)
    assert left.why[0] == f"{bad[:7]}: it was bad in staging, in deploy #9: 5xx"


def test_it_is_held_when_a_person_goes_back_and_does_not_go_forward_to_what_was_left(delivery: Delivery) -> None:
    first = delivery.commit()
    delivery.settle()
    delivery.commit()
    delivery.settle()
    delivery.house.rollback(1)
    delivery.settle()

    assert delivery.live() == first
    assert delivery.consider() == Wait((ALICE_WENT_BACK,), until=delivery.house.now + LOOK_AGAIN)
    delivery.house.actions.let_go(CHECKOUT, PRODUCTION, BOB, delivery.house.now)
    delivery.settle()
    assert delivery.live() == first
    left = delivery.consider()
    assert isinstance(left, Wait)
    assert left.why[0].endswith("it served since deploy #2, and was rolled back")
    newer = delivery.commit()
    delivery.settle()
    assert delivery.live() == newer


def test_what_a_person_took_out_of_the_queue_stays_out(delivery: Delivery) -> None:
    delivery.commit()
    delivery.consider()
    delivery.house.abort(1, reason="not today")
    delivery.settle()

    assert delivery.words() == ["aborted"]


def test_a_train_or_a_bisect_has_the_environment_for_itself(delivery: Delivery) -> None:
    delivery.commit()
    busy = replace(delivery.continuous, busy=lambda session, of, environment: f"train 4 of {environment} is under way")

    assert busy.consider(delivery.service, PRODUCTION, NOON) == Wait(
        ("train 4 of production is under way",), until=NOON + LOOK_AGAIN
    )


def test_what_the_gates_say_is_why_it_waits_and_it_asks_again(delivery: Delivery) -> None:
    revision = delivery.commit()
    planner = Planner(delivery.house.database, delivery.house.jobs, delivery.house.planner.mirror, frozenset())
    refused = replace(delivery.continuous, planner=planner)

    for _ in range(2):
        left = refused.consider(delivery.service, PRODUCTION, delivery.house.now)
        delivery.house.now += timedelta(seconds=30)
    assert left == Wait(
        ("No such target here: this portal has no target of kind memory",),
        revision,
        until=NOON + timedelta(seconds=30) + LOOK_AGAIN,
    )
    assert delivery.rows() == []
    assert delivery.facts() == ["wait"]  # the next look is no news


def test_a_lock_is_why_it_waits_and_when_it_lapses_it_goes(delivery: Delivery) -> None:
    revision = delivery.commit()
    lapses = NOON + timedelta(hours=2)
    with delivery.house.database.write() as session:
        locks.lock(session, CHECKOUT, None, "release week", BOB, NOON, expires_at=lapses)

    left = delivery.consider()
    assert isinstance(left, Wait)
    assert "release week" in left.why[0]
    assert (left.revision, left.until) == (revision, lapses)
    delivery.house.now = lapses
    delivery.settle()
    assert delivery.live() == revision


def test_the_rules_of_the_environment_say_which_checks_count(delivery: Delivery) -> None:
    strict = described(bake="0s", continuous=True, gates={"ci": {"require": ["lint"], "allow_failures": ["tests"]}})
    delivery.service = replace(delivery.service, deploy=block(strict))
    revision = delivery.commit("failure", strict)

    left = delivery.consider()
    assert isinstance(left, Wait)
    assert left.why == (f"{revision[:7]}: nothing has been said by lint",)
    delivery.say(revision, "success", "lint")
    delivery.settle()
    assert delivery.live() == revision


def test_it_looks_again_when_the_first_gate_opens() -> None:
    minute = timedelta(minutes=1)
    gates = [
        Gate("bad", "Locked", "", "lock", until=NOON + 9 * minute),
        Gate("bad", "Closed", "", "hours", until=NOON + 4 * minute),
        Gate("bad", "Needs a yes", "", "approval"),
        Gate("good", "Open", "", "hours", until=NOON + minute),
        Gate("bad", "Was closed", "", "hours", until=NOON),
    ]

    assert delivering._until(gates, NOON) == NOON + 4 * minute
    assert delivering._until(gates[2:], NOON) is None


def test_a_file_that_cannot_be_deployed_by_is_why_it_waits(delivery: Delivery) -> None:
    delivery.commit()
    wrong = block(DESCRIBED)
    wrong["environments"][PRODUCTION]["strategi"] = "all-at-once"
    delivery.service = replace(delivery.service, deploy=wrong)

    assert delivery.consider() == Wait(
        ("catalog-info.yaml cannot be deployed by: it has 1 problem",), until=NOON + LOOK_AGAIN
    )


def test_a_revision_whose_own_file_is_broken_is_refused_with_its_reasons(delivery: Delivery) -> None:
    revision = delivery.commit(description="a: [")
    left = delivery.consider()

    assert isinstance(left, Wait)
    assert (left.revision, left.until) == (revision, NOON + LOOK_AGAIN)
    assert "catalog-info.yaml:" in left.why[0]


@pytest.mark.parametrize(
    ("deploy", "found"),
    [
        (None, []),
        ({}, []),
        ({"environments": None}, []),
        ({"environments": ["a"]}, []),
        ({"environments": {"a": None, "b": {}, "c": {"continuous": "yes"}, "d": {"continuous": 1}}}, []),
        (
            {"environments": {"a": {"continuous": True}, "b": {"continuous": False}, 3: {"continuous": True}}},
            ["a", "3"],
        ),
    ],
)
def test_only_who_says_true_gets_it(deploy: Any, found: list[str]) -> None:
    assert situations.environments(replace(service(), deploy=deploy)) == found


def test_where_nobody_asked_for_it_nothing_is_said(delivery: Delivery) -> None:
    delivery.commit()
    delivery.service = replace(delivery.service, deploy=block(described()))

    assert delivery.consider() == Nothing("nobody asked for continuous delivery")
    assert (delivery.rows(), delivery.last()) == ([], None)


def test_a_merge_is_one_commit_and_its_branch_is_never_taken_alone(delivery: Delivery) -> None:
    delivery.commit()
    delivery.settle()
    git = delivery.repository.git
    git("checkout", "-q", "-b", "topic")
    topic = delivery.commit(files="topic")
    git("checkout", "-q", "main")
    delivery.commit("failure")
    git("merge", "-q", "-s", "ours", "-m", "Merge topic", "topic")
    merge = delivery.repository.mirror()
    delivery.say(topic, "success")

    left = delivery.consider()
    assert isinstance(left, Wait)
    assert left.revision == merge
    delivery.say(merge, "success")
    delivery.settle()
    assert delivery.live() == merge


def test_what_serves_from_a_branch_is_passed_only_by_what_contains_it(delivery: Delivery) -> None:
    delivery.commit()
    git = delivery.repository.git
    git("checkout", "-q", "-b", "topic")
    topic = delivery.commit("")
    git("checkout", "-q", "main")
    delivery.house.deploy(topic)
    delivery.house.go()
    green = delivery.commit()

    left = delivery.consider()
    assert isinstance(left, Wait)
    assert left.why == (f"{green[:7]}: it does not contain what serves now",)
    git("merge", "-q", "-s", "ours", "-m", "Merge topic", "topic")
    merge = delivery.repository.mirror()
    delivery.say(merge, "success")
    delivery.settle()
    assert delivery.live() == merge


def test_a_branch_that_was_pushed_anew_waits_for_a_person(delivery: Delivery) -> None:
    first = delivery.commit()
    delivery.settle()
    delivery.repository.git("commit", "-q", "--amend", "-m", "Another story")
    other = delivery.repository.mirror()
    delivery.say(other, "success")

    left = delivery.consider()
    assert isinstance(left, Wait)
    assert left.why == (f"{other[:7]}: it does not contain what serves now",)
    assert delivery.live() == first


def test_it_is_one_job_per_service_and_environment(delivery: Delivery) -> None:
    jobs = delivery.house.jobs
    for _ in range(2):
        with jobs.transaction() as tx:
            delivery.continuous.ask(tx, CHECKOUT, PRODUCTION, NOON)

    claim = jobs.claim("worker", [CONSIDER], NOON)
    assert claim is not None
    assert delivering.parted(claim.key) == (CHECKOUT, PRODUCTION)
    assert jobs.claim("worker", [CONSIDER], NOON) is None
