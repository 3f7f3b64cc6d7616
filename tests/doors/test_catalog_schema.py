"""`fullcycle catalog schema`: what our blocks may say, for editors."""

import json

import pytest
from click.testing import CliRunner

from portal.blocks import BLOCKS
from portal.cli.catalog import catalog


@pytest.mark.parametrize("block", BLOCKS)
def test_a_block_has_a_schema(block: str) -> None:
    result = CliRunner().invoke(catalog, ["schema", block])

    assert result.exit_code == 0
    assert json.loads(result.output)["title"] == f"spec.{block}"


def test_without_a_block_it_is_that_of_spec_with_all_of_them() -> None:
    result = CliRunner().invoke(catalog, ["schema"])

    assert list(json.loads(result.output)["properties"]) == list(BLOCKS)


def test_a_block_that_there_is_not_is_a_wrong_call() -> None:
    assert CliRunner().invoke(catalog, ["schema", "deply"]).exit_code == 2
