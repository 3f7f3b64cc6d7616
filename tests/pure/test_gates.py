"""Before it may go: what blocks, what is only said, and all of it at once."""

from dataclasses import replace
from typing import Any

import pytest

from pipelines.change import Change
from pipelines.gates import Situation, blocked, gates
from tests.pure.deploys import NEW, OLD

FINE = Situation(NEW, OLD, Change(files=1, plus=2), rollback=False)


def found(**different: Any) -> dict[str, str]:
    return {gate.title: gate.verdict for gate in gates(replace(FINE, **different))}


def test_a_small_step_forward_passes_every_gate() -> None:
    assert set(found().values()) == {"good"}
    assert blocked(gates(FINE)) == ()


@pytest.mark.parametrize(
    ("different", "reason"),
    [
        ({"base": NEW}, "Nothing to do: release 2 serves already"),
        (
            {"target_known": False, "target_kind": "kubernetes"},
            "No such target here: this portal has no target of kind kubernetes",
        ),
        (
            {"rollback": True, "was_healthy": False},
            "It has never been healthy here: release 2 did not become healthy; choose one that did",
        ),
    ],
)
def test_what_blocks_says_why(different: Any, reason: str) -> None:
    assert blocked(gates(replace(FINE, **different))) == (reason,)


@pytest.mark.parametrize(
    ("different", "title"),
    [
        ({"ahead": False}, "This goes back or sideways"),
        ({"problems": 2}, "The catalog file has problems"),
        ({"held": "alice went back to 1"}, "The lane is held"),
        ({"change": Change(large=("9 commits, small is up to 8",))}, "Not small"),
        ({"change": Change(touches=("migration",))}, "Touches a migration"),
    ],
)
def test_what_is_only_said_does_not_block(different: Any, title: str) -> None:
    assert found(**different)[title] == "warn"
    assert blocked(gates(replace(FINE, **different))) == ()


def test_a_rollback_is_not_told_that_it_goes_back() -> None:
    assert "This goes back or sideways" not in found(rollback=True, ahead=False)


def test_every_reason_is_given_at_once_and_trouble_comes_first() -> None:
    bad = replace(FINE, base=NEW, target_known=False, ahead=False)

    assert len(blocked(gates(bad))) == 2
    assert [gate.verdict for gate in gates(bad)][:3] == ["bad", "bad", "warn"]


def test_a_first_release_has_something_to_do() -> None:
    assert blocked(gates(replace(FINE, base=None))) == ()


def test_the_same_revision_under_another_number_is_nothing_to_do() -> None:
    assert blocked(gates(replace(FINE, base=replace(NEW, number=1))))
