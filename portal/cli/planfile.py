"""`fullcycle plan FILE`: what a catalog-info.yaml means for deploys, without a portal."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catalog import yamlfile
from catalog.places import Document, Problem
from catalog.validate import validate
from ledger.errors import Code, Error
from pipelines import spec as specs
from pipelines.change import Change
from pipelines.plan import Plan, ReleaseRef, Step, plan
from pipelines.strategy import Wave

FILE = "catalog-info.yaml"
LARGEST = 2 * yamlfile.MAX_BYTES  # the reader says what is too large; more than this is not even loaded
OLD, NEW = ReleaseRef(1, "", "what serves"), ReleaseRef(2, "", "this file")


@dataclass(frozen=True)
class Found:
    """What the file says: a plan for each environment of each service, and all that is wrong."""

    plans: tuple[Plan, ...]
    problems: tuple[Problem, ...]

    @property
    def is_good(self) -> bool:
        return bool(self.plans) and not any(problem.severity == "error" for problem in self.problems)


def is_file(what: str) -> bool:
    """Does the person mean a file? A service's name has no slash and does not end so."""
    return what.endswith((".yaml", ".yml")) or what in (".", "..") or what.startswith(("./", "../", "/"))


def read(path: Path) -> Found:
    """Read a file, or a folder's catalog-info.yaml."""
    if path.is_dir():
        path = path / FILE
    try:
        with path.open("rb") as file:
            text = file.read(LARGEST)
    except OSError as error:
        raise Error(Code.NOT_FOUND, f"{path} cannot be read ({error.strerror}).") from None
    documents, _ = yamlfile.read(text, str(path))
    checked = validate({str(path): text}, {"deploy": specs.problems})
    return Found(tuple(made for document in documents for made in _plans(document)), checked.problems)


def told(one: Plan) -> dict[str, Any]:
    """Return the part of a plan that a file alone decides, as the API tells it."""
    return {
        "service": one.service,
        "environment": one.environment,
        "strategy": one.strategy,
        "instances": one.instances,
        "waves": [_wave(wave) for wave in one.waves],
        "steps": [_step(step) for step in one.steps],
        "expected_seconds": one.expected.total_seconds(),
        "back_seconds": one.back.total_seconds(),
        "bake_seconds": one.bake.total_seconds(),
        "keep_seconds": one.keep.total_seconds(),
        "patience_seconds": one.patience.total_seconds(),
        "judge": one.judge.model_dump(mode="json") if one.judge else None,
        "metrics": [metric.name for metric in one.metrics],
    }


def _wave(wave: Wave) -> dict[str, Any]:
    where = {"number": wave.number, "percent": wave.percent, "instances": wave.instances}
    return {**where, "bake_seconds": wave.bake.total_seconds(), "pause": wave.pause}


def _step(step: Step) -> dict[str, Any]:
    seconds = {"deadline_seconds": step.deadline.total_seconds(), "expected_seconds": step.expected.total_seconds()}
    where = {"wave": step.wave, "percent": step.percent, "instances": step.instances}
    return {"kind": str(step.kind), **where, **seconds}


def _plans(document: Document) -> Iterator[Plan]:
    spec, _ = specs.read(document)
    name = str(document.value(("metadata", "name")) or "")
    for environment in spec.environments if spec else ():
        assert spec is not None
        yield plan(f"component:default/{name}", environment, spec, NEW, OLD, Change())
