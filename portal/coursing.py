"""Trains and bisects for the doors: who moves them on, and what the plan, a bad deploy and a service say of them."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from catalog.query import Service
from pipelines import bisect, coursestore, store
from pipelines import conductor as conducting
from pipelines.bisect import Hunt
from pipelines.conductor import Conductor
from pipelines.courses import Courses, not_bisectable
from pipelines.coursestore import GOING, Course
from pipelines.planning import Preview
from pipelines.query import Page
from pipelines.store import Asked
from portal.services import Services

RECENT = timedelta(hours=24)  # so long after its end a service's page still shows a course
LOOKED_AT = 5  # of the newest courses, for the one that belongs to a deploy


def courses(services: Services) -> Courses:
    return Courses(services.database, services.jobs, services.planner)


def conductor(services: Services) -> Conductor:
    return Conductor(services.database, services.jobs, services.planner, services.actions)


def wake(services: Services, session: Session, asked: Asked) -> None:
    """A deploy has ended: the train or the bisect there goes on."""
    conducting.wake(session, services.jobs, asked.service, asked.environment, services.clock())


@dataclass(frozen=True)
class TrainOffer:
    """What a train would be; with `going`, another course has to end first."""

    cars: int
    commits: int
    expected: timedelta
    each: timedelta
    revision: str
    going: Course | None = None


@dataclass(frozen=True)
class BisectOffer:
    """What a bisect would cost; `course` is the one that looks or has looked for this very deploy."""

    deploy: int
    commits: int
    most: int
    each: timedelta
    percent: int
    course: Course | None = None
    going: Course | None = None  # another one, which has to end first


def train_offer(services: Services, session: Session, service: Service, preview: Preview) -> TrainOffer | None:
    """Return what sending them one by one would mean; None where one deploy takes all there is."""
    plan = preview.plan
    if plan.rollback or plan.base is None or plan.change.back or len(plan.change.commits) < 2:
        return None
    cars = courses(services).cars(service, preview)
    if len(cars) < 2:
        return None
    going = coursestore.going(session, service.ref, plan.environment)
    commits = sum(car.commits for car in cars)
    return TrainOffer(len(cars), commits, plan.expected * len(cars), plan.expected, plan.release.revision, going)


def bisect_offer(session: Session, page: Page) -> BisectOffer | None:
    """Return what finding the commit would cost; None where nothing is to be found."""
    plan = page.deploy.plan
    if plan is None or plan.base is None or not_bisectable(page.asked, page.deploy):
        return None
    latest = coursestore.latest(session, page.row.service, page.row.environment, LOOKED_AT)
    mine = next((one for one in latest if isinstance(one.way, Hunt) and one.way.deploy == page.row.id), None)
    other = next((one for one in latest if one.state == GOING and one is not mine), None)
    live = store.live(session, page.row.service, page.row.environment)
    if mine is None and (live is None or live.revision != plan.base.revision):
        return None
    count = len(plan.change.commits)
    percent, each = bisect.trial(plan)
    return BisectOffer(page.row.id, count, bisect.most(count), each, percent, mine, other)


def under_way(session: Session, service: str, environment: str, now: datetime) -> Course | None:
    """Return the course that is under way there, or has ended lately."""
    found = coursestore.latest(session, service, environment)
    return found[0] if found and (found[0].ended_at is None or found[0].ended_at > now - RECENT) else None
