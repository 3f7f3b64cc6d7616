"""What goes wrong at the edges of paging: one row that nobody can read, a clumsy address, a merge, a late change."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from catalog.tables import EntityRow
from ledger.db import Database
from ledger.errors import Error
from ledger.jobs import Claim
from oncall import intakestore, notices, planstore
from oncall.auditing import Auditor
from oncall.incident import State
from oncall.intaketables import SilenceRow
from oncall.notices import NOTICE, Messenger
from oncall.paging.memory import MemoryPager
from oncall.plantables import ChannelRow, NoticeRow
from oncall.reaching import VERIFY, Reaching
from oncall.receiving import RECEIVE
from oncall.terms import Severity
from tests.conftest import NOON
from tests.rooms.oncallhouse import ADA, BOB, EVE, PHONE, TEAM, House, spoil

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@pytest.fixture
def house(database: Database) -> House:
    return House(database).found()


def two(house: House) -> None:
    """Two incidents, of which the first needs nobody at night."""
    house.event("k1", severity="warning", component="a", summary="the disk fills", **{"class": "disk"})
    house.event("k2", severity="critical", component="b", summary="nobody can pay", **{"class": "payments"})


def test_an_incident_that_cannot_be_read_keeps_nobody_elses_page_back(house: House) -> None:
    two(house)
    while claim := house.jobs.claim("worker", ["oncall.receive"], house.now):
        house.do(claim)
    spoil(house, 1)
    claim = house.jobs.claim("worker", ["oncall.send"], house.now)
    assert claim
    house.sender.send(claim)
    (heard,) = house.phones.messages(ADA)
    assert "nobody can pay" in heard.title
    assert [page.ended_at for page in house.pages(1)] == [None]  # it goes out as soon as it can be read


def test_an_auditor_says_which_incident_it_cannot_read_and_looks_at_the_others(house: House) -> None:
    two(house)
    house.work()
    spoil(house, 1)
    house.now += 2 * HOUR
    found = Auditor(house.database, house.jobs, house.clock, TEAM).audit()
    assert set(found.unmoved) == {1, 2}


def test_a_pager_without_an_address_of_ours_refuses_and_stops_nothing(house: House) -> None:
    def links(incident: int, person: str) -> tuple[str, str]:
        if person == ADA:
            raise OSError("no key")
        return "", ""

    object.__setattr__(house.sender, "links", links)
    house.event()
    house.until(NOON + timedelta(minutes=6))
    assert house.rang(BOB) == 1
    assert house.rang(ADA) == 0


def test_what_is_merged_takes_its_urgency_and_its_silences_along(house: House) -> None:
    two(house)
    house.work()
    with house.database.write() as session:
        about = {"kind": "silence", "team": TEAM, "matchers": ["host=x"], "reason": "x", "by": ADA}
        times = {"created_at": NOON, "start": NOON, "end": NOON + 9 * HOUR}
        intakestore.add_silence(session, **about, **times, until_resolved=2)
    house.actions.merge(2, ADA, 1)
    assert house.incident(1).severity is Severity.CRITICAL
    assert house.incident(1).signals == 2
    house.actions.resolve(1, ADA)
    with house.database.read() as session:
        assert session.scalar(select(SilenceRow.ended_at)) is not None


def quiet(house: House, person: str) -> None:
    with house.database.write() as session:
        planstore.set_quiet(session, person, "UTC", "11:00", "18:00")


def test_who_was_asked_to_help_by_day_is_woken_when_it_becomes_urgent(house: House) -> None:
    quiet(house, EVE)
    house.event(severity="warning")
    house.work()
    house.actions.acknowledge(1, ADA)
    house.actions.add_responder(1, ADA, EVE)
    house.work()
    assert house.rang(EVE) == 0
    house.actions.change_severity(1, ADA, Severity.CRITICAL)
    house.until(NOON + timedelta(minutes=1))
    assert house.rang(EVE) == 1
    assert house.incident().state is State.ACKNOWLEDGED


# --- codes ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def reaching(house: House) -> Reaching:
    return Reaching(house.database, house.jobs, house.clock, "s" * 40, lambda kind, address: "…", lambda: house.pagers)


def test_a_code_of_signs_that_no_code_has_is_wrong_and_no_accident(house: House, reaching: Reaching) -> None:
    number = reaching.add(ADA, PHONE, "phone", "memory://x", ADA)
    with pytest.raises(Error, match="4 tries"):
        reaching.verify(ADA, number, "１２３４５６")


def test_codes_are_sent_one_a_minute_and_not_without_end(house: House, reaching: Reaching) -> None:
    number = reaching.add(ADA, PHONE, "phone", "memory://x", ADA)
    with pytest.raises(Error, match="minute"):
        reaching.send_code(ADA, number)
    house.now += timedelta(seconds=61)
    reaching.send_code(ADA, number)
    while claim := house.jobs.claim("worker", [VERIFY], house.now):
        reaching.send(claim)


# --- notices ----------------------------------------------------------------------------------------------------------


class Broken(MemoryPager):
    def send(self, page):  # type: ignore[no-untyped-def]
        raise RuntimeError("broken")


def noticed(house: House, person: str = ADA) -> Claim:
    with house.jobs.transaction() as tx:
        notices.notify(tx, house.jobs, person, "Your shifts", "have changed", "/oncall", house.now)
    claim = house.jobs.claim("worker", [NOTICE], house.now)
    assert claim
    return claim


def messenger(house: House, **pagers: MemoryPager) -> Messenger:
    return Messenger(house.database, house.jobs, house.clock, {**house.pagers, **pagers}, "http://portal")


def test_a_pager_that_breaks_ends_a_notice_after_some_tries(house: House) -> None:
    claim: Claim | None = noticed(house)
    broken = messenger(house, **{PHONE: Broken(house.clock, keeps_one=False)})
    tries = 0
    while claim is not None:
        tries += 1
        assert tries < 10
        broken.send(claim)
        house.now += HOUR
        claim = house.jobs.claim("worker", [NOTICE], house.now)
    assert tries == notices.TRIES


def test_a_notice_that_is_tried_again_waits_for_the_end_of_quiet_hours_too(house: House) -> None:
    claim = noticed(house)
    quiet(house, ADA)
    messenger(house).send(claim)
    assert house.rang(ADA) == 0
    house.now = NOON + 6 * HOUR + timedelta(minutes=1)
    again = house.jobs.claim("worker", [NOTICE], house.now)
    assert again
    messenger(house).send(again)
    assert house.rang(ADA) == 1


def test_who_has_left_the_catalog_hears_nothing_more(house: House) -> None:
    gone = "user:default/zoe"
    house.phone(gone)
    claim = noticed(house, gone)
    messenger(house).send(claim)
    assert house.rang(gone) == 0
    with house.database.read() as session:
        assert session.scalar(select(NoticeRow.sent_at)) is None
    assert house.jobs.claim("worker", [NOTICE], NOON + 9 * HOUR) is None


def test_whom_the_catalog_lost_since_she_was_chosen_is_left_out_and_the_next_level_comes_at_once(house: House) -> None:
    house.phone(ADA, high=HOUR)  # a second channel is none of hers, either
    house.event()
    claim = house.jobs.claim("worker", [RECEIVE], house.now)
    assert claim
    house.do(claim)  # it is decided that ada is paged, and nothing is sent yet
    with house.database.write() as session:
        session.execute(update(EntityRow).where(EntityRow.ref == ADA).values(removed_at=house.now))
    house.work()
    assert (house.rang(ADA), house.rang(BOB)) == (0, 1)
    assert "she has left the catalog, so nothing is sent to her" in house.reasons()
    assert house.story()[:4] == ["opened", "paged", "refused", "paged"]


def test_an_auditor_has_an_exhausted_one_looked_at_and_blames_nobody(house: House) -> None:
    with house.database.write() as session:
        session.execute(update(ChannelRow).values(verified_at=None))
    house.event()
    house.until(NOON + 2 * MINUTE)
    assert house.incident().exhausted_at is not None
    house.phone(ADA)
    house.now += 2 * MINUTE
    found = house.auditor.audit()
    assert (found.is_fine, found.back, len(house.fine)) == (True, (1,), 1)
    house.work()
    assert house.rang(ADA) == 1
