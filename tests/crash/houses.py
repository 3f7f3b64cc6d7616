"""The houses of the crash tests: one whose target only remembers, and one whose target runs a real script.

A house's state is a folder: copied, it is the state of another house.
"""

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipelines.cooling import Cooling
from production import launch
from production.ports import Answer, Check, Instance
from tests.promises import commandstage
from tests.promises.commandstage import SHIP, command_target
from tests.promises.stage import DIES
from tests.rooms.deploying import House

KINDS = ("plain", "warm", "command")
LINE = 'echo "$STEP $RELEASE ${INSTANCES:-} ${PERCENT:-}" >>journal'
SCRIPT = commandstage.SCRIPT.replace("= DIES", f"= {DIES * 1000}").replace(LINE, LINE + " && sleep 0.1")
COMMAND: Mapping[str, Any] = {
    "kind": "command",
    **dict.fromkeys(commandstage.STEPS, SHIP),
    "instances": 2,
    "patience": "200ms",
    "url": "http://127.0.0.1:9/",
    "env": {"WORLD": "../../../../world"},  # seen from a checkout, so that a copied state has a world of its own
}


@dataclass
class Remembering(House):
    """The memory target, with what keeps releases warm."""

    def __post_init__(self) -> None:
        assert self.state is not None
        folder, self.state = self.state, self.state / "memory.json"
        super().__post_init__()
        self.state = folder
        self._keeps_warm()

    def _keeps_warm(self) -> None:
        cooling = Cooling(self.database, self.jobs, self.loop.ports.targets, self.clock)
        self.cooling = cooling
        self.loop = replace(
            self.loop, ended=lambda session, asked, deploy: cooling.ended(session, asked, deploy, self.clock())
        )

    def journal(self) -> Sequence[Any]:
        return list(self.target.journal(self.site()))

    def cut_off(self) -> None:
        """End what a worker has begun and does not do itself; there is nothing."""

    def revived(self) -> None:
        """Have run again what ran where the state was copied from; there is nothing."""

    def over(self) -> None:
        """End what still runs."""


class Fine:
    """What the script's processes answer: they only sleep."""

    def look(self, check: Check, instance: Instance, env: Mapping[str, str]) -> Answer:
        return Answer(True, "it is there")


@dataclass
class Commanded(Remembering):
    """The command target: the repository's script is run, in processes of their own."""

    def __post_init__(self) -> None:
        super().__post_init__()
        assert self.state is not None
        self.target: Any = command_target(self.state)
        self.checker: Any = Fine()
        self.planner = replace(self.planner, target_kinds=frozenset({"command"}))
        self.actions = replace(self.actions, planner=self.planner)
        ports = replace(self.loop.ports, targets={"command": self.target}, checkers={"command": self.checker})
        self.loop = replace(self.loop, ports=ports, bind=self.actions.bind)
        self._keeps_warm()

    @property
    def _world(self) -> Path:
        assert self.state is not None
        return self.state / "world" / "checkout"

    def journal(self) -> Sequence[Any]:
        file = self._world / "journal"
        return [line.strip() for line in file.read_text().splitlines()] if file.exists() else []

    def cut_off(self) -> None:
        assert self.state is not None
        for file in (self.state / "command" / "output").glob("*/*/*/pid"):
            who = file.read_text()
            if who and launch.identity(pid := int(who.split()[0])) == who:
                _kill_session(pid)

    def revived(self) -> None:
        for file in self._world.glob("checkout-*-*"):
            sleeper = subprocess.Popen(["sleep", "1000"], start_new_session=True, stdin=subprocess.DEVNULL)
            file.write_text(str(sleeper.pid))

    def over(self) -> None:
        self.target.shutdown()
        for file in self._world.glob("checkout-*-*"):
            with contextlib.suppress(ProcessLookupError, ValueError):
                os.kill(int(file.read_text()), signal.SIGKILL)

    def alive(self) -> set[str]:
        """Return the releases of which processes really run."""
        return {file.name.split("-")[1] for file in self._world.glob("checkout-*-*") if _lives(file)}


def _kill_session(session: int) -> None:
    """Kill a keeper, and then what it has kept."""
    left = [session, *(pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if _session(pid) == session)]
    for pid in dict.fromkeys(left):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _session(pid: int) -> int:
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return 0


def _lives(file: Path) -> bool:
    try:
        pid = int(file.read_text())
        os.kill(pid, 0)
    except (ProcessLookupError, ValueError):
        return False
    stat = Path(f"/proc/{pid}/stat").read_text()
    return stat.rpartition(") ")[2][:1] not in "ZX"


def house(kind: str, *arguments: Any, **more: Any) -> Remembering:
    return (Commanded if kind == "command" else Remembering)(*arguments, **more)
