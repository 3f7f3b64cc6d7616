"""What a deploy that went back says about its release: quarantined when it was its doing, and not when a person's."""

from typing import Any

import pytest
from sqlalchemy.orm import Session

from ledger.db import Database
from pipelines import quarantine, store
from pipelines.deciding import TRIES
from pipelines.deploy import Deploy
from pipelines.store import Asked
from portal.afterwards import is_bad
from production.ports import Failed
from tests.rooms.deploying import (
    ALICE,
    CANARY,
    CHECKOUT,
    PRODUCTION,
    House,
    Repository,
    described,
    repository,
    served_by,
)

__all__ = ["repository"]

AWAY = Failed("the balancer does not answer")


class Strict(House):
    """The house that quarantines what was bad, as the portal has it."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.loop = type(self.loop)(**{**vars(self.loop), "ended": self.ended})

    def ended(self, session: Session, asked: Asked, deploy: Deploy) -> None:
        if is_bad(asked, deploy, store.load(session, deploy.id)[2]):
            revision = asked.release.revision
            quarantine.quarantine(
                session, asked.service, asked.environment, revision, deploy.reason, deploy.id, self.now
            )

    def quarantined(self) -> dict[str, str]:
        with self.database.read() as session:
            return {one.revision: one.reason for one in quarantine.active(session, CHECKOUT, PRODUCTION)}

    def gets_stuck(self, deploy: int) -> None:
        for _ in range(TRIES):
            self.fail_once["weigh"] = AWAY
            self.go(lambda: not self.fail_once)
        assert self.word(deploy) == "stuck"


@pytest.fixture
def house(database: Database, repository: Repository) -> Strict:
    return Strict(database, repository.mirrored)


def going_out(house: Strict, repository: Repository, **more: Any) -> tuple[int, str]:
    served_by(house, repository)
    revision = repository.commit(described(CANARY, **more))
    return house.deploy(), revision


def test_what_went_back_by_itself_is_quarantined_with_the_reason(house: Strict, repository: Repository) -> None:
    _, bad = going_out(house, repository, fails={"*": "check"})

    house.go()

    assert list(house.quarantined()) == [bad]
    assert house.quarantined()[bad].endswith("/healthz answered 503 in 1 ms")


def test_what_a_person_stopped_is_not(house: Strict, repository: Repository) -> None:
    deploy, _ = going_out(house, repository)
    house.go_to(deploy, "bake", wave=1)

    house.abort(deploy, ALICE)
    house.go()

    assert (house.word(deploy), house.quarantined()) == ("aborted", {})


def test_what_got_stuck_after_a_person_stopped_it_is_not(house: Strict, repository: Repository) -> None:
    deploy, _ = going_out(house, repository)
    house.go_to(deploy, "bake", wave=1)

    house.abort(deploy, ALICE)
    house.gets_stuck(deploy)

    assert house.quarantined() == {}


def test_what_got_stuck_after_it_failed_is(house: Strict, repository: Repository) -> None:
    deploy, bad = going_out(house, repository)
    house.go_to(deploy, "bake", wave=1)
    house.checker.bad_release, house.checker.bad_times = 2, 999

    house.gets_stuck(deploy)

    assert list(house.quarantined()) == [bad]


def test_what_was_never_touched_is_not(house: Strict, repository: Repository) -> None:
    metric = {"name": "errors", "query": "errors_ratio", "failureCondition": "result > 0.01"}
    deploy, _ = going_out(house, repository, analysis=[metric])

    house.go()

    assert (house.word(deploy), house.quarantined()) == ("undone", {})


def test_a_rollback_that_failed_says_nothing_about_what_it_went_back_to(house: Strict, repository: Repository) -> None:
    deploy, _ = going_out(house, repository)
    house.go()
    assert house.word(deploy) == "healthy"
    back = house.rollback(1)
    house.fail_once["weigh"] = AWAY

    house.go()

    assert (house.word(back), house.quarantined()) == ("undone", {})


def test_what_is_healthy_is_not(house: Strict, repository: Repository) -> None:
    deploy, _ = going_out(house, repository)

    house.go()

    assert (house.word(deploy), house.quarantined()) == ("healthy", {})
