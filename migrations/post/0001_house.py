"""nothing to take away yet: the beginning of the post branch"""

revision = "post_0001"
down_revision = None
branch_labels = ("post",)
depends_on = "pre_0001"


def upgrade() -> None:
    """The first version has nothing before it."""


def downgrade() -> None:
    """Nothing was done."""
