"""Who depends on whom, drawn for people: on the left who depends on it, in the middle it, on the right what it needs.

Pure: values in, markup out; colours come from classes. The same is said as a list, which is what small screens show.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from catalog.graph import API, Graph, Reached

WIDTH = 864  # units; a page's column on a wide screen, so that one is about a pixel
MOST_COLUMNS = 5
GAP, ROW, BOX, HEAD = 44, 46, 38, 26  # units: between columns, from box to box, a box's height, above the first
ROWS = 8  # boxes in a column
LETTER, SMALL = 6.7, 5.9  # units that a letter of a name and of the words below it take on average
LISTED = 100  # entries of a list
STEPS = 2  # columns on each side


@dataclass(frozen=True)
class Node:
    """One thing as it is shown. `said` stands below its name; `is_known` is False for what nobody describes."""

    ref: str
    name: str
    said: str
    url: str
    is_known: bool = True


@dataclass(frozen=True)
class Stop:
    """Something that was reached. `via` is the node before it that is shown, `through` the API between, if any."""

    node: Node
    distance: int
    via: str = ""
    through: str = ""


@dataclass(frozen=True)
class Column:
    """One column of boxes. `more`: how many stops are not shown; `farthest` of these."""

    title: str
    stops: Sequence[Stop]
    more: int = 0
    farthest: int = 0


def stops(found: Sequence[Reached], nodes: Mapping[str, Node], known: Graph, *, above: bool) -> list[Stop]:
    """Leave out the APIs that only lie between, and say of what lies behind them that they do.

    Above (who depends on it) every API is its own, or leads to others; below, one stays that nobody provides.
    """
    came = {one.ref: one.via for one in found}
    told = []
    for one in found:
        if one.ref.startswith(API) and (above or known.uses.get(one.ref)):
            continue
        via, through = one.via, ""
        while via.startswith(API):
            via, through = came.get(via, ""), through or nodes[via].name
        told.append(Stop(nodes[one.ref], one.distance, via, through))
    return sorted(told, key=_order)


def _order(stop: Stop) -> tuple[int, bool, str]:
    return stop.distance, not stop.node.ref.startswith("component:"), stop.node.ref


def columns(found: Sequence[Stop], near: str, far: str) -> list[Column]:
    """Arrange stops by distance, so that lines to the column before cross little."""
    first = [stop for stop in found if stop.distance == 1]
    rest = [stop for stop in found if stop.distance > 1]
    second = [stop for stop in rest if stop.distance == STEPS]
    leading = {stop.via for stop in second}
    first.sort(key=lambda stop: (stop.node.ref not in leading, _order(stop)))
    place = {stop.node.ref: at for at, stop in enumerate(first)}
    second.sort(key=lambda stop: (place.get(stop.via, ROWS), _order(stop)))
    shown = [Column(near, *_cut(first, first))] if first else []
    return [*shown, Column(far, *_cut(second, rest))] if rest else shown


def _cut(stops_here: Sequence[Stop], all_of_them: Sequence[Stop]) -> tuple[Sequence[Stop], int, int]:
    room = ROWS if len(all_of_them) <= ROWS else ROWS - 1
    shown = stops_here[:room]
    left = all_of_them[len(shown) :] if stops_here is all_of_them else [s for s in all_of_them if s not in set(shown)]
    return shown, len(left), max((stop.distance for stop in left), default=0)


# --- the picture ----------------------------------------------------------------------------------------------------


def picture(middle: Node, above: Sequence[Stop], below: Sequence[Stop]) -> Markup:
    """Draw it. Everything reads from left to right: whoever stands left of a line depends on what is right of it."""
    left = columns(above, "Depend on it", "Through another")
    right = columns(below, "It depends on", "And that on")
    drawn = [*reversed(left), Column("", [Stop(middle, 0)]), *right]
    boxes = max(len(column.stops) + bool(column.more) for column in drawn)
    height = HEAD + boxes * ROW
    grid = _Grid(drawn, len(left), height)
    parts = [grid.lines(), *(grid.column(index) for index in range(len(drawn)))]
    label = f"{middle.name} in the middle; {len(above)} depend on it, it depends on {len(below)}. A list follows."
    return Markup(
        f'<svg class="graph" viewBox="-1 0 {WIDTH + 2} {height}" role="group" aria-label="{{}}">{{}}</svg>'
    ).format(label, Markup("").join(parts))


@dataclass(frozen=True)
class _Grid:
    drawn: Sequence[Column]
    middle: int  # which column
    height: int

    @property
    def wide(self) -> float:
        return (WIDTH - GAP * (MOST_COLUMNS - 1)) / MOST_COLUMNS if len(self.drawn) == MOST_COLUMNS else 172

    def x(self, index: int) -> float:
        room = len(self.drawn) * self.wide
        gap = min((WIDTH - room) / max(len(self.drawn) - 1, 1), 2.5 * GAP)
        return (WIDTH - room - gap * (len(self.drawn) - 1)) / 2 + index * (self.wide + gap)

    def y(self, column: Column, place: int) -> float:
        """What stands on one side of the middle begins at one height, so that lines run straight."""
        return HEAD + (self.height - HEAD - self._boxes(column) * ROW) / 2 + place * ROW + (ROW - BOX) / 2

    def _boxes(self, column: Column) -> int:
        index = next(at for at, one in enumerate(self.drawn) if one is column)
        sides = (self.drawn[: self.middle], [column], self.drawn[self.middle + 1 :])
        side = sides[0] if index < self.middle else sides[1] if index == self.middle else sides[2]
        return max(len(one.stops) + bool(one.more) for one in side)

    def places(self, index: int) -> Mapping[str, float]:
        """Return the middle line of each box of a column, and of “and 37 more” under an empty name."""
        column = self.drawn[index]
        found = {stop.node.ref: self.y(column, at) + BOX / 2 for at, stop in enumerate(column.stops)}
        return {**found, "": self.y(column, len(column.stops)) + BOX / 2} if column.more else found

    def lines(self) -> Markup:
        parts = []
        for index, column in enumerate(self.drawn):
            if index == self.middle:
                continue
            left_side = index < self.middle
            to = index + 1 if left_side else index - 1
            places, targets = self.places(index), self.places(to)
            for stop in column.stops:
                end = self._end(targets, stop.via, to)
                here, there = (places[stop.node.ref], end) if left_side else (end, places[stop.node.ref])
                parts.append(self._line(index if left_side else to, here, there))
        return Markup("").join(dict.fromkeys(parts))

    def _end(self, targets: Mapping[str, float], via: str, to: int) -> float:
        if to == self.middle:
            return next(iter(targets.values()))
        return targets[via] if via in targets else targets.get("", next(iter(targets.values())))

    def _line(self, index: int, here: float, there: float) -> Markup:
        start, end = self.x(index) + self.wide, self.x(index + 1)
        half = (start + end) / 2
        path = f"M{start:.1f} {here:.1f}C{half:.1f} {here:.1f} {half:.1f} {there:.1f} {end:.1f} {there:.1f}"
        return Markup(f'<path class="edge" d="{path}"/>')

    def column(self, index: int) -> Markup:
        column, x = self.drawn[index], self.x(index)
        title = Markup('<text x="{}" y="14">{}</text>').format(f"{x:.1f}", column.title) if column.title else ""
        boxes = [self.box(stop, x, self.y(column, at), index) for at, stop in enumerate(column.stops)]
        if column.more:
            boxes += self._more(column, x)
        return Markup("").join([escape(title), *boxes])

    def _more(self, column: Column, x: float) -> list[Markup]:
        """Say in one or two short lines what is not drawn."""
        said = [f"and {column.more} more"]
        said += [f"up to {column.farthest} steps away"] if column.farthest > STEPS else []
        y = self.y(column, len(column.stops)) + (BOX - 14 * len(said)) / 2 + 11
        line = Markup('<text x="{}" y="{}">{}</text>')
        return [line.format(f"{x + 10:.1f}", f"{y + 14 * at:.1f}", text) for at, text in enumerate(said)]

    def box(self, stop: Stop, x: float, y: float, index: int) -> Markup:
        node = stop.node
        kind = "node me" if index == self.middle else "node" if node.is_known else "node lost"
        below = f"through {stop.through}" if stop.through else node.said
        inside = Markup(
            '<g class="{}"><title>{}</title><rect x="{}" y="{}" width="{}" height="{}" rx="6"/>'
            '<text class="k" x="{}" y="{}">{}</text><text x="{}" y="{}">{}</text></g>'
        ).format(
            kind,
            f"{node.name}: {node.said}" + (f", through {stop.through}" if stop.through else ""),
            *(f"{part:.1f}" for part in (x, y, self.wide, BOX)),
            *(f"{x + 10:.1f}", f"{y + 16:.1f}", _short(node.name, (self.wide - 18) / LETTER)),
            *(f"{x + 10:.1f}", f"{y + 30:.1f}", _short(below, (self.wide - 18) / SMALL)),
        )
        if index == self.middle or not node.url:
            return inside
        return Markup('<a href="{}">{}</a>').format(node.url, inside)


def _short(text: str, room: float) -> str:
    """Cut text to so many letters.

    >>> _short("checkout-service", 9)
    'checkout…'
    """
    return text if len(text) <= room else text[: max(int(room) - 1, 1)] + "…"
