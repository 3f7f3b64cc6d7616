"""The band of each page says in one sentence what is so, for every state a deploy can be in."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ledger.jobs import Hold
from pipelines.deploy import Deploy, State
from pipelines.plan import ReleaseRef
from pipelines.query import Live, Page, Row, Summary, Waiting
from pipelines.spec import DeploySpec
from pipelines.store import Asked
from portal import bands, overviews
from portal.render import NARROW, Times

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
TIMES = Times(NOON, ZoneInfo("UTC"))
LEDGER = "component:default/ledger"
SPEC = DeploySpec.model_validate({"environments": {"production": {"target": {"kind": "memory"}}}})


def row(word: str, **more: object) -> Row:
    told = Row(
        id=7,
        service=LEDGER,
        environment="production",
        rollback=False,
        release=231,
        revision="a" * 40,
        subject="Keep order",
        base=230,
        word=word,
        reason="",
        actor="user:default/alice",
        note="",
        requested_at=NOON - timedelta(minutes=8),
        started_at=NOON - timedelta(minutes=8),
        ended_at=None,
        commits=3,
        percent=50,
        wave=2,
        waves=3,
        version=4,
    )
    return replace(told, **more)  # type: ignore[arg-type]


def page(
    word: str, state: State, *, hold: Hold | None = None, reason: str = "", ending: str = "", **more: object
) -> Page:
    asked = Asked(LEDGER, "production", 1, ReleaseRef(231, "a" * 40), SPEC, "user:default/alice")
    told = row(word, **more)
    deploy = Deploy(7, state, reason=reason, ending=ending)
    return Page(told, deploy, asked, [told], hold, [], False)


ENDED = {"ended_at": NOON - timedelta(minutes=1)}


@pytest.mark.parametrize(
    ("shown", "kind", "word", "title"),
    [
        (page("queued", State.QUEUED), "", "Queued", "ledger 231 is next for production."),
        (page("baking", State.ACTING), "run", "Going out, wave 2 of 3", "Half of the traffic is on ledger 231."),
        (
            page("going out", State.GOING, percent=0),
            "run",
            "Going out, wave 2 of 3",
            "ledger 231 is being made ready; no traffic is on it yet.",
        ),
        (page("healthy", State.HEALTHY, **ENDED), "good", "Healthy", "ledger 231 serves all of production."),
        (
            page("replaced", State.HEALTHY, **ENDED),
            "",
            "Replaced",
            "ledger 231 was healthy; a newer one serves now.",
        ),
        (page("undoing", State.UNDOING), "warn", "Undoing", "ledger goes back to 230."),
        (
            page("undone", State.UNDONE, ending="failed", **ENDED),
            "warn",
            "Undone",
            "ledger 231 was put back by itself.",
        ),
        (
            page("undone", State.UNDONE, ending="refused", **ENDED),
            "warn",
            "Undone, it never began",
            "ledger 231 could not go any more.",
        ),
        (
            page("aborted", State.UNDONE, ending="aborted", **ENDED),
            "",
            "Aborted",
            "ledger 231 was stopped by a person.",
        ),
        (page("stuck", State.STUCK, **ENDED), "bad", "Stuck", "ledger is stuck between 231 and 230."),
    ],
)
def test_every_state_of_a_deploy_has_its_sentence(shown: Page, kind: str, word: str, title: str) -> None:
    band = bands.deploy(shown, TIMES, "you")

    assert (band.kind, band.word, band.title) == (kind, word, title)


def test_what_waits_behind_a_held_lane_says_why() -> None:
    hold = Hold("user:default/bob", "Bob went back to 228", NOON)
    band = bands.deploy(page("queued", State.QUEUED, hold=hold), TIMES, "you")

    assert band.kind == "warn"
    assert "Bob went back to 228." in band.text


def test_an_undone_deploy_says_what_serves_and_since_when() -> None:
    shown = page("undone", State.UNDONE, reason="/healthz answered 503", ending="failed", **ENDED)

    assert bands.deploy(shown, TIMES, "you").text == "/healthz answered 503. ledger 230 serves as before since 11:59."


LIVE = Live(LEDGER, "production", 230, "b" * 40, "Round half to even", 6, NOON - timedelta(hours=5))
WAITS = Waiting(LEDGER, "production", "c" * 40, 3, NOON - timedelta(hours=2), NOON)


def test_a_healthy_service_says_what_runs_and_what_waits() -> None:
    band = bands.service("ledger", "production", Summary(LIVE, WAITS), 4, 4, TIMES)

    assert (band.kind, band.title) == ("good", "ledger runs release 230 on 4 of 4 instances.")
    assert band.text.replace(NARROW, " ").endswith("3 newer commits wait to go out, the oldest for 2 h.")


def test_a_service_that_lost_instances_is_not_called_healthy() -> None:
    assert bands.service("ledger", "production", Summary(LIVE), 3, 4, TIMES).kind == "warn"
    assert bands.service("ledger", "production", Summary(LIVE), 0, 4, TIMES).kind == "bad"


def test_a_target_that_cannot_be_asked_is_no_claim_about_instances() -> None:
    assert bands.service("ledger", "production", Summary(LIVE), None, None, TIMES).title == "ledger runs release 230."


@pytest.mark.parametrize(
    ("summary", "word"),
    [
        (Summary(LIVE), "healthy"),
        (Summary(LIVE, running=row("baking")), "baking"),
        (Summary(LIVE, last=row("stuck")), "stuck"),
        (Summary(LIVE, last=row("undone")), "healthy"),  # the old release serves
        (Summary(), "skipped"),
        (Summary(queued=1), "queued"),
    ],
)
def test_a_service_is_one_word_in_a_list(summary: Summary, word: str) -> None:
    assert bands.service_state(summary).word == word


def test_home_says_the_worst_thing_first() -> None:
    stuck, undoing = row("stuck", reason="disk full"), row("undoing")

    assert overviews.home(24, 30, [stuck], [undoing], []).kind == "bad"
    assert overviews.home(24, 30, [], [undoing], []).kind == "warn"
    assert overviews.home(24, 30, [], [], []).title == "All 24 services are where they should be."
    assert overviews.home(0, 0, [], [], []).title == "Fullcycle does not know a service yet."


LOOK = (("See which", "/catalog?label=look"),)


@pytest.mark.parametrize(
    ("count", "everything", "look", "word", "title"),
    [
        (4, 4, 0, "Healthy", "4 services, all where they should be."),
        (1, 3, 0, "Healthy", "One service, and it is where it should be."),
        (4, 13, 3, "Some need a look", "4 services, all where they should be; 3 of all 13 need a look in the catalog."),
        (0, 2, 1, "Some need a look", "Nothing is deployed from here yet; 1 of all 2 needs a look in the catalog."),
        (0, 2, 0, "Calm", "Nothing is deployed from here yet."),
        (0, 0, 0, "Nothing here yet", "No service here yet."),
    ],
)
def test_not_all_is_well_while_the_catalog_has_something_to_look_at(
    count: int, everything: int, look: int, word: str, title: str
) -> None:
    band = overviews.services(count, everything, [], [], look, LOOK)

    assert (band.word, band.title) == (word, title)
    assert band.links == (LOOK if look else ())
    assert bool(overviews.home(count, everything, [], [], [], look, LOOK).links) == bool(look)
