"""A plot of the new release against the old one, as SVG made on the server: attributes only, so the strict CSP holds.

Pure: numbers in, markup out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

HEIGHT, BOTTOM, TOP = 132, 20, 18  # pixels; below and above are words
ROOM = HEIGHT - BOTTOM - TOP


@dataclass(frozen=True)
class Line:
    """Points from left (0) to right (1), and their heights in the plot's unit. `kind`: empty for new, old, or bad."""

    points: Sequence[tuple[float, float]]
    kind: str = ""


@dataclass(frozen=True)
class Mark:
    """A moment worth a line: where (0 to 1), and what it is."""

    at: float
    text: str


def plot(
    lines: Sequence[Line], top: float, unit: str, label: str, marks: Sequence[Mark], ends: tuple[str, str]
) -> Markup:
    """Draw the lines between 0 and `top`, with two grid lines; `ends` are the times at the left and the right edge."""
    ground = HEIGHT - BOTTOM
    parts = []
    for share in (0.5, 1.0):
        y = ground - share * ROOM
        parts.append(f'<line class="grid" x1="0" x2="100%" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text class="halo" x="0" y="{y + 13:.1f}">{_short(top * share)}{escape(unit)}</text>')
    for mark in marks:
        x, words = 100 * mark.at, 'dx="-4" text-anchor="end"' if mark.at > 0.85 else 'dx="4"'
        parts.append(f'<line class="mk" x1="{x:.2f}%" x2="{x:.2f}%" y1="4" y2="{ground}"/>')
        parts.append(f'<text class="a halo" x="{x:.2f}%" {words} y="12">{escape(mark.text)}</text>')
    drawn = "".join(_drawn(line, top) for line in lines)
    inside = f'viewBox="0 0 1000 {ROOM}" preserveAspectRatio="none" width="100%" height="{ROOM}" y="{TOP}"'
    parts.append(f"<svg {inside}>{drawn}</svg>")
    parts.append(f'<line class="axis" x1="0" x2="100%" y1="{ground}" y2="{ground}"/>')
    parts.append(f'<text x="0" y="{HEIGHT - 5}">{escape(ends[0])}</text>')
    parts.append(f'<text x="100%" y="{HEIGHT - 5}" text-anchor="end">{escape(ends[1])}</text>')
    return Markup(f'<svg role="img" aria-label="{escape(label)}" width="100%" height="{HEIGHT}">{"".join(parts)}</svg>')


def _drawn(line: Line, top: float) -> str:
    if len(line.points) < 2:
        return ""
    at = [(1000 * x, ROOM - ROOM * min(max(y / (top or 1), 0), 1)) for x, y in line.points]
    path = " ".join(f"{'L' if number else 'M'}{x:.1f} {y:.1f}" for number, (x, y) in enumerate(at))
    return f'<path class="ln {line.kind}" d="{path}"/>'


def _short(number: float) -> str:
    return f"{number:.2g}" if number < 10 else f"{number:,.0f}"
