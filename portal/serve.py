"""`fullcycle serve`: web and workers under one command. It starts them, starts one again that died, and stops them.

What runs on the targets outlives this and is found again at the next start.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from types import FrameType

from ledger import clock

STOP_SECONDS = 15.0  # then whoever is left is killed; nothing is lost by it
CALM = timedelta(seconds=30)  # a child that lived that long is started again at once
LONGEST_WAIT = 30.0  # seconds between two starts of a child that keeps dying


class Children:
    """The processes of one `serve`, by name."""

    def __init__(self, commands: Mapping[str, Sequence[str]], environ: Mapping[str, str]) -> None:
        self._commands = commands
        self._environ = dict(environ)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._stopping = False

    def run(self) -> int:
        """Keep all children running until a signal says stop; return the exit code."""
        for told in (signal.SIGTERM, signal.SIGINT):
            signal.signal(told, self._stop)
        waits = dict.fromkeys(self._commands, 0.0)
        begun = {name: self._start(name) for name in self._commands}
        while not self._stopping:
            time.sleep(0.1)
            for name, process in list(self._processes.items()):
                if process.poll() is None or self._stopping:
                    continue
                waits[name] = 0.0 if clock.now() - begun[name] > CALM else min(waits[name] * 2 + 0.5, LONGEST_WAIT)
                print(f"fullcycle: {name} ended with {process.returncode}, started again", file=sys.stderr)
                time.sleep(waits[name])
                begun[name] = self._start(name)
        return self._wind_up()

    def _start(self, name: str) -> datetime:
        self._processes[name] = subprocess.Popen(
            [sys.executable, "-m", "portal.cli", *self._commands[name], "--tied"],
            env=self._environ,
            stdin=subprocess.PIPE,  # never written to; its end tells the child that we are gone
            start_new_session=True,
        )
        return clock.now()

    def _stop(self, _signal: int, _frame: FrameType | None) -> None:
        self._stopping = True

    def _wind_up(self) -> int:
        for process in self._processes.values():
            process.terminate()
        waited = clock.stopwatch()
        for process in self._processes.values():
            left = STOP_SECONDS - waited().total_seconds()
            try:
                process.wait(max(left, 0.1))
            except subprocess.TimeoutExpired:
                process.kill()
        return 0


def end_with_parent() -> None:
    """End this process when the one that started it has gone, however it went: then its pipe to us closes."""

    def wait() -> None:
        while os.read(0, 1024):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, name="tied", daemon=True).start()
