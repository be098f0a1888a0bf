"""BO-6: who gets free stock. The same rule runs as SQL in `store.queue`; a property test holds the two together."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from services.inventory.domain.demand import Demand
from shared.decimals import ZERO


@dataclass(frozen=True, slots=True)
class Share:
    """What one demand gets now."""

    demand: Demand
    qty: Decimal


def allot(available: Decimal, waiting: Iterable[Demand], *, skip: bool = False) -> list[Share]:
    """Divide free units of one item and warehouse among its waiting demands, most deserving first.

    A higher fulfilment priority goes first; equal priorities go to the order opened first (seed 003, "Competing
    Orders"), then by order id and line. Specials are not in the queue: they get only what arrives for them (SO-5).
    What a demand does not get stays on backorder. With `skip` an all-or-nothing demand is passed over unless its whole
    remaining need can be granted at once (BO-5).
    """
    shares = []
    for demand in sorted((d for d in waiting if not d.special), key=lambda demand: demand.rank):
        granted = min(max(ZERO, available), demand.lacking)
        if skip and demand.all_or_nothing and granted < demand.lacking:
            continue
        if granted > 0:
            shares.append(Share(demand, granted))
        available -= granted
    return shares
