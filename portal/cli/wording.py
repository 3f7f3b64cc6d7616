"""How the terminal says what the API answers. Pure: answers in, lines out."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from portal import render

Told = Mapping[str, Any]
MARKS = {"good": "ok  ", "warn": "note", "bad": "NO  ", "off": "-   "}


def plain(text: str) -> str:
    """Use ordinary spaces and signs, so that a line can be searched for."""
    return text.replace(render.NARROW, " ").replace(render.MINUS, "-")


def seconds(count: float) -> str:
    return plain(render.duration(timedelta(seconds=count))) if count else "0 s"


def counted(count: int, one: str) -> str:
    return plain(render.counted(count, one))


def plan(told: Told) -> Iterator[str]:
    """A whole preview: what replaces what, the change, the waves, the steps, the gates."""
    release, base = told["release"], told["base"]
    name = render.short_ref(told["service"])
    what = "back to " if told["rollback"] else ""
    commit = f"{release['revision'][:7]} {release['subject']}".rstrip()
    yield f"{name}: {what}{release['number']} to {told['environment']}  {commit}"
    yield f"  replaces {base['number']}, {base['revision'][:7]}" if base else "  the first release there"
    yield f"  {change(told['change'])}"
    yield from shape(told)
    yield "gates"
    for gate in told["gates"]:
        ends = f" (until {datetime.fromisoformat(gate['until']).astimezone():%a %d %b %H:%M})" if gate["until"] else ""
        yield f"  {MARKS[gate['verdict']]}  {gate['title']}: {gate['why']}{ends}"
        if gate["verdict"] == "bad" and gate["hint"]:
            yield f"        {gate['hint']}"


def change(told: Told) -> str:
    if not told["commits"]:
        return "no commits"
    size = f"{counted(len(told['commits']), 'commit')}, {counted(told['files'], 'file')}"
    lines = f"+{told['plus']} -{told['minus']}"
    words = ["small" if told["small"] else "not small: " + "; ".join(told["large"])]
    words += [f"touches {mark}" for mark in told["touches"]]
    return f"{size}, {lines}, {', '.join(words)}" + (" (they leave)" if told["back"] else "")


def shape(told: Told) -> Iterator[str]:
    """How it goes out: strategy and times, waves, steps."""
    took = f"about {seconds(told['expected_seconds'])} until healthy, {seconds(told['back_seconds'])} to be back"
    yield f"  {told['strategy']}, {counted(told['instances'], 'instance')}, {took}"
    for wave in told["waves"]:
        yield f"  wave {wave['number']}  {wave['percent']:>3} %  {counted(wave['instances'], 'instance')}"
    yield "steps"
    for number, step in enumerate(told["steps"], 1):
        where = f"wave {step['wave']}" if step["wave"] else ""
        times = f"{seconds(step['expected_seconds'])}, at most {seconds(step['deadline_seconds'])}"
        yield f"  {number:>2}  {step['kind']:<8}{where:<8}{times}"


def line(told: Told) -> str:
    """One line of a deploy's log, details set in."""
    at = datetime.fromisoformat(told["at"]).astimezone()
    return f"{at:%H:%M:%S}  {'' if told['head'] else '  '}{plain(told['text'])}"


def doing(page: Told) -> str:
    """What it does this moment, in a few words."""
    deploy = page["deploy"]
    if page["place"] is not None:
        if page["hold"] and not deploy["rollback"]:  # which jumps the queue
            return f"held: {page['hold']['reason']}"
        return f"{page['place']} before it" if page["place"] else "next"
    now = next((one["step"] for one in page["steps"] if one["state"] == "doing"), None)
    return f"{deploy['state']}: {now['kind']}" if now else str(deploy["state"])


def ending(deploy: Told) -> str:
    """How it went, in one sentence."""
    name = f"{deploy['name']} {deploy['release']} to {deploy['environment']}"
    return f"{name} is {deploy['state']}" + (f": {plain(deploy['reason'])}" if deploy["reason"] else "")


def deploys(rows: Sequence[Told]) -> Iterator[str]:
    """A list, in columns."""
    table: list[tuple[str, ...]] = [("ID", "SERVICE", "TO", "RELEASE", "STATE", "BY", "ASKED", "WHY")]
    for row in rows:
        asked = datetime.fromisoformat(row["requested_at"]).astimezone()
        release = f"{row['release']} back" if row["rollback"] else str(row["release"])
        state = f"{row['state']} {row['percent']} %" if row["state"] in ("going out", "baking") else row["state"]
        what = (str(row["id"]), row["name"], row["environment"], release, state, render.short_ref(row["actor"]))
        table.append((*what, f"{asked:%Y-%m-%d %H:%M}", plain(row["reason"] or row["subject"])[:60]))
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    for cells in table:
        yield "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()
