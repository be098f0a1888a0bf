"""Picking a mixed shipment (SO-9): the passed units are taken, the uninspected rest stays behind on a new shipment.

What may not be divided waits as a whole: every line of a complete order, whichever of its shipments waits, and an
all-or-nothing line. When nothing may go, nothing changes and the pick is refused.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from shared.decimals import ZERO

from .allotment import Allotment
from .inspection_gate import COMPLETE, NOBODY, Late, Newer, not_inspected, uninspected, waiting
from .shipment import Line, Share, Shipment, State


@dataclass(frozen=True, slots=True)
class Picked:
    """The shipment that is being picked now, and the new pending one with what could not be."""

    shipment: Shipment
    rest: Shipment | None = None


def pick(
    shipment: Shipment,
    allotments: Mapping[UUID, Allotment],
    newer: Newer,
    now: datetime,
    new_id: Callable[[], UUID],
    late: Late = NOBODY,
) -> Picked:
    """Pick what may be picked. Raises NotInspected, or IllegalShipmentMove when it is not pending."""
    picking = shipment.moved_to(State.PICKING)
    found = uninspected(shipment, allotments, newer)
    if not found and not late:
        return Picked(picking)
    whole = _undivided(shipment, allotments, found, late)
    if not found and not whole:
        return Picked(picking)
    going: list[Line] = []
    staying: list[Line] = []
    for line in shipment.lines:
        stay = line.shipment_line_id in whole
        left = {
            one.allotment_id: one.qty if stay else waiting(shipment, one, allotments, newer)
            for one in line.shares
        }
        going.append(replace(line, shares=_less(line.shares, left)))
        if any(left.values()):
            staying.append(_remainder(line, left, new_id()))
    if not any(line.shares for line in going):
        held = " and what ships with them waits too" if found and whole else ""
        raise not_inspected(shipment, found, held, _elsewhere(shipment, late))
    ready = replace(picking, lines=tuple(line for line in going if line.shares))
    return Picked(ready, _rest(shipment, staying, now, new_id()))


def _undivided(
    shipment: Shipment, allotments: Mapping[UUID, Allotment], found: Mapping[UUID, Decimal], late: Late
) -> set[UUID]:
    """The shipment lines that wait as a whole: those of complete orders, and all-or-nothing ones."""
    waits = {line.order_id for line in shipment.lines if line.shipment_line_id in found}.union(late)
    whole = set()
    for line in shipment.lines:
        terms = [allotments[one.allotment_id].its_terms for one in line.shares]
        in_complete = line.order_id in waits and any(one.ship_type == COMPLETE for one in terms)
        indivisible = line.shipment_line_id in found and any(one.all_or_nothing for one in terms)
        if in_complete or indivisible:
            whole.add(line.shipment_line_id)
    return whole


def _elsewhere(shipment: Shipment, late: Late) -> list[str]:
    """The other shipments that this one waits for."""
    here = {line.order_id for line in shipment.lines}
    numbers = {number for order_id in here.intersection(late) for number in late[order_id]}
    return sorted(numbers - {shipment.number})


def _less(shares: tuple[Share, ...], left: Mapping[UUID, Decimal]) -> tuple[Share, ...]:
    fewer = (replace(one, qty=one.qty - left[one.allotment_id]) for one in shares)
    return tuple(one for one in fewer if one.qty > ZERO)


def _remainder(line: Line, left: Mapping[UUID, Decimal], shipment_line_id: UUID) -> Line:
    shares = tuple(Share(key, qty) for key, qty in left.items() if qty)
    return replace(line, shipment_line_id=shipment_line_id, remainder_of=line.shipment_line_id, shares=shares)


def _rest(shipment: Shipment, lines: list[Line], now: datetime, shipment_id: UUID) -> Shipment:
    """A new pending shipment to the same place; its number is given when it is saved."""
    return replace(
        shipment,
        shipment_id=shipment_id,
        number="",
        version=1,
        told=1,
        state=State.PENDING,
        order_id=lines[0].order_id,
        order_number=lines[0].order_number,
        tracking_number=None,
        created_at=now,
        lines=tuple(lines),
    )
