"""Trains and bisects over the API: begin one, look at it, stop it."""

from typing import Any

from apiflask import APIBlueprint
from flask import url_for

from pipelines import bisect, coursestore
from pipelines.coursestore import FOUND, GOING
from pipelines.train import Train
from portal import auth, coursetelling, coursing
from portal.api import asking, courseshapes
from portal.api.courseshapes import StopIn, TrainIn
from portal.permissions import Action

bp = APIBlueprint("courses", __name__, tag="Trains and bisects")

REFUSED = {
    400: "Not JSON, no revision, or a catalog file that cannot be deployed by; every problem is said",
    403: "Not yours to do",
    409: "Nothing is to be done, or another one is under way; the reason is said",
    503: "The repository cannot be read now",
}


@bp.post("/services/<name>/trains")
@bp.input(TrainIn)
@bp.output(courseshapes.Begun, 202, description="Asked for; the first car departs when its turn comes")
@bp.doc(responses={200: "The very same is under way already; this is it", **REFUSED})
def depart(name: str, json_data: TrainIn) -> Any:
    """Send what waits out, one small deploy after another

    The train stops at the first car that does not become healthy; what is left stays where it is.
    """
    services, asked = auth.services(), json_data
    with services.database.read() as session:
        service = asking.service(session, name)
        actor = asking.allowed(session, Action.DEPLOY, service.ref)
    note, ticks = asked.note.strip(), tuple(asked.ticks)
    begun = coursing.courses(services).depart(
        service, asked.environment, asked.revision, actor, asking.now(), note, per_car=asked.per_car, ticks=ticks
    )
    return _begun(begun.id, begun.already)


@bp.post("/deploys/<int:deploy_id>/bisect")
@bp.output(courseshapes.Begun, 202, description="Asked for; the first trial goes when its turn comes")
@bp.doc(responses={200: "The very same is under way already; this is it", **REFUSED})
def find(deploy_id: int) -> Any:
    """Find the commit that made a deploy bad

    Each trial gives one commit the first wave of the traffic and takes it back whatever is seen; asking is consenting.
    """
    services = auth.services()
    with services.database.read() as session:
        row = asking.row(session, deploy_id)
        actor = asking.allowed(session, Action.DEPLOY, row.service)
    begun = coursing.courses(services).bisect(deploy_id, actor, asking.now())
    return _begun(begun.id, begun.already)


@bp.get("/courses/<int:course_id>")
@bp.output(courseshapes.Course)
def show(course_id: int) -> Any:
    """One train or bisect: its cars or commits, and how far it is"""
    return _told(_loaded(course_id))


@bp.post("/courses/<int:course_id>/stop")
@bp.input(StopIn, location="json_or_form", arg_name="asked")
@bp.output(courseshapes.Course, 202, description="Nothing more departs; the deploy that is under way goes on")
@bp.doc(responses={403: "Not yours to do", 409: "It has ended already"})
def stop(course_id: int, asked: StopIn) -> Any:
    """Let nothing more depart"""
    services, course = auth.services(), _loaded(course_id)
    with services.database.read() as session:
        actor = asking.allowed(session, Action.ABORT, course.service)
    coursing.courses(services).stop(course_id, actor, asking.now(), asked.reason.strip())
    return _told(_loaded(course_id))


def _begun(course_id: int, already: bool) -> Any:
    told = courseshapes.Begun(id=course_id, already=already, course=_told(_loaded(course_id)))
    return told, 200 if already else 202, {"Location": url_for("api.courses.show", course_id=course_id)}


def _loaded(course_id: int) -> coursestore.Course:
    with auth.services().database.read() as session:
        return coursestore.load(session, course_id)


def _told(course: coursestore.Course) -> courseshapes.Course:
    way = course.way
    train = way if isinstance(way, Train) else None
    hunt = None if isinstance(way, Train) else way
    left = 0.0
    if course.state == GOING:
        left = train.expected.total_seconds() if train else 0.0
        left = (hunt.each * max(bisect.most(len(hunt.suspects)) - hunt.tries, 1)).total_seconds() if hunt else left
    return courseshapes.Course(
        id=course.id,
        kind="train" if train else "bisect",
        service=course.service,
        name=course.name,
        environment=course.environment,
        actor=course.actor,
        note=course.note,
        state=course.state,
        reason=course.reason,
        asked_at=course.asked_at,
        ended_at=course.ended_at,
        waits=list(way.waits),
        cars=[courseshapes.Car.model_validate(car) for car in train.cars] if train else [],
        suspects=[courseshapes.Suspect.model_validate(one) for one in hunt.suspects] if hunt else [],
        culprit=hunt.suspects[coursetelling.culprit(hunt)].revision if hunt and course.state == FOUND else None,
        tries=hunt.tries if hunt else None,
        most=coursetelling.most(hunt) if hunt else None,
        percent=hunt.percent if hunt else None,
        expected_seconds=left,
        page=f"{auth.services().config.address}{url_for('courses.show', course_id=course.id)}",
    )
