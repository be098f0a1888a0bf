"""The shortage question (BO-1): nobody's answer is null. Invoices by shipment and order (SHIP-2)."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Expand only: what was not null may be, one key becomes wider, and both old and new code can write."""
    op.alter_column("customers", "shortage_answer", nullable=True)
    op.alter_column("sales_orders", "shortage_answer", nullable=True)
    op.add_column("order_lines", sa.Column("shortage_answer", sa.Text(), nullable=True))
    op.create_check_constraint(
        op.f("order_lines_shortage_answer_check"),
        "order_lines",
        "shortage_answer in ('split', 'backorder_line')",
    )
    op.drop_constraint(op.f("invoices_for_one_thing_check"), "invoices", type_="check")
    op.create_check_constraint(
        op.f("invoices_for_goods_or_a_return_check"),
        "invoices",
        "(return_id is null) = (num_nonnulls(shipment_id, order_id) > 0)",
    )
    # so far a shipment had the lines of one order; a draft whose last line was withdrawn keeps no order, and needs none
    op.execute(
        "UPDATE invoices SET order_id = (SELECT order_id FROM invoice_lines WHERE invoice_id = invoices.id LIMIT 1) "
        "WHERE shipment_id IS NOT NULL AND order_id IS NULL"
    )
    op.create_unique_constraint(
        op.f("invoices_shipment_id_order_id_key"), "invoices", ["shipment_id", "order_id"]
    )
    op.drop_constraint(op.f("invoices_shipment_id_key"), "invoices", type_="unique")
    op.create_table(
        "answers_heard",
        sa.Column("question_id", sa.Uuid(), nullable=False),
        sa.Column("about", sa.Uuid(), nullable=False),
        sa.Column("figure", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("question_id", "about", "figure", name=op.f("answers_heard_pkey")),
    )
