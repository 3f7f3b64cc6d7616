"""the catalog whole: entities with their relations, what can be searched, scores"""

import uuid

import sqlalchemy as sa
from alembic import op

revision = "pre_0002"
down_revision = "pre_0001"
branch_labels = None
depends_on = None

REPOSITORIES = sa.table("repositories", sa.column("id"), sa.column("uid"), sa.column("again"))


def upgrade() -> None:
    op.create_table(
        "catalog_scores",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("ref", sa.String(length=200), nullable=False),
        sa.Column("check", sa.String(length=80), nullable=False),
        sa.Column("passed", sa.Boolean(), nullable=True),
        sa.Column("said", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_catalog_scores")),
    )
    with op.batch_alter_table("catalog_scores", schema=None) as batch_op:
        batch_op.create_index("ix_catalog_scores_ref_check_id", ["ref", "check", "id"], unique=False)

    op.create_table(
        "catalog_entities",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("ref", sa.String(length=200), nullable=False),
        sa.Column("uid", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=63), nullable=False),
        sa.Column("name", sa.String(length=63), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("mail", sa.Text(), nullable=False),
        sa.Column("aliases", sa.JSON(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("lifecycle", sa.Text(), nullable=False),
        sa.Column("part_of", sa.String(length=200), nullable=True),
        sa.Column("owner_text", sa.Text(), nullable=False),
        sa.Column("owner_ref", sa.Text(), nullable=True),
        sa.Column("owner_source", sa.Text(), nullable=False),
        sa.Column("owner_line", sa.Integer(), nullable=False),
        sa.Column("owner_column", sa.Integer(), nullable=False),
        sa.Column("repository_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("column", sa.Integer(), nullable=False),
        sa.Column("revision", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("stale_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stale_revision", sa.String(length=64), nullable=True),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("removed_revision", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(
            ["repository_id"], ["repositories.id"], name=op.f("fk_catalog_entities_repository_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_catalog_entities")),
        sa.UniqueConstraint("ref", name=op.f("uq_catalog_entities_ref")),
        sa.UniqueConstraint("uid", name=op.f("uq_catalog_entities_uid")),
    )
    with op.batch_alter_table("catalog_entities", schema=None) as batch_op:
        batch_op.create_index("ix_catalog_entities_kind_name", ["kind", "name"], unique=False)
        batch_op.create_index(batch_op.f("ix_catalog_entities_owner_ref"), ["owner_ref"], unique=False)
        batch_op.create_index(batch_op.f("ix_catalog_entities_repository_id"), ["repository_id"], unique=False)

    op.create_table(
        "catalog_relations",
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.Column("type", sa.String(length=40), nullable=False),
        sa.Column("target", sa.String(length=200), nullable=False),
        sa.Column("stated_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("column", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["stated_by"], ["catalog_entities.id"], name=op.f("fk_catalog_relations_stated_by"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("source", "type", "target", "stated_by", name=op.f("pk_catalog_relations")),
    )
    with op.batch_alter_table("catalog_relations", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_catalog_relations_stated_by"), ["stated_by"], unique=False)

    op.create_table(
        "catalog_search",
        sa.Column("entity_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "key",
            sa.String(length=200).with_variant(sa.String(length=200, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column(
            "value",
            sa.String(length=200).with_variant(sa.String(length=200, collation="C"), "postgresql"),
            nullable=True,
        ),
        sa.Column("said", sa.String(length=200), nullable=True),
        sa.ForeignKeyConstraint(
            ["entity_id"], ["catalog_entities.id"], name=op.f("fk_catalog_search_entity_id"), ondelete="CASCADE"
        ),
    )
    with op.batch_alter_table("catalog_search", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_catalog_search_entity_id"), ["entity_id"], unique=False)
        batch_op.create_index(
            "ix_catalog_search_key_value_entity_id_said", ["key", "value", "entity_id", "said"], unique=False
        )

    with op.batch_alter_table("catalog_problems", schema=None) as batch_op:
        batch_op.add_column(sa.Column("last_seen", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("whole", sa.Boolean(), server_default="0", nullable=False))

    with op.batch_alter_table("repositories", schema=None) as batch_op:
        batch_op.add_column(sa.Column("uid", sa.String(length=36), server_default="", nullable=False))
        batch_op.add_column(sa.Column("paths", sa.JSON(), server_default="[]", nullable=False))
        batch_op.add_column(sa.Column("listed_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True))
        batch_op.add_column(sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("looked_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("doing", sa.String(length=200), server_default="", nullable=False))
    _read_again()


def _read_again() -> None:
    """The new tables are filled from git, at each repository's next read."""
    known = op.get_bind().execute(sa.select(REPOSITORIES.c.id)).scalars().all()
    for repository in known:
        row = sa.update(REPOSITORIES).where(REPOSITORIES.c.id == repository)
        op.execute(row.values(uid=str(uuid.uuid4()), again=True))


def downgrade() -> None:
    raise NotImplementedError("put the copy back that was made before the upgrade")
