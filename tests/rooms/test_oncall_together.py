"""Signals that are taken in one transaction come to the same as each in one of its own: whatever they are about."""

import random
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, event, select

from ledger import db
from ledger import events as facts
from ledger.db import Database
from ledger.jobs_sql import JOBS
from oncall import intakestore, planstore
from oncall.intaketables import SilenceRow
from oncall.planstore import ESCALATION
from oncall.signal import Action, Signal, signal
from oncall.tables import AlertRow, IncidentRow, PageRow
from oncall.taking import taking
from oncall.terms import Severity
from tests.conftest import NOON, with_tables
from tests.rooms.oncallhouse import ADA, CHECKOUT, TEAM, House

TABLES = (PageRow.__table__, AlertRow.__table__, IncidentRow.__table__, SilenceRow.__table__, JOBS)
FACTS = facts.EventRow.__table__
LEDGER = "component:default/ledger"
ROBIN = """
name: ledger
team: group:payments
levels:
  - {targets: [user:ada, user:bob], strategy: round-robin, delay: 5m}
"""


@pytest.fixture(scope="module")
def houses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sequence[House]]:
    folder: Path = tmp_path_factory.mktemp("together")
    made = [House(with_tables(db.sqlite(folder / f"{name}.db"))).found() for name in ("together", "alone")]
    for house in made:
        with house.database.write() as session:
            planstore.write(session, ESCALATION, "ledger", TEAM, ROBIN, NOON, ADA)
    yield made
    for house in made:
        house.database.close()


def clear(house: House) -> None:
    house.now = NOON
    with house.database.write() as session:
        for table in (*TABLES, FACTS):
            session.execute(delete(table))


def told(chance: random.Random, now: Any) -> Signal:
    action = chance.choices(list(Action), (6, 1, 5, 1))[0]
    moments = [None, now - timedelta(minutes=5), now - timedelta(minutes=1)]
    return signal(
        chance.choice(("events:1", "events:2")),
        f"k{chance.randrange(5)}",
        action,
        now,
        title="it is slow",
        severity=chance.choice((Severity.INFO, Severity.ERROR, Severity.CRITICAL)),
        service=chance.choice((CHECKOUT, CHECKOUT, LEDGER, "component:default/nobody", "")),
        class_=chance.choice(("slow", "disk", "down")),
        since=chance.choice(moments),
        over=chance.choice(moments),
    )


def silence(house: House, chance: random.Random) -> None:
    values: dict[str, Any] = {"kind": "silence", "team": TEAM, "reason": "we move it", "by": ADA, "created_at": NOON}
    values |= {"matchers": [f"service={CHECKOUT}", f"class={chance.choice(('slow', 'disk'))}"]}
    values |= {"start": NOON, "end": NOON + timedelta(hours=1), "until_resolved": chance.choice((None, 1, 2))}
    with house.database.write() as session:
        intakestore.add_silence(session, **values)


def take(house: House, signals: Sequence[Signal]) -> None:
    with house.jobs.transaction() as tx, taking(tx, house.jobs, house.clock, TEAM, signals) as taken:
        for one in signals:
            taken.take(one)


def left(house: House) -> dict[str, list[tuple[Any, ...]]]:
    """Return all that has come of it, but for numbers that nobody sees."""
    with house.database.read() as session:
        found = {
            table.name: [tuple(row) for row in session.execute(select(table).order_by(*table.primary_key))]
            for table in TABLES[:-1]
        }
        jobs = select(JOBS.c.kind, JOBS.c.key, JOBS.c.run_at, JOBS.c.done_at).order_by(JOBS.c.kind, JOBS.c.key)
        said = select(FACTS.c.kind, FACTS.c.subject, FACTS.c.service, FACTS.c.at, FACTS.c.data).order_by(FACTS.c.id)
        return {**found, "jobs": [tuple(row) for row in session.execute(jobs)], "facts": [*session.execute(said)]}


@pytest.mark.parametrize("seed", range(8))
def test_together_or_alone_it_comes_to_the_same(houses: Sequence[House], seed: int) -> None:
    for number in range(5):
        play(houses, random.Random(100 * seed + number))


def play(houses: Sequence[House], chance: random.Random) -> None:
    together, alone = houses
    for house in houses:
        clear(house)
    if chance.random() < 0.4:
        same = chance.getrandbits(32)
        for house in houses:
            silence(house, random.Random(same))
    for _ in range(chance.randint(1, 4)):
        signals = [told(chance, together.now) for _ in range(chance.randint(1, 12))]
        take(together, signals)
        for one in signals:
            take(alone, [one])
        one, other = left(together), left(alone)
        for name in one:
            assert one[name] == other[name], name
        later, resolved = timedelta(seconds=chance.choice((1, 40, 400))), chance.random() < 0.3
        for house in houses:
            if resolved and (numbers := house.numbers()):
                house.actions.resolve(min(numbers), ADA, "done")
            house.now += later


def test_the_more_come_together_the_fewer_statements_each_of_them_takes(each_database: Database) -> None:
    house = House(each_database).found()
    counted: list[str] = []
    event.listen(each_database.engine, "before_cursor_execute", lambda *about: counted.append(about[2]))

    def statements(keys: Sequence[int]) -> int:
        signals = [
            signal("events:1", f"k{one}", Action.TRIGGER, NOON, title=f"{one}", service=service, class_=f"c{one}")
            for one in keys
            for service in [CHECKOUT if one % 2 else LEDGER]
        ]
        counted.clear()
        take(house, signals)
        return len(counted)

    statements([1])
    assert statements([2, 3]) <= statements([4]) + 2
