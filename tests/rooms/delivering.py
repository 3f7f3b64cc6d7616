"""A log of deploys written by hand, for tests of delivery figures: what is told is what the loop of a deploy tells."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from ledger import events
from ledger.db import Database
from pipelines import outcomes
from tests.conftest import NOON

CHECKOUT, PRODUCTION = "component:default/checkout", "production"
HOUR = timedelta(hours=1)


@dataclass
class Log:
    """Writes facts; ids count up. A deploy is asked for, bound, has traffic, and ends after ten minutes."""

    facts: list[outcomes.Told] = field(default_factory=list)
    last: int = 0

    def tell(self, kind: str, deploy: int, at: datetime, service: str = CHECKOUT, **data: Any) -> None:
        environment = data.pop("environment", PRODUCTION)
        self.facts.append(outcomes.Told(at, kind, deploy, service, {"environment": environment, **data}))

    def begin(self, at: datetime, *, committed: Sequence[datetime] = (), percent: int = 100, **more: Any) -> int:
        """Ask for a deploy, bind it, and give it that much traffic; return its id."""
        self.last += 1
        service = more.pop("service", CHECKOUT)
        environment = more.pop("environment", PRODUCTION)
        where: dict[str, Any] = {"service": service, "environment": environment, "release": more.pop("release", 7)}
        self.tell(outcomes.REQUESTED, self.last, at, **where, **more)
        said = [one.isoformat() for one in committed]
        self.tell(outcomes.BOUND, self.last, at + HOUR / 60, **where, committed=said)
        self.tell(outcomes.ATTEMPTED, self.last, at + 2 * HOUR / 60, **where, step="start", percent=percent)
        if percent:
            self.tell(outcomes.ATTEMPTED, self.last, at + 5 * HOUR / 60, **where, step="weigh", percent=percent)
        return self.last

    def deploy(self, at: datetime, ending: str = "healthy", **more: Any) -> int:
        """Begin a deploy that ends so after ten minutes."""
        number = self.begin(at, **more)
        where = {"service": more.get("service", CHECKOUT), "environment": more.get("environment", PRODUCTION)}
        self.tell(f"deploy.{ending}", number, at + HOUR / 6, **where, release=more.get("release", 7))
        return number

    def write(self, database: Database, seal: bool = True) -> None:
        """Write into a database what has been told since the last time."""
        with database.write() as session:
            for one in self.facts:
                events.record(
                    session, one.kind, f"deploy:{one.deploy}", "worker", one.at, one.data, service=one.service
                )
        self.facts.clear()
        if seal:
            events.seal(database)


def ago(days: float) -> datetime:
    """Return the moment so many days before NOON."""
    return NOON - timedelta(days=days)
