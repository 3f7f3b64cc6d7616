"""Makes anything that came in small and storable: text, addresses, moments, free-form details. Pure.

Nothing here raises, whatever it is given: what does not fit is cut or left out, and the caller can tell by comparing.
No result holds a NUL, half a surrogate pair or a number that JSON does not know, which databases and pages refuse.
"""

import hashlib
import json
import math
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

LONGEST_URL = 2048  # characters
DEEPEST = 8  # levels of free-form details that are kept
MOST_ENTRIES = 200  # of one object or list within them
LONGEST_VALUE = 8192  # characters of one text within them
DETAILS = 32_768  # characters of all of them together
CUT = "…"


def parse(body: bytes) -> Any:
    """Return what a body of JSON says; raise ValueError, and nothing else, when it is none.

    NaN and Infinity are no JSON, whatever Python thinks of them.
    """
    try:
        return json.loads(body, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def text(value: Any, longest: int) -> str:
    """Return the value as text of at most that many characters, empty for nothing.

    >>> text("  a\\x00b  ", 10), text(None, 10), text(4.5, 10), text("abcdef", 4)
    ('ab', '', '4.5', 'abc…')
    """
    if value is None:
        return ""
    said = value if isinstance(value, str) else _said(value)
    said = storable(said[: 2 * longest + 100]).strip()
    return said if len(said) <= longest else said[: longest - 1] + CUT


def line(value: Any, longest: int) -> str:
    """Return the value as one line that can be a title, a subject or a cell: nothing in it breaks or turns the text.

    >>> line("disk\\r\\nBcc: all", 20)
    'disk Bcc: all'
    """
    said = text(value, longest)
    if not said.isprintable():
        said = "".join(sign if sign.isprintable() else " " for sign in said)
    return " ".join(said.split())


def storable(said: str) -> str:
    """Return the text without NUL, and with a mark where half a surrogate pair stood."""
    if "\x00" in said:
        said = said.replace("\x00", "")
    return said if said.isascii() else said.encode("utf-8", "replace").decode("utf-8")


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return _digits(value)
    return json.dumps(details(value), ensure_ascii=False)


def _digits(number: float) -> str:
    try:
        return str(number)
    except ValueError:  # more digits than Python writes
        return "a number that is too long"


def key(said: str, longest: int = 255) -> str:
    """Return a key that is storable and never longer, and that no two different texts share.

    >>> key("disk full"), len(key("x" * 300)), key("x" * 300) == key("x" * 301)
    ('disk full', 255, False)
    """
    clean = storable(said)
    if clean == said and len(said) <= longest:
        return said
    digest = hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{clean[: longest - len(digest) - 1]}:{digest}"


def url(value: Any, schemes: tuple[str, ...] = ("http", "https")) -> str:
    """Return an address that may stand in a page as a link, else nothing.

    >>> url("https://shop.test/runbook"), url("javascript:alert(1)"), url("https://a b"), url(7)
    ('https://shop.test/runbook', '', '', '')
    """
    if not isinstance(value, str) or len(value) > LONGEST_URL or value != storable(value).strip():
        return ""
    if any(sign <= " " or sign in '"<>\\`\x7f' for sign in value):
        return ""
    try:
        parts = urlsplit(value)
        host = parts.hostname
    except ValueError:
        return ""
    return value if parts.scheme.lower() in schemes and host else ""


def moment(value: Any) -> datetime | None:
    """Return the moment that a text names, in UTC, else None. Without an offset it is UTC."""
    if not isinstance(value, str) or not 10 <= len(value) <= 64:
        return None
    try:
        said = datetime.fromisoformat(value.strip())
        return (said if said.tzinfo else said.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def details(value: Any) -> Any:
    """Return free-form JSON cut to a size that a page can show; what is cut says so."""
    return _kept(value, DEEPEST, [DETAILS])


def _kept(value: Any, levels: int, left: list[int]) -> Any:
    if isinstance(value, str):
        said = text(value, max(1, min(LONGEST_VALUE, left[0])))
        left[0] -= len(said) + 1
        return said
    left[0] -= 1
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return _number(value)
    if not isinstance(value, dict | list | tuple) or levels == 0:
        return CUT
    if isinstance(value, dict):
        return _object(value, levels, left)
    kept: list[Any] = []
    for one in value:
        if left[0] <= 0 or len(kept) >= MOST_ENTRIES:
            return [*kept, CUT]
        kept.append(_kept(one, levels - 1, left))
    return kept


def _object(value: dict[Any, Any], levels: int, left: list[int]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for name, one in value.items():
        if left[0] <= 0 or len(kept) >= MOST_ENTRIES:
            return {**kept, CUT: CUT}
        called = text(str(name), 200)
        left[0] -= len(called)
        kept[called] = _kept(one, levels - 1, left)
    return kept


def _number(value: float) -> float | str:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, int) and abs(value) >= 1 << 63:
        return _digits(value)[:100]
    return value
