"""What notices are derived from."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Expand only; contraction comes in a later version."""
    op.create_table(
        "claims",
        sa.Column("allotment_id", sa.Uuid(), nullable=False),
        sa.Column("line_id", sa.Uuid(), nullable=False),
        sa.Column("component", sa.Integer(), nullable=False),
        sa.Column("gated", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("qty", sa.Numeric(precision=18, scale=6), nullable=True),
        sa.Column("withdrawn", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("failed", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("passed", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("shipped", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("returned", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("unproven", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("allotment_id", name=op.f("claims_pkey")),
    )
    op.create_index("claims_line_ix", "claims", ["line_id", "component"], unique=False)
    op.create_table(
        "demands",
        sa.Column("line_id", sa.Uuid(), nullable=False),
        sa.Column("component", sa.Integer(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), server_default="0", nullable=False),
        sa.Column("order_number", sa.Text(), nullable=True),
        sa.Column("line_no", sa.Integer(), nullable=True),
        sa.Column("sku", sa.Text(), nullable=True),
        sa.Column("unit", sa.Text(), nullable=True),
        sa.Column("warehouse", sa.Text(), nullable=True),
        sa.Column("wanted", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("is_open", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("from_stock", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("settled_version", sa.Integer(), server_default="0", nullable=False),
        sa.Column("first_version", sa.Integer(), nullable=True),
        sa.Column("first_granted", sa.Numeric(precision=18, scale=6), nullable=True),
        sa.CheckConstraint(
            "(first_version IS NULL) = (first_granted IS NULL)", name=op.f("demands_first_says_what_check")
        ),
        sa.CheckConstraint(
            "version = 0 OR num_nulls(order_number, line_no, sku, unit, warehouse) = 0",
            name=op.f("demands_told_is_known_check"),
        ),
        sa.CheckConstraint("wanted >= 0 AND first_granted >= 0", name=op.f("demands_not_negative_check")),
        sa.PrimaryKeyConstraint("line_id", "component", name=op.f("demands_pkey")),
    )
    op.create_index("demands_order_ix", "demands", ["order_id"], unique=False)
    op.create_table(
        "pick_locks",
        sa.Column("question_id", sa.Uuid(), nullable=False),
        sa.Column("allotment_id", sa.Uuid(), nullable=False),
        sa.Column("shipment_id", sa.Uuid(), nullable=False),
        sa.Column("shipment_number", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("order_number", sa.Text(), nullable=False),
        sa.Column("line_id", sa.Uuid(), nullable=False),
        sa.Column("line_no", sa.Integer(), nullable=False),
        sa.Column("component", sa.Integer(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("warehouse", sa.Text(), nullable=False),
        sa.Column("qty", sa.Numeric(precision=18, scale=6), nullable=False),
        sa.PrimaryKeyConstraint("question_id", "allotment_id", "shipment_id", name=op.f("pick_locks_pkey")),
    )
    op.create_index("pick_locks_order_ix", "pick_locks", ["order_id"], unique=False)
    op.create_index("pick_locks_shipment_ix", "pick_locks", ["shipment_id"], unique=False)
    op.create_table(
        "shipments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("warehouse", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("shipments_pkey")),
    )
    op.create_table(
        "takings",
        sa.Column("line_id", sa.Uuid(), nullable=False),
        sa.Column("component", sa.Integer(), nullable=False),
        sa.Column("for_order_number", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("qty", sa.Numeric(precision=18, scale=6), nullable=False),
        sa.CheckConstraint("qty > 0", name=op.f("takings_something_check")),
        sa.PrimaryKeyConstraint("line_id", "component", "for_order_number", name=op.f("takings_pkey")),
    )
    op.create_table(
        "shipment_shares",
        sa.Column("shipment_id", sa.Uuid(), nullable=False),
        sa.Column("allotment_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("order_number", sa.Text(), nullable=False),
        sa.Column("line_id", sa.Uuid(), nullable=False),
        sa.Column("line_no", sa.Integer(), nullable=False),
        sa.Column("component", sa.Integer(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("qty", sa.Numeric(precision=18, scale=6), nullable=False),
        sa.ForeignKeyConstraint(
            ["shipment_id"], ["shipments.id"], name=op.f("shipment_shares_shipment_id_fkey")
        ),
        sa.PrimaryKeyConstraint("shipment_id", "allotment_id", name=op.f("shipment_shares_pkey")),
    )
    op.create_index("shipment_shares_allotment_ix", "shipment_shares", ["allotment_id"], unique=False)
    op.create_index("shipment_shares_line_ix", "shipment_shares", ["line_id"], unique=False)
    op.add_column("notice_concerns", sa.Column("sku", sa.Text(), nullable=True))
    op.add_column("notices", sa.Column("shipment_id", sa.Uuid(), nullable=True))
    op.add_column("notices", sa.Column("shipment_number", sa.Text(), nullable=True))
    op.create_index("notices_shipment_ix", "notices", ["shipment_id"], unique=False)
