"""What is looked at now and then: hearts that should have beaten, silences that end, gaps that are coming.

What is found is said once. Nothing here pages by itself: a silent heart is a signal like any other.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from cronsim import CronSimError
from sqlalchemy.orm import Session

from ledger.clock import Clock
from ledger.db import Database
from ledger.errors import Error
from ledger.jobs import Jobs
from oncall import heartbeat, intakestore, notices, planstore, silencing, store
from oncall import signal as signals
from oncall.heartbeat import Expected, Fine, Late
from oncall.intakestore import HeartbeatRow, Key
from oncall.muting import settle
from oncall.receiving import tell
from oncall.silences import Silence, to_warn
from oncall.silencing import readable, standing
from oncall.taking import taking

BEATS, BEATS_EVERY = "oncall.beats", timedelta(seconds=5)
WATCH, WATCH_EVERY = "oncall.watch", timedelta(minutes=1)
AT_ONCE = 40  # alerts or incidents in one transaction

log = structlog.get_logger()


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
            if not intakestore.silent(session, now):
                return
        with self.jobs.transaction() as tx:
            silent = intakestore.silent(tx, now, held=True)  # anew: one may have beaten since
            keys = intakestore.keys_of(tx, [row.key_id for row in silent])
            for row in silent:
                self._silent(tx, row, keys[row.key_id], now)

    def _silent(self, session: Session, row: HeartbeatRow, key: Key, now: datetime) -> None:
        heart, state = _standing(row, key, now)
        if isinstance(state, Late):
            said = heartbeat.late_signal(heart, state, key.source, key.service, now)
            tell(session, self.jobs, plain(said), f"{key.source}@{row.due_at.isoformat()}", now)
            intakestore.told_late(session, [row.key_id])
        else:
            intakestore.put_off(session, row.key_id, state.until)

    def watch(self) -> None:
        """Take up again what a silence that is over has kept quiet, and end silences whose time has come."""
        now = self.clock()
        with self.database.read() as session:
            known = intakestore.silences(session)
            over = [row.id for row in known if row.end <= now]
            warn = self._to_warn(session, readable(known), now)
        if over or warn:
            with self.jobs.transaction() as tx:
                intakestore.end_silences(tx, over, now)
                for one in warn:
                    self._warn(tx, one, now)
        while self._settle(now) == AT_ONCE:
            continue
        after: int | None = 0
        while after is not None:
            after = self._wake(after, now)

    def _settle(self, now: datetime) -> int:
        """Mute what a silence has come to cover, and wake what none covers any more, a few at a time."""
        with self.database.read() as session:
            if not silencing.changed(session, now):
                return 0
        with self.jobs.transaction() as tx:
            return settle(tx, self.jobs, self.fallback, now, AT_ONCE)

    def _wake(self, after: int, now: datetime) -> int | None:
        """Take up some of what is muted and need not be; return where to go on, None at the end."""
        with self.database.read() as session:
            muted, still = store.muted_alerts(session, after), standing(session, now)
        woken = [number for number, said, service in muted if still.muted(said, service) is None]
        for first in range(0, len(woken), AT_ONCE):
            self._take_up(woken[first : first + AT_ONCE], now)
        return muted[-1][0] if muted else None

    def _take_up(self, alerts: Sequence[int], now: datetime) -> None:
        """Decide again about alerts, all together, or each alone where one cannot be."""
        try:
            with self.jobs.transaction() as tx:
                muted = [said for _, said, _ in store.muted_alerts(tx, among=alerts)]
                with taking(tx, self.jobs, self.clock, self.fallback, muted) as taken:
                    for said in muted:
                        taken.take(said)
        except (Error, ValueError, LookupError, TypeError, AttributeError, RecursionError):
            if len(alerts) == 1:
                log.exception("what was muted cannot be taken up", alert=alerts[0])
                return
            for one in alerts:
                self._take_up([one], now)

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


def _standing(row: HeartbeatRow, key: Key, now: datetime) -> tuple[Expected, Fine | Late]:
    """Return what is expected of a heart and how it stands. One whose settings say nothing is late by its own row."""
    try:
        heart = expected(key)
        return heart, heartbeat.standing(heart, row.last_at, key.created_at, now)
    except (Error, CronSimError, ValueError, LookupError, TypeError, ArithmeticError):
        log.exception("a heartbeat cannot be expected", key=key.id)
        return Expected(key.name, timedelta(0)), Late(row.due_at, row.last_at, row.due_at)


def expected(key: Key) -> Expected:
    """Return how often a heart should beat, as its integration says."""
    return heartbeat.of(key.name, key.settings)


def plain(said: signals.Signal) -> bytes:
    """Return a signal as the portal says it to itself."""
    return json.dumps(signals.to_json(said)).encode()
