"""Allotments, shipments with lines and shares, and the questions that were answered."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Expand only; contraction comes in a later version."""
    op.execute(sa.schema.CreateSequence(sa.Sequence("shipment_numbers")))
    op.create_table(
        "allotments",
        sa.Column("allotment_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("order_number", sa.Text(), nullable=True),
        sa.Column("line_id", sa.Uuid(), nullable=True),
        sa.Column("line_no", sa.Integer(), nullable=True),
        sa.Column("component", sa.Integer(), nullable=True),
        sa.Column("sku", sa.Text(), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("unit", sa.Text(), nullable=True),
        sa.Column("precision", sa.Integer(), nullable=True),
        sa.Column("customer", sa.Text(), nullable=True),
        sa.Column("ship_type", sa.Text(), nullable=True),
        sa.Column("warehouse", sa.Text(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column("carrier", sa.Text(), nullable=True),
        sa.Column("ship_to", postgresql.JSONB(), nullable=True),
        sa.Column("gated", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("qty", sa.Numeric(precision=18, scale=6), nullable=True),
        sa.Column("withdrawn", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("failed", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("passed", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("release_no", sa.Integer(), server_default="0", nullable=False),
        sa.Column("revoke_no", sa.Integer(), server_default="0", nullable=False),
        sa.Column("shipped", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("returned", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("missing", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("standing", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.CheckConstraint(
            "missing BETWEEN 0 AND returned", name=op.f("allotments_missing_is_returned_check")
        ),
        sa.CheckConstraint(
            "release_no = 0 OR num_nulls(qty, order_number, line_id, line_no, component, sku, description, unit,"
            " precision, customer, ship_type, warehouse, currency, ship_to) = 0",
            name=op.f("allotments_released_is_known_check"),
        ),
        sa.CheckConstraint(
            "release_no > 0 OR standing + shipped + returned = 0",
            name=op.f("allotments_unreleased_stands_nowhere_check"),
        ),
        sa.CheckConstraint(
            "withdrawn + failed + shipped + returned <= qty", name=op.f("allotments_units_once_check")
        ),
        sa.CheckConstraint(
            "withdrawn + shipped + returned + standing <= qty", name=op.f("allotments_standing_once_check")
        ),
        sa.CheckConstraint(
            "withdrawn >= 0 AND failed >= 0 AND passed >= 0 AND shipped >= 0 AND returned >= 0"
            " AND standing >= 0",
            name=op.f("allotments_not_negative_check"),
        ),
        sa.PrimaryKeyConstraint("allotment_id", name=op.f("allotments_pkey")),
    )
    op.create_table(
        "questions",
        sa.Column("question_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("answers", postgresql.JSONB(), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("question_id", name=op.f("questions_pkey")),
    )
    op.create_table(
        "shipments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("told", sa.Integer(), server_default="0", nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("order_number", sa.Text(), nullable=False),
        sa.Column("customer", sa.Text(), nullable=False),
        sa.Column("warehouse", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("ship_to", postgresql.JSONB(), nullable=False),
        sa.Column("carrier", sa.Text(), nullable=True),
        sa.Column("tracking_number", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("shipped_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("shipped_by", sa.Text(), nullable=True),
        sa.Column("void_reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(state = 'shipped') = (shipped_at IS NOT NULL)", name=op.f("shipments_shipped_says_when_check")
        ),
        sa.CheckConstraint(
            "(state = 'voided') = (void_reason IS NOT NULL)", name=op.f("shipments_voided_says_why_check")
        ),
        sa.CheckConstraint(
            "state IN ('pending', 'picking', 'packed', 'shipped', 'voided')",
            name=op.f("shipments_state_check"),
        ),
        sa.CheckConstraint(
            "(shipped_by IS NULL) = (shipped_at IS NULL)", name=op.f("shipments_shipped_says_who_check")
        ),
        sa.CheckConstraint("told BETWEEN 0 AND version", name=op.f("shipments_told_after_change_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("shipments_pkey")),
        sa.UniqueConstraint("number", name=op.f("shipments_number_key")),
    )
    op.create_index("shipments_created_ix", "shipments", ["created_at", "id"], unique=False)
    op.create_index("shipments_customer_ix", "shipments", ["customer", "created_at", "id"], unique=False)
    op.create_index("shipments_order_ix", "shipments", ["order_id", "created_at", "id"], unique=False)
    op.create_index("shipments_state_ix", "shipments", ["state", "created_at", "id"], unique=False)
    op.create_index("shipments_warehouse_ix", "shipments", ["warehouse", "created_at", "id"], unique=False)
    op.create_table(
        "shipment_lines",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("shipment_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("order_number", sa.Text(), nullable=False),
        sa.Column("line_id", sa.Uuid(), nullable=False),
        sa.Column("line_no", sa.Integer(), nullable=False),
        sa.Column("component", sa.Integer(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("precision", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["shipment_id"], ["shipments.id"], name=op.f("shipment_lines_shipment_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("shipment_lines_pkey")),
        sa.UniqueConstraint("shipment_id", "line_id", "component", name="shipment_lines_one_per_demand_key"),
    )
    op.create_index("shipment_lines_line_ix", "shipment_lines", ["line_id"], unique=False)
    op.create_index("shipment_lines_order_ix", "shipment_lines", ["order_id"], unique=False)
    op.create_table(
        "shipment_shares",
        sa.Column("shipment_line_id", sa.Uuid(), nullable=False),
        sa.Column("allotment_id", sa.Uuid(), nullable=False),
        sa.Column("qty", sa.Numeric(precision=18, scale=6), nullable=False),
        sa.Column("shipped", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.CheckConstraint("qty > 0", name=op.f("shipment_shares_something_check")),
        sa.CheckConstraint("shipped BETWEEN 0 AND qty", name=op.f("shipment_shares_shipped_of_it_check")),
        sa.ForeignKeyConstraint(
            ["allotment_id"], ["allotments.allotment_id"], name=op.f("shipment_shares_allotment_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["shipment_line_id"], ["shipment_lines.id"], name=op.f("shipment_shares_shipment_line_id_fkey")
        ),
        sa.PrimaryKeyConstraint("shipment_line_id", "allotment_id", name=op.f("shipment_shares_pkey")),
    )
    op.create_index("shipment_shares_allotment_ix", "shipment_shares", ["allotment_id"], unique=False)
