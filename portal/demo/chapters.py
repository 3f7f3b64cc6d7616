"""The tour's steps, in order. Each does what people do, watches what visitors get, and returns figures or raises."""

import json
import re
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ledger.clock import stopwatch
from ledger.errors import Code, Error
from portal.demo.load import Tally
from portal.demo.stage import DEPLOYED, SOON, Stage
from portal.demo.waiting import until

Figures = Mapping[str, Any]

# How the errors of two releases are told: "5 errors in 11 requests against 0 in 92, e = 246 ≥ 100". Where a machine is
# so slow that twenty visitors come between two looks, their share is too much before the second one.
NUMBERS = re.compile(
    r"[\d,]+ errors? in [\d,]+ requests against [\d,]+ in [\d,]+, (e = \S+ ≥ 100|\S+ % is more than 5 %)"
)


def good_release(stage: Stage) -> Figures:
    """Three commits of checkout go out in three waves, and no visitor notices."""
    with stage.load("checkout") as load:
        deploy = stage.ended(stage.deploy("mara", "checkout"), as_="healthy")
        tally = load.tally()
    _unhurt(tally)
    served, _ = tally.of(deploy["revision"])
    so(served > 0, f"no visitor saw release {deploy['release']}")
    return {"release": deploy["release"], "waves": deploy["waves"], "commits": deploy["commits"], **_counted(tally)}


def bad_release(stage: Stage) -> Figures:
    """A release of search never becomes ready: it gets no visitor, is put back by itself, and its team hears of it."""
    before = stage.live("search")
    with stage.load("search") as load:
        deploy = stage.ended(stage.deploy("tomas", "search"), as_="undone")
        tally = load.tally()
    _unhurt(tally)
    seen, _ = tally.of(deploy["revision"])
    so(seen == 0, f"{seen} visitors got the bad release")
    _serves(stage, "search", before["release"])
    figures = {"release": deploy["release"], "visitors_of_it": seen, "why": deploy["reason"], **_counted(tally)}
    return {**figures, "incident": until(lambda: _heard(stage, "search"), SOON, "an incident")}


def bad_under_load(stage: Stage) -> Figures:
    """A release of checkout passes its checks and fails its customers: counting both sides' errors puts it back."""
    before = stage.live("checkout")
    with stage.load("checkout") as load:
        deploy = stage.ended(stage.deploy("lin", "checkout", "faster-totals"), as_="undone")
        tally = load.tally()
    seen, hurt = tally.of(deploy["revision"])
    so(hurt > 0, f"none of its {seen} visitors was hurt, so this says nothing; it was undone for: {deploy['reason']}")
    so(tally.failed == hurt, f"{tally.failed - hurt} visitors of other releases were hurt: {tally.said}")
    so(NUMBERS.search(deploy["reason"]) is not None, f"it was put back without numbers: {deploy['reason']}")
    _serves(stage, "checkout", before["release"])
    return {"release": deploy["release"], "visitors_of_it": seen, "why": deploy["reason"], **_counted(tally)}


def killed_worker(stage: Stage) -> Figures:
    """The worker is killed in the middle of a wave of ledger; another one brings the deploy to its end."""
    with stage.load("ledger") as load:
        started = stage.deploy("aisha", "ledger")
        wave = stage.in_wave(started, 2)["wave"]
        victim = until(stage.serving.worker, SOON, "a worker")
        victim.kill()
        took = stopwatch()
        deploy = stage.ended(started, as_="healthy")
        seconds = took().total_seconds()
        tally = load.tally()
    _unhurt(tally)
    other = until(stage.serving.worker, SOON, "another worker")
    so(other.pid != victim.pid, "no worker was started again")
    return {
        "release": deploy["release"],
        "in_wave": wave,
        "healthy_after_seconds": round(seconds, 1),
        **_counted(tally),
    }


def aborts(stage: Stage) -> Figures:
    """One deploy is stopped in the queue and one in its first wave; what served goes on serving."""
    before = stage.live("checkout")
    _, middle, oldest, *_ = stage.commits("checkout")
    with stage.load("checkout") as load:
        running, queued = stage.deploy("aisha", "checkout", oldest), stage.deploy("lin", "checkout", middle)
        place = stage.page(queued)["place"]
        stage.abort("lin", queued)
        in_queue = stage.ended(queued, as_="aborted", longest=SOON)
        percent = stage.in_wave(running, 1)["percent"]
        stage.abort("mara", running)
        in_wave = stage.ended(running, as_="aborted")
        tally = load.tally()
    _unhurt(tally)
    so(in_queue["started_at"] is None and tally.of(middle)[0] == 0, "what was stopped in the queue had begun")
    _serves(stage, "checkout", before["release"])
    return {
        "place": place,
        "stopped_at_percent": percent,
        "visitors_of_it": tally.of(in_wave["revision"])[0],
        **_counted(tally),
    }


def way_back(stage: Stage) -> Figures:
    """Going back to an older release jumps the queue, stops what is going out, and holds what waits until let go."""
    _, middle, oldest, older, *_ = stage.commits("checkout")
    release = _release_of(stage, older)
    with stage.load("checkout") as load:
        running, waiting = stage.deploy("lin", "checkout", middle), stage.deploy("aisha", "checkout", oldest)
        stage.in_wave(running, 1)
        took = stopwatch()
        stage.ended(stage.roll_back("mara", "checkout", release), as_="healthy")
        seconds = took().total_seconds()
        _serves(stage, "checkout", release)
        stage.ended(running, as_="aborted", longest=SOON)
        held = stage.page(waiting)
        so(held["deploy"]["state"] == "queued" and held["hold"] is not None, "what waits was not held")
        stage.let_go("mara", "checkout")
        let_go = stage.ended(waiting, as_="healthy")
        tally = load.tally()
    _unhurt(tally)
    _serves(stage, "checkout", let_go["release"])
    figures = {"back_on": release, "back_after_seconds": round(seconds, 1), "let_go": let_go["release"]}
    return {**figures, "held_because": held["hold"]["reason"], **_counted(tally)}


def ourselves(stage: Stage) -> Figures:
    """Fullcycle deploys the checkout that it runs from, and that portal answers."""
    if stage.left_out:
        return {"left_out": stage.left_out}
    deploy = stage.ended(stage.deploy("iris", "fullcycle"), as_="healthy", longest=2 * DEPLOYED)
    address = stage.address("fullcycle")
    with urllib.request.urlopen(f"{address}/healthz", timeout=SOON.total_seconds()) as answer:  # our own address
        status = answer.status
    so(status == 200, f"the portal inside answered {status}")
    return {"release": deploy["release"], "revision": deploy["revision"][:7], "healthz": status}


def audit(stage: Stage) -> Figures:
    """The chain of facts is whole."""
    verify = [sys.executable, "-m", "portal.cli", "audit", "verify", "--json"]
    ended = subprocess.run(
        verify, env=dict(stage.environ), capture_output=True, text=True, timeout=DEPLOYED.total_seconds()
    )
    so(ended.returncode == 0, f"audit verify ended with {ended.returncode}: {ended.stdout}{ended.stderr}")
    return {"facts": json.loads(ended.stdout)["checked"]}


Chapters = Mapping[str, Callable[[Stage], Figures]]
RELEASES: Chapters = {"good release": good_release, "bad release": bad_release, "bad under load": bad_under_load}
TROUBLE: Chapters = {"killed worker": killed_worker, "aborts": aborts, "way back": way_back, "ourselves": ourselves}
AUDIT: Chapters = {"audit": audit}


def _heard(stage: Stage, service: str) -> str:
    """Return the title of what is open of a service; nothing when nothing is."""
    found: Sequence[Mapping[str, Any]] = stage.people["kofi"].get("/incidents", service=service, open=True)["incidents"]
    return str(found[0]["title"]) if found else ""


def _release_of(stage: Stage, revision: str) -> int:
    """Return the number of the release of checkout that has been made of that commit."""
    deploys: Sequence[Mapping[str, Any]] = stage.people["kofi"].get("/deploys", service="checkout", limit=200)[
        "deploys"
    ]
    return int(next(one["release"] for one in deploys if one["revision"] == revision))


def _serves(stage: Stage, service: str, release: int) -> None:
    """The portal says that this release serves, and visitors get no other any more."""
    live = stage.live(service)
    so(live["release"] == release, f"release {live['release']} of {service} serves, not {release}")
    with stage.load(service) as load:
        tally = until(lambda: found if (found := load.tally()).asked >= 10 else None, SOON, "ten visits")
    others = tally.asked - tally.of(live["revision"])[0]
    so(others == 0, f"{others} of {tally.asked} visitors of {service} did not get release {release}")


def _unhurt(tally: Tally) -> None:
    so(tally.asked > 0, "nobody came, so this says nothing")
    so(tally.failed == 0, f"{tally.failed} of {tally.asked} visitors got no page: {'; '.join(tally.said)}")


def _counted(tally: Tally) -> Figures:
    return {"requests": tally.asked, "failed": tally.failed}


def so(is_so: bool, otherwise: str) -> None:
    if not is_so:
        raise Error(Code.CONFLICT, otherwise)
