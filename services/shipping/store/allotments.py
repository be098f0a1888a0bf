"""Allotments: rows and values."""

from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import ARRAY, Row, Text, Uuid, bindparam, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.shipping.domain.allotment import Allotment, ShipTo, Terms
from services.shipping.tables import allotments, shipment_lines, shipment_shares

TURNSTILES = 256
_LOCK_SPACE = 8004

_TERMS = (
    *("order_number", "line_id", "line_no", "component", "sku", "description", "unit", "precision"),
    *("customer", "ship_type", "warehouse", "currency", "carrier", "ship_to", "all_or_nothing"),
)
_FIGURES = (
    *("gated", "qty", "withdrawn", "failed", "passed", "release_no", "revoke_no"),
    *("shipped", "returned", "missing", "unproven", "standing"),
)
_COLUMNS = ("allotment_id", "order_id", *_TERMS, *_FIGURES)
_SHIP_TO = _TERMS.index("ship_to")
_term_values, _figure_values = attrgetter(*_TERMS), attrgetter(*_FIGURES)
_ARRAYS = [
    bindparam(name, type_=ARRAY(Text if name == "ship_to" else allotments.c[name].type)) for name in _COLUMNS
]
_GIVEN = f"unnest({', '.join(f':{name}' for name in _COLUMNS)}) AS given({', '.join(_COLUMNS)})"
_VALUES = {
    name: f"CAST(given.{name} AS jsonb)" if name == "ship_to" else f"given.{name}" for name in _COLUMNS
}

_PASS_TURNSTILES = text(
    f"""
    SELECT pg_advisory_xact_lock({_LOCK_SPACE}, turnstile) FROM (
        SELECT DISTINCT abs(hashtext(passing) % {TURNSTILES}) AS turnstile
        FROM unnest(:passing) AS given(passing) ORDER BY turnstile
    ) AS in_order
    """  # noqa: S608  # constants of this module
).bindparams(bindparam("passing", type_=ARRAY(Text)))
_LOCK = (
    select(allotments)
    .where(allotments.c.allotment_id == bindparam("ids", type_=ARRAY(Uuid)).any_())
    .order_by(allotments.c.allotment_id)
    .with_for_update(key_share=True)
)
_LOCK_OF_SHIPMENTS = (
    select(allotments)
    .where(
        allotments.c.allotment_id.in_(
            select(shipment_shares.c.allotment_id)
            .join(shipment_lines, shipment_lines.c.id == shipment_shares.c.shipment_line_id)
            .where(shipment_lines.c.shipment_id == bindparam("ids", type_=ARRAY(Uuid)).any_())
        )
    )
    .order_by(allotments.c.allotment_id)
    .with_for_update(key_share=True)
)
_INSERT = text(
    f"INSERT INTO allotments ({', '.join(_COLUMNS)}) SELECT {', '.join(_VALUES.values())} FROM {_GIVEN}"  # noqa: S608  # constants
).bindparams(*_ARRAYS)
_UPDATE = text(
    f"""
    UPDATE allotments SET {", ".join(f"{name} = {_VALUES[name]}" for name in _COLUMNS[1:])}
    FROM {_GIVEN} WHERE allotments.allotment_id = given.allotment_id
    """  # noqa: S608  # constants of this module
).bindparams(*_ARRAYS)
_KEYED_FIGURES = ("allotment_id", *_FIGURES)
_UPDATE_FIGURES = text(
    f"""
    UPDATE allotments SET {", ".join(f"{name} = given.{name}" for name in _FIGURES)}
    FROM unnest({", ".join(f":{name}" for name in _KEYED_FIGURES)}) AS given({", ".join(_KEYED_FIGURES)})
    WHERE allotments.allotment_id = given.allotment_id
    """  # noqa: S608  # constants of this module
).bindparams(*(bindparam(name, type_=ARRAY(allotments.c[name].type)) for name in _KEYED_FIGURES))
"""Of an allotment only its figures change, but for a release anew with other terms."""


async def lock_allotments(
    db: AsyncConnection, order_ids: Iterable[UUID], ids: Iterable[UUID], places: Iterable[str] = ()
) -> dict[UUID, Allotment]:
    """The known ones of these allotments, locked by id, after passing their orders' turnstiles.

    Whoever places units of an order, or writes down an allotment of it for the first time, passes its turnstile. So
    two transactions can neither make two shipments where one was due, nor both find an allotment unknown. There are
    256 turnstiles, not one per order: a batch may name thousands of orders, and the server's lock table is finite.
    Where units may join shipments of other orders, the place (customer and ship-to) has a turnstile too.
    """
    passing = {str(order_id) for order_id in order_ids}.union(places)
    await db.execute(_PASS_TURNSTILES, {"passing": sorted(passing)})
    rows = await db.execute(_LOCK, {"ids": sorted(set(ids))})
    return {row.allotment_id: _allotment(row) for row in rows}


async def lock_allotments_of_shipments(
    db: AsyncConnection, shipment_ids: Iterable[UUID]
) -> dict[UUID, Allotment]:
    """The allotments that stand on these shipments, locked by id."""
    rows = await db.execute(_LOCK_OF_SHIPMENTS, {"ids": list(shipment_ids)})
    return {row.allotment_id: _allotment(row) for row in rows}


async def save_allotments(
    db: AsyncConnection, before: Mapping[UUID, Allotment], after: Mapping[UUID, Allotment]
) -> None:
    """Write the allotments that are new or differ."""
    new: list[Allotment] = []
    restated: list[Allotment] = []
    changed: list[Allotment] = []
    for key, allotment in sorted(after.items()):
        was = before.get(key)
        if was is None:
            new.append(allotment)
        elif was != allotment:
            (changed if was.terms == allotment.terms else restated).append(allotment)
    for statement, written in ((_INSERT, new), (_UPDATE, restated)):
        if written:
            await db.execute(statement, _columns(_COLUMNS, [_written(one) for one in written]))
    if changed:
        rows = [(one.allotment_id, *_figure_values(one)) for one in changed]
        await db.execute(_UPDATE_FIGURES, _columns(_KEYED_FIGURES, rows))


def _columns(names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> dict[str, list[Any]]:
    return {name: list(values) for name, values in zip(names, zip(*rows, strict=True), strict=True)}


def _written(allotment: Allotment) -> tuple[Any, ...]:
    terms = allotment.terms
    said = [None] * len(_TERMS) if terms is None else [*_term_values(terms)]
    if terms:
        said[_SHIP_TO] = orjson.dumps(terms.ship_to).decode()
    return allotment.allotment_id, allotment.order_id, *said, *_figure_values(allotment)


def _allotment(row: Row[Any]) -> Allotment:
    terms = None
    if row.release_no:
        said = dict(zip(_TERMS, _term_values(row), strict=True))
        said |= {"ship_to": ShipTo(**row.ship_to), "all_or_nothing": bool(row.all_or_nothing)}
        terms = Terms(order_id=row.order_id, **said)
    figures = dict(zip(_FIGURES, _figure_values(row), strict=True))
    return Allotment(row.allotment_id, row.order_id, terms, **figures)
