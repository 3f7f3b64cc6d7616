"""How often the judge is wrong and how fast it is right: 1,000 deploys made up per row, good and bad; and its own time.

`least` is what an earlier trial of the same method found, on as many deploys. Two such trials differ by chance, so a
row may fall short by two standard errors of that difference. Where nothing is promised (bursts without the guard φ),
the figures are shown for comparison only.
"""

import json
import math
import random
import sys
import time
from dataclasses import dataclass

from pipelines.evidence import Guard
from pipelines.judge import Metric, classify
from pipelines.trials import Line, Rules, Traffic, trials

RUNS = 1000
FALSE_ALARMS = 0.01
METRIC_MS = 10.0  # for 60 values on each side
SEED = 20
RAMP = (0.05,) * 5 + (0.1,) * 5 + (0.25,) * 5 + (0.5,)


@dataclass(frozen=True)
class Row:
    name: str
    traffic: Traffic
    least: float
    guard: Guard = "phi"

    @property
    def promised(self) -> bool:
        return self.guard == "phi" or self.traffic.burst is None


def table() -> list[Row]:
    traffics = [
        ("10 % of 1000/min, 0.3 to 1.2 %", Traffic(1000, (0.1,), 0.003, 0.012), 0.992),
        ("10 % of 1000/min, 0 to 1 %", Traffic(1000, (0.1,), 0.0, 0.01), 1.0),
        ("10 % of 100/min, 0.3 to 3 %", Traffic(100, (0.1,), 0.003, 0.03), 0.83),
        ("10 % of 100/min, 0 to 10 %", Traffic(100, (0.1,), 0.0, 0.1), 1.0),
        ("50 % of 20/min, 0 to 10 %", Traffic(20, (0.5,), 0.0, 0.1), 1.0),
        ("5, 10, 25, 50 % of 1000/min, 0.3 to 1.2 %", Traffic(1000, RAMP, 0.003, 0.012), 1.0),
    ]
    calm = [Row(f"{name}, none", traffic, least, "none") for name, traffic, least in traffics]
    calm += [Row(f"{name}, phi", traffic, 0.0) for name, traffic, _ in traffics]  # what the guard costs
    found: dict[tuple[float | None, float], dict[Guard, float]] = {
        (2.0, 0.012): {"none": 0.983, "two-looks": 0.978, "phi": 0.727},
        (2.0, 0.03): {"none": 1.0, "two-looks": 1.0, "phi": 1.0},
        (0.5, 0.012): {"none": 0.944, "two-looks": 0.922, "phi": 0.191},
        (0.5, 0.03): {"none": 0.999, "two-looks": 1.0, "phi": 0.952},
        (None, 0.012): {"none": 0.996, "two-looks": 0.985, "phi": 0.991},
        (None, 0.03): {"none": 1.0, "two-looks": 1.0, "phi": 1.0},
    }
    bursts = [
        Row(
            f"bursts of {burst or 'no shape'}, 0.3 to {100 * bad:g} %, {guard}",
            Traffic(1000, (0.1,), 0.003, bad, burst),
            least,
            guard,
        )
        for (burst, bad), guards in found.items()
        for guard, least in guards.items()
    ]
    return calm + bursts


def main() -> None:
    short: list[str] = []
    rows: dict[str, dict[str, float | int | None]] = {}
    for row in table():
        line = trials(row.traffic, Rules(guard=row.guard), RUNS, random.Random(SEED))[-1]
        rows[row.name] = {"false": line.false_alarms, "found": line.found, "median_minutes": line.median_minutes}
        verdict = wrong(row, line)
        short += [f"{row.name}: {verdict}"] if verdict else []
        said = f"{100 * line.false_alarms:5.1f} % false  {100 * line.found:6.1f} % found"
        said += f" (at least {100 * row.least:.1f})" if row.least else ""
        print(f"{row.name:50}{said}  {line.median_minutes or '-':>3} min  {verdict}", file=sys.stderr)
    spent = milliseconds()
    short += [f"60 values take {spent:.1f} ms"] if spent > METRIC_MS else []
    print(json.dumps({"bench": "judge", "runs": RUNS, "ms_per_metric": round(spent, 2), "short": short, "rows": rows}))
    sys.exit(1 if short else 0)


def wrong(row: Row, line: Line) -> str:
    if not row.promised:
        return ""
    if line.false_alarms > FALSE_ALARMS:
        return "too many false alarms"
    both = (row.least + line.found) / 2
    chance = 2 * math.sqrt(2 * both * (1 - both) / RUNS)
    return "too little found" if line.found < row.least - chance else ""


def milliseconds() -> float:
    """Return the time for one metric of 60 values on each side, the worst of three rounds of 50."""
    chance = random.Random(SEED)
    values = [[chance.gauss(mean, 10) for _ in range(60)] for mean in (100, 104)]
    rounds = []
    for _ in range(3):
        begun = time.perf_counter()
        for _ in range(50):
            classify(Metric("latency", values[0], values[1], outliers="remove"))
        rounds.append((time.perf_counter() - begun) / 50 * 1000)
    return max(rounds)


if __name__ == "__main__":
    main()
