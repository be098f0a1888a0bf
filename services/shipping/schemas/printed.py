"""The printable documents of a shipment (SHIP-6): pick list and packing slip, as HTML for paper.

One page without a script, a font, an image or a link from elsewhere: it prints where there is no internet, and a name
that somebody typed can do nothing in it (everything is escaped).
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from html import escape
from itertools import groupby
from uuid import UUID

from services.shipping.domain.packing import Package, Printed
from services.shipping.domain.shipment import Line, Shipment, State
from shared.decimals import ZERO, plain

_STYLE = """
@page { size: A4; margin: 14mm 12mm 16mm; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 186mm; color: #111; background: #fff;
       font: 10.5pt/1.4 "Liberation Sans", Arial, sans-serif; }
header { display: flex; justify-content: space-between; align-items: flex-start; gap: 8mm;
         border-bottom: 1.2pt solid #111; padding-bottom: 3mm; margin-bottom: 5mm; }
h1 { font-size: 20pt; line-height: 1.1; margin: 0 0 1mm; }
h2 { font-size: 12pt; margin: 6mm 0 2mm; break-after: avoid; }
.number { font: 700 17pt/1.2 "Liberation Mono", "Courier New", monospace; white-space: nowrap; }
.state { display: inline-block; border: .8pt solid #111; border-radius: 2mm; padding: 0 2mm; font-size: 9pt;
         text-transform: uppercase; }
.facts { display: flex; flex-wrap: wrap; gap: 3mm 10mm; margin: 0 0 5mm; }
.facts div { min-width: 32mm; max-width: 84mm; overflow-wrap: anywhere; }
dt, th { font-size: 8pt; font-weight: 600; color: #444; text-transform: uppercase; letter-spacing: .02em; }
dd { margin: 0; }
table { width: 100%; border-collapse: collapse; }
thead { display: table-header-group; }
tr { break-inside: avoid; }
th { text-align: left; border-bottom: .8pt solid #111; padding: 1mm 2mm 1mm 0; vertical-align: bottom; }
td { border-bottom: .4pt solid #999; padding: 1.6mm 2mm 1.6mm 0; vertical-align: top; overflow-wrap: anywhere; }
.n { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
.n strong { font-size: 13pt; }
.box span { display: inline-block; width: 5mm; height: 5mm; border: .8pt solid #111; }
.wait { color: #444; font-style: italic; }
.sku { font-weight: 700; min-width: 30mm; }
.order { min-width: 34mm; }
.sign { display: flex; gap: 12mm; margin-top: 14mm; break-inside: avoid; }
.sign div { flex: 1; border-top: .6pt solid #111; padding-top: 1mm; font-size: 8.5pt; color: #444; }
footer { margin-top: 8mm; font-size: 8pt; color: #444; }
@media screen { body { padding: 10mm; } }
"""


def pick_list(printed: Printed) -> str:
    """What to take from the shelves: the units that may be picked, and beside them those that wait for inspection."""
    shipment = printed.shipment
    rows = []
    for line in shipment.lines:
        waits = printed.uninspected.get(line.shipment_line_id, ZERO)
        note = f'<div class="wait">{_qty(waits)} wait for inspection: not to be picked</div>' if waits else ""
        rows.append(
            f'<tr><td class="box"><span></span></td><td class="n"><strong>{_qty(line.qty - waits)}</strong>'
            f' {_text(line.unit)}</td><td class="sku">{_text(line.sku)}</td>'
            f'<td>{_text(line.description)}{note}</td><td class="order">{_where(line)}</td><td></td></tr>'
        )
    table = _table(("", "Pick", "Item", "Description", "Order / line", "Found"), rows, numbers={1})
    return _page("Pick list", shipment, _facts(shipment) + table + _sign("Picked by", "Date and time"))


def packing_slip(printed: Printed) -> str:
    """What the customer finds in the boxes, order by order and package by package. It names no prices."""
    shipment = printed.shipment
    parts = [_facts(shipment)]
    for order, lines in groupby(sorted(shipment.lines, key=_by_order), key=lambda line: line.order_number):
        rows = [_slip_row(line, has_left=shipment.state is State.SHIPPED) for line in lines]
        parts.append(f"<h2>Order {_text(order)}</h2>")
        parts.append(_table(("Line", "Item", "Description", "Expected", "In this shipment"), rows, {3, 4}))
    if printed.packages:
        parts.append("<h2>Packages</h2>" + _packages(shipment.lines, printed.packages))
    parts.append(_sign("Packed by", "Received by, date"))
    return _page("Packing slip", shipment, "".join(parts))


def _slip_row(line: Line, *, has_left: bool) -> str:
    here = line.shipped if has_left else line.qty
    return (
        f'<tr><td>{_name(line)}</td><td class="sku">{_text(line.sku)}</td><td>{_text(line.description)}</td>'
        f'<td class="n">{_qty(line.qty)} {_text(line.unit)}</td>'
        f'<td class="n"><strong>{_qty(here)}</strong> {_text(line.unit)}</td></tr>'
    )


def _packages(lines: Sequence[Line], packages: Iterable[Package]) -> str:
    of: Mapping[UUID, Line] = {line.shipment_line_id: line for line in lines}
    rows = []
    for package in packages:
        inside = "".join(
            f"<div>{_qty(one.qty)} {_text(of[one.shipment_line_id].unit)}"
            f" {_text(of[one.shipment_line_id].sku)} ({_where(of[one.shipment_line_id])})</div>"
            for one in package.contents
        )
        weight = f"{_qty(package.weight)} kg" if package.weight else ""
        rows.append(
            f"<tr><td>{package.package_no}</td><td>{inside}</td>"
            f'<td>{_text(package.tracking_number or "")}</td><td class="n">{weight}</td></tr>'
        )
    return _table(("Package", "Contents", "Tracking number", "Weight"), rows, {3})


def _facts(shipment: Shipment) -> str:
    place = shipment.ship_to
    town = " ".join(part for part in (place.postal_code, place.city) if part)
    address = [part for part in (place.name, place.street, town, place.region, place.country) if part]
    facts = {
        "Ship to": "<br>".join(_text(part) for part in address),
        "Customer": _text(shipment.customer),
        "Warehouse": _text(shipment.warehouse),
        "Carrier": _text(shipment.carrier or "not chosen"),
        "Tracking number": _text(shipment.tracking_number or ""),
        "Shipped": f"{shipment.shipped_at:%Y-%m-%d %H:%M} UTC" if shipment.shipped_at else "",
    }
    told = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in facts.items() if value)
    return f'<dl class="facts">{told}</dl>'


def _table(heads: Sequence[str], rows: Sequence[str], numbers: Iterable[int] = ()) -> str:
    right = set(numbers)
    cells = "".join(
        f'<th scope="col"{" class=n" if nth in right else ""}>{head}</th>' for nth, head in enumerate(heads)
    )
    return f"<table><thead><tr>{cells}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _sign(*names: str) -> str:
    return '<div class="sign">' + "".join(f"<div>{name}</div>" for name in names) + "</div>"


def _page(title: str, shipment: Shipment, body: str) -> str:
    number = _text(shipment.number)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title} {number}</title>'
        f"<style>{_STYLE}</style></head><body><header><div><h1>{title}</h1>"
        f'<span class="state">{shipment.state}</span></div><div class="number">{number}</div></header>'
        f"{body}<footer>{number}, made {shipment.created_at:%Y-%m-%d %H:%M} UTC,"
        f" version {shipment.version}</footer></body></html>"
    )


def _where(line: Line) -> str:
    return f"{_text(line.order_number)} / {_name(line)}"


def _name(line: Line) -> str:
    return f"{line.line_no}.{line.component}" if line.component else str(line.line_no)


def _by_order(line: Line) -> tuple[str, int, int]:
    return line.order_number, line.line_no, line.component


def _qty(value: Decimal) -> str:
    return plain(value)


def _text(value: str) -> str:
    return escape(value)
