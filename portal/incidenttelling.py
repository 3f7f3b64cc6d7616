"""The story of an incident in plain sentences, from its facts alone: who did what, who was paged, and why. Pure.

Whoever is not known by name is called by the short form of her reference; nothing here is HTML.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from oncall.moving import PORTAL
from oncall.query import Told
from portal import render
from portal.render import Times

Names = Callable[[str], str]
"""How a sentence names somebody: `you`, `Ada Vance`."""

_REF = re.compile(r"\b(component|group|user):([a-z0-9-]+)/([A-Za-z0-9._-]*[A-Za-z0-9])")
_SOURCE = re.compile(r"\b[a-z]+:\d+\b")
_OWNS = re.compile(r"([\w./-]+): (owns|answers)\b")
SOON = timedelta(seconds=2)  # a page that is due this soon does not wait


@dataclass(frozen=True)
class Entry:
    """One line of the story. `head` is strong, `more` stands beside it, `text` below; `quote`: her own words."""

    at: datetime
    icon: str
    tone: str
    head: str
    more: str = ""
    text: str = ""
    quote: bool = False


@dataclass(frozen=True)
class Teller:
    """Knows what things are called. `channels`: by number what its owner calls one; `senders`: the name by source."""

    names: Names
    times: Times
    levels: int = 0
    channels: Mapping[str, str] = field(default_factory=dict)
    senders: Mapping[str, str] = field(default_factory=dict)

    def who(self, ref: str) -> str:
        """Name a person, a sender, or the portal itself.

        >>> from zoneinfo import ZoneInfo
        >>> times = Times(datetime.fromisoformat("2026-01-01T00:00:00Z"), ZoneInfo("UTC"))
        >>> teller = Teller(lambda ref: ref.rpartition("/")[2], times, senders={"events:4": "our Datadog"})
        >>> teller.who("user:default/ada"), teller.who("events:3"), teller.who("events:4"), teller.who("oncall")
        ('ada', 'the sender (events:3)', 'our Datadog', 'Fullcycle')
        """
        if not ref or ref == PORTAL:
            return "Fullcycle"
        if ref.startswith(("user:", "account:")):
            return self.names(ref)
        return self.senders.get(ref) or f"the sender ({ref})"

    def all_of(self, people: Sequence[str]) -> str:
        return render_list([self.who(one) for one in dict.fromkeys(people)])

    def plain(self, said: str) -> str:
        """Write references and senders in a reason as people say them."""
        said = _REF.sub(lambda found: self._short(found[0], found[1]), said)
        return _SOURCE.sub(lambda found: self.senders.get(found[0], found[0]), said)

    def _short(self, ref: str, kind: str) -> str:
        return self.names(ref) if kind == "user" else render.short_ref(ref)


def story(told: Sequence[Told], teller: Teller) -> list[Entry]:
    """Return the story, newest first."""
    said, paged_at = [], dict[str, datetime]()
    for fact in told:
        for page in fact.data.get("pages", ()):
            paged_at.setdefault(str(page.get("person")), fact.at)
        entry = _SAID.get(fact.kind, _other)(fact, teller)
        if fact.kind in ("acknowledged", "one_acknowledged") and fact.actor in paged_at:
            entry = replace(entry, more=f"{render.duration(fact.at - paged_at[fact.actor])} after the first page")
        said.append(replace(entry, head=_capital(entry.head)))
    return said[::-1]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _reason(fact: Told, teller: Teller) -> str:
    return render.sentence(teller.plain(str(fact.data.get("reason") or "")))


def _person(fact: Told, teller: Teller) -> str:
    return teller.who(str(fact.data.get("person") or ""))


def _opened(fact: Told, teller: Teller) -> Entry:
    opening: Mapping[str, Any] = fact.data.get("opening") or {}
    more = f"as {opening.get('severity', '')}, by escalation {opening.get('policy', '')}"
    why = _OWNS.sub(r"\1 \2", _reason(fact, teller))
    return Entry(fact.at, "stop", "t-bad", "Opened", more, why)


def _paged(fact: Told, teller: Teller) -> Entry:
    pages = fact.data.get("pages") or ()
    people = [str(page.get("person")) for page in pages]
    level, loop = int(fact.data.get("level") or 0), int(fact.data.get("loop") or 0)
    head = f"{teller.all_of(people)} {_was(people, teller)} paged" if people else "Nobody was paged"
    more = level_said(level, loop, teller.levels)
    text = " ".join([*_as(pages, teller), *_later(fact, pages, teller), _reason(fact, teller)]).strip()
    return Entry(fact.at, "bell", "", head, more, text)


def level_said(level: int, loop: int, levels: int = 0) -> str:
    """Say at which level somebody is asked.

    >>> level_said(2, 1, 3), level_said(0, 0), level_said(1, 0, 1)
    ('level 2 of 3, round 2', 'by name', 'level 1')
    """
    if level == 0:
        return "by name"
    of = f" of {levels}" if levels > 1 else ""
    return f"level {level}{of}" + (f", round {loop + 1}" if loop else "")


def _was(people: Sequence[str], teller: Teller) -> str:
    return "were" if len(set(people)) > 1 or teller.all_of(people) == "you" else "was"


def _as(pages: Sequence[Mapping[str, Any]], teller: Teller) -> list[str]:
    """Say as what each of them is asked."""
    found = {str(page.get("person")): as_what(page.get("target") or {}) for page in pages}
    if len(set(found.values())) == 1:
        return [f"{_capital(next(iter(found.values())))}."]
    return [f"{_capital(teller.who(person))}: {what}." for person, what in found.items()]


def as_what(target: Mapping[str, Any]) -> str:
    """Say what made somebody a target of a level.

    >>> as_what({"kind": "role", "ref": "payments/primary"}), as_what({"kind": "person", "ref": "user:default/ada"})
    ('payments primary', 'named in the escalation')
    """
    ref = str(target.get("ref") or "")
    match target.get("kind"):
        case "role":
            return ref.replace("/", " ")
        case "team":
            return f"on call for {render.short_ref(ref)}"
        case "members":
            return f"everybody in {render.short_ref(ref)} is asked"
    return "named in the escalation"


def _later(fact: Told, pages: Sequence[Mapping[str, Any]], teller: Teller) -> list[str]:
    """Say whose notification waits for the end of her quiet hours."""
    waits = []
    for page in pages:
        at = _moment(page.get("at"))
        if at is not None and at > fact.at + SOON:
            waits.append(f"{_capital(teller.who(str(page.get('person'))))}: not before {teller.times.moment(at)}.")
    return waits


def _skipped(fact: Told, teller: Teller) -> Entry:
    level, loop = int(fact.data.get("level") or 0), int(fact.data.get("loop") or 0)
    head = f"Level {level} was skipped" if level else f"{_person(fact, teller)} was not paged"
    return Entry(fact.at, "gap", "t-warn", head, f"round {loop + 1}" if loop else "", _reason(fact, teller))


def _exhausted(fact: Told, teller: Teller) -> Entry:
    text = f"{_reason(fact, teller)} Everybody in the team is told, and it stays open until somebody comes."
    return Entry(fact.at, "stop", "t-bad", "Nobody came", "", text.strip())


def _called(fact: Told, teller: Teller) -> Entry:
    person = _person(fact, teller)
    if fact.data.get("pages"):
        return Entry(fact.at, "bell", "", f"{person} {'were' if person == 'you' else 'was'} paged", "to help")
    return Entry(fact.at, "gap", "t-warn", f"{person} cannot be paged", "to help", _reason(fact, teller))


def _delivered(fact: Told, teller: Teller) -> Entry:
    head = f"Delivered to {_person(fact, teller)}"
    return Entry(fact.at, "ring-on", "dim", head, _channel(fact, teller), _reason(fact, teller))


def _refused(fact: Told, teller: Teller) -> Entry:
    person = _person(fact, teller)
    left = f" No other channel of {'yours' if person == 'you' else person} is left." if fact.data.get("last") else ""
    text = f"{_reason(fact, teller)}{left}".strip()
    return Entry(fact.at, "warn", "t-warn", f"Not taken for {person}", _channel(fact, teller), text)


def _channel(fact: Told, teller: Teller) -> str:
    number = str(fact.data.get("channel") or "")
    return f"by {teller.channels.get(number, 'a channel that is gone')}" if number else ""


def _acknowledged(fact: Told, teller: Teller) -> Entry:
    others = "Others of this level must acknowledge, too. " if fact.kind == "one_acknowledged" else ""
    text = f"{others}{_reason(fact, teller)}".strip()
    return Entry(fact.at, "ok", "t-good", f"{teller.who(fact.actor)} acknowledged", "", text)


def _reminded(fact: Told, teller: Teller) -> Entry:
    people = [str(page.get("person")) for page in fact.data.get("pages") or ()]
    head = f"{teller.all_of(people)} {_was(people, teller)} reminded" if people else "Nobody could be reminded"
    return Entry(fact.at, "bell", "", head, "", _reason(fact, teller))


def _quiet(fact: Told, teller: Teller) -> Entry:
    until = _moment(fact.data.get("until"))
    head = fact.kind.capitalize() + (f" until {teller.times.moment(until)}" if until else "")
    by = f"by {teller.who(fact.actor)}" if fact.actor != PORTAL else ""
    return Entry(fact.at, "pause", "", head, by, _reason(fact, teller))


def _reassigned(fact: Told, teller: Teller) -> Entry:
    head = f"Given to {_person(fact, teller)}"
    return Entry(fact.at, "swap", "", head, f"by {teller.who(fact.actor)}", _reason(fact, teller))


def _responder_added(fact: Told, teller: Teller) -> Entry:
    person = _person(fact, teller)
    head = f"{person} {'are' if person == 'you' else 'is'} asked to help"
    return Entry(fact.at, "hand", "", head, f"by {teller.who(fact.actor)}", _reason(fact, teller))


def _severity_changed(fact: Told, teller: Teller) -> Entry:
    head = f"The severity is now {fact.data.get('severity')}"
    return Entry(fact.at, "warn", "t-warn", head, f"by {teller.who(fact.actor)}", _reason(fact, teller))


ROLES = {"commander": "leads", "scribe": "keeps notes", "communications": "speaks to others"}


def _role_given(fact: Told, teller: Teller) -> Entry:
    role, person = str(fact.data.get("role") or ""), str(fact.data.get("person") or "")
    verb = ROLES.get(role, role)
    who = teller.who(person) if person else "Nobody"
    verb = verb.replace("leads", "lead").replace("keeps", "keep").replace("speaks", "speak") if who == "you" else verb
    return Entry(fact.at, "hand", "", f"{who} {verb}{'' if person else ' any more'}", f"by {teller.who(fact.actor)}")


def _noted(fact: Told, teller: Teller) -> Entry:
    return Entry(fact.at, "hand", "dim", teller.who(fact.actor), "", str(fact.data.get("reason") or ""), quote=True)


def _merged(fact: Told, teller: Teller) -> Entry:
    head = f"Merged into {fact.data.get('into')}"
    return Entry(fact.at, "swap", "", head, f"by {teller.who(fact.actor)}", _reason(fact, teller))


def _resolved(fact: Told, teller: Teller) -> Entry:
    more = f"by {teller.who(fact.actor)}" if fact.actor != PORTAL else "by itself"
    return Entry(fact.at, "ok", "t-good", "Resolved", more, _reason(fact, teller))


def _reopened(fact: Told, teller: Teller) -> Entry:
    return Entry(fact.at, "stop", "t-bad", "Opened again", f"by {teller.who(fact.actor)}", _reason(fact, teller))


_PLAIN = {
    "joined": ("ring", "dim", "One more alert joined"),
    "restarted": ("undo", "t-warn", "It escalates again from level 1"),
    "unsnoozed": ("bell", "", "The snooze is over"),
    "unmuted": ("bell", "", "No longer muted"),
}


def _other(fact: Told, teller: Teller) -> Entry:
    icon, tone, head = _PLAIN.get(fact.kind, ("ring", "dim", fact.kind.replace("_", " ")))
    return Entry(fact.at, icon, tone, head, "", _reason(fact, teller))


_SAID: Mapping[str, Callable[[Told, Teller], Entry]] = {
    **{"opened": _opened, "reopened": _reopened, "resolved": _resolved, "merged": _merged, "noted": _noted},
    **{"paged": _paged, "level_skipped": _skipped, "exhausted": _exhausted, "called": _called, "reminded": _reminded},
    **{"delivered": _delivered, "refused": _refused, "acknowledged": _acknowledged, "one_acknowledged": _acknowledged},
    **{"snoozed": _quiet, "muted": _quiet, "reassigned": _reassigned, "responder_added": _responder_added},
    **{"severity_changed": _severity_changed, "role_given": _role_given},
}


def _moment(said: Any) -> datetime | None:
    return datetime.fromisoformat(said) if isinstance(said, str) and said else None


def render_list(names: Sequence[str]) -> str:
    """Join names as people say them.

    >>> render_list(["Ada", "Bob", "Eve"]), render_list([])
    ('Ada, Bob and Eve', '')
    """
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)
