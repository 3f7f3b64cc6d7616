"""The rows of tests/cases/backstage: what Backstage's format allows, one row one test, by us and by Backstage itself.

A row is a whole `text`, or what it says in place of a good document's parts. `refused` and `entities` are our verdict;
`backstage` is Backstage's where it differs on purpose, and then `because` says why.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent / "cases" / "backstage"

GOOD = {
    "Component": "type: service, lifecycle: production, owner: payments",
    "Template": "type: service, steps: []",
}


@dataclass(frozen=True)
class Row:
    section: str
    what: str
    text: str
    entities: tuple[str, ...]
    backstage: tuple[str, ...]
    because: str
    problems: tuple[str, ...]
    said: dict[str, Any] = field(repr=False)

    def __str__(self) -> str:
        return f"{self.section} {self.what}"


def rows(name: str) -> list[Row]:
    """Return the rows of one file."""
    said = yaml.safe_load((FOLDER / f"{name}.yaml").read_text())
    return [_row(said["section"], row) for row in said["rows"]]


def every() -> list[Row]:
    """Return the rows that describe entities."""
    return [row for path in sorted(FOLDER.glob("*.yaml")) if path.stem != "yaml" for row in rows(path.stem)]


def _row(section: str, said: dict[str, Any]) -> Row:
    kind = said.get("kind", "Component")
    usual = () if said.get("refused") or "data" in said else (f"{kind.lower()}:default/checkout",)
    entities = tuple(said.get("entities", usual))
    because = said.get("because", "")
    assert ("backstage" in said) == bool(because), said["what"]
    return Row(
        section=section,
        what=said["what"],
        text=said["text"] if "text" in said else _text(kind, said),
        entities=entities,
        backstage=tuple(said.get("backstage", entities)),
        because=because,
        problems=tuple(said.get("problems", ())),
        said=said,
    )


def _text(kind: str, said: dict[str, Any]) -> str:
    lines = [
        said.get("apiVersion", "apiVersion: backstage.io/v1alpha1"),
        f"kind: {kind}" if kind else "",
        f"metadata: {{{said.get('metadata', 'name: checkout')}}}",
        f"spec: {{{said.get('spec', GOOD.get(kind, ''))}}}",
        said.get("more", ""),
    ]
    return "".join(f"{line}\n" for line in lines if line)
