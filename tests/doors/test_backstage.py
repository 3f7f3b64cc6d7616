"""The API that Backstage's clients speak: who may what, the shape of its errors, and its pages."""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from ledger.db import Database
from tests import catalogs
from tests.doors import served
from tests.doors.served import PASSWORD, Served

CHECKOUT = "/entities/by-name/component/default/checkout"


@dataclass
class Asker:
    """Somebody with a key, or nobody, at this API."""

    client: FlaskClient
    headers: dict[str, str]

    def get(self, path: str, **query: Any) -> TestResponse:
        return self.client.get(f"/api/catalog{path}", headers=self.headers, query_string=query or None)

    def post(self, path: str, body: Any = None, **query: Any) -> TestResponse:
        return self.client.post(f"/api/catalog{path}", headers=self.headers, json=body, query_string=query or None)

    def send(self, method: str, path: str, **more: Any) -> TestResponse:
        headers = {**self.headers, **more.pop("headers", {})}
        return self.client.open(f"/api/catalog{path}", method=method, headers=headers, **more)


def asker(portal: Served, who: str | None) -> Asker:
    headers = {"Authorization": f"Bearer {portal.keys[who]}"} if who else {}
    return Asker(portal.app.test_client(), headers)


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served.portal(tmp_path_factory.mktemp("backstage")) as made:
        catalogs.fill(made.services.database, catalogs.company(30, 3))
        yield made


@pytest.fixture
def alice(portal: Served) -> Asker:
    return asker(portal, "alice")


@pytest.fixture
def admin(portal: Served) -> Asker:
    return asker(portal, "admin")


def names(items: Any) -> list[str]:
    return [one["metadata"]["name"] for one in items]


def error(answer: TestResponse, status: int, name: str) -> str:
    """Return the message of an error whose shape is Backstage's."""
    assert answer.status_code == status, answer.get_data(as_text=True)
    said = answer.json
    assert isinstance(said, dict)
    assert said["error"]["name"] == name
    assert said["response"] == {"statusCode": status}
    assert said["request"]["method"] == answer.request.method
    assert said["request"]["url"].startswith("/")
    assert not said["request"]["url"].startswith("/api")
    return str(said["error"]["message"])


def test_an_entity_is_found_by_its_name_in_any_case(alice: Asker) -> None:
    answer = alice.get("/entities/by-name/Component/Default/CHECKOUT")

    assert answer.status_code == 200
    assert answer.content_type == "application/json; charset=utf-8"
    assert answer.json["metadata"]["name"] == "checkout"
    assert {"type": "ownedBy", "targetRef": "group:default/payments"} in answer.json["relations"]
    assert answer.json["metadata"]["uid"]
    assert answer.json["metadata"]["etag"]


def test_an_entity_that_is_not_there_is_said_as_backstage_says_it(alice: Asker) -> None:
    answer = alice.get("/entities/by-name/component/default/nobody")

    said = error(answer, 404, "NotFoundError")
    assert said == "No entity named 'nobody' found, with kind 'component' in namespace 'default'"
    assert answer.json["request"] == {"method": "GET", "url": "/entities/by-name/component/default/nobody"}


def test_by_name_takes_no_parameter(alice: Asker) -> None:
    assert error(alice.get(CHECKOUT, fields="kind"), 400, "InputError") == "Unknown query parameter 'fields'"


@pytest.mark.parametrize("path", ["", "/nothing", "/entities/", "/entities/by-name/a/b", "/locations/a/b/c"])
@pytest.mark.parametrize("who", ["alice", None])
def test_an_unknown_address_is_404_and_says_nothing(portal: Served, path: str, who: str | None) -> None:
    answer = asker(portal, who).get(path)

    if path:  # the mount itself is no address of this API
        assert (answer.status_code, answer.data) == (404, b"")
    assert answer.status_code == 404


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/entities"),
        ("GET", CHECKOUT),
        ("GET", "/locations"),
        ("GET", "/entity-facets?facet=kind"),
        ("POST", "/entities/by-query"),
        ("POST", "/validate-entity"),
        ("POST", "/locations"),
        ("DELETE", "/locations/1"),
        ("DELETE", "/entities/by-uid/1"),
    ],
)
def test_nobody_sees_anything_without_a_key(portal: Served, method: str, path: str) -> None:
    answer = asker(portal, None).send(method, path)

    error(answer, 401, "AuthenticationError")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_key_that_is_none_is_refused(portal: Served) -> None:
    stranger = Asker(portal.app.test_client(), {"Authorization": "Bearer fc_no"})

    error(stranger.get("/entities"), 401, "AuthenticationError")


@pytest.mark.parametrize("who", ["alice", "bob", "carol"])
@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/locations"), ("PUT", "/locations/1"), ("DELETE", "/locations/1"), ("DELETE", "/entities/by-uid/1")],
)
def test_only_an_admin_changes_what_is_read(portal: Served, who: str, method: str, path: str) -> None:
    body = {"type": "url", "target": "https://github.example/o/r"}

    error(asker(portal, who).send(method, path, json=body), 403, "NotAllowedError")


def logged_in(portal: Served, who: str) -> FlaskClient:
    client = portal.app.test_client()
    page = client.get("/login").get_data(as_text=True)
    token = page.split('name="csrf_token"')[1].split('value="')[1].split('"')[0]
    client.post("/login", data={"name": who, "password": PASSWORD, "csrf_token": token})
    return client


def test_a_session_may_read_and_changes_nothing_without_the_token_of_a_form(portal: Served) -> None:
    session = logged_in(portal, "admin")

    assert session.get("/api/catalog/entities").status_code == 200
    answer = session.post("/api/catalog/locations", json={"type": "url", "target": "https://github.example/o/evil"})
    assert error(answer, 400, "InputError").startswith("This form is too old or was not ours")
    assert session.post("/api/catalog/refresh", json={"entityRef": "component:default/checkout"}).status_code == 400


@pytest.mark.parametrize("content", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
@pytest.mark.parametrize(
    "path", ["/entities/by-query", "/entities/by-refs", "/entity-facets", "/refresh", "/locations"]
)
def test_another_kind_of_content_is_refused(admin: Asker, path: str, content: str) -> None:
    answer = admin.send("POST", path, data="{}", content_type=content)

    assert error(answer, 400, "InputError").startswith("unsupported media type")


@pytest.mark.parametrize("said", ["", "{", "[]", '"a"', "NaN", '{"a": NaN}', "[" * 100_000, "\ud800", "9" * 5000])
def test_a_body_that_is_no_object_is_refused(alice: Asker, said: str) -> None:
    body = said.encode("utf-8", "surrogatepass")
    answer = alice.send("POST", "/entities/by-query", data=body, content_type="application/json")

    error(answer, 400, "InputError")


def test_a_body_that_is_too_large_is_refused(alice: Asker) -> None:
    answer = alice.post("/entities/by-refs", {"entityRefs": ["a" * 3_000_000]})

    error(answer, 413, "PayloadTooLargeError")


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/entities", {"filter": "=a"}),
        ("/entities", {"limit": "0"}),
        ("/entities", {"limit": "-1"}),
        ("/entities", {"limit": "a"}),
        ("/entities", {"limit": "1.5"}),
        ("/entities", {"offset": "-1"}),
        ("/entities", {"after": "%%%"}),
        ("/entities", {"after": ""}),
        ("/entities", {"order": "metadata.name"}),
        ("/entities", {"order": "up:metadata.name"}),
        ("/entities", {"fields": "metadata.tags[0]"}),
        ("/entities", {"colour": "red"}),
        ("/entities/by-query", {"limit": "-1"}),
        ("/entities/by-query", {"orderField": "metadata.name,up"}),
        ("/entities/by-query", {"cursor": "nonsense"}),
        ("/entities/by-query", {"totalItems": "maybe"}),
        ("/entities/by-query", {"filter": "=a"}),
        ("/entity-facets", {}),
        ("/entity-facets", {"facet": ""}),
        ("/entity-facets", {"facet": "kind", "filter": "=a"}),
        ("/entity-facets", {"facet": ["kind"] * 101}),
        ("/locations", {"a": "b"}),
    ],
)
def test_a_wrong_question_is_refused(alice: Asker, path: str, query: dict[str, Any]) -> None:
    error(alice.get(path, **query), 400, "InputError")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/entities/by-query", {"query": []}),
        ("/entities/by-query", {"query": "a"}),
        ("/entities/by-query", {"query": None}),
        ("/entities/by-query", {"query": {"$foo": 1}}),
        ("/entities/by-query", {"cursor": ""}),
        ("/entities/by-query", {"cursor": 7}),
        ("/entities/by-query", {"limit": "a"}),
        ("/entities/by-query", {"limit": True}),
        ("/entities/by-query", {"limit": -1}),
        ("/entities/by-query", {"orderBy": [{"field": "a", "order": "up"}]}),
        ("/entities/by-query", {"orderBy": [1]}),
        ("/entities/by-query", {"fields": "kind"}),
        ("/entities/by-query", {"fields": [1]}),
        ("/entities/by-query", {"fullTextFilter": "a"}),
        ("/entities/by-query", {"fullTextFilter": {"term": 1}}),
        ("/entities/by-query", {"fullTextFilter": {"term": "a\0"}}),
        ("/entities/by-refs", {}),
        ("/entities/by-refs", {"entityRefs": "a"}),
        ("/entities/by-refs", {"entityRefs": [1]}),
        ("/entities/by-refs", {"entityRefs": ["a"] * 10_001}),
        ("/entity-facets", {}),
        ("/entity-facets", {"facets": []}),
        ("/entity-facets", {"facets": "kind"}),
        ("/refresh", {}),
        ("/refresh", {"entityRef": 7}),
        ("/locations/by-query", {"limit": 0}),
        ("/locations/by-query", {"cursor": "nonsense"}),
        ("/locations/by-query", {"query": {"$foo": 1}}),
        ("/analyze-location", {}),
        ("/analyze-location", {"location": {"type": "url"}}),
        ("/analyze-location", {"location": {"type": "url", "target": "no address"}}),
        ("/locations", {}),
        ("/locations", {"type": "url"}),
        ("/locations", {"type": "svn", "target": "https://github.example/o/r"}),
        ("/locations", {"type": "url", "target": "ext::sh -c id"}),
        ("/locations", {"type": "url", "target": "--upload-pack=id"}),
        ("/locations", {"type": "url", "target": "https://bob:secret@github.example/o/r"}),
        ("/locations", {"type": "url", "target": "https://github.example/o/r", "more": 1}),
    ],
)
def test_a_wrong_body_is_refused(admin: Asker, path: str, body: Any) -> None:
    error(admin.post(path, body), 400, "InputError")


def test_entities_are_an_array_and_a_page_links_to_the_next(alice: Asker) -> None:
    everything = alice.get("/entities", filter="kind=component")
    whole = names(alice.get("/entities", filter="kind=component", order="asc:metadata.name").json)
    walked: list[str] = []
    answer = alice.get("/entities", filter="kind=component", order="asc:metadata.name", limit=12)
    walked += names(answer.json)
    while link := answer.headers.get("Link"):
        assert link.startswith("</entities?")
        assert link.endswith('>; rel="next"')
        answer = alice.get(link[1:].partition(">")[0])
        walked += names(answer.json)

    assert len(everything.json) == 31  # 30 of the company, and checkout
    assert "Link" not in everything.headers
    assert walked == whole
    assert sorted(whole) == whole


def test_a_page_without_an_order_goes_by_reference(alice: Asker) -> None:
    told = alice.get("/entities", limit=500).json
    refs = [f"{one['kind']}:{one['metadata']['namespace']}/{one['metadata']['name']}".lower() for one in told]

    assert refs == sorted(refs)
    assert len(refs) > 30


def test_fields_choose_and_a_dotted_key_is_found(alice: Asker) -> None:
    key = "metadata.annotations.backstage.io/managed-by-location"
    told = alice.get(
        "/entities", filter="metadata.name=svc-00003", fields=f"kind,metadata.name,spec.nothing,{key}"
    ).json

    place = f"url:{catalogs.URL}/blob/main/svc-00003/catalog-info.yaml"
    about = {"name": "svc-00003", "annotations": {"backstage.io/managed-by-location": place}}
    assert told == [{"kind": "Component", "metadata": about}]


def test_a_query_says_its_total_and_goes_both_ways(alice: Asker) -> None:
    asked = {"filter": "kind=component,metadata.name", "orderField": "metadata.name,desc", "limit": 10}
    first = alice.get("/entities/by-query", **asked).json
    second = alice.get("/entities/by-query", cursor=first["pageInfo"]["nextCursor"], limit=10).json
    again = alice.get("/entities/by-query", cursor=second["pageInfo"]["prevCursor"], limit=10).json
    posted = alice.post("/entities/by-query", {"cursor": first["pageInfo"]["nextCursor"], "limit": 10}).json

    assert names(first["items"])[:2] == ["svc-00029", "svc-00028"]
    assert first["totalItems"] == second["totalItems"] == 31
    assert "prevCursor" not in first["pageInfo"]
    assert names(second["items"])[0] == "svc-00019"
    assert names(again["items"]) == names(first["items"])
    assert "prevCursor" not in again["pageInfo"]
    assert posted == second


def test_the_total_can_be_left_out_and_a_page_can_be_empty(alice: Asker) -> None:
    without = alice.get("/entities/by-query", limit=1, totalItems="exclude").json
    empty = alice.get("/entities/by-query", limit=0).json

    assert (without["totalItems"], len(without["items"])) == (0, 1)
    assert empty["items"] == []
    assert empty["totalItems"] > 30
    assert empty["pageInfo"] == {}


def test_a_cursor_that_was_changed_is_refused_and_never_breaks_anything(alice: Asker) -> None:
    cursor = alice.get("/entities/by-query", limit=1, orderField="metadata.name").json["pageInfo"]["nextCursor"]
    said = json.loads(base64.b64decode(cursor))
    for key in list(said):
        for value in (None, 7, "a", [], {}, [None], ["a\0", "1"], [1, 2], True, 1e308):
            changed = base64.b64encode(json.dumps(said | {key: value}).encode()).decode()
            assert alice.get("/entities/by-query", cursor=changed).status_code in (200, 400)


def test_references_are_answered_in_order_and_exactly(alice: Asker) -> None:
    refs = [
        "component:default/svc-00002",
        "Component:default/checkout",
        "a",
        "component:default/checkout",
        "\0",
        "\ud800",
    ]
    told = alice.post("/entities/by-refs", {"entityRefs": refs, "fields": ["metadata.name"]}).json["items"]
    fitting = alice.post("/entities/by-refs", {"entityRefs": refs}, filter="spec.owner=group:payments").json["items"]

    assert told == [
        {"metadata": {"name": "svc-00002"}},
        None,
        None,
        {"metadata": {"name": "checkout"}},
        None,
        None,
    ]
    assert [one and one["metadata"]["name"] for one in fitting] == [None, None, None, "checkout", None, None]


def test_facets_are_named_as_they_were_asked_for(alice: Asker) -> None:
    told = alice.get("/entity-facets", facet=["Spec.Type", "kind"], filter="kind=group").json
    posted = alice.post("/entity-facets", {"facets": ["Spec.Type", "kind"], "query": {"kind": "group"}}).json

    assert (
        told
        == posted
        == {"facets": {"Spec.Type": [{"value": "team", "count": 5}], "kind": [{"value": "Group", "count": 5}]}}
    )


def test_an_entity_is_found_by_its_uid_and_says_where_it_can_be_removed(alice: Asker, admin: Asker) -> None:
    uid = alice.get(CHECKOUT).json["metadata"]["uid"]

    assert alice.get(f"/entities/by-uid/{uid}").json["metadata"]["name"] == "checkout"
    assert error(alice.get("/entities/by-uid/none"), 404, "NotFoundError") == "No entity with uid none"
    assert admin.send("DELETE", "/entities/by-uid/none").status_code == 204
    assert "remove it there" in error(admin.send("DELETE", f"/entities/by-uid/{uid}"), 409, "ConflictError")


def test_the_parent_of_an_entity_is_its_repository(portal: Served, alice: Asker) -> None:
    told = alice.get(f"{CHECKOUT}/ancestry").json
    place = alice.get("/locations/by-entity/component/default/checkout").json

    assert told["rootEntityRef"] == "component:default/checkout"
    assert [one["parentEntityRefs"] for one in told["items"]] == [[place["entityRef"]], []]
    assert told["items"][1]["entity"]["spec"] == {"type": "file", "target": str(portal.repository)}
    error(alice.get("/entities/by-name/a/b/c/ancestry"), 404, "NotFoundError")


def test_a_wrong_entity_is_told_all_that_is_wrong(alice: Asker) -> None:
    bad = {
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Component",
        "metadata": {"name": "a b"},
        "spec": {"type": ""},
    }
    good = {
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Component",
        "metadata": {"name": "a"},
        "spec": {"type": "service", "lifecycle": "production", "owner": "payments"},
    }

    assert alice.post("/validate-entity", {"entity": good, "location": "url:https://a.example"}).status_code == 200
    answer = alice.post("/validate-entity", {"entity": bad, "location": "url:https://a.example"})
    assert answer.status_code == 400
    assert len(answer.json["errors"]) >= 2
    assert all(one["name"] == "InputError" and one["message"] for one in answer.json["errors"])


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"entity": {}},
        {"entity": {}, "location": "file:/etc"},
        {"entity": [], "location": "url:https://a.example"},
        {"entity": {"spec": "a" * 300_000}, "location": "url:https://a.example"},
        {"entity": {"kind": "\ud800\0"}, "location": "url:https://a.example"},
        {"entity": {}, "location": "url:https://a.example", "more": 1},
    ],
)
def test_what_is_no_entity_is_told_so_in_the_shape_of_that_door(alice: Asker, body: Any) -> None:
    answer = alice.post("/validate-entity", body)

    assert answer.status_code == 400
    assert answer.json["errors"]


def test_a_repository_is_a_location(portal: Served, admin: Asker) -> None:
    places = [one["data"] for one in admin.get("/locations").json]
    mine = next(one for one in places if one["target"] == str(portal.repository))

    assert admin.get(f"/locations/{mine['id']}").json == mine
    assert admin.get("/locations/by-entity/component/default/checkout").json == mine
    found = admin.post("/locations/by-query", {"query": {"target": {"$hasPrefix": str(portal.repository)}}}).json
    assert found == {"items": [mine], "totalItems": 1, "pageInfo": {}}
    error(admin.get("/locations/none"), 404, "NotFoundError")
    error(admin.get("/locations/by-entity/a/b/c"), 404, "NotFoundError")


def test_locations_come_in_pages(admin: Asker) -> None:
    first = admin.post("/locations/by-query", {"limit": 1}).json
    second = admin.post("/locations/by-query", {"cursor": first["pageInfo"]["nextCursor"]}).json

    assert first["totalItems"] == second["totalItems"] == len(admin.get("/locations").json) >= 2
    assert first["items"][0]["id"] < second["items"][0]["id"]


def test_a_location_is_taken_in_once_and_let_go(admin: Asker) -> None:
    asked = {"type": "url", "target": "https://github.com/shop/new/blob/main/catalog-info.yaml"}
    tried = admin.post("/locations", asked, dryRun="true")
    made = admin.post("/locations", asked)
    place = made.json["location"]

    assert (tried.status_code, tried.json["exists"], tried.json["entities"]) == (201, False, [])
    assert made.status_code == 201
    assert place["target"] == "https://github.com/shop/new"
    assert place["entityRef"] == tried.json["location"]["entityRef"]
    assert "already exists" in error(admin.post("/locations", asked), 409, "ConflictError")
    assert admin.post("/locations", asked, dryRun="true").json["exists"] is True
    again = admin.post("/locations", asked, onConflict="refresh")
    assert (again.status_code, again.json["location"]) == (201, place)
    other = {"type": "url", "target": "https://github.com/shop/new/blob/main/other.yaml"}
    assert admin.post("/locations", other).json["location"] == place  # one more file of it
    assert admin.send("PUT", f"/locations/{place['id']}", json=asked).json == place
    moved = {"type": "url", "target": "https://github.com/shop/elsewhere"}
    error(admin.send("PUT", f"/locations/{place['id']}", json=moved), 501, "NotImplementedError")
    assert admin.send("DELETE", f"/locations/{place['id']}").status_code == 204
    error(admin.send("DELETE", f"/locations/{place['id']}"), 404, "NotFoundError")


def test_an_entity_can_be_read_again_by_anybody_and_only_if_it_is_there(portal: Served, alice: Asker) -> None:
    answer = alice.post("/refresh", {"entityRef": "component:default/checkout"})

    assert (answer.status_code, answer.data) == (200, b"")
    error(alice.post("/refresh", {"entityRef": "component:default/nobody"}), 404, "NotFoundError")


def test_a_repository_is_analysed_without_fetching_it(portal: Served, alice: Asker) -> None:
    known = alice.post("/analyze-location", {"location": {"type": "url", "target": str(portal.repository)}}).json
    new = alice.post(
        "/analyze-location", {"location": {"type": "url", "target": "https://github.com/shop/a b.git"}}
    ).json

    assert {one["entity"]["metadata"]["name"] for one in known["existingEntityFiles"]} >= {"checkout", "payments"}
    assert all(one["isRegistered"] and one["location"]["target"] for one in known["existingEntityFiles"])
    assert known["generateEntities"] == new["existingEntityFiles"] == []
    draft = new["generateEntities"][0]["entity"]
    assert draft["metadata"] == {"name": "a-b", "annotations": {"github.com/project-slug": "shop/a b"}}


def test_this_api_has_a_document_that_needs_no_login(portal: Served) -> None:
    told = asker(portal, None).get("/openapi.json").json

    assert told["servers"] == [{"url": "http://127.0.0.1:8000/api/catalog"}]
    doors = {
        (
            method.upper(),
            rule.rule.removeprefix("/api/catalog").replace("<", "{").replace(">", "}").replace("id_", "id"),
        )
        for rule in portal.app.url_map.iter_rules()
        if rule.endpoint.startswith("backstage.")
        for method in rule.methods or ()
        if method not in ("HEAD", "OPTIONS")
    }
    said = {(method.upper(), path) for path, one in told["paths"].items() for method in one if method != "parameters"}
    assert said == doors - {("GET", "/openapi.json")}
    assert len(said) == 20


def test_one_request_for_five_thousand_entities_is_answered_whole(database: Database, tmp_path: Path) -> None:
    """More than one batch goes out a batch at a time, and nothing is lost between them."""
    with served.portal(tmp_path) as portal, pytest.MonkeyPatch.context() as patch:
        patch.setattr("portal.backstage.entities.BATCH", 7)
        catalogs.fill(portal.services.database, catalogs.company(30, 3))
        told = asker(portal, "alice").get("/entities", fields="metadata.name")

        assert len(names(told.json)) == len(set(names(told.json))) == 30 + 3 + 6
