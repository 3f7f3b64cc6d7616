"""A worker that is killed in the middle of a deploy: another brings it to its end, and nothing is done twice.

Here are the places where most is at stake; `./dev bench kills` tries every one, on both databases.
"""

import signal
from collections.abc import Callable, Iterator

import pytest

from tests.crash.company import Company
from tests.crash.deploys import Case, Worker, facts, has_ended, killed, leases_run_out, undisturbed
from tests.crash.houses import KINDS
from tests.crash.killed_deployer import LIMIT, Where, until
from tests.crash.stories import STORIES

CASES = [
    ("canary", "after bind"),
    ("canary", "after do start 2"),
    ("canary", "writing do weigh 3"),
    ("canary", "after do stop"),
    ("rollback", "writing do weigh 1"),
    ("bad", "after do bake 2"),
    ("bad", "writing undo stop"),
    ("paused", "writing paused"),
    ("paused", "before resumed"),
    ("paused back", "committed wait"),
    ("trial", "after tried"),
    ("blue", "after do tidy"),
    ("blue", "writing do weigh 1"),
    ("blue bad", "before undo weigh"),
    ("blue rollback", "after do weigh 1"),
    ("cooling", "writing cool"),
    ("command", "during do weigh 1, with all that it has begun"),
    ("command blue", "after do start 1, with all that it has begun"),
    ("command bad", "during undo stop"),
]
ON_POSTGRES = [("canary", "after do weigh 1"), ("bad", "after undo weigh"), ("command", "during do weigh 2")]


def place(said: str) -> Where:
    told, _, everything = said.partition(", with ")
    point, _, round_ = told.partition(" ")
    return Where(point, round_, all=bool(everything))


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Company]:
    """A company by the kind of its house."""
    made: dict[str, Company] = {}

    def of(kind: str) -> Company:
        if kind not in made:
            made[kind] = Company(tmp_path_factory.mktemp(kind), kind=kind)
        return made[kind]

    return of


@pytest.fixture(scope="module")
def postgres_company(
    tmp_path_factory: pytest.TempPathFactory, postgres_server: str
) -> Iterator[Callable[[str], Company]]:
    """The same on PostgreSQL."""
    made: dict[str, Company] = {}

    def of(kind: str) -> Company:
        if kind not in made:
            made[kind] = Company(tmp_path_factory.mktemp(kind), postgres_server, kind)
        return made[kind]

    yield of
    for one in made.values():
        one.remove()


@pytest.mark.long
@pytest.mark.parametrize(("story", "where"), CASES, ids=[f"{story}, {where}" for story, where in CASES])
def test_wherever_a_worker_is_killed_the_other_one_finishes_and_does_nothing_twice(
    company: Callable[[str], Company], story: str, where: str
) -> None:
    made = company(STORIES[story].house)
    assert place(where) in made.wheres(story)

    assert killed(made, story, place(where), two=True) < LIMIT


@pytest.mark.long
@pytest.mark.parametrize("where", ["before do bake 2", "writing completed"])
def test_a_worker_that_is_started_afterwards_finishes_as_well(company: Callable[[str], Company], where: str) -> None:
    assert killed(company("plain"), "canary", place(where)) < LIMIT


@pytest.mark.long
@pytest.mark.postgres
@pytest.mark.parametrize(("story", "where"), ON_POSTGRES)
def test_the_same_on_postgres(postgres_company: Callable[[str], Company], story: str, where: str) -> None:
    assert killed(postgres_company(STORIES[story].house), story, place(where), two=True) < LIMIT


@pytest.mark.long
@pytest.mark.parametrize(
    ("story", "rounds"),
    [  # a step is attempted and done, a pause is told, waited for, and resumed; bind, and completed or restored
        ("canary", 1 + 2 * 15 + 1),
        ("rollback", 1 + 2 * 6 + 1),
        ("bad", 1 + 2 * 9 + 2 * 4 + 1),
        ("paused", 1 + 2 * 11 + 3 + 1),
        ("paused back", 1 + 2 * 5 + 3 + 2 * 4 + 1),
        ("trial", 1 + 2 * 5 + 1 + 2 * 4 + 1),
        ("blue", 1 + 2 * 8 + 1),
        ("blue bad", 1 + 2 * 7 + 2 * 4 + 1),
    ],
)
def test_every_step_has_its_places(company: Callable[[str], Company], story: str, rounds: int) -> None:
    wheres = company(STORIES[story].house).wheres(story)

    assert len({where.round for where in wheres}) == rounds
    assert len(wheres) == 4 * rounds - any(where.round == "wait" for where in wheres)


def test_every_kind_of_house_has_a_story() -> None:
    assert {story.house for story in STORIES.values()} == set(KINDS)


@pytest.mark.long
def test_of_two_workers_the_other_takes_over_when_the_lease_ends(company: Callable[[str], Company]) -> None:
    made = company("plain")
    expected = undisturbed(made, "canary")
    with made.copied() as house:
        case = Case(made, house, STORIES["canary"]).begins()
        anna = Worker(made, house, "anna", Where("after", "do weigh 1", signal.SIGSTOP))
        bert = None
        try:
            until(anna.is_frozen, LIMIT, "the frost")
            bert = Worker(made, house, "bert")
            assert bert.is_ready()
            anna.end()
            case.finished()
        finally:
            anna.end()
            if bert is not None:
                bert.end()

        assert house.journal() == expected


@pytest.mark.long
@pytest.mark.parametrize("where", ["before do weigh 2", "before do stop"])
def test_a_worker_that_was_frozen_and_wakes_later_changes_nothing(
    company: Callable[[str], Company], where: str
) -> None:
    made = company("plain")
    expected = undisturbed(made, "canary")
    with made.copied() as house:
        case = Case(made, house, STORIES["canary"]).begins()
        point, _, round_ = where.partition(" ")
        frozen = Worker(made, house, "anna", Where(point, round_, signal.SIGSTOP))
        bert = None
        try:
            until(frozen.is_frozen, LIMIT, "the frost")
            leases_run_out(house)  # the frozen one knows nothing of that and thinks that its own still holds
            bert = Worker(made, house, "bert")
            case.finished()
            before = (house.journal(), facts(house, case.asked), house.deploy_of(case.asked))

            frozen.wake()

            assert frozen.learns_that_it_has_lost()
            assert (house.journal(), facts(house, case.asked), house.deploy_of(case.asked)) == before
            assert has_ended(house, case.behind)
        finally:
            frozen.end()
            if bert is not None:
                bert.end()
        assert house.journal() == expected
