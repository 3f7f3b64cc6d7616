"""A real Alertmanager for a test, where the machine has one (Debian's package is called prometheus-alertmanager).

It runs alone, forgets everything at its end, and tells its webhook at once instead of after the usual half a minute.
"""

import json
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

NAMES = ("prometheus-alertmanager", "alertmanager")
PATIENCE = 120.0  # seconds
CONFIG = """
route: {{receiver: portal, group_by: [alertname], group_wait: 0s, group_interval: 1s, repeat_interval: 1h}}
receivers:
  - name: portal
    webhook_configs: [{{url: "{url}", send_resolved: true}}]
"""


def program() -> str | None:
    return next((path for name in NAMES if (path := shutil.which(name))), None)


@dataclass
class Alertmanager:
    url: str

    def tell(self, name: str, starts: datetime, ends: datetime | None = None, **labels: str) -> None:
        """Say that an alert fires, or that it has ended, as Prometheus does."""
        alert: dict[str, Any] = {"labels": {"alertname": name, "severity": "critical", **labels}}
        alert |= {"startsAt": starts.isoformat(), "annotations": {"summary": f"{name} is wrong"}}
        if ends is not None:
            alert["endsAt"] = ends.isoformat()
        body = json.dumps([alert]).encode()
        asked = urllib.request.Request(f"{self.url}/api/v2/alerts", body, {"Content-Type": "application/json"})
        urllib.request.urlopen(asked, timeout=60).close()

    def alerts(self) -> list[Mapping[str, Any]]:
        with urllib.request.urlopen(f"{self.url}/api/v2/alerts", timeout=60) as answer:
            found: list[Mapping[str, Any]] = json.load(answer)
        return found


@contextmanager
def running(program: str, folder: Path, webhook: str) -> Iterator[Alertmanager]:
    """Start one that posts to that address."""
    config = folder / "alertmanager.yml"
    config.write_text(CONFIG.format(url=webhook))
    port = free_port()
    command = [program, f"--config.file={config}", f"--storage.path={folder / 'data'}", "--cluster.listen-address="]
    command += [f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        made = Alertmanager(f"http://127.0.0.1:{port}")
        until = time.monotonic() + PATIENCE
        while not _is_ready(made):
            assert process.poll() is None, "the Alertmanager ended at once"
            assert time.monotonic() < until, "the Alertmanager did not begin"
            time.sleep(0.05)
        yield made
    finally:
        process.terminate()
        process.wait(60)


def _is_ready(one: Alertmanager) -> bool:
    try:
        urllib.request.urlopen(f"{one.url}/-/ready", timeout=20).close()
    except OSError:
        return False
    return True


def free_port() -> int:
    """Return a port of this machine that nobody uses, below those that the system gives away."""
    for port in range(23_000, 24_000):
        with socket.socket() as one:
            try:
                one.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("no port is free")
