"""Orders as heard: which of what was told is news, with the locks of what they want."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.inventory.domain.demand import Key
from services.inventory.domain.stock import Stock
from services.inventory.store.columns import ID, INT, TEXT, keys, spread, statement

# the orders' rows first, then stock in the order of its keys, all of it or none; what is locked is read as it stands
# then, whatever had to be waited for
_KEEP_NEWEST = statement(
    """
    WITH news AS (
        INSERT INTO orders_heard (order_id, version, number, state, customer, ship_type)
        SELECT * FROM unnest(:order_id, :version, :number, :state, :customer, :ship_type)
            AS told(order_id, version, number, state, customer, ship_type) ORDER BY order_id
        ON CONFLICT (order_id) DO UPDATE SET version = excluded.version, number = excluded.number,
            state = excluded.state, customer = excluded.customer, ship_type = excluded.ship_type
        WHERE orders_heard.version < excluded.version
        RETURNING order_id, xmax = 0 AS is_new
    ), held AS (
        SELECT s.sku, s.warehouse, s.on_hand, s.allotted, s.pegged, s.arrived, s.quarantined, s.has_levels
        FROM stock s JOIN unnest(:skus, :warehouses) AS wanted(sku, warehouse)
          ON s.sku = wanted.sku AND s.warehouse = wanted.warehouse
        WHERE (SELECT count(*) FROM news) > 0 AND cardinality(:skus) = (
            SELECT count(*) FROM stock there JOIN unnest(:skus, :warehouses) AS named(sku, warehouse)
              ON there.sku = named.sku AND there.warehouse = named.warehouse)
        ORDER BY s.sku, s.warehouse FOR NO KEY UPDATE OF s
    )
    SELECT h.sku, h.warehouse, h.on_hand, h.allotted, h.pegged, h.arrived, h.quarantined, h.has_levels,
        n.order_id, n.is_new
    FROM (SELECT news.*, row_number() OVER () AS nth FROM news) n
    FULL JOIN (SELECT held.*, row_number() OVER () AS nth FROM held) h ON h.nth = n.nth
    """,
    order_id=ID,
    version=INT,
    number=TEXT,
    state=TEXT,
    customer=TEXT,
    ship_type=TEXT,
    skus=TEXT,
    warehouses=TEXT,
)


@dataclass(frozen=True, slots=True)
class News:
    """Orders of which something newer was told: {order: whether it was never heard of before}, and their locked stock."""

    orders: Mapping[UUID, bool]
    stock: Mapping[Key, Stock]
    """Of all keys that were asked for; empty where one of its rows is not there yet."""


async def keep_newest(db: AsyncConnection, orders: Sequence[Any], wanted: Iterable[Key]) -> News:
    """Remember the versions of these orders and lock their rows, and, if any is news, the stock that they want."""
    names = ("order_id", "version", "number", "state", "customer", "ship_type")
    told = sorted(orders, key=lambda order: order.order_id)
    rows = (await db.execute(_KEEP_NEWEST, {**spread(told, *names), **keys(wanted)})).all()
    held = (Stock(*row[:-2]) for row in rows if row.sku is not None)
    return News(
        {row.order_id: row.is_new for row in rows if row.order_id is not None},
        {(row.sku, row.warehouse): row for row in held},
    )
