"""What may ship (ORD-2, BO-5, BO-8, SO-5): which allotments are told to shipping, and which are taken back.

1. Nothing ships from an order that is not open or is held.
2. Nothing ships from a line that a void by hand has blocked until it is released by hand, nor from one that holds more
   than is wanted: the surplus is on its way back.
3. A complete order ships nothing before every line is covered; a cancelled or drop-ship line and a service never block.
4. An all-or-nothing line ships nothing before all of it is granted.
5. What may ship is released by itself, but for pegs while `auto_ship_on_receipt` is off: those wait for a hand.
6. What is released keeps its terms: when the ship type has changed, it is released anew, under the next number.

What is released and may not ship any more is revoked: its units leave their pending shipment and stay granted. SO-5
holds by construction: a special line gets allotments from receipts only.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from shared.decimals import ZERO

from .allotment import Allotment
from .copying import changed
from .order import Line, Order, ShipType

HELD = "held"
UNCOVERED = "not covered"
BLOCKED = "blocked"


@dataclass(frozen=True, slots=True)
class Releases:
    """The allotments with their numbers raised: to be told as released, or as revoked for a reason."""

    released: tuple[Allotment, ...] = ()
    revoked: tuple[Allotment, ...] = ()
    reason: str = ""


def is_covered(line: Line) -> bool:
    """Whether the line keeps a complete order waiting no longer."""
    return line.is_gone or line.is_service or line.drop_ship or line.granted >= line.need


def why_not(order: Order, line: Line, *, covered: bool) -> str:
    """Why nothing of the line may ship now; empty when it may."""
    if not order.is_open or order.is_held:
        return HELD
    if line.release_blocked:
        return BLOCKED
    if order.ship_type is ShipType.COMPLETE and not covered:
        return UNCOVERED
    if line.all_or_nothing and line.granted < line.need:
        return UNCOVERED
    return ""


def decide_releases(
    order: Order,
    lines: Sequence[Line],
    allotments: Iterable[Allotment],
    *,
    auto_ship_on_receipt: bool,
    by_hand: Collection[UUID] = (),
    anew: bool = False,
) -> Releases:
    """Compare what stands released with what may ship; running it again on its own result decides nothing.

    `by_hand` are the lines whose pegs somebody releases now. `anew`: what is released already is told again, because
    shipping knows the terms of a release from nobody else (SHIP-3).
    """
    covered = all(is_covered(line) for line in lines)
    by_id = {line.id: line for line in lines}
    released: list[Allotment] = []
    revoked: list[tuple[Allotment, str]] = []
    for allotment in allotments:
        line = by_id.get(allotment.line_id)
        if line is None or allotment.live <= ZERO:
            continue
        obstacle = why_not(order, line, covered=covered)
        if obstacle:
            if allotment.is_released:
                revoked.append((changed(allotment, revoke_no=allotment.release_no), obstacle))
        elif (
            anew
            if allotment.is_released
            else _goes_now(line, allotment, auto_ship_on_receipt or line.id in by_hand)
        ):
            released.append(changed(allotment, release_no=max(allotment.release_no, allotment.revoke_no) + 1))
    return Releases(
        tuple(released),
        tuple(allotment for allotment, _ in revoked),
        revoked[0][1] if revoked else "",
    )


def _goes_now(line: Line, allotment: Allotment, pegs_too: bool) -> bool:
    # more granted than wanted: a withdrawal or a return has not been heard yet
    return line.granted <= line.need and (pegs_too or not allotment.is_peg)
