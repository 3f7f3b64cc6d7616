"""What a release ran with is told from what the next one will run with, name by name, and never with a secret."""

import pytest

from production.values import RanWith, changes, ran_with, read, rolling_back

BEFORE = RanWith({"LEVEL": "info", "OLD": "1"}, {"DB": "1f", "TOKEN": "2e", "GONE": "3d"})
NOW = RanWith({"LEVEL": "debug", "NEW": "2"}, {"DB": "1f", "TOKEN": "9a", "KEY": "4c"})


def test_every_difference_is_a_sentence_plain_values_first() -> None:
    assert changes(BEFORE, NOW, 230) == [
        "LEVEL is debug, was info in release 230",
        "NEW is new: 2",
        "OLD is gone, was 1 in release 230",
        "the secret GONE is not used any more",
        "the secret KEY is new",
        "the secret TOKEN has changed since release 230",
    ]


def test_what_is_the_same_is_not_told() -> None:
    assert changes(BEFORE, BEFORE, 230) == []


def test_nothing_is_said_of_a_secret_that_could_not_be_had() -> None:
    assert changes(RanWith({}, {"DB": "1f"}), RanWith({}, {"DB": ""}), 230) == []
    assert rolling_back(RanWith({}, {"DB": ""}), RanWith({}, {"DB": "1f"}), 230).endswith("as they are now.")


def test_it_is_kept_as_json_and_comes_back() -> None:
    made = ran_with({"env": {"LEVEL": "info"}, "secrets": {"DB": "payments/db"}}, {"DB": "1f"})

    assert made == RanWith({"LEVEL": "info"}, {"DB": "1f"})
    assert read(made.as_json()) == made
    assert read(None) is None
    assert ran_with({}, {}) == RanWith()


@pytest.mark.parametrize(
    ("before", "now", "said"),
    [
        (BEFORE, RanWith(), "It runs with the variables that release 229 had."),
        (
            BEFORE,
            BEFORE,
            "It runs with the variables that release 229 had, and with the secrets as they are now, "
            "which are the same.",
        ),
        (
            BEFORE,
            NOW,
            "It runs with the variables that release 229 had, and with the secrets as they are now; "
            "TOKEN, KEY changed since.",
        ),
        (
            None,
            NOW,
            "It runs with the variables that release 229 had, and with the secrets as they are now; "
            "which ones it ran with then is not known.",
        ),
    ],
)
def test_a_rollback_says_which_values_it_runs_with(before: RanWith | None, now: RanWith, said: str) -> None:
    assert rolling_back(before, now, 229) == said
