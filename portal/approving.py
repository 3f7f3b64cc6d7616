"""A plan for somebody who has approved of it: she cannot press, too, so it waits for the click of another."""

from collections.abc import Sequence
from dataclasses import replace

from pipelines.gates import gates
from pipelines.planning import Preview
from portal import bands, render
from portal.bands import Band
from portal.planpress import AT_THE_PRESS

NAMED = 3  # people who could press; more are many


def has_approved(preview: Preview) -> bool:
    """Has the reader approved of it, so that it counts for everybody but her?"""
    of = preview.situation
    return bool(of.asker) and of.authors != {of.asker} and any(one.actor == of.asker for one in of.approvals)


def for_another(preview: Preview) -> Preview:
    """Return it with the gates as they are for anybody else who asks."""
    of = replace(preview.situation, asker="")
    return replace(preview, gates=gates(of), situation=of)


def band(preview: Preview, name: str, click: str) -> Band:
    """Say that she has approved, and for whom it waits. `preview` is that for another; `click` says who could press."""
    told = bands.plan(preview, name)
    said = f"You have approved. It waits for the click of {click}, for whoever approves does not deploy, too."
    if any(gate.verdict == "bad" and gate.kind != AT_THE_PRESS for gate in preview.gates):
        return replace(told, text=f"You have approved. {told.text}")
    return replace(told, kind="", icon="wait", word="Approved by you", text=f"{said} {told.text}")


def click(others: Sequence[str], team: str) -> str:
    """Say who could press the button. `others`: the people of the team but the reader.

    >>> click(["Ada", "Cleo"], "payments"), click([], "payments")
    ('Ada or Cleo', 'an admin, for nobody else is of payments')
    """
    if not others:
        return f"an admin, for nobody else is of {team}" if team else "an admin"
    if len(others) > NAMED:
        return f"{', '.join(others[:NAMED])} or {render.counted(len(others) - NAMED, 'other')} of {team}"
    return " or ".join(filter(None, (", ".join(others[:-1]), others[-1])))
