"""Incidents as pages: as alice, who is on call for checkout, bob of her team, carol of last resort, and a stranger."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from importlib import import_module
from pathlib import Path

import pytest

from oncall.incident import State
from oncall.paging.memory import Trouble
from tests.doors.alarming import KEY, alarmed, event, incident
from tests.doors.browsing import Browser, browser, words
from tests.doors.oncallhall import ALICE, BOB, work
from tests.doors.served import Served, portal

PAYMENTS, SEARCH = "group:default/payments", "group:default/search"
REFUSAL = "Only payments may decide about incidents of checkout. Ask Alice Moreau or Bob Okafor."


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One portal for all; each test makes an incident of its own."""
    with alarmed(tmp_path_factory.mktemp("incidents")) as made:
        yield made


@pytest.fixture(scope="module")
def people(served: Served) -> dict[str, Browser]:
    return {who: browser(served, who) for who in ("alice", "bob", "carol", "dora", "admin")}


def state(served: Served, number: int) -> State:
    return incident(served, number).state


def ack_path(served: Served, number: int, person: str = ALICE) -> str:
    address = served.services.oncall.links(number, person)[1]
    return address.removeprefix(served.services.config.address)


# The list.


def test_where_nothing_can_tell_of_trouble_the_list_teaches(tmp_path: Path) -> None:
    with portal(tmp_path) as made:
        page = browser(made, "alice").shown("/incidents")
    assert "Nothing has ever gone wrong here." in page
    assert "Nothing can tell of trouble yet." in page
    assert "Connect a sender…" in page


def test_what_is_open_stands_in_the_list_with_its_why_and_is_counted_in_the_head(
    served: Served, people: dict[str, Browser]
) -> None:
    number = event(served, title="the queue is full")
    page = people["alice"].shown("/incidents")
    assert re.search(rf"{number}: the queue is full You were paged \d+ s ago; level 2 at \d\d:\d\d\. Open", page)
    assert re.search(r"Incidents \d+ open", people["alice"].shown("/services"))


def test_the_filters_leave_out_the_others(served: Served, people: dict[str, Browser]) -> None:
    event(served, title="certificate is old")
    assert "certificate is old" in people["carol"].shown(f"/incidents?team={PAYMENTS}")
    assert "certificate is old" in people["bob"].shown("/incidents?view=mine")
    assert "Nothing of that is open." in people["carol"].shown("/incidents?view=mine")
    assert "Nothing of that is open." in people["carol"].shown(f"/incidents?team={SEARCH}")
    assert "You are on no team" in people["dora"].shown("/incidents?view=mine")


def test_what_is_over_is_paged_through_newest_first(
    served: Served, people: dict[str, Browser], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_module("portal.pages.incidents"), "PAGE", 1)
    first, second = (event(served, title=title) for title in ("over first", "over last"))
    for number in (first, second):
        served.services.oncall.actions.resolve(number, ALICE)
    newest = people["alice"].get("/incidents?view=all")
    older = re.search(r'href="(/incidents\?[^"]*before=[^"]*)"', newest.text)
    assert older
    assert "over last" in words(newest)
    assert "over first" not in words(newest)
    assert "over first" in people["alice"].shown(older[1].replace("&amp;", "&"))


def test_when_nobody_came_the_list_is_an_alarm_with_a_button(served: Served, people: dict[str, Browser]) -> None:
    served.services.oncall.phones.trouble(Trouble.REFUSES)
    number = event(served, title="all lights out")
    work(served)
    served.services.oncall.phones.trouble(None)
    assert "No message has reached anybody." in people["bob"].shown(f"/incidents/{number}")
    page = people["bob"].shown("/incidents")
    assert f"Nobody came for {number}: All lights out." in page
    assert f"I take {number}" in page

    for _ in range(2):
        answer = people["bob"].post(f"/incidents/{number}/acknowledge", back="list")
        assert answer.headers["Location"].endswith("/incidents")

    assert f"Nobody came for {number}" not in people["bob"].shown("/incidents")
    assert incident(served, number).assigned == (BOB,)


@pytest.mark.parametrize("query", ["before=x", "before=99999999999999999999", "view=odd", "team=%00", "service=<b>"])
def test_odd_filters_break_nothing(people: dict[str, Browser], query: str) -> None:
    assert people["alice"].get(f"/incidents?{query}").status_code == 200


# One incident.


def test_the_page_says_who_was_paged_why_and_what_comes_next(served: Served, people: dict[str, Browser]) -> None:
    page = people["alice"].shown(f"/incidents/{event(served)}")
    assert "nobody has it yet" in page
    assert "Alice Moreau (you) payments primary, level 1 of 2" in page
    assert re.search(r"\d\d:\d\d:\d\d phone: delivered", page)
    assert re.search(r"Without an answer by \d\d:\d\d you are paged, level 2 of 2", page)
    assert "You were paged level 1 of 2 Payments primary." in page
    assert "Delivered to you by phone" in page


def test_a_page_that_was_not_taken_says_what_the_provider_said(served: Served, people: dict[str, Browser]) -> None:
    served.services.oncall.phones.trouble(Trouble.REFUSES, ALICE)
    page = people["bob"].shown(f"/incidents/{event(served)}")
    served.services.oncall.phones.trouble(None, ALICE)
    assert "Not taken for Alice Moreau by phone The memory phone does not take it (400)." in page
    assert "No other channel of Alice Moreau is left." in page
    assert "Not reached" in page


def test_all_that_an_alert_says_is_text_and_its_links_lead_out_only(served: Served, people: dict[str, Browser]) -> None:
    hostile = "<script>alert(1)</script>"
    links = [{"href": "https://graphs.example/1", "text": hostile}, {"href": "javascript:alert(1)", "text": "no"}]
    images = [{"src": "https://graphs.example/a.png", "alt": "the graph"}]
    number = event(served, title=hostile, links=links, images=images, payload={"custom_details": {"a": hostile}})
    page = people["alice"].get(f"/incidents/{number}").text
    assert "<script>alert" not in page
    assert 'href="javascript:' not in page
    assert "<img" not in page
    assert 'href="https://graphs.example/1" rel="noopener noreferrer nofollow"' in page
    assert "Picture: the graph" in page


def test_others_of_the_service_are_named(served: Served, people: dict[str, Browser]) -> None:
    event(served, title="seen once")
    page = people["alice"].shown(f"/incidents/{event(served)}")
    assert re.search(r"Others of checkout \d+: seen once", page)


def test_what_was_changed_on_purpose_before_is_possible_too(served: Served, people: dict[str, Browser]) -> None:
    change = {"summary": "card.timeout 3 s to 2 s", "source": "flags", "timestamp": "2026-01-01T00:00:00Z"}
    links = [{"href": "javascript:alert(1)", "text": "no"}, {"href": "https://flags.example/7", "text": "flag 7"}]
    body = {"routing_key": KEY, "payload": change, "links": links}
    assert served.app.test_client().post("/v2/change/enqueue", json=body).status_code == 202
    work(served)
    page = people["alice"].get(f"/incidents/{event(served)}")
    assert "Possible: card.timeout 3 s to 2 s" in words(page)
    assert "1 other change in the 2 h before" in words(page)
    assert "Told by Payments metrics" in words(page)
    assert 'href="https://flags.example/7"' in page.text
    assert "javascript:" not in page.text


@pytest.mark.parametrize("number", ["7777", "99999999999999999999"])
def test_there_is_no_incident_of_that_number(people: dict[str, Browser], number: str) -> None:
    assert people["alice"].get(f"/incidents/{number}").status_code == 404
    assert people["alice"].post(f"/incidents/{number}/acknowledge").status_code == 404


# Orders.

DECIDED: tuple[tuple[str, dict[str, str], State], ...] = (
    ("resolve", {"reason": "it was the cache"}, State.RESOLVED),
    ("snooze", {"for": "1h", "reason": "lunch"}, State.SNOOZED),
    ("reassign", {"person": "Bob Okafor"}, State.OPEN),
    ("severity", {"severity": "warning"}, State.OPEN),
    ("help", {"person": "bob"}, State.OPEN),
    ("role", {"role": "scribe", "person": "user:default/bob"}, State.OPEN),
)


@pytest.mark.parametrize(("order", "form", "after"), DECIDED, ids=[one[0] for one in DECIDED])
def test_what_the_team_decides_a_stranger_may_not_and_a_second_click_breaks_nothing(
    served: Served, people: dict[str, Browser], order: str, form: dict[str, str], after: State
) -> None:
    number = event(served)
    before = incident(served, number)
    refused = people["dora"].post(f"/incidents/{number}/{order}", **form)
    assert refused.status_code == 403
    assert REFUSAL in words(refused)
    assert incident(served, number) == before

    for _ in range(2):
        assert people["bob"].post(f"/incidents/{number}/{order}", **form).status_code == 303

    work(served)
    assert state(served, number) is after
    assert people["bob"].get(f"/incidents/{number}").status_code == 200


def test_everybody_may_take_it_and_note_something_and_a_second_click_is_no_second_fact(
    served: Served, people: dict[str, Browser]
) -> None:
    number, dora = event(served), people["dora"]
    dora.post(f"/incidents/{number}/note", text="I see it, too")
    for _ in range(2):
        assert dora.post(f"/incidents/{number}/acknowledge").status_code == 303
    page = dora.shown(f"/incidents/{number}")
    assert "· you have it" in page
    assert "“I see it, too”" in page
    assert page.count("You acknowledged") == 1


def test_whoever_has_it_may_call_others_and_another_may_take_it_over(
    served: Served, people: dict[str, Browser]
) -> None:
    number = event(served)
    people["dora"].post(f"/incidents/{number}/acknowledge")
    assert people["dora"].post(f"/incidents/{number}/help", person="Carol Lind").status_code == 303
    assert people["dora"].post(f"/incidents/{number}/resolve").status_code == 403
    assert "I take it over" in people["alice"].shown(f"/incidents/{number}")
    people["alice"].post(f"/incidents/{number}/acknowledge")
    assert incident(served, number).assigned == (ALICE,)


@pytest.mark.parametrize("who", ["carol", "admin"])
def test_the_team_of_last_resort_and_an_admin_may_decide(served: Served, people: dict[str, Browser], who: str) -> None:
    number = event(served)
    assert people[who].post(f"/incidents/{number}/resolve").status_code == 303
    assert state(served, number) is State.RESOLVED


def test_buttons_that_may_not_be_pressed_stay_and_say_who_may(served: Served, people: dict[str, Browser]) -> None:
    page = people["dora"].get(f"/incidents/{event(served)}").text
    assert re.search(r'aria-disabled="true"[^>]*>\s*Resolve…', page)
    assert 'popovertarget="ask-resolve"' not in page
    assert REFUSAL in page


def test_a_merged_one_leads_on_and_a_resolved_one_can_be_opened_again(
    served: Served, people: dict[str, Browser]
) -> None:
    one, other = event(served), event(served, title="the same in other words")
    alice = people["alice"]
    alice.post(f"/incidents/{other}/merge", into=str(one))
    assert f"Go to {one}" in alice.shown(f"/incidents/{other}")
    assert "2 alerts" in alice.shown(f"/incidents/{one}")

    alice.post(f"/incidents/{one}/resolve", reason="it was the cache")
    assert "It was the cache." in alice.shown(f"/incidents/{one}")
    alice.post(f"/incidents/{one}/reopen", reason="it was not")
    assert state(served, one) is State.OPEN
    assert alice.post(f"/incidents/{one}/reopen").status_code == 303
    assert "cannot become reopened" in alice.shown(f"/incidents/{one}")


def test_merging_needs_both_to_be_ones_own(served: Served, people: dict[str, Browser]) -> None:
    mine = event(served)
    served.as_("admin").post("/incidents", {"whom": "group:search", "title": "the index is old"})
    work(served)
    other = mine + 1
    assert incident(served, other).service == SEARCH
    refused = people["bob"].post(f"/incidents/{mine}/merge", into=str(other))
    assert refused.status_code == 403
    assert "Only search may decide about incidents of search." in words(refused)
    assert people["carol"].post(f"/incidents/{mine}/merge", into=str(other)).status_code == 303
    assert state(served, mine) is State.MERGED


@pytest.mark.parametrize(
    ("order", "form", "said"),
    [
        ("reassign", {"person": "Bob Okafo"}, 'did you mean "Bob Okafor"?'),
        ("reassign", {"person": ""}, "Say who"),
        ("help", {"person": "user:default/nobody"}, "The catalog knows nobody called user:default/nobody"),
        ("snooze", {"for": "9y"}, "Snooze it for one of these"),
        ("severity", {"severity": "awful"}, "There is no severity “awful”"),
        ("merge", {"into": "x"}, "by its number"),
        ("merge", {"into": "7777"}, "There is no incident 7777"),
        ("note", {"text": "  "}, "A note needs some words."),
        ("role", {"role": "king", "person": "bob"}, "There is no role"),
    ],
)
def test_what_cannot_be_done_is_said_on_the_page_with_what_was_typed(
    served: Served, people: dict[str, Browser], order: str, form: dict[str, str], said: str
) -> None:
    number, alice = event(served), people["alice"]
    before = incident(served, number)
    assert alice.post(f"/incidents/{number}/{order}", reason="my words", **form).status_code == 303
    page = alice.shown(f"/incidents/{number}")
    assert said in page
    assert order == "note" or "You wrote: my words" in page
    assert incident(served, number) == before


def test_each_fact_is_a_plain_sentence(served: Served, people: dict[str, Browser]) -> None:
    number, alice = event(served), people["alice"]
    for order, form in (
        ("help", {"person": "bob", "reason": "you know the cache"}),
        ("role", {"role": "commander", "person": "bob"}),
        ("severity", {"severity": "error"}),
        ("acknowledge", {}),
        ("reassign", {"person": "bob"}),
        ("snooze", {"for": "15m"}),
    ):
        assert alice.post(f"/incidents/{number}/{order}", **form).status_code == 303
        work(served)
    page = alice.shown(f"/incidents/{number}")
    for said in (
        "Opened as critical, by escalation payments Its file",
        "Bob Okafor is asked to help by you You know the cache.",
        "Bob Okafor was paged to help",
        "Bob Okafor leads by you",
        "The severity is now error by you",
        "You acknowledged",
        "after the first page",
        "Given to Bob Okafor by you",
        "Snoozed until today",
    ):
        assert said in page or said.startswith("Opened"), said


# The address in a page.


def test_looking_at_the_address_changes_nothing_and_its_button_takes_it_as_that_person(served: Served) -> None:
    number, nobody = event(served), browser(served)
    path = ack_path(served, number)
    for method in ("GET", "GET", "HEAD"):
        page = nobody.client.open(path, method=method)
    assert state(served, number) is State.OPEN
    page = nobody.get(path)
    assert "8 % of orders fail" in words(page)
    assert "Why you Alice Moreau: payments primary, level 1 of 2" in words(page)

    for _ in range(2):
        assert nobody.post(path).status_code == 303

    assert incident(served, number).assigned == (ALICE,)
    after = nobody.shown(path)
    assert "You have it" in after
    assert "What to do next" in after


def test_anothers_address_takes_it_over_and_what_is_over_stays_over(served: Served) -> None:
    number, nobody = event(served), browser(served)
    nobody.post(ack_path(served, number))
    bobs = ack_path(served, number, BOB)
    assert "Alice Moreau has it" in nobody.shown(bobs)
    assert "I take it over" in nobody.shown(bobs)
    nobody.post(bobs)
    assert "You have it" in nobody.shown(bobs)

    served.services.oncall.actions.resolve(number, ALICE)

    ended = nobody.shown(bobs)
    assert "Resolved" in ended
    assert f"Incident {number} has ended, and so has this address." in ended
    assert "8 % of orders fail" not in ended
    assert f"/login?next=/incidents/{number}" in nobody.get(bobs).text.replace("%2F", "/")
    assert nobody.post(bobs).status_code == 303
    assert state(served, number) is State.RESOLVED


def test_an_address_ends_seven_days_after_it_was_sent_and_one_without_a_time_as_long_after_the_begin(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    number, nobody = event(served), browser(served)
    oncall, acknowledging = served.services.oncall, import_module("portal.pages.acknowledging")
    path = ack_path(served, number)
    without = f"/ack/{oncall._seal.dumps([number, ALICE])}"
    assert "I take it" in nobody.shown(without)
    monkeypatch.setattr(acknowledging, "HOLDS", timedelta(seconds=-5))
    for one in (path, without):
        page = nobody.shown(one)
        assert "This address is too old to be used" in page
        assert "8 % of orders fail" not in page
        assert "I take it" not in page
    nobody.post(path)
    assert state(served, number) is State.OPEN


BENDS: tuple[Callable[[str], str], ...] = (lambda path: path + "x", lambda path: path[:-4], lambda path: "/ack/made.up")


@pytest.mark.parametrize("bent", BENDS, ids=["longer", "shorter", "made up"])
def test_an_address_that_was_not_made_here_opens_nothing(served: Served, bent: Callable[[str], str]) -> None:
    number, nobody = event(served), browser(served)
    for answer in (nobody.get(bent(ack_path(served, number))), nobody.post(bent(ack_path(served, number)))):
        assert answer.status_code == 404
        assert "none of ours" in words(answer)
    assert state(served, number) is State.OPEN


def test_the_address_of_somebody_who_left_takes_nothing(served: Served) -> None:
    number, nobody = event(served), browser(served)
    path = ack_path(served, number, "user:default/zed")
    assert "has left the catalog" in nobody.shown(path)
    nobody.post(path)
    assert state(served, number) is State.OPEN


def test_the_button_of_the_address_needs_the_token_of_its_page(served: Served) -> None:
    number = event(served)
    assert browser(served).client.post(ack_path(served, number)).status_code == 400
    assert state(served, number) is State.OPEN


# What changed before.


@pytest.mark.long
def test_what_went_out_before_is_the_first_suspect_with_a_way_back(tmp_path: Path) -> None:
    with alarmed(tmp_path) as made:
        alice = made.as_("alice")
        with made.working():
            for number in range(2):
                made.commit(f"Change {number}")
                alice.ended(alice.post("/services/checkout/deploys", {"environment": "production"}).get_json()["id"])
        number = event(made)
        seen = browser(made, "alice").get(f"/incidents/{number}")
        strangers = browser(made, "dora").get(f"/incidents/{number}")
    assert "Very likely: deploy 2 of checkout" in words(seen)
    assert "Possible: deploy 1 of checkout" in words(seen)
    assert "Most likely cause: deploy 2 of checkout." in words(seen)
    assert 'href="/services/checkout/production/plan?to=1"' in seen.text
    assert "Roll back to 1…" in words(strangers)
    assert "plan?to=1" not in strangers.text
