"""What forges say of their CI in webhooks: which check of which commit came to what, and when. Pure.

A call that says nothing of the kind, or says it in another form, comes to nothing; nothing here raises.
Sources: the pages on webhook events in the manuals of GitHub, GitLab and Gitea.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pipelines.ci import State

LONGEST = 200  # signs of a check's name
_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(\.\d+)? ?(Z|UTC|[+-]\d\d:?\d\d)?")
_ZERO = re.compile(r"0+")

Told = Mapping[str, Any]


@dataclass(frozen=True)
class Verdict:
    """One word of CI. `at`: when it was said; None where the call does not say."""

    revision: str
    context: str
    state: State
    said: str = ""
    url: str = ""
    at: datetime | None = None


_P, _S, _F, _N = State.PENDING, State.SUCCESS, State.FAILURE, State.SKIPPED

# Whatever is not a plain yes and has ended is a failure; GitHub's `neutral` takes no side.
GITHUB_STATUS = {"pending": _P, "success": _S, "failure": _F, "error": _F}
GITHUB_CONCLUSION = {
    "success": _S,
    "neutral": _N,
    "skipped": _N,
    "failure": _F,
    "cancelled": _F,
    "timed_out": _F,
    "action_required": _F,
    "startup_failure": _F,
    "stale": _F,
}
GITLAB = {
    **dict.fromkeys(("created", "waiting_for_resource", "preparing", "waiting_for_callback"), _P),
    **dict.fromkeys(("pending", "running", "manual", "scheduled", "canceling"), _P),
    "success": _S,
    "failed": _F,
    "canceled": _F,
    "skipped": _N,
}
GITEA = {**GITHUB_STATUS, "warning": _F, "skipped": _N}


def verdicts(forge: str, event: str, told: Told) -> Sequence[Verdict]:
    """Return what such a call says of CI; nothing where it is about something else."""
    read = _READERS.get((forge, event))
    found = read(told) if read else None
    return [found] if found is not None else []


def is_about_ci(forge: str, event: str) -> bool:
    return (forge, event) in _READERS


def _status(states: Mapping[str, State]) -> Callable[[Told], Verdict | None]:
    """GitHub and Gitea call a status alike."""

    def read(told: Told) -> Verdict | None:
        state, at = states.get(_text(told, "state")), _text(told, "updated_at") or _text(told, "created_at")
        return _verdict(told, "sha", _text(told, "context"), state, _text(told, "description"), "target_url", at)

    return read


def _check_run(told: Told) -> Verdict | None:
    run = _part(told, "check_run")
    at = _text(run, "completed_at") or _text(run, "started_at")
    said = _text(_part(run, "output"), "title")
    return _verdict(run, "head_sha", _text(run, "name"), _concluded(run), said, "html_url", at)


def _check_suite(told: Told) -> Verdict | None:
    """Only what has ended: a suite is made for each app of a repository, and some never run anything."""
    suite = _part(told, "check_suite")
    if _text(suite, "status") != "completed":
        return None
    name = _text(_part(suite, "app"), "slug") or _text(_part(suite, "app"), "name")
    context = f"suite {name}" if name else ""
    return _verdict(suite, "head_sha", context, _concluded(suite), "", "html_url", _text(suite, "updated_at"))


def _workflow_run(told: Told) -> Verdict | None:
    run = _part(told, "workflow_run")
    name = _text(run, "name") or _text(_part(told, "workflow"), "name")
    context = f"workflow {name}" if name else ""
    said = _text(run, "display_title")
    return _verdict(run, "head_sha", context, _concluded(run), said, "html_url", _text(run, "updated_at"))


def _concluded(run: Told) -> State | None:
    if _text(run, "status") != "completed":
        return State.PENDING if _text(run, "status") else None
    return GITHUB_CONCLUSION.get(_text(run, "conclusion"))


def _pipeline(told: Told) -> Verdict | None:
    about = _part(told, "object_attributes")
    at = _text(about, "finished_at") or _text(about, "created_at")
    state = GITLAB.get(_text(about, "status"))
    return _verdict(about, "sha", "pipeline", state, _text(about, "detailed_status"), "url", at)


def _job(told: Told) -> Verdict | None:
    """A job that its pipeline lets fail, or that a person may start, takes no side."""
    status = _text(told, "build_status")
    state = GITLAB.get(status)
    if told.get("build_allow_failure") is True and status in ("failed", "canceled", "manual"):
        state = State.SKIPPED
    names = ("build_finished_at", "build_started_at", "build_created_at")
    at = next((said for name in names if (said := _text(told, name))), "")
    return _verdict(told, "sha", _text(told, "build_name"), state, _text(told, "build_stage"), "build_url", at)


_READERS: Mapping[tuple[str, str], Callable[[Told], Verdict | None]] = {
    ("github", "status"): _status(GITHUB_STATUS),
    ("github", "check_run"): _check_run,
    ("github", "check_suite"): _check_suite,
    ("github", "workflow_run"): _workflow_run,
    ("gitlab", "Pipeline Hook"): _pipeline,
    ("gitlab", "Job Hook"): _job,
    ("gitea", "status"): _status(GITEA),
}


def _verdict(about: Told, sha: str, context: str, state: State | None, said: str, url: str, at: str) -> Verdict | None:
    revision = _text(about, sha)
    name = "".join(sign if sign.isprintable() else " " for sign in context)[:LONGEST].strip()
    if state is None or not name or not _SHA.fullmatch(revision) or _ZERO.fullmatch(revision):
        return None
    return Verdict(revision, name, state, said, _text(about, url), moment(at))


def _part(told: Told, name: str) -> Told:
    found = told.get(name)
    return found if isinstance(found, dict) else {}


def _text(told: Told, name: str) -> str:
    found = told.get(name)
    return found if isinstance(found, str) else ""


def moment(text: str) -> datetime | None:
    """Read a moment as any of them writes it; one without a zone is UTC.

    >>> moment("2026-03-02 13:00:00 +0100"), moment("2026-03-02T12:00:00Z"), moment("soon")
    (datetime.datetime(2026, 3, 2, 12, 0, tzinfo=datetime.timezone.utc), \
datetime.datetime(2026, 3, 2, 12, 0, tzinfo=datetime.timezone.utc), None)
    """
    found = _MOMENT.fullmatch(text.strip())
    if found is None:
        return None
    day, time, part, zone = found.groups()
    zone = "+00:00" if zone in (None, "Z", "UTC") else zone
    try:
        return datetime.fromisoformat(f"{day}T{time}{(part or '')[:7]}{zone}").astimezone(UTC)
    except (ValueError, OverflowError):
        return None
