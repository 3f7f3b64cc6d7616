"""oncall: schedules, people's channels, alerts, incidents and the outbox of pages"""

import sqlalchemy as sa
from alembic import op

revision = "pre_0005"
down_revision = "pre_0004"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
AT = sa.DateTime(timezone=True)
OPEN, WAITING = sa.text("resolved_at IS NULL"), sa.text("ended_at IS NULL")


def upgrade() -> None:
    op.create_table(
        "incidents",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("service", sa.String(length=300), nullable=False),
        sa.Column("team", sa.String(length=300), nullable=False),
        sa.Column("policy", sa.String(length=120), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("severity", sa.String(length=20), nullable=False),
        sa.Column("urgency", sa.String(length=10), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("holder", sa.String(length=300), nullable=False),
        sa.Column("opened_at", AT, nullable=False),
        sa.Column("acknowledged_at", AT, nullable=True),
        sa.Column("resolved_at", AT, nullable=True),
        sa.Column("last_at", AT, nullable=False),
        sa.Column("alerts", sa.Integer(), nullable=False),
        sa.Column("environment", sa.String(length=40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("told", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incidents")),
    )
    with op.batch_alter_table("incidents", schema=None) as batch_op:
        batch_op.create_index("ix_incidents_open", ["id"], unique=False, sqlite_where=OPEN, postgresql_where=OPEN)
        batch_op.create_index("ix_incidents_opened_at", ["opened_at"], unique=False)
        batch_op.create_index("ix_incidents_service_id", ["service", "id"], unique=False)
        batch_op.create_index("ix_incidents_team_id", ["team", "id"], unique=False)

    op.create_table(
        "oncall_announced",
        sa.Column("key", sa.String(length=300), nullable=False),
        sa.Column("at", AT, nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_oncall_announced")),
    )
    op.create_table(
        "oncall_calendars",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("of", sa.String(length=300), nullable=False),
        sa.Column("by", sa.String(length=300), nullable=False),
        sa.Column("created_at", AT, nullable=False),
        sa.Column("revoked_at", AT, nullable=True),
        sa.Column("read_at", AT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_oncall_calendars")),
        sa.UniqueConstraint("sha256", name=op.f("uq_oncall_calendars_sha256")),
    )
    op.create_table(
        "oncall_channels",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("person", sa.String(length=300), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("label", sa.String(length=80), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("high_after", sa.Integer(), nullable=True),
        sa.Column("low_after", sa.Integer(), nullable=True),
        sa.Column("verified_at", AT, nullable=True),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("code_until", AT, nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("trouble", sa.Text(), nullable=False),
        sa.Column("trouble_at", AT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_oncall_channels")),
    )
    with op.batch_alter_table("oncall_channels", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_oncall_channels_person"), ["person"], unique=False)

    op.create_table(
        "oncall_documents",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("team", sa.String(length=300), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("since", AT, nullable=False),
        sa.Column("by", sa.String(length=300), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_oncall_documents")),
        sa.UniqueConstraint("kind", "name", "version", name=op.f("uq_oncall_documents_kind_name_version")),
    )
    op.create_table(
        "oncall_keys",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("hint", sa.String(length=8), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("service", sa.String(length=300), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("by", sa.String(length=300), nullable=False),
        sa.Column("created_at", AT, nullable=False),
        sa.Column("last_at", AT, nullable=True),
        sa.Column("ended_at", AT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_oncall_keys")),
        sa.UniqueConstraint("sha256", name=op.f("uq_oncall_keys_sha256")),
    )
    with op.batch_alter_table("oncall_keys", schema=None) as batch_op:
        batch_op.create_index("ix_oncall_keys_service", ["service"], unique=False)

    op.create_table(
        "oncall_notices",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("person", sa.String(length=300), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("path", sa.String(length=300), nullable=False),
        sa.Column("created_at", AT, nullable=False),
        sa.Column("sent_at", AT, nullable=True),
        sa.Column("seen_at", AT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_oncall_notices")),
    )
    with op.batch_alter_table("oncall_notices", schema=None) as batch_op:
        batch_op.create_index("ix_oncall_notices_person_id", ["person", "id"], unique=False)

    op.create_table(
        "oncall_overrides",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("schedule", sa.String(length=120), nullable=False),
        sa.Column("role", sa.String(length=60), nullable=False),
        sa.Column("person", sa.String(length=300), nullable=False),
        sa.Column("start", AT, nullable=False),
        sa.Column("end", AT, nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("replaces", sa.String(length=300), nullable=False),
        sa.Column("pair", BIG, nullable=True),
        sa.Column("by", sa.String(length=300), nullable=False),
        sa.Column("created_at", AT, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("removed_at", AT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_oncall_overrides")),
    )
    with op.batch_alter_table("oncall_overrides", schema=None) as batch_op:
        batch_op.create_index("ix_oncall_overrides_schedule_end", ["schedule", "end"], unique=False)

    op.create_table(
        "oncall_people",
        sa.Column("person", sa.String(length=300), nullable=False),
        sa.Column("zone", sa.String(length=80), nullable=False),
        sa.Column("quiet_from", sa.String(length=5), nullable=False),
        sa.Column("quiet_to", sa.String(length=5), nullable=False),
        sa.Column("away", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("person", name=op.f("pk_oncall_people")),
    )
    op.create_table(
        "oncall_silences",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("team", sa.String(length=300), nullable=False),
        sa.Column("matchers", sa.JSON(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("by", sa.String(length=300), nullable=False),
        sa.Column("created_at", AT, nullable=False),
        sa.Column("start", AT, nullable=False),
        sa.Column("end", AT, nullable=False),
        sa.Column("until_resolved", BIG, nullable=True),
        sa.Column("ended_at", AT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_oncall_silences")),
    )
    with op.batch_alter_table("oncall_silences", schema=None) as batch_op:
        batch_op.create_index(
            "ix_oncall_silences_live", ["end"], unique=False, sqlite_where=WAITING, postgresql_where=WAITING
        )

    op.create_table(
        "oncall_tasks",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("key", sa.String(length=300), nullable=False),
        sa.Column("team", sa.String(length=300), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("opened_at", AT, nullable=False),
        sa.Column("done_at", AT, nullable=True),
        sa.Column("done_by", sa.String(length=300), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_oncall_tasks")),
        sa.UniqueConstraint("key", name=op.f("uq_oncall_tasks_key")),
    )
    op.create_table(
        "oncall_teams",
        sa.Column("team", sa.String(length=300), nullable=False),
        sa.Column("pagerduty", sa.String(length=120), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("team", name=op.f("pk_oncall_teams")),
    )
    op.create_table(
        "oncall_waiting",
        sa.Column("inbox_id", BIG, autoincrement=False, nullable=False),
        sa.Column("key_id", BIG, nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.PrimaryKeyConstraint("inbox_id", name=op.f("pk_oncall_waiting")),
    )
    op.create_table(
        "alerts",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("source", sa.String(length=80), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("incident_id", BIG, nullable=True),
        sa.Column("muted", sa.Text(), nullable=False),
        sa.Column("service", sa.String(length=300), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("severity", sa.String(length=20), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("first_at", AT, nullable=False),
        sa.Column("last_at", AT, nullable=False),
        sa.Column("resolved_at", AT, nullable=True),
        sa.Column("ended_by", sa.String(length=20), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("said", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["incident_id"], ["incidents.id"], name=op.f("fk_alerts_incident_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alerts")),
    )
    with op.batch_alter_table("alerts", schema=None) as batch_op:
        batch_op.create_index("ix_alerts_incident_id", ["incident_id"], unique=False)
        batch_op.create_index("ix_alerts_key_source_id", ["key", "source", "id"], unique=False)
        batch_op.create_index(
            "ix_alerts_open", ["key", "source"], unique=True, sqlite_where=OPEN, postgresql_where=OPEN
        )

    op.create_table(
        "oncall_heartbeats",
        sa.Column("key_id", BIG, autoincrement=False, nullable=False),
        sa.Column("last_at", AT, nullable=True),
        sa.Column("due_at", AT, nullable=False),
        sa.Column("late", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["key_id"], ["oncall_keys.id"], name=op.f("fk_oncall_heartbeats_key_id")),
        sa.PrimaryKeyConstraint("key_id", name=op.f("pk_oncall_heartbeats")),
    )
    with op.batch_alter_table("oncall_heartbeats", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_oncall_heartbeats_due_at"), ["due_at"], unique=False)

    op.create_table(
        "pages",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("incident_id", BIG, nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("loop", sa.Integer(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("because", sa.String(length=20), nullable=False),
        sa.Column("person", sa.String(length=300), nullable=False),
        sa.Column("target", sa.String(length=300), nullable=False),
        sa.Column("channel", sa.String(length=60), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("due_at", AT, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("begun_at", AT, nullable=True),
        sa.Column("trying", sa.Boolean(), nullable=False),
        sa.Column("repeated", sa.Boolean(), nullable=False),
        sa.Column("ended_at", AT, nullable=True),
        sa.Column("ending", sa.String(length=20), nullable=False),
        sa.Column("said", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["incident_id"], ["incidents.id"], name=op.f("fk_pages_incident_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pages")),
        sa.UniqueConstraint(
            "incident_id", "step", "person", "channel", name=op.f("uq_pages_incident_id_step_person_channel")
        ),
    )
    with op.batch_alter_table("pages", schema=None) as batch_op:
        batch_op.create_index("ix_pages_person_id", ["person", "id"], unique=False)
        batch_op.create_index(
            "ix_pages_waiting", ["kind", "due_at"], unique=False, sqlite_where=WAITING, postgresql_where=WAITING
        )


def downgrade() -> None:
    raise NotImplementedError("put the copy back that was made before the upgrade")
