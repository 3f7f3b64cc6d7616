"""Trains and bisects at the doors: as alice, who owns checkout, and carol, a stranger; pages, API and terminal."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from portal import cli, keyring
from portal.keyring import Login
from tests.doors.browsing import browser, words
from tests.doors.served import BAD, Served, portal, until
from tests.doors.test_cli_deploys import listening

PLACE = "/services/checkout/production"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """The first release serves."""
    with portal(tmp_path) as made:
        with made.working():
            made.as_("alice").ended(deploy(made))
        yield made


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A train has stopped at its second car, a deploy of four commits was undone, and a bisect has found the one."""
    with portal(tmp_path_factory.mktemp("history")) as made:
        alice = made.as_("alice")
        with made.working():
            alice.ended(deploy(made))
            for number, target in enumerate(("", BAD, BAD)):
                made.commit(f"On the train {number}", target=target)
            finished(made, begun(alice.post("/services/checkout/trains", {"environment": "production"})))
            made.commit("A <b>good</b> one")
            alice.ended(deploy(made))
            for number, target in enumerate(("", "", BAD, BAD)):
                made.commit(f"Suspect {number} <script>alert(1)</script>", target=target)
            undone = deploy(made)
            alice.ended(undone)
            finished(made, begun(alice.post(f"/deploys/{undone}/bisect")))
        yield made


def deploy(served: Served, revision: str = "") -> int:
    told = served.as_("alice").post("/services/checkout/deploys", {"environment": "production", "revision": revision})
    assert told.status_code == 202, told.json
    return int(told.json["id"])


def begun(answer: Any) -> int:
    assert answer.status_code == 202, answer.json
    return int(answer.json["id"])


def finished(served: Served, course: int) -> Any:
    def told() -> Any:
        return served.as_("alice").get(f"/courses/{course}").json

    until(lambda: bool(told()["state"] != "going"), f"course {course} has ended")
    return told()


# Pressed on the pages.


def test_the_plan_offers_a_train_and_the_press_sends_it(served: Served) -> None:
    for number in range(3):
        served.commit(f"Number {number}")
    alice = browser(served, "alice")
    plan = alice.get(f"{PLACE}/plan")
    assert "3 small deploys" in words(plan)
    action, revision = re.findall(r'action="([^"]+/train)".*?name="revision" value="(\w+)"', plan.text, re.DOTALL)[0]

    with served.working():
        answer = alice.post(action, revision=revision)
        course = finished(served, int(answer.headers["Location"].rpartition("/")[2]))

    assert course["state"] == "arrived"
    page = alice.shown(answer.headers["Location"])
    assert "All 3 cars of checkout are out." in page
    assert page.count(" Out ") == 3
    assert "Train 1 has arrived" in alice.shown(PLACE)


def test_a_bad_deploy_of_several_commits_offers_a_bisect_and_the_press_finds_the_commit(served: Served) -> None:
    for number, target in enumerate(("", "", BAD, BAD)):
        served.commit(f"Suspect {number}", target=target)
    alice = browser(served, "alice")
    with served.working():
        bad = deploy(served)
        served.as_("alice").ended(bad)
        assert "At most 3 tries" in alice.shown(f"/deploys/{bad}")
        answer = alice.post(f"/deploys/{bad}/bisect")
        finished(served, int(answer.headers["Location"].rpartition("/")[2]))

    page = alice.shown(answer.headers["Location"])
    assert "It was “Suspect 2” by Alice Moreau." in page
    assert "This one" in page
    assert "Found" in alice.shown(f"/deploys/{bad}")


def test_stop_stops_and_says_who(served: Served) -> None:
    for number in range(3):
        served.commit(f"Number {number}", bake="2s")
    alice = browser(served, "alice")
    course = begun(served.as_("alice").post("/services/checkout/trains", {"environment": "production"}))
    assert "Stop" in alice.shown(f"/courses/{course}")

    alice.post(f"/courses/{course}/stop", reason="lunch")
    again = alice.post(f"/courses/{course}/stop")

    assert again.status_code == 303
    page = alice.shown(f"/courses/{course}")
    assert "Stopped by alice: lunch." in page
    assert "there is nothing to stop" in page
    assert "Stays behind" in page


def test_a_deploy_of_one_commit_offers_neither(served: Served) -> None:
    served.commit("Alone", target=BAD)
    alice = browser(served, "alice")
    assert "Or one by one" not in alice.shown(f"{PLACE}/plan")
    with served.working():
        bad = deploy(served)
        served.as_("alice").ended(bad)

    assert "Which commit was it?" not in alice.shown(f"/deploys/{bad}")
    answer = alice.post(f"/deploys/{bad}/bisect")
    assert answer.headers["Location"].endswith(f"/deploys/{bad}")
    assert "it was one commit" in alice.shown(f"/deploys/{bad}")


# Looked at.


def test_a_stopped_train_says_at_which_car_and_what_stays(history: Served) -> None:
    page = browser(history, "bob").shown("/courses/1")

    assert "The train of checkout has stopped; 1 car of 3 did not depart." in page
    assert "Car 2 of 3" in page
    assert "Not healthy" in page


def test_what_people_wrote_is_text(history: Served) -> None:
    page = browser(history, "alice").get("/courses/2")

    assert "<script>alert(1)" not in page.text
    assert "&lt;script&gt;alert(1)" in page.text


@pytest.mark.parametrize("who", ["alice", "bob", "carol", "admin"])
@pytest.mark.parametrize("path", ["/courses/1", "/courses/2"])
def test_everybody_may_look(history: Served, who: str, path: str) -> None:
    assert browser(history, who).get(path).status_code == 200


def test_nobody_must_log_in_first(history: Served) -> None:
    assert browser(history).get("/courses/1").status_code == 303


def test_what_is_not_there_is_not_there(history: Served) -> None:
    alice = browser(history, "alice")

    assert alice.get("/courses/99").status_code == 404
    assert alice.get(f"/courses/{10**30}").status_code == 404
    assert history.as_("alice").get("/courses/99").status_code == 404
    assert history.as_("alice").get(f"/courses/{10**30}").status_code == 404


@pytest.mark.parametrize("path", [f"{PLACE}/train", "/deploys/1/bisect", "/courses/1/stop"])
def test_a_stranger_may_not(history: Served, path: str) -> None:
    answer = browser(history, "carol").post(path, revision="main")

    assert answer.status_code == 403
    assert "Ask" in words(answer)


@pytest.mark.parametrize(
    "path", ["/services/checkout/trains", "/deploys/1/bisect", "/courses/1/stop"], ids=["train", "bisect", "stop"]
)
def test_a_stranger_may_not_over_the_api_either(history: Served, path: str) -> None:
    answer = history.as_("carol").post(path, {"environment": "production"} if "trains" in path else {})

    assert answer.status_code == 403


def test_the_api_tells_all_of_a_bisect(history: Served) -> None:
    told = history.as_("bob").get("/courses/2").json

    assert (told["kind"], told["state"]) == ("bisect", "found")
    assert [one["verdict"] for one in told["suspects"]].count("bad") >= 1
    assert told["culprit"] == told["suspects"][2]["revision"]
    assert told["tries"] <= told["most"] == 3
    assert told["percent"] == 50


def test_the_api_refuses_with_the_reason(history: Served) -> None:
    nothing = history.as_("alice").post("/deploys/1/bisect")
    unknown = history.as_("alice").post("/services/checkout/trains", {"environment": "nowhere"})
    typo = history.as_("alice").post("/services/checkout/trains", {"environment": "production", "per_cart": 2})

    assert (nothing.status_code, unknown.status_code, typo.status_code) == (409, 404, 422)
    assert "it was not undone by itself" in nothing.json["error"]["message"]


# From the terminal.


@pytest.mark.long
def test_the_terminal_sends_a_train_and_finds_a_commit(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, target in enumerate(("", "", BAD)):
        served.commit(f"Number {number}", target=target)
    with listening(served) as url, served.working():
        monkeypatch.setattr(keyring, "find", lambda _: Login(url, served.keys["alice"]))
        bad = deploy(served)
        served.as_("alice").ended(bad)
        found = CliRunner().invoke(cli.cli, ["bisect", str(bad), "--wait"])
        train = CliRunner().invoke(cli.cli, ["train", "checkout", "--wait"])
        as_json = CliRunner().invoke(cli.cli, ["train", "checkout", "--revision", "main~1", "--json"])

    assert found.exit_code == 0, found.output
    assert "3 commits, at most 3 tries at 50 % of the traffic" in found.output
    assert re.search(r"bisect 1 of checkout to production has found it: \w{7} “Number 2” by Alice", found.output)
    assert train.exit_code == 1, train.output
    assert "car 1 of 3 is out" in train.output
    assert "train 2 of checkout to production has stopped: car 3 of 3" in train.output
    assert as_json.exit_code != 0 or json.loads(as_json.output)
