"""Patterns that people write, in the syntax of RE2, which no text can bring to a standstill. Pure."""

from functools import lru_cache
from typing import Any

try:
    import re2  # type: ignore[import-not-found,import-untyped,unused-ignore]
except ModuleNotFoundError:  # there is no wheel of it for this machine
    re2 = None

LONGEST = 1000  # characters
_MEMORY = 8 << 20  # bytes that one pattern may take


@lru_cache(maxsize=1000)
def compiled(pattern: str) -> Any:
    """Return an RE2 pattern with `search`, `fullmatch` and `sub`; raise ValueError with a sentence."""
    if re2 is None:
        raise ValueError("patterns need google-re2, which is not installed here")
    if len(pattern) > LONGEST:
        raise ValueError(f"a pattern has at most {LONGEST} characters; this one has {len(pattern)}")
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MEMORY
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        said = error.args[0] if error.args else b""
        why = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
        raise ValueError(f"{pattern!r} is no pattern of RE2: {why}") from None
    except UnicodeEncodeError:
        raise ValueError(f"{pattern!r} holds half a character") from None
