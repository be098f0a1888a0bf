"""Packages; remainders of mixed picks; what may not be divided; pending shipments by customer."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Expand only."""
    op.add_column("allotments", sa.Column("all_or_nothing", sa.Boolean(), nullable=True))
    op.add_column(
        "allotments",
        sa.Column("unproven", sa.Numeric(precision=18, scale=6), server_default="0", nullable=False),
    )
    op.execute(
        "ALTER TABLE allotments ADD CONSTRAINT allotments_unproven_is_returned_check"
        " CHECK (unproven BETWEEN 0 AND returned) NOT VALID"
    )
    op.execute("ALTER TABLE allotments VALIDATE CONSTRAINT allotments_unproven_is_returned_check")
    op.add_column("shipment_lines", sa.Column("remainder_of", sa.Uuid(), nullable=True))
    op.create_index(
        "shipments_pending_customer_ix",
        "shipments",
        ["customer"],
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_table(
        "packages",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("shipment_id", sa.Uuid(), nullable=False),
        sa.Column("package_no", sa.Integer(), nullable=False),
        sa.Column("tracking_number", sa.Text(), nullable=True),
        sa.Column("weight", sa.Numeric(precision=18, scale=6), nullable=True),
        sa.Column("packed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("package_no > 0", name=op.f("packages_counts_from_one_check")),
        sa.CheckConstraint("weight > 0", name=op.f("packages_weighs_something_check")),
        sa.ForeignKeyConstraint(["shipment_id"], ["shipments.id"], name=op.f("packages_shipment_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("packages_pkey")),
        sa.UniqueConstraint("shipment_id", "package_no", name=op.f("packages_one_per_number_key")),
    )
    op.create_table(
        "package_contents",
        sa.Column("package_id", sa.Uuid(), nullable=False),
        sa.Column("shipment_line_id", sa.Uuid(), nullable=False),
        sa.Column("qty", sa.Numeric(precision=18, scale=6), nullable=False),
        sa.CheckConstraint("qty > 0", name=op.f("package_contents_something_check")),
        sa.ForeignKeyConstraint(
            ["package_id"], ["packages.id"], name=op.f("package_contents_package_id_fkey"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["shipment_line_id"], ["shipment_lines.id"], name=op.f("package_contents_shipment_line_id_fkey")
        ),
        sa.PrimaryKeyConstraint("package_id", "shipment_line_id", name=op.f("package_contents_pkey")),
    )
    op.create_index("package_contents_line_ix", "package_contents", ["shipment_line_id"])
