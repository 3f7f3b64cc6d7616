"""What a merge would change: asked over the API and from the terminal, of a checkout and of what the portal has."""

import base64
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from catalog import query
from catalog.tables import EntityRow, ProblemRow
from ledger import events
from portal import simulating, wiring
from tests.doors.served import CHECKOUT, PEOPLE, Served, git, portal
from tests.doors.test_cli_deploys import Terminal, free_port, listening
from tests.doors.test_cli_deploys import terminal as terminal
from tests.rooms.test_git import Source

FILE = "catalog-info.yaml"
SERVICE = PEOPLE + CHECKOUT % {"target": "", "bake": "0s"}
BASKET = """\
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: basket}
spec: {type: service, lifecycle: production, owner: group:search, dependsOn: [component:checkout]}
"""


@contextmanager
def opened(folder: Path) -> Iterator[Served]:
    """A portal that listens. The repository basket depends on checkout, which the repository shop describes."""
    with portal(folder, port=free_port()) as made, listening(made):
        basket = Source(folder / "basket")
        basket.commit("basket", **{"catalog-info_yaml": BASKET})
        number = made.services.register(str(basket.path), "account:admin")
        wiring.sync(made.services, number, made.services.clock())
        yield made


@pytest.fixture(scope="module")
def portals(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with opened(tmp_path_factory.mktemp("shop")) as made:
        yield made


@pytest.fixture
def shop(portals: Served, terminal: Terminal) -> Served:
    """The portal, with the shop's repository as it was in the beginning; the terminal is carol's."""
    git(portals.repository, "checkout", "-q", "-f", "main")
    git(portals.repository, "clean", "-q", "-f", "-d")
    git(portals.repository, "worktree", "prune")
    if git(portals.repository, "branch", "--list", "change"):
        git(portals.repository, "branch", "-q", "-D", "change")
    terminal.be(portals, "carol")
    return portals


def branch(served: Served, text: str, name: str = "change") -> str:
    """Commit that file on a branch of the shop, and stay on main; return the commit."""
    git(served.repository, "checkout", "-q", "-b", name)
    (served.repository / FILE).write_text(text)
    git(served.repository, "add", ".")
    git(served.repository, "commit", "-q", "-m", name)
    sha = git(served.repository, "rev-parse", "HEAD")
    git(served.repository, "checkout", "-q", "main")
    return sha


def asked(served: Served, body: Mapping[str, Any], who: str = "carol") -> Any:
    return served.as_(who).post(f"/repositories/{served.repository_id}/simulate", body)


def stored(served: Served) -> Any:
    """Everything that a simulation must not change."""
    with served.services.database.read() as session:
        entities = [(row.ref, row.digest, row.revision) for row in session.query(EntityRow)]
        return entities, session.query(ProblemRow).count(), query.repositories(session), events.head(session)


# The API.


def test_a_revision_that_changes_nothing_breaks_nothing(shop: Served) -> None:
    told = asked(shop, {"revision": "main"}).json

    assert (told["breaks"], told["changes"], told["findings"]) == (False, [], [])
    assert told["summary"] == "nothing would break; no entity changes"
    assert told["revision"] == told["head"] == git(shop.repository, "rev-parse", "HEAD")


def test_a_branch_that_the_portal_has_not_seen_is_fetched_first(shop: Served) -> None:
    sha = branch(shop, PEOPLE)

    told = asked(shop, {"revision": "change"}).json

    assert (told["revision"], told["breaks"]) == (sha, True)
    assert [(one["kind"], one["repository"]) for one in told["findings"]] == [("reference", "basket")]
    assert told["findings"][0]["path"] == FILE
    assert [(one["kind"], one["entity"]) for one in told["changes"]] == [("removed", "component:default/checkout")]


def test_files_are_compared_with_what_the_catalog_shows(shop: Served) -> None:
    told = asked(shop, {"files": {FILE: SERVICE.replace("owner: group:payments", "owner: group:search")}}).json

    assert told["owners"] == [
        {
            "entity": "component:default/checkout",
            "was": "payments",
            "was_people": 2,
            "becomes": "search",
            "becomes_people": 1,
        }
    ]
    assert (told["breaks"], told["revision"]) == (False, "")


def test_nothing_is_stored_by_asking(shop: Served) -> None:
    before = stored(shop)

    assert asked(shop, {"files": {FILE: BASKET}}).json["breaks"]
    assert asked(shop, {"files": {}}).json["breaks"]
    assert asked(shop, {"revision": "main"}).status_code == 200
    assert stored(shop) == before


def test_a_name_that_another_repository_has_is_taken(shop: Served) -> None:
    told = asked(shop, {"files": {FILE: SERVICE + "---\n" + BASKET}}).json

    assert [one["kind"] for one in told["findings"]] == ["taken"]
    assert "is described in basket" in told["findings"][0]["message"]


def test_what_is_live_is_known(tmp_path: Path) -> None:
    without = SERVICE[: SERVICE.index("      staging:")]
    with opened(tmp_path) as shop, shop.working():
        alice = shop.as_("alice")
        alice.ended(alice.post("/services/checkout/deploys", {"environment": "staging"}).json["id"])
        told = asked(shop, {"files": {FILE: without}}).json

    assert [one["message"] for one in told["findings"]] == [
        "component checkout is live in staging as release 1, and spec.deploy would not have staging any more"
    ]


def test_a_repository_that_was_never_read_adds_everything(shop: Served, tmp_path: Path) -> None:
    number = shop.services.register(str(Source(tmp_path / "new").path), "account:admin")

    told = (
        shop.as_("carol").post(f"/repositories/{number}/simulate", {"files": {FILE: SERVICE + "---\n" + BASKET}}).json
    )

    assert {one["kind"] for one in told["changes"]} == {"added"}
    assert {one["kind"] for one in told["findings"]} == {"taken"}


def test_a_repository_that_cannot_be_fetched_is_said_so(shop: Served, tmp_path: Path) -> None:
    number = shop.services.register(str(Source(tmp_path / "empty").path), "account:admin")

    answer = shop.as_("carol").post(f"/repositories/{number}/simulate", {"revision": "main"})

    assert answer.status_code == 503
    assert "cannot be fetched now" in answer.json["error"]["message"]


def test_a_branch_that_has_moved_is_read_where_it_is(shop: Served) -> None:
    branch(shop, PEOPLE)
    assert asked(shop, {"revision": "change"}).json["breaks"]
    git(shop.repository, "checkout", "-q", "change")
    (shop.repository / FILE).write_text(SERVICE)
    git(shop.repository, "commit", "-q", "-a", "-m", "back again")

    assert not asked(shop, {"revision": "change"}).json["breaks"]


def test_files_that_are_no_text_come_encoded(shop: Served) -> None:
    utf16 = base64.b64encode(SERVICE.encode("utf-16")).decode()

    told = asked(shop, {"encoded": {FILE: utf16}}).json

    assert told["breaks"]
    assert {one["kind"] for one in told["changes"]} == {"stale"}


def test_a_file_that_is_too_large_and_a_link_are_told_as_a_sync_would(shop: Served) -> None:
    told = asked(shop, {"files": {FILE: None}, "left_out": {"a/catalog-info.yaml": "it is a link"}}).json

    assert ["larger" in one["message"] for one in told["findings"]].count(True) == 1
    assert ["it is a link" in one["message"] for one in told["findings"]].count(True) == 1


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"revision": "main", "files": {}},
        {"files": {"../x": ""}},
        {"files": {"/etc/passwd": ""}},
        {"files": {"a//b": ""}},
        {"files": {"": ""}},
        {"files": {"a\0b": ""}},
        {"files": {"a": 7}},
        {"files": {f"f{n}": "" for n in range(1001)}},
        {"left_out": {FILE: "x" * 301}, "files": {}},
        {"revison": "main"},
        {"revision": "x" * 301},
    ],
    ids=str,
)
def test_what_cannot_be_understood_is_a_sentence(shop: Served, body: Mapping[str, Any]) -> None:
    answer = asked(shop, body)

    assert answer.status_code == 422
    assert answer.json["error"]["reasons"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"revision": "nowhere"}, 404),
        ({"revision": "0" * 40}, 404),
        ({"revision": "--upload-pack=touch /tmp/x"}, 400),
        ({"revision": "main..HEAD"}, 400),
        ({"encoded": {FILE: "not base64"}}, 400),
    ],
)
def test_what_is_not_there_is_said(shop: Served, body: Mapping[str, Any], status: int) -> None:
    assert asked(shop, body).status_code == status


def test_a_repository_that_is_not_there_is_not_found(shop: Served) -> None:
    assert shop.as_("carol").post("/repositories/77/simulate", {"revision": "main"}).status_code == 404


def test_more_than_a_request_may_hold_is_refused(shop: Served) -> None:
    assert asked(shop, {"files": {FILE: "x" * 3_000_000}}).status_code == 413


def test_nobody_asks_without_a_key(shop: Served) -> None:
    body = {"revision": "main"}

    assert shop.as_(None).post(f"/repositories/{shop.repository_id}/simulate", body).status_code == 401
    assert shop.as_(None).get("/repositories/find", named="shop").status_code == 401


@pytest.mark.parametrize("how", ["id", "name", "address", "slash"])
def test_a_repository_is_found_by_what_people_call_it(shop: Served, how: str) -> None:
    told = {"id": str(shop.repository_id), "name": "shop", "address": str(shop.repository)}
    told["slash"] = told["address"] + "/"

    found = shop.as_("carol").get("/repositories/find", named=told[how]).json["repositories"]
    assert [one["id"] for one in found] == [shop.repository_id]


def test_a_repository_that_nobody_registered_is_said_with_the_nearest_name(shop: Served) -> None:
    answer = shop.as_("carol").get("/repositories/find", named="baskt")

    assert answer.status_code == 404
    assert 'did you mean "basket"?' in answer.json["error"]["message"]


# The terminal.


def test_a_checkout_is_compared_by_its_commits_and_not_by_what_lies_there(shop: Served, terminal: Terminal) -> None:
    (shop.repository / FILE).write_text("not committed")

    said = terminal("catalog", "simulate", str(shop.repository))

    assert (said.code, said.out) == (0, "shop: nothing would break; no entity changes\n")


def test_a_branch_that_would_break_something_ends_with_1(shop: Served, terminal: Terminal) -> None:
    sha = branch(shop, PEOPLE)

    for revision in ("change", sha):
        said = terminal("catalog", "simulate", str(shop.repository), revision)
        assert said.code == 1
        assert said.out.splitlines() == [
            "shop: 1 error; merging this would break something",
            "  removed  component checkout",
            "error: basket, catalog-info.yaml:4:79 component basket depends on component checkout, which would be gone;"
            " let it follow first",
        ]


@pytest.mark.parametrize("revision", ["HEAD", "HEAD~0", "@"])
def test_head_is_the_checkouts_own(shop: Served, terminal: Terminal, revision: str) -> None:
    branch(shop, PEOPLE)
    git(shop.repository, "checkout", "-q", "change")

    assert terminal("catalog", "simulate", str(shop.repository), revision).code == 1


def test_a_clone_is_known_by_its_origin(shop: Served, terminal: Terminal, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", str(shop.repository), "clone")

    assert terminal("catalog", "simulate", str(tmp_path / "clone")).out.startswith("shop: nothing would break")


def test_a_worktree_is_a_checkout_too(shop: Served, terminal: Terminal, tmp_path: Path) -> None:
    branch(shop, PEOPLE)
    git(shop.repository, "worktree", "add", "-q", str(tmp_path / "tree"), "change")

    try:
        assert terminal("catalog", "simulate", str(tmp_path / "tree"), "--as", "shop").code == 1
    finally:
        git(shop.repository, "worktree", "remove", "-f", str(tmp_path / "tree"))


def test_a_checkout_of_unknown_origin_is_what_somebody_says(shop: Served, terminal: Terminal, tmp_path: Path) -> None:
    other = Source(tmp_path / "other")
    other.commit("the same", **{"catalog-info_yaml": SERVICE})

    refused = terminal("catalog", "simulate", str(other.path))
    assert refused.code == 2
    assert "there is no repository" in refused.err

    assert terminal("catalog", "simulate", str(other.path), "--as", "shop").code == 0


def test_a_registered_repository_is_read_by_the_portal(shop: Served, terminal: Terminal) -> None:
    sha = branch(shop, PEOPLE)

    said = terminal("catalog", "simulate", "shop", "change", "--json")

    assert (said.code, said.json["revision"], said.json["breaks"]) == (1, sha, True)


def test_the_comment_is_markdown(shop: Served, terminal: Terminal) -> None:
    branch(shop, SERVICE + "---\n" + BASKET.replace("basket", "cart").replace("search", "'@evil/<b>'"))

    said = terminal("catalog", "simulate", str(shop.repository), "change", "--markdown")

    assert said.code == 1
    assert said.out.startswith("### Catalog: this would break something\n\nshop: 1 error")
    assert "| Owners |" in said.out
    assert "<b>" not in said.out
    assert "@evil" not in said.out


def test_files_that_a_sync_reads_besides_come_along(shop: Served, terminal: Terminal) -> None:
    """CODEOWNERS, targets of Locations and texts of placeholders decide what the catalog would say."""
    unowned = SERVICE.replace("  owner: group:payments\n", "")
    more = "---\napiVersion: backstage.io/v1alpha1\nkind: Location\nmetadata: {name: all}\n"
    more += "spec: {targets: [./apis/*.yaml]}\n"
    api = (
        "apiVersion: backstage.io/v1alpha1\nkind: API\nmetadata: {name: pay}\n"
        "spec: {type: openapi, lifecycle: production, owner: payments, definition: {$text: ./pay.json}}\n"
    )
    (shop.repository / "apis").mkdir()
    for path, text in {"CODEOWNERS": "* @acme/search\n", "apis/pay.yaml": api, "apis/pay.json": "{}"}.items():
        (shop.repository / path).write_text(text)
    branch(shop, unowned + more)

    here = terminal("catalog", "simulate", str(shop.repository), "change", "--json")
    there = terminal("catalog", "simulate", "shop", "change", "--json")

    assert here.code == 0, here.out
    assert [(one["kind"], one["entity"]) for one in here.json["changes"]] == [  # type: ignore[attr-defined]
        ("added", "api:default/pay"),
        ("changed", "component:default/checkout"),
        ("added", "location:default/all"),
    ]
    assert {**here.json, "revision": ""} == {**there.json, "revision": ""}


def test_nothing_of_a_checkout_is_run(shop: Served, terminal: Terminal, tmp_path: Path) -> None:
    for setting in ("core.fsmonitor", "core.sshCommand", "core.pager", "diff.external"):
        git(shop.repository, "config", setting, f"touch {tmp_path}/ran; false")

    assert terminal("catalog", "simulate", str(shop.repository)).code == 0
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "words",
    [
        ("nothing-like-it", "main"),
        ("shop", "nowhere"),
        ("shop", "main", "--json", "--markdown"),
        ("shop", "--no-such-option"),
        (),
    ],
)
def test_a_wrong_call_ends_with_2(shop: Served, terminal: Terminal, words: tuple[str, ...]) -> None:
    said = terminal("catalog", "simulate", *words)

    assert (said.code, said.out) == (2, "")
    assert said.err


def test_a_folder_that_is_no_checkout_ends_with_2(shop: Served, terminal: Terminal, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()

    said = terminal("catalog", "simulate", str(tmp_path / "empty"))

    assert said.code == 2
    assert "no checkout of a git repository" in said.err


def test_catalog_files_that_are_too_large_to_send_are_said_so(shop: Served, terminal: Terminal) -> None:
    many = {f"d{n}/catalog-info.yaml": "# " + "x" * 900_000 for n in range(3)}
    for path, text in many.items():
        (shop.repository / path).parent.mkdir()
        (shop.repository / path).write_text(text)
    branch(shop, SERVICE)

    said = terminal("catalog", "simulate", str(shop.repository), "change")

    assert said.code == 2
    assert "name the repository" in said.err


def test_a_portal_that_does_not_answer_ends_with_3(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FULLCYCLE_URL", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("FULLCYCLE_TOKEN", "fc_none")

    assert terminal("catalog", "simulate", "shop", "main").code == 3


def test_two_repositories_of_one_name_are_told_apart_by_their_ids(shop: Served, tmp_path: Path) -> None:
    for folder in ("a", "b"):
        Source(tmp_path / folder / "twin").commit("x", **{"catalog-info_yaml": BASKET.replace("basket", folder)})
        shop.services.register(str(tmp_path / folder / "twin"), "account:admin")

    answer = shop.as_("carol").get("/repositories/find", named="twin")

    assert answer.status_code in (400, 404), json.dumps(answer.json)
    assert simulating.find(shop.services, str(tmp_path / "a" / "twin")).url.endswith("a/twin")
