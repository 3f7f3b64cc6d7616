"""What holds for every address: nobody gets in, forms need their token, headers are there, and nothing is inline."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from werkzeug.routing import Rule

from portal.app import HEADERS
from portal.auth import OPEN_ENDPOINTS
from tests.doors.browsing import Browser, browser
from tests.doors.served import PASSWORD, Served, portal
from tests.doors.test_pages import PAGES, press

FILLED = {
    "name": "checkout",
    "environment": "production",
    "kind": "component",
    "namespace": "default",
    "filename": "base.css",
}
MACHINES = {  # who calls these has no session, and shows a secret of its own in each call
    "hooks.receive",
    "enqueue.enqueue",
    "enqueue.enqueue_change",
    "enqueue.hook",
    "enqueue.beat",
    "mattermost.command",
    "pagerhooks.receive",
    "slack.command",
}
OPEN = MACHINES | {
    "static",
    "login.show",
    "login.enter",
    "login.leave",
    "telemetry.healthz",
    "telemetry.readyz",
    "telemetry.metrics",
    "export.catalog_info",  # where the configuration says so
    "acknowledging.show",  # the link in a page: who has it is who was paged
    "acknowledging.take",
    "calendars.read",  # whoever has the link
}
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A portal in which somebody hostile has written whatever can be written."""
    with portal(tmp_path_factory.mktemp("shop")) as made:
        made.commit(f"{HOSTILE} subject")
        with made.working():
            made.as_("alice").ended(press(made, "alice"))
            made.commit(f"{HOSTILE} again")
            number = press(made, "alice")
            made.as_("alice").ended(number)
        made.commit(f"{HOSTILE} waits")
        waiting = press(made, "alice")
        browser(made, "bob").post(f"/deploys/{waiting}/abort", reason=f"{HOSTILE} reason")
        alice = browser(made, "alice")
        alice.post("/services/checkout/production/rollback", release="1", note=f"{HOSTILE} note")
        alice.post("/account/keys", name=f"{HOSTILE} key", lasts="30")
        yield made


@pytest.fixture(scope="module")
def alice(shop: Served) -> Browser:
    return browser(shop, "alice")


def pages(shop: Served) -> list[Rule]:
    return [rule for rule in shop.app.url_map.iter_rules() if not rule.rule.startswith("/api/")]


def address(rule: Rule) -> str:
    """Return an address that the rule takes."""
    return re.sub(r"<(?:(\w+)(?:\(([^)]*)\))?:)?(\w+)>", _filled, rule.rule)


def _filled(found: re.Match[str]) -> str:
    kind, among, name = found.groups()
    words = {"int": "1", "any": (among or "").partition(",")[0]}
    return words.get(kind) or FILLED.get(name, "anything")


def test_no_address_is_open_unless_it_says_so(shop: Served) -> None:
    """Closed by default: a new page is behind the login without anybody thinking of it."""
    is_open = {
        rule.endpoint
        for rule in pages(shop)
        if rule.endpoint in OPEN_ENDPOINTS or getattr(shop.app.view_functions[rule.endpoint], "is_public", False)
    }

    assert is_open <= OPEN
    assert "login.show" in is_open


def test_nobody_gets_in_anywhere(shop: Served) -> None:
    nobody = browser(shop)
    for rule in pages(shop):
        if rule.endpoint in OPEN_ENDPOINTS or getattr(shop.app.view_functions[rule.endpoint], "is_public", False):
            continue
        for method in (rule.methods or set()) & {"GET", "POST"}:
            answer = nobody.client.open(address(rule), method=method)
            assert answer.status_code == 303, f"{method} {rule.rule}"
            assert answer.headers["Location"].startswith("/login")


def test_no_form_is_taken_without_its_token(shop: Served, alice: Browser) -> None:
    posts = [rule for rule in pages(shop) if "POST" in (rule.methods or set()) and rule.endpoint not in MACHINES]
    assert len(posts) > 10
    for rule in posts:
        for data in ({}, {"csrf_token": "made up"}, {"csrf_token": Browser(shop.app).token()}):
            answer = alice.client.post(address(rule), data=data)
            assert answer.status_code == 400, rule.rule
            assert "form is too old or was not ours" in answer.text


def test_a_page_that_refreshes_itself_after_the_session_ended_is_sent_to_the_login(shop: Served) -> None:
    answer = browser(shop).get("/services", headers={"HX-Request": "true"})

    assert answer.status_code == 401
    assert answer.headers["HX-Redirect"] == "/login"


@pytest.mark.parametrize(
    "path", [*PAGES, "/nothing", "/static/base.css", "/healthz", "/metrics", "/api/v1/me", "/live"]
)
def test_every_answer_has_the_headers(alice: Browser, path: str) -> None:
    answer = alice.get(path)

    for name, value in HEADERS.items():
        assert answer.headers.get(name) == value, name
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    answer.close()


class Inline(HTMLParser):
    """Collects whatever the strict policy would refuse."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        if tag == "style" or (tag == "script" and not told.get("src")):
            self.found.append(tag)
        self.found += [f"{tag} {name}" for name in told if name == "style" or name.startswith(("on", "hx-on"))]
        for name in ("href", "src", "action"):
            link = told.get(name) or ""
            if link.startswith("javascript:") or (tag in ("script", "link", "img") and "//" in link):
                self.found.append(f"{tag} {link}")


@pytest.mark.parametrize("path", [*PAGES, "/login", "/nothing"])
def test_nothing_is_inline_and_nothing_comes_from_another_host(alice: Browser, path: str) -> None:
    answer = alice.get(path)
    if answer.mimetype == "text/html":
        inline = Inline()
        inline.feed(answer.text)
        assert inline.found == []


def test_what_people_write_is_text_and_never_markup(shop: Served, alice: Browser) -> None:
    seen = 0
    for path in (*PAGES, "/deploys/2", "/deploys/3", "/deploys/4", "/services/checkout/production/plan?to=1"):
        answer = alice.get(path)
        if answer.mimetype == "text/html":
            assert HOSTILE not in answer.text, path
            seen += answer.text.count("&lt;script&gt;alert(1)")
    assert seen > 10  # or this looked at nothing


def test_a_search_cannot_write_markup(alice: Browser) -> None:
    for path in (f"/services?q={HOSTILE}", f"/audit?subject={HOSTILE}", f"/deploys?by={HOSTILE}&environment={HOSTILE}"):
        assert HOSTILE not in alice.get(path).text
    assert HOSTILE not in browser(alice_shop(alice)).post("/login", name=HOSTILE, password="x", next=HOSTILE).text


def alice_shop(visitor: Browser) -> Served:
    """The portal behind a browser, for one that is not logged in."""
    app = visitor.client.application
    return Served(None, app, Path(), 0)  # type: ignore[arg-type]


def test_pages_work_behind_a_prefix(alice: Browser) -> None:
    page = alice.get("/services", environ_overrides={"SCRIPT_NAME": "/portal"}).text

    links = re.findall(r'(?:href|src|action|hx-get|hx-sse:connect)="([^"#]+)', page)
    ours = [link for link in links if not link.startswith("http")]
    assert len(ours) > 10
    assert [link for link in ours if not link.startswith("/portal/")] == []


def test_static_files_are_kept_for_a_year_under_their_version(shop: Served, alice: Browser) -> None:
    link = re.search(r'href="(/static/base\.css\?v=\w{10})"', alice.get("/").text)
    assert link

    assert "immutable" in alice.get(link[1]).headers["Cache-Control"]
    assert alice.get("/static/base.css").headers["Cache-Control"] == "no-cache"
    assert "no-store" in alice.get("/").headers["Cache-Control"]


def test_a_body_that_is_too_large_is_refused_before_it_is_read(alice: Browser) -> None:
    answer = alice.client.post("/account/keys", data={"csrf_token": alice.token(), "name": "x" * 3_000_000})

    assert answer.status_code == 413


def test_metrics_name_routes_and_never_addresses(shop: Served, alice: Browser) -> None:
    alice.get("/services/checkout?secret=1")
    told = browser(shop).get("/metrics").text

    assert 'route="/services/<name>"' in told
    assert "secret" not in told
    assert "checkout" not in told
    assert "fullcycle_http_request_seconds_bucket" in told


def test_a_balancer_hears_when_the_database_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sqlalchemy.exc import OperationalError

    with portal(tmp_path) as made:
        nobody = browser(made)
        assert nobody.get("/readyz").status_code == 200

        def gone() -> None:
            raise OperationalError("SELECT 1", {}, Exception("gone"))

        monkeypatch.setattr(made.services.database, "read", gone)
        assert nobody.get("/healthz").status_code == 200
        assert nobody.get("/readyz").status_code == 503


def test_no_key_and_no_password_is_ever_in_a_page_or_a_log(shop: Served, capsys: pytest.CaptureFixture[str]) -> None:
    client = shop.app.test_client()
    key = shop.keys["alice"]
    for path in ("/", "/account", "/api/v1/me", "/deploys/99999"):
        answer = client.get(path, headers={"Authorization": f"Bearer {key}"})
        assert key not in answer.text
    browser(shop).post("/login", name="alice", password=PASSWORD + "x")

    told = capsys.readouterr()
    assert key not in told.out + told.err
    assert PASSWORD not in told.out + told.err
