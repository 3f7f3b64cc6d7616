"""The picture of who depends on whom: whole, safe, capped, and with the same content as a list."""

import re
import xml.etree.ElementTree as tree

import pytest

from catalog import graph
from catalog.graph import dependencies, dependents
from portal import graphs
from portal.graphs import Node, Stop, columns, picture, stops

CHECKOUT, SHOP, LEDGER, DISK = "component:checkout", "component:shop", "component:ledger", "resource:disk"
BOOKS, MAIL = "api:books", "api:mail"


def node(ref: str, **more: bool) -> Node:
    return Node(ref, ref.partition(":")[2], "service of payments", f"/catalog/{ref}", **more)


NODES = {ref: node(ref) for ref in (CHECKOUT, SHOP, LEDGER, DISK, BOOKS, MAIL)}
KNOWN = graph.graph(
    [
        (CHECKOUT, "consumesApi", BOOKS),
        (LEDGER, "providesApi", BOOKS),
        (SHOP, "dependsOn", CHECKOUT),
        (LEDGER, "dependsOn", DISK),
        (LEDGER, "consumesApi", MAIL),
    ]
)


def ring(count: int, distance: int = 1, via: str = "") -> list[Stop]:
    return [Stop(node(f"component:s{distance}-{at:03}"), distance, via) for at in range(count)]


def drawn(above: list[Stop], below: list[Stop], middle: Node = NODES[LEDGER]) -> tree.Element:
    return tree.fromstring(picture(middle, above, below))


def words(picture: tree.Element) -> list[str]:
    return [text.text or "" for text in picture.iter("text")]


def test_an_api_between_two_is_named_and_is_no_box() -> None:
    above = stops(dependents(KNOWN, LEDGER), NODES, KNOWN, above=True)

    assert above == [Stop(NODES[CHECKOUT], 1, "", "books"), Stop(NODES[SHOP], 2, CHECKOUT)]
    assert "through books" in words(drawn(above, []))


def test_an_api_that_nobody_provides_stays_to_be_seen() -> None:
    below = stops(dependencies(KNOWN, LEDGER), NODES, KNOWN, above=False)

    assert [stop.node.ref for stop in below] == [MAIL, DISK]


def test_an_api_is_no_box_either_when_its_provider_is_reached_another_way() -> None:
    known = graph.graph([(SHOP, "consumesApi", BOOKS), (SHOP, "dependsOn", LEDGER), (LEDGER, "providesApi", BOOKS)])

    assert [stop.node.ref for stop in stops(dependencies(known, SHOP), NODES, known, above=False)] == [LEDGER]


def test_who_depends_on_it_stands_left_and_what_it_needs_right() -> None:
    found = drawn([Stop(NODES[CHECKOUT], 1), Stop(NODES[SHOP], 2, CHECKOUT)], [Stop(NODES[DISK], 1)])
    at = {text.text: float(text.get("x", "")) for text in found.iter("text") if text.get("class") == "k"}

    assert at["shop"] < at["checkout"] < at["ledger"] < at["disk"]


def test_each_box_but_its_own_is_a_link_to_its_entity() -> None:
    found = drawn([Stop(NODES[CHECKOUT], 1)], [Stop(NODES[DISK], 1)])

    assert [link.get("href") for link in found.iter("a")] == [f"/catalog/{CHECKOUT}", f"/catalog/{DISK}"]


def test_boxes_and_lines_stay_inside_the_picture() -> None:
    found = drawn(ring(30) + ring(30, 2, "component:s1-003"), ring(30) + ring(30, 2, "component:s1-029"))

    height = float(found.get("viewBox", "").split()[3])
    width = graphs.WIDTH
    for rect in found.iter("rect"):
        assert 0 <= float(rect.get("x", "")) <= width - float(rect.get("width", ""))
        assert 0 <= float(rect.get("y", "")) <= height - float(rect.get("height", ""))
    for path in found.iter("path"):
        numbers = [float(number) for number in re.findall(r"-?[\d.]+", path.get("d", ""))]
        assert all(0 <= x <= width for x in numbers[::2])
        assert all(0 <= y <= height for y in numbers[1::2])


@pytest.mark.parametrize(("count", "shown", "more"), [(1, 1, 0), (8, 8, 0), (9, 7, 2), (44, 7, 37)])
def test_a_long_column_says_how_many_more_there_are(count: int, shown: int, more: int) -> None:
    (column,) = columns(ring(count), "near", "far")

    assert (len(column.stops), column.more) == (shown, more)
    assert (f"and {more} more" in words(drawn(ring(count), []))) == bool(more)


def test_what_is_further_away_than_two_steps_is_counted_and_not_drawn() -> None:
    near, far = columns([*ring(1), *ring(2, 2, "component:s1-000"), *ring(5, 4, "component:s2-000")], "near", "far")

    assert (len(near.stops), len(far.stops), far.more, far.farthest) == (1, 2, 5, 4)
    said = words(drawn([*ring(1), *ring(2, 2), *ring(5, 4)], []))
    assert said[said.index("and 5 more") + 1] == "up to 4 steps away"


def test_what_leads_further_is_drawn_before_what_does_not() -> None:
    near, _far = columns([*ring(20), *ring(1, 2, "component:s1-015")], "near", "far")

    assert near.stops[0].node.ref == "component:s1-015"


def test_what_nobody_describes_looks_different() -> None:
    found = drawn([], [Stop(node("component:ghost", is_known=False), 1)])

    assert "node lost" in {group.get("class") for group in found.iter("g")}


def test_a_picture_holds_neither_style_nor_script_and_says_in_words_what_it_shows() -> None:
    found = drawn(ring(3), ring(2))

    assert found.get("aria-label") == "ledger in the middle; 3 depend on it, it depends on 2. A list follows."
    for element in found.iter():
        assert element.tag not in ("script", "style", "foreignObject")
        assert not [key for key in element.attrib if key == "style" or key.startswith("on")]


def test_a_name_cannot_break_out_of_the_picture() -> None:
    hostile = '"><script>alert(1)</script>{}'
    bad = Node("component:x", hostile, hostile, f"/x?{hostile}")

    found = picture(bad, [Stop(bad, 1, "", hostile)], [Stop(bad, 2, "")])

    assert "<script" not in found
    tree.fromstring(found)


def test_a_long_name_is_cut_in_its_box_and_whole_in_its_title() -> None:
    long = node("component:" + "n" * 63)
    found = drawn([Stop(long, 1)], [])

    assert "n" * 63 not in words(found)
    assert any(title.text and "n" * 63 in title.text for title in found.iter("title"))


def test_nothing_around_it_is_a_picture_of_one() -> None:
    assert len(list(drawn([], []).iter("rect"))) == 1


def test_the_widths_of_letters_are_generous_enough_for_five_columns() -> None:
    wide = (graphs.WIDTH - graphs.GAP * 4) / 5

    assert (wide - 18) / graphs.LETTER >= 15  # letters of a name that are seen
