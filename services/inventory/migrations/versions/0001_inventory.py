"""Everything that inventory keeps: items, stock, demand, allotments, what comes, and what became of it."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Expand only; contraction comes in a later version."""
    op.execute(sa.schema.CreateSequence(sa.Sequence("incoming_shipment_numbers")))
    op.execute(sa.schema.CreateSequence(sa.Sequence("inspection_numbers")))
    op.execute(sa.schema.CreateSequence(sa.Sequence("adjustment_numbers")))
    op.execute(sa.schema.CreateSequence(sa.Sequence("customer_return_numbers")))
    op.create_table(
        "adjustments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("warehouse", sa.Text(), nullable=False),
        sa.Column("qty", sa.Numeric(precision=18, scale=6), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("adjusted_by", sa.Text(), nullable=False),
        sa.Column("adjusted_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("qty <> 0", name=op.f("adjustments_something_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("adjustments_pkey")),
        sa.UniqueConstraint("number", name=op.f("adjustments_number_key")),
        sa.UniqueConstraint("reference", name=op.f("adjustments_reference_key")),
    )
    op.create_index("adjustments_of_item", "adjustments", ["sku", "warehouse", "id"], unique=False)
    op.create_table(
        "allotments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("line_id", sa.Uuid(), nullable=False),
        sa.Column("component", sa.Integer(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("warehouse", sa.Text(), nullable=False),
        sa.Column("qty", sa.Numeric(precision=18, scale=6), nullable=False),
        sa.Column("receipt_line_id", sa.Uuid(), nullable=True),
        sa.Column("tie_id", sa.Uuid(), nullable=True),
        sa.Column("generation", sa.Integer(), server_default="0", nullable=False),
        sa.Column("gated", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("withdrawn", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("failed", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("passed", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("shipped", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("returned", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("missing", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("asked", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.CheckConstraint(
            "(receipt_line_id IS NULL) = (tie_id IS NULL)", name=op.f("allotments_peg_has_a_tie_check")
        ),
        sa.CheckConstraint("0 <= asked AND asked <= qty", name=op.f("allotments_asked_check")),
        sa.CheckConstraint(
            "passed + failed <= qty AND missing <= returned", name=op.f("allotments_parts_check")
        ),
        sa.CheckConstraint("qty > 0", name=op.f("allotments_something_check")),
        sa.CheckConstraint(
            "withdrawn + failed + shipped + returned <= qty", name=op.f("allotments_no_unit_twice_check")
        ),
        sa.CheckConstraint(
            "withdrawn >= 0 AND failed >= 0 AND passed >= 0 AND shipped >= 0 AND returned >= 0 AND missing >= 0",
            name=op.f("allotments_not_negative_check"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("allotments_pkey")),
    )
    op.create_index("allotments_of_line", "allotments", ["line_id", "component"], unique=False)
    op.create_index(
        "allotments_peg_once",
        "allotments",
        ["receipt_line_id", "line_id", "component", "generation"],
        unique=True,
        postgresql_where=sa.text("receipt_line_id IS NOT NULL"),
    )
    op.create_table(
        "customer_returns",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=True),
        sa.Column("line_id", sa.Uuid(), nullable=True),
        sa.Column("component", sa.Integer(), server_default="0", nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("warehouse", sa.Text(), nullable=False),
        sa.Column("qty", sa.Numeric(precision=18, scale=6), nullable=False),
        sa.Column("return_to", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("returned_by", sa.Text(), nullable=False),
        sa.Column("returned_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "return_to IN ('stock','quarantine')", name=op.f("customer_returns_return_to_check")
        ),
        sa.CheckConstraint(
            "(order_id IS NULL) = (line_id IS NULL)", name=op.f("customer_returns_line_check")
        ),
        sa.CheckConstraint("qty > 0", name=op.f("customer_returns_something_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("customer_returns_pkey")),
        sa.UniqueConstraint("number", name=op.f("customer_returns_number_key")),
    )
    op.create_index("customer_returns_of_item", "customer_returns", ["sku", "warehouse", "id"], unique=False)
    op.create_index(
        "customer_returns_of_line",
        "customer_returns",
        ["line_id"],
        unique=False,
        postgresql_where=sa.text("line_id IS NOT NULL"),
    )
    op.create_table(
        "demand",
        sa.Column("line_id", sa.Uuid(), nullable=False),
        sa.Column("component", sa.Integer(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("order_number", sa.Text(), nullable=False),
        sa.Column("line_no", sa.Integer(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("warehouse", sa.Text(), nullable=False),
        sa.Column("ordered", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("cancel_wanted", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column(
            "need",
            sa.Numeric(precision=18, scale=6),
            sa.Computed("ordered - cancel_wanted", persisted=True),
            nullable=False,
        ),
        sa.Column("granted", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("shipped", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("ranked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("special", sa.Boolean(), nullable=False),
        sa.Column("all_or_nothing", sa.Boolean(), nullable=False),
        sa.Column("heard_version", sa.BigInteger(), nullable=False),
        sa.Column("settled_version", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("0 <= cancel_wanted AND cancel_wanted <= ordered", name=op.f("demand_wish_check")),
        sa.CheckConstraint(
            "0 <= shipped AND shipped <= granted", name=op.f("demand_shipped_what_it_had_check")
        ),
        sa.CheckConstraint("settled_version <= heard_version", name=op.f("demand_settled_check")),
        sa.PrimaryKeyConstraint("line_id", "component", name=op.f("demand_pkey")),
    )
    op.create_index("demand_of_order", "demand", ["order_id"], unique=False)
    op.create_index(
        "demand_queue",
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
        unique=False,
        postgresql_where=sa.text("need > granted AND NOT special"),
    )
    op.create_index(
        "demand_unshipped",
        "demand",
        ["sku", "warehouse", "line_id", "component"],
        unique=False,
        postgresql_include=["need", "granted", "shipped", "special"],
        postgresql_where=sa.text("need > shipped"),
    )
    op.create_table(
        "items",
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("precision", sa.Integer(), nullable=False),
        sa.Column("product_line", sa.Text(), nullable=True),
        sa.Column("special_order", sa.Boolean(), nullable=False),
        sa.Column("drop_ship", sa.Boolean(), nullable=False),
        sa.Column("special_reason", sa.Text(), nullable=True),
        sa.Column("price", sa.Numeric(precision=19, scale=4), nullable=True),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind <> 'assembly' OR NOT special_order OR special_reason IS NOT NULL",
            name=op.f("items_assembly_check"),
        ),
        sa.CheckConstraint(
            "kind IN ('stocked','nonstock','order_as_needed','kit','assembly','service')",
            name=op.f("items_kind_check"),
        ),
        sa.CheckConstraint("NOT (special_order AND drop_ship)", name=op.f("items_one_way_check")),
        sa.CheckConstraint("precision BETWEEN 0 AND 6", name=op.f("items_precision_check")),
        sa.CheckConstraint(
            "price IS NULL OR (price >= 0 AND currency IS NOT NULL)", name=op.f("items_price_check")
        ),
        sa.PrimaryKeyConstraint("sku", name=op.f("items_pkey")),
    )
    op.create_index("items_product_line_ix", "items", ["product_line", "sku"], unique=False)
    op.create_table(
        "orders_heard",
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("customer", sa.Text(), nullable=False),
        sa.Column("ship_type", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("order_id", name=op.f("orders_heard_pkey")),
    )
    op.create_index("orders_heard_by_number", "orders_heard", ["number"], unique=False)
    op.create_table(
        "purchase_orders",
        sa.Column("po_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("vendor", sa.Text(), nullable=False),
        sa.Column("warehouse", sa.Text(), nullable=False),
        sa.Column("drop_ship", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("po_id", name=op.f("purchase_orders_pkey")),
    )
    op.create_table(
        "questions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("questions_pkey")),
    )
    op.create_index(
        "questions_open",
        "questions",
        ["asked_at"],
        unique=False,
        postgresql_where=sa.text("answered_at IS NULL"),
    )
    op.create_table(
        "stock",
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("warehouse", sa.Text(), nullable=False),
        sa.Column("on_hand", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("allotted", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("pegged", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("arrived", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("quarantined", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.CheckConstraint(
            "allotted >= 0 AND pegged >= 0 AND arrived >= 0 AND quarantined >= 0",
            name=op.f("stock_not_negative_check"),
        ),
        sa.CheckConstraint(
            "on_hand >= allotted + pegged + arrived + quarantined", name=op.f("stock_not_oversold_check")
        ),
        sa.PrimaryKeyConstraint("sku", "warehouse", name=op.f("stock_pkey")),
    )
    op.create_index("stock_by_warehouse", "stock", ["warehouse", "sku"], unique=False)
    op.create_table(
        "stock_ledger",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("warehouse", sa.Text(), nullable=False),
        sa.Column("qty", sa.Numeric(precision=18, scale=6), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("source_key", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind IN ('receipt','issue','discrepancy','missing','adjustment','customer_return')",
            name=op.f("stock_ledger_kind_check"),
        ),
        sa.CheckConstraint("qty <> 0", name=op.f("stock_ledger_moves_something_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("stock_ledger_pkey")),
        sa.UniqueConstraint("kind", "source_key", name="stock_ledger_once"),
    )
    op.create_index("stock_ledger_by_key", "stock_ledger", ["sku", "warehouse", "id"], unique=False)
    op.create_table(
        "supply_answers",
        sa.Column("question_id", sa.Uuid(), nullable=False),
        sa.Column("po_line_id", sa.Uuid(), nullable=False),
        sa.Column("po_id", sa.Uuid(), nullable=False),
        sa.Column("supply", sa.Numeric(precision=18, scale=6), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("supply >= 0", name=op.f("supply_answers_supply_check")),
        sa.PrimaryKeyConstraint("question_id", "po_line_id", name=op.f("supply_answers_pkey")),
    )
    op.create_index("supply_answers_of_line", "supply_answers", ["po_line_id"], unique=False)
    op.create_table(
        "warehouses",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("company", sa.Text(), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("warehouses_pkey")),
    )
    op.create_table(
        "asks",
        sa.Column("question_id", sa.Uuid(), nullable=False),
        sa.Column("allotment_id", sa.Uuid(), nullable=False),
        sa.Column("wanted", sa.Numeric(precision=18, scale=6), nullable=False),
        sa.Column("given", sa.Numeric(precision=18, scale=6), nullable=True),
        sa.CheckConstraint("wanted > 0", name=op.f("asks_wanted_check")),
        sa.ForeignKeyConstraint(["allotment_id"], ["allotments.id"], name=op.f("asks_allotment_id_fkey")),
        sa.ForeignKeyConstraint(["question_id"], ["questions.id"], name=op.f("asks_question_id_fkey")),
        sa.PrimaryKeyConstraint("question_id", "allotment_id", name=op.f("asks_pkey")),
    )
    op.create_index(
        "asks_open", "asks", ["allotment_id"], unique=False, postgresql_where=sa.text("given IS NULL")
    )
    op.create_table(
        "incoming_shipments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("po_id", sa.Uuid(), nullable=False),
        sa.Column("po_number", sa.Text(), nullable=False),
        sa.Column("vendor", sa.Text(), nullable=False),
        sa.Column("warehouse", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("completed_by", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(state IN ('complete','reversed')) = (completed_at IS NOT NULL)",
            name=op.f("incoming_shipments_completed_check"),
        ),
        sa.CheckConstraint(
            "state IN ('expected','receiving','complete','cancelled','reversed')",
            name=op.f("incoming_shipments_state_check"),
        ),
        sa.ForeignKeyConstraint(
            ["po_id"], ["purchase_orders.po_id"], name=op.f("incoming_shipments_po_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("incoming_shipments_pkey")),
        sa.UniqueConstraint("number", name=op.f("incoming_shipments_number_key")),
    )
    op.create_index(
        "incoming_shipments_by_state", "incoming_shipments", ["state", "warehouse", "id"], unique=False
    )
    op.create_index("incoming_shipments_by_vendor", "incoming_shipments", ["vendor", "id"], unique=False)
    op.create_index("incoming_shipments_of_po", "incoming_shipments", ["po_id"], unique=False)
    op.create_index("incoming_shipments_of_po_number", "incoming_shipments", ["po_number"], unique=False)
    op.create_index(
        "incoming_shipments_one_open",
        "incoming_shipments",
        ["po_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('expected','receiving')"),
    )
    op.create_table(
        "item_sources",
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("warehouse", sa.Text(), nullable=False),
        sa.Column("vendor", sa.Text(), nullable=True),
        sa.Column("from_warehouse", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(vendor IS NULL) <> (from_warehouse IS NULL)", name=op.f("item_sources_one_source_check")
        ),
        sa.CheckConstraint(
            "from_warehouse IS NULL OR from_warehouse <> warehouse",
            name=op.f("item_sources_not_itself_check"),
        ),
        sa.ForeignKeyConstraint(["sku"], ["items.sku"], name=op.f("item_sources_sku_fkey")),
        sa.PrimaryKeyConstraint("sku", "warehouse", name=op.f("item_sources_pkey")),
    )
    op.create_table(
        "kit_lines",
        sa.Column("kit", sa.Text(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("component", sa.Text(), nullable=False),
        sa.Column("qty_per_kit", sa.Numeric(precision=18, scale=6), nullable=False),
        sa.CheckConstraint("component <> kit", name=op.f("kit_lines_not_itself_check")),
        sa.CheckConstraint("qty_per_kit > 0", name=op.f("kit_lines_qty_check")),
        sa.CheckConstraint("seq > 0", name=op.f("kit_lines_seq_check")),
        sa.ForeignKeyConstraint(["component"], ["items.sku"], name=op.f("kit_lines_component_fkey")),
        sa.ForeignKeyConstraint(["kit"], ["items.sku"], name=op.f("kit_lines_kit_fkey")),
        sa.PrimaryKeyConstraint("kit", "seq", name=op.f("kit_lines_pkey")),
    )
    op.create_table(
        "purchase_order_lines",
        sa.Column("po_line_id", sa.Uuid(), nullable=False),
        sa.Column("po_id", sa.Uuid(), nullable=False),
        sa.Column("line_no", sa.Integer(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("ordered", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("cancelled", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("received", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("supply_limit", sa.Numeric(precision=18, scale=6), nullable=True),
        sa.Column("cancel_floor", sa.Numeric(precision=18, scale=6), nullable=True),
        sa.CheckConstraint("received >= 0", name=op.f("purchase_order_lines_received_check")),
        sa.CheckConstraint(
            "supply_limit IS NULL OR supply_limit >= 0", name=op.f("purchase_order_lines_supply_limit_check")
        ),
        sa.ForeignKeyConstraint(
            ["po_id"], ["purchase_orders.po_id"], name=op.f("purchase_order_lines_po_id_fkey")
        ),
        sa.PrimaryKeyConstraint("po_line_id", name=op.f("purchase_order_lines_pkey")),
    )
    op.create_index("purchase_order_lines_of_po", "purchase_order_lines", ["po_id", "line_no"], unique=False)
    op.create_table(
        "replenishment_levels",
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("warehouse", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("minimum", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("target", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("safety", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("lead_time_days", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "0 <= minimum AND minimum <= target AND safety >= 0",
            name=op.f("replenishment_levels_order_check"),
        ),
        sa.CheckConstraint("lead_time_days >= 0", name=op.f("replenishment_levels_lead_time_check")),
        sa.ForeignKeyConstraint(["sku"], ["items.sku"], name=op.f("replenishment_levels_sku_fkey")),
        sa.ForeignKeyConstraint(
            ["warehouse"], ["warehouses.code"], name=op.f("replenishment_levels_warehouse_fkey")
        ),
        sa.PrimaryKeyConstraint("sku", "warehouse", name=op.f("replenishment_levels_pkey")),
    )
    op.create_table(
        "incoming_lines",
        sa.Column("shipment_id", sa.Uuid(), nullable=False),
        sa.Column("po_line_id", sa.Uuid(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("warehouse", sa.Text(), nullable=False),
        sa.Column("expected", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("counted", sa.Numeric(precision=18, scale=6), nullable=True),
        sa.Column("open", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.CheckConstraint(
            "expected >= 0 AND (counted IS NULL OR counted >= 0)",
            name=op.f("incoming_lines_not_negative_check"),
        ),
        sa.ForeignKeyConstraint(
            ["po_line_id"], ["purchase_order_lines.po_line_id"], name=op.f("incoming_lines_po_line_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["shipment_id"], ["incoming_shipments.id"], name=op.f("incoming_lines_shipment_id_fkey")
        ),
        sa.PrimaryKeyConstraint("shipment_id", "po_line_id", name=op.f("incoming_lines_pkey")),
    )
    op.create_index(
        "incoming_lines_open",
        "incoming_lines",
        ["sku", "warehouse"],
        unique=False,
        postgresql_where=sa.text("open"),
    )
    op.create_table(
        "receipt_lines",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("shipment_id", sa.Uuid(), nullable=False),
        sa.Column("po_id", sa.Uuid(), nullable=False),
        sa.Column("po_line_id", sa.Uuid(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("warehouse", sa.Text(), nullable=False),
        sa.Column("expected", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("received", sa.Numeric(precision=18, scale=6), nullable=False),
        sa.Column("surplus", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("pegged", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "0 <= pegged AND pegged <= received", name=op.f("receipt_lines_pegged_what_came_check")
        ),
        sa.CheckConstraint("0 <= surplus AND surplus <= received", name=op.f("receipt_lines_surplus_check")),
        sa.CheckConstraint("received > 0", name=op.f("receipt_lines_received_check")),
        sa.ForeignKeyConstraint(
            ["po_line_id"], ["purchase_order_lines.po_line_id"], name=op.f("receipt_lines_po_line_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["shipment_id"], ["incoming_shipments.id"], name=op.f("receipt_lines_shipment_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("receipt_lines_pkey")),
        sa.UniqueConstraint("shipment_id", "po_line_id", name="receipt_lines_once"),
    )
    op.create_index("receipt_lines_of_po_line", "receipt_lines", ["po_line_id", "id"], unique=False)
    op.create_table(
        "ties",
        sa.Column("tie_id", sa.Uuid(), nullable=False),
        sa.Column("po_line_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("order_number", sa.Text(), nullable=False),
        sa.Column("line_id", sa.Uuid(), nullable=False),
        sa.Column("line_no", sa.Integer(), nullable=False),
        sa.Column("component", sa.Integer(), nullable=False),
        sa.Column("special_order_id", sa.Uuid(), nullable=True),
        sa.Column("qty", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("closed", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("pegged", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("missed", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("close_floor", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.CheckConstraint(
            "qty >= 0 AND closed >= 0 AND pegged >= 0 AND missed >= 0", name=op.f("ties_not_negative_check")
        ),
        sa.ForeignKeyConstraint(
            ["po_line_id"], ["purchase_order_lines.po_line_id"], name=op.f("ties_po_line_id_fkey")
        ),
        sa.PrimaryKeyConstraint("tie_id", name=op.f("ties_pkey")),
        sa.UniqueConstraint("po_line_id", "line_id", "component", name="ties_once"),
    )
    op.create_table(
        "inspections",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("told", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("receipt_line_id", sa.Uuid(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("warehouse", sa.Text(), nullable=False),
        sa.Column("to_inspect", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("passed", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("failed", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column(
            "state",
            sa.Text(),
            sa.Computed(
                "CASE WHEN passed + failed = to_inspect THEN 'closed' ELSE 'open' END", persisted=True
            ),
            nullable=False,
        ),
        sa.Column("inspected_by", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "passed >= 0 AND failed >= 0 AND passed + failed <= to_inspect",
            name=op.f("inspections_rounds_check"),
        ),
        sa.ForeignKeyConstraint(
            ["receipt_line_id"], ["receipt_lines.id"], name=op.f("inspections_receipt_line_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("inspections_pkey")),
        sa.UniqueConstraint("number", name=op.f("inspections_number_key")),
        sa.UniqueConstraint("receipt_line_id", name=op.f("inspections_receipt_line_id_key")),
    )
    op.create_index("inspections_by_state", "inspections", ["state", "warehouse", "id"], unique=False)
    op.create_index("inspections_of_item", "inspections", ["sku", "warehouse", "id"], unique=False)
    op.create_index(
        "inspections_open",
        "inspections",
        ["sku", "warehouse"],
        unique=False,
        postgresql_where=sa.text("state = 'open'"),
    )
    # rows that change many times a second: room for updates within the page, and vacuum before the queue's head bloats
    op.execute(
        "ALTER TABLE stock SET (fillfactor = 60, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000)"
    )
    op.execute(
        "ALTER TABLE demand SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 2000)"
    )
