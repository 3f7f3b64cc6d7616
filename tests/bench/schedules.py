"""How long the arithmetic of schedules takes: a year of 100 of them, and who is on call now for 1,000 services.

Time is that of this process's own work on one core, for the machine does other things meanwhile; the best of three
rounds, and of each round other schedules, so that nothing is remembered from the one before.
"""

import json
import random
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from oncall.overrides import Override
from oncall.restrictions import Window
from oncall.rotation import Rotation
from oncall.schedule import Schedule, render, who
from oncall.scheduletext import every

YEAR_SECONDS = 1.0  # for 100 schedules
WHO_MS = 50.0  # for 1,000 services
SCHEDULES, SERVICES, ROUNDS = 100, 1000, 3
SINCE = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
CADENCES = ("1 week",) * 10 + ("2 weeks", "1 month", "1 day", "1 day", "12 hours", "FREQ=WEEKLY;BYDAY=MO,TH")
ZONES = ("America/Chicago", "Europe/Berlin", "Asia/Kathmandu", "Australia/Lord_Howe", "UTC")
WEEKEND = (Window(5 * DAY, 7 * DAY),)
NIGHTS = tuple(Window(day * DAY + timedelta(hours=18), day * DAY + timedelta(hours=32)) for day in range(5))


def schedules(chance: random.Random) -> list[tuple[Schedule, list[Override]]]:
    """Make up schedules as teams have them: primary and secondary, some weekends or nights apart, some overrides."""
    return [_schedule(chance) for _ in range(SCHEDULES)]


def _schedule(chance: random.Random) -> tuple[Schedule, list[Override]]:
    zone = ZoneInfo(chance.choice(ZONES))
    people = [f"user:default/p{number}" for number in range(chance.randint(3, 12))]
    starts = datetime(2024, 1, 1, chance.randint(0, 23)) + chance.randint(0, 30) * DAY
    roles = {"primary": 0, "secondary": 1}
    rotations = [Rotation("main", tuple(people), every(chance.choice(CADENCES)), starts, zone, roles)]
    apart = chance.choice([(), (), WEEKEND, NIGHTS])
    if apart:
        rotations.append(Rotation("apart", tuple(people[::-1]), every("1 week"), starts, zone, windows=apart))
    overrides = []
    for number in range(20):
        start = SINCE + chance.randint(0, 365 * 24) * timedelta(hours=1)
        end = start + chance.randint(1, 72) * timedelta(hours=1)
        overrides.append(Override(number, chance.choice(list(roles)), chance.choice(people), start, end, SINCE))
    return Schedule(zone, tuple(rotations)), overrides


def best(work: Callable[[list[tuple[Schedule, list[Override]]]], int]) -> tuple[float, int]:
    """Return the seconds of the best round, and how many shifts it found."""
    rounds = []
    for seed in range(ROUNDS):
        made = schedules(random.Random(seed))
        begun = time.process_time()
        found = work(made)
        rounds.append((time.process_time() - begun, found))
    return min(rounds)


def year(made: Sequence[tuple[Schedule, list[Override]]]) -> int:
    return sum(len(render(one, SINCE, SINCE + 365 * DAY, overrides)) for one, overrides in made)


def now(made: Sequence[tuple[Schedule, list[Override]]]) -> int:
    """Ask for each service; services share schedules, and each schedule is asked once."""
    at = SINCE + 100 * DAY
    answers = [who(one, at, [over for over in overrides if over.start <= at < over.end]) for one, overrides in made]
    return sum(len(answers[service % len(answers)]) for service in range(SERVICES))


def alone(made: Sequence[tuple[Schedule, list[Override]]]) -> int:
    """Ask as if each service had a schedule of its own: ten times as many."""
    at = SINCE + 200 * DAY
    return sum(len(who(one, at + hour * timedelta(hours=7))) for hour in range(10) for one, _ in made)


def main() -> None:
    (year_seconds, shifts), (now_seconds, _), (alone_seconds, _) = best(year), best(now), best(alone)
    short = [f"a year of {SCHEDULES} schedules takes {year_seconds:.2f} s"] if year_seconds > YEAR_SECONDS else []
    short += [f"who is on call takes {now_seconds * 1000:.0f} ms"] if now_seconds * 1000 > WHO_MS else []
    figures = {
        "bench": "schedules",
        "schedules": SCHEDULES,
        "shifts_of_a_year": shifts,
        "year_seconds": round(year_seconds, 3),
        "services": SERVICES,
        "who_ms": round(now_seconds * 1000, 1),
        "who_ms_each_its_own_schedule": round(alone_seconds * 1000, 1),
        "short": short,
    }
    print(json.dumps(figures))
    sys.exit(1 if short else 0)


if __name__ == "__main__":
    main()
