"""Saying what CI came to, and lifting a quarantine: at the API, in the terminal, on the page; who may and who not."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask import g, render_template_string

import catalog.query
from ledger import events
from pipelines import decided, quarantine, statuses
from pipelines.ci import Status
from pipelines.continuous import CONSIDER, Deploy, Wait
from pipelines.decided import Decided, Ordered
from portal import wiring
from portal.pages.continuous import Shown, look
from tests.conftest import NOON
from tests.doors.browsing import browser
from tests.doors.served import Served, git, portal
from tests.doors.test_cli_deploys import Terminal, free_port, listening, terminal

__all__ = ["terminal"]
SHA, CHECKOUT, PLACE = "c" * 40, "component:default/checkout", "/services/checkout/production"
LIFT = "/services/checkout/environments/production/quarantine/lift"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with portal(tmp_path) as made:
        yield made


@pytest.fixture
def listens(tmp_path: Path, terminal: Terminal) -> Iterator[Served]:
    """A portal that listens; the terminal is alice's."""
    with portal(tmp_path, port=free_port()) as made, listening(made):
        terminal.be(made, "alice")
        yield made


def path_of(served: Served) -> str:
    return f"/repositories/{served.repository_id}/statuses"


def said(**more: Any) -> dict[str, Any]:
    return {"revision": SHA, "context": "tests", "state": "success"} | more


def kept(served: Served) -> Mapping[str, Status]:
    with served.services.database.read() as session:
        return statuses.states(session, served.repository_id, [SHA])[SHA]


def bad(served: Served, revision: str = SHA, reason: str = "14 errors in 1,180 requests") -> None:
    with served.services.database.write() as session:
        quarantine.quarantine(session, CHECKOUT, "production", revision, reason, 7, NOON)


def in_quarantine(served: Served) -> list[str]:
    with served.services.database.read() as session:
        return [one.revision for one in quarantine.active(session, CHECKOUT)]


def make_continuous(served: Served) -> None:
    file = served.repository / "catalog-info.yaml"
    file.write_text(file.read_text().replace("        checks:", "        continuous: true\n        checks:", 1))
    git(served.repository, "commit", "-q", "-a", "-m", "Deploy what is green")
    wiring.sync(served.services, served.repository_id, served.services.clock())


def asked(served: Served) -> str:
    """Which job of continuous delivery is asked for; once told, it is so no more."""
    claim = served.services.jobs.claim("test", [CONSIDER], served.services.clock())
    return claim.key if claim else ""


# The API.


def test_any_ci_says_it_with_one_call_and_it_can_be_read(served: Served) -> None:
    alice = served.as_("alice")
    answer = alice.post(path_of(served), said(said="40 passed", url="https://ci.example.org/7"))

    assert (answer.status_code, answer.json) == (
        202,
        {"revision": SHA, "context": "tests", "state": "success", "news": True},
    )
    told: Any = served.as_("carol").get(path_of(served), revision=SHA).json
    assert (told["verdict"], told["why"]) == ("green", "tests passed")
    assert [(one["context"], one["said"], one["url"]) for one in told["statuses"]] == [
        ("tests", "40 passed", "https://ci.example.org/7")
    ]
    with served.services.database.read() as session:
        (fact,) = [one for one in events.latest(session) if one.kind == "ci.said"]
    assert fact.actor == "user:default/alice"


def test_without_a_revision_the_newest_commit_is_read(served: Served) -> None:
    told: Any = served.as_("carol").get(path_of(served)).json

    assert told["revision"] == git(served.repository, "rev-parse", "HEAD")
    assert (told["verdict"], told["statuses"]) == ("unknown", [])


def test_the_same_word_twice_is_no_news(served: Served) -> None:
    for news in (True, False):
        answer: Any = served.as_("alice").post(path_of(served), said()).json
        assert answer["news"] is news


def test_a_word_with_an_earlier_time_does_not_count_and_the_answer_says_what_is_so(served: Served) -> None:
    alice = served.as_("alice")
    alice.post(path_of(served), said(at="2026-03-02T12:05:00Z"))

    answer: Any = alice.post(path_of(served), said(state="failure", at="2026-03-02T12:00:00+00:00")).json
    assert (answer["state"], answer["news"]) == ("success", False)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({}, "revision: is missing"),
        (said(revision="abc"), "revision: "),
        (said(revision="C" * 40), "revision: "),
        (said(revision=7), "revision: "),
        (said(state="green"), "state: "),
        (said(state=None), "state: "),
        (said(context=""), "context: must be a name"),
        (said(context="a\nb"), "context: must be a name"),
        (said(context="x" * 201), "context: "),
        (said(at="soon"), "at: "),
        (said(at="2026-03-02T12:00:00"), "at: "),
        (said(url="x" * 2001), "url: "),
        (said(commit="x"), "commit: is not known here"),
        ([], "a JSON object is needed"),
    ],
)
def test_what_cannot_be_understood_is_refused_with_its_place(served: Served, body: Any, reason: str) -> None:
    answer: Any = served.as_("alice").post(path_of(served), json=body)

    assert answer.status_code in (400, 422)
    assert any(one.startswith(reason) for one in answer.json["error"]["reasons"]), answer.json
    assert kept(served) == {}


def test_who_may_deploy_nothing_of_it_says_nothing(served: Served) -> None:
    answer: Any = served.as_("carol").post(path_of(served), said())

    assert answer.status_code == 403
    assert answer.json["error"]["message"].startswith("Only who may deploy a service of that repository")
    assert served.as_(None).post(path_of(served), said()).status_code == 401
    assert kept(served) == {}
    assert served.as_("admin").post(path_of(served), said()).status_code == 202


def test_a_repository_that_is_not_there_is_not_found(served: Served) -> None:
    for number in (0, 99, 2**70):
        assert served.as_("admin").post(f"/repositories/{number}/statuses", said()).status_code == 404


def test_news_of_ci_has_continuous_delivery_look(served: Served) -> None:
    make_continuous(served)
    served.as_("alice").post(path_of(served), said())

    assert asked(served) == f"{CHECKOUT}@production"


def test_what_was_decided_and_what_is_in_quarantine_is_told(served: Served) -> None:
    bad(served)
    with served.services.database.write() as session:
        decided.tell(session, CHECKOUT, "production", Wait(("ccc: tests is running",), SHA, NOON), NOON)

    told: Any = served.as_("carol").get("/services/checkout/environments/production/continuous").json
    assert (told["decided"]["word"], told["decided"]["why"]) == ("wait", ["ccc: tests is running"])
    assert [(one["revision"], one["deploy_id"]) for one in told["quarantine"]] == [(SHA, 7)]
    other: Any = served.as_("carol").get("/services/checkout/environments/staging/continuous").json
    assert other["decided"] is None


def test_the_owning_team_lifts_a_quarantine_and_it_is_looked_at_again(served: Served) -> None:
    make_continuous(served)
    bad(served)

    assert served.as_("carol").post(LIFT, {"revision": SHA}).status_code == 403
    assert in_quarantine(served) == [SHA]
    answer: Any = served.as_("bob").post(LIFT, {"revision": SHA[:7]})
    assert (answer.status_code, answer.json["revision"]) == (200, SHA)
    assert in_quarantine(served) == []
    assert asked(served) == f"{CHECKOUT}@production"
    assert served.as_("bob").post(LIFT, {"revision": SHA[:7]}).status_code == 404


# The terminal.


def test_the_terminal_says_it(listens: Served, terminal: Terminal) -> None:
    first = terminal("status", "shop", SHA, "failure", "--check", "tests", "--said", "1 of 40 failed")
    again = terminal("status", str(listens.repository_id), SHA, "failure", "--check", "lint", "--json")

    assert (first.code, first.out) == (0, "tests of ccccccc is failure\n")
    assert again.json == {"revision": SHA, "context": "lint", "state": "failure", "news": True}
    assert kept(listens)["tests"].said == "1 of 40 failed"


def test_a_wrong_call_ends_with_2_and_says_why(listens: Served, terminal: Terminal) -> None:
    short = terminal("status", "shop", "abc", "success")

    assert short.code == 2
    assert "revision: " in short.err
    assert terminal("status", "shop", SHA, "green").code == 2
    assert terminal("status", "shopp", SHA, "success").code == 2
    assert terminal("lift", "checkout").code == 2
    assert terminal("lift", "checkout", "a", "b", "c").code == 2


def test_the_terminal_lifts_a_quarantine(listens: Served, terminal: Terminal) -> None:
    bad(listens)
    bad(listens, "d" * 40)

    assert terminal("lift", "checkout", "c" * 7).out == "ccccccc may go to production by itself again\n"
    assert terminal("lift", "checkout", "production", "d" * 40).code == 0
    assert in_quarantine(listens) == []
    assert terminal("lift", "checkout", "c" * 7).code == 2
    assert terminal("lift", "checkout", "../../x", "c" * 7).code == 2


# The page.


def test_the_button_lifts_it_for_the_team_and_for_nobody_else(served: Served) -> None:
    bad(served)
    carol, alice = browser(served, "carol"), browser(served, "alice")

    assert carol.post(f"{PLACE}/quarantine/lift", revision=SHA).status_code == 403
    assert in_quarantine(served) == [SHA]
    assert alice.post(f"{PLACE}/quarantine/lift", revision="nothing").status_code == 303
    assert alice.post(f"{PLACE}/quarantine/lift", revision=SHA).status_code == 303
    assert in_quarantine(served) == []


def test_the_button_needs_the_token_of_its_page(served: Served) -> None:
    bad(served)

    answer = browser(served, "alice").client.post(f"{PLACE}/quarantine/lift", data={"revision": SHA})
    assert answer.status_code == 400
    assert in_quarantine(served) == [SHA]


def shown(served: Served, of: Shown) -> str:
    """The part of a service's page, in words."""
    template = "{% import 'kit.html' as k with context %}{% include 'continuous.html' %}"
    with served.app.test_request_context("/"):
        g.account = None
        text = render_template_string(
            template, continuous=of, service=SimpleNamespace(ref=CHECKOUT), environment="production", refused=""
        )
    return re.sub(r"\s+", " ", re.sub(r"<svg.*?</svg>|<[^>]+>", " ", text)).replace(" .", ".").strip()


def wait(**more: Any) -> Decided:
    return replace(Decided("wait", ("abc: tests is running",), SHA, NOON, None, None, NOON), **more)


def test_the_page_says_why_it_waits_and_since_when(served: Served) -> None:
    text = shown(served, Shown(True, wait(), ()))

    assert text.startswith("Continuous delivery waits: abc: tests is running, since ")


def test_the_page_says_what_was_ordered(served: Served) -> None:
    ordered = wait(word="deploy", why=("tests passed",), deploy_id=42, since=None)

    assert "ordered deploy #42 of ccccccc" in shown(served, Shown(True, ordered, ()))


def test_the_page_says_what_is_in_quarantine_and_takes_no_text_for_a_tag(served: Served) -> None:
    bad(served, reason="<script>alert(1)</script>")
    with served.services.database.read() as session:
        found = quarantine.active(session, CHECKOUT)

    text = shown(served, Shown(False, None, found))
    assert "ccccccc is in quarantine since" in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert text.endswith("Neither it nor anything older goes out by itself. Lift the quarantine")


def test_where_nobody_asked_for_it_the_page_says_nothing(served: Served) -> None:
    assert shown(served, Shown(False, None, ())) == ""


def test_a_page_looks_at_its_own_environment_and_at_what_waits(served: Served) -> None:
    make_continuous(served)
    head = git(served.repository, "rev-parse", "HEAD")
    bad(served, head)
    bad(served)  # which is none of the commits that wait
    with served.services.database.write() as session:
        decided.tell(session, CHECKOUT, "production", Ordered(Deploy(SHA, "tests passed"), 3), NOON)

    with served.services.database.read() as session:
        service = catalog.query.service(session, CHECKOUT)
        there, elsewhere = look(session, service, "production"), look(session, service, "staging")
    assert there.last is not None
    assert (there.on, there.last.deploy_id) == (True, 3)
    assert [one.revision for one in there.quarantine] == [head]
    assert elsewhere == Shown(False, None, [])
