"""What a repository says, file by file: each file in tests/cases/reading is one test. And what no repository can do."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog import locations, reading, supply, yamlfile
from catalog.places import Document, Problem
from catalog.reading import Reading, read, read_only, together
from catalog.trees import DictTree

CASES = sorted((Path(__file__).parents[1] / "cases/reading").glob("*.yaml"))

COMPONENT = """\
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: NAME}
spec: {type: service, lifecycle: production, owner: payments}
"""
LOCATION = """\
apiVersion: backstage.io/v1alpha1
kind: Location
metadata: {name: NAME}
spec: {targets: [TARGETS]}
"""
API = """\
apiVersion: backstage.io/v1alpha1
kind: API
metadata: {name: NAME}
spec: {type: openapi, lifecycle: production, owner: payments, definition: {VALUE}}
"""


def component(name: str) -> str:
    return COMPONENT.replace("NAME", name)


def location(name: str, *targets: str) -> str:
    return LOCATION.replace("NAME", name).replace("TARGETS", ", ".join(f'"{target}"' for target in targets))


def api(name: str, value: str) -> str:
    return API.replace("NAME", name).replace("VALUE", value)


def said(text: str) -> str:
    """Write the usual documents short: `component: x`, `location: x [a, b]`."""
    made = []
    for part in text.split("---\n"):
        word, _, rest = part.strip().partition(" ")
        name, _, more = rest.partition(" ")
        if word == "component:":
            made.append(component(name))
        elif word == "location:":
            made.append(location(name, *more.split()))
        elif word == "api:":
            made.append(api(name, more))
        else:
            made.append(part)
    return "---\n".join(made)


def of(files: dict[str, str], more: tuple[str, ...] = (), **how: Any) -> Reading:
    return read(DictTree({path: said(text).encode() for path, text in files.items()}), {}, more, **how)


def shown(problem: Problem) -> str:
    return ("warning: " if problem.severity == "warning" else "") + str(problem)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_case(path: Path) -> None:
    case = yaml.safe_load(path.read_text())

    found = of(case["files"], tuple(case.get("more", ())), home=case.get("home", ""))

    assert [shown(problem) for problem in found.problems] == case.get("problems", [])
    assert [str(entity.ref) for entity in found.entities] == case.get("entities", [])
    assert sorted(map(str, found.broken)) == case.get("broken", [])
    assert [one.url for one in found.elsewhere] == case.get("elsewhere", [])
    assert found.owner_sources == case.get("sources", {})
    assert {str(entity.ref): entity.owner_text for entity in found.entities if entity.owner_text} == {
        **{str(entity.ref): "payments" for entity in found.entities if entity.owner_text},
        **case.get("owners", {}),
    }
    assert sorted(found.doubtful) == case.get("doubtful", [])
    for entity in found.entities:
        expected = case.get("values", {}).get(str(entity.ref), {})
        assert {key: entity.spec[key] for key in expected} == expected


def test_there_are_cases() -> None:
    assert len(CASES) > 25


def test_more_files_than_anybody_writes_are_said_once() -> None:
    files = {f"s{number}/catalog-info.yaml": component(f"s{number}") for number in range(reading.MAX_FILES + 3)}

    found = of(files)

    assert len(found.entities) == reading.MAX_FILES
    assert [str(problem) for problem in found.problems] == [
        "s97/catalog-info.yaml:1:1 only 500 files and 64 MiB are read; 3 are left out, from here; "
        "describe several entities in one file"
    ]
    assert found.doubtful == found.unread == {"s97/catalog-info.yaml", "s98/catalog-info.yaml", "s99/catalog-info.yaml"}


def test_more_bytes_than_a_machine_holds_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_BYTES", 100 * len(component("s10")))
    files = {f"s{number}/catalog-info.yaml": component(f"s{number}") for number in range(10, 200)}

    found = of(files)

    assert len(found.entities) == 4 * 32  # a batch is read to its end
    assert len(found.unread) == len(files) - len(found.entities)


def test_more_values_than_a_machine_holds_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_VALUES", 2 * yamlfile.read(component("one"), "x")[0][0].size)

    found = of({"catalog-info.yaml": "---\n".join(map(component, ["one", "two", "three"]))})

    assert [str(entity.ref) for entity in found.entities] == ["component:default/one", "component:default/two"]
    assert [str(ref) for ref in found.broken] == ["component:default/three"]


def test_placeholders_bring_in_only_so_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supply, "MAX_BYTES", 250)
    whole = "---\n".join(api(name, "$text: x.json") for name in ["one", "two", "three"])

    found = of({"catalog-info.yaml": whole, "x.json": "x" * 100})

    assert [str(entity.ref) for entity in found.entities] == ["api:default/one", "api:default/two"]
    assert [problem.code for problem in found.problems] == ["placeholder"]


def test_locations_are_followed_so_far_and_no_further() -> None:
    files = {f"l{number}.yaml": location(f"l{number}", f"l{number + 1}.yaml") for number in range(20)}

    found = of({"catalog-info.yaml": "location: start l0.yaml", **files, "l20.yaml": component("end")})

    assert len(found.entities) == reading.MAX_DEPTH + 1
    assert [str(problem) for problem in found.problems] == [
        "l9.yaml:4:18 target: Locations that name Locations are followed 10 times and no further; "
        "name the files in fewer steps"
    ]
    assert found.unread == {"l10.yaml"}


def test_a_pattern_that_asks_for_too_much_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locations, "MAX_WORK", 3 * 1002)  # two files and three patterns
    found = of({"catalog-info.yaml": "location: l ./a*.yaml ./b*.yaml ./c*.yaml ./d.yaml", "d.yaml": "component: d"})

    assert [problem.message for problem in found.problems if "too much" in problem.message] == [
        "target: there is too much to look for in this repository"
    ]


def test_only_the_first_targets_of_a_location_are_read() -> None:
    found = of({"catalog-info.yaml": location("l", *["./d.yaml"] * 501), "d.yaml": "component: d"})

    assert [str(entity.ref) for entity in found.entities] == ["location:default/l", "component:default/d"]
    assert [problem.message for problem in found.problems] == ["target: only the first 500 targets are read"]


def test_only_the_files_that_are_asked_for() -> None:
    tree = DictTree(
        {"catalog-info.yaml": component("a").encode(), "deep/catalog-info.yaml": location("l", "../x.yaml").encode()}
        | {"x.yaml": component("x").encode()}
    )

    found = read_only(tree, {}, ["deep/catalog-info.yaml"], shown=lambda path: f"there/{path}")

    assert [str(entity.place) for entity in found.entities] == [
        "there/deep/catalog-info.yaml:3:12",
        "there/x.yaml:3:12",
    ]
    assert found.paths == {"there/deep/catalog-info.yaml", "there/x.yaml"}


def test_a_file_that_is_not_there_is_said() -> None:
    tree = DictTree({"catalog-info.yaml": component("a").encode()})

    assert [str(problem) for problem in read_only(tree, {}, ["no.yaml"]).problems] == [
        "no.yaml:1:1 there is no such file, or it cannot be read; give its new path"
    ]


def test_two_readings_that_claim_one_name_are_in_conflict() -> None:
    a, b = of({"a/catalog-info.yaml": "component: x"}), of({"b/catalog-info.yaml": "component: x\n---\ncomponent: y"})

    found = together([a, b])

    assert [str(entity.ref) for entity in found.entities] == ["component:default/x", "component:default/y"]
    assert [str(problem) for problem in found.problems] == [
        "b/catalog-info.yaml:3:12 name: component:default/x is described at a/catalog-info.yaml:3:12 already; "
        "give one of them another name"
    ]
    assert found.paths == {"a/catalog-info.yaml", "b/catalog-info.yaml"}


def test_where_an_owner_comes_from_is_kept_for_the_reading_that_holds_the_name() -> None:
    ownerless = component("x").replace(", owner: payments", "")
    first = of({"a/catalog-info.yaml": "component: x"})
    second = of({"b/catalog-info.yaml": ownerless, "CODEOWNERS": "* @shop/web"})

    assert together([first, second]).owner_sources == {}
    assert together([second, first]).owner_sources == {"component:default/x": "CODEOWNERS:1"}


def test_a_block_is_checked_with_what_placeholders_bring() -> None:
    seen = []

    def reader(document: Document, path: tuple[str, ...]) -> list[Problem]:
        seen.append(document.value(path))
        return []

    text = component("x").replace("payments}", "payments, deploy: {$yaml: ./deploy.yaml}}")
    read(DictTree({"catalog-info.yaml": text.encode(), "deploy.yaml": b"environments: {}"}), {"deploy": reader})

    assert seen == [{"environments": {}}]


NAMES = st.sampled_from(
    [
        "catalog-info.yaml",
        "a/catalog-info.yaml",
        "CODEOWNERS",
        ".github/CODEOWNERS",
        "x.yaml",
        "x.json",
        "é\n.yaml",
        "a/b",
    ]
)
TARGETS = """\
. .. / // * ** {a,b} { x.yaml x.json ../x.yaml a/ https://[ https://x/y javascript:x git@x:y \\ é
https://github.com/o/r/blob/main/x.yaml https://github.com/o/r/blob/main/** https://github.com/o/q/blob/main/x.yaml"""
ODD = st.sampled_from(["", "\u2028", "a" * 5000, "{,}" * 40, *TARGETS.split()])
ODD_FILES = [
    "* @a/b",
    "*",
    "[x] @a\n*",
    "/a/ a@b.c",
    "[1, {a: 2}]",
    "a: &a [*a]",
    '{"a": 1e999}',
    '"\\ud800"',
    "[" * 2000,
]


def with_spec(text: str, **spec: Any) -> str:
    return yaml.safe_dump(yaml.safe_load(text) | {"spec": spec})


TEXTS = st.one_of(
    st.binary(max_size=60).map(lambda raw: raw.decode("latin-1")),
    st.text("$:{}[]#&*!|>-, \nab\"'", max_size=60),
    st.lists(ODD, max_size=4).map(lambda targets: with_spec(location("l"), targets=targets)),
    st.tuples(st.sampled_from(["$text", "$json", "$yaml", "$foo"]), ODD).map(
        lambda pair: with_spec(api("a", ""), definition=dict([pair]), owner=dict([pair]))
    ),
    st.sampled_from(ODD_FILES),
    st.sampled_from([component("c"), location("l"), component("c").replace(", owner: payments", "")]),
)


@pytest.mark.long
@settings(max_examples=400, deadline=None)
@given(st.dictionaries(NAMES, TEXTS, max_size=5), st.lists(ODD, max_size=2))
def test_no_tree_makes_it_raise(files: dict[str, str], more: list[str]) -> None:
    tree = DictTree({path: text.encode("utf-8", "surrogatepass") for path, text in files.items()})

    found = read(tree, {}, more, home="https://github.com/o/r")

    assert all(problem.place.line >= 1 and problem.message for problem in found.problems)
    assert not found.broken & {entity.ref for entity in found.entities}
