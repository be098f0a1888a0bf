"""An inbox without a broker: messages are handed to it as the consumer would."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import orjson
from sqlalchemy import text

from shared.contracts.inventory import WarehouseSaved
from shared.ids import new_id
from shared.inbox import Inbox
from shared.testing import Bench
from shared.unit_of_work import Told, Tx


class Killed(BaseException):
    """Stands for the death of the process: no `except Exception` of ours sees it, and the transaction is gone."""


class Ear:
    """Counts what it hears in the toy table, and can be told to fail, or to die."""

    def __init__(self) -> None:
        self.fails_on: set[str] = set()
        self.dies_on: set[str] = set()
        self.batches: list[int] = []

    async def warehouses(self, tx: Tx, told: Sequence[Told[WarehouseSaved]]) -> None:
        self.batches.append(len(told))
        for t in told:
            if t.fact.code in self.dies_on:
                raise Killed
            if t.fact.code in self.fails_on:
                raise RuntimeError(f"cannot take {t.fact.code}")
            await tx.db.execute(
                text(
                    "INSERT INTO heard VALUES (:code, 1) ON CONFLICT (code) DO UPDATE SET times = heard.times + 1"
                ),
                {"code": t.fact.code},
            )


@dataclass(frozen=True)
class Message:
    """What an inbox needs of a delivered message."""

    body: bytes
    user_id: str | None = "inventory"
    redelivered: bool = False


def saved(code: str, version: int = 1) -> WarehouseSaved:
    return WarehouseSaved(code=code, version=version, name=code, company="TL1", time_zone="UTC")


def event(
    code: str, *, kind: str = WarehouseSaved.TYPE, event_id: str | None = None, **data: Any
) -> dict[str, Any]:
    """A warehouse that was saved, as it stands in a message."""
    return {
        "specversion": "1.0", "id": event_id or str(new_id()), "type": kind, "source": "/tieline/inventory",
        "subject": code, "time": "2026-11-21T10:00:00+00:00", "actor": "tester", "correlationid": str(new_id()),
        "data": {**orjson.loads(saved(code).model_dump_json()), **data},
    }  # fmt: skip


def inbox_of(kernel: Bench, ear: Ear) -> Inbox:
    return Inbox(kernel.work, {WarehouseSaved: ear.warehouses})


async def take(inbox: Inbox, *events: Any, user: str = "inventory") -> None:
    """One message with these events."""
    await take_raw(inbox, json.dumps(events).encode(), user=user)


async def take_raw(inbox: Inbox, *bodies: bytes, user: str = "inventory") -> None:
    """Messages with these bodies, taken together."""
    await inbox.take(cast(Any, [Message(body, user) for body in bodies]))


async def heard(kernel: Bench) -> dict[str, int]:
    """How often each code took effect."""
    return {row.code: row.times for row in await kernel.sql("SELECT code, times FROM heard")}


async def states(kernel: Bench) -> list[str]:
    """The states of what is parked, in the order of parking."""
    return [row.state for row in await kernel.sql("SELECT state FROM parked ORDER BY created_at")]
