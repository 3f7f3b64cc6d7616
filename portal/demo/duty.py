"""Sets on-call up at the company: phones that ring on a page, schedules, escalations, and a key for each service.

Done again where it is done already, it changes nothing, so a demo from before there was on-call gets it, too.
"""

import json
import os
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

import catalog.query
from ledger.errors import Code, Error
from oncall import intakestore, planstore
from oncall.understanding import ALERTMANAGER
from portal.demo import rotas
from portal.demo.people import BY_LOGIN, EMPLOYEES
from portal.demo.rotas import Written
from portal.oncalling import PHONES
from portal.services import Services

KEYS = "alerting.json"  # service to the key by which the demo's alerts come in
KEY = "the demo's alerts"
WHO = BY_LOGIN["kofi"].ref

Keys = Mapping[str, str]


def set_up(services: Services, now: datetime) -> Keys:
    """Have all of it, whatever of it is there; return the keys by service. The first of a schedule has this week."""
    _phones(services)
    with services.database.read() as session:
        known = {*planstore.documents(session, planstore.SCHEDULE), *planstore.documents(session, planstore.ESCALATION)}
    plans = services.oncall.plans
    for one in rotas.schedules(now):
        if one.name not in known:
            plans.save(one.name, one.team, one.text, _who(one), "the team takes turns")
    for one in rotas.ESCALATIONS:
        if one.name not in known:
            plans.save_escalation(one.name, one.team, one.text, _who(one), "who comes next when nobody does")
    return _keys(services)


def _who(one: Written) -> str:
    return BY_LOGIN[one.by].ref


def _phones(services: Services) -> None:
    """Give everybody a phone; the code that proves that it is hers has come back, but for some."""
    now = services.clock()
    with services.database.write() as session:
        there = planstore.ways(session, [one.ref for one in EMPLOYEES])
        for one in EMPLOYEES:
            if there.get(one.ref):
                continue
            address, at_once = f"memory://{one.login}", timedelta(0)
            number = planstore.add_way(session, one.ref, PHONES, "phone", address, at_once, at_once)
            if one.login not in rotas.NO_CODE_CAME_BACK:
                planstore.change_way(session, number, verified_at=now)
            planstore.set_quiet(session, one.ref, **rotas.reach(one.login))


def _keys(services: Services) -> Keys:
    """Return a key for each service that is deployed from here, made where there is none."""
    path = services.config.data / KEYS
    known = keys(path)
    with services.database.write() as session:
        known = {name: key for name, key in known.items() if intakestore.key_of(session, key) is not None}
        for one in catalog.query.services(session):
            if one.deploy is not None and one.name not in known:
                made = secrets.token_hex(16)
                intakestore.add_key(session, made, ALERTMANAGER, KEY, one.ref, {}, WHO, services.clock())
                known[one.name] = made
    draft = path.with_name(f".{KEYS}.{os.getpid()}")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(known, file)
    draft.replace(path)
    return known


def keys(path: Path) -> Keys:
    """Return what has been written; nothing where there is nothing yet."""
    try:
        told: dict[str, str] = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return told


def key_of(services: Services, service: str) -> str:
    found = keys(services.config.data / KEYS).get(service)
    if found is None:
        raise Error(Code.NOT_FOUND, f"{service} has no key for alerts.")
    return found
