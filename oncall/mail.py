"""A mail, read into a signal: the subject is the title, and what is left of it without `[RESOLVED]` is the key. Pure.

Whoever knows the address can send anything, so nothing that a mail holds raises. Answers by machines to our own mails
(out of office, could not be delivered) are no signals, or two of them would page somebody all night.
"""

import codecs
import email
import email.policy
import html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.parser import BytesHeaderParser
from email.utils import parseaddr, parsedate_to_datetime
from typing import Any

from ledger.errors import Code, Error
from oncall import bounds, patterns
from oncall.severities import KNOWN, severity
from oncall.signal import Action, Reading, signal
from oncall.terms import Severity

LARGEST = 1 << 20  # bytes that are looked at; pictures behind them are of no use here
LONGEST_TEXT = 8_000  # characters
MOST_PARTS = 100
LONGEST_TYPE = 1_000  # characters of a Content-Type
RESOLVED = r"(?i)^\W*(resolved|recovery|recovered|ok|up|closed)\b"
_WORDS = r"(?i)\b(problem|firing|alert|alerting|down|triggered|resolved|recovery|recovered|ok|up|closed)\b"
_ANSWER = r"(?i)^((re|fwd?|aw|wg)\s*:\s*)+"


@dataclass(frozen=True)
class Rules:
    """What a team says about its mails. Patterns are RE2, looked for in the subject.

    `key`: its first group, or all of it, is the key. `senders`: only mails from these addresses or `@domains` count.
    """

    resolve: str = RESOLVED
    key: str = ""
    severity: Severity = Severity.ERROR
    senders: tuple[str, ...] = ()


def checked(rules: Rules) -> Rules:
    """Return the rules when they can be used; raise Error with every problem."""
    faults = []
    for name, pattern in (("resolve", rules.resolve), ("key", rules.key)):
        try:
            if patterns.compiled(pattern).search("") is not None and pattern:
                faults.append(f"{name}: the pattern {pattern!r} matches every subject; name what it must hold")
        except ValueError as error:
            faults.append(f"{name}: {error}")
    faults += [f"senders: {one!r} is no address and no @domain" for one in rules.senders if "@" not in one]
    if faults:
        raise Error(Code.INVALID, "These rules for mail cannot be used", reasons=faults)
    return rules


def read(raw: bytes, source: str, service: str, received: datetime, rules: Rules = Rules()) -> Reading:
    """Read the bytes of a mail. A mail that makes no signal says why among the notes."""
    message = _parsed(raw[:LARGEST])
    sender = bounds.line(parseaddr(_header(message, "From"))[1], 255).lower()
    why = _machine(message) or _stranger(sender, rules.senders)
    if why:
        return Reading(notes=(why,))
    subject = bounds.line(_header(message, "Subject"), 1024)
    over = _is_over(re.sub(_ANSWER, "", subject), rules.resolve)
    cut = [f"The mail has {len(raw):,} bytes; {LARGEST:,} are read."] if len(raw) > LARGEST else []
    said = signal(
        source,
        _key(subject, sender, rules.key),
        Action.RESOLVE if over else Action.TRIGGER,
        received,
        title=subject or f"Mail from {sender or 'nobody'} without a subject",
        severity=_severity(message, rules.severity),
        service=service,
        happened=_date(message),
        host=sender.partition("@")[2],
        details={"from": sender, "text": _text(message)},
        client="mail",
        notes=cut,
    )
    return Reading((said,))


def _parsed(raw: bytes) -> Message:
    """Of a mail with parts within parts within parts only the headers are read; Python cannot follow further."""
    if raw.lower().count(b"boundary") <= MOST_PARTS:
        try:
            return email.message_from_bytes(raw, policy=email.policy.compat32)
        except RecursionError:
            pass
    return BytesHeaderParser(policy=email.policy.compat32).parsebytes(raw)


def _header(message: Message, name: str) -> str:
    """Return a header as text. What claims to be in a character set that nobody knows is read as far as it goes."""
    said = str(message.get(name, ""))[:4000]
    try:
        parts = decode_header(said)
    except (HeaderParseError, ValueError, LookupError):
        return bounds.text(said, 4000)
    return bounds.text("".join(_decoded(part, charset) for part, charset in parts), 4000)


def _decoded(part: Any, charset: str | None) -> str:
    if isinstance(part, str):
        return part
    try:
        slow = charset is not None and codecs.lookup(charset).name in _SLOW
        return str(bytes(part).decode("utf-8" if slow else charset or "utf-8", "replace"))
    except (LookupError, ValueError):
        return bytes(part).decode("utf-8", "replace")


_SLOW = ("punycode", "idna")  # no character sets of mails, and their time grows with the square of the length


def _machine(message: Message) -> str:
    """Say why this is a machine's answer and no news. `auto-generated` is what monitoring sends, and is read."""
    automatic = _header(message, "Auto-Submitted").lower()
    if automatic.startswith("auto-replied") or message.get("X-Autoreply"):
        return "An automatic answer makes no alert."
    if _type(message) == "multipart/report" or message.get("X-Failed-Recipients"):
        return "A report that a mail could not be delivered makes no alert."
    return ""


def _stranger(sender: str, senders: Sequence[str]) -> str:
    allowed = [one.lower() for one in senders]
    known = not allowed or sender in allowed or f"@{sender.rpartition('@')[2]}" in allowed
    return "" if known else f"{sender or 'Nobody'} may not send alerts here; say who may in the integration."


def _is_over(subject: str, pattern: str) -> bool:
    if pattern == RESOLVED:  # our own, which needs no guard
        return re.search(pattern, subject) is not None
    return bool(pattern) and patterns.compiled(pattern).search(subject) is not None


def _key(subject: str, sender: str, pattern: str) -> str:
    """The subject without its words for begin and end, so that both of them find each other."""
    if pattern and (found := patterns.compiled(pattern).search(subject)) is not None:
        groups = found.groups()
        return bounds.line(groups[0] if groups and groups[0] else found.group(0), 255)
    bare = re.sub(_WORDS, "", re.sub(_ANSWER, "", subject))
    return " ".join(re.findall(r"\w+", bare.lower())) or f"mail from {sender}"


def _severity(message: Message, usual: Severity) -> Severity:
    said = bounds.line(_header(message, "X-Severity"), 80)
    return severity(said)[0] if said.lower() in KNOWN else usual


def _date(message: Message) -> datetime | None:
    try:
        said = parsedate_to_datetime(_header(message, "Date"))
        return (said if said.tzinfo else said.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def _text(message: Message) -> str:
    """Return the first plain text in it, else the words of the first HTML."""
    parts = _parts(message)
    for kind in ("text/plain", "text/html"):
        for part in parts:
            if _type(part) == kind and (said := _content(part)):
                return bounds.text(said if kind == "text/plain" else _words(said), LONGEST_TEXT)
    return ""


def _parts(message: Message) -> list[Message]:
    found: list[Message] = []
    waiting: list[Any] = [message]
    while waiting and len(found) < MOST_PARTS:
        part = waiting.pop(0)
        if part.is_multipart():  # a payload that is text must not be asked for undecoded: that can raise
            waiting += [one for one in part.get_payload()[:MOST_PARTS] if isinstance(one, Message)]
        else:
            found.append(part)
    return found


def _type(message: Message) -> str:
    if len(str(message.get("Content-Type", ""))) > LONGEST_TYPE:
        return ""
    try:
        return message.get_content_type()
    except (HeaderParseError, ValueError, LookupError, IndexError, TypeError):
        return ""


def _content(part: Message) -> str:
    try:
        payload: Any = part.get_payload(decode=True)
        charset = part.get_content_charset()
    except (HeaderParseError, ValueError, LookupError, IndexError, TypeError):
        return ""
    return _decoded(payload, charset).strip() if isinstance(payload, bytes) else ""


def _words(page: str) -> str:
    """HTML without its tags; it is shown as text, so what is left of a tag harms nobody."""
    for name in ("script", "style"):
        page = _without(page, name)
    return html.unescape(re.sub(r"<[^<>]*>", " ", page))


def _without(page: str, name: str) -> str:
    """Leave an element out, by searches that only go forward: a pattern could be made to search for hours."""
    lower, kept, at = page.lower(), "", 0
    if len(lower) != len(page):  # a letter that becomes two
        lower = page
    while (begin := lower.find(f"<{name}", at)) >= 0:
        kept += page[at:begin]
        end = lower.find(f"</{name}", begin)
        if end < 0:
            return kept
        at = end
    return kept + page[at:]
