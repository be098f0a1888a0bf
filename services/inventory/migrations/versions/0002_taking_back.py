"""Taking back: what priority and losses ask for, what shipping will not let go, and who holds at the tail of the queue."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

QTY = sa.Numeric(precision=18, scale=6)


def upgrade() -> None:
    """Expand only."""
    _locks()
    _unpickings()
    _questions()
    _losses()
    _tail()
    op.add_column("purchase_order_lines", sa.Column("expected_on", sa.Date(), nullable=True))


def _locks() -> None:
    op.add_column(
        "allotments", sa.Column("locked", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )
    op.add_column("allotments", sa.Column("unlocks", sa.Integer(), server_default="0", nullable=False))
    op.create_check_constraint(op.f("allotments_unlocks_check"), "allotments", "unlocks >= 0")


def _unpickings() -> None:
    op.create_table(
        "unpickings",
        sa.Column("shipment_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("shipment_id", "version", name=op.f("unpickings_pkey")),
    )


def _questions() -> None:
    op.alter_column("questions", "order_id", nullable=True)
    op.add_column("questions", sa.Column("adjustment_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("questions_adjustment_id_fkey"), "questions", "adjustments", ["adjustment_id"], ["id"]
    )
    op.create_check_constraint(
        op.f("questions_asker_check"), "questions", "order_id IS NOT NULL OR adjustment_id IS NOT NULL"
    )
    op.create_index(
        "questions_of_adjustment",
        "questions",
        ["adjustment_id"],
        postgresql_where=sa.text("adjustment_id IS NOT NULL"),
    )
    op.add_column("asks", sa.Column("units", QTY, server_default="0", nullable=False))
    op.add_column("asks", sa.Column("got", QTY, server_default="0", nullable=False))
    op.add_column("asks", sa.Column("unlocks", sa.Integer(), server_default="0", nullable=False))
    # what was asked before this release is on its way all the same; a reader never counts more than stands asked
    op.execute("UPDATE asks SET units = wanted WHERE given IS NULL")
    op.create_check_constraint(op.f("asks_got_check"), "asks", "0 <= got AND got <= units")


def _losses() -> None:
    op.add_column("adjustments", sa.Column("asking", QTY, server_default="0", nullable=False))
    op.add_column("adjustments", sa.Column("refused", QTY, server_default="0", nullable=False))
    op.create_check_constraint(
        op.f("adjustments_loss_check"),
        "adjustments",
        "asking >= 0 AND refused >= 0 AND (asking + refused = 0 OR asking + refused <= -qty)",
    )


def _tail() -> None:
    op.add_column("demand", sa.Column("stuck", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.create_index(
        "demand_holders",
        "demand",
        [
            "sku",
            "warehouse",
            sa.literal_column("priority DESC"),
            "ranked_at",
            "order_id",
            "line_no",
            "component",
        ],
        postgresql_where=sa.text("granted > shipped AND NOT special AND NOT stuck"),
    )
    op.create_index(
        "allotments_asked", "allotments", ["sku", "warehouse"], postgresql_where=sa.text("asked > 0")
    )
    op.create_index(
        "allotments_locked", "allotments", ["sku", "warehouse"], postgresql_where=sa.text("locked")
    )
