"""`fullcycle catalog validate`: for people, for programs, and for CI by its exit code."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from portal.cli.catalog import catalog
from tests.rooms.test_catalog_actions import TEAM, component


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(catalog, ["validate", *map(str, arguments)])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def written(path: str, text: str) -> str:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text)
    return path


def test_a_good_file_ends_with_0(folder: Path) -> None:
    result = run(written("catalog-info.yaml", component() + "---\n" + TEAM))

    assert (result.exit_code, result.output) == (0, "1 file, 3 good, 0 errors, 0 warnings\n")


def test_errors_come_with_their_place_and_end_with_1(folder: Path) -> None:
    written("catalog-info.yaml", component(owner="paymets"))
    written("teams/catalog-info.yaml", TEAM)

    result = run(".")

    assert result.exit_code == 1
    assert result.output.splitlines() == [
        'catalog-info.yaml:8:3 owner: no team "paymets"; did you mean "payments"?',
        "2 files, 3 good, 1 error, 0 warnings",
    ]


def test_a_warning_ends_with_0(folder: Path) -> None:
    result = run(written("catalog-info.yaml", component() + "  deply: {}\n"))

    assert result.exit_code == 0
    assert '9:3 spec: "deply" is not read by anybody; did you mean "deploy"?' in result.output


def test_an_owner_may_be_known_to_the_portal_when_no_team_is_described(folder: Path) -> None:
    assert run(written("catalog-info.yaml", component(owner="elsewhere"))).exit_code == 0


def test_programs_get_a_list(folder: Path) -> None:
    result = run("--json", written("catalog-info.yaml", component("-x")))

    assert json.loads(result.output) == [
        {
            "path": "catalog-info.yaml",
            "line": 4,
            "column": 3,
            "entity": "component:default/-x",
            "severity": "error",
            "code": "value_error",
            "message": 'name: "-x" needs to be 1 to 63 letters and digits, with -_. between them',
            "hint": "",
        }
    ]


def test_examples_below_a_folder_are_left_out_unless_they_are_named(folder: Path) -> None:
    written("catalog-info.yaml", component())
    example = written("examples/catalog-info.yaml", "{")

    assert run(".").exit_code == 0
    assert run(example).exit_code == 1


def test_a_folder_without_a_catalog_file_is_a_wrong_call(folder: Path) -> None:
    result = run(".")

    assert result.exit_code == 2
    assert "there is no catalog-info.yaml in ." in result.output


@pytest.mark.parametrize("text", [b"\xff\xfe", b"a\0b", b"x" * (1024 * 1024 + 10)])
def test_a_hostile_file_is_one_located_problem(folder: Path, text: bytes) -> None:
    Path("catalog-info.yaml").write_bytes(text)

    result = run("catalog-info.yaml")

    assert result.exit_code == 1
    assert len(result.output.splitlines()) == 2


def test_a_skeleton_is_a_warning_and_a_mistake_is_none(folder: Path) -> None:
    written("skel/catalog-info.yaml", component("${{ values.name }}"))

    assert (run(".").exit_code, run("skel/catalog-info.yaml").exit_code) == (0, 0)
    assert "skel/catalog-info.yaml:4:3 name: " in run(".").output
    assert run(written("catalog-info.yaml", component().replace("owner: ", "owner: {{ x }}"))).exit_code == 1


OWNERLESS = component().replace("  owner: payments\n", "")
API = """\
---
apiVersion: backstage.io/v1alpha1
kind: API
metadata: {name: api}
spec: {type: openapi, lifecycle: production, definition: {$text: ./no.json}}
"""
LOCATION = """\
apiVersion: backstage.io/v1alpha1
kind: Location
metadata: {name: all}
spec: {targets: [./services/*.yaml, ./no.yaml]}
"""


def test_what_files_name_counts_in_a_folder_and_for_one_file(folder: Path) -> None:
    written("shop/.github/CODEOWNERS", "/services/ @acme/payments")
    written("shop/catalog-info.yaml", LOCATION)
    written("shop/services/checkout.yaml", OWNERLESS + API)
    (folder / "shop/.git").mkdir()
    found = [
        'shop/catalog-info.yaml:4:37 target: there is no file "./no.yaml"; '
        'presence: "optional" lets a target be missing',
        'shop/services/checkout.yaml:12:59 $text: there is no file "services/no.json" in this repository',
        "2 files, 2 good, 2 errors, 0 warnings",
    ]

    assert run("shop").output.splitlines() == found
    assert run("shop/catalog-info.yaml").output.splitlines() == found
    assert run(folder / "shop").output.splitlines()[0] == f"{folder}/{found[0]}"
    assert run("shop/services/checkout.yaml").output.splitlines()[-1] == "1 file, 1 good, 1 error, 0 warnings"


def test_what_two_folders_claim_is_a_conflict(folder: Path) -> None:
    written("a/catalog-info.yaml", component())
    written("b/catalog-info.yaml", component())

    assert run("b", "a").output.splitlines()[0] == (
        "a/catalog-info.yaml:4:3 name: component:default/checkout is described at b/catalog-info.yaml:4:3 already; "
        "give one of them another name"
    )


def test_a_file_that_is_reached_by_a_link_is_read_when_it_is_named(folder: Path) -> None:
    written("real/catalog-info.yaml", component(owner="a b"))
    Path("link.yaml").symlink_to("real/catalog-info.yaml")

    assert run("link.yaml").output.startswith("link.yaml:8:3 owner: ")


@pytest.mark.parametrize(
    "ways",
    [
        ("shop", "shop/catalog-info.yaml"),
        ("shop/catalog-info.yaml", "shop/services/checkout.yaml"),
        ("shop/services/checkout.yaml", "shop/catalog-info.yaml", "shop/services/checkout.yaml"),
        ("shop/services/checkout.yaml", "shop"),
        ("shop", "./shop/../shop"),
        ("linked", "shop"),
    ],
)
def test_a_file_counts_once_whichever_ways_lead_to_it(folder: Path, ways: list[str]) -> None:
    written("shop/catalog-info.yaml", LOCATION)
    written("shop/services/checkout.yaml", component())
    Path("linked").symlink_to("shop")
    whole = [*ways[:-1], folder / ways[-1]]

    for paths in (ways, whole):
        said = run(*paths).output.splitlines()
        assert ["no.yaml" in line for line in said] == [True, False]
        assert said[-1] == "2 files, 2 good, 1 error, 0 warnings"


def test_what_is_written_twice_in_one_file_is_said_once(folder: Path) -> None:
    path = written("catalog-info.yaml", component() + "---\n" + component())

    said = run(path, ".").output.splitlines()

    assert (len(said), said[-1]) == (2, "1 file, 1 good, 1 error, 0 warnings")
    assert "is described at catalog-info.yaml:4:3 already" in said[0]


ALICE = """\
---
apiVersion: backstage.io/v1alpha1
kind: User
metadata: {name: alice}
spec: {memberOf: [], profile: {email: alice@example.org}}
"""
PAYMENTS = """\
---
apiVersion: backstage.io/v1alpha1
kind: Group
metadata: {name: payments, annotations: {github.com/team-slug: acme/payments}}
spec: {type: team, children: [], members: [alice]}
"""


@pytest.mark.parametrize(
    ("owner", "described", "code"),
    [
        ("alice@example.org", ALICE, 0),
        ("'@acme/payments'", ALICE + PAYMENTS, 0),
        ("alice@example.org", ALICE + PAYMENTS, 0),
        ("bob@example.org", ALICE, 1),
        ("'@acme/searhc'", ALICE + PAYMENTS, 1),
    ],
)
def test_an_owner_may_be_named_by_another_name(folder: Path, owner: str, described: str, code: int) -> None:
    result = run(written("catalog-info.yaml", component(owner=owner) + described))

    assert result.exit_code == code, result.output
    assert len(result.output.splitlines()) == 1 + code
