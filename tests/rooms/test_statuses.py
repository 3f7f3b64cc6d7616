"""What CI has said is kept by the time at which it was said, in whichever order it came."""

from datetime import datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger import events
from ledger.db import Database
from ledger.errors import Code, Error
from pipelines import statuses
from pipelines.ci import State, Status
from tests.conftest import NOON

SHA, OTHER = "a" * 40, "b" * 40
MINUTE = timedelta(minutes=1)
PENDING, SUCCESS, FAILURE = State.PENDING, State.SUCCESS, State.FAILURE


def say(database: Database, state: State, at: datetime = NOON, context: str = "tests", **more: str) -> bool:
    told = {"said": "", "url": "", "revision": SHA} | more
    with database.write() as session:
        return statuses.say(session, 1, told["revision"], context, state, told["said"], told["url"], at)


def kept(database: Database, revision: str = SHA, repository: int = 1) -> dict[str, Status]:
    with database.read() as session:
        return dict(statuses.states(session, repository, [revision])[revision])


def facts(database: Database) -> list[tuple[str, str]]:
    with database.read() as session:
        return [(one.data["before"], one.data["state"]) for one in reversed(events.latest(session))]


def test_the_last_word_of_each_context_is_kept(each_database: Database) -> None:
    assert say(each_database, PENDING, said="12 of 40", url="https://ci.example.org/7")
    assert say(each_database, SUCCESS, NOON + MINUTE, said="40 passed", url="https://ci.example.org/7")
    assert say(each_database, FAILURE, context="lint")

    assert kept(each_database) == {
        "lint": Status(FAILURE, "", "", NOON),
        "tests": Status(SUCCESS, "40 passed", "https://ci.example.org/7", NOON + MINUTE),
    }


def test_a_word_that_comes_late_is_let_pass(each_database: Database) -> None:
    say(each_database, SUCCESS, NOON + MINUTE)

    assert not say(each_database, PENDING, NOON)
    assert kept(each_database)["tests"].state is SUCCESS
    assert facts(each_database) == [("", "success")]


def test_a_second_run_begins_anew(database: Database) -> None:
    say(database, FAILURE)
    say(database, PENDING, NOON + MINUTE)
    say(database, SUCCESS, NOON + 2 * MINUTE)

    assert facts(database) == [("", "failure"), ("failure", "pending"), ("pending", "success")]


def test_the_same_word_twice_is_one_fact_and_the_newer_text_is_kept(database: Database) -> None:
    say(database, PENDING, said="1 of 40")

    assert not say(database, PENDING, said="1 of 40")
    assert not say(database, PENDING, NOON + MINUTE, said="30 of 40")
    assert facts(database) == [("", "pending")]
    assert kept(database)["tests"].said == "30 of 40"


@pytest.mark.parametrize("order", list(permutations(State)))
def test_of_one_moment_the_gravest_word_counts_in_any_order(database: Database, order: tuple[State, ...]) -> None:
    for state in order:
        say(database, state)

    assert kept(database)["tests"].state is FAILURE


WORDS = st.lists(st.tuples(st.sampled_from(State), st.integers(0, 4)), min_size=1, max_size=8)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=WORDS, data=st.data())
def test_what_is_kept_does_not_depend_on_the_order(
    database: Database, words: list[tuple[State, int]], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(words))
    with database.write() as session:
        statuses.forget(session, NOON + timedelta(days=1))
    for name, told in (("a", words), ("b", shuffled)):
        for state, minutes in told:
            say(database, state, NOON + minutes * MINUTE, context=name)

    found = kept(database)
    assert (found["a"].state, found["a"].at) == (found["b"].state, found["b"].at)


def test_repositories_and_commits_are_kept_apart(database: Database) -> None:
    say(database, SUCCESS)

    assert kept(database, OTHER) == {}
    assert kept(database, repository=2) == {}


def test_many_commits_are_asked_at_once(database: Database) -> None:
    revisions = [f"{number:040x}" for number in range(statuses.AT_ONCE + 5)]
    for revision in (revisions[0], revisions[-1]):
        say(database, SUCCESS, revision=revision)

    with database.read() as session:
        found = statuses.states(session, 1, revisions)
    assert list(found) == revisions
    assert [revision for revision in revisions if found[revision]] == [revisions[0], revisions[-1]]


@pytest.mark.parametrize("revision", ["", "abc", "A" * 40, "a" * 41, "a" * 39 + "\n", "--all", "g" * 40])
def test_a_word_about_no_commit_is_refused(database: Database, revision: str) -> None:
    with pytest.raises(Error, match="full id") as refused:
        say(database, SUCCESS, revision=revision)
    assert refused.value.code is Code.INVALID


@pytest.mark.parametrize("context", ["", "  ", "a\nb", "x" * 201, "\x1b[31m"])
def test_a_check_without_a_name_is_refused(database: Database, context: str) -> None:
    with pytest.raises(Error, match="name of its check"):
        say(database, SUCCESS, context=context)


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "//evil", "https://a b", 'https://a"onclick=', "x" * 3000, "ftp://a"]
)
def test_what_is_no_address_becomes_no_link(database: Database, url: str) -> None:
    say(database, SUCCESS, url=url)

    assert kept(database)["tests"].url == ""


def test_what_is_said_is_one_line_of_limited_length(database: Database) -> None:
    say(database, SUCCESS, said="40\npassed\x1b[0m " + "x" * 1000)

    text = kept(database)["tests"].said
    assert text.startswith("40 passed [0m x")
    assert len(text) == statuses.LONGEST_SAID


def test_a_commit_has_so_many_checks_and_no_more(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statuses, "MOST_CONTEXTS", 2)
    say(database, SUCCESS, context="a")
    say(database, SUCCESS, context="b")

    with pytest.raises(Error, match="has 2 checks already"):
        say(database, SUCCESS, context="c")
    assert say(database, FAILURE, NOON + MINUTE, context="a")


def test_old_words_are_forgotten(database: Database) -> None:
    say(database, SUCCESS, NOON - MINUTE, context="old")
    say(database, SUCCESS, NOON, context="new")

    with database.write() as session:
        assert statuses.forget(session, NOON) == 1
    assert list(kept(database)) == ["new"]
