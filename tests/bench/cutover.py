"""How many requests are lost while releases change places: 20 cut-overs, 5 of them going back, under steady load.

The load comes from a process of its own, over connections that are kept alive; it ends by itself.
"""

import asyncio
import contextlib
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO

from ledger.clock import stopwatch
from production.targets.local import LocalTarget
from tests.promises.stage import Stage, local_stage

REQUESTS = 20_000
CUTOVERS = 20
CLIENTS = 16
LONGEST_SECONDS = 300.0


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        stage = local_stage(Path(folder), "master")
        assert isinstance(stage.target, LocalTarget)
        try:
            print(json.dumps(measured(stage)))
        finally:
            stage.target.shutdown()


def measured(stage: Stage) -> dict[str, object]:
    """Cut over again and again, as evenly over the requests as it goes, and count what the clients saw."""
    site, took = stage.site(instances=2), []
    stage.live(site, 1)
    address = (stage.target.address(site) or "").removeprefix("http://")
    load = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.cutover", address],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert load.stdout is not None
    try:
        for index, number in enumerate(order(), 1):
            watch = stopwatch()
            stage.live(site, number, fence=index + 1)
            took.append(watch().total_seconds())
            answered(load.stdout, index * REQUESTS // CUTOVERS)
        said, _ = load.communicate("", timeout=60)
    finally:
        load.kill()
    seen = json.loads(said.splitlines()[-1])
    return {
        "bench": "cutover",
        "requests": seen["requests"],
        "failed": seen["failed"],
        "failures": seen["failures"],
        "cutovers": len(took),
        "back": sum(later < sooner for sooner, later in itertools.pairwise([1, *order()])),
        "cutover_median_s": round(statistics.median(took), 3),
        "cutover_max_s": round(max(took), 3),
        "requests_per_s": round(seen["requests"] / seen["seconds"]),
        "latency_p99_ms": seen["p99_ms"],
        "met": seen["failed"] == 0 and seen["requests"] >= REQUESTS,
    }


def order() -> list[int]:
    """Which release follows which: every fourth step goes back two releases.

    >>> order()[:8]
    [2, 3, 4, 2, 3, 4, 5, 3]
    """
    return [2 + step // 4 + (0, 1, 2, 0)[step % 4] for step in range(CUTOVERS)]


def answered(progress: IO[str], count: int) -> None:
    """Wait until the clients have had that many answers."""
    for line in progress:
        if json.loads(line)["requests"] >= count:
            return
    raise SystemExit("the load has ended too early")


async def load(address: str) -> None:
    """Ask without a pause until standard input ends, and say what came of it."""
    host, _, port = address.partition(":")
    stop, spans, failures = asyncio.Event(), [], []
    begun = time.monotonic()

    async def client() -> None:
        reader = writer = None
        while not stop.is_set():
            at = time.monotonic()
            try:
                if writer is None:
                    reader, writer = await asyncio.open_connection(host, int(port))
                assert reader is not None
                status, closes = await asyncio.wait_for(ask(reader, writer, address), 20)
                if status != 200:
                    failures.append(str(status))
                if closes:
                    writer.close()
                    writer = None
            except (OSError, asyncio.IncompleteReadError, TimeoutError, ValueError) as error:
                failures.append(repr(error))
                writer = None
            spans.append(time.monotonic() - at)

    async def tell() -> None:
        while not stop.is_set():
            print(json.dumps({"requests": len(spans)}), flush=True)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), 0.1)

    def end() -> None:
        if not os.read(0, 1):
            stop.set()

    loop = asyncio.get_running_loop()
    loop.add_reader(0, end)
    loop.call_later(LONGEST_SECONDS, stop.set)
    await asyncio.gather(tell(), *(client() for _ in range(CLIENTS)))
    seconds = time.monotonic() - begun
    p99 = sorted(spans)[int(len(spans) * 0.99)] * 1000
    said = {"requests": len(spans), "failed": len(failures), "failures": failures[:5], "seconds": seconds}
    print(json.dumps({**said, "p99_ms": round(p99, 1)}), flush=True)


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, address: str) -> tuple[int, bool]:
    """One request over a kept connection: its status, and whether the server ends the connection after it."""
    writer.write(f"GET / HTTP/1.1\r\nHost: {address}\r\n\r\n".encode())
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    length = int(head.partition("content-length: ")[2].partition("\r\n")[0] or 0)
    await reader.readexactly(length)
    return int(head.split()[1]), "connection: close" in head


if __name__ == "__main__":
    asyncio.run(load(sys.argv[1])) if len(sys.argv) > 1 else main()
