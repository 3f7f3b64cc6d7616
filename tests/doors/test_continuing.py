"""Continuous delivery in the worker: the job that looks, and who is asked for it."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from ledger.runner import Work
from pipelines import statuses, store
from pipelines.ci import State
from pipelines.continuous import CONSIDER
from pipelines.delivering import LOOK_AGAIN
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
        while work(made):  # reading the repository has asked for a look
            pass
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
