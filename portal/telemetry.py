"""What the portal tells about itself: request counts and durations for Prometheus, and two questions for a balancer."""

from flask import Blueprint, Flask, Response, current_app, g, request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from ledger.clock import stopwatch
from portal.auth import public, services

bp = Blueprint("telemetry", __name__)

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)  # seconds; 0.05 is the promise for pages


def install(app: Flask) -> None:
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    count = Counter("fullcycle_http_requests", "Requests answered", ("method", "route", "status"), registry=registry)
    took = Histogram(
        "fullcycle_http_request_seconds", "Time to answer", ("method", "route"), registry=registry, buckets=BUCKETS
    )
    Gauge("fullcycle_live_streams", "Open live pages", registry=registry).set_function(
        lambda: len(app.extensions["fullcycle-live"])
    )
    app.extensions["fullcycle-metrics"] = registry

    @app.before_request
    def _begin() -> None:
        g.watch = stopwatch()

    @app.after_request
    def _end(answer: Response) -> Response:
        route = request.url_rule.rule if request.url_rule else "none"  # never the address: it may name anything
        count.labels(request.method, route, answer.status_code).inc()
        if "watch" in g:
            took.labels(request.method, route).observe(g.watch().total_seconds())
        return answer


@bp.get("/healthz")
@public
def healthz() -> Response:
    """Is this process alive?"""
    return Response("alive\n", mimetype="text/plain")


@bp.get("/readyz")
@public
def readyz() -> Response:
    """May this process be sent requests? Only if its database answers."""
    try:
        with services().database.read() as session:
            session.execute(text("SELECT 1"))
    except SQLAlchemyError as error:
        return Response(f"the database does not answer: {type(error).__name__}\n", 503, mimetype="text/plain")
    return Response("ready\n", mimetype="text/plain")


@bp.get("/metrics")
@public
def metrics() -> Response:
    registry: CollectorRegistry = current_app.extensions["fullcycle-metrics"]
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
