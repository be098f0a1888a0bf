"""Orders with everything that their state follows from, locked by id; and what changed of them, saved."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import ARRAY, Column, Table, Uuid, any_, bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.decimals import ZERO

from ..domain.allotment import Allotment
from ..domain.copying import built
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
from .rows import names_of, row_of, write_together

P = TypeVar("P")
Parts = dict[UUID, list[P]]
"""{order: its parts}."""


@dataclass(frozen=True)
class Head:
    """A locked order before its parts are loaded."""

    order: Order
    customer_on_hold: bool
    ship_to: Address


def _ids() -> Any:
    return any_(bindparam("ids", type_=ARRAY(Uuid)))


def _stored(table: Table, kind: type[Any]) -> list[Column[Any]]:
    """The columns of a dataclass, in the order of its fields."""
    return [table.c[name] for name in names_of(kind)]


_ADDRESS = [ship_tos.c[field.name].label(f"to_{field.name}") for field in fields(Address)]
_LOCK = (
    select(*_stored(sales_orders, Order), customers.c.credit_hold.label("customer_on_hold"), *_ADDRESS)
    .join(customers, customers.c.code == sales_orders.c.customer)
    .join(
        ship_tos,
        (ship_tos.c.customer == sales_orders.c.customer) & (ship_tos.c.code == sales_orders.c.ship_to_code),
    )
    .where(sales_orders.c.id == _ids())
    .order_by(sales_orders.c.id)
    .with_for_update(key_share=True, of=sales_orders)
)
_PARTS = (
    select(
        *_stored(order_lines, Line),
        *(found.label(f"special_{found.name}") for found in _stored(special_orders, SpecialOrder)),
        *(found.label(f"ticket_{found.name}") for found in _stored(allotments, Allotment)),
    )
    .outerjoin(special_orders, special_orders.c.line_id == order_lines.c.id)
    .outerjoin(allotments, allotments.c.line_id == order_lines.c.id)
    .where(order_lines.c.order_id == _ids())
    .order_by(order_lines.c.line_no, special_orders.c.component, allotments.c.id)
)
_TIES = select(*_stored(ties, Tie)).where(ties.c.order_id == _ids()).order_by(ties.c.id)
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
    names = names_of(Order)
    for row in await db.execute(_LOCK, {"ids": ids}):
        order = Order.of(dict(zip(names, row, strict=False)))
        heads[order.id] = Head(order, row[len(names)], built(Address, row[len(names) + 1 :]))
    return heads


async def complete(db: AsyncConnection, heads: Mapping[UUID, Head]) -> dict[UUID, Picture]:
    """The locked orders with lines, allotments, special orders and ties, in one or two statements.

    Ties are looked at only where a special line has nothing yet: what arrived through one says more (SO-1).
    """
    if not heads:
        return {}
    found = {"ids": list(heads)}
    lines, specials, tickets = _parts(await db.execute(_PARTS, found))
    tied: dict[UUID, list[Tie]] = {}
    if specials:
        granted = {ticket.line_id for own in tickets.values() for ticket in own if ticket.granted > ZERO}
        bare = [special for own in specials.values() for special in own if special.line_id not in granted]
        if bare:
            tied = _grouped(built(Tie, row) for row in await db.execute(_TIES, found))
    return {
        order_id: Picture(
            head.order,
            tuple(lines.get(order_id, ())),
            tuple(sorted(tickets.get(order_id, ()), key=_id)),
            tuple(specials.get(order_id, ())),
            tuple(tied.get(order_id, ())),
            head.customer_on_hold,
            head.ship_to,
        )
        for order_id, head in heads.items()
    }


def _parts(rows: Iterable[Any]) -> tuple[Parts[Line], Parts[SpecialOrder], Parts[Allotment]]:
    """A row for each line, special order and ticket of it: a kit has several special orders, a line several tickets."""
    of_line, of_special = names_of(Line), names_of(SpecialOrder)
    to_special, to_ticket = len(of_line), len(of_line) + len(of_special)
    lines: dict[UUID, Line] = {}
    specials: dict[UUID, SpecialOrder] = {}
    tickets: dict[UUID, Allotment] = {}
    for row in rows:
        if row[0] not in lines:
            lines[row[0]] = Line.of(dict(zip(of_line, row, strict=False)))
        special, ticket = row[to_special], row[to_ticket]
        if special is not None and special not in specials:
            specials[special] = SpecialOrder.of(dict(zip(of_special, row[to_special:to_ticket], strict=True)))
        if ticket is not None and ticket not in tickets:
            tickets[ticket] = built(Allotment, row[to_ticket:])
    return _grouped(lines.values()), _grouped(specials.values()), _grouped(tickets.values())


def _grouped(parts: Iterable[Any]) -> Parts[Any]:
    found: dict[UUID, list[Any]] = {}
    for part in parts:
        found.setdefault(part.order_id, []).append(part)
    return found


async def in_the_way(db: AsyncConnection, order_id: UUID) -> list[Any]:
    """What keeps this order's lines from being supplied, as purchasing has told it."""
    return list((await db.execute(_IN_THE_WAY, {"ids": [order_id]})).all())


async def insert_pictures(db: AsyncConnection, pictures: Sequence[Picture]) -> None:
    """New orders with their lines and special orders, in one statement."""
    new = {
        sales_orders: [row_of(picture.order) for picture in pictures],
        order_lines: [row_of(line) for picture in pictures for line in picture.lines],
        special_orders: [row_of(special) for picture in pictures for special in picture.specials],
    }
    await write_together(db, new, {})


async def save_pictures(db: AsyncConnection, changed: Sequence[tuple[Picture, Picture]]) -> None:
    """Save what differs between (before, after) pairs, in one statement; lines that are gone take another one."""
    orders = [
        (before.order, after.order)
        for before, after in changed
        if after.order is not before.order and after.order != before.order
    ]
    new_lines, lines = _differing((before.lines, after.lines) for before, after in changed)
    _, numbered = _differing((before.allotments, after.allotments) for before, after in changed)
    new_specials, specials = _differing((before.specials, after.specials) for before, after in changed)
    await write_together(
        db,
        {
            order_lines: [row_of(line) for line in new_lines],
            special_orders: [row_of(special) for special in new_specials],
        },
        {
            sales_orders: _to_write(orders, _MOVING_OF_ORDERS, _FIXED_OF_ORDERS),
            order_lines: _to_write(lines, _MOVING_OF_LINES, _FIXED_OF_LINES),
            allotments: [
                {"id": t.id, "release_no": t.release_no, "revoke_no": t.revoke_no} for _, t in numbered
            ],
            special_orders: _to_write(specials, _MOVING_OF_SPECIALS, _FIXED_OF_SPECIALS),
        },
    )
    gone = {line.id for before, _ in changed for line in before.lines} - {
        line.id for _, after in changed for line in after.lines
    }
    if gone:
        await db.execute(order_lines.delete().where(order_lines.c.id.in_(sorted(gone))))


_FIXED_OF_ORDERS = frozenset({"number", "customer", "created_by", "created_at", "creator_scopes"})
_FIXED_OF_LINES = frozenset({"order_id", "line_no", "parent_line_id", "customer"})
_FIXED_OF_SPECIALS = frozenset(
    {"number", "order_id", "line_id", "component", "sku", "customer", "created_at", "created_by"}
)
_MOVING_OF_ORDERS = (
    "id", "version", "told", "state", "credit_hold", "has_special", "is_backordered", "settled_version", "filled_at",
)  # fmt: skip
_MOVING_OF_LINES = (
    "id", "ordered", "cancel_wanted", "cancelled", "granted", "released", "shipped", "wish_version", "settled_version",
    "opening_decided", "all_or_nothing", "is_backordered", "backordered_at",
)  # fmt: skip
_MOVING_OF_SPECIALS = ("id", "version", "qty", "state")
"""What facts move. The driver looks at each value that is written, and a line has forty of them."""


def _to_write(
    pairs: Sequence[tuple[Any, Any]], moving: tuple[str, ...], fixed: frozenset[str]
) -> list[dict[str, Any]]:
    """The rows of parts that have changed: what facts move, and where anything else differs, all that may change."""
    if not pairs:
        return []
    names = names_of(type(pairs[0][1]))
    rest = attrgetter(*(name for name in names if name not in fixed and name not in moving))
    only_moved = all(rest(before) == rest(after) for before, after in pairs)
    written = moving if only_moved else tuple(name for name in names if name not in fixed)
    read = attrgetter(*written)
    return [dict(zip(written, read(after), strict=True)) for _, after in pairs]


def _differing(
    pairs: Iterable[tuple[Sequence[Any], Sequence[Any]]],
) -> tuple[list[Any], list[tuple[Any, Any]]]:
    """The parts that are new, and (before, after) of those that have changed, each in id order."""
    new: list[Any] = []
    changed: list[tuple[Any, Any]] = []
    for before, after in pairs:
        known = {part.id: part for part in before}
        for part in after:
            if part.id not in known:
                new.append(part)
            elif part is not known[part.id] and part != known[part.id]:
                changed.append((known[part.id], part))
    return sorted(new, key=_id), sorted(changed, key=lambda pair: _id(pair[1]))


_id = attrgetter("id")
