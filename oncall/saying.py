"""How people, hours and stretches of time are said in sentences. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from oncall.almanac import ZULU
from oncall.spans import Span

NAMES: Mapping[str, str] = {}  # nobody has another name than in the reference
MOST_SPANS = 3  # in one sentence


def called(person: str, names: Mapping[str, str] = NAMES) -> str:
    """Return how a person is called: by name where it is known, else by the last part of the reference.

    >>> called("user:default/ada"), called("user:default/ada", {"user:default/ada": "Ada"})
    ('ada', 'Ada')
    """
    return names.get(person) or person.rsplit("/", 1)[-1] or "nobody"


def hours(time: timedelta) -> str:
    """Return a length in hours and minutes.

    >>> hours(timedelta(hours=12)), hours(timedelta(days=1, minutes=30)), hours(timedelta(seconds=20))
    ('12 h', '24 h 30 min', '20 s')
    """
    minutes, seconds = divmod(int(time.total_seconds()), 60)
    if not minutes:
        return f"{seconds} s"
    whole, rest = divmod(minutes, 60)
    return " ".join([f"{whole} h"] * bool(whole) + [f"{rest} min"] * bool(rest))


def counted(number: int, thing: str) -> str:
    """Return a number of things.

    >>> counted(1, "night"), counted(2, "night")
    ('1 night', '2 nights')
    """
    return f"{number} {thing}{'' if number == 1 else 's'}"


def listed(words: Sequence[str]) -> str:
    """Return words as a list in a sentence.

    >>> listed(["ada", "bo", "cy"])
    'ada, bo and cy'
    """
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def stretch(start: datetime, end: datetime, zone: ZoneInfo = ZULU) -> str:
    """Return a span as the clocks of a zone show it; a time that comes twice says which it is.

    >>> from datetime import UTC
    >>> stretch(datetime(2026, 11, 28, 9, tzinfo=UTC), datetime(2026, 11, 28, 21, tzinfo=UTC))
    'Sat 28 Nov 09:00 to 21:00'
    >>> stretch(datetime(2026, 11, 28, 9, tzinfo=UTC), datetime(2026, 11, 30, 9, tzinfo=UTC))
    'Sat 28 Nov 09:00 to Mon 30 Nov 09:00'
    """
    here, there = start.astimezone(zone), end.astimezone(zone)
    to = _clock(there) if here.date() == there.date() else moment(end, zone)
    return f"{moment(start, zone)} to {to}"


def moment(at: datetime, zone: ZoneInfo = ZULU) -> str:
    """Return a moment as the clocks of a zone show it."""
    local = at.astimezone(zone)
    return f"{local:%a} {local.day} {local:%b} {_clock(local)}"


def stretches(spans: Sequence[Span], zone: ZoneInfo = ZULU) -> str:
    """Return the first spans, and how many more there are."""
    more = len(spans) - MOST_SPANS
    return "; ".join(stretch(*span, zone) for span in spans[:MOST_SPANS]) + (f"; and {more} more" if more > 0 else "")


def _clock(local: datetime) -> str:
    twice = local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
    return f"{local:%H:%M} {local:%Z}" if twice else f"{local:%H:%M}"
