"""Shipping's tables. docs/model/shipping.md says which bad state each constraint makes impossible."""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    Sequence,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB

from shared.schema import code, document_id, instant, new_metadata, qty

metadata = new_metadata()

shipment_numbers = Sequence("shipment_numbers", metadata=metadata)

allotments = Table(
    "allotments",
    metadata,
    document_id("allotment_id", primary_key=True),
    Column("order_id", Uuid, nullable=False),
    # what orders said with the newest release; unknown while only a question or an inspection has been heard
    code("order_number", nullable=True),
    Column("line_id", Uuid),
    Column("line_no", Integer),
    Column("component", Integer),
    code("sku", nullable=True),
    Column("description", Text),
    code("unit", nullable=True),
    Column("precision", Integer),
    code("customer", nullable=True),
    code("ship_type", nullable=True),
    code("warehouse", nullable=True),
    code("currency", nullable=True),
    code("carrier", nullable=True),
    Column("ship_to", JSONB),
    Column("all_or_nothing", Boolean),
    Column("gated", Boolean, nullable=False, server_default="false"),
    qty("qty", nullable=True),
    qty("withdrawn"),
    qty("failed"),
    qty("passed"),
    Column("release_no", Integer, nullable=False, server_default="0"),
    Column("revoke_no", Integer, nullable=False, server_default="0"),
    qty("shipped"),
    qty("returned"),
    qty("missing"),
    qty("unproven"),
    qty("standing"),
    CheckConstraint("withdrawn + failed + shipped + returned <= qty", name="units_once"),
    CheckConstraint("withdrawn + shipped + returned + standing <= qty", name="standing_once"),
    CheckConstraint(
        "withdrawn >= 0 AND failed >= 0 AND passed >= 0 AND shipped >= 0 AND returned >= 0 AND standing >= 0",
        name="not_negative",
    ),
    CheckConstraint("missing BETWEEN 0 AND returned", name="missing_is_returned"),
    CheckConstraint("unproven BETWEEN 0 AND returned", name="unproven_is_returned"),
    CheckConstraint(
        "release_no = 0 OR num_nulls(qty, order_number, line_id, line_no, component, sku, description, unit, precision,"
        " customer, ship_type, warehouse, currency, ship_to) = 0",
        name="released_is_known",
    ),
    CheckConstraint("release_no > 0 OR standing + shipped + returned = 0", name="unreleased_stands_nowhere"),
)

shipments = Table(
    "shipments",
    metadata,
    document_id(primary_key=True),
    Column("number", Text, nullable=False, unique=True),
    Column("version", Integer, nullable=False, server_default="1"),
    Column("told", Integer, nullable=False, server_default="0"),
    Column("state", Text, nullable=False),
    # the order that it was made for; lines name their own, so that it may carry others of one customer and place
    Column("order_id", Uuid, nullable=False),
    code("order_number"),
    code("customer"),
    code("warehouse"),
    code("currency"),
    Column("ship_to", JSONB, nullable=False),
    code("carrier", nullable=True),
    Column("tracking_number", Text),
    instant("created_at"),
    instant("shipped_at", nullable=True),
    Column("shipped_by", Text),
    Column("void_reason", Text),
    CheckConstraint("state IN ('pending', 'picking', 'packed', 'shipped', 'voided')", name="state"),
    CheckConstraint("(state = 'shipped') = (shipped_at IS NOT NULL)", name="shipped_says_when"),
    CheckConstraint("(shipped_by IS NULL) = (shipped_at IS NULL)", name="shipped_says_who"),
    CheckConstraint("(state = 'voided') = (void_reason IS NOT NULL)", name="voided_says_why"),
    CheckConstraint("told BETWEEN 0 AND version", name="told_after_change"),
)
Index("shipments_order_ix", shipments.c.order_id, shipments.c.created_at, shipments.c.id)
Index("shipments_created_ix", shipments.c.created_at, shipments.c.id)
Index("shipments_customer_ix", shipments.c.customer, shipments.c.created_at, shipments.c.id)
Index("shipments_warehouse_ix", shipments.c.warehouse, shipments.c.created_at, shipments.c.id)
Index("shipments_state_ix", shipments.c.state, shipments.c.created_at, shipments.c.id)
Index("shipments_pending_customer_ix", shipments.c.customer, postgresql_where=shipments.c.state == "pending")

shipment_lines = Table(
    "shipment_lines",
    metadata,
    document_id(primary_key=True),
    Column("shipment_id", Uuid, ForeignKey(shipments.c.id), nullable=False),
    Column("order_id", Uuid, nullable=False),
    code("order_number"),
    Column("line_id", Uuid, nullable=False),
    Column("line_no", Integer, nullable=False),
    Column("component", Integer, nullable=False),
    code("sku"),
    Column("description", Text, nullable=False),
    code("unit"),
    Column("precision", Integer, nullable=False),
    # the line that a mixed pick divided it from; no foreign key: an emptied line goes, and then there is no way back
    Column("remainder_of", Uuid),
    UniqueConstraint("shipment_id", "line_id", "component", name="shipment_lines_one_per_demand_key"),
)
Index("shipment_lines_line_ix", shipment_lines.c.line_id)
Index("shipment_lines_order_ix", shipment_lines.c.order_id)

shipment_shares = Table(
    "shipment_shares",
    metadata,
    Column("shipment_line_id", Uuid, ForeignKey(shipment_lines.c.id), primary_key=True),
    Column("allotment_id", Uuid, ForeignKey(allotments.c.allotment_id), primary_key=True),
    qty("qty", default=None),
    qty("shipped"),
    CheckConstraint("qty > 0", name="something"),
    CheckConstraint("shipped BETWEEN 0 AND qty", name="shipped_of_it"),
)
Index("shipment_shares_allotment_ix", shipment_shares.c.allotment_id)

packages = Table(
    "packages",
    metadata,
    document_id(primary_key=True),
    Column("shipment_id", Uuid, ForeignKey(shipments.c.id), nullable=False),
    Column("package_no", Integer, nullable=False),
    Column("tracking_number", Text),
    qty("weight", nullable=True),
    instant("packed_at"),
    CheckConstraint("package_no > 0", name="counts_from_one"),
    CheckConstraint("weight > 0", name="weighs_something"),
    UniqueConstraint("shipment_id", "package_no", name="packages_one_per_number_key"),
)

package_contents = Table(
    "package_contents",
    metadata,
    Column("package_id", Uuid, ForeignKey(packages.c.id, ondelete="CASCADE"), primary_key=True),
    Column("shipment_line_id", Uuid, ForeignKey(shipment_lines.c.id), primary_key=True),
    qty("qty", default=None),
    CheckConstraint("qty > 0", name="something"),
)
Index("package_contents_line_ix", package_contents.c.shipment_line_id)

questions = Table(
    "questions",
    metadata,
    document_id("question_id", primary_key=True),
    Column("reason", Text, nullable=False),
    Column("answers", JSONB, nullable=False),
    instant("answered_at"),
)
"""What inventory has asked and shipping has answered; a question is answered once."""
