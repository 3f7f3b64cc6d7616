"""delivery: what became of each deploy, and sums of each day, made from the log"""

import sqlalchemy as sa
from alembic import op

revision = "pre_0004"
down_revision = "pre_0003"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
AT = sa.DateTime(timezone=True)
LEADS, MENDS = 33, 31  # cells of the histograms
FAILED = sa.text("failed <> ''")


def upgrade() -> None:
    op.create_table(
        "delivery_deploys",
        sa.Column("id", BIG, autoincrement=False, nullable=False),
        sa.Column("service", sa.String(length=300), nullable=False),
        sa.Column("environment", sa.String(length=40), nullable=False),
        sa.Column("release", sa.Integer(), nullable=False),
        sa.Column("requested_at", AT, nullable=False),
        sa.Column("rollback", sa.Boolean(), nullable=False),
        sa.Column("hotfix", sa.Boolean(), nullable=False),
        sa.Column("trial", sa.Boolean(), nullable=False),
        sa.Column("out_at", AT, nullable=True),
        sa.Column("ended_at", AT, nullable=True),
        sa.Column("ending", sa.String(length=20), nullable=False),
        sa.Column("aborted", sa.Boolean(), nullable=False),
        sa.Column("failed", sa.String(length=20), nullable=False),
        sa.Column("failed_at", AT, nullable=True),
        sa.Column("failed_by", BIG, nullable=True),
        sa.Column("recovered_at", AT, nullable=True),
        sa.Column("rework", sa.String(length=20), nullable=False),
        sa.Column("day", sa.Date(), nullable=True),
        sa.Column("committed", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery_deploys")),
    )
    with op.batch_alter_table("delivery_deploys", schema=None) as batch_op:
        batch_op.create_index("ix_delivery_deploys_environment_day", ["environment", "day"], unique=False)
        batch_op.create_index(
            "ix_delivery_deploys_service_environment_day", ["service", "environment", "day"], unique=False
        )
        batch_op.create_index(
            "ix_delivery_deploys_failed",
            ["environment", "day"],
            unique=False,
            sqlite_where=FAILED,
            postgresql_where=FAILED,
        )

    op.create_table(
        "delivery_lanes",
        sa.Column("service", sa.String(length=300), nullable=False),
        sa.Column("environment", sa.String(length=40), nullable=False),
        sa.Column("live", BIG, nullable=True),
        sa.Column("unmended", sa.JSON(), nullable=False),
        sa.Column("mending", AT, nullable=True),
        sa.PrimaryKeyConstraint("service", "environment", name=op.f("pk_delivery_lanes")),
    )

    op.create_table(
        "delivery_log",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("position", BIG, nullable=False),
        sa.Column("began", sa.Date(), nullable=True),
        sa.Column("until", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery_log")),
    )

    op.create_table(
        "delivery_days",
        sa.Column("environment", sa.String(length=40), nullable=False),
        sa.Column("span", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("service", sa.String(length=300), nullable=False),
        *_sums(),
        sa.PrimaryKeyConstraint("environment", "span", "day", "service", name=op.f("pk_delivery_days")),
        sqlite_with_rowid=False,
    )

    op.create_table(
        "delivery_windows",
        sa.Column("environment", sa.String(length=40), nullable=False),
        sa.Column("days", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("ago", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("service", sa.String(length=300), nullable=False),
        *_sums(),
        sa.PrimaryKeyConstraint("environment", "days", "ago", "service", name=op.f("pk_delivery_windows")),
        sqlite_with_rowid=False,
    )


def _sums() -> list[sa.Column[int]]:
    names = ["healthy", "out", "failed", "unmended", "rework"]
    names += [f"lead_{number:02}" for number in range(LEADS)] + [f"mend_{number:02}" for number in range(MENDS)]
    return [sa.Column(name, sa.Integer(), nullable=False) for name in names]


def downgrade() -> None:
    raise NotImplementedError("put the copy back that was made before the upgrade")
