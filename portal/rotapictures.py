"""The load of a quarter as bars, one to a person, with a mark where a fair share ends. Pure: numbers in, SVG out."""

from collections.abc import Mapping, Sequence

from markupsafe import Markup, escape

from oncall.fairness import HOUR
from oncall.load import Load
from portal.people import Face

WIDE, HIGH = 100, 12


def bars(loads: Sequence[Load], fair: Mapping[str, float], faces: Mapping[str, Face]) -> dict[str, Markup]:
    """Return each person's bar of hours beside what would be fair, all on one scale."""
    hours = {one.person: one.carried.time / HOUR for one in loads}
    most = max([*hours.values(), *fair.values(), 1.0])
    return {
        person: bar(amount, fair.get(person, 0.0), most, faces[person].name if person in faces else person)
        for person, amount in hours.items()
    }


def bar(amount: float, fair: float, most: float, name: str) -> Markup:
    """Draw one bar; what is beyond half as much again as fair is drawn as a warning.

    >>> "f-warn" in bar(20, 10, 20, "Ada"), "f-warn" in bar(12, 10, 20, "Ada")
    (True, False)
    """
    kind = "f-warn" if fair and amount >= 1.5 * fair else "f-new"
    label = escape(f"{name}: {amount:.0f} h, {fair:.0f} h would be fair")
    mark = f'<rect class="fair" x="{min(fair / most * WIDE, WIDE - 1):.1f}" width="1" height="{HIGH}"/>' if fair else ""
    return Markup(
        f'<svg class="load" viewBox="0 0 {WIDE} {HIGH}" preserveAspectRatio="none" role="img" aria-label="{label}">'
        f'<rect class="f-well" y="2" width="{WIDE}" height="{HIGH - 4}"/>'
        f'<rect class="{kind}" y="2" width="{amount / most * WIDE:.1f}" height="{HIGH - 4}"/>{mark}</svg>'
    )
