"""Automation schedules, stock counts and replenishment."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

QTY = sa.Numeric(precision=18, scale=6)
INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Expand only."""
    _schedules()
    _counts()
    _replenishment()


def _schedules() -> None:
    op.create_table(
        "automation_schedules",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("cron", sa.Text(), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("next_at", INSTANT, nullable=True),
        sa.Column("trigger", sa.Text(), nullable=False),
        sa.CheckConstraint("name IN ('primary','secondary')", name=op.f("automation_schedules_name_check")),
        sa.CheckConstraint("enabled = (next_at IS NOT NULL)", name=op.f("automation_schedules_next_check")),
        sa.CheckConstraint(
            "trigger IN ('due','switched_on')", name=op.f("automation_schedules_trigger_check")
        ),
        sa.PrimaryKeyConstraint("name", name=op.f("automation_schedules_pkey")),
    )
    op.create_table(
        "automation_runs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("schedule", sa.Text(), nullable=False),
        sa.Column("trigger", sa.Text(), nullable=False),
        sa.Column("due_at", INSTANT, nullable=False),
        sa.Column("started_at", INSTANT, nullable=False),
        sa.Column("started_by", sa.Text(), nullable=False),
        sa.Column("finished_at", INSTANT, nullable=True),
        sa.Column("keys_looked_at", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("lines_filled", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("units", QTY, server_default="0", nullable=False),
        sa.Column("after_sku", sa.Text(), nullable=False),
        sa.Column("after_warehouse", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "trigger IN ('due','missed','switched_on','by_hand')", name=op.f("automation_runs_trigger_check")
        ),
        sa.CheckConstraint(
            "keys_looked_at >= 0 AND lines_filled >= 0 AND units >= 0",
            name=op.f("automation_runs_counts_check"),
        ),
        sa.ForeignKeyConstraint(
            ["schedule"], ["automation_schedules.name"], name=op.f("automation_runs_schedule_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("automation_runs_pkey")),
    )
    op.create_index(
        "automation_runs_one_at_a_time",
        "automation_runs",
        ["schedule"],
        unique=True,
        postgresql_where=sa.text("finished_at IS NULL"),
    )
    op.create_index("automation_runs_of_schedule", "automation_runs", ["schedule", "id"], unique=False)
    op.create_table(
        "automation_left",
        sa.Column("schedule", sa.Text(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("warehouse", sa.Text(), nullable=False),
        sa.Column("left_at", INSTANT, nullable=False),
        sa.CheckConstraint(
            "schedule IN ('primary','secondary')", name=op.f("automation_left_schedule_check")
        ),
        sa.PrimaryKeyConstraint("schedule", "sku", "warehouse", name=op.f("automation_left_pkey")),
    )


def _counts() -> None:
    op.execute(sa.schema.CreateSequence(sa.Sequence("stock_count_numbers")))
    op.create_table(
        "stock_counts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("warehouse", sa.Text(), nullable=False),
        sa.Column("expected", QTY, nullable=False),
        sa.Column("counted", QTY, nullable=False),
        sa.Column(
            "discrepancy",
            QTY,
            sa.Computed("counted - expected", persisted=True),
            nullable=False,
        ),
        sa.Column("adjustment_id", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("counted_by", sa.Text(), nullable=False),
        sa.Column("counted_at", INSTANT, nullable=False),
        sa.CheckConstraint("counted >= 0 AND expected >= 0", name=op.f("stock_counts_not_negative_check")),
        sa.CheckConstraint(
            "(counted = expected) = (adjustment_id IS NULL)",
            name=op.f("stock_counts_books_its_difference_check"),
        ),
        sa.ForeignKeyConstraint(
            ["adjustment_id"], ["adjustments.id"], name=op.f("stock_counts_adjustment_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("stock_counts_pkey")),
        sa.UniqueConstraint("number", name=op.f("stock_counts_number_key")),
        sa.UniqueConstraint("reference", name=op.f("stock_counts_reference_key")),
    )
    op.create_index(
        "adjustments_asking",
        "adjustments",
        ["sku", "warehouse"],
        unique=False,
        postgresql_where=sa.text("asking > 0"),
    )
    op.create_index("stock_counts_of_item", "stock_counts", ["sku", "warehouse", "id"], unique=False)


def _replenishment() -> None:
    op.create_table(
        "replenishment_left",
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("warehouse", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("sku", "warehouse", name=op.f("replenishment_left_pkey")),
    )
    op.create_table(
        "replenishment_needs",
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("warehouse", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("proposed", QTY, server_default="0", nullable=False),
        sa.Column("position", QTY, server_default="0", nullable=False),
        sa.Column("minimum", QTY, server_default="0", nullable=False),
        sa.Column("target", QTY, server_default="0", nullable=False),
        sa.Column("safety", QTY, server_default="0", nullable=False),
        sa.Column("lead_time_days", sa.Integer(), nullable=False),
        sa.Column("vendor", sa.Text(), nullable=True),
        sa.Column("from_warehouse", sa.Text(), nullable=True),
        sa.Column("told_at", INSTANT, nullable=False),
        sa.CheckConstraint("version > 0 AND proposed >= 0", name=op.f("replenishment_needs_proposed_check")),
        sa.ForeignKeyConstraint(
            ["sku", "warehouse"],
            ["replenishment_levels.sku", "replenishment_levels.warehouse"],
            name=op.f("replenishment_needs_sku_warehouse_fkey"),
        ),
        sa.PrimaryKeyConstraint("sku", "warehouse", name=op.f("replenishment_needs_pkey")),
    )
    op.add_column(
        "stock", sa.Column("has_levels", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )
    # levels that were set before this version count from the next change of their key on
    op.execute(
        "INSERT INTO stock (sku, warehouse, has_levels) SELECT sku, warehouse, true FROM replenishment_levels "
        "ON CONFLICT (sku, warehouse) DO UPDATE SET has_levels = true"
    )
