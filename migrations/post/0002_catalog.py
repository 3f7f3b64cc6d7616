"""the small catalog's tables, which nothing reads any more"""

from alembic import op

revision = "post_0002"
down_revision = "post_0001"
branch_labels = None
depends_on = "pre_0002"


def upgrade() -> None:
    op.drop_table("memberships")
    op.drop_table("entities")


def downgrade() -> None:
    raise NotImplementedError("put the copy back that was made before the upgrade")
