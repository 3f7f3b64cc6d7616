"""Silences, integrations and the phones that only remember, as pages: every button, who may, and pressed twice."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from oncall import intakestore
from oncall.intakestore import Key
from oncall.intaketables import SilenceRow
from oncall.paging.memory import Trouble
from tests.doors.alarming import CHECKOUT, alarmed, event, incident
from tests.doors.browsing import Browser, browser, words
from tests.doors.oncallhall import ALICE, work
from tests.doors.served import Served


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One portal for all; each test says something of its own."""
    with alarmed(tmp_path_factory.mktemp("silences")) as made:
        yield made


@pytest.fixture(scope="module")
def people(served: Served) -> dict[str, Browser]:
    return {who: browser(served, who) for who in ("alice", "bob", "carol", "dora", "admin")}


def silences(served: Served) -> list[SilenceRow]:
    with served.services.database.read() as session:
        return list(intakestore.silences(session))


def keys(served: Served) -> list[Key]:
    with served.services.database.read() as session:
        return list(intakestore.keys(session))


def silenced(served: Served, who: Browser, title: str, **more: str) -> int:
    """Silence what contains those words, for checkout; return its number."""
    form = {"service": "checkout", "title": title, "reason": "it is known", "for": "4h", **more}
    assert who.post("/silences", **form).status_code == 303
    return max(row.id for row in silences(served))


# Silences.


def test_what_is_silenced_pages_nobody_and_is_counted_with_its_reason(
    served: Served, people: dict[str, Browser]
) -> None:
    number = silenced(served, people["alice"], "the lamp (old) flickers")
    rang = len(served.services.oncall.phones.messages(ALICE))
    for _ in range(2):
        event(served, "The LAMP (old) flickers again")
    assert len(served.services.oncall.phones.messages(ALICE)) == rang
    page = people["bob"].shown("/silences")
    assert f"checkout, title contains “the lamp (old) flickers” silence {number} It is known." in page
    assert "It has kept 1 alert quiet, said 2 times." in page
    assert f"The LAMP (old) flickers again By silence {number}." in page


def test_a_second_press_makes_no_second_silence(served: Served, people: dict[str, Browser]) -> None:
    first = silenced(served, people["alice"], "pressed twice")
    assert silenced(served, people["alice"], "pressed twice") == first


def test_looking_first_says_what_would_be_quiet_and_sets_nothing(served: Served, people: dict[str, Browser]) -> None:
    event(served, "the printer burns")
    before = len(silences(served))
    answer = people["alice"].post("/silences", service="checkout", title="printer", reason="x", do="look")
    assert "1 open alert is meant." in words(answer)
    assert "checkout: the printer burns" in words(answer)
    assert 'value="printer"' in answer.text
    assert len(silences(served)) == before


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"service": "checkout"}, "Say why; whoever wonders at night reads it."),
        ({"service": "checkout", "reason": "x", "until": "2020-01-01T10:00"}, "It must end after it has begun"),
        ({"service": "checkout", "reason": "x", "until": "soon"}, "“soon” is no moment"),
        ({"service": "checkout", "reason": "x", "label": "staging"}, "A label is written as name=value"),
        ({"service": "checkout", "reason": "x", "more": "hots=a"}, 'did you mean "host"?'),
        ({"service": "checkout", "reason": "x", "more": "host=~("}, "is no pattern of RE2"),
        ({"service": "checkout", "reason": "x", "for": "resolved"}, "Say which incident, by its number"),
        ({"service": "checkout", "reason": "x", "for": "resolved", "incident": "7777"}, "There is no incident 7777"),
        ({"service": "checkout", "reason": "x", "until": "2999-01-01T10:00"}, "It may last 90 days"),
    ],
)
def test_what_cannot_be_silenced_is_said_where_it_was_typed(
    served: Served, people: dict[str, Browser], form: dict[str, str], said: str
) -> None:
    before = len(silences(served))
    answer = people["alice"].post("/silences", title="kept words", **form)
    assert answer.status_code in (400, 404)
    assert said.lower() in words(answer).lower()
    assert answer.status_code == 404 or 'value="kept words"' in answer.text
    assert len(silences(served)) == before


def test_only_whose_it_is_may_silence_lengthen_and_end(served: Served, people: dict[str, Browser]) -> None:
    number = silenced(served, people["alice"], "mine to decide")
    end = silences(served)[-1].end
    for path, form in (
        ("/silences", {"service": "checkout", "reason": "x"}),
        (f"/silences/{number}/end", {}),
        (f"/silences/{number}/extend", {"for": "1h"}),
    ):
        answer = people["dora"].post(path, **form)
        assert answer.status_code == 403, path
        assert "Only payments may silence alerts of" in words(answer)
    assert "Longer…" in people["dora"].shown("/silences")
    assert silences(served)[-1].end == end


def test_every_service_at_once_is_for_the_last_resort_and_admins(served: Served, people: dict[str, Browser]) -> None:
    form = {"service": "", "title": "everywhere", "reason": "the power goes", "for": "1h"}
    assert people["alice"].post("/silences", **form).status_code == 403
    for who in ("carol", "admin"):
        assert people[who].post("/silences", **form).status_code == 303


def test_it_is_lengthened_and_ended_and_a_second_press_breaks_nothing(
    served: Served, people: dict[str, Browser]
) -> None:
    number = silenced(served, people["alice"], "longer and over")
    end = silences(served)[-1].end
    assert people["bob"].post(f"/silences/{number}/extend", **{"for": "1d"}).status_code == 303
    assert silences(served)[-1].end == end + timedelta(days=1)
    for _ in range(4):
        people["bob"].post(f"/silences/{number}/extend", **{"for": "30d"})
    assert "It may last 90 days" in people["bob"].shown("/silences")
    for _ in range(2):
        assert people["bob"].post(f"/silences/{number}/end").status_code == 303
    assert number not in [row.id for row in silences(served)]
    assert people["bob"].post("/silences/7777/end").status_code == 303


def test_a_silence_until_the_incident_is_resolved_ends_with_it(served: Served, people: dict[str, Browser]) -> None:
    number = event(served, "the belt squeaks")
    page = people["alice"].get(f"/incidents/{number}").text
    link = re.search(r'href="(/silences\?[^"]+)#make"', page)
    assert link
    form = people["alice"].get(link[1].replace("&amp;", "&")).text
    assert 'value="the belt squeaks"' in form
    assert f'<option value="{number}" selected>' in form
    made = silenced(served, people["alice"], "squeaks", **{"for": "resolved", "incident": str(number)})
    assert "title contains “squeaks”" in people["alice"].shown(f"/incidents/{number}")
    served.services.oncall.actions.resolve(number, ALICE)
    assert made not in [row.id for row in silences(served)]


def test_maintenance_is_planned_in_the_readers_own_zone(served: Served, people: dict[str, Browser]) -> None:
    at = (served.services.clock() + timedelta(days=3)).replace(hour=9, minute=0, second=0, microsecond=0)
    silenced(
        served,
        people["admin"],
        "the move",
        kind="maintenance",
        **{"from": f"{at:%Y-%m-%dT%H:%M}", "until": f"{at + timedelta(hours=2):%Y-%m-%dT%H:%M}"},
    )
    row = silences(served)[-1]
    assert (row.kind, row.start, row.end) == ("maintenance", at, at + timedelta(hours=2))
    assert re.search(r"Planned 1 .*the move.*maintenance", people["alice"].shown("/silences"))


def test_what_is_open_is_muted_with_it_and_goes_on_when_it_is_ended(served: Served, people: dict[str, Browser]) -> None:
    number = event(served, "the gate is stuck")
    form = {"service": "checkout", "title": "gate is stuck", "reason": "it is mended"}
    look = words(people["alice"].post("/silences", **form, do="look"))
    assert f"1 open alert is meant. Incident {number} is muted with it." in look
    made = silenced(served, people["alice"], "gate is stuck")
    assert "Muted until" in people["bob"].shown(f"/incidents/{number}")
    assert 'title="A silence keeps it quiet already."' in people["bob"].get(f"/incidents/{number}").text
    assert f"Silence {made} of alice: it is known" in people["bob"].shown(f"/incidents/{number}")
    people["alice"].post(f"/silences/{made}/end")
    assert incident(served, number).state == "open"
    work(served)
    assert f"Silence {made} has ended, and this has not" in people["bob"].shown(f"/incidents/{number}")
    assert f"It muted incident {number}." in people["bob"].shown("/silences")


def test_what_is_over_is_listed_and_can_be_set_again(served: Served, people: dict[str, Browser]) -> None:
    more = {"label": "env=staging", "more": "host=~db-.*\nlabel:b=c", "kind": "maintenance", "for": "3d"}
    made = silenced(served, people["alice"], "the (old) door", **more)
    event(served, "the (old) door creaks", payload={"source": "db-1", "custom_details": {}})
    people["alice"].post(f"/silences/{made}/end")
    page = people["dora"].shown("/silences")
    assert re.search(r"Over in the last 30 days.*the \(old\) door.*ended before its time", page)
    form = people["alice"].get(f"/silences?again={made}").text
    for said in ('value="the (old) door"', 'value="env=staging"', "host=~db-.*\nlabel:b=c</textarea>"):
        assert said in form
    assert '<option value="3d" selected>' in form
    assert '<option value="maintenance" selected>' in form
    for nothing in ("7777", "x", "9" * 40):
        assert people["alice"].get(f"/silences?again={nothing}").status_code == 200


# Integrations.

MADE: tuple[tuple[str, dict[str, str], str], ...] = (
    ("events", {}, "/v2/enqueue"),
    ("alertmanager", {"by_label": "1", "service_label": "app", "severities": "blue = warning"}, "webhook_configs"),
    ("generic", {"mapping": "title: $.name\nseverity: {from: $.l, values: {P1: critical}}"}, "/hooks/generic/"),
    ("mail", {"senders": "@mon.example", "severity": "warning"}, "/etc/aliases"),
    ("heartbeat", {"every": "0 3 * * *", "grace": "30m", "zone": "Europe/Berlin"}, "crontab"),
)


@pytest.mark.parametrize(("kind", "form", "paste"), MADE, ids=[one[0] for one in MADE])
def test_a_key_is_shown_once_with_what_to_paste_and_is_taken_by_its_door(
    served: Served, people: dict[str, Browser], kind: str, form: dict[str, str], paste: str
) -> None:
    answer = people["bob"].post("/integrations", service="checkout", kind=kind, name=f"my {kind}", **form)
    shown = re.search(r'class="key-text">(\w+)<', answer.text)
    assert shown
    assert re.fullmatch(r"[A-Za-z0-9]{32}", shown[1])
    assert paste in words(answer)
    assert answer.text.count(shown[1]) >= 2
    again = people["bob"].get("/integrations?service=checkout").text
    assert shown[1] not in again
    assert f"my {kind}" in again
    assert f"…{shown[1][-4:]}" in again

    nobody = served.app.test_client()
    if kind == "events":
        payload = {"summary": "a try", "source": "me", "severity": "info"}
        said = nobody.post("/v2/enqueue", json={"routing_key": shown[1], "event_action": "trigger", "payload": payload})
    else:
        said = nobody.post(f"/hooks/{kind}/{shown[1]}", data=b"{}")
    assert said.status_code == 202

    made = next(one for one in keys(served) if one.name == f"my {kind}")
    for _ in range(2):
        assert people["alice"].post(f"/integrations/{made.id}/end", service="checkout").status_code == 303
    assert made.id not in [one.id for one in keys(served)]


@pytest.mark.parametrize(
    ("kind", "form", "said"),
    [
        ("generic", {"mapping": "titel: $.name"}, 'did you mean "title"?'),
        ("generic", {"mapping": "a: [b"}, "It is no YAML in line"),
        ("generic", {"mapping": ""}, "A mapping says for each field where it stands"),
        ("mail", {"resolve": "("}, "resolve:"),
        ("mail", {"senders": "bob"}, "is no address and no @domain"),
        ("heartbeat", {"every": "5 parsecs x y"}, "a cron expression has five fields"),
        ("heartbeat", {"every": "soon"}, "“soon” is no length of time"),
        ("heartbeat", {"every": "1s"}, "the period must be from 10 seconds to a year"),
        ("heartbeat", {"every": "0 3 * * *", "zone": "Europe/Berln"}, 'did you mean "Europe/Berlin"?'),
        ("alertmanager", {"severities": "blue = awful"}, "should read like: page = critical"),
        ("pigeon", {}, "There is no integration of kind “pigeon”"),
    ],
)
def test_what_cannot_be_made_is_said_where_it_was_typed(
    served: Served, people: dict[str, Browser], kind: str, form: dict[str, str], said: str
) -> None:
    before = len(keys(served))
    answer = people["alice"].post("/integrations", service="checkout", kind=kind, name="kept words", **form)
    assert answer.status_code == 400
    assert kind == "pigeon" or said.lower() in words(answer).lower()
    assert kind == "pigeon" or 'value="kept words"' in answer.text
    assert len(keys(served)) == before


def test_only_whose_it_is_may_make_and_take_away(served: Served, people: dict[str, Browser]) -> None:
    number = keys(served)[0].id
    for path, form in (
        ("/integrations", {"service": "checkout", "kind": "events"}),
        (f"/integrations/{number}/end", {}),
    ):
        answer = people["dora"].post(path, **form)
        assert answer.status_code == 403
        assert "Only payments may make integrations of checkout" in words(answer)
    assert number in [one.id for one in keys(served)]


def test_an_integration_is_told_otherwise_and_its_password_is_never_shown(
    served: Served, people: dict[str, Browser]
) -> None:
    form = {"service": "checkout", "kind": "alertmanager", "name": "asked", "poll": "http://me:hush-hush@am.test:9093"}
    people["alice"].post("/integrations", **form)
    key = next(one for one in keys(served) if one.name == "asked")
    page = people["alice"].get(f"/integrations?change={key.id}").text
    assert 'value="http://am.test:9093"' in page
    assert "am.test:9093 is asked each minute" in page
    assert "hush-hush" not in page + people["dora"].get("/integrations").text
    path = f"/integrations/{key.id}/change"
    assert people["dora"].post(path, **form).status_code == 403
    wrong = people["alice"].post(path, **{**form, "name": "other words", "poll": "ftp://x"})
    assert wrong.status_code == 400
    assert 'value="other words"' in wrong.text
    form |= {"name": "asked often", "poll": "http://am.test:9093", "severities": "blue = warning"}
    assert people["alice"].post(path, **form).status_code == 303
    now = next(one for one in keys(served) if one.id == key.id)
    assert (now.name, now.settings["severities"]) == ("asked often", {"blue": "warning"})
    assert now.settings["poll"] == "http://me:hush-hush@am.test:9093"  # it was not typed again, and stays


@pytest.mark.parametrize(("lasts", "holds"), [("7d", 202), ("0", 401)])
def test_a_key_is_renewed_and_the_old_one_holds_as_long_as_was_chosen(
    served: Served, people: dict[str, Browser], lasts: str, holds: int
) -> None:
    made = people["alice"].post("/integrations", service="checkout", kind="generic", name="n", mapping="title: $.name")
    old, number = key_in(made), keys(served)[-1].id
    assert people["dora"].post(f"/integrations/{number}/renew").status_code == 403
    new = key_in(people["alice"].post(f"/integrations/{number}/renew", **{"for": lasts}))
    assert ("The key before it holds until" in people["alice"].shown("/integrations")) == (holds == 202)
    nobody = served.app.test_client()
    said = [nobody.post(f"/hooks/generic/{key}", data=b"{}").status_code for key in (new, old)]
    assert said == [202, holds]
    people["alice"].post(f"/integrations/{number}/end")


def key_in(answer: Any) -> str:
    found = re.search(r'class="key-text">(\w+)<', answer.text)
    assert found
    return found[1]


def test_a_heart_that_is_silent_is_said_in_the_band(served: Served, people: dict[str, Browser]) -> None:
    at = served.services.clock() - timedelta(hours=1)
    with served.services.database.write() as session:
        settings = {"period": 60, "grace": 10, "zone": "UTC"}
        number = intakestore.add_key(session, "h" * 32, "heartbeat", "late heart", CHECKOUT, settings, ALICE, at)
    page = people["alice"].shown("/integrations")
    assert "late heart is silent." in page
    with served.services.database.write() as session:
        intakestore.end_key(session, number, at)


# The phones, and home.


def test_the_phones_show_what_rang_why_and_lead_to_the_button(served: Served, people: dict[str, Browser]) -> None:
    number = event(served, "the kettle is dry")
    page = people["dora"].get("/phones")
    assert "Alice Moreau: a phone rings." in words(page)
    assert "the kettle is dry" in words(page)
    assert "You are payments primary: level 1 of 2." in words(page)
    path = re.search(rf'href="(/ack/[^"]+)">Acknowledge<span class="sr"> {number} as', page.text)
    assert path
    browser(served).post(path[1])
    assert incident(served, number).assigned == (ALICE,)
    assert "taken by Alice Moreau" in people["dora"].shown("/phones")


def test_home_says_what_is_open_and_whose_turn_it_is(served: Served, people: dict[str, Browser]) -> None:
    served.services.oncall.phones.trouble(Trouble.REFUSES)
    number = event(served, "nobody sells")
    work(served)
    served.services.oncall.phones.trouble(None)
    home = people["alice"].shown("/")
    assert "need people" in home or "needs people" in home
    assert f"Take incident {number}" in home
    assert f"incident {number}" not in people["dora"].shown("/").split("Needs you")[1]
