"""Who owned it then, read from real repositories: services, people and systems."""

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from catalog import asof
from catalog.asof import AsOf
from catalog.git import Mirror
from ledger.errors import Code, Error

FIRST = datetime(2026, 1, 5, 12, tzinfo=UTC)  # a Monday
NOW = FIRST + timedelta(days=60)
CHECKOUT = "component:default/checkout"

PERSON = """\
apiVersion: backstage.io/v1alpha1
kind: User
metadata: {{name: {name}}}
spec: {{memberOf: [{team}], profile: {{displayName: {title}}}}}
"""
TEAM = """\
apiVersion: backstage.io/v1alpha1
kind: Group
metadata: {{name: {name}, annotations: {{github.com/team-slug: acme/{name}}}}}
spec: {{type: team, children: []}}
"""
SYSTEM = """\
apiVersion: backstage.io/v1alpha1
kind: System
metadata: {{name: shopping}}
spec: {{owner: {owner}}}
"""
SERVICE = """\
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {{name: checkout}}
spec: {{type: service, lifecycle: production{more}}}
"""


def day(number: float) -> datetime:
    return FIRST + timedelta(days=number)


@dataclass(frozen=True)
class Kept:
    id: int
    name: str
    url: str = "https://git.example.org/acme/shop.git"
    paths: tuple[str, ...] = ()


@dataclass(frozen=True)
class Held:
    ref: str
    kind: str
    repository_id: int


class Repository:
    """A repository whose commits are made at chosen times."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir()
        self.git("init", "-q", "-b", "main")

    def git(self, *arguments: str, at: datetime = FIRST) -> str:
        when = at.isoformat()
        who = {f"GIT_{role}_{what}": "x" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        env = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(self.path), "GIT_CONFIG_NOSYSTEM": "1", **who}
        env |= {"GIT_AUTHOR_DATE": when, "GIT_COMMITTER_DATE": when}
        done = subprocess.run(
            ["git", "-C", str(self.path), *arguments], env=env, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def says(self, at: datetime, *documents: str, codeowners: str = "", subject: str = "a change") -> str:
        (self.path / "catalog-info.yaml").write_text("---\n".join(documents))
        (self.path / "CODEOWNERS").write_text(codeowners)
        self.git("add", ".")
        self.git("commit", "-q", "--allow-empty", "-m", subject, at=at)
        return self.git("rev-parse", "HEAD")


@dataclass(frozen=True)
class Company:
    """Three repositories, and what a portal that has read both may ask."""

    shop: Repository
    people: Repository
    platform: Repository
    ask: Callable[[str], AsOf]
    mirrors: dict[int, Mirror]

    def fetch(self, depth: int | None = None) -> None:
        for mirror in self.mirrors.values():
            if (Path(mirror.url) / "catalog-info.yaml").exists():
                mirror.fetch(depth=depth)


@pytest.fixture
def company(tmp_path: Path) -> Company:
    shop, people, platform = (Repository(tmp_path / name) for name in ("shop", "people", "platform"))
    mirrors = {
        number: Mirror(tmp_path / "mirrors" / str(number), str(one.path), roots=[tmp_path])
        for number, one in ((1, shop), (2, people), (3, platform))
    }
    held = [
        Held(CHECKOUT, "component", 1),
        Held("system:default/shopping", "system", 2),
        Held("system:default/other", "system", 3),
        Held("group:default/payments", "group", 2),
        Held("user:default/alice", "user", 2),
        Held("user:default/bob", "user", 2),
    ]
    kept = [Kept(1, "shop"), Kept(2, "people"), Kept(3, "platform")]
    return Company(
        shop, people, platform, lambda when: asof.as_of(CHECKOUT, when, held, kept, mirrors.__getitem__, NOW), mirrors
    )


def alice(team: str = "payments") -> str:
    return PERSON.format(name="alice", team=team, title="Alice")


def bob(team: str = "payments") -> str:
    return PERSON.format(name="bob", team=team, title="Bob")


def team(name: str) -> str:
    return TEAM.format(name=name)


def service(owner: str = "", system: str = "") -> str:
    return SERVICE.format(more=(f", owner: {owner}" if owner else "") + (f", system: {system}" if system else ""))


def names(found: AsOf) -> list[str]:
    return [person.name for person in found.chain.owner.people]


def test_who_owned_it_on_a_day_is_told_with_the_commits_of_that_day(company: Company) -> None:
    first = company.people.says(day(0), team("payments"), team("search"), alice(), bob("search"))
    company.people.says(day(20), team("payments"), team("search"), alice("search"), bob())
    old = company.shop.says(day(1), service("payments"))
    company.shop.says(day(10), service("search"))
    company.fetch()

    found = company.ask("2026-01-08")

    assert (found.chain.owner.ref, names(found)) == ("group:default/payments", ["Alice"])
    assert [(one.repository, one.sha, one.at) for one in found.commits] == [
        ("shop", old, day(1)),
        ("people", first, day(0)),
    ]
    assert names(company.ask("2026-01-16")) == ["Bob"]  # search, before the two changed places
    assert names(company.ask("2026-01-26T12:00:00+00:00")) == ["Alice"]  # search, after


def test_at_a_commit_people_are_those_of_its_time(company: Company) -> None:
    company.people.says(day(0), team("payments"), alice())
    company.people.says(day(20), team("payments"), bob())
    old, new = company.shop.says(day(1), service("payments")), company.shop.says(day(30), service("payments"))
    company.fetch()

    assert names(company.ask(old[:10])) == ["Alice"]
    assert names(company.ask(new)) == ["Bob"]
    assert company.ask("main").at == day(30)


def test_what_it_inherited_then_is_read_where_the_system_is_described(company: Company) -> None:
    company.people.says(day(0), team("payments"), alice(), SYSTEM.format(owner="payments"))
    company.people.says(day(9), team("payments"), alice(), SYSTEM.format(owner="user:alice"))
    company.shop.says(day(1), service(system="shopping"))
    company.fetch()

    found = company.ask("2026-01-10").chain

    assert (found.owner.ref, found.owner.provenance) == ("group:default/payments", "from system shopping")
    later = company.ask("2026-02-01")
    assert later.chain.owner.ref == "user:default/alice"
    assert [one.repository for one in later.commits] == ["shop", "people"]  # each is read once


def test_a_system_that_stood_elsewhere_then_is_found_there(company: Company) -> None:
    company.people.says(day(0), team("payments"), alice())
    company.people.says(day(9), team("payments"), alice(), SYSTEM.format(owner="payments"))
    company.platform.says(
        day(0), SYSTEM.format(owner="user:alice"), SYSTEM.format(owner="payments").replace("shopping", "other")
    )
    company.platform.says(day(9), SYSTEM.format(owner="payments").replace("shopping", "other"))
    company.shop.says(day(1), service(system="shopping"))
    company.fetch()

    found = company.ask("2026-01-10")

    assert found.chain.owner.ref == "user:default/alice"
    assert [one.repository for one in found.commits] == ["shop", "people", "platform"]
    assert [one.repository for one in company.ask("2026-02-01").commits] == ["shop", "people"]


def test_a_line_of_codeowners_is_that_of_its_time(company: Company) -> None:
    company.people.says(day(0), team("payments"), team("search"), alice())
    company.shop.says(day(1), service(), codeowners="# who\n* @acme/payments\n")
    company.shop.says(day(9), service(), codeowners="* @acme/search\n")
    company.fetch()

    owner = company.ask("2026-01-10").chain.owner

    assert (owner.ref, owner.provenance) == ("group:default/payments", "from CODEOWNERS line 2")


def test_what_was_merged_later_counts_from_its_merge_on(company: Company) -> None:
    company.people.says(day(0), team("payments"), team("search"), alice())
    company.shop.says(day(1), service("payments"))
    company.shop.git("checkout", "-q", "-b", "change")
    company.shop.says(day(2), service("search"))
    company.shop.git("checkout", "-q", "main")
    company.shop.git("merge", "-q", "--no-ff", "-m", "merge", "change", at=day(5))
    company.fetch()

    assert company.ask("2026-01-08").chain.owner.ref == "group:default/payments"  # written on the 7th, not merged
    assert company.ask("2026-01-10").chain.owner.ref == "group:default/search"


def test_a_shallow_mirror_is_deepened_when_the_past_is_asked_for(company: Company) -> None:
    company.people.says(day(0), team("payments"), alice())
    company.people.says(day(20), team("payments"), bob())
    old = company.shop.says(day(1), service("payments"))
    company.shop.says(day(10), service("payments"))
    company.fetch(depth=1)
    assert company.mirrors[1].is_shallow

    assert names(company.ask(old)) == ["Alice"]
    assert names(company.ask("2026-01-07")) == ["Alice"]


def test_a_repository_of_people_that_begins_later_is_noted_and_counts_nobody(company: Company) -> None:
    company.shop.says(day(0), service("payments"))
    company.people.says(day(20), team("payments"), alice())
    company.fetch()

    found = company.ask("2026-01-06")

    assert names(found) == []
    assert found.notes == (
        "people begins on 2026-01-25, so nothing of it is known of 2026-01-06 23:59 UTC; ask for a later time",
    )
    assert found.chain.problem


@pytest.mark.parametrize(
    ("when", "code", "said"),
    [
        ("2025-12-31", Code.NOT_FOUND, "shop begins on 2026-01-05, so nothing of it is known of 2025-12-31 23:59 UTC"),
        ("2026-01-06", Code.NOT_FOUND, "there was no component checkout in shop at "),
        ("2026-01-08", Code.NOT_FOUND, "could not be read in shop at "),
        ("2026-02-30", Code.INVALID, '"2026-02-30" is no time; write 2026-03-02,'),
        ("2026-01-08T25:00", Code.INVALID, "is no time"),
        ("2031-01-01", Code.INVALID, '"2031-01-01" lies ahead; ask for a time that is over'),
        ("--output=x", Code.INVALID, "cannot be a revision"),
        ("beef", Code.NOT_FOUND, 'there is no revision "beef"'),
        ("", Code.INVALID, "cannot be a revision"),
    ],
)
def test_what_cannot_be_told_is_said_in_a_sentence(company: Company, when: str, code: Code, said: str) -> None:
    company.people.says(day(0), team("payments"), alice())
    company.shop.says(day(0), team("other"))
    company.shop.says(day(2), service("payments").replace("lifecycle: production,", ""))
    company.shop.says(day(10), service("payments"))
    company.fetch()

    with pytest.raises(Error) as refused:
        company.ask(when)

    assert refused.value.code is code
    assert said in refused.value.message


def test_an_entity_that_nobody_describes_now_cannot_be_asked_for() -> None:
    held = [Held(CHECKOUT, "component", 1)]
    with pytest.raises(Error) as refused:
        asof.as_of("component:default/chekout", "main", held, [Kept(1, "shop")], lambda _: Mirror(Path("/x")), NOW)

    assert refused.value.message == ('the catalog has no component chekout; did you mean "component:default/checkout"?')


def test_today_is_until_now_and_not_until_its_end() -> None:
    assert asof.moment(f"{NOW:%Y-%m-%d}", NOW) == NOW
    assert asof.moment("2026-01-05T13:00+02:00", NOW) == datetime(2026, 1, 5, 11, tzinfo=UTC)
    assert asof.moment("20260105", NOW) is None  # may be a commit
