"""The record log (ORD-5): every change with time, actor, cause, before and after; written, never edited.

The application role may insert and read it, nothing else (`shared.migrate`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import ARRAY, Text, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True)
class LogEntry:
    """One change of one document; `part` names a line or component of it."""

    document: str
    document_id: str
    part: str
    action: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    reason: str | None
    actor: str
    cause: str


_COLUMNS = ("document", "document_id", "part", "action", "before", "after", "reason", "actor", "cause")
_INSERT = text(
    """
    INSERT INTO record_log (document, document_id, part, action, before, after, reason, actor, cause, at)
    SELECT document, document_id, part, action, before::jsonb, after::jsonb, reason, actor, cause, :at
    FROM unnest(:document, :document_id, :part, :action, :before, :after, :reason, :actor, :cause)
         WITH ORDINALITY AS entry(document, document_id, part, action, before, after, reason, actor, cause, nth)
    ORDER BY nth
    """
).bindparams(*(bindparam(name, type_=ARRAY(Text)) for name in _COLUMNS))


async def write_log(db: AsyncConnection, entries: Sequence[LogEntry], at: datetime) -> None:
    """Write a transaction's log rows in one statement, in the order in which they were recorded."""
    if not entries:
        return
    columns: dict[str, Any] = {name: [getattr(entry, name) for entry in entries] for name in _COLUMNS}
    for name in ("before", "after"):
        columns[name] = [None if value is None else orjson.dumps(value).decode() for value in columns[name]]
    await db.execute(_INSERT, {**columns, "at": at})
