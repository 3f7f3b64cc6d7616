"""PagerDuty as the pager of a team: tried first, told what became of it, and never the only way to somebody."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest

from ledger.db import Database
from ledger.errors import Code, Error
from ledger.jobs import Claim
from oncall import outbox, planstore
from oncall.moving import SEND
from oncall.outbox import Waiting
from oncall.pagerdutying import GRACE, PAGERDUTY
from oncall.paging.pagerduty import Account, PagerDutyPager
from oncall.teamsending import TeamPager, TeamSender
from tests.conftest import NOON
from tests.fakepagerduty import ROUTING_KEY, FakePagerDuty, cut, fake_pagerduty, status
from tests.rooms.oncallhouse import ADA, BOB, EVE, TEAM, House, links, silence, spoil

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


@dataclass
class Hospital(House):
    """A house whose team has PagerDuty, too: the fake, spoken to by the official client."""

    url: str = ""
    secret: str = ROUTING_KEY

    def __post_init__(self) -> None:
        super().__post_init__()
        self.teams = TeamSender(self.database, self.jobs, self.clock, self.pager, links, self.fallback)

    def pager(self, team: str) -> TeamPager:
        assert team == TEAM
        if not self.secret:
            raise Error(Code.INVALID, "the secret pagerduty of payments cannot be had")
        return PagerDutyPager(Account(self.secret, url=self.url, limit=5 * SECOND), self.clock)

    def do(self, claim: Claim) -> None:
        if (claim.kind, claim.key) == (SEND, PAGERDUTY):
            self.teams.send(claim)
        else:
            super().do(claim)

    def own(self) -> list[Waiting]:
        return [one for one in self.pages() if one.kind != PAGERDUTY]

    def theirs(self) -> list[Waiting]:
        return [one for one in self.pages() if one.kind == PAGERDUTY]


@pytest.fixture(scope="module")
def server() -> Iterator[FakePagerDuty]:
    with fake_pagerduty() as fake:
        yield fake


@pytest.fixture
def fake(server: FakePagerDuty) -> FakePagerDuty:
    for kept in (server.alerts, server.asked, server.wrong, server.troubles):
        kept.clear()
    server.always = None
    return server


@pytest.fixture
def house(database: Database, fake: FakePagerDuty) -> Hospital:
    made = Hospital(database, url=fake.url)
    made.found()
    with database.write() as session:
        planstore.set_pagerduty(session, TEAM, "pagerduty")
    return made


def test_a_new_incident_goes_to_pagerduty_and_to_nobodys_own_phone(house: Hospital, fake: FakePagerDuty) -> None:
    house.event()
    house.until(NOON + 2 * MINUTE)

    (alert,) = fake.alerts
    assert (alert.key, alert.state, fake.wrong) == ("fullcycle-1", "triggered", [])
    assert alert.events[0]["payload"]["summary"] == "#1 critical: checkout answers slowly"
    assert [one.ending for one in house.theirs()] == ["delivered"]
    assert [(one.ending, one.said) for one in house.own()] == [("withdrawn", "PagerDuty has it")]
    assert house.rang(ADA) == 0
    assert "PagerDuty has it, so nobody's own channels are used for this level" in house.reasons()


def test_what_happens_here_happens_there(house: Hospital, fake: FakePagerDuty) -> None:
    house.event()
    house.work()
    house.actions.acknowledge(1, ADA)
    house.work()
    assert fake.alerts[0].state == "acknowledged"

    house.actions.resolve(1, ADA)
    house.work()
    assert fake.alerts[0].state == "resolved"
    assert fake.wrong == []

    house.actions.reopen(1, ADA)
    house.work()
    assert [one.state for one in fake.alerts] == ["resolved", "triggered"]


def test_the_senders_own_resolve_ends_it_there_too(house: Hospital, fake: FakePagerDuty) -> None:
    house.event()
    house.work()
    house.event(action="resolve")
    house.work()
    assert [one.state for one in fake.alerts] == ["resolved"]


def test_a_level_that_comes_later_is_added_to_the_same_alert_and_the_team_hears_at_last(
    house: Hospital, fake: FakePagerDuty
) -> None:
    house.event()
    house.until(NOON + timedelta(hours=2))

    (alert,) = fake.alerts
    assert len(alert.events) == 4  # two levels, gone through twice
    assert {one.ending for one in house.own() if one.because == "paged"} == {"withdrawn"}
    assert "exhausted" in house.story()
    assert [house.rang(one) for one in (ADA, BOB, EVE)] == [1, 1, 1]  # nobody came there either


def test_a_refusal_that_is_for_good_takes_the_own_phone_at_once(house: Hospital, fake: FakePagerDuty) -> None:
    fake.always = status(400, {"status": "invalid event", "errors": ["no"]})
    house.event()
    house.work()

    assert house.now - NOON < SECOND
    assert house.rang(ADA) == 1
    assert any("the team's own channels are used" in one for one in house.reasons())
    assert [one.ending for one in house.theirs()] == ["refused"]


def test_a_429_for_an_hour_takes_the_own_phone_at_once_and_pagerduty_is_not_hammered(
    house: Hospital, fake: FakePagerDuty
) -> None:
    fake.always = status(429, {"message": "Rate Limit"}, Retry_After="3600")
    house.event()
    house.work()
    assert house.rang(ADA) == 1

    house.until(NOON + timedelta(minutes=50))
    assert len(fake.asked) <= 4  # one for each level of each round
    assert house.rang(BOB) > 0  # the own escalation goes on


def test_trouble_that_passes_is_tried_again_and_only_the_second_refusal_falls_back(
    house: Hospital, fake: FakePagerDuty
) -> None:
    fake.troubles = [status(503), cut]
    house.event()
    house.work()
    assert house.rang(ADA) == 0

    house.until(NOON + GRACE - 5 * SECOND)
    assert house.rang(ADA) == 1  # after the second, before the grace is over
    house.until(NOON + 4 * MINUTE)
    assert [one.ending for one in house.theirs()] == ["delivered"]
    assert house.story().count("refused") == 2


def test_nobody_who_sends_to_pagerduty_is_no_reason_to_sleep(house: Hospital, fake: FakePagerDuty) -> None:
    house.event()
    while (claim := house.jobs.claim("worker", ["oncall.receive"], house.now)) is not None:
        super(Hospital, house).do(claim)
    house.now += GRACE + SECOND
    while (claim := house.jobs.claim("worker", [SEND], house.now)) is not None:
        if claim.key == PAGERDUTY:
            continue  # its worker hangs
        super(Hospital, house).do(claim)

    assert house.rang(ADA) == 1
    assert fake.asked == []


def test_a_secret_that_cannot_be_had_falls_back_and_says_why(house: Hospital, fake: FakePagerDuty) -> None:
    house.secret = ""
    house.event()
    house.work()
    assert house.rang(ADA) == 1
    assert any("the secret pagerduty of payments cannot be had" in one for one in house.reasons())


def test_whom_somebody_names_is_called_herself(house: Hospital, fake: FakePagerDuty) -> None:
    house.event()
    house.work()
    house.actions.reassign(1, ADA, EVE)
    house.work()
    assert house.rang(EVE) == 1
    assert [one["event_action"] for one in fake.alerts[0].events] == ["trigger", "resolve"]  # and nobody else is
    assert len(fake.alerts) == 1


def test_an_end_that_comes_before_the_page_was_sent_leaves_nothing_open_there(
    house: Hospital, fake: FakePagerDuty
) -> None:
    fake.troubles = [status(503)]
    house.event()
    house.work()
    house.actions.resolve(1, ADA)
    house.until(NOON + 5 * MINUTE)
    assert [one for one in fake.alerts if one.state != "resolved"] == []
    assert {one.ending for one in house.theirs()} == {"withdrawn", "delivered"}


def test_an_attempt_that_was_cut_off_is_made_again_and_is_still_one_alert(house: Hospital, fake: FakePagerDuty) -> None:
    house.event()
    while (claim := house.jobs.claim("worker", ["oncall.receive"], house.now)) is not None:
        house.do(claim)
    with house.jobs.transaction() as tx:
        (begun,) = outbox.begin(tx, PAGERDUTY, house.now, 10)
    house.pager(TEAM).send(house.teams._message(begun, house.incident()))  # and then it is killed
    house.work()

    (alert,) = fake.alerts
    assert len(alert.events) == 2
    assert "(perhaps again)" in alert.events[1]["payload"]["summary"]
    assert house.theirs()[0].repeated


def alerts(fake: FakePagerDuty) -> list[tuple[str, str]]:
    return [(one.key, one.state) for one in fake.alerts]


def test_a_snooze_is_quiet_there_too_and_when_it_is_over_somebody_is_woken_there(
    house: Hospital, fake: FakePagerDuty
) -> None:
    house.event()
    house.work()
    house.actions.acknowledge(1, ADA)
    house.work()
    house.actions.snooze(1, ADA, NOON + 30 * MINUTE)
    house.work()
    assert alerts(fake) == [("fullcycle-1", "resolved")]

    house.until(NOON + 31 * MINUTE)
    assert alerts(fake) == [("fullcycle-1", "resolved"), ("fullcycle-1.1", "triggered")]  # a trigger of its own
    house.actions.resolve(1, ADA)
    house.work()
    assert alerts(fake) == [("fullcycle-1", "resolved"), ("fullcycle-1.1", "resolved")]
    assert fake.wrong == []


def test_what_is_silenced_is_quiet_there_too_until_the_silence_ends(house: Hospital, fake: FakePagerDuty) -> None:
    house.event()
    house.work()
    silence(house, 30)
    house.work()
    assert alerts(fake) == [("fullcycle-1", "resolved")]

    house.until(NOON + 31 * MINUTE)
    assert alerts(fake) == [("fullcycle-1", "resolved"), ("fullcycle-1.1", "triggered")]


def test_what_somebody_had_and_handed_over_to_nobody_who_came_wakes_them_there_anew(
    house: Hospital, fake: FakePagerDuty
) -> None:
    house.event()
    house.work()
    house.actions.acknowledge(1, ADA)
    house.work()
    assert alerts(fake) == [("fullcycle-1", "acknowledged")]
    house.actions.reassign(1, ADA, EVE)
    house.until(NOON + 20 * MINUTE)
    assert alerts(fake) == [("fullcycle-1", "resolved"), ("fullcycle-1.1", "triggered")]


def test_an_incident_that_cannot_be_read_keeps_no_other_back(house: Hospital, fake: FakePagerDuty) -> None:
    house.event("k1", component="a", **{"class": "disk"})
    house.event("k2", component="b", summary="nobody can pay", **{"class": "payments"})
    while (claim := house.jobs.claim("worker", ["oncall.receive"], house.now)) is not None:
        house.do(claim)
    spoil(house, 1)
    claim = house.jobs.claim("worker", [SEND], house.now)
    while claim is not None and claim.key != PAGERDUTY:
        claim = house.jobs.claim("worker", [SEND], house.now)
    assert claim
    house.do(claim)

    assert [one.key for one in fake.alerts] == ["fullcycle-2"]
    assert {one.incident: one.ending for one in (*house.theirs(), *house.pages(2))}


def test_a_team_without_pagerduty_is_paged_as_ever(house: Hospital, fake: FakePagerDuty) -> None:
    with house.database.write() as session:
        planstore.set_pagerduty(session, TEAM, "")
    house.event()
    house.work()
    assert house.rang(ADA) == 1
    assert (house.theirs(), fake.asked) == ([], [])
