"""What is looked at now and then: hearts that should have beaten, silences that end, gaps that are coming.

What is found is said once. Nothing here pages by itself: a silent heart is a signal like any other.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from ledger.clock import Clock
from ledger.db import Database
from ledger.jobs import Jobs
from oncall import heartbeat, intakestore, notices, planstore, store
from oncall import signal as signals
from oncall.answering import Answering
from oncall.heartbeat import Expected, Late
from oncall.intakestore import Key
from oncall.receiving import Receiver, Taking, tell
from oncall.silences import Silence, to_warn
from oncall.silencing import silence, standing

BEATS, BEATS_EVERY = "oncall.beats", timedelta(seconds=5)
WATCH, WATCH_EVERY = "oncall.watch", timedelta(minutes=1)


@dataclass(frozen=True)
class Watcher:
    """Made once by the wiring."""

    database: Database
    jobs: Jobs
    clock: Clock
    fallback: str = ""

    def beats(self) -> None:
        """Say of each heart that should have beaten by now that it has not, once."""
        now = self.clock()
        with self.database.read() as session:
            silent = intakestore.silent(session, now)
            keys = intakestore.keys_of(session, [row.key_id for row in silent])
        if not silent:
            return
        with self.jobs.transaction() as tx:
            for row in silent:
                key = keys.get(row.key_id)
                if key is None:
                    continue
                state = heartbeat.standing(expected(key), row.last_at, key.created_at, now)
                if isinstance(state, Late):
                    said = heartbeat.late_signal(expected(key), state, key.source, key.service, now)
                    tell(tx, self.jobs, plain(said), f"{key.source}@{row.due_at.isoformat()}", now)
                    intakestore.told_late(tx, [row.key_id])
                else:
                    intakestore.beat(tx, row.key_id, row.last_at or key.created_at, state.until)

    def watch(self) -> None:
        """Take up again what a silence that is over has kept quiet, and end silences whose time has come."""
        now = self.clock()
        with self.database.read() as session:
            known = intakestore.silences(session)
            over = [row.id for row in known if row.end <= now]
            warn = self._to_warn(session, [silence(row) for row in known], now)
            muted = store.muted_alerts(session)
            still = standing(session, now)
            woken = [(said, service) for _, said, service in muted if still.muted(said, service) is None]
        if not over and not woken and not warn:
            return
        receiver = Receiver(self.database, self.jobs, self.clock, self.fallback)
        with self.jobs.transaction() as tx:
            if over:
                intakestore.end_silences(tx, over, now)
            for one in warn:
                self._warn(tx, one, now)
            taking = Taking(receiver, tx, Answering(tx, self.fallback))
            for said, _ in woken:
                taking.take(said, now)

    def _to_warn(self, session: Session, known: Sequence[Silence], now: datetime) -> Sequence[Silence]:
        said = planstore.announced(session)
        return to_warn(known, [one.number for one in known if _told(one) in said], now)

    def _warn(self, session: Session, one: Silence, now: datetime) -> None:
        """Tell the owner of a silence that it ends soon, so that its end surprises nobody at three in the morning."""
        planstore.announce(session, [_told(one)], now)
        until = f"It ends {one.over:%a %d %b %H:%M} UTC ({one.reason})."
        text = f"{until} What it keeps quiet pages again from then on; extend it, or end it now."
        notices.notify(session, self.jobs, one.owner, f"Your {one.kind} {one.number} ends soon", text, "/silences", now)


def _told(one: Silence) -> str:
    """Name the end that was told: one that was put off is told again."""
    return f"silence:{one.number}:{one.end.isoformat()}"


def expected(key: Key) -> Expected:
    """Return how often a heart should beat, as its integration says."""
    return heartbeat.of(key.name, key.settings)


def plain(said: signals.Signal) -> bytes:
    """Return a signal as the portal says it to itself."""
    return json.dumps(signals.to_json(said)).encode()
