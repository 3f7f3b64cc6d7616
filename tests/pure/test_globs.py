"""Patterns for paths, held against the plainest way to match that there is."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog import globs
from catalog.globs import MANY, ONE


def fits(name: globs.Name, text: str) -> bool:
    """Try every length of every star."""
    if not name:
        return not text
    head, rest = name[0], name[1:]
    if head is MANY:
        return any(fits(rest, text[at:]) for at in range(len(text) + 1))
    return bool(text) and head in (ONE, text[0]) and fits(rest, text[1:])


def plainly(pattern: Sequence[globs.Step], parts: list[str], hidden: bool) -> bool:
    if not pattern:
        return not parts
    head, rest = pattern[0], pattern[1:]
    if isinstance(head, globs.Sign):
        skipped = [at for at in range(len(parts) + 1) if hidden or not any(part[0] == "." for part in parts[:at])]
        return any(plainly(rest, parts[at:], hidden) for at in skipped)
    is_shown = isinstance(head, str) or hidden or not parts or parts[0][0] != "." or head[:1] == (".",)
    return bool(parts) and is_shown and fits(head, parts[0]) and plainly(rest, parts[1:], hidden)


NAMES = st.text("ab.*?", min_size=1, max_size=4)
STEPS = st.lists(st.just("**") | NAMES, min_size=1, max_size=6)
PARTS = st.lists(st.text("ab.", min_size=1, max_size=3), min_size=1, max_size=6)


@pytest.mark.long
@settings(max_examples=600, deadline=None)
@given(STEPS, PARTS, st.booleans())
def test_one_way_back_finds_what_every_way_finds(steps: list[str], parts: list[str], hidden: bool) -> None:
    pattern = [MANY if step == "**" else globs.name(step) for step in steps]

    path = "/".join(parts)
    assert globs.matches(pattern, path, hidden=hidden) == plainly(pattern, parts, hidden)
    assert globs.needle(pattern) in path or not globs.matches(pattern, path, hidden=hidden)


def test_a_backslash_makes_a_sign_a_character() -> None:
    assert globs.name(r"a\*b", escapes=True) == "a*b"
    assert globs.name(r"a\*b") == ("a", "\\", MANY, "b")
