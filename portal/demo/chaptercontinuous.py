"""The tour's step from a commit to production: what its tests pass goes out by itself, and what they do not stays."""

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ledger.clock import stopwatch
from portal.demo.chapters import Figures, so
from portal.demo.past import ENVIRONMENT
from portal.demo.people import BY_LOGIN
from portal.demo.stage import DEPLOYED, SOON, Stage
from portal.demo.waiting import until
from production.ports import Site

SERVICE, WHO = "greeter", "jonas"
Told = Mapping[str, Any]


def merge_to_production(stage: Stage) -> Figures:
    """Jonas changes a word of greeter and commits: it is live by itself. A commit that breaks the tests stays."""
    with stage.load(SERVICE) as load:
        took = stopwatch()
        good = _commit(stage, "Say hi", 'HELLO = "Hello"', 'HELLO = "Hi"')
        live = until(lambda: _serves(stage, good), DEPLOYED, f"{good[:7]} in production")
        seconds = took().total_seconds()
        bad = _commit(stage, "Leave the point out", "}!", "}")
        decided = until(lambda: _waits(stage, bad), SOON, f"a word about {bad[:7]}")
        tally = load.tally()
    so(tally.asked > 0, "nobody came, so this says nothing")
    so(tally.failed == 0, f"{tally.failed} of {tally.asked} visitors got no page: {'; '.join(tally.said)}")
    deploy = stage.page(int(live["deploy_id"]))["deploy"]
    so(deploy["actor"] == "continuous", f"{deploy['actor']} deployed it")
    so(_serves(stage, good) is not None, "the commit that breaks the tests serves")
    figures = {"healthy_after_seconds": round(seconds, 1), "release": live["release"], "because": deploy["note"]}
    return {**figures, "waits": decided["why"][0], "requests": tally.asked, "failed": tally.failed}


def _commit(stage: Stage, subject: str, old: str, new: str) -> str:
    """Commit as anybody would, so that git's own hooks are called; return the revision."""
    folder: Path = stage.config.data / "company" / SERVICE
    app = folder / "app.py"
    text = app.read_text()
    so(old in text, f"{old!r} stands nowhere in {app}")
    app.write_text(text.replace(old, new, 1))
    author = BY_LOGIN[WHO]
    who = ("-c", f"user.name={author.name}", "-c", f"user.email={author.mail}", "-c", "commit.gpgsign=false")
    git = ["git", *who, "commit", "--quiet", "--all", f"--message={subject}"]
    subprocess.run(
        git, cwd=folder, env=dict(stage.environ), check=True, capture_output=True, timeout=SOON.total_seconds()
    )
    return stage.commits(SERVICE)[0]


def _serves(stage: Stage, revision: str) -> Told | None:
    live = stage.live(SERVICE)
    return live if live["revision"] == revision else None


def _waits(stage: Stage, revision: str) -> Told | None:
    """Return why that revision stays, once its tests have ended."""
    told = stage.people["kofi"].get(f"/services/{SERVICE}/environments/production/continuous")["decided"]
    is_known = told and told["word"] == "wait" and told["revision"] == revision and told["why"][0].endswith("failed")
    return told if is_known else None


def warm_way_back(stage: Stage) -> Figures:
    """Jonas goes back: the release before is still warm beside the new one, so nothing has to start."""
    now = stage.live(SERVICE)
    warm = _processes(stage)
    with stage.load(SERVICE) as load:
        took = stopwatch()
        before = now["release"] - 1
        stage.ended(stage.roll_back(WHO, SERVICE, before), as_="healthy")
        seconds = took().total_seconds()
        tally = load.tally()
    so(tally.asked > 0 and tally.failed == 0, f"{tally.failed} of {tally.asked} visitors got no page: {tally.said}")
    so(stage.live(SERVICE)["release"] == before, f"release {stage.live(SERVICE)['release']} serves")
    new = _processes(stage) - warm
    so(not new, f"{len(new)} processes were started for the way back")
    figures = {"back_on": before, "from": now["release"], "back_after_seconds": round(seconds, 1)}
    return {**figures, "started": len(new), "requests": tally.asked, "failed": tally.failed}


def _processes(stage: Stage) -> set[int]:
    """Return the instances of the service on this machine, by their process."""
    told = Site(f"component:default/{SERVICE}", ENVIRONMENT, {})
    return {one.pid for one in stage.target.instances(told) if one.state == "up" and one.pid is not None}


CONTINUOUS = {"merge to production": merge_to_production, "warm way back": warm_way_back}
