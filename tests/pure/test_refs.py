"""References between entities."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.refs import Ref, known, lenient, parse


@pytest.mark.parametrize(
    ("text", "kind", "namespace", "ref"),
    [
        ("payments", "group", "default", "group:default/payments"),
        ("Payments", "Group", "default", "group:default/payments"),
        ("user:alice", "group", "default", "user:default/alice"),
        ("staff/alice", "user", "default", "user:staff/alice"),
        ("Component:Shop/Check.Out", None, "default", "component:shop/check.out"),
        ("payments", "group", "shop", "group:shop/payments"),
        ("user:default/alice", "group", "shop", "user:default/alice"),
    ],
)
def test_a_reference_is_read_with_its_defaults(text: str, kind: str | None, namespace: str, ref: str) -> None:
    assert str(parse(text, kind, namespace)) == ref


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ledger", "names no kind; write kind:name, like component:ledger"),
        ("", "a reference is empty"),
        (":ledger", "says no kind before"),
        ("group:", "says no name"),
        ("group:/x", "says no namespace"),
        ("group:default/", "says no name"),
        ("group:\u212a", "cannot be a name"),
        ("group:my team", '"my team" cannot be a name'),
        ("group:x@y.com", "cannot be a name"),
        ("a:b:c", '"b:c" cannot be a name'),
        ("a/b/c", "names no kind"),
        ("group:a/b/c", "cannot be a name"),
        ("gr up:x", "cannot be a kind"),
        ("group:x\n", "cannot be a name"),
        ("group:" + "x" * 64, "cannot be a name"),
    ],
)
def test_what_can_never_name_anything_is_a_sentence(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse(text)


@pytest.mark.parametrize(
    ("text", "ref"),
    [
        ("my team", "group:shop/my team"),
        ("x@y.com", "group:shop/x@y.com"),
        ("@org/team", "group:@org/team"),
        ("a:b:c", "a:shop/b:c"),
        ("a:b/c/d", "a:b/c/d"),
        ("a/b:c", "group:a/b:c"),
        (" ", "group:shop/ "),
    ],
)
def test_backstage_takes_any_reference_whose_parts_are_not_empty(text: str, ref: str) -> None:
    assert str(lenient(text, "group", "shop")) == ref


@pytest.mark.parametrize("text", ["", ":", "group:", "/x", "group:/x", "x/", "group:x/", ":x"])
def test_backstage_refuses_a_reference_with_an_empty_part(text: str) -> None:
    with pytest.raises(ValueError, match=r"empty|says no"):
        lenient(text, "group")


def test_two_spellings_of_one_name_are_equal() -> None:
    assert Ref("Component", "Default", "Checkout") == Ref("component", "default", "checkout")


@given(st.text())
def test_a_reference_is_read_or_refused_and_reads_back_the_same(text: str) -> None:
    try:
        ref = parse(text, "group")
    except ValueError:
        return
    assert parse(str(ref)) == ref == known(str(ref))
