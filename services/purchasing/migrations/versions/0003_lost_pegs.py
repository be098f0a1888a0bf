"""Tasks about pegs that were lost in stock (BO-12), beside those about ties that were broken."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

QTY = sa.Numeric(precision=18, scale=6)


def upgrade() -> None:
    """Expand only: every task so far is about a broken tie and says at which figure."""
    op.alter_column("tasks", "tie_closed", nullable=True, server_default=None, existing_type=QTY)
    op.add_column("tasks", sa.Column("question_id", sa.Uuid(), nullable=True))
    op.add_column("tasks", sa.Column("allotment_id", sa.Uuid(), nullable=True))
    op.add_column("tasks", sa.Column("withdrawn", QTY, nullable=True))
    op.create_unique_constraint(
        op.f("tasks_question_id_allotment_id_withdrawn_key"),
        "tasks",
        ["question_id", "allotment_id", "withdrawn"],
    )
    op.create_check_constraint(
        op.f("tasks_cause_check"),
        "tasks",
        "CASE kind WHEN 'tie_broken' THEN tie_closed IS NOT NULL AND num_nulls(question_id, allotment_id, withdrawn) = 3 "
        "WHEN 'peg_lost' THEN tie_closed IS NULL AND num_nulls(question_id, allotment_id, withdrawn) = 0 ELSE false END",
    )
