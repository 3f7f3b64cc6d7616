"""What checks ask for and what they have said, told for people. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.analysis import Phase, outcome
from pipelines.analysistold import sentence
from pipelines.deploy import ENDED, Deploy, State
from pipelines.watch import Look, by_check, label
from portal import render
from production.ports import Check


def asks(check: Check) -> str:
    """Say what a check asks for: `/healthz 3 times in a row within 30 s`."""
    often = f" {check.passes} times in a row" if check.passes > 1 else ""
    return f"{label(check)}{often} within {render.duration(check.deadline)}"


@dataclass(frozen=True)
class Checked:
    """One row of the checks: its state in our words, how many instances pass, what old and new show, and why."""

    name: str
    state: str  # waiting, watching, passing, failing, not enough data, worse
    passing: int
    of: int
    why: str
    new: str = ""
    old: str = ""


VERDICTS = {"pass": "passing", "fail": "worse", "inconclusive": "not enough data"}


def checks(deploy: Deploy) -> list[Checked]:
    """Return what is known of the current wave, or of the one from which it went back: errors, metrics, and checks."""
    if deploy.plan is None:
        return []
    looks = by_check(deploy.looks)
    asked = [_checked(check, looks.get(label(check), ()), deploy) for check in deploy.plan.checks]
    return [*_errors(deploy), *_metrics(deploy), *asked]


PHASES = {
    Phase.SUCCESSFUL: "passing",
    Phase.RUNNING: "watching",
    Phase.PENDING: "waiting",
    Phase.INCONCLUSIVE: "not enough data",
    Phase.ERROR: "no data",
    Phase.FAILED: "worse",
}


def _metrics(deploy: Deploy) -> list[Checked]:
    """Return a row for each metric, as far as it is measured in this wave."""
    if deploy.plan is None:
        return []
    over = deploy.state is not State.ACTING
    by_name = {run.name: run for run in deploy.proof.runs}
    rows = []
    for metric in deploy.plan.metrics:
        run = by_name.get(metric.name)
        if run is None:
            rows.append(Checked(metric.name, "waiting", 0, 0, "Measured as soon as traffic comes."))
            continue
        value = run.last.value if run.last else ""
        said = render.sentence(sentence(run, metric, over))
        rows.append(Checked(metric.name, PHASES[outcome(run, metric, over)], 0, 0, said, value))
    return rows


def _errors(deploy: Deploy) -> list[Checked]:
    """Return the row of the judge, once it has counted anything."""
    proof = deploy.proof
    if not proof.verdict or deploy.plan is None or deploy.plan.judge is None:
        return []
    new, old = (
        render.percent(100 * errors / requests) if requests else "–" for requests, errors in (proof.new, proof.old)
    )
    limit = render.percent(deploy.plan.judge.worst)
    worst = f" Goes back where surely more than {limit} fail, and twice as many as before."
    return [Checked("Errors", VERDICTS[proof.verdict], 0, 0, f"{render.sentence(proof.said)}{worst}", new, old)]


def _checked(check: Check, looks: Sequence[Look], deploy: Deploy) -> Checked:
    name, over = label(check), deploy.state is State.UNDOING or deploy.state in ENDED
    if not looks:
        if over:
            return Checked(name, "skipped", 0, 0, "Nothing was left to ask when this ended; the log has what was said.")
        return Checked(name, "waiting", 0, 0, f"Asked as soon as instances are up: {asks(check)}.")
    passing = sum(1 for look in looks if look.passes >= min(check.passes, look.total))
    worst = max(looks, key=lambda look: (look.fails, -look.passes))
    if worst.fails:
        times = f", {render.counted(worst.fails, 'time')} in a row" if worst.fails > 1 else ""
        return Checked(name, "failing", passing, len(looks), f"{worst.instance}: {worst.said}{times}.")
    row = min(look.passes for look in looks)
    newest = max(looks, key=lambda look: look.at)
    if any(look.passes < check.passes for look in looks) and not over:
        return Checked(name, "watching", passing, len(looks), f"{newest.said}, {row} of {check.passes} in a row.")
    return Checked(name, "passing", len(looks), len(looks), f"{newest.said}, {render.number(row)} in a row.")
