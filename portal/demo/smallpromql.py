"""A little of PromQL, answered as Prometheus answers it: enough for the demo's own source of metrics. Pure.

Known: `name{label="…", other=~"…"}`, `[30s]` with rate and increase, sum, avg, min, max and count with `by (…)`,
numbers, + - * / and parentheses. Anything else is Unknown, with a sentence; nothing is ever guessed.
"""

import itertools
import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from production.settings import duration

Labels = tuple[tuple[str, str], ...]  # sorted, __name__ among them
Points = Sequence[tuple[float, float]]  # seconds and value, oldest first
Vector = dict[Labels, float]

KNOWS = "rate, increase, sum, avg, min, max, count, by (…), + - * / and label matchers"
FRESH = timedelta(seconds=5)  # a series that was not seen for so long is gone, as after a scrape without it
DEEPEST = 50  # parentheses
MOST_REPEATS = 3  # of .* in a pattern: more may take long
_PATTERN = re.compile(r"(?:[\w@:-]|\\[.|*+-]|\.[*+]?|\|)*", re.ASCII)
_TOKEN = re.compile(
    r'\s*(?:(?P<text>"(?:\\.|[^"\\\n])*")|(?P<span>\d{1,9}(?:ms|[smhd]))|(?P<number>\d+(?:\.\d+)?)'
    r"|(?P<word>[A-Za-z_:][A-Za-z0-9_:]*)|(?P<sign>=~|!~|!=|[-=(){}\[\],+*/])|(?P<end>$))"
)
_SIGNS: Mapping[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": lambda one, other: one / other if other else math.copysign(math.inf, one) if one else math.nan,
}
_SUMS: Mapping[str, Callable[[Sequence[float]], float]] = {
    "sum": math.fsum,
    "avg": lambda values: math.fsum(values) / len(values),
    "min": min,
    "max": max,
    "count": lambda values: float(len(values)),
}


class Unknown(Exception):
    """What was asked is no query, or none that is understood here."""


@dataclass(frozen=True)
class Window:
    """Series over a time, which only rate and increase take."""

    series: Mapping[Labels, Points]
    seconds: float


Value = float | Vector | Window


def evaluated(query: str, series: Mapping[Labels, Points], at: float) -> float | Vector:
    """Return what the query says of those series at that second. Raises Unknown."""
    reader = _Reader(query, series, at)
    value = reader.sum()
    reader.take("end")
    if isinstance(value, Window):
        raise Unknown("a range over time is no answer; put rate(…) around it")
    return value


class _Reader:
    """Reads a query from its left and works it out on the way."""

    def __init__(self, query: str, series: Mapping[Labels, Points], at: float) -> None:
        self._query, self._series, self._at = query, series, at
        self._place = self._depth = 0

    def _next(self) -> tuple[str, str, int]:
        found = _TOKEN.match(self._query, self._place)
        if found is None:
            raise Unknown(f"cannot read the query at character {self._place + 1}; this source knows {KNOWS}")
        kind = str(found.lastgroup)
        return kind, found.group(kind), found.end()

    def take(self, wanted: str = "") -> str:
        """Take the next word, which must be that sign or of that kind."""
        kind, text, end = self._next()
        if wanted and wanted not in (kind, text):
            shown = f"“{text[:60]}”" if text else "the end"
            raise Unknown(
                f"at character {self._place + 1}: {shown} where {wanted} should be; this source knows {KNOWS}"
            )
        self._place = end
        return text

    def _sees(self, *signs: str) -> bool:
        kind, text, _end = self._next()
        return text in signs and kind != "text"

    # Numbers and signs, the loosest first.

    def sum(self) -> Value:
        value = self._product()
        while self._sees("+", "-"):
            value = _both(self.take(), value, self._product())
        return value

    def _product(self) -> Value:
        value = self._one()
        while self._sees("*", "/"):
            value = _both(self.take(), value, self._one())
        return value

    def _one(self) -> Value:
        kind, text, _end = self._next()
        if kind == "number":
            return float(self.take())
        if text == "(":
            return self._in_parentheses()
        name = self.take("word")
        if name in _SUMS and self._sees("(", "by"):
            return self._summed(name)
        if name in ("rate", "increase") and self._sees("("):
            return self._risen(name)
        if self._sees("("):
            raise Unknown(f"unknown function {name}; this source knows {KNOWS}")
        return self._selected(name)

    def _in_parentheses(self) -> Value:
        self._depth += 1
        if self._depth > DEEPEST:
            raise Unknown(f"more than {DEEPEST} parentheses in each other")
        self.take("(")
        value = self.sum()
        self.take(")")
        self._depth -= 1
        return value

    def _summed(self, name: str) -> Value:
        by = self._by()
        value = self._in_parentheses()
        by = by or self._by()
        if not isinstance(value, dict):
            raise Unknown(f"{name} needs series that have one value each")
        groups: dict[Labels, list[float]] = {}
        for labels, number in value.items():
            groups.setdefault(tuple(one for one in labels if one[0] in by), []).append(number)
        return {labels: _SUMS[name](numbers) for labels, numbers in groups.items()}

    def _by(self) -> Sequence[str]:
        names: list[str] = []
        if self._sees("by"):
            self.take()
            self.take("(")
            while not self._sees(")"):
                names.append(self.take("word"))
                if not self._sees(")"):
                    self.take(",")
            self.take(")")
        return names

    def _risen(self, name: str) -> Value:
        value = self._in_parentheses()
        if not isinstance(value, Window):
            raise Unknown(f"{name} needs a range over time, like [30s] after its series")
        per = value.seconds if name == "rate" else 1.0
        risen = {labels: increase(points, self._at, value.seconds) for labels, points in value.series.items()}
        return {_nameless(labels): number / per for labels, number in risen.items() if number is not None}

    # Series.

    def _selected(self, name: str) -> Value:
        matchers = [("__name__", "=", name), *self._matchers()]
        fit = {labels: points for labels, points in self._series.items() if _fits(dict(labels), matchers)}
        if self._sees("["):
            self.take()
            seconds = duration(self.take("span")).total_seconds()
            self.take("]")
            if seconds <= 0:
                raise Unknown("a range must be longer than nothing")
            return Window(
                {labels: _between(points, self._at - seconds, self._at) for labels, points in fit.items()}, seconds
            )
        near = {labels: _between(points, self._at - FRESH.total_seconds(), self._at) for labels, points in fit.items()}
        return {labels: points[-1][1] for labels, points in near.items() if points}

    def _matchers(self) -> list[tuple[str, str, str]]:
        matchers: list[tuple[str, str, str]] = []
        if self._sees("{"):
            self.take()
            while not self._sees("}"):
                label, sign, text = self.take("word"), self.take("sign"), self.take("text")
                if sign not in ("=", "!=", "=~", "!~"):
                    raise Unknown(f"{sign} between a label and its text; it may be = != =~ !~")
                matchers.append((label, sign, _unquoted(text)))
                if not self._sees("}"):
                    self.take(",")
            self.take("}")
        return matchers


def increase(points: Points, at: float, seconds: float) -> float | None:
    """Return by how much a counter rose in the seconds before `at`, None when fewer than two points tell.

    A counter that falls has begun anew. What lies before the first point and after the last is estimated as Prometheus
    does it. Source: extrapolatedRate, https://github.com/prometheus/prometheus/blob/main/promql/functions.go

    >>> increase([(0, 0), (10, 5), (20, 2)], 20, 20)
    7.0
    """
    if len(points) < 2:
        return None
    pairs = list(itertools.pairwise(points))
    risen = math.fsum(new if new < old else new - old for (_, old), (_, new) in pairs)
    (first_at, first), (last_at, _) = points[0], points[-1]
    sampled = last_at - first_at
    between = sampled / len(pairs)
    before, after = first_at - (at - seconds), at - last_at
    before, after = (gap if gap < between * 1.1 else between / 2 for gap in (before, after))
    if risen > 0 and first >= 0:
        before = min(before, sampled * first / risen)  # it did not begin below nothing
    return risen * (sampled + before + after) / sampled


def _between(points: Points, since: float, until: float) -> Points:
    return [point for point in points if since <= point[0] <= until]


def _nameless(labels: Labels) -> Labels:
    return tuple(one for one in labels if one[0] != "__name__")


def _both(sign: str, left: Value, right: Value) -> Value:
    """Work out a sign between two values; series go with those of the same labels, as in Prometheus."""
    act = _SIGNS[sign]
    if isinstance(left, Window) or isinstance(right, Window):
        raise Unknown(f"{sign} does not go with a range over time; put rate(…) around it")
    if isinstance(left, dict) and isinstance(right, dict):
        others = {_nameless(labels): number for labels, number in right.items()}
        mine = {_nameless(labels): number for labels, number in left.items()}
        return {labels: act(number, others[labels]) for labels, number in mine.items() if labels in others}
    if isinstance(left, dict):
        return {_nameless(labels): act(number, float(_number(right))) for labels, number in left.items()}
    if isinstance(right, dict):
        return {_nameless(labels): act(_number(left), number) for labels, number in right.items()}
    return act(left, right)


def _number(value: Any) -> float:
    return float(value)


def _fits(labels: Mapping[str, str], matchers: Sequence[tuple[str, str, str]]) -> bool:
    return all(_matches(labels.get(label, ""), sign, text) for label, sign, text in matchers)


def _matches(value: str, sign: str, text: str) -> bool:
    if sign in ("=", "!="):
        return (value == text) is (sign == "=")
    if not _PATTERN.fullmatch(text) or text.count("*") + text.count("+") > MOST_REPEATS:
        said = f"of patterns this source knows letters, digits, | . and at most {MOST_REPEATS} times .* or .+"
        raise Unknown(f"“{text[:60]}”: {said}")
    return bool(re.fullmatch(text, value)) is (sign == "=~")


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", lambda found: {"n": "\n", "t": "\t"}.get(found.group(1), found.group(1)), text[1:-1])
