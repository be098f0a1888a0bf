"""A client's journal: what it meant to send, written and synced before it was sent, and what it was answered.

One JSON object a line. An intent: `{"key", "service", "method", "path", "at"}` with what tells the resource apart
(`reference`); an answer: `{"key", "status", "id", "number"}`. What has no answer may or may not have happened, once.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson


@dataclass(frozen=True)
class Journal:
    """Intents and answers by Idempotency-Key."""

    intents: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    answers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def read_journal(file: Path) -> Journal:
    """The journal of a file; a last line that was cut short was never synced, so nothing was sent for it."""
    intents: dict[str, Mapping[str, Any]] = {}
    answers: dict[str, Mapping[str, Any]] = {}
    for line in file.read_bytes().split(b"\n"):
        try:
            entry = orjson.loads(line)
        except orjson.JSONDecodeError:
            continue
        (answers if "status" in entry else intents)[entry["key"]] = entry
    return Journal(intents, answers)


class JournalWriter:
    """Writes a journal; `intends` returns when the intent is on the disk."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._out = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def intends(self, key: str, service: str, method: str, path: str, **more: Any) -> None:
        """What is about to be sent."""
        self._write({"key": key, "service": service, "method": method, "path": path, **more})
        os.fdatasync(self._out)

    def answered(self, key: str, status: int, **more: Any) -> None:
        """What came back."""
        self._write({"key": key, "status": status, **more})

    def close(self) -> None:
        """No more is written."""
        os.close(self._out)

    def _write(self, entry: Mapping[str, Any]) -> None:
        os.write(self._out, orjson.dumps(entry) + b"\n")
