"""oncall: what is asked for with each alert is found without going through what is over"""

import sqlalchemy as sa
from alembic import op

revision = "pre_0007"
down_revision = "pre_0006"
branch_labels = None
depends_on = None

OPEN, ENDED = sa.text("resolved_at IS NULL"), sa.text("resolved_at IS NOT NULL")


def upgrade() -> None:
    about = {"sqlite_where": OPEN, "postgresql_where": OPEN}
    op.create_index("ix_incidents_open_service", "incidents", ["service"], unique=False, **about)
    about = {"sqlite_where": ENDED, "postgresql_where": ENDED}
    op.create_index("ix_alerts_ended", "alerts", ["key", "resolved_at"], unique=False, **about)
    op.create_index("ix_alerts_incident_id_id", "alerts", ["incident_id", "id"], unique=False)
    op.drop_index("ix_alerts_incident_id", "alerts")


def downgrade() -> None:
    raise NotImplementedError("put the copy back that was made before the upgrade")
