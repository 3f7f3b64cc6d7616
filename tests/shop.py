"""The Corner Shop: one real demo in a process of its own, made once for all tests that visit it.

What takes longest is its past, in which every deploy really happens. So the tests that visit it run in one process, one
after another (tests/scheduling.py), and whoever has stopped it leaves it to the next to open it again.
"""

import json
import signal
import subprocess
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2

from portal import config as configs
from portal.demo import setup
from portal.demo.waiting import until

LONGEST = timedelta(minutes=5)  # for what takes ten seconds alone


class Shop:
    """A demo in a folder, where it answers, and who can log in there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.address = ""
        self.process: subprocess.Popen[str] | None = None
        self.sessions: dict[str, Any] = {}  # login -> the cookies of whoever has logged in by a browser

    @property
    def logins(self) -> Mapping[str, str]:
        return setup.logins(self.folder)

    def is_open(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def open(self) -> None:
        """Have it open, and answering: it tells its address a moment before."""
        if self.is_open():
            return
        environ = {name: value for name, value in configs.environment().items() if not name.startswith("FULLCYCLE_")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "portal.cli", "demo", "--data", str(self.folder), "--json"],
            cwd=self.folder.parent,
            env=environ,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self.process.stdout is not None
        self.address = json.loads(self.process.stdout.readline())["address"]
        until(self._answers, LONGEST, f"the pages at {self.address}")

    def _answers(self) -> bool:
        try:
            return httpx2.get(f"{self.address}/healthz", trust_env=False, timeout=60).is_success
        except httpx2.TransportError:
            return False

    def stop(self, number: signal.Signals) -> int:
        """Send it that signal; return how it ended."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(LONGEST.total_seconds())

    def close(self) -> None:
        if self.is_open():
            self.stop(signal.SIGTERM)
