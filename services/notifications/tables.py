"""Tables of notifications. docs/model/notifications.md says which bad state each constraint makes impossible."""

from sqlalchemy import (
    BigInteger,
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

from shared.schema import code, document_id, instant, new_metadata, qty

metadata = new_metadata()

notice_numbers = Sequence("notice_numbers", metadata=metadata)
notice_positions = Sequence("notice_positions", metadata=metadata)
"""The live stream's order: a notice moves to the end of it with each change."""

notices = Table(
    "notices",
    metadata,
    document_id(primary_key=True),
    Column("number", Text, nullable=False, unique=True),
    code("kind"),
    Column("subject", Uuid, nullable=False),
    Column("state", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("news", Integer, nullable=False),
    Column("source_version", Integer, nullable=False),
    Column("position", BigInteger, nullable=False, unique=True),
    code("warehouse"),
    Column("title", Text, nullable=False),
    code("sku"),
    Column("description", Text),
    code("unit", nullable=True),
    qty("qty"),
    qty("passed"),
    qty("failed"),
    code("vendor", nullable=True),
    Column("po_id", Uuid),
    code("po_number", nullable=True),
    Column("receipt_id", Uuid),
    code("receipt_number", nullable=True),
    Column("receipt_line_id", Uuid),
    Column("shipment_id", Uuid),
    code("shipment_number", nullable=True),
    code("reason", nullable=True),
    Column("message", Text),
    instant("raised_at"),
    instant("closed_at", nullable=True),
    UniqueConstraint("kind", "subject", name="notices_one_per_subject_key"),
    CheckConstraint("state IN ('open', 'closed')", name="state"),
    CheckConstraint("(state = 'closed') = (closed_at IS NOT NULL)", name="closed_says_when"),
    CheckConstraint("news BETWEEN 1 AND version", name="news_is_a_version"),
    CheckConstraint("qty >= 0 AND passed >= 0 AND failed >= 0", name="not_negative"),
    CheckConstraint(
        "kind <> 'inspection' OR num_nulls(receipt_id, receipt_number, receipt_line_id, po_id, po_number, vendor) = 0",
        name="inspection_has_receipt",
    ),
)
Index("notices_raised_ix", notices.c.raised_at, notices.c.id)
Index("notices_open_ix", notices.c.raised_at, notices.c.id, postgresql_where=notices.c.state == "open")
Index("notices_warehouse_ix", notices.c.warehouse, notices.c.raised_at, notices.c.id)
Index("notices_kind_ix", notices.c.kind, notices.c.raised_at, notices.c.id)
Index("notices_subject_ix", notices.c.subject)
Index("notices_receipt_ix", notices.c.receipt_id)
Index("notices_shipment_ix", notices.c.shipment_id)

notice_concerns = Table(
    "notice_concerns",
    metadata,
    Column("notice_id", Uuid, ForeignKey(notices.c.id), primary_key=True),
    Column("key", Uuid, primary_key=True),
    Column("order_id", Uuid, nullable=False),
    code("order_number"),
    Column("line_id", Uuid, nullable=False),
    Column("line_no", Integer, nullable=False),
    Column("component", Integer, nullable=False),
    qty("qty"),
    code("sku", nullable=True),
)
Index("notice_concerns_order_ix", notice_concerns.c.order_id)

notice_reads = Table(
    "notice_reads",
    metadata,
    Column("notice_id", Uuid, ForeignKey(notices.c.id), primary_key=True),
    Column("member", Text, primary_key=True),
    Column("version", Integer, nullable=False),
    instant("read_at"),
)

findings = Table(
    "findings",
    metadata,
    document_id("inspection_id", primary_key=True),
    Column("version", Integer, nullable=False),
    qty("passed"),
    qty("failed"),
    Column("closed", Boolean, nullable=False),
)
"""Where each inspection stands, also before its receipt has been heard of."""

teams = Table(
    "teams",
    metadata,
    code("code", primary_key=True),
    Column("name", Text, nullable=False),
    Column("version", Integer, nullable=False, server_default="1"),
    instant("created_at"),
)

order_teams = Table(
    "order_teams",
    metadata,
    document_id("order_id", primary_key=True),
    Column("version", Integer, nullable=False),
    code("team", nullable=True),
)
"""Whose an order is, as its newest snapshot says; the team need not be one of ours (yet)."""

team_warehouses = Table(
    "team_warehouses",
    metadata,
    Column("team", Text, ForeignKey(teams.c.code), primary_key=True),
    Column("warehouse", Text, primary_key=True),
)
Index("team_warehouses_warehouse_ix", team_warehouses.c.warehouse)

team_members = Table(
    "team_members",
    metadata,
    Column("team", Text, ForeignKey(teams.c.code), primary_key=True),
    Column("member", Text, primary_key=True),
)
Index("team_members_member_ix", team_members.c.member)

subscriptions = Table(
    "subscriptions",
    metadata,
    document_id(primary_key=True),
    Column("team", Text, ForeignKey(teams.c.code), nullable=False),
    code("kind"),
    code("warehouse", nullable=True),
    instant("created_at"),
    UniqueConstraint(
        "team", "kind", "warehouse", name="subscriptions_once_key", postgresql_nulls_not_distinct=True
    ),
)
Index("subscriptions_kind_ix", subscriptions.c.kind, subscriptions.c.warehouse)


demands = Table(
    "demands",
    metadata,
    Column("line_id", Uuid, primary_key=True),
    Column("component", Integer, primary_key=True),
    Column("order_id", Uuid, nullable=False),
    # what the order's newest snapshot says; version 0: only inventory's answer has been heard so far
    Column("version", Integer, nullable=False, server_default="0"),
    code("order_number", nullable=True),
    Column("line_no", Integer),
    code("sku", nullable=True),
    code("unit", nullable=True),
    code("warehouse", nullable=True),
    qty("wanted"),
    Column("is_open", Boolean, nullable=False, server_default="false"),
    Column("from_stock", Boolean, nullable=False, server_default="false"),
    # inventory's answers: the newest version that it has settled, and what the line had with the first
    Column("settled_version", Integer, nullable=False, server_default="0"),
    Column("first_version", Integer),
    qty("first_granted", nullable=True),
    CheckConstraint("wanted >= 0 AND first_granted >= 0", name="not_negative"),
    CheckConstraint(
        "version = 0 OR num_nulls(order_number, line_no, sku, unit, warehouse) = 0", name="told_is_known"
    ),
    CheckConstraint("(first_version IS NULL) = (first_granted IS NULL)", name="first_says_what"),
)
"""What orders want from stock, and what inventory answered; a special order has no row."""
Index("demands_order_ix", demands.c.order_id)

claims = Table(
    "claims",
    metadata,
    document_id("allotment_id", primary_key=True),
    Column("line_id", Uuid, nullable=False),
    Column("component", Integer, nullable=False),
    Column("gated", Boolean, nullable=False, server_default="false"),
    qty("qty", nullable=True),
    qty("withdrawn"),
    qty("failed"),
    qty("passed"),
    qty("shipped"),
    qty("returned"),
    qty("unproven"),
)
"""Figures of allotments, each the greatest that was told; `qty` is unknown while only shipping has spoken of it."""
Index("claims_line_ix", claims.c.line_id, claims.c.component)

takings = Table(
    "takings",
    metadata,
    Column("line_id", Uuid, primary_key=True),
    Column("component", Integer, primary_key=True),
    Column("for_order_number", Text, primary_key=True),
    Column("reason", Text, nullable=False),
    qty("qty", default=None),
    CheckConstraint("qty > 0", name="something"),
)
"""What was taken from lines, and for whom (empty: for nobody): the most in one go."""

shipments = Table(
    "shipments",
    metadata,
    document_id(primary_key=True),
    Column("number", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("state", Text, nullable=False),
    code("warehouse"),
)
"""Outgoing shipments as their newest snapshots have them."""

shipment_shares = Table(
    "shipment_shares",
    metadata,
    Column("shipment_id", Uuid, ForeignKey(shipments.c.id), primary_key=True),
    Column("allotment_id", Uuid, primary_key=True),
    Column("order_id", Uuid, nullable=False),
    code("order_number"),
    Column("line_id", Uuid, nullable=False),
    Column("line_no", Integer, nullable=False),
    Column("component", Integer, nullable=False),
    code("sku"),
    code("unit"),
    qty("qty", default=None),
)
Index("shipment_shares_allotment_ix", shipment_shares.c.allotment_id)
Index("shipment_shares_line_ix", shipment_shares.c.line_id)

pick_locks = Table(
    "pick_locks",
    metadata,
    Column("question_id", Uuid, primary_key=True),
    Column("allotment_id", Uuid, primary_key=True),
    Column("shipment_id", Uuid, primary_key=True),
    Column("shipment_number", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("order_id", Uuid, nullable=False),
    code("order_number"),
    Column("line_id", Uuid, nullable=False),
    Column("line_no", Integer, nullable=False),
    Column("component", Integer, nullable=False),
    code("sku"),
    code("warehouse"),
    qty("qty", default=None),
)
"""Units that were asked back and refused because they are being picked; over with any later version of the shipment."""
Index("pick_locks_order_ix", pick_locks.c.order_id)
Index("pick_locks_shipment_ix", pick_locks.c.shipment_id)
