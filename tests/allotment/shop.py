"""A shop whose inventory is real, on PostgreSQL and behind its inbox; orders, purchasing and shipping are played.

Facts for inventory, and facts for shipping, wait until somebody delivers them: in any order, some twice, by several
workers at once. When all is quiet, `books.differences` compares inventory with the reference.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, cast

import orjson
from aio_pika.abc import AbstractIncomingMessage

from services.inventory import handlers
from services.inventory.domain.adjustment import WantedAdjustment
from services.inventory.domain.counting import WantedCount
from services.inventory.domain.demand import Key
from services.inventory.domain.items import Item, Warehouse
from services.inventory.domain.preferences import Preferences
from services.inventory.domain.returning import ReturnTo, WantedReturn
from services.inventory.subscriptions import SUBSCRIPTIONS
from services.inventory.tables import metadata
from services.inventory.tests.builders import minute, named, opened, po_line, sent
from shared.contracts import every_fact
from shared.contracts.base import Fact
from shared.contracts.orders import SalesOrderChanged
from shared.contracts.purchasing import Tie
from shared.errors import TielineError
from shared.ids import new_id
from shared.inbox import Inbox
from shared.preferences import choose, forget_kept
from shared.testing import Bench
from tests.allotment import books
from tests.allotment.dispatch import Dispatch, Parcel
from tests.allotment.papers import Letter, Line, Order, as_told
from tests.post import StrictInbox

CATALOGUE = ("warehouses", "items", "item_sources", "kit_lines", "replenishment_levels")
ENOUGH = 100
"""Rounds of post after which a shop that is still not quiet never will be."""


@dataclass
class Shop:
    """What people do in it, what waits to be heard, and what was told."""

    bench: Bench
    dice: random.Random = field(default_factory=lambda: random.Random(0))
    orders: list[Order] = field(default_factory=list)
    dispatch: Dispatch = field(default_factory=Dispatch)
    to_inventory: list[Letter] = field(default_factory=list)
    to_shipping: list[Fact] = field(default_factory=list)
    heard: list[Letter] = field(default_factory=list)
    """What inventory has heard so far."""
    told: list[Fact] = field(default_factory=list)
    """What inventory has told so far."""
    diary: list[str] = field(default_factory=list)
    may_wait: bool = False
    """Whether somebody may wait although stock is free: while a schedule is off (BO-15)."""
    inbox: Inbox = field(init=False)

    def __post_init__(self) -> None:
        self.inbox = StrictInbox(self.bench.work, SUBSCRIPTIONS)

    # --- at the counter -----------------------------------------------------------------------------------------------

    def opens(
        self,
        *lines: tuple[Key, int],
        priority: int = 0,
        at: int = 0,
        special: bool = False,
        whole: bool = False,
    ) -> Order:
        """A customer orders; `at` is the minute of the order's first opening, which ranks it (BO-6)."""
        n = len(self.orders) + 1
        moment = minute(at)
        own = [
            Line(named(n * 1000 + no), no, key, qty, moment, special, whole)
            for no, (key, qty) in _numbered(lines)
        ]
        order = Order(named(self.dice.getrandbits(64) * 1000 + n), f"SO-{n}", moment, priority, own)
        self.orders.append(order)
        self.says(order)
        return order

    def adds(self, order: Order, key: Key, qty: int, at: int) -> None:
        """A later increase: a line of its own with its own time (BO-4, BO-6)."""
        no = order.lines[-1].no + 10
        order.lines.append(Line(named(order.lines[0].id.int + no), no, key, qty, minute(at)))
        self.says(order)

    def gives_up(self, order: Order, line: Line, qty: int) -> None:
        """Less is wanted, never less than has shipped."""
        shipped = sum((own.shipped for _, own in self.dispatch.of_line(line.id)), Decimal(0))
        line.given_up = max(line.given_up, min(line.given_up + qty, line.ordered - int(shipped)))
        self.says(order)

    def cancels(self, order: Order) -> None:
        """Nothing of it is wanted any more."""
        for line in order.lines:
            shipped = sum((own.shipped for _, own in self.dispatch.of_line(line.id)), Decimal(0))
            line.given_up = max(line.given_up, line.ordered - int(shipped))
        self.says(order)

    def ranks(self, order: Order, priority: int) -> None:
        """The order's priority is set."""
        order.priority = priority
        self.says(order)

    def says(self, order: Order) -> None:
        """A snapshot of the order goes to inventory."""
        lines = [as_told(line) for line in order.lines]
        fact: Fact = opened(
            *lines, order_id=order.id, number=order.number, version=order.version, priority=order.priority,
            opened_at=order.at,
        ).model_copy(update={"lines": lines})  # fmt: skip
        if order.has_told:
            fact = SalesOrderChanged.model_validate(fact.model_dump())
        order.has_told = True
        order.version += 1
        self.posts(fact)

    def buys(self, line: Line, order: Order, qty: int) -> None:
        """A purchase order with one tie, to this line (SO-2)."""
        tie = Tie(
            tie_id=new_id(), special_order_id=None, order_id=order.id, order_number=order.number, line_id=line.id,
            line_no=line.no, component=0, qty=Decimal(qty), closed=Decimal(0),
        )  # fmt: skip
        self.posts(sent(po_line(qty, tie, sku=line.key[0]), warehouse=line.key[1]))

    async def prefers(self, **chosen: str) -> None:
        """What the organisation has chosen."""
        rows = await self.bench.sql("SELECT version FROM preferences")
        version = rows[0].version if rows else 0
        await self.bench.run(choose, "inventory", Preferences, version, chosen)
        forget_kept()

    # --- in the warehouse ---------------------------------------------------------------------------------------------

    async def finds(self, key: Key, qty: int) -> None:
        """Stock is found or, negative, lost."""
        await self.does(handlers.adjust_stock, WantedAdjustment(*key, Decimal(qty), "counted"))

    async def counts(self, key: Key, more: int) -> None:
        """Somebody counts so many more, or fewer, than the books say."""
        rows = await self.bench.sql(
            "SELECT on_hand FROM stock WHERE sku = :sku AND warehouse = :place", sku=key[0], place=key[1]
        )
        there = rows[0].on_hand if rows else Decimal(0)
        await self.does(handlers.count_stock, WantedCount(*key, max(Decimal(0), there + more), "yearly"))

    async def takes_back(self, key: Key, qty: int, *, to_stock: bool = True) -> None:
        """A customer brings goods back (BO-7)."""
        where = ReturnTo.STOCK if to_stock else ReturnTo.QUARANTINE
        await self.does(
            handlers.return_goods, WantedReturn(None, 0, *key, Decimal(qty), where, "did not like it")
        )

    async def receives(self, nth: int, less: int = 0) -> None:
        """An expected shipment arrives, perhaps with less than expected."""
        rows = await self.bench.sql(
            "SELECT s.id, s.version, l.expected, p.line_no FROM incoming_shipments s JOIN incoming_lines l "
            "ON l.shipment_id = s.id JOIN purchase_order_lines p USING (po_line_id) WHERE s.state = 'expected' "
            "ORDER BY s.number"
        )
        if rows:
            row = rows[nth % len(rows)]
            counted = [(row.line_no, max(Decimal(1), row.expected - less))]
            await self.does(handlers.receive, row.id, row.version, counted, True)

    async def inspects(self, nth: int, failed: int) -> None:
        """Somebody looks at all that is left of an inspection."""
        rows = await self.bench.sql(
            "SELECT id, to_inspect - passed - failed AS left FROM inspections WHERE state = 'open' ORDER BY number"
        )
        if rows:
            row = rows[nth % len(rows)]
            bad = min(Decimal(failed), row.left)
            why = "scratched" if bad else None
            await self.does(handlers.complete_inspection, row.id, row.left - bad, bad, why)

    def handles(self, deed: Callable[[Parcel], Sequence[Fact]], parcel: Parcel) -> None:
        """Somebody picks, unpicks, ships or voids a shipment."""
        for fact in deed(parcel):
            self.posts(fact)

    async def does(self, handler: Callable[..., Awaitable[Any]], *args: Any) -> None:
        """A REST call; a refusal is an answer like any other."""
        try:
            await self.bench.run(handler, *args)
        except TielineError as refusal:
            self.diary.append(f"refused: {refusal}")
        await self.committed()

    # --- the post -----------------------------------------------------------------------------------------------------

    def posts(self, fact: Fact) -> None:
        """A fact is on its way to inventory."""
        self.to_inventory.append(Letter(new_id(), fact))

    async def delivers(self, letters: Sequence[Letter]) -> None:
        """Letters arrive together; one in six comes again under another id, as after a restored backup (fault 26)."""
        self.heard += letters
        self.to_inventory += [Letter(new_id(), own.fact) for own in letters if self.dice.random() < 0.15]
        await self.takes(letters)

    async def takes(self, letters: Sequence[Letter]) -> None:
        """Letters go through the inbox in one transaction."""
        messages = [letter.message for letter in letters]
        await self.inbox.take(cast("Sequence[AbstractIncomingMessage]", messages))
        await self.committed()

    async def works(self, most: int = 4) -> None:
        """A worker delivers what waits, a few at a time and in any order, and so does shipping, until nothing waits."""
        while self.to_inventory or self.to_shipping:
            for fact in self._draw(self.to_shipping, most):
                for answer in self.dispatch.hear(fact):
                    self.posts(answer)
            if letters := self._draw(self.to_inventory, most):
                await self.delivers(letters)

    def _draw(self, waiting: list[Any], most: int) -> list[Any]:
        self.dice.shuffle(waiting)
        count = self.dice.randint(1, most)
        taken = waiting[:count]
        del waiting[:count]
        return taken

    async def is_quiet(self, workers: int = 1) -> None:
        """Everything arrives, and all that follows from it."""
        for _ in range(ENOUGH):
            if not (self.to_inventory or self.to_shipping):
                return
            await together(*(self.works() for _ in range(workers)))
        raise AssertionError("inventory and shipping never stop telling each other")

    async def committed(self) -> None:
        """What was told goes to shipping, and the books hold now as they do after every commit (BO-13)."""
        rows = await self.bench.sql(
            "DELETE FROM outbox o USING event_log e WHERE e.event_id = o.event_id AND e.created_at = o.event_at "
            "RETURNING o.seq, e.routing_key, e.body"
        )
        kinds = every_fact()
        for row in sorted(rows, key=lambda row: row.seq):
            fact = kinds[row.routing_key].model_validate(orjson.loads(row.body)["data"])
            self.told.append(fact)
            self.to_shipping.append(fact)
        but = books.NOBODY_WAITS if self.may_wait else ()
        assert not (broken := await books.broken(self.bench, but=but)), broken


async def together(*deeds: Awaitable[None]) -> None:
    """All at once; the first failure is told when all have ended."""
    for result in await asyncio.gather(*deeds, return_exceptions=True):
        if isinstance(result, BaseException):
            raise result


async def empty_shop(bench: Bench, seed: int = 0) -> Shop:
    """A shop with its catalogue and nothing else."""
    tables = [table.name for table in reversed(metadata.sorted_tables) if table.name not in CATALOGUE]
    deletes = "; ".join(f'DELETE FROM "{name}"' for name in [*tables, "outbox", "inbox", "preferences"])
    await bench.write(f"DO $$ BEGIN {deletes}; END $$")
    forget_kept()
    return Shop(bench, random.Random(seed))


async def stock_catalogue(bench: Bench) -> None:
    """Two warehouses and three items."""
    for code in ("MAIN", "EAST"):
        await bench.run(handlers.create_warehouse, Warehouse(code, 1, code.title(), "ACME", "UTC"))
    for sku in ("TABLE", "CHAIR"):
        item = Item(sku, 1, f"A {sku.lower()}", "stocked", "EA", 0, None, False, False, None, None, None)
        await bench.run(handlers.create_item, item, False, False)


def _numbered(lines: Sequence[tuple[Key, int]]) -> list[tuple[int, tuple[Key, int]]]:
    return [(n * 10, line) for n, line in enumerate(lines, 1)]
