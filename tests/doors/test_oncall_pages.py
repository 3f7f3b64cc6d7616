"""Who is on call, on the pages: ada, bob and eve of payments by turns, carol, a stranger, and the admin.

At noon of Monday 2 March 2026 eve is first and ada second; each turn begins on Monday 09:00 in Berlin.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import event

from oncall import notices, planstore
from oncall.overrides import Override
from tests import cataloging
from tests.conftest import NOON
from tests.doors.browsing import words
from tests.doors.oncallserved import ADA, BOB, CAROL, EVE, TEAM, OnCallServed, oncall_portal

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
TOMORROW = NOON + DAY
CHANGE = "/oncall/payments/change"
PAGES = (
    "/oncall",
    "/oncall?q=check",
    "/oncall/payments",
    "/oncall/payments?view=week",
    "/oncall/payments?view=list&from=2026-05-01",
    "/oncall/payments?from=nonsense",
    f"{CHANGE}?role=primary&at=2026-03-03T12:00:00Z",
    f"{CHANGE}?role=secondary&start=2026-03-03T12:00&end=2026-03-04T12:00",
    "/oncall/payments/edit",
    "/oncall/new",
    "/oncall/escalations/payments/edit",
    "/account/reach",
    "/account/calendars",
    "/services/checkout",
    "/catalog/group/default/payments",
    "/account",
)


@pytest.fixture(scope="module")
def still(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OnCallServed]:
    """A portal that tests only look at."""
    with oncall_portal(tmp_path_factory.mktemp("still")) as made:
        yield made


@pytest.fixture
def served(tmp_path: Path) -> Iterator[OnCallServed]:
    with oncall_portal(tmp_path) as made:
        yield made


def iso(at: datetime) -> str:
    return at.isoformat()


# Looking.


@pytest.mark.parametrize("who", ["ada", "carol", "admin"])
def test_everybody_may_look_at_every_page(still: OnCallServed, who: str) -> None:
    browser = still.as_(who)
    assert [path for path in PAGES if browser.get(path).status_code != 200] == []


@pytest.mark.parametrize(
    "path",
    ["/oncall/nowhere", "/oncall/nowhere/edit", "/oncall/escalations/nowhere/edit", "/calendar/never-made.ics"],
)
def test_what_is_not_there_is_said(still: OnCallServed, path: str) -> None:
    assert still.as_("ada").get(path).status_code == 404


def test_the_board_says_who_answers_until_when_and_who_then(still: OnCallServed) -> None:
    board = still.as_("ada").shown("/oncall")
    assert "eve until Mon 9 Mar 08:00, then you checkout, ledger Behind: you" in board
    assert "carol finder" in board  # no schedule: everybody of the team
    assert "Your next shifts Now payments Mon 2 Mar" not in board
    assert "In 6 d payments Mon 9 Mar 08:00 to Mon 16 Mar 08:00, first" in board


def test_the_board_finds_by_service_team_and_person(still: OnCallServed) -> None:
    browser = still.as_("ada")
    assert "finder" not in browser.shown("/oncall?q=checkout")
    assert "checkout" not in browser.shown("/oncall?q=carol")
    assert "Nothing fits" in browser.shown("/oncall?q=nothing+like+it")


def test_the_board_asks_as_often_for_many_services_as_for_few(served: OnCallServed) -> None:
    browser = served.as_("ada")
    few = statements(served, lambda: browser.get("/oncall"))
    many = [cataloging.component(f"more-{number}", "payments") for number in range(30)]
    cataloging.fill(served.services.database, *many, repository=2)
    assert statements(served, lambda: browser.get("/oncall")) == few


def statements(served: OnCallServed, act: object) -> int:
    found: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        found.append(statement)

    engine = served.services.database.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        act()  # type: ignore[operator]
    finally:
        event.remove(engine, "before_cursor_execute", note)
    return len(found)


def test_who_cannot_be_reached_is_named(still: OnCallServed) -> None:
    assert "carol has no way to be reached" in still.as_("ada").shown("/oncall")
    assert "Say how you are reached" in still.as_("carol").shown("/oncall")


def test_a_schedule_opens_with_name_and_until_when_in_its_own_zone(still: OnCallServed) -> None:
    page = still.as_("bob").shown("/oncall/payments")
    assert "On call now eve, until Mon 9 Mar 09:00. 6 d 20 h left. Then ada. Behind: ada." in page
    assert "Times in Europe/Berlin (CET)" in page
    assert "At once" not in page
    assert "First of payments 5 min Second of payments 15 min Everybody in payments" in page


def test_each_bar_says_where_its_shift_came_from(served: OnCallServed) -> None:
    change(served, "bob", do="take", at=iso(TOMORROW), person=BOB, reason="her <b>dentist</b>", sure="1")
    page = served.as_("ada").get("/oncall/payments").text
    assert "bob, first, today 13:00 to Mon 9 Mar 09:00, an override, number 1 by bob: her &lt;b&gt;dentist" in page
    assert "from the rotation main" in page
    assert "<b>dentist" not in page


def test_the_card_of_a_service_agrees_with_the_board(still: OnCallServed) -> None:
    assert "On call payments EV eve until Mon 9 Mar 08:00, then ada Behind: ada." in still.as_("bob").shown(
        "/services/checkout"
    )
    assert "cannot be reached" in still.as_("bob").shown("/services/finder")


# Changing.


def change(served: OnCallServed, who: str, **form: str) -> str:
    answer = served.as_(who).post(CHANGE, role=form.pop("role", "primary"), **form)
    return f"{answer.status_code} {words(answer)}"


def test_a_shift_is_taken_after_it_was_shown_and_its_owner_hears_of_it(served: OnCallServed) -> None:
    shown = change(served, "bob", do="take", at=iso(TOMORROW), person=BOB)
    assert "200" in shown
    assert "bob gains" in shown
    assert "eve loses" in shown
    assert "Keep it" in shown
    assert served.holder(TOMORROW + HOUR) == EVE
    assert change(served, "bob", do="take", at=iso(TOMORROW), person=BOB, sure="1").startswith("303")
    assert served.holder(TOMORROW + HOUR) == BOB
    assert "loses" in served.heard(EVE)[0]
    assert served.heard(BOB) == []


def test_a_part_is_covered_by_the_clocks_of_the_schedule(served: OnCallServed) -> None:
    told = {"do": "put", "person": BOB, "start": "2026-03-03T18:00", "end": "2026-03-03T20:00", "sure": "1"}
    assert change(served, "bob", **told).startswith("303")
    begins = datetime(2026, 3, 3, 17, tzinfo=UTC)
    held = [served.holder(begins + span) for span in (-HOUR, 0 * HOUR, 2 * HOUR)]
    assert held == [EVE, BOB, EVE]


def test_the_form_opens_with_the_time_that_was_asked_for_by_the_same_clocks(still: OnCallServed) -> None:
    page = still.as_("bob").get(f"{CHANGE}?role=secondary&start=2026-03-03T18:00&end=2026-03-03T20:00").text
    assert 'name="start" value="2026-03-03T18:00"' in page
    assert 'name="end" value="2026-03-03T20:00"' in page


def test_what_is_shown_names_nights_weekends_gaps_and_who_is_out_of_reach(served: OnCallServed) -> None:
    told = {"do": "put", "person": CAROL, "start": "2026-03-27T18:00", "end": "2026-03-29T20:00"}
    shown = change(served, "carol", **told)
    assert "carol gains 49 h, 2 nights" in shown
    assert "the clocks change on 29 Mar" in shown
    assert "Out of reach Carol" in shown


def test_two_shifts_are_swapped_and_given_back_together(served: OnCallServed) -> None:
    eves, adas = iso(TOMORROW), iso(NOON + 8 * DAY)
    assert "Swap these two shifts?" in change(served, "ada", do="swap", at=adas, other=eves)
    assert change(served, "ada", do="swap", at=adas, other=eves, reason="a wedding", sure="1").startswith("303")
    assert [served.holder(TOMORROW), served.holder(NOON + 8 * DAY)] == [ADA, EVE]
    page = served.as_("eve").shown("/oncall/payments")
    assert "Swapped" in page
    assert "a wedding" in page
    assert "Give back…" in page
    assert "Give number 1 back?" in change(served, "eve", do="back", number="1")
    assert change(served, "eve", do="back", number="1", sure="1").startswith("303")
    assert [served.holder(TOMORROW), served.holder(NOON + 8 * DAY)] == [EVE, ADA]


def test_a_stranger_may_put_herself_in_and_nobody_else(served: OnCallServed) -> None:
    span = {"start": iso(TOMORROW), "end": iso(TOMORROW + HOUR)}
    assert change(served, "carol", do="put", person=BOB, **span).startswith("403")
    assert change(served, "carol", do="swap", at=iso(TOMORROW), other=iso(NOON + 8 * DAY)).startswith("403")
    assert change(served, "carol", do="put", person=CAROL, sure="1", **span).startswith("303")
    assert served.holder(TOMORROW) == CAROL
    assert change(served, "bob", do="put", person=BOB, sure="1", start=iso(NOON + 9 * DAY), end=iso(NOON + 10 * DAY))
    assert change(served, "carol", do="back", number="2", sure="1").startswith("403")
    assert change(served, "carol", do="back", number="1", sure="1").startswith("303")


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"do": "put", "person": BOB, "start": "2026-02-01T10:00", "end": "2026-02-01T12:00"}, "is over"),
        ({"do": "put", "person": BOB, "start": "2026-03-05T10:00"}, "from when to when"),
        ({"do": "put", "person": BOB, "start": "2026-03-05T10:00", "end": "2026-03-05T09:00"}, "ends after it begins"),
        ({"do": "put", "start": "2026-03-05T10:00", "end": "2026-03-05T12:00"}, "who shall have it"),
        (
            {"do": "put", "person": "user:default/zoe", "start": iso(TOMORROW), "end": iso(NOON + 2 * DAY)},
            "nobody called",
        ),
        ({"do": "swap", "at": "2026-03-05T10:00"}, "which shift"),
        ({"do": "take", "person": EVE, "at": "2026-03-05T10:00"}, "theirs already"),
    ],
)
def test_what_cannot_be_done_is_said_where_it_was_asked(still: OnCallServed, form: dict[str, str], said: str) -> None:
    answer = change(still, "bob", **form)
    assert answer.startswith("400")
    assert said in answer


def test_no_time_at_all_is_refused_with_how_to_write_one(still: OnCallServed) -> None:
    answer = still.as_("bob").get(f"{CHANGE}?role=primary&at=yesterday-ish")
    assert answer.status_code == 400
    assert "write it like" in words(answer)


def test_a_gap_stands_on_top_and_is_mended_there(served: OnCallServed) -> None:
    gap = NOON + 3 * DAY
    span = {"start": iso(gap), "end": iso(gap + 3 * HOUR)}
    with served.services.database.write() as session:
        planstore.put_override(
            session, "payments", Override(0, "primary", "", gap, gap + 3 * HOUR, NOON - HOUR, by=EVE)
        )
    page = served.as_("ada").shown("/oncall/payments")
    assert "Nobody is first from Thu 5 Mar 13:00 to 16:00." in page
    assert "Take it… Ask" in page
    assert "payments: Nobody is primary Thu 5 Mar 12:00 to 15:00" in served.as_("ada").shown("/oncall")
    assert served.as_("ada").post("/oncall/payments/ask", role="primary", person=BOB, **span).status_code == 303
    heard = served.heard(BOB)[0]
    assert "Can you be first of payments? ada asks you" in heard
    with served.services.database.read() as session:
        path = notices.unseen(session, BOB)[0].path
    assert served.as_("bob").get(path).status_code == 200
    shown = change(served, "bob", do="put", person=BOB, **span)
    assert "A gap less Nobody was primary" in shown
    assert change(served, "bob", do="put", person=BOB, sure="1", **span).startswith("303")
    assert served.holder(gap) == BOB
    assert "Nobody is first" not in served.as_("ada").shown("/oncall/payments")
    assert served.as_("ada").post("/oncall/payments/ask", role="primary", person=CAROL, **span).status_code == 400


# What waits for me.


def test_a_notice_is_gone_when_it_was_seen_by_whose_it_is(served: OnCallServed) -> None:
    with served.services.jobs.transaction() as tx:
        notices.notify(tx, served.services.jobs, ADA, "Look <here>", "a text", "/oncall/payments", NOON)
    assert "Look <here>" in served.as_("ada").shown("/oncall")
    served.as_("bob").post("/oncall/notices/1/seen")
    assert "Look" in served.as_("ada").shown("/oncall")
    served.as_("ada").post("/oncall/notices/1/seen")
    assert "Look" not in served.as_("ada").shown("/oncall")
    assert served.as_("admin").post("/oncall/notices/1/seen").status_code == 409  # who is nobody has none


def test_a_task_is_done_by_its_team(served: OnCallServed) -> None:
    with served.services.database.write() as session:
        planstore.open_task(session, "fair:1", TEAM, "Ada carries too much", NOON)
    assert "Ada carries too much" not in served.as_("carol").shown("/oncall")
    assert served.as_("carol").post("/oncall/tasks/1/done").status_code == 403
    assert "Ada carries too much" in served.as_("bob").shown("/oncall")
    assert served.as_("bob").post("/oncall/tasks/1/done").status_code == 303
    assert "Ada carries too much" not in served.as_("bob").shown("/oncall")
    assert served.as_("bob").post("/oncall/tasks/1/done").status_code == 404
