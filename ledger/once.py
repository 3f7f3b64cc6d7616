"""Insert a row unless one like it is there: safe when two transactions do it at the same time, on both databases."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session


def insert_once(session: Session, table: Table, values: Mapping[str, Any]) -> Any:
    """Return the new row's first key column, or None when a unique index already holds such a row.

    On PostgreSQL this waits for a transaction that is just inserting the same, and then says None if it committed.
    """
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    key = next(iter(table.primary_key))
    return session.scalar(insert(table).values(values).on_conflict_do_nothing().returning(key))
