"""The pages. Each module is one door: read what is asked, ask a room, show it."""

from apiflask import APIFlask
from flask_limiter import Limiter

from portal.auth import LOGIN_LIMITS, NAME_LIMITS, tried_name
from portal.pages.account import bp as account
from portal.pages.acknowledging import bp as acknowledging
from portal.pages.audit import bp as audit
from portal.pages.calendars import bp as calendars
from portal.pages.common import install as install_common
from portal.pages.continuous import bp as continuous
from portal.pages.courses import bp as courses
from portal.pages.delivery import bp as delivery
from portal.pages.deploys import bp as deploys
from portal.pages.entity import bp as catalog
from portal.pages.holidays import bp as holidays
from portal.pages.home import bp as home
from portal.pages.incidents import bp as incidents
from portal.pages.integrations import bp as integrations
from portal.pages.locks import bp as locks
from portal.pages.login import bp as login
from portal.pages.oncall import bp as oncall
from portal.pages.owners import bp as owners
from portal.pages.patterns import bp as patterns
from portal.pages.phones import bp as phones
from portal.pages.plan import bp as plan
from portal.pages.reaching import bp as reaching
from portal.pages.repositories import bp as settings
from portal.pages.rotachange import bp as rota
from portal.pages.rotanew import bp as rotaedit
from portal.pages.scorecards import bp as scorecards
from portal.pages.services import bp as services
from portal.pages.silences import bp as silences
from portal.pages.tryit import bp as tryit


def install(app: APIFlask, limiter: Limiter) -> None:
    """Put every page into the application."""
    install_common(app)
    limiter.limit(LOGIN_LIMITS, methods=["POST"])(login)
    limiter.limit(NAME_LIMITS, key_func=tried_name, methods=["POST"])(login)
    for room in (
        login,
        home,
        services,
        catalog,
        owners,
        plan,
        deploys,
        locks,
        incidents,
        acknowledging,
        silences,
        integrations,
        phones,
        courses,
        delivery,
        continuous,
        audit,
        account,
        settings,
        scorecards,
        patterns,
        tryit,
        oncall,
        rotaedit,
        rota,
        reaching,
        holidays,
        calendars,
    ):
        app.register_blueprint(room)
