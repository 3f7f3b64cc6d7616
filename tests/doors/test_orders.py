"""A deploy that pauses, as the API and the terminal show it; who answers it; and what a release would run with."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from ledger.errors import Code, Error
from pipelines import analysis
from pipelines.deploy import Fact, Kind
from pipelines.evidence import Evidence
from pipelines.proof import Proof
from portal import keyring, secretsettings, wiring
from portal.api import tell
from portal.cli import follow
from portal.client import Client
from portal.config import environment
from production.metricsport import Sample, Values
from production.secretstores import MemorySecrets
from tests.conftest import NOON
from tests.doors.served import BAD, PEOPLE, Served, git, portal, until
from tests.doors.test_cli_deploys import Terminal, free_port, listening, manual, terminal, typed
from tests.pure.deploys import plan_of, told

__all__ = ["terminal"]

DEPLOY = "/services/checkout/deploys"
PRODUCTION = {"environment": "production"}
CHECK = {"http": "/healthz", "passes": 1, "every": "20ms", "deadline": "300ms"}
MEMORY = {"kind": "memory", "instances": 2, "drain": "0s"}
ASKING = {"canary": [{"weight": 50, "pause": True}, 100]}
SCRIPT = {"kind": "command", "deploy": ["true"], "env": {"LEVEL": "info"}, "secrets": ["DB_PASSWORD"]}


@pytest.fixture
def served(tmp_path: Path, terminal: Terminal) -> Iterator[Served]:
    """A portal that listens, with a worker; the terminal is alice's."""
    with portal(tmp_path, port=free_port()) as made, listening(made), made.working():
        terminal.be(made, "alice")
        yield made


def commit(served: Served, subject: str, described: dict[str, Any], files: dict[str, str] | None = None) -> None:
    """Commit a revision of checkout that is deployed like that, and have the portal read it."""
    told = {"target": MEMORY, "bake": "0s", "judge": "off", "checks": [CHECK]} | described
    component = {
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Component",
        "metadata": {"name": "checkout"},
        "spec": {
            "type": "service",
            "lifecycle": "production",
            "owner": "group:payments",
            "deploy": {"environments": {"production": told}},
        },
    }
    written = {"catalog-info.yaml": f"# {subject}\n{PEOPLE}{yaml.safe_dump(component)}", **(files or {})}
    for name, text in written.items():
        (served.repository / name).write_text(text)
    git(served.repository, "add", ".")
    git(served.repository, "commit", "-q", "-m", subject)
    wiring.sync(served.services, served.repository_id, served.services.clock())


def order(served: Served, path: str, body: dict[str, Any] | None = None) -> Any:
    """Post as alice; return what is answered."""
    return served.as_("alice").post(path, body).get_json()


def paused(served: Served, described: dict[str, Any], files: dict[str, str] | None = None) -> Any:
    """Deploy the first, then one that pauses; return the page of that."""
    alice = served.as_("alice")
    alice.ended(order(served, DEPLOY, PRODUCTION)["id"])
    commit(served, "the second", described, files)
    alice.post(DEPLOY, PRODUCTION)
    return waited(served)


def page_of(served: Served, number: int) -> Any:
    return served.as_("alice").get(f"/deploys/{number}").get_json()


def waited(served: Served) -> Any:
    until(lambda: page_of(served, 2)["deploy"]["state"] == "paused", "deploy 2 pauses")
    return page_of(served, 2)


# A pause, over the API.


def test_a_pause_says_what_is_asked_and_until_when_and_goes_on_by_an_order(served: Served) -> None:
    page = paused(served, {"strategy": ASKING, "patience": "2h"})
    alice, pause = served.as_("alice"), page["pause"]

    assert (page["deploy"]["percent"], pause["asks"], pause["why"]) == (
        50,
        "strategy",
        "the strategy says so after 50 %",
    )
    assert moment(pause["until"]) - moment(pause["at"]) == timedelta(hours=2)
    assert [step["state"] for step in page["steps"] if step["step"]["kind"] == "pause"] == ["paused"]
    assert [(wave["percent"], wave["pause"]) for wave in page["plan"]["waves"]] == [(50, True), (100, False)]

    answer = alice.post("/deploys/2/resume", {"reason": "looks good"})
    ended = alice.ended(2)

    assert (answer.status_code, ended["deploy"]["state"], ended["pause"]) == (202, "healthy", None)
    facts = alice.get("/events", subject="deploy:2", limit=500).get_json()["events"]
    ordered = next(fact for fact in facts if fact["kind"] == "deploy.resume_ordered")
    assert (ordered["actor"], ordered["data"]["reason"]) == ("user:default/alice", "looks good")


def test_steps_after_a_pause_and_another_look_have_their_own_times(served: Served) -> None:
    paused(served, {"strategy": ASKING})
    alice = served.as_("alice")
    alice.post("/deploys/2/resume")

    steps = [step for step in alice.ended(2)["steps"] if not step["undo"]]

    assert {step["state"] for step in steps} == {"done"}
    assert [step["step"]["kind"] for step in steps if step["began_at"] is None] == ["pause"]
    began = [step["began_at"] for step in steps if step["began_at"]]
    assert began == sorted(began)
    assert [step["said"] for step in steps if step["step"]["kind"] == "weigh"] == ["2: 50 %, 1: 50 %", "2: 100 %"]


def test_a_stranger_may_order_nothing(served: Served) -> None:
    page, carol = paused(served, {"strategy": ASKING}), served.as_("carol")

    for name in ("resume", "look", "pause", "abort"):
        answer = carol.post(f"/deploys/2/{name}")
        assert answer.status_code == 403
        assert "Ask Alice Moreau or Bob Okafor." in answer.get_json()["error"]["message"]
    assert page_of(served, 2)["pause"] == page["pause"]
    assert served.as_("bob").post("/deploys/2/abort").status_code == 202


def test_an_order_that_comes_too_late_is_a_sentence(served: Served) -> None:
    alice = served.as_("alice")
    alice.ended(order(served, DEPLOY, PRODUCTION)["id"])

    for name, why in (
        ("resume", "that deploy does not wait for anybody: it is healthy"),
        ("look", "that deploy does not wait for anybody: it is healthy"),
        ("pause", "that deploy is healthy; only one that is going out can pause"),
    ):
        answer = alice.post(f"/deploys/1/{name}")
        assert (answer.status_code, answer.get_json()["error"]["message"]) == (409, why)
        assert alice.post(f"/deploys/99/{name}").status_code == 404
        assert alice.post(f"/deploys/1/{name}", {"resaon": ""}).status_code == 422


@pytest.mark.long
def test_a_person_has_it_wait_before_its_next_step(served: Served) -> None:
    alice = served.as_("alice")
    alice.ended(order(served, DEPLOY, PRODUCTION)["id"])
    commit(served, "the second", {"strategy": {"canary": [50, 100], "bake": "1s"}})
    alice.post(DEPLOY, PRODUCTION)
    until(lambda: page_of(served, 2)["deploy"]["state"] == "baking", "deploy 2 is watched")

    first, again = (alice.post("/deploys/2/pause", {"reason": "lunch"}) for _ in range(2))
    page = waited(served)

    assert (first.status_code, again.status_code) == (202, 202)
    assert (page["pause"]["asks"], page["pause"]["why"]) == ("person", "lunch")
    alice.post("/deploys/2/abort", {"reason": "not today"})
    assert alice.ended(2)["deploy"]["state"] == "aborted"


def test_what_cannot_be_taken_back_asks_without_end(served: Served) -> None:
    bad = {"target": MEMORY | {"fails": {"*": "check"}}, "irreversible": ["*.sql"]}
    page = paused(served, bad, {"drop.sql": "DROP TABLE orders;\n"})
    alice = served.as_("alice")

    assert (page["pause"]["asks"], page["pause"]["until"]) == ("irreversible", None)
    assert "drop.sql" in page["plan"]["irreversible"]
    looked = alice.post("/deploys/2/look")
    until(lambda: (page_of(served, 2)["pause"] or page["pause"])["at"] > page["pause"]["at"], "it asks again")
    assert looked.status_code == 202
    alice.post("/deploys/2/abort")
    assert alice.ended(2)["deploy"]["state"] == "aborted"


def test_a_deploy_says_until_when_the_one_before_stays_warm_and_its_terms(served: Served) -> None:
    alice = served.as_("alice")
    alice.ended(order(served, DEPLOY, PRODUCTION)["id"])
    commit(served, "the second", {"keep": "10m"})

    page = alice.ended(order(served, DEPLOY, {**PRODUCTION, "hotfix": True})["id"])

    assert page["plan"]["keep_seconds"] == 600
    assert moment(page["warm_until"]) - moment(page["deploy"]["ended_at"]) < timedelta(minutes=11)
    assert (page["terms"]["hotfix"], page["terms"]["override"], page["terms"]["course"]) == (True, "", None)
    assert alice.get("/deploys/1").get_json()["warm_until"] is None


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


# What was seen, as the API tells it.


def test_the_counts_of_both_releases_are_told_with_what_they_say() -> None:
    plan = plan_of(judge={"alpha": 0.001})
    seen = Evidence(canary_errors=8, baseline_errors=18, canary_requests=452, baseline_requests=6542)
    proof = Proof(evidence=seen, pending=(10, 1), verdict="fail", said="8 errors in 452 requests")

    told_ = tell.proof(replace(told(plan=plan), proof=proof))

    assert told_ is not None
    assert told_.model_dump() == {
        "verdict": "fail",
        "said": "8 errors in 452 requests",
        "canary": {"requests": 462, "errors": 9},
        "baseline": {"requests": 6542, "errors": 18},
        "e": 1.0,
        "bar": 1000.0,
    }
    assert tell.proof(told(plan=plan_of(judge="off"))) is None
    assert tell.proof(told(plan=plan_of(base=None))) is None


def test_evidence_beyond_all_bounds_is_still_a_number() -> None:
    seen = replace(told(plan=plan_of()), proof=Proof(evidence=Evidence(logs=(5000.0,) * 6)))

    told_ = tell.proof(seen)

    assert told_ is not None
    json.dumps(told_.model_dump(), allow_nan=False)


def test_every_metric_is_told_also_before_it_is_measured() -> None:
    wanted = [
        {"name": "refused", "log": "refused", "failureCondition": "result > 5", "interval": "10s"},
        {"name": "lost", "log": "lost", "failureCondition": "result > 5"},
    ]
    deploy = told(plan=plan_of(analysis=wanted))
    assert deploy.plan is not None
    metric = deploy.plan.metrics[0]
    run = analysis.measured(analysis.began(metric, NOON), metric, Values((Sample(7.0),)), NOON)

    found = tell.metrics(replace(deploy, proof=Proof(runs=(run,))))

    assert [(one.name, one.phase) for one in found] == [("refused", "failed"), ("lost", "pending")]
    assert "the limit is 0" in found[0].said


def test_a_step_that_was_done_twice_is_told_as_it_was_last() -> None:
    bad = Fact(Kind.PAUSED, "nobody can tell", asks="irreversible")
    first = told(Kind.ATTEMPTED, bad, plan=plan_of(irreversible="drops a table"))
    again = told(Kind.ATTEMPTED, bad, Kind.LOOKED_AGAIN, Kind.ATTEMPTED, Kind.STEP_DONE, plan=first.plan or plan_of())

    assert [step.state for step in tell.steps(first)][:2] == ["paused", "todo"]
    assert [(step.state, step.said) for step in tell.steps(again)][:2] == [("done", ""), ("todo", "")]


# The terminal.


@pytest.mark.long
def test_without_a_terminal_waiting_ends_at_a_pause_with_what_is_asked(served: Served, terminal: Terminal) -> None:
    terminal("deploy", "checkout", "--wait")
    commit(served, "the second", {"strategy": ASKING})

    said = terminal("deploy", "checkout", "--wait")

    assert said.code == 1
    lines = said.out.splitlines()
    asked = lines.index("paused, for a person says when it goes on: the strategy says so after 50 %")
    assert [line.split("  ")[1] for line in lines[asked + 1 : asked + 4]] == [
        "fullcycle resume 2",
        "fullcycle look 2",
        "fullcycle abort 2",
    ]
    assert lines[asked + 4].startswith("  without an answer it goes back by itself on ")
    assert lines[-1] == "checkout 2 to production is paused: the strategy says so after 50 %"
    assert "paused 50 %" in terminal("deploys").out
    assert terminal("deploy", "checkout", "--wait", "--json").json["pause"] == waited(served)["pause"]

    resumed = terminal("resume", "2", "--reason", "looks good")

    assert (resumed.code, resumed.out) == (0, "deploy 2: checkout 2 to production goes on\n")
    assert served.as_("alice").ended(2)["deploy"]["state"] == "healthy"
    assert terminal("resume", "2").code == 1
    assert "does not wait for anybody: it is healthy" in terminal("look", "2").err


def test_somebody_at_a_terminal_waits_on_while_another_answers(served: Served, terminal: Terminal) -> None:
    class Person(follow.Lines):
        answers = True

        def say(self, text: str) -> None:
            if "fullcycle resume 2" in text:
                served.as_("bob").post("/deploys/2/resume")

    paused(served, {"strategy": ASKING})

    page = follow.follow(Client(keyring.find(environment())), 2, Person())

    assert page["deploy"]["state"] == "healthy"


def test_a_plan_says_that_there_is_no_way_back_and_why(served: Served, terminal: Terminal) -> None:
    terminal("deploy", "checkout", "--wait")
    bad = {"irreversible": ["*.sql"], "strategy": ASKING, "keep": "10m", "judge": {"inconclusive": "pause"}}
    commit(served, "the second", bad, {"drop.sql": "DROP TABLE orders;\n"})

    lines = terminal("plan", "checkout").out.splitlines()

    assert any(line.startswith("  IT CANNOT BE TAKEN BACK: ") and "drop.sql" in line for line in lines)
    assert "  wave 1   50 %  1 instance, then a person says when it goes on" in lines
    assert "  the release before stays warm for 10 min" in lines
    assert any(line.endswith("; with too little to tell, a person is asked") for line in lines)
    assert "gates" in lines


def test_the_plan_of_a_file_is_json_too(terminal: Terminal) -> None:
    example = Path(__file__).parents[2] / "examples" / "catalog-info.yaml"

    said = terminal("plan", str(example), "--json")

    assert said.code == 0
    plans = said.json["plans"]
    assert isinstance(plans, list)
    assert all("bake_seconds" in wave for plan in plans for wave in plan["waves"])


def test_every_line_of_the_manual_does_what_it_says(
    served: Served, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(served.repository)
    terminal("deploy", "checkout", "--wait")
    commit(served, "the second", {"strategy": ASKING})

    assert typed(terminal, manual("deploys.md")) == 8  # or it is no longer written as this test reads it
    assert served.as_("alice").ended(2)["deploy"]["state"] == "healthy"


# What it runs with.


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> MemorySecrets:
    """What the portal takes its secrets from."""
    store = MemorySecrets({("checkout", "production", "DB_PASSWORD"): "correct horse"})
    monkeypatch.setattr(secretsettings, "secrets", lambda *_: store)
    return store


def said_of_values(served: Served, **query: Any) -> Any:
    return served.as_("alice").get("/services/checkout/plan", **PRODUCTION, **query).get_json()["values"]


def serving(served: Served, number: int) -> None:
    """Deploy the newest and wait until it is known what it runs with."""
    alice = served.as_("alice")
    assert alice.ended(order(served, DEPLOY, PRODUCTION)["id"])["deploy"]["state"] == "healthy"
    wanted = {"subject": f"deploy:{number}", "limit": 500}
    until(
        lambda: "release.ran_with" in [one["kind"] for one in alice.get("/events", **wanted).get_json()["events"]],
        f"it is known what deploy {number} runs with",
    )


@pytest.mark.long
def test_a_plan_says_which_secret_has_changed_since_and_never_its_value(kept: MemorySecrets, served: Served) -> None:
    commit(served, "a script", {"target": SCRIPT, "checks": []})
    assert said_of_values(served) == []  # the first there
    serving(served, 1)
    commit(served, "another level", {"target": SCRIPT | {"env": {"LEVEL": "debug"}}, "checks": []})

    assert said_of_values(served) == ["LEVEL is debug, was info in release 1"]
    kept.values["checkout", "production", "DB_PASSWORD"] = "battery staple"
    assert said_of_values(served) == [
        "LEVEL is debug, was info in release 1",
        "the secret DB_PASSWORD has changed since release 1",
    ]
    serving(served, 2)
    assert said_of_values(served, release=1) == [
        "It runs with the variables that release 1 had, and with the secrets as they are now; "
        "DB_PASSWORD changed since."
    ]
    facts = json.dumps(served.as_("alice").get("/events", limit=500).get_json())
    assert "DB_PASSWORD" in facts
    assert not [word for word in ("horse", "staple") if word in facts]


def test_a_plan_warns_of_a_secret_that_cannot_be_had(kept: MemorySecrets, served: Served, terminal: Terminal) -> None:
    commit(served, "a script", {"target": SCRIPT, "checks": []})
    kept.refuses = Error(Code.UNAVAILABLE, "the store of secrets does not answer; try again soon", permanent=False)

    assert said_of_values(served) == ["the store of secrets does not answer; try again soon"]
    assert "values\n  the store of secrets does not answer" in terminal("plan", "checkout").out


def test_where_there_are_no_secrets_nothing_is_kept(served: Served) -> None:
    alice = served.as_("alice")
    alice.ended(order(served, DEPLOY, PRODUCTION)["id"])
    served.commit("the second", target=BAD)

    assert said_of_values(served) == []
    kinds = {fact["kind"] for fact in alice.get("/events", limit=500).get_json()["events"]}
    assert "release.ran_with" not in kinds
