"""What this room asks of others; the wiring answers. Protocols only."""

from collections.abc import Collection, Mapping
from typing import Protocol

from sqlalchemy.orm import Session


class Uses(Protocol):
    """Who still needs an entity."""

    def of(self, session: Session, refs: Collection[str]) -> Mapping[str, str]:
        """Return why each of those that are in use cannot be forgotten: `is live in production as release 231`."""


class Unused:
    """Nothing is in use."""

    def of(self, session: Session, refs: Collection[str]) -> Mapping[str, str]:
        return {}


UNUSED = Unused()
