"""What a release ran with, as far as it may be written down: plain values, and fingerprints of secrets. Pure.

A fingerprint is an HMAC with a key that is not in the database, so it tells that a value has changed and nothing else.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class RanWith:
    """`secrets` are fingerprints by name (SiteSecrets.fingerprints), empty where a value could not be had.

    As JSON it is kept beside a deploy's plan.
    """

    env: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {"env": dict(self.env), "secrets": dict(self.secrets)}


def ran_with(settings: Mapping[str, Any], fingerprints: Mapping[str, str]) -> RanWith:
    """Return it for the frozen settings of a target (`plan.target`)."""
    return RanWith(dict(settings.get("env") or {}), dict(fingerprints))


def read(kept: Mapping[str, Any] | None) -> RanWith | None:
    """Return what `as_json` has written; None when nothing was kept."""
    return None if kept is None else RanWith(dict(kept.get("env") or {}), dict(kept.get("secrets") or {}))


def changes(before: RanWith, after: RanWith, since: int) -> Sequence[str]:
    """Return what is different from release `since`, a sentence for each name, plain values first.

    >>> changes(RanWith({"LEVEL": "info"}, {"DB": "1f"}), RanWith({"LEVEL": "debug"}, {"DB": "2e", "KEY": "3d"}), 230)
    ['LEVEL is debug, was info in release 230', 'the secret DB has changed since release 230', 'the secret KEY is new']
    """
    said = []
    for name in _names(before.env, after.env):
        old, new = before.env.get(name), after.env.get(name)
        if old is None:
            said.append(f"{name} is new: {new}")
        elif new is None:
            said.append(f"{name} is gone, was {old} in release {since}")
        elif old != new:
            said.append(f"{name} is {new}, was {old} in release {since}")
    for name in _names(before.secrets, after.secrets):
        old, new = before.secrets.get(name), after.secrets.get(name)
        if old is None:
            said.append(f"the secret {name} is new")
        elif new is None:
            said.append(f"the secret {name} is not used any more")
        elif _moved(old, new):
            said.append(f"the secret {name} has changed since release {since}")
    return said


def rolling_back(before: RanWith | None, now: RanWith, to: int) -> str:
    """Say which values a rollback runs with: the variables of then, the secrets of now."""
    if not now.secrets:
        return f"It runs with the variables that release {to} had."
    said = f"It runs with the variables that release {to} had, and with the secrets as they are now"
    moved = (
        [] if before is None else [name for name in now.secrets if _moved(before.secrets.get(name), now.secrets[name])]
    )
    if before is None:
        return f"{said}; which ones it ran with then is not known."
    if moved:
        return f"{said}; {', '.join(moved)} changed since."
    return f"{said}." if "" in (*before.secrets.values(), *now.secrets.values()) else f"{said}, which are the same."


def _moved(old: str | None, new: str) -> bool:
    """Is it another value? One that could not be had has no fingerprint, and nothing is said of it."""
    return old != new and "" not in (old, new)


def _names(*mappings: Mapping[str, str]) -> Sequence[str]:
    return sorted(set().union(*mappings))
