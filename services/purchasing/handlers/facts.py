"""What purchasing hears of demands: orders' lines, inventory's decisions and shipping's figures.

Each handler takes a batch, stores what it says (figures by greatest, snapshots by version) and settles the demands
concerned. So a fact heard twice, late or out of order changes nothing.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from uuid import UUID

from services.purchasing.domain.demand import DemandKey, Kind, is_bought
from services.purchasing.handlers.settling import settle
from services.purchasing.handlers.tasks import raise_losses
from services.purchasing.store import catalogue
from services.purchasing.store import demands as store
from services.purchasing.store.heard import AllotmentRow, hear
from shared.contracts.inventory import (
    Allotment,
    GoodsPegged,
    InspectionCompleted,
    ItemSaved,
    StockAllotted,
    WarehouseSaved,
)
from shared.contracts.orders import KitComponent, OrderLine, OrderSnapshot
from shared.contracts.shipping import ShipmentShipped, ShipmentVoided
from shared.ids import new_id
from shared.unit_of_work import Told, Tx

# --- copies ---


async def item_saved(tx: Tx, told: Sequence[Told[ItemSaved]]) -> None:
    """Keep what a PO line by hand needs of an item; order lines bring their own (ITEM-1)."""
    newest = {t.fact.sku: t.fact for t in sorted(told, key=lambda t: t.fact.version)}
    await catalogue.hear_items(tx, (_item(fact) for fact in newest.values()))


def _item(fact: ItemSaved) -> dict[str, Any]:
    return {
        "sku": fact.sku, "version": fact.version, "description": fact.description, "kind": fact.kind,
        "unit": fact.unit, "precision": fact.precision, "product_line": fact.product_line,
        "special_order": fact.special_order, "drop_ship": fact.drop_ship,
    }  # fmt: skip


async def warehouse_saved(tx: Tx, told: Sequence[Told[WarehouseSaved]]) -> None:
    """Keep a warehouse's company and time zone."""
    newest = {t.fact.code: t.fact for t in sorted(told, key=lambda t: t.fact.version)}
    await catalogue.hear_warehouses(tx, (fact.model_dump(mode="json") for fact in newest.values()))


# --- orders' lines ---


async def order_told(tx: Tx, told: Sequence[Told[OrderSnapshot]]) -> None:
    """BUY-1: an order opened, changed or was cancelled; its lines are demand from now on, as the newest version says."""
    newest: dict[UUID, Told[OrderSnapshot]] = {}
    for t in told:
        known = newest.get(t.fact.order_id)
        if known is None or known.fact.version < t.fact.version:
            newest[t.fact.order_id] = t
    rows = [row for t in newest.values() for row in _demands(t.fact)]
    changed = await store.hear_demands(tx, rows)
    causes = {(row["line_id"], row["component"]): newest[row["order_id"]] for row in rows}
    await settle(tx, changed, causes)


def _demands(order: OrderSnapshot) -> Iterator[dict[str, Any]]:
    for line in order.lines:
        yield _line(order, line)
        for component in line.components:
            yield _line(order, line) | _component(line, component)


def _line(order: OrderSnapshot, line: OrderLine) -> dict[str, Any]:
    return {
        "line_id": line.line_id, "component": 0, "request_id": new_id(), "order_id": order.order_id,
        "order_number": order.number, "order_version": order.version, "order_state": order.state,
        "line_no": line.line_no, "parent_line_id": line.parent_line_id, "customer": order.customer, "sku": line.sku,
        "description": line.description, "kind": line.kind, "unit": line.unit, "precision": line.precision,
        "product_line": line.product_line, "warehouse": line.warehouse, "special_order": line.special_order,
        "drop_ship": line.drop_ship, "special_order_id": line.special_order_id, "vendor": line.source.vendor,
        "source_warehouse": line.source.warehouse, "cost": line.cost, "cost_overridden": line.cost_overridden,
        "cost_unit": line.cost_unit, "free_of_charge": line.free_of_charge, "currency": order.currency,
        "ordered": line.ordered, "cancel_wanted": line.cancel_wanted, "priority": order.priority,
        "ranked_at": line.ranked_at, "requested_on": line.requested_on, "credit_hold": order.credit_hold,
        "created_by": order.created_by, "creator_scopes": order.creator_scopes, "comments": line.comments,
        "bought": is_bought(Kind(line.kind), special_order=line.special_order, drop_ship=line.drop_ship),
    }  # fmt: skip


def _component(line: OrderLine, part: KitComponent) -> dict[str, Any]:
    """What a kit component says instead of its line: net kits x qty per kit (BUY-4)."""
    return {
        "component": part.seq, "request_id": new_id(), "sku": part.sku, "description": part.description,
        "kind": part.kind, "unit": part.unit, "precision": part.precision, "product_line": None,
        "special_order": part.special_order, "special_order_id": part.special_order_id, "vendor": part.source.vendor,
        "source_warehouse": part.source.warehouse, "cost": part.cost, "cost_overridden": part.cost is not None,
        "cost_unit": None, "ordered": line.ordered * part.qty_per_kit,
        "cancel_wanted": line.cancel_wanted * part.qty_per_kit,
        "bought": is_bought(Kind(part.kind), special_order=part.special_order, drop_ship=line.drop_ship),
    }  # fmt: skip


# --- inventory's decisions ---


async def stock_allotted(tx: Tx, told: Sequence[Told[StockAllotted]]) -> None:
    """Free stock went to lines, or came back: what an order-as-needed line still needs of a vendor follows (BUY-1).

    Of pegs that were lost the need reopens, and their buyer gets a task (BO-12).
    """
    causes: dict[DemandKey, Told[Any]] = {}
    settled: dict[DemandKey, int] = {}
    heard: list[AllotmentRow] = []
    for t in told:
        for line in t.fact.lines:
            key = (line.line_id, line.component)
            causes[key] = t
            settled[key] = max(line.settled_version, settled.get(key, 0))
            heard += map(allotment_row, line.allotments)
    news = await hear(tx, heard, settled)
    await settle(tx, news.demands, causes)
    await raise_losses(tx, ((t, line) for t in told for line in t.fact.lines if line.taken))


async def goods_pegged(tx: Tx, told: Sequence[Told[GoodsPegged]]) -> None:
    """A tie was heard after its goods, and what was still free of them was pegged: as a receipt's pegs."""
    await hear_allotments(tx, ((t, allotment) for t in told for allotment in t.fact.pegs))


async def inspection_completed(tx: Tx, told: Sequence[Told[InspectionCompleted]]) -> None:
    """SO-9: what failed is no longer granted, so the need reopens and a replacement is requested."""
    await hear_allotments(tx, ((t, allotment) for t in told for allotment in t.fact.allotments))


async def hear_allotments(tx: Tx, heard: Iterable[tuple[Told[Any], Allotment]]) -> None:
    """Store allotments as inventory tells them, and settle the demands that anything of it is news to."""
    pairs = list(heard)
    news = await hear(tx, (allotment_row(allotment) for _, allotment in pairs))
    await settle(tx, news.demands, {(allotment.line_id, allotment.component): t for t, allotment in pairs})


def allotment_row(allotment: Allotment) -> AllotmentRow:
    """Inventory's figures of an allotment."""
    return AllotmentRow(
        allotment.allotment_id, allotment.line_id, allotment.component, allotment.tie_id, allotment.receipt_line_id,
        allotment.qty,
        {"withdrawn": allotment.withdrawn, "failed": allotment.failed, "passed": allotment.passed},
    )  # fmt: skip


# --- shipping's figures ---


async def shipment_told(tx: Tx, told: Sequence[Told[ShipmentShipped | ShipmentVoided]]) -> None:
    """SHIP-3: pegged units that a shipment missed are no longer granted, so their need reopens."""
    figures = [(t, figure) for t in told for figure in t.fact.allotments]
    news = await hear(
        tx,
        (
            AllotmentRow(
                figure.allotment_id, figure.line_id, figure.component,
                figures={"shipped": figure.shipped, "returned": figure.returned, "missing": figure.missing},
            )
            for _, figure in figures
        ),
    )  # fmt: skip
    causes = {(figure.line_id, figure.component): t for t, figure in figures if figure.returned}
    await settle(tx, news.demands & causes.keys(), causes)
