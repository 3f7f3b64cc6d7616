"""The gates at the doors: alice asks, bob of her team says yes, carol is a stranger; locks, lists and emergencies."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import render_template

from catalog import query as catalog
from ledger import events
from portal.pages.locks import card
from tests.doors import served as house
from tests.doors.browsing import browser, words
from tests.doors.served import Served, portal

STRICT = "approvals: 1, checklist: [Support knows, Backup is fresh], soak: {staging: 1h}"
TWO = "approvals: 2"
PLAN = "/services/checkout/production/plan"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with portal(tmp_path) as made:
        yield made


def commit(served: Served, gates: str, author: str = "Carol Lind") -> str:
    """Commit a checkout whose production asks for so much; somebody else wrote it."""
    text = house.PEOPLE + house.CHECKOUT % {"target": "", "bake": "0s"}
    text = text.replace("      staging:\n", f"        gates: {{{gates}}}\n      staging:\n")
    (served.repository / "catalog-info.yaml").write_text(f"# {author}\n{text}")
    house.git(served.repository, "add", ".")
    mail = f"{author.split()[0].lower()}@example.org"
    house.git(served.repository, "commit", "-q", "-m", "asks more", f"--author={author} <{mail}>")
    from portal import wiring

    wiring.sync(served.services, served.repository_id, served.services.clock())
    return house.git(served.repository, "rev-parse", "HEAD")


def facts(served: Served, kind: str) -> list[Any]:
    with served.services.database.read() as session:
        return list(events.latest(session, kinds=[kind]))


def refused(answer: Any) -> list[str]:
    assert answer.status_code == 409, answer.text
    return list(answer.json["error"]["reasons"])


def deploy(served: Served, who: str, **body: Any) -> Any:
    return served.as_(who).post("/services/checkout/deploys", {"environment": "production", **body})


# Locks.


def test_a_lock_stops_everybody_with_its_reason_until_it_is_lifted(served: Served) -> None:
    body = {"service": "checkout", "environment": "production", "reason": "inventory", "for": "2h"}
    lock = served.as_("alice").post("/locks", body)
    assert lock.status_code == 201, lock.text

    [reason] = refused(deploy(served, "bob"))
    assert reason.startswith("Checkout in production is locked: inventory (Alice Moreau) (until ")
    assert "Checkout in production is locked. Inventory." in browser(served, "alice").shown(PLAN)
    assert served.as_("bob").post(f"/locks/{lock.json['id']}/lift").status_code == 200  # of the owning team
    assert deploy(served, "bob").status_code == 202
    assert [len(facts(served, kind)) for kind in ("lock.set", "lock.lifted")] == [1, 1]


def test_a_warning_is_said_and_stops_nobody(served: Served) -> None:
    served.as_("alice").post("/locks", {"service": "checkout", "reason": "new on call", "hard": False})

    assert "Checkout has a warning. New on call." in browser(served, "bob").shown(PLAN)
    assert deploy(served, "bob").status_code == 202


def test_a_stranger_neither_locks_nor_lifts_and_hears_who_may(served: Served) -> None:
    lock = served.as_("alice").post("/locks", {"service": "checkout", "reason": "inventory"}).json["id"]

    for answer in (
        served.as_("carol").post("/locks", {"service": "checkout", "reason": "mine now"}),
        served.as_("carol").post(f"/locks/{lock}/lift"),
        browser(served, "carol").post("/locks", service="checkout", reason="mine now"),
        browser(served, "carol").post(f"/locks/{lock}/lift"),
    ):
        assert answer.status_code == 403
    said = served.as_("carol").post(f"/locks/{lock}/lift").json["error"]["message"]
    assert said == "Only Alice Moreau, payments or an admin may lift it."
    assert said in browser(served, "carol").shown("/locks")


def test_only_an_admin_locks_more_than_one_service(served: Served) -> None:
    body = {"environment": "production", "reason": "the cluster moves"}

    assert served.as_("alice").post("/locks", body).status_code == 403
    lock = served.as_("admin").post("/locks", body)
    assert (lock.status_code, lock.json["scope"]) == (201, "all of production")
    assert served.as_("alice").post(f"/locks/{lock.json['id']}/lift").status_code == 403
    assert "All of production is locked: the cluster moves (admin)" in refused(deploy(served, "alice"))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"service": "checkout", "reason": " "}, "needs a reason"),
        ({"service": "checkout", "reason": "x", "until": "2020-01-01T00:00:00Z"}, "would be over already"),
        ({"service": "checkout", "reason": "x", "until": "2020-01-01T00:00:00"}, "timezone"),
        ({"service": "checkout", "reason": "x", "for": "soon"}, "write 30m, 2h or 3d"),
        ({"service": "checkout", "reason": "x", "for": "0s"}, "longer than nothing"),
        ({"service": "checkout", "reason": "x", "for": "9999999999999d"}, "no length of time"),
        ({"service": "checkout", "reason": "x", "environment": "nowhere"}, "there are production, staging"),
        ({"service": "checkout", "reason": "x", "for": "1h", "until": "2030-01-01T00:00:00Z"}, "not both"),
    ],
)
def test_a_lock_that_makes_no_sense_is_refused(served: Served, body: dict[str, Any], words: str) -> None:
    answer = served.as_("alice").post("/locks", body)

    assert answer.status_code in (400, 422)  # what one look at the body shows is 422, as everywhere
    assert words in answer.text


def test_the_page_of_locks_sets_lists_and_lifts(served: Served) -> None:
    alice = browser(served, "alice")
    assert "Nothing is locked." in alice.shown("/locks")

    wrong = alice.post("/locks", service="checkout", reason="", **{"for": "2h"})
    assert (wrong.status_code, "A lock needs a reason" in words(wrong)) == (400, True)
    assert alice.post("/locks", service="checkout", reason="<b>inventory</b>", **{"for": "2h"}).status_code == 303

    page = alice.get("/locks").text
    assert "&lt;b&gt;inventory&lt;/b&gt;" in page
    [lock] = set(re.findall(r"/locks/(\d+)/lift", page))
    assert alice.post(f"/locks/{lock}/lift", back_name="checkout", back_environment="production").location == (
        "/services/checkout/production"
    )
    assert "Lifted" in alice.shown("/locks")
    assert "has been lifted already" in words(alice.client.post(
        f"/locks/{lock}/lift", data={"csrf_token": alice.token()}, follow_redirects=True
    ))  # fmt: skip


@pytest.mark.parametrize("path", ["/locks/7/lift", "/locks/99999999999999999999/lift"])
def test_a_lock_that_is_not_there(served: Served, path: str) -> None:
    assert served.as_("admin").post(path).status_code == 404


def test_going_back_is_allowed_in_spite_of_a_lock(served: Served) -> None:
    with served.working():
        for subject in ("one", "two"):
            served.commit(subject)
            started = deploy(served, "alice").json["id"]
            assert served.as_("alice").ended(started)["deploy"]["state"] == "healthy"
    served.as_("alice").post("/locks", {"service": "checkout", "reason": "inventory"})

    assert "Going back is allowed all the same." in browser(served, "bob").shown(f"{PLAN}?to=1")
    body = {"environment": "production"}
    assert served.as_("bob").post("/services/checkout/rollbacks", body).status_code == 202


def test_a_lock_set_while_it_waits_stops_it_at_the_head_of_the_lane(served: Served) -> None:
    started = deploy(served, "alice").json["id"]
    served.as_("bob").post("/locks", {"service": "checkout", "reason": "inventory"})

    with served.working():
        page = served.as_("alice").ended(started)

    assert page["deploy"]["state"] == "undone"
    assert "Checkout is locked: inventory (Bob Okafor)" in page["deploy"]["reason"]


# A second person.


def test_a_second_person_says_yes_and_it_may_go(served: Served) -> None:
    revision = commit(served, "approvals: 1")
    alice, bob = browser(served, "alice"), browser(served, "bob")
    assert "1 approval missing" in alice.shown(PLAN)
    assert refused(deploy(served, "alice")) == ["1 approval missing: needs 1 approval of somebody else, has 0"]

    said = bob.post("/services/checkout/production/approve", revision=revision)

    assert said.location == f"{PLAN}?revision={revision}"
    assert "Approved by Bob Okafor" in alice.shown(PLAN)
    assert "Approved by you" in bob.shown(PLAN)
    assert len(refused(deploy(served, "bob"))) == 1
    assert deploy(served, "alice").status_code == 202
    assert len(facts(served, "approval.given")) == 1


def test_an_approval_can_be_taken_back_once(served: Served) -> None:
    revision = commit(served, "approvals: 1")
    bob, body = served.as_("bob"), {"environment": "production", "revision": revision}
    given = bob.post("/services/checkout/approvals", body)
    assert [one["actor"] for one in given.json["approvals"]] == ["user:default/bob"]
    assert len(bob.post("/services/checkout/approvals", body).json["approvals"]) == 1

    assert bob.post("/services/checkout/approvals/withdraw", body).json["approvals"] == []
    assert bob.post("/services/checkout/approvals/withdraw", body).status_code == 409
    assert len(refused(deploy(served, "alice"))) == 1


def test_whoever_wrote_all_of_it_does_not_approve_of_it(served: Served) -> None:
    with served.working():
        assert served.as_("alice").ended(deploy(served, "alice").json["id"])["deploy"]["state"] == "healthy"
    commit(served, "approvals: 1", author="Bob Okafor")
    assert "All of this change is yours" in browser(served, "bob").shown(PLAN)

    served.as_("bob").post("/services/checkout/approvals", {"environment": "production"})

    [reason] = refused(deploy(served, "alice"))
    assert reason.endswith("Bob Okafor's does not count: nobody else wrote any of this change")


def test_a_stranger_may_look_and_not_approve(served: Served) -> None:
    revision = commit(served, "approvals: 1")
    carol = browser(served, "carol")

    assert "Only payments may approve a deploy of checkout" in carol.shown(PLAN)
    assert carol.post("/services/checkout/production/approve", revision=revision).status_code == 403
    assert served.as_("carol").post("/services/checkout/approvals", {"environment": "production"}).status_code == 403


def test_a_hotfix_needs_one_approval_fewer_and_has_its_button_only_then(served: Served) -> None:
    commit(served, TWO)
    alice = browser(served, "alice")
    assert "Deploy as a hotfix" not in alice.shown(PLAN)
    served.as_("bob").post("/services/checkout/approvals", {"environment": "production"})
    assert "Deploy as a hotfix" in alice.shown(PLAN)
    assert len(refused(deploy(served, "alice"))) == 1

    revision = served.as_("alice").get("/services/checkout/plan", environment="production").json["release"]["revision"]
    pressed = alice.post("/services/checkout/production/deploy", revision=revision, hotfix="1")

    assert pressed.status_code == 303
    [fact] = facts(served, "deploy.requested")
    assert fact.data["hotfix"] is True


# The list, and emergencies.


def test_the_list_is_ticked_at_the_press(served: Served) -> None:
    revision = commit(served, "checklist: [Support knows, Backup is fresh]")
    alice = browser(served, "alice")
    page = alice.shown(PLAN)
    assert "Blocked" not in page
    assert "Before you press" in page
    assert refused(deploy(served, "alice", ticks=["Support knows"])) == ["1 of 2 points to tick: Backup is fresh"]

    with_all = {"revision": revision, "tick": ["Support knows", "Backup is fresh"]}
    pressed = alice.client.post("/services/checkout/production/deploy", data={"csrf_token": alice.token(), **with_all})

    assert pressed.status_code == 303
    assert facts(served, "deploy.requested")[0].data["ticks"] == ["Support knows", "Backup is fresh"]


def test_an_emergency_needs_a_reason_and_is_written_down_with_all_that_it_passed(served: Served) -> None:
    revision = commit(served, STRICT)
    served.as_("bob").post("/locks", {"service": "checkout", "reason": "inventory"})
    alice = browser(served, "alice")
    assert "In an emergency…" in alice.shown(PLAN)
    press = "/services/checkout/production/deploy"

    assert alice.post(press, revision=revision, emergency="1", override=" ").status_code == 400
    assert browser(served, "carol").post(press, revision=revision, emergency="1", override="x").status_code == 403
    assert alice.post(press, revision=revision, emergency="1", override="customers cannot pay").status_code == 303

    [fact] = facts(served, "gates.overridden")
    assert fact.data["reason"] == "customers cannot pay"
    assert {gate["kind"] for gate in fact.data["gates"]} == {"lock", "approval", "checklist", "soak"}
    with served.working():
        page = served.as_("alice").ended(1)
    assert page["deploy"]["state"] == "healthy"  # the head of the lane asks again, on the same terms


def test_an_override_does_nothing_where_nothing_is_to_do(served: Served) -> None:
    with served.working():
        assert served.as_("alice").ended(deploy(served, "alice").json["id"])["deploy"]["state"] == "healthy"

    assert refused(deploy(served, "alice", override="now")) == ["Nothing to do: release 1 serves already"]
    assert "In an emergency…" not in browser(served, "alice").shown(PLAN)


def test_a_soak_says_what_is_missing(served: Served) -> None:
    commit(served, "soak: {staging: 1h}")
    assert refused(deploy(served, "alice")) == [
        "Not in staging yet: release 1 has never been healthy there; it needs 1 h"
    ]
    with served.working():
        started = served.as_("alice").post("/services/checkout/deploys", {"environment": "staging"}).json["id"]
        assert served.as_("alice").ended(started)["deploy"]["state"] == "healthy"

    [gate] = [
        one
        for one in served.as_("alice").get("/services/checkout/plan", environment="production").json["gates"]
        if one["kind"] == "soak"
    ]
    assert gate["why"].startswith("needs 1 h, has ")
    assert gate["until"] is not None
    assert "It may go" in browser(served, "alice").shown(PLAN)


@pytest.mark.parametrize(
    ("who", "shown"), [("bob", "Lock checkout in production"), ("carol", "Only payments may lock")]
)
def test_the_card_of_a_service_says_what_is_locked_and_who_may(served: Served, who: str, shown: str) -> None:
    served.as_("alice").post("/locks", {"service": "checkout", "reason": "<i>inventory</i>", "for": "1h"})
    with served.app.test_request_context("/", headers={"Authorization": f"Bearer {served.keys[who]}"}):
        served.app.preprocess_request()
        with served.services.database.read() as session:
            checkout = catalog.service(session, "checkout")
            told = card(session, checkout, "production")
        page = render_template("lockcard.html", service=checkout, environment="production", **told)

    assert "&lt;i&gt;inventory&lt;/i&gt;" in page
    assert shown in page
