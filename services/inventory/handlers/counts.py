"""Stock counts: what is there against what the books hold, the difference booked at once through the adjustments' door."""

from decimal import Decimal
from uuid import UUID

from services.inventory.domain.adjustment import WantedAdjustment, must_be_stock
from services.inventory.domain.counting import CountedOtherwise, StockCount, WantedCount, expected
from services.inventory.handlers.items import UnknownItem, UnknownWarehouse
from services.inventory.handlers.movements import adjust_stock
from services.inventory.store import counts as store
from services.inventory.store import items as item_rows
from services.inventory.store import movements
from services.inventory.store import stock as stock_rows
from shared.ids import new_id
from shared.schema import next_numbers
from shared.unit_of_work import Tx


async def count_stock(tx: Tx, wanted: WantedCount) -> StockCount:
    """Compare a count with the books under the stock's lock; a difference becomes an adjustment of its own.

    A gain fills waiting lines (BO-7); a loss takes free stock, then asks for units (BO-12), and is refused with the most
    it can be. Without a difference the count itself is all there is. Under a reference it is made once.
    """
    await _must_name_stock(tx, wanted)
    stock = (await stock_rows.lock_stock(tx.db, [wanted.key]))[wanted.key]
    if again := await _repeated(tx, wanted):
        return again
    should_be = expected(stock.on_hand, await movements.being_written_off(tx.db, wanted.key))
    number = (await next_numbers(tx.db, "stock_count_numbers", "SC"))[0]
    count = StockCount(
        new_id(), number, wanted.reference, wanted.sku, wanted.warehouse, should_be, wanted.counted,
        await _book(tx, wanted, wanted.counted - should_be, number), wanted.reason, tx.actor,
    )  # fmt: skip
    await store.add_count(tx.db, count, tx.now)
    figures = {"sku": count.sku, "warehouse": count.warehouse, "counted": count.counted}
    tx.record("stock-count", count.id, "counted", {"expected": should_be}, figures, reason=wanted.reason)
    return count


async def _must_name_stock(tx: Tx, wanted: WantedCount) -> None:
    units = await item_rows.units_of(tx.db, [wanted.sku])
    if not tx.scope.allows(wanted.warehouse) or not await item_rows.known_warehouses(
        tx.db, [wanted.warehouse]
    ):
        raise UnknownWarehouse(
            f"There is no warehouse {wanted.warehouse} in your scope", warehouse=wanted.warehouse
        )
    if wanted.sku not in units:
        raise UnknownItem(f"There is no item {wanted.sku}: create it first", sku=wanted.sku)
    must_be_stock(units[wanted.sku], wanted.counted)


async def _repeated(tx: Tx, wanted: WantedCount) -> StockCount | None:
    made = await store.count_by_reference(tx.db, wanted.reference) if wanted.reference else None
    if made and (made.sku, made.warehouse, made.counted) != (wanted.sku, wanted.warehouse, wanted.counted):
        raise CountedOtherwise(
            f"Reference {wanted.reference} was used for {made.number}, another count: choose another one",
            number=made.number,
            counted=made.counted,
        )
    return made


async def _book(tx: Tx, wanted: WantedCount, discrepancy: Decimal, number: str) -> UUID | None:
    if discrepancy == 0:
        return None
    reason = f"{number}: {wanted.reason}"
    return (await adjust_stock(tx, WantedAdjustment(*wanted.key, discrepancy, reason))).id
