"""Who answers, at all three doors: the API, the page and the terminal. They say the same."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from portal import cli
from portal.config import environment
from tests.doors.browsing import Browser, browser
from tests.doors.served import Served, git, portal
from tests.doors.test_cli_deploys import free_port, listening

MORE = """\
apiVersion: backstage.io/v1alpha1
kind: System
metadata: {name: shopping}
spec: {owner: search}
---
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: basket}
spec: {type: service, lifecycle: production, system: shopping}
---
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: typo}
spec: {type: service, lifecycle: production, owner: paymets}
---
apiVersion: backstage.io/v1alpha1
kind: Group
metadata: {name: legacy, title: Legacy <b>team</b>, annotations: {github.com/team-slug: acme/legacy}}
spec: {type: team, children: []}
---
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: old}
spec: {type: service, lifecycle: production, owner: "@acme/legacy"}
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A portal with something that inherits its owner, two orphans and a team of one; tests only look at it."""
    with portal(tmp_path_factory.mktemp("shop"), port=free_port()) as made:
        folder = made.repository / "more"
        folder.mkdir()
        (folder / "catalog-info.yaml").write_text(MORE)
        made.commit("more of it")
        yield made


def asked(shop: Served, ref: str, **query: str) -> Any:
    return shop.as_("carol").get(f"/owners/{ref}", **query)


# The API.


def test_an_owner_is_told_with_every_step_and_its_place(shop: Served) -> None:
    told = asked(shop, "component/default/checkout").json

    assert (told["owner"], told["title"], told["provenance"]) == (
        "group:default/payments",
        "payments",
        "from catalog-info.yaml",
    )
    assert [(one["name"], one["through"]) for one in told["people"]] == [("Alice Moreau", []), ("Bob Okafor", [])]
    first = told["steps"][0]
    assert first["text"] == 'Component checkout names "group:payments" as its owner.'
    assert (first["path"], first["column"]) == ("catalog-info.yaml", 3)
    assert (told["answers"], told["problem"], told["commits"]) == (True, None, [])


def test_an_inherited_owner_says_from_where(shop: Served) -> None:
    told = asked(shop, "component/default/basket").json

    assert (told["owner"], told["provenance"]) == ("group:default/search", "from system shopping")
    assert told["steps"][0]["text"] == "Component basket names no owner; it is part of system shopping."


def test_a_team_by_its_slug_that_has_nobody_does_not_answer(shop: Served) -> None:
    told = asked(shop, "component/default/old").json

    assert (told["owner"], told["answers"], told["problem"]["code"]) == ("group:default/legacy", False, "nobody")
    assert '"@acme/legacy" is another name of team legacy.' in [step["text"] for step in told["steps"]]


def test_who_owned_it_at_a_commit_is_read_from_git(shop: Served) -> None:
    first = git(shop.repository, "rev-list", "--max-parents=0", "HEAD")
    head = git(shop.repository, "rev-parse", "HEAD")

    told = asked(shop, "component/default/checkout", at=head).json
    before = asked(shop, "component/default/checkout", at=first)

    assert (told["owner"], [one["name"] for one in told["people"]]) == (
        "group:default/payments",
        ["Alice Moreau", "Bob Okafor"],
    )
    assert [(one["repository"], one["sha"]) for one in told["commits"]] == [("shop", head)]
    assert before.status_code == 404
    assert "there was no component checkout in shop at " in before.json["error"]["message"]


@pytest.mark.parametrize(
    ("path", "query", "status", "said"),
    [
        ("component/default/nothing", {}, 404, "component:default/nothing"),
        ("component/default/chekout", {"at": "main"}, 404, 'did you mean "component:default/checkout"?'),
        ("component/default/checkout", {"at": "2001-01-01"}, 404, "shop begins on "),
        ("component/default/checkout", {"at": "2999-01-01"}, 400, "lies ahead"),
        ("component/default/checkout", {"at": "--all"}, 400, "cannot be a revision"),
        ("component/default/checkout", {"at": "nowhere"}, 404, 'there is no revision "nowhere"'),
        ("component/default/checkout", {"when": "main"}, 422, "cannot be taken"),
        ("component/default/checkout", {"at": "x" * 400}, 422, "cannot be taken"),
        ("a%20b/default/checkout", {}, 404, "can be no entity"),
        ("component/%00/checkout", {}, 404, "can be no entity"),
    ],
)
def test_what_cannot_be_answered_is_a_sentence(
    shop: Served, path: str, query: dict[str, str], status: int, said: str
) -> None:
    answer = asked(shop, path, **query)

    assert answer.status_code == status
    assert said in str(answer.json)


def test_programs_get_all_that_nobody_answers_for(shop: Served) -> None:
    told: Any = shop.as_("carol").get("/owners").json

    assert (told["all"], told["owned"]) == (5, 3)
    assert [(one["ref"], one["code"]) for one in told["orphans"]] == [
        ("component:default/old", "nobody"),
        ("component:default/typo", "unknown-owner"),
    ]
    assert [(one["ref"], one["hint"], one["named_by"]) for one in told["unknown"]] == [
        ("group:default/paymets", 'did you mean "payments"?', ["component:default/typo"])
    ]
    assert [(one["ref"], one["owns"]) for one in told["disbanded"]] == [
        ("group:default/legacy", ["component:default/old"])
    ]
    assert [(one["ref"], one["people"], one["owns"]) for one in told["alone"]] == [
        ("group:default/search", ["Carol Lind"], ["component:default/basket", "system:default/shopping"])
    ]


# The page.


def test_the_page_says_what_nobody_answers_for_and_what_would_help(shop: Served) -> None:
    shown = browser(shop, "carol").shown("/catalog/owners").replace(" ,", ",")

    assert "Nobody answers for 2 of 5 entities." in shown
    assert "1 team hangs on one person." in shown
    assert 'No team "paymets". Did you mean "payments"?' in shown
    assert 'There is nobody in team "legacy".' in shown
    assert "Carol Lind basket, shopping system" in shown


def test_a_title_is_never_html(shop: Served) -> None:
    page = browser(shop, "carol").get("/catalog/owners").text

    assert "Legacy &lt;b&gt;team&lt;/b&gt;" in page
    assert "<b>team</b>" not in page


def test_a_stranger_is_asked_to_log_in(shop: Served) -> None:
    assert Browser(shop.app).get("/catalog/owners").status_code in (302, 303)


def test_a_page_without_trouble_says_so(tmp_path: Path) -> None:
    with portal(tmp_path) as made:
        shown = browser(made, "alice").shown("/catalog/owners")

    assert "Somebody answers for 1 entity." in shown
    assert "Everything has somebody." in shown
    assert "No team hangs on one person." in shown


# The terminal.


@pytest.fixture
def terminal(shop: Served, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    for name in list(environment()):
        if name.startswith(("FULLCYCLE_", "XDG_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("FULLCYCLE_URL", f"http://127.0.0.1:{shop.services.config.port}")
    monkeypatch.setenv("FULLCYCLE_TOKEN", shop.keys["carol"])
    with listening(shop):
        yield


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        cli.main(["catalog", "owner", *arguments])
    told = capsys.readouterr()
    return int(ended.value.code or 0), told.out + told.err


@pytest.mark.usefixtures("terminal")
def test_the_terminal_prints_the_chain_and_then_the_people(capsys: pytest.CaptureFixture[str]) -> None:
    code, said = run(capsys, "basket")

    assert code == 0
    assert said.splitlines() == [
        "component:default/basket belongs to search (group:default/search), from system shopping",
        "  1. Component basket names no owner; it is part of system shopping.  (more/catalog-info.yaml:8:12)",
        '  2. System shopping names "search" as its owner.  (more/catalog-info.yaml:4:8)',
        "  3. In team search: Carol Lind.",
        "people",
        "  Carol Lind  user:default/carol",
    ]


@pytest.mark.usefixtures("terminal")
def test_the_terminal_ends_with_1_when_nobody_answers(capsys: pytest.CaptureFixture[str]) -> None:
    code, said = run(capsys, "component:default/old")

    assert code == 1
    assert said.startswith("nobody answers for component:default/old: it belongs to Legacy <b>team</b>")
    assert 'warning: owner: there is nobody in team "legacy"; let a User be memberOf legacy' in said


@pytest.mark.usefixtures("terminal")
def test_the_terminal_asks_for_the_past(capsys: pytest.CaptureFixture[str]) -> None:
    code, said = run(capsys, "checkout", "--at", "main", "--json")

    told = json.loads(said)
    assert (code, told["owner"], told["commits"][0]["repository"]) == (0, "group:default/payments", "shop")


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [(("no such",), "cannot be a name"), (("nothing",), "nothing"), (("checkout", "--at", "2999-01-01"), "lies ahead")],
)
def test_a_wrong_call_ends_with_2(capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str) -> None:
    code, told = run(capsys, *arguments)

    assert code == 2
    assert said in told
