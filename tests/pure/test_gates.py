"""Before it may go: what blocks, what is only said, and all of it at once."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from pipelines.blockers import Answering, Budget, Incident
from pipelines.change import Change, Commit
from pipelines.ci import State, Status
from pipelines.gates import KINDS, Gate, Situation, blocked, gates, overridden, table
from pipelines.gatesettings import Gates
from pipelines.situation import LockedBy, Stretch, Yes, stretches
from pipelines.terms import Terms
from pipelines.windows import Closed
from tests.conftest import NOON
from tests.pure.deploys import NEW, OLD

MINUTE = timedelta(minutes=1)
FINE = Situation(NEW, OLD, Change(files=1, plus=2), rollback=False, now=NOON)
LOCK = LockedBy(7, True, "checkout in production", "inventory", "Bob Okafor", NOON, NOON + MINUTE)
ALICE, BOB = "user:default/alice", "user:default/bob"
BY_BOB = Yes(BOB, "Bob Okafor", NOON)


def found(**different: Any) -> dict[str, str]:
    return {gate.title: gate.verdict for gate in gates(replace(FINE, **different))}


def of_kind(kind: str, asked: dict[str, Any] | None = None, **different: Any) -> Gate:
    """Return the one gate of that kind, where so much is asked."""
    settings = Gates.model_validate(asked or {})
    [gate] = [one for one in gates(replace(FINE, settings=settings, **different)) if one.kind == kind]
    return gate


def said(**contexts: State) -> dict[str, dict[str, Status]]:
    since = NOON - 5 * MINUTE
    return {NEW.revision: {name: Status(state, "", "", since) for name, state in contexts.items()}}


def test_a_small_step_forward_passes_every_gate() -> None:
    assert set(found().values()) == {"good", "off"}
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
            {"moved_from": "local", "target_kind": "command"},
            "It would move to command: what serves runs on local, and nothing would end it there; "
            "use a new environment for it",
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


# CI.


UNIT, GOOD, BAD, RUNS = ["unit"], State.SUCCESS, State.FAILURE, State.PENDING
NONE_ASKED = "and none is required; spec.deploy can name what is"


@pytest.mark.parametrize(
    ("asked", "words", "verdict", "why"),
    [
        ({}, {}, "off", NONE_ASKED),
        ({"require": UNIT}, {}, "bad", "nothing has been said by unit"),
        ({"require": UNIT}, {"lint": GOOD}, "bad", "nothing has been said by unit"),
        ({"require": UNIT}, {"unit": RUNS}, "bad", "unit is running, still, since 5 min"),
        ({"require": UNIT}, {"unit": GOOD}, "good", "unit passed at bbbbbbb"),
        ({"require": UNIT}, {"unit": GOOD, "lint": RUNS}, "warn", "lint is running, still, since 5 min"),
        ({"require": UNIT}, {"unit": GOOD, "lint": BAD}, "bad", "lint failed"),
        ({}, {"lint": BAD}, "bad", "lint failed"),
        ({}, {"lint": RUNS}, "warn", "lint is running, still, since 5 min"),
        (
            {"allow_failures": ["lint"]},
            {"unit": GOOD, "lint": BAD},
            "good",
            "unit passed; lint may fail, and did at bbbbbbb",
        ),
        ({"hide": ["lint"]}, {"lint": BAD}, "off", NONE_ASKED),
    ],
)
def test_what_ci_says(asked: Any, words: Any, verdict: str, why: str) -> None:
    gate = of_kind("ci", {"ci": asked}, ci=said(**words))

    assert (gate.verdict, gate.why) == (verdict, why)


def test_a_blocking_check_that_failed_anywhere_on_the_way_blocks() -> None:
    between = Commit("c" * 40, "the one between", "Bob", "bob@example.com", NOON, 1, 1, 0)
    words = said(scan=State.SUCCESS) | {"c" * 40: {"scan": Status(State.FAILURE, "", "", NOON)}}
    change = Change((replace(between, sha=NEW.revision), between))

    assert of_kind("ci", {"ci": {"blocking": ["scan"]}}, ci=words, change=change).why == "scan failed at ccccccc"
    assert of_kind("ci", {}, ci=words, change=change).verdict == "good"
    assert of_kind("ci", {"ci": {"blocking": ["scan"]}}, ci=words, change=replace(change, back=True)).verdict == "good"


# Soak.

SOAK = {"soak": {"staging": "30m"}}


def test_a_soak_says_what_it_needs_what_it_has_and_when_it_is_enough() -> None:
    began = NOON - 12 * MINUTE

    gate = of_kind("soak", SOAK, soaked={"staging": [Stretch(began)]})

    assert (gate.verdict, gate.why, gate.until) == ("bad", "needs 30 min, has 12 min", began + 30 * MINUTE)
    assert blocked((gate,)) == ("Not long enough in staging: needs 30 min, has 12 min (until Mon 02 Mar 12:18 UTC)",)


@pytest.mark.parametrize(
    ("stretch", "verdict", "why"),
    [
        ([], "bad", "release 2 has never been healthy there; it needs 30 min"),
        ([Stretch(NOON - 30 * MINUTE)], "good", "needs 30 min"),
        ([Stretch(NOON - 90 * MINUTE, NOON - 60 * MINUTE)], "good", "needs 30 min"),
        ([Stretch(NOON - 90 * MINUTE, NOON - 80 * MINUTE)], "bad", "needs 30 min, has 10 min, then it was replaced"),
    ],
)
def test_a_soak_counts_the_longest_stretch(stretch: Any, verdict: str, why: str) -> None:
    gate = of_kind("soak", SOAK, soaked={"staging": stretch})

    assert (gate.verdict, gate.why) == (verdict, why)


def test_a_stretch_ends_when_another_release_becomes_healthy_or_a_deploy_gets_stuck() -> None:
    at = [NOON + minute * MINUTE for minute in range(5)]
    deploys = [(at[4], "b", True), (at[3], "c", False), (at[2], "b", True), (at[1], "a", True)]

    assert stretches(deploys, "b") == (Stretch(at[4]), Stretch(at[2], at[3]))
    assert stretches(deploys, "a") == (Stretch(at[1], at[2]),)
    assert stretches(deploys, "c") == ()


# A second person.


@pytest.mark.parametrize(
    ("different", "verdict", "why"),
    [
        ({}, "bad", "needs 1 approval of somebody else, has 0"),
        ({"approvals": [BY_BOB]}, "good", "needs 1"),
        (
            {"approvals": [BY_BOB], "asker": BOB},
            "bad",
            "needs 1 approval of somebody else, has 0; Bob Okafor's does not count: whoever asks cannot approve, too",
        ),
        (
            {"approvals": [BY_BOB], "authors": frozenset({BOB})},
            "bad",
            "needs 1 approval of somebody else, has 0; Bob Okafor's does not count: nobody else "
            "wrote any of this change",
        ),
        ({"approvals": [BY_BOB], "authors": frozenset({BOB, ALICE})}, "good", "needs 1"),
        ({"terms": Terms(hotfix=True)}, "good", "needs 0, one fewer than the usual 1 for a hotfix"),
    ],
)
def test_a_second_person(different: Any, verdict: str, why: str) -> None:
    gate = of_kind("approval", {"approvals": 1}, **{"asker": ALICE, **different})

    assert (gate.verdict, gate.why) == (verdict, why)


def test_a_hotfix_needs_one_fewer_of_several_and_every_other_gate_as_always() -> None:
    terms = Terms(hotfix=True)

    assert of_kind("approval", {"approvals": 2}, approvals=[BY_BOB], terms=terms).verdict == "good"
    assert of_kind("approval", {"approvals": 3}, approvals=[BY_BOB], terms=terms).title == "1 approval missing"
    assert of_kind("lock", {"approvals": 2}, locks=[LOCK], terms=terms).verdict == "bad"


def test_everything_on_the_list_must_be_ticked() -> None:
    asked = {"checklist": ["told support", "watched the dashboard"]}

    assert of_kind("checklist", asked, terms=Terms(ticks=("told support",))).why == "watched the dashboard"
    assert of_kind("checklist", asked, terms=Terms(ticks=tuple(asked["checklist"]))).verdict == "good"


def test_a_quarantined_revision_stops_continuous_delivery_and_warns_people() -> None:
    assert of_kind("quarantine", quarantine="it was bad", terms=Terms(continuous=True)).verdict == "bad"
    assert of_kind("quarantine", quarantine="it was bad").verdict == "warn"


# What is around.


def test_every_lock_is_said_and_only_hard_ones_block() -> None:
    soft = replace(LOCK, id=8, hard=False, scope="everything", reason="release week")

    told = gates(replace(FINE, locks=[LOCK, soft]))

    assert [(one.verdict, one.title, one.why) for one in told if one.kind == "lock"] == [
        ("bad", "Checkout in production is locked", "inventory (Bob Okafor)"),
        ("warn", "Everything has a warning", "release week (Bob Okafor)"),
    ]
    assert of_kind("lock", locks=[LOCK]).until == NOON + MINUTE
    assert of_kind("lock", locks=[LOCK]).hint == "Bob Okafor, the owning team or an admin can lift it: lock 7"


def test_closed_hours_block_and_say_until_when() -> None:
    gate = of_kind("hours", hours=Closed("quiet weekend", NOON + MINUTE))

    assert (gate.verdict, gate.why, gate.until) == ("bad", "quiet weekend", NOON + MINUTE)


@pytest.mark.parametrize("kind", ["incidents", "reachable", "budget"])
def test_what_is_not_connected_is_neither_good_nor_bad(kind: str) -> None:
    gate = of_kind(kind, {"incidents": "block", "reachable": "block", "error_budget": 10})

    assert gate.verdict == "off"
    assert "not connected" in gate.title


INCIDENT = Incident(31, "payments fail", "component:default/ledger", NOON)


@pytest.mark.parametrize(
    ("kind", "asked", "different", "verdict"),
    [
        ("incidents", {}, {"incidents": [INCIDENT]}, "warn"),
        ("incidents", {"incidents": "block"}, {"incidents": [INCIDENT]}, "bad"),
        ("incidents", {}, {"incidents": []}, "good"),
        ("reachable", {}, {"answering": Answering()}, "warn"),
        ("reachable", {"reachable": "block"}, {"answering": Answering("Mara", False, "phone is off")}, "bad"),
        ("reachable", {}, {"answering": Answering("Mara", True)}, "good"),
        ("budget", {"error_budget": 10}, {"budget": Budget(9.9)}, "bad"),
        ("budget", {"error_budget": 10}, {"budget": Budget(10)}, "good"),
    ],
)
def test_others_have_their_say(kind: str, asked: Any, different: Any, verdict: str) -> None:
    assert of_kind(kind, asked, **different).verdict == verdict


def test_what_is_ignored_is_not_even_looked_at() -> None:
    settings = Gates.model_validate({"incidents": "ignore", "reachable": "ignore"})

    kinds = {gate.kind for gate in gates(replace(FINE, settings=settings, incidents=[INCIDENT]))}

    assert not kinds & {"incidents", "reachable", "budget"}


# Going back, and emergencies.

STRICT = Gates.model_validate(
    {
        "ci": {"require": ["unit"]},
        "soak": {"staging": "30m"},
        "approvals": 2,
        "checklist": ["told support"],
        "incidents": "block",
        "reachable": "block",
        "error_budget": 50,
    }
)
TROUBLE = replace(
    FINE,
    settings=STRICT,
    locks=[LOCK],
    hours=Closed("quiet weekend", None),
    ci=said(unit=State.FAILURE),
    incidents=[INCIDENT],
    answering=Answering(),
    budget=Budget(0),
)


def test_all_that_stops_it_is_said_at_once() -> None:
    kinds = {gate.kind for gate in gates(TROUBLE) if gate.verdict == "bad"}

    assert kinds == {"lock", "hours", "ci", "soak", "approval", "checklist", "incidents", "reachable", "budget"}


def test_nothing_of_that_keeps_anybody_from_going_back() -> None:
    told = gates(replace(TROUBLE, rollback=True))

    assert blocked(told) == ()
    assert [one.why for one in told if one.kind == "lock"] == [
        "inventory (Bob Okafor); going back is allowed all the same"
    ]


def test_an_override_lets_everything_pass_that_it_may_and_says_why() -> None:
    told = gates(replace(TROUBLE, terms=Terms(override="customers cannot pay")))

    assert blocked(told) == ()
    assert len(overridden(told)) == 9
    assert of_kind("lock", locks=[LOCK], terms=Terms(override="customers cannot pay")).why == (
        "overridden: customers cannot pay (inventory (Bob Okafor))"
    )


@pytest.mark.parametrize(
    "different", [{"base": NEW}, {"target_known": False}, {"rollback": True, "was_healthy": False}]
)
def test_an_override_does_not_make_possible_what_is_not(different: Any) -> None:
    told = gates(replace(TROUBLE, terms=Terms(override="now"), **different))

    assert len(blocked(told)) == 1


def test_every_kind_of_gate_is_known_and_may_be_overridden_as_it_is_said() -> None:
    known = {kind.name: kind for kind in KINDS}
    everything = [
        *gates(TROUBLE),
        *gates(replace(FINE, rollback=True, quarantine="it was bad")),
        *gates(replace(FINE, quarantine="it was bad", change=Change(touches=("migration",)))),
    ]

    assert {gate.kind for gate in everything} == set(known)
    assert all(gate.overridable == known[gate.kind].overridable for gate in everything)


def test_the_documentation_tells_the_gates_there_are() -> None:
    page = Path(__file__).parent.parent.parent / "docs" / "gates.md"

    assert table() in page.read_text()
