"""What is looked at now and then of the plans: gaps a week ahead, unfair quarters; and the board of who answers."""

from datetime import timedelta

import pytest
from sqlalchemy import event

from catalog import query as catalog
from ledger.db import Database
from oncall import ahead, board, fairwatch, freedays, gapwatch, loadquery, notices, planstore
from oncall.answering import Answering
from oncall.coverage import Finding, Trouble
from oncall.overrides import Override
from oncall.planstore import SCHEDULE
from oncall.planwatch import PlanWatcher
from tests import cataloging
from tests.conftest import NOON
from tests.rooms.oncallhouse import ADA, BOB, EVE, ROTA, TEAM, House

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
OFFICE = ROTA.replace("starts:", "restrictions: [{days: mon-fri, from: '09:00', to: '17:00'}], starts:")


@pytest.fixture
def house(database: Database) -> House:
    return House(database).found()


def watcher(house: House) -> PlanWatcher:
    return PlanWatcher(house.database, house.jobs, house.clock, TEAM)


def told(house: House, person: str) -> list[str]:
    with house.database.read() as session:
        return [f"{one.title}. {one.text}" for one in notices.unseen(session, person)]


def leave_empty(house: House, start: timedelta, end: timedelta) -> None:
    with house.database.write() as session:
        planstore.put_override(session, "payments", Override(0, "primary", "", NOON + start, NOON + end, house.now))


def write(house: House, text: str) -> None:
    with house.database.write() as session:
        planstore.write(session, SCHEDULE, "payments", TEAM, text, house.now, ADA)


def found(house: House, kind: Trouble) -> list[Finding]:
    with house.database.read() as session:
        wrong = ahead.findings(Answering(session), "payments", NOON, NOON + 14 * DAY)
    return [one for one in wrong if one.kind is kind]


def leave(*days: str) -> bytes:
    events = [f"BEGIN:VEVENT\r\nDTSTART;VALUE=DATE:{day}\r\nSUMMARY:Leave\r\nEND:VEVENT\r\n" for day in days]
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{''.join(events)}END:VCALENDAR\r\n".encode()


# Gaps.


def test_a_gap_is_told_to_the_whole_team_a_week_ahead_and_once(house: House) -> None:
    leave_empty(house, 10 * DAY, 10 * DAY + HOUR)
    watcher(house).gaps()
    assert told(house, EVE) == []
    house.now += 4 * DAY
    for _ in range(3):
        watcher(house).gaps()
        house.now += HOUR
    for person in (ADA, BOB, EVE):
        assert told(house, person) == [
            "payments: 1 gap within a week. Nobody is primary Thu 12 Mar 12:00 to 13:00; put somebody there, or a page "
            "goes to the next level."
        ]


def test_a_gap_that_becomes_longer_is_told_again(house: House) -> None:
    leave_empty(house, 2 * DAY, 2 * DAY + HOUR)
    watcher(house).gaps()
    leave_empty(house, 2 * DAY, 2 * DAY + 3 * HOUR)
    watcher(house).gaps()
    assert len(told(house, ADA)) == 2


def test_a_rota_of_one_and_who_is_out_of_reach_are_told(house: House) -> None:
    write(house, ROTA.replace("user:bob, user:ada", "user:eve").replace(", secondary: 1", ""))
    with house.database.write() as session:
        for way in planstore.ways(session, [EVE])[EVE]:
            planstore.remove_way(session, way.id)
    watcher(house).gaps()
    (said,) = told(house, ADA)
    assert "Eve is alone in the rota main" in said
    assert "Eve cannot be reached" in said


def test_a_rota_of_office_hours_has_no_gap_at_night(house: House) -> None:
    write(house, OFFICE)
    assert found(house, Trouble.GAP) == []
    leave_empty(house, DAY, DAY + 24 * HOUR)
    assert [(one.start.hour, one.end.hour) for one in found(house, Trouble.GAP)] == [(12, 17), (9, 12)]


def test_who_is_on_call_on_a_day_of_leave_is_told_with_the_team_and_whoever_works_a_holiday_of_all_is_not(
    house: House,
) -> None:
    with house.database.read() as session:
        held = {one.role: one.person for one in Answering(session).shifts("payments", NOON + DAY, NOON + DAY + HOUR)}
    holder = held["primary"]
    with house.database.write() as session:
        freedays.put(session, holder, leave("20260303", "20260304"), holder, house.now)
        freedays.put(session, TEAM, leave("20260305"), ADA, house.now)

    away = found(house, Trouble.AWAY)
    assert {(one.role, one.people, one.start, one.end) for one in away} == {
        ("primary and secondary", (holder,), NOON.replace(day=3, hour=0), NOON.replace(day=5, hour=0))
    }
    watcher(house).gaps()
    for person in (ADA, BOB, EVE):
        (said,) = told(house, person)
        assert said == (
            "payments: 1 shift of somebody who is away within a week. "
            f"{holder.rpartition('/')[2].title()} is primary and secondary Tue 3 Mar 00:00 to Thu 5 Mar 00:00, but "
            "away by their own calendar (Leave); ask somebody to cover."
        )


def test_all_schedules_are_looked_at_by_as_many_statements_as_one(house: House) -> None:
    def asked(names: list[str]) -> int:
        said: list[str] = []
        with house.database.read() as session:
            event.listen(session.connection(), "before_cursor_execute", lambda *about: said.append(about[2]))
            ahead.all_findings(Answering(session), names, NOON, NOON + 14 * DAY)
        return len(said)

    with house.database.write() as session:
        for number in range(5):
            planstore.write(session, SCHEDULE, f"more-{number}", TEAM, ROTA, house.now, ADA)
    assert asked(["payments"]) == asked(["payments", *(f"more-{number}" for number in range(5))])


def test_nothing_is_written_where_nothing_is_wrong(house: House) -> None:
    watcher(house).gaps()
    with house.database.read() as session:
        assert planstore.announced(session) == set()


# Fairness.


def test_an_unfair_quarter_opens_a_task_for_the_team_once(house: House) -> None:
    with house.database.write() as session:  # ada has the last three weeks of the quarter, day and night
        one = Override(0, "primary", ADA, NOON, NOON + 28 * DAY, NOON)
        planstore.put_override(session, "payments", one)
        other = Override(0, "secondary", "", NOON, NOON + 28 * DAY, NOON)
        planstore.put_override(session, "payments", other)
        planstore.write(session, SCHEDULE, "payments", TEAM, ROTA.replace("2026-03-01", "2026-02-27"), NOON, ADA)
    for _ in range(2):
        watcher(house).fairness()
    with house.database.read() as session:
        titles = [task.title for task in planstore.tasks(session, [TEAM])]
        found = fairwatch.carried(Answering(session), "payments", NOON)
    assert found is not None
    assert sorted(titles) == sorted({*titles})
    assert any("ada carries" in title and "2026-Q1" in title for title in titles)
    assert found.score < 60
    assert [one.person for one in found.loads] == [BOB, ADA]


def test_an_even_quarter_opens_none(house: House) -> None:
    watcher(house).fairness()
    with house.database.read() as session:
        assert planstore.tasks(session) == []
        assert fairwatch.carried(Answering(session), "nowhere", NOON) is None


def test_half_a_share_is_that_of_the_file_or_of_half_the_quarter(house: House) -> None:
    with house.database.read() as session:
        quarter = fairwatch.carried(Answering(session), "payments", NOON).quarter  # type: ignore[union-attr]
    middle = quarter.start + (quarter.end - quarter.start) / 2
    lineup = f"""lineups: [{{from: "{middle.isoformat()}", order: [user:ada, user:eve]}}]"""
    text = ROTA.replace("roles:", f"{lineup}, roles:").replace("secondary: 1}", "secondary: 1, shadow: 2}")
    with house.database.write() as session:
        planstore.write(session, SCHEDULE, "parts", TEAM, text + "shares: {ada: 0.5}", NOON, ADA)
        found = fairwatch.carried(Answering(session), "parts", NOON)

    assert found is not None
    assert {who: round(share, 3) for who, share in found.shares.items()} == {ADA: 0.5, BOB: 0.5, EVE: 0.5}


def test_a_page_over_two_channels_woke_somebody_once(house: House) -> None:
    house.phone(ADA, high=timedelta(minutes=1))
    house.event()
    house.until(NOON + 4 * timedelta(minutes=1))
    house.event("k2", severity="info")
    house.until(NOON + 4 * timedelta(minutes=1))
    assert house.rang(ADA) >= 2
    with house.database.read() as session:
        woken = loadquery.pages(session, [ADA, BOB], TEAM, NOON, NOON + HOUR)
        assert [page.person for page in woken] == [ADA]
        assert loadquery.pages(session, [ADA], "group:default/other", NOON, NOON + HOUR) == []
        assert loadquery.pages(session, [], TEAM, NOON, NOON + HOUR) == []


# The board.


def test_the_board_says_what_answering_says_at_every_hour(house: House) -> None:
    leave_empty(house, 30 * HOUR, 33 * HOUR)
    with house.database.read() as session:
        answering = Answering(session, TEAM)
        services = catalog.services(session)
        for hour in range(0, 120, 3):
            at = NOON + hour * HOUR
            (line,) = board.lines(answering, services, at)
            shift = answering.who("payments", at).get("primary")
            assert {one.name for one in line.services} == {"checkout", "ledger"}
            assert [one.person for one in line.first] == [shift.person if shift else ""]
            following = answering.who("payments", line.first[0].until or at).get("primary")
            assert line.first[0].then == (following.person if following and line.first[0].person else "")


def test_a_new_text_and_a_new_override_are_on_the_board_at_once(house: House) -> None:
    def first() -> str:
        with house.database.read() as session:
            return board.line(Answering(session, TEAM), "component:default/checkout", house.now).first[0].person

    assert first() == ADA
    with house.database.write() as session:
        planstore.put_override(session, "payments", Override(0, "primary", EVE, NOON, NOON + HOUR, house.now))
    assert first() == EVE
    house.now += 2 * HOUR
    assert first() == ADA
    write(house, ROTA.replace("user:bob, user:ada", "user:eve, user:bob"))
    assert first() == BOB


def test_a_team_without_a_schedule_is_everybody_and_nobody_stands_first(house: House) -> None:
    extra = [cataloging.group("search"), cataloging.user("kim", "search"), cataloging.group("empty")]
    extra += [cataloging.component("finder", "search"), cataloging.component("lost", "empty")]
    cataloging.fill(house.database, *extra, repository=2)
    with house.database.read() as session:
        answering = Answering(session)
        found = board.lines(answering, catalog.services(session), NOON)
        assert [one.services[0].name for one in found] == ["lost", "checkout", "finder"]
        assert not found[0].is_covered
        assert [one.person for one in found[2].first] == ["user:default/kim"]
        assert board.unreachable(answering, found) == ["user:default/kim"]


def test_what_is_due_is_found_without_writing(house: House) -> None:
    leave_empty(house, DAY, DAY + HOUR)
    with house.database.read() as session:
        assert [len(one.found) for one in gapwatch.due(session, NOON, TEAM)] == [1]
    with house.jobs.transaction() as tx:
        assert gapwatch.look(tx, house.jobs, NOON, TEAM) == 1
        assert gapwatch.look(tx, house.jobs, NOON, TEAM) == 0
        assert fairwatch.look(tx, NOON, TEAM) == 0
