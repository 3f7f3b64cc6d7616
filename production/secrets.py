"""Secrets by their names: what a store of them must be able to do, and what a site may ask of it.

The scope (service and environment) is part of every lookup, so no service can read what belongs to another one.
Values are kept in memory only, for seconds to use them and longer to take them out of texts; never in a database.
"""

import hashlib
import hmac
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from ledger.clock import Clock, now
from ledger.errors import Code, Error
from production.masking import Mask
from production.ports import Site

TTL = timedelta(seconds=10)  # how soon a changed value is seen
REMEMBERED = 5  # values of one name that are masked, the newest ones
LARGEST = 64 * 1024  # bytes of a value
SERVICE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?(?::[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?){0,2}")
ENVIRONMENT = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")
KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_][A-Za-z0-9_.-]*)*")

Masking = Callable[[Site, str], str]
Values = Callable[[Site], Mapping[str, str]]


class Secrets(Protocol):
    """A store of secrets."""

    def get(self, site: Site, key: str) -> str:
        """Return the value kept for that service and environment.

        Raises INVALID when there is none or it may not be used, UNAVAILABLE when the store does not answer.
        """


def no_secrets(site: Site) -> Mapping[str, str]:
    """Have none: raises when a site names one."""
    if names := names_of(site):
        raise nowhere(site, min(names))
    return {}


def nowhere(site: Site, name: str) -> Error:
    said = f"{called(site, name)} cannot be had: this portal has no store of secrets; set [secrets] in fullcycle.toml"
    return Error(Code.INVALID, said)


def unmasked(_site: Site, text: str) -> str:
    """Leave a text as it is, where there is no store of secrets."""
    return text


def names_of(site: Site) -> Mapping[str, str]:
    """Return the names of a site's secrets with their keys, as its target's settings have them."""
    said = site.settings.get("secrets") or {}
    return dict(said) if isinstance(said, Mapping) else {name: name for name in said}


def scope(site: Site, key: str) -> tuple[str, str]:
    """Return how a site is called in stores: `checkout`, or `payments:checkout` outside of the default namespace.

    Raises INVALID for what is no name, so that neither a path nor an option can be made of any part.
    """
    kind, _, rest = site.service.rpartition(":")
    namespace, _, name = rest.rpartition("/")
    short = [kind] if kind not in ("", "component") else []
    short += [namespace or "default"] if short or namespace not in ("", "default") else []
    service = ":".join([*short, name])
    for pattern, text in ((SERVICE, service), (ENVIRONMENT, site.environment), (KEY, key)):
        if not pattern.fullmatch(text):
            raise Error(Code.INVALID, f"“{text}” cannot be part of a secret's name; give it another name")
    return service, site.environment


def called(site: Site, key: str) -> str:
    """Name a secret for people: never with its value."""
    return f"the secret {key} of {site.name}"


def checked(site: Site, key: str, value: bytes) -> str:
    """Return what a store said as a value, without its line's end; raises INVALID when no program can be given it."""
    if len(value) > LARGEST:
        raise Error(Code.INVALID, f"{called(site, key)} is longer than {LARGEST // 1024} KB; keep less in it")
    try:
        text = value.decode()
    except UnicodeDecodeError:
        said = f"{called(site, key)} is not text in UTF-8; keep it in base64 and decode it in the program"
        raise Error(Code.INVALID, said) from None
    text = text.removesuffix("\n").removesuffix("\r")
    if "\0" in text or not text:
        raise Error(Code.INVALID, f"{called(site, key)} {'is empty' if not text else 'has a NUL in it'}; store it anew")
    return text


class Cached:
    """Another store's values, asked for again when they are older than `ttl`. A refusal is not remembered."""

    def __init__(self, secrets: Secrets, clock: Clock = now, ttl: timedelta = TTL) -> None:
        self._secrets, self._clock, self._ttl = secrets, clock, ttl
        self._known: dict[tuple[str, str, str], tuple[str, datetime]] = {}

    def get(self, site: Site, key: str) -> str:
        asked, at = (*scope(site, key), key), self._clock()
        value, since = self._known.get(asked, ("", at - self._ttl))
        if timedelta(0) <= at - since < self._ttl:
            return value
        self._known.pop(asked, None)
        value = self._secrets.get(site, key)
        self._known[asked] = value, at
        return value


class SiteSecrets:
    """What targets, checks and pages are given. `key` makes fingerprints that say nothing without it."""

    def __init__(self, secrets: Secrets, key: bytes) -> None:
        self._secrets, self._key = secrets, key
        self._seen: dict[tuple[str, str], tuple[tuple[str, str], ...]] = {}  # by scope, oldest first
        self._lock = threading.Lock()

    def values(self, site: Site) -> Mapping[str, str]:
        """Return all secrets of a site by the names its programs see; raises the first refusal."""
        found = {}
        for name, key in names_of(site).items():
            found[name] = self._secrets.get(site, key)
            self._remember(site, name, found[name])
        return found

    def problems(self, site: Site) -> Sequence[str]:
        """Return a sentence for each secret that cannot be had: worth asking before a deploy is."""
        return list(dict.fromkeys(error.message for error in self._ask(site)[1].values()))

    def fingerprints(self, site: Site) -> Mapping[str, str]:
        """Return for each name what tells its value from another one, for this site alone; else an empty text."""
        values, refused = self._ask(site)
        found = {name: self._fingerprint(site, name, value) for name, value in values.items()}
        return {**found, **dict.fromkeys(refused, "")}

    def mask(self, site: Site, text: str) -> str:
        """Return the text without the values the site has or lately had.

        When a value has never been seen and cannot be had, the text is withheld, for it might be in there.
        """
        _values, refused = self._ask(site)
        seen = self._seen.get((site.service, site.environment), ())
        unknown = sorted(refused.keys() - {name for name, _value in seen})
        if unknown:
            return f"withheld, for it may hold {', '.join(unknown)}: {refused[unknown[0]].message}"
        return Mask(seen)(text) if seen else text

    def _ask(self, site: Site) -> tuple[Mapping[str, str], Mapping[str, Error]]:
        """Look every secret up; a store that does not answer is not asked for the next one."""
        values: dict[str, str] = {}
        refused: dict[str, Error] = {}
        down: Error | None = None
        for name, key in names_of(site).items():
            try:
                if down is not None:
                    raise down
                values[name] = self._secrets.get(site, key)
                self._remember(site, name, values[name])
            except Error as error:
                refused[name] = error
                down = error if error.code is Code.UNAVAILABLE else None
        return values, refused

    def _remember(self, site: Site, name: str, value: str) -> None:
        with self._lock:
            where = site.service, site.environment
            seen = [one for one in self._seen.get(where, ()) if one != (name, value)]
            older = [one for one in seen if one[0] == name][-(REMEMBERED - 1) :]
            self._seen[where] = (*(one for one in seen if one[0] != name), *older, (name, value))

    def _fingerprint(self, site: Site, name: str, value: str) -> str:
        told = "\0".join((site.service, site.environment, name, value))
        return hmac.new(self._key, told.encode(), hashlib.sha256).hexdigest()[:16]
