"""oncall: keys of integrations that were renewed and still hold for a while"""

import sqlalchemy as sa
from alembic import op

revision = "pre_0006"
down_revision = "pre_0005"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "oncall_old_keys",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("key_id", BIG, nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["key_id"], ["oncall_keys.id"], name=op.f("fk_oncall_old_keys_key_id")),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_oncall_old_keys")),
    )


def downgrade() -> None:
    raise NotImplementedError("put the copy back that was made before the upgrade")
