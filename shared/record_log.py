"""The record log (ORD-5): every change with time, actor, cause, before and after; written, never edited.

The application role may insert and read it, nothing else (`shared.migrate`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
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


_PLACES = attrgetter(
    "document", "document_id", "part", "action", "before", "after", "reason", "actor", "cause"
)


def written(entries: Sequence[LogEntry]) -> str:
    """The entries as one text, each a list by place, in the order in which they were recorded.

    Half of what nine arrays cost in all: the driver looks at each element of those, and the server reads this once.
    """
    return orjson.dumps([_PLACES(entry) for entry in entries]).decode()
