"""Schedules, escalations and overrides over the API: read them, change them, and be shown what a change does."""

from dataclasses import replace
from typing import Any

from apiflask import APIBlueprint

from catalog import refs
from ledger.errors import Code, Error
from oncall import planstore
from oncall.plans import Plans, Proposal
from oncall.planstore import ESCALATION, SCHEDULE, Kept, Written
from oncall.policy import Policy
from oncall.reviewing import Change
from portal import auth, duty
from portal.api import asking
from portal.api import oncallshapes as shapes

bp = APIBlueprint("plans", __name__, tag="On-call")

KINDS = {"schedules": SCHEDULE, "escalations": ESCALATION}
NOT_YOURS = {403: "Not yours to plan"}
REFUSED = {400: "Every problem is said", 404: "There is none of that name", **NOT_YOURS}
TAKEN = {**REFUSED, 409: "That time is over, or the shift is theirs already"}


@bp.get("/oncall/schedules")
@bp.output(shapes.Documents)
def schedules() -> Any:
    """Every schedule, as it is written now"""
    return _documents(SCHEDULE)


@bp.get("/oncall/escalations")
@bp.output(shapes.Documents)
def escalations() -> Any:
    """Every escalation, as it is written now"""
    return _documents(ESCALATION)


@bp.get("/oncall/schedules/<name>")
@bp.output(shapes.Document)
def schedule(name: str) -> Any:
    """One schedule, as it is written now"""
    return _document(SCHEDULE, name)


@bp.get("/oncall/escalations/<name>")
@bp.output(shapes.Document)
def escalation(name: str) -> Any:
    """One escalation, as it is written now"""
    return _document(ESCALATION, name)


@bp.put("/oncall/schedules/<name>")
@bp.input(shapes.DocumentIn, arg_name="asked")
@bp.input(shapes.DryQuery, location="query", arg_name="how")
@bp.output(shapes.Proposal)
@bp.doc(responses=REFUSED)
def write_schedule(name: str, asked: shapes.DocumentIn, how: shapes.DryQuery) -> Any:
    """Write a schedule, or be shown with `?dry_run=true` what that would do

    It holds from now on; the past stays as it was. Whom it affects is told.
    """
    team, actor = _may_write(SCHEDULE, name, asked.team)
    plans = auth.services().oncall.plans
    if how.dry_run:
        return told(plans.propose(name, asked.text), saved=False)
    return told(plans.save(name, team, asked.text, actor, asked.why.strip()))


@bp.put("/oncall/escalations/<name>")
@bp.input(shapes.DocumentIn, arg_name="asked")
@bp.input(shapes.DryQuery, location="query", arg_name="how")
@bp.output(shapes.EscalationSaved)
@bp.doc(responses=REFUSED)
def write_escalation(name: str, asked: shapes.DocumentIn, how: shapes.DryQuery) -> Any:
    """Write an escalation, or have it only checked with `?dry_run=true`

    Incidents that are open go on with the one that they opened with.
    """
    team, actor = _may_write(ESCALATION, name, asked.team)
    plans = auth.services().oncall.plans
    if how.dry_run:
        return _escalation(plans.propose_escalation(name, asked.text), saved=False)
    return _escalation(plans.save_escalation(name, team, asked.text, actor, asked.why.strip()), saved=True)


@bp.delete("/oncall/<any(schedules, escalations):kinds>/<name>")
@bp.input(shapes.ReasonQuery, location="query", arg_name="asked")
@bp.output(shapes.Document, description="As it was last")
@bp.doc(responses={**REFUSED, 409: "An escalation pages a role of it"})
def take_away(kinds: str, name: str, asked: shapes.ReasonQuery) -> Any:
    """Take a schedule or an escalation away; what it was stays in the history"""
    services, kind = auth.services(), KINDS[kinds]
    with services.database.read() as session:
        there = duty.document(session, kind, name)
        actor = duty.plans(services, session, auth.somebody(), there.team)
    services.oncall.plans.take_away(kind, name, actor, asked.why.strip())
    return _written(there)


def _may_write(kind: str, name: str, team: str) -> tuple[str, str]:
    """Return whose it will be, and who writes it: somebody of the team that it has, and of the one that it gets."""
    if not refs.NAME.fullmatch(name):
        raise Error(Code.INVALID, "A name has letters, digits and -_. and begins and ends with a letter or digit.")
    services, asks = auth.services(), auth.somebody()
    with services.database.read() as session:
        there = planstore.documents(session, kind).get(name)
        whose = duty.ref(team, "group") if team.strip() else (there.team if there else "")
        if not whose:
            raise Error(Code.INVALID, f"Say whose {kind} it is: `team`, like group:payments.")
        for one in dict.fromkeys([there.team if there else whose, whose]):
            actor = duty.plans(services, session, asks, one)
    return whose, actor


def _documents(kind: str) -> shapes.Documents:
    with auth.services().database.read() as session:
        return shapes.Documents(documents=[_written(one) for one in planstore.documents(session, kind).values()])


def _document(kind: str, name: str) -> shapes.Document:
    with auth.services().database.read() as session:
        return _written(duty.document(session, kind, name))


def _written(one: Written) -> shapes.Document:
    return shapes.Document.model_validate(one)


def _escalation(policy: Policy, *, saved: bool) -> shapes.EscalationSaved:
    return shapes.EscalationSaved(name=policy.name, saved=saved, levels=len(policy.levels), rounds=policy.rounds)


# --- overrides --------------------------------------------------------------------------------------------------------


@bp.get("/oncall/schedules/<name>/overrides")
@bp.output(shapes.Overrides)
def overrides(name: str) -> Any:
    """The overrides of a schedule that are not over"""
    with auth.services().database.read() as session:
        duty.of_schedule(session, name)
        found = planstore.overrides(session, name, asking.now())
    return shapes.Overrides(overrides=[_override(one) for one in found])


@bp.post("/oncall/schedules/<name>/overrides")
@bp.input(shapes.OverrideIn, arg_name="asked")
@bp.input(shapes.DryQuery, location="query", arg_name="how")
@bp.output(shapes.Proposal, 201, description="It holds; with `?dry_run=true` nothing is changed, and 200")
@bp.doc(responses=TAKEN)
def override(name: str, asked: shapes.OverrideIn, how: shapes.DryQuery) -> Any:
    """Have somebody hold a role for a while, whatever the rotation says"""
    services, asks = auth.services(), auth.somebody()
    person = duty.person(asked.person, asks)
    with services.database.read() as session:
        actor = duty.puts_in(services, session, asks, name, person)
    made = _plans(how).override(name, asked.role, person, asked.since, asked.until, actor, asked.reason.strip())
    return _done(made, how)


@bp.post("/oncall/schedules/<name>/cover")
@bp.input(shapes.CoverIn, arg_name="asked")
@bp.input(shapes.DryQuery, location="query", arg_name="how")
@bp.output(shapes.Proposal, 201, description="It holds; with `?dry_run=true` nothing is changed, and 200")
@bp.doc(responses=TAKEN)
def cover(name: str, asked: shapes.CoverIn, how: shapes.DryQuery) -> Any:
    """Take the shift that a moment is in, or a part of it, or have somebody take it"""
    services, asks = auth.services(), auth.somebody()
    person = duty.person(asked.person, asks)
    with services.database.read() as session:
        has_it = duty.holder(services, session, name, asked.role, asked.at)
        actor = duty.puts_in(services, session, asks, name, person, has_it)
    reason = asked.reason.strip()
    made = _plans(how).cover(name, asked.role, asked.at, person, actor, asked.since, asked.until, reason)
    return _done(made, how)


@bp.post("/oncall/schedules/<name>/swap")
@bp.input(shapes.SwapIn, arg_name="asked")
@bp.input(shapes.DryQuery, location="query", arg_name="how")
@bp.output(shapes.Proposal, 201, description="It holds; with `?dry_run=true` nothing is changed, and 200")
@bp.doc(responses=TAKEN)
def swap(name: str, asked: shapes.SwapIn, how: shapes.DryQuery) -> Any:
    """Exchange the shifts that two moments are in"""
    services, asks = auth.services(), auth.somebody()
    with services.database.read() as session:
        both = [duty.holder(services, session, name, asked.role, at) for at in (asked.mine, asked.with_)]
        actor = duty.puts_in(services, session, asks, name, *both)
    return _done(_plans(how).swap(name, asked.role, asked.mine, asked.with_, actor, asked.reason.strip()), how)


@bp.delete("/oncall/overrides/<int:override_id>")
@bp.input(shapes.DryQuery, location="query", arg_name="how")
@bp.output(shapes.Proposal, description="What is over of it stays; a swap goes as a whole")
@bp.doc(responses=NOT_YOURS)
def give_back(override_id: int, how: shapes.DryQuery) -> Any:
    """Take an override away; one in progress is cut short"""
    services = auth.services()
    with services.database.read() as session:
        actor = duty.gives_back(services, session, auth.somebody(), override_id)
    return told(_plans(how).give_back(override_id, actor), saved=not how.dry_run)


def _plans(how: shapes.DryQuery) -> Plans:
    return replace(auth.services().oncall.plans, only_looks=how.dry_run)


def _done(made: Proposal, how: shapes.DryQuery) -> tuple[shapes.Proposal, int]:
    """Return what was done, or would be."""
    return told(made, saved=not how.dry_run), 200 if how.dry_run else 201


def _override(kept: Kept) -> shapes.Override:
    one = kept.override
    return shapes.Override(
        id=one.number,
        schedule=kept.schedule,
        role=one.role,
        person=one.person,
        start=one.start,
        end=one.end,
        kind=one.kind,
        by=one.by,
        reason=one.reason,
        pair=kept.pair,
    )


def told(proposal: Proposal, *, saved: bool = True) -> shapes.Proposal:
    """Say what a change does, or would."""
    review = proposal.review
    return shapes.Proposal(
        schedule=proposal.schedule,
        saved=saved,
        empty=review.is_empty,
        changes_now=review.changes_now,
        sentences=list(review.sentences),
        changes=[_moved(one) for one in review.changes],
        opened=[one.sentence for one in review.opened],
        closed=[one.sentence for one in review.closed],
        doubles=[one.sentence for one in review.doubles],
        absent=[one.sentence for one in review.absent],
        findings=[one.sentence for one in proposal.findings],
    )


def _moved(one: Change) -> shapes.Moved:
    return shapes.Moved(
        person=one.person,
        role=one.role,
        gained_seconds=one.gained.time.total_seconds(),
        lost_seconds=one.lost.time.total_seconds(),
        nights_gained=len(one.gained.nights),
        nights_lost=len(one.lost.nights),
        weekend_gained_seconds=one.gained.weekend.total_seconds(),
        weekend_lost_seconds=one.lost.weekend.total_seconds(),
    )
