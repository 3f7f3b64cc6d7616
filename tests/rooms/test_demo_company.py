"""The company of the demo: its repositories are real, every commit is what the story says, and so is what is wrong."""

import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest

import catalog.query
from catalog import actions, ownership, whole, yamlfile
from catalog.query import EntityPage
from catalog.reading import read
from catalog.trees import DictTree, FolderTree
from ledger import db
from ledger.db import Database
from pipelines import reversible, spec
from pipelines.spec import Environment
from portal.blocks import BLOCKS
from portal.demo import company, people, repository, story
from portal.demo.company import Company
from portal.demo.story import FOR_PEOPLE, FOR_THE_TOUR, MAIN, Commit, Pace
from portal.demo.tips import LOOKS, TIPS
from production.settings import CommandSettings
from tests.conftest import NOON, with_tables

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


MENDED_BY_NOBODY = {  # repository -> what is wrong on purpose, in the files that it begins with
    "new-service": ['starter/catalog-info.yaml:4:3 name: "${{ values.name }}" is still to be filled in'],
    "website": ['catalog-info.yaml:10:1 spec: "owner" is missing; that of system storefront is taken'],
}


@pytest.mark.parametrize("pace", PACES)
@pytest.mark.parametrize("name", [*story.services(), *story.others()])
def test_every_commit_compiles_and_its_catalog_file_is_right(name: str, pace: Pace) -> None:
    commits = story.life(name, pace)
    for index in range(len(commits)):
        tree = files(commits, index)
        for path, text in tree.items():
            if path.endswith(".py"):
                compile(text, path, "exec")

        if commits[index].late != "again":
            found = read(DictTree({path: text.encode() for path, text in tree.items()}), BLOCKS)
            said = [str(one).partition(", so this")[0].partition("; Backstage")[0] for one in found.problems]
            assert said == MENDED_BY_NOBODY.get(name, [])


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


def test_three_commits_of_checkout_wait_and_at_most_one_of_each_other_service(made: Company, folder: Path) -> None:
    newest = {past.service: past.revision for past in made.past if past.ending == "healthy"}  # oldest first
    waiting = {name: len(git(folder / name, "log", "--format=%h", f"{sha}..main")) for name, sha in newest.items()}

    assert waiting == {"checkout": 3, "greeter": 0, "ledger": 1, "receipts": 1, "reports": 1, "search": 1}


def test_the_catalog_has_one_owner_to_mend(made: Company) -> None:
    found = [entity for path in made.repositories for entity in read(FolderTree(path), BLOCKS).entities]
    problems = ownership.problems(found, ownership.directory_of(found))

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
    assert len(TIPS) <= 9  # more than that nobody tries


def production(name: str, branch: str = MAIN) -> Environment:
    """Return how the newest commit of that branch is deployed."""
    commits = story.life(name, FOR_PEOPLE)
    newest = max(index for index, commit in enumerate(commits) if commit.branch == branch)
    documents, _ = yamlfile.read(files(commits, newest)[FILE].encode(), FILE)
    found, problems = spec.read(documents[0])
    assert found is not None
    assert not problems
    return found.environments["production"]


def test_each_way_of_deploying_is_somewhere_in_the_shop() -> None:
    asked = {name: production(name) for name in story.services()}
    receipts, reports = asked["receipts"], asked["reports"]

    assert {name: one.strategy.name for name, one in asked.items()} == {
        "checkout": "canary",
        "greeter": "blue-green",
        "ledger": "rolling",
        "receipts": "all at once",
        "reports": "canary",
        "search": "all at once",
    }
    assert asked["greeter"].continuous
    assert asked["greeter"].warm == timedelta(minutes=10)
    assert isinstance(receipts.target, CommandSettings)
    assert receipts.target.secrets == {"MAIL_PASSWORD": "MAIL_PASSWORD"}
    assert receipts.gates.approvals == 1
    assert len(receipts.gates.checklist) == 1
    assert reports.judge is not None
    assert reports.judge.inconclusive == "pause"


@pytest.mark.parametrize(("branch", "why"), [(MAIN, "0003_day.sql:2"), ("fewer-columns", "0004_no_day.sql:1")])
def test_nothing_brings_back_what_the_ledger_drops(branch: str, why: str) -> None:
    newest = [commit for commit in story.life("ledger", FOR_PEOPLE) if commit.branch == branch][-1]

    assert reversible.why_not(list(newest.files), newest.files) == f"migrations/{why} drops a column"


def test_the_past_has_what_went_wrong_after_visitors_came_and_what_a_person_took_back(made: Company) -> None:
    assert [(past.service, past.ending) for past in made.past if past.ending != "healthy"] == [
        ("ledger", "undone"),
        ("greeter", "regretted"),
        ("search", "undone"),
    ]


def test_an_edit_that_fits_nowhere_is_refused() -> None:
    with pytest.raises(ValueError, match="0 times"):
        story._edited("app.py", "one two", [{"old": "three", "new": "four"}], FOR_PEOPLE)


def test_a_checkout_is_cloned_with_its_history(made: Company, folder: Path, tmp_path: Path) -> None:
    assert repository.clone(folder / "checkout", tmp_path / "clone") == ""
    assert git(tmp_path / "clone", "log", "--format=%H") == git(folder / "checkout", "log", "--format=%H")


def test_what_is_no_checkout_is_left_out_with_a_reason(made: Company, tmp_path: Path) -> None:
    assert "git checkout" in made.left_out
    assert [path.name for path in made.repositories][:7] == ["people", *story.services()]


# --- what the catalog shows of it -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Shown:
    """The company as the catalog has it, a minute after each of its late commits."""

    made: Company
    database: Database
    folder: Path

    def page(self, ref: str) -> EntityPage:
        with self.database.read() as session:
            return catalog.query.entity(session, ref)

    def head(self, repository: str) -> str:
        return git(self.folder / repository, "rev-parse", "main")[0]

    def problems(self, code: str) -> list[str]:
        with self.database.read() as session:
            return [str(one) for one in catalog.query.problems(session) if one.code == code]


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    folder = tmp_path_factory.mktemp("told")
    made = company.make(folder / "shop", FOR_PEOPLE, NOON, source=folder / "nowhere")
    database, mirrors = with_tables(db.sqlite(folder / "catalog.db")), folder / "mirrors"

    def look(path: Path, at: datetime) -> None:
        number = actions.register(database, str(path), "demo", at, mirrors=mirrors, allow_local=True)
        actions.sync(database, number, at, mirrors=mirrors, blocks=BLOCKS, check=False)

    for path in made.repositories:
        look(path, NOON - timedelta(days=29))
    for late in made.late:
        if late.commit.late == "again":
            repository.add(late.repository, late.commit, NOON)
        look(late.repository, NOON - late.ago)
    whole.check(database, NOON)
    yield Shown(made, database, folder / "shop")
    database.close()


def test_two_repositories_claim_the_ledger_and_the_first_keeps_it(shown: Shown) -> None:
    page = shown.page("component:default/ledger")

    assert page.repository == "ledger"
    assert [(str(place), name) for place, name in page.rivals] == [("catalog-info.yaml:4:3", "ledger-rewrite")]


def test_a_tab_leaves_the_last_good_file_in_use_and_says_since_which_commit(shown: Shown) -> None:
    page = shown.page("component:default/delivery-slots")

    assert page.about.stale_revision == shown.head("delivery")
    assert page.about.revision == git(shown.folder / "delivery", "rev-parse", "main~1")[0]
    assert page.about.stale_since == NOON - timedelta(days=2, hours=3)
    assert ("dependsOn", "component:default/checkout") in page.relations
    assert shown.problems("syntax") == [
        "catalog-info.yaml:13:1 a tab; YAML is indented with spaces; replace it by spaces"
    ]


def test_the_api_beside_the_tab_is_not_stale(shown: Shown) -> None:
    assert shown.page("api:default/delivery-api").about.stale_since is None


def test_a_team_that_was_disbanded_leaves_an_orphan(shown: Shown) -> None:
    team, orphan = shown.page("group:default/team-legacy"), shown.page("component:default/gift-cards")

    assert team.about.removed_revision == shown.head("people")
    assert orphan.owner.people == ()
    assert [one.problem.message for one in orphan.problems] == ["owner: team team-legacy is gone since 2026-02-25"]
    assert shown.problems("unknown-owner") == [
        'catalog-info.yaml:30:3 owner: no team "storefrnt"; did you mean "storefront"?'
    ]


@pytest.mark.parametrize(
    ("ref", "owner", "provenance"),
    [
        ("component:default/page-kit", "group:default/storefront", "from .github/CODEOWNERS line 6"),
        ("component:default/shop-web", "group:default/storefront", "from system storefront"),
        ("component:default/reports", "group:default/insights", "from catalog-info.yaml"),
    ],
)
def test_owners_are_found_in_three_ways(shown: Shown, ref: str, owner: str, provenance: str) -> None:
    page = shown.page(ref)

    assert (page.owner.ref, page.owner.provenance) == (owner, provenance)
    assert page.owner.people


def test_one_team_is_one_person(shown: Shown) -> None:
    assert [one.name for one in shown.page("component:default/reports").owner.people] == ["Nadia Rahimi"]


def test_what_nobody_describes_is_named(shown: Shown) -> None:
    (said,) = shown.problems("nowhere")

    assert "dependsOn: there is no component:default/image-resizer in the catalog" in said


def test_apis_have_their_text_and_services_their_users(shown: Shown) -> None:
    api, ledger = shown.page("api:default/checkout-api"), shown.page("component:default/ledger")

    assert api.document["spec"]["definition"].startswith("openapi: 3.1.0")
    assert ("apiConsumedBy", "component:default/shop-web") in api.relations
    assert {target for type_, target in ledger.relations if type_ == "dependencyOf"} == {
        "component:default/checkout",
        "component:default/gift-cards",
        "component:default/receipts",
    }


def test_nothing_else_is_wrong(shown: Shown) -> None:
    with shown.database.read() as session:
        found = {one.code for one in catalog.query.problems(session)}

    assert found == {"conflict", "syntax", "gone", "unknown-owner", "nowhere", "removed", "template", "inherited-owner"}


def test_there_is_something_to_look_at_where_the_card_says(shown: Shown) -> None:
    """Pages are tried in the browser; here, that what they show is there."""
    for look in LOOKS:
        assert bool(look.entity) + bool(look.page) + bool(look.command) == 1
        if look.entity:
            assert shown.page(look.entity).about.ref == look.entity
    assert "one-system" in git(shown.folder / "shop", "branch", "--format=%(refname:short)")


def test_late_commits_come_after_the_last_deploy_of_the_past(shown: Shown) -> None:
    assert max(late.ago for late in shown.made.late) < min(past.ago for past in shown.made.past)


def test_half_a_history_is_left_out_with_a_way_to_the_rest(made: Company, folder: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{folder / 'checkout'}", "half")

    assert "git fetch --unshallow" in repository.clone(tmp_path / "half", tmp_path / "clone")
