"""What a pattern for lines of a log may be: the syntax of RE2, which no line can bring to a standstill. Pure.

A pattern that already holds of nothing holds of every line, counts nothing, and is refused.
"""

from functools import lru_cache
from typing import Any

try:
    import re2  # type: ignore[import-not-found,import-untyped,unused-ignore]
except ModuleNotFoundError:  # there is no wheel of it for this machine
    re2 = None

LONGEST = 1000  # characters
_MEMORY = 8 << 20  # bytes that one pattern may take
_NOT_OF_A_LINE = (r"\A", r"\z", r"\C")


@lru_cache(maxsize=200)
def line_finder(pattern: str) -> Any:
    """Return an RE2 that finds each line that matches once, in the bytes of many; raise ValueError with the place."""
    if re2 is None:
        raise ValueError("patterns for logs need google-re2, which is not installed here")
    if len(pattern) > LONGEST:
        raise ValueError(
            f"column {LONGEST + 1}: a pattern has at most {LONGEST} characters; this one has {len(pattern)}"
        )
    for sign in _NOT_OF_A_LINE:
        if (at := pattern.replace("\\\\", "__").find(sign)) >= 0:
            raise ValueError(f"column {at + 1}: {sign} cannot be used; ^ and $ are the ends of a line")
    alone = _compiled(pattern)
    if alone.search(b"") is not None:
        raise ValueError(f"the pattern {pattern!r} matches every line, also an empty one; name what the line must hold")
    return _compiled(f"(?m)(?:{pattern}).*")


def _compiled(pattern: str) -> Any:
    try:
        return re2.compile(pattern, _options())
    except re2.error as error:
        raise ValueError(_in_words(pattern, _said(error))) from None


def _options() -> Any:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MEMORY
    options.never_nl = True
    options.never_capture = True
    return options


def _said(error: Exception) -> str:
    said = error.args[0] if error.args else b""
    return said.decode(errors="replace") if isinstance(said, bytes) else str(said)


def _in_words(pattern: str, said: str) -> str:
    """Say what RE2 says, and where: it names the part that is wrong, and that is found again in the pattern."""
    what, _, part = said.partition(": ")
    hint = {"invalid perl operator": "; RE2 has neither look-around nor back references"}.get(what, "")
    named = f" {part!r}" if part and part != pattern else ""
    return f"column {_column(pattern, what, part)}: {what}{named}{hint}"


def _column(pattern: str, what: str, part: str) -> int:
    if what == "missing )":
        return len(pattern) + 1
    if what == "unexpected )":
        return next(end for end in range(1, len(pattern) + 1) if _closes_too_much(pattern[:end]))
    return max(pattern.rfind(part), 0) + 1 if part else 1


def _closes_too_much(pattern: str) -> bool:
    try:
        re2.compile(pattern, _options())
    except re2.error as error:
        return _said(error).startswith("unexpected )")
    return False
