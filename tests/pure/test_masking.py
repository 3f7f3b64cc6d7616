"""No secret of four characters or more survives masking: as programs write it, or across the pieces of a stream."""

import base64
import html
import json
import shlex
from itertools import pairwise
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from production.masking import SHORTEST, Mask, forms, mask_of

PASSWORD = "s3cr3t/ö \"&<'+=?"
LABEL = "•••DB_PASSWORD•••"
KEY = "-----BEGIN KEY-----\nMIIEvQIBADANBg\n  kqhkiG9w0BAQEFAASC\n-----END KEY-----"

secrets = st.text(min_size=SHORTEST, max_size=40)
few = st.text("ab•", min_size=SHORTEST, max_size=6)  # such as overlap, and look like our own dots
texts = st.text("ab•", max_size=60)


@pytest.mark.parametrize(
    "written",
    [
        PASSWORD,
        quote(PASSWORD, safe=""),
        quote(PASSWORD),
        quote_plus(PASSWORD),
        quote_plus(PASSWORD).lower(),
        quote(PASSWORD, safe="!'()*"),
        json.dumps(json.dumps({"password": PASSWORD})),
        json.dumps(PASSWORD),
        json.dumps(PASSWORD, ensure_ascii=False),
        json.dumps({"password": PASSWORD}),
        html.escape(PASSWORD),
        shlex.quote(PASSWORD),
        repr(PASSWORD),
        str(PASSWORD.encode()),
        PASSWORD.encode().hex(),
        PASSWORD.encode().hex().upper(),
        base64.b64encode(PASSWORD.encode()).decode(),
        base64.b64encode(PASSWORD.encode() + b"\n").decode(),
        base64.urlsafe_b64encode(PASSWORD.encode()).decode().rstrip("="),
    ],
)
def test_a_value_is_found_as_programs_write_it(written: str) -> None:
    masked = mask_of({"DB_PASSWORD": PASSWORD})(f"before {written} after")

    assert LABEL in masked
    assert masked.startswith("before ")
    assert masked.endswith(" after")
    assert not any(form in masked for form in forms(PASSWORD))


@pytest.mark.parametrize("user", ["", "a", "al", "alice", "é"])
def test_a_value_is_found_within_a_login_in_base64(user: str) -> None:
    login = base64.b64encode(f"{user}:{PASSWORD}".encode()).decode()

    masked = mask_of({"DB_PASSWORD": PASSWORD})(f"Authorization: Basic {login}")

    assert LABEL in masked
    left = masked.removeprefix("Authorization: Basic ").partition(LABEL)
    assert len(left[2]) <= 3  # what is left of the last group says less than a character


def test_a_key_of_many_lines_is_found_line_by_line() -> None:
    mask = mask_of({"DB_PASSWORD": KEY})

    assert mask(KEY) == LABEL
    assert mask(KEY.replace("\n", "\r\n")) == LABEL
    shown = mask("\n".join(f"instance 1 | {line}" for line in KEY.splitlines()))
    assert [line.replace(" ", "") for line in shown.splitlines()] == [f"instance1|{LABEL}"] * 4
    wrapped = base64.encodebytes(b"x" + KEY.encode() * 3).decode()
    assert len(mask_of({"DB_PASSWORD": "x" + KEY * 3})(wrapped).replace(LABEL, "").strip()) == 0


def test_lines_that_belong_together_are_masked_together() -> None:
    mask = mask_of({"DB_PASSWORD": "ab\ncd\nef"})

    assert mask.lines(("x", "ab", "cd", "ef", "y")) == ("x", LABEL, "y")
    assert mask.lines(()) == ()


@pytest.mark.parametrize("value", ["", "a", "abc"])
def test_a_value_of_less_than_four_characters_is_left_alone(value: str) -> None:
    assert mask_of({"PIN": value})("abc abc") == "abc abc"


def test_an_old_and_a_new_value_have_one_name() -> None:
    assert Mask([("A", "older"), ("A", "newer")])("older newer") == "•••A••• •••A•••"


def test_a_name_that_says_the_value_is_left_out() -> None:
    assert mask_of({"MY_PASSWORD": "PASSWORD"})("it is PASSWORD.") == "it is •••."


def test_values_that_overlap_are_covered_whole() -> None:
    assert mask_of({"A": "abcd", "B": "cdef"})("1abcdef2") == "1•••A•••2"


@given(st.dictionaries(st.text("AB_", min_size=1), secrets, min_size=1, max_size=4), st.data())
def test_no_form_of_any_secret_survives(values: dict[str, str], data: st.DataObject) -> None:
    written = st.one_of(st.text(max_size=9), *(st.sampled_from(sorted(forms(value))) for value in values.values()))
    text = "".join(data.draw(st.lists(written, max_size=8)))

    masked = mask_of(values)(text)

    assert [form for value in values.values() for form in forms(value) if form in masked] == []
    assert mask_of(values)(masked) == masked


@given(st.lists(few, min_size=1, max_size=3), texts)
def test_no_secret_survives_where_secrets_overlap(values: list[str], text: str) -> None:
    masked = Mask(("AB", value) for value in values)(text)

    assert [value for value in values if value in masked] == []


@given(st.lists(few, min_size=1, max_size=3), texts, st.lists(st.integers(0, 60), max_size=8))
def test_a_stream_is_masked_as_the_whole_wherever_it_is_cut(values: list[str], text: str, cuts: list[int]) -> None:
    mask = Mask(("AB", value) for value in values)
    ends = [0, *sorted(cuts), len(text)]
    chunks = [text[start:end] for start, end in pairwise(ends)]

    assert "".join(mask.stream(chunks)) == mask(text)


@given(st.lists(few, max_size=3), texts)
def test_what_is_no_secret_stays_as_it_is(values: list[str], text: str) -> None:
    mask = Mask(("AB", value) for value in values)

    if not any(form in text for value in values for form in forms(value)):
        assert mask(text) == text
