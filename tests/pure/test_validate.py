"""Everything that is wrong with a catalog file, at once. Each file in tests/cases/catalog is one test."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from catalog import ownership
from catalog.validate import BlockReader, validate
from catalog.yamlfile import Document, Problem, problems_of, read

ROOT = Path(__file__).parents[2]
CASES = sorted((ROOT / "tests/cases/catalog").glob("*.yaml"))


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Local(Strict):
    kind: Literal["local"]
    command: tuple[str, ...] = Field(min_length=1)


class Memory(Strict):
    kind: Literal["memory"]
    takes: int = 0


class Environment(Strict):
    target: Local | Memory = Field(discriminator="kind")
    instances: int | Literal["all"] = 1
    hook: Local | str = ""


class Block(Strict):
    environments: dict[str, Environment]
    replicas: int = Field(1, ge=1)


def block(document: Document, path: tuple[str, ...]) -> Sequence[Problem]:
    try:
        Block.model_validate(document.value(path))
    except ValidationError as error:
        return problems_of(error, document, path)
    return ()


BLOCKS: Mapping[str, BlockReader] = {"deploy": block}


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_case(path: Path) -> None:
    case = yaml.safe_load(path.read_text())
    files = case.get("files") or {"catalog-info.yaml": case["file"]}

    found = validate({name: text.encode() for name, text in files.items()}, BLOCKS)

    owners = ownership.problems(found.entities, ownership.directory_of(found.entities)) if case.get("owners") else []
    assert [str(problem) for problem in (*found.problems, *owners)] == case.get("problems", [])
    assert [str(entity.ref) for entity in found.entities] == case.get("entities", [])
    assert sorted(map(str, found.broken)) == case.get("broken", [])


def test_there_are_cases() -> None:
    assert len(CASES) > 20


def test_the_example_of_the_handbook_is_without_fault() -> None:
    from pipelines import spec

    found = validate(
        {"catalog-info.yaml": (ROOT / "examples/catalog-info.yaml").read_bytes()}, {"deploy": spec.problems}
    )

    assert [str(problem) for problem in found.problems] == []
    assert ownership.problems(found.entities, ownership.directory_of(found.entities)) == []


def said(text: str) -> list[str]:
    document = read(f"spec:\n  deploy:\n{text}", "f.yaml")[0][0]
    return [str(problem) for problem in block(document, ("spec", "deploy"))]


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("    {}", ['f.yaml:2:3 deploy: "environments" is missing']),
        ("    environments: []", ["f.yaml:3:5 environments: needs a mapping of keys, not a list"]),
        ("    environments: {}\n    replicas: 0", ["f.yaml:4:5 replicas: must be at least 1"]),
        (
            "    environments: {}\n    repicas: 2",
            ['f.yaml:4:5 deploy: unknown key "repicas"; did you mean "replicas"?'],
        ),
        (
            "    environments: {}\n    zzz: 2",
            ['f.yaml:4:5 deploy: unknown key "zzz"; known here: environments, replicas'],
        ),
        (
            "    environments: {p: {target: {kind: locl}}}",
            ['f.yaml:3:33 kind: needs "local" or "memory", not "locl"; did you mean "local"?'],
        ),
        ("    environments: {p: {target: {}}}", ['f.yaml:3:24 target: "kind" is missing']),
        (
            "    environments: {p: {target: {kind: local, comand: [x]}}}",
            [
                'f.yaml:3:24 target: "command" is missing',
                'f.yaml:3:46 target: unknown key "comand"; did you mean "command"?',
            ],
        ),
        ("    environments: {p: {target: {kind: local, command: []}}}", ["f.yaml:3:46 command: must not be empty"]),
        (
            "    environments: {p: {target: {kind: memory}, instances: many}}",
            ['f.yaml:3:48 instances: needs a whole number or "all", not "many"'],
        ),
        (
            "    environments: {p: {target: {kind: memory}, hook: {kind: local, comand: [x]}}}",
            [
                'f.yaml:3:48 hook: "command" is missing',
                'f.yaml:3:68 hook: unknown key "comand"; did you mean "command"?',
            ],
        ),
        (
            "    environments: {p: {target: {kind: memory, takes: yes}}}",
            ['f.yaml:3:47 takes: needs a whole number, not "yes"'],
        ),
    ],
)
def test_what_pydantic_says_becomes_a_sentence_with_a_place(text: str, problems: list[str]) -> None:
    assert sorted(said(text)) == sorted(problems)


GOOD: dict[str, Any] = {
    "apiVersion": "backstage.io/v1alpha1",
    "kind": "Component",
    "metadata": {"name": "checkout"},
    "spec": {"type": "service", "lifecycle": "production", "owner": "payments"},
}

ANYTHING = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text("ab:/. {}-", max_size=8)),
    lambda below: st.one_of(
        st.lists(below, max_size=3), st.dictionaries(st.text("ab:-", max_size=3), below, max_size=3)
    ),
    max_leaves=6,
)
PATHS = [
    *((key,) for key in GOOD),
    *(("metadata", key) for key in ("name", "namespace", "title", "labels", "annotations", "tags", "links")),
    *(("spec", key) for key in ("owner", "dependsOn", "providesApis", "members", "memberOf", "profile", "deploy")),
]


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(PATHS), ANYTHING), min_size=1, max_size=3),
    st.sampled_from(["Component", "Group", "User"]),
)
def test_no_value_anywhere_makes_it_raise(changes: list[tuple[tuple[str, ...], Any]], kind: str) -> None:
    said: dict[str, Any] = {**GOOD, "kind": kind, "metadata": dict(GOOD["metadata"]), "spec": dict(GOOD["spec"])}
    for path, value in changes:
        inside = said if len(path) == 1 else said[path[0]]
        if isinstance(inside, dict):
            inside[path[-1]] = value

    found = validate({"catalog-info.yaml": yaml.safe_dump(said).encode()}, BLOCKS)

    ownership.problems(found.entities, ownership.directory_of(found.entities))
    assert all(problem.place.line >= 1 for problem in found.problems)


@settings(max_examples=200, deadline=None)
@given(st.binary())
def test_no_bytes_make_it_raise(text: bytes) -> None:
    validate({"catalog-info.yaml": text}, BLOCKS)
