"""The audit: every fact, newest first, and whether the chain of their hashes holds."""

import json
from collections.abc import Iterator, Sequence

from flask import Blueprint, Response, g, render_template, request, stream_with_context, url_for
from sqlalchemy.orm import Session

from ledger import events
from ledger.db import Database
from ledger.events import Event
from pipelines import query
from pipelines.story import sentence
from portal import auth, render
from portal.pages import common

bp = Blueprint("audit", __name__)

PAGE = 60  # facts
SEARCHED = 600  # facts that are looked through for those shown
NOISE = frozenset({"deploy.observed"})  # looks of checks; they stand in the deploy's own log and in the download
BATCH = 500  # facts of a download that are read at once
FILTERS = ("subject", "service", "actor")


@bp.get("/audit")
def index() -> str:
    """Facts, newest first; filters are `subject`, `service` and `actor`, `before` pages on, `verify` looks at all."""
    chosen = _chosen()
    before = request.args.get("before", "")
    with auth.services().database.read() as session:
        topic = common.live(session, service=chosen["service"], subject=chosen["subject"])
        found = _facts(session, chosen, int(before) if before.isdigit() and len(before) < 18 else None, PAGE + 1)
        head = events.head(session)
        verified = events.verify(session) if request.args.get("verify") else None
        common.know(session, [event.actor for event in found])
        g.running = len(query.deploys(session, running=True, limit=100))
    said = {name: value for name, value in chosen.items() if value}
    return render_template(
        "audit.html",
        here="Audit",
        topic="" if before or verified else topic,
        facts=found[:PAGE],
        older=found[PAGE - 1].id if len(found) > PAGE else None,
        chosen={name: value or "" for name, value in chosen.items()},
        said=said,
        head=head,
        verified=verified,
        tell=tell,
        about=about,
    )


def _chosen() -> dict[str, str | None]:
    return {name: request.args.get(name, "").strip()[:300] or None for name in FILTERS}


def _facts(session: Session, chosen: dict[str, str | None], before: int | None, limit: int) -> Sequence[Event]:
    found = events.latest(
        session,
        subject=chosen["subject"],
        service=chosen["service"],
        actor=chosen["actor"],
        before=before,
        limit=SEARCHED,
    )
    return [event for event in found if event.kind not in NOISE][:limit]


def tell(event: Event) -> str:
    """Say a fact in words: what it brought, without what stands in the row already."""
    if told := sentence(event) if event.kind.startswith("deploy.") else "":
        return f"{told} · release {event.data.get('release')} to {event.data.get('environment')}"
    data = {
        key: value
        for key, value in event.data.items()
        if key not in ("lines", "reason", "why") and value not in ("", None, [])
    }
    said = [str(event.data.get("reason") or event.data.get("why") or event.data.get("problem") or "")]
    said += [f"{key} {_short(value)}" for key, value in data.items() if key != "problem"]
    return " · ".join(part for part in said if part)


def _short(value: object) -> str:
    if isinstance(value, str):
        is_revision = len(value) == 40 and all(sign in "0123456789abcdef" for sign in value)
        return render.revision(value) if is_revision else value[:120]
    return json.dumps(value, ensure_ascii=False)[:120]


def about(event: Event) -> str:
    """Return where the thing itself is shown, empty when it has no page."""
    kind, _, key = event.subject.partition(":")
    if kind == "deploy" and key.isdigit():
        return url_for("deploys.show", deploy_id=int(key))
    if kind == "incident" and key.isdigit():
        return url_for("incidents.show", number=int(key))
    return ""


@bp.get("/audit.jsonl")
def download() -> Response:
    """Every sealed fact that fits, oldest first, one JSON object per line, read in batches."""
    chosen = _chosen()
    lines = stream_with_context(_lines(auth.services().database, chosen))
    answer = Response(lines, mimetype="application/x-ndjson")
    answer.headers["Content-Disposition"] = f'attachment; filename="facts-{common.times().now:%Y%m%d}.jsonl"'
    answer.headers["X-Accel-Buffering"] = "no"
    return answer


def _lines(database: Database, chosen: dict[str, str | None]) -> Iterator[str]:
    position = 0
    while True:
        with database.read() as session:
            batch = events.since(session, position, subject=chosen["subject"], service=chosen["service"], limit=BATCH)
        for event in batch:
            if chosen["actor"] in (None, event.actor):
                yield json.dumps(as_json(event), ensure_ascii=False, sort_keys=True) + "\n"
        if len(batch) < BATCH:
            return
        position = batch[-1].position or position


def as_json(event: Event) -> dict[str, object]:
    return {
        "position": event.position,
        "at": render.iso(event.at),
        "kind": event.kind,
        "subject": event.subject,
        "service": event.service,
        "actor": event.actor,
        "cause": event.cause,
        "data": dict(event.data),
        "hash": event.hash,
    }
