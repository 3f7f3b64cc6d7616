"""The demo's visitors, a process of its own: run by path with nothing but the standard library.

Each line of standard input is a JSON object, address to visits per second, and replaces the one before. Ends with its
input, so it never outlives the demo.
"""

import http.client
import json
import os
import sys
import threading
import time
from collections.abc import Mapping
from urllib.parse import urlsplit

TIMEOUT = 5.0  # seconds
UPSET = 1.0  # seconds that a visitor stays away who was not let in

wanted: Mapping[str, float] = {}


def visit_all(url: str) -> None:
    """Visit one address for as long as it is wanted."""
    parts = urlsplit(url)
    while per_second := wanted.get(url):
        began = time.monotonic()
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT)
        try:
            connection.request("GET", parts.path or "/")
            connection.getresponse().read()
        except (OSError, http.client.HTTPException):
            time.sleep(UPSET)
        finally:
            connection.close()
        time.sleep(max(0.0, 1 / per_second - (time.monotonic() - began)))


def main() -> None:
    global wanted
    running: dict[str, threading.Thread] = {}
    for line in sys.stdin:
        wanted = json.loads(line)
        for url in wanted:
            if url not in running or not running[url].is_alive():
                running[url] = threading.Thread(target=visit_all, args=(url,), daemon=True)
                running[url].start()
    os._exit(0)


if __name__ == "__main__":
    main()
