"""What forges say of their CI, in the shape of each: what is kept, what is let pass, and what is never told."""

import json
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger import events
from pipelines import statuses
from pipelines.ci import State, Status
from pipelines.continuous import CONSIDER
from portal import hearing, hooks, verdicts, wiring
from portal.verdicts import Verdict
from tests.doors.served import git, portal
from tests.doors.test_hooks import URL, Forge, catalog_number, secret_of

SHA = "c" * 40
REPOSITORY = {"name": "checkout", "clone_url": URL, "html_url": URL.removesuffix(".git")}
PROJECT = {"name": "checkout", "git_http_url": URL, "web_url": URL.removesuffix(".git")}
PAST = "2026-03-02T12:00:00Z"


def github_status(state: str = "success", **more: Any) -> dict[str, Any]:
    return {
        "id": 7,
        "sha": SHA,
        "name": "shop/checkout",
        "target_url": "https://ci.example.com/7",
        "context": "ci/tests",
        "description": "40 passed",
        "state": state,
        "branches": [{"name": "main"}],
        "created_at": PAST,
        "updated_at": PAST,
        "repository": REPOSITORY,
        **more,
    }


def check_run(status: str = "completed", conclusion: str | None = "success", **more: Any) -> dict[str, Any]:
    run = {
        "id": 4,
        "name": "unit (3.11)",
        "head_sha": SHA,
        "html_url": "https://git.example.com/runs/4",
        "status": status,
        "conclusion": conclusion,
        "started_at": PAST,
        "completed_at": "2026-03-02T12:05:00Z" if status == "completed" else None,
        "output": {"title": "40 passed", "summary": None},
        "check_suite": {"id": 5},
        "app": {"slug": "github-actions"},
    }
    return {"action": status, "check_run": run | more, "repository": REPOSITORY}


def check_suite(status: str = "completed", conclusion: str | None = "success") -> dict[str, Any]:
    suite = {"head_sha": SHA, "status": status, "conclusion": conclusion, "updated_at": PAST, "app": {"slug": "robot"}}
    return {"action": status, "check_suite": suite, "repository": REPOSITORY}


def workflow_run(status: str = "completed", conclusion: str | None = "success") -> dict[str, Any]:
    run = {
        "name": "CI",
        "head_sha": SHA,
        "status": status,
        "conclusion": conclusion,
        "updated_at": PAST,
        "html_url": "https://git.example.com/runs/9",
        "display_title": "Add a basket",
    }
    return {"action": status, "workflow_run": run, "workflow": {"name": "CI"}, "repository": REPOSITORY}


def pipeline(status: str = "success", finished: str | None = "2026-03-02 13:05:00 +0100") -> dict[str, Any]:
    about = {
        "id": 31,
        "ref": "main",
        "sha": SHA,
        "status": status,
        "detailed_status": "passed",
        "created_at": "2026-03-02 12:00:00 UTC",
        "finished_at": finished,
        "url": "https://git.example.com/pipelines/31",
    }
    return {"object_kind": "pipeline", "object_attributes": about, "project": PROJECT, "builds": []}


def job(status: str = "success", allow_failure: bool = False) -> dict[str, Any]:
    return {
        "object_kind": "build",
        "sha": SHA,
        "build_id": 9,
        "build_name": "tests",
        "build_stage": "test",
        "build_status": status,
        "build_created_at": "2026-03-02 12:00:00 UTC",
        "build_started_at": "2026-03-02 12:01:00 UTC",
        "build_finished_at": None,
        "build_allow_failure": allow_failure,
        "project": PROJECT,
        "repository": {"name": "checkout", "git_http_url": URL},
    }


CALLS: Mapping[tuple[str, str], Any] = {
    ("github", "status"): github_status,
    ("github", "check_run"): check_run,
    ("github", "check_suite"): check_suite,
    ("github", "workflow_run"): workflow_run,
    ("gitlab", "Pipeline Hook"): pipeline,
    ("gitlab", "Job Hook"): job,
    ("gitea", "status"): github_status,
}
KINDS = list(CALLS)
CONTEXTS = ["ci/tests", "unit (3.11)", "suite robot", "workflow CI", "pipeline", "tests", "ci/tests"]


@pytest.fixture
def forge(tmp_path: Path) -> Iterator[Forge]:
    """A portal that reads checkout from the forge."""
    with portal(tmp_path) as served:
        made = Forge(served, secret_of(served, served.services.register(URL, "account:admin")))
        while made.asked:
            pass
        yield made


def kept(forge: Forge) -> Mapping[str, Status]:
    with forge.served.services.database.read() as session:
        return statuses.states(session, catalog_number(forge.served), [SHA])[SHA]


def facts(forge: Forge) -> list[events.Event]:
    with forge.served.services.database.read() as session:
        return [one for one in events.latest(session) if one.kind == "ci.said"]


@pytest.mark.parametrize(
    ("kind", "context"), list(zip(KINDS, CONTEXTS, strict=True)), ids=[" ".join(kind) for kind in KINDS]
)
def test_what_ci_says_is_kept_and_is_a_fact(forge: Forge, kind: tuple[str, str], context: str) -> None:
    name, event = kind
    answer = forge.send(name, CALLS[kind](), event=event)

    assert (answer.status_code, answer.json) == (202, {"message": f"Heard; {context} of ccccccc is success."})
    assert {name: status.state for name, status in kept(forge).items()} == {context: State.SUCCESS}
    assert [one.actor for one in facts(forge)] == [f"forge:{name}"]
    assert len(forge.kept) == 1
    assert not forge.asked  # nothing was pushed


@pytest.mark.parametrize("kind", KINDS, ids=" ".join)
def test_a_call_that_comes_again_is_refused(forge: Forge, kind: tuple[str, str]) -> None:
    name, event = kind
    forge.send(name, CALLS[kind](), event=event)

    again = forge.send(name, CALLS[kind](), event=event)
    assert (again.status_code, again.json["error"]["message"]) == (409, hooks.AGAIN)
    assert len(facts(forge)) == 1


@pytest.mark.parametrize("kind", KINDS, ids=" ".join)
def test_whoever_knows_no_secret_says_nothing(forge: Forge, kind: tuple[str, str]) -> None:
    name, event = kind

    assert forge.send(name, CALLS[kind](), event=event, secret="guessed").status_code == 401
    assert (kept(forge), forge.kept) == ({}, [])


def test_a_repository_that_is_not_read_here_is_not_told_apart(forge: Forge) -> None:
    stranger = json.loads(json.dumps(github_status()).replace("shop/checkout", "shop/nowhere"))

    answer = forge.send("github", stranger, event="status")
    assert (answer.status_code, answer.json["error"]["message"]) == (401, hooks.NOBODY)


def test_words_out_of_order_come_to_the_last_one(forge: Forge) -> None:
    later = github_status("success", updated_at="2026-03-02T12:09:00Z")
    forge.send("github", later, "1", "status")
    answer = forge.send("github", github_status("pending"), "2", "status")

    assert answer.json == {"message": "Heard; that is no news."}
    assert kept(forge)["ci/tests"].state is State.SUCCESS


def test_a_clock_that_is_ahead_keeps_nobody_from_saying_something_later(forge: Forge) -> None:
    forge.send("github", github_status("success", updated_at="2999-01-01T00:00:00Z"), "1", "status")

    assert kept(forge)["ci/tests"].at <= forge.served.services.clock()
    forge.send("github", github_status("failure", updated_at="2999-01-01T00:00:00Z"), "2", "status")
    assert kept(forge)["ci/tests"].state is State.FAILURE


def test_continuous_delivery_looks_where_it_is_asked_for(tmp_path: Path) -> None:
    with portal(tmp_path) as served:
        file = served.repository / "catalog-info.yaml"
        file.write_text(file.read_text().replace("        checks:", "        continuous: true\n        checks:", 1))
        git(served.repository, "commit", "-q", "-a", "-m", "Deploy what is green")
        wiring.sync(served.services, served.repository_id, served.services.clock())
        with served.services.database.write() as session:
            said = [Verdict(SHA, "tests", State.SUCCESS)]
            at = served.services.clock()
            heard = partial(hearing.hear, served.services, session, served.repository_id, said, "ci", at)
            assert (heard(), heard()) == (1, 0)

        claim = served.services.jobs.claim("test", [CONSIDER], served.services.clock())
        assert claim is not None
        assert claim.key == "component:default/checkout@production"
        assert served.services.jobs.claim("test", [CONSIDER], served.services.clock()) is None


def test_a_commit_with_too_many_checks_is_said_and_the_call_is_kept(
    forge: Forge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statuses, "MOST_CONTEXTS", 0)

    answer = forge.send("github", github_status(), event="status")
    assert answer.status_code == 202
    assert answer.json["message"].startswith("Taken, and not understood: ccccccc has 0 checks already")
    assert len(forge.kept) == 1


def state_of(kind: tuple[str, str], told: Mapping[str, Any]) -> str:
    found = verdicts.verdicts(*kind, told)
    return found[0].state.value if found else ""


@pytest.mark.parametrize(
    ("kind", "told", "state"),
    [
        *[(("github", "status"), github_status(said), state) for said, state in verdicts.GITHUB_STATUS.items()],
        *[(("gitea", "status"), github_status(said), state) for said, state in verdicts.GITEA.items()],
        *[(("gitlab", "Pipeline Hook"), pipeline(said), state) for said, state in verdicts.GITLAB.items()],
        *[
            (("github", "check_run"), check_run("completed", said), state)
            for said, state in verdicts.GITHUB_CONCLUSION.items()
        ],
        (("github", "status"), github_status("great"), ""),
        (("github", "check_run"), check_run("queued", None), "pending"),
        (("github", "check_run"), check_run("in_progress", None), "pending"),
        (("github", "check_run"), check_run("completed", None), ""),
        (("github", "check_suite"), check_suite("queued", None), ""),  # of apps that never run anything
        (("github", "workflow_run"), workflow_run("requested", None), "pending"),
        (("github", "workflow_run"), workflow_run("completed", "cancelled"), "failure"),
        (("gitlab", "Job Hook"), job("failed"), "failure"),
        (("gitlab", "Job Hook"), job("failed", allow_failure=True), "skipped"),
        (("gitlab", "Job Hook"), job("manual"), "pending"),
        (("gitlab", "Job Hook"), job("manual", allow_failure=True), "skipped"),
        (("gitlab", "Job Hook"), job("running", allow_failure=True), "pending"),
        (("github", "push"), github_status(), ""),
        (("gitea", "check_run"), check_run(), ""),
    ],
)
def test_each_word_of_each_forge(kind: tuple[str, str], told: Mapping[str, Any], state: str) -> None:
    assert state_of(kind, told) == state


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-03-02T12:00:00Z", "2026-03-02T12:00:00+00:00"),
        ("2026-03-02T12:00:00.123456789Z", "2026-03-02T12:00:00.123456+00:00"),
        ("2026-03-02T14:00:00+02:00", "2026-03-02T12:00:00+00:00"),
        ("2026-03-02 12:00:00 UTC", "2026-03-02T12:00:00+00:00"),
        ("2026-03-02 14:00:00 +0200", "2026-03-02T12:00:00+00:00"),
        ("2026-03-02 12:00:00", "2026-03-02T12:00:00+00:00"),
        ("2026-02-30T12:00:00Z", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_each_way_to_write_a_moment(text: str, moment: str | None) -> None:
    found = verdicts.moment(text)

    assert (found and found.isoformat()) == moment


def test_when_it_ended_counts_before_when_it_began() -> None:
    (said,) = verdicts.verdicts("gitlab", "Pipeline Hook", pipeline())
    (running,) = verdicts.verdicts("gitlab", "Pipeline Hook", pipeline("running", None))

    assert said.at is not None
    assert running.at is not None
    assert said.at > running.at


@pytest.mark.parametrize("sha", ["", "abc", "C" * 40, "0" * 40, "--all", None, 7, ["c" * 40], "c" * 41])
def test_a_word_about_no_commit_comes_to_nothing(sha: Any) -> None:
    assert verdicts.verdicts("github", "status", github_status(sha=sha)) == []


def test_a_name_that_would_steer_a_terminal_is_made_harmless() -> None:
    (said,) = verdicts.verdicts("github", "status", github_status(context="a\x1b[31m\nb" + "x" * 300))

    assert said.context.startswith("a [31m b")
    assert said.context.isprintable()
    assert len(said.context) == verdicts.LONGEST


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just(SHA) | st.just("completed"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["sha", "head_sha", "state", "status", "conclusion", "name", "app", "check_run", "context"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(junk=JUNK, where=st.sampled_from(["", "check_run", "check_suite", "workflow_run", "object_attributes"]))
@pytest.mark.parametrize("kind", KINDS, ids=" ".join)
def test_whatever_a_call_holds_nothing_is_raised(kind: tuple[str, str], junk: Any, where: str) -> None:
    told = {where: junk} if where else junk if isinstance(junk, dict) else {}

    for one in verdicts.verdicts(*kind, told):
        assert len(one.revision) in (40, 64)
        assert one.context
