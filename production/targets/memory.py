"""A target that runs nothing and only remembers: for trying out, for tests, and for talks. Ships with the product.

It can be told to fail (`settings["fails"]`), to take its time (`settings["takes"]`), and to be interrupted at any
point (`before`, `after`). With a `path` its memory is a file, so several processes see the same one, and it outlives
them. Its journal lists every act that changed something, so that a test can prove that nothing was done twice.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from ledger.clock import Clock, now
from ledger.errors import Code, Error
from production.ports import Answer, Check, Done, Failed, Instance, Pending, Progress, Release, Share, Site
from production.settings import duration
from production.targets.notebook import Notebook, State

METHODS = ("prepare", "start", "weigh", "drain", "stop")
FIRST_PORT = 30_000  # nothing listens there; only different for every instance

Hook = Callable[[str, Site], None]


def _nothing(_method: str, _site: Site) -> None:
    pass


class MemoryTarget:
    """Remembers what it was told, per site.

    `settings["fails"]` maps a revision (or its beginning, or `*`) to what fails for it: `prepare`, `start`, `weigh`,
    `drain`, `stop`, `check` (see MemoryChecker), or `undo`: whatever goes back from it to an older release.
    `fail_once` maps a method to the answer its next call gives. `before` and `after` are called around every method
    that changes something, outside the lock; `after` when the change is kept and the caller does not know of it yet.
    """

    def __init__(
        self,
        clock: Clock = now,
        *,
        path: Path | None = None,
        fail_once: Mapping[str, Failed] | None = None,
        before: Hook = _nothing,
        after: Hook = _nothing,
    ) -> None:
        self._clock = clock
        self._notebook = Notebook(path)
        self._fail_once = dict(fail_once or {})
        self._before, self._after = before, after

    # What shall be true.

    def prepare(self, site: Site, release: Release, fence: int) -> Progress:
        with self._act("prepare", site, fence) as state:
            number = str(release.number)
            # A deploy begins: what fails in it stays so on the way back, when the settings are another release's.
            state["fails"] = dict(site.settings.get("fails", {}))
            if always := state["fails"].get("*"):
                state["fails"][release.revision] = always
            if state["revisions"].get(number) == release.revision:
                return Done(f"release {number} is prepared")
            if refused := self._refusal("prepare", site, release.revision):
                return refused
            state["revisions"][number] = release.revision
            self._note(state, "prepare", release.number)
            return Done(f"release {number} is prepared")

    def start(self, site: Site, release: Release, instances: int, fence: int) -> Progress:
        with self._act("start", site, fence) as state:
            number = str(release.number)
            if number not in state["revisions"]:
                return Failed(f"release {number} is not prepared; prepare it first")
            running = state["instances"].setdefault(number, [])
            if len(running) < instances:
                backwards = any(int(other) > release.number for other in state["instances"])
                leaving = _newest(state) if backwards else None
                if refused := self._refusal("start", site, release.revision) or self._undo_refusal(state, leaving):
                    if not running:
                        del state["instances"][number]
                    return refused
                self._launch(site, state, release.number, instances - len(running))
            waiting = sum(not self._is_up(site, since) for _port, since in running)
            return Pending(f"{waiting} of {instances} are starting") if waiting else Done(f"{instances} are up")

    def weigh(self, site: Site, percents: Mapping[int, float], fence: int) -> Progress:
        with self._act("weigh", site, fence) as state:
            wanted = {str(number): percent for number, percent in percents.items() if percent > 0}
            for number in wanted:
                if not state["instances"].get(number):
                    return Failed(f"release {number} has no instance, so it can get no traffic; start it first")
            if wanted == state["weights"]:
                return Done("the weights are so already")
            growing = [number for number in wanted if wanted[number] > state["weights"].get(number, 0)]
            shrinking = [int(number) for number, was in state["weights"].items() if wanted.get(number, 0) < was]
            for number in growing:
                if refused := self._refusal("weigh", site, state["revisions"][number]):
                    return refused
            backwards = bool(shrinking) and max(shrinking) > max(map(int, growing), default=0)
            if refused := self._undo_refusal(state, max(shrinking) if backwards else None):
                return refused
            state["weights"] = wanted
            self._note(state, "weigh", wanted)
            return Done(", ".join(f"{number}: {percent:g} %" for number, percent in wanted.items()) or "no traffic")

    def drain(self, site: Site, keep: int, fence: int) -> Progress:
        with self._act("drain", site, fence) as state:
            left = [number for number in state["instances"] if int(number) != keep and number in state["weights"]]
            if left:
                if refused := self._refusal("drain", site, state["revisions"].get(str(keep), "")):
                    return refused
                for number in left:
                    del state["weights"][number]
                if str(keep) in state["weights"]:
                    state["weights"] = {str(keep): 100.0}
                self._note(state, "drain", keep)
            return Done("no connection is left")

    def stop(self, site: Site, keep: int, fence: int, warm: int | None = None) -> Progress:
        with self._act("stop", site, fence) as state:
            leaving = [int(number) for number in state["instances"] if int(number) not in (keep, warm)]
            if leaving:
                backwards = max(leaving) if max(leaving) > keep else None
                revision = state["revisions"].get(str(keep), "")
                if refused := self._refusal("stop", site, revision) or self._undo_refusal(state, backwards):
                    return refused
                for number in map(str, leaving):
                    state["instances"].pop(number)
                    state["weights"].pop(number, None)
                self._note(state, "stop", sorted(leaving))
            return Done("nothing else is running")

    # What is true.

    def instances(self, site: Site) -> Sequence[Instance]:
        state, short = self._notebook.seen(site.name), site.name.partition("@")[0]
        return [
            Instance(
                f"{short}-{number}-{index}",
                int(number),
                "127.0.0.1",
                port,
                "up" if self._is_up(site, since) else "starting",
                self._clock() - datetime.fromisoformat(since),
            )
            for number, running in sorted(state["instances"].items(), key=lambda item: int(item[0]))
            for index, (port, since) in enumerate(running, 1)
        ]

    def shares(self, site: Site) -> Sequence[Share]:
        return _shares(self._notebook.seen(site.name))

    def counts(self) -> Sequence[tuple[str, str, Sequence[Share]]]:
        """Return service, environment and who gets the traffic, of everything here that has instances."""
        pages = self._notebook.whole().values()
        return [(*state["site"], _shares(state)) for state in pages if state.get("site") and state["instances"]]

    def address(self, site: Site) -> str | None:
        state = self._notebook.seen(site.name)
        return f"http://127.0.0.1:{state['public']}" if state["weights"] else None

    def output(self, site: Site, release: int, lines: int = 200) -> Sequence[str]:
        written: list[str] = self._notebook.seen(site.name)["output"].get(str(release), [])
        return written[-lines:]

    def logs(self, site: Site, release: int) -> Sequence[Path]:
        return ()

    # What only this target can do.

    def answers(self, site: Site, release: int) -> bool:
        """Do instances of that release pass their checks?"""
        state = self._notebook.seen(site.name)
        revision = state["revisions"].get(str(release), "")
        return str(release) in state["instances"] and self._fault(state, revision) != "check"

    def answers_on(self, port: int) -> bool:
        """Does the instance at that port pass its checks?"""
        for state in self._notebook.whole().values():
            for number, running in state["instances"].items():
                if any(port == taken for taken, _since in running):
                    return self._fault(state, state["revisions"].get(number, "")) != "check"
        return False

    def serve(self, site: Site, release: int, requests: int, errors: int = 0) -> None:
        """Remember that the release has answered so many requests, some of them with an error."""
        with self._notebook.changing(site.name) as state:
            had = state["traffic"].get(str(release), (0, 0))
            state["traffic"][str(release)] = (had[0] + requests, had[1] + errors)

    def journal(self, site: Site) -> Sequence[tuple[str, Any]]:
        """Return every act that changed something, oldest first: method and what it did."""
        return [(method, what) for method, what in self._notebook.seen(site.name)["journal"]]

    # How.

    def _launch(self, site: Site, state: State, release: int, count: int) -> None:
        taken = {
            port for other in self._notebook.whole().values() for run in other["instances"].values() for port, _ in run
        }
        taken |= {port for run in state["instances"].values() for port, _ in run}
        free = (port for port in range(FIRST_PORT, 65_536) if port not in taken)
        since = self._clock().isoformat()
        running = state["instances"][str(release)]
        for _ in range(count):
            running.append([next(free), since])
            said = f"{site.name} {release}-{len(running)}: started on port {running[-1][0]}"
            state["output"].setdefault(str(release), []).append(said)
        self._note(state, "start", [release, count])

    def _is_up(self, site: Site, since: str) -> bool:
        takes = duration(site.settings.get("takes", timedelta(0)))
        return self._clock() >= datetime.fromisoformat(since) + takes

    def _refusal(self, method: str, site: Site, revision: str) -> Failed | None:
        if once := self._fail_once.pop(method, None):
            return once
        if self._fault({"fails": site.settings.get("fails", {})}, revision) == method:
            return Failed(f"{method} failed: the settings of this target say so", (f"{method}: asked to fail",))
        return None

    def _undo_refusal(self, state: State, leaving: int | None) -> Failed | None:
        if leaving is not None and self._fault(state, state["revisions"].get(str(leaving), "")) == "undo":
            return Failed(f"release {leaving} cannot be undone: the settings of this target say so")
        return None

    @staticmethod
    def _fault(state: Mapping[str, Any], revision: str) -> str | None:
        for beginning, method in state["fails"].items():
            if beginning != "*" and revision and revision.startswith(beginning):
                return str(method)
        always: str | None = state["fails"].get("*")
        return always

    @staticmethod
    def _note(state: State, method: str, what: object) -> None:
        state["journal"].append([method, what])

    @contextlib.contextmanager
    def _act(self, method: str, site: Site, fence: int) -> Iterator[State]:
        self._before(method, site)
        with self._notebook.changing(site.name) as state:
            if fence < state["fence"]:
                raise Error(
                    Code.CONFLICT,
                    f"{site.name} has been taken over by another worker; nothing was changed",
                    f"fence {fence} is below {state['fence']}",
                )
            state["fence"], state["site"] = fence, (site.service, site.environment)
            # What was said of a revision goes on for it: on the way back the settings are those of the release before.
            kept = {revision: method for revision, method in state["fails"].items() if revision != "*"}
            state["fails"] = {**kept, **dict(site.settings.get("fails", {}))}
            yield state
        self._after(method, site)


class MemoryChecker:
    """Answers checks for a MemoryTarget: bad for a revision whose entry in `fails` is `check`, or that is not there."""

    def __init__(self, target: MemoryTarget) -> None:
        self._target = target

    def look(self, check: Check, instance: Instance, env: Mapping[str, str]) -> Answer:
        what = check.what[0] if check.what else check.kind
        if instance.state != "up":
            return Answer(False, f"{instance.name} is {instance.state}")
        if self._target.answers_on(instance.port):
            return Answer(True, f"{what} answered 200 in 1 ms", timedelta(milliseconds=1))
        return Answer(False, f"{what} answered 503 in 1 ms", timedelta(milliseconds=1))


def _shares(state: State) -> Sequence[Share]:
    return [
        Share(int(number), state["weights"].get(number, 0.0), 0, *state["traffic"].get(number, (0, 0)))
        for number in sorted(state["instances"], key=int)
    ]


def _newest(state: State) -> int | None:
    return max(map(int, state["instances"]), default=None)
