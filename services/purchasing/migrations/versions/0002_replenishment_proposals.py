"""Replenishment proposals: what inventory says that stock itself needs (BO-17)."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

QTY = sa.Numeric(precision=18, scale=6)


def upgrade() -> None:
    """Expand only."""
    op.create_table(
        "replenishment_proposals",
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("warehouse", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("qty", QTY, server_default="0", nullable=False),
        sa.Column("position", QTY, server_default="0", nullable=False),
        sa.Column("minimum", QTY, server_default="0", nullable=False),
        sa.Column("target", QTY, server_default="0", nullable=False),
        sa.Column("safety", QTY, server_default="0", nullable=False),
        sa.Column("lead_time_days", sa.Integer(), nullable=False),
        sa.Column("vendor", sa.Text(), nullable=True),
        sa.Column("source_warehouse", sa.Text(), nullable=True),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("qty >= 0", name=op.f("replenishment_proposals_qty_check")),
        sa.PrimaryKeyConstraint("sku", "warehouse", name=op.f("replenishment_proposals_pkey")),
    )
    op.create_index(
        "replenishment_proposals_open_ix",
        "replenishment_proposals",
        ["vendor", "sku", "warehouse"],
        unique=False,
        postgresql_where=sa.text("qty > 0"),
    )
    op.create_index(
        "replenishment_proposals_by_sku_ix",
        "replenishment_proposals",
        ["sku", "warehouse"],
        unique=False,
        postgresql_where=sa.text("qty > 0"),
    )
