"""Slack's door: a slash command, proven by the signature of its app. What it answers, only she who asked can see.

Source: https://api.slack.com/authentication/verifying-requests-from-slack
"""

import hashlib
import hmac
import re
from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, request

from ledger import inbox
from ledger.errors import Code, Error
from portal import auth, bodies
from portal.chat import acting
from portal.chat.linking import Chatter
from portal.chatsettings import kept

bp = Blueprint("slack", __name__)

FRESH = timedelta(minutes=5)
LONGEST = 3000  # characters of an answer
LARGEST = 64 * 1024  # bytes of a command
CLOSED = "Slack is not connected here; the portal's configuration says how: [chat] slack_secret_file."
FORGED = "The signature does not fit. Compare the app's signing secret with the portal's, and the clocks."
AGAIN = "This very command came before; nothing was done again."
_ID = re.compile(r"[A-Z0-9]{1,40}")


@bp.post("/chat/slack")
@auth.public
@auth.csrf.exempt  # type: ignore[untyped-decorator]
def command() -> Any:
    """Take a slash command."""
    services, now = auth.services(), auth.services().clock()
    secrets = kept(services.config.chat.slack_secret_file)
    if not secrets:
        raise Error(Code.NOT_FOUND, CLOSED)
    body = bodies.at_most(LARGEST, cache=True)
    if body is None:
        raise Error(Code.INVALID, "That is longer than any command.")
    stamp, signature = (request.headers.get(f"X-Slack-{name}", "") for name in ("Request-Timestamp", "Signature"))
    if not any(proves(secret, stamp, body, signature, now) for secret in secrets):
        raise Error(Code.UNAUTHENTICATED, FORGED)
    if request.form.get("ssl_check"):
        return _said("")
    if is_repeat(f"{stamp} {signature}", "chat.slack", now):
        return _said(AGAIN)
    team, user = request.form.get("team_id", ""), request.form.get("user_id", "")
    if not _ID.fullmatch(team) or not _ID.fullmatch(user):
        raise Error(Code.INVALID, "A command of Slack names its team and its user.")
    chatter = Chatter(f"slack:{team}:{user}", request.form.get("user_name", "")[:80] or user)
    return _said(acting.answer(services, chatter, unescaped(request.form.get("text", ""))))


def proves(secret: str, stamp: str, body: bytes, signature: str, now: datetime) -> bool:
    """Is it signed with that secret, just now? Compared in constant time."""
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) < 13):
        return False
    if abs(now.timestamp() - int(stamp)) > FRESH.total_seconds():
        return False
    made = hmac.new(secret.encode(), b"v0:" + stamp.encode() + b":" + body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(f"v0={made}".encode(), signature.encode())


def is_repeat(delivery: str, source: str, now: datetime) -> bool:
    """Remember a call by what is unique to it; say whether it has been here before."""
    known = hashlib.sha256(delivery.encode()).hexdigest()
    with auth.services().database.write() as session:
        return inbox.receive(session, source, known, {}, b"", now) is None


def unescaped(text: str) -> str:
    """Return a line as it was typed; Slack writes three signs as HTML does.

    >>> unescaped("page payments a &lt; b &amp;&amp; c")
    'page payments a < b && c'
    """
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def escaped(text: str) -> str:
    """Return a text in which nothing is a mention or a link of Slack's.

    >>> escaped("<!channel> a & b")
    '&lt;!channel&gt; a &amp; b'
    """
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _said(text: str) -> dict[str, Any]:
    return {"response_type": "ephemeral", "mrkdwn": False, "text": escaped(text[:LONGEST])}
