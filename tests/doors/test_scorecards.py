"""The scorecards as people and programs see them, and the checks that other packages add."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from catalog.scorecard import GROUP, Check, Failed, NotApplicable, Outcome, Passed
from portal import scorechecks, scorefiles, scoring
from portal.scorechecks import load
from tests.conftest import NOON
from tests.doors.browsing import browser
from tests.doors.served import CHECKOUT, PEOPLE, Served, git, portal
from tests.pure import test_scorecard

LEDGER = """\
---
apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: ledger
  description: <script>alert(1)</script>
  links: [{url: "https://runbooks.example.org/ledger", title: Runbook of the ledger}]
spec: {type: service, lifecycle: production, owner: group:nobody, dependsOn: [component:checkout, component:prices]}
---
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: old-shop}
spec: {type: service, lifecycle: deprecated, owner: group:search}
"""


def scored(served: Served) -> None:
    scoring.score_all(served.services, served.services.clock())


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """checkout was deployed once; ledger has no people; old-shop may rest. Tests only look at it."""
    with portal(tmp_path_factory.mktemp("shop")) as made:
        more(made, LEDGER)
        with made.working():
            alice = made.as_("alice")
            alice.ended(alice.post("/services/checkout/deploys", {"environment": "production"}).json["id"])
        scored(made)
        yield made


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with portal(tmp_path) as made:
        yield made


def more(served: Served, documents: str, **files: str) -> None:
    """Commit the usual file with more documents in it, and other files beside it."""
    for name, text in files.items():
        (served.repository / name).write_text(text)
    whole = PEOPLE + CHECKOUT % {"target": "", "bake": "0s"} + documents
    (served.repository / "catalog-info.yaml").write_text(whole)
    git(served.repository, "add", ".")
    git(served.repository, "commit", "-q", "-m", "more")
    read_again(served)


def read_again(served: Served) -> None:
    from portal import wiring

    wiring.sync(served.services, served.repository_id, served.services.clock())


def checks(card: Mapping[str, Any]) -> Mapping[str, str]:
    return {check["id"]: check["outcome"] for check in card["checks"]}


# Looking.


def test_a_card_says_of_each_check_how_it_is_and_what_to_do(shop: Served) -> None:
    card = shop.as_("carol").get("/services/ledger/scorecard").json
    said = {check["id"]: check["said"] for check in card["checks"]}

    assert (card["service"], card["level"]) == ("component:default/ledger", "not in order")
    assert checks(card)["owner"] == "failed"
    assert "leads to nobody" in said["owner"]
    assert "component:default/prices" in said["dependencies"]
    assert checks(card)["runbook"] == "passed"
    assert checks(card)["health"] == "not applicable"
    assert all(check["since"] for check in card["checks"])


def test_what_was_deployed_is_known(shop: Served) -> None:
    outcomes = checks(shop.as_("carol").get("/services/checkout/scorecard").json)

    assert (outcomes["fresh"], outcomes["health"], outcomes["way-back"]) == ("passed", "passed", "failed")


def test_the_list_has_the_worst_first_and_how_many_pass(shop: Served) -> None:
    told = shop.as_("carol").get("/scorecards").json
    tallies = {check["id"]: (check["passed"], check["of"]) for check in told["checks"]}

    assert [one["service"].rpartition("/")[2] for one in told["services"]] == ["checkout", "ledger", "old-shop"]
    assert tallies["owner"] == (2, 3)
    assert tallies["fresh"] == (1, 1)
    assert (told["found"], told["unjudged"], told["problems"]) == (3, 0, [])


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ({"failed": "owner"}, ["ledger"]),
        ({"failed": "no-such-check"}, []),
        ({"owner": "group:default/payments"}, ["checkout"]),
        ({"owner": "group:default/payments", "failed": "owner"}, []),
        ({"limit": 1, "page": 2}, ["ledger"]),
        ({"limit": 1, "page": 9}, []),
    ],
)
def test_the_list_can_be_filtered_and_paged(shop: Served, asked: dict[str, Any], names: Sequence[str]) -> None:
    told = shop.as_("carol").get("/scorecards", **asked).json

    assert [one["service"].rpartition("/")[2] for one in told["services"]] == names


@pytest.mark.parametrize("asked", [{"page": 0}, {"page": 10**9}, {"limit": 10**6}, {"owner": "x" * 301}, {"ownr": "x"}])
def test_what_cannot_be_asked_is_refused(shop: Served, asked: dict[str, Any]) -> None:
    assert shop.as_("carol").get("/scorecards", **asked).status_code == 422


def test_a_card_of_a_service_that_is_not_there_is_not_found(shop: Served) -> None:
    assert shop.as_("carol").get("/services/nothing-like-it/scorecard").status_code == 404


def test_nobody_looks_without_a_key(shop: Served) -> None:
    assert shop.as_(None).get("/scorecards").status_code == 401
    assert browser(shop).get("/catalog/scorecards").status_code == 303


def test_the_page_says_in_words_what_the_ticks_say(shop: Served) -> None:
    page = browser(shop, "carol").shown("/catalog/scorecards")

    assert "0 of 3 services are in good order, 1 nearly, 2 are not." in page
    assert "Owner: fails." in page
    assert "Runbook: passes." in page
    assert "2 of 3" in page


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("failed=owner", "1 of 3 services"),
        ("owner=group:default/search", "1 of 3 services"),
        ("failed=two-people&owner=group:default/payments", "No service fits."),
        ("failed=health", "No service fails this."),
        ("page=7", "No service fits."),
        ("page=-1&failed=%3Cscript%3E", "No service fits."),
        ("page=99999999999", "3 services"),
    ],
)
def test_the_page_can_be_filtered(shop: Served, asked: str, said: str) -> None:
    assert said in browser(shop, "carol").shown(f"/catalog/scorecards?{asked}")


def test_before_anything_was_kept_it_is_judged_on_the_spot(served: Served) -> None:
    page = browser(served, "carol").shown("/catalog/scorecards")
    told = served.as_("carol").get("/scorecards").json
    assert "0 of 1 service are in good order" in page
    assert "1 service looked at for the first time." in page
    assert served.as_("carol").get("/services/checkout/scorecard").json["checks"][0]["since"] is None

    scored(served)

    assert told == served.as_("carol").get("/scorecards").json | {"unjudged": 1}
    assert "for the first time" not in browser(served, "carol").shown("/catalog/scorecards")


def test_what_is_new_is_judged_beside_what_is_kept(served: Served) -> None:
    scored(served)
    more(served, LEDGER)
    told = served.as_("carol").get("/scorecards").json

    assert ([one["service"].rpartition("/")[2] for one in told["services"]], told["unjudged"]) == (
        ["checkout", "ledger", "old-shop"],
        2,
    )


# Judging.


def test_judging_again_keeps_only_what_has_changed(served: Served) -> None:
    at = served.services.clock()
    assert scoring.score_all(served.services, at) == len(scorechecks.loaded().checks)
    assert scoring.score_all(served.services, at) == 0

    more(served, "", **{"README.md": "# Shop"})
    assert scoring.score_all(served.services, served.services.clock()) == 1

    card = served.as_("carol").get("/services/checkout/scorecard").json
    assert checks(card)["readme"] == "passed"
    assert [(change["check"], change["outcome"]) for change in card["history"]] == [("readme", "passed")]
    assert "README passes" in browser(served, "carol").shown("/catalog/scorecards")


@pytest.mark.parametrize("path", ["RUNBOOK.md", "docs/runbook.md", "doc/RunBook.md", "runbook.txt"])
def test_a_runbook_that_lies_in_the_repository_counts(served: Served, path: str) -> None:
    assert checks(served.as_("carol").get("/services/checkout/scorecard").json)["runbook"] == "failed"
    (served.repository / path).parent.mkdir(exist_ok=True)

    more(served, "", **{path: "# When it burns"})

    assert checks(served.as_("carol").get("/services/checkout/scorecard").json)["runbook"] == "passed"
    scored(served)
    assert served.as_("carol").get("/scorecards").json["services"][0]["checks"]["runbook"] == "passed"


@pytest.mark.parametrize(
    ("path", "runbook"), [("catalog-info.yaml", ""), ("a/catalog-info.yaml", "found"), ("A/catalog-info.yaml", "found")]
)
def test_a_runbook_counts_beside_the_catalog_file_or_at_the_root(path: str, runbook: str) -> None:
    there = scorefiles.Files(frozenset({"b"}), frozenset({"a"}))
    told = scorefiles.added(test_scorecard.CHECKOUT, there, path)
    bare = scorefiles.added(replace(test_scorecard.CHECKOUT, runbook=""), there, path)

    assert (bool(bare.runbook), bare.readme) == (bool(runbook), False)
    assert told.runbook == test_scorecard.CHECKOUT.runbook


def test_where_nobody_could_look_a_runbook_is_not_missed(tmp_path: Path) -> None:
    bare = replace(test_scorecard.CHECKOUT, runbook="")
    facts = scorefiles.added(bare, scorefiles.files(tmp_path, 1, "a" * 40), "catalog-info.yaml")

    assert (facts.runbook, facts.readme) == (None, None)


def test_whoever_had_a_name_first_does_not_fail_for_who_came_second(served: Served, tmp_path: Path) -> None:
    from portal import wiring

    second = tmp_path / "second"
    second.mkdir()
    (second / "catalog-info.yaml").write_text(CHECKOUT % {"target": "", "bake": "0s"})
    git(second, "init", "-q", "-b", "main")
    git(second, "add", ".")
    git(second, "commit", "-q", "-m", "mine too")
    wiring.sync(served.services, served.services.register(str(second), "user:default/admin"), served.services.clock())
    page = browser(served, "carol").shown("/catalog/component/default/checkout")
    assert "second" in page  # the conflict is there to see

    scored(served)

    assert checks(served.as_("carol").get("/services/checkout/scorecard").json)["file"] == "passed"
    assert served.as_("carol").get("/scorecards").json["services"][0]["checks"]["file"] == "passed"


def test_judging_asks_as_often_for_many_services_as_for_few(served: Served) -> None:
    with counted(served) as few:
        scored(served)
    more(served, "".join(LEDGER.replace("ledger", f"l{n}").replace("old-shop", f"o{n}") for n in range(40)))
    with counted(served) as many:
        scored(served)

    assert len(many) == len(few)


def test_a_service_that_has_left_the_catalog_has_no_row(served: Served) -> None:
    more(served, LEDGER)
    scored(served)
    more(served, "")
    scored(served)

    assert served.as_("carol").get("/scorecards").json["found"] == 1


@contextmanager
def counted(served: Served) -> Iterator[list[str]]:
    statements: list[str] = []

    def note(_conn: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        if statement.startswith(("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")):
            statements.append(statement)

    base = served.services.database
    engines = {base.engine, base._reader}
    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        for engine in engines:
            event.remove(engine, "before_cursor_execute", note)


# What is read of the files.


@pytest.mark.parametrize(
    ("metadata", "spec", "found"),
    [
        ({}, {}, ""),
        ({}, {"oncall": {"runbook": "https://a"}}, "https://a"),
        ({}, {"oncall": {"runbook": 7}}, ""),
        ({}, {"oncall": ["runbook"]}, ""),
        ({"links": [{"url": "https://b", "type": "runbook"}]}, {}, "https://b"),
        ({"links": [{"url": "https://b", "title": "The Runbook"}]}, {}, "https://b"),
        ({"links": [{"url": "https://b", "title": "Dashboard"}]}, {}, ""),
        ({"annotations": {"example.org/runbook-url": "https://c"}}, {}, "https://c"),
        ({"annotations": {"runbook.example.org/dashboard": "https://c"}}, {}, ""),
        ({"annotations": None, "links": None}, {"oncall": None}, ""),
    ],
)
def test_a_runbook_is_found_where_people_put_it(metadata: Any, spec: Any, found: str) -> None:
    assert scoring.runbook(metadata, spec) == found


# The checks of other packages.


def _tea(facts: Any, _now: Any) -> Outcome:
    return Passed("tea is ready") if facts.annotations.get("example.org/tea") else Failed("no tea; brew some")


def _breaks(_facts: Any, _now: Any) -> Outcome:
    raise LookupError("the kettle is gone")


TEA = Check("tea", "There is tea", "People work better.", "should", _tea)
SECOND = Check("tea", "There is more tea", "", "should", _tea)
HEAVY = Check("heavy", "Weighs much", "", "must not", _tea)
BROKEN = Check("broken", "It breaks", "", "must", _breaks)
SILENT = Check("silent", "It says nothing", "", "must", lambda _facts, _now: None)  # type: ignore[arg-type, return-value]
SEVERAL = [TEA, BROKEN]


def point(name: str, what: str) -> EntryPoint:
    return EntryPoint(name, what if ":" in what else f"{__name__}:{what}", GROUP)


def test_a_package_adds_a_check_or_several() -> None:
    assert [check.id for check in load([point("tea", "TEA")]).checks][-1] == "tea"
    assert [check.id for check in load([point("several", "SEVERAL")]).checks][-2:] == ["tea", "broken"]


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("no_such_package:CHECK", "ModuleNotFoundError"),
        ("NOT_THERE", "AttributeError"),
        ("point", "is a function and no catalog.scorecard.Check"),
        ("HEAVY", "'must not'"),
    ],
)
def test_a_check_that_cannot_be_loaded_is_a_sentence_and_no_end(what: str, said: str) -> None:
    found = load([point("bad", what), point("tea", "TEA")])

    assert [check.id for check in found.checks][-1] == "tea"
    assert len(found.problems) == 1
    assert said in found.problems[0]


def test_no_check_takes_the_name_of_another() -> None:
    found = load([point("a", "TEA"), point("b", "SECOND")])

    assert [check.title for check in found.checks if check.id == "tea"] == ["There is tea"]
    assert "is taken" in found.problems[0]


@pytest.mark.parametrize(("what", "said"), [("BROKEN", "LookupError: the kettle is gone"), ("SILENT", "answered")])
def test_a_check_that_breaks_fails_nobody(what: str, said: str) -> None:
    outcome = load([point("bad", what)]).checks[-1].judge(test_scorecard.CHECKOUT, NOON)

    assert isinstance(outcome, NotApplicable)
    assert said in outcome.said


def test_the_page_shows_the_checks_of_others_and_which_could_not_be_loaded(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = load([point("tea", "TEA"), point("bad", "NOT_THERE")])
    for module in (scoring, scorechecks):
        monkeypatch.setattr(module, "loaded", lambda: found)
    scored(served)

    page = browser(served, "carol").shown("/catalog/scorecards")
    assert "There is tea: fails." in page
    assert re.search(r"The check bad cannot be loaded", page)
    assert checks(served.as_("carol").get("/services/checkout/scorecard").json)["tea"] == "failed"
