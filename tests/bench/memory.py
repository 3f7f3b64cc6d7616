"""How much memory the web and the worker process take, after some use: their own share of it (PSS), in MB."""

import json
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from http.cookiejar import CookieJar
from pathlib import Path

import psutil

from portal import config as configs
from tests.bench.deploy import free_port

PAGES = ("/", "/services", "/deploys", "/audit", "/settings/repositories", "/account", "/patterns")
ROUNDS = 30
MB = 1024 * 1024


def visit(address: str, password: str) -> int:
    """Log in as the first admin and look at every page again and again; return how many were answered."""
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
    form = opener.open(f"{address}/login").read().decode()
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', form)
    assert token, "the login form has no token"
    said = urllib.parse.urlencode({"name": "admin", "password": password, "csrf_token": token[1]}).encode()
    opener.open(f"{address}/login", said).read()
    return sum(opener.open(address + page).status == 200 for _ in range(ROUNDS) for page in PAGES)


def shares(parent: int) -> dict[str, float]:
    """Return the PSS of each child of `serve` with all of its own children."""
    found: dict[str, float] = {}
    for child in psutil.Process(parent).children():
        kind = "web" if "web" in child.cmdline() else "worker"
        every = [child, *child.children(recursive=True)]
        found[kind] = round(sum(one.memory_full_info().pss for one in every) / MB, 1)
    return found


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="fc-bench-") as folder:
        port = free_port()
        environ = {**configs.environment(), "FULLCYCLE_DATA": folder, "FULLCYCLE_PORT": str(port)}
        serve = subprocess.Popen([sys.executable, "-m", "portal.cli", "serve"], env=environ, stdout=subprocess.DEVNULL)
        try:
            address = f"http://127.0.0.1:{port}"
            for _ in range(150):
                try:
                    urllib.request.urlopen(f"{address}/healthz", timeout=1).close()
                    break
                except OSError:
                    time.sleep(0.1)
            password = (Path(folder) / "first-password").read_text().split()[-1]
            answered = visit(address, password)
            print(json.dumps({"pages": answered, "pss_mb": shares(serve.pid), "limit_mb": 150}))
        finally:
            serve.send_signal(signal.SIGTERM)
            serve.wait(30)


if __name__ == "__main__":
    main()
