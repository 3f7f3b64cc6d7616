"""On-call over the API as alice and bob, who are payments, carol, a stranger, and the admin."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger import clock
from tests.doors import oncallhall
from tests.doors.oncallhall import ALICE, BOB, CAROL, ROTA, STEPS, TEAM
from tests.doors.served import Served, portal

ROOM = "/oncall/schedules/payments"
DAY = timedelta(days=1)
AHEAD = clock.now().replace(hour=12, minute=0, second=0, microsecond=0) + 10 * DAY  # a noon to come


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with portal(tmp_path, oncall={"phones": True}) as made:
        oncallhall.plan(made)
        yield made


@pytest.fixture(scope="module")
def hall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One for tests that change nothing."""
    with portal(tmp_path_factory.mktemp("hall"), oncall={"phones": True}) as made:
        oncallhall.plan(made)
        oncallhall.wake(made)
        yield made


def primary(served: Served, at: datetime) -> str:
    told = served.as_("carol").get("/oncall", schedule="payments", at=at.isoformat()).json
    return next(one["person"] for one in told["schedules"][0]["roles"] if one["role"] == "primary")


def other(person: str) -> str:
    return BOB if person == ALICE else ALICE


# --- looking ----------------------------------------------------------------------------------------------------------


def test_anybody_sees_who_is_on_call_for_everything_and_for_a_service(hall: Served) -> None:
    carol = hall.as_("carol")

    everything = carol.get("/oncall").json
    told = carol.get("/oncall", service="checkout", at=AHEAD.isoformat()).json

    (duty,) = everything["schedules"]
    assert (duty["schedule"], duty["team"], duty["zone"], everything["answer"]) == ("payments", TEAM, "UTC", None)
    assert {one["role"] for one in duty["roles"]} == {"primary", "secondary"}
    assert {one["person"] for one in duty["roles"]} == {ALICE, BOB}
    first = told["answer"]["levels"][0]["people"][0]
    assert (first["person"], first["through"]) == (primary(hall, AHEAD), "payments/primary")
    assert first["reached_at"] is not None
    assert told["answer"]["escalation"] == "payments"


def test_a_team_answers_for_itself_and_an_unknown_one_is_said(hall: Served) -> None:
    carol = hall.as_("carol")
    assert carol.get("/oncall", team="payments").json["answer"]["team"] == TEAM
    assert carol.get("/oncall", team="search").json["schedules"] == []
    for asked in ({"team": "nobody"}, {"service": "nothing"}, {"schedule": "nothing"}):
        assert carol.get("/oncall", **asked).status_code == 404


def test_shifts_are_those_of_the_span_clipped_to_it(hall: Served) -> None:
    since = AHEAD.replace(hour=0)
    told = (
        hall.as_("carol")
        .get(f"{ROOM}/shifts", **{"from": since.isoformat(), "until": (since + 2 * DAY).isoformat(), "role": "primary"})
        .json
    )

    assert [one["start"][11:16] for one in told["shifts"]] == ["00:00", "09:00", "09:00"]
    assert [one["source"] for one in told["shifts"]] == ["rotation main"] * 3
    assert told["shifts"][0]["person"] == told["shifts"][2]["person"] != told["shifts"][1]["person"]


@pytest.mark.parametrize("until", [AHEAD - DAY, AHEAD, AHEAD + 500 * DAY])
def test_a_span_that_ends_before_it_begins_or_never_is_refused(hall: Served, until: datetime) -> None:
    asked = {"from": AHEAD.isoformat(), "until": until.isoformat()}
    assert hall.as_("carol").get(f"{ROOM}/shifts", **asked).status_code == 400


def test_gaps_are_what_will_be_wrong(served: Served) -> None:
    alice = served.as_("alice")
    assert [one["kind"] for one in alice.get("/oncall/gaps").json["findings"]] == []

    alice.put(
        "/oncall/schedules/nights",
        {"text": ROTA.replace("order: [user:alice, user:bob]", "order: []"), "team": "payments"},
    )
    told = alice.get("/oncall/gaps", schedule="nights").json["findings"]

    assert {(one["kind"], one["role"]) for one in told} == {("gap", "primary"), ("gap", "secondary"), ("alone", "main")}


def test_a_schedule_of_office_hours_has_no_gap_at_night(served: Served) -> None:
    alice, hours = served.as_("alice"), "restrictions: [{days: mon-fri, from: '09:00', to: '17:00'}]\n    starts:"
    written = alice.put("/oncall/schedules/office", {"text": ROTA.replace("starts:", hours), "team": "payments"})
    assert written.status_code == 200, written.json
    assert alice.get("/oncall/gaps", schedule="office", days=14).json["findings"] == []


# --- writing ----------------------------------------------------------------------------------------------------------


def test_a_change_is_shown_before_it_is_saved_and_changes_nothing_until_then(served: Served) -> None:
    alice, before = served.as_("alice"), primary(served, AHEAD)
    text = ROTA.replace("[user:alice, user:bob]", "[user:bob, user:alice]")

    shown = alice.put(f"{ROOM}?dry_run=true", {"text": text})

    assert (shown.status_code, shown.json["saved"], shown.json["empty"]) == (200, False, False)
    assert {one["person"] for one in shown.json["changes"]} == {ALICE, BOB}
    assert all(one["gained_seconds"] > 0 for one in shown.json["changes"])
    assert primary(served, AHEAD) == before
    assert alice.get(ROOM).json["version"] == 1

    assert alice.put(ROOM, {"text": text, "why": "bob first"}).json["saved"] is True
    assert primary(served, AHEAD) == other(before)
    assert (alice.get(ROOM).json["version"], alice.get(ROOM).json["why"]) == (2, "bob first")


def test_every_problem_of_a_text_is_said_at_once(hall: Served) -> None:
    text = ROTA.replace("UTC", "Europe/Atlantis").replace("1 day", "sometimes")
    for path, said in ((ROOM, text), ("/oncall/escalations/payments", STEPS % ("payments", "nothing"))):
        answer = hall.as_("alice").put(path, {"text": said})
        assert answer.status_code == 400
        assert answer.json["error"]["reasons"]


def test_only_the_team_or_an_admin_writes_and_not_what_is_another_teams(served: Served) -> None:
    carol, mine = served.as_("carol"), {"text": ROTA, "team": "group:search"}
    refused = carol.put(ROOM, mine)
    assert refused.status_code == 403
    assert "may plan shifts of payments. Ask Alice Moreau or Bob Okafor." in refused.json["error"]["message"]
    assert carol.put("/oncall/schedules/search", mine).status_code == 200
    assert served.as_("alice").put("/oncall/schedules/search", mine).status_code == 403
    assert served.as_("admin").put(ROOM, {"text": ROTA}).status_code == 200
    assert carol.delete(ROOM).status_code == 403


def test_a_schedule_that_is_paged_stays_until_its_escalation_has_gone(served: Served) -> None:
    alice = served.as_("alice")
    assert alice.delete(ROOM).status_code == 409
    assert alice.delete("/oncall/escalations/payments").json["name"] == "payments"
    assert alice.delete(ROOM).status_code == 200
    assert alice.get(ROOM).status_code == 404
    assert alice.get("/oncall/schedules").json["documents"] == []


def test_an_escalation_is_checked_or_saved(served: Served) -> None:
    alice = served.as_("alice")
    text = (STEPS % ("payments", "payments")).replace("levels:", "repeat: 2\nlevels:")
    checked = alice.put("/oncall/escalations/payments?dry_run=true", {"text": text}).json
    assert (checked["saved"], checked["levels"], checked["rounds"]) == (False, 2, 3)
    assert alice.get("/oncall/escalations/payments").json["version"] == 1
    assert alice.put("/oncall/escalations/payments", {"text": text}).json["saved"] is True
    assert alice.put("/oncall/escalations/other", {"text": text, "team": "payments"}).status_code == 400


def test_a_stranger_puts_herself_in_and_takes_it_back_but_nobody_else(served: Served) -> None:
    carol, before = served.as_("carol"), primary(served, AHEAD)
    span = {"from": (AHEAD - timedelta(hours=1)).isoformat(), "until": (AHEAD + timedelta(hours=1)).isoformat()}

    made = carol.post(f"{ROOM}/overrides", {**span, "reason": "alice is at the dentist"})

    assert (made.status_code, made.json["saved"], primary(served, AHEAD)) == (201, True, CAROL)
    (kept,) = carol.get(f"{ROOM}/overrides").json["overrides"]
    assert (kept["person"], kept["by"], kept["reason"]) == (CAROL, CAROL, "alice is at the dentist")
    assert carol.post(f"{ROOM}/overrides", {**span, "person": "bob"}).status_code == 403
    assert carol.delete(f"/oncall/overrides/{kept['id']}").status_code == 200
    assert primary(served, AHEAD) == before
    assert carol.delete(f"/oncall/overrides/{kept['id']}").status_code == 404


def test_a_shift_is_covered_in_part_and_two_are_swapped(served: Served) -> None:
    has_it = primary(served, AHEAD)
    taker = served.as_(other(has_it).rpartition("/")[2])
    part = {"from": AHEAD.isoformat(), "until": (AHEAD + timedelta(hours=3)).isoformat()}

    assert taker.post(f"{ROOM}/cover", {"at": AHEAD.isoformat(), **part}).status_code == 201
    assert [primary(served, AHEAD + timedelta(hours=hours)) for hours in (-1, 0, 3)] == [has_it, other(has_it), has_it]

    later = AHEAD + 4 * DAY
    swapped = {"mine": later.isoformat(), "with": (later + DAY).isoformat()}
    looked = taker.post(f"{ROOM}/swap?dry_run=true", swapped)
    assert (looked.status_code, looked.json["saved"], len(looked.json["changes"])) == (200, False, 2)
    assert taker.post(f"{ROOM}/swap", swapped).status_code == 201
    assert primary(served, later) == other(has_it)
    assert primary(served, later + DAY) == has_it
    assert served.as_("carol").post(f"{ROOM}/swap", swapped).status_code == 403


@pytest.mark.parametrize(
    "body",
    [
        {"person": "nobody"},
        {"person": "user:x y"},
        {"role": "janitor", "person": "alice"},
        {"until": (AHEAD - DAY).isoformat()},
        {"from": "2026-03-02T09:00"},
        {"from": "0001-01-01T00:00Z"},
        {"until": "9999-12-31T23:59Z"},
    ],
)
def test_an_override_that_cannot_be_is_refused_with_a_sentence(hall: Served, body: dict[str, Any]) -> None:
    span = {"from": AHEAD.isoformat(), "until": (AHEAD + DAY).isoformat()}
    answer = hall.as_("alice").post(f"{ROOM}/overrides", {**span, **body})
    assert answer.status_code in (400, 422)
    assert answer.json["error"]["message"]


# --- incidents --------------------------------------------------------------------------------------------------------


def test_a_page_by_hand_opens_an_incident_in_the_way_of_all_alerts(served: Served) -> None:
    number = oncallhall.wake(served, "payments", "carol", "nobody can pay")
    told = served.as_("carol").get(f"/incidents/{number}").json

    assert (told["incident"]["title"], told["incident"]["team"]) == ("nobody can pay", TEAM)
    assert told["incident"]["page"].endswith(f"/incidents/{number}")
    assert [one["ending"] for one in told["pages"]] == ["delivered"]
    assert [one["kind"] for one in told["story"]][:2] == ["opened", "paged"]
    assert oncallhall.wake(served, "payments", "bob", "nobody can pay") == number + 1  # two pages are two incidents


@pytest.mark.parametrize(("whom", "about"), [("group:payments", TEAM), ("user:bob", BOB), ("bob", BOB)])
def test_a_team_or_a_person_can_be_paged(hall: Served, whom: str, about: str) -> None:
    answer = hall.as_("carol").post("/incidents", {"whom": whom, "title": "help"})
    assert answer.json["about"] == about


def test_nobody_is_paged_who_does_not_exist(hall: Served) -> None:
    carol = hall.as_("carol")
    assert carol.post("/incidents", {"whom": "nobody", "title": "help"}).status_code == 404
    assert carol.post("/incidents", {"whom": "a b", "title": "help"}).status_code == 400


def test_anybody_takes_and_notes_and_the_team_decides(served: Served) -> None:
    number = oncallhall.wake(served)
    carol, bob = served.as_("carol"), served.as_("bob")

    assert carol.post(f"/incidents/{number}/notes", {"text": "the graphs say no"}).status_code == 200
    taken = carol.post(f"/incidents/{number}/acknowledge").json
    assert (taken["state"], taken["holder"]) == ("acknowledged", [CAROL])
    refused = carol.post(f"/incidents/{number}/resolve")
    assert (refused.status_code, "may decide about incidents of checkout" in refused.text) == (403, True)
    assert carol.post(f"/incidents/{number}/responders", {"person": "alice"}).status_code == 200  # it is hers now
    assert bob.post(f"/incidents/{number}/severity", {"severity": "warning"}).json["severity"] == "warning"
    assert bob.post(f"/incidents/{number}/roles", {"role": "scribe", "person": "alice"}).status_code == 200
    assert bob.post(f"/incidents/{number}/reassign", {"to": "me"}).status_code == 200
    assert bob.post(f"/incidents/{number}/snooze", {"for": "2h"}).json["state"] == "snoozed"
    assert bob.post(f"/incidents/{number}/resolve", {"reason": "rolled back"}).json["resolved_at"] is not None
    assert bob.post(f"/incidents/{number}/reopen").json["state"] == "open"
    assert served.as_("alice").get(f"/incidents/{number}").json["roles"] == {"scribe": ALICE}


def test_two_incidents_become_one(served: Served) -> None:
    one, other_ = oncallhall.wake(served, title="slow"), oncallhall.wake(served, title="slower")
    bob = served.as_("bob")
    assert bob.post(f"/incidents/{one}/merge", {"into": other_}).json["state"] == "merged"
    assert bob.get(f"/incidents/{one}").json["merged_into"] == other_
    assert bob.post(f"/incidents/{one}/merge", {"into": other_}).status_code == 409


def test_mine_are_those_that_i_have_and_those_that_nobody_has_and_i_was_paged_for(served: Served) -> None:
    now = clock.now()
    first = primary(served, now).rpartition("/")[2]
    second = other(f"user:default/{first}").rpartition("/")[2]
    number = oncallhall.wake(served)

    def mine(who: str) -> list[int]:
        return [one["number"] for one in served.as_(who).get("/incidents", mine=True).json["incidents"]]

    assert (mine(first), mine(second)) == ([number], [])
    served.as_(second).post(f"/incidents/{number}/acknowledge")
    assert (mine(first), mine(second)) == ([], [number])


@pytest.mark.parametrize(
    ("order", "body"),
    [
        ("snooze", {}),
        ("snooze", {"for": "1h", "until": AHEAD.isoformat()}),
        ("snooze", {"for": "soon"}),
        ("snooze", {"for": "30d"}),
        ("reassign", {"to": "user:x y"}),
        ("merge", {"into": 1}),
        ("notes", {"text": "  "}),
    ],
)
def test_an_order_that_makes_no_sense_is_refused(hall: Served, order: str, body: dict[str, Any]) -> None:
    assert hall.as_("alice").post(f"/incidents/1/{order}", body).status_code == 400


# --- silences, integrations, one's own channels -----------------------------------------------------------------------

CHECKOUT = "service=component:default/checkout"


def test_a_silence_is_the_teams_to_set_and_everything_is_nobodys(served: Served) -> None:
    alice, carol = served.as_("alice"), served.as_("carol")
    asked = {"matchers": [CHECKOUT], "reason": "a migration", "for": "2h"}

    assert carol.post("/silences", asked).status_code == 403
    made = alice.post("/silences", asked)
    assert (made.status_code, made.json["active"], made.json["team"]) == (201, True, TEAM)
    assert alice.post("/silences", {**asked, "matchers": ["title=~.*disk.*"]}).status_code == 403  # of every service
    assert served.as_("admin").post("/silences", {**asked, "matchers": ["title=~.*disk.*"]}).status_code == 201

    assert [one["reason"] for one in carol.get("/silences").json["silences"]] == ["a migration"] * 2
    answer = served.as_("carol").post("/incidents", {"whom": "checkout", "title": "quiet please"})
    oncallhall.work(served)
    assert carol.get("/incidents", alert=answer.json["alert"]).json["incidents"] == []
    assert carol.post(f"/silences/{made.json['id']}/end").status_code == 403
    assert alice.post(f"/silences/{made.json['id']}/end").json["active"] is False
    assert alice.post(f"/silences/{made.json['id']}/end").status_code == 404


@pytest.mark.parametrize(
    "wrong",
    [
        {"matchers": ["nothing"]},
        {"matchers": []},
        {"matchers": ["host=~.*"]},
        {"reason": " "},
        {"for": "500d"},
        {"for": "soon"},
        {"until": AHEAD.isoformat()},
        {"incident": 999},
    ],
)
def test_a_silence_that_makes_no_sense_is_refused(hall: Served, wrong: dict[str, Any]) -> None:
    asked = {"matchers": [CHECKOUT], "reason": "a migration", "for": "2h"}
    assert hall.as_("alice").post("/silences", {**asked, **wrong}).status_code in (400, 404, 422)


def test_an_integration_shows_its_key_once_and_is_heard_by_it(served: Served) -> None:
    alice, carol = served.as_("alice"), served.as_("carol")
    asked = {"service": "checkout", "kind": "events", "name": "monitor"}

    assert carol.post("/integrations", asked).status_code == 403
    made = alice.post("/integrations", asked).json
    listed = alice.get("/integrations", service="checkout")
    assert made["key"] not in listed.text
    assert [(one["name"], one["hint"]) for one in listed.json["integrations"]] == [("monitor", made["key"][-4:])]

    payload = {"summary": "slow", "source": "web-1", "severity": "error"}
    event = {"routing_key": made["key"], "event_action": "trigger", "payload": payload}
    assert served.app.test_client().post("/v2/enqueue", json=event).status_code == 202
    assert carol.delete(f"/integrations/{made['id']}").status_code == 403
    assert alice.delete(f"/integrations/{made['id']}").status_code == 200
    assert alice.delete(f"/integrations/{made['id']}").status_code == 404
    assert alice.get("/integrations").json["integrations"] == []


def test_an_integration_is_changed_and_renewed_by_whose_it_is(served: Served) -> None:
    alice, carol = served.as_("alice"), served.as_("carol")
    asked = {"service": "checkout", "kind": "heartbeat", "name": "backup", "settings": {"every": "1h"}}
    made = alice.post("/integrations", asked).json
    path = f"/integrations/{made['id']}"
    assert carol.put(path, {"name": "mine"}).status_code == 403
    told = alice.put(path, {"name": "nightly", "settings": {"every": "1d"}}).json
    assert (told["name"], told["settings"]) == ("nightly", {"every": "1d", "grace": "1m", "zone": "UTC"})
    assert alice.put(path, {"settings": {"every": "soon"}}).status_code == 400
    assert carol.post(f"{path}/renew", {}).status_code == 403
    assert alice.post(f"{path}/renew", {"for": "a while"}).status_code == 400
    assert alice.post(f"{path}/renew", {"for": "1h"}).json["key"] != made["key"]
    assert alice.delete(path).status_code == 200
    assert alice.post(f"{path}/renew", {}).status_code == 404


def test_an_integration_of_a_kind_that_needs_more_says_what(hall: Served) -> None:
    alice, heart = hall.as_("alice"), {"service": "checkout", "kind": "heartbeat"}
    assert alice.post("/integrations", {**heart, "settings": {"every": "often"}}).status_code == 400
    assert alice.post("/integrations", {**heart, "settings": {"every": "5m", "grace": "1m"}}).status_code == 201
    assert alice.post("/integrations", {"service": "checkout", "kind": "generic"}).status_code == 400


def test_my_channels_are_mine_and_count_when_their_code_has_come_back(served: Served) -> None:
    carol = served.as_("carol")
    made = carol.post("/me/channels", {"kind": "memory", "label": "phone"})
    assert (made.status_code, [one["verified"] for one in made.json["channels"]]) == (201, [False])
    number = made.json["channels"][0]["id"]

    oncallhall.work(served, "oncall.verify")
    (message,) = served.services.oncall.phones.messages(CAROL)
    code = message.title.rpartition(" ")[2]
    wrong = "000000" if code != "000000" else "111111"
    assert carol.post(f"/me/channels/{number}/verify", {"code": wrong}).status_code == 400
    assert served.as_("alice").post(f"/me/channels/{number}/verify", {"code": code}).status_code == 404
    assert carol.post(f"/me/channels/{number}/verify", {"code": code}).json["channels"][0]["verified"] is True
    quiet = carol.put("/me/quiet", {"zone": "Europe/Berlin", "quiet_from": "22:00", "quiet_until": "07:00"}).json
    assert (quiet["zone"], quiet["quiet_from"], quiet["quiet_until"]) == ("Europe/Berlin", "22:00", "07:00")
    assert carol.delete(f"/me/channels/{number}").json["channels"] == []
    assert carol.post("/me/channels", {"address": "file:///etc/passwd"}).status_code == 400
    assert served.as_("admin").post("/me/channels", {"kind": "memory"}).status_code == 409  # nobody in the catalog


def test_a_team_gets_its_pager_by_the_name_of_a_secret(served: Served) -> None:
    path, secret = "/oncall/teams/payments/pager", {"pagerduty": "pagerduty"}
    assert served.as_("carol").put(path, secret).status_code == 403
    assert served.as_("alice").put(path, secret).json == {"team": TEAM, "pagerduty": "pagerduty"}
    assert served.as_("carol").get(path).json["pagerduty"] == "pagerduty"
    assert served.as_("alice").put(path, {"pagerduty": "../../etc/passwd"}).status_code == 400


words = st.text(max_size=40) | st.sampled_from(["payments", "me", "user:ada", "-1", "", "a:b:c", "..", "\x00", "1h"])
anything = words | st.integers() | st.none() | st.booleans() | st.lists(words, max_size=2)
moments = words | st.datetimes().map(lambda at: f"{at.isoformat()}Z")
fuzzed = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@fuzzed
@given(one=words, at=moments, until=moments, number=st.integers())
def test_no_query_breaks_anything(hall: Served, one: str, at: str, until: str, number: int) -> None:
    carol = hall.as_("carol")
    answers = [
        carol.get("/oncall", service=one, at=at),
        carol.get("/oncall", team=one),
        carol.get("/oncall", schedule="payments", at=at),
        carol.get(f"{ROOM}/shifts", **{"from": at, "until": until, "role": one}),
        carol.get("/oncall/gaps", schedule=one, days=number),
        carol.get("/incidents", service=one, team=one, before=number),
        carol.get("/incidents", alert=one),
        carol.get(f"/incidents/{number}"),
        carol.delete(f"/oncall/overrides/{number}"),
    ]
    assert all(answer.status_code in (200, 400, 404, 405, 422) for answer in answers), answers


@fuzzed
@given(text=words, team=anything, at=moments, other_=anything)
def test_no_body_breaks_anything(hall: Served, text: str, team: Any, at: str, other_: Any) -> None:
    carol = hall.as_("carol")
    span = {"from": at, "until": at, "person": other_, "role": text, "reason": other_}
    answers = [
        carol.put(f"{ROOM}?dry_run=true", {"text": text, "team": team}),
        carol.put("/oncall/schedules/x", {"text": text, "team": "search"}),
        carol.put("/oncall/escalations/x", {"text": text, "team": "search"}),
        carol.post(f"{ROOM}/overrides", span),
        carol.post(f"{ROOM}/cover", {"at": at, "person": other_}),
        carol.post(f"{ROOM}/swap", {"mine": at, "with": at, "role": text}),
        carol.post("/incidents", {"whom": other_, "title": text}),
        carol.post("/incidents/1/snooze", {"for": text}),
        carol.post("/incidents/1/reassign", {"to": other_}),
        carol.post("/incidents/1/roles", {"role": text, "person": other_}),
        carol.post("/incidents/1/merge", {"into": other_}),
    ]
    assert all(answer.status_code < 500 for answer in answers), answers
