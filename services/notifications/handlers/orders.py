"""What orders want, and whose they are (NOTE-1): their teams are told of what happens to them."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from services.notifications import store
from shared.contracts.base import ItemKind
from shared.contracts.orders import KitComponent, OrderLine, OrderSnapshot
from shared.decimals import ZERO
from shared.unit_of_work import Told, Tx

from .backorders import settle_orders
from .publishing import Board, publish

FROM_STOCK = frozenset({ItemKind.STOCKED, ItemKind.ASSEMBLY})
"""What is never bought for one order alone: only of such lines a shortage is told."""


async def order_told(tx: Tx, told: Sequence[Told[OrderSnapshot]]) -> None:
    """The newest version of an order says what it wants, and which team it is of; its members see open notices at once."""
    newest: dict[UUID, Told[OrderSnapshot]] = {t.fact.order_id: t for t in sorted(told, key=_version)}
    wishes = [row for t in newest.values() for row in _wishes(t.fact)]
    teams = [{"order_id": key, "version": t.fact.version, "team": t.fact.team} for key, t in newest.items()]
    if not wishes:
        await store.keep(tx.db, teams=teams)
        return
    news = await store.keep(tx.db, teams=teams, wishes=wishes)
    wanting = {row["order_id"] for row in wishes}
    board = Board()
    # nothing is told of an order before inventory has answered it, which it seldom has before the order is heard
    decided = (news.orders & wanting) - news.undecided
    await settle_orders(tx, board, {key: newest[key] for key in newest if key in decided})
    await publish(tx, board)


def _wishes(order: OrderSnapshot) -> list[dict[str, Any]]:
    """A row per line and component that comes from stock, or may have done so in an older version."""
    rows = [row for line in order.lines for row in (_of_line(order, line), *_of_kit(order, line))]
    return [row for row in rows if row["from_stock"] or order.version > 1]


def _of_line(order: OrderSnapshot, line: OrderLine) -> dict[str, Any]:
    is_special = line.special_order or line.drop_ship
    return {
        "line_id": line.line_id,
        "component": 0,
        "order_id": order.order_id,
        "version": order.version,
        "order_number": order.number,
        "line_no": line.line_no,
        "sku": line.sku,
        "unit": line.unit,
        "warehouse": line.warehouse,
        "wanted": max(ZERO, line.need),
        "is_open": order.state == "open",
        "from_stock": line.kind in FROM_STOCK and not is_special,
    }


def _of_kit(order: OrderSnapshot, line: OrderLine) -> list[dict[str, Any]]:
    head = _of_line(order, line)
    return [head | _of_component(line, part) for part in line.components]


def _of_component(line: OrderLine, part: KitComponent) -> dict[str, Any]:
    return {
        "component": part.seq,
        "sku": part.sku,
        "unit": part.unit,
        "wanted": max(ZERO, line.need) * part.qty_per_kit,
        "from_stock": part.kind in FROM_STOCK and not (part.special_order or line.drop_ship),
    }


def _version(told: Told[OrderSnapshot]) -> int:
    return told.fact.version
