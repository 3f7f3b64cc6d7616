"""The tour's steps about many commits at once: a bisect that finds the bad one, and a train that stops before it."""

from collections.abc import Mapping
from typing import Any

from portal.demo.chapters import Figures, so
from portal.demo.past import ENVIRONMENT
from portal.demo.stage import DEPLOYED, LOOK, Stage
from portal.demo.waiting import until

BRANCH = "summer-sale"  # of checkout: five commits, and the third is bad
BAD = "Count baskets that hold something on sale"
LONGEST = 3 * DEPLOYED


def bisect(stage: Stage) -> Figures:
    """Five commits of checkout go out at once and are put back; trials at a tenth of the traffic find the bad one."""
    before = stage.live("checkout")
    undone = stage.ended(stage.deploy("lin", "checkout", BRANCH), as_="undone")
    begun = stage.people["mara"].post(f"/deploys/{undone['id']}/bisect")
    course = _ended(stage, begun["id"])
    so(course["state"] == "found", f"the bisect is {course['state']}: {course['reason']}; {_tries(course)}")
    found = next(one for one in course["suspects"] if one["revision"] == course["culprit"])
    so(
        found["subject"] == BAD,
        f"it found {found['subject']}, while deploy {undone['id']} was put back because \
{undone['reason']}; {_tries(course)}",
    )
    live = stage.live("checkout")
    so(live["release"] == before["release"], f"release {live['release']} serves, not {before['release']}")
    return {
        "suspects": len(course["suspects"]),
        "tries": course["tries"],
        "at_most": course["most"],
        "percent": course["percent"],
        "found": found["subject"],
    }


def train(stage: Stage) -> Figures:
    """The same commits go out one by one: those before the bad one serve, and the train stops at it."""
    body = {"environment": ENVIRONMENT, "revision": BRANCH}
    begun = stage.people["aisha"].post("/services/checkout/trains", body)
    course = _ended(stage, begun["id"])
    so(course["state"] == "stopped", f"the train is {course['state']}: {course['reason']}")
    states = [car["state"] for car in course["cars"]]
    so("failed" in states, f"no car failed: {course['reason']}")
    stopped = course["cars"][states.index("failed")]
    so(stopped["subject"] == BAD, f"it stopped at {stopped['subject']}: {course['reason']}")
    before = course["cars"][states.index("failed") - 1]
    live = stage.live("checkout")
    so(live["revision"] == before["revision"], f"release {live['release']} serves, not the car before the bad one")
    return {"cars": len(states), "out": states.count("gone"), "stay": states.count("waiting"), "why": course["reason"]}


CHAPTERS = {"bisect": bisect, "train": train}


def _tries(course: Mapping[str, Any]) -> str:
    """Say what came of each commit, so that a bisect that went astray explains itself."""
    said = [f"{one['subject']}: {one['verdict'] or 'not tried'} ({one['why']})" for one in course["suspects"]]
    return "; ".join(said)


def _ended(stage: Stage, course_id: int) -> Mapping[str, Any]:
    """Wait for the end of a train or a bisect, and return it."""

    def look() -> Mapping[str, Any] | None:
        told = stage.people["kofi"].get(f"/courses/{course_id}")
        return told if told["state"] != "going" else None

    return until(look, LONGEST, f"the end of course {course_id}", LOOK)
