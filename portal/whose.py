"""Whose a service is, and what people are called: the pages' questions to the catalog."""

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy.orm import Session

from catalog import query as catalog
from catalog.places import Problem
from catalog.query import Service
from ledger.errors import Code, Error
from portal.permissions import Owned
from portal.render import short_ref


def somebody(session: Session, user_ref: str) -> tuple[str, frozenset[str]]:
    """Return a person's full name and the teams that count her in."""
    name, teams = catalog.belongs(session, user_ref)
    return name or short_ref(user_ref), teams


def names(session: Session, refs: Iterable[str]) -> Mapping[str, str]:
    """Return the full names of those people the catalog knows."""
    return catalog.titles(session, list(refs))


def owned(service: Service) -> Owned:
    """Return whose a service is, and who could therefore change it."""
    people = tuple(person.name for person in service.owner.people)
    return Owned(service.name, service.owner.ref or None, service.owner.title, people)


def owned_by_ref(session: Session, ref: str) -> Owned:
    """Return whose it is, also for a service that has left the catalog: then nobody's."""
    try:
        return owned(catalog.service(session, ref))
    except Error as error:
        if error.code is not Code.NOT_FOUND:
            raise
        return Owned(short_ref(ref))


def problems(session: Session, service: Service) -> Sequence[Problem]:
    """Return what is wrong in the service's file, worst first."""
    if not service.problems:
        return ()
    found = [one for one in catalog.problems(session, service.repository_id) if one.entity in ("", service.ref)]
    return sorted(found, key=lambda one: (one.severity != "error", one.place))


def environments(service: Service) -> tuple[str, ...]:
    """Return what `spec.deploy.environments` names, as far as it can be read."""
    said = (service.deploy or {}).get("environments")
    return tuple(str(name) for name in said) if isinstance(said, Mapping) else ()
