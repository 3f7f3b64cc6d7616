"""What strangers may send: any JSON, with the texts, numbers and shapes that have broken readers before."""

import json
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

# A busy machine is no failure, and some of this takes its time to be thought of.
HOSTILE = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])

TEXTS = st.one_of(
    st.text(max_size=40),
    st.text(alphabet=st.characters(), max_size=10),  # half pairs, too
    st.sampled_from(["", " ", "\x00", "\ud800", "‮abc", "a\r\nBcc: x", "x" * 5000, "javascript:alert(1)", "9" * 5000]),
    st.sampled_from(
        ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59-23:59", "2026-03-02T12:00:00+00:00Z", "http://[", "trigger"]
    ),
)
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), TEXTS, st.sampled_from([10**400, -1, 1e308, [], {}])
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4), max_leaves=6
)
DEEP = [b"[" * 100_000, b'{"a":' * 50_000, b"[" * 500 + b"]" * 500]


def some(names: list[str], values: st.SearchStrategy[Any] = VALUES) -> st.SearchStrategy[dict[str, Any]]:
    """Objects that have some of these names, each with anything behind it."""
    return st.dictionaries(st.sampled_from(names), values, max_size=len(names))


def body(value: Any) -> bytes:
    return json.dumps(value).encode()
