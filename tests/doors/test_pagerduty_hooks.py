"""`/hooks/pagerduty`: what is done at PagerDuty happens here, once, when PagerDuty says so itself."""

import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.doors import oncallhall
from tests.doors.browsing import browser
from tests.doors.oncallhall import ALICE, TEAM
from tests.doors.served import Served, portal
from tests.fakepagerduty import ROUTING_KEY, FakePagerDuty, fake_pagerduty

EVENTS: dict[str, Any] = json.loads((Path(__file__).parent.parent / "cases/paging/webhooks/events.json").read_text())
OLD, NEW = "the old secret", "the new secret"


@dataclass
class Hook:
    """The portal, a fake PagerDuty to which payments is connected, and PagerDuty's own calls."""

    served: Served
    fake: FakePagerDuty
    sent: int = 0

    def post(
        self, event: str, number: int, who: str = "Alice Moreau", *, secrets: tuple[str, ...] = (NEW,), **more: Any
    ) -> TestResponse:
        self.sent += 1
        said = json.loads(json.dumps(EVENTS[event]))
        agent = {"summary": who, "id": "PU1", "type": more.get("agent", "user_reference")}
        said["event"] |= {"id": more.get("event_id", f"01E{self.sent}"), "agent": agent}
        about = said["event"]["data"]
        if about["type"] == "incident":
            about |= {"incident_key": f"fullcycle-{number}{more.get('run', '')}", "id": f"PI{number}"}
        else:  # a note names it only as PagerDuty does
            about["incident"] |= {"id": f"PI{number}"}
        body = json.dumps(said).encode()
        signature = ",".join(f"v1={hmac.new(one.encode(), body, hashlib.sha256).hexdigest()}" for one in secrets)
        headers = {"X-PagerDuty-Signature": signature, "X-Webhook-Id": more.get("delivery", f"d{self.sent}")}
        return self.served.app.test_client().post(
            "/hooks/pagerduty", data=body + more.get("after", b""), headers=headers
        )

    def incident(self, number: int) -> Any:
        return self.served.as_("alice").get(f"/incidents/{number}").json


@pytest.fixture(scope="module")
def hook(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hook]:
    folder = tmp_path_factory.mktemp("hooks")
    (folder / "webhook").write_text(f"{OLD}\n{NEW}\n")
    kept = folder / "secrets" / "group:default:payments"
    kept.mkdir(parents=True)
    (kept / "pagerduty").write_text(f"{ROUTING_KEY}\n")
    (kept / "pagerduty").chmod(0o600)
    with fake_pagerduty() as fake:
        oncall = {"phones": True, "pagerduty_url": fake.url, "pagerduty_webhook_file": folder / "webhook"}
        secrets = {"kind": "files", "folder": folder / "secrets"}
        with portal(folder, oncall=oncall, secrets=secrets) as made:
            oncallhall.plan(made)
            made.as_("alice").put("/oncall/teams/payments/pager", {"pagerduty": "pagerduty"})
            yield Hook(made, fake)


@pytest.fixture
def number(hook: Hook) -> int:
    """An incident that PagerDuty has, and has told us of."""
    made = oncallhall.wake(hook.served)
    assert hook.post("foreign", made).json["message"] == "Heard; that changes nothing here."
    return made


def test_the_teams_page_goes_to_pagerduty_with_the_key_of_its_secret(hook: Hook, number: int) -> None:
    (alert,) = [one for one in hook.fake.alerts if one.key == f"fullcycle-{number}"]
    assert (alert.state, hook.fake.wrong) == ("triggered", [])
    assert [(one["person"], one["ending"]) for one in hook.incident(number)["pages"] if one["kind"] == "pagerduty"] == [
        (TEAM, "delivered")
    ]
    assert ROUTING_KEY not in json.dumps(hook.incident(number))
    assert "PagerDuty has it" in browser(hook.served, "carol").shown(f"/incidents/{number}")


def test_an_acknowledgement_and_an_end_there_are_ours_by_the_person_of_that_name(hook: Hook, number: int) -> None:
    assert hook.post("acknowledged", number).status_code == 202
    told = hook.incident(number)["incident"]
    assert (told["state"], told["holder"]) == ("acknowledged", [ALICE])

    assert hook.post("resolved", number).status_code == 202
    assert hook.incident(number)["incident"]["state"] == "resolved"
    assert hook.incident(number)["story"][-1]["text"] == "Alice Moreau did it at PagerDuty"


def test_somebody_whom_the_catalog_does_not_know_is_named_as_pagerduty_names_her(hook: Hook, number: int) -> None:
    hook.post("acknowledged", number, who="Zoe Stranger")
    assert hook.incident(number)["incident"]["holder"] == ["pagerduty:zoe-stranger"]
    oncallhall.work(hook.served)
    alert = next(one for one in hook.fake.alerts if one.key == f"fullcycle-{number}")
    assert [one["event_action"] for one in alert.events] == ["trigger"]  # it said so itself


def test_the_echo_of_what_we_have_told_changes_nothing(hook: Hook, number: int) -> None:
    hook.served.as_("bob").post(f"/incidents/{number}/acknowledge")
    oncallhall.work(hook.served)
    assert hook.post("acknowledged", number, who="Events API").json["message"].startswith("Heard; that changes nothing")
    assert hook.incident(number)["incident"]["holder"] == ["user:default/bob"]


def test_a_snooze_here_is_resolved_there_and_its_echo_does_not_end_it(hook: Hook, number: int) -> None:
    snoozed = hook.served.as_("alice").post(f"/incidents/{number}/snooze", {"for": "1h"})
    assert snoozed.status_code == 200, snoozed.json
    oncallhall.work(hook.served)
    alert = next(one for one in hook.fake.alerts if one.key == f"fullcycle-{number}")
    assert alert.state == "resolved"

    by_us = {"who": "Events API V2", "agent": "inbound_integration_reference"}
    for event in ("acknowledged", "resolved"):
        assert hook.post(event, number, **by_us).json["message"] == "Heard; it is what was told from here."
    assert hook.incident(number)["incident"]["state"] == "snoozed"


def test_what_is_late_and_about_an_earlier_alert_of_an_incident_ends_nothing(hook: Hook, number: int) -> None:
    said = hook.post("resolved", number, run=".1").json["message"]
    assert (said, hook.incident(number)["incident"]["state"]) == ("Heard; that was before it began again.", "open")


@pytest.mark.parametrize("event", ["reassigned", "escalated", "annotated"])
def test_whatever_else_is_done_there_is_a_line_on_the_timeline_and_pages_nobody(
    hook: Hook, number: int, event: str
) -> None:
    before = len(hook.incident(number)["pages"])
    assert hook.post(event, number).status_code == 202
    oncallhall.work(hook.served)
    told = hook.incident(number)
    assert (told["story"][-1]["kind"], told["incident"]["state"]) == ("noted", "open")
    assert told["story"][-1]["text"]
    assert len(told["pages"]) == before


def test_a_repeat_is_answered_like_the_first_and_ignored(hook: Hook, number: int) -> None:
    first = hook.post("annotated", number, delivery="same")
    again = hook.post("annotated", number, delivery="same")
    replayed = hook.post("annotated", number, event_id=f"01E{hook.sent - 1}", delivery="another header")
    assert [one.status_code for one in (first, again, replayed)] == [202] * 3
    assert "came before" in again.json["message"]
    assert "came before" in replayed.json["message"]
    assert [one["kind"] for one in hook.incident(number)["story"]].count("noted") == 1


def test_one_of_two_signatures_is_enough_and_a_body_altered_by_a_byte_is_refused(hook: Hook, number: int) -> None:
    assert hook.post("annotated", number, secrets=("foreign", OLD)).status_code == 202
    refused = hook.post("resolved", number, after=b" ")
    assert (refused.status_code, hook.incident(number)["incident"]["state"]) == (403, "open")
    assert hook.post("resolved", number, secrets=("foreign",)).status_code == 403
    assert NEW not in refused.text


def test_what_is_about_nothing_of_ours_is_taken_and_left(hook: Hook) -> None:
    assert hook.post("acknowledged", 999_999).json["message"] == "It is about no incident of ours."


def test_what_is_signed_and_no_event_is_refused(hook: Hook) -> None:
    for body in (b"", b"{}", b"[]", b'{"event": 7}', b"[" * 5000):
        signature = f"v1={hmac.new(NEW.encode(), body, hashlib.sha256).hexdigest()}"
        answer = hook.served.app.test_client().post(
            "/hooks/pagerduty", data=body, headers={"X-PagerDuty-Signature": signature}
        )
        assert answer.status_code == 400, body


def test_without_its_secrets_the_door_is_closed(tmp_path: Path) -> None:
    with portal(tmp_path) as made:
        assert made.app.test_client().post("/hooks/pagerduty", data=b"{}").status_code == 404
