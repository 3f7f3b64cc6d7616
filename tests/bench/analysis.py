"""What a look costs while a wave is watched: at a log of 1 GB, at conditions, and at sources that hang or flood."""

import json
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ledger.clock import stopwatch
from pipelines.conditions import condition
from production.logcount import Tail, count, ends
from production.metrics import PrometheusMetrics, Source
from tests import fakeprometheus as fake

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
LOOKS = 21
LINES = (
    b"2026-03-02T12:00:00Z ERROR checkout payment refused for order 1234567 after 3 tries at gateway eu-1\n" * 1000
) + (b"2026-03-02T12:00:00Z INFO  checkout payment taken for order 1234567 at once at gateway eu-1, all fine\n" * 9000)


def worst(look: Callable[[], Any], times: int = LOOKS) -> float:
    """Return the longest of some looks, in milliseconds."""
    longest = 0.0
    for _ in range(times):
        took = stopwatch()
        look()
        longest = max(longest, took() / timedelta(milliseconds=1))
    return round(longest, 1)


def at_a_log() -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "checkout-231-1.log"
        with log.open("wb") as file:
            while file.tell() < 1 << 30:
                file.write(LINES)
        end = ends([log])
        return {
            "all_new_ms": worst(lambda: count([log], "ERROR .*refused", Tail())),
            "every_line_matches_ms": worst(lambda: count([log], "checkout", Tail())),
            "bad_pattern_ms": worst(lambda: count([log], "(c+h*e*)+k.{100}x", Tail())),
            "nothing_new_ms": worst(lambda: count([log], "ERROR .*refused", end)),
        }


def at_sources() -> dict[str, float]:
    said: dict[str, float] = {}
    with fake.fake_prometheus() as server:
        metrics = PrometheusMetrics({"prometheus": Source(server.url, timeout=timedelta(seconds=1))})
        for name, how in {"answers": fake.vector("1"), "hangs": fake.hangs, "trickles": fake.trickles}.items():
            server.answers["up"] = how
            said[f"{name}_ms"] = worst(lambda: metrics.query("prometheus", "up", NOON), 5)
        server.answers["up"] = fake.floods
        said["floods_ms"] = worst(lambda: metrics.query("prometheus", "up", NOON), 5)
    return said


def main() -> None:
    """Print the worst of each; a source's time limit is 1 s here."""
    text, result = "all(result, # < 1) && len(result) > 3", [0.5] * 1000
    figures = {
        "log_of_1_gb": at_a_log(),
        "source_with_a_limit_of_1_s": at_sources(),
        "condition_on_1000_values_ms": worst(lambda: condition(text).holds(result)),
    }
    print(json.dumps(figures))
