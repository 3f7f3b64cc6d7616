"""Backstage's own catalog client, from npm, reads and changes our catalog as it would Backstage's."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from werkzeug.serving import WSGIRequestHandler, make_server

from tests import catalogs
from tests.doors import served
from tests.doors.browsing import browser
from tests.doors.served import Served
from tests.serving import serving

pytest_plugins = ["tests.npm_client"]

SCRIPT = Path(__file__).parent / "backstage_client.cjs"
RULES = Path(__file__).parents[1] / "npm" / "rules.cjs"
COMPONENTS = ["checkout", *(f"svc-{number:05}" for number in range(20))]
NEW = "https://github.com/shop/new"


class Quiet(WSGIRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served.portal(tmp_path_factory.mktemp("client")) as made:
        catalogs.fill(made.services.database, [*catalogs.company(20, 3), *ODD])
        yield made


ODD = [
    catalogs.entity(
        "API",
        "orders",
        {
            "type": "openapi",
            "lifecycle": "production",
            "owner": "group:team-01",
            "definition": "openapi: 3.1.0\npaths: {}",
        },
        description='yes: "no"\t#… 1e3\x7f\u2028',
        labels={"tier": "0o14"},
        relations=[("ownedBy", "group:default/team-01")],
    ),
    catalogs.entity(
        "Component",
        "gone",
        {"type": "service", "lifecycle": "production", "owner": "team-01"},
        annotations={"backstage.io/orphan": "true"},
    ),
    catalogs.entity(
        "API", "unread", {"type": "openapi", "lifecycle": "x", "owner": "a", "definition": {"$text": "./api.yaml"}}
    ),
    catalogs.entity("System", "shop", {"owner": "group:team-01", "y": [[1, {"no": None}], [], {}]}),
    catalogs.entity("Location", "more", {"targets": ["./more.yaml"]}),
]


@pytest.fixture(scope="module")
def steps(portal: Served, run_node: Callable[[Path, str], str]) -> Any:
    """What came of every call, by its name."""
    server = make_server("127.0.0.1", 0, portal.app, threaded=True, request_handler=Quiet)
    with serving(server):
        base = f"http://127.0.0.1:{server.server_port}/api/catalog"
        asked = {"baseUrl": base, "token": portal.keys["admin"], "repository": str(portal.repository)}
        return json.loads(run_node(SCRIPT, json.dumps(asked)))


def nothing(step: Any) -> bool:
    """Say whether the call came back, and with nothing."""
    assert "error" not in step, step
    return bool(step["undefined"])


def cause(step: Any) -> tuple[str, str]:
    """Return what the client made of a refusal: its status, and the name of the cause."""
    assert step["error"]["name"] == "ResponseError", step
    return step["error"]["message"], step["error"]["cause"]["name"]


def test_entities_are_listed(steps: Any) -> None:
    assert {*COMPONENTS, "orders", "gone", "payments", "alice"} <= set(steps["getEntities"]["result"])
    found = steps["getEntities filtered"]["result"]
    java = [name for name in COMPONENTS[1:] if int(name[-5:]) % 2]
    assert found == sorted([*java, "orders", "unread", "payments", "search", "team-00", "team-01", "team-02"])
    assert steps["getEntities fields"]["result"] == [{"kind": "Component", "metadata": {"name": "checkout"}}]
    assert steps["getEntities page"]["result"] == ["gone", "svc-00000"]
    assert 'rel="next"' in steps["getEntities page"]["wire"][0]["link"]
    assert cause(steps["getEntities wrong"]) == ("Request failed with 400 Bad Request", "InputError")


def test_one_entity_is_found_or_undefined(steps: Any) -> None:
    assert steps["getEntityByRef"]["result"] == "checkout"
    assert nothing(steps["getEntityByRef missing"])
    assert steps["getEntityByRef missing"]["wire"][0]["status"] == 404
    assert steps["getEntityByName"]["result"] == "Component"


def test_references_come_in_order_with_nothing_for_the_missing(steps: Any) -> None:
    checkout, payments = {"metadata": {"name": "checkout"}}, {"metadata": {"name": "payments"}}
    assert steps["getEntitiesByRefs"]["result"] == [payments, None, None, checkout]
    assert steps["getEntitiesByRefs many"]["result"] == 20
    assert len(steps["getEntitiesByRefs many"]["wire"]) == 3  # a thousand references at a time
    assert steps["getEntitiesByRefs filtered"]["result"] == [None, "Component"]
    assert steps["getEntitiesByRefs query"]["result"] == ["Group", None]


def names(page: Any) -> list[str]:
    return [one["metadata"]["name"] for one in page["items"]]


ALL = sorted([*COMPONENTS, "gone"])


def test_a_query_goes_forward_and_back(steps: Any) -> None:
    first, second, back = (steps[f"queryEntities{more}"]["result"] for more in ("", " next", " back"))

    assert [names(page) for page in (first, second, back)] == [ALL[:3], ALL[3:6], ALL[:3]]
    assert [page["totalItems"] for page in (first, second, back)] == [len(ALL)] * 3
    assert [sorted(page["pageInfo"]) for page in (first, second, back)] == [
        ["nextCursor"],
        ["nextCursor", "prevCursor"],
        ["nextCursor"],
    ]


def test_text_is_found_and_the_total_can_be_left_out(steps: Any) -> None:
    assert steps["queryEntities text"]["result"] == [["svc-00003"], 1]
    assert steps["queryEntities without total"]["result"] == 0
    assert steps["queryEntities plain"]["result"] == len(steps["getEntities"]["result"])
    assert cause(steps["queryEntities cursor wrong"]) == ("Request failed with 400 Bad Request", "InputError")


def test_a_predicate_goes_forward_and_back_by_post(steps: Any) -> None:
    fitting = [
        name
        for name in ALL
        if not name.startswith("svc-0000") and (name in ("checkout", "gone") or int(name[-5:]) % 4 != 3)
    ]
    asked = [steps[f"queryEntities predicate{more}"] for more in ("", " next", " back")]

    assert [names(one["result"]) for one in asked] == [fitting[:4], fitting[4:8], fitting[:4]]
    assert {one["wire"][0]["method"] for one in asked} == {"POST"}
    assert asked[1]["result"]["totalItems"] == len(fitting)
    assert steps["queryEntities predicate and filter"]["result"] == 1
    assert cause(steps["queryEntities predicate wrong"]) == ("Request failed with 400 Bad Request", "InputError")


@pytest.mark.parametrize("name", ["streamEntities", "streamEntities predicate"])
def test_a_stream_shows_everything_once(steps: Any, name: str) -> None:
    pages = steps[name]["result"]

    assert [len(page) for page in pages] == [7, 7, 7, 1]
    assert sorted(name for page in pages for name in page) == ALL


def test_facets_are_counted(steps: Any) -> None:
    assert steps["getEntityFacets"]["result"] == {
        "kind": [{"value": "Component", "count": 22}, {"value": "User", "count": 3}],
        "spec.lifecycle": [
            {"value": "deprecated", "count": 4},
            {"value": "experimental", "count": 4},
            {"value": "production", "count": 14},
        ],
    }
    tags = steps["getEntityFacets predicate"]["result"]["metadata.tags"]
    assert {one["value"]: one["count"] for one in tags}["java"] == 10


def test_the_ancestor_of_an_entity_is_its_location(steps: Any) -> None:
    place = steps["getLocationByEntity"]["result"]["entityRef"]

    assert steps["getEntityAncestors"]["result"] == {
        "root": "component:default/checkout",
        "items": [["Component", [place]], ["Location", []]],
    }
    assert cause(steps["getEntityAncestors missing"]) == ("Request failed with 404 Not Found", "NotFoundError")


def test_an_entity_is_refreshed_and_validated(steps: Any) -> None:
    assert nothing(steps["refreshEntity"])
    assert cause(steps["refreshEntity missing"]) == ("Request failed with 404 Not Found", "NotFoundError")
    assert steps["validateEntity"]["result"] == {"valid": True}
    bad = steps["validateEntity bad"]["result"]
    assert bad["valid"] is False
    assert "a b" in bad["errors"][0]["message"]
    assert "only 'url:<target>' is supported" in steps["validateEntity file"]["result"]["errors"][0]["message"]


def test_a_location_is_analysed(steps: Any) -> None:
    draft = steps["analyzeLocation"]["result"]["generateEntities"][0]
    assert draft["entity"]["metadata"] == {"name": "new", "annotations": {"github.com/project-slug": "shop/new"}}
    assert ["checkout", True, "file"] in steps["analyzeLocation known"]["result"]


def test_locations_are_added_read_and_removed(steps: Any) -> None:
    added = steps["addLocation"]["result"]["location"]

    assert steps["addLocation dry"]["result"]["exists"] is False
    assert (added["type"], added["target"]) == ("url", NEW)
    assert cause(steps["addLocation again"]) == ("Request failed with 409 Conflict", "ConflictError")
    assert steps["addLocation refresh"]["result"]["location"] == added
    assert cause(steps["addLocation wrong"]) == ("Request failed with 400 Bad Request", "InputError")
    assert added in steps["getLocations"]["result"]["items"]
    assert steps["getLocationByRef"]["result"] == added
    assert nothing(steps["getLocationByRef missing"])
    assert steps["getLocationById"]["result"] == added
    assert nothing(steps["getLocationById missing"])
    assert steps["getLocationByEntity"]["result"]["type"] == "file"
    assert nothing(steps["getLocationByEntity missing"])
    assert added in steps["queryLocations"]["result"]["items"]
    assert steps["streamLocations"]["result"] == [1] * len(steps["getLocations"]["result"]["items"])
    assert steps["updateLocation"]["result"] == added
    assert cause(steps["updateLocation elsewhere"])[1] == "NotImplementedError"
    assert nothing(steps["removeLocationById"])
    assert cause(steps["removeLocationById again"]) == ("Request failed with 404 Not Found", "NotFoundError")


def test_an_entity_that_lives_in_git_is_removed_there(steps: Any) -> None:
    assert nothing(steps["removeEntityByUid unknown"])
    assert cause(steps["removeEntityByUid"]) == ("Request failed with 409 Conflict", "ConflictError")


@pytest.mark.parametrize("name", ["without a token", "with a wrong token"])
def test_nobody_reads_without_a_token(steps: Any, name: str) -> None:
    assert cause(steps[name]) == ("Request failed with 401 Unauthorized", "AuthenticationError")


def exported(portal: Served, who: str | None, **query: str) -> Any:
    headers = {"Authorization": f"Bearer {portal.keys[who]}"} if who else {}
    return portal.app.test_client().get("/export/catalog-info.yaml", headers=headers, query_string=query)


def verdicts(run_node: Callable[[Path, str], str], text: str) -> dict[str, Any]:
    """Return each document of a file as Backstage's own parser and rules have it, by its reference; none is refused."""
    found = json.loads(run_node(RULES, json.dumps([text])))[0]
    assert [one for one in found if "ref" not in one or one.get("refused")] == []
    return {one["ref"]: one["data"] for one in found}


def test_the_export_is_taken_by_backstage_document_by_document(
    portal: Served, run_node: Callable[[Path, str], str]
) -> None:
    answer = exported(portal, "carol")
    found = verdicts(run_node, answer.get_data(as_text=True))

    assert set(found) == {"api:default/orders", *(f"component:default/{name}" for name in COMPONENTS)}
    orders = found["api:default/orders"]
    original = next(one for one in ODD if one["metadata"]["name"] == "orders")
    assert orders["spec"] == original["spec"]
    assert orders["metadata"]["description"] == original["metadata"]["description"]
    assert orders["metadata"]["labels"] == {"tier": "0o14"}
    for data in found.values():
        assert set(data) == {"apiVersion", "kind", "metadata", "spec"}
        assert not {"uid", "etag"} & set(data["metadata"])
        assert not {key for key in data["metadata"].get("annotations", {}) if "managed-by" in key or "orphan" in key}
    assert '"unread"' in answer.get_data(as_text=True)  # left out, and said so


def test_other_kinds_are_exported_when_they_are_asked_for(portal: Served, run_node: Callable[[Path, str], str]) -> None:
    kinds = exported(portal, "carol", kinds="System, group,user")
    found = verdicts(run_node, kinds.get_data(as_text=True))

    assert {ref.partition(":")[0] for ref in found} == {"system", "group", "user"}
    assert found["system:default/shop"]["spec"] == {"owner": "group:team-01", "y": [[1, {"no": None}], [], {}]}


def test_an_export_that_has_not_changed_is_not_sent_again(portal: Served) -> None:
    first = exported(portal, "carol")
    headers = {"Authorization": f"Bearer {portal.keys['carol']}", "If-None-Match": first.headers["ETag"]}
    again = portal.app.test_client().get("/export/catalog-info.yaml", headers=headers)

    assert (again.status_code, again.data) == (304, b"")


def test_an_export_is_for_those_who_may_read(portal: Served, tmp_path: Path) -> None:
    assert exported(portal, None).status_code == 401
    assert exported(portal, "carol", kinds="location").status_code == 400
    assert browser(portal, "carol").get("/export/catalog-info.yaml").status_code == 200
    config = portal.services.config
    public = config.model_copy(update={"catalog": config.catalog.model_copy(update={"public_export": True})})
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(portal.app.extensions, "fullcycle", replace(portal.services, config=public))
        assert exported(portal, None).status_code == 200
