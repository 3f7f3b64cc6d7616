"""On which terms a deploy was asked for, frozen by the click. Pure."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Terms:
    """All of this is written into the record and read by the gates."""

    override: str = ""  # why gates that may be overridden do not count this time
    hotfix: bool = False  # one approval fewer, everything else as always
    ticks: tuple[str, ...] = ()  # what of the checklist was ticked
    continuous: bool = False  # asked for by continuous delivery, not by a person
    trial: bool = False  # only the first wave, then back: for a bisect
    course: int | None = None  # the train or bisect that it belongs to

    def told(self) -> dict[str, Any]:
        """Return what is not as usual, as JSON."""
        usual = asdict(USUAL)
        return {name: value for name, value in asdict(self).items() if value != usual[name]}


USUAL = Terms()
