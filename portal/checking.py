"""What checks ask for and what they have said, told for people. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.deploy import ENDED, Deploy
from pipelines.watch import Look, by_check, label
from portal import render
from production.ports import Check


def asks(check: Check) -> str:
    """Say what a check asks for: `/healthz 3 times in a row within 30 s`."""
    often = f" {check.passes} times in a row" if check.passes > 1 else ""
    return f"{label(check)}{often} within {render.duration(check.deadline)}"


@dataclass(frozen=True)
class Checked:
    """One row of the checks: its state in our words, how many instances pass, and why."""

    name: str
    state: str  # waiting, watching, passing, failing
    passing: int
    of: int
    why: str


def checks(deploy: Deploy) -> list[Checked]:
    """Return what the checks of the current wave have said."""
    if deploy.plan is None:
        return []
    looks = by_check(deploy.watch)
    return [_checked(check, looks.get(label(check), ()), deploy) for check in deploy.plan.checks]


def _checked(check: Check, looks: Sequence[Look], deploy: Deploy) -> Checked:
    name = label(check)
    if not looks:
        if deploy.state in ENDED:
            return Checked(name, "skipped", 0, 0, "Nothing was left to ask when this ended; the log has what was said.")
        return Checked(name, "waiting", 0, 0, f"Asked as soon as instances are up: {asks(check)}.")
    passing = sum(1 for look in looks if look.passes >= min(check.passes, look.total))
    worst = max(looks, key=lambda look: (look.fails, -look.passes))
    if worst.fails:
        times = f", {render.counted(worst.fails, 'time')} in a row" if worst.fails > 1 else ""
        return Checked(name, "failing", passing, len(looks), f"{worst.instance}: {worst.said}{times}.")
    row = min(look.passes for look in looks)
    newest = max(looks, key=lambda look: look.at)
    if any(look.passes < check.passes for look in looks) and deploy.state not in ENDED:
        return Checked(name, "watching", passing, len(looks), f"{newest.said}, {row} of {check.passes} in a row.")
    return Checked(name, "passing", len(looks), len(looks), f"{newest.said}, {render.number(row)} in a row.")
