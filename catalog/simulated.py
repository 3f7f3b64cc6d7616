"""A simulation told: as data for programs, as text for a terminal, as markdown for a comment on a merge request.

Pure. Text and markdown are made of the data, so that a terminal can tell what a portal has answered. What people wrote
is never markup, and mentions nobody.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from catalog.naming import short
from catalog.places import Place, Problem
from catalog.simulate import ERROR, WARNING, Simulation

MOST = 100  # lines of one part of a comment; a merge request takes 65,536 signs
HEADS = {"taken": "Names", "reference": "References", "nobody": "Owners", "deploy": "Deploys", "problem": "Problems"}

Told = Mapping[str, Any]


def told(simulation: Simulation, repository: str, revision: str, head: str) -> dict[str, Any]:
    """Return it as data. `revision`: what was read, empty for files; `head`: what it is compared with."""
    problems = [_problem("problem", one) for one in simulation.new]
    findings = [
        {**_place(one.place), "kind": one.kind, "severity": one.severity, "entity": one.ref, "message": one.said}
        | {"hint": one.hint, "repository": one.repository}
        for one in simulation.findings
    ]
    return {
        "repository": repository,
        "revision": revision,
        "head": head,
        "breaks": simulation.breaks,
        "changes": [
            {**_place(one.place), "kind": one.kind, "entity": one.ref, "detail": one.detail}
            for one in simulation.changes
        ],
        "owners": [
            {
                "entity": one.ref,
                "was": one.was,
                "was_people": one.were,
                "becomes": one.becomes,
                "becomes_people": one.are,
            }
            for one in simulation.handovers
        ],
        "findings": [*findings, *problems],
        "fixed": [_problem("problem", one) for one in simulation.fixed],
    }


def _place(place: Place) -> dict[str, Any]:
    return {"path": place.path, "line": place.line, "column": place.column}


def _problem(kind: str, one: Problem) -> dict[str, Any]:
    said = {"severity": one.severity, "entity": one.entity, "message": one.message, "hint": one.hint}
    return {**_place(one.place), "kind": kind, **said, "repository": ""}


# --- for a terminal ---------------------------------------------------------------------------------------------------


def text(one: Told) -> Iterator[str]:
    """Yield lines: what changes, who would answer, and what would be worse, errors first."""
    yield f"{one['repository']}{_at(one['revision'])}: {summary(one)}"
    for change in one["changes"]:
        yield f"  {change['kind']:<8} {short(change['entity'])}{_detail(change)}"
    for owner in one["owners"]:
        yield f"  owner    {short(owner['entity'])}: {_side(owner, 'was')} -> {_side(owner, 'becomes')}"
    for severity in (ERROR, WARNING):
        for finding in _of(one, severity):
            yield f"{severity}: {_where(finding)} {finding['message']}{_hint(finding)}"
    for problem in one["fixed"]:
        yield f"fixed: {_where(problem)} {problem['message']}"


def summary(one: Told) -> str:
    """Say in a few words whether anything would break."""
    errors, warnings = len(_of(one, ERROR)), len(_of(one, WARNING))
    counts = [_count(errors, "error") if errors else "", _count(warnings, "warning") if warnings else ""]
    worse = " and ".join(part for part in counts if part)
    if errors:
        return f"{worse}; merging this would break something"
    changes = f"{_entities(len(one['changes']))}" if one["changes"] else "no entity changes"
    return f"nothing would break; {changes}" + (f"; {worse}" if worse else "")


def _entities(number: int) -> str:
    return "1 entity changes" if number == 1 else f"{number} entities change"


def _of(one: Told, severity: str) -> Sequence[Told]:
    return [finding for finding in one["findings"] if finding["severity"] == severity]


def _at(revision: str) -> str:
    return f" at {revision[:10]}" if revision else ""


def _where(finding: Told) -> str:
    place = f"{finding['path']}:{finding['line']}:{finding['column']}"
    return f"{finding['repository']}, {place}" if finding["repository"] else place


def _hint(finding: Told) -> str:
    return f"; {finding['hint']}" if finding["hint"] else ""


def _detail(change: Told) -> str:
    if change["kind"] in ("renamed", "moved"):
        return f", from {short(change['detail']) if change['kind'] == 'renamed' else change['detail']}"
    return f": {change['detail']}" if change["detail"] else ""


def _side(owner: Told, side: str) -> str:
    people = owner[f"{side}_people"]
    return f"{owner[side] or 'nobody'} ({'1 person' if people == 1 else f'{people} people'})"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


# --- for a comment ----------------------------------------------------------------------------------------------------


def markdown(one: Told) -> str:
    """Return a comment: the sentence first, then what would be worse, then what changes."""
    verdict = "this would break something" if one["breaks"] else "nothing would break"
    parts = [f"### Catalog: {verdict}", f"{safe(one['repository'])}{_at(one['revision'])}: {summary(one)}."]
    for kind, head in HEADS.items():
        found = [finding for finding in one["findings"] if finding["kind"] == kind]
        rows = [
            f"| {finding['severity']} | {safe(finding['message'] + _hint(finding))} | {safe(_where(finding))} |"
            for finding in sorted(found, key=lambda finding: str(finding["severity"]))
        ]
        parts += [_table(("", head, "Where"), rows)] if rows else []
    moved = [
        f"| {safe(short(owner['entity']))} | {safe(_side(owner, 'was'))} | {safe(_side(owner, 'becomes'))} |"
        for owner in one["owners"]
    ]
    parts += [_table(("Who answers", "Now", "Then"), moved)] if moved else []
    changes = [
        f"| {change['kind']} | {safe(short(change['entity']) + _detail(change))} | {safe(_where(change))} |"
        for change in [{**change, "repository": ""} for change in one["changes"]]
    ]
    parts += [_table(("", "What changes", "Where"), changes)] if changes else []
    fixed = [f"- {safe(_where(problem))} {safe(problem['message'])}" for problem in one["fixed"][:MOST]]
    parts += ["Fixed:", "\n".join(fixed)] if fixed else []
    return "\n\n".join(parts) + "\n"


def _table(heads: tuple[str, str, str], rows: Sequence[str]) -> str:
    more = [f"| | and {len(rows) - MOST} more | |"] if len(rows) > MOST else []
    return "\n".join([f"| {' | '.join(heads)} |", "|---|---|---|", *rows[:MOST], *more])


_MARKUP = re.compile(r"[\\`*_{}\[\]<>|!~$&^+=]")
_MENTION = re.compile(r"([@#])(?=\w)")


def safe(words: str) -> str:
    """Write what somebody wrote so that it is text in markdown and no markup, and so that it mentions nobody.

    >>> safe("<b>*")
    '&#60;b&#62;&#42;'
    """
    plain = "".join(sign if sign.isprintable() else " " for sign in words)
    return _MARKUP.sub(lambda found: f"&#{ord(found[0])};", _MENTION.sub("\\1\u200b", plain))
