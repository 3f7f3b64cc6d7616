"""What a place that measures must be able to do, and what it answers. Values and a protocol only; pure.

No answer is ever an exception, and no answer is ever more than the source has vouched for: a partial answer is no data.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

MOST_SAMPLES = 1000  # of one answer; who asks for more wants a sum
LONGEST_QUERY = 10_000  # characters


@dataclass(frozen=True)
class Sample:
    """One value of the answer, and whose it is. It may be NaN or infinite."""

    value: float
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Values:
    """At least one value."""

    samples: tuple[Sample, ...]

    @property
    def numbers(self) -> tuple[float, ...]:
        return tuple(sample.value for sample in self.samples)


@dataclass(frozen=True)
class NoData:
    """There is no value. `partial`: there may be, but the source itself says that its answer is not whole."""

    why: str
    partial: bool = False


@dataclass(frozen=True)
class Trouble:
    """It could not be asked. `permanent`: nor later, before somebody changes the query or the settings."""

    why: str
    permanent: bool = False


Answer = Values | NoData | Trouble


@dataclass(frozen=True)
class Place:
    """How far a file was read: which file it was, up to where, and what stood just before."""

    inode: int
    offset: int
    mark: str = ""


@dataclass(frozen=True)
class Tail:
    """How far each file was read, by path. Travels as JSON; an empty one means: from the beginning of every file."""

    places: Mapping[str, Place] = field(default_factory=dict)


@dataclass(frozen=True)
class Unheard:
    """A metric's name that the source has never heard of, and the names it knows that come near."""

    name: str
    near: tuple[str, ...] = ()

    @property
    def said(self) -> str:
        """Say it as a sentence.

        >>> Unheard("http_request_total", ("http_requests_total",)).said
        'there is no metric “http_request_total”; did you mean “http_requests_total”?'
        """
        hint = f"; did you mean “{'” or “'.join(self.near)}”?" if self.near else ""
        return f"there is no metric “{self.name}”{hint}"


class Metrics(Protocol):
    """Sources of metrics by name. Neither method raises for what a query or a source does wrong."""

    def query(self, source: str, promql: str, at: datetime) -> Answer:
        """Evaluate the query at that moment, once, within the source's time limit."""

    def unknown(self, source: str, promql: str) -> Sequence[Unheard] | Trouble:
        """Return the metrics in the query that the source has never heard of, each once."""
