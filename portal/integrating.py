"""Making and ending integrations with their keys, for the page and the API alike.

A key is returned once, to be shown once; what is kept of it is a hash. Whoever calls has asked before who may.
"""

import secrets
import string
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from ledger import events
from ledger.errors import Code, Error
from oncall import alertmanager, intakestore
from oncall.understanding import ALERTMANAGER
from portal import integrationforms

SIGNS, LENGTH = string.ascii_letters + string.digits, 32  # of a key, as PagerDuty's have


LONGEST = timedelta(days=90)  # that an old key holds beside its new one


@dataclass(frozen=True)
class Made:
    """An integration that was made just now. `secret` is seen once."""

    id: int
    name: str
    kind: str
    secret: str


def make(session: Session, kind: str, form: Mapping[str, str], service: str, by: str, now: datetime) -> Made:
    """Make an integration of a service; raise Error(INVALID) with every problem."""
    named = integrationforms.name(form, integrationforms.BY_KIND.get(kind, integrationforms.KINDS[0]))
    told = integrationforms.settings(kind, form, named)
    secret = new_key(kind)
    number = intakestore.add_key(session, secret, kind, named, service, told, by, now)
    data = {"kind": kind, "name": named}
    events.record(session, "oncall.integration_made", f"integration:{number}", by, now, data, service=service)
    return Made(number, named, kind, secret)


def change(
    session: Session, key: intakestore.Key, form: Mapping[str, str], service: str, by: str, now: datetime
) -> None:
    """Tell an integration something else; raise Error(INVALID) with every problem. What is secret stays."""
    kind = integrationforms.BY_KIND[key.kind]
    named = integrationforms.name(form, kind)
    told = integrationforms.settings(key.kind, form, named)
    if told.get("poll") and told["poll"] == alertmanager.shown(key.settings):
        told["poll"] = key.settings["poll"]
    intakestore.change_key(session, key.id, named, service, told, now)
    data: dict[str, Any] = {"kind": key.kind, "name": named}
    was = integrationforms.form_of(key.kind, key.settings)
    data["changed"] = [name for name, said in integrationforms.form_of(key.kind, told).items() if said != was.get(name)]
    events.record(session, "oncall.integration_changed", f"integration:{key.id}", by, now, data, service=service)


def renew(session: Session, key: intakestore.Key, lasts: timedelta, by: str, now: datetime) -> Made:
    """Give an integration another key; its last one holds for so long, and with no time at all none does."""
    if not timedelta(0) <= lasts <= LONGEST:
        raise Error(Code.INVALID, f"An old key may hold for {LONGEST.days} days at most.")
    secret = new_key(key.kind)
    intakestore.renew_key(session, key.id, secret, now + lasts if lasts else None)
    data = {"kind": key.kind, "name": key.name, "until": (now + lasts).isoformat()}
    events.record(session, "oncall.integration_renewed", f"integration:{key.id}", by, now, data, service=key.service)
    return Made(key.id, key.name, key.kind, secret)


def new_key(kind: str) -> str:
    secret = "".join(secrets.choice(SIGNS) for _ in range(LENGTH))
    is_ruleset = kind != ALERTMANAGER and secret.startswith("R")  # in PagerDuty's words
    return f"S{secret[1:]}" if is_ruleset else secret


def end(session: Session, key: intakestore.Key, by: str, now: datetime) -> None:
    intakestore.end_key(session, key.id, now)
    data = {"kind": key.kind, "name": key.name}
    events.record(session, "oncall.integration_ended", f"integration:{key.id}", by, now, data, service=key.service)
