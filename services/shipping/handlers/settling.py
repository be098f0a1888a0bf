"""Settling: what stands on shipments follows the allotments' figures, in the transaction that changed them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from services.shipping import store
from services.shipping.domain import consigning
from services.shipping.domain.allotment import Allotment
from services.shipping.domain.consigning import Change
from services.shipping.domain.shipment import Shipment
from shared.contracts.shipping import ReleaseWithdrawn, ShipmentCreated, ShipmentVoided
from shared.ids import new_id
from shared.unit_of_work import Told, Tx

from .wording import in_small_facts, snapshot, unit_changes


@dataclass(frozen=True)
class Cause:
    """Why an allotment changes: in words, and the fact that said so (None: the REST call itself)."""

    reason: str
    told: Told[Any] | None = None


@dataclass(frozen=True)
class Outcome:
    """What settling did: shipments that shrank have still to be told by whoever knows why."""

    shrunk: list[Change]
    stuck: list[consigning.Stuck]


async def settle(
    tx: Tx,
    before: Mapping[UUID, Allotment],
    after: Mapping[UUID, Allotment],
    shipments: Sequence[Shipment],
    causes: Mapping[UUID, Cause],
    moved: frozenset[UUID] = frozenset(),
    *,
    across_orders: bool = False,
) -> Outcome:
    """Decide, save, log, and announce the shipments that grew or were emptied.

    `before` are the locked allotments as they were, `after` with what was heard; `shipments` the open ones that hold
    them and the pending ones of their orders, locked.
    """
    reasons = {key: cause.reason for key, cause in causes.items()}
    settled = consigning.settle(
        after.values(), shipments, tx.now, new_id, reasons, moved, across_orders=across_orders
    )
    written = [(change.before, change.after) for change in settled.changes]
    numbers = await store.save(tx.db, written, before, settled.allotments)
    changes = [_numbered(change, numbers) for change in settled.changes]
    for change in changes:
        cause = cause_of(change, causes)
        _log(tx, change, cause)
        _announce(tx, change, cause)
    shrunk = [change for change in changes if not change.has_grown and not change.is_emptied]
    return Outcome(shrunk, settled.stuck)


async def shipments_concerned(
    tx: Tx,
    before: Mapping[UUID, Allotment],
    after: Mapping[UUID, Allotment],
    moved: frozenset[UUID] = frozenset(),
    *,
    joinable: bool = False,
    across_orders: bool = False,
) -> list[Shipment]:
    """The open shipments that settling these allotments may change, locked by id.

    Units that join are of orders whose turnstiles were passed: `joinable` says that one of them has a pending shipment.
    """
    # passed units stay where they are: only what must leave makes us look at where it stands
    holding = [
        key
        for key, one in after.items()
        if key in before and one.standing and (one.standing > one.due or key in moved)
    ]
    joining = [one for one in after.values() if one.due > one.standing or one.allotment_id in moved]
    if across_orders:
        customers = [one.its_terms.customer for one in joining]
        return await store.lock_pending_of_customers(tx.db, holding=holding, customers=customers)
    orders = [one.order_id for one in joining] if joinable else []
    return await store.lock_open_shipments(tx.db, holding=holding, of_orders=orders)


def tell_shrunk(tx: Tx, shrunk: Iterable[Change], causes: Mapping[UUID, Cause]) -> None:
    """Tell per order which pending shipments shrank: its release was revoked, or units failed inspection."""
    by_order: dict[UUID, list[Change]] = {}
    for change in shrunk:
        by_order.setdefault(change.after.order_id, []).append(change)
    for order_id, changes in by_order.items():
        for group in in_small_facts([change.after for change in changes]):
            fact = ReleaseWithdrawn(
                order_id=order_id,
                shipments=[snapshot(shipment) for shipment in group],
                order_ids=orders_on(change.before for change in changes),
            )
            tx.announce(fact, because=cause_of(changes[0], causes).told)


def orders_on(shipments: Iterable[Shipment | None]) -> list[UUID]:
    """Every order with units on these shipments."""
    return sorted({line.order_id for one in shipments if one for line in one.lines})


def cause_of(change: Change, causes: Mapping[UUID, Cause]) -> Cause:
    """The cause of a shipment's change: that of the first allotment whose units came or went."""
    return next((causes[key] for key in change.allotments if key in causes), Cause(""))


def _numbered(change: Change, numbers: Mapping[UUID, str]) -> Change:
    if change.before is not None:
        return change
    after = replace(change.after, number=numbers[change.after.shipment_id])
    return Change(None, after, change.allotments)


def _announce(tx: Tx, change: Change, cause: Cause) -> None:
    after = change.after
    if change.is_emptied:
        reason = after.void_reason or cause.reason
        fact = ShipmentVoided(
            shipment=snapshot(after),
            by_hand=False,
            reason=reason,
            allotments=[],
            order_ids=orders_on([change.before]),
        )
        tx.announce(fact, because=cause.told)
    elif change.has_grown:
        tx.announce(ShipmentCreated(shipment=snapshot(after)), because=cause.told)


def _log(tx: Tx, change: Change, cause: Cause) -> None:
    was, now = unit_changes(change.before, change.after)
    if change.before is None:
        action = "created"
    elif change.is_emptied:
        action = "voided"
    else:
        action = "extended" if change.has_grown else "reduced"
    shipment_id = change.after.shipment_id
    tx.record("shipment", shipment_id, action, was, now, reason=cause.reason or None, because=cause.told)
