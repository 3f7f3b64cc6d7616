"""The demo while it runs: the portal's processes, and visitors at every service that has an address."""

import contextlib
import json
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from datetime import timedelta

from sqlalchemy.exc import SQLAlchemyError

from catalog import query as catalog_query
from ledger import clock as clocks
from pipelines import query
from portal import wiring
from portal.config import Config
from portal.demo import company, traffic
from portal.demo.past import ENVIRONMENT
from portal.demo.people import BY_LOGIN
from portal.serve import Children
from portal.services import Services
from production.ports import Site

PER_SECOND = 10.0  # visits
# A page of the portal costs more; who reads reports? And a tenth of checkout's visitors must tell a bad release.
OTHERS = {company.OURSELVES: 1.0, "reports": 0.5, "checkout": 20.0}
FOLLOW = timedelta(seconds=3)  # how soon visitors find a new address


def run(config: Config, environ: Mapping[str, str]) -> int:
    """Run the portal until a signal says stop; return the exit code."""
    commands = {"web": ["web"], **{f"worker {number + 1}": ["worker"] for number in range(config.workers)}}
    with _visitors(config):
        return Children(commands, environ).run()


def begin_with_ourselves(config: Config) -> None:
    """Let the portal begin with deploying Fullcycle, so that something is going out when the first page opens."""
    services = wiring.wire(config)
    try:
        with services.database.read() as session:
            service = catalog_query.service(session, company.OURSELVES)
        services.actions.deploy(service, ENVIRONMENT, "", BY_LOGIN["iris"].ref, clocks.now(), "the demo begins")
    finally:
        services.database.close()


@contextlib.contextmanager
def _visitors(config: Config) -> Iterator[None]:
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", traffic.__file__],
        env={},
        stdin=subprocess.PIPE,
        start_new_session=True,
        text=True,
    )
    over = threading.Event()
    follower = threading.Thread(target=_follow, args=(config, process, over), name="visitors", daemon=True)
    follower.start()
    try:
        yield
    finally:
        over.set()
        follower.join()
        process.kill()
        process.wait()


def _follow(config: Config, process: subprocess.Popen[str], over: threading.Event) -> None:
    """Tell the visitors which addresses there are, again and again."""
    services = wiring.wire(config)
    assert process.stdin is not None
    while not over.wait(FOLLOW.total_seconds()):
        with contextlib.suppress(SQLAlchemyError, OSError):
            process.stdin.write(json.dumps(_addresses(services)) + "\n")
            process.stdin.flush()
    services.database.close()


def _addresses(services: Services) -> Mapping[str, float]:
    """Return address to visits per second, of everything that serves on this machine."""
    with services.database.read() as session:
        serving = [key for key, told in query.summaries(session).items() if told.live]
    found = {}
    for service, environment in serving:
        if address := services.targets["local"].address(Site(service, environment, {})):
            found[f"{address}/"] = OTHERS.get(service.rpartition("/")[2], PER_SECOND)
    return found
