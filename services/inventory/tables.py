"""Inventory's tables; docs/model/inventory.md says what each constraint makes impossible and what each index serves."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    Date,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    Numeric,
    PrimaryKeyConstraint,
    Sequence,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)

from shared.schema import code, document_id, instant, money, new_metadata, qty

metadata = new_metadata()

incoming_shipment_numbers = Sequence("incoming_shipment_numbers", metadata=metadata)
inspection_numbers = Sequence("inspection_numbers", metadata=metadata)
adjustment_numbers = Sequence("adjustment_numbers", metadata=metadata)
customer_return_numbers = Sequence("customer_return_numbers", metadata=metadata)
stock_count_numbers = Sequence("stock_count_numbers", metadata=metadata)


def _version() -> Column[int]:
    return Column("version", BigInteger, nullable=False, server_default="1")


# --- what exists ------------------------------------------------------------------------------------------------------

warehouses = Table(
    "warehouses",
    metadata,
    code("code", primary_key=True),
    _version(),
    Column("name", Text, nullable=False),
    code("company"),
    Column("time_zone", Text, nullable=False),
)

items = Table(
    "items",
    metadata,
    code("sku", primary_key=True),
    _version(),
    Column("description", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("unit", Text, nullable=False),
    Column("precision", Integer, nullable=False),
    code("product_line", nullable=True),
    Column("special_order", Boolean, nullable=False),
    Column("drop_ship", Boolean, nullable=False),
    Column("special_reason", Text),
    money("price"),
    code("currency", nullable=True),
    instant("created_at"),
    CheckConstraint(
        "kind IN ('stocked','nonstock','order_as_needed','kit','assembly','service')", name="kind"
    ),
    CheckConstraint("NOT (special_order AND drop_ship)", name="one_way"),
    CheckConstraint("kind <> 'assembly' OR NOT special_order OR special_reason IS NOT NULL", name="assembly"),
    CheckConstraint("precision BETWEEN 0 AND 6", name="precision"),
    CheckConstraint("price IS NULL OR (price >= 0 AND currency IS NOT NULL)", name="price"),
    Index("items_product_line_ix", "product_line", "sku"),
)

item_sources = Table(
    "item_sources",
    metadata,
    code("sku", ForeignKey("items.sku")),
    code("warehouse"),
    code("vendor", nullable=True),
    code("from_warehouse", nullable=True),
    PrimaryKeyConstraint("sku", "warehouse"),
    CheckConstraint("(vendor IS NULL) <> (from_warehouse IS NULL)", name="one_source"),
    CheckConstraint("from_warehouse IS NULL OR from_warehouse <> warehouse", name="not_itself"),
)

kit_lines = Table(
    "kit_lines",
    metadata,
    code("kit", ForeignKey("items.sku")),
    Column("seq", Integer, nullable=False),
    code("component", ForeignKey("items.sku")),
    qty("qty_per_kit", default=None),
    PrimaryKeyConstraint("kit", "seq"),
    CheckConstraint("seq > 0", name="seq"),
    CheckConstraint("qty_per_kit > 0", name="qty"),
    CheckConstraint("component <> kit", name="not_itself"),
)

replenishment_levels = Table(
    "replenishment_levels",
    metadata,
    code("sku", ForeignKey("items.sku")),
    code("warehouse", ForeignKey("warehouses.code")),
    _version(),
    qty("minimum"),
    qty("target"),
    qty("safety"),
    Column("lead_time_days", Integer, nullable=False),
    PrimaryKeyConstraint("sku", "warehouse"),
    CheckConstraint("0 <= minimum AND minimum <= target AND safety >= 0", name="order"),
    CheckConstraint("lead_time_days >= 0", name="lead_time"),
)

# --- what is there ----------------------------------------------------------------------------------------------------

stock = Table(
    "stock",
    metadata,
    code("sku"),
    code("warehouse"),
    qty("on_hand"),
    qty("allotted"),
    qty("pegged"),
    qty("arrived"),
    qty("quarantined"),
    Column("has_levels", Boolean, nullable=False, server_default=text("false")),
    PrimaryKeyConstraint("sku", "warehouse"),
    CheckConstraint("on_hand >= allotted + pegged + arrived + quarantined", name="not_oversold"),
    CheckConstraint(
        "allotted >= 0 AND pegged >= 0 AND arrived >= 0 AND quarantined >= 0", name="not_negative"
    ),
    Index("stock_by_warehouse", "warehouse", "sku"),
)

stock_ledger = Table(
    "stock_ledger",
    metadata,
    document_id(primary_key=True),
    code("sku"),
    code("warehouse"),
    qty("qty", default=None),
    Column("kind", Text, nullable=False),
    Column("source_key", Text, nullable=False),
    Column("document", Text, nullable=False),
    Column("reason", Text),
    Column("actor", Text, nullable=False),
    instant("at"),
    UniqueConstraint("kind", "source_key", name="stock_ledger_once"),
    CheckConstraint("qty <> 0", name="moves_something"),
    CheckConstraint(
        "kind IN ('receipt','issue','discrepancy','missing','adjustment','customer_return')", name="kind"
    ),
    Index("stock_ledger_by_key", "sku", "warehouse", "id"),
)

# --- who wants it -----------------------------------------------------------------------------------------------------

orders_heard = Table(
    "orders_heard",
    metadata,
    document_id("order_id", primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("number", Text, nullable=False),
    Column("state", Text, nullable=False),
    code("customer"),
    Column("ship_type", Text, nullable=False),
    Index("orders_heard_by_number", "number"),
)

demand = Table(
    "demand",
    metadata,
    document_id("line_id"),
    Column("component", Integer, nullable=False),
    document_id("order_id", nullable=False),
    Column("order_number", Text, nullable=False),
    Column("line_no", Integer, nullable=False),
    code("sku"),
    code("warehouse"),
    qty("ordered"),
    qty("cancel_wanted"),
    Column("need", Numeric(18, 6), Computed("ordered - cancel_wanted", persisted=True), nullable=False),
    qty("granted"),
    qty("shipped"),
    Column("priority", Integer, nullable=False),
    instant("ranked_at"),
    Column("special", Boolean, nullable=False),
    Column("all_or_nothing", Boolean, nullable=False),
    Column("stuck", Boolean, nullable=False, server_default=text("false")),
    Column("heard_version", BigInteger, nullable=False),
    Column("settled_version", BigInteger, nullable=False),
    PrimaryKeyConstraint("line_id", "component"),
    CheckConstraint("0 <= cancel_wanted AND cancel_wanted <= ordered", name="wish"),
    CheckConstraint("0 <= shipped AND shipped <= granted", name="shipped_what_it_had"),
    CheckConstraint("settled_version <= heard_version", name="settled"),
    Index(
        "demand_queue",
        "sku",
        "warehouse",
        text("priority DESC"),
        "ranked_at",
        "order_id",
        "line_no",
        "component",
        postgresql_where=text("need > granted AND NOT special"),
    ),
    Index(
        "demand_holders",
        "sku",
        "warehouse",
        text("priority DESC"),
        "ranked_at",
        "order_id",
        "line_no",
        "component",
        postgresql_where=text("granted > shipped AND NOT special AND NOT stuck"),
    ),
    Index(
        "demand_unshipped",
        "sku",
        "warehouse",
        "line_id",
        "component",
        postgresql_include=["need", "granted", "shipped", "special"],
        postgresql_where=text("need > shipped"),
    ),
    Index("demand_of_order", "order_id"),
)

allotments = Table(
    "allotments",
    metadata,
    document_id(primary_key=True),
    document_id("order_id", nullable=False),
    document_id("line_id", nullable=False),
    Column("component", Integer, nullable=False),
    code("sku"),
    code("warehouse"),
    qty("qty", default=None),
    Column("receipt_line_id", Uuid),
    Column("tie_id", Uuid),
    Column("generation", Integer, nullable=False, server_default="0"),
    Column("gated", Boolean, nullable=False, server_default=text("false")),
    qty("withdrawn"),
    qty("failed"),
    qty("passed"),
    qty("shipped"),
    qty("returned"),
    qty("missing"),
    qty("asked"),
    Column("locked", Boolean, nullable=False, server_default=text("false")),
    Column("unlocks", Integer, nullable=False, server_default="0"),
    qty("unproven"),
    CheckConstraint("unproven BETWEEN 0 AND returned", name="unproven_is_returned"),
    CheckConstraint("qty > 0", name="something"),
    CheckConstraint("withdrawn + failed + shipped + returned <= qty", name="no_unit_twice"),
    CheckConstraint(
        "withdrawn >= 0 AND failed >= 0 AND passed >= 0 AND shipped >= 0 AND returned >= 0 AND missing >= 0",
        name="not_negative",
    ),
    CheckConstraint("passed + failed <= qty AND missing <= returned", name="parts"),
    CheckConstraint("0 <= asked AND asked <= qty", name="asked"),
    CheckConstraint("unlocks >= 0", name="unlocks"),
    CheckConstraint("(receipt_line_id IS NULL) = (tie_id IS NULL)", name="peg_has_a_tie"),
    Index("allotments_of_line", "line_id", "component"),
    Index("allotments_asked", "sku", "warehouse", postgresql_where=text("asked > 0")),
    Index("allotments_locked", "sku", "warehouse", postgresql_where=text("locked")),
    Index(
        "allotments_peg_once",
        "receipt_line_id",
        "line_id",
        "component",
        "generation",
        unique=True,
        postgresql_where=text("receipt_line_id IS NOT NULL"),
    ),
)

unpickings = Table(
    "unpickings",
    metadata,
    document_id("shipment_id"),
    Column("version", Integer, nullable=False),
    PrimaryKeyConstraint("shipment_id", "version"),
)

questions = Table(
    "questions",
    metadata,
    document_id(primary_key=True),
    document_id("order_id", nullable=True),
    document_id("adjustment_id", ForeignKey("adjustments.id"), nullable=True),
    Column("reason", Text, nullable=False),
    instant("asked_at"),
    instant("answered_at", nullable=True),
    CheckConstraint("order_id IS NOT NULL OR adjustment_id IS NOT NULL", name="asker"),
    Index("questions_of_adjustment", "adjustment_id", postgresql_where=text("adjustment_id IS NOT NULL")),
    Index("questions_open", "asked_at", postgresql_where=text("answered_at IS NULL")),
)

asks = Table(
    "asks",
    metadata,
    document_id("question_id", ForeignKey("questions.id")),
    document_id("allotment_id", ForeignKey("allotments.id"), nullable=False),
    qty("wanted", default=None),
    qty("units"),
    qty("got"),
    Column("unlocks", Integer, nullable=False, server_default="0"),
    qty("given", nullable=True),
    PrimaryKeyConstraint("question_id", "allotment_id"),
    CheckConstraint("wanted > 0", name="wanted"),
    CheckConstraint("0 <= got AND got <= units", name="got"),
    Index("asks_open", "allotment_id", postgresql_where=text("given IS NULL")),
)

# --- what comes -------------------------------------------------------------------------------------------------------

purchase_orders = Table(
    "purchase_orders",
    metadata,
    document_id("po_id", primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("number", Text, nullable=False),
    Column("state", Text, nullable=False),
    code("vendor"),
    code("warehouse"),
    Column("drop_ship", Boolean, nullable=False),
)

purchase_order_lines = Table(
    "purchase_order_lines",
    metadata,
    document_id("po_line_id", primary_key=True),
    document_id("po_id", ForeignKey("purchase_orders.po_id"), nullable=False),
    Column("line_no", Integer, nullable=False),
    code("sku"),
    Column("description", Text, nullable=False),
    Column("unit", Text, nullable=False),
    qty("ordered"),
    qty("cancelled"),
    qty("received"),
    qty("supply_limit", nullable=True),
    qty("cancel_floor", nullable=True),
    Column("expected_on", Date),
    CheckConstraint("received >= 0", name="received"),
    CheckConstraint("supply_limit IS NULL OR supply_limit >= 0", name="supply_limit"),
    Index("purchase_order_lines_of_po", "po_id", "line_no"),
)

ties = Table(
    "ties",
    metadata,
    document_id("tie_id", primary_key=True),
    document_id("po_line_id", ForeignKey("purchase_order_lines.po_line_id"), nullable=False),
    document_id("order_id", nullable=False),
    Column("order_number", Text, nullable=False),
    document_id("line_id", nullable=False),
    Column("line_no", Integer, nullable=False),
    Column("component", Integer, nullable=False),
    Column("special_order_id", Uuid),
    qty("qty"),
    qty("closed"),
    qty("pegged"),
    qty("missed"),
    qty("close_floor"),
    CheckConstraint("qty >= 0 AND closed >= 0 AND pegged >= 0 AND missed >= 0", name="not_negative"),
    UniqueConstraint("po_line_id", "line_id", "component", name="ties_once"),
)

supply_answers = Table(
    "supply_answers",
    metadata,
    document_id("question_id"),
    document_id("po_line_id", nullable=False),
    document_id("po_id", nullable=False),
    qty("supply", default=None),
    instant("answered_at"),
    PrimaryKeyConstraint("question_id", "po_line_id"),
    CheckConstraint("supply >= 0", name="supply"),
    Index("supply_answers_of_line", "po_line_id"),
)

incoming_shipments = Table(
    "incoming_shipments",
    metadata,
    document_id(primary_key=True),
    Column("number", Text, nullable=False, unique=True),
    _version(),
    Column("state", Text, nullable=False),
    document_id("po_id", ForeignKey("purchase_orders.po_id"), nullable=False),
    Column("po_number", Text, nullable=False),
    code("vendor"),
    code("warehouse"),
    instant("created_at"),
    instant("completed_at", nullable=True),
    Column("completed_by", Text),
    CheckConstraint("state IN ('expected','receiving','complete','cancelled','reversed')", name="state"),
    CheckConstraint("(state IN ('complete','reversed')) = (completed_at IS NOT NULL)", name="completed"),
    Index(
        "incoming_shipments_one_open",
        "po_id",
        unique=True,
        postgresql_where=text("state IN ('expected','receiving')"),
    ),
    Index("incoming_shipments_of_po", "po_id"),
    Index("incoming_shipments_of_po_number", "po_number"),
    Index("incoming_shipments_by_state", "state", "warehouse", "id"),
    Index("incoming_shipments_by_vendor", "vendor", "id"),
)

incoming_lines = Table(
    "incoming_lines",
    metadata,
    document_id("shipment_id", ForeignKey("incoming_shipments.id")),
    document_id("po_line_id", ForeignKey("purchase_order_lines.po_line_id"), nullable=False),
    code("sku"),
    code("warehouse"),
    qty("expected"),
    qty("counted", nullable=True),
    Column("open", Boolean, nullable=False, server_default=text("true")),
    PrimaryKeyConstraint("shipment_id", "po_line_id"),
    CheckConstraint("expected >= 0 AND (counted IS NULL OR counted >= 0)", name="not_negative"),
    Index("incoming_lines_open", "sku", "warehouse", postgresql_where=text("open")),
)

receipt_lines = Table(
    "receipt_lines",
    metadata,
    document_id(primary_key=True),
    document_id("shipment_id", ForeignKey("incoming_shipments.id"), nullable=False),
    document_id("po_id", nullable=False),
    document_id("po_line_id", ForeignKey("purchase_order_lines.po_line_id"), nullable=False),
    code("sku"),
    code("warehouse"),
    qty("expected"),
    qty("received", default=None),
    qty("surplus"),
    qty("pegged"),
    instant("received_at"),
    CheckConstraint("received > 0", name="received"),
    CheckConstraint("0 <= pegged AND pegged <= received", name="pegged_what_came"),
    CheckConstraint("0 <= surplus AND surplus <= received", name="surplus"),
    UniqueConstraint("shipment_id", "po_line_id", name="receipt_lines_once"),
    Index("receipt_lines_of_po_line", "po_line_id", "id"),
)

inspections = Table(
    "inspections",
    metadata,
    document_id(primary_key=True),
    Column("number", Text, nullable=False, unique=True),
    _version(),
    Column("told", BigInteger, nullable=False, server_default="0"),
    document_id("receipt_line_id", ForeignKey("receipt_lines.id"), nullable=False, unique=True),
    code("sku"),
    code("warehouse"),
    qty("to_inspect"),
    qty("passed"),
    qty("failed"),
    Column(
        "state",
        Text,
        Computed("CASE WHEN passed + failed = to_inspect THEN 'closed' ELSE 'open' END", persisted=True),
        nullable=False,
    ),
    Column("inspected_by", Text),
    instant("created_at"),
    CheckConstraint("passed >= 0 AND failed >= 0 AND passed + failed <= to_inspect", name="rounds"),
    Index("inspections_by_state", "state", "warehouse", "id"),
    Index("inspections_of_item", "sku", "warehouse", "id"),
    Index("inspections_open", "sku", "warehouse", postgresql_where=text("state = 'open'")),
)

adjustments = Table(
    "adjustments",
    metadata,
    document_id(primary_key=True),
    Column("number", Text, nullable=False, unique=True),
    Column("reference", Text, unique=True),
    code("sku"),
    code("warehouse"),
    qty("qty", default=None),
    Column("reason", Text, nullable=False),
    Column("adjusted_by", Text, nullable=False),
    instant("adjusted_at"),
    qty("asking"),
    qty("refused"),
    CheckConstraint("qty <> 0", name="something"),
    CheckConstraint(
        "asking >= 0 AND refused >= 0 AND (asking + refused = 0 OR asking + refused <= -qty)", name="loss"
    ),
    Index("adjustments_of_item", "sku", "warehouse", "id"),
    Index("adjustments_asking", "sku", "warehouse", postgresql_where=text("asking > 0")),
)

customer_returns = Table(
    "customer_returns",
    metadata,
    document_id(primary_key=True),
    Column("number", Text, nullable=False, unique=True),
    Column("order_id", Uuid),
    Column("line_id", Uuid),
    Column("component", Integer, nullable=False, server_default="0"),
    code("sku"),
    code("warehouse"),
    qty("qty", default=None),
    Column("return_to", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("returned_by", Text, nullable=False),
    instant("returned_at"),
    CheckConstraint("qty > 0", name="something"),
    CheckConstraint("return_to IN ('stock','quarantine')", name="return_to"),
    CheckConstraint("(order_id IS NULL) = (line_id IS NULL)", name="line"),
    Index("customer_returns_of_line", "line_id", postgresql_where=text("line_id IS NOT NULL")),
    Index("customer_returns_of_item", "sku", "warehouse", "id"),
)

# --- what is done by the clock, what was counted, what is to be bought for stock ---------------------------------------

automation_schedules = Table(
    "automation_schedules",
    metadata,
    Column("name", Text, primary_key=True),
    _version(),
    Column("enabled", Boolean, nullable=False),
    Column("cron", Text, nullable=False),
    Column("time_zone", Text, nullable=False),
    instant("next_at", nullable=True),
    Column("trigger", Text, nullable=False),
    CheckConstraint("name IN ('primary','secondary')", name="name"),
    CheckConstraint("enabled = (next_at IS NOT NULL)", name="next"),
    CheckConstraint("trigger IN ('due','switched_on')", name="trigger"),
)

automation_runs = Table(
    "automation_runs",
    metadata,
    document_id(primary_key=True),
    Column("schedule", Text, ForeignKey("automation_schedules.name"), nullable=False),
    Column("trigger", Text, nullable=False),
    instant("due_at"),
    instant("started_at"),
    Column("started_by", Text, nullable=False),
    instant("finished_at", nullable=True),
    Column("keys_looked_at", BigInteger, nullable=False, server_default="0"),
    Column("lines_filled", BigInteger, nullable=False, server_default="0"),
    qty("units"),
    code("after_sku"),
    code("after_warehouse"),
    CheckConstraint("trigger IN ('due','missed','switched_on','by_hand')", name="trigger"),
    CheckConstraint("keys_looked_at >= 0 AND lines_filled >= 0 AND units >= 0", name="counts"),
    Index(
        "automation_runs_one_at_a_time", "schedule", unique=True, postgresql_where=text("finished_at IS NULL")
    ),
    Index("automation_runs_of_schedule", "schedule", "id"),
)

automation_left = Table(
    "automation_left",
    metadata,
    Column("schedule", Text, nullable=False),
    code("sku"),
    code("warehouse"),
    instant("left_at"),
    PrimaryKeyConstraint("schedule", "sku", "warehouse"),
    CheckConstraint("schedule IN ('primary','secondary')", name="schedule"),
)

stock_counts = Table(
    "stock_counts",
    metadata,
    document_id(primary_key=True),
    Column("number", Text, nullable=False, unique=True),
    Column("reference", Text, unique=True),
    code("sku"),
    code("warehouse"),
    qty("expected", default=None),
    qty("counted", default=None),
    Column("discrepancy", Numeric(18, 6), Computed("counted - expected", persisted=True), nullable=False),
    document_id("adjustment_id", ForeignKey("adjustments.id"), nullable=True),
    Column("reason", Text, nullable=False),
    Column("counted_by", Text, nullable=False),
    instant("counted_at"),
    CheckConstraint("counted >= 0 AND expected >= 0", name="not_negative"),
    CheckConstraint("(counted = expected) = (adjustment_id IS NULL)", name="books_its_difference"),
    Index("stock_counts_of_item", "sku", "warehouse", "id"),
)

replenishment_left = Table(
    "replenishment_left",
    metadata,
    code("sku"),
    code("warehouse"),
    PrimaryKeyConstraint("sku", "warehouse"),
)

replenishment_needs = Table(
    "replenishment_needs",
    metadata,
    code("sku"),
    code("warehouse"),
    Column("version", BigInteger, nullable=False),
    qty("proposed"),
    qty("position"),
    qty("minimum"),
    qty("target"),
    qty("safety"),
    Column("lead_time_days", Integer, nullable=False),
    code("vendor", nullable=True),
    code("from_warehouse", nullable=True),
    instant("told_at"),
    PrimaryKeyConstraint("sku", "warehouse"),
    ForeignKeyConstraint(
        ["sku", "warehouse"], ["replenishment_levels.sku", "replenishment_levels.warehouse"]
    ),
    CheckConstraint("version > 0 AND proposed >= 0", name="proposed"),
)
