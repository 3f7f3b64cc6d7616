"""Delivery as people and programs see it: the page, the deploys behind each figure, the API, and the terminal."""

import json
import re
from collections.abc import Iterator, Sequence
from datetime import timedelta
from html import unescape
from typing import Any

import pytest

from pipelines import delivery
from pipelines.dora import DAY, HOUR, Figures
from portal.cli.dora import lines
from portal.deliveryplots import Limit, Point, bars, leads
from portal.pages.delivery import card
from tests.conftest import NOON
from tests.doors.browsing import browser
from tests.doors.served import Served, portal
from tests.rooms.delivering import CHECKOUT, Log

SEARCH = "component:default/search"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """checkout of payments: nine healthy in three weeks, one put back, one rolled back; search: one, of nobody."""
    with portal(tmp_path_factory.mktemp("shop")) as made:
        fill(made)
        yield made


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with portal(tmp_path_factory.mktemp("empty")) as made:
        yield made


def fill(made: Served) -> None:
    now, log = made.services.clock(), Log()
    for number in range(8):
        at = now - timedelta(days=20 - 2 * number)
        log.deploy(at, release=number + 1, committed=[at - HOUR, at - 3 * HOUR])
    log.deploy(now - 3 * DAY, "undone", release=9, percent=10)
    log.deploy(now - 2.5 * DAY, release=10, committed=[now - 3 * DAY])
    log.deploy(now - 2 * DAY, release=8, rollback=True)
    log.deploy(now - DAY, release=3, service=SEARCH)
    log.write(made.services.database)
    delivery.catch_up(made.services.database, now)


# --- the page ---------------------------------------------------------------------------------------------------------


def test_the_page_says_the_five_figures_and_from_what_they_are(shop: Served) -> None:
    text = browser(shop, "carol").shown("/delivery")

    assert "10 healthy deploys to production in 30 d" not in text  # the log begins 20 days ago
    assert "10 healthy deploys to production in 21 d; 2 of 11 failed." in text
    for said in ("median of 17 commits", "2 of 11", "median of 2", "1 of 11", "the log begins there"):
        assert said in text


def test_every_level_is_said_with_its_year(shop: Served) -> None:
    alice = browser(shop, "alice")

    for year in (2021, 2023, 2024):
        found = re.findall(r'<span class="tag">([^<]+)</span>', alice.get(f"/delivery?year={year}").text)
        assert len(found) == 4
        assert all(said.endswith(f"{year}") for said in found)
    assert '<span class="tag">' not in alice.get("/delivery?year=2025").text


def test_it_says_why_each_failure_counts_with_links_to_the_deploys(shop: Served) -> None:
    alice = browser(shop, "alice")
    html = alice.get("/delivery").text
    text = alice.shown("/delivery")

    assert "checkout 9 put back by itself, after it had traffic" in text
    assert "checkout 10 rolled back by a person, after it was healthy, by this deploy" in text
    assert re.search(r'href="/deploys/9">', html)
    assert re.search(r'href="/deploys/11">by this deploy', html)


def test_every_week_of_both_plots_leads_to_its_deploys(shop: Served) -> None:
    alice = browser(shop, "alice")
    html = alice.get("/delivery").text
    hrefs = [unescape(one) for one in re.findall(r'<a href="(/delivery/deploys[^"]+)" aria-label="Week of', html)]

    assert len(hrefs) >= 13 + 3
    found = sum(row_count(alice.get(href).text) for href in dict.fromkeys(hrefs))
    assert found == 11


def row_count(html: str) -> int:
    return len(re.findall(r'<tr><td class="nb"><a href="/deploys/\d+"', html))


def test_the_page_works_without_scripts_and_gives_them_the_same_numbers(shop: Served) -> None:
    html = browser(shop, "alice").get("/delivery").text
    healthy = [int(one) for one in re.findall(r'data-healthy="(\d+)"', html)]

    assert html.count("<svg width=") >= 2
    assert sum(healthy) == 10
    assert "style=" not in html.partition("<main")[2]
    assert "onclick" not in html
    assert not re.search(r"<script(?![^>]*src=)", html)


@pytest.mark.parametrize(("only", "count"), [("", 11), ("failed", 2), ("rework", 1)])
def test_behind_each_figure_are_its_deploys(shop: Served, only: str, count: int) -> None:
    html = browser(shop, "alice").get(f"/delivery/deploys?only={only}").text

    assert row_count(html) == count


def test_a_team_and_a_service_have_pages_of_their_own(shop: Served) -> None:
    alice = browser(shop, "alice")

    team = alice.shown("/delivery?team=group:default/payments")
    service = alice.shown(f"/delivery?service={SEARCH}")

    assert "9 healthy deploys of payments to production" in team
    assert "1 healthy deploy of search to production" in service
    assert "none failed" in service
    assert "By service" not in service


def test_services_that_name_nobody_are_listed_as_such(shop: Served) -> None:
    text = browser(shop, "alice").shown("/delivery?by=team")

    assert "payments 1 service" in text
    assert "nobody 1 service" in text


@pytest.mark.parametrize(
    "query",
    [
        "days=x&year=1&page=-1&by=%00",
        "days=99999999999999999999&year=2020",
        "environment=" + "x" * 500,
        "environment=%3Cscript%3Ealert(1)%3C/script%3E",
        "service=%3Cscript%3Ealert(1)",
        "service=component:default/gone",
        "team=group:default/gone&by=service",
        "page=5&by=service",
    ],
)
def test_what_nobody_would_ask_is_answered_calmly(shop: Served, query: str) -> None:
    answer = browser(shop, "alice").get(f"/delivery?{query}")

    assert answer.status_code in (200, 404)
    assert "<script>alert" not in answer.text


@pytest.mark.parametrize(
    "query", ["since=x&until=y", "since=0001-01-01", "until=9999-12-31", "since=2999-01-01&only=x"]
)
def test_a_day_that_is_none_is_passed_over(shop: Served, query: str) -> None:
    assert browser(shop, "alice").get(f"/delivery/deploys?{query}").status_code == 200


def test_nobody_sees_it_who_is_not_logged_in(shop: Served) -> None:
    assert browser(shop).get("/delivery").status_code in (302, 303)
    assert shop.as_(None).get("/delivery").status_code == 401


def test_an_empty_portal_says_that_nothing_has_been_counted_yet_and_what_will_be(empty: Served) -> None:
    alice = browser(empty, "alice")

    text = alice.shown("/delivery")

    assert "Nothing has been counted yet." in text
    assert "Nothing was delivered to production" in text
    assert alice.get("/delivery/deploys").status_code == 200


def test_figures_that_no_worker_counts_any_more_say_on_which_day_they_end(empty: Served) -> None:
    delivery.catch_up(empty.services.database, empty.services.clock() - 3 * DAY)

    assert "no worker has read the log since" in browser(empty, "alice").shown("/delivery")


def test_the_card_of_a_service_leads_to_the_rest(shop: Served) -> None:
    with shop.app.test_request_context("/"), shop.services.database.read() as session:
        told = card(session, CHECKOUT, "production")
        told_of_none = card(session, "component:default/none", "production")
        texts = [_rendered(shop, one) for one in (told, told_of_none)]

    assert "9 healthy deploys" in texts[0]
    assert "/delivery?days=30" in texts[0]
    assert "Nothing was delivered" in texts[1]


def _rendered(shop: Served, told: Any) -> str:
    text = "{% import 'kit.html' as k %}{% include 'deliverycard.html' %}"
    return shop.app.jinja_env.from_string(text).render(delivery=told).replace("\u202f", " ")


# --- the API and the terminal -----------------------------------------------------------------------------------------


def test_the_api_tells_the_same_and_levels_have_their_year(shop: Served) -> None:
    told = shop.as_("carol").get("/delivery").json

    figures = told["figures"]
    assert (figures["healthy"], figures["out"], figures["failed"], figures["unmended"]) == (10, 11, 2, 0)
    assert figures["change_failure_rate"] == pytest.approx(2 / 11)
    assert told["levels"]["frequency"]["year"] == 2024
    assert [one["failed"] for one in told["failures"]] == ["rolled back", "put back"]
    assert {one["ref"] for one in told["services"]} == {CHECKOUT, SEARCH}
    assert [(one["title"], one["figures"]["out"]) for one in told["teams"]] == [("payments", 10), ("nobody", 1)]
    assert len(told["weeks"]) == 13
    assert told["exact"] is True


@pytest.mark.parametrize("name", ["payments", "group:payments", "group:default/payments"])
def test_a_team_is_found_by_its_name_or_reference(shop: Served, name: str) -> None:
    told = shop.as_("alice").get("/delivery", of=name).json

    assert (told["team"], told["figures"]["out"]) == ("group:default/payments", 10)


@pytest.mark.parametrize("name", ["checkout", "default:checkout", "component:checkout", CHECKOUT])
def test_a_service_is_found_by_its_name_or_reference(shop: Served, name: str) -> None:
    assert shop.as_("alice").get("/delivery", of=name).json["service"] == CHECKOUT


@pytest.mark.parametrize(
    ("query", "status"),
    [({"of": "nobody-knows"}, 404), ({"of": "::"}, 404), ({"days": 8}, 422), ({"year": 2020}, 422), ({"x": "y"}, 422)],
)
def test_what_there_is_not_is_said(shop: Served, query: dict[str, Any], status: int) -> None:
    answer = shop.as_("alice").get("/delivery", **query)

    assert (answer.status_code, bool(answer.json["error"]["message"])) == (status, True)


def test_the_terminal_says_it_in_lines(shop: Served) -> None:
    told = shop.as_("alice").get("/delivery", year=2021).json

    said = [line.replace("\u202f", " ") for line in lines(told, 2021)]

    assert said[0].startswith("everything to production, ")
    assert said[3] == "  failed    18.2 %, 2 of 11  (high in 2021)"
    assert any(re.match(r"payments +9 +\S", line) for line in said)
    assert said[-1].startswith("  checkout 9  deploy 9: put back by itself")
    json.dumps(told)


def test_the_terminal_says_that_nothing_was_delivered(empty: Served) -> None:
    told = empty.as_("alice").get("/delivery").json

    assert list(lines(told, 2024))[1] == "  Nothing was delivered in these days."


# --- the pictures -----------------------------------------------------------------------------------------------------


def points(*weeks: Figures) -> Sequence[Point]:
    first = NOON.date()
    return [Point(first + number * 7 * DAY, one, f'/x?"{number}', f"/f?{number}") for number, one in enumerate(weeks)]


def test_a_picture_of_nothing_and_of_anything_is_whole() -> None:
    some = points(
        Figures(7), Figures(7, healthy=3, out=4, failed=1, lead=HOUR), Figures(7, failed=2, out=2, lead=9 * DAY)
    )
    limits = [Limit(DAY, "elite <in> 2024")]

    for made in (
        bars(some, 'a "label"'),
        bars(points(Figures(7)), ""),
        leads(some, limits, ""),
        leads(points(Figures(7)), (), ""),
    ):
        assert made.count("<svg") == made.count("</svg>") == 1
        assert "nan" not in made.lower()
        assert 'x?"' not in made
    assert "elite &lt;in&gt; 2024" in leads(some, limits, "")
    assert bars(some, "").count("<circle") == 2
    assert leads(some, limits, "").count("<circle") == 2
