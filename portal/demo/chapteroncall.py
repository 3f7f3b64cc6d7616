"""The tour's step at night: a release is healthy and then fails. A phone rings; its owner goes back, and swaps."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from ledger.clock import stopwatch
from portal.demo.chapters import Figures, so
from portal.demo.people import BY_LOGIN
from portal.demo.stage import DEPLOYED, SOON, Stage
from portal.demo.waiting import until

Told = Mapping[str, Any]

SERVICE, BRANCH, ROTA = "checkout", "ask-the-ledger", "payments"
FEW = 1.0  # seconds between two visits of each visitor: so few that nothing is seen while it goes out
PHONES = "phones.json"
STORY = ["opened", "paged", "delivered", "acknowledged", "resolved"]


def on_call(stage: Stage) -> Figures:
    """Checkout is healthy and then fails its visitors: a phone rings, she takes it and goes back, and it is over."""
    before = stage.live(SERVICE)
    with stage.load(SERVICE, FEW):
        deploy = stage.ended(stage.deploy("aisha", SERVICE, BRANCH), as_="healthy")
    with stage.load(SERVICE) as load:
        took = stopwatch()
        incident = until(lambda: _open(stage, deploy), DEPLOYED, "an incident")
        number = incident["number"]
        page = until(lambda: _delivered(stage, number), SOON, "a page")
        rang = took().total_seconds()
        who = page["person"].rpartition("/")[2]
        so(any(one["incident"] == number for one in _phone(stage, page["person"])), f"{who}'s phone does not say so")
        stage.people[who].post(f"/incidents/{number}/acknowledge")
        took = stopwatch()
        stage.ended(stage.roll_back(who, SERVICE, before["release"]), as_="healthy")
        over = until(lambda: _resolved(stage, number), DEPLOYED, "the end of the incident")
        resolved = took().total_seconds()
        tally = load.tally()
    stage.let_go(who, SERVICE)
    so(over["holder"] == [BY_LOGIN[who].ref], f"{over['holder']} had it, not {who}")
    story = [fact["kind"] for fact in _page(stage, number)["story"]]
    so(story == STORY, f"its story is {story}")
    figures = {"incident": number, "release": deploy["release"], "paged": who, "because": page["target"]}
    figures |= {"rang_after_seconds": round(rang, 1), "over_after_seconds": round(resolved, 1), "story": story}
    return {**figures, "requests": tally.asked, "failed": tally.failed, "swap": _swap(stage)}


ON_CALL = {"on call": on_call}


def _swap(stage: Stage) -> Sequence[str]:
    """Let whoever has this week have the next one's instead; return what that says, person by person."""
    shifts = stage.people["kofi"].get(f"/oncall/schedules/{ROTA}/shifts", role="primary")["shifts"]
    mine, other = shifts[:2]
    body = {"mine": mine["start"], "with": other["start"], "reason": "a concert"}
    who = mine["person"].rpartition("/")[2]
    told: Sequence[str] = stage.people[who].post(f"/oncall/schedules/{ROTA}/swap", body)["sentences"]
    held = stage.people["kofi"].get("/oncall", schedule=ROTA, at=_in(other["start"], timedelta(hours=1)))
    there = {one["role"]: one["person"] for one in held["schedules"][0]["roles"]}
    so(there["primary"] == mine["person"], f"{there['primary']} has next week, not {mine['person']}")
    return told


def _in(moment: str, later: timedelta) -> str:
    return (datetime.fromisoformat(moment) + later).isoformat()


def _open(stage: Stage, deploy: Told) -> Told | None:
    """Return what is open of the service since the deploy, and is about its visitors."""
    since = datetime.fromisoformat(deploy["ended_at"])
    found: Sequence[Told] = stage.people["kofi"].get("/incidents", service=SERVICE, open=True)["incidents"]
    fresh = [one for one in found if datetime.fromisoformat(one["opened_at"]) > since]
    return next((one for one in fresh if _alerts(stage, one["number"])), None)


def _alerts(stage: Stage, number: int) -> bool:
    return any(one["source"].startswith("alertmanager") for one in _page(stage, number)["alerts"])


def _page(stage: Stage, number: int) -> Told:
    told: Told = stage.people["kofi"].get(f"/incidents/{number}")
    return told


def _delivered(stage: Stage, number: int) -> Told | None:
    pages: Sequence[Told] = _page(stage, number)["pages"]
    return next((one for one in pages if one["ending"] == "delivered"), None)


def _resolved(stage: Stage, number: int) -> Told | None:
    told: Told = _page(stage, number)["incident"]
    return told if told["state"] == "resolved" else None


def _phone(stage: Stage, person: str) -> Sequence[Told]:
    """Return what stands on somebody's phone."""
    told = json.loads((stage.config.data / PHONES).read_text())
    found: Sequence[Told] = told["phones"].get(person, [])
    return found
