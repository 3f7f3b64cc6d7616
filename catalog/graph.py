"""Who depends on whom: neighbours, everybody who would feel it, and circles. Pure: relations in, values out.

An API is the way from one thing to another, not a step of its own: whoever consumes an API of mine depends on me
directly. A whole depends on its parts: when a service breaks, its system is hit; the other parts are not.
"""

import heapq
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

USES: Mapping[str, bool] = {  # True: the source depends on the target; False: the other way round
    "dependsOn": True,
    "dependencyOf": False,
    "consumesApi": True,
    "apiConsumedBy": False,
    "apiProvidedBy": True,
    "providesApi": False,
    "hasPart": True,
    "partOf": False,
}
API = "api:"

Edges = Mapping[str, frozenset[str]]
Cost = Callable[[str, str], int]  # of going on from one to its neighbour


@dataclass(frozen=True)
class Graph:
    """`uses`: what each depends on; `used_by`: who depends on each. Both hold the same edges."""

    uses: Edges = field(default_factory=dict)
    used_by: Edges = field(default_factory=dict)


@dataclass(frozen=True, order=True)
class Reached:
    """Something that depends on the start, or that the start depends on. `via`: its neighbour on the way there.

    `distance` counts services and the like; 1 is directly. `via` is empty for a neighbour of the start.
    """

    distance: int
    ref: str
    via: str = ""


@dataclass(frozen=True)
class Radius:
    """What would feel it: services, how many of them directly, other kinds, and the owners of all of these."""

    services: int
    directly: int
    others: Mapping[str, int]
    owners: frozenset[str]


def graph(relations: Iterable[tuple[str, str, str]]) -> Graph:
    """Make the graph of (source, type, target) relations; types that say nothing of depending are left out."""
    uses: dict[str, set[str]] = {}
    used_by: dict[str, set[str]] = {}
    for source, kind, target in relations:
        if (forward := USES.get(kind)) is not None:
            one, other = (source, target) if forward else (target, source)
            uses.setdefault(one, set()).add(other)
            used_by.setdefault(other, set()).add(one)
    return Graph(_frozen(uses), _frozen(used_by))


def _frozen(edges: Mapping[str, set[str]]) -> dict[str, frozenset[str]]:
    return {ref: frozenset(others) for ref, others in edges.items()}


def dependents(known: Graph, start: str) -> tuple[Reached, ...]:
    """Return everything that depends on `start`, nearest first.

    >>> [one.ref for one in dependents(graph([("a", "dependsOn", "b"), ("b", "dependsOn", "c")]), "c")]
    ['b', 'a']
    """
    return _walk(known.used_by, start, lambda here, there: _cost(there, start))


def dependencies(known: Graph, start: str) -> tuple[Reached, ...]:
    """Return everything that `start` depends on, nearest first."""
    return _walk(known.uses, start, lambda here, there: _cost(here, start))


def _cost(dependent: str, start: str) -> int:
    """Going on from an API to who provides it is free, unless one asks about that API."""
    return 0 if dependent.startswith(API) and dependent != start else 1


def _walk(edges: Edges, start: str, cost: Cost) -> tuple[Reached, ...]:
    """Walk the shortest ways; of two that are as short, the one with fewer stops, then by name."""
    best: dict[str, tuple[int, int, str]] = {}
    waiting = [(0, 0, "", start)]
    while waiting:
        distance, stops, via, here = heapq.heappop(waiting)
        if here in best:
            continue
        best[here] = (distance, stops, via)
        for there in edges.get(here, ()):
            if there not in best:
                heapq.heappush(waiting, (distance + cost(here, there), stops + 1, here, there))
    found = ((max(best[ref][0], 1), ref, best[ref][2]) for ref in best if ref != start)
    return tuple(sorted(Reached(distance, ref, "" if via == start else via) for distance, ref, via in found))


def radius(found: Sequence[Reached], owners: Mapping[str, str]) -> Radius:
    """Count what depends on something; `owners` are the canonical owners of the refs that have one."""
    services = [one for one in found if one.ref.startswith("component:")]
    others: dict[str, int] = {}
    for one in found:
        kind = one.ref.partition(":")[0]
        if kind not in ("component", "api"):
            others[kind] = others.get(kind, 0) + 1
    directly = sum(1 for one in services if one.distance == 1)
    whose = frozenset(owners[one.ref] for one in found if owners.get(one.ref))
    return Radius(len(services), directly, others, whose)


# --- circles --------------------------------------------------------------------------------------------------------


def circle(known: Graph, start: str) -> tuple[str, ...]:
    """Return the shortest way from `start` through what it uses back to itself; nothing when there is none.

    >>> circle(graph([("a", "dependsOn", "b"), ("b", "dependsOn", "a")]), "a")
    ('a', 'b')
    """
    came: dict[str, str] = {}
    waiting = deque([start])
    while waiting:
        here = waiting.popleft()
        for there in sorted(known.uses.get(here, ())):
            if there == start:
                return _way(came, start, here)
            if there not in came:
                came[there] = here
                waiting.append(there)
    return ()


def _way(came: Mapping[str, str], start: str, end: str) -> tuple[str, ...]:
    way = [end]
    while way[-1] != start:
        way.append(came[way[-1]])
    return tuple(reversed(way))


def circles(known: Graph) -> tuple[tuple[str, ...], ...]:
    """Return one circle, from its first name on, of each knot of things that all depend on one another."""
    return tuple(circle(known, min(knot)) for knot in sorted(_knots(known.uses), key=min))


def _knots(edges: Edges) -> list[set[str]]:
    """Find what reaches itself: strongly connected refs, by Tarjan's walk with a list in place of recursion."""
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    open_refs: list[str] = []
    is_open: set[str] = set()
    found: list[set[str]] = []
    for root in edges:
        path = [] if root in order else [(root, iter(edges.get(root, ())))]
        while path:
            here, others = path[-1]
            if here not in order:
                order[here] = low[here] = len(order)
                open_refs.append(here)
                is_open.add(here)
            there = next((other for other in others if other not in order or other in is_open), None)
            if there is None:
                path.pop()
                if path:
                    low[path[-1][0]] = min(low[path[-1][0]], low[here])
                if low[here] == order[here]:
                    found.append(_closed(open_refs, is_open, here))
            elif there in order:
                low[here] = min(low[here], order[there])
            else:
                path.append((there, iter(edges.get(there, ()))))
    return [knot for knot in found if len(knot) > 1 or any(ref in edges.get(ref, ()) for ref in knot)]


def _closed(open_refs: list[str], is_open: set[str], first: str) -> set[str]:
    knot = {open_refs.pop()}
    while first not in knot:
        knot.add(open_refs.pop())
    is_open -= knot
    return knot
