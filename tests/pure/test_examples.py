"""Every example file: it is reference and schema, so there must be no fault in it and no kind missing."""

from pathlib import Path

import pytest

from catalog import ownership
from catalog.entities import SPECS
from catalog.places import did_you_mean
from catalog.reading import Reading, read_only
from catalog.relations import INVERSE, relations
from catalog.trees import FolderTree
from portal.blocks import BLOCKS

EXAMPLES = Path(__file__).parents[2] / "examples"
FILES = sorted(path.name for path in EXAMPLES.glob("*.yaml") if path.name != "schedule.yaml")


@pytest.fixture(scope="module")
def everything() -> Reading:
    return read_only(FolderTree(EXAMPLES), BLOCKS, ["catalog-info.yaml", "location.yaml"])


@pytest.mark.parametrize("name", FILES)
def test_an_example_is_without_fault(name: str) -> None:
    found = read_only(FolderTree(EXAMPLES), BLOCKS, [name])

    assert [str(problem) for problem in found.problems] == []
    assert found.entities


def test_two_files_lead_to_all_the_others(everything: Reading) -> None:
    assert sorted(everything.paths) == FILES
    assert [one.url for one in everything.elsewhere] == [
        "https://git.example.org/corner-shop/website/src/branch/main/catalog-info.yaml"
    ]


def test_every_kind_is_there(everything: Reading) -> None:
    assert {entity.kind for entity in everything.entities} == set(SPECS)


def test_every_relation_is_there_and_leads_to_something_described(everything: Reading) -> None:
    known = {str(entity.ref) for entity in everything.entities}
    aliases = {alias for entity in everything.entities for alias in entity.aliases}
    found = [one for entity in everything.entities for one in relations(entity)]
    lost = [one for one in found if one.target not in known and one.target.rpartition("/")[2] not in aliases]

    assert [f"{one.source} {one.type} {one.target}{did_you_mean(one.target, known)}" for one in lost] == []
    assert {one.type for one in found} == set(INVERSE)


def test_every_owner_leads_to_somebody(everything: Reading) -> None:
    assert ownership.problems(everything.entities, ownership.directory_of(everything.entities)) == []


def test_every_example_is_in_the_list() -> None:
    listed = (EXAMPLES / "README.md").read_text()

    assert [path.name for path in EXAMPLES.iterdir() if f"]({path.name})" not in listed and path.is_file()] == [
        "README.md"
    ]


def test_the_list_of_owners_answers_for_what_names_nobody() -> None:
    from catalog import codeowners

    rules = codeowners.parse((EXAMPLES / "CODEOWNERS").read_bytes(), "CODEOWNERS")

    assert rules.problems == ()
    assert codeowners.owner_of(rules, "catalog-info.yaml") == codeowners.Owned(("@corner-shop/storefront",), 4)
    assert codeowners.owner_of(rules, "definitions/a.yaml") == codeowners.Owned(("alice@example.org",), 5)
    assert codeowners.owner_of(rules, "definitions/old/a.yaml") == codeowners.Unowned(6)
