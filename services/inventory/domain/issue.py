"""What shipping says of an allotment (SHIP-3, SHIP-4), turned into movements of stock."""

from dataclasses import dataclass, replace
from decimal import Decimal

from services.inventory.domain.claim import Allotment
from shared.decimals import ZERO


@dataclass(frozen=True, slots=True)
class Movement:
    """What one allotment's new figures mean.

    `left` = units that left the building now; `unbooked` of them the books no longer hold for this allotment: they
    enter as a discrepancy first, for what its owner says has happened is stored (design, section 2).
    `back` = units that are back on the shelf, `lost` = units that were not found.
    """

    allotment: Allotment
    left: Decimal
    unbooked: Decimal
    back: Decimal
    lost: Decimal

    @property
    def released(self) -> Decimal:
        """By how much the claim on stock falls."""
        return self.left - self.unbooked + self.back + self.lost

    @property
    def on_hand(self) -> Decimal:
        """By how much the stock on hand changes (never up)."""
        return self.unbooked - self.left - self.lost


def movement(
    claim: Allotment, left: Decimal, returned: Decimal, missing: Decimal, unproven: Decimal = ZERO
) -> Movement:
    """Fold shipping's figures into an allotment.

    `left` are units issued now (each shipment's share is booked once, whatever order the facts come in); `returned`,
    `missing` and `unproven` are absolute and only grow. Nothing told makes the sum of the figures pass the allotment's
    quantity.
    """
    covered = min(left, claim.live)
    shipped = claim.shipped + covered
    most_returned = claim.qty - claim.withdrawn - claim.failed - shipped
    now_returned = min(max(claim.returned, returned), most_returned)
    came_back = now_returned - claim.returned
    gone = min(max(ZERO, missing - claim.missing), came_back)
    unseen = min(max(ZERO, unproven - claim.unproven), came_back)
    after = replace(
        claim,
        shipped=shipped,
        returned=now_returned,
        missing=claim.missing + gone,
        unproven=claim.unproven + unseen,
    )
    return Movement(after, left, left - covered, came_back - gone, gone)


@dataclass(frozen=True, slots=True)
class Repeg:
    """Units of a peg that came back: pegged again to their line as two allotments (either may be nothing), or free.

    The inspected part is an allotment of its own without a gate, so that good units are not inspected twice.
    """

    good: Decimal
    unproven: Decimal
    free: Decimal


def repeg(before: Allotment, movement: Movement, lacking: Decimal) -> Repeg:
    """SO-10: a peg's returned units stay their customer's as far as the line still needs them; the rest is free.

    Good are those that shipping sent out as passed, and as many as the books have passed. What it says nobody had
    passed is uninspected, unless it was passed while it stood there: the rest of the peg is then less than that.
    """
    kept = min(movement.back, lacking)
    proven = max(ZERO, before.passed - movement.allotment.shipped - (before.returned - before.unproven))
    unseen = min(movement.allotment.unproven - before.unproven, before.uninspected)
    good = min(kept, proven, max(ZERO, movement.back - unseen))
    return Repeg(good, kept - good, movement.back - kept)
