"""What a newcomer can try and look at: cards on the home page of a demo, until somebody puts them away."""

from collections.abc import Sequence
from typing import Any

from flask import Blueprint, current_app, url_for
from werkzeug.wrappers import Response

from portal import auth
from portal.demo import ground
from portal.demo.people import BY_LOGIN
from portal.demo.tips import LOOKS, NIGHTS, TIPS, Night, Tip
from portal.pages import common

bp = Blueprint("tryit", __name__)


@bp.app_context_processor
def everywhere() -> dict[str, Any]:
    return {"tips": tips, "nights": nights, "looks": LOOKS, "demo_folder": lambda: auth.services().config.data}


def tips() -> Sequence[tuple[Tip, str]]:
    """Return each tip with whose it is: empty when the reader may do it herself. None outside a demo."""
    notes = ground.read(auth.services().config.data)
    asks = auth.person()
    if notes is None or not notes.card or asks is None:
        return ()
    return [(tip, _whose(tip.login)) for tip in TIPS]


def nights() -> Sequence[tuple[Night, str, str]]:
    """Return the steps of being on call, each with its address and with whose it is, as `tips` does."""
    there = [one for one in NIGHTS if one.page in current_app.view_functions]
    return [(one, url_for(one.page, **_of(one)), _whose(one.login)) for one in there]


def _of(one: Night) -> dict[str, Any]:
    return dict(one.of)


def _whose(login: str) -> str:
    asks = auth.somebody()
    employee = BY_LOGIN[login]
    return "" if asks.is_admin or f"group:default/{employee.team}" in asks.teams else employee.name


@bp.post("/try-this/put-away")
def put_away() -> Response:
    """Show the cards no more, to nobody; the demo is one person's."""
    auth.somebody()
    ground.put_card_away(auth.services().config.data)
    return common.back_to("home.show")
