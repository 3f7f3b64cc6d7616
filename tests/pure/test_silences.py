"""Silences and maintenance windows: what they cover, what they say, when they end, and who is told before."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.errors import Error
from oncall import silences
from oncall.signal import Action, Signal, signal
from oncall.silences import How, Kind, Matcher, Mute, Silence, all_muted, matcher, muted
from oncall.terms import Severity
from tests.conftest import NOON
from tests.hostile import TEXTS

pytest.importorskip("re2", reason="google-re2 has no wheel for this machine")

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
CHECKOUT = "component:default/checkout"
DISK = signal(
    "prometheus",
    "f1",
    Action.TRIGGER,
    NOON,
    title="disk full",
    severity=Severity.CRITICAL,
    host="db-1",
    component="postgres",
    class_="DiskFull",
    labels={"team": "payments"},
)


def silence(*conditions: str, number: int = 7, kind: Kind = Kind.SILENCE) -> Silence:
    return Silence(
        number, tuple(map(matcher, conditions)), "user:default/alice", "new disks", NOON - HOUR, NOON + HOUR, kind
    )


@pytest.mark.parametrize(
    ("conditions", "covers"),
    [
        (["service=component:default/checkout"], True),
        (["service=component:default/checkout", "host=db-2"], False),  # all must hold
        (["host=db-1"], True),
        (["host!=db-1"], False),
        (["host=~db-.*"], True),
        (["host=~db"], False),  # a pattern must match the whole value
        (["host!~web-.*", "class=DiskFull"], True),
        (["source=prometheus", "severity=critical"], True),
        (["title=~disk.*", "component=postgres"], True),
        (["label:team=payments"], True),
        (["label:team=~pay.*", "label:env="], True),  # it has no such label
        (["label:env=production"], False),
        (["class=diskfull"], False),
    ],
)
def test_a_silence_covers_what_all_of_its_conditions_hold_for(conditions: list[str], covers: bool) -> None:
    assert (muted(DISK, CHECKOUT, [silence(*conditions)], NOON) is not None) == covers


def test_the_reason_says_whose_it_is_why_and_what_it_asked_for() -> None:
    found = muted(DISK, CHECKOUT, [silence("host=db-1", "label:team=~pay.*")], NOON)

    assert found == Mute(
        "silence 7 of user:default/alice until 2026-03-02 13:00 UTC (new disks): host=db-1 and label:team=~pay.*",
        NOON + HOUR,
        (7,),
    )


def test_of_several_all_are_named_and_the_longest_counts() -> None:
    longer = replace(silence("class=DiskFull", number=6, kind=Kind.MAINTENANCE), end=NOON + DAY)

    found = muted(DISK, CHECKOUT, [silence("host=db-1"), longer, silence("host=db-2", number=9)], NOON)

    assert found is not None
    assert (found.until, found.silences) == (NOON + DAY, (7, 6))
    assert "maintenance 6 of user:default/alice until 2026-03-03 12:00 UTC" in found.reason


@pytest.mark.parametrize(
    ("now", "is_on"),
    [
        (NOON - HOUR - timedelta(seconds=1), False),
        (NOON - HOUR, True),
        (NOON + HOUR - timedelta(seconds=1), True),
        (NOON + HOUR, False),
    ],
)
def test_it_holds_from_its_start_until_its_end(now: object, is_on: bool) -> None:
    assert (muted(DISK, CHECKOUT, [silence("host=db-1")], now) is not None) == is_on  # type: ignore[arg-type]


def test_it_ends_when_its_incident_is_resolved() -> None:
    mine = replace(silence("host=db-1"), incident=31)

    assert silences.ended_by([mine, silence("host=db-1", number=8)], 31, NOON) == [mine]
    assert silences.ended_by([mine], 32, NOON) == []
    assert silences.ended_by([replace(mine, end=NOON)], 31, NOON) == []
    assert muted(DISK, CHECKOUT, [replace(mine, ended=NOON)], NOON) is None


@pytest.mark.parametrize(
    ("length", "before"),
    [(DAY, HOUR), (4 * HOUR, HOUR), (2 * HOUR, timedelta(minutes=30)), (timedelta(minutes=20), timedelta(minutes=5))],
)
def test_its_owner_is_told_once_before_it_ends(length: timedelta, before: timedelta) -> None:
    one = replace(silence("host=db-1"), start=NOON, end=NOON + length)

    assert silences.warning_at(one) == one.end - before
    assert silences.to_warn([one], [], one.end - before - timedelta(seconds=1)) == []
    assert silences.to_warn([one], [], one.end - before) == [one]
    assert silences.to_warn([one], [7], one.end - before) == []
    assert silences.to_warn([one], [], one.end) == []


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("host=db-1", Matcher("host", How.IS, "db-1")),
        (" label:team !~ pay.* ", Matcher("label:team", How.MATCHES_NOT, "pay.*")),
        ("title=a=~b", Matcher("title", How.IS, "a=~b")),
        ("label:env!=", Matcher("label:env", How.IS_NOT, "")),
    ],
)
def test_a_condition_is_written_as_in_alertmanager(said: str, read: Matcher) -> None:
    assert matcher(said) == read
    assert matcher(str(read)) == read


@pytest.mark.parametrize("said", ["", "host", "host!", "host!db"])
def test_what_says_nothing_is_no_condition(said: str) -> None:
    with pytest.raises(ValueError, match="says nothing"):
        matcher(said)


@pytest.mark.parametrize("how", [How.MATCHES, How.MATCHES_NOT])
def test_a_pattern_that_cannot_be_used_keeps_nothing_quiet(how: How) -> None:
    broken = replace(silence(), matchers=(Matcher("host", how, "("),))

    assert muted(DISK, CHECKOUT, [broken], NOON) is None


GOOD = silence("host=db-1")


@pytest.mark.parametrize(
    ("wrong", "fault"),
    [
        (replace(GOOD, matchers=()), "say what it is for, in 1 to 20 conditions"),
        (replace(GOOD, matchers=GOOD.matchers * 21), "say what it is for, in 1 to 20 conditions"),
        (silence("title=~.*"), "it would silence everything"),
        (silence("label:env!=x"), "it would silence everything"),
        (silence("hots=db-1"), "hots=db-1: 'hots' is not known; did you mean \"host\"?"),
        (silence("label:=x"), "label:=x: 'label:' is not known"),
        (silence("host=~("), "host=~(: '(' is no pattern of RE2: missing )"),
        (replace(GOOD, reason=" "), "say why"),
        (replace(GOOD, owner=""), "somebody must own it"),
        (replace(GOOD, end=GOOD.start), "it must end after it has begun"),
        (replace(GOOD, end=NOON), "it must end after it has begun, and not before now"),
        (replace(GOOD, end=NOON + 91 * DAY), "it may last 90 days"),
    ],
)
def test_what_would_hide_too_much_or_belongs_to_nobody_is_refused(wrong: Silence, fault: str) -> None:
    with pytest.raises(Error) as raised:
        silences.checked(wrong, NOON)

    assert any(one.startswith(fault) for one in raised.value.reasons)


@pytest.mark.parametrize(
    "good", [GOOD, silence("title=~.*", "host=db-1"), replace(GOOD, start=NOON + DAY, end=NOON + 91 * DAY)]
)
def test_a_good_one_may_begin(good: Silence) -> None:
    assert silences.checked(good, NOON) == good


@settings(deadline=None)
@given(TEXTS, TEXTS, st.sampled_from(How))
def test_no_signal_brings_a_silence_down(title: str, value: str, how: How) -> None:
    said: Signal = signal("s", "k", Action.TRIGGER, NOON, title=title, host=title, labels={"team": title})
    conditions = [Matcher(name, how, value) for name in (*silences.FIELDS, "label:team", "label:none")]
    for one in conditions:
        try:
            good = silences.checked(replace(GOOD, matchers=(one, matcher("source=s"))), NOON)
        except Error:
            continue
        muted(said, CHECKOUT, [good], NOON)


HOSTS = st.sampled_from(["db-1", "db-2", "db-3"])
SPANS = st.tuples(st.integers(-30, 30), st.integers(1, 60), HOSTS)


@given(hosts=st.lists(HOSTS, max_size=3), spans=st.lists(SPANS, max_size=4))
def test_what_is_open_is_muted_as_long_as_each_alert_is_minute_by_minute(
    hosts: list[str], spans: list[tuple[int, int, str]]
) -> None:
    asked = [
        Silence(
            n,
            (matcher(f"host={host}"),),
            "user:default/alice",
            "x",
            NOON + start * MINUTE,
            NOON + (start + length) * MINUTE,
        )
        for n, (start, length, host) in enumerate(spans)
    ]

    def quiet(at: int, among: list[tuple[int, int, str]]) -> bool:
        held = {host for start, length, host in among if start <= at < start + length}
        return bool(hosts) and set(hosts) <= held

    found = all_muted([(replace(DISK, host=host), CHECKOUT) for host in hosts], asked, NOON)

    assert (found is not None) == quiet(0, spans)
    if found is not None:
        begun = [one for one in spans if one[0] <= 0]
        assert found.until == NOON + next(at for at in range(99) if not quiet(at, begun)) * MINUTE
