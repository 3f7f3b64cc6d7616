"""Numbers and times as people read them."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from portal import render
from portal.render import MINUS, NARROW

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)  # a Monday
BERLIN = ZoneInfo("Europe/Berlin")


def plain(text: str) -> str:
    return text.replace(NARROW, "_")


@pytest.mark.parametrize(
    ("ago", "said"),
    [
        (timedelta(seconds=12), "12_s ago"),
        (timedelta(seconds=59.9), "59_s ago"),
        (timedelta(minutes=4, seconds=59), "4_min ago"),
        (timedelta(hours=3), "3_h ago"),
        (timedelta(days=6, hours=23), "6_d ago"),
        (timedelta(days=12), "Wed 18 Feb"),
        (timedelta(days=180), "3 Sep 2025"),
        (timedelta(seconds=-5), "0_s ago"),  # another machine's clock is a little ahead
    ],
)
def test_an_age_has_one_unit_and_becomes_a_day_after_a_week(ago: timedelta, said: str) -> None:
    assert plain(render.age(NOON - ago, NOON, BERLIN)) == said


@pytest.mark.parametrize(
    ("span", "said"),
    [
        (timedelta(milliseconds=84), "84_ms"),
        (timedelta(seconds=48), "48_s"),
        (timedelta(seconds=252), "4_min 12_s"),
        (timedelta(minutes=14), "14_min"),
        (timedelta(seconds=59.7), "1_min"),
        (timedelta(hours=2, minutes=5), "2_h 5_min"),
        (timedelta(days=2, hours=18), "2_d 18_h"),
    ],
)
def test_a_duration_has_two_units_at_most(span: timedelta, said: str) -> None:
    assert plain(render.duration(span)) == said


def test_a_guess_says_about_and_is_never_less_than_what_it_guesses() -> None:
    assert plain(render.about(timedelta(seconds=13 * 60 + 20))) == "about 14_min"
    assert plain(render.about(timedelta(seconds=17))) == "about 20_s"


def test_a_moment_is_told_in_the_readers_zone() -> None:
    late = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)

    assert render.moment(late, NOON, BERLIN) == "today 00:30"
    assert render.moment(late, NOON, ZoneInfo("UTC")) == "yesterday 23:30"
    assert render.moment(NOON + timedelta(days=7), NOON, ZoneInfo("UTC")) == "Mon 9 Mar 12:00"


def test_the_exact_moment_has_its_zone_also_in_summer() -> None:
    assert render.exact(datetime(2026, 7, 1, 10, 0, tzinfo=UTC), BERLIN) == "Wed 01 Jul 2026 12:00:00 CEST"


@pytest.mark.parametrize(
    ("value", "said"), [(1840, "1_840"), (0.12, "0.12"), (4.1, "4.1"), (100, "100"), (1234567.8, "1_234_568")]
)
def test_a_number_has_thousands_apart_and_only_decimals_that_matter(value: float, said: str) -> None:
    assert plain(render.number(value)) == said


def test_a_negative_number_has_a_real_minus() -> None:
    assert render.number(-12) == f"{MINUS}12"


def test_one_of_a_thing_is_not_many() -> None:
    assert render.counted(1, "commit") == "1 commit"
    assert render.counted(3, "commit") == "3 commits"
    assert render.counted(2, "repository", "repositories") == "2 repositories"


@pytest.mark.parametrize(
    ("ref", "short"),
    [("group:default/payments", "payments"), ("group:shop/payments", "shop/payments"), ("payments", "payments")],
)
def test_a_reference_is_short_unless_its_namespace_matters(ref: str, short: str) -> None:
    assert render.short_ref(ref) == short


def test_a_sentence_begins_large_and_ends_once() -> None:
    assert render.sentence("it serves") == "It serves."
    assert render.sentence("it serves!") == "It serves!"
    assert render.sentence("checkout-2-1 did not pass") == "checkout-2-1 did not pass."
    assert render.sentence(" ") == ""
