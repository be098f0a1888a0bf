"""Stock changed by hand: adjustments and customer returns. What they free goes to the queue at once (BO-7)."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from uuid import UUID

from services.inventory.domain.adjustment import (
    Adjustment,
    AdjustmentResult,
    ItemUnit,
    WantedAdjustment,
    Wish,
    adjust,
    must_be_stock,
)
from services.inventory.domain.returning import CustomerReturn, ReturnTo, WantedReturn, must_have_shipped
from services.inventory.domain.stock import Entry, LedgerKind, Move, total
from services.inventory.handlers import losses
from services.inventory.handlers.allotment import allot_and_tell
from services.inventory.handlers.items import UnknownItem, UnknownWarehouse
from services.inventory.handlers.replenishment import replenish
from services.inventory.store import demand as demands
from services.inventory.store import items as item_rows
from services.inventory.store import movements
from services.inventory.store import stock as stock_rows
from shared.contracts.inventory import GoodsReturned
from shared.decimals import ZERO
from shared.errors import Refused, TielineError
from shared.ids import new_id
from shared.schema import next_numbers
from shared.unit_of_work import Tx


class ReferenceTwice(Refused):
    """One reference for two rows of a list."""


class UnknownLine(Refused):
    """A line that nothing was ever shipped for from here."""


async def adjust_stock(tx: Tx, wanted: WantedAdjustment) -> Adjustment:
    """Change stock by hand; a loss of more than is free asks for the rest, and says the most it can be (BO-12)."""
    result = (await adjust_many(tx, [wanted]))[0]
    if result.refusal:
        raise result.refusal
    assert result.adjustment is not None  # noqa: S101  # neither refused nor made does not exist
    return result.adjustment


async def adjust_many(tx: Tx, wanted: Sequence[WantedAdjustment]) -> list[AdjustmentResult]:
    """Many changes in one transaction, a result each: opening balances, counts. Refused rows do not hinder others.

    A row with a reference is made once: told again, it gets the first one's result.
    """
    results = await _known_problems(tx, wanted)
    stock = await stock_rows.lock_stock(
        tx.db, {w.key for w, r in zip(wanted, results, strict=True) if r is None}
    )
    results = await _repeated(tx, wanted, results)
    open_rows = [n for n, result in enumerate(results) if result is None]
    available = {key: row.available for key, row in stock.items()}
    wishes = [Wish(wanted[n].key, wanted[n].qty) for n in open_rows]
    holdings = await losses.holdings(tx, wishes, available)
    outcomes = adjust(wishes, available, {key: losses.askable(own) for key, own in holdings.items()})
    count = sum(not isinstance(outcome, TielineError) for outcome in outcomes)
    numbers = iter(await next_numbers(tx.db, "adjustment_numbers", "AD", count))
    made = []
    for n, outcome in zip(open_rows, outcomes, strict=True):
        if isinstance(outcome, TielineError):
            results[n] = AdjustmentResult(None, refusal=outcome)
        else:
            made.append(_adjustment(wanted[n], next(numbers), tx.actor, outcome))
            results[n] = AdjustmentResult(made[-1])
    await _write(tx, made)
    await losses.ask(tx, made, holdings)
    await replenish(tx, stock)
    return [result for result in results if result is not None]


async def _known_problems(tx: Tx, wanted: Sequence[WantedAdjustment]) -> list[AdjustmentResult | None]:
    units = await item_rows.units_of(tx.db, {w.sku for w in wanted})
    places = await item_rows.known_warehouses(tx.db, {w.warehouse for w in wanted})
    places = {place for place in places if tx.scope.allows(place)}
    return [_problem(w, units, places) for w in wanted]


def _problem(
    wanted: WantedAdjustment, units: Mapping[str, ItemUnit], places: set[str]
) -> AdjustmentResult | None:
    try:
        _must_name_stock(wanted.sku, wanted.warehouse, wanted.qty, units, places)
    except Refused as refusal:
        return AdjustmentResult(None, refusal=refusal)
    return None


def _must_name_stock(
    sku: str, warehouse: str, qty: Decimal, units: Mapping[str, ItemUnit], places: set[str]
) -> None:
    if warehouse not in places:
        raise UnknownWarehouse(f"There is no warehouse {warehouse} in your scope", warehouse=warehouse)
    if sku not in units:
        raise UnknownItem(f"There is no item {sku}: create it first", sku=sku)
    must_be_stock(units[sku], qty)


async def _repeated(
    tx: Tx, wanted: Sequence[WantedAdjustment], results: Sequence[AdjustmentResult | None]
) -> list[AdjustmentResult | None]:
    """Rows whose reference was used before, in the database or earlier in this list."""
    made = await movements.adjustments_by_reference(tx.db, [w.reference for w in wanted if w.reference])
    seen: set[str] = set()
    found: list[AdjustmentResult | None] = []
    for w, result in zip(wanted, results, strict=True):
        if result is None and w.reference and w.reference in made:
            result = AdjustmentResult(made[w.reference], is_repeated=True)
        elif result is None and w.reference and w.reference in seen:
            result = AdjustmentResult(
                None, refusal=ReferenceTwice(f"Reference {w.reference} stands twice in the list")
            )
        if result is None and w.reference:
            seen.add(w.reference)
        found.append(result)
    return found


def _adjustment(wanted: WantedAdjustment, number: str, actor: str, asking: Decimal) -> Adjustment:
    return Adjustment(
        new_id(),
        number,
        wanted.reference,
        wanted.sku,
        wanted.warehouse,
        wanted.qty,
        wanted.reason,
        actor,
        asking,
    )


async def _write(tx: Tx, made: Sequence[Adjustment]) -> None:
    await movements.add_adjustments(tx.db, made, tx.now)
    entries = [
        Entry(a.key, a.booked, LedgerKind.ADJUSTMENT, str(a.id), a.number, a.adjusted_by, a.reason)
        for a in made if a.booked
    ]  # fmt: skip
    await stock_rows.book(tx.db, entries, tx.now)
    await stock_rows.move_stock(tx.db, total((a.key, Move(on_hand=a.booked)) for a in made))
    for a in made:
        after = {"sku": a.sku, "warehouse": a.warehouse, "qty": a.qty}
        asking = {"booked": a.booked, "asking": a.asking} if a.asking else {}
        tx.record("adjustment", a.id, "adjusted", None, {**after, **asking}, reason=a.reason)
    await allot_and_tell(tx, {(a.sku, a.warehouse) for a in made if a.qty > 0}, "adjustment")


async def return_goods(tx: Tx, wanted: WantedReturn) -> CustomerReturn:
    """A customer brings goods back (SO-12): to stock they may fill other waiting lines, to quarantine they may not."""
    units = await item_rows.units_of(tx.db, [wanted.sku])
    places = await item_rows.known_warehouses(tx.db, [wanted.warehouse])
    _must_name_stock(
        wanted.sku, wanted.warehouse, wanted.qty, units, {place for place in places if tx.scope.allows(place)}
    )
    key = wanted.sku, wanted.warehouse
    stock = await stock_rows.lock_stock(tx.db, [key])
    order_id = await _order_of(tx, wanted) if wanted.line_id else None
    number = (await next_numbers(tx.db, "customer_return_numbers", "CR"))[0]
    returned = CustomerReturn(
        new_id(), number, order_id, wanted.line_id, wanted.component, wanted.sku, wanted.warehouse, wanted.qty,
        wanted.return_to.value, wanted.reason, tx.actor,
    )  # fmt: skip
    is_quarantined = wanted.return_to is ReturnTo.QUARANTINE
    await movements.add_return(tx.db, returned, tx.now)
    entry = Entry(
        key, wanted.qty, LedgerKind.CUSTOMER_RETURN, str(returned.id), number, tx.actor, wanted.reason
    )
    await stock_rows.book(tx.db, [entry], tx.now)
    move = Move(on_hand=wanted.qty, quarantined=wanted.qty if is_quarantined else ZERO)
    await stock_rows.move_stock(tx.db, {key: move})
    _tell_return(tx, returned, is_quarantined)
    if not is_quarantined:
        await allot_and_tell(tx, [key], "return")
        await replenish(tx, stock)
    return returned


async def _order_of(tx: Tx, wanted: WantedReturn) -> UUID:
    """The order of the line that gives back; refused when the line has not shipped that much of that item.

    The demand row is locked: two returns of one line, to two warehouses, must not both pass the check.
    """
    assert wanted.line_id is not None  # noqa: S101  # asked only for returns of a line
    demand = await demands.lock_demand(tx.db, (wanted.line_id, wanted.component))
    if demand is None:
        raise UnknownLine(
            "Nothing was shipped for this line from here; leave `line_id` out", line=wanted.line_id
        )
    returned = await movements.returned_of_line(tx.db, wanted.line_id, wanted.component)
    must_have_shipped(
        demand.order_number, demand.line_no, demand.sku, wanted.sku, demand.shipped, returned, wanted.qty
    )
    return demand.order_id


def _tell_return(tx: Tx, returned: CustomerReturn, is_quarantined: bool) -> None:
    after = {
        "sku": returned.sku,
        "warehouse": returned.warehouse,
        "qty": returned.qty,
        "to": returned.return_to,
    }
    tx.record("customer-return", returned.id, "returned", None, after, reason=returned.reason)
    tx.announce(
        GoodsReturned(
            return_id=returned.id,
            number=returned.number,
            order_id=returned.order_id,
            line_id=returned.line_id,
            sku=returned.sku,
            warehouse=returned.warehouse,
            qty=returned.qty,
            to_quarantine=is_quarantined,
            reason=returned.reason,
        )
    )
