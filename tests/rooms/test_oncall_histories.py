"""Some random histories of a team on call against the model; the bench plays ten thousand."""

import dataclasses
from datetime import timedelta

import pytest

from ledger.db import Database
from oncall.moving import SEND
from oncall.paging.memory import Trouble
from oncall.receiving import RECEIVE
from tests.bench import oncall_histories
from tests.conftest import NOON
from tests.rooms.oncallhouse import ADA, House

MINUTE = timedelta(minutes=1)


@pytest.mark.long
def test_whatever_happens_nobody_is_missed_and_nobody_is_paged_who_was_not_on_call() -> None:
    count = oncall_histories.play(range(24))
    assert count["incidents"]
    assert count["crash"]
    assert count["frozen"]
    assert count["repeats"]


def test_a_page_that_told_the_team_once_is_not_sent_when_the_team_is_told_again(database: Database) -> None:
    house = House(database).found()
    house.event()
    house.until(NOON + 29 * MINUTE)
    house.phones.trouble(Trouble.BUSY, ADA)  # for an hour
    house.until(NOON + 31 * MINUTE)
    house.phones.trouble(None, ADA)
    house.actions.snooze(1, ADA, house.now + 5 * MINUTE)
    house.until(NOON + 180 * MINUTE)
    told = {page.step: page.ending for page in house.pages() if page.because == "exhausted" and page.person == ADA}
    assert told == {-1: "withdrawn", -2: "delivered"}


def test_a_worker_that_was_frozen_before_it_sent_does_not_send_any_more(database: Database) -> None:
    house = House(database).found()
    house.event()
    claim = house.jobs.claim("frozen", [RECEIVE], house.now)
    assert claim
    house.do(claim)
    late = house.jobs.claim("frozen", [SEND], house.now)
    assert late
    asked: list[int] = []

    def links(incident: int, person: str) -> tuple[str, str]:
        asked.append(incident)
        return "", ""

    frozen = dataclasses.replace(house.sender, links=links)
    with pytest.raises(Exception, match=r"oncall\.send"):
        frozen.send(late, lost=lambda: bool(asked))
    assert house.rang(ADA) == 0
    house.now += 10 * timedelta(seconds=1)
    house.work()
    (heard,) = house.phones.messages(ADA)
    assert heard.repeat
