"""The demo's little of PromQL: what it says of known series, and that it never guesses what it does not know."""

import contextlib
import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.demo.smallpromql import FRESH, Labels, Points, Unknown, evaluated, increase

AT = 1000.0


def series(name: str, *points: tuple[float, float], **labels: str) -> tuple[Labels, Points]:
    return tuple(sorted({"__name__": name, **labels}.items())), points


# Two instances of release 5 and one of release 4; each answers so many a second, and one is slow.
KNOWN = dict(
    [
        series("answers", *((AT - 10 + s, 100.0 + 3 * s) for s in range(11)), server="5-1", release="5", code="2xx"),
        series("answers", *((AT - 10 + s, 100.0 + 1 * s) for s in range(11)), server="5-1", release="5", code="5xx"),
        series("answers", *((AT - 10 + s, 100.0 + 4 * s) for s in range(11)), server="5-2", release="5", code="2xx"),
        series("answers", *((AT - 10 + s, 100.0 + 9 * s) for s in range(11)), server="4-1", release="4", code="2xx"),
        series("seconds", (AT, 0.25), server="5-1", release="5"),
        series("seconds", (AT, 0.75), server="5-2", release="5"),
        series("seconds", (AT - FRESH.total_seconds() - 1, 9.0), server="3-1", release="3"),
    ]
)


@pytest.mark.parametrize(
    ("query", "value"),
    [
        ("2 + 3 * 4 - 6 / 2", 11.0),
        ("(2 + 3) * 4", 20.0),
        ("1 / 0", math.inf),
    ],
)
def test_numbers_are_worked_out_in_their_order(query: str, value: float) -> None:
    assert evaluated(query, KNOWN, AT) == value


@pytest.mark.parametrize(
    ("query", "values"),
    [
        ('max(seconds{release="5"})', {(): 0.75}),
        ('min(seconds{release="5"}) * 1000', {(): 250.0}),
        ("avg(seconds)", {(): 0.5}),  # release 3 is gone
        ("count(seconds)", {(): 2.0}),
        ('sum by (release) (rate(answers{code="2xx"}[10s]))', {(("release", "4"),): 9.0, (("release", "5"),): 7.0}),
        ('sum(rate(answers{code!="2xx"}[10s])) by (release)', {(("release", "5"),): 1.0}),
        ('sum(increase(answers{code=~"5..|4.."}[10s]))', {(): 10.0}),
        ('sum(rate(answers{release="5",code="5xx"}[10s])) / sum(rate(answers{release="5"}[10s]))', {(): 1 / 8}),
        ('sum(seconds{release="9"})', {}),
        ("nothing", {}),
    ],
)
def test_series_are_summed_by_their_labels(query: str, values: dict[Labels, float]) -> None:
    assert evaluated(query, KNOWN, AT) == pytest.approx(values)


def test_a_share_of_nothing_is_not_a_number() -> None:
    still = dict([series("answers", (AT - 2, 5.0), (AT, 5.0), code="2xx")])

    assert math.isnan(evaluated("sum(rate(answers[5s])) / sum(rate(answers[5s]))", still, AT)[()])  # type: ignore[index]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("", "the end"),
        ("histogram_quantile(0.9, answers)", "unknown function histogram_quantile"),
        ("answers[5m]", "put rate"),
        ("rate(answers)", "needs a range"),
        ("sum(answers[5m])", "one value each"),
        ("answers offset 5m", "“offset”"),
        ("answers > 1", "cannot read"),
        ('answers{code=~"(5|4).."}', "of patterns"),
        ('answers{code="5xx"', "where"),
        ("(" * 200, "parentheses"),
        ('answers{code=~".*.*.*.*x"}', "at most 3 times"),
        ("answers[9999999999d]", "where span"),
        ("answers[0s]", "longer than nothing"),
    ],
)
def test_what_is_not_known_is_said_and_never_guessed(query: str, said: str) -> None:
    with pytest.raises(Unknown, match=said.replace("(", r"\(")):
        evaluated(query, KNOWN, AT)


WORDS = st.sampled_from(
    [
        *"(){}[],+-*/=",
        "=~",
        "!=",
        "sum",
        "rate",
        "by",
        "answers",
        "seconds",
        '"5.."',
        "code",
        "5m",
        "0",
        "1.5",
        " ",
        '"',
    ]
)


@given(st.lists(WORDS, max_size=30).map("".join) | st.text(max_size=80))
def test_any_text_has_an_answer_or_is_unknown_and_nothing_else(query: str) -> None:
    with contextlib.suppress(Unknown):
        assert isinstance(evaluated(query, KNOWN, AT), float | dict)


@given(st.lists(st.integers(0, 9), min_size=2, max_size=30), st.integers(0, 50))
def test_a_counter_that_began_anew_has_lost_nothing_it_had_counted(steps: list[int], first: int) -> None:
    """An independent count: visits one by one, with a counter that is thrown away once on the way."""
    counter, points, visits = first, [(0.0, float(first))], 0
    for second, step in enumerate(steps, start=1):
        counter = step if second == len(steps) // 2 else counter + step
        visits += step
        points.append((float(second), float(counter)))
    is_lower = all(
        new < old or second != len(steps) // 2
        for second, ((_, old), (_, new)) in enumerate(itertools.pairwise(points), start=1)
    )

    if is_lower:  # else nobody can see that it began anew
        assert increase(points, float(len(steps)), float(len(steps))) == pytest.approx(visits)
