"""Whose chat it is: somebody in chat asks for an address, opens it logged in, and says that it is she.

The address holds ten minutes and once. What has been linked is a fact like every other, so it is audited, and the
newest one counts. An account that is closed, and a chat that nobody has linked, can order nothing.
"""

import secrets
from dataclasses import dataclass
from datetime import timedelta

from flask import Blueprint, render_template
from itsdangerous import BadSignature, SignatureExpired, URLSafeTimedSerializer
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from ledger import events
from ledger.errors import Code, Error
from ledger.events import EventRow
from portal import accounts, auth, whose
from portal import config as configs
from portal.pages import common
from portal.permissions import Person
from portal.services import Services

bp = Blueprint("chat", __name__)

HOLDS = timedelta(minutes=10)
LINKED, UNLINKED = "chat.linked", "chat.unlinked"
OVER = "This address does not hold any more. Say `link` in the chat again and open the new one."


@dataclass(frozen=True)
class Chatter:
    """Somebody in a chat. `key` is hers alone (`slack:T1:U7`), `name` is how the chat shows her."""

    key: str
    name: str

    @property
    def subject(self) -> str:
        return f"chat:{self.key}"[:300]

    @property
    def place(self) -> str:
        return self.key.partition(":")[0].title()


def known(services: Services, session: Session, chatter: Chatter) -> Person | None:
    """Return whose chat that is; None where nobody has said so, or her account is closed."""
    newest = select(EventRow).where(EventRow.subject == chatter.subject, EventRow.kind.in_((LINKED, UNLINKED)))
    row = session.scalars(newest.order_by(EventRow.id.desc()).limit(1)).one_or_none()
    if row is None or row.kind != LINKED:
        return None
    account = accounts.find(session, int(row.data["account"]))
    if account is None:
        return None
    name, teams = whose.somebody(session, account.user_ref) if account.user_ref else (account.name, frozenset())
    return Person(account.name, name, account.user_ref, account.role, teams)


def address(services: Services, chatter: Chatter) -> str:
    """Return where somebody says that this chat is hers."""
    token = _seal(services).dumps([chatter.key, chatter.name, secrets.token_hex(8)])
    return f"{services.config.address}/chat/link/{token}"


def unlink(services: Services, session: Session, chatter: Chatter, actor: str) -> None:
    events.record(session, UNLINKED, chatter.subject, actor, services.clock(), {})


@bp.get("/chat/link/<token>")
def show(token: str) -> str:
    chatter, nonce = _meant(token)
    with auth.services().database.read() as session:
        _unused(session, chatter, nonce)
    return render_template("chatlink.html", here="", chatter=chatter, token=token)


@bp.post("/chat/link/<token>")
def confirm(token: str) -> Response:
    """Whoever is logged in says that the chat is hers."""
    services, (chatter, nonce) = auth.services(), _meant(token)
    actor, account = auth.somebody().actor, auth.account()
    with services.database.write() as session:
        _unused(session, chatter, nonce)
        said = {"account": account.id, "name": chatter.name, "nonce": nonce}
        events.record(session, LINKED, chatter.subject, actor, services.clock(), said)
    common.done(f"{chatter.name} in {chatter.place} is you from now on; `unlink` there ends it.")
    return common.back_to("account.show")


def _meant(token: str) -> tuple[Chatter, str]:
    try:
        key, name, nonce = _seal(auth.services()).loads(token, max_age=int(HOLDS.total_seconds()))
    except SignatureExpired:
        raise Error(Code.CONFLICT, OVER) from None
    except (BadSignature, ValueError, TypeError):
        raise Error(Code.NOT_FOUND, "This address is none of ours, or not whole.") from None
    return Chatter(str(key), str(name)), str(nonce)


def _unused(session: Session, chatter: Chatter, nonce: str) -> None:
    facts = session.scalars(select(EventRow).where(EventRow.subject == chatter.subject, EventRow.kind == LINKED))
    if any(fact.data.get("nonce") == nonce for fact in facts):
        raise Error(Code.CONFLICT, OVER)


def _seal(services: Services) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(configs.secret_key(services.config), salt="chat-link")
