"""The words of what PagerDuty's API gives, as words of our files: people, names, moments, spans. Pure.

Whatever cannot be carried over as it is adds a sentence to the losses.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from catalog.places import quoted
from oncall.paging.wording import plain, shortened

Losses = list[str]
Given = Mapping[str, Any]  # one entity, as JSON
_UNITS = (("week", 604_800, 500), ("day", 86_400, 1000), ("hour", 3600, 10_000))


class People:
    """Who is who: PagerDuty's users by id, and references of the catalog by mail address."""

    def __init__(self, users: Sequence[Given] = (), known: Mapping[str, str] | None = None) -> None:
        self._users = {str(one.get("id")): one for one in users}
        self._known = {mail.lower(): ref for mail, ref in (known or {}).items()}
        self._refs: dict[str, str] = {}

    def ref(self, user: Given, losses: Losses) -> str:
        """Return the reference of a user; one whom the catalog does not know gets a name, and a loss says so."""
        number = str(user.get("id") or "")
        whole = self._users.get(number, user)
        mail = str(whole.get("email") or "").lower()
        if ref := self._known.get(mail):
            return ref
        shown = title(whole, "somebody")
        if number not in self._refs:
            name = slug(mail.partition("@")[0] or shown, "somebody")
            taken = {*self._refs.values(), *self._known.values()}
            made = f"user:default/{name}"
            self._refs[number] = f"{made}-{slug(number, 'x')}" if made in taken else made
        said = f"{quoted(shown)} is nobody in the catalog; written as {self._refs[number]}, put the right name there"
        if said not in losses:
            losses.append(said)
        return self._refs[number]


def title(entity: Given, otherwise: str) -> str:
    """Return what an entity is called, on one line."""
    return shortened(plain(str(entity.get("name") or entity.get("summary") or "")), 100) or otherwise


def slug(text: str, otherwise: str) -> str:
    """Return a name of at most 60 lower-case letters, digits and dashes.

    >>> slug("Café: Primär (EU)", "x"), slug("***", "x")
    ('cafe-primar-eu', 'x')
    """
    plainly = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plainly).strip("-")[:60].strip("-") or otherwise


def label(text: str, otherwise: str, taken: set[str]) -> str:
    """Return a name for a rotation that none of `taken` has, and take it."""
    ascii_only = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    base = " ".join(re.sub(r"[^A-Za-z0-9 ._-]+", " ", ascii_only).split()).strip(" ._-")[:50].strip(" ._-") or otherwise
    made, number = base, 2
    while made in taken:
        made, number = f"{base} {number}", number + 1
    taken.add(made)
    return made


def moment(said: Any) -> datetime:
    """Return a moment with its offset; ValueError for anything else."""
    at = datetime.fromisoformat(str(said))
    if at.tzinfo is None:
        raise ValueError("a moment without an offset")
    return at


def wall(at: datetime, zone: ZoneInfo) -> str:
    """Return what a clock of the zone shows, for `starts`.

    >>> wall(datetime.fromisoformat("2026-03-02T15:00:00Z"), ZoneInfo("America/Chicago"))
    '2026-03-02 09:00'
    """
    local = at.astimezone(zone)
    return local.strftime("%Y-%m-%d %H:%M:%S" if local.second else "%Y-%m-%d %H:%M")


def exact(at: datetime, zone: ZoneInfo) -> str:
    """Return a moment with the zone's offset, for what must not be read twice on the day clocks are put back.

    >>> exact(datetime.fromisoformat("2026-03-02T15:00:00Z"), ZoneInfo("America/Chicago"))
    '2026-03-02T09:00:00-06:00'
    """
    return at.astimezone(zone).isoformat(timespec="seconds")


def span(seconds: int) -> str | None:
    """Return a turn's length in words, None when it is not whole hours.

    >>> span(604_800), span(1_209_600), span(43_200), span(5400)
    ('1 week', '2 weeks', '12 hours', None)
    """
    for unit, size, most in _UNITS:
        if seconds > 0 and seconds % size == 0 and seconds // size <= most:
            count = seconds // size
            return f"{count} {unit}" if count == 1 else f"{count} {unit}s"
    return None


def length(seconds: int) -> str:
    """Return a length for a sentence.

    >>> length(5400)
    '1:30:00'
    """
    return str(timedelta(seconds=seconds))
