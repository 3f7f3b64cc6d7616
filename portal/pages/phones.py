"""The phones that only remember: what rang, when and why. To try on-call out; there is no such page without them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import Blueprint, abort, g, render_template, request

from oncall import store
from oncall.incident import Incident, State
from pipelines import query as deploys
from portal import auth
from portal.incidenttelling import render_list
from portal.pages import common
from portal.people import Face

bp = Blueprint("phones", __name__)

SHOWN, ALL = 5, 200  # messages on a phone
EVERY = 5  # seconds between two looks: what a phone keeps is told by no stream
RINGS = timedelta(minutes=1)  # for so long a message is shown as ringing


@dataclass(frozen=True)
class Message:
    """One message, as the phone heard it. `ack` and `link` are addresses of this portal, without its name."""

    heard: Any
    ack: str
    link: str
    is_ringing: bool
    came: str  # what became of the incident: taken, over


@dataclass(frozen=True)
class Phone:
    face: Face
    messages: tuple[Message, ...]
    more: int

    @property
    def is_ringing(self) -> bool:
        return any(one.is_ringing for one in self.messages)


@bp.get("/phones")
def index() -> str:
    """Everybody's phone, the one that rang last first; `person` shows one alone, with all that it keeps."""
    services = auth.services()
    if not services.config.oncall.phones:
        abort(404)
    alone = request.args.get("person", "").strip()[:300]
    phones = services.oncall.phones
    people = [one for one in phones.people() if alone in ("", one)]
    with services.database.read() as session:
        topic = common.live(session)
        told = {one.number: one for one in store.everything_open(session)}
        common.know(session, [*people, *(who for one in told.values() for who in one.assigned)])
        g.running = len(deploys.deploys(session, running=True, limit=100))
    shown = [_phone(who, list(phones.messages(who)), told, ALL if alone else SHOWN) for who in people]
    shown.sort(key=lambda one: one.messages[0].heard.at.timestamp() if one.messages else 0, reverse=True)
    return render_template(
        "phones.html", here="Incidents", topic=topic, every=EVERY, phones=shown, alone=alone, rings=RINGS
    )


def _phone(who: str, heard: Sequence[Any], told: Mapping[int, Incident], most: int) -> Phone:
    newest = heard[::-1]
    messages = tuple(_message(who, one, told.get(one.incident)) for one in newest[:most])
    return Phone(common.face(who), messages, max(len(newest) - most, 0))


def _message(who: str, one: Any, told: Incident | None) -> Message:
    links = dict(link.partition(": ")[::2] for link in one.links)
    rings = told is not None and told.state is State.OPEN and common.times().now - one.at < RINGS
    is_hers = told is not None and who in told.assigned
    ack = "" if told is None or is_hers else _path(links.get("Acknowledge", ""))
    return Message(one, ack, _path(links.get("Open", "")), rings, _came(told) if one.incident else "")


def _came(told: Incident | None) -> str:
    if told is None:
        return "over"
    if told.state is State.ACKNOWLEDGED:
        return f"taken by {render_list([common.face(one).said for one in told.assigned])}"
    return "" if told.state is State.OPEN else str(told.state)


def _path(address: str) -> str:
    """Return an address of this portal without its name, nothing for any other."""
    base = auth.services().config.address
    return request.script_root + address.removeprefix(base) if base and address.startswith(f"{base}/") else ""
