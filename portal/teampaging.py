"""PagerDuty, plugged in: each team's pager by the name of its secret, and what reads an account to bring it here.

The routing key is a secret of the team: in a store of files it stands in `group:default:payments/NAME`. It is asked for
when something is sent, so a key that was changed is used within seconds.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy.orm import Session

from ledger import events
from ledger.clock import Clock
from ledger.db import Database
from ledger.errors import Code, Error
from oncall import planstore
from oncall.pdimport import Everything
from oncall.teamsending import TeamPager
from production.ports import Site
from production.secrets import KEY, SiteSecrets

EVENTS, REST = "https://events.pagerduty.com", "https://api.pagerduty.com"
PLACE = "oncall"  # the environment in whose scope such a secret is


@dataclass(frozen=True)
class Teams:
    """Made once by the wiring."""

    database: Database
    clock: Clock
    secrets: SiteSecrets | None = None
    url: str = EVENTS
    ca_file: Path | None = None
    proxy: str = ""

    def pager(self, team: str) -> TeamPager:
        """Return a team's PagerDuty. Raises Error where there is none, or its secret cannot be had."""
        from oncall.paging.pagerduty import Account, PagerDutyPager  # the client is large, and seldom needed

        with self.database.read() as session:
            name = planstore.pagerduty(session, team)
        if not name:
            raise Error(Code.NOT_FOUND, "the team has no PagerDuty any more")
        ca_file = str(self.ca_file) if self.ca_file else None
        account = Account(self._key(team, name), url=self.url, ca_file=ca_file, proxy=self.proxy or None)
        return PagerDutyPager(account, self.clock)

    def _key(self, team: str, name: str) -> str:
        if self.secrets is None:
            raise Error(Code.INVALID, "this portal has no store of secrets; set [secrets] in fullcycle.toml")
        return self.secrets.values(Site(team, PLACE, {"secrets": [name]}))[name].strip()

    def connect(self, session: Session, team: str, name: str, by: str) -> None:
        """Have a team paged through PagerDuty by the secret of that name; no name: not any more."""
        if name and not KEY.fullmatch(name):
            raise Error(Code.INVALID, "A secret's name has letters, digits and _.- like pagerduty.")
        planstore.set_pagerduty(session, team, name)
        kind = "oncall.pagerduty_connected" if name else "oncall.pagerduty_disconnected"
        events.record(session, kind, f"team:{team}", by, self.clock(), {"secret": name})


def read_account(key: str, at: datetime, url: str = REST) -> Everything:
    """Read all schedules and policies with a read-only key. Raises Error in one sentence."""
    from oncall.paging import pagerduty

    return pagerduty.fetched(key, at, url=url)
