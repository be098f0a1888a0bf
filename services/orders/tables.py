"""The tables of orders. `docs/model/orders.md` says what each constraint makes impossible and each index serves."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKeyConstraint,
    Index,
    Integer,
    Numeric,
    PrimaryKeyConstraint,
    Sequence,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from shared.schema import code, document_id, instant, money, new_metadata, qty

metadata = new_metadata()

sales_order_numbers = Sequence("sales_order_numbers", metadata=metadata)
invoice_numbers = Sequence("invoice_numbers", metadata=metadata)
credit_note_numbers = Sequence("credit_note_numbers", metadata=metadata)


def _flag(name: str) -> Column[bool]:
    return Column(name, Boolean, nullable=False, server_default=text("false"))


def _words(name: str) -> Column[list[str]]:
    return Column(name, JSONB, nullable=False, server_default=text("'[]'"))


def _counter(name: str) -> Column[int]:
    return Column(name, Integer, nullable=False, server_default="0")


# --- copies: used at order entry only -------------------------------------------------------------------------------

catalogue_items = Table(
    "catalogue_items",
    metadata,
    code("sku", primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("description", Text, nullable=False),
    code("kind"),
    code("unit"),
    Column("precision", Integer, nullable=False),
    code("product_line", nullable=True),
    _flag("special_order"),
    _flag("drop_ship"),
    money("price"),
    code("currency", nullable=True),
    Column("sources", JSONB, nullable=False, server_default=text("'[]'")),
    Column("kit", JSONB, nullable=False, server_default=text("'[]'")),
)

warehouses = Table(
    "warehouses",
    metadata,
    code("code", primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("name", Text, nullable=False),
    code("company"),
    code("time_zone"),
)

# --- customers ------------------------------------------------------------------------------------------------------

customers = Table(
    "customers",
    metadata,
    code("code", primary_key=True),
    Column("version", BigInteger, nullable=False, server_default="1"),
    Column("name", Text, nullable=False),
    code("currency"),
    code("ship_type"),
    code("shortage_answer", nullable=True),
    _flag("no_backorders"),
    _flag("credit_hold"),
    code("team", nullable=True),
    instant("created_at"),
    CheckConstraint("ship_type in ('partial_ok', 'complete')", name="ship_type"),
    CheckConstraint("shortage_answer in ('split', 'backorder_line')", name="shortage_answer"),
    Index("customers_name_ix", "name", "code"),
)

ship_tos = Table(
    "ship_tos",
    metadata,
    code("customer", primary_key=True),
    code("code", primary_key=True),
    Column("place", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("street", Text, nullable=False),
    Column("city", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("postal_code", Text, nullable=False),
    Column("country", Text, nullable=False),
    ForeignKeyConstraint(["customer"], ["customers.code"]),
)

# --- sales orders ---------------------------------------------------------------------------------------------------

sales_orders = Table(
    "sales_orders",
    metadata,
    document_id(primary_key=True),
    code("number", unique=True),
    Column("version", BigInteger, nullable=False, server_default="1"),
    _counter("told"),
    code("state"),
    code("customer"),
    code("ship_to_code"),
    code("ship_type"),
    Column("priority", Integer, nullable=False, server_default="0"),
    code("currency"),
    code("carrier", nullable=True),
    code("team", nullable=True),
    Column("reference", Text),
    Column("requested_on", Date),
    code("shortage_answer", nullable=True),
    _flag("no_backorders"),
    _flag("credit_hold"),
    _flag("customer_hold"),
    _flag("has_special"),
    _flag("is_backordered"),
    _counter("settled_version"),
    _words("warehouses"),
    _words("creator_scopes"),
    code("created_by"),
    instant("created_at"),
    instant("opened_at", nullable=True),
    instant("filled_at", nullable=True),
    instant("closed_at", nullable=True),
    instant("cancelled_at", nullable=True),
    ForeignKeyConstraint(["customer", "ship_to_code"], ["ship_tos.customer", "ship_tos.code"]),
    CheckConstraint("state in ('draft', 'open', 'filled', 'closed', 'cancelled')", name="state"),
    CheckConstraint("ship_type in ('partial_ok', 'complete')", name="ship_type"),
    CheckConstraint("shortage_answer in ('split', 'backorder_line')", name="shortage_answer"),
    CheckConstraint("(state = 'draft') <= (told = 0)", name="draft_untold"),
    CheckConstraint("(state in ('open', 'filled', 'closed')) <= (opened_at is not null)", name="opened"),
    CheckConstraint("(told > 0) = (opened_at is not null)", name="told_since_opened"),
    Index("sales_orders_created_ix", "created_at", "id"),
    Index("sales_orders_state_ix", "state", "created_at", "id"),
    Index("sales_orders_customer_ix", "customer", "created_at", "id"),
    Index("sales_orders_open_customer_ix", "customer", "id", postgresql_where=text("state = 'open'")),
    Index("sales_orders_special_ix", "created_at", "id", postgresql_where=text("has_special")),
    Index("sales_orders_backordered_ix", "created_at", "id", postgresql_where=text("is_backordered")),
    Index("sales_orders_warehouses_ix", "warehouses", postgresql_using="gin"),
)

order_lines = Table(
    "order_lines",
    metadata,
    document_id(primary_key=True),
    document_id("order_id", nullable=False),
    Column("line_no", Integer, nullable=False),
    document_id("parent_line_id", nullable=True),
    code("sku"),
    Column("description", Text, nullable=False),
    code("kind"),
    code("unit"),
    Column("precision", Integer, nullable=False),
    code("product_line", nullable=True),
    code("customer"),
    code("warehouse"),
    qty("ordered", default=None),
    _flag("special_order"),
    _flag("drop_ship"),
    code("source_vendor", nullable=True),
    code("source_warehouse", nullable=True),
    _flag("source_overridden"),
    money("cost"),
    _flag("cost_overridden"),
    code("cost_unit", nullable=True),
    _flag("free_of_charge"),
    _flag("all_or_nothing"),
    money("price", nullable=False),
    Column("discount", Numeric(9, 6), nullable=False, server_default="0"),
    Column("tax_rate", Numeric(9, 6), nullable=False, server_default="0"),
    Column("requested_on", Date),
    _words("comments"),
    instant("ranked_at", nullable=True),
    document_id("special_order_id", nullable=True),
    qty("cancel_wanted"),
    qty("cancelled"),
    qty("granted"),
    qty("released"),
    qty("shipped"),
    _counter("opening_version"),
    _counter("wish_version"),
    _counter("settled_version"),
    _flag("opening_decided"),
    _flag("release_blocked"),
    _flag("is_backordered"),
    instant("backordered_at", nullable=True),
    code("shortage_answer", nullable=True),
    UniqueConstraint("order_id", "line_no"),
    ForeignKeyConstraint(["order_id"], ["sales_orders.id"]),
    ForeignKeyConstraint(["parent_line_id"], ["order_lines.id"]),
    CheckConstraint("ordered > 0", name="ordered"),
    CheckConstraint("not (special_order and drop_ship)", name="one_fate"),
    CheckConstraint("source_vendor is null or source_warehouse is null", name="one_source"),
    CheckConstraint("source_warehouse <> warehouse", name="other_source"),
    CheckConstraint(
        "cancelled >= 0 and cancelled <= cancel_wanted and cancel_wanted <= ordered", name="cancelled"
    ),
    CheckConstraint("shipped >= 0 and shipped + cancelled <= ordered", name="shipped"),
    CheckConstraint("price >= 0 and discount between 0 and 1 and tax_rate >= 0", name="terms"),
    CheckConstraint("(opening_version > 0) = (ranked_at is not null)", name="ranked_when_told"),
    CheckConstraint("shortage_answer in ('split', 'backorder_line')", name="shortage_answer"),
    Index("order_lines_backordered_ix", "backordered_at", "id", postgresql_where=text("is_backordered")),
    Index(
        "order_lines_backordered_item_ix",
        "sku",
        "backordered_at",
        "id",
        postgresql_where=text("is_backordered"),
    ),
    Index(
        "order_lines_backordered_customer_ix",
        "customer",
        "backordered_at",
        "id",
        postgresql_where=text("is_backordered"),
    ),
    Index(
        "order_lines_backordered_warehouse_ix",
        "warehouse",
        "backordered_at",
        "id",
        postgresql_where=text("is_backordered"),
    ),
)

special_orders = Table(
    "special_orders",
    metadata,
    document_id(primary_key=True),
    code("number", unique=True),
    Column("version", BigInteger, nullable=False, server_default="1"),
    document_id("order_id", nullable=False),
    document_id("line_id", nullable=False),
    _counter("component"),
    code("sku"),
    code("warehouse"),
    code("customer"),
    qty("qty", default=None),
    code("source_vendor", nullable=True),
    code("source_warehouse", nullable=True),
    money("cost"),
    code("state"),
    _flag("by_hand"),
    instant("created_at"),
    code("created_by"),
    UniqueConstraint("line_id", "component"),
    ForeignKeyConstraint(["line_id"], ["order_lines.id"]),
    CheckConstraint("qty > 0", name="qty"),
    CheckConstraint("source_vendor is null or source_warehouse is null", name="one_source"),
    CheckConstraint(
        "state in ('requested', 'ordered', 'in_progress', 'ready', 'fulfilled', 'cancelled')", name="state"
    ),
    Index("special_orders_order_ix", "order_id"),
    Index("special_orders_created_ix", "created_at", "id"),
    Index("special_orders_state_ix", "state", "created_at", "id"),
    Index("special_orders_item_ix", "sku", "created_at", "id"),
    Index("special_orders_customer_ix", "customer", "created_at", "id"),
    Index("special_orders_vendor_ix", "source_vendor", "created_at", "id"),
    Index(
        "special_orders_no_source_ix",
        "created_at",
        "id",
        postgresql_where=text("source_vendor is null and source_warehouse is null"),
    ),
)

# --- what was heard: figures by greatest, snapshots by version ------------------------------------------------------

allotments = Table(
    "allotments",
    metadata,
    document_id(primary_key=True),
    document_id("order_id", nullable=False),
    document_id("line_id", nullable=False),
    _counter("component"),
    code("sku"),
    code("warehouse"),
    qty("qty", default=None),
    code("origin"),
    document_id("receipt_line_id", nullable=True),
    document_id("tie_id", nullable=True),
    _flag("gated"),
    qty("withdrawn"),
    qty("failed"),
    qty("passed"),
    _counter("release_no"),
    _counter("revoke_no"),
    qty("shipped"),
    qty("returned"),
    qty("missing"),
    CheckConstraint("qty > 0", name="qty"),
    CheckConstraint("least(withdrawn, failed, passed, shipped, returned, missing) >= 0", name="not_negative"),
    CheckConstraint("withdrawn + failed + shipped + returned <= qty", name="never_more_than_born"),
    CheckConstraint("missing <= returned", name="missing"),
    CheckConstraint("revoke_no >= 0 and release_no >= revoke_no", name="release_numbers"),
    Index("allotments_order_ix", "order_id"),
    Index("allotments_line_ix", "line_id"),
)

ties = Table(
    "ties",
    metadata,
    document_id(primary_key=True),
    document_id("order_id", nullable=False),
    document_id("line_id", nullable=False),
    _counter("component"),
    document_id("po_id", nullable=False),
    code("po_number"),
    document_id("po_line_id", nullable=False),
    Column("po_line_no", Integer, nullable=False),
    code("vendor"),
    qty("qty", default=None),
    qty("closed"),
    Column("closed_reason", Text),
    Column("expected_on", Date),
    money("cost"),
    Index("ties_order_ix", "order_id"),
    Index("ties_line_ix", "line_id"),
    Index("ties_po_ix", "po_id"),
)

purchase_orders = Table(
    "purchase_orders",
    metadata,
    document_id(primary_key=True),
    code("number"),
    Column("version", BigInteger, nullable=False),
    code("state"),
)

receipt_lines = Table(
    "receipt_lines",
    metadata,
    document_id(primary_key=True),
    document_id("receipt_id", nullable=False),
    code("receipt_number"),
    document_id("po_id", nullable=False),
    code("po_number"),
    document_id("po_line_id", nullable=False),
    code("vendor"),
    qty("received", nullable=True),
    instant("received_at", nullable=True),
    document_id("inspection_id", nullable=True),
)

inspections = Table(
    "inspections",
    metadata,
    document_id(primary_key=True),
    Column("version", BigInteger, nullable=False),
    document_id("receipt_line_id", nullable=False),
    qty("to_inspect", default=None),
    qty("passed"),
    qty("failed"),
    _flag("closed"),
    code("inspected_by"),
    Column("reason", Text),
    Index("inspections_receipt_line_ix", "receipt_line_id"),
)

line_exceptions = Table(
    "line_exceptions",
    metadata,
    document_id(primary_key=True),
    Column("version", BigInteger, nullable=False),
    document_id("order_id", nullable=False),
    document_id("line_id", nullable=True),
    Column("component", Integer),
    code("kind"),
    qty("qty"),
    Column("message", Text, nullable=False),
    instant("first_seen_at"),
    _flag("cleared"),
    Index("line_exceptions_order_ix", "order_id", postgresql_where=text("not cleared")),
)

shipments = Table(
    "shipments",
    metadata,
    document_id(primary_key=True),
    code("number"),
    Column("version", BigInteger, nullable=False),
    code("state"),
    code("customer"),
    code("warehouse"),
    code("currency"),
    code("ship_to_code"),
    code("carrier", nullable=True),
    code("tracking_number", nullable=True),
    instant("heard_at"),
    instant("shipped_at", nullable=True),
)

shipment_shares = Table(
    "shipment_shares",
    metadata,
    document_id("shipment_id", primary_key=True),
    document_id("allotment_id", primary_key=True),
    document_id("shipment_line_id", nullable=False),
    document_id("order_id", nullable=False),
    document_id("line_id", nullable=False),
    _counter("component"),
    qty("qty"),
    qty("shipped"),
    ForeignKeyConstraint(["shipment_id"], ["shipments.id"]),
    Index("shipment_shares_line_ix", "line_id"),
)

short_ships = Table(
    "short_ships",
    metadata,
    document_id("shipment_id", primary_key=True),
    document_id("line_id", primary_key=True),
    Column("component", Integer, primary_key=True),
    document_id("order_id", nullable=False),
    qty("qty", default=None),
    code("answer"),
    CheckConstraint("qty > 0", name="qty"),
)

answers_heard = Table(
    "answers_heard",
    metadata,
    document_id("question_id"),
    document_id("about"),
    qty("figure"),
    PrimaryKeyConstraint("question_id", "about", "figure"),
)

customer_returns = Table(
    "customer_returns",
    metadata,
    document_id(primary_key=True),
    code("number"),
    document_id("order_id", nullable=True),
    document_id("line_id", nullable=True),
    code("sku"),
    code("warehouse"),
    qty("qty", default=None),
    _flag("to_quarantine"),
    Column("reason", Text, nullable=False),
    instant("heard_at"),
    Index("customer_returns_line_ix", "line_id"),
)

# --- invoices -------------------------------------------------------------------------------------------------------

invoices = Table(
    "invoices",
    metadata,
    document_id(primary_key=True),
    code("number", nullable=True, unique=True),
    Column("version", BigInteger, nullable=False, server_default="1"),
    code("kind", server_default="invoice"),
    code("state"),
    document_id("shipment_id", nullable=True),
    code("shipment_number", nullable=True),
    document_id("order_id", nullable=True),
    document_id("return_id", nullable=True, unique=True),
    code("return_number", nullable=True),
    code("customer"),
    code("currency"),
    _words("warehouses"),
    money("net", nullable=False),
    money("tax", nullable=False),
    money("total", nullable=False),
    instant("created_at"),
    instant("finalised_at", nullable=True),
    CheckConstraint("state in ('draft', 'final', 'void')", name="state"),
    CheckConstraint("(state = 'final') = (number is not null)", name="numbered_when_final"),
    CheckConstraint("(state = 'final') = (finalised_at is not null)", name="dated_when_final"),
    UniqueConstraint("shipment_id", "order_id"),
    CheckConstraint(
        "(return_id is null) = (num_nonnulls(shipment_id, order_id) > 0)", name="for_goods_or_a_return"
    ),
    CheckConstraint("kind in ('invoice', 'credit_note')", name="kind"),
    CheckConstraint("(kind = 'credit_note') = (return_id is not null)", name="credits_a_return"),
    CheckConstraint("kind = 'invoice' or state = 'final'", name="credits_at_once"),
    CheckConstraint("total = net + tax", name="total"),
    Index("invoices_created_ix", "created_at", "id"),
    Index("invoices_state_ix", "state", "created_at", "id"),
    Index("invoices_customer_ix", "customer", "created_at", "id"),
)

invoice_lines = Table(
    "invoice_lines",
    metadata,
    document_id("invoice_id", primary_key=True),
    document_id("line_id", primary_key=True),
    document_id("order_id", nullable=False),
    Column("line_no", Integer, nullable=False),
    code("sku"),
    Column("description", Text, nullable=False),
    code("unit"),
    qty("qty", default=None),
    money("price", nullable=False),
    Column("discount", Numeric(9, 6), nullable=False),
    Column("tax_rate", Numeric(9, 6), nullable=False),
    money("net", nullable=False),
    money("tax", nullable=False),
    ForeignKeyConstraint(["invoice_id"], ["invoices.id"]),
    CheckConstraint("qty > 0", name="qty"),
    Index("invoice_lines_order_ix", "order_id"),
    Index("invoice_lines_line_ix", "line_id"),
)
