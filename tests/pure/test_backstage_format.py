"""Backstage's format, row by row: YAML, envelope, metadata, kinds, references, relations, documents."""

import math

import pytest

from catalog import yamlfile
from catalog.relations import relations
from catalog.validate import validate
from tests import backstage_cases
from tests.backstage_cases import Row

ROWS = backstage_cases.every()


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_row(row: Row) -> None:
    found = validate({"catalog-info.yaml": row.text.encode()})

    assert tuple(str(entity.ref) for entity in found.entities) == row.entities
    assert tuple(str(problem).removeprefix("catalog-info.yaml:") for problem in found.problems) == row.problems


@pytest.mark.parametrize("row", [row for row in ROWS if "relations" in row.said], ids=str)
def test_relations(row: Row) -> None:
    (entity,) = validate({"catalog-info.yaml": row.text.encode()}).entities

    said = [f"{one.source} {one.type} {one.target}" for one in relations(entity)]
    assert said == sorted(said)
    assert said == sorted(row.said["relations"])


@pytest.mark.parametrize("row", backstage_cases.rows("yaml"), ids=str)
def test_yaml(row: Row) -> None:
    documents, problems = yamlfile.read(row.text, "catalog-info.yaml")

    assert [document.data for document in documents if document.sound] == row.said.get("data", [])
    assert bool(problems) == row.said.get("broken", False)
    assert tuple(map(str, problems)) == row.problems or not row.problems
    assert all(math.isfinite(problem.place.line) and problem.place.line >= 1 for problem in problems)


def test_every_row_has_a_name_of_its_own_and_every_section_is_there() -> None:
    said = [*ROWS, *backstage_cases.rows("yaml")]

    assert len({(row.section, row.what) for row in said}) == len(said)
    assert {row.section for row in said} == {"1.2", "1.3", "1.4", "1.5", "1.6", "1.7"}
    assert len({row.text for row in said}) > 200
