"""The catalog's pages: all entities, every problem, and the page of one, as alice, bob and a stranger."""

import importlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import event

from catalog import whole
from ledger import db
from portal import accounts, wiring
from portal.app import create_app
from portal.config import Config
from tests import cataloging
from tests.conftest import with_tables
from tests.doors.browsing import Browser, browser
from tests.doors.served import CHECKOUT, PASSWORD, PEOPLE, Served, git, portal

LEDGER = """\
apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: ledger
  description: Writes every movement of money once
  tags: [python]
  links:
    - {url: "https://dash.example/ledger", title: Dashboard}
spec:
  type: service
  lifecycle: production
  owner: payments
  system: store
  providesApis: [books]
  dependsOn: ["resource:disk", "component:ghost"]
"""
README = """\
# Ledger

See [the rules](docs/rules.md), [this](javascript:alert(1)) and ![a map](map.png). <script>alert(2)</script>
"""
OTHER = "component:default/ledger"


def shop_files() -> str:
    shops = [cataloging.component(f"shop-{at}", "search", consumesApis=["books"]) for at in range(3)]
    front = cataloging.component("front", "search", dependsOn=["component:shop-0"])
    system = cataloging.document("System", "store", {"owner": "payments"})
    books = {"type": "openapi", "lifecycle": "production", "owner": "payments", "definition": "openapi: 3.0.0"}
    disk = cataloging.document("Resource", "disk", {"type": "database", "owner": "search"})
    heir = cataloging.document("Resource", "heir", {"type": "database", "system": "store"})
    lost = cataloging.component("lost", "nobody-at-all")
    round_trip = [
        cataloging.component("hen", "search", dependsOn=["component:egg"]),
        cataloging.component("egg", "search", dependsOn=["component:hen"]),
    ]
    api = cataloging.document("API", "books", books)
    documents = (LEDGER, system, api, disk, heir, lost, front, *shops, *round_trip)
    return PEOPLE + CHECKOUT % {"target": "", "bake": "0s"} + "---\n" + "---\n".join(documents)


def commit(served: Served, subject: str, files: dict[str, str | None]) -> None:
    for name, text in files.items():
        path = served.repository / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if text is None:
            path.unlink()
        else:
            path.write_text(text)
    git(served.repository, "add", "-A")
    git(served.repository, "commit", "-q", "-m", subject)
    read(served, served.repository_id)


def read(served: Served, repository: int) -> None:
    wiring.sync(served.services, repository, served.services.clock())
    whole.check(served.services.database, served.services.clock())


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A small company: one name is claimed twice, one file is broken, one is gone. Tests only look at it."""
    folder = tmp_path_factory.mktemp("shop")
    with portal(folder) as made:
        good = cataloging.component("fragile", "payments")
        texts = {"README.md": README, "docs/RUNBOOK.md": "# When it hurts\n\nRoll back.", "old/README.txt": "<old>"}
        commit(made, "all", {"catalog-info.yaml": shop_files(), "bad/catalog-info.yaml": good, **texts})
        commit(made, "more", {"old/catalog-info.yaml": cataloging.component("old-thing", "payments")})
        commit(made, "break", {"bad/catalog-info.yaml": good + "\t: [", "old/catalog-info.yaml": None})
        _second(made, folder / "rival")
        yield made


def _second(made: Served, folder: Path) -> None:
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    (folder / "catalog-info.yaml").write_text(cataloging.component("ledger", "search"))
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "first")
    read(made, made.services.register(str(folder), "account:admin"))


@pytest.fixture(scope="module")
def visitors(shop: Served) -> dict[str, Browser]:
    return {who: browser(shop, who) for who in ("alice", "carol", "admin")}


@pytest.fixture
def alice(visitors: dict[str, Browser]) -> Browser:
    return visitors["alice"]


PAGES = (
    "/catalog",
    "/catalog?q=ledger&kind=component&type=service&lifecycle=production&owner=group:default/payments&label=conflict",
    "/catalog?q=nothing+like+it",
    "/catalog?after=component:default/ledger",
    "/catalog/problems",
    "/catalog/problems?severity=error&code=conflict",
    "/catalog/problems?repository=1&page=2",
    "/catalog/component/default/ledger",
    "/catalog/Component/default/Ledger",
    "/catalog/component/default/ledger/raw",
    "/catalog/component/default/ledger/raw?as=json",
    "/catalog/api/default/books",
    "/catalog/system/default/store",
    "/catalog/resource/default/disk",
    "/catalog/group/default/payments",
    "/catalog/user/default/alice",
    "/catalog/component/default/fragile",
    "/catalog/component/default/old-thing",
    "/catalog/component/default/lost",
    "/catalog/component/default/hen",
)


@pytest.mark.parametrize("path", PAGES)
def test_everybody_who_is_logged_in_may_look_and_nobody_else(
    shop: Served, visitors: dict[str, Browser], path: str
) -> None:
    for who, visitor in visitors.items():
        assert visitor.get(path).status_code == 200, who
    assert browser(shop).get(path).status_code in (302, 303, 401)


# All entities.


def test_the_list_shows_every_kind_with_its_owner_and_what_needs_a_look(alice: Browser) -> None:
    page = alice.shown("/catalog")

    assert "The catalog knows 20 entities." in page
    for row in (
        "ledger Conflict Component service",
        "disk Resource database",
        "books API openapi",
        "alice Alice Moreau User",
    ):
        assert row in page
    assert "1 stale, 1 removed, 1 claimed by two files" in page
    assert "nobody-at-all (nobody)" in page


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=LEDG", {"ledger"}),
        ("q=movement", {"ledger"}),
        ("q=python", {"ledger"}),
        ("q=moreau", {"alice"}),
        ("q=payments+money", {"ledger"}),
        ("q=100%25", set()),
        ("kind=api", {"books"}),
        ("label=stale", {"fragile"}),
        ("label=removed", {"old-thing"}),
        ("label=conflict", {"ledger"}),
        ("owner=group:default/nobody-at-all", {"lost"}),
        ("type=database", {"disk"}),
        ("kind=component&q=shop", {"shop-0", "shop-1", "shop-2"}),
        ("label=nonsense", set()),
    ],
)
def test_one_finds_by_words_and_by_filters(alice: Browser, query: str, found: set[str]) -> None:
    text = alice.get(f"/catalog?{query}").text
    everybody = ("ledger", "alice", "books", "fragile", "old-thing", "lost", "disk", "shop-0", "shop-1", "shop-2")

    assert {name for name in everybody if f"<b>{name}</b>" in text} == found


def test_filters_say_how_many_there_would_be_and_lead_there_and_back(alice: Browser) -> None:
    text = alice.get("/catalog?kind=component").text

    assert 'href="/catalog?type=service"' not in text
    assert 'href="/catalog?kind=component&amp;owner=group:default/search">search <span class="dim">6</span>' in text
    assert 'href="/catalog" aria-current="true">Component' in text


def test_a_long_list_is_paged_by_name(alice: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.import_module("portal.pages.catalog"), "PAGE", 7)
    seen: list[str] = []
    path = "/catalog?q=e"
    while path:
        text = alice.get(path).text
        seen += [
            part.partition("<")[0] for part in text.partition("<tbody>")[2].partition("</tbody>")[0].split("<b>")[1:]
        ]
        path = (
            text.partition('<a class="btn" href="')[2].partition('"')[0].replace("&amp;", "&")
            if "More e" in text
            else ""
        )

    assert seen == sorted(seen, key=str.lower)
    assert len(seen) == len(set(seen)) > 7


# One entity.


def test_an_entity_says_whose_it_is_who_depends_on_it_and_what_it_needs(alice: Browser) -> None:
    page = alice.shown("/catalog/component/default/ledger")

    assert "payments 2 people, from catalog-info.yaml" in page
    assert "Alice Moreau" in page
    assert "4 services depend on it, 3 of them directly, and 1 system; 2 teams answer for them." in page
    assert "shop-0 service of search directly, through the API books" in page
    assert "front service of search 2 steps away, by way of shop-0" in page
    assert "ghost component, not in the catalog" in page


def test_it_says_as_of_which_commit_and_where_it_is_described(shop: Served, alice: Browser) -> None:
    page = alice.shown("/catalog/component/default/ledger")
    head = git(shop.repository, "rev-parse", "HEAD")

    assert f"As of commit {head[:7]} (" in page
    assert "), looked at" not in page  # nobody asked for it since it was taken in
    assert "catalog-info.yaml:" in page


def test_its_readme_and_runbook_are_shown_and_nothing_in_them_runs(alice: Browser) -> None:
    text = alice.get("/catalog/component/default/ledger").text

    assert '<h3 id="readme-ledger">Ledger</h3>' in text
    assert '<h3 id="runbook-when-it-hurts">When it hurts</h3>' in text
    assert "javascript:alert" not in text
    assert "alert(2)</script>" not in text


def test_a_text_beside_its_file_goes_before_the_one_at_the_root_and_is_of_its_own_revision(alice: Browser) -> None:
    text = alice.get("/catalog/component/default/old-thing").text

    assert "old/README.txt" in text
    assert "&lt;old&gt;" in text


def test_a_name_that_two_claim_says_who_else_and_that_the_first_keeps_it(alice: Browser) -> None:
    page = alice.shown("/catalog/component/default/ledger")

    assert "Two files claim the name ledger." in page
    assert "shop was first and keeps it. Also claimed by rival, catalog-info.yaml:4, since " in page
    assert "still at commit" in page
    assert "The repository rival" in page


def test_what_is_stale_says_since_when_since_which_commit_and_why(shop: Served, alice: Browser) -> None:
    page = alice.shown("/catalog/component/default/fragile")
    head = git(shop.repository, "rev-parse", "HEAD")

    assert "What you see of fragile is older than its file." in page
    assert f"with commit {head[:7]}, “break” by " in page
    assert "bad/catalog-info.yaml:9:1" in page  # the broken line


def test_what_is_removed_says_since_when_and_until_when_it_is_kept(alice: Browser) -> None:
    page = alice.shown("/catalog/component/default/old-thing")

    assert "No file describes old-thing any more." in page
    assert "old/catalog-info.yaml of shop does not describe it since commit" in page
    assert "What was known is kept until" in page


def test_an_owner_that_leads_to_nobody_is_said_at_the_top(alice: Browser) -> None:
    page = alice.shown("/catalog/component/default/lost")

    assert "Nobody answers for lost." in page
    assert "Its owner is nobody-at-all" in page
    assert "leads to no person. No " in page  # and why


def test_what_goes_round_is_named(alice: Browser) -> None:
    assert "It depends on itself. hen → egg → hen" in alice.shown("/catalog/component/default/hen")


def test_a_team_shows_its_people_and_a_person_her_teams_and_both_what_they_own(alice: Browser) -> None:
    team = alice.shown("/catalog/group/default/payments")

    assert "payments has 2 people." in team
    assert "Owns" in team
    assert "ledger component" in team
    assert "heir resource" in team  # it names nobody, and is part of what payments has
    assert "Alice Moreau is in payments." in alice.shown("/catalog/user/default/alice")


def test_a_component_and_its_service_page_lead_to_one_another(alice: Browser) -> None:
    assert 'href="/services/checkout"' in alice.get("/catalog/component/default/checkout").text
    assert 'href="/catalog/component/default/checkout"' in alice.get("/services/checkout").text


def test_the_service_page_says_what_is_stale_removed_and_claimed_twice(alice: Browser) -> None:
    for name, said in (("fragile", "Stale"), ("old-thing", "Removed"), ("ledger", "Conflict")):
        assert said in alice.shown(f"/services/{name}"), name


def test_the_whole_document_can_be_had_as_yaml_and_as_json(alice: Browser) -> None:
    text = alice.get("/catalog/component/default/ledger/raw").text
    told = json.loads(alice.get("/catalog/component/default/ledger/raw?as=json").text)

    assert text.startswith("apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata:\n  name: ledger\n")
    assert {"type": "ownedBy", "targetRef": "group:default/payments"} in told["relations"]


def test_what_is_not_there_says_what_was_probably_meant(alice: Browser) -> None:
    answer = alice.get("/catalog/component/default/ledgr")

    assert answer.status_code == 404
    assert "did you mean" in answer.text


@pytest.mark.parametrize(
    "path",
    [
        "/catalog/%00/default/x",
        "/catalog/component/default/a%00b",
        "/catalog/component/default/a%20b",
        f"/catalog/component/default/{'x' * 300}",
        "/catalog?q=%00&kind=%00&after=%00",
        "/catalog?q=%25_%5C'%22%3Cscript%3E&owner='",
        "/catalog?after=",
        "/catalog?after=///:::",
        "/catalog/problems?page=99999&repository=x&code=%00",
        "/catalog/problems?page=-1",
    ],
)
def test_odd_addresses_break_nothing(alice: Browser, path: str) -> None:
    answer = alice.get(path)

    assert answer.status_code in (200, 404)
    assert "<script>alert" not in answer.text


def test_an_entity_asks_the_database_as_often_whatever_depends_on_it(shop: Served, alice: Browser) -> None:
    def statements(path: str) -> int:
        seen: list[str] = []
        listener = lambda connection, cursor, statement, *rest: seen.append(statement)  # noqa: E731
        event.listen(shop.services.database._reader, "before_cursor_execute", listener)
        alice.get(path)
        event.remove(shop.services.database._reader, "before_cursor_execute", listener)
        return len(seen)

    many, few = "/catalog/component/default/shop-0", "/catalog/component/default/front"

    assert statements(many) == statements(few) <= 40
    assert statements("/catalog?kind=component") == statements("/catalog?kind=api") <= 20


# Problems.


def test_every_problem_has_its_place_its_hint_and_since_when(alice: Browser) -> None:
    page = alice.shown("/catalog/problems")

    assert "in the catalog files of 2 repositories" in page
    assert "dependsOn: there is no component:default/ghost in the catalog" in page
    assert "rival catalog-info.yaml:4:3 conflict" in page
    assert "last seen" in page


def test_problems_are_filtered_by_repository_severity_and_code(alice: Browser) -> None:
    assert "ghost" not in alice.shown("/catalog/problems?severity=error")
    assert "ghost" in alice.shown("/catalog/problems?code=nowhere")
    assert "ghost" not in alice.shown("/catalog/problems?repository=2")
    assert "No problem fits." in alice.shown("/catalog/problems?code=no-such-code")


def test_the_same_problems_come_over_the_api(shop: Served) -> None:
    everything = shop.as_("carol").get("/problems").json["problems"]
    (conflict,) = shop.as_("carol").get("/problems", code="conflict", severity="error").json["problems"]

    assert {one["severity"] for one in everything} == {"error", "warning"}
    assert (conflict["entity"], conflict["repository"], conflict["path"]) == (OTHER, "rival", "catalog-info.yaml")
    assert conflict["first_seen"] <= conflict["last_seen"]
    assert shop.as_("carol").get("/problems", severity="bad").status_code == 422
    assert shop.as_(None).get("/problems").status_code == 401


def test_the_catalogs_rooms_lead_to_one_another(alice: Browser) -> None:
    text = alice.get("/catalog/problems").text

    for address in ("/services", "/catalog", "/catalog/problems", "/settings/repositories"):
        assert f'href="{address}"' in text.partition('aria-label="Catalog"')[2].partition("</nav>")[0]


def test_an_empty_catalog_teaches(tmp_path: Path) -> None:
    services = wiring.wire(Config(data=tmp_path), opened=with_tables(db.sqlite(tmp_path / "fullcycle.db")))
    with services.database.write() as session:
        accounts.create(session, "admin", PASSWORD, "admin", None, services.clock(), "system")
    admin = Browser(create_app(services), "admin")

    assert "The catalog is empty." in admin.shown("/catalog")
    assert "Add a repository…" in admin.shown("/catalog")
    assert "No repository here yet." in admin.shown("/catalog/problems")
    services.database.close()
