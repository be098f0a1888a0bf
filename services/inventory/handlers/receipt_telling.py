"""How inventory words a completed receipt: GoodsReceived, in parts that a fact can carry."""

from collections.abc import Iterator, Sequence

from services.inventory.domain.receiving import LineOutcome, Receipt, Short
from services.inventory.handlers import telling
from shared.contracts import inventory as facts
from shared.contracts.base import MOST_LINES
from shared.unit_of_work import Tx


def tell_receipt(tx: Tx, receipt: Receipt) -> None:
    """GoodsReceived, in parts of at most 200 lines, pegs and fills.

    A line with more allotments than fit goes on in the next part: the same line with the same figures and further
    allotments.
    """
    parts = list(_parts([_received_line(receipt, outcome) for outcome in receipt.lines]))
    shipment = receipt.shipment
    for n, lines in enumerate(parts, 1):
        tx.announce(
            facts.GoodsReceived(
                receipt_id=shipment.id,
                receipt_number=shipment.number,
                part=n,
                parts=len(parts),
                po_id=shipment.po_id,
                po_number=shipment.po_number,
                vendor=shipment.vendor,
                warehouse=shipment.warehouse,
                received_at=tx.now,
                received_by=tx.actor,
                lines=lines,
            )
        )


def _received_line(receipt: Receipt, outcome: LineOutcome) -> facts.ReceivedLine:
    line, po_line = outcome.line, outcome.po_line
    return facts.ReceivedLine(
        receipt_line_id=line.id,
        po_line_id=line.po_line_id,
        po_line_no=po_line.line_no,
        sku=line.sku,
        description=po_line.description,
        unit=po_line.unit,
        expected=line.expected,
        received=line.received,
        surplus=line.surplus,
        free=outcome.free,
        inspection_id=outcome.inspection.id if outcome.inspection else None,
        pegs=[telling.claim(p, receipt.demands[p.line]) for p in outcome.pegs],
        fills=[telling.claim(f, receipt.demands[f.line]) for f in outcome.fills],
        short=[_short(short) for short in outcome.divided.short],
    )


def _short(short: Short) -> facts.ShortTie:
    tie = short.tie
    return facts.ShortTie(
        tie_id=tie.tie_id,
        order_id=tie.order_id,
        order_number=tie.order_number,
        line_id=tie.line_id,
        line_no=tie.line_no,
        component=tie.component,
        missing=short.missing,
    )


def _parts(lines: Sequence[facts.ReceivedLine]) -> Iterator[list[facts.ReceivedLine]]:
    part: list[facts.ReceivedLine] = []
    size = 0
    for piece in (piece for line in lines for piece in _pieces(line)):
        weight = 1 + len(piece.pegs) + len(piece.fills)
        if part and size + weight > MOST_LINES:
            yield part
            part, size = [], 0
        part.append(piece)
        size += weight
    if part:
        yield part


def _pieces(line: facts.ReceivedLine) -> Iterator[facts.ReceivedLine]:
    """A line in pieces that fit: pegs first, then fills; what is short stands in the first."""
    most = MOST_LINES - 1
    allotments = [*line.pegs, *line.fills]
    if len(allotments) <= most:
        yield line
        return
    for start in range(0, len(allotments), most):
        piece = allotments[start : start + most]
        pegs = [a for a in piece if a.origin is facts.Origin.RECEIPT]
        fills = [a for a in piece if a.origin is facts.Origin.STOCK]
        yield line.model_copy(
            update={"pegs": pegs, "fills": fills, "short": line.short if start == 0 else []}
        )
