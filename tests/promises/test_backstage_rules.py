"""What we say of a catalog file is what Backstage's own packages say of it, except where a row gives its reason."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from catalog import yamlfile
from catalog.entities import SPECS, VERSIONS
from catalog.relations import relations
from catalog.rules import Metadata
from catalog.validate import validate
from tests import backstage_cases
from tests.backstage_cases import Row

pytest_plugins = ["tests.npm_client"]

SCRIPT = Path(__file__).parents[1] / "npm" / "rules.cjs"
ROWS = backstage_cases.every()
YAML = backstage_cases.rows("yaml")


@pytest.fixture(scope="module")
def verdicts(run_node: Callable[[Path, str], str]) -> dict[str, list[dict[str, Any]]]:
    """What Backstage says of the text of each row, by the text."""
    texts = [row.text for row in (*ROWS, *YAML)]
    return dict(zip(texts, json.loads(run_node(SCRIPT, json.dumps(texts))), strict=True))


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_backstage_gives_the_verdict_of_the_row(row: Row, verdicts: dict[str, list[dict[str, Any]]]) -> None:
    found = verdicts[row.text]

    assert tuple(one["ref"] for one in found if "ref" in one) == row.backstage, found


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_the_relations_are_those_of_backstage(row: Row, verdicts: dict[str, list[dict[str, Any]]]) -> None:
    theirs = {one["ref"]: one["relations"] for one in reversed(verdicts[row.text]) if "ref" in one}

    for entity in validate({"catalog-info.yaml": row.text.encode()}).entities:
        ours = [f"{one.source} {one.type} {one.target}" for one in relations(entity)]
        assert sorted(ours) == theirs.get(str(entity.ref), sorted(ours))


@pytest.mark.parametrize("row", YAML, ids=str)
def test_yaml_is_read_as_backstage_reads_it(row: Row, verdicts: dict[str, list[dict[str, Any]]]) -> None:
    documents, problems = yamlfile.read(row.text, "catalog-info.yaml")
    theirs = verdicts[row.text]

    ours = [document.data for document in documents if document.sound]
    assert row.said.get("backstage", ours) == [one["data"] for one in theirs if "data" in one]
    assert (bool(problems) and not row.because) == any("error" in one for one in theirs)


WORDS = (
    *(
        "",
        " ",
        "a",
        "A",
        "a-b",
        "a--b",
        "-a",
        "a.",
        "é",
        "a b",
        "7",
        "a/b",
        "a:b",
        ":a",
        "/a",
        "user:",
        "x/y/z",
        "x:y:z",
    ),
    *(
        "@o/t",
        "a@b.c",
        "component:b",
        "https://a",
        "mailto:x",
        "//x",
        "http://",
        "a\n",
        "a" * 63,
        "a" * 64,
        "X.y/z",
        "a.b/c",
    ),
    *("\u212a", "\u00a0", "\u200b", "\u2028", "mcp-server", "optional", "default"),
)
NAMES = ("url", "title", "type", "name", "email", "displayName", "action", "if", "id", "tags", "links", "a.b/c", "")
GOOD: dict[str, dict[str, Any]] = {
    "Component": {"type": "a", "lifecycle": "b", "owner": "c"},
    "API": {"type": "a", "lifecycle": "b", "owner": "c", "definition": "d"},
    "Resource": {"type": "a", "owner": "c"},
    "System": {"owner": "c"},
    "Domain": {"owner": "c"},
    "Group": {"type": "a", "children": []},
    "User": {"memberOf": []},
    "Location": {},
    "Template": {"type": "a", "steps": []},
}


def anything(chance: random.Random, depth: int = 0) -> Any:
    kind = chance.random() * (0.75 if depth > 2 else 1)
    if kind < 0.6:
        return chance.choice(WORDS)
    if kind < 0.75:
        return chance.choice([None, True, False, 0, 1, 1.5])
    if kind < 0.87:
        return [anything(chance, depth + 1) for _ in range(chance.randrange(3))]
    return {chance.choice((*NAMES, *WORDS)): anything(chance, depth + 1) for _ in range(chance.randrange(3))}


def document(chance: random.Random) -> dict[str, Any]:
    """A good document with one or two values changed."""
    kind = chance.choice(list(SPECS))
    said = {"metadata": {"name": "a"}, "spec": dict(GOOD[kind])}
    keys = [field.alias or key for key, field in SPECS[kind].model_fields.items()]
    for _ in range(chance.randrange(1, 3)):
        where = chance.choice(["metadata", "spec"])
        key = chance.choice([*Metadata.model_fields, "x"] if where == "metadata" else [*keys, "dependencyOf"])
        said[where][key] = chance.choice([anything(chance), [anything(chance)], {"a": anything(chance)}])
    return {"apiVersion": VERSIONS[kind][0], "kind": kind, **said}


def test_documents_made_by_chance_get_the_same_verdict(run_node: Callable[[Path, str], str]) -> None:
    chance = random.Random(7)
    said = [document(chance) for _ in range(1500)]
    # Left out: the one difference that chance comes upon, and that a row gives a reason for.
    texts = [json.dumps(one) for one in said if isinstance(one["metadata"].get("annotations", {}), dict)]

    answers = json.loads(run_node(SCRIPT, json.dumps(texts)))

    accepted = 0
    for text, answer in zip(texts, answers, strict=True):
        ours = [str(entity.ref) for entity in validate({"f.yaml": text.encode()}).entities]
        assert ours == [one["ref"] for one in answer if "ref" in one], (text, answer)
        accepted += len(ours)
    assert len(texts) * 0.1 < accepted < len(texts) * 0.9
