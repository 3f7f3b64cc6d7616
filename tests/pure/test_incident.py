"""The incident as a machine: what may follow what, what it remembers, and that it can be written down and read back."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from ledger.errors import Code, Error
from oncall.deciding import Nothing, decide
from oncall.escalation import due, is_wanted
from oncall.incident import (
    ENDED,
    Fact,
    Incident,
    Kind,
    State,
    fact_from_json,
    fact_to_json,
    from_json,
    to_json,
)
from oncall.machine import TRANSITIONS, acknowledgement, apply, drawing, must_acknowledge, staying
from oncall.policy import MINUTE
from oncall.terms import Severity
from tests.conftest import NOON
from tests.pure.incidents import ADA, BOB, CYD, EVERYBODY, TWO, ack, live, opened, policy_of, rota

MANUAL = (Path(__file__).parents[2] / "docs" / "escalation.md").read_text()
WAYS = {
    State.OPEN: (),
    State.ACKNOWLEDGED: (Fact(Kind.ACKNOWLEDGED, ADA),),
    State.SNOOZED: (Fact(Kind.SNOOZED, ADA, until=NOON + timedelta(hours=1)),),
    State.MUTED: (Fact(Kind.MUTED, reason="maintenance"),),
    State.RESOLVED: (Fact(Kind.RESOLVED, ADA),),
    State.MERGED: (Fact(Kind.MERGED, ADA, into=30),),
}


def in_state(state: State) -> Incident:
    incident = opened()
    for fact in WAYS[state]:
        incident = apply(incident, fact, NOON)
    return incident


def fact_of(kind: Kind) -> Fact:
    """A fact of that kind that could come next."""
    level = 1 if kind in (Kind.PAGED, Kind.LEVEL_SKIPPED) else 0
    return Fact(kind, BOB, step=1, level=level, person=CYD, severity=Severity.INFO, role="scribe")


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("kind", Kind)
def test_what_is_in_the_table_happens_and_nothing_else_can(state: State, kind: Kind) -> None:
    incident = in_state(state)

    if (state, kind) in TRANSITIONS:
        after = apply(incident, fact_of(kind), NOON)
        assert after.state is TRANSITIONS[state, kind]
        assert (after.ended_at is not None) == (after.state in ENDED)
    else:
        with pytest.raises(Error) as refused:
            apply(incident, fact_of(kind), NOON)
        assert refused.value.code is Code.CONFLICT
        assert refused.value.message == f"an incident that is {state} cannot become {kind}"


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.OPENED])
def test_nothing_happens_before_it_opens(kind: Kind) -> None:
    with pytest.raises(Error, match="not open yet"):
        apply(None, fact_of(kind), NOON)


def test_it_opens_with_a_policy() -> None:
    with pytest.raises(Error) as refused:
        apply(None, Fact(Kind.OPENED), NOON)
    assert refused.value.code is Code.INVALID


def test_only_a_person_leaves_an_ending_and_nothing_is_due_in_one() -> None:
    leaving = {kind for (state, kind), after in TRANSITIONS.items() if state in ENDED and after is not state}

    assert leaving == {Kind.REOPENED}
    for state in ENDED:
        assert decide(in_state(state), EVERYBODY, NOON + timedelta(days=9)) == Nothing()


def test_the_manual_draws_the_states_as_the_table_says() -> None:
    assert drawing() in MANUAL
    assert staying() in MANUAL


@pytest.mark.parametrize("word", [*State, *Kind])
def test_the_manual_explains_every_state_and_every_fact(word: str) -> None:
    assert f"| `{word}` |" in MANUAL


# Written down and read back.


@pytest.mark.parametrize("state", State)
def test_an_incident_comes_back_from_json_as_it_was(state: State) -> None:
    incident = replace(in_state(state), roles=(("scribe", ADA),), called=(CYD,), version=7)

    assert from_json(to_json(incident)) == incident


def test_every_fact_comes_back_from_json_as_it_was() -> None:
    strict = policy_of(["group:payments"], ["user:cyd"], strategy="all-must-ack", reminders=1)
    acts = {MINUTE: ack(ADA), 2 * MINUTE: ack(BOB)}
    facts = [fact for _, fact, _ in live(opened(strict), rota(payments=["ada", "bob"]), acts)]

    assert {Kind.PAGED, Kind.ONE_ACKNOWLEDGED, Kind.REMINDED, Kind.RESTARTED} <= {fact.kind for fact in facts}
    assert [fact_from_json(fact_to_json(fact)) for fact in facts] == facts


# What it remembers.


def test_a_step_is_begun_once_though_two_workers_decide() -> None:
    incident = opened()
    first, second = due(incident, EVERYBODY, NOON).facts, due(incident, EVERYBODY, NOON).facts
    assert first == second

    incident = apply(incident, first[0], NOON)
    with pytest.raises(Error, match="step 1 of incident 31 is not the next one"):
        apply(incident, second[0], NOON)


def test_a_level_is_skipped_once() -> None:
    skipped = Fact(Kind.LEVEL_SKIPPED, level=1, reason="nobody is on call at level 1")
    incident = apply(opened(), skipped, NOON)

    with pytest.raises(Error, match="it is not the turn of level 1 in round 1"):
        apply(incident, skipped, NOON)


def test_the_turn_in_a_round_robin_is_the_number_when_nobody_counts() -> None:
    assert (opened().turn, opened(turn=4).turn) == (31, 4)


def test_where_each_must_acknowledge_one_is_not_enough() -> None:
    incident = opened(policy_of(["group:payments"], strategy="all-must-ack"))
    [paged] = due(incident, rota(payments=["ada", "bob"]), NOON).facts
    incident = apply(incident, paged, NOON)
    assert must_acknowledge(incident) == (ADA, BOB)

    stranger = acknowledgement(incident, CYD)
    first = acknowledgement(incident, ADA)
    incident = apply(incident, first, NOON + MINUTE)
    last = acknowledgement(incident, BOB)

    assert [fact.kind for fact in (stranger, first, last)] == [
        Kind.ONE_ACKNOWLEDGED,
        Kind.ONE_ACKNOWLEDGED,
        Kind.ACKNOWLEDGED,
    ]
    assert apply(incident, last, NOON).assigned == (ADA, BOB)


def test_whoever_acknowledges_what_somebody_has_takes_it_over() -> None:
    incident = apply(in_state(State.ACKNOWLEDGED), acknowledgement(opened(), BOB), NOON + MINUTE)

    assert (incident.assigned, incident.reminder_at) == ((BOB,), NOON + 31 * MINUTE)


@pytest.mark.parametrize("kind", [Kind.NOTED, Kind.RESPONDER_ADDED, Kind.ROLE_GIVEN, Kind.SEVERITY_CHANGED])
@pytest.mark.parametrize(("by", "reminder"), [(ADA, 50), (BOB, 30), ("", 30)])
def test_whoever_has_it_and_does_something_is_reminded_later(kind: Kind, by: str, reminder: int) -> None:
    incident = in_state(State.ACKNOWLEDGED)

    incident = apply(incident, replace(fact_of(kind), by=by), NOON + 20 * MINUTE)

    assert incident.reminder_at == NOON + reminder * MINUTE


def test_a_role_is_held_by_one_and_can_be_given_back() -> None:
    incident = opened()
    for role, person in (("scribe", ADA), ("lead", BOB), ("scribe", CYD), ("lead", "")):
        incident = apply(incident, Fact(Kind.ROLE_GIVEN, ADA, role=role, person=person), NOON)

    assert incident.roles == (("scribe", CYD),)


def test_the_policy_is_the_one_it_opened_with() -> None:
    assert apply(in_state(State.RESOLVED), Fact(Kind.REOPENED, ADA), NOON).policy is TWO


@pytest.mark.parametrize(
    ("fact", "wanted"),
    [
        (Fact(Kind.NOTED, ADA), True),
        (Fact(Kind.JOINED, signal="latency"), True),
        (Fact(Kind.ACKNOWLEDGED, BOB), False),
        (Fact(Kind.SNOOZED, BOB, until=NOON + MINUTE), False),
        (Fact(Kind.MUTED), False),
        (Fact(Kind.REASSIGNED, BOB, person=CYD), False),
        (Fact(Kind.RESOLVED), False),
        (Fact(Kind.MERGED, into=30), False),
    ],
)
def test_a_later_channel_of_a_page_is_used_only_while_it_is_wanted(fact: Fact, wanted: bool) -> None:
    [paged] = due(opened(), EVERYBODY, NOON).facts
    incident = apply(opened(), paged, NOON)
    assert is_wanted(incident, paged.pages[0])

    assert is_wanted(apply(incident, fact, NOON), paged.pages[0]) is wanted


def test_an_own_rule_is_not_cut_short_by_the_next_level() -> None:
    [first] = due(opened(), EVERYBODY, NOON).facts
    incident = apply(opened(), first, NOON)
    [second] = due(incident, EVERYBODY, NOON + 5 * MINUTE).facts

    assert is_wanted(apply(incident, second, NOON + 5 * MINUTE), first.pages[0])


def test_a_reminder_is_wanted_until_it_is_answered() -> None:
    incident, at = in_state(State.ACKNOWLEDGED), NOON + 30 * MINUTE
    [reminded] = due(incident, EVERYBODY, at).facts
    incident = apply(incident, reminded, at)
    assert is_wanted(incident, reminded.pages[0])

    assert not is_wanted(apply(incident, Fact(Kind.NOTED, ADA), at), reminded.pages[0])
    assert not is_wanted(apply(incident, Fact(Kind.RESTARTED), at), reminded.pages[0])


def test_an_added_responder_is_called_whatever_becomes_of_it_until_she_is_there() -> None:
    incident = apply(opened(), Fact(Kind.RESPONDER_ADDED, ADA, person=CYD), NOON)
    called = due(incident, EVERYBODY, NOON).facts[0]
    incident = apply(incident, called, NOON)
    assert (called.kind, called.pages[0].person) == (Kind.CALLED, CYD)

    assert is_wanted(apply(incident, Fact(Kind.ACKNOWLEDGED, ADA), NOON), called.pages[0])
    assert not is_wanted(apply(incident, Fact(Kind.ACKNOWLEDGED, CYD), NOON), called.pages[0])
    assert not is_wanted(apply(incident, Fact(Kind.RESOLVED, ADA), NOON), called.pages[0])
