"""Schedules and escalations as text and by forms, how one is reached, calendars: each button, and who may press it."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from icalendar import Calendar
from werkzeug.test import TestResponse

from oncall import planstore
from oncall.planstore import ESCALATION, SCHEDULE
from oncall.reaching import VERIFY
from oncall.trying import TEST
from tests.conftest import NOON
from tests.doors.browsing import Browser, words
from tests.doors.oncallserved import ADA, BOB, STEPS, TEAM, WEEKLY, OnCallServed, oncall_portal

EDIT, POLICY, REACH = "/oncall/payments/edit", "/oncall/escalations/payments/edit", "/account/reach"
CALENDARS = "/account/calendars"
WEEK = timedelta(days=7)


@pytest.fixture(scope="module")
def still(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OnCallServed]:
    """A portal that tests only look at."""
    with oncall_portal(tmp_path_factory.mktemp("still")) as made:
        yield made


@pytest.fixture
def served(tmp_path: Path) -> Iterator[OnCallServed]:
    with oncall_portal(tmp_path) as made:
        yield made


def versions(served: OnCallServed, kind: str = SCHEDULE, name: str = "payments") -> list[tuple[str, str]]:
    with served.services.database.read() as session:
        return [(one.text, one.why) for one in planstore.versions(session, kind, name)]


# The text of a schedule.


def test_a_text_is_shown_with_what_it_changes_and_kept_with_why(served: OnCallServed) -> None:
    bob = served.as_("bob")
    text = WEEKLY.replace("user:bob, user:eve", "user:eve")
    shown = words(bob.post(EDIT, do="preview", text=text, why="bob moves"))
    assert "Not kept yet" in shown
    assert "bob loses" in shown
    assert "The next weeks" in shown
    assert len(versions(served)) == 1
    assert bob.post(EDIT, do="save", text=text, why="bob moves").status_code == 303
    assert versions(served)[-1] == (text, "bob moves")
    assert "2 you, 0 s ago bob moves" in bob.shown(EDIT)
    assert served.heard(ADA)


def test_everything_that_is_wrong_stands_beside_the_text_which_stays(still: OnCallServed) -> None:
    text = "timezone: Europe/Berln\nrotations:\n  - name: main\n    evry: 1 <week>\n"
    answer = still.as_("bob").post(EDIT, do="save", text=text)
    page = words(answer)
    assert answer.status_code == 400
    assert 'line 1, column 1 timezone: there is no time zone "Europe/Berln"; did you mean "Europe/Berlin"?' in page
    assert "line 4, column 5" in page
    assert "evry: 1 &lt;week&gt;" in answer.text
    assert len(versions(still)) == 1


def test_who_is_not_in_the_catalog_cannot_be_planned(still: OnCallServed) -> None:
    answer = still.as_("bob").post(EDIT, do="preview", text=WEEKLY.replace("user:bob", "user:zoe"))
    assert answer.status_code == 400
    assert "the catalog knows nobody called user:default/zoe" in words(answer)


def test_a_stranger_reads_the_text_and_cannot_change_it(still: OnCallServed) -> None:
    carol = still.as_("carol")
    assert "readonly" in carol.get(EDIT).text
    assert carol.post(EDIT, do="save", text=WEEKLY).status_code == 403
    assert carol.post(POLICY, do="save", text=STEPS).status_code == 403
    assert "Only payments may plan shifts of payments" in carol.shown(EDIT)


@pytest.mark.parametrize(
    ("form", "order"),
    [
        ({"do": "join-0", "person-0": "user:default/carol"}, "[user:ada, user:bob, user:eve, user:carol]"),
        ({"do": "leave-0", "person-0": BOB}, "[user:ada, user:eve]"),
        ({"do": "order-0", "place-0-0": "3", "place-0-2": "1"}, "[user:eve, user:bob, user:ada]"),
    ],
)
def test_the_common_changes_are_written_into_the_text(still: OnCallServed, form: dict[str, str], order: str) -> None:
    bob = still.as_("bob")
    page = bob.post(EDIT, text=WEEKLY, **{"when-0": "after the current shift"}, **form)
    assert page.status_code == 200, words(page)
    found = re.search(r'<textarea id="text"[^>]*>\n(.*?)</textarea>', page.text, re.DOTALL)
    assert found
    text = found[1].replace("&#34;", '"')
    assert f'- {{from: "2026-03-09 09:00", order: {order}' in text
    assert "# as agreed in January" in text
    assert len(versions(still)) == 1


def test_a_change_that_makes_no_sense_is_refused(still: OnCallServed) -> None:
    bob = still.as_("bob")
    assert "is in main already" in words(bob.post(EDIT, text=WEEKLY, do="join-0", **{"person-0": BOB}))
    for order in ("join-7", "dance", "join-x"):
        assert "no such rotation" in words(bob.post(EDIT, text=WEEKLY, do=order))


# A team's first schedule.


def test_a_first_schedule_comes_from_one_form_with_its_escalation(served: OnCallServed) -> None:
    carol = served.as_("carol")
    assert 'value="search"' in carol.get("/oncall/new?team=group:default/search").text
    form = {"name": "search", "team": "group:default/search", "at-user:default/carol": "1"}
    form |= {"every": "1 week", "day": "2", "clock": "10:00", "zone": "Europe/Berlin"}
    page = carol.post("/oncall/new", **form)
    assert page.status_code == 200, words(page)
    texts = re.findall(r'<textarea id="(?:text|escalation)"[^>]*>\n(.*?)</textarea>', page.text, re.DOTALL)
    text, escalation = (one.replace("&#39;", "'").replace("&#34;", '"') for one in texts)
    assert "2026-02-25 10:00" in text  # the Wednesday before
    assert "carol gains" in words(page)
    assert not versions(served, name="search")
    kept = {"team": "group:default/search", "text": text, "escalation": escalation, "why": "The first schedule."}
    assert carol.post("/oncall/search/edit", do="save", **kept).status_code == 303
    assert served.holder(NOON, name="search") == "user:default/carol"
    assert len(versions(served, ESCALATION, "search")) == 1
    assert "carol" in carol.shown("/oncall/search")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"name": "payments"}, "There is a schedule payments already"),
        ({"name": "new"}, "small letters"),
        ({"name": "No Good"}, "small letters"),
        ({"zone": "Mars/Base"}, "zone"),
        ({"clock": "25:99"}, "like 09:00"),
        ({"every": "1 fortnight"}, "A turn lasts"),
        ({"two": "1"}, "two people at least"),
        ({f"at-{ADA}": ""}, "at least one person"),
    ],
)
def test_the_form_says_what_is_wrong_and_keeps_what_was_typed(
    still: OnCallServed, more: dict[str, str], said: str
) -> None:
    form = {"name": "second", "team": TEAM, f"at-{ADA}": "1", "every": "1 week", "day": "0", "clock": "09:00"}
    answer = still.as_("ada").post("/oncall/new", **{**form, "zone": "UTC", **more})
    assert answer.status_code == 400
    assert said in words(answer)
    assert f'value="{(form | more)["name"].lower()}"' in answer.text.lower()


def test_nobody_writes_a_schedule_for_another_team(still: OnCallServed) -> None:
    form = {"name": "second", "team": TEAM, "every": "1 week", "clock": "09:00", "zone": "UTC", f"at-{ADA}": "1"}
    assert still.as_("carol").post("/oncall/new", **form).status_code == 403
    stolen = {"team": "group:default/search", "text": WEEKLY, "do": "save"}
    assert still.as_("carol").post(EDIT, **stolen).status_code == 403  # it stays with the team that has it
    assert still.as_("carol").post("/oncall/mine/edit", **(stolen | {"team": "group:default/none"})).status_code == 400


# An escalation.


def test_an_escalation_is_checked_then_kept(served: OnCallServed) -> None:
    bob = served.as_("bob")
    wrong = bob.post(POLICY, do="save", text=STEPS.replace("payments/secondary", "payments/third"))
    assert wrong.status_code == 400
    assert "line 6" in words(wrong)
    changed = STEPS.replace("delay: 5m", "delay: 3m")
    assert "3 min Second of payments" in words(bob.post(POLICY, do="preview", text=changed))
    assert len(versions(served, ESCALATION)) == 1
    assert bob.post(POLICY, do="save", text=changed, why="quicker").status_code == 303
    assert versions(served, ESCALATION)[-1] == (changed, "quicker")
    assert "First of payments is paged first" in bob.shown(POLICY)


# How one is reached.


def channel(served: OnCallServed, who: str = "carol") -> tuple[Browser, str]:
    """Add a phone; return its owner and the address at which it is changed."""
    browser = served.as_(who)
    assert browser.post(REACH, kind="memory", label="the red phone", high="0", low="300").status_code == 303
    with served.services.database.read() as session:
        number = planstore.ways(session, [f"user:default/{who}"])[f"user:default/{who}"][-1].id
    return browser, f"{REACH}/{number}"


def code(served: OnCallServed, who: str = "carol") -> str:
    served.work(VERIFY)
    messages = served.services.oncall.phones.messages(f"user:default/{who}")
    found = re.search(r"\d{6}", messages[-1].title)
    assert found
    return found[0]


def test_a_channel_counts_when_its_code_has_come_back(served: OnCallServed) -> None:
    carol, address = channel(served)
    assert "A page would not reach you" in carol.shown(REACH)
    right = code(served)
    wrong = carol.post(address, do="verify", code="000000" if right != "000000" else "111111")
    assert wrong.status_code == 400
    assert "not the code" in words(wrong)
    assert carol.post(address, do="verify", code=right).status_code == 303
    page = carol.shown(REACH)
    assert "A page now: the red phone at once. What can wait: the red phone after 5 min." in page
    assert "memory://" not in page


def test_delays_and_quiet_hours_are_kept_and_said(served: OnCallServed) -> None:
    carol, address = channel(served)
    carol.post(address, do="verify", code=code(served))
    assert carol.post(address, do="delays", high="120", low="").status_code == 303
    assert carol.post(f"{REACH}/quiet", zone="UTC", start="11:00", end="13:00").status_code == 303
    page = carol.shown(REACH)
    assert "A page now: the red phone at once" in page  # the quickest goes out at once, whatever it says
    assert 'value="11:00"' in carol.get(REACH).text
    for wrong in ({"zone": "Mars"}, {"zone": "UTC", "start": "22:00"}, {"zone": "UTC", "start": "x", "end": "y"}):
        assert carol.post(f"{REACH}/quiet", **wrong).status_code == 400
    assert carol.post(address, do="delays", high="7", low="").status_code == 400
    assert carol.post(address, do="dance").status_code == 400


def test_a_channel_is_its_owners_alone(served: OnCallServed) -> None:
    carol, address = channel(served)
    for order in ("verify", "code", "delays", "remove"):
        assert served.as_("bob").post(address, do=order, high="0", low="0").status_code == 404
    served.clock.now += timedelta(minutes=2)
    assert carol.post(address, do="code").status_code == 303
    assert carol.post(address, do="remove").status_code == 303
    assert "the red phone" not in carol.shown(REACH)
    assert served.as_("admin").post(REACH, kind="memory").status_code == 409
    assert served.as_("admin").get(REACH).status_code == 200


def test_an_address_that_cannot_be_used_is_refused_in_a_sentence(still: OnCallServed) -> None:
    answer = still.as_("carol").post(REACH, label="mine", address="not an address", high="0", low="0")
    assert answer.status_code == 400
    assert "write an address" in words(answer).lower()
    assert 'value="mine"' in answer.text


def test_one_pages_oneself_as_a_test(served: OnCallServed) -> None:
    ada = served.as_("ada")
    assert ada.post(f"{REACH}/test").status_code == 303
    served.work(TEST)
    assert [one.title for one in served.services.oncall.phones.messages(ADA)] == ["A test page"]
    nobody = served.as_("carol").post(f"{REACH}/test")
    assert nobody.status_code == 400
    assert "no channel that counts" in words(nobody)


# Calendars.


def made(browser: Browser, what: str) -> str:
    answer = browser.post(CALENDARS, what=what)
    found = re.search(r"https?://[^/]+(/calendar/[\w-]+\.ics)", answer.text)
    assert found, words(answer)
    return found[1]


def events(answer: TestResponse) -> list[str]:
    assert answer.status_code == 200
    return [str(one["summary"]) for one in Calendar.from_ical(answer.data).walk("VEVENT")]


@pytest.mark.parametrize(
    ("what", "people"),
    [
        (f"person {ADA}", {"ada"}),
        (f"team {TEAM}", {"ada", "bob", "eve"}),
        ("schedule payments", {"ada", "bob", "eve"}),
    ],
)
def test_a_calendar_is_read_by_whoever_has_its_address(still: OnCallServed, what: str, people: set[str]) -> None:
    address = made(still.as_("ada"), what)
    answer = Browser(still.app).get(address)
    assert answer.mimetype == "text/calendar"
    assert {one.partition(":")[0] for one in events(answer)} == people
    again = Browser(still.app).get(address, headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert "private" in answer.headers["Cache-Control"]


def test_a_calendar_follows_the_plan_and_its_mark_with_it(served: OnCallServed) -> None:
    address = made(served.as_("bob"), f"person {BOB}")
    before = Browser(served.app).get(address)
    served.clock.now += timedelta(hours=5)
    assert Browser(served.app).get(address).headers["ETag"] == before.headers["ETag"]
    span = {"start": (NOON + WEEK).isoformat(), "end": (NOON + WEEK + timedelta(hours=1)).isoformat()}
    served.as_("bob").post("/oncall/payments/change", do="put", role="primary", person=BOB, sure="1", **span)
    after = Browser(served.app).get(address)
    assert after.headers["ETag"] != before.headers["ETag"]
    assert len(events(after)) == len(events(before)) + 1


def test_an_address_is_shown_once_and_nothing_is_read_when_it_is_taken_back(served: OnCallServed) -> None:
    ada = served.as_("ada")
    address = made(ada, f"person {ADA}")
    assert address.rpartition("/")[2].removesuffix(".ics") not in ada.get(CALENDARS).text
    assert "never" in ada.shown(CALENDARS)
    Browser(served.app).get(address)
    assert "never" not in ada.shown(CALENDARS)
    assert served.as_("bob").post(f"{CALENDARS}/1/revoke").status_code == 403
    assert ada.post(f"{CALENDARS}/1/revoke").status_code == 303
    assert Browser(served.app).get(address).status_code == 404
    assert ada.post(f"{CALENDARS}/1/revoke").status_code == 404


def test_nobody_makes_a_calendar_of_another_persons_shifts(still: OnCallServed) -> None:
    for what in (f"person {ADA}", f"team {TEAM}", "house all", "schedule nowhere", ""):
        assert still.as_("carol").post(CALENDARS, what=what).status_code == 400


def test_a_calendar_of_a_schedule_is_taken_back_by_its_team(served: OnCallServed) -> None:
    address = made(served.as_("carol"), "schedule payments")
    assert served.as_("bob").post(f"{CALENDARS}/1/revoke").status_code == 303
    assert Browser(served.app).get(address).status_code == 404
