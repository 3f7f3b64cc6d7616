"""What every pager promises, tried on each of them: the memory first, then real ones against servers on this machine.

A promise is a sentence about the port (oncall/paging/ports.py): a new pager is done when this suite passes for it.
"""

import logging
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from oncall.paging.ports import Delivered, HearsChanges, KeepsState, Refused
from oncall.paging.wording import REPEATED, verification
from tests.conftest import NOON
from tests.promises.pagerstage import (
    ADA,
    Stage,
    in_a_hurry,
    mail_stage,
    memory_stage,
    ntfy_stage,
    pagerduty_stage,
    webhook_stage,
)

KINDS = ("memory", "memory in a file", "pagerduty", "webhook", "ntfy", "mail")
LATE = ("hangs", "trickles")
SOON = timedelta(seconds=2)  # for who never ends an answer


@pytest.fixture(scope="module")
def ntfy() -> Iterator[Stage]:
    with ntfy_stage() as made:
        yield made


@pytest.fixture(scope="module")
def mail() -> Iterator[Stage]:
    with mail_stage() as made:
        yield made


@pytest.fixture(scope="module")
def pagerduty() -> Iterator[Stage]:
    with pagerduty_stage() as made:
        yield made


@pytest.fixture(scope="module")
def webhook() -> Iterator[Stage]:
    with webhook_stage() as made:
        yield made


@pytest.fixture(params=KINDS)
def stage(request: pytest.FixtureRequest, tmp_path: Path) -> Stage:
    if request.param == "memory":
        return memory_stage()
    if request.param == "memory in a file":
        return memory_stage(tmp_path / "phones.json")
    made: Stage = request.getfixturevalue(request.param)
    made.fine()
    return made


_incidents = iter(range(100, 10_000))


@pytest.fixture
def incident() -> int:
    """The number of an incident that no pager has heard of."""
    return next(_incidents)


def with_trouble(stage: Stage, *kinds: str) -> None:
    """Make the first of these troubles that the kind of provider knows."""
    known = [kind for kind in kinds if kind in stage.troubles]
    if not known:
        pytest.skip("its provider cannot do that")
    stage.troubles[known[0]]()


def test_a_page_arrives_with_its_words_and_its_links(stage: Stage, incident: int) -> None:
    outcome = stage.pager.send(stage.page(incident))

    assert isinstance(outcome, Delivered), outcome
    assert outcome.at == NOON
    read = stage.arrived()[-1].text
    for part in (
        f"#{incident} critical: checkout: 8 % of orders fail",
        "You are primary of payments until 17:00.",
        "https://portal.test/incidents/31",
        "https://portal.test/ack/Zm9vYmFyYmF6",
    ):
        assert part in read
    assert "Perhaps" not in read


def test_the_same_page_asked_for_twice_is_one_message(stage: Stage, incident: int) -> None:
    before = len(stage.arrived())

    outcomes = [stage.pager.send(stage.page(incident)) for _ in range(3)]

    assert [type(outcome) for outcome in outcomes] == [Delivered] * 3
    assert len(stage.arrived()) == before + 1


def test_another_incident_is_another_message(stage: Stage, incident: int) -> None:
    before = len(stage.arrived())

    stage.pager.send(stage.page(incident))
    stage.pager.send(stage.page(next(_incidents)))

    assert len(stage.arrived()) == before + 2


def test_a_page_that_may_have_been_sent_before_says_so(stage: Stage, incident: int) -> None:
    stage.pager.send(stage.page(incident, attempt=2, repeat=True))

    read = stage.arrived()[-1].text
    assert f"(perhaps again) #{incident}" in read
    assert REPEATED in read


@pytest.mark.parametrize("kind", ["half", "cut", "closed", "500", "503", "429", "401", "302", "451", "bounce"])
def test_trouble_of_the_provider_is_an_answer_and_the_next_page_arrives(
    stage: Stage, incident: int, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "sleep", _never)
    with_trouble(stage, kind)

    outcome = stage.pager.send(stage.page(incident))
    stage.fine()
    after = stage.pager.send(stage.page(next(_incidents)))

    assert isinstance(outcome, Refused)
    assert outcome.permanent is (kind in ("401", "302", "bounce"))
    assert (outcome.again_after is None) is outcome.permanent
    assert outcome.why.isprintable()
    assert isinstance(after, Delivered)


def _never(_seconds: float) -> None:
    raise AssertionError("a pager sleeps")


@pytest.mark.parametrize("kind", [pytest.param(kind, marks=pytest.mark.long) for kind in LATE])
def test_a_provider_that_never_ends_its_answer_is_not_waited_for(
    stage: Stage, incident: int, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_trouble(stage, kind)
    in_a_hurry(stage, monkeypatch, SOON)

    outcome = stage.pager.send(stage.page(incident))

    assert isinstance(outcome, Refused)
    assert not outcome.permanent
    assert not stage.gave_up()  # it would have held us for half a minute


def test_busy_for_an_hour_is_said_at_once_and_not_slept_over(
    stage: Stage, incident: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "sleep", _never)
    with_trouble(stage, "429")

    outcomes = [stage.pager.send(stage.page(incident)) for _ in range(3)]

    assert outcomes == [outcomes[0]] * 3
    assert isinstance(outcomes[0], Refused)
    assert outcomes[0].again_after == timedelta(hours=1)
    assert not outcomes[0].uncertain


def test_whether_it_may_have_arrived_is_said(stage: Stage, incident: int) -> None:
    with_trouble(stage, "half")
    maybe = stage.pager.send(stage.page(incident))
    with_trouble(stage, "503")
    surely_not = stage.pager.send(stage.page(next(_incidents)))

    assert isinstance(maybe, Refused)
    assert maybe.uncertain
    assert isinstance(surely_not, Refused)
    assert not surely_not.uncertain


def test_no_secret_is_shown_whatever_happens(stage: Stage, incident: int, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    page = stage.page(incident)
    shown = [repr(page), repr(stage.pager), str(stage.pager.send(page))]
    for kind in stage.troubles:
        if kind not in LATE:
            stage.troubles[kind]()
            shown.append(str(stage.pager.send(stage.page(next(_incidents)))))
    stage.fine()

    for secret in (*stage.secrets, "Zm9vYmFyYmF6"):
        assert secret not in "\n".join(shown)
        assert secret not in caplog.text


@pytest.mark.parametrize(
    "text",
    [
        "<b>bold</b> & <script>alert(1)</script>",
        "line\r\nBcc: everybody@shop.test\r\n\r\nbody",
        "@everyone @channel <!here> \u202emirrored\u0000",
        "ö🙂" * 5_000,
        "{to} %s ${HOME} $(id) `id`",
        "",
    ],
)
def test_any_text_is_plain_text(stage: Stage, incident: int, text: str) -> None:
    outcome = stage.pager.send(stage.page(incident, title=text, sentence=text))

    assert isinstance(outcome, Delivered)
    read = stage.arrived()[-1].text
    assert "https://portal.test/ack/Zm9vYmFyYmF6" in read
    assert "@everyone" not in read
    assert "\nBcc:" not in read


def test_a_code_arrives_that_proves_the_address(stage: Stage) -> None:
    page = verification(ADA, stage.address, "482 913", timedelta(minutes=10), "phone")

    outcome = stage.pager.send(page)

    assert isinstance(outcome, Delivered)
    assert "Type 482 913 into the portal within 10 minutes" in stage.arrived()[-1].text


def test_who_keeps_state_hears_of_ack_and_end_in_any_order(stage: Stage, incident: int) -> None:
    if not isinstance(stage.pager, KeepsState):
        pytest.skip("its provider remembers no incident")

    outcomes = [
        stage.pager.resolve(incident),
        stage.pager.acknowledge(incident, "user:default/bob"),
        stage.pager.send(stage.page(incident)),
        stage.pager.acknowledge(incident, ADA),
        stage.pager.acknowledge(incident, ADA),
        stage.pager.resolve(incident),
        stage.pager.resolve(incident),
    ]

    assert [type(outcome) for outcome in outcomes] == [Delivered] * 7


def test_trouble_while_telling_of_an_ack_is_an_answer_too(stage: Stage, incident: int) -> None:
    if not isinstance(stage.pager, KeepsState) or not isinstance(stage.pager, HearsChanges):
        pytest.skip("its provider remembers no incident")
    if isinstance(stage.pager.send(stage.page(incident)), Delivered) and "302" in stage.troubles:
        for kind in ("half", "cut", "500", "503", "429", "401"):
            stage.troubles[kind]()
            assert isinstance(stage.pager.acknowledge(incident, ADA), Refused)
            assert isinstance(stage.pager.resolve(incident), Refused)
