"""The terminal's side of the API: one request, one answer, and every refusal as the Error that the portal meant.

Only looking is tried again, and only when no connection came about: an order may have arrived although no answer did.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx2
import stamina
from stamina.instrumentation import set_on_retry_hooks

from ledger.errors import Code, Error
from portal.keyring import Login

API = "/api/v1"
LIMITS = httpx2.Timeout(30.0, connect=3.0)  # seconds; streams say something every 10
PATIENCE = timedelta(seconds=1.5)
HERE = frozenset({"127.0.0.1", "localhost", "::1"})
CODES = {code.value: code for code in Code}

Told = Mapping[str, Any]


class Client:
    """A portal, as this terminal's person."""

    def __init__(self, login: Login) -> None:
        self.url = login.url
        set_on_retry_hooks([])  # or each try would be a line among the answers
        host = _host(login.url)
        try:
            self._http = httpx2.Client(
                base_url=login.url + API,
                timeout=LIMITS,
                trust_env=host not in HERE,  # a proxy of the environment does not know this machine's own addresses
                headers={"Authorization": f"Bearer {login.token}"} if login.token else {},
            )
        except httpx2.InvalidURL:
            raise _no_address(login.url) from None

    def get(self, path: str, patience: timedelta = PATIENCE, **query: Any) -> Told:
        """Look; for so long it is tried again to get a connection."""
        asked = {name: value for name, value in query.items() if value is not None}
        with self._reached():
            for attempt in stamina.retry_context(
                (httpx2.ConnectError, httpx2.ConnectTimeout), attempts=None, timeout=patience, wait_max=1.0
            ):
                with attempt:
                    return self._understood(self._http.get(path, params=asked))
        raise AssertionError("stamina ends with an answer or an exception")

    def post(self, path: str, body: Told | None = None) -> Told:
        """Order something, once."""
        with self._reached():
            return self._understood(self._http.post(path, json=dict(body or {})))

    def put(self, path: str, body: Told, **query: Any) -> Told:
        """Write something, once."""
        asked = {name: value for name, value in query.items() if value is not None}
        with self._reached():
            return self._understood(self._http.put(path, json=dict(body), params=asked))

    def delete(self, path: str) -> Told:
        """Take something away, once."""
        with self._reached():
            return self._understood(self._http.delete(path))

    def news(self, path: str, after: int) -> Iterator[Told]:
        """Yield facts as they happen, until the stream ends, as it does after a while or when nothing more can come.

        A portal that has no stream to give ends it at once.
        """
        try:
            with self._http.stream("GET", path, params={"after": after}) as answer:
                if answer.status_code == 200:
                    for message in httpx2.EventSource(answer):
                        if message.event == "fact":
                            yield json.loads(message.data)
        except httpx2.TransportError:
            return

    @contextmanager
    def _reached(self) -> Iterator[None]:
        try:
            yield
        except httpx2.InvalidURL:
            raise _no_address(self.url) from None
        except httpx2.RequestError as error:
            said = f"The portal at {self.url} does not answer. Is `fullcycle serve` running? FULLCYCLE_URL says where."
            raise Error(Code.UNAVAILABLE, said, repr(error), permanent=False) from None

    def _understood(self, answer: httpx2.Response) -> Told:
        try:
            told = answer.json()
            if answer.is_success and isinstance(told, dict):
                return told
            fault = told["error"]
            code = CODES.get(str(fault["code"]), Code.INTERNAL)
            reasons = [printable(str(reason)) for reason in fault.get("reasons", ())]
            raise Error(code, printable(str(fault["message"])), reasons=reasons)
        except (ValueError, KeyError, TypeError):
            said = (
                f"What answers at {self.url} ({answer.status_code}) is no Fullcycle portal; FULLCYCLE_URL says where."
            )
            raise Error(Code.UNAVAILABLE, said) from None


def printable(text: str) -> str:
    """Show what would steer a terminal as dots: a commit's subject is written by anybody."""
    return "".join(sign if sign.isprintable() or sign in "\u202f\n" else "·" for sign in text)


def _host(url: str) -> str:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        raise _no_address(url) from None
    if parts.scheme not in ("http", "https") or not host or any(sign.isspace() for sign in url):
        raise _no_address(url)
    return host


def _no_address(url: str) -> Error:
    return Error(Code.INVALID, f"“{url}” is no address of a portal; it begins with https:// or http://")
