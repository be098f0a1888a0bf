"""Document ids: UUIDv7, so that primary keys grow to the right and sort by birth."""

from uuid import UUID

import uuid_utils


def new_id() -> UUID:
    """A new UUIDv7 (PostgreSQL 15 and 17 have no function for it)."""
    return UUID(int=uuid_utils.uuid7().int)
