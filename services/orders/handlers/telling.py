"""Orders' facts in words: snapshots, releases and revocations."""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from uuid import UUID

from shared.contracts.base import MOST_LINES, Source
from shared.contracts.base import ItemKind as ToldKind
from shared.contracts.base import ShipTo as ToldShipTo
from shared.contracts.orders import (
    LinesReleased,
    OrderFilled,
    OrderLine,
    OrderSnapshot,
    ReleasedAllotment,
    ReleaseRevoked,
    RevokedAllotment,
    SalesOrderCancelled,
    SalesOrderChanged,
    SalesOrderOpened,
    ShipType,
)

from ..domain.allotment import Allotment
from ..domain.order import Address, Line
from ..domain.settlement import Picture, Tell

SNAPSHOT: dict[Tell, type[OrderSnapshot]] = {
    Tell.OPENED: SalesOrderOpened,
    Tell.CHANGED: SalesOrderChanged,
    Tell.CANCELLED: SalesOrderCancelled,
}


def snapshot(picture: Picture, tell: Tell) -> OrderSnapshot:
    """The whole order at its newest told version."""
    order = picture.order
    assert order.opened_at is not None  # noqa: S101  # a draft tells nothing
    drop_shipped = any(line.drop_ship for line in picture.lines)
    return SNAPSHOT[tell](
        order_id=order.id,
        number=order.number,
        version=order.told,
        state=order.state.value,
        customer=order.customer,
        ship_to_code=order.ship_to_code,
        ship_to=_ship_to(picture.ship_to) if drop_shipped and picture.ship_to else None,
        ship_type=ShipType(order.ship_type.value),
        priority=order.priority,
        currency=order.currency,
        credit_hold=order.credit_hold,
        opened_at=order.opened_at,
        created_by=order.created_by,
        creator_scopes=list(order.creator_scopes),
        team=order.team,
        lines=[_line(line) for line in picture.lines],
    )


def _line(line: Line) -> OrderLine:
    assert line.ranked_at is not None  # noqa: S101  # a told line has its rank
    return OrderLine(
        line_id=line.id,
        line_no=line.line_no,
        parent_line_id=line.parent_line_id,
        sku=line.sku,
        description=line.description,
        kind=ToldKind(line.kind.value),
        unit=line.unit,
        precision=line.precision,
        product_line=line.product_line,
        warehouse=line.warehouse,
        ordered=line.ordered,
        cancelled=line.cancelled,
        cancel_wanted=line.cancel_wanted,
        # resolved for everybody: a nonstock line follows the special-order rules without the flag (ITEM-4)
        special_order=line.is_special,
        drop_ship=line.drop_ship,
        special_order_id=line.special_order_id if line.is_special else None,
        source=Source(vendor=line.source_vendor, warehouse=line.source_warehouse),
        cost=line.cost,
        cost_overridden=line.cost_overridden,
        cost_unit=line.cost_unit,
        free_of_charge=line.free_of_charge,
        all_or_nothing=line.all_or_nothing,
        ranked_at=line.ranked_at,
        requested_on=line.requested_on,
        comments=list(line.comments),
    )


@lru_cache(maxsize=1000)
def _ship_to(address: Address) -> ToldShipTo:
    # a thousand releases after one receipt go to a few places, and neither of the two can be changed
    return ToldShipTo(
        code=address.code,
        name=address.name,
        street=address.street,
        city=address.city,
        region=address.region,
        postal_code=address.postal_code,
        country=address.country,
    )


def releases(picture: Picture, released: Iterable[Allotment]) -> list[LinesReleased]:
    """One fact per warehouse, at most 200 allotments each, lines in order (SHIP-5: several increases, one fact)."""
    lines = {line.id: line for line in picture.lines}
    by_warehouse: dict[str, list[Allotment]] = {}
    for ticket in sorted(released, key=lambda t: (t.warehouse, lines[t.line_id].line_no, t.id)):
        by_warehouse.setdefault(ticket.warehouse, []).append(ticket)
    return [
        _released(picture, warehouse, lines, tickets[start : start + MOST_LINES])
        for warehouse, tickets in by_warehouse.items()
        for start in range(0, len(tickets), MOST_LINES)
    ]


def _released(
    picture: Picture, warehouse: str, lines: Mapping[UUID, Line], tickets: Sequence[Allotment]
) -> LinesReleased:
    order = picture.order
    assert picture.ship_to is not None  # noqa: S101  # loaded with the order's lock
    return LinesReleased(
        order_id=order.id,
        order_number=order.number,
        customer=order.customer,
        ship_type=ShipType(order.ship_type.value),
        warehouse=warehouse,
        currency=order.currency,
        carrier=order.carrier,
        ship_to=_ship_to(picture.ship_to),
        allotments=[_allotment(lines[ticket.line_id], ticket) for ticket in tickets],
    )


def _allotment(line: Line, ticket: Allotment) -> ReleasedAllotment:
    return ReleasedAllotment(
        allotment_id=ticket.id,
        line_id=line.id,
        line_no=line.line_no,
        component=ticket.component,
        sku=ticket.sku,
        description=line.description,
        unit=line.unit,
        precision=line.precision,
        qty=ticket.qty,
        gated=ticket.gated,
        release_no=ticket.release_no,
        all_or_nothing=line.all_or_nothing,
    )


def revocations(picture: Picture, revoked: Sequence[Allotment], reason: str) -> list[ReleaseRevoked]:
    """What must leave its pending shipments, at most 200 allotments a fact."""
    order = picture.order
    return [
        ReleaseRevoked(
            order_id=order.id,
            order_number=order.number,
            reason=reason,
            allotments=[
                RevokedAllotment(allotment_id=ticket.id, revoke_no=ticket.revoke_no)
                for ticket in revoked[start : start + MOST_LINES]
            ],
        )
        for start in range(0, len(revoked), MOST_LINES)
    ]


def filled(picture: Picture) -> OrderFilled:
    """Every line is shipped or cancelled, and something was shipped."""
    order = picture.order
    assert order.filled_at is not None  # noqa: S101  # set by the transition
    return OrderFilled(
        order_id=order.id, number=order.number, customer=order.customer, filled_at=order.filled_at
    )
