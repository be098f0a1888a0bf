"""Editing: drafts freely, open orders by the changes that ORD-1, ORD-3 and BO-4 name.

On an open line a smaller quantity is a wish to cancel the difference, a larger one a linked line with a rank of its own.
The source may be filled or changed at any time before the line is done (BUY-2); price, flags and the rest are the
draft's.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

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
from .order import Line, LineIsDone
from .splitting import linked

OPEN_LINE_CHANGES = frozenset({"qty", "source", "cost", "cost_unit", "requested_on", "comments"})
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


def resized(
    line: Line, qty: Decimal, *, next_version: int, line_no: int, line_id: UUID, now: datetime
) -> tuple[Line, Line | None]:
    """An open line that shall want `qty` in all: less is a wish to cancel, more a linked line (BO-4)."""
    must_fit_unit(line.sku, line.unit, line.precision, qty)
    must_be_billable(line.sku, qty, line.price)
    if qty < line.need:
        return wish(line, line.need - qty, next_version), None
    if qty == line.need:
        return line, None
    twin = linked(line, qty - line.need, line_id=line_id, line_no=line_no, opening_version=next_version)
    # it was added later: it has its own rank, and its own shortage to decide
    return line, replace(twin, ranked_at=now, opening_decided=False)
