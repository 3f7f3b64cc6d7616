"""What stays warm after a blue-green deploy: it ends when its time is over, in its turn, and is in nobody's way."""

from datetime import timedelta

import pytest

from ledger import events
from ledger.db import Database
from ledger.jobs import LEASE, Claim
from pipelines.cooling import AGAIN, COOL, LATER, Cooling
from pipelines.deciding import TRIES
from pipelines.jobs import ADVANCE
from production.ports import Failed
from tests.rooms.deploying import LANE, House, Repository, described, repository

__all__ = ["repository"]

BLUE = {"blue-green": True}
KEPT = timedelta(minutes=10)  # when nothing is said
KINDS = [ADVANCE, LATER, COOL]


class Warm(House):
    """The house with what keeps releases warm; its worker does all three kinds of job."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.cooling = Cooling(self.database, self.jobs, self.loop.ports.targets, self.clock)
        ended = lambda session, asked, deploy: self.cooling.ended(session, asked, deploy, self.clock())  # noqa: E731
        self.loop = type(self.loop)(**{**vars(self.loop), "ended": ended})

    def taken(self, kind: str) -> Claim:
        claim = self.jobs.claim("worker", [kind], self.now)
        assert claim is not None
        return claim

    def cools(self) -> None:
        """Let the time for which the old release stays warm pass, and do what is due then."""
        self.now += KEPT
        self.cooling.later(self.taken(LATER))
        while (claim := self.jobs.claim("worker", [COOL], self.now)) is not None:
            self.cooling.cool(claim)

    def cooled(self) -> int:
        with self.database.read() as session:
            found = events.latest(session, subject=f"lane:{LANE}", limit=100)
        return sum(fact.kind == "release.cooled" for fact in found)


@pytest.fixture
def house(database: Database, repository: Repository) -> Warm:
    return Warm(database, repository.mirrored)


@pytest.fixture
def deployed(house: Warm, repository: Repository) -> Warm:
    """Release 2 serves, release 1 is warm."""
    for _ in range(2):
        repository.commit(described(BLUE, bake="0s"))
        house.deploy()
        house.go()
    assert house.running() == {1: 4, 2: 4}
    return house


def test_the_old_release_runs_on_until_its_time_is_over(deployed: Warm) -> None:
    assert deployed.jobs.due([LATER], deployed.now) == deployed.now + KEPT

    deployed.cools()

    assert (deployed.running(), deployed.serving(), deployed.cooled()) == ({2: 4}, {2: 100.0}, 1)
    assert deployed.jobs.due(KINDS, deployed.now) is None


def test_the_next_deploy_ends_what_is_still_warm_before_it_begins(deployed: Warm, repository: Repository) -> None:
    repository.commit(described(BLUE, bake="0s"))
    ran: dict[str, dict[int, int]] = {}

    def note(method: str) -> None:
        ran.setdefault(method, deployed.running())

    deployed.before = note

    deployed.deploy()
    deployed.go()

    assert (ran["stop"], ran["prepare"]) == ({1: 4, 2: 4}, {2: 4})
    assert deployed.running() == {2: 4, 3: 4}


def test_going_back_to_what_is_warm_starts_nothing(deployed: Warm) -> None:
    deployed.rollback(1)
    deployed.go()

    assert (deployed.running(), deployed.serving()) == ({1: 4}, {1: 100.0})
    acts = [what for method, what in deployed.target.journal(deployed.site()) if method == "start"]
    assert acts == [[1, 4], [2, 4]]


def test_somebody_may_go_back_while_the_old_release_is_being_ended(deployed: Warm) -> None:
    deployed.now += KEPT
    deployed.cooling.later(deployed.taken(LATER))
    claim = deployed.taken(COOL)

    back = deployed.rollback(1)
    deployed.cooling.cool(claim)
    deployed.go()

    assert deployed.word(back) == "healthy"
    assert (deployed.running(), deployed.serving()) == ({1: 4}, {1: 100.0})


def test_what_could_not_be_ended_is_tried_again_and_not_said_to_be_over(deployed: Warm) -> None:
    deployed.now += KEPT
    deployed.cooling.later(deployed.taken(LATER))
    deployed.fail_once["stop"] = Failed("the machine does not answer", permanent=False)

    deployed.cooling.cool(deployed.taken(COOL))
    assert (deployed.running(), deployed.cooled()) == ({1: 4, 2: 4}, 0)

    with deployed.jobs.transaction() as tx:
        assert not deployed.jobs.queue(tx, LANE), "what fails must not keep the lane"
    deployed.now += AGAIN
    deployed.cooling.later(deployed.taken(LATER))
    deployed.cooling.cool(deployed.taken(COOL))
    assert (deployed.running(), deployed.cooled()) == ({2: 4}, 1)


def get_stuck(house: Warm, repository: Repository) -> None:
    """Have a third release fail, which keeps the traffic, for the way back does not work either."""
    repository.commit(described(BLUE, bake="10s"))
    third = house.deploy()
    house.go_to(third, "bake")
    house.abort(third)
    for _ in range(TRIES):
        house.fail_once["weigh"] = Failed("the balancer does not answer")
        house.go(lambda: not house.fail_once)
    assert (house.word(third), house.serving()) == ("stuck", {3: 100.0})


def test_where_a_deploy_is_stuck_nothing_is_ended_for_it_may_be_what_serves(
    deployed: Warm, repository: Repository
) -> None:
    get_stuck(deployed, repository)

    deployed.cools()

    assert (deployed.running()[3], deployed.serving(), deployed.cooled()) == (4, {3: 100.0}, 0)


def test_what_a_stuck_deploy_has_left_ends_with_the_next_that_is_healthy_and_the_base_stays_warm(
    deployed: Warm, repository: Repository
) -> None:
    get_stuck(deployed, repository)
    before: list[dict[int, int]] = []
    deployed.before = lambda method: before.append(deployed.running()) if method in ("weigh", "drain") else None

    repository.commit(described(BLUE, bake="0s"))
    mended = deployed.deploy()
    deployed.go()

    assert before == [{2: 4, 3: 4, 4: 4}] * 2, "it served until the new one did"
    assert deployed.word(mended) == "healthy"
    assert (deployed.running(), deployed.serving()) == ({2: 4, 4: 4}, {4: 100.0})
    deployed.cools()
    assert (deployed.running(), deployed.cooled()) == ({4: 4}, 1)


def test_what_goes_back_after_a_stuck_deploy_has_nothing_but_the_base_running(
    deployed: Warm, repository: Repository
) -> None:
    get_stuck(deployed, repository)
    repository.commit(described(BLUE, bake="10s"))
    fourth = deployed.deploy()
    deployed.go_to(fourth, "bake")
    deployed.fail_once["stop"] = Failed("the machine does not answer", permanent=False)
    deployed.go_to(fourth, "tidy", wave=1)

    deployed.abort(fourth)
    deployed.go()

    assert deployed.word(fourth) == "aborted"
    assert (deployed.running(), deployed.serving()) == ({2: 4}, {2: 100.0})


def test_a_worker_that_died_while_it_cooled_is_followed_by_another(deployed: Warm) -> None:
    deployed.now += KEPT
    deployed.cooling.later(deployed.taken(LATER))
    first = deployed.taken(COOL)

    deployed.now += LEASE
    deployed.cooling.cool(deployed.taken(COOL))

    assert not deployed.jobs.holds(first)
    assert (deployed.running(), deployed.cooled()) == ({2: 4}, 1)


def test_a_deploy_that_goes_out_makes_the_job_of_the_one_before_do_nothing(deployed: Warm) -> None:
    deployed.now += KEPT
    deployed.rollback(1)
    deployed.go()

    deployed.cooling.later(deployed.taken(LATER))

    assert deployed.jobs.due(KINDS, deployed.now) is None
    assert deployed.cooled() == 0


def test_what_a_newer_deploy_keeps_warm_is_not_ended_with_the_older(deployed: Warm, repository: Repository) -> None:
    began = deployed.now
    deployed.now += KEPT * 0.9
    repository.commit(described(BLUE, bake="0s"))
    deployed.deploy()
    deployed.go()
    until = deployed.now + KEPT

    deployed.now = began + KEPT
    deployed.cooling.later(deployed.taken(LATER))

    assert deployed.jobs.due([LATER, COOL], deployed.now) == until
    assert (deployed.running(), deployed.cooled()) == ({2: 4, 3: 4}, 0)
    deployed.now = until - KEPT
    deployed.cools()
    assert (deployed.running(), deployed.cooled()) == ({3: 4}, 1)


def test_nothing_is_ended_while_a_deploy_is_under_way(deployed: Warm, repository: Repository) -> None:
    repository.commit(described({"canary": [10, 100]}, bake="1h", keep="0s"))
    third = deployed.deploy()
    deployed.go_to(third, "bake", wave=1)
    deployed.now += KEPT

    deployed.cooling.later(deployed.taken(LATER))

    assert deployed.jobs.claim("worker", [COOL], deployed.now) is None
    assert deployed.running()[1] == 4
