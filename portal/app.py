"""The web application: doors, guard, headers and what every page may use."""

import gc
import hashlib
import logging
from datetime import timedelta
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from apiflask import APIFlask
from flask import Response, request, url_for
from flask import g as current
from werkzeug.middleware.proxy_fix import ProxyFix

from portal import api, auth, backstage, chat, config, enqueue, errors, hooks, live, pagerhooks, pages, telemetry
from portal.enqueue import Door
from portal.live import Hub
from portal.pacing import Pace
from portal.pages import export
from portal.services import Services
from portal.taking import Intake

STATIC = Path(__file__).parent / "static"
YEAR = 365 * 24 * 3600  # seconds
LARGEST_BODY = 2 * 1024 * 1024  # bytes
SPARE_THREADS = 64  # that live pages leave to everything else

POLICY = (
    "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
    "img-src 'self' data:"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=()",
}


def create_app(services: Services) -> APIFlask:
    """Return the application. It works behind a prefix, and may be made more than once in a process."""
    app = APIFlask(
        "portal",
        title="Fullcycle",
        version=program_version(),
        json_errors=False,
        docs_path=None,
        spec_path="/api/v1/openapi.json",
        template_folder="templates",
        static_folder=str(STATIC),
        root_path=str(Path(__file__).parent),
    )
    _configure(app, services)
    app.extensions["fullcycle"] = services
    app.extensions["fullcycle-live"] = Hub(services.database, live_pages(services.config.threads))
    telemetry.install(app)
    limiter = auth.install(app)
    errors.install(app)
    pages.install(app, limiter)
    hooks.install(limiter)
    chat.install(app, limiter)
    pagerhooks.install(limiter)
    limiter.request_filter(lambda: request.blueprint == enqueue.bp.name)  # those doors count by key, with portal.pacing
    app.extensions["fullcycle-intake"] = Door(
        Intake(services.database, services.jobs), Pace(services.config.oncall.rate)
    )
    app.register_blueprint(hooks.bp)
    app.register_blueprint(enqueue.bp)
    app.register_blueprint(pagerhooks.bp)
    app.register_blueprint(live.bp)
    app.register_blueprint(telemetry.bp)
    app.register_blueprint(api.blueprint(services))
    app.register_blueprint(backstage.blueprint())
    app.register_blueprint(export.bp)
    app.after_request(_harden)
    return app


def settle(app: APIFlask) -> None:
    """Make the process ready to serve for long: compile the templates, and have the collector look past what stays.

    Without it every some hundred pages one waits 0.1 s while all of the libraries' objects are looked through again.
    """
    for name in app.jinja_env.list_templates(filter_func=lambda name: name.endswith(".html")):
        app.jinja_env.get_template(name)
    gc.collect()
    gc.freeze()


def live_pages(threads: int) -> int:
    """Return how many streams may be open, so that pages are still answered."""
    return max(threads - SPARE_THREADS, threads // 2)


def program_version() -> str:
    try:
        return version("fullcycle")
    except PackageNotFoundError:
        return "0"


def _configure(app: APIFlask, services: Services) -> None:
    settings = services.config
    key = config.secret_key(settings)
    # Browsers keep one jar for all ports of a host, so two portals on one machine need two names.
    mark = hashlib.sha256(key.encode()).hexdigest()[:6]
    app.config.update(
        SECRET_KEY=key,
        SESSION_COOKIE_NAME=f"fullcycle_{mark}",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.is_https,
        PERMANENT_SESSION_LIFETIME=max(settings.session, timedelta(minutes=5)),
        MAX_CONTENT_LENGTH=LARGEST_BODY,
        SEND_FILE_MAX_AGE_DEFAULT=YEAR,
        TEMPLATES_AUTO_RELOAD=False,
        WTF_CSRF_CHECK_DEFAULT=False,  # portal/auth.py asks for it, after it knows who is there
        WTF_CSRF_TIME_LIMIT=None,  # a page may stay open as long as its session
        RATELIMIT_HEADERS_ENABLED=False,
    )
    if settings.url:  # somebody put a proxy in front, and says where it is reached
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1, x_host=1, x_prefix=1)  # type: ignore[method-assign]
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    marks = _marks()

    def asset(name: str) -> str:
        """The address of a static file with its version, so that it may be kept for a year."""
        return url_for("static", filename=name, v=marks.get(name, "0"))

    app.jinja_env.globals.update(asset=asset, version=app.version)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True


def _marks() -> dict[str, str]:
    files = [path for path in STATIC.rglob("*") if path.is_file()]
    return {str(path.relative_to(STATIC)): hashlib.sha256(path.read_bytes()).hexdigest()[:10] for path in files}


def _harden(answer: Response) -> Response:
    for name, value in HEADERS.items():
        answer.headers.setdefault(name, value)
    if auth.services().config.is_https:
        answer.headers.setdefault("Strict-Transport-Security", f"max-age={YEAR}")
    if request.endpoint == "static":
        if request.args.get("v"):
            answer.headers["Cache-Control"] = f"public, max-age={YEAR}, immutable"
        else:
            answer.headers["Cache-Control"] = "no-cache"
    elif "Cache-Control" not in answer.headers:
        answer.headers["Cache-Control"] = "private, no-store" if current.get("account") else "no-cache"
    return answer
