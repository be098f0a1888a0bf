"""Orders with everything that their state follows from, locked by id; and what changed of them, saved."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, any_, bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ..domain.allotment import Allotment
from ..domain.order import Address, Line, Order
from ..domain.settlement import Picture
from ..domain.special import SpecialOrder, Tie
from ..tables import (
    allotments,
    customers,
    line_exceptions,
    order_lines,
    sales_orders,
    ship_tos,
    special_orders,
    ties,
)
from .rows import insert_rows, row_of, update_rows


@dataclass(frozen=True)
class Head:
    """A locked order before its parts are loaded."""

    order: Order
    customer_on_hold: bool
    ship_to: Address


def _ids() -> Any:
    return any_(bindparam("ids", type_=ARRAY(Uuid)))


_ADDRESS = [ship_tos.c[field.name].label(f"to_{field.name}") for field in fields(Address)]
_LOCK = (
    select(*sales_orders.c, customers.c.credit_hold.label("customer_on_hold"), *_ADDRESS)
    .join(customers, customers.c.code == sales_orders.c.customer)
    .join(
        ship_tos,
        (ship_tos.c.customer == sales_orders.c.customer) & (ship_tos.c.code == sales_orders.c.ship_to_code),
    )
    .where(sales_orders.c.id == _ids())
    .order_by(sales_orders.c.id)
    .with_for_update(key_share=True, of=sales_orders)
)
_LINES = select(order_lines).where(order_lines.c.order_id == _ids()).order_by(order_lines.c.line_no)
_ALLOTMENTS = select(allotments).where(allotments.c.order_id == _ids()).order_by(allotments.c.id)
_SPECIALS = select(special_orders).where(special_orders.c.order_id == _ids()).order_by(special_orders.c.id)
_TIES = (
    select(*(ties.c[field.name] for field in fields(Tie)))
    .where(ties.c.order_id == _ids())
    .order_by(ties.c.id)
)
_IN_THE_WAY = (
    select(line_exceptions)
    .where(line_exceptions.c.order_id == _ids(), ~line_exceptions.c.cleared)
    .order_by(line_exceptions.c.first_seen_at, line_exceptions.c.id)
)


async def lock_orders(db: AsyncConnection, order_ids: Iterable[UUID]) -> dict[UUID, Head]:
    """The orders of these ids that exist, locked in id order; one statement."""
    ids = sorted(set(order_ids))
    if not ids:
        return {}
    heads = {}
    for row in (await db.execute(_LOCK, {"ids": ids})).mappings():
        order = Order.of({field.name: row[field.name] for field in fields(Order)})
        address = Address(**{field.name: row[f"to_{field.name}"] for field in fields(Address)})
        heads[order.id] = Head(order, row["customer_on_hold"], address)
    return heads


async def complete(db: AsyncConnection, heads: Mapping[UUID, Head]) -> dict[UUID, Picture]:
    """The locked orders with lines, allotments, special orders and ties, in two to four statements."""
    if not heads:
        return {}
    found = {"ids": list(heads)}
    lines = _grouped(Line.of(dict(row)) for row in (await db.execute(_LINES, found)).mappings())
    tickets = _grouped(Allotment(**row) for row in (await db.execute(_ALLOTMENTS, found)).mappings())
    specials: dict[UUID, list[SpecialOrder]] = {}
    tied: dict[UUID, list[Tie]] = {}
    if any(line.is_special or line.special_order_id for of_order in lines.values() for line in of_order):
        specials = _grouped(
            SpecialOrder.of(dict(row)) for row in (await db.execute(_SPECIALS, found)).mappings()
        )
        tied = _grouped(Tie(**row) for row in (await db.execute(_TIES, found)).mappings())
    return {
        order_id: Picture(
            head.order,
            tuple(lines.get(order_id, ())),
            tuple(tickets.get(order_id, ())),
            tuple(specials.get(order_id, ())),
            tuple(tied.get(order_id, ())),
            head.customer_on_hold,
            head.ship_to,
        )
        for order_id, head in heads.items()
    }


def _grouped(parts: Iterable[Any]) -> dict[UUID, list[Any]]:
    found: dict[UUID, list[Any]] = {}
    for part in parts:
        found.setdefault(part.order_id, []).append(part)
    return found


async def in_the_way(db: AsyncConnection, order_id: UUID) -> list[Any]:
    """What keeps this order's lines from being supplied, as purchasing has told it."""
    return list((await db.execute(_IN_THE_WAY, {"ids": [order_id]})).all())


async def insert_pictures(db: AsyncConnection, pictures: Sequence[Picture]) -> None:
    """New orders with their lines and special orders, in at most three statements."""
    await insert_rows(db, sales_orders, [row_of(picture.order) for picture in pictures])
    await insert_rows(db, order_lines, [row_of(line) for picture in pictures for line in picture.lines])
    await insert_rows(db, special_orders, [row_of(sp) for picture in pictures for sp in picture.specials])


async def save_pictures(db: AsyncConnection, changed: Sequence[tuple[Picture, Picture]]) -> None:
    """Save what differs between (before, after) pairs, in at most one statement a table and kind of change."""
    orders = [row_of(after.order) for before, after in changed if after.order != before.order]
    await update_rows(db, sales_orders, [_without(row, _FIXED_OF_ORDERS) for row in orders])
    new_lines, lines = _differing((before.lines, after.lines) for before, after in changed)
    await insert_rows(db, order_lines, [row_of(line) for line in new_lines])
    await update_rows(db, order_lines, [_without(row_of(line), _FIXED_OF_LINES) for line in lines])
    _, numbered = _differing((before.allotments, after.allotments) for before, after in changed)
    await update_rows(
        db, allotments, [{"id": t.id, "release_no": t.release_no, "revoke_no": t.revoke_no} for t in numbered]
    )
    new_specials, specials = _differing((before.specials, after.specials) for before, after in changed)
    await insert_rows(db, special_orders, [row_of(special) for special in new_specials])
    await update_rows(db, special_orders, [row_of(special) for special in specials])
    gone = {line.id for before, _ in changed for line in before.lines} - {
        line.id for _, after in changed for line in after.lines
    }
    if gone:
        await db.execute(order_lines.delete().where(order_lines.c.id.in_(sorted(gone))))


_FIXED_OF_ORDERS = frozenset({"number", "customer", "created_by", "created_at", "creator_scopes"})
_FIXED_OF_LINES = frozenset({"order_id", "line_no", "parent_line_id", "customer"})


def _without(row: Mapping[str, Any], names: frozenset[str]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in names}


def _differing(pairs: Iterable[tuple[Sequence[Any], Sequence[Any]]]) -> tuple[list[Any], list[Any]]:
    """The parts that are new and the parts that have changed, each in id order."""
    new: list[Any] = []
    changed: list[Any] = []
    for before, after in pairs:
        known = {part.id: part for part in before}
        for part in after:
            if part.id not in known:
                new.append(part)
            elif part is not known[part.id] and part != known[part.id]:
                changed.append(part)
    return sorted(new, key=lambda part: part.id), sorted(changed, key=lambda part: part.id)
