"""Who depends on whom, compared with a second, slower way to find out."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog import graph as graphs
from catalog.graph import Graph, Radius, Reached, circle, circles, dependencies, dependents, graph, radius

SHOP, CHECKOUT, LEDGER, DISK = "component:shop", "component:checkout", "component:ledger", "resource:disk"
BOOKS, STORE = "api:books", "system:store"


@pytest.mark.parametrize(
    ("source", "kind", "target"),
    [
        (CHECKOUT, "dependsOn", LEDGER),
        (LEDGER, "dependencyOf", CHECKOUT),
        (CHECKOUT, "consumesApi", LEDGER),
        (LEDGER, "apiConsumedBy", CHECKOUT),
        (CHECKOUT, "apiProvidedBy", LEDGER),
        (LEDGER, "providesApi", CHECKOUT),
        (CHECKOUT, "hasPart", LEDGER),
        (LEDGER, "partOf", CHECKOUT),
    ],
)
def test_each_relation_says_who_depends_on_whom(source: str, kind: str, target: str) -> None:
    assert graph([(source, kind, target)]).uses == {CHECKOUT: frozenset({LEDGER})}


def test_owning_and_belonging_are_no_depending() -> None:
    said = [(CHECKOUT, kind, LEDGER) for kind in ("ownedBy", "ownerOf", "memberOf", "hasMember", "childOf", "parentOf")]

    assert graph(said) == Graph()


def test_distance_counts_from_the_start_and_via_names_the_way() -> None:
    known = graph([(SHOP, "dependsOn", CHECKOUT), (CHECKOUT, "dependsOn", LEDGER), (LEDGER, "dependsOn", DISK)])

    assert dependents(known, LEDGER) == (Reached(1, CHECKOUT), Reached(2, SHOP, CHECKOUT))
    assert dependencies(known, CHECKOUT) == (Reached(1, LEDGER), Reached(2, DISK, LEDGER))


def test_an_api_is_the_way_and_no_step_of_its_own() -> None:
    known = graph([(CHECKOUT, "consumesApi", BOOKS), (LEDGER, "providesApi", BOOKS), (SHOP, "dependsOn", CHECKOUT)])

    assert dependents(known, LEDGER) == (Reached(1, BOOKS), Reached(1, CHECKOUT, BOOKS), Reached(2, SHOP, CHECKOUT))
    assert dependencies(known, CHECKOUT) == (Reached(1, BOOKS), Reached(1, LEDGER, BOOKS))


def test_asked_about_an_api_its_provider_is_one_step_away() -> None:
    known = graph([(LEDGER, "providesApi", BOOKS), (LEDGER, "dependsOn", DISK)])

    assert dependencies(known, BOOKS) == (Reached(1, LEDGER), Reached(2, DISK, LEDGER))


def test_when_a_part_breaks_its_whole_is_hit_and_its_sisters_are_not() -> None:
    known = graph([(CHECKOUT, "partOf", STORE), (LEDGER, "partOf", STORE), (SHOP, "dependsOn", STORE)])

    assert dependents(known, LEDGER) == (Reached(1, STORE), Reached(2, SHOP, STORE))


def test_the_radius_counts_services_and_the_teams_that_answer_for_them() -> None:
    known = graph([(CHECKOUT, "consumesApi", BOOKS), (LEDGER, "providesApi", BOOKS), (SHOP, "dependsOn", CHECKOUT)])
    owners = {CHECKOUT: "group:payments", SHOP: "group:front", BOOKS: "group:front", LEDGER: "group:books"}

    told = radius(dependents(graph([*_triples(known), (LEDGER, "partOf", STORE)]), LEDGER), owners)

    assert told == Radius(2, 1, {"system": 1}, frozenset({"group:payments", "group:front"}))


def test_nobody_depends_on_what_is_not_known() -> None:
    assert dependents(Graph(), LEDGER) == dependencies(Graph(), LEDGER) == circle(Graph(), LEDGER) == ()
    assert circles(Graph()) == ()


def test_a_circle_is_named_from_where_one_stands() -> None:
    known = graph([("c", "dependsOn", "a"), ("a", "dependsOn", "b"), ("b", "dependsOn", "c"), ("b", "dependsOn", "x")])

    assert circle(known, "b") == ("b", "c", "a")
    assert circles(known) == (("a", "b", "c"),)
    assert circle(known, "x") == ()


def test_what_depends_on_itself_is_a_circle_of_one() -> None:
    assert circles(graph([("a", "dependsOn", "a"), ("a", "dependsOn", "b")])) == (("a",),)


@pytest.mark.long
def test_a_chain_of_a_hundred_thousand_is_walked_without_running_out_of_room() -> None:
    known = graph((f"n{i}", "dependsOn", f"n{i + 1}") for i in range(100_000))

    assert dependencies(known, "n0")[-1] == Reached(100_000, "n100000", "n99999")
    assert circles(known) == ()


# Against a slower way.

NAMES = st.sampled_from(["api:a", "api:b", "component:c", "component:d", "component:e", "system:f"])
TRIPLES = st.lists(st.tuples(NAMES, st.sampled_from([*graphs.USES, "ownedBy"]), NAMES), max_size=14)


def _triples(known: Graph) -> list[tuple[str, str, str]]:
    return [(one, "dependsOn", other) for one, others in known.uses.items() for other in others]


def _slow(edges: set[tuple[str, str]], start: str) -> dict[str, tuple[int, int]]:
    """Relax every edge until nothing gets shorter: distance and stops to everything that `start` uses."""
    best = {start: (0, 0)}
    changed = True
    while changed:
        changed = False
        for one, other in edges:
            if one in best:
                free = one.startswith("api:") and one != start
                told = (best[one][0] + (0 if free else 1), best[one][1] + 1)
                if other != start and told < best.get(other, (99, 99)):
                    best[other], changed = told, True
    return best


@given(TRIPLES, NAMES)
def test_walking_down_finds_what_relaxing_every_edge_finds(said: list[tuple[str, str, str]], start: str) -> None:
    known = graph(said)
    edges = {(one, other) for one, others in known.uses.items() for other in others}
    best = _slow(edges, start)

    found = dependencies(known, start)

    assert {one.ref: one.distance for one in found} == {ref: max(d, 1) for ref, (d, _) in best.items() if ref != start}
    for one in found:
        assert ((one.via or start), one.ref) in edges
        assert best[one.via or start][1] == best[one.ref][1] - 1


@given(TRIPLES, NAMES, NAMES)
def test_one_depends_on_another_exactly_when_the_other_is_depended_on(
    said: list[tuple[str, str, str]], one: str, other: str
) -> None:
    known = graph(said)

    below = {found.ref for found in dependencies(known, one)}
    above = {found.ref for found in dependents(known, other)}

    assert one == other or (other in below) == (one in above)


@given(TRIPLES)
def test_every_circle_is_one_and_whatever_reaches_itself_is_in_a_knot(said: list[tuple[str, str, str]]) -> None:
    known = graph(said)
    in_circles = {ref for ref in known.uses if circle(known, ref)}

    found = circles(known)

    for way in found:
        assert all(other in known.uses[one] for one, other in pairwise([*way, way[0]]))
        assert len(set(way)) == len(way)
    reached = {ref for way in found for ref in {way[0], *(r.ref for r in dependencies(known, way[0]))}}
    assert in_circles <= reached
    assert {ref for way in found for ref in way} <= in_circles
