"""Insert a row unless one like it is there: safe when two transactions do it at the same time, on both databases."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Column, Row, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session


def insert_once(session: Session, table: Table, values: Mapping[str, Any]) -> Any:
    """Return the new row's first key column, or None when a unique index already holds such a row.

    On PostgreSQL this waits for a transaction that is just inserting the same, and then says None if it committed.
    """
    key = next(iter(table.primary_key))
    return session.scalar(_insert(table, session.get_bind().dialect.name, key), dict(values))


def insert_many_once(
    session: Session, table: Table, rows: Sequence[Mapping[str, Any]], *told: Column[Any]
) -> Sequence[Row[*tuple[Any, ...]]]:
    """Insert many rows by one statement; return those columns of the new ones."""
    statement = _insert(table, session.get_bind().dialect.name, *told)
    return session.connection().execute(statement, rows).all() if rows else ()


@lru_cache(maxsize=200)
def _insert(table: Table, dialect: str, *told: Column[Any]) -> Any:
    """Return the statement, which is made once: it is asked for with nearly everything that is written."""
    insert = sqlite.insert if dialect == "sqlite" else postgresql.insert
    return insert(table).on_conflict_do_nothing().returning(*told)
