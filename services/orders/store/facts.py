"""What was heard, kept so that twice, late and out of order end alike: figures by greatest, snapshots by version."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, any_, bindparam, column, delete, func, select, tuple_
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
    Kept,
    Row,
    Values,
    completed,
    insert_new,
    keep,
    newest,
    overwrite_rows,
    overwritten,
    raised,
    replace_older,
)

_IDS = any_(bindparam("ids", type_=ARRAY(Uuid)))


def _one_fate_each(figures: Values) -> Values:
    """Inventory fails or takes units while shipping returns the same ones: they are counted once, inventory's word first.

    Inventory folds shipping's figures in the same way, so the two agree whichever is heard first.
    """
    told = {name: figures.get(name, allotments.c[name]) for name in _FATES}
    room = allotments.c.qty - told["withdrawn"] - told["failed"]
    shipped = func.least(told["shipped"], room)
    returned = func.least(told["returned"], room - shipped)
    return {
        **figures,
        "shipped": shipped,
        "returned": returned,
        "missing": func.least(told["missing"], returned),
    }


_FATES = ("withdrawn", "failed", "shipped", "returned", "missing")


def _tickets(rows: Iterable[Row]) -> Kept | None:
    """New claim tickets, and inventory's figures of known ones."""
    figures = ("withdrawn", "failed", "passed")
    return raised(allotments, rows, figures, may_insert=True, bounds=_one_fate_each)


async def keep_standings(db: AsyncConnection, tickets: Iterable[Row], settled: Iterable[Row]) -> None:
    """Claim tickets, and the newest version of each line that inventory has carried out ({id, settled_version})."""
    lines = raised(order_lines, settled, ("settled_version",), may_insert=False)
    await keep(db, lines, _tickets(tickets))


# --- supply ---------------------------------------------------------------------------------------------------------


async def keep_purchase_orders(db: AsyncConnection, rows: Iterable[Row]) -> set[UUID]:
    """Purchase orders by version; the ids of those that were newer than what was known."""
    return await replace_older(db, purchase_orders, rows)


_TIED_ORDERS = select(ties.c.order_id).where(ties.c.po_id == _IDS).distinct()
_TIES = select(ties).where(ties.c.po_id == _IDS).order_by(ties.c.id)


async def order_ids_tied_to(db: AsyncConnection, po_ids: Iterable[UUID]) -> set[UUID]:
    """The orders that these purchase orders have been tied to so far."""
    ids = sorted(po_ids)
    return set((await db.execute(_TIED_ORDERS, {"ids": ids})).scalars()) if ids else set()


async def ties_of(db: AsyncConnection, po_ids: Iterable[UUID]) -> dict[UUID, Any]:
    """The known ties of these purchase orders by id."""
    ids = sorted(po_ids)
    return {row.id: row for row in await db.execute(_TIES, {"ids": ids})} if ids else {}


async def keep_ties(db: AsyncConnection, rows: Sequence[Row]) -> None:
    """Ties as the newest version of their purchase orders has them."""
    await overwrite_rows(db, ties, sorted(rows, key=lambda row: row["id"]))


async def keep_receipts(db: AsyncConnection, lines: Iterable[Row], tickets: Iterable[Row]) -> None:
    """Receipt lines with their claim tickets; what one fact does not say of a line, another one may have said."""
    late = ("received", "received_at", "inspection_id")
    await keep(db, completed(receipt_lines, lines, late), _tickets(tickets))


async def keep_inspections(db: AsyncConnection, rows: Iterable[Row], tickets: Iterable[Row]) -> None:
    """Inspections by version, with the claim tickets that they let pass or fail."""
    await keep(db, newest(inspections, rows), _tickets(tickets))


async def keep_exceptions(db: AsyncConnection, rows: Iterable[Row]) -> set[UUID]:
    """What is in the way of buying, by version; the ids of those that were news."""
    return await replace_older(db, line_exceptions, rows)


# --- shipments ------------------------------------------------------------------------------------------------------

_still = (
    func.unnest(bindparam("of_shipments", type_=ARRAY(Uuid)), bindparam("of_allotments", type_=ARRAY(Uuid)))
    .table_valued(column("shipment_id", Uuid), column("allotment_id", Uuid), name="still")
    .render_derived()
)
_DROP_SHARES = delete(shipment_shares).where(
    shipment_shares.c.shipment_id == any_(bindparam("replaced", type_=ARRAY(Uuid))),
    tuple_(shipment_shares.c.shipment_id, shipment_shares.c.allotment_id).not_in(
        select(_still.c.shipment_id, _still.c.allotment_id)
    ),
)


async def keep_shipments(
    db: AsyncConnection, rows: Sequence[Row], shares: Sequence[Row], figures: Iterable[Row]
) -> set[UUID]:
    """Shipments with their shares by version; the ids of those that were newer than what was known.

    And shipping's figures of allotments, whatever the version; those are known, since orders has released them.
    """
    names = ("shipped", "returned", "missing")
    counted = raised(allotments, figures, names, may_insert=False, bounds=_one_fate_each)
    stored = set(await keep(db, counted, newest(shipments, rows)))
    if not stored:
        return stored
    # the first snapshot of a shipment has replaced none
    replaced = sorted({row["id"] for row in rows if row["id"] in stored and row["version"] > 1})
    fresh = [share for share in shares if share["shipment_id"] in stored]
    fresh.sort(key=lambda share: (share["shipment_id"], share["allotment_id"]))
    still = {
        "replaced": replaced,
        "of_shipments": [share["shipment_id"] for share in fresh],
        "of_allotments": [share["allotment_id"] for share in fresh],
    }
    gone = Kept(_DROP_SHARES, still) if replaced else None
    await keep(db, gone, overwritten(shipment_shares, fresh))
    return stored


async def keep_short_ships(db: AsyncConnection, rows: Iterable[Row]) -> list[Row]:
    """Short lines by (shipment, line, component); those that were not known yet."""
    by_key = {(row["shipment_id"], row["line_id"], row["component"]): row for row in rows}
    stored = await insert_new(db, short_ships, [by_key[key] for key in sorted(by_key)])
    return [by_key[row.shipment_id, row.line_id, row.component] for row in stored]


async def keep_answers(
    db: AsyncConnection, answers: Iterable[tuple[UUID, UUID, Decimal]]
) -> set[tuple[UUID, UUID, Decimal]]:
    """Answers to questions of inventory: question, allotment, and the figure it came to; those not heard before."""
    rows = [{"question_id": q, "about": about, "figure": figure} for q, about, figure in sorted(set(answers))]
    return {(row.question_id, row.about, row.figure) for row in await insert_new(db, answers_heard, rows)}


async def keep_returns(db: AsyncConnection, rows: Iterable[Row]) -> set[UUID]:
    """Customer returns; the ids of those that were not known yet."""
    by_id = {row["id"]: row for row in rows}
    return {row.id for row in await insert_new(db, customer_returns, [by_id[key] for key in sorted(by_id)])}
