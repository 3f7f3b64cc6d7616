"""What doors may ask for, and what they are refused: with real git, real jobs, both databases where it matters."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import func, select

from ledger import events
from ledger.db import Database
from ledger.errors import Code, Error
from pipelines import query
from pipelines.plan import StepKind
from pipelines.tables import DeployRow, OrderRow, ReleaseRow
from tests.rooms.deploying import (
    ALICE,
    BOB,
    CANARY,
    CHECKOUT,
    LANE,
    PRODUCTION,
    House,
    Repository,
    described,
    house,
    repository,
    served_by,
    service,
)

__all__ = ["house", "repository"]


def count(house: House, table: Any) -> int:
    with house.database.read() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def refused(act: Callable[[], object]) -> Error:
    with pytest.raises(Error) as found:
        act()
    return found.value


# Seeing a plan.


def test_a_preview_says_what_would_happen_and_changes_nothing(house: House, repository: Repository) -> None:
    served_by(house, repository)
    revision = repository.commit(described(CANARY), {"poetry.lock": "a\nb\n"})

    seen = house.planner.preview(service(), PRODUCTION, "", house.now)

    assert (seen.plan.release.number, seen.plan.release.revision) == (2, revision)
    assert seen.plan.release.subject == "Change number 2"
    assert seen.plan.base is not None
    assert seen.plan.base.number == 1
    assert [commit.sha for commit in seen.plan.change.commits] == [revision]
    assert seen.plan.change.touches == ("dependency", "config")
    assert seen.blocked == ()
    assert seen.head
    assert (count(house, DeployRow), count(house, ReleaseRow)) == (1, 1)


def test_steps_are_expected_to_take_as_long_as_they_did_lately(house: House, repository: Repository) -> None:
    served_by(house, repository, described(takes="7s"))
    repository.commit(described())

    steps = house.planner.preview(service(), PRODUCTION, "", house.now).plan.steps

    assert next(step for step in steps if step.kind is StepKind.START).expected.total_seconds() >= 7


def test_an_older_revision_is_shown_as_going_back(house: House, repository: Repository) -> None:
    old = repository.commit(described())
    served_by(house, repository)

    seen = house.planner.preview(service(), PRODUCTION, old, house.now)

    assert "This goes back or sideways" in [gate.title for gate in seen.gates]
    assert seen.plan.change.back
    assert not seen.head


def test_a_branch_that_was_pushed_anew_can_be_deployed_over_what_git_has_forgotten(
    house: House, repository: Repository
) -> None:
    served_by(house, repository)
    repository.git("checkout", "-q", "--orphan", "anew")
    repository.commit(described())
    repository.git("branch", "-M", "anew", "main")
    repository.mirror()
    repository.git("--git-dir", str(repository.mirrored), "reflog", "expire", "--all", "--expire=now")
    repository.git("--git-dir", str(repository.mirrored), "gc", "-q", "--prune=now")

    second = house.deploy("main")
    house.go()

    assert house.word(second) == "healthy"


@pytest.mark.parametrize(
    ("revision", "code"),
    [
        ("--upload-pack=touch /tmp/owned", Code.INVALID),
        ("-n", Code.INVALID),
        ("HEAD~1..HEAD", Code.INVALID),
        ("a b", Code.INVALID),
        ("x" * 300, Code.INVALID),
        ("no-such-branch", Code.NOT_FOUND),
        ("0" * 40, Code.NOT_FOUND),
    ],
)
def test_a_revision_that_is_none_is_refused_with_a_sentence(
    house: House, repository: Repository, revision: str, code: Code
) -> None:
    repository.commit(described())

    error = refused(lambda: house.deploy(revision))

    assert error.code is code
    assert "revision" in error.message
    assert count(house, DeployRow) == 0


def test_an_unknown_environment_is_named_with_those_there_are(house: House, repository: Repository) -> None:
    repository.commit(described())

    error = refused(lambda: house.planner.preview(service(), "staging", "", house.now))

    assert error.code is Code.NOT_FOUND
    assert error.message == "checkout has no environment 'staging'; it has production"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("kind: Component\nmetadata: {name: checkout}\nspec: {type: service}\n", "has no spec.deploy"),
        ("kind: Component\nmetadata: {name: basket}\n", "has no spec.deploy"),
        ("kind: Component\nmetadata: [checkout]\nspec: nonsense\n", "has no spec.deploy"),
        ("kind: [\n", "cannot be deployed by: mend it and push"),
        (described().replace("strategy", "stratgy"), "cannot be deployed by: mend it and push"),
        ("", "has no spec.deploy"),
    ],
)
def test_a_file_that_cannot_be_deployed_by_says_so(house: House, repository: Repository, text: str, words: str) -> None:
    repository.commit(text)

    error = refused(lambda: house.deploy())

    assert error.code is Code.INVALID
    assert words in error.message
    assert error.message.startswith("catalog-info.yaml at ")


def test_every_problem_of_the_file_is_a_reason(house: House, repository: Repository) -> None:
    repository.commit(described(bake="soon").replace("strategy", "stratgy"))

    reasons = refused(lambda: house.deploy()).reasons

    assert len(reasons) == 2
    assert all(reason.startswith("catalog-info.yaml:") for reason in reasons)


def test_the_spec_of_that_very_revision_counts(house: House, repository: Repository) -> None:
    old = repository.commit(described(CANARY))
    repository.commit("broken: [")

    house.deploy(old)
    house.go()

    assert house.live() == 1


def test_a_target_that_is_not_here_is_refused(house: House, repository: Repository) -> None:
    repository.commit(described())
    house.actions = replace(house.actions, planner=replace(house.planner, target_kinds=frozenset({"local"})))

    error = refused(lambda: house.deploy())

    assert error.code is Code.CONFLICT
    assert error.reasons == ("No such target here: this portal has no target of kind memory",)


# Deploying.


def test_pressing_twice_gets_the_same_deploy(house: House, repository: Repository) -> None:
    repository.commit(described())

    first = house.actions.deploy(service(), PRODUCTION, "", ALICE, house.now)
    second = house.actions.deploy(service(), PRODUCTION, "main", BOB, house.now)

    assert (first.already, second.already) == (False, True)
    assert first.id == second.id
    assert count(house, DeployRow) == 1


def test_a_release_keeps_its_number(house: House, repository: Repository) -> None:
    served_by(house, repository)
    revision = repository.commit(described(fails={"*": "check"}))
    for _ in range(2):
        house.deploy(revision)
        house.go()

    with house.database.read() as session:
        numbers = [row.release for row in query.deploys(session)]
    assert numbers == [2, 2, 1]


def at_once(acts: list[Callable[[], Any]]) -> list[Any]:
    """Do all of that at the same time; return what came of each, in order."""
    gate = threading.Barrier(len(acts))

    def act(one: Callable[[], Any]) -> Any:
        gate.wait(60)
        try:
            return one()
        except Error as error:
            return error

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(act, acts))


def test_people_who_press_at_once_get_one_deploy(each_database: Database, repository: Repository) -> None:
    house = House(each_database, repository.mirrored)
    repository.commit(described())

    started = at_once([lambda who=who: house.deploy(actor=f"user:default/{who}") for who in range(6)])  # type: ignore[misc]

    assert len(set(started)) == 1
    assert (count(house, DeployRow), count(house, ReleaseRow)) == (1, 1)


def test_two_revisions_at_once_get_two_numbers_and_go_one_after_the_other(
    each_database: Database, repository: Repository
) -> None:
    house = House(each_database, repository.mirrored)
    revisions = [repository.commit(described()) for _ in range(4)]

    started = at_once([lambda sha=sha: house.deploy(sha) for sha in revisions])  # type: ignore[misc]
    with house.database.read() as session:
        waiting = [row.id for row in query.lane_order(session, CHECKOUT, PRODUCTION)]
    with house.jobs.transaction() as tx:
        queue = [int(job.key) for job in house.jobs.queue(tx, LANE)]
    house.go()

    assert sorted(started) == sorted(waiting)
    assert queue == waiting  # what people see is the order in which they go
    with house.database.read() as session:
        assert sorted(row.release for row in query.deploys(session)) == [1, 2, 3, 4]


def test_an_abort_and_the_worker_at_once_never_wait_for_one_another(
    each_database: Database, repository: Repository
) -> None:
    house = House(each_database, repository.mirrored)
    for _ in range(5):
        repository.commit(described(checks=[], bake="0s"))
        asked = house.deploy()
        claim = house.claim()
        assert claim is not None

        came = at_once([lambda one=claim: house.loop.advance(one), lambda one=asked: house.abort(one)])  # type: ignore[misc]
        house.now = house.now.replace(second=house.now.second + 6)  # a lease that was lost has ended
        house.go()

        assert not [one for one in came if isinstance(one, Exception) and not isinstance(one, Error)]
        word = house.word(asked)
        assert word in ("aborted", "healthy")  # the worker may have been through already
        assert (word == "aborted") is (count(house, OrderRow) > 0 and house.page(asked).abort_ordered)


# Going back.


def three_releases(house: House, repository: Repository) -> None:
    for _ in range(3):
        repository.commit(described(CANARY, bake="1s"))
        house.deploy()
        house.go()
    assert house.live() == 3


def test_a_rollback_goes_to_any_release_that_was_healthy_all_at_once(house: House, repository: Repository) -> None:
    three_releases(house, repository)

    back = house.rollback(1)
    house.go()

    row = house.page(back).row
    assert (row.word, row.rollback, row.release, row.base, row.waves) == ("healthy", True, 1, 3, 1)
    assert (house.live(), house.serving(), house.running()) == (1, {1: 100.0}, {1: 4})


def test_a_rollback_jumps_the_queue_stops_what_goes_out_and_holds_what_waits(
    house: House, repository: Repository
) -> None:
    three_releases(house, repository)
    fourth = house.deploy(repository.commit(described(CANARY)))
    house.go_to(fourth, "bake", wave=2)
    fifth = house.deploy(repository.commit(described()))

    back = house.rollback(2, note="errors since noon")
    assert [row.id for row in house.page(back).queue] == [fourth, back, fifth]
    house.go()

    assert [house.word(one) for one in (fourth, back, fifth)] == ["aborted", "healthy", "queued"]
    assert house.page(fourth).row.reason == "rolled back to 2"
    hold = house.page(fifth).hold
    assert hold is not None
    assert (hold.by, hold.reason) == (ALICE, "alice went back to 2: errors since noon")
    assert house.live() == 2

    house.actions.let_go(CHECKOUT, PRODUCTION, BOB, house.now)
    house.go()
    assert (house.word(fifth), house.live()) == ("healthy", 5)
    assert house.page(fifth).hold is None


def test_a_rollback_stops_what_is_being_bound_this_very_moment(house: House, repository: Repository) -> None:
    three_releases(house, repository)
    fourth = house.deploy(repository.commit(described()))
    claim = house.claim()  # it has begun, and nothing is written yet
    assert claim is not None

    back = house.rollback(2)
    house.loop.advance(claim)
    house.go()

    assert [house.word(one) for one in (fourth, back)] == ["aborted", "healthy"]
    assert house.live() == 2


def test_a_rollback_is_not_swallowed_by_a_deploy_of_the_same_release_that_waits(
    house: House, repository: Repository
) -> None:
    three_releases(house, repository)
    with house.database.read() as session:
        first = next(row.revision for row in query.deploys(session) if row.release == 1)
    fourth = house.deploy(repository.commit(described()))
    house.go_to(fourth, "bake")
    slow = house.deploy(first, actor=BOB)

    back = house.actions.rollback(service(), PRODUCTION, 1, ALICE, house.now)

    assert not back.already
    assert back.id != slow
    again = house.actions.rollback(service(), PRODUCTION, 1, BOB, house.now)
    assert (again.id, again.already) == (back.id, True)


def test_a_rollback_runs_with_the_spec_of_its_own_time(house: House, repository: Repository) -> None:
    repository.commit(described(CANARY, bake="1s").replace("instances: 4", "instances: 3"))
    house.deploy()
    house.go()
    repository.commit(described())
    house.deploy()
    house.go()
    assert house.running() == {2: 4}

    house.rollback(1)
    house.go()

    assert house.running() == {1: 3}


def test_there_is_no_way_back_to_what_was_never_healthy(house: House, repository: Repository) -> None:
    three_releases(house, repository)
    repository.commit(described(fails={"*": "check"}))
    house.deploy()
    house.go()

    error = refused(lambda: house.rollback(4))

    assert error.code is Code.CONFLICT
    assert error.message == "release 4 of checkout has never been healthy in production; choose one that has"


def test_there_is_no_way_back_to_what_serves(house: House, repository: Repository) -> None:
    three_releases(house, repository)

    error = refused(lambda: house.rollback(3))

    assert error.reasons == ("Nothing to do: release 3 serves already",)
    with house.database.read() as session:
        assert house.jobs.held(session, [LANE]) == {}  # a refused rollback holds nothing


def test_the_plan_of_a_rollback_can_be_seen_before(house: House, repository: Repository) -> None:
    three_releases(house, repository)

    seen = house.planner.preview_rollback(service(), PRODUCTION, 1, house.now)

    assert seen.plan.rollback
    assert seen.plan.change.back
    assert len(seen.plan.change.commits) == 2
    assert seen.blocked == ()


def test_a_rollback_that_is_aborted_leaves_what_served(house: House, repository: Repository) -> None:
    three_releases(house, repository)
    back = house.rollback(1)
    house.before = lambda method: house.abort(back) if method == "stop" else None

    house.go()

    assert (house.word(back), house.live(), house.serving()) == ("aborted", 3, {3: 100.0})


# Letting go, stopping, measuring.


def test_a_lane_that_nobody_holds_cannot_be_let_go(house: House) -> None:
    error = refused(lambda: house.actions.let_go(CHECKOUT, PRODUCTION, ALICE, house.now))

    assert (error.code, error.message) == (
        Code.CONFLICT,
        f"nothing of {CHECKOUT} in production is held; it goes on already",
    )


def test_holding_and_letting_go_are_facts(house: House, repository: Repository) -> None:
    three_releases(house, repository)
    house.rollback(1)
    house.actions.let_go(CHECKOUT, PRODUCTION, BOB, house.now)

    with house.database.read() as session:
        facts = [(fact.kind, fact.actor) for fact in events.latest(session, subject=f"lane:{LANE}")]
    assert facts == [("lane.let_go", BOB), ("lane.held", ALICE)]


def test_there_is_no_deploy_to_abort(house: House) -> None:
    error = refused(lambda: house.abort(99))

    assert (error.code, error.message) == (Code.NOT_FOUND, "there is no deploy 99")


def test_two_people_who_abort_at_once_give_one_order(each_database: Database, repository: Repository) -> None:
    house = House(each_database, repository.mirrored)
    served_by(house, repository)
    repository.commit(described())
    second = house.deploy()
    house.go_to(second, "bake")

    at_once([lambda who=who: house.abort(second, who, f"said {who}") for who in (ALICE, BOB)])  # type: ignore[misc]
    house.go()

    assert house.word(second) == "aborted"
    assert count(house, OrderRow) == 1


def test_what_waits_to_go_out_is_measured_once_per_move(house: House, repository: Repository) -> None:
    served_by(house, repository)
    revision = repository.commit(described())

    assert house.planner.measure([service()], house.now)
    assert not house.planner.measure([service()], house.now)

    with house.database.read() as session:
        waiting = query.summaries(session)[CHECKOUT, PRODUCTION].waiting
        moving = query.waiting_change(session, CHECKOUT, PRODUCTION)
    assert waiting is not None
    assert (waiting.head, waiting.commits) == (revision, 1)
    assert moving is not None
    assert [commit.subject for commit in moving.commits] == ["Change number 2"]


def test_after_a_deploy_nothing_waits(house: House, repository: Repository) -> None:
    served_by(house, repository)

    house.planner.measure([service()], house.now)

    with house.database.read() as session:
        waiting = query.summaries(session)[CHECKOUT, PRODUCTION].waiting
    assert waiting is not None
    assert waiting.commits == 0
