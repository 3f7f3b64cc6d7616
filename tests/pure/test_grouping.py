"""What a signal comes to, and why: the dedup rules of the Events API, grouping, silences, and a brute-force model."""

import itertools
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.errors import Error
from oncall import alertmanager
from oncall.alertmanager import Door
from oncall.grouping import (
    AGAIN,
    EARLY,
    TWIN,
    Acknowledges,
    Alert,
    Appends,
    Decision,
    Dropped,
    Ended,
    Incident,
    Joins,
    Muted,
    Noted,
    Opens,
    Placed,
    Resolves,
    Situation,
    decide,
    placed,
)
from oncall.sameness import Rules, checked, facet
from oncall.signal import Action, Signal, signal
from oncall.silences import Mute
from oncall.terms import Severity
from tests.conftest import NOON

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
CHECKOUT, SHOP, NOBODYS = "component:default/checkout", "component:default/shop", "component:default/unowned"
PAYLOADS = Path("tests/cases/payloads")
QUIET = Mute("silence 7 of user:default/alice", NOON + HOUR, (7,))
ALONE = Rules(window=timedelta(0))  # each alert is an incident


def event(key: str, action: Action = Action.TRIGGER, source: str = "events:1", **said: Any) -> Signal:
    return signal(source, key, action, NOON, **{"title": "disk full", "service": CHECKOUT} | said)


@dataclass
class Desk:
    """Acts on decisions as the store does, in memory: numbers, what is open, how often each was said, what ended."""

    rules: Rules = field(default_factory=Rules)
    alerts: dict[int, Alert] = field(default_factory=dict)
    incidents: dict[int, Incident] = field(default_factory=dict)
    ended: list[Ended] = field(default_factory=list)
    counts: Counter[int] = field(default_factory=Counter)
    opened: int = 0
    acknowledged: set[int] = field(default_factory=set)
    numbers: Any = field(default_factory=lambda: itertools.count(31))

    def hears(self, said: Signal, now: datetime = NOON, mute: Mute | None = None) -> Decision:
        place = placed(said, {CHECKOUT, SHOP}, NOBODYS)
        situation = Situation(tuple(self.alerts.values()), tuple(self.incidents.values()), self.ended)
        found = decide(said, place, situation, self.rules, mute, now)
        self._act(found, said, now)
        return found

    def _act(self, found: Decision, said: Signal, now: datetime) -> None:
        match found:
            case Opens(service, _, alert):
                number = next(self.numbers)
                self.incidents[number] = Incident(number, service, said, now, now, said.severity)
                self._alert(said, number, alert)
            case Joins(incident, _, _, alert):
                self.incidents[incident] = replace(self.incidents[incident], last=now)
                self._alert(said, incident, alert)
            case Muted():
                self._alert(said, None, None)
            case Appends(alert, _):
                self.counts[alert] += 1
            case Resolves(alert, incident, last):
                del self.alerts[alert]
                self.ended.append(Ended(said.source, said.key, now, said.since))
                if last and incident is not None:
                    del self.incidents[incident]
            case Acknowledges(_, incident):
                self.acknowledged.add(incident)
            case Dropped(_, True):
                self.ended.append(Ended(said.source, said.key, now, said.since, early=True))

    def _alert(self, said: Signal, incident: int | None, number: int | None) -> None:
        if number is None:
            self.opened += 1
            number = self.opened
        self.counts[number] += 1
        self.alerts[number] = Alert(number, said.source, said.key, incident, said.since)

    @property
    def open(self) -> Counter[tuple[str, str]]:
        return Counter({(one.source, one.key): self.counts[number] for number, one in self.alerts.items()})


def sentence(found: Decision) -> str:
    assert isinstance(found, Opens | Joins | Dropped), found
    return found.why


# The rules of the Events API.


def test_a_trigger_after_the_resolve_is_a_new_alert() -> None:
    desk = Desk()
    actions = (Action.TRIGGER, Action.RESOLVE, Action.TRIGGER)

    kinds = [type(desk.hears(event("k", action))) for action in actions]

    assert kinds == [Opens, Resolves, Opens]
    assert desk.opened == 2


def test_an_acknowledge_after_the_resolve_is_dropped() -> None:
    desk = Desk()
    for action in (Action.TRIGGER, Action.RESOLVE):
        desk.hears(event("k", action))

    assert desk.hears(event("k", Action.ACKNOWLEDGE)) == Dropped("no open alert has this key")


@pytest.mark.parametrize("action", [Action.RESOLVE, Action.ACKNOWLEDGE])
def test_what_comes_through_another_door_ends_nothing(action: Action) -> None:
    desk = Desk()
    desk.hears(event("k"))

    found = desk.hears(event("k", action, "events:2"))

    assert found == Dropped(f"the alert with this key came through events:1, and only that can {action} it")
    assert desk.open == {("events:1", "k"): 1}


def test_the_same_key_through_two_doors_is_two_alerts() -> None:
    desk = Desk(ALONE)

    assert isinstance(desk.hears(event("k")), Opens)
    assert isinstance(desk.hears(event("k", source="events:2")), Opens)


def test_two_triggers_without_a_key_are_two_alerts_of_one_incident() -> None:
    desk = Desk()

    first, second = desk.hears(event("uuid-1")), desk.hears(event("uuid-2"), NOON + 40 * SECOND)

    assert isinstance(first, Opens)
    assert second == Joins(31, "joined #31: same service, same symptom, 40 s apart")
    assert desk.opened == 2


def test_the_same_event_a_thousand_times_is_one_alert_with_a_count() -> None:
    desk = Desk()

    kinds = Counter(type(desk.hears(event("k"), NOON + at * SECOND)) for at in range(1000))

    assert kinds == {Opens: 1, Appends: 999}
    assert desk.open == {("events:1", "k"): 1000}


def test_a_resolve_before_its_trigger_is_dropped_and_noted_when_the_trigger_comes() -> None:
    desk = Desk()

    assert desk.hears(event("k", Action.RESOLVE)) == Dropped("no open alert has this key", remember=True)
    assert desk.hears(event("k"), NOON + 4 * SECOND) == Opens(
        CHECKOUT, "a resolve for it came 4 s before it and was dropped"
    )


def test_it_is_remembered_for_a_short_while_only() -> None:
    desk = Desk()
    desk.hears(event("k", Action.RESOLVE))

    assert desk.hears(event("k"), NOON + EARLY) == Opens(CHECKOUT, "")


def test_an_incident_ends_with_the_last_of_its_alerts() -> None:
    desk = Desk()
    desk.hears(event("a"))
    desk.hears(event("b"))

    assert desk.hears(event("a", Action.RESOLVE)) == Resolves(1, 31, last=False)
    assert desk.hears(event("b", Action.RESOLVE)) == Resolves(2, 31, last=True)
    assert not desk.incidents


def test_an_acknowledge_is_for_the_incident_of_the_alert() -> None:
    desk = Desk()
    desk.hears(event("k"))

    assert desk.hears(event("k", Action.ACKNOWLEDGE)) == Acknowledges(1, 31)


def test_a_change_stands_beside_the_incidents() -> None:
    assert Desk().hears(event("k", Action.CHANGE)) == Noted(CHECKOUT)


# Alertmanager: occurrences, twins, late words.

FIRING = event("f1", source="am:1", since=NOON)
OVER = event("f1", Action.RESOLVE, "am:1", since=NOON, over=NOON + MINUTE)


def test_what_is_delivered_twice_after_an_error_is_one_incident_and_a_repeat() -> None:
    body, door = (PAYLOADS / "alertmanager_webhook_group_3_firing.json").read_bytes(), Door("am:1")
    desk = Desk()

    twice = [[type(desk.hears(one)) for one in alertmanager.read(body, door, NOON).signals] for _ in range(2)]

    assert twice == [[Dropped, Opens, Joins], [Dropped, Appends, Appends]]
    assert len(desk.incidents) == 1


def test_a_recorded_alert_begins_and_ends() -> None:
    door, desk = Door("am:1"), Desk()
    firing, resolved = (
        alertmanager.read((PAYLOADS / f"alertmanager_webhook_{name}.json").read_bytes(), door, NOON).signals[0]
        for name in ("firing", "resolved")
    )

    assert [type(desk.hears(one)) for one in (firing, firing, resolved)] == [Opens, Appends, Resolves]
    assert not desk.alerts


@pytest.mark.parametrize(("later", "kind"), [(TWIN - SECOND, Dropped), (TWIN, Opens)])
def test_a_second_alertmanager_that_is_late_opens_nothing_again_for_a_short_while(later: timedelta, kind: type) -> None:
    desk = Desk()
    for said in (FIRING, OVER):
        desk.hears(said, NOON + MINUTE)

    found = desk.hears(FIRING, NOON + MINUTE + later)

    assert isinstance(found, kind)


def test_a_late_word_says_why_it_opens_nothing() -> None:
    desk = Desk()
    for said in (FIRING, OVER):
        desk.hears(said, NOON + MINUTE)

    assert desk.hears(FIRING, NOON + MINUTE) == Dropped(
        "this very occurrence ended at 12:01:00 UTC; another sender is late"
    )


def test_a_new_occurrence_opens_at_once() -> None:
    desk = Desk()
    for said in (FIRING, OVER):
        desk.hears(said, NOON + MINUTE)

    assert isinstance(desk.hears(replace(FIRING, since=NOON + 2 * SECOND), NOON + MINUTE), Opens)


def test_the_late_end_of_the_occurrence_before_does_not_end_this_one() -> None:
    desk = Desk()
    desk.hears(replace(FIRING, since=NOON + 2 * MINUTE), NOON + 2 * MINUTE)

    assert desk.hears(OVER, NOON + 3 * MINUTE) == Dropped(
        "it ends what was over at 12:01:00 UTC; the alert has begun again since"
    )
    assert len(desk.alerts) == 1


def test_an_occurrence_may_end_in_the_moment_in_which_it_began() -> None:
    desk = Desk()
    desk.hears(FIRING)

    assert desk.hears(replace(OVER, over=NOON)) == Resolves(1, 31, last=True)


def test_what_a_person_has_resolved_rests_before_it_opens_again() -> None:
    desk = Desk(ended=[Ended("am:1", "f1", NOON, NOON, by_person=True)])

    found = desk.hears(FIRING, NOON + MINUTE)

    assert sentence(found).startswith("a person resolved this very occurrence at 12:00:00 UTC; it opens again at 12:15")
    assert isinstance(desk.hears(FIRING, NOON + AGAIN), Opens)


def test_an_event_that_tells_no_occurrences_opens_at_once_after_a_person() -> None:
    desk = Desk(ended=[Ended("events:1", "k", NOON, by_person=True)])

    assert isinstance(desk.hears(event("k"), NOON + SECOND), Opens)


# Which incident.


def joined(rules: Rules, later: timedelta, **said: Any) -> str | None:
    """Open an incident with an alert, hear another one, and return why it joined, None when it did not."""
    desk = Desk(rules)
    desk.hears(event("a", class_="DiskFull", host="db-1", labels={"team": "payments"}))
    found = desk.hears(
        event("b", **{"class_": "DiskFull", "host": "db-2", "labels": {"team": "payments"}} | said), NOON + later
    )
    return found.why if isinstance(found, Joins) else None


@pytest.mark.parametrize(
    ("rules", "later", "said", "why"),
    [
        (Rules(), 40 * SECOND, {}, "same service, same symptom, 40 s apart"),
        (Rules(), 5 * MINUTE, {}, "same service, same symptom, 5 min apart"),
        (Rules(), 5 * MINUTE + SECOND, {}, None),
        (Rules(), SECOND, {"class_": "diskfull"}, "same service, same symptom, 1 s apart"),
        (Rules(), SECOND, {"class_": "Slow"}, None),
        (Rules(), SECOND, {"service": SHOP}, None),
        (Rules(agree=()), SECOND, {"class_": "Slow"}, "same service, 1 s apart"),
        (Rules(agree=("symptom", "host")), SECOND, {}, None),
        (Rules(agree=("symptom", "host"), any_of=True), SECOND, {}, "same service, same symptom, 1 s apart"),
        (Rules(agree=("label:team",)), SECOND, {"class_": "Slow"}, "same service, same team, 1 s apart"),
        (Rules(agree=("label:env",)), SECOND, {}, None),  # empty on both sides is not the same
        (Rules(window=timedelta(0)), timedelta(0), {}, None),
    ],
)
def test_an_alert_joins_by_the_rules_and_says_why(
    rules: Rules, later: timedelta, said: dict[str, Any], why: str | None
) -> None:
    assert joined(rules, later, **said) == (f"joined #31: {why}" if why else None)


def test_the_window_counts_from_the_last_alert_and_an_old_incident_takes_no_more() -> None:
    desk = Desk(Rules(window=10 * MINUTE, longest=HOUR))

    kinds = [type(desk.hears(event(f"k{at}"), NOON + at * 9 * MINUTE)) for at in range(8)]

    assert kinds == [Opens, *[Joins] * 6, Opens]  # the eighth comes after 63 minutes


def test_of_two_incidents_the_one_that_was_active_last_is_joined() -> None:
    desk = Desk(Rules(window=10 * MINUTE))
    desk.hears(event("a", class_="A"))
    desk.hears(event("b", class_="B"), NOON + MINUTE)
    desk.rules = Rules(window=10 * MINUTE, agree=())

    assert sentence(desk.hears(event("c"), NOON + 2 * MINUTE)).startswith("joined #32")


@pytest.mark.parametrize(
    ("first", "second", "wakes"),
    [("warning", "critical", True), ("info", "error", True), ("error", "critical", False), ("warning", "info", False)],
)
def test_an_alert_that_is_worse_than_all_before_wakes_somebody(first: str, second: str, wakes: bool) -> None:
    desk = Desk()
    desk.hears(event("a", severity=Severity(first)))

    found = desk.hears(event("b", severity=Severity(second)))

    assert isinstance(found, Joins)
    assert found.wakes == wakes


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("disk 91% full on db-1", "disk 97% full on db-2", True),
        ("disk full", "Disk  Full", True),
        ("disk full", "disk slow", False),
    ],
)
def test_a_symptom_without_a_class_is_the_title_without_its_numbers(one: str, other: str, same: bool) -> None:
    assert (facet(event("a", title=one), "symptom") == facet(event("b", title=other), "symptom")) == same


@pytest.mark.parametrize(
    ("rules", "fault"),
    [
        (Rules(window=-SECOND), "window: from nothing to 24 hours"),
        (Rules(window=25 * HOUR, longest=26 * HOUR), "window: from nothing to 24 hours"),
        (Rules(longest=SECOND), "longest: cannot be shorter"),
        (Rules(agree=("symtom",)), "agree: 'symtom' is not known; did you mean \"symptom\"?"),
        (Rules(agree=("label:",)), "agree: 'label:' is not known"),
    ],
)
def test_rules_that_cannot_be_used_are_refused(rules: Rules, fault: str) -> None:
    with pytest.raises(Error) as raised:
        checked(rules)

    assert raised.value.reasons[0].startswith(fault)


# Whose it is.


@pytest.mark.parametrize(
    ("service", "place"),
    [
        (CHECKOUT, Placed(CHECKOUT)),
        ("", Placed(NOBODYS, f"it names no service, so {NOBODYS} answers for it")),
        ("component:default/gone", Placed(NOBODYS, f"nobody answers for component:default/gone, so {NOBODYS} does")),
    ],
)
def test_what_is_nobodys_goes_to_the_fallback_and_says_so(service: str, place: Placed) -> None:
    assert placed(event("k", service=service), {CHECKOUT}, NOBODYS) == place


def test_an_incident_says_why_the_fallback_has_it() -> None:
    assert Desk().hears(event("k", service="")) == Opens(NOBODYS, f"it names no service, so {NOBODYS} answers for it")


# Silences.


def test_a_muted_alert_opens_nothing_and_is_there() -> None:
    desk = Desk()

    assert desk.hears(event("k"), mute=QUIET) == Muted("silence 7 of user:default/alice", NOON + HOUR)
    assert (desk.incidents, desk.open) == ({}, {("events:1", "k"): 1})


def test_it_opens_when_the_silence_ends_and_the_alert_does_not() -> None:
    desk = Desk()
    desk.hears(event("k"), mute=QUIET)

    assert desk.hears(event("k"), NOON + HOUR) == Opens(CHECKOUT, "", alert=1)
    assert desk.opened == 1


def test_it_may_join_an_incident_then() -> None:
    desk = Desk()
    desk.hears(event("k"), mute=QUIET)
    desk.hears(event("other"), NOON + HOUR)

    assert desk.hears(event("k"), NOON + HOUR + SECOND) == Joins(
        31, "joined #31: same service, same symptom, 1 s apart", alert=1
    )


def test_a_repeat_of_a_muted_alert_is_counted_while_it_is_muted() -> None:
    desk = Desk()
    desk.hears(event("k"), mute=QUIET)

    assert desk.hears(event("k"), mute=QUIET) == Appends(1, None)


def test_a_muted_alert_that_ends_leaves_nothing() -> None:
    desk = Desk()
    desk.hears(event("k"), mute=QUIET)

    assert desk.hears(event("k", Action.ACKNOWLEDGE)) == Dropped(
        "the alert is muted, so there is no incident to acknowledge"
    )
    assert desk.hears(event("k", Action.RESOLVE)) == Resolves(1, None, last=False)


def test_a_silence_does_not_take_a_repeat_from_an_open_incident() -> None:
    desk = Desk()
    desk.hears(event("k"))

    assert desk.hears(event("k"), mute=QUIET) == Appends(1, 31)


# A second opinion: the words of the Events API, and nothing else.

EVENTS = st.tuples(
    st.sampled_from(["events:1", "events:2"]),
    st.sampled_from(["a", "b", "c"]),
    st.sampled_from([Action.TRIGGER, Action.ACKNOWLEDGE, Action.RESOLVE]),
    st.sampled_from(["disk", "slow"]),
)


@settings(deadline=None)
@given(st.lists(EVENTS, max_size=40), st.sampled_from([Rules(), ALONE, Rules(agree=())]))
def test_what_is_open_is_what_a_list_of_words_says(events: list[tuple[str, str, Action, str]], rules: Rules) -> None:
    desk = Desk(rules)
    model: Counter[tuple[str, str]] = Counter()
    opened = 0

    for at, (source, key, action, symptom) in enumerate(events):
        desk.hears(event(key, action, source, class_=symptom), NOON + at * MINUTE)
        if action is Action.TRIGGER:
            opened += (source, key) not in model
            model[(source, key)] += 1
        elif action is Action.RESOLVE:
            model.pop((source, key), None)

        assert desk.open == model
        assert {one.incident for one in desk.alerts.values()} == set(desk.incidents)  # none empty, none without
    assert desk.opened == opened


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["events:1", "events:2"]), st.sampled_from("abc")), max_size=12), st.randoms()
)
def test_the_order_of_repeats_changes_nothing_that_is_open(keys: list[tuple[str, str]], chance: Any) -> None:
    mixed = list(keys)
    chance.shuffle(mixed)
    one, other = Desk(), Desk()

    for source, key in keys:
        one.hears(event(key, source=source))
    for source, key in mixed:
        other.hears(event(key, source=source))

    assert one.open == other.open
    assert len(one.incidents) == len(other.incidents)
