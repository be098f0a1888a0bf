"""Notices with whom they concern, findings of inspections, teams and subscriptions."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Expand only; contraction comes in a later version."""
    op.execute(sa.schema.CreateSequence(sa.Sequence("notice_numbers")))
    op.execute(sa.schema.CreateSequence(sa.Sequence("notice_positions")))
    op.create_table(
        "findings",
        sa.Column("inspection_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("passed", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("failed", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("closed", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("inspection_id", name=op.f("findings_pkey")),
    )
    op.create_table(
        "notices",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("news", sa.Integer(), nullable=False),
        sa.Column("source_version", sa.Integer(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("warehouse", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("unit", sa.Text(), nullable=True),
        sa.Column("qty", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("passed", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("failed", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.Column("vendor", sa.Text(), nullable=True),
        sa.Column("po_id", sa.Uuid(), nullable=True),
        sa.Column("po_number", sa.Text(), nullable=True),
        sa.Column("receipt_id", sa.Uuid(), nullable=True),
        sa.Column("receipt_number", sa.Text(), nullable=True),
        sa.Column("receipt_line_id", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("raised_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(state = 'closed') = (closed_at IS NOT NULL)", name=op.f("notices_closed_says_when_check")
        ),
        sa.CheckConstraint(
            "kind <> 'inspection' OR num_nulls(receipt_id, receipt_number, receipt_line_id, po_id, po_number,"
            " vendor) = 0",
            name=op.f("notices_inspection_has_receipt_check"),
        ),
        sa.CheckConstraint("state IN ('open', 'closed')", name=op.f("notices_state_check")),
        sa.CheckConstraint("news BETWEEN 1 AND version", name=op.f("notices_news_is_a_version_check")),
        sa.CheckConstraint(
            "qty >= 0 AND passed >= 0 AND failed >= 0", name=op.f("notices_not_negative_check")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("notices_pkey")),
        sa.UniqueConstraint("kind", "subject", name="notices_one_per_subject_key"),
        sa.UniqueConstraint("number", name=op.f("notices_number_key")),
        sa.UniqueConstraint("position", name=op.f("notices_position_key")),
    )
    op.create_index("notices_kind_ix", "notices", ["kind", "raised_at", "id"], unique=False)
    op.create_index(
        "notices_open_ix",
        "notices",
        ["raised_at", "id"],
        unique=False,
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_index("notices_raised_ix", "notices", ["raised_at", "id"], unique=False)
    op.create_index("notices_receipt_ix", "notices", ["receipt_id"], unique=False)
    op.create_index("notices_warehouse_ix", "notices", ["warehouse", "raised_at", "id"], unique=False)
    op.create_table(
        "teams",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("teams_pkey")),
    )
    op.create_table(
        "notice_concerns",
        sa.Column("notice_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("order_number", sa.Text(), nullable=False),
        sa.Column("line_id", sa.Uuid(), nullable=False),
        sa.Column("line_no", sa.Integer(), nullable=False),
        sa.Column("component", sa.Integer(), nullable=False),
        sa.Column("qty", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["notice_id"], ["notices.id"], name=op.f("notice_concerns_notice_id_fkey")),
        sa.PrimaryKeyConstraint("notice_id", "key", name=op.f("notice_concerns_pkey")),
    )
    op.create_index("notice_concerns_order_ix", "notice_concerns", ["order_id"], unique=False)
    op.create_table(
        "notice_reads",
        sa.Column("notice_id", sa.Uuid(), nullable=False),
        sa.Column("member", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["notice_id"], ["notices.id"], name=op.f("notice_reads_notice_id_fkey")),
        sa.PrimaryKeyConstraint("notice_id", "member", name=op.f("notice_reads_pkey")),
    )
    op.create_table(
        "order_teams",
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("team", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("order_id", name=op.f("order_teams_pkey")),
    )
    op.create_table(
        "subscriptions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("team", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("warehouse", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["team"], ["teams.code"], name=op.f("subscriptions_team_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("subscriptions_pkey")),
        sa.UniqueConstraint(
            "team", "kind", "warehouse", name="subscriptions_once_key", postgresql_nulls_not_distinct=True
        ),
    )
    op.create_index("subscriptions_kind_ix", "subscriptions", ["kind", "warehouse"], unique=False)
    op.create_table(
        "team_members",
        sa.Column("team", sa.Text(), nullable=False),
        sa.Column("member", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["team"], ["teams.code"], name=op.f("team_members_team_fkey")),
        sa.PrimaryKeyConstraint("team", "member", name=op.f("team_members_pkey")),
    )
    op.create_index("team_members_member_ix", "team_members", ["member"], unique=False)
    op.create_table(
        "team_warehouses",
        sa.Column("team", sa.Text(), nullable=False),
        sa.Column("warehouse", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["team"], ["teams.code"], name=op.f("team_warehouses_team_fkey")),
        sa.PrimaryKeyConstraint("team", "warehouse", name=op.f("team_warehouses_pkey")),
    )
    op.create_index("team_warehouses_warehouse_ix", "team_warehouses", ["warehouse"], unique=False)
