"""Chat: the same orders as on the pages and in the terminal, in one line. Each door is one module."""

from flask import Flask
from flask_limiter import Limiter

from portal.chat import linking, mattermost, slack

LIMITS = "1200 per minute"  # per address; a chat sends all its people's commands from a few
REFUSED_LIMITS = "60 per minute"  # of calls that prove nothing


def install(app: Flask, limiter: Limiter) -> None:
    """Open the doors; one whose secret is not configured says so."""
    for door in (slack.bp, mattermost.bp):
        limiter.limit(LIMITS)(door)
        limiter.limit(REFUSED_LIMITS, deduct_when=lambda answer: answer.status_code == 401)(door)
        app.register_blueprint(door)
    app.register_blueprint(linking.bp)
