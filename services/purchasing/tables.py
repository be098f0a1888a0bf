"""Purchasing's tables. What each constraint makes impossible stands in `docs/model/purchasing.md`."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    Sequence,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from shared.schema import code, document_id, instant, money, new_metadata, qty

metadata = new_metadata()

purchase_order_numbers = Sequence("purchase_order_numbers", metadata=metadata)


def _flag(name: str, default: str = "false") -> Column[bool]:
    return Column(name, Boolean, nullable=False, server_default=text(default))


def _count(name: str, default: str = "0") -> Column[int]:
    return Column(name, BigInteger, nullable=False, server_default=text(default))


def _list(name: str) -> Column[list[str]]:
    return Column(name, JSONB, nullable=False, server_default=text("'[]'"))


# --- copies of what others own ---

items = Table(
    "items",
    metadata,
    code("sku", primary_key=True),
    _count("version"),
    Column("description", Text, nullable=False),
    code("kind"),
    code("unit"),
    Column("precision", Integer, nullable=False),
    code("product_line", nullable=True),
    _flag("special_order"),
    _flag("drop_ship"),
)

warehouses = Table(
    "warehouses",
    metadata,
    code("code", primary_key=True),
    _count("version"),
    Column("name", Text, nullable=False),
    code("company"),
    Column("time_zone", Text, nullable=False),
)

demands = Table(
    "demands",
    metadata,
    document_id("line_id", primary_key=True),
    Column("component", Integer, primary_key=True),
    document_id("request_id", nullable=False, unique=True),
    document_id("order_id", nullable=False),
    code("order_number"),
    _count("order_version"),
    code("order_state"),
    Column("line_no", Integer, nullable=False),
    document_id("parent_line_id"),
    code("customer"),
    code("sku"),
    Column("description", Text, nullable=False),
    code("kind"),
    code("unit"),
    Column("precision", Integer, nullable=False),
    code("product_line", nullable=True),
    code("warehouse"),
    _flag("special_order"),
    _flag("drop_ship"),
    document_id("special_order_id"),
    code("vendor", nullable=True),
    code("source_warehouse", nullable=True),
    money("cost"),
    _flag("cost_overridden"),
    code("cost_unit", nullable=True),
    _flag("free_of_charge"),
    code("currency"),
    qty("ordered"),
    qty("cancel_wanted"),
    Column("priority", Integer, nullable=False, server_default=text("0")),
    instant("ranked_at"),
    Column("requested_on", Date),
    _flag("credit_hold"),
    code("created_by"),
    _list("creator_scopes"),
    _list("comments"),
    _flag("bought"),
    _flag("ever_tied"),
    _flag("left_to_buyer"),
    Column("request_state", Text, nullable=False, server_default=text("'none'")),
    Column("need", qty("need").type, nullable=False, server_default=text("0")),
    instant("requested_at", nullable=True),
    CheckConstraint("component >= 0", name="component"),
    CheckConstraint("cancel_wanted BETWEEN 0 AND ordered", name="cancel_wanted"),
    CheckConstraint("cost >= 0", name="cost"),
    CheckConstraint("request_state IN ('none', 'open', 'exception')", name="request_state"),
    CheckConstraint("(request_state <> 'none') = (need > 0)", name="request_has_need"),
    CheckConstraint("request_state = 'none' OR requested_at IS NOT NULL", name="request_has_time"),
    Index("demands_order_id_ix", "order_id"),
    Index("demands_parent_line_id_ix", "parent_line_id", postgresql_where=text("parent_line_id IS NOT NULL")),
    Index(
        "demands_requests_ix", "requested_at", "request_id", postgresql_where=text("request_state <> 'none'")
    ),
    Index("demands_requests_by_vendor_ix", "vendor", "sku", postgresql_where=text("request_state <> 'none'")),
    Index("demands_requests_by_sku_ix", "sku", postgresql_where=text("request_state <> 'none'")),
)

standings = Table(
    "standings",
    metadata,
    document_id("line_id", primary_key=True),
    Column("component", Integer, primary_key=True),
    _count("settled_version"),
)

allotments = Table(
    "allotments",
    metadata,
    document_id("allotment_id", primary_key=True),
    document_id("line_id", nullable=False),
    Column("component", Integer, nullable=False),
    document_id("tie_id"),
    document_id("receipt_line_id"),
    qty("qty", nullable=True),
    qty("withdrawn"),
    qty("failed"),
    qty("passed"),
    qty("shipped"),
    qty("returned"),
    qty("missing"),
    CheckConstraint("qty IS NULL OR withdrawn + failed + shipped + returned <= qty", name="figures"),
    CheckConstraint("missing <= returned", name="missing"),
    Index("allotments_line_id_component_ix", "line_id", "component"),
    Index("allotments_tie_id_ix", "tie_id", postgresql_where=text("tie_id IS NOT NULL")),
)

# --- whom we buy from ---

vendors = Table(
    "vendors",
    metadata,
    code("code", primary_key=True),
    Column("name", Text, nullable=False),
    code("currency"),
    _flag("active", "true"),
    _flag("is_foreign"),
    Column("lead_time_days", Integer),
    code("buyer", nullable=True),
    Column("email", Text),
    _count("version", "1"),
    instant("created_at"),
    CheckConstraint("lead_time_days >= 0", name="lead_time"),
)

vendor_prices = Table(
    "vendor_prices",
    metadata,
    document_id(primary_key=True),
    code("vendor", ForeignKey("vendors.code")),
    code("sku"),
    Column("price", money("price").type, nullable=False),
    code("purchase_unit"),
    qty("units_per", default="1"),
    _flag("active", "true"),
    _count("version", "1"),
    instant("created_at"),
    CheckConstraint("price >= 0", name="price"),
    CheckConstraint("units_per > 0", name="units_per"),
    Index("vendor_prices_active_ix", "vendor", "sku", unique=True, postgresql_where=text("active")),
    Index("vendor_prices_sku_ix", "sku"),
)

product_lines = Table(
    "product_lines",
    metadata,
    code("code", primary_key=True),
    Column("name", Text, nullable=False),
    code("vendor", nullable=True),
    money("target_buy"),
    code("currency", nullable=True),
    _count("version", "1"),
    instant("created_at"),
    CheckConstraint("target_buy > 0", name="target_buy"),
    CheckConstraint("target_buy IS NULL OR currency IS NOT NULL", name="target_currency"),
)

# --- purchase orders ---

purchase_orders = Table(
    "purchase_orders",
    metadata,
    document_id(primary_key=True),
    code("number", unique=True),
    code("state"),
    code("vendor", ForeignKey("vendors.code")),
    code("warehouse"),
    code("company", nullable=True),
    code("currency"),
    code("product_line", nullable=True),
    code("buyer"),
    code("created_by"),
    instant("created_at"),
    _flag("by_hand"),
    document_id("for_order_id"),
    _flag("drop_ship"),
    Column("ship_to", JSONB),
    _count("version"),
    _count("told"),
    instant("sent_at", nullable=True),
    instant("ended_at", nullable=True),
    Column("finishing", Text),
    Column("reason", Text),
    CheckConstraint(
        "state IN ('draft', 'awaiting_approval', 'open', 'partially_received', 'received', 'closed', 'cancelled')",
        name="state",
    ),
    CheckConstraint(
        "sent_at IS NOT NULL OR state IN ('draft', 'awaiting_approval', 'cancelled')", name="sent"
    ),
    CheckConstraint("finishing IN ('cancel', 'close')", name="finishing"),
    Index(
        "purchase_orders_unsent_ix",
        "vendor",
        "warehouse",
        "currency",
        postgresql_where=text("state = 'draft'"),
    ),
    Index("purchase_orders_created_at_id_ix", "created_at", "id"),
    Index("purchase_orders_vendor_ix", "vendor", "created_at", "id"),
    Index("purchase_orders_warehouse_ix", "warehouse", "created_at", "id"),
    Index("purchase_orders_state_ix", "state", "created_at", "id"),
)

purchase_order_lines = Table(
    "purchase_order_lines",
    metadata,
    document_id(primary_key=True),
    document_id("po_id", ForeignKey("purchase_orders.id"), nullable=False),
    Column("line_no", Integer, nullable=False),
    code("sku"),
    Column("description", Text, nullable=False),
    code("unit"),
    Column("precision", Integer, nullable=False),
    code("product_line", nullable=True),
    code("order_type"),
    qty("ordered"),
    qty("cancelled"),
    qty("received"),
    qty("tied"),
    qty("stock_wanted"),
    code("purchase_unit"),
    qty("units_per", default="1"),
    money("purchase_price"),
    Column("cost", money("cost").type, nullable=False),
    code("cost_source"),
    Column("expected_on", Date),
    Column("agreed_on", Date),
    _list("comments"),
    Column("reason", Text),
    UniqueConstraint("po_id", "line_no"),
    CheckConstraint("ordered > 0", name="ordered"),
    CheckConstraint("cancelled BETWEEN 0 AND ordered", name="cancelled"),
    CheckConstraint("tied BETWEEN 0 AND ordered - cancelled", name="tied"),
    CheckConstraint("received >= 0", name="received"),
    CheckConstraint("units_per > 0", name="units_per"),
    CheckConstraint("cost >= 0", name="cost"),
    Index("purchase_order_lines_sku_ix", "sku"),
)

purchase_order_receipts = Table(
    "purchase_order_receipts",
    metadata,
    document_id("receipt_line_id", primary_key=True),
    document_id("receipt_id", nullable=False),
    document_id("po_line_id", nullable=False),
    qty("received"),
    qty("surplus"),
    instant("received_at"),
    Index("purchase_order_receipts_po_line_id_ix", "po_line_id"),
)

ties = Table(
    "ties",
    metadata,
    document_id(primary_key=True),
    document_id("po_id", ForeignKey("purchase_orders.id"), nullable=False),
    document_id("po_line_id", ForeignKey("purchase_order_lines.id"), nullable=False),
    document_id("line_id", nullable=False),
    Column("component", Integer, nullable=False),
    document_id("order_id", nullable=False),
    code("order_number"),
    Column("line_no", Integer, nullable=False),
    document_id("special_order_id"),
    code("sku"),
    code("unit"),
    qty("qty"),
    qty("closed"),
    qty("missed"),
    Column("closed_reason", Text),
    ForeignKeyConstraint(["line_id", "component"], ["demands.line_id", "demands.component"]),
    UniqueConstraint("po_line_id", "line_id", "component"),
    CheckConstraint("qty > 0", name="qty"),
    CheckConstraint("closed BETWEEN 0 AND qty", name="closed"),
    CheckConstraint("missed BETWEEN 0 AND qty", name="missed"),
    Index("ties_line_id_component_ix", "line_id", "component"),
    Index("ties_po_id_ix", "po_id"),
    Index("ties_order_id_ix", "order_id"),
)

supply_reductions = Table(
    "supply_reductions",
    metadata,
    document_id("question_id", primary_key=True),
    document_id("po_id", ForeignKey("purchase_orders.id"), nullable=False),
    code("kind"),
    Column("reason", Text, nullable=False),
    code("asked_by"),
    instant("asked_at"),
    instant("answered_at", nullable=True),
    CheckConstraint("kind IN ('cancel', 'close', 'cancel_line', 'reduce_line')", name="kind"),
    Index("supply_reductions_open_ix", "po_id", unique=True, postgresql_where=text("answered_at IS NULL")),
)

supply_reduction_lines = Table(
    "supply_reduction_lines",
    metadata,
    document_id("question_id", ForeignKey("supply_reductions.question_id"), primary_key=True),
    document_id("po_line_id", ForeignKey("purchase_order_lines.id"), primary_key=True),
    qty("supply"),
    qty("answered", nullable=True),
)

# --- the exception desk ---

exceptions = Table(
    "exceptions",
    metadata,
    document_id(primary_key=True),
    _count("version", "1"),
    code("kind"),
    document_id("line_id"),
    Column("component", Integer),
    document_id("order_id"),
    code("order_number", nullable=True),
    Column("line_no", Integer),
    document_id("po_id"),
    code("po_number", nullable=True),
    document_id("receipt_line_id"),
    code("warehouse"),
    code("sku"),
    qty("qty"),
    Column("message", Text, nullable=False),
    instant("first_seen_at"),
    instant("cleared_at", nullable=True),
    code("cleared_by", nullable=True),
    Column("clear_reason", Text),
    CheckConstraint("(line_id IS NULL) <> (receipt_line_id IS NULL)", name="subject"),
    CheckConstraint("(line_id IS NULL) = (component IS NULL)", name="demand"),
    Index(
        "exceptions_open_ix",
        "line_id",
        "component",
        "kind",
        unique=True,
        postgresql_where=text("cleared_at IS NULL AND line_id IS NOT NULL"),
    ),
    Index(
        "exceptions_receipt_line_id_ix",
        "receipt_line_id",
        unique=True,
        postgresql_where=text("receipt_line_id IS NOT NULL"),
    ),
    Index("exceptions_first_seen_at_id_ix", "first_seen_at", "id"),
    Index("exceptions_unmended_ix", "first_seen_at", "id", postgresql_where=text("cleared_at IS NULL")),
    Index("exceptions_order_id_ix", "order_id"),
)

tasks = Table(
    "tasks",
    metadata,
    document_id(primary_key=True),
    code("kind"),
    code("buyer"),
    code("warehouse"),
    document_id("po_id", nullable=False),
    code("po_number"),
    Column("po_line_no", Integer, nullable=False),
    document_id("tie_id", nullable=False),
    qty("tie_closed", nullable=True),
    document_id("question_id"),
    document_id("allotment_id"),
    qty("withdrawn", nullable=True),
    document_id("order_id", nullable=False),
    code("order_number"),
    Column("line_no", Integer, nullable=False),
    code("sku"),
    qty("qty"),
    Column("reason", Text, nullable=False),
    Column("message", Text, nullable=False),
    instant("created_at"),
    instant("done_at", nullable=True),
    code("done_by", nullable=True),
    UniqueConstraint("tie_id", "tie_closed"),
    UniqueConstraint("question_id", "allotment_id", "withdrawn"),
    CheckConstraint(
        "CASE kind WHEN 'tie_broken' THEN tie_closed IS NOT NULL AND num_nulls(question_id, allotment_id, withdrawn) = 3 "
        "WHEN 'peg_lost' THEN tie_closed IS NULL AND num_nulls(question_id, allotment_id, withdrawn) = 0 ELSE false END",
        name="cause",
    ),
    Index("tasks_created_at_id_ix", "created_at", "id"),
    Index("tasks_open_by_buyer_ix", "buyer", "created_at", postgresql_where=text("done_at IS NULL")),
)

# --- what stock itself needs ---

replenishment_proposals = Table(
    "replenishment_proposals",
    metadata,
    code("sku", primary_key=True),
    code("warehouse", primary_key=True),
    _count("version"),
    qty("qty"),
    qty("position"),
    qty("minimum"),
    qty("target"),
    qty("safety"),
    Column("lead_time_days", Integer, nullable=False),
    code("vendor", nullable=True),
    code("source_warehouse", nullable=True),
    instant("told_at"),
    CheckConstraint("qty >= 0", name="qty"),
    Index("replenishment_proposals_open_ix", "vendor", "sku", "warehouse", postgresql_where=text("qty > 0")),
    Index("replenishment_proposals_by_sku_ix", "sku", "warehouse", postgresql_where=text("qty > 0")),
)
