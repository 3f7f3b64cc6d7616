"""Serving in a thread while a block lasts: what every little server of the tests does alike."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from socketserver import BaseServer

POLL = 0.01  # seconds between two looks at whether to stop


class Server(ThreadingHTTPServer):
    """A real HTTP server for a handler, at a free port of this machine."""

    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Whoever cuts the connection does no wrong here."""


@contextmanager
def serving(server: BaseServer, stopped: threading.Event | None = None) -> Iterator[None]:
    """Serve; at the end set `stopped`, for handlers that wait for it, and close the server."""
    thread = threading.Thread(target=server.serve_forever, args=(POLL,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        if stopped is not None:
            stopped.set()
        server.shutdown()
        thread.join()
        server.server_close()
