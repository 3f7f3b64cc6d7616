"""What CI has said about commits, kept: the last word of each context, by the time at which it was said.

Words may come twice and out of order; what is kept depends on neither. Only this module opens their table.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Table, delete, func, select
from sqlalchemy.orm import Session

from ledger import events
from ledger.errors import Code, Error
from ledger.once import insert_once
from pipelines.ci import ORDER, State, Status
from pipelines.ruletables import StatusRow

MOST_CONTEXTS = 200  # of one commit; a large build matrix has some dozens
LONGEST_CONTEXT, LONGEST_SAID, LONGEST_URL = 200, 500, 2000  # signs
AT_ONCE = 500  # revisions in one statement
_REVISION = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_WEB = re.compile(r"https?://[^\s\"'<>]+")


def say(
    session: Session,
    repository: int,
    revision: str,
    context: str,
    state: State,
    said: str,
    url: str,
    at: datetime,
    actor: str = "ci",
) -> bool:
    """Keep a word of CI; return whether the state of the context is another one now.

    A word that is older than the kept one is let pass. Raises Error(INVALID) for what can be no status.
    """
    _check(revision, context)
    values: dict[str, Any] = {"state": state.value, "said": _clean(said), "url": _link(url), "at": at}
    known = _row(session, repository, revision, context)
    if known is None:
        _refuse_more(session, repository, revision)
        key = {"repository": repository, "revision": revision, "context": context}
        if insert_once(session, cast(Table, StatusRow.__table__), key | values) is not None:
            _record(session, repository, revision, context, values, "", actor)
            return True
        known = _row(session, repository, revision, context)  # another was first in this very moment
    if known is None or not _is_news(known, state, at):
        return False
    before = known.state
    for name, value in values.items():
        setattr(known, name, value)
    session.flush()
    if before == state:
        return False
    _record(session, repository, revision, context, values, before, actor)
    return True


def _row(session: Session, repository: int, revision: str, context: str) -> StatusRow | None:
    where = (StatusRow.repository == repository, StatusRow.revision == revision, StatusRow.context == context)
    return session.scalars(
        select(StatusRow).where(*where).with_for_update().execution_options(populate_existing=True)
    ).one_or_none()


def _is_news(known: StatusRow, state: State, at: datetime) -> bool:
    """Is that later than what is known? Clocks of CI count seconds, so of one moment the graver word counts."""
    return (at, ORDER.index(state)) > (known.at, ORDER.index(State(known.state)))


def _check(revision: str, context: str) -> None:
    if not _REVISION.fullmatch(revision):
        raise Error(Code.INVALID, "A status needs the commit's full id of 40 or 64 digits, in small letters.")
    if not context.strip() or len(context) > LONGEST_CONTEXT or not context.isprintable():
        raise Error(
            Code.INVALID, f"A status needs the name of its check, of at most {LONGEST_CONTEXT} printable signs."
        )


def _refuse_more(session: Session, repository: int, revision: str) -> None:
    where = (StatusRow.repository == repository, StatusRow.revision == revision)
    if (session.scalar(select(func.count()).select_from(StatusRow).where(*where)) or 0) >= MOST_CONTEXTS:
        raise Error(Code.INVALID, f"{revision[:7]} has {MOST_CONTEXTS} checks already; more are not kept.")


def _clean(text: str) -> str:
    """Keep it one line that steers no terminal."""
    return "".join(sign if sign.isprintable() else " " for sign in text[:LONGEST_SAID]).strip()


def _link(url: str) -> str:
    """Keep an address of the web, and nothing else: it becomes a link."""
    return url if len(url) <= LONGEST_URL and url.isprintable() and _WEB.fullmatch(url) else ""


def _record(
    session: Session,
    repository: int,
    revision: str,
    context: str,
    values: Mapping[str, Any],
    before: str,
    actor: str,
) -> None:
    data = {"revision": revision, "context": context, "state": values["state"], "before": before}
    data |= {"said": values["said"], "url": values["url"]}
    events.record(session, "ci.said", f"repository:{repository}", actor, values["at"], data)


def states(session: Session, repository: int, revisions: Sequence[str]) -> Mapping[str, Mapping[str, Status]]:
    """Return what is known of each of those commits, by context; every commit that was asked for is there."""
    found: dict[str, dict[str, Status]] = {revision: {} for revision in revisions}
    for begin in range(0, len(revisions), AT_ONCE):
        asked = revisions[begin : begin + AT_ONCE]
        rows = select(StatusRow).where(StatusRow.repository == repository, StatusRow.revision.in_(asked))
        for row in session.scalars(rows.order_by(StatusRow.context)):
            found[row.revision][row.context] = Status(State(row.state), row.said, row.url, row.at)
    return found


def forget(session: Session, before: datetime) -> int:
    """Delete what was said before that moment; return how much."""
    gone = delete(StatusRow).where(StatusRow.at < before).returning(StatusRow.context)
    return len(session.scalars(gone).all())
