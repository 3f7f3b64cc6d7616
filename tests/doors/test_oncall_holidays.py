"""Public holidays: a file is given, its days are shown in the month, and whoever is on call then may ask for cover."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from werkzeug.test import TestResponse

from tests.doors.browsing import words
from tests.doors.oncallserved import ADA, BOB, CAROL, EVE, OnCallServed, oncall_portal

PAGE = "/account/holidays"
PEOPLE = (ADA, BOB, EVE)


def calendar(*days: str) -> bytes:
    """Return a calendar with a holiday on each of these days: `20260304 Founders' Day`."""
    events = [f"BEGIN:VEVENT\r\nDTSTART;VALUE=DATE:{day[:8]}\r\nSUMMARY:{day[9:]}\r\nEND:VEVENT\r\n" for day in days]
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{''.join(events)}END:VCALENDAR\r\n".encode()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[OnCallServed]:
    with oncall_portal(tmp_path) as made:
        yield made


def give(served: OnCallServed, who: str, of: str, data: bytes) -> TestResponse:
    browser = served.as_(who)
    form = {"csrf_token": browser.token(), "of": of, "file": (BytesIO(data), "days.ics")}
    return browser.client.post(PAGE, data=form)


def test_a_holiday_is_in_the_month_in_the_load_and_can_be_asked_to_cover_once(served: OnCallServed) -> None:
    holder = served.holder(served.clock.now.replace(day=4))
    name = holder.rpartition("/")[2]
    others = [one for one in PEOPLE if one != holder]
    given = give(served, name, "schedule:payments", calendar("20260304 Founders' Day", "20260101 New Year"))
    assert given.status_code == 303

    rota = served.as_(name).get("/oncall/payments")
    assert 'title="Founders&#39; Day"' in rota.text
    assert "You are on call on a public holiday: Founders' Day, Wed 4 Mar 00:00 to" in words(rota).replace("’", "'")
    assert "Holidays" in words(rota)

    shown = served.as_(name).get(PAGE)
    assert "Ask to cover" in shown.text
    ask = {"schedule": "payments", "role": "primary", "at": "2026-03-04T11:00:00Z"}
    assert served.as_("carol").post(f"{PAGE}/ask", **ask).status_code == 403
    assert served.as_(name).post(f"{PAGE}/ask", **ask).status_code == 303
    heard = [served.heard(one) for one in PEOPLE]
    free = [one for one in others if served.holder(served.clock.now.replace(day=4), "secondary") != one]
    assert [bool(one) for one in heard] == [one in free for one in PEOPLE]
    assert "that is a holiday: Founders' Day" in served.heard(free[0])[0]
    assert served.as_(name).post(f"{PAGE}/ask", **ask).status_code == 409
    assert "The others are asked" in words(served.as_(name).get(PAGE))


def test_ones_own_days_go_before_those_of_the_schedule_and_of_the_team(served: OnCallServed) -> None:
    holder = served.holder(served.clock.now.replace(day=4))
    name = holder.rpartition("/")[2]
    give(served, "bob", "group:default/payments", calendar("20260303 Team Day"))
    assert "Team Day" in words(served.as_(name).get(PAGE))
    give(served, "bob", "schedule:payments", calendar("20260304 Founders' Day"))
    assert "1 shift on a free day" not in words(served.as_(name).get(PAGE))  # the second role is on call then, too
    give(served, name, holder, calendar("20270304 Far Away"))
    shown = words(served.as_(name).get(PAGE))
    assert "1 shift on a free day" in shown
    assert served.as_(name).post(PAGE, of=holder, do="remove").status_code == 303
    assert "2 shifts on a free day" in words(served.as_(name).get(PAGE))
    assert served.as_(name).post(PAGE, of=holder, do="remove").status_code == 404


@pytest.mark.parametrize(
    ("who", "of", "data", "status", "said"),
    [
        ("carol", "schedule:payments", calendar("20260304 x"), 403, ""),
        ("carol", ADA, calendar("20260304 x"), 403, "changed by that person or by an admin"),
        ("carol", "group:default/payments", calendar("20260304 x"), 403, ""),
        ("carol", CAROL, b"<!doctype html>", 400, "does not begin with BEGIN:VCALENDAR"),
        ("carol", CAROL, b"", 400, "Choose a file"),
        ("carol", CAROL, calendar("19990304 x"), 400, "No day of this calendar lies between 2025 and 2035"),
        ("carol", CAROL, b"\x00" * 1_100_000, 400, "more than 1 MB"),
        ("carol", "schedule:nothing", calendar("20260304 x"), 404, "There is no schedule nothing"),
        ("carol", "user:nobody", calendar("20260304 x"), 404, "knows nobody"),
        ("carol", "group:\x00", calendar("20260304 x"), 400, ""),
    ],
)
def test_what_cannot_be_kept_is_refused_with_a_sentence(
    refusing: OnCallServed, who: str, of: str, data: bytes, status: int, said: str
) -> None:
    answer = give(refusing, who, of, data)
    assert (answer.status_code, said in words(answer)) == (status, True)


@pytest.fixture(scope="module")
def refusing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OnCallServed]:
    with oncall_portal(tmp_path_factory.mktemp("refusing")) as made:
        yield made


def test_who_is_on_call_while_away_is_said_on_the_page_with_what_can_be_done(served: OnCallServed) -> None:
    holder = served.holder(served.clock.now.replace(day=4))
    name = holder.rpartition("/")[2]
    assert give(served, name, holder, calendar("20260304 Leave")).status_code == 303

    page = served.as_(name).get("/oncall")  # which tells her day at the reader's hours
    assert "Tue 3 Mar 23:00 to Wed 4 Mar 23:00, but away by their own calendar (Leave)" in words(page)
    assert f'href="{PAGE}">Ask to cover…' in page.text
    assert "but away" not in words(served.as_(name).get("/oncall/payments"))  # there it has a line of its own
