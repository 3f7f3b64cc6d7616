"""How the terminal says what the API answers. Pure: answers in, lines out."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from portal import render

Told = Mapping[str, Any]
UNDER_WAY = ("going out", "baking", "paused")
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
    if told["irreversible"]:
        yield f"  IT CANNOT BE TAKEN BACK: {told['irreversible']}"
    if told["trial"]:
        yield "  a trial: only the first wave, and then back"
    yield from shape(told)
    if told["values"]:
        yield "values"
        yield from (f"  {line}" for line in told["values"])
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
        pause = ", then a person says when it goes on" if wave["pause"] else ""
        yield f"  wave {wave['number']}  {wave['percent']:>3} %  {counted(wave['instances'], 'instance')}{pause}"
    yield from watched(told)
    yield "steps"
    for number, step in enumerate(told["steps"], 1):
        where = f"wave {step['wave']}" if step["wave"] else ""
        times = f"{seconds(step['expected_seconds'])}, at most {seconds(step['deadline_seconds'])}"
        yield f"  {number:>2}  {step['kind']:<8}{where:<8}{times}"


def watched(told: Told) -> Iterator[str]:
    """What sends it back or has it pause besides its checks, and what stays for the way back."""
    judge, before = told["judge"], told.get("before")
    if judge:
        limits = f"{judge['tolerance']:g} times as many, or {judge['worst']:g} % of requests"
        asks = "; with too little to tell, a person is asked" if judge["inconclusive"] == "pause" else ""
        yield f"  errors are weighed against the release before: {limits}, are too many{asks}"
    if before:
        yield f"  before: {before['errors']:,} errors in {before['requests']:,} requests, {before['minutes']} min"
    if told["metrics"]:
        yield f"  measured: {', '.join(told['metrics'])}"
    if told["keep_seconds"]:
        yield f"  the release before stays warm for {seconds(told['keep_seconds'])}"


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


ASKS = {
    "inconclusive": "nobody can tell whether it is good",
    "irreversible": "a step failed, and it cannot be taken back by itself",
    "strategy": "a person says when it goes on",
    "person": "somebody wants it to wait",
}


def pause(page: Told) -> Iterator[str]:
    """What a paused deploy asks, and how to answer."""
    deploy, asked = page["deploy"], page["pause"]
    number, base = deploy["id"], deploy["base"]
    back = f"go back to release {base}" if base else "take it away"
    yield f"paused, for {ASKS[asked['asks']]}" + (f": {plain(asked['why'])}" if asked["why"] else "")
    yield f"  fullcycle resume {number}    go on{' all the same' if asked['asks'] == 'irreversible' else ''}"
    yield f"  fullcycle look {number}      look again: do the same step once more"
    yield f"  fullcycle abort {number}     {back}"
    if asked["until"]:
        until = datetime.fromisoformat(asked["until"]).astimezone()
        yield f"  without an answer it goes back by itself on {until:%a %d %b} at {until:%H:%M}"
    else:
        yield "  it never goes back by itself"


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
        state = f"{row['state']} {row['percent']} %" if row["state"] in UNDER_WAY else row["state"]
        what = (str(row["id"]), row["name"], row["environment"], release, state, render.short_ref(row["actor"]))
        table.append((*what, f"{asked:%Y-%m-%d %H:%M}", plain(row["reason"] or row["subject"])[:60]))
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    for cells in table:
        yield "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()
