"""The API as alice, who owns checkout, bob of her team, carol, a stranger, the admin, and nobody."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines import coursestore, query
from pipelines.coursestore import Course
from pipelines.train import Car, Train
from portal import live
from portal.api import document, shapes
from portal.auth import LOGIN_LIMITS
from tests.conftest import NOON
from tests.doors import oncallhall
from tests.doors.served import BAD, PASSWORD, Served, Visitor, git, portal

DEPLOY = "/services/checkout/deploys"
PRODUCTION = {"environment": "production"}
CHECKOUT, BOB = "component:default/checkout", "user:default/bob"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with portal(tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A portal in which one deploy has become healthy and one waits; tests only look at it."""
    with portal(tmp_path_factory.mktemp("shop")) as made:
        with made.working():
            alice = made.as_("alice")
            alice.ended(alice.post(DEPLOY, PRODUCTION).json["id"])
        made.commit("the second")
        made.as_("bob").post(DEPLOY, PRODUCTION)
        train = Train((Car("a" * 40, "an old change", "Alice Moreau", state="gone"),), "b" * 40)
        with made.services.database.write() as session:
            coursestore.add(session, Course(CHECKOUT, "production", BOB, NOON, train, state="arrived"))
        oncallhall.plan(made, "checkout")
        oncallhall.wake(made)
        yield made


@pytest.fixture(scope="module")
def spec(shop: Served) -> Mapping[str, Any]:
    return shop.as_(None).get("/openapi.json").json  # type: ignore[no-any-return]


def operations(spec: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for path, methods in spec["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


# Looking.


def test_a_service_is_shown_with_its_people_and_what_serves_where(shop: Served) -> None:
    checkout = shop.as_("carol").get("/services/checkout").json
    production, staging = checkout["environments"]

    assert checkout["ref"] == "component:default/checkout"
    assert checkout["people"] == ["Alice Moreau", "Bob Okafor"]
    assert (production["name"], production["live"]["release"], production["queued"]) == ("production", 1, 1)
    assert (staging["name"], staging["live"]) == ("staging", None)


def test_the_list_of_services_has_the_same_as_the_page_of_one(shop: Served) -> None:
    alice = shop.as_("alice")

    assert alice.get("/services").json == {"services": [alice.get("/services/checkout").json]}


def test_a_service_that_is_not_there_is_said_with_the_nearest_name(shop: Served) -> None:
    answer = shop.as_("alice").get("/services/checkot")

    assert answer.status_code == 404
    assert 'did you mean "checkout"?' in answer.json["error"]["message"]


def test_a_plan_says_what_would_happen_and_nothing_happens(shop: Served) -> None:
    carol = shop.as_("carol")
    before = carol.get("/events", limit=500).json

    plan = carol.get("/services/checkout/plan", **PRODUCTION).json

    assert [(wave["percent"], wave["instances"]) for wave in plan["waves"]] == [(50, 1), (100, 2)]
    assert [step["kind"] for step in plan["steps"]][:4] == ["prepare", "start", "probe", "weigh"]
    assert (plan["release"]["number"], plan["base"]["number"], plan["is_head"]) == (2, 1, True)
    assert [commit["subject"] for commit in plan["change"]["commits"]] == ["the second"]
    assert plan["blocked"] == []
    assert plan["expected_seconds"] > 0
    assert carol.get("/events", limit=500).json == before


def test_a_plan_that_may_not_go_says_every_reason(shop: Served) -> None:
    revision = shop.as_("alice").get("/services/checkout").json["environments"][0]["live"]["revision"]

    plan = shop.as_("alice").get("/services/checkout/plan", **PRODUCTION, revision=revision).json

    assert plan["blocked"] == ["Nothing to do: release 1 serves already"]


@pytest.mark.parametrize(
    ("revision", "status"),
    [
        ("--upload-pack=touch /tmp/x", 400),
        ("main..HEAD", 400),
        ("nowhere", 404),
        ("0" * 40, 404),
    ],
)
def test_a_revision_that_is_none_is_a_sentence(shop: Served, revision: str, status: int) -> None:
    answer = shop.as_("alice").get("/services/checkout/plan", **PRODUCTION, revision=revision)

    assert answer.status_code == status
    assert "revision" in answer.json["error"]["message"]


def test_a_lane_that_is_not_there_cannot_be_let_go(shop: Served) -> None:
    for environment in ("prod", "%00"):
        answer = shop.as_("alice").post(f"/services/checkout/environments/{environment}/let-go")
        assert answer.status_code == 404
        assert "production, staging" in answer.json["error"]["message"]


def test_an_environment_that_is_not_there_names_those_that_are(shop: Served) -> None:
    answer = shop.as_("alice").get("/services/checkout/plan", environment="prod")

    assert answer.status_code == 404
    assert "production, staging" in answer.json["error"]["message"]


def test_deploys_are_filtered_and_paged(shop: Served) -> None:
    alice = shop.as_("alice")

    assert [row["id"] for row in alice.get("/deploys").json["deploys"]] == [2, 1]
    assert [row["id"] for row in alice.get("/deploys", running="true").json["deploys"]] == [2]
    assert [row["id"] for row in alice.get("/deploys", actor="me").json["deploys"]] == [1]
    assert [row["id"] for row in alice.get("/deploys", actor="user:default/bob").json["deploys"]] == [2]
    assert alice.get("/deploys", service="checkout", environment="staging").json["deploys"] == []
    first = alice.get("/deploys", limit=1).json
    assert ([row["id"] for row in first["deploys"]], first["before"]) == ([2], 2)
    assert [row["id"] for row in alice.get("/deploys", limit=1, before=2).json["deploys"]] == [1]
    assert alice.get("/deploys", limit=2).json["before"] is None


def test_what_waits_says_its_place(shop: Served) -> None:
    page = shop.as_("alice").get("/deploys/2").json

    assert (page["deploy"]["state"], page["place"], page["plan"]) == ("queued", 0, None)
    assert [row["id"] for row in page["queue"]] == [2]


def test_facts_come_by_position_without_a_gap(shop: Served) -> None:
    alice = shop.as_("alice")
    everything = alice.get("/events", limit=500).json
    pages, after = [], 0
    while page := alice.get("/events", after=after, limit=7).json["events"]:
        pages += page
        after = page[-1]["position"]

    assert pages == everything["events"]
    assert [fact["position"] for fact in pages] == list(range(1, len(pages) + 1))
    assert everything["position"] == len(pages)
    assert {fact["subject"] for fact in alice.get("/events", subject="deploy:1").json["events"]} == {"deploy:1"}


@pytest.mark.parametrize(
    "path", ["/deploys/99", "/deploys/99/events", f"/deploys/{10**30}", "/repositories/9/problems"]
)
def test_what_is_not_there_is_404(shop: Served, path: str) -> None:
    answer = shop.as_("alice").get(path)

    assert answer.status_code == 404
    assert answer.json["error"]["code"] == "not_found"


# Who may.


def test_nobody_may_even_look(shop: Served, spec: Mapping[str, Any]) -> None:
    nobody = shop.as_(None)
    for path, method, operation in operations(spec):
        if operation.get("security") == [{}]:
            continue
        answer = getattr(nobody, method)(_filled(path))
        assert answer.status_code == 401, path
        assert answer.json["error"]["code"] == "unauthenticated"
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_stranger_may_look_at_everything(shop: Served, spec: Mapping[str, Any]) -> None:
    carol = shop.as_("carol")
    for path, method, _ in operations(spec):
        if method == "get" and not path.endswith("/deploys/{deploy_id}/events"):
            query = PRODUCTION if path.endswith(("/plan", "/approvals")) else {}
            assert carol.get(_filled(path), **query).status_code == 200, path


@pytest.mark.parametrize(
    ("path", "body", "why"),
    [
        (DEPLOY, PRODUCTION, "Only Payments may deploy checkout. Ask Alice Moreau or Bob Okafor."),
        ("/services/checkout/rollbacks", {**PRODUCTION, "release": 1}, "Only Payments may roll back checkout."),
        ("/deploys/2/abort", {}, "Only Payments may stop a deploy of checkout."),
        ("/services/checkout/environments/production/let-go", {}, "Only Payments may let deploys go on of checkout."),
        ("/repositories", {"url": "/tmp/other"}, "Only an admin may add repositories."),
    ],
)
def test_a_stranger_may_touch_nothing_and_is_told_who_may(
    shop: Served, path: str, body: Mapping[str, Any], why: str
) -> None:
    before = shop.as_("carol").get("/events", limit=500).json

    answer = shop.as_("carol").post(path, body)

    assert answer.status_code == 403
    assert answer.json["error"]["message"].lower().startswith(why.lower())
    assert shop.as_("carol").get("/events", limit=500).json == before


def test_even_the_owner_may_not_add_repositories_and_the_admin_may(served: Served, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "-q", "-b", "main")

    assert served.as_("alice").post("/repositories", {"url": str(other)}).status_code == 403
    assert served.as_("admin").post("/repositories", {"url": "ext::sh -c id"}).status_code == 400
    answer = served.as_("admin").post("/repositories", {"url": str(other)})
    assert (answer.status_code, answer.json) == (202, {"id": 2})
    assert [one["name"] for one in served.as_("carol").get("/repositories").json["repositories"]] == ["other", "shop"]


def test_everybody_hears_who_she_is(shop: Served) -> None:
    me = shop.as_("bob").get("/me").json

    assert (me["name"], me["actor"], me["role"]) == ("Bob Okafor", "user:default/bob", "member")
    assert me["teams"] == ["group:default/payments"]


# Deploying.


def test_a_deploy_is_asked_for_and_told_where_to_look(served: Served) -> None:
    alice = served.as_("alice")

    first = alice.post(DEPLOY, {**PRODUCTION, "note": "the first of all"})
    again = served.as_("bob").post(DEPLOY, PRODUCTION)

    assert (first.status_code, first.json["already"]) == (202, False)
    assert first.headers["Location"] == "/api/v1/deploys/1"
    assert first.json["page"] == "http://127.0.0.1:8000/deploys/1"
    assert (first.json["deploy"]["actor"], first.json["deploy"]["note"]) == ("user:default/alice", "the first of all")
    assert (again.status_code, again.json["already"], again.json["id"]) == (200, True, 1)
    with served.working():
        page = alice.ended(1)
    assert page["deploy"]["state"] == "healthy"
    assert {step["state"] for step in page["steps"]} == {"done"}
    assert page["checks"][0]["said"] == "/healthz answered 200 in 1 ms"


def test_a_bad_release_is_put_back_and_says_why(served: Served) -> None:
    alice = served.as_("alice")
    with served.working():
        alice.ended(alice.post(DEPLOY, PRODUCTION).json["id"])
        served.commit("the bad one", target=BAD)
        page = alice.ended(alice.post(DEPLOY, PRODUCTION).json["id"])

    assert page["deploy"]["state"] == "undone"
    assert "/healthz answered 503" in page["deploy"]["reason"]
    forward = [(step["step"]["kind"], step["state"]) for step in page["steps"] if not step["undo"]]
    assert forward[:4] == [("prepare", "done"), ("start", "done"), ("probe", "failed"), ("weigh", "left out")]
    assert [(step["step"]["kind"], step["state"]) for step in page["steps"] if step["undo"]] == [("stop", "done")]
    assert alice.get("/services/checkout").json["environments"][0]["live"]["release"] == 1


def test_somebody_of_the_team_stops_what_another_began(served: Served) -> None:
    alice, bob = served.as_("alice"), served.as_("bob")
    with served.working():
        alice.ended(alice.post(DEPLOY, PRODUCTION).json["id"])
        served.commit("a slow one", bake="1h")
        alice.post(DEPLOY, PRODUCTION)
        answer = bob.post("/deploys/2/abort", {"reason": "wrong day"})
        page = alice.ended(2)

    assert answer.status_code == 202
    assert (page["deploy"]["state"], page["deploy"]["reason"]) == ("aborted", "wrong day")
    assert page["abort_ordered"]
    assert bob.post("/deploys/2/abort").status_code == 409


def test_abort_needs_no_body(served: Served) -> None:
    alice = served.as_("alice")
    alice.post(DEPLOY, PRODUCTION)

    assert alice.post("/deploys/1/abort", data="").status_code == 202


def test_going_back_without_a_number_is_to_the_last_healthy_one_and_holds_what_waits(served: Served) -> None:
    alice = served.as_("alice")
    with served.working():
        alice.ended(alice.post(DEPLOY, PRODUCTION).json["id"])
        served.commit("the second")
        alice.ended(alice.post(DEPLOY, PRODUCTION).json["id"])
        back = alice.post("/services/checkout/rollbacks", {**PRODUCTION, "note": "too slow"})
        page = alice.ended(back.json["id"])

    production = alice.get("/services/checkout").json["environments"][0]
    assert (back.status_code, back.json["deploy"]["release"], back.json["deploy"]["rollback"]) == (202, 1, True)
    assert (page["deploy"]["state"], production["live"]["release"]) == ("healthy", 1)
    assert production["hold"]["reason"] == "alice went back to 1: too slow"
    let_go = "/services/checkout/environments/production/let-go"
    assert alice.post(let_go).status_code == 202
    assert alice.get("/services/checkout").json["environments"][0]["hold"] is None
    assert alice.post(let_go).status_code == 409


def test_there_is_nothing_to_go_back_to_before_the_second_release(shop: Served) -> None:
    answer = shop.as_("alice").post("/services/checkout/rollbacks", PRODUCTION)

    assert answer.status_code == 409
    assert "no earlier healthy release" in answer.json["error"]["message"]


# The stream.


def messages(text: str) -> list[Mapping[str, Any]]:
    return [json.loads(line.removeprefix("data: ")) for line in text.splitlines() if line.startswith('data: {"')]


def test_a_stream_ends_with_its_deploy_and_resumes_by_position(served: Served) -> None:
    alice = served.as_("alice")
    alice.post(DEPLOY, PRODUCTION)
    with served.working():
        whole = messages(alice.get("/deploys/1/events").get_data(as_text=True))  # read to its end: it ends by itself

    half = whole[len(whole) // 2]["position"]
    rest = alice.get("/deploys/1/events", after=half).get_data(as_text=True)
    assert [fact["kind"] for fact in (whole[0], whole[-1])] == ["deploy.requested", "deploy.healthy"]
    assert messages(rest) == [fact for fact in whole if fact["position"] > half]
    assert rest.endswith("event: end\ndata: {}\n\n")


def test_a_stream_ends_by_itself_while_nothing_happens(shop: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "LIFE", 0.2)
    monkeypatch.setattr(live, "HEARTBEAT", 0.05)

    text = shop.as_("alice").get("/deploys/2/events").get_data(as_text=True)

    assert [fact["kind"] for fact in messages(text)] == ["deploy.requested"]
    assert ": still here" in text
    assert "event: end" not in text
    assert len(shop.app.extensions["fullcycle-live"]) == 0


# Tokens.


def test_a_password_is_exchanged_for_a_token(served: Served) -> None:
    answer = served.as_(None).post("/tokens", {"account": "Alice", "password": PASSWORD, "name": "laptop"})
    served.keys["laptop"] = answer.json["token"]

    assert answer.status_code == 201
    assert served.as_("laptop").get("/me").json["account"] == "alice"
    facts = served.as_("alice").get("/events", limit=500, subject="account:alice").json["events"]
    assert (facts[-1]["kind"], facts[-1]["actor"]) == ("token.created", "user:default/alice")
    assert answer.json["token"] not in json.dumps(facts)


def test_guessing_passwords_ends_soon(served: Served) -> None:
    tries = int(LOGIN_LIMITS.split()[0])
    answers = [served.as_(None).post("/tokens", {"account": "alice", "password": "guess"}) for _ in range(tries + 1)]

    assert [answer.status_code for answer in answers] == [401] * tries + [429]
    assert served.as_("alice").get("/me").status_code == 200


@pytest.mark.parametrize("key", ["fc_nonsense", "", "ü"])
def test_a_key_that_is_none_is_refused(shop: Served, key: str) -> None:
    answer = shop.app.test_client().get("/api/v1/me", headers={"Authorization": f"Bearer {key}"})

    assert answer.status_code == 401


# Bad input.


@pytest.mark.parametrize(
    ("sent", "status", "reason"),
    [
        ({"data": "{"}, 400, ""),
        ({"data": b"\xff\xfe"}, 400, ""),
        ({"data": ""}, 400, ""),
        ({"json": []}, 422, "a JSON object is needed"),
        ({"json": {}}, 422, "environment: is missing"),
        ({"json": {"environment": "production", "revison": "main"}}, 422, "revison: is not known here"),
        ({"json": {"environment": 7}}, 422, "environment: should be a valid string"),
        ({"json": {"environment": "a\u0000b"}}, 422, "environment: control characters cannot stand here"),
        ({"json": {"environment": "production", "note": "x" * 2001}}, 422, "note: should have at most"),
    ],
)
def test_a_body_that_cannot_be_understood_is_said_in_the_one_shape(
    shop: Served, sent: Mapping[str, Any], status: int, reason: str
) -> None:
    answer = shop.as_("admin").post(DEPLOY, **sent)

    assert answer.status_code == status
    assert answer.json["error"]["code"] == "invalid"
    assert any(reason in said for said in answer.json["error"]["reasons"]) or not reason


@pytest.mark.parametrize("address", ["/nothing", "/services/checkout/nothing"])
def test_an_address_that_is_none_is_json_too(shop: Served, address: str) -> None:
    assert shop.as_("alice").get(address).json["error"]["code"] == "not_found"


def test_a_body_that_is_too_large_is_refused(shop: Served) -> None:
    answer = shop.as_("alice").post(DEPLOY, data=b" " * (3 * 1024 * 1024), content_type="application/json")

    assert answer.status_code == 413
    assert answer.json["error"]["code"] == "invalid"


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
words = st.text() | st.sampled_from(["production", "staging", "HEAD", "main", "-1", "0", "", "a:b:c", "..", "\x00"])
fuzzed = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@fuzzed
@given(body=anything | st.fixed_dictionaries({"environment": words}, optional={"note": anything, "release": anything}))
def test_no_body_breaks_anything(shop: Served, body: Any) -> None:
    carol = shop.as_("carol")  # a stranger: nothing that fits may have an effect
    for path in (DEPLOY, "/services/checkout/rollbacks", "/deploys/1/abort", "/repositories"):
        assert carol.post(path, body).status_code in (400, 403, 422)


@fuzzed
@given(one=words, other=words, number=st.integers())
def test_no_query_breaks_anything(shop: Served, one: str, other: str, number: int) -> None:
    carol = shop.as_("carol")
    answers = [
        carol.get("/services/checkout/plan", environment=one, revision=other),
        carol.get("/services/checkout/plan", environment="production", release=number),
        carol.get("/deploys", service=one, environment=other, actor=one, before=number),
        carol.get("/events", service=one, subject=other, after=number),
        carol.get(f"/deploys/{number}"),
    ]
    assert all(answer.status_code in (200, 400, 404, 409, 422) for answer in answers), answers


@pytest.mark.postgres
def test_the_same_holds_on_postgresql(tmp_path: Path, postgres_url: str) -> None:
    odd = ["\x00", "ü", "a" * 301, "-1", str(10**30), "%", "'", "component:default/checkout", "..", " "]
    with portal(tmp_path, url=postgres_url) as made, made.working():
        alice, carol = made.as_("alice"), made.as_("carol")
        alice.post(DEPLOY, PRODUCTION)
        told = messages(alice.get("/deploys/1/events").get_data(as_text=True))
        answers = [
            ask
            for word in odd
            for ask in (
                carol.get("/services/checkout/plan", environment=word, revision=word, release=word),
                carol.get("/deploys", service=word, environment=word, actor=word),
                carol.get("/events", service=word, subject=word),
                carol.get("/deploys", before=word, limit=word),
                carol.get("/events", after=word),
                carol.get(f"/services/{word.replace('/', '%2F')}"),
                alice.post(f"/services/checkout/environments/{word.replace('/', '%2F')}/let-go"),
                made.as_(None).post("/tokens", {"account": word, "password": word}),
            )
        ]

    assert [fact["kind"] for fact in (told[0], told[-1])] == ["deploy.requested", "deploy.healthy"]
    assert {answer.status_code for answer in answers} <= {200, 308, 400, 401, 404, 405, 422, 429}


# The document.


def _filled(path: str) -> str:
    known = {"name": "checkout", "environment": "production", "deploy_id": "1", "repository_id": "1"}
    known |= {"course_id": "1", "lock_id": "1", "kind": "component", "namespace": "default"}
    known |= {"number": "1", "override_id": "1", "kinds": "schedules"}
    known |= {"silence_id": "1", "integration_id": "1", "channel_id": "1", "team": "payments"}
    return path.removeprefix("/api/v1").format(**known)


def test_the_document_has_every_address_of_the_api_and_no_other(shop: Served, spec: Mapping[str, Any]) -> None:
    rules = {
        re.sub(r"<(?:[^<:]+:)?([^>]+)>", r"{\1}", rule.rule)
        for rule in shop.app.url_map.iter_rules()
        if rule.rule.startswith("/api/v1/")
    }

    assert set(spec["paths"]) == rules - {"/api/v1/openapi.json"}


def test_every_reference_of_the_document_leads_somewhere_and_everything_is_referred_to(spec: Mapping[str, Any]) -> None:
    referred = {name.rpartition("/")[2] for name in re.findall(r'"\$ref": "([^"]+)"', json.dumps(spec))}

    assert referred == set(spec["components"]["schemas"])
    assert all(re.fullmatch(r"[A-Za-z]+", name) for name in referred)


def test_every_operation_says_its_errors_in_the_one_shape(spec: Mapping[str, Any]) -> None:
    for path, method, operation in operations(spec):
        for status, response in operation["responses"].items():
            assert response["description"], (path, status)
            if status[0] in "45":
                assert response["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Error"}
            else:
                assert response["content"], (path, status)
        assert {"401", "500"} <= operation["responses"].keys()
        if "requestBody" in operation:
            assert {"400", "422"} <= operation["responses"].keys()
        if method == "post" and not path.endswith("/tokens"):
            assert "403" in operation["responses"], path


def test_every_operation_declares_the_parameters_of_its_address(spec: Mapping[str, Any]) -> None:
    for path, _, operation in operations(spec):
        declared = {one["name"] for one in operation["parameters"] if one["in"] == "path" and one["required"]}
        assert declared == set(re.findall(r"{(\w+)}", path))
        assert all({"name", "in", "schema"} <= one.keys() for one in operation["parameters"])
        assert operation["summary"]
        assert not operation["summary"].endswith(".")


def test_the_document_says_how_to_show_who_one_is(spec: Mapping[str, Any]) -> None:
    assert spec["openapi"].startswith("3.1")
    assert spec["security"] == [{"token": []}]
    assert spec["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    assert spec["servers"] == [{"url": "http://127.0.0.1:8000"}]  # configured, never what a request says of its host


def test_every_word_for_a_state_is_in_the_document() -> None:
    assert get_args(shapes.StateWord) == query.WORDS


def test_two_shapes_of_one_name_would_be_noticed() -> None:
    one = {"properties": {"child": {"$ref": "#/components/schemas/One.Child"}}}
    told = document._short_names({"components": {"schemas": {"One": one, "One.Child": {}}}, "paths": {}})

    assert told["components"]["schemas"]["One"] == {"properties": {"child": {"$ref": "#/components/schemas/Child"}}}


def test_visitors_share_nothing(shop: Served) -> None:
    assert Visitor(shop, "alice").get("/me").json["account"] == "alice"
    assert Visitor(shop, None).get("/me").status_code == 401
