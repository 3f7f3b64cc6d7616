"""Two that wait for one another: the database ends one of them, which was not wrong and does it again.

Who works at several incidents holds them all, the smallest number first, and only then asks for jobs; so this is rare.
"""

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.exc import DBAPIError

TRIES = 5
DEADLOCK, SERIALIZATION = "40P01", "40001"  # PostgreSQL's names for it

T = TypeVar("T")


def until_through(act: Callable[[], T], tries: int = TRIES) -> T:
    """Do a whole transaction, again where it was ended to let another one through."""
    for _ in range(tries - 1):
        try:
            return act()
        except DBAPIError as error:
            if not was_ended(error):
                raise
    return act()


def was_ended(error: DBAPIError) -> bool:
    """Was nothing wrong but that another one wanted the same?"""
    return getattr(error.orig, "sqlstate", None) in (DEADLOCK, SERIALIZATION)
