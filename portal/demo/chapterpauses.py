"""The tour's steps in which a person is asked: nobody can tell, or nothing brings back what a migration took."""

import re
from collections.abc import Mapping
from typing import Any

from portal.demo.chapters import Figures, so
from portal.demo.stage import SOON, Stage
from portal.demo.waiting import until

Told = Mapping[str, Any]

FEW = 0.1  # seconds between two visits of each visitor
TOO_FEW = re.compile(r"not enough data: \d+ of about \d+ requests")


def inconclusive(stage: Stage) -> Figures:
    """Too few visit reports to tell whether a release is worse: Kofi has it looked at again, Nadia lets it go on."""
    with stage.load("reports", FEW):
        deploy = stage.deploy("nadia", "reports")
        first = _paused(stage, deploy)
        so(TOO_FEW.search(first["reason"]) is not None, f"it waits because {first['reason']}")
        stage.answer("kofi", deploy, "look")
        so(_paused(stage, deploy, times=2)["percent"] == first["percent"], "it did not stay where it was")
        stage.answer("nadia", deploy, "resume")
        ended = stage.ended(deploy, as_="healthy")
    so(stage.live("reports")["release"] == ended["release"], "it does not serve")
    return {"release": ended["release"], "paused_at_percent": first["percent"], "why": first["reason"]}


def no_way_back(stage: Stage) -> Figures:
    """A migration of ledger takes a column away, which its plan says first; it fails, and a person ends it, not we."""
    before = stage.live("ledger")
    with stage.load("ledger") as load:
        said = stage.plan("aisha", "ledger", "fewer-columns")["irreversible"]
        so("drops a column" in said, f"the plan says of going back: {said}")
        deploy = stage.deploy("aisha", "ledger", "fewer-columns")
        paused = _paused(stage, deploy)
        stage.abort("lin", deploy)
        ended = stage.ended(deploy, as_="aborted")
        tally = load.tally()
    so(tally.asked > 0 and tally.failed == 0, f"{tally.failed} of {tally.asked} visitors got no page: {tally.said}")
    so(stage.live("ledger")["release"] == before["release"], "another release serves than before")
    figures = {"release": ended["release"], "plan_says": said, "waited_because": paused["reason"]}
    return {**figures, "requests": tally.asked, "failed": tally.failed}


PAUSES = {"inconclusive pause": inconclusive, "no way back": no_way_back}


def _paused(stage: Stage, deploy: int, times: int = 1) -> Told:
    """Wait until it waits for a person, for so many times in all, and return it."""

    def look() -> Told | None:
        told: Told = stage.page(deploy)["deploy"]
        so(not told["ended"], f"deploy {deploy} ended without asking: {told['reason']}")
        return told if told["state"] == "paused" and len(stage.facts(deploy, "deploy.paused")) == times else None

    return until(look, SOON, f"pause {times} of deploy {deploy}")
