"""Shipments leave: one with counted quantities, or many as expected (SHIP-3). Both go through one list."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from services.shipping import store
from services.shipping.domain.allotment import Allotment
from services.shipping.domain.departure import Count, Departure, depart, made_ready
from services.shipping.domain.inspection_gate import Newer
from services.shipping.domain.preferences import Preferences
from services.shipping.domain.shipment import Shipment, State
from services.shipping.views import Shown
from shared.auth import Scope
from shared.contracts.shipping import ShipmentShipped
from shared.errors import Refused, TielineError
from shared.ids import new_id
from shared.preferences import preferences
from shared.unit_of_work import Tx

from .shipments import (
    LateIn,
    NoSuchShipment,
    late_orders,
    log_step,
    newer_units,
    refuse_late_allotments,
    refuse_stale,
    seen_by,
    tell_rest,
)
from .wording import figures, line_name, short_lines, snapshot


class NamedTwice(Refused):
    """A batch names a shipment twice; it ships once."""


_DONE = {State.PICKING: "picked", State.PACKED: "packed"}


@dataclass(frozen=True)
class Leaving:
    """One shipment that is to leave. `version`: as the caller read it, or None for whatever it is by now."""

    shipment_id: UUID
    version: int | None = None
    counts: Sequence[Count] = ()
    override_complete: str | None = None
    """Why a complete order or an all-or-nothing line may leave short."""


@dataclass(frozen=True)
class _Gone:
    """One departure as it was decided, in whose name; `steps` are the states that it passed on the way."""

    tx: Tx
    before: Shipment
    steps: Sequence[Shipment]
    departure: Departure
    rest: Shipment | None
    override: str | None


async def ship(
    tx: Tx,
    shipment_id: UUID,
    version: int,
    counts: Sequence[Count],
    override_complete: str | None = None,
) -> Shown:
    """The goods leave, with actual quantities. From pending the shipment passes picking and packing on the way."""
    (result,) = await ship_many(tx, [Leaving(shipment_id, version, counts, override_complete)])
    if isinstance(result, TielineError):
        raise result
    return result


async def ship_many(tx: Tx, wanted: Sequence[Leaving]) -> list[Shown | TielineError]:
    """Each leaves or is refused for itself, in the order given; as many statements as for one."""
    return [_answer(*result) for result in await _ship_all(tx, wanted)]


async def ship_batch(tx: Tx, ids: Sequence[UUID]) -> list[tuple[UUID, Shipment | None, TielineError | None]]:
    """Many shipments leave as expected, with a result each: one that may not leave keeps no other from leaving."""
    results = await _ship_all(tx, [Leaving(one) for one in ids])
    return [(key, *result) for key, result in zip(ids, results, strict=True)]


def _answer(shipment: Shipment | None, problem: TielineError | None) -> Shown | TielineError:
    if problem is not None or shipment is None:
        return problem or NoSuchShipment("There is no such shipment, or it is not in your warehouses")
    return Shown(shipment, {})


async def _ship_all(tx: Tx, wanted: Sequence[Leaving]) -> list[tuple[Shipment | None, TielineError | None]]:
    """(the shipment as it now is, what refused it), one per wish."""
    ids = [one.shipment_id for one in wanted]
    before = await store.lock_allotments_of_shipments(tx.db, ids)
    # all of them: whether its caller may see a shipment is looked at one by one
    locked = await store.lock_shipments(tx.db, ids, Scope())
    newer, late = await newer_units(tx, locked, before), await late_orders(tx, locked, before)
    chosen = await preferences(tx, Preferences)
    now = {one.shipment_id: one for one in locked}
    after = dict(before)
    results: list[tuple[Shipment | None, TielineError | None]] = []
    gone: dict[UUID, _Gone] = {}
    for own, one in zip(tx.each(len(wanted)), wanted, strict=True):
        shipment = now.get(one.shipment_id)
        if shipment is not None and not own.scope.allows(shipment.warehouse):
            shipment = None
        try:
            found = _found(one, shipment, gone)
            refuse_late_allotments(found, before)
            left = _leave(own, found, after, newer[one.shipment_id], late, one, chosen)
        except TielineError as problem:
            results.append((shipment, problem))
            continue
        after |= left.departure.allotments
        now[one.shipment_id] = left.departure.shipment
        gone[one.shipment_id] = left
        results.append((left.departure.shipment, None))
    await _carry_out(tx, before, after, gone.values())
    return results


def _found(one: Leaving, shipment: Shipment | None, gone: Mapping[UUID, _Gone]) -> Shipment:
    if shipment is None:
        raise NoSuchShipment("There is no such shipment, or it is not in your warehouses")
    if one.version is not None:
        refuse_stale(shipment, one.version)
    elif one.shipment_id in gone:
        raise NamedTwice(f"{shipment.number} stands twice in the list", shipment=shipment.number)
    return shipment


def _leave(
    tx: Tx,
    shipment: Shipment,
    allotments: Mapping[UUID, Allotment],
    newer: Newer,
    late: LateIn,
    wish: Leaving,
    chosen: Preferences,
) -> _Gone:
    """Decide one departure; nothing has been written when it is refused."""
    own = {share.allotment_id: allotments[share.allotment_id] for share in shipment.shares}
    steps, rest = made_ready(shipment, own, newer, tx.now, new_id, seen_by(tx.scope, late))
    departure = depart(
        steps[-1] if steps else shipment,
        own,
        wish.counts,
        chosen.short_ship,
        tx.now,
        tx.actor,
        override_complete=wish.override_complete is not None,
    )
    return _Gone(
        tx, shipment, steps, departure, rest, wish.override_complete if departure.overridden else None
    )


async def _carry_out(
    tx: Tx, before: Mapping[UUID, Allotment], after: Mapping[UUID, Allotment], gone: Iterable[_Gone]
) -> None:
    """Save what left and what stayed behind, log each step, and announce."""
    left: list[tuple[Shipment | None, Shipment]] = [(one.before, one.departure.shipment) for one in gone]
    rests = ((None, one.rest) for one in gone if one.rest)
    numbers = await store.save(tx.db, [*left, *rests], before, after)
    for one in gone:
        was = one.before
        for step in one.steps:
            log_step(one.tx, was, step, _DONE[step.state])
            was = step
        if one.rest:
            tell_rest(one.tx, one.before, one.steps[0], one.rest, numbers)
        _log_departure(was, one)
        _announce(one)


def _announce(gone: _Gone) -> None:
    departure, tx = gone.departure, gone.tx
    tx.announce(
        ShipmentShipped(
            shipment=snapshot(departure.shipment),
            shipped_at=tx.now,
            shipped_by=tx.actor,
            allotments=figures(departure.allotments.values()),
            short=short_lines(departure.short),
            override_reason=gone.override,
        )
    )


def _log_departure(before: Shipment, gone: _Gone) -> None:
    left = gone.departure.shipment
    shipped = {line_name(line): line.shipped for line in left.lines}
    short = {
        line_name(line): {"short": one.qty, "answer": one.answer, "missing": one.missing}
        for one in gone.departure.short
        for line in left.lines
        if line.demand == (one.line_id, one.component)
    }
    after = {"state": left.state, "shipped": shipped, **({"short": short} if short else {})}
    gone.tx.record(
        "shipment", left.shipment_id, "shipped", {"state": before.state}, after, reason=gone.override
    )
