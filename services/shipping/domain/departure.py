"""Shipping with actual quantities (SHIP-3, SHIP-4).

More than expected is refused. Less than expected needs an answer per line: `backorder` keeps the need, `close` gives it
up; and whether the units are `missing` (nobody found them: they leave the books as a discrepancy, so that they are not
allotted again) or were `left` (they go back to the line). A complete order or an all-or-nothing line leaves short only
when somebody says why.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Literal
from uuid import UUID

from shared.decimals import ZERO, fits_precision, plain
from shared.errors import Invalid, Refused

from .allotment import Allotment
from .inspection_gate import COMPLETE, NOBODY, Late, Newer
from .mixed_pick import Picked, pick
from .shipment import Line, Share, Shipment, State


class ShortAnswer(StrEnum):
    """What becomes of the need for units that did not ship."""

    BACKORDER = "backorder"
    CLOSE = "close"


class ShortUnits(StrEnum):
    """Where the units are that did not ship."""

    MISSING = "missing"
    LEFT = "left"


class UnknownShipmentLine(Invalid):
    """A count names a line that is not on the shipment, or names it twice."""


class QuantityTooFine(Invalid):
    """A count has more decimals than the item's unit."""


class ShippedTooMuch(Refused):
    """SHIP-4: more than expected cannot leave."""


class NothingShipped(Refused):
    """A shipment from which nothing leaves is voided, not shipped."""


class ShortShipDecisionRequired(Refused):
    """SHIP-3: less than expected ships, and nobody has said what becomes of the rest."""


class CompleteWouldShipShort(Refused):
    """SHIP-3: a complete order or an all-or-nothing line ships short only under `override_complete`, with a reason."""


@dataclass(frozen=True, slots=True)
class Count:
    """What was actually shipped of one line, and the answer if that is less than expected."""

    shipment_line_id: UUID
    shipped: Decimal
    short: ShortAnswer | None = None
    units: ShortUnits = ShortUnits.MISSING


@dataclass(frozen=True, slots=True)
class Short:
    """One order line that shipped less than expected, and the answer that stands."""

    line_id: UUID
    component: int
    qty: Decimal
    answer: ShortAnswer
    missing: bool


@dataclass(frozen=True, slots=True)
class Departure:
    """The shipment after it left, its allotments, and what it left behind."""

    shipment: Shipment
    allotments: dict[UUID, Allotment]
    short: tuple[Short, ...]
    overridden: bool = False
    """A complete order or an all-or-nothing line left short, by somebody's word."""


def made_ready(
    shipment: Shipment,
    allotments: Mapping[UUID, Allotment],
    newer: Newer,
    now: datetime,
    new_id: Callable[[], UUID],
    late: Late = NOBODY,
) -> tuple[list[Shipment], Shipment | None]:
    """The shipment after each step that it still needs before it can leave (SHIP-1), and what a mixed pick left behind.

    A pending one is picked, under the inspection gate, and packed; a picked one is packed.
    """
    steps = []
    picked = Picked(shipment)
    if shipment.state is State.PENDING:
        picked = pick(shipment, allotments, newer, now, new_id, late)
        steps.append(picked.shipment)
    if picked.shipment.state is State.PICKING:
        steps.append(picked.shipment.moved_to(State.PACKED))
    return steps, picked.rest


def depart(
    shipment: Shipment,
    allotments: Mapping[UUID, Allotment],
    counts: Sequence[Count],
    preference: Literal["ask", "backorder", "close"],
    now: datetime,
    actor: str,
    override_complete: bool = False,
) -> Departure:
    """Ship a packed shipment with these counts; a line without one ships as expected."""
    shipment.refuse_move(State.SHIPPED)
    expected = {line.shipment_line_id: _expected(line, allotments) for line in shipment.lines}
    counted = _counted(shipment, expected, counts)
    incomplete = _incomplete(shipment, allotments, expected, counted)
    if incomplete and not override_complete:
        raise _would_ship_short(shipment, incomplete, expected, counted)
    _refuse_unanswered(shipment, expected, counted, preference)
    lines, left, short = [], dict(allotments), []
    for line in shipment.lines:
        count = counted[line.shipment_line_id]
        shortage = expected[line.shipment_line_id] - count.shipped
        line, changed = _ship_line(line, left, count)
        lines.append(line)
        left |= changed
        if shortage:
            given = count.short or ShortAnswer(preference)
            short.append(
                Short(line.line_id, line.component, shortage, given, count.units is ShortUnits.MISSING)
            )
    gone = replace(
        shipment,
        state=State.SHIPPED,
        lines=tuple(lines),
        version=shipment.version + 1,
        told=shipment.told + 1,
        shipped_at=now,
        shipped_by=actor,
    )
    return Departure(gone, left, tuple(short), bool(incomplete))


def _expected(line: Line, allotments: Mapping[UUID, Allotment]) -> Decimal:
    """What can leave: the units that stand there, less those that failed inspection after they were picked."""
    return sum((min(share.qty, allotments[share.allotment_id].live) for share in line.shares), ZERO)


def _counted(
    shipment: Shipment, expected: Mapping[UUID, Decimal], counts: Sequence[Count]
) -> dict[UUID, Count]:
    """A count for every line. Raises UnknownShipmentLine, QuantityTooFine, ShippedTooMuch or NothingShipped."""
    counted: dict[UUID, Count] = {}
    for nth, count in enumerate(counts):
        _refuse_unreadable(shipment, count, f"/lines/{nth}", twice=count.shipment_line_id in counted)
        counted[count.shipment_line_id] = count
    for key, qty in expected.items():
        counted.setdefault(key, Count(key, qty))
    _refuse_surplus(shipment, expected, counted)
    if not any(count.shipped for count in counted.values()):
        raise NothingShipped(
            f"Nothing of {shipment.number} would leave: void it instead, and its units go back to their lines",
            shipment=shipment.number,
        )
    return counted


def _refuse_unreadable(shipment: Shipment, count: Count, pointer: str, *, twice: bool) -> None:
    line = next((line for line in shipment.lines if line.shipment_line_id == count.shipment_line_id), None)
    if line is None or twice:
        detail = "is counted twice" if twice else "is not a line of this shipment"
        raise UnknownShipmentLine(
            f"Line {count.shipment_line_id} {detail} ({shipment.number})",
            errors=[{"pointer": f"{pointer}/shipment_line_id", "detail": detail}],
        )
    if not fits_precision(count.shipped, line.precision):
        detail = f"{line.sku} is counted with at most {line.precision} decimals, got {plain(count.shipped)}"
        raise QuantityTooFine(detail, errors=[{"pointer": f"{pointer}/shipped", "detail": detail}])


def _refuse_surplus(
    shipment: Shipment, expected: Mapping[UUID, Decimal], counted: Mapping[UUID, Count]
) -> None:
    for line in shipment.lines:
        most, shipped = expected[line.shipment_line_id], counted[line.shipment_line_id].shipped
        if shipped > most:
            raise ShippedTooMuch(
                f"{plain(most)} of {line.sku} can leave with {shipment.number}, {plain(shipped)} were counted",
                shipment=shipment.number,
                shipment_line_id=line.shipment_line_id,
                sku=line.sku,
                expected=most,
                shipped=shipped,
            )


def _refuse_unanswered(
    shipment: Shipment, expected: Mapping[UUID, Decimal], counted: Mapping[UUID, Count], preference: str
) -> None:
    """Raises ShortShipDecisionRequired with the shortage of every line that still wants an answer, and the options."""
    if preference != "ask":
        return
    open_lines = [
        _told(line, expected, counted)
        for line in _short_lines(shipment, expected, counted)
        if counted[line.shipment_line_id].short is None
    ]
    if open_lines:
        raise ShortShipDecisionRequired(
            f"{shipment.number} ships less than expected on {len(open_lines)} line(s): say for each whether the rest is"
            " backordered or closed, and whether it is missing (the default) or was left",
            shipment=shipment.number,
            lines=open_lines,
            options={"short": [*ShortAnswer], "units": [*ShortUnits]},
        )


def _incomplete(
    shipment: Shipment,
    allotments: Mapping[UUID, Allotment],
    expected: Mapping[UUID, Decimal],
    counted: Mapping[UUID, Count],
) -> list[Line]:
    """The short lines that may not be short: of complete orders, and all-or-nothing ones."""
    found = []
    for line in _short_lines(shipment, expected, counted):
        terms = [allotments[share.allotment_id].its_terms for share in line.shares]
        if any(one.all_or_nothing or one.ship_type == COMPLETE for one in terms):
            found.append(line)
    return found


def _would_ship_short(
    shipment: Shipment, lines: Sequence[Line], expected: Mapping[UUID, Decimal], counted: Mapping[UUID, Count]
) -> CompleteWouldShipShort:
    return CompleteWouldShipShort(
        f"{shipment.number} would ship short on {len(lines)} line(s) of a complete order or an all-or-nothing line: send"
        " override_complete with a reason, or unpick it until all is there",
        shipment=shipment.number,
        lines=[_told(line, expected, counted) for line in lines],
    )


def _short_lines(
    shipment: Shipment, expected: Mapping[UUID, Decimal], counted: Mapping[UUID, Count]
) -> list[Line]:
    return [
        line
        for line in shipment.lines
        if counted[line.shipment_line_id].shipped < expected[line.shipment_line_id]
    ]


def _told(line: Line, expected: Mapping[UUID, Decimal], counted: Mapping[UUID, Count]) -> dict[str, object]:
    most, shipped = expected[line.shipment_line_id], counted[line.shipment_line_id].shipped
    return {
        "shipment_line_id": line.shipment_line_id,
        "order": line.order_number,
        "line_no": line.line_no,
        "component": line.component,
        "sku": line.sku,
        "expected": most,
        "shipped": shipped,
        "short": most - shipped,
    }


def _ship_line(
    line: Line, allotments: Mapping[UUID, Allotment], count: Count
) -> tuple[Line, dict[UUID, Allotment]]:
    """Give the shipped units to the line's allotments, the oldest first; what is short goes back."""
    after: dict[UUID, Allotment] = {}
    unshipped = count.shipped
    shares: list[Share] = []
    for share in sorted(line.shares, key=_age):
        allotment = allotments[share.allotment_id]
        shipped = min(unshipped, share.qty, allotment.live)
        unshipped -= shipped
        after[share.allotment_id] = allotment.departed(share.qty, shipped, count.units is ShortUnits.MISSING)
        shares.append(replace(share, shipped=shipped))
    return replace(line, shares=tuple(shares)), after


def _age(share: Share) -> UUID:
    return share.allotment_id
