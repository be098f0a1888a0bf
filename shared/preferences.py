"""Preferences: what an organisation has chosen, typed, with defaults; one row in the service that owns them."""

import dataclasses
import time
from collections.abc import Awaitable, Callable
from enum import Enum
from typing import Any, ClassVar, Protocol, TypeVar, cast

import orjson
from pydantic import TypeAdapter
from sqlalchemy import Engine, text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.errors import Stale
from shared.unit_of_work import Tx


class _Dataclass(Protocol):
    __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]


C = TypeVar("C", bound=_Dataclass)
V = TypeVar("V")

FRESH_SECONDS = 1.0
_CHOSEN = text("SELECT chosen, version FROM preferences")
_kept: dict[tuple[Engine, type[Any]], tuple[float, Any]] = {}


class PreferencesChanged(Stale):
    """Somebody else has changed the preferences since they were read."""


async def preferences(tx: Tx, kind: type[C]) -> C:
    """What is chosen now, defaults filled in; kept in memory for a second per database."""

    async def read(db: AsyncConnection) -> C:
        return (await read_preferences(db, kind))[0]

    return await kept_for_a_second(tx, kind, read)


async def kept_for_a_second(tx: Tx, kind: type[V], read: Callable[[AsyncConnection], Awaitable[V]]) -> V:
    """What every hot transaction asks and people change now and then: read once a second per database and process.

    Whoever changes it in this process says so with `forget_one`.
    """
    place = (tx.db.engine.sync_engine, kind)
    kept = _kept.get(place)
    if kept and kept[0] > time.monotonic():
        return cast(V, kept[1])
    value = await read(tx.db)
    _kept[place] = (time.monotonic() + FRESH_SECONDS, value)
    return value


def forget_one(tx: Tx, kind: type[Any]) -> None:
    """It has just been changed here: the next one to ask reads it again."""
    _kept.pop((tx.db.engine.sync_engine, kind), None)


async def read_preferences(db: AsyncConnection, kind: type[C]) -> tuple[C, int]:
    """What is chosen, and the version for If-Match (0: nothing was chosen yet)."""
    row = (await db.execute(_CHOSEN)).first()
    if row is None:
        return kind(), 0
    known = {field.name for field in dataclasses.fields(kind)}
    values = row.chosen if isinstance(row.chosen, dict) else orjson.loads(row.chosen)
    return TypeAdapter(kind).validate_python({k: v for k, v in values.items() if k in known}), row.version


async def choose(tx: Tx, service: str, kind: type[C], version: int, wanted: dict[str, Any]) -> tuple[C, int]:
    """Change some preferences; raises `PreferencesChanged` when they have moved on since `version`."""
    await tx.db.execute(
        text("INSERT INTO preferences (chosen, version) VALUES ('{}', 0) ON CONFLICT DO NOTHING")
    )
    await tx.db.execute(text("SELECT 1 FROM preferences FOR NO KEY UPDATE"))
    before, current = await read_preferences(tx.db, kind)
    if current != version:
        raise PreferencesChanged(
            "The preferences have changed; read them again", current=current, given=version
        )
    after = TypeAdapter(kind).validate_python({**as_json(before), **wanted})
    await tx.db.execute(
        text("UPDATE preferences SET chosen = CAST(:chosen AS jsonb), version = version + 1"),
        {"chosen": orjson.dumps(as_json(after)).decode()},
    )
    tx.record("preferences", service, "chosen", as_json(before), as_json(after))
    forget_one(tx, kind)
    return after, version + 1


def as_json(chosen: Any) -> dict[str, Any]:
    """The preferences as plain values."""
    return {k: v.value if isinstance(v, Enum) else v for k, v in dataclasses.asdict(chosen).items()}


def forget_kept() -> None:
    """Tests change databases under our feet."""
    _kept.clear()
