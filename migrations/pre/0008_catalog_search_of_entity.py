"""catalog: whether an entity says something is found without going through all that everybody says"""

from alembic import op

revision = "pre_0008"
down_revision = "pre_0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_catalog_search_entity_id_key", "catalog_search", ["entity_id", "key"], unique=False)
    op.drop_index("ix_catalog_search_entity_id", "catalog_search")


def downgrade() -> None:
    raise NotImplementedError("put the copy back that was made before the upgrade")
