"""All scorecards: which services are in good order, worst first, and how many pass each check."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import Blueprint, g, render_template, request

from catalog import scorestore
from catalog.scorestore import Change
from pipelines import query
from portal import auth, pictures, scorechecks, scoring
from portal.bands import Band
from portal.pages import common
from portal.render import counted
from portal.scoring import Board, Ranked

bp = Blueprint("scorecards", __name__)

PAGE = 60  # services
LATELY, LOOKED = 12, 200  # changes that are shown, and looked through for those that belong together
MONTH = timedelta(days=30)
WORDS = {"in good order": "passing", "nearly in order": "one warning", "not in order": "failing"}  # icons of the kit


@bp.get("/catalog/scorecards")
def index() -> str:
    """All services; `owner` is a reference, `failed` a check's id, `page` counts from 1."""
    owner, failed = request.args.get("owner", "")[:300], request.args.get("failed", "")[:80]
    now, checks = common.times().now, {check.id: check for check in scorechecks.loaded().checks}
    with auth.services().database.read() as session:
        topic = common.live(session)
        board = scoring.board(session, auth.services().config.mirrors, now - MONTH, now)
        lately = [change for change in scorestore.history(session, limit=LOOKED) if change.check in checks]
        g.running = len(query.deploys(session, running=True, limit=100))
    found = scoring.chosen(board.rows, owner, failed)
    said = request.args.get("page", "")
    page = max(int(said), 1) if said.isdigit() and len(said) < 6 else 1
    return render_template(
        "scorecards.html",
        here="Catalog",
        topic=topic,
        band=_band(board),
        rows=found[(page - 1) * PAGE : page * PAGE],
        found=len(found),
        page=page,
        more=len(found) > page * PAGE,
        board=board,
        checks=checks,
        lately=_together(lately)[:LATELY],
        owners=_owners(board.rows),
        owner=owner,
        failed=failed,
        problems=scorechecks.loaded().problems,
        words=WORDS,
        meter=pictures.meter,
    )


@dataclass(frozen=True)
class Lately:
    """A check that began to pass, to fail or not to apply, for several services at one moment."""

    check: str
    passed: bool | None
    said: str
    at: datetime
    refs: tuple[str, ...]


def _together(changes: Sequence[Change]) -> Sequence[Lately]:
    found: dict[tuple[str, bool | None, datetime], list[Change]] = {}
    for change in changes:
        found.setdefault((change.check, change.passed, change.at), []).append(change)
    return [Lately(*key[:2], same[0].said, key[2], tuple(one.ref for one in same)) for key, same in found.items()]


def _owners(rows: Sequence[Ranked]) -> Sequence[tuple[str, str, int]]:
    """Return (ref, title, services) of everybody who owns something."""
    titles: Mapping[str, str] = {row.owner.ref or scoring.NOBODY: row.owner.title for row in rows}
    counts = Counter(row.owner.ref or scoring.NOBODY for row in rows)
    return sorted(((ref, titles[ref] or "nobody", count) for ref, count in counts.items()), key=lambda one: one[1:])


def _band(board: Board) -> Band:
    total = len(board.rows)
    if not total:
        return Band("", "ring", "Scorecards", "There is no service yet.", "")
    good, poor = (sum(row.level == word for row in board.rows) for word in ("in good order", "not in order"))
    if good == total:
        return Band("good", "ok", "In good order", f"All {counted(total, 'service')} pass every check that applies.")
    worst = max(board.tallies, key=lambda tally: tally.of - tally.passed)
    text = f"{worst.check.title} fails most often: {worst.of - worst.passed} of {worst.of}."
    if board.unjudged:
        text += f" {counted(board.unjudged, 'service')} looked at for the first time."
    nearly = total - good - poor
    rest = [f"{nearly} nearly" if nearly else "", f"{poor} {'is' if poor == 1 else 'are'} not" if poor else ""]
    title = f"{good} of {counted(total, 'service')} {'is' if good == 1 else 'are'} in good order"
    return Band("", "warn", "Scorecards", ", ".join([title, *filter(None, rest)]) + ".", text)
