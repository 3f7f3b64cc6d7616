"""Everything that is wrong with a catalog file, at once. Each file in tests/cases/catalog is one test."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from catalog import ownership
from catalog.entities import CORE_VERSIONS, SPECS, VERSIONS, McpServerSpec
from catalog.relations import relations
from catalog.rules import Metadata
from catalog.validate import MAX_PROBLEMS, BlockReader, Prepare, Validated, validate
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

WORDS = (
    st.text("ab:/. {}-$", max_size=8) | st.text(max_size=4) | st.sampled_from(["Component", "mcp-server", "my team"])
)
ANYTHING = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), WORDS),
    lambda below: st.one_of(
        st.lists(below, max_size=3), st.dictionaries(st.text("abAB:-", max_size=3) | WORDS, below, max_size=3)
    ),
    max_leaves=6,
)
OUTSIDE = [*((key,) for key in GOOD), *(("metadata", key) for key in Metadata.model_fields)]


def paths(kind: str) -> list[tuple[str, ...]]:
    """Where a value may be changed: every key that its kind knows."""
    model = McpServerSpec if kind == "API" else SPECS.get(kind, SPECS["Component"])
    known = [field.alias or key for key, field in model.model_fields.items()]
    return [*OUTSIDE, *(("spec", key) for key in (*known, "dependencyOf", "deploy"))]


CHANGES = st.sampled_from([*SPECS, "Other"]).flatmap(
    lambda kind: st.tuples(
        st.just(kind), st.lists(st.tuples(st.sampled_from(paths(kind)), ANYTHING), min_size=1, max_size=6)
    )
)


def look_at_everything(found: Validated) -> None:
    ownership.problems(found.entities, ownership.directory_of(found.entities))
    for entity in found.entities:
        relations(entity)
        assert entity.aliases is not None
        assert entity.part_of is None or entity.part_of.name
    assert all(problem.place.line >= 1 and str(problem) for problem in found.problems)


@pytest.mark.long
@settings(max_examples=400, deadline=None)
@given(CHANGES)
def test_no_value_anywhere_makes_it_raise(said_and_changed: tuple[str, list[tuple[tuple[str, ...], Any]]]) -> None:
    kind, changes = said_and_changed
    version = VERSIONS.get(kind, CORE_VERSIONS)[0]
    said: dict[str, Any] = {**GOOD, "apiVersion": version, "kind": kind}
    said |= {"metadata": dict(GOOD["metadata"]), "spec": dict(GOOD["spec"])}
    for path, value in changes:
        inside = said if len(path) == 1 else said[path[0]]
        if isinstance(inside, dict):
            inside[path[-1]] = value

    look_at_everything(validate({"catalog-info.yaml": yaml.safe_dump(said).encode()}, BLOCKS))


@pytest.mark.long
@settings(max_examples=300, deadline=None)
@given(st.lists(ANYTHING, max_size=3))
def test_no_documents_make_it_raise(said: list[Any]) -> None:
    look_at_everything(validate({"catalog-info.yaml": yaml.safe_dump_all(said).encode()}, BLOCKS))


@settings(max_examples=300, deadline=None)
@given(st.binary() | st.text().map(lambda text: text.encode("utf-8", "replace")))
def test_no_bytes_make_it_raise(text: bytes) -> None:
    look_at_everything(validate({"catalog-info.yaml": text}, BLOCKS))


HEAD = "apiVersion: backstage.io/v1alpha1\nkind: System\nmetadata: {name: shop}\nspec: {owner: payments}\n"
BOMB = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 9))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (f"a: 1\na0: &a0 [x]\n{BOMB}", "more than 100000 values, aliases included"),
        ("a: &a {b: *a}\n", "*a has no &a before it"),
        ("a: &a [1]\nb: &a [*a, {c: *a}]\n", "*a has no &a before it"),
        ("a: " + "[" * 5000 + "]" * 5000, "nested more than 50 levels deep"),
        ("a: " + "{b: " * 5000 + "1" + "}" * 5000, "nested more than 50 levels deep"),
        ("".join(f"{'  ' * n}a{n}:\n" for n in range(200)), "nested more than 50 levels deep"),
        ("a: " + "- " * 300, "a list cannot begin in this line"),
        ("a: \x07", "a control character"),
        ("a: 1\n" * 2, "stands twice here"),
    ],
    ids=["bomb", "cycle", "cycle of a name used again", "lists", "mappings", "blocks", "dashes", "control", "twice"],
)
def test_a_hostile_document_is_a_located_problem_and_the_next_one_is_served(text: str, problem: str) -> None:
    found = validate({"catalog-info.yaml": f"{text}\n---\n{HEAD}".encode()})

    (said,) = [said for said in found.problems if problem in said.message]
    assert 1 <= said.place.line <= len(text.splitlines())
    assert [str(entity.ref) for entity in found.entities] == ["system:default/shop"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"x" * (50 * 1024 * 1024), "catalog-info.yaml:1:1 the file has 50.0 MiB; at most 1 MiB is read; split it"),
        (b"a: 1\n\x7fELF\x02\x01\x00", "catalog-info.yaml:2:7 this is not a text file"),
        (b"a: 1\nb: \xff\xfe", "catalog-info.yaml:2:4 this is not UTF-8; save it as UTF-8"),
        (HEAD.encode("utf-16"), "catalog-info.yaml:1:1 this is not UTF-8; save it as UTF-8"),
    ],
    ids=["50 MiB", "a program", "bytes", "UTF-16"],
)
def test_a_hostile_file_is_a_located_problem_and_the_next_file_is_served(text: bytes, problem: str) -> None:
    found = validate({"catalog-info.yaml": text, "other.yaml": HEAD.encode()})

    assert [str(said) for said in found.problems] == [problem]
    assert [str(entity.ref) for entity in found.entities] == ["system:default/shop"]


def test_of_a_file_with_very_many_problems_the_first_are_told_and_the_number() -> None:
    found = validate({"a.yaml": b"a: 1\n" * 1000, "b.yaml": b"kind: 7\nmetadata: {}\n"})

    of_a = [problem for problem in found.problems if problem.place.path == "a.yaml"]
    assert len(of_a) == MAX_PROBLEMS + 1
    # 999 repeated keys, one unknown key and four that are missing.
    assert "this file has 904 problems more, from here" in str(of_a[-1])
    assert len(found.problems) > len(of_a)


@pytest.mark.parametrize(
    "text", ["\ufeff" + HEAD, HEAD.replace("\n", "\r\n"), HEAD.replace("\n", "\r"), "---\n" + HEAD]
)
def test_how_lines_end_and_how_a_file_begins_changes_nothing(text: str) -> None:
    found = validate({"catalog-info.yaml": text.encode()})

    assert [str(problem) for problem in found.problems] == []
    assert [entity.place.line for entity in found.entities] == [3 + text.startswith("---")]


def owned_by(owner: str, severity: str = "") -> Prepare:
    """Fill in an owner as CODEOWNERS would, and say something about it."""

    def prepare(document: Document) -> tuple[Document, Sequence[Problem]]:
        spec = {"owner": owner, **document.data["spec"]}
        said = Problem(document.place(("spec",), key=True), "told", "told", severity=severity)
        return replace(document, data={**document.data, "spec": spec}), (said,) if severity else ()

    return prepare


OWNERLESS = HEAD.replace("owner: payments", "type: product").encode()


def test_what_is_prepared_is_what_is_judged() -> None:
    found = validate({"catalog-info.yaml": OWNERLESS}, None, owned_by("payments"))

    assert [(str(entity.owner), entity.owner_text) for entity in found.entities] == [
        ("group:default/payments", "payments")
    ]
    assert found.problems == ()


@pytest.mark.parametrize("owner", ["@shop/payments", "x@y.com", "my team", "group:", ""])
def test_an_owner_from_elsewhere_is_judged_by_whoever_looks_it_up(owner: str) -> None:
    found = validate({"catalog-info.yaml": OWNERLESS}, None, owned_by(owner))

    assert [problem.code for problem in found.problems] == ([] if owner else ["string_too_short"])


def test_an_error_in_preparing_breaks_the_entity_and_a_warning_does_not() -> None:
    warned = validate({"catalog-info.yaml": OWNERLESS}, None, owned_by("payments", "warning"))
    failed = validate({"catalog-info.yaml": OWNERLESS}, None, owned_by("payments", "error"))

    assert [(problem.code, problem.entity) for problem in warned.problems] == [("told", "system:default/shop")]
    assert (len(warned.entities), warned.broken) == (1, frozenset())
    assert (len(failed.entities), sorted(map(str, failed.broken))) == (0, ["system:default/shop"])


@pytest.mark.parametrize(
    "text", ["a: 1", "kind: System\nmetadata: {name: a}", "kind: 7\nmetadata: {name: a}\nspec: {}"]
)
def test_what_does_not_say_who_it_is_is_not_prepared(text: str) -> None:
    def never(document: Document) -> tuple[Document, Sequence[Problem]]:
        raise AssertionError

    assert validate({"catalog-info.yaml": text.encode()}, None, never).problems
