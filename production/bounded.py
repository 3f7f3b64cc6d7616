"""A `requests` session that cannot be held up: its whole answer is bounded in time and in bytes.

No redirects, no environment proxies, no netrc, no retries, no cookies. A thread of its own does the asking and is left
behind when time is up, its connection cut, so that names, connecting and a trickling answer are all under one limit.
"""

import contextlib
import http.client
import queue
import socket
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import requests
import urllib3.exceptions
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

MOST_BYTES = 8 << 20  # of one answer
LONGEST_GET = 2000  # characters of a query; what is longer goes into the body of a POST
_PIECE = 64 << 10


class TooMuch(Exception):
    """The answer is longer than MOST_BYTES."""


class BoundedSession(requests.Session):
    """For one question at a time, and for one thread."""

    def __init__(self, limit: timedelta, ca_file: str | None = None) -> None:
        super().__init__()
        self.trust_env = False
        self.verify = ca_file or True
        self._limit = limit
        self.last: requests.Response | None = None

    def mount_bounded(self, url: str) -> None:
        """Take the place of whatever adapter somebody has mounted for that address."""
        self.mount(url, _Adapter())

    def request(self, method: Any, url: Any, *_args: Any, **given: Any) -> requests.Response:
        """Ask, as `requests` does; raise TimeoutError when the whole answer is not there in time, or TooMuch."""
        params = given.pop("params", None) or {}
        if len(urlencode(params, doseq=True)) > LONGEST_GET:
            asked = {"method": "POST", "data": params}
        else:
            asked = {"method": "GET", "params": params}
        headers = {**(given.pop("headers", None) or {}), "Accept-Encoding": "identity"}
        given |= {"timeout": self._limit.total_seconds(), "allow_redirects": False, "stream": True, "headers": headers}
        given["verify"] = self.verify
        adapter = self.get_adapter(url)
        ask = super().request

        def whole() -> requests.Response:
            with ask(url=url, **(given | asked)) as response:
                return _whole(response)

        self.last = None
        self.last = _in_time(whole, self._limit, getattr(adapter, "cut", self.close))
        return self.last


def _whole(response: requests.Response) -> requests.Response:
    parts, size = [], 0
    while part := response.raw.read(_PIECE, decode_content=False):
        parts.append(part)
        size += len(part)
        if size > MOST_BYTES:
            raise TooMuch
    response._content = b"".join(parts)
    return response


def _in_time(ask: Callable[[], requests.Response], limit: timedelta, cut: Callable[[], None]) -> requests.Response:
    answers: queue.SimpleQueue[requests.Response | Exception] = queue.SimpleQueue()

    def run() -> None:
        try:
            answers.put(ask())
        except (requests.exceptions.RequestException, OSError, ValueError, AttributeError, TooMuch) as error:
            answers.put(error)
        except urllib3.exceptions.TimeoutError:
            answers.put(TimeoutError())
        except (urllib3.exceptions.HTTPError, http.client.HTTPException):
            answers.put(ConnectionError("the answer was cut off"))

    threading.Thread(target=run, name="metrics", daemon=True).start()
    try:
        answer = answers.get(timeout=limit.total_seconds())
    except queue.Empty:
        cut()
        raise TimeoutError from None
    if isinstance(answer, Exception):
        raise answer
    return answer


class _Adapter(HTTPAdapter):
    """Knows the connections it has made, so that they can be cut from another thread."""

    def __init__(self) -> None:
        super().__init__(max_retries=0)
        self._made: list[HTTPConnection] = []
        made = self._made

        class Plain(HTTPConnection):
            def connect(self) -> None:
                made.append(self)
                super().connect()

        class Secure(HTTPSConnection):
            def connect(self) -> None:
                made.append(self)
                super().connect()

        class PlainPool(HTTPConnectionPool):
            ConnectionCls = Plain

        class SecurePool(HTTPSConnectionPool):
            ConnectionCls = Secure

        self.poolmanager.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}

    def cut(self) -> None:
        for connection in self._made:
            with contextlib.suppress(OSError, AttributeError):
                connection.sock.shutdown(socket.SHUT_RDWR)
