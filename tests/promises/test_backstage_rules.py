"""What we say of a catalog file is what Backstage's own packages say of it, except where a row gives its reason."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from catalog import yamlfile
from catalog.relations import relations
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
