"""The manual of on-call: its files are written, its commands typed, and every page that it names is there."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from oncall import planstore, wording
from oncall.incident import Fact, Kind, Opening
from oncall.machine import apply
from oncall.policy import Level, Policy, person
from oncall.terms import Severity
from tests.conftest import NOON
from tests.doors.oncallhall import ALICE, BOB
from tests.doors.served import Served, portal
from tests.doors.test_cli_deploys import Terminal, free_port, listening, manual, terminal, typed

__all__ = ["terminal"]

DOCS = Path(__file__).parents[2] / "docs"
TEXT = manual("oncall.md")


@pytest.fixture
def hall(tmp_path: Path) -> Iterator[Served]:
    with portal(tmp_path, port=free_port(), oncall={"phones": True}) as made, listening(made), made.working():
        with made.services.database.write() as session:
            for person in (ALICE, BOB):
                way = planstore.add_way(session, person, "memory", "phone", person, timedelta(0), timedelta(0))
                planstore.change_way(session, way, verified_at=made.services.clock())
        yield made


@pytest.mark.long
def test_every_line_of_the_manual_does_what_it_says(
    hall: Served, terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rota, steps = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)[:2]
    (tmp_path / "payments.yaml").write_text(rota)
    (tmp_path / "steps.yaml").write_text(steps)
    monkeypatch.chdir(tmp_path)
    terminal.be(hall, "alice")

    assert typed(terminal, TEXT) == 11  # or it is no longer written as this test reads it
    page: Any = hall.as_("alice").get("/incidents/1").json
    assert page["incident"]["state"] == "resolved"
    assert [one["target"] for one in page["pages"]] == ["payments/primary"]


def test_every_page_that_the_manual_names_is_there() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", TEXT)

    assert links
    assert [link for link in links if not (DOCS / link).exists()] == []


@pytest.mark.parametrize(
    ("because", "target", "level", "loop"),
    [
        (Kind.PAGED, "payments/primary", 1, 0),
        (Kind.PAGED, "payments/secondary", 2, 0),
        (Kind.PAGED, "everybody in group:default/payments", 3, 1),
        (Kind.REMINDED, "user:default/alice", 0, 0),
        (Kind.PAGED, "user:default/alice", 0, 0),
        (Kind.CALLED, "user:default/alice", 0, 0),
        (Kind.EXHAUSTED, "everybody in group:default/payments", 0, 0),
    ],
)
def test_the_manual_explains_every_sentence_of_a_page(because: Kind, target: str, level: int, loop: int) -> None:
    policy = Policy("payments", (Level((person(ALICE),)),) * 3)
    opening = Opening(1, "orders fail", "component:default/checkout", Severity.CRITICAL, policy)
    incident = apply(None, Fact(Kind.OPENED, opening=opening), NOON)

    said = wording.why_paged(because, target, level, loop, incident)

    assert f"*{said.partition(', at no level')[0]}" in TEXT
