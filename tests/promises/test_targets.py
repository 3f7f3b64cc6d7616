"""What every target promises, tried on each of them: the memory first, then the real one on this machine.

A promise is a sentence about the port (production/ports.py): a new target is done when this suite passes for it.
"""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from ledger.errors import Code, Error
from production.ports import Counting, Done, Failed, Progress, Site
from production.targets.command import CommandTarget
from production.targets.local import LocalTarget
from tests.promises.commandstage import command_stage, ended
from tests.promises.stage import DIES, Stage, local_stage, memory_stage, settled

METHODS = ("prepare", "start", "weigh", "drain", "stop")


@pytest.fixture(scope="session")
def local(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[Stage]:
    made = local_stage(tmp_path_factory.mktemp("local"), worker_id)
    yield made
    assert isinstance(made.target, LocalTarget)
    made.target.shutdown()


@pytest.fixture(scope="session")
def command(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("command")
    yield command_stage(folder)
    ended(folder)


@pytest.fixture(
    params=[
        "memory",
        "memory in a file",
        pytest.param("local", marks=pytest.mark.local),
        pytest.param("command", marks=pytest.mark.long),
    ],
)
def stage(request: pytest.FixtureRequest, tmp_path: Path) -> Stage:
    if request.param in ("local", "command"):
        made: Stage = request.getfixturevalue(request.param)
        return made
    return memory_stage(tmp_path / "memory.json" if request.param == "memory in a file" else None)


def act(stage: Stage, site: Site, method: str, fence: int) -> Progress:
    """One of the steps that put release 2 in the place of release 1."""
    target, release = stage.target, stage.release(2)
    acts: dict[str, Callable[[], Progress]] = {
        "prepare": lambda: target.prepare(site, release, fence),
        "start": lambda: target.start(site, release, 2, fence),
        "weigh": lambda: target.weigh(site, {1: 90, 2: 10}, fence),
        "drain": lambda: target.drain(site, 2, fence),
        "stop": lambda: target.stop(site, 2, fence),
    }
    return settled(acts[method])


def test_a_first_release_gets_an_address_and_all_the_traffic(stage: Stage) -> None:
    site = stage.site()
    assert (stage.target.instances(site), stage.target.shares(site), stage.target.address(site)) == ([], [], None)

    stage.live(site, 1)

    assert [(one.name, one.state) for one in stage.target.instances(site)] == [
        (f"{site.name.partition('@')[0]}-1-1", "up"),
        (f"{site.name.partition('@')[0]}-1-2", "up"),
    ]
    assert [(share.release, share.percent) for share in stage.target.shares(site)] == [(1, 100.0)]
    assert (stage.target.address(site) or "").startswith("http://127.0.0.1:")


def test_starting_gives_no_traffic(stage: Stage) -> None:
    site = stage.site()
    stage.live(site, 1)

    assert isinstance(stage.started(site, 2, 2), Done)

    assert [(share.release, share.percent) for share in stage.target.shares(site)] == [(1, 100.0), (2, 0.0)]


@pytest.mark.parametrize("method", METHODS)
def test_doing_it_twice_is_doing_it_once(stage: Stage, method: str) -> None:
    site = stage.site()
    stage.live(site, 1)
    for step in METHODS[: METHODS.index(method) + 1]:
        assert isinstance(act(stage, site, step, 2), Done)
    before = stage.seen(site)

    again = [act(stage, site, method, 2), act(stage, site, method, 3)]  # the same worker, and one that took over

    assert [type(answer) for answer in again] == [Done, Done]
    assert stage.seen(site) == before


@pytest.mark.parametrize("method", METHODS)
def test_an_older_worker_changes_nothing(stage: Stage, method: str) -> None:
    site = stage.site()
    stage.live(site, 1, fence=7)
    for step in METHODS[: METHODS.index(method)]:
        act(stage, site, step, 7)
    before = stage.seen(site)

    with pytest.raises(Error) as refused:
        act(stage, site, method, 6)

    assert refused.value.code is Code.CONFLICT
    assert stage.seen(site) == before


def test_every_release_gets_the_percentage_it_is_given_and_others_none(stage: Stage) -> None:
    site = stage.site()
    stage.live(site, 1, instances=3)
    stage.started(site, 2, 2, instances=1)

    for percents in ({1: 99.0, 2: 1.0}, {1: 90.0, 2: 10.0}, {1: 50.0, 2: 50.0}, {2: 100.0}, {1: 100.0}):
        assert isinstance(settled(lambda percents=percents: stage.target.weigh(site, percents, 2)), Done)
        shares = {share.release: share.percent for share in stage.target.shares(site)}
        assert shares == pytest.approx({1: 0.0, 2: 0.0} | percents, abs=0.05)


def test_who_counts_tells_of_each_site_what_its_releases_have_answered(stage: Stage) -> None:
    if not isinstance(stage.target, Counting):
        pytest.skip("the traffic does not pass through this target, and the plan says so")
    site, other = stage.site(), stage.site()
    for one in (site, other):
        stage.live(one, 1)

    stage.visit(site, 1, 7)

    told = {service: shares for service, environment, shares in stage.target.counts() if environment == "production"}
    answered = [[(share.release, share.requests, share.errors) for share in told[one.service]] for one in (site, other)]
    assert answered == [[(1, 7, 0)], [(1, 0, 0)]]
    assert list(told[site.service]) == list(stage.target.shares(site))


def test_more_instances_join_those_that_run(stage: Stage) -> None:
    site = stage.site()
    stage.started(site, 1, instances=1)
    first = stage.seen(site)[0]

    assert isinstance(stage.started(site, 1, instances=3), Done)

    assert stage.seen(site)[0][:1] == first
    assert len(stage.target.instances(site)) == 3


def test_a_release_that_dies_says_why_and_the_old_one_goes_on_serving(stage: Stage) -> None:
    site = stage.site()
    stage.live(site, 1)
    before = stage.seen(site)

    answer = stage.started(site, DIES, 2)

    assert isinstance(answer, Failed)
    assert answer.reason
    assert 0 < len(answer.log) <= 20
    assert isinstance(settled(lambda: stage.target.stop(site, 1, 2)), Done)
    assert stage.seen(site) == before


def test_what_stays_warm_outlives_what_ends(stage: Stage) -> None:
    site = stage.site()
    stage.live(site, 1)
    for number in (2, 3):
        assert isinstance(stage.started(site, number, number), Done)
        settled(partial(stage.target.weigh, site, {number: 100}, number))
    settled(lambda: stage.target.drain(site, 3, 3))

    assert isinstance(settled(lambda: stage.target.stop(site, 3, 3, warm=1)), Done)

    left = {one.release for one in stage.target.instances(site)}
    assert left == ({1, 2, 3} if isinstance(stage.target, CommandTarget) else {1, 3})
    assert {one.release: one.percent for one in stage.target.shares(site) if one.percent} == {3: 100}
    assert isinstance(settled(lambda: stage.target.stop(site, 3, 3)), Done)
    assert {one.release for one in stage.target.instances(site)} == {3}


def test_what_is_not_there_can_be_neither_started_nor_given_traffic(stage: Stage) -> None:
    site = stage.site()
    stage.live(site, 1)
    before = stage.seen(site)

    answers = [stage.target.start(site, stage.release(3), 1, 2), stage.target.weigh(site, {3: 100}, 2)]

    assert [type(answer) for answer in answers] == [Failed, Failed]
    assert stage.seen(site) == before


def test_what_was_stopped_keeps_its_output_and_its_files(stage: Stage) -> None:
    site = stage.site()
    stage.live(site, 1)
    said = stage.target.output(site, 1)
    assert said
    stage.live(site, 2, fence=2)
    assert [one.release for one in stage.target.instances(site)] == [2, 2]

    again = settled(lambda: stage.target.start(site, stage.release(1), 2, 3))  # without preparing it again

    assert isinstance(again, Done)
    assert set(said) <= set(stage.target.output(site, 1))
    assert len(stage.target.output(site, 1, lines=1)) == 1


def test_keeping_nothing_takes_everything_down(stage: Stage) -> None:
    site = stage.site()
    stage.live(site, 1)

    for method in (stage.target.drain, stage.target.stop):
        assert isinstance(settled(lambda method=method: method(site, 0, 2)), Done)

    assert (stage.target.instances(site), stage.target.shares(site)) == ([], [])


def test_sites_do_not_disturb_each_other(stage: Stage) -> None:
    one, other = stage.site(), stage.site()
    stage.live(one, 1)
    before = stage.seen(one)

    stage.live(other, 2)
    settled(lambda: stage.target.stop(other, 0, 2))

    assert stage.seen(one) == before
