"""Taking repositories in and reading them again: nothing is lost in silence, and an unchanged head writes nothing."""

from collections.abc import Collection, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from catalog import actions, query, store, whole
from catalog.places import Document, Place, Problem
from catalog.ports import Unused
from ledger import events
from ledger.db import Database
from ledger.errors import Code, Error
from tests.conftest import NOON
from tests.rooms.test_git import Source

LATER, SECOND = NOON + timedelta(minutes=5), timedelta(seconds=1)

COMPONENT = """\
apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: {name}
spec:
  type: service
  lifecycle: production
  owner: {owner}
"""
TEAM = """\
apiVersion: backstage.io/v1alpha1
kind: Group
metadata:
  name: payments
spec:
  type: team
  children: []
---
apiVersion: backstage.io/v1alpha1
kind: User
metadata:
  name: alice
spec:
  profile: {displayName: Alice, email: alice@example.org}
  memberOf: [payments]
"""


def component(name: str = "checkout", owner: str = "payments") -> str:
    return COMPONENT.format(name=name, owner=owner)


class Catalog:
    """The room with repositories around it."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database, self.folder, self.mirrors = database, folder, folder / "mirrors"

    def source(self, name: str = "checkout", **files: str) -> Source:
        made = Source(self.folder / name)
        self.change(made, **(files or {"catalog-info_yaml": component()}))
        return made

    def change(self, source: Source, **files: str | bytes) -> str:
        return source.commit(**files)

    def register(self, url: str | Path, *, allow_local: bool = True) -> int:
        return actions.register(
            self.database, str(url), "user:default/alice", NOON, mirrors=self.mirrors, allow_local=allow_local
        )

    def sync(self, repository: int, at: object = NOON) -> actions.Synced:
        return actions.sync(self.database, repository, at, mirrors=self.mirrors, blocks={"deploy": _complains})  # type: ignore[arg-type]

    def taken_in(self, source: Source) -> int:
        repository = self.register(source.path)
        self.sync(repository)
        return repository

    def names(self) -> list[str]:
        with self.database.read() as session:
            return [service.name for service in query.services(session)]

    def service(self, name: str = "checkout") -> query.Service:
        with self.database.read() as session:
            return query.service(session, name)

    def document(self, ref: str = "component:default/checkout") -> dict[str, Any]:
        with self.database.read() as session:
            return dict(query.entity(session, ref).document)

    def problems(self) -> list[str]:
        with self.database.read() as session:
            return [str(problem) for problem in query.problems(session)]

    def facts(self, *kinds: str) -> list[events.Event]:
        with self.database.read() as session:
            return list(events.latest(session, kinds=kinds))

    def written(self) -> int:
        with self.database.read() as session:
            return session.scalar(select(func.count()).select_from(events.EventRow)) or 0


class Live:
    """Some entities are in use."""

    def __init__(self, *refs: str) -> None:
        self.refs = refs

    def of(self, session: Session, refs: Collection[str]) -> dict[str, str]:
        return {ref: "is live in production" for ref in refs if ref in self.refs}


def _complains(document: Document, path: tuple[str, ...]) -> Sequence[Problem]:
    if document.value((*path, "environments")):
        return ()
    return [Problem(document.place(path, key=True), "missing", 'deploy: "environments" is missing')]


@pytest.fixture
def catalog(database: Database, tmp_path: Path) -> Catalog:
    return Catalog(database, tmp_path)


def test_a_registered_repository_is_a_fact_and_is_registered_once(catalog: Catalog) -> None:
    source = catalog.source()

    first, second = catalog.register(source.path), catalog.register(source.path)

    assert first == second
    assert [(fact.actor, fact.subject, fact.data) for fact in catalog.facts("repository.registered")] == [
        ("user:default/alice", f"repository:{first}", {"url": str(source.path)})
    ]


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://bob:hunter2@example.org/a.git", "keep the token out of the address"),
        ("https://ghp_token@example.org/a.git", "keep the token out of the address"),
        ("ext::sh", "would run a command"),
        ("/srv/git/a", "local repositories are not allowed here"),
    ],
)
def test_an_address_that_may_not_be_is_refused(catalog: Catalog, url: str, said: str) -> None:
    with pytest.raises(Error, match=said) as refused:
        catalog.register(url, allow_local=False)

    assert refused.value.code is Code.INVALID
    assert "hunter2" not in str(refused.value)
    assert catalog.written() == 0


def test_the_portals_own_mirror_is_no_repository_to_register(catalog: Catalog) -> None:
    catalog.taken_in(catalog.source())

    with pytest.raises(Error, match="own mirror"):
        catalog.register(catalog.mirrors / "1")


def test_a_sync_stores_what_the_files_say(catalog: Catalog) -> None:
    source = catalog.source(**{"catalog-info_yaml": component(), "teams__catalog-info_yaml": TEAM})

    synced = catalog.sync(catalog.register(source.path))

    assert synced == actions.Synced(head_moved=True, problems=0, stored=True)
    assert [person.mail for person in catalog.service().owner.people] == ["alice@example.org"]
    assert [fact.data["entities"] for fact in catalog.facts("catalog.synced")] == [3]


def test_whoever_waits_for_a_repository_sees_what_its_read_is_at(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = catalog.register(catalog.source(**{"catalog-info_yaml": component() + "  deploy: {}\n"}).path)
    seen: list[str] = []
    say = store.say

    def overheard(session: Session, repository_id: int, **values: object) -> None:
        seen.extend(str(values[key]) for key in ("doing",) if key in values)
        say(session, repository_id, **values)

    monkeypatch.setattr(store, "say", overheard)

    catalog.sync(repository, LATER)

    assert seen == ["fetching", "reading its files", "fetching its history", ""]


def test_an_unchanged_head_writes_nothing(catalog: Catalog) -> None:
    repository = catalog.taken_in(catalog.source())
    before = catalog.written()

    synced = catalog.sync(repository, LATER)

    assert synced == actions.Synced(head_moved=False, problems=0)
    assert catalog.written() == before
    with catalog.database.read() as session:
        assert query.repositories(session)[0].synced_at == NOON


def test_a_repository_without_a_catalog_file_says_so(catalog: Catalog) -> None:
    source = catalog.source(a_txt="1")

    assert catalog.sync(catalog.register(source.path)).problems == 1
    assert catalog.problems()[0].startswith("catalog-info.yaml:1:1 there is no catalog-info.yaml in this repository")


def test_examples_and_tests_of_a_repository_describe_nothing(catalog: Catalog) -> None:
    example = {"examples__catalog-info_yaml": component("example"), "tests__data__catalog-info_yaml": "{"}
    catalog.taken_in(catalog.source(**{"catalog-info_yaml": component(), **example}))

    assert catalog.names() == ["checkout"]
    assert all("catalog-info.yaml:8:3 owner" in problem for problem in catalog.problems())


def test_a_file_that_is_too_large_is_a_problem_of_its_own(catalog: Catalog) -> None:
    huge = "# " + "x" * 1024 * 1024
    catalog.taken_in(catalog.source(**{"catalog-info_yaml": component(), "big__catalog-info_yaml": huge}))

    assert catalog.names() == ["checkout"]
    assert "big/catalog-info.yaml:1:1 the file is larger than 1 MiB; split it" in catalog.problems()


def test_an_entity_that_breaks_keeps_its_last_good_self_and_says_since_when(catalog: Catalog) -> None:
    source = catalog.source()
    repository = catalog.taken_in(source)
    good = catalog.service().revision
    catalog.change(source, **{"catalog-info_yaml": component().replace("  lifecycle: production\n", "")})

    catalog.sync(repository, LATER)

    broken = catalog.service()
    assert (broken.lifecycle, broken.stale_since, broken.revision) == ("production", LATER, good)
    assert 'catalog-info.yaml:5:1 spec: "lifecycle" is missing' in catalog.problems()
    assert [fact.service for fact in catalog.facts("catalog.stale")] == ["component:default/checkout"]


def test_staleness_keeps_its_first_moment_and_ends_when_the_file_is_mended(catalog: Catalog) -> None:
    source = catalog.source()
    repository = catalog.taken_in(source)
    catalog.change(source, **{"catalog-info_yaml": "kind: ["})
    catalog.sync(repository, LATER)
    catalog.change(source, **{"catalog-info_yaml": "kind: [["})
    catalog.sync(repository, LATER + timedelta(hours=1))
    assert catalog.service().stale_since == LATER

    catalog.change(source, **{"catalog-info_yaml": component()})
    catalog.sync(repository, LATER + timedelta(hours=2))

    assert catalog.service().stale_since is None


def test_one_broken_document_leaves_the_others_of_its_file_alone(catalog: Catalog) -> None:
    source = catalog.source(**{"catalog-info_yaml": component("a") + "---\n" + component("b")})
    repository = catalog.taken_in(source)
    catalog.change(source, **{"catalog-info_yaml": component("a", "user:alice") + "---\nkind: {{ b }}\n"})

    catalog.sync(repository, LATER)

    a, b = catalog.service("a"), catalog.service("b")
    assert (a.owner.ref, a.stale_since) == ("user:default/alice", None)
    assert b.stale_since == LATER


def test_a_broken_block_of_ours_is_a_problem_and_the_entity_stays_fresh(catalog: Catalog) -> None:
    source = catalog.source()
    repository = catalog.taken_in(source)
    catalog.change(source, **{"catalog-info_yaml": component("checkout", "user:bob") + "  deploy: {}\n"})

    catalog.sync(repository, LATER)

    service = catalog.service()
    assert (service.owner.ref, service.stale_since, service.deploy) == ("user:default/bob", None, {})
    assert service.problems == 2  # the block, and an owner whom nobody describes


def test_an_entity_that_is_taken_out_is_kept_for_a_time_and_says_so(catalog: Catalog) -> None:
    source = catalog.source(**{"catalog-info_yaml": component("a") + "---\n" + component("b")})
    repository = catalog.taken_in(source)
    head = catalog.change(source, **{"catalog-info_yaml": component("a")})

    catalog.sync(repository, LATER)

    assert (catalog.service("a").removed_at, catalog.service("b").removed_at) == (None, LATER)
    assert [fact.service for fact in catalog.facts("catalog.removed")] == ["component:default/b"]
    assert any(f"no file describes component:default/b since commit {head[:10]}" in one for one in catalog.problems())
    assert catalog.document("component:default/b")["metadata"]["annotations"]["backstage.io/orphan"] == "true"


def test_what_was_removed_is_forgotten_after_its_time_unless_it_is_in_use(catalog: Catalog) -> None:
    source = catalog.source(**{"catalog-info_yaml": "---\n".join([component("a"), component("b"), component("c")])})
    repository = catalog.taken_in(source)
    catalog.change(source, **{"catalog-info_yaml": component("a")})
    catalog.sync(repository, LATER)

    early = actions.forget_removed(catalog.database, LATER, LATER, Unused())
    late = actions.forget_removed(catalog.database, LATER + SECOND, LATER, Live("component:default/c"))

    assert (early, late) == (0, 1)
    assert catalog.names() == ["a", "c"]
    assert [fact.service for fact in catalog.facts("catalog.forgotten")] == ["component:default/b"]


def test_what_was_removed_and_is_live_is_an_error_that_says_so(catalog: Catalog) -> None:
    source = catalog.source(**{"catalog-info_yaml": component("a") + "---\n" + component("b")})
    repository = catalog.taken_in(source)
    catalog.change(source, **{"catalog-info_yaml": component("a")})
    catalog.sync(repository, LATER)

    whole.check(catalog.database, LATER, Live("component:default/b"))

    with catalog.database.read() as session:
        (told,) = [one.problem for one in query.noted(session) if one.problem.code == "removed"]
    assert told.severity == "error"
    assert "; it is live in production, so it is kept" in told.message


def test_an_entity_whose_file_comes_back_is_the_same_as_before(catalog: Catalog) -> None:
    source = catalog.source()
    repository = catalog.taken_in(source)
    before = catalog.document()["metadata"]["uid"]
    catalog.change(source, **{"catalog-info_yaml": component("other")})
    catalog.sync(repository, LATER)
    catalog.change(source, **{"catalog-info_yaml": component()})
    catalog.sync(repository, LATER)

    assert catalog.service().removed_at is None
    assert catalog.document()["metadata"]["uid"] == before
    assert "backstage.io/orphan" not in catalog.document()["metadata"]["annotations"]


def test_a_file_that_moves_keeps_the_identity_of_what_it_describes(catalog: Catalog) -> None:
    source = catalog.source()
    repository = catalog.taken_in(source)
    before = catalog.document()["metadata"]["uid"]
    source.git("rm", "-q", "catalog-info.yaml")
    catalog.change(source, **{"deep__catalog-info_yaml": component()})

    catalog.sync(repository, LATER)

    assert catalog.document()["metadata"]["uid"] == before
    assert (catalog.service().path, catalog.service().removed_at) == ("deep/catalog-info.yaml", None)
    assert [fact.data["from"] for fact in catalog.facts("catalog.moved")] == ["catalog-info.yaml"]


def test_an_entity_that_moves_to_another_repository_keeps_its_identity(catalog: Catalog) -> None:
    first = catalog.source("first")
    one = catalog.taken_in(first)
    before = catalog.document()["metadata"]["uid"]
    catalog.change(first, **{"catalog-info_yaml": component("other")})
    catalog.sync(one, LATER)

    two = catalog.taken_in(catalog.source("second"))

    assert (catalog.service().repository_id, catalog.service().removed_at) == (two, None)
    assert catalog.document()["metadata"]["uid"] == before


def test_the_first_keeps_a_name_and_the_second_gets_it_when_the_first_lets_go(catalog: Catalog) -> None:
    first, second = catalog.source("first"), catalog.source("second")
    one, two = catalog.taken_in(first), catalog.taken_in(second)
    assert catalog.service().repository_id == one
    assert any("is described in first already (catalog-info.yaml:4)" in problem for problem in catalog.problems())
    with catalog.database.read() as session:
        assert query.entity(session, "component:default/checkout").rivals == (
            (Place("catalog-info.yaml", 4, 3), "second"),
        )

    catalog.change(first, **{"catalog-info_yaml": component("renamed")})
    catalog.sync(one, LATER)
    catalog.sync(two, LATER)

    assert catalog.service().repository_id == two
    assert not any("already" in problem for problem in catalog.problems())


def test_a_broken_entity_says_so_to_whoever_reads_its_document(catalog: Catalog) -> None:
    source = catalog.source()
    repository = catalog.taken_in(source)
    good = catalog.service().revision
    bad = catalog.change(source, **{"catalog-info_yaml": "kind: ["})

    catalog.sync(repository, LATER)

    (item,) = catalog.document()["status"]["items"]
    assert (item["type"], item["level"]) == ("backstage.io/catalog-processing", "error")
    assert bad[:10] in item["message"]
    assert good[:10] in item["message"]
    assert "2026-03-02 12:05 UTC" in item["message"]


def test_a_relation_is_seen_from_both_sides_and_goes_when_it_is_taken_out(catalog: Catalog) -> None:
    two = component("a") + "  dependsOn: [component:b]\n---\n" + component("b")
    source = catalog.source(**{"catalog-info_yaml": two})
    repository = catalog.taken_in(source)
    assert {"type": "dependencyOf", "targetRef": "component:default/a"} in catalog.document("component:default/b")[
        "relations"
    ]

    catalog.change(source, **{"catalog-info_yaml": two.replace("  dependsOn: [component:b]\n", "")})
    catalog.sync(repository, LATER)

    assert [one["type"] for one in catalog.document("component:default/b")["relations"]] == ["ownedBy"]


def test_whoever_an_owner_means_is_found_by_its_relations_too(catalog: Catalog) -> None:
    team = TEAM.replace("  name: payments\n", "  name: payments\n  annotations: {github.com/team-slug: acme/pay}\n", 1)
    system = component("flow").replace("Component", "System")
    part = component("part").replace("  owner: payments\n", "  system: flow\n")
    documents = [team, component("checkout", '"@acme/pay"'), system, part]

    catalog.taken_in(catalog.source(**{"catalog-info_yaml": "---\n".join(documents)}))

    owner = {"type": "ownedBy", "targetRef": "group:default/payments"}
    assert owner in catalog.document("component:default/checkout")["relations"]
    assert owner in catalog.document("component:default/part")["relations"]
    owned = [
        one["targetRef"] for one in catalog.document("group:default/payments")["relations"] if one["type"] == "ownerOf"
    ]
    assert owned == ["component:default/checkout", "component:default/part", "system:default/flow"]
    assert [one for one in catalog.problems() if "error" in one or "owner: no" in one] == []


@pytest.mark.parametrize("owner", ["alice@example.org", "'@acme/pay'", "'@alice-m'"])
def test_an_owner_by_another_name_is_no_problem_and_leads_to_people(catalog: Catalog, owner: str) -> None:
    teams = """\
---
apiVersion: backstage.io/v1alpha1
kind: Group
metadata: {name: payments, annotations: {github.com/team-slug: acme/pay}}
spec: {type: team, children: []}
---
apiVersion: backstage.io/v1alpha1
kind: User
metadata: {name: alice, annotations: {github.com/user-login: alice-m}}
spec: {memberOf: [payments], profile: {displayName: Alice Moreau, email: alice@example.org}}
"""
    source = catalog.source(**{"catalog-info_yaml": component(owner=owner)})
    repository = catalog.taken_in(source)
    assert len(catalog.problems()) == 1

    catalog.change(source, **{"catalog-info_yaml": component(owner=owner) + teams})
    catalog.sync(repository, LATER)

    assert catalog.problems() == []
    assert [person.name for person in catalog.service().owner.people] == ["Alice Moreau"]


def test_what_nobody_describes_is_a_problem_with_what_was_meant(catalog: Catalog) -> None:
    two = component("a") + "  dependsOn: [component:bb]\n---\n" + component("b")
    catalog.taken_in(catalog.source(**{"catalog-info_yaml": two}))

    assert any(
        one.startswith(
            'catalog-info.yaml:9:15 dependsOn: there is no component:default/bb in the catalog; did you mean "b"?'
        )
        for one in catalog.problems()
    )


def test_groups_that_go_round_are_a_problem_each(catalog: Catalog) -> None:
    groups = "---\n".join(
        TEAM.split("---")[0].replace("payments", name) + f"  parent: {parent}\n"
        for name, parent in (("a", "b"), ("b", "c"), ("c", "a"), ("d", "a"))
    )
    catalog.taken_in(catalog.source(**{"catalog-info_yaml": groups}))

    assert sum("is above itself" in one for one in catalog.problems()) == 3


def test_a_repository_that_is_let_go_takes_its_entities_along(catalog: Catalog) -> None:
    repository = catalog.taken_in(catalog.source())

    actions.unregister(catalog.database, repository, "user:default/alice", LATER, Unused())

    assert catalog.names() == []
    assert [fact.data["entities"] for fact in catalog.facts("repository.let_go")] == [1]


def test_a_repository_of_which_something_is_live_is_not_let_go(catalog: Catalog) -> None:
    repository = catalog.taken_in(catalog.source())

    with pytest.raises(Error, match="cannot be let go") as refused:
        actions.unregister(catalog.database, repository, "alice", LATER, Live("component:default/checkout"))

    assert refused.value.reasons == ("component:default/checkout is live in production",)
    assert catalog.names() == ["checkout"]


def test_a_problem_is_a_fact_when_it_is_new_and_not_again(catalog: Catalog) -> None:
    source = catalog.source(**{"catalog-info_yaml": component("-x")})
    repository = catalog.taken_in(source)
    catalog.change(source, a_txt="1")

    catalog.sync(repository, LATER)

    assert [fact.at for fact in catalog.facts("catalog.problem")] == [NOON]


def test_a_repository_that_is_gone_is_said_once_and_what_is_known_stays(catalog: Catalog) -> None:
    source = catalog.source()
    repository = catalog.taken_in(source)
    source.path.rename(catalog.folder / "moved")

    first, second = catalog.sync(repository, LATER), catalog.sync(repository, LATER)

    assert "there is no repository at" in first.error
    assert first == second
    assert catalog.names() == ["checkout"]
    assert len(catalog.facts("catalog.unreachable")) == 1


def test_a_repository_that_comes_back_is_read_although_its_head_is_the_same(catalog: Catalog) -> None:
    source = catalog.source()
    repository = catalog.taken_in(source)
    source.path.rename(catalog.folder / "moved")
    catalog.sync(repository, LATER)
    (catalog.folder / "moved").rename(source.path)

    synced = catalog.sync(repository, LATER)

    assert synced == actions.Synced(head_moved=False, problems=0, stored=True)
    with catalog.database.read() as session:
        assert query.repositories(session)[0].error == ""


def test_a_repository_that_nobody_registered_is_a_sentence(catalog: Catalog) -> None:
    with pytest.raises(Error, match="there is no repository 7; register it first"):
        catalog.sync(7)


def test_numbers_without_end_and_odd_text_are_stored(catalog: Catalog) -> None:
    odd = component() + "  x-much: .inf\n  x-more: " + "9" * 400 + '\n  x-text: "\\u0085 😀"\n'
    catalog.taken_in(catalog.source(**{"catalog-info_yaml": odd}))

    assert catalog.names() == ["checkout"]
