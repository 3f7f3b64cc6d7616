"""deploys people trust: locks, approvals, statuses, quarantine, traffic, trains and bisects"""

import sqlalchemy as sa
from alembic import op

revision = "pre_0003"
down_revision = "pre_0002"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
AT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "locks",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("service", sa.String(length=300), nullable=True),
        sa.Column("environment", sa.String(length=40), nullable=True),
        sa.Column("hard", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("owner", sa.String(length=300), nullable=False),
        sa.Column("at", AT, nullable=False),
        sa.Column("expires_at", AT, nullable=True),
        sa.Column("lifted_at", AT, nullable=True),
        sa.Column("lifted_by", sa.String(length=300), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_locks")),
    )
    op.create_index("ix_locks_lifted_at_service", "locks", ["lifted_at", "service"])
    op.create_table(
        "approvals",
        sa.Column("service", sa.String(length=300), nullable=False),
        sa.Column("environment", sa.String(length=40), nullable=False),
        sa.Column("revision", sa.String(length=64), nullable=False),
        sa.Column("actor", sa.String(length=300), nullable=False),
        sa.Column("at", AT, nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("service", "environment", "revision", "actor", name=op.f("pk_approvals")),
    )
    op.create_table(
        "commit_statuses",
        sa.Column("repository", BIG, autoincrement=False, nullable=False),
        sa.Column("revision", sa.String(length=64), nullable=False),
        sa.Column("context", sa.String(length=200), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("said", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("at", AT, nullable=False),
        sa.PrimaryKeyConstraint("repository", "revision", "context", name=op.f("pk_commit_statuses")),
    )
    op.create_table(
        "quarantined_revisions",
        sa.Column("service", sa.String(length=300), nullable=False),
        sa.Column("revision", sa.String(length=64), nullable=False),
        sa.Column("environment", sa.String(length=40), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("deploy_id", BIG, nullable=False),
        sa.Column("at", AT, nullable=False),
        sa.Column("lifted_at", AT, nullable=True),
        sa.Column("lifted_by", sa.String(length=300), nullable=True),
        sa.PrimaryKeyConstraint("service", "revision", "environment", name=op.f("pk_quarantined_revisions")),
    )
    op.create_table(
        "traffic_minutes",
        sa.Column("service", sa.String(length=300), nullable=False),
        sa.Column("environment", sa.String(length=40), nullable=False),
        sa.Column("minute", AT, nullable=False),
        sa.Column("requests", sa.Integer(), nullable=False),
        sa.Column("errors", sa.Integer(), nullable=False),
        sa.Column("totals", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("service", "environment", "minute", name=op.f("pk_traffic_minutes")),
    )
    op.create_index("ix_traffic_minutes_minute", "traffic_minutes", ["minute"])
    op.create_table(
        "courses",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("service", sa.String(length=300), nullable=False),
        sa.Column("environment", sa.String(length=40), nullable=False),
        sa.Column("actor", sa.String(length=300), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("asked_at", AT, nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("ended_at", AT, nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("progress", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_courses")),
    )
    op.create_index("ix_courses_service_environment_id", "courses", ["service", "environment", "id"])
    op.create_index("ix_courses_state", "courses", ["state"])
    op.add_column("deploys", sa.Column("terms", sa.JSON(), nullable=False, server_default="{}"))
    op.add_column("live_releases", sa.Column("warm_until", AT, nullable=True))


def downgrade() -> None:
    raise NotImplementedError("put the copy back that was made before the upgrade")
