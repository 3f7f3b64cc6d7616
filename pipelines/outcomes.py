"""What became of each deploy, told by the log alone: facts in their order in, deploys with their outcome out. Pure.

A deploy fails when users had it and it was put back, when a person stopped it or took it back, or when it got stuck.
It is mended when its lane is healthy again. Facts that miss something are taken as far as they go.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from pipelines.dora import DAY, Deployed
from pipelines.plan import StepKind

SOON = DAY  # a deploy that is asked for so soon after a failure is there to mend it

REQUESTED, BOUND, ATTEMPTED, ABORTED = "deploy.requested", "deploy.bound", "deploy.attempted", "deploy.aborted"
HEALTHY, UNDONE, STUCK = "deploy.healthy", "deploy.undone", "deploy.stuck"
ENDS = (HEALTHY, UNDONE, STUCK)
KINDS = (REQUESTED, BOUND, ATTEMPTED, ABORTED, *ENDS)


@dataclass(frozen=True)
class Told:
    """One fact of the log."""

    at: datetime
    kind: str
    deploy: int
    service: str
    data: Mapping[str, Any]

    @property
    def environment(self) -> str:
        return str(self.data.get("environment") or "")


@dataclass(frozen=True)
class Lane:
    """Where a service stands in an environment: the deploy that serves, those that failed and are not mended yet, and
    since when a failure waits for the deploy that mends it."""

    live: int | None = None
    unmended: tuple[int, ...] = ()
    mending: datetime | None = None


Find = Callable[[int], Deployed | None]
After = tuple[Lane, tuple[Deployed, ...]]


def after(told: Told, lane: Lane, find: Find) -> After:
    """Return the lane after that fact, and every deploy that it changed. Told twice, it changes nothing more."""
    before = find(told.deploy)
    deploy = before or _begun(told)
    if deploy.ended_at is not None:
        return lane, ()
    if told.kind in ENDS:
        return _ended(replace(deploy, ended_at=told.at, ending=told.kind.partition(".")[2]), lane, find)
    changed = _noted(told, deploy)
    return lane, () if changed == before else (changed,)


def _begun(told: Told) -> Deployed:
    data = told.data
    return Deployed(
        told.deploy,
        told.service,
        told.environment,
        _number(data.get("release")),
        told.at,
        rollback=data.get("rollback") is True,
        hotfix=data.get("hotfix") is True,
        trial=data.get("trial") is True,
    )


def _noted(told: Told, deploy: Deployed) -> Deployed:
    """Note what comes before the end."""
    data = told.data
    if told.kind == ABORTED:
        return replace(deploy, aborted=True)
    if told.kind == BOUND:
        back = deploy.rollback or data.get("rollback") is True
        return replace(deploy, committed=_moments(data.get("committed")), rollback=back)
    if told.kind == ATTEMPTED and deploy.out_at is None and _gives_traffic(data):
        return replace(deploy, out_at=told.at)
    return deploy


def _gives_traffic(data: Mapping[str, Any]) -> bool:
    """An attempt is written down before its act, so users may have it from then on."""
    percent = data.get("percent")
    return data.get("step") == StepKind.WEIGH and isinstance(percent, int | float) and percent > 0


# --- its end, and what that means for those before it -----------------------------------------------------------------


def _ended(deploy: Deployed, lane: Lane, find: Find) -> After:
    assert deploy.ended_at is not None
    if deploy.ending != "undone" and deploy.out_at is None:
        deploy = replace(deploy, out_at=deploy.ended_at)  # a log that tells of no steps
    if deploy.trial:
        return lane, (deploy,)
    if deploy.rollback:
        return _went_back(deploy, lane, find)
    deploy = replace(deploy, rework=_rework(deploy, lane))
    if deploy.ending == "healthy":
        mends = lane.mending is not None and deploy.requested_at >= lane.mending
        lane = replace(lane, mending=None) if mends else lane
        return _healthy(deploy, lane, find)
    return _failed(deploy, lane)


def _rework(deploy: Deployed, lane: Lane) -> str:
    if deploy.hotfix:
        return "hotfix"
    since = None if lane.mending is None else deploy.requested_at - lane.mending
    return "after a failure" if since is not None and DAY * 0 <= since <= SOON else ""


def _failed(deploy: Deployed, lane: Lane) -> After:
    at = deploy.ended_at
    if deploy.ending == "stuck":
        return replace(lane, unmended=(*lane.unmended, deploy.id), mending=at), (
            replace(deploy, failed="stuck", failed_at=at),
        )
    if deploy.out_at is None:
        return lane, (deploy,)  # nobody had it
    failed = "stopped" if deploy.aborted else "put back"
    return replace(lane, mending=at), (replace(deploy, failed=failed, failed_at=at, recovered_at=at),)


def _went_back(deploy: Deployed, lane: Lane, find: Find) -> After:
    """A person went back: what served until then had failed, unless it is what was gone back to."""
    changed: dict[int, Deployed] = {deploy.id: deploy}
    live = find(lane.live) if lane.live is not None else None
    if deploy.ending == "undone":
        return lane, (deploy,)
    if live is not None and live.counts and not live.failed and live.release != deploy.release:
        changed[live.id] = replace(live, failed="rolled back", failed_at=deploy.ended_at, failed_by=deploy.id)
        lane = replace(lane, unmended=(*lane.unmended, live.id), mending=deploy.ended_at)
    if deploy.ending == "stuck":
        return lane, tuple(changed.values())
    return _healthy(deploy, lane, lambda number: changed.get(number) or find(number), changed)


def _healthy(deploy: Deployed, lane: Lane, find: Find, others: Mapping[int, Deployed] | None = None) -> After:
    """All is well again: whatever failed before is mended."""
    changed = {**(others or {}), deploy.id: deploy}
    for number in lane.unmended:
        if (failed := find(number)) is not None:
            changed[number] = replace(failed, recovered_at=deploy.ended_at)
    return replace(lane, live=deploy.id, unmended=()), tuple(changed.values())


def _number(told: object) -> int:
    return told if isinstance(told, int) else 0


def _moments(told: object) -> tuple[datetime, ...]:
    return tuple(at for said in told if (at := _moment(said))) if isinstance(told, list) else ()


def _moment(told: object) -> datetime | None:
    try:
        at = datetime.fromisoformat(told) if isinstance(told, str) else None
    except ValueError:
        return None
    return at.replace(tzinfo=UTC) if at is not None and at.tzinfo is None else at
