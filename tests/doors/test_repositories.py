"""Which repositories are read, at the page, at the API and in the terminal: taking in, progress, letting go."""

import contextlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog import query, store
from catalog.query import Repository
from ledger.errors import Code, Error
from portal import addresses, repositories
from tests.doors.browsing import browser, words
from tests.doors.served import Served, git, portal
from tests.doors.test_cli_deploys import Terminal, free_port, listening, terminal

__all__ = ["terminal"]
PAGE = "/settings/repositories"
GOOD, BAD = "https://git.example.com/shop/ledger.git", "ext::sh -c id"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with portal(tmp_path) as made:
        yield made


@pytest.fixture
def listens(tmp_path: Path, terminal: Terminal) -> Iterator[Served]:
    """A portal that listens; the terminal is the admin's."""
    with portal(tmp_path, port=free_port()) as made, listening(made):
        terminal.be(made, "admin")
        yield made


def known(served: Served) -> list[Repository]:
    with served.services.database.read() as session:
        return query.repositories(session)


def another(served: Served, name: str) -> Path:
    """A repository beside the shop's, which describes one thing."""
    folder = served.repository.parent / name
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    text = f"apiVersion: backstage.io/v1alpha1\nkind: System\nmetadata: {{name: {name}}}\nspec: {{owner: payments}}\n"
    (folder / "catalog-info.yaml").write_text(text)
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", f"begin {name}")
    return folder


@contextmanager
def saying(served: Served, number: int, **values: object) -> Iterator[None]:
    with served.services.database.write() as session:
        store.say(session, number, **values)
    yield


# Lists of addresses.


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("\n# nothing\n", []),
        (GOOD, [GOOD]),
        (f"\ufeff{GOOD}\r\n", [GOOD]),
        (f"{GOOD}\n{GOOD}\n", [GOOD]),
        (f"# ours\n{GOOD} # the ledger\n  /srv/git/a  \n", [GOOD, "/srv/git/a"]),
        (f"- {GOOD}\n- git@host:a/b.git\n", [GOOD, "git@host:a/b.git"]),
        ("https://host/a/b/blob/main/c.yaml#L3", ["https://host/a/b/blob/main/c.yaml#L3"]),
        (f"repositories:\n  - {GOOD} # ours\n  - url: /srv/git/a\n", [GOOD, "/srv/git/a"]),
        (f"# a list\nrepositories: [{GOOD}]\n", [GOOD]),
        ("repositories: []", []),
    ],
)
def test_a_list_is_read_as_people_write_one(text: str, expected: list[str]) -> None:
    assert addresses.read(text) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("repositories: {a: b}", "has no list of `repositories`"),
        ("repositories: [1]", "names 1, which is no address"),
        ("repositories: [{name: a}]", "names a mapping, which is no address"),
        ("repositories: ['']", 'names "", which is no address'),
        ("repositories: [a\n", "cannot be read"),
        ("repositories: [a]\nrepositories: [b]\n", "cannot be read"),
        ("repositories: [a]\n---\nrepositories: [b]\n", "cannot be read"),
        ("\n".join(f"/srv/{number}" for number in range(1001)), "names 1001 repositories; at most 1000"),
    ],
)
def test_a_list_that_is_none_says_why(text: str, said: str) -> None:
    with pytest.raises(Error, match=re.escape(said)) as refused:
        addresses.read(text, "org.yaml")

    assert refused.value.code is Code.INVALID
    assert refused.value.message.startswith("org.yaml ")


@given(st.one_of(st.text(), st.text().map(lambda text: f"repositories:\n{text}")))
def test_no_text_breaks_a_list(text: str) -> None:
    with contextlib.suppress(Error):  # the one way to refuse
        assert all(isinstance(one, str) and one.strip() for one in addresses.read(text))


# The API.


def test_each_address_is_answered_by_itself(served: Served) -> None:
    answer = served.as_("admin").post("/repositories/list", {"urls": [BAD, GOOD, str(served.repository), GOOD]})

    taken = answer.json["answers"]
    assert answer.status_code == 202
    assert [(one["url"], one["id"]) for one in taken] == [
        (BAD, None),
        (GOOD, 2),
        (str(served.repository), 1),
        (GOOD, 2),
    ]
    assert [one["wrong"] for one in taken] == [
        "ext::sh -c id would run a command; only https and ssh are allowed",
        "",
        "",
        "",
    ]
    assert [one.url for one in known(served)] == [GOOD, str(served.repository)]


@pytest.mark.parametrize("urls", [[], [""], [1], "x", None, ["x" * 301], ["a"] * 1001, ["a\0"]])
def test_a_list_of_another_shape_is_refused_whole(served: Served, urls: object) -> None:
    assert served.as_("admin").post("/repositories/list", {"urls": urls}).status_code in (400, 422)
    assert len(known(served)) == 1


@pytest.mark.parametrize("path", ["/list", "/read", "/1/let-go", "/1/webhook"])
@pytest.mark.parametrize("who", ["alice", "carol"])
def test_only_an_admin_changes_what_is_read(served: Served, who: str, path: str) -> None:
    body = {"urls": [GOOD]} if path == "/list" else {}

    assert served.as_(who).post(f"/repositories{path}", body).status_code == 403
    assert len(known(served)) == 1


def test_progress_says_what_waits_and_what_each_is_at(served: Served) -> None:
    number = served.services.register(GOOD, "account:admin")
    with saying(served, number, doing="reading 12 files"):
        told = served.as_("carol").get("/repositories").json

    assert told["progress"] == {"total": 2, "read": 1, "waiting": 1}
    assert [(one["name"], one["waits"], one["doing"]) for one in told["repositories"]] == [
        ("ledger", True, "reading 12 files"),
        ("shop", False, ""),
    ]


def test_whoever_may_look_may_have_it_read_again(served: Served) -> None:
    assert served.as_("carol").post("/repositories/1/read").json == {"ids": [1]}
    assert known(served)[0].waits
    assert served.as_("carol").post("/repositories/9/read").status_code == 404


def test_everything_is_read_again(served: Served) -> None:
    served.services.register(GOOD, "account:admin")

    assert sorted(served.as_("admin").post("/repositories/read").json["ids"]) == [1, 2]


def test_a_secret_is_its_repositorys_own_and_stays_the_same(served: Served) -> None:
    number = served.services.register(GOOD, "account:admin")
    admin = served.as_("admin")

    first, again, other = (admin.post(f"/repositories/{n}/webhook").json for n in (number, number, 1))

    assert first == again
    assert first["addresses"]["gitea"] == "http://127.0.0.1:8000/hooks/gitea"
    assert re.fullmatch(r"[0-9a-f]{64}", first["secret"])
    assert first["secret"] != other["secret"]
    assert admin.post("/repositories/9/webhook").status_code == 404


def test_letting_go_forgets_what_is_described(served: Served) -> None:
    number = served.services.register(str(another(served, "ledger")), "account:admin")
    with served.working():
        served.as_("admin").post("/repositories/read")
        _until_read(served)
    assert "system:default/ledger" in _refs(served)
    assert (served.services.config.data / "mirrors" / str(number)).exists()

    assert served.as_("admin").post(f"/repositories/{number}/let-go").json == {"id": number}

    assert "system:default/ledger" not in _refs(served)
    assert not (served.services.config.data / "mirrors" / str(number)).exists()
    assert served.as_("admin").post(f"/repositories/{number}/let-go").status_code == 404


def _refs(served: Served) -> list[str]:
    with served.services.database.read() as session:
        return [one.ref for one in query.entities(session)]


def _until_read(served: Served) -> None:
    from tests.doors.served import until

    until(lambda: not any(one.waits for one in known(served)), "everything is read")


def test_what_is_in_use_is_not_let_go(served: Served) -> None:
    alice = served.as_("alice")
    with served.working():
        alice.ended(alice.post("/services/checkout/deploys", {"environment": "production"}).json["id"])

    answer = served.as_("admin").post("/repositories/1/let-go")

    assert answer.status_code == 409
    assert answer.json["error"]["reasons"] == ["component:default/checkout is live in production as release 1"]
    admin = browser(served, "admin")
    assert "is live in production as release 1" in admin.shown(f"{PAGE}/1/let-go")
    assert admin.post(f"{PAGE}/1/let-go").status_code == 303
    assert "cannot be let go while it is in use" in admin.shown(f"{PAGE}/1")


# The pages.


def test_several_are_added_at_once_and_what_is_wrong_stays_in_the_field(served: Served) -> None:
    admin = browser(served, "admin")

    page = admin.post(PAGE, url=f"{BAD}\n{GOOD}\n")

    assert page.status_code == 400
    assert "1 repository taken in, 1 not." in words(page)
    assert "would run a command" in words(page)
    field = re.search(r"<textarea[^>]*>\n(.*?)</textarea>", page.text, re.DOTALL)
    assert field is not None
    assert field[1] == BAD
    assert [one.name for one in known(served)] == ["ledger", "shop"]


def test_a_list_that_cannot_be_read_stays_in_the_field(served: Served) -> None:
    page = browser(served, "admin").post(PAGE, url="repositories: [<b>")

    assert page.status_code == 400
    assert "cannot be read; mend it" in words(page)
    assert "repositories: [&lt;b&gt;" in page.text


def test_the_page_says_how_far_reading_is_and_looks_again_by_itself(served: Served) -> None:
    number = served.services.register(GOOD, "account:admin")
    admin = browser(served, "admin")
    with saying(served, number, doing="fetching"):
        page = admin.get(PAGE)

    assert "1 of 2 repositories read 1 waits" in words(page)
    assert "Fetching" in words(page)
    assert "every 2s" in page.text
    with saying(served, number, doing="", looked_at=served.services.clock(), error="the host cannot be found"):
        page = admin.get(PAGE)
    assert "repositories read" not in words(page)
    assert "Cannot be read" in words(page)
    assert "The host cannot be found." in words(page)
    assert "every 2s" not in page.text


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["ledger", "shop"]),
        ("?q=LEDG", ["ledger"]),
        ("?q=git.example", ["ledger"]),
        ("?state=waiting", ["ledger"]),
        ("?state=failing", []),
        ("?state=nonsense&page=x", ["ledger", "shop"]),
        ("?page=2", []),
        ("?q=%00%ff", []),
    ],
)
def test_repositories_are_found_by_words_and_state(served: Served, query: str, names: list[str]) -> None:
    served.services.register(GOOD, "account:admin")

    page = browser(served, "carol").get(PAGE + query)

    assert page.status_code == 200
    assert re.findall(r'<tr id="repository-\d+">.*?<b>(\w+)</b>', page.text, re.DOTALL) == names


def test_a_repository_has_a_page_with_a_secret_for_admins_alone(served: Served) -> None:
    secret = repositories.webhook_secret(served.services.config, known(served)[0])

    seen = {who: browser(served, who).get(f"{PAGE}/1").text for who in ("admin", "alice")}

    assert all("checkout" in page and "the first" in page for page in seen.values())
    assert (secret in seen["admin"], secret in seen["alice"]) == (True, False)
    assert (f"{PAGE}/1/let-go" in seen["admin"], f"{PAGE}/1/let-go" in seen["alice"]) == (True, False)
    assert browser(served, "alice").get(f"{PAGE}/9").status_code == 404


def test_letting_go_asks_first_and_says_what_would_be_lost(served: Served) -> None:
    admin = browser(served, "admin")

    shown = admin.shown(f"{PAGE}/1/let-go")
    assert "6 things of the catalog would be forgotten with shop." in shown
    assert len(known(served)) == 1
    assert admin.post(f"{PAGE}/1/let-go").status_code == 303
    assert "The repository shop is let go." in admin.shown(PAGE)
    assert known(served) == []


@pytest.mark.parametrize("path", ["/1/let-go", ""])
def test_nobody_but_an_admin_lets_go_or_adds(served: Served, path: str) -> None:
    assert browser(served, "alice").post(PAGE + path, url=GOOD).status_code == 403
    assert browser(served, "alice").get(f"{PAGE}/1/let-go").status_code == 403
    assert len(known(served)) == 1


def test_reading_again_is_one_press(served: Served) -> None:
    assert browser(served, "carol").post(f"{PAGE}/1/read").status_code == 303
    assert known(served)[0].waits
    assert browser(served, "carol").post(f"{PAGE}/9/read").status_code == 404


# The terminal.


def test_the_terminal_takes_addresses_and_a_list(listens: Served, terminal: Terminal, tmp_path: Path) -> None:
    (tmp_path / "org.yaml").write_text(f"# ours\nrepositories:\n  - {GOOD}\n")

    said = terminal("catalog", "register", BAD, "--list", str(tmp_path / "org.yaml"))

    assert said.out.splitlines() == [
        "NO    ext::sh -c id: ext::sh -c id would run a command; only https and ssh are allowed",
        f"ok    {GOOD}",
    ]
    assert said.code == 1
    assert terminal("catalog", "register", GOOD, "--json").json["answers"] == [{"url": GOOD, "id": 2, "wrong": ""}]


def test_a_call_without_an_address_is_wrong(terminal: Terminal, tmp_path: Path) -> None:
    (tmp_path / "bad").write_bytes(b"\xff\xfe")
    (tmp_path / "none.yaml").write_text("repositories: 1")

    for arguments in ([], ["--list", str(tmp_path / "bad")], ["--list", str(tmp_path / "none.yaml")]):
        assert terminal("catalog", "register", *arguments).code == 2


def test_the_terminal_lists_what_is_read(listens: Served, terminal: Terminal) -> None:
    listens.services.register(GOOD, "account:admin")

    lines = terminal("catalog", "repositories").out.splitlines()

    assert re.split(r"\s{2,}", lines[1]) == ["2", "ledger", "waits", "-", "-", GOOD]
    assert re.split(r"\s{2,}", lines[2])[:3] == ["1", "shop", "read"]
    assert lines[3] == "1 of 2 repositories read"
    assert terminal("catalog", "repositories", "--json").json["progress"] == {"total": 2, "read": 1, "waiting": 1}


def test_the_terminal_waits_until_all_is_read(listens: Served, terminal: Terminal) -> None:
    good, gone = another(listens, "ledger"), listens.repository.parent / "nowhere"
    with listens.working():
        said = terminal("catalog", "register", str(good), str(gone), "--wait")

    lines = said.out.splitlines()
    assert lines[:2] == [f"ok    {good}", f"ok    {gone}"]
    assert sorted(line.split()[:2] for line in lines[2:4]) == [["NO", "nowhere:"], ["read", "ledger"]]
    assert lines[4:] == ["1 of 2 repositories read, 1 cannot be"]
    assert said.code == 1


@pytest.mark.parametrize("name", ["shop", "1", None])
def test_the_terminal_has_one_or_all_read_now(listens: Served, terminal: Terminal, name: str | None) -> None:
    arguments = [name] if name else []
    assert terminal("catalog", "sync", *arguments).out == "1 repository is read soon\n"

    with listens.working():
        said = terminal("catalog", "sync", *arguments, "--wait")

    assert said.code == 0
    assert said.out.splitlines()[-1] == "1 of 1 repository read"


def test_a_name_that_is_none_or_two_says_so(listens: Served, terminal: Terminal) -> None:
    for host in ("one", "two"):
        listens.services.register(f"https://{host}.example.com/ledger.git", "account:admin")

    wrong, double = terminal("catalog", "sync", "shp"), terminal("catalog", "webhook", "ledger")

    assert (wrong.code, wrong.err) == (2, 'fullcycle: The portal reads no repository "shp"; did you mean "shop"?\n')
    assert double.err.splitlines()[0] == 'fullcycle: 2 repositories are called "ledger"; say its number'
    assert "  2  https://one.example.com/ledger.git" in double.err.splitlines()
    assert terminal("catalog", "webhook", "git@one.example.com:ledger.git").code == 0


def test_the_terminal_tells_a_secret_to_admins_alone(listens: Served, terminal: Terminal) -> None:
    secret = repositories.webhook_secret(listens.services.config, known(listens)[0])

    said = terminal("catalog", "webhook", "shop")
    terminal.be(listens, "alice")
    refused = terminal("catalog", "webhook", "shop")

    port = listens.services.config.port
    assert f"github  http://127.0.0.1:{port}/hooks/github" in said.out.splitlines()
    assert said.out.splitlines()[3] == f"secret  {secret}"
    assert (refused.code, secret in refused.err) == (2, False)


def test_on_a_terminal_a_bar_shows_how_far_it_is(
    listens: Served, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[int, int]] = []
    from portal.cli import repositories as commands

    monkeypatch.setattr(commands.Bar, "update", lambda _self, read, total: seen.append((read, total)))
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    with listens.working():
        said = terminal("catalog", "sync", "shop", "--wait")

    assert said.code == 0
    assert seen[-1] == (1, 1)
