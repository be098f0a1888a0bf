"""Notices are looked up by what they are about: there are few kinds, so no plan may begin with those."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Expand only."""
    op.create_index("notices_subject_ix", "notices", ["subject"], unique=False)
