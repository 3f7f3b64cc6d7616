"""How one is reached: channels, which count once a code came back, when each is used, quiet hours, and a test."""

from collections.abc import Sequence
from datetime import timedelta

from flask import Blueprint, g, render_template, request
from werkzeug.wrappers import Response

from ledger.errors import Code, Error
from oncall import planstore, reach
from oncall.reaching import Shown
from oncall.terms import Urgency
from pipelines import query as deploys
from portal import auth, duty, oncalltelling
from portal.oncalling import CHANNELS, PHONES
from portal.pages import common

bp = Blueprint("reaching", __name__)

DELAYS = (("0", "at once"), ("120", "after 2 min"), ("300", "after 5 min"), ("600", "after 10 min"), ("", "never"))
ERRORS = (Code.INVALID, Code.CONFLICT)


@bp.get("/account/reach")
def show() -> str:
    return _page()


def _page(wrong: str = "", place: str = "", typed: str = "") -> str:
    """`place`: of the form that `wrong` is about: add, quiet, test, or a channel's number."""
    services, times, asks = auth.services(), common.times(), auth.somebody()
    person = asks.user_ref or ""
    with services.database.read() as session:
        channels: Sequence[Shown] = services.oncall.reaching.channels(session, person) if person else ()
        rules = planstore.rules(session, [person])[person] if person else reach.Rules("")
        quiet = planstore.quiet_said(session, person)
        g.running = len(deploys.deploys(session, running=True, limit=100))
    labels = {one.way.channel.ref: one.way.label for one in channels}
    urgent, later = (
        oncalltelling.reached_said(reach.notifications(rules, urgency, times.now), labels, times.now)
        for urgency in (Urgency.HIGH, Urgency.LOW)
    )
    return render_template(
        "reaching.html",
        here="",
        is_somebody=bool(person),
        channels=channels,
        quiet=quiet,
        zone=quiet[0] or times.zone.key,
        urgent=urgent,
        later=later,
        delays=DELAYS,
        phones=services.config.oncall.phones,
        providers=services.oncall.ways.providers,
        wrong=wrong,
        place=place,
        typed=typed,
    )


def _delay(said: str) -> timedelta | None:
    if said not in dict(DELAYS):
        raise Error(Code.INVALID, "Choose one of the delays of the list.")
    return timedelta(seconds=int(said)) if said else None


@bp.post("/account/reach")
def add() -> Response | tuple[str, int]:
    """Add a channel; a code goes to it."""
    form, oncall = request.form, auth.services().oncall
    person, asks = duty.own(auth.somebody()), auth.somebody()
    kind = PHONES if form.get("kind") == PHONES else CHANNELS
    address = f"memory://{person}" if kind == PHONES else form.get("address", "")[:1000]
    try:
        high, low = _delay(form.get("high", "0")), _delay(form.get("low", "0"))
        oncall.reaching.add(person, kind, form.get("label", "")[:80], address, asks.actor, high, low)
    except Error as error:
        if error.code not in ERRORS:
            raise
        return _page(error.message, "add", typed=form.get("label", "")[:80]), 400
    return common.back_to("reaching.show")


@bp.post("/account/reach/<int:number>")
def change(number: int) -> Response | tuple[str, int]:
    """Do something with a channel of mine: verify, code, delays, remove."""
    form, reaching = request.form, auth.services().oncall.reaching
    asks = auth.somebody()
    person, order = duty.own(asks), request.form.get("do", "")
    try:
        if order == "verify":
            reaching.verify(person, number, form.get("code", "")[:20])
        elif order == "code":
            reaching.send_code(person, number)
            common.done("A new code is on its way.")
        elif order == "delays":
            reaching.set_delays(person, number, _delay(form.get("high", "")), _delay(form.get("low", "")))
        elif order == "remove":
            reaching.remove(person, number, asks.actor)
        else:
            raise Error(Code.INVALID, "Say what shall be done with the channel.")
    except Error as error:
        if error.code not in ERRORS:
            raise
        return _page(error.message, str(number)), 400
    return common.back_to("reaching.show")


@bp.post("/account/reach/quiet")
def quiet() -> Response | tuple[str, int]:
    """Keep when what can wait shall wait."""
    form, reaching = request.form, auth.services().oncall.reaching
    said = [form.get(name, "").strip()[:80] for name in ("zone", "start", "end")]
    try:
        reaching.set_quiet(duty.own(auth.somebody()), *said)
    except Error as error:
        if error.code not in ERRORS:
            raise
        return _page(error.message, "quiet"), 400
    return common.back_to("reaching.show")


@bp.post("/account/reach/test")
def test() -> Response | tuple[str, int]:
    """Page me now, through each channel that counts."""
    try:
        count = auth.services().oncall.tester.ask(duty.own(auth.somebody()))
    except Error as error:
        if error.code not in ERRORS:
            raise
        return _page(error.message, "test"), 400
    common.done(f"A test page goes out to {count} of your channels. What is refused stands beside the channel.")
    return common.back_to("reaching.show")
