"""How numbers and times are written, everywhere alike. Pure: values in, text out; time and zone are arguments."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from pipelines import situation

NARROW = "\u202f"  # narrow no-break space: before units and between thousands
MINUS = "\u2212"

MINUTE, HOUR, DAY = 60, 3600, 86400
WEEK = 7 * DAY


def unit(number: str, word: str) -> str:
    return f"{number}{NARROW}{word}"


def number(value: float) -> str:
    """Write with spaces between thousands, and no more than two decimals that matter.

    >>> number(1840).replace(NARROW, "_"), number(0.12), number(4.10)
    ('1_840', '0.12', '4.1')
    """
    whole = value == int(value) or abs(value) >= 100
    text = f"{round(value):,}" if whole else f"{value:,.2f}".rstrip("0").rstrip(".")
    return text.replace(",", NARROW).replace("-", MINUS)


def percent(value: float) -> str:
    """Write a number that is percent already: 50 is half."""
    return unit(number(value), "%")


def counted(count: int, one: str, many: str = "") -> str:
    """Write `1 commit`, `3 commits`."""
    return situation.counted(count, one, many, number)


def duration(span: timedelta) -> str:
    """Write at most two units.

    >>> duration(timedelta(seconds=252)).replace(NARROW, "_")
    '4_min 12_s'
    """
    seconds = span.total_seconds()
    if seconds < 1:
        return unit(str(max(round(seconds * 1000), 0)), "ms")
    whole = round(seconds)
    for size, name, smaller, small_name in (
        (DAY, "d", HOUR, "h"),
        (HOUR, "h", MINUTE, "min"),
        (MINUTE, "min", 1, "s"),
    ):
        if whole >= size:
            rest = whole % size // smaller
            return unit(str(whole // size), name) + (f" {unit(str(rest), small_name)}" if rest else "")
    return unit(str(whole), "s")


def about(span: timedelta) -> str:
    """Write a guess: one unit, rounded up so that nobody is disappointed."""
    seconds = max(span.total_seconds(), 0)
    if seconds < 55:
        return "about " + unit(str(max(int(-(-seconds // 5) * 5), 5)), "s")
    if seconds < 90 * MINUTE:
        return "about " + unit(str(int(-(-seconds // MINUTE))), "min")
    return "about " + duration(timedelta(seconds=-(-seconds // MINUTE) * MINUTE))


def age(at: datetime, now: datetime, zone: ZoneInfo) -> str:
    """Write how long ago that was, in one unit; after seven days the day itself."""
    seconds = max((now - at).total_seconds(), 0)
    if seconds >= WEEK:
        return day(at, now, zone)
    return f"{span(timedelta(seconds=seconds))} ago"


def span(length: timedelta) -> str:
    """Write a duration in its one largest unit, rounded down: `2 h`."""
    seconds = max(length.total_seconds(), 0)
    for size, name in ((DAY, "d"), (HOUR, "h"), (MINUTE, "min")):
        if seconds >= size:
            return unit(str(int(seconds // size)), name)
    return unit(str(int(seconds)), "s")


def day(at: datetime, now: datetime, zone: ZoneInfo) -> str:
    local, here = at.astimezone(zone), now.astimezone(zone)
    if local.year != here.year:
        return f"{local.day} {local:%b} {local.year}"
    return f"{local:%a} {local.day} {local:%b}"


def clock(at: datetime, zone: ZoneInfo) -> str:
    """Write `14:30:19`, for logs and stories."""
    return f"{at.astimezone(zone):%H:%M:%S}"


def short_clock(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%H:%M}"


def moment(at: datetime, now: datetime, zone: ZoneInfo) -> str:
    """Write `today 09:40`, `yesterday 20:02` or `Mon 23 Nov 09:00`."""
    local, here = at.astimezone(zone), now.astimezone(zone)
    days = (here.date() - local.date()).days
    named = {0: "today", 1: "yesterday", -1: "tomorrow"}.get(days) or day(at, now, zone)
    return f"{named} {local:%H:%M}"


def exact(at: datetime, zone: ZoneInfo) -> str:
    """Write the whole moment with its zone, for a title."""
    return f"{at.astimezone(zone):%a %d %b %Y %H:%M:%S %Z}"


def zone_name(zone: ZoneInfo, now: datetime) -> str:
    return f"{zone.key} ({now.astimezone(zone):%Z})" if zone.key != "UTC" else "UTC"


def iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def sentence(text: str) -> str:
    """Begin with a capital, unless it begins with a name like checkout-2-1, and end with a full stop."""
    text = text.strip()
    if not text:
        return ""
    first = text.split()[0].rstrip(",:;")
    begun = text[0].upper() + text[1:] if first.isalpha() else text
    return begun + ("" if text[-1] in ".!?…:”" else ".")


def short_ref(ref: str | None) -> str:
    """Write `payments` for `group:default/payments`, `team-a/payments` for another namespace."""
    rest = (ref or "").partition(":")[2] or ref or ""
    namespace, _, name = rest.rpartition("/")
    return name if namespace in ("", "default") else f"{namespace}/{name}"


def revision(sha: str) -> str:
    return sha[:7]


@dataclass(frozen=True)
class Times:
    """A reader's now and zone, so that templates need not carry them."""

    now: datetime
    zone: ZoneInfo

    def age(self, at: datetime) -> str:
        return age(at, self.now, self.zone)

    def moment(self, at: datetime) -> str:
        return moment(at, self.now, self.zone)

    def clock(self, at: datetime) -> str:
        return clock(at, self.zone)

    def short_clock(self, at: datetime) -> str:
        return short_clock(at, self.zone)

    def exact(self, at: datetime) -> str:
        return exact(at, self.zone)

    def since(self, at: datetime) -> timedelta:
        return max(self.now - at, timedelta(0))
