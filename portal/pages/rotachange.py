"""Changes of a schedule's shifts: take, cover, swap, put in, give back, ask. Each is shown, and then kept."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from flask import g, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from ledger.errors import Code, Error
from oncall import fairwatch, notices
from oncall.answering import Answering
from oncall.plans import Plans, Proposal
from oncall.schedule import Schedule
from oncall.terms import Kind, Shift
from portal import auth, duty, oncalltelling, people, render, rotaweeks
from portal.pages import common
from portal.pages.rota import AHEAD, called, tinted
from portal.pages.rota import bp as bp
from portal.pages.rotashared import NAME, Form, heading, plans_refusal, speak

SWAPPED = 12  # shifts to swap with
HOURS = timedelta(hours=8)  # that are proposed where nothing says how long


@bp.get(f"/oncall/<{NAME}:name>/change")
def change(name: str) -> str:
    """What can be done about a shift (`role`, `at`), or about a time (`role`, `start`, `end`)."""
    services = auth.services()
    with services.database.read() as session:
        heading(Answering(session, services.oncall.fallback), name)  # wall times are those of the schedule
    return _form(name, Form.of(request.args))


def _form(name: str, form: Form, wrong: Sequence[str] = (), proposal: Proposal | None = None) -> str:
    services, asks = auth.services(), auth.somebody()
    with services.database.read() as session:
        answering = Answering(session, services.oncall.fallback)
        written, schedule = duty.of_schedule(session, name), heading(answering, name)
        times = common.times()
        role = form.role if form.role in schedule.roles else (schedule.roles or [form.role])[0]
        shift = answering.who(name, form.at or times.now).get(role) if form.at or not form.start else None
        shift = shift if shift and shift.person and shift.end > times.now else None
        start = form.start or max(shift.start if shift else times.now, times.now)
        end = form.end or (shift.end if shift else start + HOURS)
        others = _others(answering, name, schedule, shift)
        speak(answering)
        refused = plans_refusal(session, written.team)
        choices = _choices(answering, schedule, written.team, asks.user_ref, bool(refused), shift)
        number = _number(shift)
    faces = tinted(schedule, times.now, [ref for ref, _ in choices] + [one.person for one in others])
    return render_template(
        "rotachange.html",
        here="On call",
        name=name,
        form=form,
        role=role,
        roles=schedule.roles,
        shift=shift,
        number=number,
        start=start,
        end=end,
        local=lambda at: f"{at.astimezone(times.zone):%Y-%m-%dT%H:%M}",
        others=others,
        choices=choices,
        faces=faces,
        refused=refused,
        me_ref=asks.user_ref or "",
        wrong=wrong,
        proposal=proposal,
        told=oncalltelling,
        called=called,
    )


def _number(shift: Shift | None) -> int:
    """Return the number of the override that a shift comes from; 0 where it comes from none that can be given back."""
    if shift is None or shift.source.kind is Kind.ROTATION or not shift.source.name.isdigit():
        return 0
    return int(shift.source.name)


def _others(answering: Answering, name: str, schedule: Schedule, shift: Shift | None) -> list[Shift]:
    """Return the shifts of others that this one could be swapped with, the soonest first."""
    if shift is None:
        return []
    now = common.times().now
    found = rotaweeks.together(answering.shifts(name, now, now + 2 * AHEAD + rotaweeks.EDGE))
    others = [one for one in found if one.person and one.role == shift.role and one.person != shift.person]
    return [one for one in others if now < one.start < now + 2 * AHEAD][:SWAPPED]


def _choices(
    answering: Answering, schedule: Schedule, team: str, me: str | None, only_me: bool, shift: Shift | None
) -> list[tuple[str, str]]:
    """Return who can be put in: the reader first, then the rota, then the team; last, whose it is already.

    Whoever may not plan for others can put in herself, and anybody into a shift of her own.
    """
    mine = [me] if me and me in answering.known.people else []
    if only_me and not (shift and shift.person == me):
        return [(one, common.face(one).name) for one in mine]
    order = [*mine, *fairwatch.in_rotation(schedule, common.times().now), *answering.members(team)]
    ranked = sorted(dict.fromkeys(order), key=lambda one: shift is not None and one == shift.person)
    return [(one, common.face(one).name) for one in ranked if one in answering.known.people]


@bp.post(f"/oncall/<{NAME}:name>/change")
def keep(name: str) -> Response | str | tuple[str, int]:
    """Show what a change would do; with `sure`, do it."""
    services, asks, form = auth.services(), auth.somebody(), None
    try:
        with services.database.read() as session:
            answering = Answering(session, services.oncall.fallback)
            heading(answering, name)
            form = Form.of(request.form)
            _may(session, answering, name, form)
        plans = services.oncall.plans if form.sure else replace(services.oncall.plans, only_looks=True)
        proposal = _done(plans, name, form, asks.actor)
    except Error as error:
        if error.code not in (Code.INVALID, Code.CONFLICT) or form is None:
            raise
        return _form(name, form, list(dict.fromkeys([error.message, *error.reasons]))), 400
    if not form.sure:
        return _form(name, form, proposal=proposal)
    told = [one for one in proposal.review.affected if one != asks.user_ref]
    names = oncalltelling.names_listed([called(one) for one in told], 4)
    common.done("It is in the plan." + (f" {names} {'hears' if len(told) == 1 else 'hear'} of it." if told else ""))
    return common.back_to("rota.show", name=name)


def _may(session: Session, answering: Answering, name: str, form: Form) -> None:
    """Raise Error(FORBIDDEN) unless the reader may do that."""
    services, asks = auth.services(), auth.somebody()
    if form.do == "back":
        duty.gives_back(services, session, asks, form.number)
        return
    if form.do == "put":
        duty.puts_in(services, session, asks, name, form.person)
        return
    held = [duty.holder(services, session, name, form.role, one) for one in (form.at,) if one is not None]
    if form.do == "swap" and form.other is not None:
        held.append(duty.holder(services, session, name, form.role, form.other))
    duty.puts_in(services, session, asks, name, form.person, *held)


def _done(plans: Plans, name: str, form: Form, by: str) -> Proposal:
    """Order it, or only look, as the plans are made."""
    if form.do == "back":
        return plans.give_back(form.number, by)
    if form.do == "swap":
        if form.at is None or form.other is None:
            raise Error(Code.INVALID, "Say which shift it shall be swapped with.")
        return plans.swap(name, form.role, form.at, form.other, by, form.reason)
    if not form.person:
        raise Error(Code.INVALID, "Say who shall have it.")
    if form.do == "take" and form.at is not None:
        return plans.cover(name, form.role, form.at, form.person, by, form.start, form.end, form.reason)
    if form.start is None or form.end is None:
        raise Error(Code.INVALID, "Say from when to when.")
    return plans.override(name, form.role, form.person, form.start, form.end, by, form.reason)


@bp.post(f"/oncall/<{NAME}:name>/ask")
def ask(name: str) -> Response:
    """Ask somebody to fill a gap: a notice with the address at which it is done."""
    services, asks = auth.services(), auth.somebody()
    with services.database.read() as session:
        answering = Answering(session, services.oncall.fallback)
        schedule = heading(answering, name)
        form = Form.of(request.form)
        if (
            form.person not in fairwatch.in_rotation(schedule, services.clock())
            or form.start is None
            or form.end is None
        ):
            raise Error(Code.INVALID, "Ask somebody of the rota, for a time.")
        speak(answering)
    times = common.times()
    when = oncalltelling.stretch(form.start, form.end, times)
    path = url_for("rota.change", name=name, role=form.role, start=render.iso(form.start), end=render.iso(form.end))
    path = path.removeprefix(request.script_root)[:300]
    asker = people.face(asks.actor, g.get("names", {})).name
    with services.jobs.transaction() as tx:
        title = f"Can you be {oncalltelling.role_said(form.role, ())} of {name}?"
        text = f"{asker} asks you: nobody is {form.role} of {name} {when} ({times.zone.key})."
        notices.notify(tx, services.jobs, form.person, title, text, path, services.clock())
    common.done(f"{called(form.person)} is asked.")
    return common.back_to("rota.show", name=name)


@bp.app_template_filter("signed")
def signed(value: int) -> str:
    """Write `+3`, `−2`, `0`."""
    return f"{'+' if value > 0 else ''}{render.number(value)}"


@bp.app_template_filter("hours")
def hours(span: timedelta) -> str:
    """Write `168 h`, as loads are compared."""
    amount = span / timedelta(hours=1)
    return render.unit(render.number(round(amount) if amount >= 10 or amount == int(amount) else round(amount, 1)), "h")


@bp.app_template_filter("minus")
def minus(gained: timedelta, lost: timedelta) -> str:
    return render.unit(signed(round((gained - lost) / timedelta(hours=1))), "h")
