"""The language of successCondition and failureCondition: what holds, what nobody knows, and what is refused where."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.conditions import MOST_VALUES, Condition, Unevaluable, WrongCondition, condition, shown

NAN, INF = math.nan, math.inf


@pytest.mark.parametrize(
    ("text", "result", "holds"),
    [
        ("result < 0.01", [0.002], True),
        ("result < 0.01", [0.01], False),  # less, not less or equal
        ("result <= 0.01", [0.01], True),
        ("result[0] < 0.01", [0.002, 5], True),
        ("result[1] > 4", [0.002, 5], True),
        ("result[-1] == 5", [0.002, 5], True),  # counted from the end
        ("result != 0.5", [0.5], False),
        ("len(result) == 2", [1, 2], True),
        ("len(result) == 0", [], True),  # whoever asks for the length has thought of none
        ("result[0] >= 0.95 && result[0] <= 1", [0.97], True),
        ("result < 1 or result > 9", [10], True),
        ("result < 1 and result > 9", [10], False),
        ("true || false && false", [], True),  # and binds closer than or
        ("!(result < 1)", [3], True),
        ("not (result < 1) || false", [3], True),
        ("!true == false", [], True),  # not binds closer than a comparison
        ("1 + 2 * 3 == 7", [], True),
        ("(1 + 2) * 3 == 9", [], True),
        ("10 - 4 - 3 == 3", [], True),  # from the left
        ("8 / 4 / 2 == 1", [], True),
        ("-7 % 3 == -1", [], True),  # the sign of the dividend, as in Go
        ("-result * 2 == -6", [3], True),
        (".5 + 1.5e1 == 15.5", [], True),
        ("'up' == \"up\"", [], True),
        ("'up' != 'down'", [], True),
        ("asFloat('0.5') < result", [0.6], True),
        ("asInt(result) == 2", [2.9], True),
        ("isNaN(result) || result < 1", [NAN], True),
        ("isInf(result)", [INF], True),
        ("isInf(result)", [-INF], True),
        ("isNil(result)", [], True),
        ("isNil(result)", [1], False),
        ("default(result, 0) < 1", [], True),
        ("default(result[0], 0) < 1", [NAN], True),
        ("default(result, 0) < 1", [2], False),
        ("all(result, # < 1)", [0.1, 0.2], True),
        ("all(result, {# < 1})", [0.1, 2], False),
        ("all(result, # < 1)", [NAN, 2], False),  # one is known to be worse
        ("any(result, # > 1)", [0.1, 2], True),
        ("any(result, # > 1)", [NAN, 2], True),
        ("any(result, # > 1)", [0.1], False),
        ("none(result, # > 1)", [0.1, 0.2], True),
        ("none(result, # > 1)", [0.1, 2], False),
        ("len(filter(result, # > 1)) == 1", [0.1, 2], True),
        ("len(filter(result, # > 1)) == 0", [0.1, 0.2], True),
        ("sum(map(result, # * 2)) == 6", [1, 2], True),
        ("max(result) - min(result) < 5", [1, 2, 7], False),
        ("abs(result) == 3", [-3], True),
        ("result > 1e300 * 1e300", [1], False),  # infinity is a number
        ("len(result) > 1 && result[1] < 3", [1], False),  # what the left decides, the right is not asked
    ],
)
def test_a_condition_holds_or_does_not(text: str, result: list[float], holds: bool) -> None:
    assert condition(text).holds(result) is holds


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("result < 1", []),
        ("result >= 1", []),
        ("result[0] < 1", []),
        ("!(result[0] < 1)", []),
        ("result < 1", [NAN]),
        ("result > 1", [NAN]),
        ("result == result", [NAN]),
        ("result != 1", [NAN]),
        ("result + 1 < 1", [NAN]),
        ("all(result, # < 1)", []),  # nothing is true of all of none
        ("none(result, # > 1)", []),
        ("any(result, # > 1)", []),
        ("all(result, # < 1)", [0.1, NAN]),
        ("none(result, # > 1)", [NAN]),
        ("len(filter(result, # > 1)) == 0", []),
        ("len(filter(result, # > 1)) == 0", [NAN]),
        ("sum(result) < 1", []),
        ("sum(result) < 1", [NAN, 0]),
        ("max(result) < 1", [0.5, NAN]),
        ("sum(result) < 1", [INF, -INF]),
        ("isNaN(result)", []),  # not to be there is not NaN
        ("isInf(result)", []),
        ("asFloat(result) < 1", []),
        ("asInt(result) < 1", [NAN]),
        ("result < 1 && true", []),
        ("result < 1 || false", []),
        ("sum(map(result, # / 2)) < 1", [NAN]),
    ],
)
def test_what_compares_no_data_is_not_known_and_never_a_pass(text: str, result: list[float]) -> None:
    assert condition(text).holds(result) is None


@pytest.mark.parametrize(
    ("text", "result", "said"),
    [
        ("1 / result < 1", [0], "1 / result divides by zero"),
        ("result % 0 == 1", [1], "result % 0 divides by zero"),
        ("result[2] < 1", [1, 2], "result[2] asks for a value that is not there; there are 2"),
        ("result[0.5] < 1", [1], "result[0.5] asks for a place that is no whole number"),
        ("result < 1", [1, 2], "the query gives 2 values and the condition needs one"),
        ("asFloat('abc') < 1", [], "asFloat('abc') is no number"),
        ("result[0] < 1", [0.0] * (MOST_VALUES + 1), "the result has 1001 values; at most 1000"),
        ("true && 1 / 0 > 1", [], "1 / 0 divides by zero"),
    ],
)
def test_what_cannot_be_evaluated_is_neither_a_yes_nor_a_no(text: str, result: list[float], said: str) -> None:
    with pytest.raises(Unevaluable) as raised:
        condition(text).holds(result)

    assert str(raised.value).startswith(said)


@pytest.mark.parametrize(
    ("text", "column", "said"),
    [
        ("", 1, "there is no condition; write one like result < 0.01"),
        ("resutl < 1", 1, "there is no 'resutl'; did you mean \"result\"?"),
        ("1 > resutl", 5, 'did you mean "result"?'),
        ("nonsense_word < 1", 1, "there are: result, true"),
        ("lenn(result) > 1", 1, 'did you mean "len"?'),
        ("result = 1", 8, "write == to compare"),
        ("result < 1 & true", 12, "write && for and"),
        ("result < 1 | true", 12, "write || for or"),
        ("result.x < 1", 7, "there are no attributes"),
        ("result == 'up", 11, "this text has no end"),
        ("result < 1 $", 12, "'$' means nothing here"),
        ("result < ", 10, "a value is needed here, and the condition ends"),
        ("(result < 1", 12, "')' is needed after what stands in parentheses, not the end"),
        ("result < 1)", 11, "')' is too much here"),
        ("result < 1 2", 12, "'2' is too much here"),
        ("result", 1, "this is the result and no condition; compare it with something, like result < 0.01"),
        ("result + 1", 1, "this is a number and no condition"),
        ("!result < 1", 2, "a yes or no is needed here, and this is the result"),
        ("result < 1 < 2", 1, "a number is needed here, and this is a yes or no"),
        ("result == 'up'", 1, "a text is needed here, and this is the result"),
        ("true == 1", 9, "a yes or no is needed here, and this is a number"),
        ("result + filter(result, # > 1) > 1", 8, "a list is neither compared nor"),
        ("'a' < 'b'", 1, "a number is needed here, and this is a text"),
        ("filter(result, # > 1) == 1", 23, "a list is neither compared nor"),
        ("# < 1", 1, "# is one value inside all, any, none, filter or map"),
        ("all(result, any(result, # < 1))", 13, "any cannot stand inside another of its kind"),
        ("all(result)", 11, "',' is needed after the list of all, not ')'"),
        ("all(result, # + 1)", 13, "a yes or no is needed here, and this is a number"),
        ("len(1) > 1", 5, "a list is needed here, and this is a number"),
        ("default(result) < 1", 1, "default takes 2 arguments, not 1"),
        ("len() > 1", 1, "len takes 1 argument, not 0"),
        ("len > 1", 1, "len is a function; write len(result…)"),
        ("result[0 < 1", 8, "a number is needed here, and this is a yes or no"),
        ("result < 1e999", 10, "1e999 is too large a number"),
        ("__import__('os')", 1, "there is no '__import__'"),
        ("(" * 60 + "1" + ")" * 60 + " < 1", 51, "this is nested more than 50 deep"),
        ("!" * 200 + "true", 51, "this is nested more than 50 deep"),
        ("+".join("1" * 80) + " < 1", 1, "this has more than 50 steps"),
        ("result < " + "1" * 1000, 1001, "a condition has at most 1000 characters; this one has 1009"),
    ],
)
def test_a_wrong_condition_is_refused_with_its_column(text: str, column: int, said: str) -> None:
    with pytest.raises(WrongCondition) as raised:
        condition(text)

    assert raised.value.column == column
    assert str(raised.value).startswith(f"column {column}: ")
    assert said in str(raised.value)


@pytest.mark.parametrize(
    ("text", "result", "reason"),
    [
        ("result > 0.01", [0.031], "0.031 > 0.01"),
        ("result < 0.01", [0.031], "0.031 ≥ 0.01"),
        ("result[0] <= 0.01", [0.031], "0.031 > 0.01"),
        ("default(result, 0) < 1", [], "0 < 1"),
        ("result < 0.01", [0.01000000001], "0.01000000001 ≥ 0.01"),  # never “0.01 ≥ 0.01” of two that differ
        ("result < 5 && result > 1", [0.5], "0.5 ≤ 1"),
        ("result > 5 || result < 1", [0.5], "0.5 < 1"),
        ("!(result > 0.01)", [0.031], "0.031 > 0.01"),
        ("all(result, # < 1)", [0.1, 2, 3], "2 ≥ 1"),
        ("none(result, # > 1)", [0.1, 3], "3 > 1"),
        ("any(result, # > 1)", [0.1, 3], "3 > 1"),
        ("len(result) == 1", [1, 2], "len(result) = 2 ≠ 1"),
        ("sum(result) < 3", [1, 2], "sum(result) = 3 ≥ 3"),
        ("isNaN(result)", [NAN], "isNaN(result) is true"),
        ("'a' == 'b'", [], "'a' == 'b' is false"),
        ("result < 1", [], ""),  # nobody knows
        ("1 / result < 1", [0], ""),
    ],
)
def test_the_reason_shows_the_numbers_that_decided(text: str, result: list[float], reason: str) -> None:
    assert condition(text).reason(result) == reason


def test_numbers_are_written_for_people() -> None:
    assert [shown(one) for one in (0.1 + 0.2, 12.0, -0.0, 1e20, NAN, -INF)] == [
        "0.3",
        "12",
        "0",
        "1e+20",
        "NaN",
        "-Inf",
    ]


NUMBERS = st.sampled_from(["result[0]", "result[1]", "0.5", "2", "len(result)", "sum(result)", "max(result)"])
COMPARED = st.tuples(NUMBERS, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), NUMBERS).map(" ".join)
EACH = st.tuples(st.sampled_from(["all", "any"]), st.sampled_from(["<", ">"])).map(
    lambda it: f"{it[0]}(result, # {it[1]} 1)"
)
CONDITIONS = st.recursive(
    COMPARED | EACH,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["&&", "||", "and", "or"]), inner).map(
            lambda it: f"({it[0]} {it[1]} {it[2]})"
        ),
        inner.map(lambda it: f"!({it})"),
        inner.map(lambda it: f"not ({it})"),
    ),
    max_leaves=6,
)


def by_python(text: str, result: list[float]) -> Any:
    """The same condition as Python would have it, for results of two ordinary numbers."""
    for ours, theirs in (
        ("&&", " and "),
        ("||", " or "),
        ("!(", " not ("),
        ("all(result, ", "all(one "),
        ("any(result, ", "any(one "),
    ):
        text = text.replace(ours, theirs)
    text = text.replace("one # ", "one ").replace("one < 1)", "one < 1 for one in result)")
    return eval(text.replace("one > 1)", "one > 1 for one in result)"), {"result": result})


@given(CONDITIONS, st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=2))
def test_on_ordinary_numbers_it_says_what_python_says(text: str, result: list[float]) -> None:
    assert condition(text).holds(result) is by_python(text, result)


@given(CONDITIONS)
def test_a_question_about_values_that_are_not_there_is_never_answered_with_yes(text: str) -> None:
    if "len" in text or "result" not in text or " 0.5 " in f" {text} " or "2" in text:
        return  # constants and lengths are known without any value
    assert condition(text).holds([]) is None


@given(st.text(alphabet="result0.5<>=!&|()[]#,' allenmp\n\t%é", max_size=60) | st.text(max_size=40))
def test_hostile_text_is_read_or_refused_and_nothing_else(text: str) -> None:
    try:
        read = condition(text)
    except WrongCondition as refused:
        column = refused.column
    else:
        column = 1
        assert {answered(read, result) for result in ([], [0.5], [NAN], [1.0, 2.0])} <= {True, False, None, "error"}
    assert 1 <= column <= len(text) + 1


def answered(read: Condition, result: list[float]) -> Any:
    try:
        return read.holds(result)
    except Unevaluable:
        assert read.reason(result) == ""
        return "error"
