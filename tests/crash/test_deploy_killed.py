"""A worker that is killed in the middle of a deploy: another brings it to its end, and nothing is done twice.

Here are the places where most is at stake; `./dev bench kills` tries every one, on both databases.
"""

import signal
from collections.abc import Iterator

import pytest

from ledger.jobs import LEASE
from tests.crash.deploys import (
    LIMIT,
    Company,
    Worker,
    facts,
    finished,
    has_ended,
    journal,
    killed,
    leases_run_out,
    undisturbed,
)
from tests.crash.killed_deployer import Where, until

CASES = [
    ("canary", "after bind"),
    ("canary", "committed attempt prepare"),
    ("canary", "before do start 1"),
    ("canary", "after do start 2"),
    ("canary", "after do weigh 1"),
    ("canary", "writing do weigh 3"),
    ("canary", "before do bake 2"),
    ("canary", "after do stop"),
    ("canary", "writing completed"),
    ("rollback", "after do start 1"),
    ("rollback", "writing do weigh 1"),
    ("rollback", "committed do stop"),
    ("bad", "after do bake 2"),
    ("bad", "before undo weigh"),
    ("bad", "after undo weigh"),
    ("bad", "committed undo drain"),
    ("bad", "writing undo stop"),
    ("bad", "before restored"),
]


def place(said: str) -> Where:
    point, _, round_ = said.partition(" ")
    return Where(point, round_)


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Company:
    return Company(tmp_path_factory.mktemp("company"))


@pytest.fixture(scope="module")
def postgres_company(tmp_path_factory: pytest.TempPathFactory, postgres_server: str) -> Iterator[Company]:
    made = Company(tmp_path_factory.mktemp("company"), postgres_server)
    yield made
    made.remove()


@pytest.mark.parametrize(("story", "where"), CASES, ids=[f"{story}, {where}" for story, where in CASES])
def test_wherever_a_worker_is_killed_the_next_one_finishes_and_does_nothing_twice(
    company: Company, story: str, where: str
) -> None:
    assert place(where) in company.wheres(story)

    assert killed(company, story, place(where)) < LIMIT


@pytest.mark.postgres
@pytest.mark.parametrize(("story", "where"), [CASES[4], CASES[10], CASES[14]])
def test_the_same_on_postgres(postgres_company: Company, story: str, where: str) -> None:
    assert killed(postgres_company, story, place(where)) < LIMIT


def test_every_step_has_its_four_places(company: Company) -> None:
    # bind, 15 steps attempted and done, completed; 6 for a rollback; back from the second wave by 3 steps
    assert len(company.wheres("canary")) == 4 * (1 + 2 * 15 + 1)
    assert len(company.wheres("rollback")) == 4 * (1 + 2 * 6 + 1)
    assert len(company.wheres("bad")) == 4 * (1 + 2 * 9 + 2 * 3 + 1)


def test_of_two_workers_the_other_takes_over_when_the_lease_ends(company: Company) -> None:
    expected = undisturbed(company, "canary")
    with company.copied() as house:
        asked, behind = company.ask(house, "canary")
        anna = Worker(company, house, "anna", Where("after", "do weigh 1", signal.SIGSTOP))
        bert = None
        try:
            until(anna.is_frozen, LIMIT, "the frost")
            bert = Worker(company, house, "bert")
            assert bert.is_ready()
            anna.end()
            took = finished(company, house, "canary", asked, behind)
        finally:
            anna.end()
            if bert is not None:
                bert.end()

        assert journal(house) == expected
    assert took < LEASE.total_seconds() + 30


@pytest.mark.parametrize("where", ["before do weigh 2", "after do start 2", "before do stop"])
def test_a_worker_that_was_frozen_and_wakes_later_changes_nothing(company: Company, where: str) -> None:
    expected = undisturbed(company, "canary")
    with company.copied() as house:
        asked, behind = company.ask(house, "canary")
        point, _, round_ = where.partition(" ")
        frozen = Worker(company, house, "anna", Where(point, round_, signal.SIGSTOP))
        bert = None
        try:
            until(frozen.is_frozen, LIMIT, "the frost")
            leases_run_out(house)  # the frozen one knows nothing of that and thinks that its own still holds
            bert = Worker(company, house, "bert")
            finished(company, house, "canary", asked, behind)
            before = (journal(house), facts(house, asked), house.deploy_of(asked))

            frozen.wake()

            assert frozen.learns_that_it_has_lost()
            assert (journal(house), facts(house, asked), house.deploy_of(asked)) == before
            assert has_ended(house, behind)
        finally:
            frozen.end()
            if bert is not None:
                bert.end()
        assert journal(house) == expected
