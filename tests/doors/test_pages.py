"""The pages as alice, who owns checkout, bob of her team, carol, a stranger, the admin, and nobody."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import event

from ledger import db, events
from portal import accounts, wiring
from portal.app import create_app
from portal.config import Config
from tests.conftest import with_tables
from tests.doors.browsing import Browser, browser, words
from tests.doors.served import BAD, PASSWORD, Served, portal, until

PEOPLE = ("alice", "bob", "carol", "admin")
PLACE = "/services/checkout/production"
PAGES = (
    "/",
    "/services",
    "/services?q=check",
    "/services?q=nothing+like+it",
    "/services/checkout",
    PLACE,
    "/services/checkout/staging",
    f"{PLACE}/plan",
    "/deploys",
    "/deploys?state=undone&by=user:default/alice",
    "/deploys/1",
    "/deploys/1?log=steps",
    "/deploys/1/log.txt",
    "/locks",
    "/locks?service=checkout&environment=production",
    "/audit",
    "/audit?verify=1",
    "/audit?actor=user:default/alice",
    "/audit.jsonl",
    "/account",
    "/settings/repositories",
    "/settings/repositories/1",
    "/patterns",
)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One deploy has become healthy, one was undone by itself, and one commit waits. Tests only look at it."""
    with portal(tmp_path_factory.mktemp("shop")) as made:
        alice = made.as_("alice")
        with made.working():
            alice.ended(press(made, "alice"))
            made.commit("<script>alert(1)</script> & more", target=BAD)
            alice.ended(press(made, "alice"))
        made.commit("Keep the <b>order</b> stable")
        yield made


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with portal(tmp_path) as made:
        yield made


def press(served: Served, who: str, place: str = PLACE) -> int:
    """Open the plan, press its button, and return the deploy's number."""
    visitor = browser(served, who)
    plan = visitor.get(f"{place}/plan").text
    revision = re.search(r'name="revision" value="(\w+)"', plan)
    assert revision
    answer = visitor.post(f"{place}/deploy", revision=revision[1])
    assert answer.status_code == 303, words(answer)
    return int(answer.headers["Location"].rpartition("/")[2])


# Looking.


@pytest.mark.parametrize("who", PEOPLE)
@pytest.mark.parametrize("path", PAGES)
def test_everybody_who_is_logged_in_may_look_at_every_page(
    shop: Served, visitors: dict[str, Browser], path: str, who: str
) -> None:
    assert visitors[who].get(path).status_code == 200


@pytest.fixture(scope="module")
def visitors(shop: Served) -> dict[str, Browser]:
    return {who: browser(shop, who) for who in PEOPLE}


def test_accounts_are_kept_by_admins_only(visitors: dict[str, Browser]) -> None:
    assert visitors["admin"].get("/settings/accounts").status_code == 200
    for who in ("alice", "bob", "carol"):
        assert visitors[who].get("/settings/accounts").status_code == 403


def test_home_shows_what_is_hers(visitors: dict[str, Browser]) -> None:
    assert "team payments" in visitors["alice"].shown("/")
    assert "Your teams own no service yet" in visitors["carol"].shown("/")
    assert "2 commits wait in checkout" in visitors["bob"].shown("/")


def test_a_service_says_what_runs_what_waits_and_whose_it_is(visitors: dict[str, Browser]) -> None:
    page = visitors["carol"].shown("/services/checkout")

    assert "checkout runs release 1 on 2 of 2 instances." in page
    assert "2 newer commits wait to go out" in page
    assert "Alice Moreau" in page


def test_a_record_says_why_it_was_undone_and_which_check_failed(visitors: dict[str, Browser]) -> None:
    page = visitors["carol"].shown("/deploys/2")

    assert "checkout 2 was put back by itself." in page
    assert "did not pass" in page
    assert "checkout 1 serves as before" in page
    assert "Failing" in page


def test_the_history_can_be_filtered(visitors: dict[str, Browser]) -> None:
    alice = visitors["alice"]

    assert "checkout 1" in alice.shown("/deploys?state=healthy")
    assert "checkout 2" not in alice.shown("/deploys?state=healthy")
    assert "No deploy fits" in alice.shown("/deploys?environment=nowhere")


def test_the_audit_names_who_did_what(visitors: dict[str, Browser]) -> None:
    page = visitors["carol"].shown("/audit?subject=deploy:1")

    assert "deploy.requested" in page
    assert "Alice Moreau" in page
    assert "facts are as they were sealed" in visitors["carol"].shown("/audit?verify=1")


def test_the_download_of_the_audit_is_one_object_per_line_in_order(shop: Served, visitors: dict[str, Browser]) -> None:
    events.seal(shop.services.database)
    positions = [json.loads(line)["position"] for line in visitors["carol"].get("/audit.jsonl").text.splitlines()]
    about = [json.loads(line) for line in visitors["carol"].get("/audit.jsonl?subject=deploy:1").text.splitlines()]

    assert positions == list(range(1, len(positions) + 1))
    assert {fact["subject"] for fact in about} == {"deploy:1"}


def test_what_is_not_there_is_said_in_our_words(visitors: dict[str, Browser]) -> None:
    for path in ("/deploys/99999", "/services/chekout", f"{PLACE}x", "/nothing"):
        answer = visitors["alice"].get(path)
        assert answer.status_code == 404
        assert "Not found" in answer.text
    assert "did you mean" in words(visitors["alice"].get("/services/chekout"))


@pytest.mark.parametrize("query", ["revision=--upload-pack=x", "revision=nosuch", "to=abc", "to=99"])
def test_a_plan_for_what_cannot_be_is_a_sentence(visitors: dict[str, Browser], query: str) -> None:
    answer = visitors["alice"].get(f"{PLACE}/plan?{query}")

    assert answer.status_code in (400, 404, 409)
    assert "Our fault" not in answer.text


def test_odd_addresses_break_nothing(visitors: dict[str, Browser]) -> None:
    for path in (
        "/deploys?before=x",
        "/deploys?before=999999999999999999999",
        "/audit?before=-1",
        "/services/%00",
        "/services/a%2Fb",
    ):
        assert visitors["alice"].get(path).status_code < 500, path


def test_a_list_asks_the_database_as_often_for_many_rows_as_for_one(shop: Served, visitors: dict[str, Browser]) -> None:
    def statements(path: str) -> int:
        seen: list[str] = []
        engine = shop.services.database._reader
        listener = lambda connection, cursor, statement, *rest: seen.append(statement)  # noqa: E731
        event.listen(engine, "before_cursor_execute", listener)
        visitors["alice"].get(path)
        event.remove(engine, "before_cursor_execute", listener)
        return len(seen)

    assert statements("/deploys") == statements("/deploys?state=healthy")  # two rows, one row


# Touching.


def test_the_button_is_there_for_the_team_and_refused_with_its_reason_for_a_stranger(
    visitors: dict[str, Browser],
) -> None:
    for who in ("alice", "bob", "admin"):
        assert '<button class="btn main">Deploy 2 commits</button>' in visitors[who].get(f"{PLACE}/plan").text
    page = visitors["carol"].get(f"{PLACE}/plan")
    assert "<button" not in page.text.partition("<main")[2].partition("</main>")[0]
    assert "Only payments may deploy checkout. Ask Alice Moreau or Bob Okafor." in words(page)


@pytest.mark.parametrize(
    "path", [f"{PLACE}/deploy", f"{PLACE}/rollback", f"{PLACE}/let-go", "/deploys/2/abort", "/settings/repositories"]
)
def test_a_stranger_touches_nothing(visitors: dict[str, Browser], path: str) -> None:
    answer = visitors["carol"].post(path, revision="HEAD", release="1", url="/x")

    assert answer.status_code == 403
    assert "Only" in words(answer)


def test_pressing_the_button_leads_to_the_live_page_and_it_ends_healthy(served: Served) -> None:
    alice = browser(served, "alice")
    number = press(served, "alice")

    assert "checkout 1 is next for production." in alice.shown(f"/deploys/{number}")
    with served.working():
        served.as_("alice").ended(number)
    assert "checkout 1 serves all of production." in alice.shown(f"/deploys/{number}")
    assert "Nothing. Production runs the newest commit" in alice.shown("/services/checkout")


def test_pressing_twice_leads_to_the_same_deploy(served: Served) -> None:
    assert press(served, "alice") == press(served, "bob")


def test_bob_aborts_what_alice_began(served: Served) -> None:
    number = press(served, "alice")
    bob = browser(served, "bob")

    assert bob.post(f"/deploys/{number}/abort").status_code == 303

    assert "was stopped by a person" in bob.shown(f"/deploys/{number}")
    assert bob.post(f"/deploys/{number}/abort").status_code == 303
    assert "has ended" in bob.shown(f"/deploys/{number}")  # said, not broken


def test_going_back_holds_what_waits_until_somebody_lets_it_go(served: Served) -> None:
    alice = browser(served, "alice")
    with served.working():
        served.as_("alice").ended(press(served, "alice"))
        served.commit("the second")
        served.as_("alice").ended(press(served, "alice"))
        assert "Roll back to 1" in alice.shown(PLACE)
        assert "checkout goes back to release 1 in production" in alice.shown(f"{PLACE}/plan?to=1")

        answer = alice.post(f"{PLACE}/rollback", release="1", note="it was <i>slow</i>")
        assert answer.status_code == 303
        served.as_("alice").ended(int(answer.headers["Location"].rpartition("/")[2]))

    page = alice.get(PLACE)
    assert "What waits in production is held." in words(page)
    assert "it was &lt;i&gt;slow&lt;/i&gt;" in page.text
    assert browser(served, "bob").post(f"{PLACE}/let-go").status_code == 303
    assert "is held" not in alice.shown(PLACE)


def test_a_repository_is_added_by_an_admin_and_a_wrong_one_says_so(served: Served, tmp_path: Path) -> None:
    admin = browser(served, "admin")

    wrong = admin.post("/settings/repositories", url="ext::sh -c evil")
    assert wrong.status_code == 400
    assert "ext::sh -c evil" in wrong.text  # what was typed stays
    assert admin.post("/settings/repositories", url=str(served.repository)).status_code == 303
    assert "shop" in admin.shown("/settings/repositories")


def test_accounts_are_made_and_closed_by_an_admin_and_the_last_one_stays(served: Served) -> None:
    admin = browser(served, "admin")

    bad = admin.post("/settings/accounts", name="X Y", role="king", password="short")
    assert bad.status_code == 400
    assert len(re.findall(r"A name has|A role is|A password has", words(bad))) == 3  # all at once
    admin.post(
        "/settings/accounts", name="dave", role="member", user="user:default/carol", password="long enough for two"
    )
    assert "dave" in admin.shown("/settings/accounts")
    assert Browser(served.app, "dave", "long enough for two").get("/").status_code == 200
    admin.post("/settings/accounts/dave/close")
    assert Browser(served.app).post("/login", name="dave", password="long enough for two").status_code == 400
    admin.post("/settings/accounts/admin/close")
    assert "only admin left" in admin.shown("/settings/accounts")


def test_a_zone_that_does_not_exist_comes_back_with_the_nearest(served: Served) -> None:
    alice = browser(served, "alice")

    wrong = alice.post("/account/looks", theme="dark", zone="Europe/Berln")
    assert wrong.status_code == 400
    assert "Did you mean Europe/Berlin?" in words(wrong)
    alice.post("/account/looks", theme="dark", zone="Europe/Berlin")
    page = alice.get("/")
    assert "Times in Europe/Berlin" in page.text
    assert '<html lang="en" data-theme="dark"' in page.text


def test_a_key_is_shown_once_works_and_ends_when_it_is_deleted(served: Served) -> None:
    alice = browser(served, "alice")
    made = alice.post("/account/keys", name="from CI", lasts="30")
    key = re.search(r"fc_[\w-]+", made.text)
    assert key
    headers = {"Authorization": f"Bearer {key[0]}"}

    assert key[0] not in alice.get("/account").text
    assert served.app.test_client().get("/api/v1/me", headers=headers).json["account"] == "alice"
    number = re.search(r"/account/keys/(\d+)/delete", alice.get("/account").text)
    assert number
    assert browser(served, "bob").post(f"/account/keys/{number[1]}/delete").status_code == 404
    alice.post(f"/account/keys/{number[1]}/delete")
    assert served.app.test_client().get("/api/v1/me", headers=headers).status_code == 401


def test_the_first_page_of_all_teaches(tmp_path: Path) -> None:
    config = Config(data=tmp_path)
    services = wiring.wire(config, opened=with_tables(db.sqlite(tmp_path / "fullcycle.db")))
    with services.database.write() as session:
        accounts.create(session, "admin", PASSWORD, "admin", None, services.clock(), "system")
    admin = Browser(create_app(services), "admin")

    assert "Fullcycle does not know a service yet." in admin.shown("/")
    assert "Put a catalog-info.yaml into a repository" in admin.shown("/services")
    assert "No deploy yet." in admin.shown("/deploys")
    assert "No repository here yet." in admin.shown("/settings/repositories")
    services.database.close()


def test_what_nobody_expected_has_a_number_that_the_log_knows(
    served: Served, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    alice = browser(served, "alice")

    def breaks(*_: object, **__: object) -> None:
        raise RuntimeError("a secret detail")

    monkeypatch.setattr("pipelines.query.summaries", breaks)
    answer = alice.get("/services")

    number = re.search(r"The log knows it as (\w{8})", words(answer))
    assert answer.status_code == 500
    assert number
    assert "a secret detail" not in answer.text
    assert number[1] in capsys.readouterr().out


def test_a_live_page_is_told_of_what_happens_after_it_was_made(served: Served) -> None:
    alice = browser(served, "alice")
    page = alice.get("/services/checkout").text
    stream = re.search(r'hx-sse:connect="([^"]+)"', page)
    assert stream
    address = stream[1].replace("&amp;", "&")
    press(served, "alice")

    answer = alice.get(address)
    told = iter(answer.response)
    until(lambda: b"event: changed" in next(told), "the page is told")
    answer.close()
