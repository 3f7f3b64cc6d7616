"""Who is on call at the Corner Shop: two teams with a schedule and an escalation, and how its people are reached. Pure.

Things are wrong on purpose: a day of next week is nobody's, and the code that Tomás's phone was sent never came back.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Europe/Berlin")  # where the shop is
HAND_OFF = time(9)
WEEK = timedelta(days=7)
BEFORE = 12  # weeks that the turns are counted from: whole rounds, so the first of an order has this week
NO_CODE_CAME_BACK = ("tomas",)
ZONES = {"aisha": "Europe/Lisbon", "ebba": "Europe/Stockholm", "tomas": "Europe/Madrid", "kofi": "Europe/London"}
QUIET = {"aisha": ("22:00", "07:00"), "nadia": ("21:00", "08:00")}  # by the clocks of where they live


@dataclass(frozen=True)
class Written:
    """A document as somebody would write it in the portal."""

    name: str
    team: str
    text: str
    by: str


def schedules(now: datetime) -> Sequence[Written]:
    """Return the schedules of the week that `now` is in."""
    monday = _monday(now)
    begins, payments = _wall(monday - BEFORE * WEEK), "user:mara, user:lin, user:aisha"
    shop = f"order: [user:jonas, user:ebba, user:tomas]\n    every: 1 week\n    starts: {begins}"
    gone, back = (_wall(monday + WEEK + timedelta(days=days)) for days in (2, 3))
    return (
        Written(
            "payments",
            "group:default/payments",
            f"""\
timezone: {ZONE.key}
rotations:
  - name: weeks
    order: [{payments}]
    every: 1 week
    starts: {begins}
    roles: {{primary: 0, secondary: 1}}  # a week second, and then a week first
""",
            "mara",
        ),
        Written(
            "storefront",
            "group:default/storefront",
            f"""\
timezone: {ZONE.key}
rotations:
  - name: weeks
    {shop}
    roles: {{primary: 0, secondary: 1}}
    to: {gone}      # on that day all of us move to the new office
  - name: weeks in the new office
    {shop}
    roles: {{primary: 0, secondary: 1}}
    from: {back}
""",
            "jonas",
        ),
    )


ESCALATIONS = (
    Written(
        "payments",
        "group:default/payments",
        """\
name: payments
team: group:payments
levels:
  - {targets: [payments/primary], delay: 5m}
  - {targets: [payments/secondary], delay: 10m}
  - {targets: [{team: group:payments, who: everybody}], delay: 15m}
repeat: 1
""",
        "mara",
    ),
    Written(
        "storefront",
        "group:default/storefront",
        """\
name: storefront
team: group:storefront
levels:
  - {targets: [storefront/primary], delay: 5m}
  - {targets: [storefront/secondary], delay: 10m}
""",
        "jonas",
    ),
)


def reach(login: str) -> Mapping[str, str]:
    """Return where somebody lives and when her phone is to be quiet for what is not urgent."""
    start, end = QUIET.get(login, ("", ""))
    return {"zone": ZONES.get(login, ZONE.key), "start": start, "end": end}


def _monday(now: datetime) -> datetime:
    """Return the hand-off of the week that is under way, as the clock on the wall there shows it."""
    there = now.astimezone(ZONE).replace(tzinfo=None)
    monday = datetime.combine(there.date() - timedelta(days=there.weekday()), HAND_OFF)
    return monday if monday <= there else monday - WEEK


def _wall(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"
