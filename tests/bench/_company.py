"""The company of `./dev bench replay`: its git repositories, what it has deployed before, and its worker process.

The worker is the portal's own. Only the target differs: the memory target with a file per service, for the file of all
of them that it usually shares would be what grows.
"""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import func, insert, select

import catalog.query
from ledger import clock
from pipelines import plan as plans
from pipelines import store
from pipelines.change import Change
from pipelines.deploy import OPEN, Deploy
from pipelines.plan import Plan, ReleaseRef
from pipelines.spec import DeploySpec
from pipelines.store import Asked
from pipelines.tables import CounterRow, DeployRow, ReleaseRow
from portal import wiring, worker
from portal.config import Config
from portal.services import Services
from production.ports import Answer, Check, Instance, Release, Site
from production.targets.memory import MemoryTarget
from production.targets.notebook import Notebook, State
from tests import cataloging
from tests.pure.deploys import World, told, walk

PRODUCTION = "production"
TOGETHER = 10  # services of one repository
CONTINUOUS = 10  # each tenth service goes out by itself
TEAM = 10  # services
PAST = 5  # healthy deploys of each service before the day
CANARY: dict[str, Any] = {  # minutes of a day are fractions of a second here
    "strategy": {"canary": [50, 100], "bake": "600ms"},
    "checks": [{"http": "/healthz", "passes": 2, "every": "100ms", "deadline": "5s"}],
    "bake": "600ms",
}


@dataclass
class Company:
    """Services in repositories below `folder`, which are pushed to."""

    folder: Path
    size: int
    _counts: dict[int, int] = field(default_factory=dict)  # pushes of each service
    _heads: dict[int, str] = field(default_factory=dict)  # of each repository

    def is_continuous(self, service: int) -> bool:
        return service % CONTINUOUS == 0

    def repository(self, service: int) -> int:
        """Return where it lies: by itself where every commit goes out, or with its neighbours."""
        return service if self.is_continuous(service) else 1_000_000 + service // TOGETHER

    def found(self, services: Services) -> int:
        """Make all of it, as if it had deployed for a while; return the id of the last deploy."""
        owned: dict[int, list[int]] = {}
        for service in range(self.size):
            owned.setdefault(self.repository(service), []).append(service)
        for number, (repository, among) in enumerate(owned.items()):
            subprocess.run(["git", "init", "-q", "--bare", "-b", "main", self._source(repository)], check=True)
            files = {path_of(one): self.described(one, bad=False) for one in among}
            if number == 0:
                files["people/catalog-info.yaml"] = "---\n".join(people(self.size))
            self._heads[repository] = self._commit(repository, files, "")
            wiring.sync(services, services.register(str(self._source(repository)), "test"), clock.now(), check=False)
        wiring.check(services)
        with services.database.read() as session:
            known = catalog.query.services(session)
        with services.database.write() as session:
            for one in known:
                remember(session, one, clock.now(), services.config.data)
            return int(session.scalar(select(func.max(DeployRow.id))) or 0)

    def push(self, service: int, *, bad: bool) -> str:
        repository = self.repository(service)
        self._counts[service] = self._counts.get(service, 0) + 1
        files = {path_of(service): self.described(service, bad=bad)}
        self._heads[repository] = self._commit(repository, files, self._heads[repository])
        return self._heads[repository]

    def has(self, mirror: Path, revision: str) -> bool:
        """Does the worker's mirror have it?"""
        found = mirror / "objects" / revision[:2] / revision[2:]
        return (
            found.exists()
            or not subprocess.run(
                ["git", "--git-dir", mirror, "cat-file", "-e", revision], stderr=subprocess.DEVNULL
            ).returncode
        )

    def described(self, service: int, *, bad: bool) -> str:
        target = {"kind": "memory", "instances": 4, **({"fails": {"*": "check"}} if bad else {})}
        environment = {"target": target, **CANARY, "continuous": self.is_continuous(service)}
        deploys = {"environments": {PRODUCTION: environment}}
        said = f"Change {self._counts.get(service, 0)} of what the customers see"
        more = {"owner": f"team-{service // TEAM}", "deploy": deploys}
        spec = {"type": "service", "lifecycle": "production", **more}
        return cataloging.document("Component", name_of(service), spec, description=said)

    def _source(self, repository: int) -> Path:
        return self.folder / "git" / f"{repository}.git"

    def _commit(self, repository: int, files: Mapping[str, str], onto: str) -> str:
        lines = ["commit refs/heads/main", f"committer Alice <alice@example.org> {int(clock.now().timestamp())} +0000"]
        lines += [_data("Make the basket a little faster"), *([f"from {onto}"] if onto else [])]
        lines += [f"M 100644 inline {path}\n{_data(text)}" for path, text in files.items()]
        git = ["git", "--git-dir", str(self._source(repository))]
        subprocess.run([*git, "fast-import", "--quiet"], input="\n".join(lines) + "\n", text=True, check=True)
        head = subprocess.run([*git, "rev-parse", "main"], check=True, capture_output=True, text=True)
        return head.stdout.strip()


def _data(text: str) -> str:
    return f"data {len(text.encode())}\n{text}"


def name_of(service: int) -> str:
    return f"service-{service:04}"


def path_of(service: int) -> str:
    return f"{name_of(service)}/catalog-info.yaml"


def people(services: int) -> list[str]:
    teams = range((services - 1) // TEAM + 1)
    members = [cataloging.user(f"user-{team}-{n}", f"team-{team}") for team in teams for n in range(5)]
    return [*(cataloging.group(f"team-{team}") for team in teams), *members]


def remember(session: Any, service: catalog.query.Service, now: datetime, data: Path) -> None:
    """Write the deploys that a service has behind it, and what of them still serves."""
    spec = DeploySpec.model_validate(service.deploy)
    for number in range(1, PAST + 1):
        revision = str(service.head) if number == PAST else f"{number:040x}"
        release = ReleaseRef(number, revision, "Make the basket a little faster")
        at = now - timedelta(days=PAST + 1 - number)
        about = {"service": service.ref, "number": number, "revision": revision, "subject": release.subject}
        session.execute(insert(ReleaseRow).values(**about, created_at=at))
        base = replace(release, number=number - 1, revision=f"{number - 1:040x}") if number > 1 else None
        frozen: Plan = plans.plan(service.ref, PRODUCTION, spec, release, base, Change())
        asked = Asked(service.ref, PRODUCTION, service.repository_id, release, spec, "user:default/alice")
        deploy_id = store.add(session, asked, at)
        store.save(session, Deploy(deploy_id), walk(told(plan=frozen, at=at), World(), at))
    session.execute(insert(CounterRow).values(service=service.ref, last=PAST))
    store.set_live(session, asked, deploy_id, now)
    target, site = Pages.target(data), Site(service.ref, PRODUCTION, {})
    serving = Release(PAST, str(service.head), "")
    target.prepare(site, serving, 0)
    target.start(site, serving, 4, 0)
    target.weigh(site, {PAST: 100}, 0)


class Pages(Notebook):
    """A notebook of one file for each site."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    @classmethod
    def target(cls, data: Path) -> MemoryTarget:
        made = MemoryTarget()
        made._notebook = cls(data / "sites")
        return made

    @contextmanager
    def changing(self, site: str) -> Iterator[State]:
        with self._page(site).changing(site) as state:
            yield state

    def seen(self, site: str) -> State:
        return self._page(site).seen(site)

    def _page(self, site: str) -> Notebook:
        return Notebook(self._folder / f"{site}.json")


@dataclass(frozen=True)
class Looks:
    """Checks an instance by the page of its own site."""

    target: MemoryTarget

    def look(self, check: Check, instance: Instance, env: Mapping[str, str]) -> Answer:
        service = instance.name.rsplit("-", 2)[0]
        passed = self.target.answers(Site(f"component:default/{service}", PRODUCTION, {}), instance.release)
        return Answer(passed, f"/healthz answered {200 if passed else 503} in 1 ms", timedelta(milliseconds=1))


def settled(services: Services) -> bool:
    """Has everything ended that was asked for?"""
    with services.database.read() as session:
        return session.scalar(select(DeployRow.id).where(DeployRow.state.in_(OPEN)).limit(1)) is None


def main() -> None:
    """Be a worker."""
    data, url = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else ""
    services = wiring.wire(Config(data=Path(data), database_url=url))
    target = Pages.target(Path(data))
    worker.run(replace(services, targets={"memory": target}, checkers={"memory": Looks(target)}))


if __name__ == "__main__":
    main()
