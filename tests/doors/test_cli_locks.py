"""`fullcycle lock | unlock | locks | approve`, against a real server on this machine."""

import pytest

from tests.doors.served import Served
from tests.doors.test_cli_deploys import Terminal, served, terminal

__all__ = ["served", "terminal"]


def test_a_lock_is_set_listed_and_lifted(served: Served, terminal: Terminal) -> None:
    set_ = terminal("lock", "checkout", "production", "--reason", "inventory", "--for", "2h")
    assert (set_.code, set_.err) == (0, "")
    assert "checkout in production: locked by alice, until 2" in set_.out

    assert terminal("locks", "--service", "checkout").out == set_.out
    stopped = terminal("deploy", "checkout")
    assert (stopped.code, "Checkout in production is locked: inventory" in stopped.err) == (1, True)

    assert terminal("unlock", "1").out == "lock 1 is lifted: checkout in production\n"
    assert terminal("locks").out == "Nothing is locked.\n"
    assert "lifted 2" in terminal("locks", "--over").out
    again = terminal("unlock", "1")
    assert (again.code, "has been lifted already" in again.err) == (1, True)


def test_everything_is_locked_by_an_admin_only(served: Served, terminal: Terminal) -> None:
    asked = ("lock", "--all", "staging", "--reason", "the cluster moves", "--warn", "--json")
    refused = terminal(*asked)
    assert (refused.code, "Only an admin may lock more than one service." in refused.err) == (2, True)

    terminal.be(served, "admin")
    told = terminal(*asked).json

    assert (told["scope"], told["hard"], told["service"], told["expires_at"]) == ("all of staging", False, None, None)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--reason", "x"), "Say which service, or --all for every one."),
        (("--all", "staging", "production", "--reason", "x"), "With --all there is at most one word"),
        (("checkout", "--reason", "x", "--until", "soon"), "is no time; write 2026-11-23T08:00"),
        (("checkout", "--reason", "x", "--for", "soon"), "write 30m, 2h or 3d"),
        (("checkout", "nowhere", "--reason", "x"), "there are production, staging"),
        (("nothing", "--reason", "x"), "there is no service"),
    ],
)
def test_a_call_that_is_wrong_says_so(
    served: Served, terminal: Terminal, arguments: tuple[str, ...], said: str
) -> None:
    ended = terminal("lock", *arguments)

    assert ended.code == 2
    assert said in ended.err


def test_a_second_person_approves_and_takes_it_back(served: Served, terminal: Terminal) -> None:
    terminal.be(served, "bob")

    given = terminal("approve", "checkout", "--note", "read it twice")

    assert (given.code, given.out.endswith("to production: approved by bob\n")) == (0, True)
    assert terminal("approve", "checkout", "--withdraw").out.endswith("approved by nobody\n")
    terminal.be(served, "carol")
    assert terminal("approve", "checkout").code == 2
