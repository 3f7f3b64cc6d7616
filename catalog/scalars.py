"""What a plain word in YAML means: the 1.2 core schema, in which `yes` and `on` and dates stay text.

Source of the patterns: https://yaml.org/spec/1.2.2/#103-core-schema
"""

import math
import re
from collections.abc import Callable
from typing import Any

_NULL = re.compile(r"~|null|Null|NULL|")
_TRUE = re.compile(r"true|True|TRUE")
_FALSE = re.compile(r"false|False|FALSE")
_INT = re.compile(r"[-+]?[0-9]+")
_OCTAL = re.compile(r"0o[0-7]{1,300}")
_HEX = re.compile(r"0x[0-9a-fA-F]{1,300}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INFINITE = re.compile(r"[-+]?\.(inf|Inf|INF)")
_NAN = re.compile(r"\.(nan|NaN|NAN)")

# Only for a document that says %YAML 1.1.
_OLD_TRUE = re.compile(r"true|True|TRUE|yes|Yes|YES|on|On|ON|y|Y")
_OLD_FALSE = re.compile(r"false|False|FALSE|no|No|NO|off|Off|OFF|n|N")

LONGEST_INT = 300  # digits; Python refuses to read more than 4300, JSON readers lose them anyway

_CORE: tuple[tuple[re.Pattern[str], Callable[[str], Any]], ...] = (
    (_NULL, lambda text: None),
    (_TRUE, lambda text: True),
    (_FALSE, lambda text: False),
    (_INT, lambda text: int(text) if len(text) <= LONGEST_INT else float(text)),
    (_OCTAL, lambda text: int(text[2:], 8)),
    (_HEX, lambda text: int(text[2:], 16)),
    (_FLOAT, float),
    (_INFINITE, lambda text: -math.inf if text.startswith("-") else math.inf),
    (_NAN, lambda text: math.nan),
)
_OLD = ((_OLD_TRUE, lambda text: True), (_OLD_FALSE, lambda text: False), *_CORE)

_FIRST = frozenset("~nNtTfFyYoO+-.0123456789")  # what a word that is not text can begin with


def plain(text: str, *, old: bool = False) -> Any:
    """Return what an unquoted word means.

    >>> plain("yes"), plain("2024-01-01"), plain("012"), plain("1e3"), plain("~"), plain("yes", old=True)
    ('yes', '2024-01-01', 12, 1000.0, None, True)
    """
    if text and text[0] not in _FIRST:
        return text
    for pattern, read in _OLD if old else _CORE:
        if pattern.fullmatch(text):
            return read(text)
    return text


def key(text: str, value: Any) -> str:
    """Return the text that a key stands for: keys are always text, so `1:` and `"1":` are the same key."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value) if isinstance(value, int) else text
