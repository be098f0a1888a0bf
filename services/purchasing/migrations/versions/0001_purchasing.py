"""Demands, purchase orders and ties, vendors, the exception desk."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Expand only; contraction comes in a later version."""
    op.execute("CREATE SEQUENCE purchase_order_numbers")
    op.create_table(
        "allotments",
        sa.Column("allotment_id", sa.Uuid(), nullable=False),
        sa.Column("line_id", sa.Uuid(), nullable=False),
        sa.Column("component", sa.Integer(), nullable=False),
        sa.Column("tie_id", sa.Uuid(), nullable=True),
        sa.Column("receipt_line_id", sa.Uuid(), nullable=True),
        sa.Column("qty", sa.Numeric(precision=18, scale=6), nullable=True),
        sa.Column("withdrawn", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("failed", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("passed", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("shipped", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("returned", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("missing", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.CheckConstraint("missing <= returned", name=op.f("allotments_missing_check")),
        sa.CheckConstraint(
            "qty IS NULL OR withdrawn + failed + shipped + returned <= qty",
            name=op.f("allotments_figures_check"),
        ),
        sa.PrimaryKeyConstraint("allotment_id", name=op.f("allotments_pkey")),
    )
    op.create_index("allotments_line_id_component_ix", "allotments", ["line_id", "component"], unique=False)
    op.create_index(
        "allotments_tie_id_ix",
        "allotments",
        ["tie_id"],
        unique=False,
        postgresql_where=sa.text("tie_id IS NOT NULL"),
    )
    op.create_table(
        "demands",
        sa.Column("line_id", sa.Uuid(), nullable=False),
        sa.Column("component", sa.Integer(), nullable=False),
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("order_number", sa.Text(), nullable=False),
        sa.Column("order_version", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("order_state", sa.Text(), nullable=False),
        sa.Column("line_no", sa.Integer(), nullable=False),
        sa.Column("parent_line_id", sa.Uuid(), nullable=True),
        sa.Column("customer", sa.Text(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("precision", sa.Integer(), nullable=False),
        sa.Column("product_line", sa.Text(), nullable=True),
        sa.Column("warehouse", sa.Text(), nullable=False),
        sa.Column("special_order", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("drop_ship", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("special_order_id", sa.Uuid(), nullable=True),
        sa.Column("vendor", sa.Text(), nullable=True),
        sa.Column("source_warehouse", sa.Text(), nullable=True),
        sa.Column("cost", sa.Numeric(precision=19, scale=4), nullable=True),
        sa.Column("cost_overridden", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("cost_unit", sa.Text(), nullable=True),
        sa.Column("free_of_charge", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("ordered", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("cancel_wanted", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("priority", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("ranked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("requested_on", sa.Date(), nullable=True),
        sa.Column("credit_hold", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column(
            "creator_scopes",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'"),
            nullable=False,
        ),
        sa.Column(
            "comments",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'"),
            nullable=False,
        ),
        sa.Column("bought", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("ever_tied", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("left_to_buyer", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("request_state", sa.Text(), server_default=sa.text("'none'"), nullable=False),
        sa.Column("need", sa.Numeric(precision=18, scale=6), server_default=sa.text("0"), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(request_state <> 'none') = (need > 0)", name=op.f("demands_request_has_need_check")
        ),
        sa.CheckConstraint(
            "request_state = 'none' OR requested_at IS NOT NULL", name=op.f("demands_request_has_time_check")
        ),
        sa.CheckConstraint(
            "request_state IN ('none', 'open', 'exception')", name=op.f("demands_request_state_check")
        ),
        sa.CheckConstraint("cancel_wanted BETWEEN 0 AND ordered", name=op.f("demands_cancel_wanted_check")),
        sa.CheckConstraint("component >= 0", name=op.f("demands_component_check")),
        sa.CheckConstraint("cost >= 0", name=op.f("demands_cost_check")),
        sa.PrimaryKeyConstraint("line_id", "component", name=op.f("demands_pkey")),
        sa.UniqueConstraint("request_id", name=op.f("demands_request_id_key")),
    )
    op.create_index("demands_order_id_ix", "demands", ["order_id"], unique=False)
    op.create_index(
        "demands_parent_line_id_ix",
        "demands",
        ["parent_line_id"],
        unique=False,
        postgresql_where=sa.text("parent_line_id IS NOT NULL"),
    )
    op.create_index(
        "demands_requests_by_sku_ix",
        "demands",
        ["sku"],
        unique=False,
        postgresql_where=sa.text("request_state <> 'none'"),
    )
    op.create_index(
        "demands_requests_by_vendor_ix",
        "demands",
        ["vendor", "sku"],
        unique=False,
        postgresql_where=sa.text("request_state <> 'none'"),
    )
    op.create_index(
        "demands_requests_ix",
        "demands",
        ["requested_at", "request_id"],
        unique=False,
        postgresql_where=sa.text("request_state <> 'none'"),
    )
    op.create_table(
        "exceptions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("line_id", sa.Uuid(), nullable=True),
        sa.Column("component", sa.Integer(), nullable=True),
        sa.Column("order_id", sa.Uuid(), nullable=True),
        sa.Column("order_number", sa.Text(), nullable=True),
        sa.Column("line_no", sa.Integer(), nullable=True),
        sa.Column("po_id", sa.Uuid(), nullable=True),
        sa.Column("po_number", sa.Text(), nullable=True),
        sa.Column("receipt_line_id", sa.Uuid(), nullable=True),
        sa.Column("warehouse", sa.Text(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("qty", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cleared_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cleared_by", sa.Text(), nullable=True),
        sa.Column("clear_reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(line_id IS NULL) <> (receipt_line_id IS NULL)", name=op.f("exceptions_subject_check")
        ),
        sa.CheckConstraint("(line_id IS NULL) = (component IS NULL)", name=op.f("exceptions_demand_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("exceptions_pkey")),
    )
    op.create_index("exceptions_first_seen_at_id_ix", "exceptions", ["first_seen_at", "id"], unique=False)
    op.create_index(
        "exceptions_open_ix",
        "exceptions",
        ["line_id", "component", "kind"],
        unique=True,
        postgresql_where=sa.text("cleared_at IS NULL AND line_id IS NOT NULL"),
    )
    op.create_index("exceptions_order_id_ix", "exceptions", ["order_id"], unique=False)
    op.create_index(
        "exceptions_receipt_line_id_ix",
        "exceptions",
        ["receipt_line_id"],
        unique=True,
        postgresql_where=sa.text("receipt_line_id IS NOT NULL"),
    )
    op.create_index(
        "exceptions_unmended_ix",
        "exceptions",
        ["first_seen_at", "id"],
        unique=False,
        postgresql_where=sa.text("cleared_at IS NULL"),
    )
    op.create_table(
        "items",
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("precision", sa.Integer(), nullable=False),
        sa.Column("product_line", sa.Text(), nullable=True),
        sa.Column("special_order", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("drop_ship", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.PrimaryKeyConstraint("sku", name=op.f("items_pkey")),
    )
    op.create_table(
        "product_lines",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("vendor", sa.Text(), nullable=True),
        sa.Column("target_buy", sa.Numeric(precision=19, scale=4), nullable=True),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("target_buy > 0", name=op.f("product_lines_target_buy_check")),
        sa.CheckConstraint(
            "target_buy IS NULL OR currency IS NOT NULL", name=op.f("product_lines_target_currency_check")
        ),
        sa.PrimaryKeyConstraint("code", name=op.f("product_lines_pkey")),
    )
    op.create_table(
        "purchase_order_receipts",
        sa.Column("receipt_line_id", sa.Uuid(), nullable=False),
        sa.Column("receipt_id", sa.Uuid(), nullable=False),
        sa.Column("po_line_id", sa.Uuid(), nullable=False),
        sa.Column("received", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("surplus", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("receipt_line_id", name=op.f("purchase_order_receipts_pkey")),
    )
    op.create_index(
        "purchase_order_receipts_po_line_id_ix", "purchase_order_receipts", ["po_line_id"], unique=False
    )
    op.create_table(
        "standings",
        sa.Column("line_id", sa.Uuid(), nullable=False),
        sa.Column("component", sa.Integer(), nullable=False),
        sa.Column("settled_version", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("line_id", "component", name=op.f("standings_pkey")),
    )
    op.create_table(
        "tasks",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("buyer", sa.Text(), nullable=False),
        sa.Column("warehouse", sa.Text(), nullable=False),
        sa.Column("po_id", sa.Uuid(), nullable=False),
        sa.Column("po_number", sa.Text(), nullable=False),
        sa.Column("po_line_no", sa.Integer(), nullable=False),
        sa.Column("tie_id", sa.Uuid(), nullable=False),
        sa.Column("tie_closed", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("order_number", sa.Text(), nullable=False),
        sa.Column("line_no", sa.Integer(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("qty", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_by", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("tasks_pkey")),
        sa.UniqueConstraint("tie_id", "tie_closed", name=op.f("tasks_tie_id_tie_closed_key")),
    )
    op.create_index("tasks_created_at_id_ix", "tasks", ["created_at", "id"], unique=False)
    op.create_index(
        "tasks_open_by_buyer_ix",
        "tasks",
        ["buyer", "created_at"],
        unique=False,
        postgresql_where=sa.text("done_at IS NULL"),
    )
    op.create_table(
        "vendors",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("is_foreign", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("lead_time_days", sa.Integer(), nullable=True),
        sa.Column("buyer", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("lead_time_days >= 0", name=op.f("vendors_lead_time_check")),
        sa.PrimaryKeyConstraint("code", name=op.f("vendors_pkey")),
    )
    op.create_table(
        "warehouses",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("company", sa.Text(), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("warehouses_pkey")),
    )
    op.create_table(
        "purchase_orders",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("vendor", sa.Text(), nullable=False),
        sa.Column("warehouse", sa.Text(), nullable=False),
        sa.Column("company", sa.Text(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("product_line", sa.Text(), nullable=True),
        sa.Column("buyer", sa.Text(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_hand", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("for_order_id", sa.Uuid(), nullable=True),
        sa.Column("drop_ship", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("ship_to", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("told", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finishing", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.CheckConstraint("finishing IN ('cancel', 'close')", name=op.f("purchase_orders_finishing_check")),
        sa.CheckConstraint(
            "sent_at IS NOT NULL OR state IN ('draft', 'awaiting_approval', 'cancelled')",
            name=op.f("purchase_orders_sent_check"),
        ),
        sa.CheckConstraint(
            "state IN ('draft', 'awaiting_approval', 'open', 'partially_received', 'received', 'closed', 'cancelled')",
            name=op.f("purchase_orders_state_check"),
        ),
        sa.ForeignKeyConstraint(["vendor"], ["vendors.code"], name=op.f("purchase_orders_vendor_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("purchase_orders_pkey")),
        sa.UniqueConstraint("number", name=op.f("purchase_orders_number_key")),
    )
    op.create_index("purchase_orders_created_at_id_ix", "purchase_orders", ["created_at", "id"], unique=False)
    op.create_index(
        "purchase_orders_state_ix", "purchase_orders", ["state", "created_at", "id"], unique=False
    )
    op.create_index(
        "purchase_orders_unsent_ix",
        "purchase_orders",
        ["vendor", "warehouse", "currency"],
        unique=False,
        postgresql_where=sa.text("state = 'draft'"),
    )
    op.create_index(
        "purchase_orders_vendor_ix", "purchase_orders", ["vendor", "created_at", "id"], unique=False
    )
    op.create_index(
        "purchase_orders_warehouse_ix", "purchase_orders", ["warehouse", "created_at", "id"], unique=False
    )
    op.create_table(
        "vendor_prices",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("vendor", sa.Text(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("price", sa.Numeric(precision=19, scale=4), nullable=False),
        sa.Column("purchase_unit", sa.Text(), nullable=False),
        sa.Column("units_per", sa.Numeric(precision=18, scale=6), server_default="1", nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("price >= 0", name=op.f("vendor_prices_price_check")),
        sa.CheckConstraint("units_per > 0", name=op.f("vendor_prices_units_per_check")),
        sa.ForeignKeyConstraint(["vendor"], ["vendors.code"], name=op.f("vendor_prices_vendor_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("vendor_prices_pkey")),
    )
    op.create_index(
        "vendor_prices_active_ix",
        "vendor_prices",
        ["vendor", "sku"],
        unique=True,
        postgresql_where=sa.text("active"),
    )
    op.create_index("vendor_prices_sku_ix", "vendor_prices", ["sku"], unique=False)
    op.create_table(
        "purchase_order_lines",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("po_id", sa.Uuid(), nullable=False),
        sa.Column("line_no", sa.Integer(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("precision", sa.Integer(), nullable=False),
        sa.Column("product_line", sa.Text(), nullable=True),
        sa.Column("order_type", sa.Text(), nullable=False),
        sa.Column("ordered", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("cancelled", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("received", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("tied", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("stock_wanted", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("purchase_unit", sa.Text(), nullable=False),
        sa.Column("units_per", sa.Numeric(precision=18, scale=6), server_default="1", nullable=False),
        sa.Column("purchase_price", sa.Numeric(precision=19, scale=4), nullable=True),
        sa.Column("cost", sa.Numeric(precision=19, scale=4), nullable=False),
        sa.Column("cost_source", sa.Text(), nullable=False),
        sa.Column("expected_on", sa.Date(), nullable=True),
        sa.Column("agreed_on", sa.Date(), nullable=True),
        sa.Column(
            "comments",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'"),
            nullable=False,
        ),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "cancelled BETWEEN 0 AND ordered", name=op.f("purchase_order_lines_cancelled_check")
        ),
        sa.CheckConstraint("cost >= 0", name=op.f("purchase_order_lines_cost_check")),
        sa.CheckConstraint("ordered > 0", name=op.f("purchase_order_lines_ordered_check")),
        sa.CheckConstraint("received >= 0", name=op.f("purchase_order_lines_received_check")),
        sa.CheckConstraint(
            "tied BETWEEN 0 AND ordered - cancelled", name=op.f("purchase_order_lines_tied_check")
        ),
        sa.CheckConstraint("units_per > 0", name=op.f("purchase_order_lines_units_per_check")),
        sa.ForeignKeyConstraint(
            ["po_id"], ["purchase_orders.id"], name=op.f("purchase_order_lines_po_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("purchase_order_lines_pkey")),
        sa.UniqueConstraint("po_id", "line_no", name=op.f("purchase_order_lines_po_id_line_no_key")),
    )
    op.create_index("purchase_order_lines_sku_ix", "purchase_order_lines", ["sku"], unique=False)
    op.create_table(
        "supply_reductions",
        sa.Column("question_id", sa.Uuid(), nullable=False),
        sa.Column("po_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "kind IN ('cancel', 'close', 'cancel_line', 'reduce_line')",
            name=op.f("supply_reductions_kind_check"),
        ),
        sa.ForeignKeyConstraint(["po_id"], ["purchase_orders.id"], name=op.f("supply_reductions_po_id_fkey")),
        sa.PrimaryKeyConstraint("question_id", name=op.f("supply_reductions_pkey")),
    )
    op.create_index(
        "supply_reductions_open_ix",
        "supply_reductions",
        ["po_id"],
        unique=True,
        postgresql_where=sa.text("answered_at IS NULL"),
    )
    op.create_table(
        "supply_reduction_lines",
        sa.Column("question_id", sa.Uuid(), nullable=False),
        sa.Column("po_line_id", sa.Uuid(), nullable=False),
        sa.Column("supply", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("answered", sa.Numeric(precision=18, scale=6), nullable=True),
        sa.ForeignKeyConstraint(
            ["po_line_id"], ["purchase_order_lines.id"], name=op.f("supply_reduction_lines_po_line_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["question_id"],
            ["supply_reductions.question_id"],
            name=op.f("supply_reduction_lines_question_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("question_id", "po_line_id", name=op.f("supply_reduction_lines_pkey")),
    )
    op.create_table(
        "ties",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("po_id", sa.Uuid(), nullable=False),
        sa.Column("po_line_id", sa.Uuid(), nullable=False),
        sa.Column("line_id", sa.Uuid(), nullable=False),
        sa.Column("component", sa.Integer(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("order_number", sa.Text(), nullable=False),
        sa.Column("line_no", sa.Integer(), nullable=False),
        sa.Column("special_order_id", sa.Uuid(), nullable=True),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("qty", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("closed", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("missed", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("closed_reason", sa.Text(), nullable=True),
        sa.CheckConstraint("closed BETWEEN 0 AND qty", name=op.f("ties_closed_check")),
        sa.CheckConstraint("missed BETWEEN 0 AND qty", name=op.f("ties_missed_check")),
        sa.CheckConstraint("qty > 0", name=op.f("ties_qty_check")),
        sa.ForeignKeyConstraint(
            ["line_id", "component"],
            ["demands.line_id", "demands.component"],
            name=op.f("ties_line_id_component_fkey"),
        ),
        sa.ForeignKeyConstraint(["po_id"], ["purchase_orders.id"], name=op.f("ties_po_id_fkey")),
        sa.ForeignKeyConstraint(
            ["po_line_id"], ["purchase_order_lines.id"], name=op.f("ties_po_line_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("ties_pkey")),
        sa.UniqueConstraint(
            "po_line_id", "line_id", "component", name=op.f("ties_po_line_id_line_id_component_key")
        ),
    )
    op.create_index("ties_line_id_component_ix", "ties", ["line_id", "component"], unique=False)
    op.create_index("ties_order_id_ix", "ties", ["order_id"], unique=False)
    op.create_index("ties_po_id_ix", "ties", ["po_id"], unique=False)
