"""A release under its visitors' eyes: what they get decides whether it goes on, asks a person, or goes back.

The loop, the memory target and real jobs; visitors come as the test's clock goes on, and fail as often as it says.
"""

from datetime import datetime, timedelta
from typing import Any

import pytest

from ledger.db import Database
from pipelines import traffic
from pipelines.deploy import State
from production.ports import Share
from tests.rooms.deploying import CHECKOUT, PRODUCTION, House, Repository, described, repository, served_by

__all__ = ["repository"]
pytestmark = pytest.mark.long  # a minute or more of looks each

CANARY = {"canary": [10, 50, 100], "bake": "30s"}
SELDOM = [{"http": "/healthz", "passes": 1, "every": "5s", "deadline": "10s"}]
MINUTE = timedelta(minutes=1)


class Busy(House):
    """The house with visitors: `each_second` of them, of whom `failing` (per release) get an error; evenly spread."""

    is_copied = False  # counts since its beginning
    each_second: float = 0.0
    failing: dict[int, float]
    served: datetime
    rest: dict[tuple[int, str], float]

    def __post_init__(self) -> None:
        super().__post_init__()
        self.failing, self.rest, self.served = {}, {}, self.now

    def work(self) -> bool:
        self.visit()
        return super().work()

    def visit(self) -> None:
        """Let those come who came since the last time, to whom the traffic goes."""
        seconds, self.served = (self.now - self.served).total_seconds(), self.now
        for release, percent in self.serving().items():
            requests = self._whole(release, "requests", self.each_second * seconds * percent / 100)
            errors = self._whole(release, "errors", requests * self.failing.get(release, 0.0))
            if requests:
                self.target.serve(self.site(), release, requests, errors)

    def _whole(self, release: int, what: str, more: float) -> int:
        whole, self.rest[release, what] = divmod(round(self.rest.get((release, what), 0.0) + more, 6), 1)
        return int(whole)

    def answered(self, release: int) -> tuple[int, int]:
        return next(
            (share.requests, share.errors) for share in self.target.shares(self.site()) if share.release == release
        )

    def counted_an_hour(self, requests: int, errors: int) -> None:
        """Remember an hour of minutes before now, each with that many."""
        with self.database.write() as session:
            for minute in range(61):
                share = Share(1, 100, 0, minute * requests, minute * errors)
                traffic.counted(session, CHECKOUT, PRODUCTION, [share], self.now - (60 - minute) * MINUTE)

    def reason(self, deploy_id: int) -> str:
        return self.page(deploy_id).row.reason

    def said(self, deploy_id: int) -> list[str]:
        """Return what each step that has ended said, the way back included."""
        return [took.said for took in self.deploy_of(deploy_id).story]


@pytest.fixture
def house(database: Database, repository: Repository) -> Busy:
    return Busy(database, repository.mirrored)


def going_out(house: Busy, repository: Repository, strategy: Any = CANARY, **more: Any) -> int:
    """Release 1 serves; ask for release 2."""
    served_by(house, repository)
    house.served = house.now
    repository.commit(described(strategy, **{"checks": SELDOM, **more}))
    return house.deploy()


# Beside each other.


def test_errors_of_a_canary_put_it_back_and_the_reason_has_the_numbers(house: Busy, repository: Repository) -> None:
    house.each_second, house.failing = 50, {1: 0.002, 2: 0.04}
    bad = going_out(house, repository)

    house.go()

    assert (house.word(bad), house.live(), house.serving()) == ("undone", 1, {1: 100.0})
    assert house.reason(bad) == "6 errors in 150 requests against 3 in 1,350, e = 240 ≥ 100"
    assert house.deploy_of(bad).proof.verdict == "fail"


def test_a_canary_as_good_as_the_old_one_ends_healthy_with_its_numbers(house: Busy, repository: Repository) -> None:
    house.each_second, house.failing = 50, {1: 0.002, 2: 0.002}
    good = going_out(house, repository)

    house.go()

    assert (house.word(good), house.live()) == ("healthy", 2)
    assert house.reason(good) == house.deploy_of(good).proof.said
    assert " errors in " in house.reason(good)
    assert " requests against " in house.reason(good)
    assert " < 100" in house.reason(good)
    assert house.deploy_of(good).proof.verdict == "pass"


def test_every_wave_is_weighed_and_what_the_first_has_seen_is_not_forgotten(
    house: Busy, repository: Repository
) -> None:
    house.each_second, house.failing = 40, {1: 0.0, 2: 0.02}  # too few errors for the first wave alone
    bad = going_out(house, repository)

    house.go()

    deploy = house.deploy_of(bad)
    assert house.word(bad) == "undone"
    assert deploy.proof.points[0].percent == 10
    assert deploy.proof.points[-1].percent == 50
    assert deploy.proof.evidence.canary_requests > 120  # those of the first wave, too


def test_what_is_worse_only_under_more_traffic_is_put_back_from_there(house: Busy, repository: Repository) -> None:
    house.each_second = 50
    bad = going_out(house, repository)
    house.go_to(bad, "bake", wave=2)
    house.failing = {2: 0.05}

    house.go()

    assert (house.word(bad), house.serving()) == ("undone", {1: 100.0})
    assert "errors in " in house.reason(bad)


@pytest.mark.parametrize("inconclusive", ["go-on", "pause"])
def test_with_too_little_traffic_it_goes_on_or_asks_as_the_file_says(
    house: Busy, repository: Repository, inconclusive: str
) -> None:
    house.each_second = 1
    deploy = going_out(house, repository, judge={"inconclusive": inconclusive})

    house.go(lambda: house.deploy_of(deploy).pause is not None)

    after = house.deploy_of(deploy)
    if inconclusive == "go-on":
        assert house.word(deploy) == "healthy"
        assert house.reason(deploy).startswith("not enough data: ")
    else:
        assert (after.state, after.percent) == (State.PAUSED, 10)
        assert after.pause is not None
        assert after.pause.asks == "inconclusive"
        assert after.pause.why.startswith(
            "watched 30 s at 10 %, every check passed on 1 instance, but nobody can tell yet: not enough data: 3 of ab"
        )


def test_without_any_visitor_it_says_that_nothing_was_counted(house: Busy, repository: Repository) -> None:
    deploy = going_out(house, repository)

    house.go()

    assert (house.word(deploy), house.reason(deploy)) == ("healthy", "not enough data: nothing was counted yet")


def test_a_service_that_always_fails_as_often_is_not_put_back_for_it(house: Busy, repository: Repository) -> None:
    house.each_second, house.failing = 50, {1: 0.2, 2: 0.2}
    deploy = going_out(house, repository)

    house.go()

    assert house.word(deploy) == "healthy"


def test_a_proxy_that_is_started_anew_meanwhile_puts_nobody_back(house: Busy, repository: Repository) -> None:
    house.each_second, house.failing = 50, {1: 0.002, 2: 0.002}
    deploy = going_out(house, repository)
    house.go_to(deploy, "bake", wave=2)
    house.go(lambda: len(house.deploy_of(deploy).proof.points) > 8)
    before = house.deploy_of(deploy).proof.evidence

    for release in (1, 2):
        requests, errors = house.answered(release)
        house.target.serve(house.site(), release, -requests, -errors)
    house.go()

    after = house.deploy_of(deploy).proof.evidence
    assert house.word(deploy) == "healthy"
    assert after.canary_requests > before.canary_requests
    assert after.baseline_requests > before.baseline_requests


def test_nobody_judges_where_the_file_says_so(house: Busy, repository: Repository) -> None:
    house.each_second, house.failing = 50, {2: 1.0}
    deploy = going_out(house, repository, judge=False)

    house.go()

    assert (house.word(deploy), house.reason(deploy)) == ("healthy", "")


def test_visitors_are_counted_often_where_checks_are_asked_seldom(house: Busy, repository: Repository) -> None:
    house.each_second, house.failing = 50, {2: 0.5}
    seldom = [SELDOM[0] | {"every": "10m", "deadline": "20m"}]
    bad = going_out(house, repository, {"canary": [10, 100], "bake": "1h"}, checks=seldom)
    house.go_to(bad, "bake")
    began = house.now

    house.go(lambda: house.deploy_of(bad).state is State.UNDOING)

    assert house.now - began <= timedelta(seconds=20)


def test_the_worst_share_is_a_limit_of_its_own(house: Busy, repository: Repository) -> None:
    house.each_second, house.failing = 50, {1: 0.0, 2: 0.3}
    never = {"alpha": 1e-300, "tolerance": 10, "worst": 25}
    bad = going_out(house, repository, {"canary": [10, 100], "bake": "5m"}, judge=never)

    house.go()

    assert house.word(bad) == "undone"
    assert house.reason(bad).endswith("% is more than 25 %")


# Alone.


def test_all_at_once_is_weighed_against_the_hour_before(house: Busy, repository: Repository) -> None:
    served_by(house, repository)
    house.counted_an_hour(requests=600, errors=1)
    house.served, house.each_second, house.failing = house.now, 10, {2: 0.03}
    repository.commit(described(bake="2m", checks=SELDOM))
    bad = house.deploy()

    house.go()

    assert house.deploy_of(bad).plan is not None
    assert (house.word(bad), house.live()) == ("undone", 1)
    assert " against 30 in 18,000, e = " in house.reason(bad)  # half of the hour for one of two minutes
    assert house.reason(bad).endswith(" ≥ 100; at 100 % against the time before the deploy")


def test_all_at_once_and_as_good_as_the_hour_before_is_healthy(house: Busy, repository: Repository) -> None:
    served_by(house, repository)
    house.counted_an_hour(requests=600, errors=6)
    house.served, house.each_second, house.failing = house.now, 10, {2: 0.01}
    repository.commit(described(bake="2m", checks=SELDOM))
    good = house.deploy()

    house.go()

    assert house.word(good) == "healthy"
    assert house.reason(good).endswith(" < 100; at 100 % against the time before the deploy")
    told = house.deploy_of(good).proof.evidence
    assert (told.baseline_requests, told.baseline_errors) == (36_000, 360)


def test_a_preview_asks_nobody_for_it_can_have_no_visitors(house: Busy, repository: Repository) -> None:
    house.each_second = 50
    served_by(house, repository)
    house.counted_an_hour(requests=3_000, errors=3)
    house.served = house.now
    asks = {"inconclusive": "pause"}
    repository.commit(described({"blue-green": {"preview": "30s"}}, bake="1m", checks=SELDOM, judge=asks))
    deploy = house.deploy()

    house.go()

    assert house.word(deploy) == "healthy"
    assert house.said(deploy)[4] == "watched 30 s at 0 %, every check passed on 4 instances"


# On the way back.


def test_what_serves_again_is_watched_for_a_moment_and_said_with_its_numbers(
    house: Busy, repository: Repository
) -> None:
    house.each_second, house.failing = 50, {2: 0.5}
    bad = going_out(house, repository)
    house.go(lambda: house.deploy_of(bad).state is State.UNDOING)
    began = house.now

    house.go()

    assert house.word(bad) == "undone"
    assert house.said(bad)[-1] == "1 serves again, 0 errors in 250 requests, 4 instances fine"
    assert house.now - began <= timedelta(seconds=10)


def test_an_old_release_that_is_bad_by_now_is_told_to_a_person(house: Busy, repository: Repository) -> None:
    house.each_second, house.failing = 50, {2: 0.5}
    bad = going_out(house, repository)
    house.go(lambda: house.deploy_of(bad).state is State.UNDOING)
    house.failing = {1: 0.5}  # what both of them need has failed

    house.go()

    assert house.word(bad) == "stuck"
    assert house.reason(bad).startswith("1 serves again, but is bad, too: ")
    assert house.reason(bad).endswith(" requests, 50.0 % is more than 5 %")


def test_an_old_release_that_recovers_is_not_stuck(house: Busy, repository: Repository) -> None:
    house.each_second, house.failing = 50, {2: 0.5}
    bad = going_out(house, repository)
    house.go(lambda: house.deploy_of(bad).state is State.UNDOING)
    house.failing = {1: 0.5}
    began = house.now
    house.go(lambda: house.now >= began + timedelta(seconds=20))
    house.failing = {}

    house.go()

    assert house.word(bad) == "undone"


def test_an_old_release_that_was_no_better_before_is_fine(house: Busy, repository: Repository) -> None:
    house.each_second, house.failing = 50, {1: 0.2, 2: 0.9}
    bad = going_out(house, repository)

    house.go()

    assert (house.word(bad), house.live()) == ("undone", 1)


# Without checks.


def test_without_checks_it_goes_back_for_its_errors_and_does_not_look_without_a_pause(
    house: Busy, repository: Repository
) -> None:
    house.each_second, house.failing = 50, {2: 0.5}
    bad = going_out(house, repository, checks=[])
    house.go(lambda: house.deploy_of(bad).state is State.UNDOING)
    house.failing = {1: 0.5}

    house.go()  # raises when it looks again and again without the clock going on

    assert house.word(bad) == "stuck"
