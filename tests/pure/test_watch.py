"""What checks have said, folded look by look; against a model that remembers every answer."""

from dataclasses import replace
from datetime import timedelta
from itertools import takewhile
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from pipelines.watch import (
    FAILS_IN_A_ROW,
    Watch,
    by_check,
    due,
    enough,
    find,
    given_up,
    label,
    line,
    next_look,
    passed,
    seen,
    worse,
)
from production.ports import Answer, Check, Instance
from tests.conftest import NOON

SECOND = timedelta(seconds=1)
HTTP = Check("http", ("/healthz",), passes=3, every=SECOND, deadline=30 * SECOND)
TCP = Check("tcp", passes=1, every=2 * SECOND, deadline=10 * SECOND)
ONE, TWO = (Instance(f"checkout-2-{number}", 2, "127.0.0.1", 30_000 + number, "up") for number in (1, 2))
GOOD = Answer(True, "/healthz answered 200 in 1 ms")
BAD = Answer(False, "/healthz answered 503 in 1 ms")


def folded(*answers: bool, check: Check = HTTP, instance: Instance = ONE, watch: Watch = ()) -> Watch:
    for number, good in enumerate(answers):
        watch = seen(watch, check, instance, GOOD if good else BAD, NOON + number * SECOND)
    return watch


def test_passes_count_in_a_row() -> None:
    assert not passed(folded(True, True), [HTTP], [ONE])
    assert not passed(folded(True, True, False, True, True), [HTTP], [ONE])
    assert passed(folded(False, True, True, True), [HTTP], [ONE])


def test_every_check_must_pass_on_every_instance() -> None:
    one = folded(True, True, True)

    assert not passed(one, [HTTP], [ONE, TWO])
    assert not passed(one, [HTTP, TCP], [ONE])
    assert passed(folded(True, check=TCP, watch=one), [HTTP, TCP], [ONE])
    assert passed((), [], [ONE, TWO])


def test_a_look_remembers_its_last_answer_and_its_first_moment() -> None:
    look = find(folded(True, True, False), HTTP, ONE.name)

    assert look is not None
    assert (look.passes, look.fails, look.total) == (0, 1, 3)
    assert look.said == BAD.said
    assert (look.since, look.at) == (NOON, NOON + 2 * SECOND)


def test_the_next_look_is_due_when_the_check_says_so() -> None:
    watch = folded(True)

    assert due((), HTTP, ONE, NOON)
    assert not due(watch, HTTP, ONE, NOON + SECOND / 2)
    assert due(watch, HTTP, ONE, NOON + SECOND)
    assert next_look(watch, [HTTP], [ONE], NOON) == NOON + SECOND
    assert next_look(watch, [HTTP], [ONE], NOON + 5 * SECOND) == NOON + 5 * SECOND
    assert next_look(watch, [HTTP], [ONE, TWO], NOON) == NOON  # TWO was never looked at


def test_a_check_with_a_delay_is_asked_when_that_is_over_and_not_given_up_before() -> None:
    slow = replace(HTTP, delay=10 * SECOND)

    assert not due((), slow, ONE, NOON + 9 * SECOND, NOON)
    assert due((), slow, ONE, NOON + 10 * SECOND, NOON)
    assert next_look((), [slow], [ONE], NOON + SECOND, NOON) == NOON + 10 * SECOND
    assert given_up((), [slow], [ONE], NOON, NOON + 39 * SECOND) is None
    assert given_up((), [slow], [ONE], NOON, NOON + 40 * SECOND) is not None


def test_a_clock_that_was_set_back_does_not_stop_the_looks() -> None:
    assert due(folded(True), HTTP, ONE, NOON - 60 * SECOND)


def test_probing_is_given_up_at_the_check_s_deadline_and_says_what_was_answered_last() -> None:
    watch = folded(True, False)

    assert given_up(watch, [HTTP], [ONE], NOON, NOON + 29 * SECOND) is None
    assert given_up(watch, [HTTP], [ONE], NOON, NOON + 30 * SECOND) == (
        "checkout-2-1 did not pass 3 times in a row within 30 s: /healthz answered 503 in 1 ms"
    )


def test_what_has_passed_is_never_given_up() -> None:
    assert given_up(folded(True, True, True), [HTTP], [ONE], NOON, NOON + 60 * SECOND) is None


def test_an_instance_that_keeps_exiting_is_given_up_at_once() -> None:
    exited = Instance(ONE.name, 2, "127.0.0.1", 30_001, "exited", code=1)

    assert given_up(folded(False, False), [HTTP], [exited], NOON, NOON + 3 * SECOND) is None
    assert given_up(folded(False, False, False), [HTTP], [exited], NOON, NOON + 3 * SECOND) == (
        "checkout-2-1 exited with 1; /healthz: /healthz answered 503 in 1 ms"
    )


def test_while_baking_one_bad_look_is_no_verdict_and_three_are() -> None:
    assert worse(folded(True, False, False, True, False, False)) is None
    assert worse(folded(True, False, False, False)) == "checkout-2-1: /healthz answered 503 in 1 ms, 3 times in a row"


@pytest.mark.parametrize(
    ("looks", "check", "seconds", "expected"),
    [
        (2, HTTP, 60, False),
        (3, HTTP, 60, True),
        (1, HTTP, 1, False),  # at its beginning and at its end there was room for two
        (2, HTTP, 1, True),
        (1, HTTP, 0.5, True),
        (0, replace(HTTP, delay=10 * SECOND), 5, True),  # nobody was to ask so early
        (0, replace(HTTP, delay=10 * SECOND), 10, False),
    ],
)
def test_a_slow_worker_has_seen_enough_when_as_many_looks_as_make_it_worse_had_room(
    looks: int, check: Check, seconds: float, expected: bool
) -> None:
    watch = folded(*[True] * looks, check=check)

    assert enough(watch, [check], [ONE], seconds * SECOND) is expected
    assert enough((), [], [ONE], seconds * SECOND)
    assert not enough(folded(True, True, True), [HTTP], [ONE, TWO], SECOND)  # nobody asked the second


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ([True], "checkout-2-1 /healthz answered 200 in 1 ms, 1 of 3"),
        ([True] * 3, "checkout-2-1 /healthz answered 200 in 1 ms, 3 of 3, ready"),
        ([True] * 5, "checkout-2-1 /healthz answered 200 in 1 ms, 3 of 3"),
        ([True, False, False], "checkout-2-1 /healthz answered 503 in 1 ms, failed 2 in a row"),
    ],
)
def test_a_look_in_the_log(answers: list[bool], said: str) -> None:
    look = find(folded(*answers), HTTP, ONE.name)

    assert look is not None
    assert line(look, HTTP) == said


@pytest.mark.parametrize(
    ("check", "name"),
    [
        (HTTP, "/healthz"),
        (TCP, "port open"),
        (Check("alive"), "process alive"),
        (Check("command", ("bin/smoke", "--fast")), "bin/smoke --fast"),
    ],
)
def test_checks_are_named_as_people_do(check: Check, name: str) -> None:
    assert label(check) == name


def test_looks_are_grouped_by_check() -> None:
    watch = folded(True, check=TCP, watch=folded(True, instance=TWO, watch=folded(True)))

    assert {check: [look.instance for look in looks] for check, looks in by_check(watch).items()} == {
        "/healthz": ["checkout-2-1", "checkout-2-2"],
        "port open": ["checkout-2-1"],
    }


def in_a_row(answers: list[bool], good: bool) -> int:
    return len(list(takewhile(lambda answer: answer is good, reversed(answers))))


@settings(deadline=None)  # a busy machine is no failure
@given(some.lists(some.tuples(some.sampled_from([HTTP, TCP]), some.sampled_from([ONE, TWO]), some.booleans())))
def test_the_fold_is_what_the_whole_history_says(history: list[tuple[Check, Instance, bool]]) -> None:
    watch: Watch = ()
    for number, (check, instance, good) in enumerate(history):
        watch = seen(watch, check, instance, GOOD if good else BAD, NOON + number * SECOND)

    def answers(check: Check, instance: Instance) -> list[bool]:
        return [good for one, other, good in history if (one, other) == (check, instance)]

    asked: Any = [(check, instance) for check in (HTTP, TCP) for instance in (ONE, TWO)]
    for check, instance in asked:
        look = find(watch, check, instance.name)
        told = answers(check, instance)
        assert (look is None) is (not told)
        if look is not None:
            assert (look.passes, look.fails, look.total) == (in_a_row(told, True), in_a_row(told, False), len(told))
    assert passed(watch, [HTTP, TCP], [ONE, TWO]) is all(
        in_a_row(answers(check, instance), True) >= check.passes for check, instance in asked
    )
    assert (worse(watch) is not None) is any(
        in_a_row(answers(check, instance), False) >= FAILS_IN_A_ROW for check, instance in asked
    )
