"""What spec.deploy may say, read from YAML: every problem with its place, in a sentence, and all of them at once."""

from datetime import timedelta
from textwrap import indent
from typing import Any

import pytest

from catalog import yamlfile
from pipelines.spec import DeploySpec, Strategy, problems, read
from pipelines.strategy import waves

HEAD = """\
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: checkout}
spec:
  type: service
  lifecycle: production
  owner: payments
"""
SMALL = """\
deploy:
  environments:
    production:
      target: {kind: local, command: [python, app.py]}
"""


def document(block: str) -> Any:
    documents, unreadable = yamlfile.read(HEAD + indent(block, "  "), "catalog-info.yaml")
    assert not unreadable
    return documents[0]


def spec(block: str = SMALL) -> DeploySpec:
    found, wrong = read(document(block))
    assert found is not None, [str(problem) for problem in wrong]
    return found


def said(block: str) -> list[str]:
    found, wrong = read(document(block))
    assert (found is None) is bool(wrong)
    return [str(problem) for problem in wrong]


def with_environment(lines: str) -> str:
    return SMALL + indent(lines, "      ")


def test_the_smallest_block_says_only_what_runs() -> None:
    production = spec().environments["production"]

    assert production.target.kind == "local"
    assert production.strategy.name == "all at once"
    assert [check.check().what for check in production.checks] == [("/healthz",)]
    assert production.watched == timedelta(minutes=2)
    assert production.deadline == timedelta(minutes=15)


def test_a_document_without_the_block_has_no_spec_and_no_problem() -> None:
    assert read(document("oncall: {}")) == (None, ())


@pytest.mark.parametrize("said", ["spec: nonsense", "spec: [deploy]", "spec:"])
def test_a_document_whose_spec_is_something_else_has_none_either(said: str) -> None:
    documents, _ = yamlfile.read(f"kind: Component\n{said}\n", "catalog-info.yaml")

    assert read(documents[0]) == (None, ())


@pytest.mark.parametrize("block", ["deploy: yes please", "deploy: [production]", "deploy: 7"])
def test_a_block_that_is_no_mapping_is_one_problem(block: str) -> None:
    (problem,) = said(block)

    assert problem.startswith("catalog-info.yaml:8:3")


@pytest.mark.parametrize(
    ("strategy", "name", "stairs"),
    [
        ("all-at-once", "all at once", [100]),
        ("rolling", "rolling", [25, 50, 75, 100]),
        ("{rolling: 2}", "rolling", [50, 100]),
        ("{rolling: {percent: 50, wait: 10s}}", "rolling", [50, 100]),
        ("{canary: [10, 50, 100]}", "canary", [10, 50, 100]),
        ("{canary: [{weight: 5, bake: 1m, pause: true}, 100]}", "canary", [5, 100]),
        ("blue-green", "blue-green", [100]),
        ("{blue-green: {preview: 30s}}", "blue-green", [100]),
        ("{}", "all at once", [100]),
    ],
)
def test_the_strategies(strategy: str, name: str, stairs: list[int]) -> None:
    chosen = spec(with_environment(f"strategy: {strategy}")).environments["production"]

    assert chosen.strategy.name == name
    assert [wave.percent for wave in waves(chosen, 4)] == stairs


@pytest.mark.parametrize(
    ("lines", "warm"), [("strategy: rolling", 0), ("strategy: blue-green", 600), ("strategy: rolling\nkeep: 5m", 300)]
)
def test_the_old_release_stays_warm_where_the_strategy_or_the_file_says_so(lines: str, warm: int) -> None:
    assert spec(with_environment(lines)).environments["production"].warm == timedelta(seconds=warm)


@pytest.mark.parametrize(
    ("said", "judged"), [("off", False), ("{alpha: 0.001}", True), ("true", True), ("false", False)]
)
def test_the_judge_is_there_unless_it_is_put_off(said: str, judged: bool) -> None:
    assert (spec(with_environment(f"judge: {said}")).environments["production"].judge is not None) is judged


SCRIPT = "deploy: {environments: {production: {target: {kind: command, deploy: [./ship]%s}%s}}}"
SOMEWHERE = ", url: 'http://shop.test'"


@pytest.mark.parametrize(
    ("target", "checks", "asked"),
    [
        ("", "", []),  # nobody knows where to ask
        (SOMEWHERE, "", ["http"]),
        (", status: [./ship]", "", ["http"]),
        ("", ", checks: [{command: [./smoke]}]", ["command"]),
        (SOMEWHERE, ", checks: []", []),
    ],
)
def test_what_a_script_deploys_is_asked_where_its_target_says(target: str, checks: str, asked: list[str]) -> None:
    production = spec(SCRIPT % (target, checks)).environments["production"]

    assert [check.check().kind for check in production.checks] == asked
    assert DeploySpec.model_validate(spec(SCRIPT % (target, checks)).model_dump(mode="json")).environments == {
        "production": production
    }


@pytest.mark.parametrize(("check", "name"), [("{http: /healthz}", "/healthz"), ("{tcp: true}", "port open")])
def test_a_check_that_has_nowhere_to_ask_is_refused(check: str, name: str) -> None:
    (problem,) = said(SCRIPT % ("", f", checks: [{{command: [./smoke]}}, {check}]"))

    assert f"the check '{name}' has nowhere to ask; give the target `url` or `status`" in problem


def test_the_bake_of_the_strategy_goes_before_that_of_the_environment() -> None:
    block = with_environment("bake: 1m\nstrategy: {canary: [10, 100], bake: 5m}")

    assert spec(block).environments["production"].watched == timedelta(minutes=5)


def test_baking_may_be_left_out() -> None:
    assert spec(with_environment("bake: 0s")).environments["production"].watched == timedelta(0)


def test_keys_that_begin_with_x_are_free() -> None:
    assert spec(with_environment("x-ticket: ABC-1")).environments


@pytest.mark.parametrize(
    ("lines", "place", "words"),
    [
        ("stratgy: rolling", "12:9", ["stratgy", 'did you mean "strategy"?']),
        ("strategy: blue-gren", "12:9", ["no strategy", "blue-gren", "all-at-once, rolling, canary and blue-green"]),
        ("strategy: {canary: [10, 110]}", "12:33", ["at most 100"]),
        ("strategy: {rolling: {limit: 1, percent: 10}}", "12:20", ["either by `limit`"]),
        ("strategy: {rolling: {percent: 0}}", "12:30", ["at least 1"]),
        ("strategy: {canary: [10, pause, 100]}", "12:33", ["pause: true"]),
        ("strategy: {canary: [50, 10, 100]}", "12:9", ["grow from 1 to 100", "[10, 50, 100]"]),
        ("strategy: {canary: [10, 50]}", "12:9", ["end with 100"]),
        ("strategy: {canary: [10, 10, 100]}", "12:9", ["grow from 1 to 100"]),
        ("strategy: {canary: [0, 100]}", "12:29", ["at least 1"]),
        ("strategy: {canary: [10, 100], rolling: 1}", "12:9", ["exclude each other"]),
        ("strategy: {rolling: 0}", "12:20", ["1"]),
        ("strategy: {canary: []}", "12:20", []),
        ("bake: 120", "12:9", ["duration with its unit", "5m"]),
        ("bake: five minutes", "12:9", ["duration with its unit"]),
        ("checks: [{http: /healthz, passes: 0}]", "12:35", []),
        ("checks: [{http: healthz}]", "12:19", []),
        ("checks: [{http: /healthz, tcp: true}]", "12:18", ["exactly one of", "http and tcp"]),
        ("checks: [{passes: 2}]", "12:18", ["exactly one of", "none"]),
        ("checks: [{http: /a}, {http: /a, status: [404]}]", "10:7", ["'/a' stands here twice"]),
    ],
)
def test_what_is_wrong_is_said_with_its_place(lines: str, place: str, words: list[str]) -> None:
    (problem,) = said(with_environment(lines))

    assert problem.startswith(f"catalog-info.yaml:{place} ")
    for word in words:
        assert word in problem


def test_an_unknown_kind_of_target_is_named_with_those_there_are() -> None:
    (problem,) = said("deploy: {environments: {production: {target: {kind: locl, command: [a]}}}}")

    assert problem.startswith("catalog-info.yaml:8:")
    assert "locl" in problem
    assert "local" in problem


@pytest.mark.parametrize("name", ["Production", "prod_eu", "-prod", "a" * 41])
def test_the_name_of_an_environment_goes_into_addresses_and_file_names(name: str) -> None:
    assert said(SMALL.replace("production", name))


def test_every_problem_is_reported_at_once_in_the_order_of_the_file() -> None:
    problems_found = said(with_environment("stratgy: rolling\nbake: 120\nchecks: [{passes: 2}]"))

    assert [problem.split(" ")[0] for problem in problems_found] == [
        "catalog-info.yaml:12:9",
        "catalog-info.yaml:13:9",
        "catalog-info.yaml:14:18",
    ]


def test_the_reader_of_the_block_says_the_same() -> None:
    broken = document(with_environment("bake: 120"))

    assert problems(broken, ("spec", "deploy")) == read(broken)[1]


def test_a_spec_comes_back_the_same_from_json() -> None:
    block = with_environment("strategy: {canary: [10, 100], bake: 90s}\nchecks: [{tcp: true, every: 250ms}]")

    assert DeploySpec.model_validate(spec(block).model_dump(mode="json")) == spec(block)


def test_a_strategy_without_a_canary_is_all_at_once() -> None:
    assert Strategy() == Strategy.model_validate("all-at-once")
