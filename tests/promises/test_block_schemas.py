"""The published JSON Schemas of our blocks take what our readers take, as the validator behind many editors sees it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from catalog import yamlfile
from portal.blocks import BLOCKS, schema

pytest_plugins = ["tests.npm_client"]

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "tests" / "npm" / "schema.cjs"

FITTING: tuple[tuple[str, str], ...] = (
    ("deploy", "{environments: {a: {target: {kind: memory}}}}"),
    ("deploy", "{environments: {a: {target: {kind: memory}, strategy: rolling, bake: 1h30m, x-note: 1}}}"),
    ("deploy", "{environments: {a: {target: {kind: memory}, strategy: {canary: [10, 100], bake: 500ms}}}}"),
    ("deploy", "{environments: {a: {target: {kind: local, command: [a], secrets: [DB_PASSWORD]}}}}"),
    ("deploy", "{environments: {a: {target: {kind: local, command: [a], secrets: {DB_PASSWORD: payments/db}}}}}"),
    ("deploy", "{environments: {a: {target: {kind: command, deploy: [a], verify: [a], timeout: 2m}}}}"),
    ("deploy", "{environments: {a: {target: {kind: memory}, strategy: {canary: [{weight: 5, pause: true}, 100]}}}}"),
    ("deploy", "{environments: {a: {target: {kind: memory}, strategy: {rolling: {percent: 25, wait: 5s}}}}}"),
    ("deploy", "{environments: {a: {target: {kind: memory}, strategy: blue-green, keep: 5m, judge: off}}}"),
    ("objectives", "[{name: a, target: 99.9, window: 30d, errors: e, total: t}]"),
    ("oncall", "{escalation: payments, runbook: 'https://shop.test', x-note: 1}"),
)
UNFIT: tuple[tuple[str, str], ...] = (
    ("deploy", "{environments: {a: {target: {kind: memory}, strategy: fast}}}"),
    ("deploy", "{environments: {a: {target: {kind: memory}, bake: 5}}}"),
    ("deploy", "{environments: {a: {target: {kind: memory}, baek: 5m}}}"),
    ("deploy", "{environments: {a: {target: {kind: local, command: [a], secrets: [DB, DB]}}}}"),
    ("deploy", "{environments: {a: {target: {kind: local, command: [a], secrets: {DB: ../other}}}}}"),
    ("deploy", "{environments: {a: {target: {kind: command, deploy: [a], url: 'https://a'}}}}"),
    ("deploy", "{environments: {a: {target: {kind: memory}, strategy: {canary: [0, 110]}}}}"),
    ("deploy", "{environments: {}}"),
    ("objectives", "[]"),
    ("objectives", "[{name: a, target: 99.9, window: 30d, errors: e}]"),
    ("objectives", "[{name: a, target: 99.9, window: 30, errors: e, total: t}]"),
    ("oncall", "{}"),
    ("oncall", "{escalation: a, runbok: b}"),
)


def spec(block: str, text: str) -> yamlfile.Document:
    (document,) = yamlfile.read(f"spec: {{{block}: {text}}}", "f.yaml")[0]
    return document


def test_a_schema_takes_what_its_reader_takes(run_node: Callable[[Path, str], str]) -> None:
    said = [(block, spec(block, text)) for block, text in (*FITTING, *UNFIT)]

    asked = [[schema(block), document.data["spec"][block]] for block, document in said]
    taken = [answer is None for answer in json.loads(run_node(SCRIPT, json.dumps(asked)))]

    assert taken == [not BLOCKS[block](document, ("spec", block)) for block, document in said]
    assert taken == [True] * len(FITTING) + [False] * len(UNFIT)


def test_the_schema_of_spec_takes_the_example_of_the_handbook(run_node: Callable[[Path, str], str]) -> None:
    text = (ROOT / "examples" / "catalog-info.yaml").read_bytes()
    specs: list[Any] = [document.data["spec"] for document in yamlfile.read(text, "f.yaml")[0]]

    answers = json.loads(run_node(SCRIPT, json.dumps([[schema(), said] for said in specs])))

    assert any("deploy" in said for said in specs)
    assert answers == [None] * len(specs)
