"""A commit in the demo's company: git tells the portal and the company's CI, and whoever commits sees nothing of it."""

import json
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

import catalog.query
from ledger import events
from pipelines import statuses
from pipelines.ci import State, Status
from portal.demo import ci, commits, story
from portal.demo.story import FOR_THE_TOUR
from tests.doors.served import Served, git, portal, until
from tests.doors.test_cli_deploys import free_port, listening


@dataclass
class Shop:
    """A portal, and the company's greeter in a folder of the demo."""

    served: Served
    folder: Path

    @property
    def number(self) -> int:
        with self.served.services.database.read() as session:
            return next(one.id for one in catalog.query.repositories(session) if one.url == str(self.folder))

    def commit(self, **files: str) -> str:
        for name, text in files.items():
            (self.folder / f"{name}.py").write_text(text)
        git(self.folder, "add", ".")
        git(self.folder, "commit", "-q", "-m", "Change a word")
        return git(self.folder, "rev-parse", "HEAD")

    def said(self, revision: str) -> Status | None:
        with self.served.services.database.read() as session:
            found: Mapping[str, Status] = statuses.states(session, self.number, [revision])[revision]
        return found.get(ci.CHECK)

    def came_to(self, revision: str) -> Status:
        """What the tests came to, when they have."""
        until(lambda: (said := self.said(revision)) is not None and said.state is not State.PENDING, "the tests ended")
        found = self.said(revision)
        assert found is not None
        return found


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with portal(tmp_path, port=free_port()) as served:
        folder = served.services.config.data / "company" / "greeter"
        folder.mkdir(parents=True)
        git(folder, "init", "-q", "-b", "main")
        for path, text in {
            path: text for one in story.life("greeter", FOR_THE_TOUR) for path, text in one.files.items()
        }.items():
            (folder / path).write_text(text)
        git(folder, "add", ".")
        git(folder, "commit", "-q", "-m", "Say hello")
        served.services.register(str(folder), "account:admin")
        commits.follow(served.services.config, served.services.database)
        yield Shop(served, folder)


def test_a_commit_is_told_as_a_push_and_its_tests_are_run(shop: Shop) -> None:
    with listening(shop.served):
        revision = shop.commit(note="# a word more\n")
        ended = shop.came_to(revision)

    assert (ended.state, ended.said.split(" in ")[0]) == (State.SUCCESS, "Ran 3 tests")
    with shop.served.services.database.read() as session:
        facts = [(one.kind, one.data.get("state", "")) for one in reversed(events.latest(session, limit=20))]
    assert [kind for kind, _ in facts if kind == "repository.pushed"] == ["repository.pushed"]
    assert [state for kind, state in facts if kind == "ci.said"] == ["pending", "success"]


def test_a_commit_that_breaks_the_tests_is_red_and_says_how(shop: Shop) -> None:
    with listening(shop.served):
        app = (shop.folder / "app.py").read_text()
        ended = shop.came_to(shop.commit(app=app.replace("'dear customer'", "''").replace("}!", "}")))

    assert ended.state is State.FAILURE
    assert "FAILED" in ended.said


def test_without_a_portal_a_commit_goes_through_and_nothing_is_said(shop: Shop) -> None:
    revision = shop.commit(note="# a word more\n")

    assert shop.said(revision) is None


def test_the_token_is_for_its_owner_alone_and_stays_the_same(shop: Shop) -> None:
    path = shop.served.services.config.data / commits.SETTINGS
    token = json.loads(path.read_text())["token"]
    commits.follow(shop.served.services.config, shop.served.services.database)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert json.loads(path.read_text())["token"] == token
    hook = (shop.folder / ".git" / "hooks" / "post-commit").read_text()
    assert token not in hook


def test_a_token_that_was_dropped_is_made_anew(shop: Shop) -> None:
    config = shop.served.services.config
    (config.data / commits.SETTINGS).unlink()
    commits.follow(config, shop.served.services.database)

    with listening(shop.served):
        assert shop.came_to(shop.commit(note="# a word more\n")).state is State.SUCCESS


def test_what_has_no_tests_is_compiled(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "-b", "main")
    for text, state, said in (("x = 1\n", "success", "it compiles"), ("x = \n", "failure", "SyntaxError")):
        (tmp_path / "app.py").write_text(text)
        git(tmp_path, "add", ".")
        git(tmp_path, "commit", "-q", "-m", "a change")
        found = ci.look(tmp_path, "HEAD")

        assert found[0] == state
        assert said in found[1]
