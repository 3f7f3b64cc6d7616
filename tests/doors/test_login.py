"""Coming in: right and wrong passwords, too many tries, where one lands, and what a session is worth."""

import re
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from werkzeug.security import generate_password_hash

from ledger import db
from portal import accounts, auth, wiring
from portal.app import create_app
from portal.config import Config
from tests.conftest import NOON, with_tables
from tests.doors.browsing import Browser, browser, words
from tests.doors.served import PASSWORD, Served, portal


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with portal(tmp_path_factory.mktemp("shop")) as made:
        yield made


def test_the_right_password_leads_home(shop: Served) -> None:
    nobody = browser(shop)

    assert nobody.post("/login", name="Alice ", password=PASSWORD).headers["Location"] == "/"
    assert "Alice Moreau" in nobody.shown("/")


def test_a_wrong_password_and_a_wrong_name_look_the_same(shop: Served) -> None:
    wrong = browser(shop).post("/login", name="alice", password="nearly right")
    unknown = browser(shop).post("/login", name="zoe", password="nearly right")

    assert wrong.status_code == unknown.status_code == 400
    assert words(wrong) == words(unknown)


def test_an_unknown_name_costs_as_much_hashing_as_a_known_one(shop: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[str] = []
    monkeypatch.setattr(accounts, "check_password_hash", lambda hashed, _: bool(checked.append(hashed)))

    for name in ("alice", "zoe"):
        browser(shop).post("/login", name=name, password="x")

    assert len(checked) == 2  # also where there is nothing to compare with
    assert accounts.NO_ACCOUNT.partition("$")[0] == generate_password_hash("x").partition("$")[0]


def test_guessing_ends_soon(shop: Served) -> None:
    guesser = browser(shop)

    answers = [guesser.post("/login", name="alice", password=f"guess {number}").status_code for number in range(12)]

    assert answers == [400] * 10 + [429] * 2
    assert browser(shop, "alice")  # once the tries are counted anew


def test_guessing_from_many_addresses_ends_too(shop: Served) -> None:
    guesser = browser(shop)
    token = guesser.token()

    def guess(name: str, number: int) -> int:
        form = {"csrf_token": token, "name": name, "password": "guess"}
        where = {"REMOTE_ADDR": f"10.0.0.{number}"}
        return guesser.client.post("/login", data=form, environ_overrides=where).status_code

    assert [guess("Alice ", number) for number in range(22)] == [400] * 20 + [429] * 2
    assert guess("bob", 99) == 400  # others are not kept out by it


@pytest.mark.parametrize("asked", ["/services/checkout", "/deploys?state=stuck"])
def test_one_lands_where_one_wanted_to_go(shop: Served, asked: str) -> None:
    nobody = browser(shop)
    sent = nobody.get(asked)
    assert sent.status_code == 303

    page = nobody.get(sent.headers["Location"])
    back = re.search(r'name="next" value="([^"]*)"', page.text)
    assert back

    assert nobody.post("/login", name="alice", password=PASSWORD, next=back[1]).headers["Location"] == asked


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil",
        "javascript:alert(1)",
        "/\t/evil",
        "evil",
    ],
)
def test_nobody_is_sent_to_another_host(shop: Served, elsewhere: str) -> None:
    assert auth.safe_next(elsewhere) is None
    nobody = browser(shop)

    assert nobody.post("/login", name="alice", password=PASSWORD, next=elsewhere).headers["Location"] == "/"


def test_a_session_begins_anew_at_the_login(shop: Served) -> None:
    nobody = browser(shop)
    with nobody.client.session_transaction() as session:
        session["planted"] = "by somebody else"

    nobody.post("/login", name="alice", password=PASSWORD)

    with nobody.client.session_transaction() as session:
        assert "planted" not in session


def test_the_cookie_cannot_be_read_by_scripts_nor_sent_by_other_sites(shop: Served) -> None:
    cookie = browser(shop).post("/login", name="alice", password=PASSWORD).headers["Set-Cookie"]

    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Secure" not in cookie  # http on loopback


def test_behind_https_the_cookie_is_secure_and_browsers_are_told_to_stay(tmp_path: Path) -> None:
    config = Config(data=tmp_path, url="https://fullcycle.example.com")
    services = wiring.wire(config, opened=with_tables(db.sqlite(tmp_path / "fullcycle.db")))

    page = create_app(services).test_client().get("/login", base_url="https://fullcycle.example.com")

    assert "; Secure" in page.headers["Set-Cookie"]
    assert "max-age" in page.headers["Strict-Transport-Security"]
    services.database.close()


def test_going_out_is_going_out(shop: Served) -> None:
    alice = browser(shop, "alice")

    assert alice.post("/logout").status_code == 303

    assert alice.get("/").status_code == 303


def test_a_new_password_ends_the_sessions_of_other_browsers(shop: Served) -> None:
    here, there = browser(shop, "bob"), browser(shop, "bob")

    wrong = here.post("/account/password", old="not it", new="another long password")
    assert wrong.status_code == 400
    assert here.post("/account/password", old=PASSWORD, new="another long password").status_code == 303

    assert here.get("/").status_code == 200
    assert there.get("/").status_code == 303
    assert Browser(shop.app, "bob", "another long password")


def test_a_closed_account_is_out_at_once(shop: Served) -> None:
    carol, admin = browser(shop, "carol"), browser(shop, "admin")
    assert carol.get("/").status_code == 200

    admin.post("/settings/accounts/carol/close")

    assert carol.get("/").status_code == 303
    admin.post("/settings/accounts/carol/open")


def test_a_cookie_signed_by_another_portal_is_worth_nothing(shop: Served, tmp_path: Path) -> None:
    with portal(tmp_path) as other:
        cookie = browser(other, "admin").client.get_cookie(other.app.config["SESSION_COOKIE_NAME"])
    assert cookie
    nobody = browser(shop)
    nobody.client.set_cookie(shop.app.config["SESSION_COOKIE_NAME"], cookie.value)

    assert nobody.get("/").status_code == 303
    assert other.app.config["SESSION_COOKIE_NAME"] != shop.app.config["SESSION_COOKIE_NAME"]  # two on one machine


# The first start.


def test_the_first_password_is_shown_on_a_terminal_only(tmp_path: Path) -> None:
    config, database = Config(data=tmp_path), with_tables(db.sqlite(tmp_path / "x.db"))

    first = accounts.first_admin(database, config, NOON, is_terminal=True)

    assert first
    assert first.path is None
    with database.read() as session:
        found = accounts.check(session, "admin", first.password)
    assert found
    assert found.role == "admin"
    assert not (tmp_path / "first-password").exists()
    assert accounts.first_admin(database, config, NOON, is_terminal=True) is None  # only the first time
    database.close()


def test_without_a_terminal_it_is_in_a_file_of_its_owner_only(tmp_path: Path) -> None:
    config, database = Config(data=tmp_path), with_tables(db.sqlite(tmp_path / "x.db"))

    first = accounts.first_admin(database, config, NOON, is_terminal=False)

    assert first
    assert first.password == ""
    assert first.path
    assert stat.S_IMODE(first.path.stat().st_mode) == 0o600
    with database.read() as session:
        assert accounts.check(session, "admin", first.path.read_text().strip())
    database.close()


def test_no_password_and_no_key_is_kept_as_it_is(shop: Served) -> None:
    raw = (shop.services.config.data / "fullcycle.db").read_bytes()
    wal = shop.services.config.data / "fullcycle.db-wal"
    raw += wal.read_bytes() if wal.exists() else b""

    assert PASSWORD.encode() not in raw
    for key in shop.keys.values():
        assert key.encode() not in raw
