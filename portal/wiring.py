"""What is plugged into what. The only module that names a concrete target, and the only one that knows all rooms."""

import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import catalog.actions
import catalog.query
import catalog.whole
from catalog import forges
from catalog.git import Credentials, Mirror
from catalog.gitaccess import Network
from catalog.query import Repository
from ledger import clock as clocks
from ledger import db, events
from ledger.clock import Clock
from ledger.db import Database
from ledger.jobs import SqlJobs
from ledger.retention import Keep, forget
from ledger.runner import Handler, Periodic, Runner, Work
from pipelines import cooling, delivery, statuses, traffic
from pipelines.actions import Actions
from pipelines.blockers import Others
from pipelines.conductor import COURSE
from pipelines.continuous import CONSIDER
from pipelines.jobs import ADVANCE, Loop
from pipelines.planning import Planner
from pipelines.world import Ports
from portal import config as configs
from portal import continuing, coursing, hearing, scoring, secretsettings
from portal.afterwards import COUNT, MEASURE, RAN_WITH, Afterwards
from portal.blocks import BLOCKS
from portal.config import Config
from portal.inuse import InUse as InUse
from portal.oncalling import Gates, OnCall
from portal.services import Services
from production.checks import Looker
from production.metrics import PrometheusMetrics, Source
from production.ports import Checker, Target
from production.secrets import SiteSecrets
from production.targets.command import CommandTarget
from production.targets.local import LocalTarget
from production.targets.memory import MemoryChecker, MemoryTarget

SYNC, CHECK, SCORE, POLL = "catalog.sync", "catalog.check", "catalog.score", "catalog.poll"
KEEP = "house.keeping"
STATUSES_KEPT = timedelta(days=180)  # what CI has said
POLL_EVERY = timedelta(minutes=1)  # how often each repository is asked for news
CHECK_AFTER = timedelta(seconds=3)  # a push, so that many are looked at together
SCORE_EVERY = timedelta(hours=1)  # what a scorecard says changes with the days, too


def database(config: Config) -> Database:
    """Open the database; SQLite's file is made readable by its owner only."""
    return Database(config.database) if config.database_url else db.sqlite(config.data / "fullcycle.db")


def wire(config: Config, clock: Clock = clocks.now, opened: Database | None = None) -> Services:
    """Make everything that the doors and the worker lean on. Touches the disk, not the network."""
    base = opened or database(config)
    jobs = SqlJobs(base)
    memory = MemoryTarget(clock, path=config.data / "memory.json")
    held = held_secrets(config, clock)
    hosting = local(config, base, held)
    command = CommandTarget(
        config.data / "command", path_dirs=_folders(config), clock=clock, secrets=held.values, mask=held.mask
    )
    targets: Mapping[str, Target] = {"local": hosting, "command": command, "memory": memory}
    checkers: Mapping[str, Checker] = {
        "local": Looker(_folders(config), hosting.checkout, hosting.masked),
        "command": Looker(_folders(config), command.checkout, held.mask),
        "memory": MemoryChecker(memory),
    }
    metrics = PrometheusMetrics({name: Source(**dict(told)) for name, told in config.metrics.items()})
    gates = Gates(base, config.oncall.fallback)
    planner = Planner(base, jobs, partial(mirror, config), frozenset(targets), Others(gates, gates))
    actions = Actions(base, jobs, planner)
    register = partial(_register, config, base, jobs, clock)
    return Services(
        config,
        base,
        clock,
        jobs,
        targets,
        hosting,
        checkers,
        metrics,
        held,
        planner,
        actions,
        register,
        partial(_reached, config),
        OnCall(config, base, jobs, clock, held),
    )


def held_secrets(config: Config, clock: Clock) -> SiteSecrets:
    """Return what programs get their secrets from; fingerprints of them are made with a key of their own."""
    key = hmac.new(configs.secret_key(config).encode(), b"fingerprints", "sha256").digest()
    store = secretsettings.secrets(config.secrets, configs.environment(), config.data, clock)
    return SiteSecrets(store, key)


def local(config: Config, database: Database, held: SiteSecrets | None = None) -> LocalTarget:
    """Return what runs releases on this machine."""
    held = held or held_secrets(config, clocks.now)
    folder, folders, host = config.data / "local", _folders(config), config.local.host
    return LocalTarget(database, folder, path_dirs=folders, host=host, secrets=held.values, mask=held.mask)


def _folders(config: Config) -> Sequence[Path]:
    return tuple(map(Path, config.local.path))


def mirror(config: Config, repository: int) -> Mirror:
    """Return a repository's mirror on this machine."""
    return catalog.actions.mirror(repository, config.mirrors)


def loop(services: Services) -> Loop:
    """The deploy's loop over what is wired."""
    return Loop(
        services.database,
        services.jobs,
        Ports(services.targets, services.checkers, services.clock, services.metrics),
        services.actions.bind,
        lambda repository: str(mirror(services.config, repository).path),
        Afterwards(services).ended,
    )


def runner(services: Services, name: str) -> Runner:
    """The worker: which handler does which kind of job."""
    deploys, courses, afterwards = loop(services), coursing.conductor(services), Afterwards(services)
    handlers: Mapping[str, Handler] = {
        ADVANCE: lambda work: deploys.advance(work.claim, work.lost),
        COURSE: lambda work: courses.advance(work.claim, services.clock()),
        cooling.LATER: lambda work: afterwards.cooling.later(work.claim),
        cooling.COOL: lambda work: afterwards.cooling.cool(work.claim),
        COUNT: afterwards.count,
        RAN_WITH: afterwards.ran_with,
        delivery.JOB: partial(_add_up, services),
        CONSIDER: partial(continuing.consider, services),
        SYNC: partial(_sync, services),
        CHECK: partial(_check, services),
        SCORE: partial(_score, services),
        MEASURE: partial(_measure, services),
        POLL: partial(_poll, services),
        KEEP: partial(_keep, services),
        **services.oncall.handlers(),
    }
    return Runner(
        services.jobs,
        handlers,
        name,
        services.clock,
        changes=services.database.changes,
        on_change=partial(events.seal, services.database),
        periodic=(
            Periodic(POLL, POLL_EVERY),
            Periodic(SCORE, SCORE_EVERY),
            Periodic(COUNT, traffic.MINUTE),
            Periodic(delivery.JOB, delivery.EVERY),
            Periodic(KEEP, timedelta(hours=6)),
            *services.oncall.periodic(),
        ),
    )


def _register(
    config: Config, base: Database, jobs: SqlJobs, clock: Clock, url: str, actor: str, listed_by: int | None = None
) -> int:
    """Take a repository in and have it read soon; what is already known is only read again."""
    at, mirrors, local = clock(), config.mirrors, config.allow_local_repositories
    repository = catalog.actions.register(base, url, actor, at, mirrors=mirrors, allow_local=local, listed_by=listed_by)
    with jobs.transaction() as tx:
        jobs.enqueue(tx, SYNC, str(repository), at)
    return repository


def read_again(services: Services, repository: int) -> None:
    """Have a repository read soon; pages say that it waits."""
    at = services.clock()
    catalog.actions.ask(services.database, repository, at)
    with services.jobs.transaction() as tx:
        services.jobs.enqueue(tx, SYNC, str(repository), at)


def sync(services: Services, repository: int, at: datetime, *, check: bool = True) -> bool:
    """Read a repository again, and measure what waits where something has moved; say whether it had."""
    config = services.config
    synced = catalog.actions.sync(
        services.database,
        repository,
        at,
        mirrors=config.mirrors,
        blocks=BLOCKS,
        credentials=partial(_credentials, config),
        network=_network(config),
        uses=InUse(),
        check=check,
    )
    if config.catalog.follow_locations:
        _follow(services, repository, synced.elsewhere)
    if synced.stored:
        with services.database.read() as session:
            found = [one for one in catalog.query.services(session, repository) if one.deploy]
        services.planner.measure(found, at)
        with services.jobs.transaction() as tx:
            hearing.ask(services, tx, repository, at)
    return synced.stored


def _follow(services: Services, repository: int, named: Sequence[str]) -> None:
    """Take in what a repository's Locations name, as far as it lies at hosts from which something is read already."""
    with services.database.read() as session:
        hosts = {forges.host(one.url) for one in catalog.query.repositories(session)}
    for url in named:
        if forges.host(url) in hosts - {""}:
            services.register(url, catalog.actions.ACTOR, repository)


def _reached(config: Config, repository: Repository) -> Mirror:
    """Return a repository's mirror with what it takes to fetch more into it."""
    mirrors, credentials = config.mirrors, partial(_credentials, config)
    return catalog.actions.reached(repository, mirrors, credentials, _network(config))


def _network(config: Config) -> Network | None:
    told = config.network
    return Network(told.proxy, told.no_proxy, told.ca_file) if told.proxy or told.ca_file else None


def _credentials(config: Config, url: str) -> Credentials | None:
    """Find how to log in at a repository, by the longest address that it begins with."""
    fitting = sorted((one for one in config.credentials if url.startswith(one.url)), key=lambda one: len(one.url))
    if not fitting:
        return None
    best = fitting[-1]
    secret = best.token_file.read_text().strip() if best.token_file else ""
    return Credentials(best.user, secret, best.key_file)


def _sync(services: Services, work: Work) -> None:
    """Read a repository; the look at the whole catalog is a job of its own, one for many repositories."""
    if sync(services, int(work.claim.key), services.clock(), check=False):
        with services.jobs.transaction() as tx:
            services.jobs.enqueue(tx, CHECK, "catalog", services.clock() + CHECK_AFTER)
    _done(services, work)


def check(services: Services) -> None:
    """Look through the whole catalog for what no file shows alone."""
    catalog.whole.check(services.database, services.clock(), InUse())


def _check(services: Services, work: Work) -> None:
    check(services)
    scoring.score_all(services, services.clock())
    _done(services, work)


def _score(services: Services, _work: Work) -> None:
    scoring.score_all(services, services.clock())


def _measure(services: Services, work: Work) -> None:
    with services.database.read() as session:
        service = catalog.query.service(session, work.claim.key)
    services.planner.measure([service], services.clock())
    _done(services, work)


def _add_up(services: Services, work: Work) -> None:
    delivery.catch_up(services.database, services.clock(), work.lost)


def _done(services: Services, work: Work) -> None:
    with services.jobs.transaction() as tx:
        services.jobs.finish(tx, work.claim, services.clock())


def _poll(services: Services, _work: Work) -> None:
    at = services.clock()
    with services.database.read() as session:
        known = [repository.id for repository in catalog.query.repositories(session)]
    with services.jobs.transaction() as tx:
        for repository in known:
            services.jobs.enqueue(tx, SYNC, str(repository), at)


def _keep(services: Services, _work: Work) -> None:
    at = services.clock()
    forget(services.database, services.jobs, at, Keep(), services.oncall.waiting)
    with services.database.write() as session:
        traffic.forget(session, at)
        statuses.forget(session, at - STATUSES_KEPT)
    catalog.actions.forget_removed(services.database, at - catalog.whole.GRACE, at, InUse())
