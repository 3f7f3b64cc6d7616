"""The living style guide: every part, as pages use it."""

from datetime import timedelta

from flask import Blueprint, render_template

from portal.pages import common

bp = Blueprint("patterns", __name__)


@bp.get("/patterns")
def show() -> str:
    now = common.times().now
    ages = [now - timedelta(seconds=seconds) for seconds in (12, 240, 3 * 3600, 2 * 86400, 9 * 86400, 500 * 86400)]
    spans = [timedelta(seconds=seconds) for seconds in (48, 252, 2 * 3600 + 300, 2 * 86400 + 18 * 3600)]
    return render_template("patterns.html", here="", ages=ages, spans=spans, now=now)
