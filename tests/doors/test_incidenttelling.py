"""What is said of incidents: each fact, what could have done it, and what forms of silences and integrations mean."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import Error
from oncall.incident import Kind
from oncall.query import Told
from oncall.signal import Action, signal
from oncall.silences import covers
from pipelines.rows import Row
from portal import integrationforms, silenceforms, suspects
from portal.incidenttelling import Teller, story
from portal.render import Times
from portal.suspects import LIKELY, POSSIBLE, UNLIKELY
from tests.conftest import NOON

ADA, BOB, CHECKOUT = "user:default/ada", "user:default/bob", "component:default/checkout"
BERLIN = ZoneInfo("Europe/Berlin")
TELLER = Teller(lambda ref: {ADA: "Ada Vance", BOB: "you"}[ref], Times(NOON, BERLIN), 2, {"7": "phone"})
MINUTE = timedelta(minutes=1)


def told(kind: str, actor: str = ADA, at: datetime = NOON, **data: Any) -> str:
    (entry,) = story([Told(at, kind, actor, data)], TELLER)
    return " | ".join(part for part in (entry.head, entry.more, entry.text) if part)


PAGE = {"person": BOB, "target": {"kind": "role", "ref": "payments/primary"}, "at": NOON.isoformat()}
LATER = PAGE | {"person": ADA, "at": (NOON + 60 * MINUTE).isoformat()}
SAID: tuple[tuple[str, dict[str, Any], str], ...] = (
    (
        "opened",
        {"opening": {"severity": "error", "policy": "pay"}, "reason": "group:default/payments: owns checkout"},
        "Opened | as error, by escalation pay | Payments owns checkout.",
    ),
    ("joined", {"reason": "joined #1: same"}, "One more alert joined | Joined #1: same."),
    ("paged", {"pages": [PAGE], "level": 1}, "You were paged | level 1 of 2 | Payments primary."),
    (
        "paged",
        {"pages": [PAGE, LATER], "level": 2, "loop": 1},
        "You and Ada Vance were paged | level 2 of 2, round 2 | Payments primary. Ada Vance: not before today 14:00.",
    ),
    ("paged", {"level": 1, "reason": "not reached: ada"}, "Nobody was paged | level 1 of 2 | Not reached: ada."),
    (
        "level_skipped",
        {"level": 1, "reason": "nobody is on call at level 1"},
        "Level 1 was skipped | Nobody is on call at level 1.",
    ),
    ("restarted", {"reason": "ada is back"}, "It escalates again from level 1 | Ada is back."),
    ("called", {"person": BOB, "pages": [PAGE]}, "You were paged | to help"),
    ("delivered", {"person": ADA, "channel": "7"}, "Delivered to Ada Vance | by phone"),
    (
        "refused",
        {"person": ADA, "channel": "9", "reason": "busy (429)", "last": True},
        "Not taken for Ada Vance | by a channel that is gone | Busy (429). No other channel of Ada Vance is left.",
    ),
    ("reminded", {"pages": [LATER], "reason": "reminder 1 of 3"}, "Ada Vance was reminded | Reminder 1 of 3."),
    (
        "snoozed",
        {"until": (NOON + MINUTE).isoformat(), "reason": "lunch"},
        "Snoozed until today 13:01 | by Ada Vance | Lunch.",
    ),
    ("reassigned", {"person": BOB}, "Given to you | by Ada Vance"),
    ("responder_added", {"person": BOB}, "You are asked to help | by Ada Vance"),
    ("severity_changed", {"severity": "info"}, "The severity is now info | by Ada Vance"),
    ("role_given", {"role": "commander", "person": BOB}, "You lead | by Ada Vance"),
    ("role_given", {"role": "scribe"}, "Nobody keeps notes any more | by Ada Vance"),
    ("noted", {"reason": "<b>look</b>"}, "Ada Vance | <b>look</b>"),
    ("merged", {"into": 3}, "Merged into 3 | by Ada Vance"),
)


@pytest.mark.parametrize(("kind", "data", "said"), SAID, ids=[f"{one[0]}-{at}" for at, one in enumerate(SAID)])
def test_a_fact_is_a_sentence(kind: str, data: dict[str, Any], said: str) -> None:
    assert told(kind, **data).replace("\u202f", " ") == said


@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_of_fact_has_words_of_its_own(kind: Kind) -> None:
    said = told(kind)
    assert "_" not in said
    assert said.lower() != kind.value


def test_an_acknowledgement_says_how_long_after_the_page_it_came() -> None:
    facts = [Told(NOON, "paged", "oncall", {"pages": [PAGE]}), Told(NOON + MINUTE, "acknowledged", BOB, {})]
    newest = story(facts, TELLER)[0]
    assert (newest.head, newest.more) == ("You acknowledged", "1\u202fmin after the first page")


def test_what_ends_by_itself_says_so() -> None:
    assert told("resolved", actor="oncall", reason="events:3 says that it is over").startswith("Resolved | by itself")


def test_a_sender_is_called_as_its_integration_is() -> None:
    teller = replace(TELLER, senders={"events:3": "our Datadog"})
    reason = "events:3 says that it is over, and so does events:4"
    (entry,) = story([Told(NOON, "resolved", "oncall", {"reason": reason})], teller)
    assert entry.text == "Our Datadog says that it is over, and so does events:4."


# Suspects.


def deploy(minutes: float, service: str = CHECKOUT, word: str = "healthy", *, ended: bool = True) -> Row:
    """Return a deploy that ended so many minutes before noon, or is still going out."""
    at = NOON - timedelta(minutes=minutes)
    times = (at - MINUTE, at - MINUTE, at if ended else None)
    about = (1, service, "production", False, 7, "a" * 40, "Keep order", 6, word, "", ADA, "")
    return Row(*about, *times, 1, 100, 1, 1, 1)


@pytest.mark.parametrize(
    ("row", "own", "word", "why"),
    [
        (deploy(3), True, LIKELY, "Live 3 min before it began."),
        (deploy(90), True, POSSIBLE, "Nothing was wrong until then."),
        (deploy(3), False, POSSIBLE, "The service uses checkout."),
        (deploy(90), False, UNLIKELY, "nothing was wrong until then"),
        (deploy(3, word="undone"), True, UNLIKELY, "It was taken back 3 min before it began"),
        (deploy(0, ended=False), True, LIKELY, "It was going out when it began."),
        (deploy(-5), False, POSSIBLE, "It was going out when it began."),
    ],
)
def test_a_suspect_is_judged_with_its_reason(row: Row, own: bool, word: str, why: str) -> None:
    found = suspects.judged(row, NOON, own=own)
    assert found.word == word
    assert why in found.why.replace("\u202f", " ")


def test_of_several_likely_ones_only_the_newest_stays_so() -> None:
    found = suspects.newest_first([suspects.judged(deploy(at), NOON, own=True) for at in (2, 9)])
    assert [one.word for one in found] == [LIKELY, POSSIBLE]
    assert found[1].why.endswith("A newer one came after it.")


# Forms.

WORDS = st.text(st.characters(min_codepoint=33, max_codepoint=0x2FF, exclude_categories=["C", "Z"]), min_size=1)


@given(WORDS, WORDS, WORDS)
def test_a_silence_holds_for_every_title_that_contains_its_words(before: str, words: str, after: str) -> None:
    said = silenceforms.Typed({"title": words, "reason": "x"})
    made = silenceforms.silence(said, CHECKOUT, ADA, BERLIN, NOON)
    about = signal("events:1", "k", Action.TRIGGER, NOON, title=f"{before} {words} {after}")
    assert covers(made, about, CHECKOUT)
    assert not covers(made, about, "component:default/other")
    assert f"title contains “{words}”" in silenceforms.words(made.matchers)


@given(st.dictionaries(st.sampled_from(silenceforms.FIELDS), st.text(max_size=40)))
def test_whatever_is_typed_makes_a_silence_or_says_why_not(form: dict[str, str]) -> None:
    try:
        made = silenceforms.silence(silenceforms.typed(form), "", ADA, BERLIN, NOON)
    except Error:
        return
    assert silenceforms.words(made.matchers) != "nothing"
    assert made.end > NOON


def test_moments_are_of_the_readers_zone_also_when_clocks_change() -> None:
    said = silenceforms.Typed({"title": "x", "reason": "y", "from": "2026-03-28T12:00", "until": "2026-03-29T12:00"})
    made = silenceforms.silence(said, "", ADA, BERLIN, NOON)
    assert made.end - made.start == timedelta(hours=23)
    assert made.start == datetime(2026, 3, 28, 11, tzinfo=UTC)


FORM = st.dictionaries(
    st.sampled_from([field for kind in integrationforms.KINDS for field in kind.fields]), st.text(max_size=60)
)


@given(st.sampled_from([kind.kind for kind in integrationforms.KINDS]), FORM)
def test_whatever_is_typed_makes_an_integration_or_says_why_not(kind: str, form: dict[str, str]) -> None:
    try:
        told = integrationforms.settings(kind, form, "name")
    except Error:
        return
    assert json.loads(json.dumps(told)) == told
    assert "\0" not in integrationforms.said(kind, told)


@pytest.mark.parametrize(
    "odd", ["title: x\nseverity: {from: $.a, values: {2020-01-01: error}}", "title: x\nkey: &a [*a]"]
)
def test_what_is_yaml_and_no_mapping_is_refused(odd: str) -> None:
    with pytest.raises(Error, match="mapping cannot be used"):
        integrationforms.settings("generic", {"mapping": odd}, "name")


@pytest.mark.parametrize("kind", [kind.kind for kind in integrationforms.KINDS])
def test_what_is_to_be_pasted_holds_the_key_and_the_address(kind: str) -> None:
    texts = [text for _, text in integrationforms.pastes(kind, "k" * 32, "https://portal.example/")]
    assert all("https://portal.example/" in text and "example//" not in text for text in texts[1:])
    assert any("k" * 32 in text for text in texts)
