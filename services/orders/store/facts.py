"""What was heard, kept so that twice, late and out of order end alike: figures by greatest, snapshots by version."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, any_, bindparam, delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ..tables import (
    allotments,
    answers_heard,
    customer_returns,
    inspections,
    line_exceptions,
    order_lines,
    purchase_orders,
    receipt_lines,
    shipment_shares,
    shipments,
    short_ships,
    ties,
)
from .rows import (
    Row,
    Values,
    complete_rows,
    insert_new,
    insert_rows,
    overwrite_rows,
    raise_figures,
    replace_older,
)

_IDS = any_(bindparam("ids", type_=ARRAY(Uuid)))


def _one_fate_each(raised: Values) -> Values:
    """Inventory fails or takes units while shipping returns the same ones: they are counted once, inventory's word first.

    Inventory folds shipping's figures in the same way, so the two agree whichever is heard first.
    """
    told = {name: raised.get(name, allotments.c[name]) for name in _FATES}
    room = allotments.c.qty - told["withdrawn"] - told["failed"]
    shipped = func.least(told["shipped"], room)
    returned = func.least(told["returned"], room - shipped)
    return {
        **raised,
        "shipped": shipped,
        "returned": returned,
        "missing": func.least(told["missing"], returned),
    }


_FATES = ("withdrawn", "failed", "shipped", "returned", "missing")


async def keep_allotments(db: AsyncConnection, rows: Iterable[Row]) -> None:
    """New claim tickets, and inventory's figures of known ones."""
    figures = ("withdrawn", "failed", "passed")
    await raise_figures(db, allotments, rows, figures, may_insert=True, bounds=_one_fate_each)


async def keep_shipping_figures(db: AsyncConnection, rows: Iterable[Row]) -> None:
    """Shipping's figures; the tickets are known, since orders has released them."""
    figures = ("shipped", "returned", "missing")
    await raise_figures(db, allotments, rows, figures, may_insert=False, bounds=_one_fate_each)


async def keep_settled_versions(db: AsyncConnection, rows: Iterable[Row]) -> None:
    """The newest version of each line that inventory has carried out; rows of {id, settled_version}."""
    await raise_figures(db, order_lines, rows, ("settled_version",), may_insert=False)


# --- supply ---------------------------------------------------------------------------------------------------------


async def keep_purchase_orders(db: AsyncConnection, rows: Iterable[Row]) -> set[UUID]:
    """Purchase orders by version; the ids of those that were newer than what was known."""
    return await replace_older(db, purchase_orders, rows)


_TIED_ORDERS = select(ties.c.order_id).where(ties.c.po_id == _IDS).distinct()
_TIES = select(ties).where(ties.c.po_id == _IDS).order_by(ties.c.id)


async def order_ids_tied_to(db: AsyncConnection, po_ids: Iterable[UUID]) -> set[UUID]:
    """The orders that these purchase orders have been tied to so far."""
    return set((await db.execute(_TIED_ORDERS, {"ids": sorted(po_ids)})).scalars())


async def ties_of(db: AsyncConnection, po_ids: Iterable[UUID]) -> dict[UUID, Any]:
    """The known ties of these purchase orders by id."""
    return {row.id: row for row in await db.execute(_TIES, {"ids": sorted(po_ids)})}


async def keep_ties(db: AsyncConnection, rows: Sequence[Row]) -> None:
    """Ties as the newest version of their purchase orders has them."""
    await overwrite_rows(db, ties, sorted(rows, key=lambda row: row["id"]))


async def keep_receipt_lines(db: AsyncConnection, rows: Iterable[Row]) -> None:
    """Receipt lines; what one fact does not say, another one may have said."""
    await complete_rows(db, receipt_lines, rows, ("received", "received_at", "inspection_id"))


async def keep_inspections(db: AsyncConnection, rows: Iterable[Row]) -> None:
    """Inspections by version."""
    await replace_older(db, inspections, rows)


async def keep_exceptions(db: AsyncConnection, rows: Iterable[Row]) -> set[UUID]:
    """What is in the way of buying, by version; the ids of those that were news."""
    return await replace_older(db, line_exceptions, rows)


# --- shipments ------------------------------------------------------------------------------------------------------

_DROP_SHARES = delete(shipment_shares).where(shipment_shares.c.shipment_id == _IDS)


async def keep_shipments(db: AsyncConnection, rows: Sequence[Row], shares: Sequence[Row]) -> set[UUID]:
    """Shipments with their shares by version; the ids of those that were newer than what was known."""
    stored: set[UUID] = await replace_older(db, shipments, rows)
    if not stored:
        return stored
    # the first snapshot of a shipment has replaced none
    replaced = sorted({row["id"] for row in rows if row["id"] in stored and row["version"] > 1})
    if replaced:
        await db.execute(_DROP_SHARES, {"ids": replaced})
    fresh = [share for share in shares if share["shipment_id"] in stored]
    await insert_rows(db, shipment_shares, sorted(fresh, key=lambda s: (s["shipment_id"], s["allotment_id"])))
    return stored


async def keep_short_ships(db: AsyncConnection, rows: Iterable[Row]) -> list[Row]:
    """Short lines by (shipment, line, component); those that were not known yet."""
    by_key = {(row["shipment_id"], row["line_id"], row["component"]): row for row in rows}
    stored = await insert_new(db, short_ships, [by_key[key] for key in sorted(by_key)])
    return [by_key[row.shipment_id, row.line_id, row.component] for row in stored]


async def keep_answers(db: AsyncConnection, about: Iterable[tuple[UUID, UUID]]) -> set[tuple[UUID, UUID]]:
    """Answers to questions of inventory, by question and what each is about; those that were not heard before."""
    rows = [{"question_id": question, "about": subject} for question, subject in sorted(set(about))]
    return {(row.question_id, row.about) for row in await insert_new(db, answers_heard, rows)}


async def keep_returns(db: AsyncConnection, rows: Iterable[Row]) -> set[UUID]:
    """Customer returns; the ids of those that were not known yet."""
    by_id = {row["id"]: row for row in rows}
    return {row.id for row in await insert_new(db, customer_returns, [by_id[key] for key in sorted(by_id)])}
