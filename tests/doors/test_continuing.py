"""Continuous delivery in the worker: the job that looks, and what a deploy's end leaves behind."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import catalog.query
from ledger.runner import Work
from pipelines import quarantine, statuses, store
from pipelines.ci import State
from pipelines.continuous import CONSIDER
from pipelines.delivering import LOOK_AGAIN
from pipelines.deploy import State as Deployed
from pipelines.terms import Terms
from portal import continuing, wiring
from tests.conftest import NOON
from tests.doors.served import Served, git, portal

CHECKOUT, PRODUCTION = "component:default/checkout", "production"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """A portal whose checkout goes to production by itself."""
    with portal(tmp_path) as made:
        file = made.repository / "catalog-info.yaml"
        file.write_text(file.read_text().replace("        checks:", "        continuous: true\n        checks:", 1))
        git(made.repository, "commit", "-q", "-a", "-m", "Deploy what is green")
        wiring.sync(made.services, made.repository_id, made.services.clock())
        yield made


def green(served: Served) -> str:
    revision = git(served.repository, "rev-parse", "HEAD")
    with served.services.database.write() as session:
        at = served.services.clock()
        statuses.say(session, served.repository_id, revision, "tests", State.SUCCESS, "", "", at)
    return revision


def work(served: Served, key: str = f"{CHECKOUT}@{PRODUCTION}", later: timedelta = timedelta(0)) -> bool:
    """Do the job when it is due; return whether it was."""
    services, now = served.services, served.services.clock() + later
    claim = services.jobs.claim("test", [CONSIDER], now)
    if claim is not None:
        assert claim.key == key
        continuing.consider(services, Work(claim, services.clock, now))
    return claim is not None


def ask(served: Served, *where: str | None) -> None:
    with served.services.database.write() as session:
        continuing.ask(served.services, session, served.services.clock(), *where)


def test_the_job_orders_what_is_green_and_is_done(served: Served) -> None:
    revision = green(served)
    ask(served, CHECKOUT, PRODUCTION)
    while work(served):
        pass

    with served.services.database.read() as session:
        assert store.open_deploy(session, CHECKOUT, PRODUCTION, revision) == 1
    assert served.services.jobs.due([CONSIDER], NOON) is None


def test_the_job_looks_again_later_when_a_hold_may_end(served: Served) -> None:
    green(served)
    services = served.services
    with services.jobs.transaction() as tx:
        services.jobs.hold(tx, f"{CHECKOUT}@{PRODUCTION}", "user:default/alice", "release week", services.clock())
    ask(served, CHECKOUT, PRODUCTION)

    assert work(served)
    assert not work(served)
    assert work(served, later=LOOK_AGAIN)


def test_a_service_that_has_left_the_catalog_is_nobodys_work(served: Served) -> None:
    gone = "component:default/gone@production"
    ask(served, *gone.split("@"))
    while work(served, gone):
        pass

    assert served.services.jobs.due([CONSIDER], NOON) is None


@pytest.mark.parametrize(
    ("where", "asked"),
    [
        ((), True),
        ((CHECKOUT, None), True),
        ((None, PRODUCTION), True),
        ((None, "staging"), False),
        (("component:default/ledger", None), False),
    ],
)
def test_when_a_lock_ends_only_those_are_asked_that_it_was_about(
    served: Served, where: tuple[str | None, ...], asked: bool
) -> None:
    while work(served):
        pass
    ask(served, *where)

    assert work(served) is asked


def ended(served: Served, ending: str, *, begun: bool = True, **more: Any) -> list[str]:
    """Let a deploy end in that way; return what is in quarantine then."""
    services = served.services
    with services.database.read() as session:
        service = catalog.query.service(session, CHECKOUT)
    preview = services.planner.preview(service, PRODUCTION, "", services.clock())
    asked = replace(preview.asked, **more)
    with services.database.write() as session:
        deploy_id = store.add(session, asked, NOON)
        deploy = replace(store.load(session, deploy_id)[1], state=Deployed.UNDONE, ending=ending, reason="5xx")
        continuing.ended(services, session, asked, replace(deploy, started_at=NOON if begun else None))
    with services.database.read() as session:
        return [one.reason for one in quarantine.active(session, CHECKOUT, PRODUCTION)]


@pytest.mark.parametrize(
    ("ending", "reasons"), [("failed", ["5xx"]), ("stuck", ["5xx"]), ("aborted", []), ("healthy", [])]
)
def test_what_went_back_by_itself_is_quarantined(served: Served, ending: str, reasons: list[str]) -> None:
    assert ended(served, ending) == reasons


def test_a_rollback_a_trial_and_what_never_began_are_not(served: Served) -> None:
    assert ended(served, "failed", rollback=True) == []
    assert ended(served, "failed", terms=Terms(trial=True)) == []
    assert ended(served, "failed", begun=False) == []
