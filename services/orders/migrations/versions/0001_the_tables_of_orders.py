"""The tables of orders."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Expand only; contraction comes in a later version."""
    for numbers in ("sales_order_numbers", "invoice_numbers", "credit_note_numbers"):
        op.execute(sa.schema.CreateSequence(sa.Sequence(numbers)))
    op.create_table(
        "allotments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("line_id", sa.Uuid(), nullable=False),
        sa.Column("component", sa.Integer(), server_default="0", nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("warehouse", sa.Text(), nullable=False),
        sa.Column("qty", sa.Numeric(precision=18, scale=6), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("receipt_line_id", sa.Uuid(), nullable=True),
        sa.Column("tie_id", sa.Uuid(), nullable=True),
        sa.Column("gated", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("withdrawn", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("failed", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("passed", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("release_no", sa.Integer(), server_default="0", nullable=False),
        sa.Column("revoke_no", sa.Integer(), server_default="0", nullable=False),
        sa.Column("shipped", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("returned", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("missing", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.CheckConstraint(
            "least(withdrawn, failed, passed, shipped, returned, missing) >= 0",
            name=op.f("allotments_not_negative_check"),
        ),
        sa.CheckConstraint("missing <= returned", name=op.f("allotments_missing_check")),
        sa.CheckConstraint("qty > 0", name=op.f("allotments_qty_check")),
        sa.CheckConstraint(
            "revoke_no >= 0 and release_no >= revoke_no", name=op.f("allotments_release_numbers_check")
        ),
        sa.CheckConstraint(
            "withdrawn + failed + shipped + returned <= qty",
            name=op.f("allotments_never_more_than_born_check"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("allotments_pkey")),
    )
    op.create_index("allotments_line_ix", "allotments", ["line_id"], unique=False)
    op.create_index("allotments_order_ix", "allotments", ["order_id"], unique=False)
    op.create_table(
        "catalogue_items",
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("precision", sa.Integer(), nullable=False),
        sa.Column("product_line", sa.Text(), nullable=True),
        sa.Column("special_order", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("drop_ship", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("price", sa.Numeric(precision=19, scale=4), nullable=True),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column(
            "sources", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'"), nullable=False
        ),
        sa.Column(
            "kit", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'"), nullable=False
        ),
        sa.PrimaryKeyConstraint("sku", name=op.f("catalogue_items_pkey")),
    )
    op.create_table(
        "customer_returns",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=True),
        sa.Column("line_id", sa.Uuid(), nullable=True),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("warehouse", sa.Text(), nullable=False),
        sa.Column("qty", sa.Numeric(precision=18, scale=6), nullable=False),
        sa.Column("to_quarantine", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("heard_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("customer_returns_pkey")),
    )
    op.create_index("customer_returns_line_ix", "customer_returns", ["line_id"], unique=False)
    op.create_table(
        "customers",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("ship_type", sa.Text(), nullable=False),
        sa.Column("shortage_answer", sa.Text(), nullable=False),
        sa.Column("no_backorders", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("credit_hold", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("team", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("ship_type in ('partial_ok', 'complete')", name=op.f("customers_ship_type_check")),
        sa.CheckConstraint(
            "shortage_answer in ('split', 'backorder_line')", name=op.f("customers_shortage_answer_check")
        ),
        sa.PrimaryKeyConstraint("code", name=op.f("customers_pkey")),
    )
    op.create_index("customers_name_ix", "customers", ["name", "code"], unique=False)
    op.create_table(
        "inspections",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("receipt_line_id", sa.Uuid(), nullable=False),
        sa.Column("to_inspect", sa.Numeric(precision=18, scale=6), nullable=False),
        sa.Column("passed", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("failed", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("closed", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("inspected_by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("inspections_pkey")),
    )
    op.create_index("inspections_receipt_line_ix", "inspections", ["receipt_line_id"], unique=False)
    op.create_table(
        "invoices",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=True),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("kind", sa.Text(), server_default="invoice", nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("shipment_id", sa.Uuid(), nullable=True),
        sa.Column("shipment_number", sa.Text(), nullable=True),
        sa.Column("order_id", sa.Uuid(), nullable=True),
        sa.Column("return_id", sa.Uuid(), nullable=True),
        sa.Column("return_number", sa.Text(), nullable=True),
        sa.Column("customer", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column(
            "warehouses",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'"),
            nullable=False,
        ),
        sa.Column("net", sa.Numeric(precision=19, scale=4), nullable=False),
        sa.Column("tax", sa.Numeric(precision=19, scale=4), nullable=False),
        sa.Column("total", sa.Numeric(precision=19, scale=4), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finalised_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(state = 'final') = (finalised_at is not null)", name=op.f("invoices_dated_when_final_check")
        ),
        sa.CheckConstraint(
            "(state = 'final') = (number is not null)", name=op.f("invoices_numbered_when_final_check")
        ),
        sa.CheckConstraint("state in ('draft', 'final', 'void')", name=op.f("invoices_state_check")),
        sa.CheckConstraint(
            "num_nonnulls(shipment_id, order_id, return_id) = 1", name=op.f("invoices_for_one_thing_check")
        ),
        sa.CheckConstraint("kind in ('invoice', 'credit_note')", name=op.f("invoices_kind_check")),
        sa.CheckConstraint(
            "(kind = 'credit_note') = (return_id is not null)", name=op.f("invoices_credits_a_return_check")
        ),
        sa.CheckConstraint(
            "kind = 'invoice' or state = 'final'", name=op.f("invoices_credits_at_once_check")
        ),
        sa.CheckConstraint("total = net + tax", name=op.f("invoices_total_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("invoices_pkey")),
        sa.UniqueConstraint("number", name=op.f("invoices_number_key")),
        sa.UniqueConstraint("return_id", name=op.f("invoices_return_id_key")),
        sa.UniqueConstraint("shipment_id", name=op.f("invoices_shipment_id_key")),
    )
    op.create_index("invoices_created_ix", "invoices", ["created_at", "id"], unique=False)
    op.create_index("invoices_customer_ix", "invoices", ["customer", "created_at", "id"], unique=False)
    op.create_index("invoices_state_ix", "invoices", ["state", "created_at", "id"], unique=False)
    op.create_table(
        "line_exceptions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("line_id", sa.Uuid(), nullable=True),
        sa.Column("component", sa.Integer(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("qty", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cleared", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("line_exceptions_pkey")),
    )
    op.create_index(
        "line_exceptions_order_ix",
        "line_exceptions",
        ["order_id"],
        unique=False,
        postgresql_where=sa.text("not cleared"),
    )
    op.create_table(
        "purchase_orders",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("purchase_orders_pkey")),
    )
    op.create_table(
        "receipt_lines",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("receipt_id", sa.Uuid(), nullable=False),
        sa.Column("receipt_number", sa.Text(), nullable=False),
        sa.Column("po_id", sa.Uuid(), nullable=False),
        sa.Column("po_number", sa.Text(), nullable=False),
        sa.Column("po_line_id", sa.Uuid(), nullable=False),
        sa.Column("vendor", sa.Text(), nullable=False),
        sa.Column("received", sa.Numeric(precision=18, scale=6), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("inspection_id", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("receipt_lines_pkey")),
    )
    op.create_table(
        "shipments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("customer", sa.Text(), nullable=False),
        sa.Column("warehouse", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("ship_to_code", sa.Text(), nullable=False),
        sa.Column("carrier", sa.Text(), nullable=True),
        sa.Column("tracking_number", sa.Text(), nullable=True),
        sa.Column("heard_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("shipped_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("shipments_pkey")),
    )
    op.create_table(
        "short_ships",
        sa.Column("shipment_id", sa.Uuid(), nullable=False),
        sa.Column("line_id", sa.Uuid(), nullable=False),
        sa.Column("component", sa.Integer(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("qty", sa.Numeric(precision=18, scale=6), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.CheckConstraint("qty > 0", name=op.f("short_ships_qty_check")),
        sa.PrimaryKeyConstraint("shipment_id", "line_id", "component", name=op.f("short_ships_pkey")),
    )
    op.create_table(
        "ties",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("line_id", sa.Uuid(), nullable=False),
        sa.Column("component", sa.Integer(), server_default="0", nullable=False),
        sa.Column("po_id", sa.Uuid(), nullable=False),
        sa.Column("po_number", sa.Text(), nullable=False),
        sa.Column("po_line_id", sa.Uuid(), nullable=False),
        sa.Column("po_line_no", sa.Integer(), nullable=False),
        sa.Column("vendor", sa.Text(), nullable=False),
        sa.Column("qty", sa.Numeric(precision=18, scale=6), nullable=False),
        sa.Column("closed", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("closed_reason", sa.Text(), nullable=True),
        sa.Column("expected_on", sa.Date(), nullable=True),
        sa.Column("cost", sa.Numeric(precision=19, scale=4), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("ties_pkey")),
    )
    op.create_index("ties_line_ix", "ties", ["line_id"], unique=False)
    op.create_index("ties_order_ix", "ties", ["order_id"], unique=False)
    op.create_index("ties_po_ix", "ties", ["po_id"], unique=False)
    op.create_table(
        "warehouses",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("company", sa.Text(), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("warehouses_pkey")),
    )
    op.create_table(
        "invoice_lines",
        sa.Column("invoice_id", sa.Uuid(), nullable=False),
        sa.Column("line_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("line_no", sa.Integer(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("qty", sa.Numeric(precision=18, scale=6), nullable=False),
        sa.Column("price", sa.Numeric(precision=19, scale=4), nullable=False),
        sa.Column("discount", sa.Numeric(precision=9, scale=6), nullable=False),
        sa.Column("tax_rate", sa.Numeric(precision=9, scale=6), nullable=False),
        sa.Column("net", sa.Numeric(precision=19, scale=4), nullable=False),
        sa.Column("tax", sa.Numeric(precision=19, scale=4), nullable=False),
        sa.CheckConstraint("qty > 0", name=op.f("invoice_lines_qty_check")),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoices.id"], name=op.f("invoice_lines_invoice_id_fkey")),
        sa.PrimaryKeyConstraint("invoice_id", "line_id", name=op.f("invoice_lines_pkey")),
    )
    op.create_index("invoice_lines_line_ix", "invoice_lines", ["line_id"], unique=False)
    op.create_index("invoice_lines_order_ix", "invoice_lines", ["order_id"], unique=False)
    op.create_table(
        "ship_tos",
        sa.Column("customer", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("street", sa.Text(), nullable=False),
        sa.Column("city", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("postal_code", sa.Text(), nullable=False),
        sa.Column("country", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["customer"], ["customers.code"], name=op.f("ship_tos_customer_fkey")),
        sa.PrimaryKeyConstraint("customer", "code", name=op.f("ship_tos_pkey")),
    )
    op.create_table(
        "shipment_shares",
        sa.Column("shipment_id", sa.Uuid(), nullable=False),
        sa.Column("allotment_id", sa.Uuid(), nullable=False),
        sa.Column("shipment_line_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("line_id", sa.Uuid(), nullable=False),
        sa.Column("component", sa.Integer(), server_default="0", nullable=False),
        sa.Column("qty", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("shipped", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["shipment_id"], ["shipments.id"], name=op.f("shipment_shares_shipment_id_fkey")
        ),
        sa.PrimaryKeyConstraint("shipment_id", "allotment_id", name=op.f("shipment_shares_pkey")),
    )
    op.create_index("shipment_shares_line_ix", "shipment_shares", ["line_id"], unique=False)
    op.create_table(
        "sales_orders",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("told", sa.Integer(), server_default="0", nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("customer", sa.Text(), nullable=False),
        sa.Column("ship_to_code", sa.Text(), nullable=False),
        sa.Column("ship_type", sa.Text(), nullable=False),
        sa.Column("priority", sa.Integer(), server_default="0", nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("carrier", sa.Text(), nullable=True),
        sa.Column("team", sa.Text(), nullable=True),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("requested_on", sa.Date(), nullable=True),
        sa.Column("shortage_answer", sa.Text(), nullable=False),
        sa.Column("no_backorders", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("credit_hold", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("customer_hold", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("has_special", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("is_backordered", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("settled_version", sa.Integer(), server_default="0", nullable=False),
        sa.Column(
            "warehouses",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'"),
            nullable=False,
        ),
        sa.Column(
            "creator_scopes",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'"),
            nullable=False,
        ),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("filled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(state = 'draft') <= (told = 0)", name=op.f("sales_orders_draft_untold_check")),
        sa.CheckConstraint(
            "(state in ('open', 'filled', 'closed')) <= (opened_at is not null)",
            name=op.f("sales_orders_opened_check"),
        ),
        sa.CheckConstraint(
            "ship_type in ('partial_ok', 'complete')", name=op.f("sales_orders_ship_type_check")
        ),
        sa.CheckConstraint(
            "shortage_answer in ('split', 'backorder_line')", name=op.f("sales_orders_shortage_answer_check")
        ),
        sa.CheckConstraint(
            "state in ('draft', 'open', 'filled', 'closed', 'cancelled')",
            name=op.f("sales_orders_state_check"),
        ),
        sa.CheckConstraint(
            "(told > 0) = (opened_at is not null)", name=op.f("sales_orders_told_since_opened_check")
        ),
        sa.ForeignKeyConstraint(
            ["customer", "ship_to_code"],
            ["ship_tos.customer", "ship_tos.code"],
            name=op.f("sales_orders_customer_ship_to_code_fkey"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("sales_orders_pkey")),
        sa.UniqueConstraint("number", name=op.f("sales_orders_number_key")),
    )
    op.create_index(
        "sales_orders_backordered_ix",
        "sales_orders",
        ["created_at", "id"],
        unique=False,
        postgresql_where=sa.text("is_backordered"),
    )
    op.create_index("sales_orders_created_ix", "sales_orders", ["created_at", "id"], unique=False)
    op.create_index(
        "sales_orders_customer_ix", "sales_orders", ["customer", "created_at", "id"], unique=False
    )
    op.create_index(
        "sales_orders_open_customer_ix",
        "sales_orders",
        ["customer", "id"],
        unique=False,
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_index(
        "sales_orders_special_ix",
        "sales_orders",
        ["created_at", "id"],
        unique=False,
        postgresql_where=sa.text("has_special"),
    )
    op.create_index("sales_orders_state_ix", "sales_orders", ["state", "created_at", "id"], unique=False)
    op.create_index(
        "sales_orders_warehouses_ix", "sales_orders", ["warehouses"], unique=False, postgresql_using="gin"
    )
    op.create_table(
        "order_lines",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("line_no", sa.Integer(), nullable=False),
        sa.Column("parent_line_id", sa.Uuid(), nullable=True),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("precision", sa.Integer(), nullable=False),
        sa.Column("product_line", sa.Text(), nullable=True),
        sa.Column("customer", sa.Text(), nullable=False),
        sa.Column("warehouse", sa.Text(), nullable=False),
        sa.Column("ordered", sa.Numeric(precision=18, scale=6), nullable=False),
        sa.Column("special_order", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("drop_ship", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("source_vendor", sa.Text(), nullable=True),
        sa.Column("source_warehouse", sa.Text(), nullable=True),
        sa.Column("source_overridden", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("cost", sa.Numeric(precision=19, scale=4), nullable=True),
        sa.Column("cost_overridden", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("cost_unit", sa.Text(), nullable=True),
        sa.Column("free_of_charge", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("all_or_nothing", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("price", sa.Numeric(precision=19, scale=4), nullable=False),
        sa.Column("discount", sa.Numeric(precision=9, scale=6), server_default="0", nullable=False),
        sa.Column("tax_rate", sa.Numeric(precision=9, scale=6), server_default="0", nullable=False),
        sa.Column("requested_on", sa.Date(), nullable=True),
        sa.Column(
            "comments",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'"),
            nullable=False,
        ),
        sa.Column("ranked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("special_order_id", sa.Uuid(), nullable=True),
        sa.Column("cancel_wanted", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("cancelled", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("granted", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("released", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("shipped", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("opening_version", sa.Integer(), server_default="0", nullable=False),
        sa.Column("wish_version", sa.Integer(), server_default="0", nullable=False),
        sa.Column("settled_version", sa.Integer(), server_default="0", nullable=False),
        sa.Column("opening_decided", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("release_blocked", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("is_backordered", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("backordered_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(opening_version > 0) = (ranked_at is not null)", name=op.f("order_lines_ranked_when_told_check")
        ),
        sa.CheckConstraint(
            "cancelled >= 0 and cancelled <= cancel_wanted and cancel_wanted <= ordered",
            name=op.f("order_lines_cancelled_check"),
        ),
        sa.CheckConstraint("not (special_order and drop_ship)", name=op.f("order_lines_one_fate_check")),
        sa.CheckConstraint("ordered > 0", name=op.f("order_lines_ordered_check")),
        sa.CheckConstraint(
            "price >= 0 and discount between 0 and 1 and tax_rate >= 0", name=op.f("order_lines_terms_check")
        ),
        sa.CheckConstraint(
            "shipped >= 0 and shipped + cancelled <= ordered", name=op.f("order_lines_shipped_check")
        ),
        sa.CheckConstraint(
            "source_vendor is null or source_warehouse is null", name=op.f("order_lines_one_source_check")
        ),
        sa.CheckConstraint("source_warehouse <> warehouse", name=op.f("order_lines_other_source_check")),
        sa.ForeignKeyConstraint(["order_id"], ["sales_orders.id"], name=op.f("order_lines_order_id_fkey")),
        sa.ForeignKeyConstraint(
            ["parent_line_id"], ["order_lines.id"], name=op.f("order_lines_parent_line_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("order_lines_pkey")),
        sa.UniqueConstraint("order_id", "line_no", name=op.f("order_lines_order_id_line_no_key")),
    )
    op.create_index(
        "order_lines_backordered_customer_ix",
        "order_lines",
        ["customer", "backordered_at", "id"],
        unique=False,
        postgresql_where=sa.text("is_backordered"),
    )
    op.create_index(
        "order_lines_backordered_item_ix",
        "order_lines",
        ["sku", "backordered_at", "id"],
        unique=False,
        postgresql_where=sa.text("is_backordered"),
    )
    op.create_index(
        "order_lines_backordered_ix",
        "order_lines",
        ["backordered_at", "id"],
        unique=False,
        postgresql_where=sa.text("is_backordered"),
    )
    op.create_index(
        "order_lines_backordered_warehouse_ix",
        "order_lines",
        ["warehouse", "backordered_at", "id"],
        unique=False,
        postgresql_where=sa.text("is_backordered"),
    )
    op.create_table(
        "special_orders",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("line_id", sa.Uuid(), nullable=False),
        sa.Column("component", sa.Integer(), server_default="0", nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("warehouse", sa.Text(), nullable=False),
        sa.Column("customer", sa.Text(), nullable=False),
        sa.Column("qty", sa.Numeric(precision=18, scale=6), nullable=False),
        sa.Column("source_vendor", sa.Text(), nullable=True),
        sa.Column("source_warehouse", sa.Text(), nullable=True),
        sa.Column("cost", sa.Numeric(precision=19, scale=4), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("by_hand", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "state in ('requested', 'ordered', 'in_progress', 'ready', 'fulfilled', 'cancelled')",
            name=op.f("special_orders_state_check"),
        ),
        sa.CheckConstraint("qty > 0", name=op.f("special_orders_qty_check")),
        sa.CheckConstraint(
            "source_vendor is null or source_warehouse is null", name=op.f("special_orders_one_source_check")
        ),
        sa.ForeignKeyConstraint(["line_id"], ["order_lines.id"], name=op.f("special_orders_line_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("special_orders_pkey")),
        sa.UniqueConstraint("line_id", "component", name=op.f("special_orders_line_id_component_key")),
        sa.UniqueConstraint("number", name=op.f("special_orders_number_key")),
    )
    op.create_index("special_orders_created_ix", "special_orders", ["created_at", "id"], unique=False)
    op.create_index(
        "special_orders_customer_ix", "special_orders", ["customer", "created_at", "id"], unique=False
    )
    op.create_index("special_orders_item_ix", "special_orders", ["sku", "created_at", "id"], unique=False)
    op.create_index(
        "special_orders_no_source_ix",
        "special_orders",
        ["created_at", "id"],
        unique=False,
        postgresql_where=sa.text("source_vendor is null and source_warehouse is null"),
    )
    op.create_index("special_orders_order_ix", "special_orders", ["order_id"], unique=False)
    op.create_index("special_orders_state_ix", "special_orders", ["state", "created_at", "id"], unique=False)
    op.create_index(
        "special_orders_vendor_ix", "special_orders", ["source_vendor", "created_at", "id"], unique=False
    )
