"""A silence as a form: what people type becomes matchers, and matchers become words again. Pure.

Moments are typed in the reader's own zone. All that is wrong is said at once.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from ledger.errors import Code, Error
from oncall import bounds
from oncall.silences import LABEL, How, Kind, Matcher, Silence, checked, matcher
from portal.render import short_ref

LENGTHS = {
    "1h": (timedelta(hours=1), "for an hour"),
    "4h": (timedelta(hours=4), "for 4 hours"),
    "1d": (timedelta(days=1), "for a day"),
    "3d": (timedelta(days=3), "for 3 days"),
    "7d": (timedelta(days=7), "for a week"),
    "30d": (timedelta(days=30), "for 30 days"),
}
UNTIL_RESOLVED = "resolved"
AT_MOST = timedelta(days=7)  # of a silence that waits for the end of an incident
FIELDS = ("kind", "service", "title", "label", "more", "reason", "from", "for", "until", "incident")
_ESCAPED = re.compile(r"\\(.)")
_CONTAINS = re.compile(r"\(\?i\)\.\*(.*)\.\*", re.DOTALL)


@dataclass(frozen=True)
class Typed:
    """What was typed, as it stays in the form."""

    values: Mapping[str, str]

    def __getattr__(self, name: str) -> str:
        return self.values.get("from" if name == "begins" else "for" if name == "lasts" else name, "")


def typed(form: Mapping[str, str]) -> Typed:
    return Typed({name: bounds.text(form.get(name, ""), 2000) for name in FIELDS})


def silence(said: Typed, service: str, owner: str, zone: ZoneInfo, now: datetime) -> Silence:
    """Return the silence that a form means; raise Error with every problem. `service`: empty is every service."""
    faults: list[str] = []
    start = _moment(said.begins, "From", zone, now, faults)
    incident = _incident(said, faults)
    end = _end(said, incident, start, zone, now, faults)
    matchers = _matchers(said, service, faults)
    kind = Kind.MAINTENANCE if said.kind == Kind.MAINTENANCE else Kind.SILENCE
    made = Silence(0, matchers, owner, said.reason, start, end, kind, incident)
    try:
        checked(made, now)
    except Error as error:
        faults += [fault for fault in error.reasons if fault not in faults]
    if faults:
        raise Error(Code.INVALID, f"This {kind} cannot be set", reasons=faults)
    return made


def again(one: Silence) -> Typed:
    """Return the form that would set a silence again, from now on and for about as long."""
    values, more = {"kind": str(one.kind), "reason": one.reason}, list[str]()
    for asked in one.matchers:
        contains = _CONTAINS.fullmatch(asked.value) if asked.how is How.MATCHES else None
        if asked.field == "service" and asked.how is How.IS and "service" not in values:
            values["service"] = short_ref(asked.value)
        elif asked.field == "title" and contains and "title" not in values:
            values["title"] = _ESCAPED.sub(r"\1", contains[1])
        elif asked.field.startswith(LABEL) and asked.how is How.IS and "label" not in values:
            values["label"] = f"{asked.field.removeprefix(LABEL)}={asked.value}"
        else:
            more.append(str(asked))
    length = one.end - one.start
    lasts = next((value for value, (span, _) in LENGTHS.items() if span >= length), list(LENGTHS)[-1])
    return Typed({**values, "more": "\n".join(more), "for": lasts})


def _matchers(said: Typed, service: str, faults: list[str]) -> tuple[Matcher, ...]:
    found = [Matcher("service", How.IS, service)] if service else []
    if said.title:
        found.append(Matcher("title", How.MATCHES, f"(?i).*{re.escape(said.title)}.*"))
    if said.label:
        name, sign, value = said.label.partition("=")
        if not sign or not name.strip():
            faults.append("A label is written as name=value, like env=staging")
        else:
            found.append(Matcher(f"label:{name.strip()}", How.IS, value.strip()))
    for line in filter(None, map(str.strip, said.more.splitlines())):
        try:
            found.append(matcher(line))
        except ValueError as error:
            faults.append(str(error))
    return tuple(found)


def _incident(said: Typed, faults: list[str]) -> int | None:
    if said.lasts != UNTIL_RESOLVED:
        return None
    number = said.incident.removeprefix("#")
    if not number.isdigit() or len(number) > 12:
        faults.append("Say which incident, by its number")
        return None
    return int(number)


def _end(
    said: Typed, incident: int | None, start: datetime, zone: ZoneInfo, now: datetime, faults: list[str]
) -> datetime:
    if said.until:
        return _moment(said.until, "Until", zone, now, faults)
    if incident is not None:
        return max(start, now) + AT_MOST
    length, _ = LENGTHS.get(said.lasts, LENGTHS["1h"])
    return max(start, now) + length


def _moment(text: str, what: str, zone: ZoneInfo, now: datetime, faults: list[str]) -> datetime:
    """Read what a field for a moment gives, in the reader's zone; nothing is now."""
    if not text:
        return now
    try:
        local = datetime.fromisoformat(text)
        return (local if local.tzinfo else local.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        faults.append(f"{what}: “{text[:40]}” is no moment; write 2026-11-21 14:30")
        return now


def words(matchers: Sequence[Matcher]) -> str:
    """Say what a silence is for.

    >>> words([Matcher("service", How.IS, "component:default/checkout"), matcher("title=~(?i).*disk.*")])
    'checkout, title contains “disk”'
    """
    return ", ".join(map(_word, matchers)) or "nothing"


def _word(one: Matcher) -> str:
    contains = _CONTAINS.fullmatch(one.value) if one.how is How.MATCHES else None
    if contains:
        plain = _ESCAPED.sub(r"\1", contains[1])
        return f"{_field(one.field)} contains “{plain}”"
    if one.field == "service" and one.how is How.IS:
        return short_ref(one.value)
    says = {How.IS: "is", How.IS_NOT: "is not", How.MATCHES: "matches", How.MATCHES_NOT: "does not match"}[one.how]
    value = short_ref(one.value) if one.field == "service" else one.value
    return f"{_field(one.field)} {says} {value or 'empty'}"


def _field(name: str) -> str:
    return f"label {name.removeprefix('label:')}" if name.startswith("label:") else name
