"""What is written and can be read no more: it is worked round, it is said, and everybody else is paged all the same."""

from datetime import timedelta

import pytest
from sqlalchemy import insert, update

from ledger.db import Database
from oncall import intakestore, planstore, store, understanding
from oncall import signal as signals
from oncall.answering import Answering
from oncall.intaketables import KeyRow, SilenceRow
from oncall.planstore import ESCALATION, SCHEDULE
from oncall.plantables import ReachRow
from oncall.policy import Target, TargetKind
from oncall.signal import Action
from oncall.tables import AlertRow
from oncall.taking import Taking
from oncall.watching import Watcher
from tests.conftest import NOON
from tests.rooms.oncallhouse import ADA, BOB, CHECKOUT, EVE, TEAM, House


@pytest.fixture
def house(database: Database) -> House:
    return House(database).found()


def write(house: House, kind: str, text: str) -> None:
    with house.database.write() as session:
        planstore.write(session, kind, "payments", TEAM, text, NOON - timedelta(hours=1), ADA)


def test_an_escalation_that_can_be_read_no_more_gives_way_to_the_usual_one_and_that_is_said(house: House) -> None:
    write(house, ESCALATION, "levels: {nobody: knows}")
    house.event()
    house.work()
    assert house.rang(ADA) == 1  # on call by the schedule, which the usual escalation asks
    assert "payments cannot be read any more, so the usual escalation is followed" in house.reasons()[0]
    with house.database.read() as session:
        assert Answering(session, TEAM).of_team(TEAM, "").policy.name == "usual"


def test_a_schedule_that_can_be_read_no_more_is_empty_and_the_next_level_is_paged(house: House) -> None:
    write(house, SCHEDULE, "rotations: [{order: 7}]")
    house.event()
    house.work()
    assert house.story()[:3] == ["opened", "level_skipped", "level_skipped"]
    assert (house.rang(ADA), house.rang(BOB), house.rang(EVE)) == (1, 1, 1)  # exhausted at once: the whole team hears
    with house.database.read() as session:
        answering = Answering(session, TEAM)
        assert answering.schedule("payments") is None
        assert answering.shifts("payments", NOON, NOON + timedelta(days=1)) == []
        assert len(answering.people(Target(TargetKind.TEAM, TEAM), NOON)) == 3
    assert "schedule payments cannot be read any more" in house.reasons()[1]


def test_a_zone_that_is_no_more_keeps_nobody_quiet_and_nobody_unpaged(house: House) -> None:
    with house.database.write() as session:
        session.execute(
            insert(ReachRow).values(person=ADA, zone="Mars/Olympus", quiet_from="22:00", quiet_to="07:00", away=False)
        )
    house.event()
    house.work()
    assert house.rang(ADA) == 1


def test_a_silence_that_can_be_read_no_more_mutes_nothing(house: House) -> None:
    with house.database.write() as session:
        number = intakestore.add_silence(
            session,
            kind="silence",
            team=TEAM,
            matchers=["nonsense"],
            reason="x",
            by=ADA,
            created_at=NOON,
            start=NOON,
            end=NOON + timedelta(hours=9),
        )
        session.execute(update(SilenceRow).where(SilenceRow.id == number).values(kind="nap"))
    house.event()
    house.work()
    assert house.rang(ADA) == 1
    house.actions.resolve(1, ADA)
    Watcher(house.database, house.jobs, house.clock, TEAM).watch()


def test_a_heart_with_settings_of_no_meaning_keeps_no_other_heart_unheard(house: House) -> None:
    with house.database.write() as session:
        about = (understanding.HEARTBEAT, "backup", CHECKOUT, {"period": 60, "grace": 30}, ADA, NOON)
        bad, _ = (intakestore.add_key(session, sign * 32, *about) for sign in "xy")
        session.execute(update(KeyRow).where(KeyRow.id == bad).values(settings={"cron": "61 * * *"}))
    house.now = NOON + timedelta(minutes=5)
    Watcher(house.database, house.jobs, house.clock, TEAM).beats()
    house.work()
    with house.database.read() as session:
        assert len(store.alerts_of(session, 1)) == 2  # the one that says nothing is late by what was expected before


def test_a_heart_whose_integration_was_taken_away_wakes_nobody(house: House) -> None:
    with house.database.write() as session:
        about = (understanding.HEARTBEAT, "backup", CHECKOUT, {"period": 60, "grace": 30}, ADA, NOON)
        gone = intakestore.add_key(session, "x" * 32, *about)
        intakestore.end_key(session, gone, NOON)
    house.now = NOON + timedelta(minutes=5)
    Watcher(house.database, house.jobs, house.clock, TEAM).beats()
    house.work()
    assert house.numbers() == []


def test_more_than_a_thousand_alerts_that_stay_muted_hide_none_that_is_not(house: House) -> None:
    row = {"source": "events:1", "service": CHECKOUT, "severity": "error", "first_at": NOON, "last_at": NOON}
    with house.database.write() as session:
        about = {"kind": "silence", "team": TEAM, "reason": "we move it", "by": ADA, "created_at": NOON, "start": NOON}
        for host, hours in (("old", 72), ("new", 1)):
            intakestore.add_silence(session, **about, matchers=[f"host={host}"], end=NOON + timedelta(hours=hours))
        rows = []
        for number in range(1010):
            host = "old" if number < 1005 else "new"
            said = signals.signal("events:1", f"k{number}", Action.TRIGGER, NOON, title="slow", host=host)
            more = {"key": said.key, "title": "slow", "muted": "quiet", "said": signals.to_json(said), "count": 1}
            rows.append(row | more | {"ended_by": "", "why": ""})
        session.execute(insert(AlertRow), rows)
    house.now = NOON + timedelta(hours=2)
    Watcher(house.database, house.jobs, house.clock, TEAM).watch()
    house.work()
    assert house.rang(ADA) == 1
    with house.database.read() as session:
        assert len(store.alerts_of(session, 1)) == 5


def test_one_muted_alert_that_cannot_be_taken_up_holds_no_other_back(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    with house.database.write() as session:
        about = {"kind": "silence", "team": TEAM, "reason": "we move it", "by": ADA, "created_at": NOON, "start": NOON}
        intakestore.add_silence(session, **about, matchers=[f"service={CHECKOUT}"], end=NOON + timedelta(hours=1))
    for number in range(3):
        house.event(f"k{number}", component=f"c{number}")
    house.work()
    take = Taking.take

    def breaks(self: Taking, said: signals.Signal) -> None:
        take(self, said)
        if said.key == "k1":
            raise ValueError("nobody has thought of it")

    monkeypatch.setattr(Taking, "take", breaks)
    house.now = NOON + timedelta(hours=2)
    Watcher(house.database, house.jobs, house.clock, TEAM).watch()
    house.work()
    with house.database.read() as session:
        assert [said.key for _, said, _ in store.muted_alerts(session)] == ["k1"]
