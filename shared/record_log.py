"""The record log (ORD-5): every change with time, actor, cause, before and after; written, never edited.

The application role may insert and read it, nothing else (`shared.migrate`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson


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


COLUMNS = ("document", "document_id", "part", "action", "before", "after", "reason", "actor", "cause")


def columns(entries: Sequence[LogEntry]) -> dict[str, list[str | None]]:
    """The entries as one array of texts for each column, in the order in which they were recorded."""
    found = {name: [getattr(entry, name) for entry in entries] for name in COLUMNS}
    for name in ("before", "after"):
        found[name] = [None if value is None else orjson.dumps(value).decode() for value in found[name]]
    return found
