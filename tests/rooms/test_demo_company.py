"""The company of the demo: its repositories are real, and every commit in them is what the story says."""

import subprocess
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from catalog import ownership
from catalog.validate import validate
from portal.demo import company, people, repository, story
from portal.demo.company import Company
from portal.demo.story import FOR_PEOPLE, FOR_THE_TOUR, MAIN, Commit, Pace
from portal.demo.tips import TIPS
from portal.wiring import BLOCKS
from tests.conftest import NOON

PACES = (FOR_PEOPLE, FOR_THE_TOUR)
FILE = "catalog-info.yaml"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("company") / "shop"


@pytest.fixture(scope="module")
def made(folder: Path) -> Company:
    return company.make(folder, FOR_PEOPLE, NOON, source=folder / "nowhere")


def git(folder: Path, *arguments: str) -> Sequence[str]:
    told = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return told.stdout.splitlines()


def files(commits: Sequence[Commit], index: int) -> dict[str, str]:
    """Return what a checkout of that commit holds."""
    line = [commit for commit in commits[:index] if commit.branch == MAIN] + [commits[index]]
    return {path: text for commit in line for path, text in commit.files.items()}


@pytest.mark.parametrize("pace", PACES)
@pytest.mark.parametrize("name", story.services())
def test_every_commit_compiles_and_its_catalog_file_is_right(name: str, pace: Pace) -> None:
    commits = story.life(name, pace)
    for index in range(len(commits)):
        tree = files(commits, index)
        for path, text in tree.items():
            if path.endswith(".py"):
                compile(text, path, "exec")

        assert validate({FILE: tree[FILE].encode()}, BLOCKS).problems == ()


def test_somebody_of_every_team_wrote_something_over_weeks(made: Company, folder: Path) -> None:
    log = git(folder / "checkout", "log", "--all", "--format=%an <%ae> %ct")

    assert {line.rpartition(" ")[0] for line in log} == {
        "Mara Ilic <mara@corner-shop.example>",
        "Lin Zhao <lin@corner-shop.example>",
        "Aisha Noor <aisha@corner-shop.example>",
    }
    assert min(int(line.rpartition(" ")[2]) for line in log) == int((NOON - timedelta(days=27, hours=4)).timestamp())


def test_the_files_are_checked_out_and_nothing_is_left_to_commit(made: Company) -> None:
    for path in made.repositories:
        assert (path / FILE).is_file()
        assert git(path, "status", "--porcelain") == []


def test_three_commits_of_checkout_wait_and_one_of_each_other_service(made: Company, folder: Path) -> None:
    newest = {past.service: past.revision for past in made.past if past.ending == "healthy"}  # oldest first
    waiting = {name: len(git(folder / name, "log", "--format=%h", f"{sha}..main")) for name, sha in newest.items()}

    assert waiting == {"checkout": 3, "ledger": 1, "search": 1}


def test_the_catalog_has_one_owner_to_mend(made: Company) -> None:
    told = {f"{path.name}/{FILE}": (path / FILE).read_bytes() for path in made.repositories}
    found = validate(told, BLOCKS)
    problems = ownership.problems(found.entities, ownership.directory_of(found.entities))

    assert found.problems == ()
    assert [(one.message, one.hint) for one in problems] == [
        ('owner: no team "storefrnt"', 'did you mean "storefront"?')
    ]


def test_everybody_is_on_a_team_and_one_is_an_admin() -> None:
    assert {one.team for one in people.EMPLOYEES} == set(people.TEAMS)
    assert [one.login for one in people.EMPLOYEES if one.role == "admin"] == ["kofi"]


def test_every_tip_can_be_followed() -> None:
    known = {name: {commit.branch for commit in story.life(name, FOR_PEOPLE)} for name in story.services()}
    for tip in TIPS:
        assert tip.login in people.BY_LOGIN
        assert not tip.revision or tip.revision in known[tip.service]


def test_an_edit_that_fits_nowhere_is_refused() -> None:
    with pytest.raises(ValueError, match="0 times"):
        story._edited("app.py", "one two", [{"old": "three", "new": "four"}], FOR_PEOPLE)


def test_a_checkout_is_cloned_with_its_history(made: Company, folder: Path, tmp_path: Path) -> None:
    assert repository.clone(folder / "checkout", tmp_path / "clone") == ""
    assert git(tmp_path / "clone", "log", "--format=%H") == git(folder / "checkout", "log", "--format=%H")


def test_what_is_no_checkout_is_left_out_with_a_reason(made: Company, tmp_path: Path) -> None:
    assert "git checkout" in made.left_out
    assert [path.name for path in made.repositories] == ["people", "checkout", "ledger", "search"]


def test_half_a_history_is_left_out_with_a_way_to_the_rest(made: Company, folder: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{folder / 'checkout'}", "half")

    assert "git fetch --unshallow" in repository.clone(tmp_path / "half", tmp_path / "clone")
