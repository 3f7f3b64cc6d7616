"""What may stand for a value. Where placeholders stand in a file is in tests/cases/reading."""

import contextlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog import yamlfile
from catalog.placeholders import Unreadable, any_in, filled, named_in

DEEP = "\n".join(f"k{at}: &a{at} {'[' * 40}{f'*a{at - 1}' if at else 1}{']' * 40}" for at in range(30))


def value(key: str, text: str) -> Any:
    """Fill `spec.x` with what a file says; raise what is wrong with it."""
    document = yamlfile.read(f"spec: {{x: {{{key}: ./file}}}}", "deep/catalog-info.yaml")[0][0]

    def read(path: str) -> bytes:
        assert path == "deep/file"
        return text.encode("utf-8", "surrogatepass")

    done, problems = filled(document, "deep/catalog-info.yaml", read, lambda _: None)
    if problems:
        raise Unreadable(str(problems[0]))
    assert done.place(("spec", "x", 3)) == document.place(("spec", "x"))
    return done.data["spec"]["x"]


@pytest.mark.parametrize(
    ("key", "text", "expected"),
    [
        ("$text", "", ""),
        ("$text", "\ufeffa: 1\r\n", "a: 1\r\n"),
        ("$json", '"text"', "text"),
        ("$json", "[1, 1e3, true, null]", [1, 1000.0, True, None]),
        ("$json", '{"a": 1, "a": 2}', {"a": 2}),  # as JSON.parse has it
        ("$yaml", "a: yes", {"a": "yes"}),
        ("$yaml", "---\na: &x [1]\nb: *x\n...\n", {"a": [1], "b": [1]}),
    ],
)
def test_what_a_file_becomes(key: str, text: str, expected: Any) -> None:
    assert value(key, text) == expected


@pytest.mark.parametrize(
    ("key", "text", "why"),
    [
        ("$text", "a\0", '"./file" is not a text file'),
        ("$text", "\ud800", '"./file" is not UTF-8'),
        ("$json", "", "deep/file:1:1 is not JSON: expecting value"),
        ("$json", "{'a': 1}", "deep/file:1:2 is not JSON: expecting property name enclosed in double quotes"),
        ("$json", "[1e999]", "deep/file is not JSON that can be kept: 1e999 is too large"),
        ("$json", "[-Infinity]", "deep/file is not JSON that can be kept: -Infinity is no number"),
        ("$json", '{"\\u0000": 1}', "deep/file holds an escape that stands for no character"),
        ("$json", "[" * 100 + "]" * 100, "deep/file is nested more than 50 levels deep"),
        ("$json", "[" * 100_000, "deep/file is not JSON that can be kept: it is nested too deep"),
        ("$yaml", "", "deep/file has 0 YAML documents; exactly one can stand here"),
        ("$yaml", "a: 1\n---\nb: 1", "deep/file has 2 YAML documents; exactly one can stand here"),
        ("$yaml", "a: [", "deep/file:1:5 a value is missing here, or a bracket before is never closed"),
        ("$yaml", DEEP, "deep/file:2:49 nested more than 50 levels deep, aliases included"),
    ],
)
def test_what_cannot_stand_for_a_value(key: str, text: str, why: str) -> None:
    with pytest.raises(Unreadable) as raised:
        value(key, text)

    assert str(raised.value) == f"deep/catalog-info.yaml:1:12 {key}: {why}"


def test_a_number_with_more_digits_than_python_reads_is_refused() -> None:
    with pytest.raises(Unreadable, match="is not JSON that can be kept"):
        value("$json", "9" * 5000)


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(["$text", "$json", "$yaml"]), st.text(max_size=50) | st.text('[]{}":,1e-\\u0d&*a \n', max_size=50)
)
def test_no_text_makes_it_raise_anything_else(key: str, text: str) -> None:
    with contextlib.suppress(Unreadable):
        value(key, text)


def test_what_looks_like_a_placeholder_is_read_beforehand() -> None:
    text = b"""
a: {$text: ./a.json}
b:
  "$yaml": '../b.yaml'
c: {$json: https://example.org/x}
d: {$text: ../../out}
# $text: seen/too
"""
    assert named_in(text, "deep/catalog-info.yaml") == {
        "deep/a.json",
        "b.yaml",
        "deep/https:/example.org/x",
        "deep/seen/too",
    }
    assert any_in(text)
    assert not any_in(b"text: $no")
