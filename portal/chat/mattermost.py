"""Mattermost's door: a slash command, proven by its token. What it answers, only she who asked can see.

Source: https://developers.mattermost.com/integrate/slash-commands/custom/
"""

import hmac
import re
from typing import Any

from flask import Blueprint, request

from ledger.errors import Code, Error
from portal import auth, bodies
from portal.chat import acting
from portal.chat.linking import Chatter
from portal.chat.slack import LARGEST, LONGEST
from portal.chatsettings import kept

bp = Blueprint("mattermost", __name__)

CLOSED = "Mattermost is not connected here; the portal's configuration says how: [chat] mattermost_token_file."
FORGED = "The token fits no slash command that is known here. Compare the command's token with the portal's."
_ID = re.compile(r"[a-z0-9]{1,40}")
_MARKS = re.compile(r"([\\`*_~#<>|\[\]()!])")


@bp.post("/chat/mattermost")
@auth.public
@auth.csrf.exempt  # type: ignore[untyped-decorator]
def command() -> Any:
    """Take a slash command."""
    services = auth.services()
    tokens = kept(services.config.chat.mattermost_token_file)
    if not tokens:
        raise Error(Code.NOT_FOUND, CLOSED)
    if bodies.at_most(LARGEST, cache=True) is None:
        raise Error(Code.INVALID, "That is longer than any command.")
    form = request.form
    given = request.headers.get("Authorization", "").removeprefix("Token ") or form.get("token", "")
    if not proves(tokens, given) or (form.get("token") and not proves(tokens, form.get("token", ""))):
        raise Error(Code.UNAUTHENTICATED, FORGED)
    user = form.get("user_id", "")
    if not _ID.fullmatch(user):
        raise Error(Code.INVALID, "A command of Mattermost names its user.")
    chatter = Chatter(f"mattermost:{user}", form.get("user_name", "")[:80] or user)
    return {"response_type": "ephemeral", "text": escaped(acting.answer(services, chatter, form.get("text", "")))}


def proves(tokens: tuple[str, ...], given: str) -> bool:
    """Is it one of the tokens? Each is compared, in constant time."""
    return sum(hmac.compare_digest(token.encode(), given.encode()) for token in tokens) > 0


def escaped(text: str) -> str:
    """Return a text in which nothing is markup or a mention of Mattermost's; addresses stay addresses.

    >>> escaped("*a* @all")
    '\\\\*a\\\\* @\\u200ball'
    """
    shown = text[:LONGEST]
    words = re.split(r"(https?://[\w.:/?=&%~#-]+)", shown)
    return "".join(
        word if at % 2 else _MARKS.sub(r"\\\1", word).replace("@", "@\u200b") for at, word in enumerate(words)
    )
