"""What a newcomer can try and look at: cards on the home page of a demo, until somebody puts them away."""

from collections.abc import Sequence
from typing import Any

from flask import Blueprint
from werkzeug.wrappers import Response

from portal import auth
from portal.demo import ground
from portal.demo.people import BY_LOGIN
from portal.demo.tips import LOOKS, TIPS, Tip
from portal.pages import common

bp = Blueprint("tryit", __name__)


@bp.app_context_processor
def everywhere() -> dict[str, Any]:
    return {"tips": tips, "looks": LOOKS, "demo_folder": lambda: auth.services().config.data}


def tips() -> Sequence[tuple[Tip, str]]:
    """Return each tip with whose it is: empty when the reader may do it herself. None outside a demo."""
    notes = ground.read(auth.services().config.data)
    asks = auth.person()
    if notes is None or not notes.card or asks is None:
        return ()
    return [(tip, "" if asks.is_admin or _team(tip) in asks.teams else BY_LOGIN[tip.login].name) for tip in TIPS]


def _team(tip: Tip) -> str:
    return f"group:default/{BY_LOGIN[tip.login].team}"


@bp.post("/try-this/put-away")
def put_away() -> Response:
    """Show the cards no more, to nobody; the demo is one person's."""
    auth.somebody()
    ground.put_card_away(auth.services().config.data)
    return common.back_to("home.show")
