"""Document ids: UUIDv7, so that primary keys grow to the right and sort by birth."""

from datetime import datetime, timedelta
from uuid import UUID

import uuid_utils


def new_id() -> UUID:
    """A new UUIDv7 (PostgreSQL 15 and 17 have no function for it)."""
    return UUID(int=uuid_utils.uuid7().int)


def first_id_at(instant: datetime) -> UUID:
    """The smallest UUIDv7 of an instant, to find what was born since then by primary key.

    A millisecond earlier than asked for: an id is made a moment before its transaction's time is read, or after.
    """
    milliseconds = int((instant - timedelta(milliseconds=1)).timestamp() * 1000)
    return UUID(int=max(0, milliseconds) << 80)
