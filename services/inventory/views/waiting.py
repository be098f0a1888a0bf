"""What is known around one waiting line (BO-18), and what an order could get at once (BO-1)."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.inventory.domain.demand import Demand
from services.inventory.domain.preferences import BackorderManagement, HeadOfLine, Preferences
from services.inventory.domain.waiting import MOST_PARTS, Known, Part, Supply
from shared.auth import Scope
from shared.decimals import ZERO
from shared.preferences import read_preferences

_DEMAND = """
    d.line_id, d.component, d.order_id, d.order_number, d.line_no, d.sku, d.warehouse, d.ordered, d.cancel_wanted,
    d.granted, d.shipped, d.priority, d.ranked_at, d.special, d.all_or_nothing, d.heard_version, d.settled_version
"""
_OWN = text(f"SELECT {_DEMAND} FROM demand d WHERE d.line_id = :line_id AND d.component = :component")  # noqa: S608
_STOCK = text(
    """
    SELECT s.on_hand - s.allotted - s.pegged - s.arrived - s.quarantined AS available, s.allotted, s.pegged,
        s.arrived, s.quarantined,
        coalesce(own.allotted, 0) AS own_allotted, coalesce(own.pegged, 0) AS own_pegged
    FROM stock s CROSS JOIN (
        SELECT sum(live) FILTER (WHERE receipt_line_id IS NULL) AS allotted,
            sum(live) FILTER (WHERE receipt_line_id IS NOT NULL) AS pegged
        FROM (SELECT receipt_line_id, qty - withdrawn - failed - shipped - returned AS live FROM allotments
              WHERE line_id = :line_id AND component = :component) a
    ) own
    WHERE s.sku = :sku AND s.warehouse = :warehouse
    """
)
_IS_AHEAD = """
    (d.priority > :priority OR (d.priority = :priority AND (d.ranked_at, d.order_id, d.line_no, d.component)
        < (:ranked_at, :order_id, :line_no, :component)))
"""
_AHEAD = text(
    f"""
    SELECT {_DEMAND} FROM demand d
    WHERE d.sku = :sku AND d.warehouse = :warehouse AND d.need > d.granted AND NOT d.special AND {_IS_AHEAD}
    ORDER BY d.priority DESC, d.ranked_at, d.order_id, d.line_no, d.component LIMIT :most
    """  # noqa: S608  # constants of this module
)
_AHEAD_SUM = text(
    f"""
    SELECT count(*) AS lines, coalesce(sum(d.need - d.granted), 0) AS lacking FROM demand d
    WHERE d.sku = :sku AND d.warehouse = :warehouse AND d.need > d.granted AND NOT d.special AND {_IS_AHEAD}
    """  # noqa: S608  # constants of this module
)
_HOLDERS = text(
    """
    SELECT d.order_number, d.line_no, sum(a.qty - a.withdrawn - a.failed - a.shipped - a.returned) AS qty
    FROM (
        SELECT * FROM demand d
        WHERE d.sku = :sku AND d.warehouse = :warehouse AND d.granted > d.shipped AND NOT d.special
          AND NOT d.stuck AND (d.line_id, d.component) <> (:line_id, :component)
        ORDER BY d.priority DESC, d.ranked_at, d.order_id, d.line_no, d.component LIMIT :most
    ) d JOIN allotments a ON a.line_id = d.line_id AND a.component = d.component AND a.receipt_line_id IS NULL
    GROUP BY d.order_number, d.line_no, d.priority, d.ranked_at, d.order_id, d.component
    HAVING sum(a.qty - a.withdrawn - a.failed - a.shipped - a.returned) > 0
    ORDER BY d.priority DESC, d.ranked_at, d.order_id, d.line_no, d.component
    """
)
_LOCKED = text(
    f"""
    SELECT d.order_number, d.line_no, sum(a.qty - a.withdrawn - a.failed - a.shipped - a.returned) AS qty
    FROM allotments a JOIN demand d ON d.line_id = a.line_id AND d.component = a.component
    WHERE a.sku = :sku AND a.warehouse = :warehouse AND a.locked AND a.receipt_line_id IS NULL
      AND NOT d.special AND NOT {_IS_AHEAD} AND (d.line_id, d.component) <> (:line_id, :component)
      AND a.qty > a.withdrawn + a.failed + a.shipped + a.returned
    GROUP BY d.order_number, d.line_no
    """  # noqa: S608  # constants of this module
)
_ASKED = text(
    """
    SELECT a.line_id, a.component, q.reason, q.order_id AS asker, o.number AS asker_number, d.order_number, d.line_no,
        sum(k.units - k.got) AS qty
    FROM allotments a JOIN asks k ON k.allotment_id = a.id AND k.given IS NULL
    JOIN questions q ON q.id = k.question_id LEFT JOIN orders_heard o ON o.order_id = q.order_id
    JOIN demand d ON d.line_id = a.line_id AND d.component = a.component
    WHERE a.sku = :sku AND a.warehouse = :warehouse AND a.asked > 0
      AND ((a.line_id = :line_id AND a.component = :component)
           OR (q.order_id = :order_id AND q.reason IN ('priority', 'rank')))
    GROUP BY a.line_id, a.component, q.reason, q.order_id, o.number, d.order_number, d.line_no
    ORDER BY d.order_number, d.line_no
    """
)
_SUPPLY = text(
    """
    SELECT p.number AS po_number, l.expected_on, i.expected,
        coalesce(sum(tie.open) FILTER (WHERE (tie.line_id, tie.component) = (:line_id, :component)), 0) AS tied_here,
        coalesce(sum(tie.open) FILTER (WHERE (tie.line_id, tie.component) <> (:line_id, :component)), 0) AS tied_to_others,
        l.po_line_id
    FROM incoming_lines i JOIN purchase_order_lines l ON l.po_line_id = i.po_line_id
    JOIN purchase_orders p ON p.po_id = l.po_id
    LEFT JOIN LATERAL (
        SELECT t.line_id, t.component, greatest(0, t.qty - greatest(t.closed, t.close_floor) - t.pegged) AS open
        FROM ties t WHERE t.po_line_id = l.po_line_id
    ) tie ON true
    WHERE i.sku = :sku AND i.warehouse = :warehouse AND i.open
    GROUP BY p.number, l.po_line_id, l.expected_on, i.shipment_id, i.expected
    ORDER BY l.expected_on NULLS LAST, p.number, l.po_line_id
    """
)
_PEG_OWNERS = text(
    """
    SELECT d.order_number, d.line_no, sum(a.qty - a.withdrawn - a.failed - a.shipped - a.returned) AS qty
    FROM demand d JOIN allotments a ON a.line_id = d.line_id AND a.component = d.component
    WHERE d.sku = :sku AND d.warehouse = :warehouse AND d.need > d.shipped AND d.granted > d.shipped
      AND (d.line_id, d.component) <> (:line_id, :component) AND a.receipt_line_id IS NOT NULL
      AND a.qty > a.withdrawn + a.failed + a.shipped + a.returned
    GROUP BY d.order_number, d.line_no ORDER BY d.order_number, d.line_no LIMIT :most
    """
)
_TIED_TO_OTHERS = text(
    """
    SELECT t.po_line_id, t.order_number, t.line_no, t.qty - greatest(t.closed, t.close_floor) - t.pegged AS qty
    FROM incoming_lines i JOIN ties t ON t.po_line_id = i.po_line_id
    WHERE i.sku = :sku AND i.warehouse = :warehouse AND i.open AND (t.line_id, t.component) <> (:line_id, :component)
      AND t.qty > greatest(t.closed, t.close_floor) + t.pegged
    ORDER BY t.order_number, t.line_no LIMIT :most
    """
)
_AVAILABLE = text(
    """
    SELECT w.sku,
        CASE WHEN s.free > 0 THEN greatest(0, s.free - coalesce((
            SELECT sum(d.need - d.granted) FROM demand d
            WHERE d.sku = s.sku AND d.warehouse = s.warehouse AND d.need > d.granted AND NOT d.special
              AND NOT (:skip AND d.all_or_nothing)
        ), 0)) ELSE 0 END AS available,
        CASE WHEN :takes THEN coalesce((
            SELECT sum(greatest(0, a.qty - a.withdrawn - a.failed - a.shipped - a.returned - a.asked))
            FROM demand d JOIN allotments a ON a.line_id = d.line_id AND a.component = d.component
            WHERE d.sku = w.sku AND d.warehouse = :warehouse AND d.granted > d.shipped AND NOT d.special
              AND NOT d.stuck AND d.priority < :priority AND a.receipt_line_id IS NULL AND NOT a.locked
        ), 0) ELSE 0 END AS takeable
    FROM unnest(CAST(:skus AS text[])) AS w(sku) LEFT JOIN (
        SELECT sku, warehouse, on_hand - allotted - pegged - arrived - quarantined AS free FROM stock
        WHERE warehouse = :warehouse
    ) s ON s.sku = w.sku
    ORDER BY w.sku
    """
)


async def availability(
    db: AsyncConnection, warehouse: str, skus: Sequence[str], priority: int, scope: Scope
) -> Sequence[Row[Any]] | None:
    """What an order of this priority would get of these items at once: free units, and units it could take (BO-1).

    Free is what the need of those who wait leaves: usually nobody does. None outside the caller's warehouses.
    """
    if not scope.allows(warehouse):
        return None
    chosen, _ = await read_preferences(db, Preferences)
    values = {
        "warehouse": warehouse,
        "skus": sorted(set(skus)),
        "priority": priority,
        "skip": chosen.head_of_line is HeadOfLine.SKIP,
        "takes": chosen.backorder_management is BackorderManagement.ON,
    }
    return (await db.execute(_AVAILABLE, values)).all()


async def waiting(db: AsyncConnection, line_id: UUID, component: int, scope: Scope) -> Known | None:
    """All that is known around one demand; None outside the caller's warehouses."""
    own_row = (await db.execute(_OWN, {"line_id": line_id, "component": component})).first()
    if own_row is None or not scope.allows(own_row.warehouse):
        return None
    own = Demand(*own_row)
    place = {"sku": own.sku, "warehouse": own.warehouse}
    line = {"line_id": own.line_id, "component": own.component}
    rank = {
        "priority": own.priority,
        "ranked_at": own.ranked_at,
        "order_id": own.order_id,
        "line_no": own.line_no,
    }
    stock = (await db.execute(_STOCK, {**place, **line})).first()
    ahead = (await db.execute(_AHEAD_SUM, {**place, **rank, "component": component})).one()
    asked = (await db.execute(_ASKED, {**place, **line, "order_id": own.order_id})).all()
    locked = (await db.execute(_LOCKED, {**place, **line, **rank})).all()
    chosen, _ = await read_preferences(db, Preferences)
    most = {"most": MOST_PARTS}
    return Known(
        demand=own,
        allotted=stock.own_allotted if stock else ZERO,
        pegged=stock.own_pegged if stock else ZERO,
        own_asked=[_asked_back(row) for row in asked if (row.line_id, row.component) == own.line],
        available=stock.available if stock else ZERO,
        ahead=[Demand(*row) for row in await db.execute(_AHEAD, {**place, **rank, "component": component, **most})],
        ahead_lacks=ahead.lacking,
        ahead_lines=ahead.lines,
        holders=[_part("holds", row) for row in await db.execute(_HOLDERS, {**place, **line, **most})],
        held=stock.allotted - stock.own_allotted if stock else ZERO,
        pegged_to_others=stock.pegged - stock.own_pegged + stock.arrived if stock else ZERO,
        peg_owners=[_part("pegged_to", row) for row in await db.execute(_PEG_OWNERS, {**place, **line, **most})],
        quarantined=stock.quarantined if stock else ZERO,
        locked=[_part("being_picked", row) for row in locked],
        asked_for=[_part(row.reason, row) for row in asked if row.asker == own.order_id and row.asker_number
                   and (row.line_id, row.component) != own.line and row.reason in ("priority", "rank")],
        supply=await _supply(db, {**place, **line, **most}),
        skips=chosen.head_of_line is HeadOfLine.SKIP,
        by_hand=chosen.backorder_management is BackorderManagement.OFF,
    )  # fmt: skip


async def _supply(db: AsyncConnection, about: dict[str, Any]) -> list[Supply]:
    """What is expected, line by line of purchase orders, and the first of those it is tied to."""
    tied = (await db.execute(_TIED_TO_OTHERS, about)).all()
    return [
        Supply(
            row.po_number, row.expected_on, row.expected, row.tied_here, row.tied_to_others,
            [_part("tied_to", other) for other in tied if other.po_line_id == row.po_line_id],
        )
        for row in await db.execute(_SUPPLY, {name: about[name] for name in about if name != "most"})
    ]  # fmt: skip


def _part(what: str, row: Row[Any]) -> Part:
    return Part(what, Decimal(row.qty), row.order_number, row.line_no)


def _asked_back(row: Row[Any]) -> Part:
    """Why units of the line itself are asked back, and for whom."""
    return Part(row.reason, Decimal(row.qty), row.asker_number)
