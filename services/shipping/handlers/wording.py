"""Our values in the words of the contracts and of the record log."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from services.shipping.domain.allotment import Allotment
from services.shipping.domain.departure import Short
from services.shipping.domain.shipment import MOST_SHARES, Line, Shipment
from shared.contracts import shipping as told
from shared.decimals import plain


def snapshot(shipment: Shipment) -> told.Shipment:
    """The whole shipment; its version counts what was told, so other services see 1, 2, 3 … without a gap."""
    return told.Shipment(
        shipment_id=shipment.shipment_id,
        number=shipment.number,
        version=shipment.told,
        state=told.ShipmentState(shipment.state),
        customer=shipment.customer,
        warehouse=shipment.warehouse,
        currency=shipment.currency,
        ship_to_code=shipment.ship_to.code,
        carrier=shipment.carrier,
        tracking_number=shipment.tracking_number,
        lines=[_line(line) for line in shipment.lines],
    )


def _line(line: Line) -> told.ShipmentLine:
    return told.ShipmentLine(
        shipment_line_id=line.shipment_line_id,
        order_id=line.order_id,
        order_number=line.order_number,
        line_id=line.line_id,
        line_no=line.line_no,
        component=line.component,
        sku=line.sku,
        unit=line.unit,
        qty=line.qty,
        shipped=line.shipped,
        shares=[
            told.ShipmentShare(allotment_id=share.allotment_id, qty=share.qty, shipped=share.shipped)
            for share in line.shares
        ],
    )


def figures(allotments: Iterable[Allotment]) -> list[told.AllotmentFigures]:
    """Shipping's own figures of allotments, absolute."""
    return [
        told.AllotmentFigures(
            allotment_id=one.allotment_id,
            order_id=one.order_id,
            line_id=one.terms.line_id,
            component=one.terms.component,
            shipped=one.shipped,
            returned=one.returned,
            missing=one.missing,
            unproven=one.unproven,
        )
        for one in allotments
        if one.terms
    ]


def short_lines(short: Iterable[Short]) -> list[told.ShortLine]:
    """What a shipment left behind, and the answers that stand."""
    return [
        told.ShortLine(
            line_id=one.line_id,
            component=one.component,
            short=one.qty,
            answer=told.ShortAnswer(one.answer),
            missing=one.missing,
        )
        for one in short
    ]


def in_small_facts(shipments: Sequence[Shipment]) -> Iterator[list[Shipment]]:
    """Shipments in groups that one fact can carry: at most 200 shares each, or a single shipment."""
    group: list[Shipment] = []
    room = MOST_SHARES
    for shipment in shipments:
        size = sum(1 for _ in shipment.shares)
        if group and size > room:
            yield group
            group, room = [], MOST_SHARES
        group.append(shipment)
        room -= size
    if group:
        yield group


def unit_changes(before: Shipment | None, after: Shipment) -> tuple[dict[str, Any] | None, dict[str, Any]]:
    """The lines whose units differ, for the record log: {"SO-000001/10": "5"}."""
    now = _units(after)
    if before is None:
        return None, now
    was = _units(before)
    differing = [name for name in was | now if was.get(name) != now.get(name)]
    return (
        {name: was.get(name, "0") for name in differing},
        {name: now.get(name, "0") for name in differing},
    )


def _units(shipment: Shipment) -> dict[str, Any]:
    return {line_name(line): plain(line.qty) for line in shipment.lines}


def line_name(line: Line) -> str:
    """Order and line as people say them; a kit component with its sequence number."""
    component = f".{line.component}" if line.component else ""
    return f"{line.order_number}/{line.line_no}{component}"
