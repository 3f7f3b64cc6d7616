"""What a deploy's end means for on-call: one that got stuck wakes somebody, one that was undone is to be looked at.

Both come in by the ordinary way of signals, so silences, grouping and escalations are the same as for every alert. The
next healthy deploy says that it is over.
"""

from datetime import datetime

from sqlalchemy.orm import Session

from ledger.jobs import Jobs
from oncall import signal as signals
from oncall import store
from oncall.receiving import tell
from oncall.signal import Action, Signal
from oncall.terms import Severity
from oncall.understanding import OWN
from oncall.watching import plain
from pipelines.deploy import Deploy, State
from pipelines.store import Asked


def ended(session: Session, jobs: Jobs, address: str, asked: Asked, deploy: Deploy, at: datetime) -> None:
    """Say what the end of a deploy means, in its transaction; a person who aborted it knows it already."""
    said = signal(address, asked, deploy, at)
    if said is not None and (said.action is Action.TRIGGER or store.has_open(session, OWN, said.key)):
        tell(session, jobs, plain(said), f"deploy:{deploy.id}:{deploy.state}", at)


def signal(address: str, asked: Asked, deploy: Deploy, at: datetime) -> Signal | None:
    """Return what on-call hears of a deploy that has ended; None where that is nothing."""
    name = asked.service.rpartition("/")[2]
    if deploy.state is State.STUCK:
        title = f"{name} is stuck between two releases in {asked.environment}"
        return _signal(address, asked, deploy, at, Action.TRIGGER, title, Severity.CRITICAL)
    if deploy.state is State.UNDONE and deploy.ending in ("failed", "bad"):
        title = f"{name} {asked.release.number} was undone in {asked.environment}"
        return _signal(address, asked, deploy, at, Action.TRIGGER, title, Severity.WARNING)
    if deploy.state is State.HEALTHY:
        title = f"{name} {asked.release.number} is healthy in {asked.environment}"
        return _signal(address, asked, deploy, at, Action.RESOLVE, title, Severity.INFO)
    return None


def _signal(
    address: str, asked: Asked, deploy: Deploy, at: datetime, action: Action, title: str, severity: Severity
) -> Signal:
    return signals.signal(
        OWN,
        f"deploy:{asked.service}@{asked.environment}",
        action,
        at,
        title=title,
        severity=severity,
        service=asked.service,
        class_="deploy",
        labels={"environment": asked.environment},
        details={"reason": deploy.reason, "release": asked.release.number, "deploy": deploy.id},
        links=[{"href": f"{address}/deploys/{deploy.id}", "text": f"deploy {deploy.id}"}],
        client="Fullcycle",
    )
