"""The tour's steps through the catalog: what is wrong in the shop is known, with its commit, and by every door."""

from collections.abc import Mapping, Sequence
from typing import Any

from portal.demo.chapters import Figures, so
from portal.demo.stage import Stage

Told = Mapping[str, Any]

LOOKS = "nadia"  # who has no part in any of it


def conflict(stage: Stage) -> Figures:
    """Two repositories call themselves ledger: the first keeps the name, and the second is told of it."""
    (problem,) = _problems(stage, "conflict")
    so(problem["repository"] == "ledger-rewrite", f"{problem['repository']} is told of the conflict")
    entity = _entity(stage, "component", "ledger")
    where = entity["metadata"]["annotations"]["backstage.io/managed-by-location"]
    so("/ledger/" in where, f"the ledger that is shown is from {where}")
    return {"name": problem["entity"], "claimed_by": problem["repository"], "at": _place(problem)}


def stale_file(stage: Stage) -> Figures:
    """A tab broke the file of delivery-slots: what was good is still there, and says since which commit it is old."""
    broken, good, *_ = stage.commits("delivery")
    (problem,) = _problems(stage, "syntax")
    entity = _entity(stage, "component", "delivery-slots")
    said = [one["message"] for one in (entity.get("status") or {}).get("items", ())]
    so(any(broken[:10] in one and good[:10] in one for one in said), f"its status says only: {said}")
    return {"stale_since": broken[:10], "shown_as_of": good[:10], "at": _place(problem), "why": problem["message"]}


def orphan(stage: Stage) -> Figures:
    """The team of gift-cards is gone, and search-index misspells its own: nobody answers, and the catalog says why."""
    told = _as(stage).get("/owners")
    lost = {one["ref"].rpartition("/")[2]: one["code"] for one in told["orphans"]}
    so(lost == {"gift-cards": "gone", "search-index": "unknown-owner"}, f"orphans are {lost}")
    (alone,) = told["alone"]
    hint = next(one["hint"] for one in told["orphans"] if one["code"] == "unknown-owner")
    return {"orphans": sorted(lost), "hint": hint, "on_one_person": alone["title"], "owned": told["owned"]}


def owner(stage: Stage) -> Figures:
    """Why page-kit is storefront's, step by step: its file names nobody, CODEOWNERS does."""
    told = _as(stage).get("/owners/component/default/page-kit")
    names = [one["name"] for one in told["people"]]
    so(told["owner"] == "group:default/storefront" and len(names) == 3, f"{told['owner']} answers: {names}")
    so("CODEOWNERS line" in told["provenance"], f"it is known {told['provenance']}")
    return {"owner": told["owner"], "provenance": told["provenance"], "steps": len(told["steps"])}


def backstage(stage: Stage) -> Figures:
    """The API that Backstage's clients speak finds the parts of order-flow, page by page."""
    found: list[str] = []
    asked: Mapping[str, Any] = {"filter": "relations.partOf=system:default/order-flow,kind=component"}
    for _ in range(10):
        page = _catalog(stage, "/entities/by-query", **asked, limit=2)
        found += [one["metadata"]["name"] for one in page["items"]]
        if "nextCursor" not in page["pageInfo"]:
            break
        asked = {"cursor": page["pageInfo"]["nextCursor"]}
    so(
        len(found) == len(set(found)) == page["totalItems"] and "delivery-slots" in found,
        f"{found} of {page['totalItems']}",
    )
    return {"found": sorted(found)}


FINDINGS = {"conflict": conflict, "stale file": stale_file, "orphan": orphan, "owner": owner, "backstage": backstage}


def _as(stage: Stage) -> Any:
    return stage.people[LOOKS]


def _problems(stage: Stage, code: str) -> Sequence[Told]:
    found: Sequence[Told] = _as(stage).get("/problems", code=code)["problems"]
    so(len(found) == 1, f"{len(found)} problems of the kind {code}, not one: {found}")
    return found


def _catalog(stage: Stage, path: str, **query: Any) -> Told:
    told: Told = _as(stage).get(f"{stage.config.address}/api/catalog{path}", **query)
    return told


def _entity(stage: Stage, kind: str, name: str) -> Told:
    return _catalog(stage, f"/entities/by-name/{kind}/default/{name}")


def _place(problem: Told) -> str:
    return f"{problem['repository']} {problem['path']}:{problem['line']}:{problem['column']}"
