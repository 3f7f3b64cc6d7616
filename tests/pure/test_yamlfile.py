"""YAML as Backstage's parser reads it, with the place of everything; no text makes it raise."""

import math
import string
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog import scalars
from catalog.yamlfile import MAX_BYTES, Document, Place, Problem, read


def data(text: str | bytes) -> Any:
    documents, problems = read(text, "f.yaml")
    assert not problems, problems
    return [document.data for document in documents]


def said(text: str | bytes) -> list[str]:
    return [str(problem) for problem in read(text, "f.yaml")[1]]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        *((word, word) for word in ("yes", "no", "on", "off", "Yes", "NO", "y", "n")),
        ("2024-01-01", "2024-01-01"),
        ("2024-01-01T00:00:00Z", "2024-01-01T00:00:00Z"),
        ("1:30", "1:30"),
        ("012", 12),
        ("0o14", 12),
        ("0x1F", 31),
        ("0b11", "0b11"),
        ("1_000", "1_000"),
        ("1e3", 1000.0),
        ("-.5", -0.5),
        ("5.", 5.0),
        (".", "."),
        ("-", [None]),
        ("=", "="),
        ("<<", "<<"),
        ("~", None),
        ("", None),
        ("Null", None),
        ("TRUE", True),
        ("tRUE", "tRUE"),
        (".inf", math.inf),
        ("-.INF", -math.inf),
        ("'1'", "1"),
        ('"true"', "true"),
        ("!!str 1", "1"),
        ("!!int '3'", 3),
        ("!Foo bar", "bar"),
        ("!Foo 1", "1"),
        ("!!python/object/apply:os.system [id]", ["id"]),
        ("! 1", "1"),
        ("9" * 400, math.inf),
    ],
)
def test_a_value_means_what_it_means_in_yaml_1_2(written: str, value: object) -> None:
    text = f"a:\n  {written}\n" if written == "-" else f"a: {written}\n"

    assert data(text) == [{"a": value}]


def test_not_a_number_is_a_number() -> None:
    assert math.isnan(data("a: .nan")[0]["a"])


def test_keys_are_always_text() -> None:
    assert data("1: a\ntrue: b\nnull: c\n~x: d\n") == [{"1": "a", "true": "b", "": "c", "~x": "d"}]


def test_a_number_and_its_text_are_the_same_key() -> None:
    assert said("1: a\n'1': b\n") == ['f.yaml:2:1 "1" stands twice here; keep one of them']


def test_a_merge_key_is_a_key_like_any_other() -> None:
    assert data("a: &x {b: 1}\nc:\n  <<: *x\n") == [{"a": {"b": 1}, "c": {"<<": {"b": 1}}}]


def test_a_document_that_asks_for_yaml_1_1_gets_its_booleans_and_the_next_does_not() -> None:
    assert data("%YAML 1.1\n---\na: yes\nb: off\n---\na: yes\n") == [{"a": True, "b": False}, {"a": "yes"}]


@pytest.mark.parametrize("text", ["", "\n", "# only words\n", "---\n", "---\n...\n---\n", "\ufeff", "--- # x\n"])
def test_empty_documents_are_skipped(text: str) -> None:
    assert data(text) == []


@pytest.mark.parametrize(
    "text", ["a: 1\n---\nb: 2\n", "a: 1\r\n---\r\nb: 2\r\n", "---\na: 1\n...\n---\nb: 2\n", "\ufeffa: 1\n--- {b: 2}\n"]
)
def test_documents_are_split_by_their_markers(text: str) -> None:
    assert data(text) == [{"a": 1}, {"b": 2}]


def test_a_marker_inside_a_block_of_text_is_text_when_it_is_indented() -> None:
    assert data("a: |\n  x\n  ---\n  y\n") == [{"a": "x\n---\ny\n"}]


def test_a_broken_document_does_not_hide_the_others() -> None:
    documents, problems = read("a: 1\n---\nb: [\n---\nc: 3\n", "f.yaml")

    assert [document.data for document in documents] == [{"a": 1}, {"c": 3}]
    assert [problem.place.line for problem in problems] == [4]  # where the list should have ended


def test_a_key_that_stands_twice_spoils_its_document_and_keeps_the_first_value() -> None:
    documents, problems = read("a:\n  b: 1\n  c: 2\n  b: 3\n", "f.yaml")

    assert [(document.data, document.sound) for document in documents] == [({"a": {"b": 1, "c": 2}}, False)]
    assert [str(problem) for problem in problems] == ['f.yaml:4:3 "b" stands twice here; keep one of them']


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("just words\n", "f.yaml:1:1 a document must be a mapping of keys, this is a single value"),
        ("- a\n", "f.yaml:1:1 a document must be a mapping of keys, this is a list"),
        ("a: b: c\n", "f.yaml:1:5 a second “: ” in one line; put the value in quotes, or mind the indentation"),
        ("a: @x\n", 'f.yaml:1:4 a value cannot begin with "@"; put it in quotes'),
        ("a:\n\tb: 1\n", "f.yaml:2:1 a tab; YAML is indented with spaces; replace it by spaces"),
        ("a: 'x\n\n", "f.yaml:1:4 a quote that was opened is never closed"),
        ("a: [1\nb: 2\n", "f.yaml:2:2 a “,” or the closing “]” is missing"),
        ("a: {b: 1\n", "f.yaml:2:1 a “,” or the closing “}” is missing"),
        ("a: 1\nb\nc: 2\n", "f.yaml:3:1 this line is no “key: value”; add a “:” or indent it"),
        ("a: *b\n", "f.yaml:1:4 *b has no &b before it"),
        ("a: &a [*a]\n", "f.yaml:1:8 *a has no &a before it"),
        ("? [a]\n: b\n", "f.yaml:1:3 a key must be text, this is a list or a mapping"),
        ('a: "\\0"\n', "f.yaml:1:4 an escape that stands for no character"),
        ("a: x\x07\n", "f.yaml:1:5 a control character (U+0007); remove it"),
        ("a: 1\nb: \0", "f.yaml:2:4 this is not a text file"),
        (b"a: 1\nbc: \xff\n", "f.yaml:2:5 this is not UTF-8; save it as UTF-8"),
        ("x" * (MAX_BYTES + 1), "f.yaml:1:1 the file has 1.0 MiB; at most 1 MiB is read; split it"),
        ("a: " + "[" * 100_000, "f.yaml:1:54 nested more than 50 levels deep"),
        ("a:\n- &x 1\n" + "- *x\n" * 101, "f.yaml:103:3 more than 100 aliases; write the values out"),
    ],
)
def test_what_cannot_be_read_has_a_place_and_a_sentence(text: str | bytes, problem: str) -> None:
    assert said(text) == [problem]


@pytest.mark.parametrize(
    "text", ["a: {{ name }}\n", "{% if a %}\na: 1\n", "a: 1\n{{- range }}\nb: 2\n", "a: {{b}}: c\n"]
)
def test_a_skeleton_is_one_problem_that_names_the_cause(text: str) -> None:
    problems = said(text)

    assert len(problems) == 1
    assert "this is a template with {" in problems[0]


def test_aliases_that_stand_in_one_another_are_as_deep_as_what_they_stand_for() -> None:
    steps = ["k0: &a0 " + "[" * 40 + "1" + "]" * 40, *(f"k{n}: &a{n} [[[*a{n - 1} ]]]" for n in range(1, 9))]

    fine, _ = read("\n".join(steps[:4]), "f.yaml")
    _, problems = read("\n".join(steps), "f.yaml")

    assert len(fine) == 1
    assert [str(problem) for problem in problems] == ["f.yaml:5:12 nested more than 50 levels deep, aliases included"]


def test_an_alias_bomb_is_refused_at_once() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]" for level in range(1, 9)]

    assert "aliases included" in said("\n".join(lines))[0]


def document(text: str) -> Document:
    documents, problems = read(text, "catalog-info.yaml")
    assert not problems
    return documents[0]


def test_a_place_is_that_of_the_value_or_of_its_key() -> None:
    found = document("spec:\n  owner: payments\n  tags: [a, bb]\n")

    assert found.place(("spec", "owner")) == Place("catalog-info.yaml", 2, 10)
    assert str(found.place(("spec", "owner"), key=True)) == "catalog-info.yaml:2:3"
    assert str(found.place(("spec", "tags", 1))) == "catalog-info.yaml:3:13"


def test_a_place_that_is_not_there_is_its_nearest_parents() -> None:
    found = document("spec:\n  deploy: {}\n")

    assert str(found.place(("spec", "deploy", "build", 3), key=True)) == "catalog-info.yaml:2:3"
    assert str(found.place(("nowhere",))) == "catalog-info.yaml:1:1"


def test_places_in_a_later_document_count_from_the_start_of_the_file() -> None:
    found = read("# words\na: 1\n---\n\nb:\n  c: 2\n", "f.yaml")[0][1]

    assert str(found.place(("b", "c"), key=True)) == "f.yaml:6:3"


def test_columns_count_characters_and_lines_break_only_where_an_editor_breaks_them() -> None:
    found = document('a: {"ü😀": x, b: 1}\nc: "\u2028\u0085"\nd: 2\n')

    assert found.place(("a", "b"), key=True).column == 14
    assert found.place(("d",), key=True).line == 3


def test_a_problem_reads_as_one_line() -> None:
    problem = Problem(Place("f.yaml", 7, 3), "unknown-owner", 'owner: no team "paymets"', 'did you mean "payments"?')

    assert str(problem) == 'f.yaml:7:3 owner: no team "paymets"; did you mean "payments"?'


KEYS = st.text(string.ascii_letters + "äß", min_size=1, max_size=6).filter(lambda key: scalars.plain(key) == key)
VALUES = st.recursive(
    st.one_of(st.integers(), st.booleans(), st.just("words here"), st.just("ü")),
    lambda below: st.one_of(
        st.dictionaries(KEYS, below, min_size=1, max_size=4), st.lists(below, min_size=1, max_size=4)
    ),
    max_leaves=12,
)


def written(value: Any, indent: int = 0) -> str:
    """Write a value in block style, in the plainest way."""
    pad = "\n" + " " * indent
    if isinstance(value, dict):
        return "".join(f"{pad}{key}: {written(below, indent + 2)}" for key, below in value.items())
    if isinstance(value, list):
        return "".join(f"{pad}- {written(below, indent + 2)}" for below in value)
    return str(value).lower() if isinstance(value, bool) else str(value)


@pytest.mark.long
@settings(max_examples=150, deadline=None)
@given(st.dictionaries(KEYS, VALUES, min_size=1, max_size=5), st.sampled_from(["\n", "\r\n"]))
def test_every_place_points_at_text_that_starts_with_the_key(value: dict[str, Any], line_end: str) -> None:
    text = written(value).replace("\n", line_end)
    found = document(text)
    lines = text.split(line_end)

    assert found.data == value
    for path in found.keys:
        place = found.place(path, key=True)
        assert lines[place.line - 1][place.column - 1 :].startswith(f"{path[-1]}:")


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(), st.binary(), st.text("-:[]{}&*!|>%@`'\"#,? \n\ta1<=~.")))
def test_no_text_makes_it_raise_and_every_problem_lies_inside_the_text(text: str | bytes) -> None:
    _documents, problems = read(text, "f.yaml")

    shown = text if isinstance(text, str) else text.decode("utf-8", "replace")
    assert all(1 <= problem.place.line <= len(shown) + 1 and problem.place.column >= 1 for problem in problems)
