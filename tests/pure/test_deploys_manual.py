"""The manual of deploys and the example name every key that the reader of spec.deploy knows, and no other."""

import re
from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin

import pytest
from pydantic import BaseModel

from pipelines.spec import DeploySpec, Environment
from production.settings import CommandSettings, MemorySettings

ROOT = Path(__file__).parents[2]
EXAMPLE = (ROOT / "examples" / "catalog-info.yaml").read_text()
MANUAL = (ROOT / "docs" / "deploys.md").read_text()
OF_METRICS = [  # docs/analysis.md has them
    *("source", "initialDelay", "before", "dryRun"),
    *("inconclusiveLimit", "consecutiveErrorLimit", "consecutiveSuccessLimit"),
]
ELSEWHERE = (CommandSettings, MemorySettings)  # docs/command.md has its keys; the other one is for tests


def models(kind: Any) -> Iterator[type[BaseModel]]:
    """Yield every model that is found in a type, and in those found."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        if kind in ELSEWHERE:
            return
        yield kind
        for field in kind.model_fields.values():
            yield from models(field.annotation)
    elif get_origin(kind) is not None or isinstance(kind, UnionType):
        for inner in get_args(kind):
            yield from models(inner)


def keys(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


KNOWN = sorted({key for model in models(DeploySpec) for key in keys(model)})


def test_there_is_something_to_look_for() -> None:
    assert {"weight", "alpha", "preview", "failureLimit", "who", "secrets", "delay"} <= set(KNOWN)


@pytest.mark.parametrize("key", sorted(set(KNOWN) - set(OF_METRICS)))
def test_the_example_names_each_key(key: str) -> None:
    assert re.search(rf"(?<![\w-]){re.escape(key)}(?![\w-])", EXAMPLE), key


def test_the_table_of_the_manual_has_each_key_of_an_environment_and_no_other() -> None:
    table = MANUAL.partition("## All keys")[2].partition("| strategy |")[0]
    first = re.findall(r"^\| (`[^|]+`) \|", table, re.MULTILINE)

    assert sorted(key for cell in first for key in re.findall(r"`([^`]+)`", cell)) == sorted(keys(Environment))


def test_every_page_that_the_manual_names_is_there() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", MANUAL)

    assert links
    assert [link for link in links if not (ROOT / "docs" / link).exists()] == []
