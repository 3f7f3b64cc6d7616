"""Trains and bisects: the page of one, the press that begins one, and the press that stops it."""

from flask import Blueprint, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from catalog import query as catalog
from ledger.errors import Code, Error
from pipelines import coursestore, query
from pipelines.bisect import Hunt
from pipelines.coursestore import GOING
from portal import auth, coursetelling, whose
from portal.coursing import courses
from portal.pages import common
from portal.permissions import Action

bp = Blueprint("courses", __name__)

EVERY = 5  # seconds between two looks at what is under way, beside what the stream tells
NOTE = 300  # characters


@bp.get("/courses/<int:course_id>")
def show(course_id: int) -> str:
    times = common.times()
    with auth.services().database.read() as session:
        course = coursestore.load(session, course_id)
        topic = common.live(session, service=course.service)
        owned = whose.owned_by_ref(session, course.service)
        common.know(session, [course.actor])
        g.running = len(query.deploys(session, running=True, limit=100))
    hunt = course.way if isinstance(course.way, Hunt) else None
    return render_template(
        "course.html",
        here="Deploys",
        topic=topic,
        every=EVERY if course.state == GOING else None,
        course=course,
        way=course.way,
        hunt=hunt,
        band=coursetelling.band(course, times, common.face(course.actor).said),
        strip=coursetelling.strip(course),
        lines=coursetelling.lines(course),
        most=coursetelling.most(hunt) if hunt else 0,
        is_going=course.state == GOING,
        refused=common.refusal(Action.ABORT, owned),
    )


@bp.post("/services/<name>/<environment>/train")
def depart(name: str, environment: str) -> Response:
    """Send what waits up to `revision` out, one small deploy after another."""
    services = auth.services()
    with services.database.read() as session:
        known = catalog.service(session, common.ref_of(name))
        owned = whose.owned(known)
    common.require(Action.DEPLOY, owned)
    revision = request.form.get("revision", "").strip()
    if not revision:
        raise Error(Code.INVALID, "Say up to which revision they shall go out.")
    note, ticks = request.form.get("note", "").strip()[:NOTE], tuple(request.form.getlist("tick")[:50])
    actor, at = auth.somebody().actor, services.clock()
    try:
        begun = courses(services).depart(known, environment, revision, actor, at, note, ticks=ticks)
    except Error as error:
        return _back(error, url_for("plan.show", name=name, environment=environment, revision=revision))
    return common.back_to("courses.show", course_id=begun.id)


@bp.post("/deploys/<int:deploy_id>/bisect")
def bisect(deploy_id: int) -> Response:
    """Find the commit that made that deploy bad; the press is the consent to the trials."""
    services = auth.services()
    with services.database.read() as session:
        row = query.page(session, deploy_id, services.jobs).row
        owned = whose.owned_by_ref(session, row.service)
    common.require(Action.DEPLOY, owned)
    try:
        begun = courses(services).bisect(deploy_id, auth.somebody().actor, services.clock())
    except Error as error:
        return _back(error, url_for("deploys.show", deploy_id=deploy_id))
    return common.back_to("courses.show", course_id=begun.id)


@bp.post("/courses/<int:course_id>/stop")
def stop(course_id: int) -> Response:
    """Let nothing more depart; the deploy under way goes on."""
    services = auth.services()
    with services.database.read() as session:
        owned = whose.owned_by_ref(session, coursestore.load(session, course_id).service)
    common.require(Action.ABORT, owned)
    try:
        reason = request.form.get("reason", "").strip()[:NOTE]
        courses(services).stop(course_id, auth.somebody().actor, services.clock(), reason)
    except Error as error:
        return _back(error, url_for("courses.show", course_id=course_id))
    return common.back_to("courses.show", course_id=course_id)


def _back(error: Error, address: str) -> Response:
    """Say what could not be done on the page from which it was asked for."""
    if error.code is not Code.CONFLICT:
        raise error
    common.say(error)
    return redirect(address, 303)
