"""What only the memory target can do: fail when told to, take its time, be interrupted, be shared by processes."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from production.ports import Check, Done, Failed, Pending, Progress, Release, Site
from production.targets.memory import MemoryChecker, MemoryTarget
from tests.conftest import NOON

OLD, NEW = Release(230, "0ld1111"), Release(231, "new2222")
UNDO = Failed("release 231 cannot be undone: the settings of this target say so")


def site(fails: Mapping[str, str] | None = None, **settings: Any) -> Site:
    return Site("component:default/checkout", "production", {"kind": "memory", "fails": dict(fails or {}), **settings})


def with_old_live(target: MemoryTarget) -> MemoryTarget:
    target.prepare(site(), OLD, 1)
    target.start(site(), OLD, 2, 1)
    target.weigh(site(), {230: 100}, 1)
    return target


def act(target: MemoryTarget, method: str, at: Site) -> Progress:
    acts = {
        "prepare": lambda: target.prepare(at, NEW, 2),
        "start": lambda: target.start(at, NEW, 2, 2),
        "weigh": lambda: target.weigh(at, {231: 100}, 2),
        "drain": lambda: target.drain(at, 231, 2),
        "stop": lambda: target.stop(at, 231, 2),
    }
    return acts[method]()


@pytest.mark.parametrize("revision", ["*", "new", "new2222"])
@pytest.mark.parametrize("method", ["prepare", "start", "weigh", "stop"])
def test_it_fails_where_it_was_told_to_and_nowhere_else(method: str, revision: str) -> None:
    target = with_old_live(MemoryTarget(lambda: NOON))
    order = ["prepare", "start", "weigh", "stop"]

    answers = [act(target, name, site({revision: method})) for name in order[: order.index(method) + 1]]

    assert [type(answer) for answer in answers] == [Done] * (len(answers) - 1) + [Failed]


def test_draining_fails_when_told_to_while_another_release_gets_traffic() -> None:
    target = with_old_live(MemoryTarget(lambda: NOON))
    for method in ("prepare", "start"):
        act(target, method, site())
    target.weigh(site(), {230: 50, 231: 50}, 2)

    assert isinstance(act(target, "drain", site({"new": "drain"})), Failed)
    assert [share.percent for share in target.shares(site())] == [50.0, 50.0]


def test_a_release_that_cannot_be_undone_goes_out_and_does_not_come_back() -> None:
    target, stuck = with_old_live(MemoryTarget(lambda: NOON)), site({"new2222": "undo"})
    for method in ("prepare", "start", "weigh"):
        assert isinstance(act(target, method, stuck), Done)

    assert target.weigh(stuck, {230: 100}, 3) == UNDO
    assert target.stop(stuck, 230, 3) == UNDO
    assert [share.percent for share in target.shares(stuck)] == [0.0, 100.0]


def test_starting_takes_as_long_as_it_was_told_to() -> None:
    now = [NOON]
    target, slow = MemoryTarget(lambda: now[0]), site(takes="5s")
    target.prepare(slow, NEW, 1)

    assert target.start(slow, NEW, 2, 1) == Pending("2 of 2 are starting")
    now[0] += timedelta(seconds=5)
    assert target.start(slow, NEW, 2, 1) == Done("2 are up")


def test_checks_fail_for_the_revision_that_was_told_to() -> None:
    target, bad = with_old_live(MemoryTarget(lambda: NOON)), site({"new": "check"})
    act(target, "prepare", bad)
    act(target, "start", bad)
    checker = MemoryChecker(target)

    answers = [checker.look(Check("http", ("/healthz",)), instance, {}) for instance in target.instances(bad)]

    assert [answer.passed for answer in answers] == [True, True, False, False]
    assert answers[-1].said == "/healthz answered 503 in 1 ms"
    assert (target.answers(bad, 230), target.answers(bad, 231)) == (True, False)


def test_it_fails_once_when_told_so() -> None:
    target = MemoryTarget(lambda: NOON, fail_once={"prepare": Failed("the disk is full", permanent=False)})

    answers = [target.prepare(site(), NEW, 1), target.prepare(site(), NEW, 1)]

    assert answers == [Failed("the disk is full", permanent=False), Done("release 231 is prepared")]


class Killed(BaseException):
    pass


def test_killed_before_or_after_an_act_it_is_done_once(tmp_path: Path) -> None:
    def die(method: str, _site: Site) -> None:
        if method == "start":
            raise Killed

    path = tmp_path / "memory.json"
    for hooks in ({"before": die}, {"after": die}):
        with_old = MemoryTarget(lambda: NOON, path=path)
        with_old.prepare(site(), NEW, 1)
        with pytest.raises(Killed):
            MemoryTarget(lambda: NOON, path=path, **hooks).start(site(), NEW, 2, 1)

    after = MemoryTarget(lambda: NOON, path=path)  # another process's
    assert after.start(site(), NEW, 2, 2) == Done("2 are up")
    assert after.journal(site()) == [("prepare", 231), ("start", [231, 2])]
