"""Editing: drafts freely, open orders by the changes that ORD-1, ORD-3 and BO-4 name.

On an open line a smaller quantity is a wish to cancel the difference, from the backordered part first, a larger one a
linked line with a rank and a shortage of its own.
The source may be filled or changed at any time before the line is done (BUY-2); price, flags and the rest are the
draft's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from shared.decimals import ZERO
from shared.errors import NotFound, Refused

from .cancelling import wish
from .catalogue import (
    Flags,
    Item,
    Source,
    changed_flags,
    must_be_one_source,
    must_be_sellable,
    must_fit_unit,
)
from .entry import must_be_billable
from .order import Line, LineIsDone, ShortageAnswer
from .splitting import linked

OPEN_LINE_CHANGES = frozenset({"qty", "shortage", "source", "cost", "cost_unit", "requested_on", "comments"})
"""What an open line takes; everything else is fixed when the order opens."""


class NoSuchLine(NotFound):
    """The order has no line of this number."""


class FixedSinceOpening(Refused):
    """This field of a line cannot change once the order is open."""


def must_be_open_change(line: Line, changes: Mapping[str, Any]) -> None:
    """Refuse what an open line does not take."""
    fixed = sorted(set(changes) - OPEN_LINE_CHANGES)
    if fixed:
        raise FixedSinceOpening(
            f"Line {line.line_no} is open: {', '.join(fixed)} cannot change any more; cancel the line and add another",
            line_no=line.line_no,
            fixed=fixed,
            possible=sorted(OPEN_LINE_CHANGES),
        )
    if line.is_done:
        raise LineIsDone(
            f"Line {line.line_no} is done: every unit is shipped or cancelled", line_no=line.line_no
        )


def with_terms(line: Line, changes: Mapping[str, Any], item: Item | None) -> Line:
    """The line with new terms: everything but its quantity and flags. A source of null is the item's own again."""
    plain_fields = (
        "price",
        "discount",
        "tax_rate",
        "free_of_charge",
        "all_or_nothing",
        "requested_on",
        "comments",
    )
    line = replace(line, **{name: changes[name] for name in plain_fields if name in changes})
    if "shortage" in changes:
        line = replace(line, shortage_answer=changes["shortage"])
    if "cost" in changes:
        cost = changes["cost"]
        line = replace(
            line, cost=cost, cost_overridden=cost is not None, cost_unit=None if cost is None else line.unit
        )
    if changes.get("cost_unit") and line.cost is not None:
        line = replace(line, cost_unit=changes["cost_unit"])
    if "source" in changes:
        source: Source | None = changes["source"]
        if source is not None:
            must_be_one_source(source, line.warehouse)
        found = source or (item.source(line.warehouse) if item else Source())
        line = replace(
            line,
            source_vendor=found.vendor,
            source_warehouse=found.warehouse,
            source_overridden=source is not None,
        )
    must_be_billable(line.sku, line.ordered, line.price)
    return line


def edited_draft(line: Line, changes: Mapping[str, Any], item: Item) -> Line:
    """A draft's line after a change; setting one flag clears the other (ITEM-1)."""
    qty: Decimal = changes.get("qty", line.ordered)
    must_fit_unit(line.sku, line.unit, line.precision, qty)
    flags = changed_flags(
        Flags(line.special_order, line.drop_ship), changes.get("special_order"), changes.get("drop_ship")
    )
    must_be_sellable(item, flags)
    line = replace(line, ordered=qty, special_order=flags.special_order, drop_ship=flags.drop_ship)
    return with_terms(line, changes, item)


def increased(
    line: Line,
    qty: Decimal,
    answer: ShortageAnswer | None,
    *,
    next_version: int,
    line_no: int,
    line_id: UUID,
    now: datetime,
) -> Line | None:
    """The linked line for what an open line shall want beyond what it wants now (BO-4); None: it shall not want more.

    It was added later: it has its own rank, and its own shortage to answer for, whatever was answered for the line.
    """
    must_fit_unit(line.sku, line.unit, line.precision, qty)
    must_be_billable(line.sku, qty, line.price)
    if qty <= line.need:
        return None
    twin = linked(line, qty - line.need, line_id=line_id, line_no=line_no, opening_version=next_version)
    return replace(twin, ranked_at=now, opening_decided=False, all_or_nothing=False, shortage_answer=answer)


def decreased(lines: Sequence[Line], line: Line, by: Decimal, next_version: int) -> tuple[Line, ...]:
    """The lines after an open line shall want `by` less: wishes to cancel, from the backordered part first (BO-4).

    What was split off the line, or off what it was increased by, and still waits is the backordered part, the newest
    linked line first; then comes the line itself, of which inventory frees what was not granted first.
    """
    changed = {line.id: line}
    linked_lines = [other for other in _split_off(lines, line) if other.is_from_stock]
    for twin in sorted(linked_lines, key=lambda other: -other.line_no):
        part = min(by, twin.waiting) if line.is_from_stock else ZERO
        if part > ZERO:
            changed[twin.id] = wish(twin, part, next_version)
            by -= part
    if by > ZERO:
        changed[line.id] = wish(line, by, next_version)
    return tuple(changed.get(other.id, other) for other in lines)


def _split_off(lines: Sequence[Line], line: Line) -> list[Line]:
    """Lines that were divided from this one, and from those in turn; a linked line has a higher number than its parent."""
    family = {line.id}
    for other in sorted(lines, key=lambda other: other.line_no):
        if other.parent_line_id in family:
            family.add(other.id)
    return [other for other in lines if other.id in family and other.id != line.id]
