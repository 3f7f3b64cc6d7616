"""Approvals: one per person, revision and environment, and each a fact."""

import pytest

from ledger import events
from ledger.db import Database
from ledger.errors import Code, Error
from pipelines import approvals, survey
from pipelines.change import Change, Commit
from tests.conftest import NOON

ALICE, BOB = "user:default/alice", "user:default/bob"
WHERE = ("component:default/checkout", "production", "a" * 40)


def approve(database: Database, actor: str = BOB, where: tuple[str, str, str] = WHERE) -> bool:
    with database.write() as session:
        return approvals.approve(session, *where, actor, NOON, "read it twice")


def given(database: Database, where: tuple[str, str, str] = WHERE) -> list[str]:
    with database.read() as session:
        return [one.actor for one in approvals.given(session, *where)]


def test_saying_yes_twice_is_saying_it_once(each_database: Database) -> None:
    assert [approve(each_database), approve(each_database), approve(each_database, ALICE)] == [True, False, True]

    assert sorted(given(each_database)) == [ALICE, BOB]
    with each_database.read() as session:
        assert [one.kind for one in events.latest(session)] == ["approval.given"] * 2


def test_a_yes_is_for_one_revision_in_one_environment(database: Database) -> None:
    approve(database)

    assert given(database, (WHERE[0], "staging", WHERE[2])) == []
    assert given(database, (WHERE[0], WHERE[1], "b" * 40)) == []
    assert given(database, ("component:default/ledger", *WHERE[1:])) == []


def test_a_yes_is_taken_back_by_whoever_gave_it(each_database: Database) -> None:
    approve(each_database)

    def withdraw(actor: str) -> None:
        with each_database.write() as session:
            approvals.withdraw(session, *WHERE, actor, NOON)

    with pytest.raises(Error) as found:
        withdraw(ALICE)
    assert found.value.code is Code.CONFLICT
    assert given(each_database) == [BOB]
    withdraw(BOB)
    assert given(each_database) == []
    with each_database.read() as session:
        assert events.latest(session)[0].kind == "approval.withdrawn"


def test_an_author_whom_the_catalog_does_not_know_is_known_by_her_mail(database: Database) -> None:
    commit = Commit("a" * 40, "mine", "Eve", "Eve@Example.org", NOON, 1, 1, 0)

    with database.read() as session:
        assert survey.authors(session, Change((commit,))) == {"eve@example.org"}
        assert survey.authors(session, Change()) == frozenset()
