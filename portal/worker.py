"""The worker process: everything that is not answering a browser. It may be killed at any moment."""

import os
import secrets
import signal
from types import FrameType

import structlog

from portal import wiring
from portal.services import Services

log = structlog.get_logger()


def run(services: Services) -> None:
    """Bring what runs back to what shall run, then do jobs until told to stop."""
    name = f"{os.uname().nodename}-{os.getpid()}-{secrets.token_hex(2)}"  # unique, also after a restart
    runner = wiring.runner(services, name)

    def stop(_signal: int, _frame: FrameType | None) -> None:
        runner.stop()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    for problem in wiring.local(services.config, services.database).converge():
        log.error("not as it should be", problem=problem)
    log.info("worker begins", worker=name)
    with services.oncall.ready():
        runner.run()
    log.info("worker ends", worker=name)
