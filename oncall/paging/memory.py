"""A pager that rings nobody: one phone per person that only remembers. For trying out, tests and talks; it ships.

It can be told to make trouble, and to be interrupted before and after it rings. With a `path` its memory is a file that
several processes share. It keeps the last messages only.
"""

import contextlib
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from ledger.clock import Clock, now
from oncall.paging.ports import LIMIT, Change, Delivered, Outcome, Page, Refused
from oncall.paging.wording import message
from production.locks import locked, write_whole

MOST_MESSAGES = 200  # per person
MOST_PEOPLE = 1000
EVERYBODY = "*"
NAME = "the memory phone"


class Trouble(StrEnum):
    """What a provider may do wrong."""

    REFUSES = "refuses"  # for good
    BUSY = "busy"  # a 429, and to come again in an hour
    DOWN = "down"  # no connection: surely not sent
    HANGS = "hangs"  # no answer, and nothing arrives
    LOST = "lost"  # it rings, and the answer gets lost
    BOUNCES = "bounces"  # there is no such address


ANSWERS = {
    Trouble.REFUSES: Refused(f"{NAME} does not take it (400)", permanent=True),
    Trouble.BUSY: Refused(f"{NAME} takes no more for 1h (429)", timedelta(hours=1)),
    Trouble.DOWN: Refused(f"{NAME} could not be reached", timedelta(seconds=30)),
    Trouble.HANGS: Refused(f"{NAME} did not answer in time", timedelta(seconds=30), uncertain=True),
    Trouble.LOST: Refused(f"{NAME} did not answer in time", timedelta(seconds=30), uncertain=True),
    Trouble.BOUNCES: Refused(f"{NAME}: there is no such address (550)", permanent=True),
}


@dataclass(frozen=True)
class Heard:
    """One message on a phone. `state`: ringing, acknowledged or resolved; `links` read `Acknowledge: https://…`."""

    number: int
    at: datetime
    key: str
    incident: int
    severity: str
    title: str
    text: str
    links: tuple[str, ...]
    repeat: bool
    state: str = "ringing"
    by: str = ""  # who acknowledged


def _nothing(_page: Page) -> None:
    pass


class MemoryPager:
    """`keeps_one` is how a provider behaves that knows keys; without it every attempt rings, as a text message does."""

    def __init__(
        self,
        clock: Clock = now,
        *,
        path: Path | None = None,
        limit: timedelta = LIMIT,
        keeps_one: bool = True,
        before: Callable[[Page], None] = _nothing,
        after: Callable[[Page], None] = _nothing,
    ) -> None:
        self._clock, self._path, self._limit, self._keeps_one = clock, path, limit, keeps_one
        self._before, self._after = before, after
        self._lock = threading.Lock()
        self._kept = _empty()

    @property
    def limit(self) -> timedelta:
        return self._limit

    def send(self, page: Page) -> Outcome:
        self._before(page)
        with self._changing() as state:
            trouble = _trouble(state, page.person)
            if trouble in (None, Trouble.LOST):
                number = self._rung(state, page)
        self._after(page)
        return Delivered(self._clock(), str(number)) if trouble is None else ANSWERS[trouble]

    def acknowledge(self, incident: int, by: str) -> Outcome:
        return self._moved(incident, "acknowledged", by)

    def resolve(self, incident: int) -> Outcome:
        return self._moved(incident, "resolved", "")

    def announce(self, change: Change) -> Outcome:
        with self._changing() as state:
            state["changes"] = [*state["changes"], change.summary][-MOST_MESSAGES:]
        return Delivered(self._clock())

    def trouble(self, kind: Trouble | None, person: str = EVERYBODY, times: int | None = None) -> None:
        """Make that trouble for a person from now on, or for so many pages; None ends it."""
        with self._changing() as state:
            state["troubles"].pop(person, None)
            if kind is not None and times != 0:
                state["troubles"][person] = [str(kind), times]

    def messages(self, person: str) -> Sequence[Heard]:
        """Return what stands on a person's phone, oldest first."""
        return [_heard(one) for one in self._whole()["phones"].get(person, [])]

    def people(self) -> Sequence[str]:
        """Return whose phones have rung, in order of their names."""
        return sorted(self._whole()["phones"])

    def _rung(self, state: dict[str, Any], page: Page) -> int:
        phone = state["phones"].setdefault(page.person, [])
        key = str(page.key)
        if self._keeps_one and (known := [one for one in phone if one["key"] == key]):
            return int(known[0]["number"])
        state["last"] += 1
        said = message(page)
        heard = Heard(
            number=state["last"],
            at=self._clock(),
            key=key,
            incident=page.incident,
            severity=str(page.severity),
            title=said.title,
            text=said.sentence,
            links=said.links,
            repeat=page.repeat,
        )
        phone.append(asdict(heard) | {"at": heard.at.isoformat()})
        del phone[:-MOST_MESSAGES]
        while len(state["phones"]) > MOST_PEOPLE:
            del state["phones"][next(iter(state["phones"]))]
        return heard.number

    def _moved(self, incident: int, to: str, by: str) -> Outcome:
        with self._changing() as state:
            for phone in state["phones"].values():
                for one in phone:
                    if one["incident"] == incident and one["state"] != "resolved":
                        one.update(state=to, by=by or one["by"])
        return Delivered(self._clock())

    @contextlib.contextmanager
    def _changing(self) -> Iterator[dict[str, Any]]:
        """The memory, kept as it is at the end."""
        lock = locked(self._path.with_suffix(".lock")) if self._path else contextlib.nullcontext()
        with self._lock, lock:
            whole = self._whole()
            yield whole
            if self._path is not None:
                write_whole(self._path, json.dumps(whole))

    def _whole(self) -> dict[str, Any]:
        if self._path is None:
            return self._kept
        made: dict[str, Any] = json.loads(self._path.read_text()) if self._path.exists() else _empty()
        return made


def _empty() -> dict[str, Any]:
    return {"last": 0, "phones": {}, "troubles": {}, "changes": []}


def _trouble(state: dict[str, Any], person: str) -> Trouble | None:
    """The trouble that a page to that person meets; one that is for a number of pages is used up by it."""
    name = person if person in state["troubles"] else EVERYBODY
    kind, times = state["troubles"].get(name, [None, None])
    if times is not None:
        state["troubles"][name][1] = times - 1
        if times <= 1:
            del state["troubles"][name]
    return Trouble(kind) if kind else None


def _heard(kept: dict[str, Any]) -> Heard:
    return Heard(**(kept | {"at": datetime.fromisoformat(kept["at"]), "links": tuple(kept["links"])}))
