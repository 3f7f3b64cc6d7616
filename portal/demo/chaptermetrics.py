"""The tour's step of a release that is only slow: no check and no error shows it, and a metric puts it back."""

import re

from portal.demo.chapters import Figures, so
from portal.demo.stage import Stage

SLOW = re.compile(r"answer time in s = \d\.\d+ ≥ 0\.3 in 2 of \d measurements")


def slow_release(stage: Stage) -> Figures:
    """A branch of search has its answers measured, and makes them slow: the metric says so, and it goes back."""
    before = stage.live("search")
    with stage.load("search") as load:
        deploy = stage.ended(stage.deploy("tomas", "search", "better-ranking"), as_="undone")
        tally = load.tally()
    seen, hurt = tally.of(deploy["revision"])
    so(seen > 0 and hurt == 0, f"{hurt} of its {seen} visitors were hurt, so this says nothing of a metric")
    so(tally.failed == 0, f"{tally.failed} of {tally.asked} visitors got no page: {'; '.join(tally.said)}")
    so(SLOW.search(deploy["reason"]) is not None, f"no metric put it back: {deploy['reason']}")
    so(stage.live("search")["release"] == before["release"], "another release serves than before")
    figures = {"release": deploy["release"], "visitors_of_it": seen, "why": deploy["reason"]}
    return {**figures, "requests": tally.asked, "failed": tally.failed}


METRICS = {"slow release": slow_release}
