"""What pages, the API and the terminal show: words, places, ways back; and never a query per row."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session

from ledger.db import Database
from ledger.errors import Code, Error
from pipelines import query
from tests.conftest import NOON
from tests.rooms.deploying import (
    ALICE,
    BOB,
    CANARY,
    CHECKOUT,
    PRODUCTION,
    House,
    Repository,
    described,
    house,
    repository,
    served_by,
)

__all__ = ["house", "repository"]


def read(house: House, ask: Callable[[Session], Any]) -> Any:
    with house.database.read() as session:
        return ask(session)


@contextmanager
def statements(house: House) -> Iterator[list[str]]:
    """Collect every SELECT that is sent meanwhile."""
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("SELECT"):
            sent.append(statement)

    event.listen(house.database._reader, "before_cursor_execute", note)
    yield sent
    event.remove(house.database._reader, "before_cursor_execute", note)


def test_a_deploy_has_a_word_at_every_turn(house: House, repository: Repository) -> None:
    first = served_by(house, repository)
    assert house.word(first) == "healthy"
    second = house.deploy(repository.commit(described(CANARY)))
    assert house.word(second) == "queued"
    house.go_to(second, "probe")
    assert house.word(second) == "going out"
    house.go_to(second, "bake")
    assert house.word(second) == "baking"
    house.go()
    assert (house.word(first), house.word(second)) == ("replaced", "healthy")

    third = house.deploy(repository.commit(described(fails={"*": "check"})))
    house.go(lambda: house.word(third) == "undoing")
    house.go()
    assert house.word(third) == "undone"

    fourth = house.deploy(repository.commit(described(fails={"*": "undo"})))
    house.go_to(fourth, "bake")
    house.abort(fourth)
    house.go()
    assert house.word(fourth) == "stuck"
    assert {house.word(one) for one in (first, second, third, fourth)} <= set(query.WORDS)


def test_a_release_that_went_back_is_replaced_and_the_way_back_is_healthy(house: House, repository: Repository) -> None:
    first = served_by(house, repository)
    second = house.deploy(repository.commit(described()))
    house.go()
    back = house.rollback(1)
    house.go()

    assert [house.word(one) for one in (first, second, back)] == ["replaced", "replaced", "healthy"]


def test_the_row_of_a_canary_says_how_far_it_is(house: House, repository: Repository) -> None:
    served_by(house, repository)
    second = house.deploy(repository.commit(described(CANARY)))
    house.go_to(second, "bake", wave=2)

    row = house.page(second).row

    assert (row.percent, row.wave, row.waves, row.base, row.commits) == (50, 2, 3, 1, 1)
    assert (row.name, row.ended, row.actor) == ("checkout", False, ALICE)


def test_deploys_are_listed_newest_first_and_paged(house: House, repository: Repository) -> None:
    ids = [house.deploy(repository.commit(described()), actor=actor) for actor in (ALICE, BOB, ALICE)]

    def listed(**asked: Any) -> list[int]:
        return [row.id for row in read(house, lambda session: query.deploys(session, **asked))]

    assert listed() == ids[::-1]
    assert listed(limit=2) == [ids[2], ids[1]]
    assert listed(before=ids[1]) == [ids[0]]
    assert listed(actor=BOB) == [ids[1]]
    assert listed(service="component:default/basket") == []
    assert listed(environment=PRODUCTION, service=CHECKOUT) == ids[::-1]
    house.abort(ids[0])
    assert listed(running=False) == [ids[0]]
    assert listed(running=True) == [ids[2], ids[1]]
    assert listed(since=house.now) == ids[::-1]


def test_the_way_back_names_earlier_healthy_releases_newest_first(house: House, repository: Repository) -> None:
    for description in (described(), described(), described(fails={"*": "check"}), described()):
        house.deploy(repository.commit(description))
        house.go()
    assert house.live() == 4

    back = read(house, lambda session: query.way_back(session, CHECKOUT, PRODUCTION))

    assert [release.number for release in back] == [2, 1]
    assert back[0].subject == "Change number 2"
    assert len(read(house, lambda session: query.way_back(session, CHECKOUT, PRODUCTION, limit=1))) == 1
    assert read(house, lambda session: query.way_back(session, CHECKOUT, "staging")) == []


def test_a_summary_says_what_serves_what_goes_out_and_what_waits(house: House, repository: Repository) -> None:
    first = served_by(house, repository)
    second = house.deploy(repository.commit(described(CANARY)))
    house.go_to(second, "bake")
    house.deploy(repository.commit(described()))

    summary = read(house, query.summaries)[CHECKOUT, PRODUCTION]

    assert summary.live is not None
    assert (summary.live.release, summary.live.deploy_id) == (1, first)
    assert summary.running is not None
    assert (summary.running.id, summary.running.word) == (second, "baking")
    assert summary.last is not None
    assert summary.last.release == 3
    assert summary.queued == 1


def test_summaries_are_those_that_were_asked_for(house: House, repository: Repository) -> None:
    served_by(house, repository)

    assert set(read(house, lambda session: query.summaries(session, [CHECKOUT]))) == {(CHECKOUT, PRODUCTION)}
    assert read(house, lambda session: query.summaries(session, ["component:default/basket"])) == {}
    assert read(house, lambda session: query.summaries(session, [])) == {}


def test_more_deploys_and_services_ask_no_more_queries(house: House, repository: Repository) -> None:
    def asked() -> list[int]:
        counts = []
        for ask in (
            query.summaries,
            query.deploys,
            lambda session: query.lane_order(session, CHECKOUT, PRODUCTION),
            lambda session: query.way_back(session, CHECKOUT, PRODUCTION),
            lambda session: query.page(session, 1, house.jobs),
            lambda session: query.live_releases(session, CHECKOUT),
        ):
            with statements(house) as sent:
                read(house, ask)
            counts.append(len(sent))
        return counts

    served_by(house, repository)
    few = asked()
    for _ in range(3):
        house.deploy(repository.commit(described()))
    house.go_to(2, "bake")

    assert asked() == few
    assert few[0] <= 5
    assert max(few) <= 7


def test_every_list_can_be_read_from_both_databases(each_database: Database, repository: Repository) -> None:
    house = House(each_database, repository.mirrored)
    served_by(house, repository)
    for description in (described(), described(fails={"*": "check"}), described(fails={"*": "undo"})):
        bad = house.deploy(repository.commit(description))
        if "undo" in description:
            house.go_to(bad, "bake")
            house.abort(bad)
        house.go()
    waiting = house.deploy(repository.commit(described()))
    house.abort(house.deploy(repository.commit(described())))

    with each_database.read() as session:
        assert [row.word for row in query.deploys(session)] == [
            *("aborted", "queued", "stuck", "undone", "healthy", "replaced"),
        ]
        assert [row.id for row in query.deploys(session, since=NOON, running=True)] == [waiting]
        for word in ("healthy", "undone", "aborted", "stuck"):
            found = query.deploys(session, ended=word)
            assert {row.word for row in found} <= {word, "replaced"}
            assert found
        assert [row.id for row in query.stuck(session)] == [bad]
        assert [release.number for release in query.way_back(session, CHECKOUT, PRODUCTION)] == [1]
        assert [row.id for row in query.lane_order(session, CHECKOUT, PRODUCTION)] == [waiting]
        assert query.summaries(session)[CHECKOUT, PRODUCTION].queued == 1
        assert query.settings(session, CHECKOUT, PRODUCTION)["kind"] == "memory"
        assert query.page(session, waiting, house.jobs).place == 0
        assert query.live_releases(session, CHECKOUT)[PRODUCTION].release == 2


def test_no_list_reads_a_whole_plan(house: House, repository: Repository) -> None:
    served_by(house, repository)

    with statements(house) as sent:
        read(house, query.deploys)
        read(house, query.summaries)

    assert sent
    assert not [one for one in sent if "deploys.plan" in one or "deploys.spec" in one or "deploys.progress" in one]


def test_the_page_of_a_deploy_that_is_not_there_says_where_to_look(house: House) -> None:
    with pytest.raises(Error) as refused:
        house.page(99)

    assert (refused.value.code, refused.value.message) == (
        Code.NOT_FOUND,
        "there is no deploy 99; the list of all is at /deploys",
    )


def test_a_page_says_that_an_abort_has_been_ordered(house: House, repository: Repository) -> None:
    served_by(house, repository)
    second = house.deploy(repository.commit(described()))
    house.go_to(second, "bake")
    assert not house.page(second).abort_ordered

    house.abort(second)

    assert house.page(second).abort_ordered
    assert house.page(second).row.word == "baking"  # it is obeyed at the next look, which is at once


def test_what_is_stuck_stays_so_until_something_is_healthy_again(house: House, repository: Repository) -> None:
    def stuck() -> list[int]:
        return [row.id for row in read(house, query.stuck)]

    served_by(house, repository)
    bad = house.deploy(repository.commit(described(fails={"*": "undo"})))
    house.go_to(bad, "bake")
    never = house.deploy(repository.commit(described()))
    house.abort(never)  # in the queue: it has touched nothing
    house.abort(bad)
    house.go()
    assert stuck() == [bad]

    house.deploy(repository.commit(described()))
    house.go()
    assert stuck() == []


def test_nobody_has_to_look_for_a_deploy_to_go_on(house: House, repository: Repository) -> None:
    first = house.deploy(repository.commit(described()))
    with house.database.read() as session:
        query.page(session, first, house.jobs)
        house.go()  # a browser that is open, or closed in the middle, changes nothing

    assert house.word(first) == "healthy"


def test_what_serves_is_told_by_environment(house: House, repository: Repository) -> None:
    served_by(house, repository)

    lives = read(house, lambda session: query.live_releases(session, CHECKOUT))

    assert {environment: live.release for environment, live in lives.items()} == {PRODUCTION: 1}
