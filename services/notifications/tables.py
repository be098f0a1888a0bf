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
Index("notices_receipt_ix", notices.c.receipt_id)

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
