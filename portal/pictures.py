"""Small pictures as SVG made on the server: attributes only, no inline style, so the strict CSP holds.

Pure: numbers in, markup out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

TOP, BOTTOM = 18, 22  # pixels above and below the stairs, for their words
SHARE_LINES = (50, 100)  # percent
MARKS = {
    "good": ("f-good", 24),
    "undone": ("f-warn", 18),
    "bad": ("f-bad", 18),
    "run": ("f-new", 16),
    "off": ("f-old", 30),
}


@dataclass(frozen=True)
class Step:
    """One stair: from `begin` to `end` (any unit, from 0), that percentage of the traffic."""

    begin: float
    end: float
    percent: float
    text: str
    below: str = ""


@dataclass(frozen=True)
class Mark:
    """A bar on the tape: hours from now (negative), kind (good, undone, bad, run, off) and what it is."""

    hours: float
    kind: str
    title: str


def _svg(label: str, attributes: str, inside: str) -> Markup:
    return Markup(f'<svg {attributes} role="img" aria-label="{escape(label)}">{inside}</svg>')


def lane(share: float, label: str) -> Markup:
    """How much of the traffic is new."""
    return _meter("f-old", "f-new", share, label)


def meter(share: float, kind: str, label: str) -> Markup:
    return _meter("f-well", kind, share, label)


def _meter(ground: str, fill: str, share: float, label: str) -> Markup:
    inside = (
        f'<rect class="{ground}" width="100" height="10"/>'
        f'<rect class="{fill}" width="{min(max(share, 0), 100):g}" height="10"/>'
    )
    return _svg(label, 'class="lane" viewBox="0 0 100 10" preserveAspectRatio="none"', inside)


def spark(values: Sequence[float], label: str, top: float | None = None, kind: str = "") -> Markup:
    """A line without axes, beside a number."""
    if len(values) < 2:
        return Markup("")
    top = top or max(values) * 1.15 or 1
    points = [(i / (len(values) - 1) * 1000, 100 - min(max(v / top, 0), 1) * 100) for i, v in enumerate(values)]
    path = " ".join(f"{'L' if i else 'M'}{x:.1f} {y:.1f}" for i, (x, y) in enumerate(points))
    inside = f'<path class="ar {kind}" d="{path} L1000 100 L0 100 Z"/><path class="ln {kind}" d="{path}"/>'
    return _svg(label, 'class="spark" viewBox="0 0 1000 100" preserveAspectRatio="none"', inside)


def stairs(
    steps: Sequence[Step], label: str, now: float | None = None, *, done: bool = False, height: int = 132
) -> Markup:
    """Traffic on the new release over time: dashed what is planned, filled what has been.

    `now` is None in a plan. `done` leaves the mark of now away and draws nothing as planned.
    """
    total = max((step.end for step in steps), default=1) or 1
    ground = height - BOTTOM
    room = ground - TOP
    parts = [_line("grid", 0, 100, ground - share / 100 * room) for share in SHARE_LINES]
    for step in steps:
        parts += _stair(step, total, None if now is None else total if done else now, ground, room, height)
    parts.append(_line("axis", 0, 100, ground))
    if now is not None and not done:
        at = min(max(now / total, 0), 1) * 100
        # Above a tall stair its own words stand where “now” would.
        crowded = any(step.percent > 75 and 0 <= at - step.begin / total * 100 < 14 for step in steps)
        parts.append(_now(at, ground, "" if crowded else "now"))
    return _svg(label, f'width="100%" height="{height}"', "".join(parts))


def _line(kind: str, x1: float, x2: float, y: float) -> str:
    return f'<line class="{kind}" x1="{x1}" x2="{x2}%" y1="{y:.1f}" y2="{y:.1f}"/>'


def _stair(step: Step, total: float, now: float | None, ground: int, room: int, height: int) -> list[str]:
    x, width = step.begin / total * 100, max(step.end - step.begin, 0) / total * 100
    tall = max(step.percent / 100 * room, 3)
    been = 0.0 if now is None else min(max((now - step.begin) / ((step.end - step.begin) or 1), 0), 1)
    y = f'y="{ground - tall:.1f}" height="{tall:.1f}"'
    parts = []
    if been < 1:
        wide = max(width * (1 - been) - 0.15, 0)
        parts.append(f'<rect class="f-todo" x="{x + width * been:.2f}%" width="{wide:.2f}%" {y}/>')
    if been > 0:
        wide = max(width * been - (0.15 if been == 1 else 0), 0)
        parts.append(f'<rect class="f-new" x="{x:.2f}%" width="{wide:.2f}%" {y}/>')
    thin = " broad" if width < 12 else ""  # too narrow for words on a phone
    tiny = width < 4  # and here on any screen
    below = step.below if width > 1.2 * len(step.below) else ""
    if not tiny:
        parts.append(
            f'<text class="k halo{thin}" x="{x:.2f}%" dx="1" y="{ground - tall - 5:.1f}">{escape(step.text)}</text>'
        )
    if below and not tiny:
        parts.append(f'<text class="{thin.strip()}" x="{x:.2f}%" dx="1" y="{height - 6}">{escape(below)}</text>')
    return parts


def _now(x: float, ground: int, text: str) -> str:
    anchor, dx = ("end", -4) if x > 90 else ("start", 4)
    return (
        f'<line class="mk now" x1="{x:.2f}%" x2="{x:.2f}%" y1="4" y2="{ground}"/>'
        f'<text class="k halo" x="{x:.2f}%" dx="{dx}" y="12" text-anchor="{anchor}">{text}</text>'
    )


def tape(marks: Sequence[Mark], hour: float, label: str, height: int = 66) -> Markup:
    """The last 24 hours on one line, now at the right edge. `hour` is the reader's hour of the day, 14.5 for 14:30."""
    base = 42

    def x(hours: float) -> float:
        return (hours + 24) / 24 * 100

    parts = [
        f'<rect class="f-well" x="0" y="14" width="100%" height="{base - 14}" rx="3"/>',
        _line("axis", 0, 100, base),
    ]
    latest = int(hour) // 3 * 3
    for back in range(0, 27, 3):
        at = x(latest - back - hour)
        if 2 < at < 98:
            text = f"{(latest - back) % 24:02d}:00"
            parts.append(f'<text x="{at:.2f}%" y="{height - 10}" text-anchor="middle">{text}</text>')
    for mark in marks:
        kind, top = MARKS[mark.kind]
        at = min(max(x(mark.hours), 0), 99.5)
        parts.append(
            f'<rect class="{kind}" x="{at:.2f}%" y="{top}" width="4" height="{base - top}" rx="1.5">'
            f"<title>{escape(mark.title)}</title></rect>"
        )
    return _svg(label, f'width="100%" height="{height}"', "".join(parts))
