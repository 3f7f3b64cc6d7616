"""A deploy told in sentences: its log, made of the facts that were recorded. Nothing here changes anything."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from catalog import refs
from ledger import events


@dataclass(frozen=True)
class Line:
    """A line of a deploy's log. `kind` is the fact's; `head` says that it is a step, not a detail."""

    at: datetime
    text: str
    kind: str
    head: bool
    actor: str


def log(session: Session, deploy_id: int, limit: int = 500) -> Sequence[Line]:
    """Return a deploy's log, oldest first: each fact's sentence and the lines it brought."""
    lines: list[Line] = []
    for event in reversed(events.latest(session, subject=f"deploy:{deploy_id}", limit=limit)):
        head = sentence(event)
        said = event.data.get("reason", "")
        details = [
            Line(event.at, text, event.kind, False, event.actor) for text in event.data.get("lines", ()) if text != said
        ]
        heads = [Line(event.at, head, event.kind, True, event.actor)] if head else []
        lines += [*details, *heads]  # what was seen, then what follows from it
    return lines


_DOING = {
    "tidy": "what still ran of an earlier deploy stops",
    "measure": "the metrics are asked how it was before",
    "verify": "{for} is looked at: it serves again",
    "prepare": "release {for} is made ready: files and build",
    "start": "instances of {for} start",
    "probe": "instances of {for} are asked until they pass",
    "weigh": "{for} gets {percent} % of the traffic",
    "bake": "wave {wave} is watched at {percent} %",
    "drain": "the other release finishes what it has begun",
    "stop": "the other release stops",
}


_ORDERED = {
    "abort_ordered": "abort ordered",
    "resume_ordered": "told to go on",
    "pause_ordered": "told to wait before the next step",
    "look_ordered": "told to do it once more",
}


def sentence(event: events.Event) -> str:
    """Say a fact of a deploy in words; empty for one that only carries lines."""
    data = event.data
    reason = str(data.get("reason") or "")
    doing = _DOING.get(str(data.get("step", "")), "").format_map({"for": "", "percent": "", "wave": "", **data})
    match event.kind.removeprefix("deploy."):
        case "requested":
            what = "going back to" if data.get("rollback") else "deploying"
            return f"asked for {what} {data.get('release')}" + (f": {reason}" if reason else "")
        case "bound":
            return reason
        case "attempted":
            return doing
        case "undo_attempted":
            return f"going back: {doing}"
        case "step_done" | "undo_step_done":
            return reason or f"done: {data.get('step')}"
        case "step_failed" | "undo_retried":
            return f"{data.get('step', 'the deploy')} failed: {reason}"
        case "abort_ordered" | "resume_ordered" | "pause_ordered" | "look_ordered":
            who = refs.short(event.actor)
            return f"{who}: {_ORDERED[event.kind.partition('.')[2]]}" + (f": {reason}" if reason else "")
        case "paused":
            return f"paused, a person is asked: {reason}"
        case "resumed":
            return "it goes on"
        case "looked_again":
            return "once more"
        case "tried":
            return "the trial has passed; going back"
        case "aborted":
            return "stopped by a person, going back"
        case "healthy":
            return f"healthy: {data.get('release')} serves"
        case "undone" if "base" not in data:
            return f"it never began: {reason}"
        case "undone":
            base = data["base"]
            return (
                f"undone: {f'{base} serves as before' if base else 'nothing serves, as before'}; {data.get('why', '')}"
            )
        case "stuck":
            return f"stuck, a person is needed: {data.get('why', '')}"
        case _:
            return ""
