"""Our own blocks under `spec` of a catalog-info.yaml: who reads each, and its JSON Schema for editors. Pure."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from catalog.validate import BlockReader
from oncall import blocks as oncall
from pipelines import spec

BLOCKS: Mapping[str, BlockReader] = {"deploy": spec.problems, "objectives": oncall.objectives, "oncall": oncall.oncall}
MODELS: Mapping[str, type[BaseModel]] = {
    "deploy": spec.DeploySpec,
    "objectives": oncall.Objectives,
    "oncall": oncall.OnCall,
}

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_DURATION = {"type": "string", "pattern": r"^(\d+(\.\d+)?\s*(ms|s|m|h|d)\s*)+$", "examples": ["30s", "5m", "1h30m"]}


def schema(block: str = "") -> dict[str, Any]:
    """Return the JSON Schema of one block, or of a `spec` that may have them all beside Backstage's own keys."""
    if block:
        return {"$schema": DIALECT, "title": f"spec.{block}", **_of(block, "#/$defs/")}
    schemas = {name: _of(name, f"#/properties/{name}/$defs/") for name in MODELS}
    return {"$schema": DIALECT, "title": "spec", "type": "object", "properties": schemas}


def _of(block: str, definitions: str) -> dict[str, Any]:
    made: dict[str, Any] = _as_written(MODELS[block].model_json_schema(ref_template=definitions + "{model}"))
    return {key: value for key, value in made.items() if key != "title"}


_SHORTER: Mapping[str, Any] = {  # what may stand for the whole
    "Strategy": {"enum": ["all-at-once", "rolling", "blue-green"]},
    "Stair": {"type": "integer", "minimum": 1, "maximum": 100},
    "Rolling": {"type": "integer", "minimum": 1},
    "BlueGreen": {"const": True},
    "Judge": {"enum": ["off", True, False]},
}


def _as_written(part: Any) -> Any:
    """Say what a file may hold where the models say what becomes of it: durations, names of strategies, free keys."""
    if isinstance(part, list):
        return [_as_written(item) for item in part]
    if not isinstance(part, dict):
        return part
    if part.get("format") == "duration":
        return {**_DURATION, **{key: part[key] for key in ("title", "description") if key in part}}
    made = {key: _as_written(value) for key, value in part.items() if key != "discriminator"}
    if made.get("additionalProperties") is False:
        made["patternProperties"] = {"^x-": {}}
    shorter = _SHORTER.get(made.get("title", "")) if "properties" in made else None
    return {"anyOf": [shorter, made]} if shorter else made
