"""A world of five services in one process: their real handlers on real databases, and a postman instead of a broker.

Nothing happens by itself: a person acts at one service (`bench.run`), the facts that this told wait for each service
that hears them, and the test says which of them arrive when: all at once, in any order, again, or not yet. What
arrives goes through the service's own inbox, as one transaction a delivery; a handler that fails, fails the test.
"""

import itertools
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from importlib import import_module
from typing import Any, cast
from uuid import UUID

import orjson
from aio_pika.abc import AbstractIncomingMessage
from sqlalchemy import Row

from services.inventory import handlers as inventory
from services.inventory.domain.adjustment import WantedAdjustment
from services.inventory.domain.items import Item, Source, Warehouse
from services.inventory.domain.returning import ReturnTo, WantedReturn
from services.orders import handlers as orders
from services.orders import schemas as order_words
from services.purchasing import handlers as purchasing
from services.purchasing.domain.vendor import PriceRecord, Vendor
from services.shipping import handlers as shipping
from services.shipping.domain.departure import Count, ShortAnswer, ShortUnits
from shared.ids import new_id
from shared.inbox import Inbox, Subscriptions
from shared.migrate import SERVICES
from shared.preferences import forget_kept
from shared.testing import Bench
from tests.post import Message, StrictInbox

Qty = int | str | Decimal
MOST_A_DELIVERY = 40
MAIN, EAST = "MAIN", "EAST"
VENDOR = "OAKCO"


@dataclass(frozen=True)
class Letter:
    """A told event on its way."""

    nth: int
    id: UUID
    producer: str
    type: str
    body: str

    @property
    def data(self) -> dict[str, Any]:
        """What the fact says."""
        return cast("dict[str, Any]", orjson.loads(self.body)["data"])

    @property
    def cause(self) -> str | None:
        """The event, or the request, that set it off."""
        return cast("str | None", orjson.loads(self.body).get("causationid"))


@dataclass(repr=False)
class World:
    """The five services, what was told so far, and what waits to be heard."""

    benches: Mapping[str, Bench]
    told: list[Letter] = field(default_factory=list)
    """Everything that was told, in order."""
    waiting: dict[str, list[Letter]] = field(default_factory=lambda: {s: [] for s in SERVICES})
    heard: dict[str, list[Letter]] = field(default_factory=lambda: {s: [] for s in SERVICES})
    """What each service heard, in its order, each letter once."""
    _inboxes: dict[str, Inbox] = field(default_factory=dict)
    _subscribers: dict[str, list[str]] = field(default_factory=dict)
    _nth: "itertools.count[int]" = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        for service in SERVICES:
            known = self.subscriptions(service)
            self._inboxes[service] = StrictInbox(self.benches[service].work, known)
            for fact in known:
                self._subscribers.setdefault(fact.TYPE, []).append(service)

    # --- the post -----------------------------------------------------------------------------------------------------

    async def act(
        self, service: str, handler: Callable[..., Awaitable[Any]], *args: Any, **kwargs: Any
    ) -> Any:
        """Somebody does something at a service; what that tells waits for its hearers."""
        result = await self.benches[service].run(handler, *args, **kwargs)
        await self.collect(service)
        return result

    async def collect(self, service: str) -> None:
        """Take what a service has told and lay it out for those who hear it."""
        rows = await self.benches[service].sql(
            "DELETE FROM outbox o USING event_log e WHERE e.event_id = o.event_id AND e.created_at = o.event_at "
            "RETURNING o.seq, e.event_id, e.routing_key, e.body"
        )
        for row in sorted(rows, key=lambda row: row.seq):
            letter = Letter(next(self._nth), row.event_id, service, row.routing_key, row.body)
            self.told.append(letter)
            for hearer in self._subscribers.get(letter.type, ()):
                self.waiting[hearer].append(letter)

    async def deliver(self, service: str, letters: Sequence[Letter]) -> None:
        """These letters arrive, in this order and in one transaction; what waits no more may arrive again."""
        await self.take(service, letters)
        await self.taken(service, letters)

    async def taken(self, service: str, letters: Sequence[Letter]) -> None:
        """These letters have arrived; what they set off waits for its hearers."""
        delivered = {letter.id for letter in letters}
        known = {letter.id for letter in self.heard[service]}
        self.waiting[service] = [own for own in self.waiting[service] if own.id not in delivered]
        self.heard[service] += [own for own in letters if own.id not in known]
        await self.collect(service)

    async def take(self, service: str, letters: Sequence[Letter]) -> None:
        """Letters go through a service's inbox; the post keeps no account of it."""
        messages = [Message(b"[" + letter.body.encode() + b"]", letter.producer) for letter in letters]
        await self._inboxes[service].take(cast("Sequence[AbstractIncomingMessage]", messages))

    async def tell_again(self) -> None:
        """Every service tells all that its log has, as `tieline events replay` does after a restored backup."""
        for service in SERVICES:
            await self.benches[service].write("DELETE FROM outbox")
            rows = await self.benches[service].sql(
                "SELECT event_id, routing_key, body FROM event_log ORDER BY created_at, event_id"
            )
            for row in rows:
                letter = Letter(next(self._nth), row.event_id, service, row.routing_key, row.body)
                for hearer in self._subscribers.get(letter.type, ()):
                    self.waiting[hearer].append(letter)

    def subscriptions(self, service: str) -> Subscriptions:
        """What a service hears."""
        known: Subscriptions = import_module(f"services.{service}.subscriptions").SUBSCRIPTIONS
        return known

    async def quiet(self) -> None:
        """Everything that waits arrives, and all that follows from it."""
        for _ in range(200):
            busy = [service for service in SERVICES if self.waiting[service]]
            if not busy:
                return
            for service in busy:
                await self.deliver(service, self.waiting[service][:MOST_A_DELIVERY])
        left = {service: [letter.type for letter in waiting] for service, waiting in self.waiting.items()}
        raise AssertionError(f"the services never stop telling each other: {left}")

    # --- reading ------------------------------------------------------------------------------------------------------

    async def rows(self, service: str, statement: str, **values: Any) -> Sequence[Row[Any]]:
        """Rows of one service's database."""
        return await self.benches[service].sql(statement, **values)

    async def one(self, service: str, statement: str, **values: Any) -> Row[Any]:
        """The one row that there is."""
        (row,) = await self.rows(service, statement, **values)
        return row

    async def line(self, order: UUID, line_no: int = 1) -> Row[Any]:
        """An order line as orders has it."""
        return await self.one(
            "orders", "SELECT * FROM order_lines WHERE order_id = :id AND line_no = :no", id=order, no=line_no
        )

    async def order_row(self, order: UUID) -> Row[Any]:
        """An order as orders has it."""
        return await self.one("orders", "SELECT * FROM sales_orders WHERE id = :id", id=order)

    # --- the catalogue ------------------------------------------------------------------------------------------------

    async def opens(self, *, credit_hold: bool = False) -> None:
        """Two warehouses, a vendor, a stocked TABLE, special LAMP and CHAIR, an order-as-needed SEAT, a customer ACME."""
        for code in (MAIN, EAST):
            await self.act("inventory", inventory.create_warehouse, Warehouse(code, 1, code, "TL1", "UTC"))
        await self.act("purchasing", purchasing.create_vendor, vendor(VENDOR))
        await self.item("TABLE")
        await self.item("LAMP", special=True)
        await self.item("CHAIR", special=True)
        await self.item("SEAT", kind="order_as_needed")
        await self.customer("ACME", credit_hold=credit_hold)
        await self.quiet()

    async def item(
        self, sku: str, *, kind: str = "stocked", special: bool = False, source: str | None = VENDOR,
        price: Qty | None = 4,
    ) -> None:  # fmt: skip
        """An item, with a price of the vendor."""
        sources = (Source("*", source, None),) if source else ()
        thing = Item(
            sku, 1, sku.title(), kind, "EA", 0, None, special, False, None, Decimal(10), "USD", sources
        )
        await self.act("inventory", inventory.create_item, thing, special, False)
        if price is not None:
            await self.price(sku, price)

    async def price(self, sku: str, price: Qty, seller: str = VENDOR) -> None:
        """What the vendor asks for an item."""
        record = PriceRecord(
            new_id(), seller, sku, Decimal(price), "EA", Decimal(1), True, 1, datetime.now(UTC)
        )
        await self.act("purchasing", purchasing.create_price, record)

    async def customer(self, code: str, **terms: Any) -> None:
        """A customer with one location."""
        place = {"code": "HQ", "name": code, "city": "Town"}
        wanted = order_words.NewCustomer(**{"code": code, "name": code, "ship_tos": [place], **terms})
        await self.act("orders", orders.create_customer, wanted)

    async def credit_hold(self, code: str, on: bool) -> None:
        """A credit hold is set, or lifted."""
        row = await self.one("orders", "SELECT version FROM customers WHERE code = :code", code=code)
        change = order_words.CustomerChange(credit_hold=on, reason="the bank")
        await self.act("orders", orders.change_customer, code, row.version, change)

    async def prefer(self, service: str, **chosen: str) -> None:
        """What the organisation has chosen."""
        await self.benches[service].write(
            "INSERT INTO preferences (chosen, version) VALUES (CAST(:chosen AS jsonb), 1)",
            chosen=orjson.dumps(chosen).decode(),
        )
        forget_kept()

    # --- orders -------------------------------------------------------------------------------------------------------

    async def order(
        self,
        *lines: tuple[str, Qty] | dict[str, Any],
        customer: str = "ACME",
        warehouse: str = MAIN,
        **head: Any,
    ) -> UUID:
        """An order, opened at once; lines are (sku, quantity) or fields."""
        wanted = [line if isinstance(line, dict) else {"sku": line[0], "qty": str(line[1])} for line in lines]
        body = {"customer": customer, "warehouse": warehouse, "open": True, "lines": wanted, **head}
        answer = await self.act("orders", orders.create_order, order_words.NewSalesOrder.model_validate(body))
        return cast(UUID, answer.picture.order.id)

    async def cancel(self, order: UUID) -> None:
        """The whole order is wanted no more."""
        await self.act("orders", orders.cancel_order, order, order_words.Reason(reason="changed mind"))

    async def cancel_line(self, order: UUID, line_no: int = 1, qty: Qty | None = None) -> None:
        """A line, or so much of it, is wanted no more."""
        wanted = order_words.LineCancel.model_validate(
            {"qty": None if qty is None else str(qty), "reason": "changed mind"}
        )
        await self.act("orders", orders.cancel_line, order, line_no, wanted)

    async def change_line(self, order: UUID, line_no: int = 1, **change: Any) -> None:
        """Quantity, source or cost of a line."""
        row = await self.order_row(order)
        values = {name: str(value) if isinstance(value, int) else value for name, value in change.items()}
        await self.act(
            "orders",
            orders.change_line,
            order,
            line_no,
            row.version,
            order_words.LineChange.model_validate(values),
        )

    async def change_order(self, order: UUID, **change: Any) -> None:
        """Priority, ship type or a hold."""
        row = await self.order_row(order)
        wanted = order_words.OrderChange(**{"reason": "asked for", **change})
        await self.act("orders", orders.change_order, order, row.version, wanted)

    async def release(self, order: UUID) -> None:
        """All lines are released by hand."""
        await self.act("orders", orders.release_order, order, order_words.ReleaseByHand(reason="ready"))

    # --- the warehouse ------------------------------------------------------------------------------------------------

    async def on_the_shelf(self, sku: str, qty: Qty, warehouse: str = MAIN) -> None:
        """Stock is adjusted by so many units."""
        wanted = WantedAdjustment(sku, warehouse, Decimal(qty), "count")
        await self.act("inventory", inventory.adjust_stock, wanted)

    async def expected(self, order: UUID | None = None) -> list[Row[Any]]:
        """Incoming shipments that have not come, oldest first; of one order: those with ties of it."""
        return list(
            await self.rows(
                "inventory",
                "SELECT * FROM incoming_shipments s WHERE state IN ('expected', 'receiving') AND (CAST(:id AS uuid) IS "
                "NULL OR EXISTS (SELECT 1 FROM ties t JOIN purchase_order_lines l USING (po_line_id) "
                "WHERE l.po_id = s.po_id AND t.order_id = :id)) ORDER BY number",
                id=order,
            )
        )

    async def to_come(self, shipment: UUID) -> list[Row[Any]]:
        """The lines of an incoming shipment."""
        return list(
            await self.rows(
                "inventory",
                "SELECT i.*, l.line_no FROM incoming_lines i JOIN purchase_order_lines l USING (po_line_id) "
                "WHERE shipment_id = :id ORDER BY l.line_no",
                id=shipment,
            )
        )

    async def receive(self, order: UUID, *quantities: Qty) -> None:
        """The order's one expected shipment comes with these quantities, line by line."""
        (shipment,) = await self.expected(order)
        await self.receive_shipment(shipment.id, *quantities)

    async def receive_shipment(self, shipment: UUID, *quantities: Qty, complete: bool = True) -> None:
        """An incoming shipment is counted line by line, and completed."""
        row = await self.one(
            "inventory", "SELECT version FROM incoming_shipments WHERE id = :id", id=shipment
        )
        lines = await self.to_come(shipment)
        counted = [(line.po_line_id, Decimal(qty)) for line, qty in zip(lines, quantities, strict=True)]
        await self.act("inventory", inventory.receive, shipment, row.version, counted, complete)

    async def inspections(self) -> list[Row[Any]]:
        """Inspections with something left to look at, oldest first."""
        return list(
            await self.rows("inventory", "SELECT * FROM inspections WHERE state = 'open' ORDER BY number")
        )

    async def inspect(self, inspection: UUID, passed: Qty, failed: Qty = 0) -> None:
        """A round of an inspection."""
        reason = "scratched" if Decimal(failed) else None
        await self.act(
            "inventory", inventory.complete_inspection, inspection, Decimal(passed), Decimal(failed), reason
        )

    async def inspect_all(self, failed: Qty = 0) -> None:
        """Every open inspection is completed; of the first, so many units fail."""
        bad = Decimal(failed)
        for row in await self.inspections():
            left = row.to_inspect - row.passed - row.failed
            await self.inspect(row.id, left - bad, bad)
            bad = Decimal(0)

    async def bring_back(self, order: UUID, line_no: int, qty: Qty, *, good: bool = True) -> None:
        """The customer returns units of a line."""
        line = await self.line(order, line_no)
        to = ReturnTo.STOCK if good else ReturnTo.QUARANTINE
        wanted = WantedReturn(line.id, 0, line.sku, line.warehouse, Decimal(qty), to, "not needed")
        await self.act("inventory", inventory.return_goods, wanted)

    # --- shipments ----------------------------------------------------------------------------------------------------

    async def shipments(self, order: UUID | None = None, *states: str) -> list[Row[Any]]:
        """Shipments in these states (default: pending), oldest first."""
        return list(
            await self.rows(
                "shipping",
                "SELECT * FROM shipments WHERE state = ANY(:states) AND (CAST(:id AS uuid) IS NULL OR order_id = :id) "
                "ORDER BY number",
                states=list(states or ["pending"]),
                id=order,
            )
        )

    async def shipment_lines(self, shipment: UUID) -> list[Row[Any]]:
        """Its lines with their quantities."""
        return list(
            await self.rows(
                "shipping",
                "SELECT l.*, (SELECT sum(qty) FROM shipment_shares s WHERE s.shipment_line_id = l.id) AS qty "
                "FROM shipment_lines l WHERE shipment_id = :id ORDER BY line_no, component",
                id=shipment,
            )
        )

    async def move(self, shipment: UUID, step: Callable[..., Awaitable[Any]], *args: Any) -> None:
        """Pick, pack, unpick, void (with its reason) or ship (with its counts) a shipment as it stands."""
        row = await self.one("shipping", "SELECT version FROM shipments WHERE id = :id", id=shipment)
        await self.act("shipping", step, shipment, row.version, *args)

    async def pick(self, order: UUID) -> UUID:
        """The order's one pending shipment is being picked."""
        (shipment,) = await self.shipments(order)
        await self.move(shipment.id, shipping.pick)
        return cast(UUID, shipment.id)

    async def ship(
        self, order: UUID, *, short: Qty = 0, answer: str = "backorder", units: str = "missing"
    ) -> None:
        """The order's one pending or picked shipment leaves; of its first line so many units do not."""
        (shipment,) = await self.shipments(order, "pending", "picking", "packed")
        counts = []
        if Decimal(short):
            line = (await self.shipment_lines(shipment.id))[0]
            left = line.qty - Decimal(short)
            counts = [Count(line.id, left, ShortAnswer(answer), ShortUnits(units))]
        await self.move(shipment.id, shipping.ship, counts)

    async def void(self, order: UUID) -> None:
        """The order's one pending shipment will not leave."""
        (shipment,) = await self.shipments(order)
        await self.move(shipment.id, shipping.void, "damaged box")


def vendor(code: str) -> Vendor:
    """A vendor paid in dollars."""
    return Vendor(code, code, "USD", True, False, None, None, None, 1, datetime.now(UTC))


async def fresh_world(benches: Iterable[Bench]) -> World:
    """A world with nothing in it."""
    found = {bench.service: bench for bench in benches}
    for bench in found.values():
        await bench.empty()
    return World(found)
