"""One call over HTTP that cannot be held up: one limit for names, connecting, sending and the whole answer.

No redirect, no proxy from the environment, no cookie, no retry, a bounded answer, and no address that the
configuration does not allow: it is checked after the name was looked up, and that very address is connected to.
"""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta
from functools import lru_cache
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

import httpcore2
import httpx2

from oncall.paging.networks import Network, reachable

MOST_BYTES = 4 << 20  # of one answer
MOST_HUNG = 64  # calls that a name server still holds after their time
T = TypeVar("T")
_hung = threading.BoundedSemaphore(MOST_HUNG)


class Late(httpx2.TransportError):
    """The limit has passed."""


class Forbidden(httpx2.TransportError):
    """The name leads to an address that is not allowed here."""


def in_time(act: Callable[[], T], limit: timedelta) -> T:
    """Return what `act` returns or raise what it raises, or Late; a thread that hangs is left behind, up to a number.

    A name server cannot be told to hurry, everything else in a Wire ends by itself.
    """
    places = _hung
    if not places.acquire(blocking=False):
        raise Late("too many earlier calls still hang")
    answers: SimpleQueue[tuple[T | None, Exception | None]] = SimpleQueue()

    def run() -> None:
        try:
            answers.put((act(), None))
        except Exception as error:  # noqa: BLE001 - handed to the caller's thread, which raises it
            answers.put((None, error))
        finally:
            places.release()

    threading.Thread(target=run, name="paging", daemon=True).start()
    try:
        answer, error = answers.get(timeout=limit.total_seconds())
    except Empty:
        raise Late("no answer in time") from None
    if error is not None:
        raise error
    return answer  # type: ignore[return-value]


class Wire(httpx2.BaseTransport):
    """The transport for the requests of one call. `plain` speaks http although the address says https.

    `status` and `headers` are of the last answer; `sent` says that a request may have arrived.
    """

    def __init__(
        self,
        limit: timedelta,
        *,
        plain: bool = False,
        allowed: Sequence[Network] | None = None,  # None: the address is the configuration's own, go anywhere
        ca_file: str | None = None,
        proxy: str | None = None,
    ) -> None:
        self._until = time.monotonic() + limit.total_seconds()
        self._plain = plain
        self._pool = httpcore2.ConnectionPool(
            ssl_context=_context(ca_file),
            proxy=httpcore2.Proxy(proxy) if proxy else None,
            max_keepalive_connections=0,
            network_backend=_Backend(self, allowed),
        )
        self.sent = False
        self.status: int | None = None
        self.headers = httpx2.Headers()

    def left(self) -> float:
        """Return the seconds that are left, or raise Late."""
        left = self._until - time.monotonic()
        if left <= 0:
            raise Late("no answer in time")
        return left

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        url = request.url.copy_with(scheme="http") if self._plain else request.url
        request.headers["Accept-Encoding"] = "identity"  # what is packed cannot be bounded by its length
        self.status, self.headers = None, httpx2.Headers()
        asked = httpcore2.Request(
            request.method,
            httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
            headers=request.headers.raw,
            content=request.stream,
            extensions={"timeout": {kind: self.left() for kind in ("connect", "read", "write", "pool")}},
        )
        try:
            answer = self._pool.handle_request(asked)
            try:
                body = self._whole(answer.stream)
            finally:
                answer.close()
        except (httpcore2.NetworkError, httpcore2.TimeoutException, httpcore2.ProtocolError, OSError) as error:
            raise httpx2.TransportError(type(error).__name__) from error
        self.status, self.headers = answer.status, httpx2.Headers(answer.headers)
        plainly = [(name, value) for name, value in answer.headers if name.lower() != b"content-encoding"]
        return httpx2.Response(answer.status, headers=plainly, stream=_Body(body), request=request)

    def _whole(self, stream: Any) -> bytes:
        parts, size = [], 0
        for part in stream:
            self.left()
            parts.append(part)
            size += len(part)
            if size > MOST_BYTES:
                raise httpx2.TransportError("the answer is too long")
        return b"".join(parts)

    def close(self) -> None:
        self._pool.close()


class _Body(httpx2.SyncByteStream):
    """A stream rather than bytes: only a stream that was closed gives a response its `elapsed`, which clients read."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def __iter__(self) -> Iterator[bytes]:
        yield self._body


class _Backend(httpcore2.SyncBackend):
    """Connects to addresses that are allowed, within the time that is left."""

    def __init__(self, wire: Wire, allowed: Sequence[Network] | None) -> None:
        self._wire, self._allowed = wire, allowed

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise httpcore2.ConnectError("the name is unknown") from error
        addresses = list(dict.fromkeys(str(one[4][0]) for one in found))
        if self._allowed is not None and not all(reachable(one, self._allowed) for one in addresses):
            raise Forbidden("that address is not allowed")
        for number, address in enumerate(addresses):
            # A first address that swallows everything leaves half of the time to the others.
            patience = self._wire.left() / (2 if number + 1 < len(addresses) else 1)
            try:
                stream = super().connect_tcp(address, port, patience, local_address, socket_options)
                return _Stream(stream, self._wire)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                if number + 1 == len(addresses):
                    raise
        raise httpcore2.ConnectError("the name has no address")


class _Stream(httpcore2.NetworkStream):
    """A connection on which every wait counts against the one limit."""

    def __init__(self, inner: httpcore2.NetworkStream, wire: Wire) -> None:
        self._inner, self._wire = inner, wire

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, self._wire.left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._wire.sent = True
        self._inner.write(buffer, self._wire.left())

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, self._wire.left()), self._wire)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


@lru_cache(maxsize=16)
def _context(ca_file: str | None) -> ssl.SSLContext:
    """Reading all certificates takes longer than a page, so it is done once."""
    return ssl.create_default_context(cafile=ca_file)
