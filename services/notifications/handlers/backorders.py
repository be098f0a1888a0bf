"""What inventory decides for lines: who waits, who need not any more, and from whom something was taken (NOTE-2)."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any
from uuid import UUID

from services.notifications import store
from services.notifications.domain.backorder import KINDS, Demand, Taking, is_undecided, wishes
from services.notifications.domain.notice import Key
from services.notifications.domain.standing import Wish, order_subject
from shared.contracts.inventory import Allotment, LineStanding, StockAllotted
from shared.decimals import ZERO
from shared.unit_of_work import Told, Tx

from .publishing import Board, publish


async def stock_allotted(tx: Tx, told: Sequence[Told[StockAllotted]]) -> None:
    """Stock went to lines or came back from them, or inventory answered their order."""
    standings = [(t, line) for t in told for line in t.fact.lines]
    news = await store.keep(
        tx.db,
        answers=_answers(line for _, line in standings),
        claims=claim_rows(one for _, line in standings for one in line.allotments),
        takings=_takings(line for _, line in standings),
    )
    # of an answered line it is known whether it is one that is told of; of another anything may have changed
    causes = {
        line.order_id: t for t, line in standings if not line.settled_version or line.order_id in news.orders
    }
    board = Board()
    await settle_orders(tx, board, causes)
    await publish(tx, board)


async def settle_orders(tx: Tx, board: Board, causes: Mapping[UUID, Told[Any]]) -> None:
    """Bring the notices about what these orders wait for in line with all that is known of them."""
    demands = await store.load_demands(tx.db, causes) if causes else []
    if not demands:
        return
    takings = await store.load_takings(tx.db, (one.line_id for one in demands if one.was_taken))
    wanted: dict[Key, Wish | None] = {}
    because: dict[Key, Told[Any]] = {}
    for order_id, group in groupby(demands, key=_order):
        own = list(group)
        if not is_undecided(own):
            for key, wish in _of_order(own, takings):
                wanted[key], because[key] = wish, causes[order_id]
    board.knows(await store.load_notices_to_bring(tx.db, wanted))
    board.wish(tx, wanted, because)


def _of_order(demands: Sequence[Demand], takings: Sequence[Taking]) -> Iterable[tuple[Key, Wish | None]]:
    """Every notice that could be about the order, warehouse by warehouse, with what it should say."""
    for warehouse in sorted({one.warehouse for one in demands}):
        own = [one for one in demands if one.warehouse == warehouse]
        subject = order_subject(own[0].order_id, warehouse)
        found = {wish.kind: wish for wish in wishes(own, takings)}
        yield from (((kind, subject), found.get(kind)) for kind in KINDS)


def claim_rows(allotments: Iterable[Allotment]) -> list[dict[str, Any]]:
    """Inventory's figures, one row per allotment: of several words about one the greatest."""
    rows: dict[UUID, dict[str, Any]] = {}
    for one in allotments:
        known = rows.get(one.allotment_id)
        figures = {name: getattr(one, name) for name in ("withdrawn", "failed", "passed")}
        if known:
            figures = {name: max(figure, known[name]) for name, figure in figures.items()}
        rows[one.allotment_id] = store.claim(
            {
                "allotment_id": one.allotment_id,
                "line_id": one.line_id,
                "component": one.component,
                "gated": one.gated or bool(known and known["gated"]),
                "qty": one.qty,
                **figures,
            }
        )
    return list(rows.values())


def _answers(lines: Iterable[LineStanding]) -> list[dict[str, Any]]:
    """One row per line that was answered: the newest version, and what it had with the oldest one."""
    rows: dict[tuple[UUID, int], dict[str, Any]] = {}
    for line in lines:
        if not line.settled_version:
            continue
        held = sum((one.qty - one.withdrawn - one.failed for one in line.allotments), ZERO)
        row = {
            "line_id": line.line_id,
            "component": line.component,
            "order_id": line.order_id,
            "settled_version": line.settled_version,
            "first_version": line.settled_version,
            "first_granted": held,
        }
        known = rows.get((line.line_id, line.component))
        if known:
            first = min(known, row, key=_first)
            newest = max(known["settled_version"], line.settled_version)
            row = {**first, "settled_version": newest}
        rows[line.line_id, line.component] = row
    return list(rows.values())


def _takings(lines: Iterable[LineStanding]) -> list[dict[str, Any]]:
    rows: dict[tuple[UUID, int, str], dict[str, Any]] = {}
    for line in lines:
        for one in line.taken:
            key = line.line_id, line.component, one.for_order_number or ""
            known = rows.get(key)
            qty = max(one.qty, known["qty"] if known else ZERO)
            reason = min(one.reason, known["reason"] if known else one.reason)
            if qty > ZERO:
                names = ("line_id", "component", "for_order_number")
                rows[key] = dict(zip(names, key, strict=True)) | {"qty": qty, "reason": reason}
    return list(rows.values())


def _first(row: Mapping[str, Any]) -> tuple[int, Any]:
    return row["first_version"], row["first_granted"]


def _order(demand: Demand) -> UUID:
    return demand.order_id
