"""The button of a plan: may it be pressed, when it may by itself, and which other ways there are. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from pipelines.gates import Gate, gates
from pipelines.planning import Preview

AT_THE_PRESS = "checklist"  # is seen to by pressing


@dataclass(frozen=True)
class Pressing:
    """`stops`: the gates that keep the button off. `free_at`: when all of them are over by themselves."""

    stops: Sequence[Gate]
    free_at: datetime | None
    points: Sequence[str]  # to tick
    hotfix: bool  # one approval fewer would let it go
    emergency: Sequence[Gate]  # what an override would skip; empty: it would not help, or is not needed


def pressing(preview: Preview) -> Pressing:
    """Return what the button needs to know."""
    bad = [gate for gate in preview.gates if gate.verdict == "bad"]
    stops = [gate for gate in bad if gate.kind != AT_THE_PRESS]
    times = [gate.until for gate in stops]
    free = max((at for at in times if at is not None), default=None) if None not in times else None
    points = () if preview.plan.rollback else preview.situation.settings.checklist
    helps = bool(stops) and all(gate.overridable for gate in bad)
    return Pressing(stops, free, points, _hotfix(preview), bad if helps else ())


def _hotfix(preview: Preview) -> bool:
    """Would one approval fewer be enough? Everything else is asked as always."""
    of = preview.situation
    if preview.plan.rollback or not of.settings.approvals or of.terms.hotfix:
        return False
    usual = {gate.kind for gate in preview.gates if gate.verdict == "bad"} - {AT_THE_PRESS}
    then = gates(replace(of, terms=replace(of.terms, hotfix=True)))
    return usual == {"approval"} and not [one for one in then if one.verdict == "bad" and one.kind != AT_THE_PRESS]
