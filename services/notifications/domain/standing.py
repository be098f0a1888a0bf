"""Notices that follow a condition (NOTE-2): open while it holds, closed when its cause is gone, opened again with it.

What should stand is worked out from all that was heard, never from the last fact; so facts that come twice, late or in
another order end in the same open notices. One notice per kind and subject: related lines are grouped in it.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_OID, UUID, uuid5

from shared.decimals import ZERO, plain

from .notice import Concern, Key, Kind, Notice, State, as_changed, closed


@dataclass(frozen=True, slots=True)
class Wish:
    """A notice as it should stand open."""

    kind: Kind
    subject: UUID
    warehouse: str
    title: str
    concerns: tuple[Concern, ...]
    unit: str | None = None
    shipment_id: UUID | None = None
    shipment_number: str | None = None
    reason: str | None = None
    message: str | None = None

    @property
    def key(self) -> Key:
        """Its natural key."""
        return self.kind, self.subject


def brought(
    notice: Notice | None, wish: Wish | None, now: datetime, new_id: Callable[[], UUID]
) -> Notice | None:
    """The notice as its condition now is; None when there is none and need not be."""
    if wish is None:
        return None if notice is None else closed(notice, now)
    said = _said(wish)
    if notice is None:
        return Notice(notice_id=new_id(), kind=wish.kind, subject=wish.subject, raised_at=now, **said)
    return as_changed(notice, replace(notice, **said, state=State.OPEN, closed_at=None))


def order_subject(order_id: UUID, warehouse: str) -> UUID:
    """An order's notices are one per warehouse: whoever may see only some warehouses sees only theirs."""
    return uuid5(NAMESPACE_OID, f"{order_id} {warehouse}")


def in_turn(concerns: Iterable[Concern]) -> tuple[Concern, ...]:
    """By order, line and component."""
    return tuple(sorted(concerns, key=_turn))


def about(concerns: Sequence[Concern], unit: str | None = None) -> str:
    """In words: "33 EA of GADGET for SO-000123 line 1", or "3 lines of SO-000123"."""
    orders = sorted({concern.order_number for concern in concerns})
    if len(concerns) == 1:
        (one,) = concerns
        of = f"{plain(one.qty)} {unit} of {one.sku}" if unit else f"{plain(one.qty)} of {one.sku}"
        return f"{of} for {one.order_number} line {one.line_no}"
    named = ", ".join(orders) if len(orders) <= _MOST_NAMED else f"{len(orders)} orders"
    return f"{len(concerns)} lines of {named}"


_MOST_NAMED = 3


def _said(wish: Wish) -> dict[str, Any]:
    """What the notice takes over from the wish."""
    concerns = in_turn(wish.concerns)
    skus = {concern.sku for concern in concerns}
    return {
        "warehouse": wish.warehouse,
        "title": wish.title,
        "sku": concerns[0].sku or "" if len(skus) == 1 else "",
        "unit": wish.unit,
        "qty": sum((concern.qty for concern in concerns), ZERO),
        "shipment_id": wish.shipment_id,
        "shipment_number": wish.shipment_number,
        "reason": wish.reason,
        "message": wish.message,
        "concerns": concerns,
    }


def _turn(concern: Concern) -> tuple[str, int, int, UUID]:
    return concern.order_number, concern.line_no, concern.component, concern.key
