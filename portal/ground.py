"""What a target says right now about one site: its instances, its traffic, its address. Never breaks a page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from ledger.errors import Error
from portal.services import Services
from production.ports import Instance, Share, Site

log = structlog.get_logger()


@dataclass(frozen=True)
class Ground:
    """`trouble` says why nothing is known."""

    instances: Sequence[Instance] = ()
    address: str | None = None
    trouble: str = ""
    shares: Sequence[Share] = ()

    def of(self, release: int | None) -> Sequence[Instance]:
        return [one for one in self.instances if release is None or one.release == release]

    def up(self, release: int | None = None) -> int:
        return sum(1 for one in self.of(release) if one.state == "up")


def look(services: Services, service: str, environment: str, settings: Mapping[str, Any]) -> Ground:
    """Ask the target that `settings` (of a plan or spec) names."""
    kind = str(settings.get("kind", ""))
    target = services.targets.get(kind)
    if target is None:
        return Ground(trouble=f"This portal has no target of kind {kind or 'that was asked for'}.")
    site = Site(service, environment, settings)
    try:
        there = [one for one in target.instances(site) if one.state != "stopped"]
        return Ground(there, target.address(site), shares=target.shares(site))
    except Error as error:
        log.info("target does not answer", site=site.name, detail=error.detail or error.message)
        return Ground(trouble=f"{kind} cannot be asked now: {error.message}")


def output(
    services: Services, service: str, environment: str, settings: Mapping[str, Any], release: int, lines: int
) -> Sequence[str]:
    """Return the last lines a release wrote; nothing when the target cannot say."""
    target = services.targets.get(str(settings.get("kind", "")))
    if target is None:
        return ()
    try:
        return target.output(Site(service, environment, settings), release, lines)
    except Error:
        return ()
