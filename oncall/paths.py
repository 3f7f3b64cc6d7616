"""Paths into JSON as people write them: `$.alert.tags[0]['a b']`. Pure.

A step that is a number is an index in a list and a name in an object. What is not there is `MISSING`, not null.
"""

import re
from typing import Any, Final

Path = tuple[str | int, ...]
MISSING: Final = object()
LONGEST = 500  # characters

_STEP = re.compile(r"""\.([^.\[\]\s'"$]+)|\[(\d{1,9})\]|\['([^']*)'\]|\["([^"]*)"\]""")


def path(said: str) -> Path:
    """Return the steps of a path; raise ValueError with the column of what is wrong.

    >>> path("$.alerts[0].labels['a b']"), path("$")
    (('alerts', 0, 'labels', 'a b'), ())
    >>> path("$.alerts[x]")
    Traceback (most recent call last):
    ValueError: column 9: '[x]' is no step of a path; steps are .name, [0] and ['a name']
    """
    if not said.startswith("$") or len(said) > LONGEST:
        raise ValueError(f"column 1: a path begins with $ and has at most {LONGEST} characters")
    steps: list[str | int] = []
    at = 1
    while at < len(said):
        found = _STEP.match(said, at)
        if found is None:
            steps_are = "steps are .name, [0] and ['a name']"
            raise ValueError(f"column {at + 1}: {said[at:]!r} is no step of a path; {steps_are}")
        dotted, index, *quoted = found.groups()
        steps.append(int(index) if index else dotted or next((name for name in quoted if name is not None), ""))
        at = found.end()
    return tuple(steps)


def found(document: Any, steps: Path) -> Any:
    """Return what stands there, or MISSING.

    >>> found({"a": [{"b": None}]}, ("a", "0", "b")), found({"a": []}, ("a", 0)) is MISSING
    (None, True)
    """
    value = document
    for step in steps:
        if isinstance(value, dict) and str(step) in value:
            value = value[str(step)]
        elif isinstance(value, list) and (at := _index(step)) is not None and at < len(value):
            value = value[at]
        else:
            return MISSING
    return value


def _index(step: str | int) -> int | None:
    if isinstance(step, int):
        return step
    return int(step) if step.isdecimal() and step.isascii() and len(step) < 10 else None
