"""The trace of a line: where each of its units is, with sums that add up at every hop (SO-14, ORD-5).

line        ordered  = cancelled + backordered + granted
granted     granted  = shipped + on_shipment + waiting_for_release
ties        tied     = pegged + open + closed
allotments  allotted = granted + withdrawn + failed + returned
inspections pegged   = passed + failed + uninspected
invoices    shipped  = invoiced + not_invoiced
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from shared.decimals import ZERO

from .allotment import Allotment
from .order import Line
from .special import Tie, closed_off, pegged, still_open


@dataclass(frozen=True, slots=True)
class Hop:
    """One hop: a whole and the parts that it must be the sum of."""

    hop: str
    whole: str
    qty: Decimal
    parts: Mapping[str, Decimal]

    @property
    def adds_up(self) -> bool:
        """Whether the parts make the whole; false only while a fact is still on its way."""
        return self.qty == sum(self.parts.values(), ZERO)


def on_shipment(ticket: Allotment, standing: Mapping[UUID, Decimal]) -> Decimal:
    """How much of the allotment's live units stands on a shipment that has not left."""
    return min(max(ZERO, ticket.live), standing.get(ticket.id, ZERO))


def sums(
    line: Line,
    allotments: Sequence[Allotment],
    ties: Sequence[Tie],
    standing: Mapping[UUID, Decimal],
    invoiced: Decimal,
) -> list[Hop]:
    """The hops of a line; `standing` is what of each allotment is on pending, picking or packed shipments."""
    hops = [
        Hop(
            "line",
            "ordered",
            line.ordered,
            {"cancelled": line.cancelled, "backordered": line.backordered, "granted": line.granted},
        )
    ]
    if not line.is_service:
        hops.append(_granted(line, allotments, standing))
        hops.append(_allotted(allotments))
    if ties:
        hops.append(_tied(ties, allotments))
    pegs = [ticket for ticket in allotments if ticket.is_peg]
    if pegs:
        hops.append(_inspected(pegs))
    hops.append(
        Hop(
            "invoices",
            "shipped",
            line.shipped,
            {"invoiced": invoiced, "not_invoiced": line.shipped - invoiced},
        )
    )
    return hops


def _granted(line: Line, allotments: Iterable[Allotment], standing: Mapping[UUID, Decimal]) -> Hop:
    allotments = tuple(allotments)
    loaded = sum((on_shipment(ticket, standing) for ticket in allotments), ZERO)
    live = sum((ticket.live for ticket in allotments), ZERO)
    parts = {"shipped": line.shipped, "on_shipment": loaded, "waiting_for_release": live - loaded}
    return Hop("granted", "granted", line.granted, parts)


def _allotted(allotments: Iterable[Allotment]) -> Hop:
    allotments = tuple(allotments)
    return Hop(
        "allotments",
        "allotted",
        sum((ticket.qty for ticket in allotments), ZERO),
        {
            "granted": sum((ticket.granted for ticket in allotments), ZERO),
            "withdrawn": sum((ticket.withdrawn for ticket in allotments), ZERO),
            "failed": sum((ticket.failed for ticket in allotments), ZERO),
            "returned": sum((ticket.returned for ticket in allotments), ZERO),
        },
    )


def _tied(ties: Sequence[Tie], allotments: Sequence[Allotment]) -> Hop:
    return Hop(
        "ties",
        "tied",
        sum((tie.qty for tie in ties), ZERO),
        {
            "pegged": sum((pegged(tie, allotments) for tie in ties), ZERO),
            "open": sum((still_open(tie, allotments) for tie in ties), ZERO),
            "closed": sum((closed_off(tie, allotments) for tie in ties), ZERO),
        },
    )


def _inspected(pegs: Sequence[Allotment]) -> Hop:
    qty = sum((ticket.qty for ticket in pegs), ZERO)
    passed = sum((ticket.passed for ticket in pegs), ZERO)
    failed = sum((ticket.failed for ticket in pegs), ZERO)
    return Hop(
        "inspections",
        "pegged",
        qty,
        {"passed": passed, "failed": failed, "uninspected": qty - passed - failed},
    )
