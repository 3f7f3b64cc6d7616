"""What the page of an incident is made of besides its story: alerts, senders, names, links, and who is next.

Read models in, values out. What an alert says is text; an address is only one that may be followed.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from catalog.query import Service
from oncall import intakestore
from oncall import signal as signals
from oncall.answering import Answering
from oncall.incident import Incident, State
from oncall.query import Page, Told
from oncall.signal import Signal
from portal import papers, prose

MOST_NAMES = 500  # that a field proposes
ALERTS = 50  # shown on a page


@dataclass(frozen=True)
class Shown:
    """An alert, what its newest signal says, and who sent it."""

    row: Any
    signal: Signal
    sender: str

    @property
    def details(self) -> str:
        said = self.signal.details
        return said if isinstance(said, str) else json.dumps(said, indent=2, ensure_ascii=False) if said else ""


def following(told: Incident, answering: Answering) -> Sequence[str]:
    """Return who would be paged next if nobody does anything."""
    if told.state is not State.OPEN or told.due_at is None or told.is_past_the_end or not told.policy.levels:
        return ()
    targets = told.policy.level(told.level).targets
    return list(dict.fromkeys(person for target in targets for person in answering.people(target, told.due_at)))


def everybody(page: Page) -> Iterator[str]:
    """Everyone whose name the page may need."""
    yield from page.row.holder
    yield from (one.person for one in page.pages)
    yield from (person for _, person in page.incident.roles)
    yield from page.incident.responders
    for fact in page.story:
        yield fact.actor
        yield str(fact.data.get("person") or "")
        yield from (str(one.get("person")) for one in fact.data.get("pages") or ())


def people(answering: Answering, team: str) -> Sequence[str]:
    """Return the names that a field proposes, the team's first; with the short name where two are called alike."""
    known = answering.known
    first = [person for person in answering.members(team) if person in known.people] if team else []
    refs = [*dict.fromkeys([*first, *sorted(set(known.people) - set(known.gone))])][:MOST_NAMES]
    often = Counter(known.people[ref].name for ref in refs)
    named = [(ref, known.people[ref].name) for ref in refs]
    return [name if often[name] == 1 else f"{name} ({ref.rpartition('/')[2]})" for ref, name in named]


def _key_of(source: str) -> int:
    number = source.rpartition(":")[2]
    return int(number) if number.isdigit() else 0


@dataclass(frozen=True)
class Changed:
    """What somebody said was changed on purpose, who, and where more of it stands."""

    told: Told
    sender: str
    link: str


def senders(session: Session, page: Page, changes: Sequence[Told]) -> Mapping[int, intakestore.Key]:
    """Return the integrations through which the alerts and changes came."""
    sources = [*(alert.source for alert in page.alerts), *(one.actor for one in changes)]
    return intakestore.keys_of(session, {_key_of(source) for source in sources})


def called(keys: Mapping[int, intakestore.Key]) -> Mapping[str, str]:
    """Return the names of integrations by how facts name them."""
    return {key.source: key.name for key in keys.values()}


def shown(page: Page, keys: Mapping[int, intakestore.Key]) -> Sequence[Shown]:
    return [Shown(alert, signals.from_json(alert.said), _sender(alert.source, keys)) for alert in page.alerts[:ALERTS]]


def _sender(source: str, keys: Mapping[int, intakestore.Key]) -> str:
    key = keys.get(_key_of(source))
    return key.name if key else "Fullcycle itself" if source.startswith("portal") else source


def runbook(page: Page, service: Service | None, at_home: str) -> tuple[str, str]:
    """Return the title and address of what to read: the signal's own, or what the service's file names.

    `at_home`: where a file of its own repository is shown.
    """
    for alert in page.alerts:
        if said := prose.safe_link(str(alert.said.get("runbook") or "")):
            return f"Runbook: {alert.title}", said
    named = papers.runbook(service.document) if service else ""
    if not named or service is None:
        return "", ""
    address = prose.safe_link(named)
    return f"Runbook of {service.name}", address or at_home


def changed(changes: Sequence[Told], keys: Mapping[int, intakestore.Key]) -> Sequence[Changed]:
    return [Changed(one, _sender(one.actor, keys), _link(one)) for one in changes]


def _link(told: Told) -> str:
    """Return where more of a change stands, empty for nowhere that may be followed."""
    said = [str(one) for one in told.data.get("links") or ()]
    return next((address for one in said if (address := prose.safe_link(one))), "")


def links(page: Page) -> Sequence[tuple[str, str]]:
    """Return what the signals link to, pictures among it: they are not loaded, since others' servers would see us."""
    found: dict[str, str] = {}
    for alert in page.alerts[:ALERTS]:
        said = signals.from_json(alert.said)
        for link in said.links:
            found.setdefault(link.href, link.text or link.href)
        for image in said.images:
            found.setdefault(image.href or image.src, f"Picture: {image.alt or image.src}")
        if said.client_url:
            found.setdefault(said.client_url, said.client or said.client_url)
    safe = [(text, prose.safe_link(address)) for address, text in found.items()]
    return [(text, address) for text, address in safe if address][:20]
