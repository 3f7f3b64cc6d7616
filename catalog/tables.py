"""The tables of this room; only its stores open them.

All but the repositories, the scores and the first sight of a problem can be read again from git at any time.
"""

from datetime import datetime

from sqlalchemy import JSON, Boolean, Column, ForeignKey, Index, Integer, String, Table, Text
from sqlalchemy.orm import Mapped, mapped_column

from ledger.db import Base, BigId, UTCDateTime

REF = String(200)  # kind, namespace and name have at most 63 characters each
# Sorted and compared byte by byte on both databases.
WORD = String(200).with_variant(String(200, collation="C"), "postgresql")


class RepositoryRow(Base):
    """A repository that is read.

    `error` says why it could not be read the last time, empty when it was. `paths`: files that are read besides every
    catalog-info.yaml. `listed_by`: the repository whose Location names it, None when a person registered it.
    """

    __tablename__ = "repositories"
    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    url: Mapped[str] = mapped_column(String(2000), unique=True)
    name: Mapped[str] = mapped_column(String(300))
    registered_at: Mapped[datetime] = mapped_column(UTCDateTime)
    default_branch: Mapped[str | None] = mapped_column(String(300))
    head: Mapped[str | None] = mapped_column(String(64))
    head_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    head_subject: Mapped[str | None] = mapped_column(Text)
    synced_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    error: Mapped[str] = mapped_column(Text, default="")
    again: Mapped[bool] = mapped_column(Boolean, default=False)  # read again although its head has not moved
    uid: Mapped[str] = mapped_column(String(36), default="", server_default="")
    paths: Mapped[list[str]] = mapped_column(JSON, default=list, server_default="[]")
    listed_by: Mapped[int | None] = mapped_column(BigId)
    asked_at: Mapped[datetime | None] = mapped_column(UTCDateTime)  # when somebody wanted it read
    looked_at: Mapped[datetime | None] = mapped_column(UTCDateTime)  # when that was last done, whatever came of it
    doing: Mapped[str] = mapped_column(String(200), default="", server_default="")  # what a read is at: fetching, …


class EntityRow(Base):
    """An entity's last good self. `document` is what the API shows, as JSON, its relations in it.

    `stale_since`: its file says something else now (from `stale_revision` on) that cannot be used. `removed_at`: its
    file no longer describes it; it is forgotten after a time of grace. `owner_source`: where the owner stands when the
    entity itself names none (`CODEOWNERS:12`). `part_of`: what it inherits an owner from.
    """

    __tablename__ = "catalog_entities"
    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    ref: Mapped[str] = mapped_column(REF, unique=True)
    uid: Mapped[str] = mapped_column(String(36), unique=True)
    kind: Mapped[str] = mapped_column(String(63))  # lower-case
    name: Mapped[str] = mapped_column(String(63))
    title: Mapped[str] = mapped_column(Text)
    description: Mapped[str] = mapped_column(Text)
    mail: Mapped[str] = mapped_column(Text, default="")
    aliases: Mapped[list[str]] = mapped_column(JSON, default=list)  # other names of a group or a person
    type: Mapped[str] = mapped_column(Text, default="")
    lifecycle: Mapped[str] = mapped_column(Text, default="")
    part_of: Mapped[str | None] = mapped_column(REF)
    owner_text: Mapped[str] = mapped_column(Text, default="")  # as written
    owner_ref: Mapped[str | None] = mapped_column(Text, index=True)
    owner_source: Mapped[str] = mapped_column(Text, default="")
    owner_line: Mapped[int] = mapped_column(Integer, default=1)
    owner_column: Mapped[int] = mapped_column(Integer, default=1)
    repository_id: Mapped[int] = mapped_column(BigId, ForeignKey("repositories.id", ondelete="CASCADE"), index=True)
    path: Mapped[str] = mapped_column(Text)
    line: Mapped[int] = mapped_column(Integer, default=1)
    column: Mapped[int] = mapped_column(Integer, default=1)
    revision: Mapped[str] = mapped_column(String(64))  # the newest commit as of which all of this is so
    digest: Mapped[str] = mapped_column(String(64))  # of what its file says
    document: Mapped[str] = mapped_column(Text)
    added_at: Mapped[datetime] = mapped_column(UTCDateTime)
    changed_at: Mapped[datetime] = mapped_column(UTCDateTime)
    stale_since: Mapped[datetime | None] = mapped_column(UTCDateTime)
    stale_revision: Mapped[str | None] = mapped_column(String(64))
    removed_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    removed_revision: Mapped[str | None] = mapped_column(String(64))

    __table_args__ = (Index("ix_catalog_entities_kind_name", "kind", "name"),)


class RelationRow(Base):
    """One direction of a relation, as one entity (`stated_by`) says it; its other direction is a row of its own."""

    __tablename__ = "catalog_relations"
    source: Mapped[str] = mapped_column(REF, primary_key=True)
    type: Mapped[str] = mapped_column(String(40), primary_key=True)
    target: Mapped[str] = mapped_column(REF, primary_key=True)
    stated_by: Mapped[int] = mapped_column(
        BigId, ForeignKey("catalog_entities.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    line: Mapped[int] = mapped_column(Integer, default=1)  # where that entity's file says it
    column: Mapped[int] = mapped_column(Integer, default=1)


# What can be filtered and sorted by: every value of a document under its dotted key, both in lower case.
# `said` is the value as written where that differs. `value` is NULL for what is too long to be looked for.
SEARCH = Table(
    "catalog_search",
    Base.metadata,
    Column("entity_id", BigId, ForeignKey("catalog_entities.id", ondelete="CASCADE"), nullable=False),
    Column("key", WORD, nullable=False),
    Column("value", WORD),
    Column("said", String(200)),
    Index("ix_catalog_search_entity_id_key", "entity_id", "key"),
    Index("ix_catalog_search_key_value_entity_id_said", "key", "value", "entity_id", "said"),  # answers by itself
)


class ProblemRow(Base):
    """One thing that is wrong. `whole`: found by looking at the whole catalog, not at one file."""

    __tablename__ = "catalog_problems"
    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    repository_id: Mapped[int] = mapped_column(BigId, ForeignKey("repositories.id", ondelete="CASCADE"))
    entity: Mapped[str] = mapped_column(String(300))
    path: Mapped[str] = mapped_column(Text)
    line: Mapped[int] = mapped_column(Integer)
    column: Mapped[int] = mapped_column(Integer)
    severity: Mapped[str] = mapped_column(String(20))
    code: Mapped[str] = mapped_column(String(80))
    message: Mapped[str] = mapped_column(Text)
    hint: Mapped[str] = mapped_column(Text)
    first_seen: Mapped[datetime] = mapped_column(UTCDateTime)
    last_seen: Mapped[datetime | None] = mapped_column(UTCDateTime)
    whole: Mapped[bool] = mapped_column(Boolean, default=False, server_default="0")

    __table_args__ = (Index("ix_catalog_problems_repository_id_entity", "repository_id", "entity"),)


class ScoreRow(Base):
    """How a check of the scorecard came out for an entity; a row is written when that changes."""

    __tablename__ = "catalog_scores"
    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    ref: Mapped[str] = mapped_column(REF)
    check: Mapped[str] = mapped_column(String(80))
    passed: Mapped[bool | None] = mapped_column(Boolean)  # None: it does not apply
    said: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(UTCDateTime)

    __table_args__ = (Index("ix_catalog_scores_ref_check_id", "ref", "check", "id"),)
