"""Allotments: rows and values."""

from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Text, Uuid, any_, bindparam, func, select, text, true
from sqlalchemy.ext.asyncio import AsyncConnection

from services.shipping.domain.allotment import Allotment, ShipTo, Terms
from services.shipping.tables import allotments, shipment_lines, shipment_shares, shipments

TURNSTILES = 256
_LOCK_SPACE = 8004

_TERMS = (
    *("order_number", "line_id", "line_no", "component", "sku", "description", "unit", "precision"),
    *("customer", "ship_type", "warehouse", "currency", "carrier", "ship_to", "all_or_nothing"),
)
_FIGURES = (
    *("qty", "gated", "withdrawn", "failed", "passed", "release_no", "revoke_no"),
    *("shipped", "returned", "missing", "unproven", "standing"),
)
ALLOTMENT = ("allotment_id", "order_id", *_TERMS, *_FIGURES)
KEYED_FIGURES = ("allotment_id", *_FIGURES)
_term_values, _figure_values = attrgetter(*_TERMS), attrgetter(*_FIGURES)
_UNKNOWN = (None,) * len(_TERMS)
_SHIP_TO = ALLOTMENT.index("ship_to")
_RELEASE_NO = ALLOTMENT.index("release_no")
_FIGURES_AT = len(_TERMS) + 2

_PASS_TURNSTILES = text(
    f"""
    SELECT pg_advisory_xact_lock({_LOCK_SPACE}, turnstile) FROM (
        SELECT DISTINCT abs(hashtext(passing) % {TURNSTILES}) AS turnstile
        FROM unnest(:passing) AS given(passing) ORDER BY turnstile
    ) AS in_order
    """  # noqa: S608  # constants of this module
).bindparams(bindparam("passing", type_=ARRAY(Text)))
_row = [allotments.c[name] for name in ALLOTMENT]
_ids = bindparam("ids", type_=ARRAY(Uuid))
_LOCK = select(*_row).where(allotments.c.allotment_id == _ids.any_()).order_by(allotments.c.allotment_id)
_LOCK = _LOCK.with_for_update(key_share=True)
_known = allotments.alias("known")
_LOCK_KNOWN = _LOCK.where(
    select(func.count()).where(_known.c.allotment_id == _ids.any_()).scalar_subquery()
    == func.cardinality(_ids)
)
_locked = _LOCK.cte("locked")
# counted, and filtered there: with EXISTS, or the state beside it, the planner might read every pending shipment
_pending = select(func.count().filter(shipments.c.state == "pending")).where(
    shipments.c.order_id == bindparam("order_ids", type_=ARRAY(Uuid)).any_()
)
_looked = select((_pending.scalar_subquery() > 0).label("joinable")).subquery("looked")
_LOCK_AND_LOOK = (
    select(*(_locked.c[name] for name in ALLOTMENT), _looked.c.joinable)
    .select_from(_looked.outerjoin(_locked, true()))
    .order_by(_locked.c.allotment_id)
)
# arrays in arrays, not joins: of young tables, not yet analysed, the planner would read every share to join them
_their_lines = select(shipment_lines.c.id).where(shipment_lines.c.shipment_id == _ids.any_())
_their_shares = select(shipment_shares.c.allotment_id).where(
    shipment_shares.c.shipment_line_id == any_(func.array(_their_lines.scalar_subquery()))
)
_LOCK_OF_SHIPMENTS = (
    select(*_row)
    .where(allotments.c.allotment_id == any_(func.array(_their_shares.scalar_subquery())))
    .order_by(allotments.c.allotment_id)
    .with_for_update(key_share=True)
)


async def lock_allotments(
    db: AsyncConnection, order_ids: Iterable[UUID], ids: Iterable[UUID], places: Iterable[str] = ()
) -> tuple[dict[UUID, Allotment], bool]:
    """The known ones of these allotments, locked by id, after passing their orders' turnstiles; and whether one of the
    orders may have a pending shipment.

    Whoever places units of an order, or writes down an allotment of it for the first time, passes its turnstile. So
    two transactions can neither make two shipments where one was due, nor both find an allotment unknown. There are
    256 turnstiles, not one per order: a batch may name thousands of orders, and the server's lock table is finite.
    Where units may join shipments of other orders, the place (customer and ship-to) has a turnstile too.

    The look is as old as its statement: while the lock of a known allotment was waited for, somebody may have unpicked
    a shipment, or left the rest of a mixed pick behind. So it is believed only where no lock had to be taken.
    """
    orders = sorted(set(order_ids))
    await _pass_turnstiles(db, {str(order_id) for order_id in orders}.union(places))
    rows = (await db.execute(_LOCK_AND_LOOK, {"ids": sorted(set(ids)), "order_ids": orders})).all()
    known = {row[0]: _allotment(row) for row in rows if row[0] is not None}
    return known, bool(known) or rows[0].joinable


async def lock_known_allotments(
    db: AsyncConnection, order_ids: Iterable[UUID], ids: Iterable[UUID]
) -> dict[UUID, Allotment]:
    """The known ones of these allotments, locked by id, for whoever places nothing.

    The orders' turnstiles are passed only when one is not known, for it is about to be written down: then nothing has
    been locked yet, and turnstiles come before allotments.
    """
    wanted = sorted(set(ids))
    rows = (await db.execute(_LOCK_KNOWN, {"ids": wanted})).all()
    if len(rows) < len(wanted):
        await _pass_turnstiles(db, {str(order_id) for order_id in order_ids})
        rows = (await db.execute(_LOCK, {"ids": wanted})).all()
    return {row[0]: _allotment(row) for row in rows}


async def lock_allotments_of_shipments(
    db: AsyncConnection, shipment_ids: Iterable[UUID]
) -> dict[UUID, Allotment]:
    """The allotments that stand on these shipments, locked by id."""
    rows = await db.execute(_LOCK_OF_SHIPMENTS, {"ids": list(shipment_ids)})
    return {row[0]: _allotment(row) for row in rows}


async def _pass_turnstiles(db: AsyncConnection, passing: set[str]) -> None:
    await db.execute(_PASS_TURNSTILES, {"passing": sorted(passing)})


def allotment_row(allotment: Allotment) -> tuple[Any, ...]:
    """The whole row, in the order of `ALLOTMENT`."""
    terms = allotment.terms
    said = _term_values(terms) if terms else _UNKNOWN
    return allotment.allotment_id, allotment.order_id, *said, *_figure_values(allotment)


def figures_row(allotment: Allotment) -> tuple[Any, ...]:
    """Its figures alone, in the order of `KEYED_FIGURES`."""
    return allotment.allotment_id, *_figure_values(allotment)


def _allotment(row: Sequence[Any]) -> Allotment:
    """From a row in the order of `ALLOTMENT`, which is that of the values' own fields."""
    values, terms = list(row[: len(ALLOTMENT)]), None
    if values[_RELEASE_NO]:
        said = values[1:_FIGURES_AT]
        said[-2:] = ShipTo(**values[_SHIP_TO]), bool(said[-1])
        terms = Terms(*said)
    values[2:_FIGURES_AT] = [terms]
    return Allotment(*values)
