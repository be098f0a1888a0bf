"""Of what shipping returned, what nobody had passed: it is inspected when it is pegged again (SO-9)."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Expand only."""
    op.add_column(
        "allotments",
        sa.Column("unproven", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
    )
    op.execute(
        "ALTER TABLE allotments ADD CONSTRAINT allotments_unproven_is_returned_check"
        " CHECK (unproven BETWEEN 0 AND returned) NOT VALID"
    )
    op.execute("ALTER TABLE allotments VALIDATE CONSTRAINT allotments_unproven_is_returned_check")
