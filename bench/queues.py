"""Long queues: what a receipt costs when 10 thousand, 100 thousand or a million lines of its item wait.

Inventory's own handlers on a database of their own, in this process: no broker, no other service, so what is measured is
the decision until it is committed, in wall time and in CPU of this process (PostgreSQL's is the rest).
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg

from deploy.local import databases
from deploy.local.servers import Servers
from services.inventory import handlers
from services.inventory.domain.items import Item, Warehouse
from services.inventory.domain.receiving import Receipt, Receiving
from shared.auth import Principal
from shared.contracts import Fact, every_fact
from shared.contracts.base import ItemKind
from shared.contracts.orders import OrderLine, SalesOrderChanged, SalesOrderOpened, ShipType
from shared.contracts.purchasing import PurchaseOrderLine, PurchaseOrderOpened, PurchaseOrderState
from shared.database import make_engine
from shared.ids import new_id
from shared.migrate import as_asyncpg, migrate
from shared.unit_of_work import Committed, Origin, Told, Work, run

SERVICE, SUFFIX, PLACE = "inventory", "_queues", "MAIN"
EACH = 5
"""Units that every waiting line wants."""
CHURN, RECEIPTS = 1000, 9
BEGAN = datetime(2026, 1, 5, 8, tzinfo=UTC)
LENGTHS = (10_000, 100_000, 1_000_000)

_HEARD = """
    INSERT INTO orders_heard (order_id, version, number, state, customer, ship_type)
    SELECT md5($1 || 'order' || n)::uuid, 1, $1 || n, 'open', 'ACME', 'partial_ok' FROM generate_series(1, $2::int) n
"""
_WAITING = """
    INSERT INTO demand (line_id, component, order_id, order_number, line_no, sku, warehouse, ordered, priority, ranked_at,
        special, all_or_nothing, heard_version, settled_version)
    SELECT md5($1 || 'line' || n)::uuid, 0, md5($1 || 'order' || n)::uuid, $1 || n, 10, $1, $3, $4, 0,
        $5::timestamptz + n * interval '1 second', false, false, 1, 1
    FROM generate_series(1, $2::int) n
"""
_BOOKS = """
    SELECT count(*) FROM stock s LEFT JOIN (
        SELECT sku, warehouse, sum(granted - shipped) AS held,
            max(ranked_at) FILTER (WHERE granted > 0 AND priority = 0) AS last_held,
            min(ranked_at) FILTER (WHERE granted < need AND priority = 0) AS first_waiting
        FROM demand GROUP BY sku, warehouse) d USING (sku, warehouse)
    WHERE s.allotted <> coalesce(d.held, 0) OR s.on_hand <> s.allotted OR d.first_waiting < d.last_held
"""


class Wrong(Exception):
    """The books do not balance after a run."""


class Yard:
    """A database with long queues in it, and what happens there."""

    def __init__(self, work: Work, owner: "asyncpg.Connection[asyncpg.Record]") -> None:
        self._work = work
        self._owner = owner
        self._person = Principal("bench", frozenset())

    async def waits(self, sku: str, lines: int) -> None:
        """So many lines of this item wait, each of an order of its own."""
        await self.creates(sku)
        await self._owner.execute("INSERT INTO stock (sku, warehouse) VALUES ($1, $2)", sku, PLACE)
        await self._owner.execute(_HEARD, sku, lines)
        await self._owner.execute(_WAITING, sku, lines, PLACE, EACH, BEGAN)

    async def creates(self, sku: str) -> None:
        """An item of stock."""
        item = Item(sku, 1, "An item", "stocked", "EA", 0, None, False, False, None, None, None)
        await self.does(handlers.create_item, item, False, False)

    async def rests(self) -> None:
        """What autovacuum would have done after such a load."""
        await self._owner.execute("VACUUM ANALYZE")

    async def does(self, handler: Callable[..., Any], *words: Any) -> Any:
        """A person's command."""
        return await run(self._work, handler, Origin("bench", "bench", "bench"), self._person, *words)

    async def hears(self, handler: Callable[..., Any], *facts: Fact) -> None:
        """Facts in one batch."""
        told = [Told(fact, new_id(), BEGAN, "bench", "bench") for fact in facts]
        await run(self._work, handler, told[0].origin, None, told)

    async def expects(self, *orders: PurchaseOrderOpened) -> list[Receiving]:
        """These purchase orders are heard; the receipts of all they bring."""
        await self.hears(handlers.purchase_order_told, *orders)
        rows = await self._owner.fetch(
            "SELECT id, version, po_id FROM incoming_shipments WHERE po_id = ANY($1) AND state = 'expected'",
            [po.po_id for po in orders],
        )
        brought = {po.po_id: [(line.line_no, line.ordered) for line in po.lines] for po in orders}
        return [Receiving(row["id"], row["version"], brought[row["po_id"]]) for row in rows]

    async def receives(self, *wanted: Receiving) -> list[Receipt]:
        """All of them in one transaction."""
        done = await self.does(handlers.receive_many, list(wanted))
        if refused := [one for one in done if not isinstance(one, Receipt)]:
            raise Wrong(f"refused: {refused[0]}")
        return list(done)

    async def last(self, sku: str) -> Any:
        """The demand that waits last."""
        return await self._owner.fetchrow(
            "SELECT order_id, line_id, ranked_at FROM demand WHERE sku = $1 ORDER BY ranked_at DESC LIMIT 1",
            sku,
        )

    async def check(self) -> None:
        """Nobody holds who ranks behind somebody who waits; what is allotted is what the lines hold."""
        if wrong := await self._owner.fetchval(_BOOKS):
            raise Wrong(f"the books of {wrong} items are wrong")


@asynccontextmanager
async def yard(servers: Servers) -> AsyncIterator[Yard]:
    """An empty one with a warehouse, dropped afterwards."""
    every_fact()
    names = await databases.ensure_databases(servers.postgres_url, SUFFIX, services=[SERVICE])
    owner = servers.service_database_url(SERVICE, "owner", names[SERVICE])
    try:
        await migrate(SERVICE, owner)
        engine = make_engine(as_asyncpg(servers.service_database_url(SERVICE, "app", names[SERVICE])))
        db = await asyncpg.connect(owner.replace("+asyncpg", ""))
        try:
            made = Yard(Work(SERVICE, engine, Committed()), db)
            await made.does(handlers.create_warehouse, Warehouse(PLACE, 1, "Main", "TL1", "UTC"))
            yield made
        finally:
            await db.close()
            await engine.dispose()
    finally:
        await databases.drop_databases(servers.postgres_url, SUFFIX, services=[SERVICE])


async def measure(servers: Servers, say: Callable[[str], None], lengths: Sequence[int] = LENGTHS) -> None:
    """Print what receipts and a raised priority cost, by the length of the queue.

    The queues take turns, receipt by receipt, so that a busy moment of the machine falls on all of them.
    """
    async with yard(servers) as place:
        queues = {f"ITEM-{lines}": lines for lines in lengths}
        await _fill(place, queues, say)
        say(f"  {RECEIPTS} receipts each, medians of the time until committed:")
        await _in_turn(place, queues, "200 lines", 200, say)
        async with _openings(place, list(queues)) as opened:
            await _in_turn(place, queues, "200 lines, openings meanwhile", 200, say)
        await _in_turn(place, queues, "100 lines", 100, say)
        say(f"    ({len(opened)} orders opened meanwhile)")
        for sku, lines in queues.items():
            say(
                f"  the last of {lines:,} raised above all: asked and committed after {await _raise(place, sku):.1f} ms"
            )
        await _many_items(place, say)
        await place.check()
        say("  books: what is allotted is held, and nobody holds who ranks behind somebody who waits")


async def _fill(place: Yard, queues: dict[str, int], say: Callable[[str], None]) -> None:
    say("\nLong queues of one item")
    for sku, lines in queues.items():
        await place.waits(sku, lines)
    await place.rests()
    for sku, lines in queues.items():
        churned = await _churn(place, sku)
        say(
            f"  {lines:>9,} waiting: {CHURN} receipts for the first line each, {1e3 * churned / CHURN:.1f} ms a receipt"
        )


async def _in_turn(
    place: Yard, queues: dict[str, int], words: str, lines: int, say: Callable[[str], None]
) -> None:
    """Receipts that fill so many lines each, now of one queue, now of the next."""
    expected = [
        await place.expects(*(_brings({sku: lines * EACH}) for _ in range(RECEIPTS))) for sku in queues
    ]
    took: list[Took] = [[] for _ in queues]
    for nth in range(RECEIPTS):
        for own, receipts in zip(took, expected, strict=True):
            own.append(await _timed(place, lines, receipts[nth]))
    told = "; ".join(f"{length:,}: {_ms(own)}" for own, length in zip(took, queues.values(), strict=True))
    wall, cpu = (_median(took[-1])[n] / _median(took[0])[n] for n in (0, 1))
    say(f"    {words}: {told}; the longest against the shortest {wall:.2f}x, CPU here {cpu:.2f}x")


Took = list[tuple[float, float]]
"""(wall, CPU of this process) in seconds."""


def _median(took: Took) -> tuple[float, float]:
    walls, cpus = sorted(wall for wall, _ in took), sorted(cpu for _, cpu in took)
    return walls[len(walls) // 2], cpus[len(cpus) // 2]


def _ms(took: Took) -> str:
    wall, cpu = _median(took)
    return f"{1e3 * wall:.1f} ms (CPU here {1e3 * cpu:.1f}, best {1e3 * min(took)[0]:.1f}, worst {1e3 * max(took)[0]:.1f})"


async def _churn(place: Yard, sku: str) -> float:
    """Receipts of one line's units, each in a transaction of its own; the seconds that they took."""
    seconds = 0.0
    for _ in range(CHURN // 50):
        expected = await place.expects(*(_brings({sku: EACH}) for _ in range(50)))
        began = time.perf_counter()
        for one in expected:
            await place.receives(one)
        seconds += time.perf_counter() - began
    return seconds


async def _timed(place: Yard, lines: int, *wanted: Receiving) -> tuple[float, float]:
    began, cpu = time.perf_counter(), time.process_time()
    done = await place.receives(*wanted)
    took = time.perf_counter() - began, time.process_time() - cpu
    filled = sum(len(line.fills) for receipt in done for line in receipt.lines)
    if filled != lines:
        raise Wrong(f"{filled} lines were filled, not {lines}")
    return took


@asynccontextmanager
async def _openings(place: Yard, skus: Sequence[str]) -> AsyncIterator[list[UUID]]:
    """Orders for the items open one after the other, as fast as they are heard."""
    opened: list[UUID] = []

    async def go_on() -> None:
        while True:
            sku = skus[len(opened) % len(skus)]
            order = _wants(SalesOrderOpened, new_id(), new_id(), sku, len(opened))
            await place.hears(handlers.order_told, order)
            opened.append(order.order_id)

    task = asyncio.create_task(go_on())
    try:
        yield opened
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _raise(place: Yard, sku: str) -> float:
    """The last of the queue is raised above all: milliseconds until its take is asked for and committed."""
    row = await place.last(sku)
    order = _wants(SalesOrderChanged, row["order_id"], row["line_id"], sku, 0, priority=9, version=2)
    own = [line.model_copy(update={"ranked_at": row["ranked_at"]}) for line in order.lines]
    began = time.perf_counter()
    await place.hears(handlers.order_told, order.model_copy(update={"lines": own}))
    return 1e3 * (time.perf_counter() - began)


async def _many_items(place: Yard, say: Callable[[str], None], items: int = 1000, lines: int = 100) -> None:
    """Many queues at once: every item gets goods for two lines in one receipt."""
    skus = [f"MANY-{n:04}" for n in range(items)]
    for sku in skus:
        await place.waits(sku, lines)
    await place.rests()
    expected = await place.expects(
        *(_brings(dict.fromkeys(skus[n : n + 200], 2 * EACH)) for n in range(0, items, 200))
    )
    wall, cpu = await _timed(place, 2 * items, *expected)
    say(
        f"  {items:,} items with {lines} waiting lines each, goods for 2 lines of each in one receipt: "
        f"{1e3 * wall:.0f} ms (CPU here {1e3 * cpu:.0f}), {1e6 * wall / (2 * items):.0f} us a filled line"
    )


def _brings(goods: dict[str, int]) -> PurchaseOrderOpened:
    lines = [
        PurchaseOrderLine(
            po_line_id=new_id(), line_no=n, sku=sku, description="An item", unit="EA", ordered=Decimal(qty),
            purchase_unit="EA", cost=Decimal("7.50"), ties=[],
        )
        for n, (sku, qty) in enumerate(goods.items(), 1)
    ]  # fmt: skip
    return PurchaseOrderOpened(
        po_id=new_id(), number="PO-BENCH", version=1, state=PurchaseOrderState.OPEN, vendor="VENDOR", warehouse=PLACE,
        currency="USD", sent_at=BEGAN, lines=lines,
    )  # fmt: skip


def _wants(
    kind: type[SalesOrderOpened] | type[SalesOrderChanged],
    order: UUID,
    line: UUID,
    sku: str,
    nth: int,
    *,
    priority: int = 0,
    version: int = 1,
) -> SalesOrderOpened | SalesOrderChanged:
    at = BEGAN + timedelta(days=100, seconds=nth)
    own = OrderLine(
        line_id=line, line_no=10, sku=sku, description="An item", kind=ItemKind.STOCKED, unit="EA", precision=0,
        warehouse=PLACE, ordered=Decimal(EACH), cancelled=Decimal(0), cancel_wanted=Decimal(0), special_order=False,
        drop_ship=False, ranked_at=at,
    )  # fmt: skip
    return kind(
        order_id=order, number="SO-BENCH", version=version, state="open", customer="ACME", ship_to_code="SHOP",
        ship_type=ShipType.PARTIAL_OK, priority=priority, currency="USD", credit_hold=False, opened_at=at,
        created_by="bench", lines=[own],
    )  # fmt: skip
