"""People of a random world: each step somebody does something that the trade knows, wise or not."""

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from services.inventory import handlers as inventory
from services.purchasing import handlers as purchasing
from services.purchasing.domain import by_hand
from services.shipping import handlers as shipping
from services.shipping.domain.departure import Count, ShortAnswer, ShortUnits
from shared.errors import TielineError
from shared.migrate import SERVICES
from tests.world import EAST, MAIN, VENDOR, World

SKUS = ("TABLE", "LAMP", "CHAIR", "SEAT")


@dataclass
class People:
    """Whoever acts in a world, by the same dice each time the same seed is given."""

    world: World
    dice: random.Random
    diary: list[str] = field(default_factory=list)
    """What they did, and what was refused."""

    async def arrive(self) -> None:
        """The catalogue, two customers with other terms, and a little stock."""
        await self.world.opens()
        await self.world.customer("BETA", no_backorders=self.dice.random() < 0.5)
        await self.world.customer("CAUTIOUS", ship_type="complete", shortage_answer="backorder_line")
        for warehouse in (MAIN, EAST):
            await self.world.on_the_shelf("TABLE", self.dice.randint(1, 20), warehouse)
            await self.world.on_the_shelf("SEAT", self.dice.randint(1, 5), warehouse)
        await self.world.quiet()

    async def step(self) -> None:
        """Somebody does something, or a few letters arrive."""
        if self.dice.random() < 0.45:
            await self.some_post()
            return
        names, weights = zip(*DEEDS, strict=True)
        (deed,) = self.dice.choices(names, weights)
        try:
            await getattr(self, deed)()
        except TielineError as refusal:
            self.diary.append(f"   refused: {type(refusal).__name__}: {refusal}")

    async def some_post(self) -> None:
        """A few letters arrive somewhere: any of those that wait, in any order, with some that came before."""
        busy = [service for service in SERVICES if self.world.waiting[service]]
        if not busy:
            return
        service = self.dice.choice(busy)
        waiting = self.world.waiting[service]
        letters = self.dice.sample(waiting, self.dice.randint(1, min(len(waiting), 12)))
        if self.world.heard[service] and self.dice.random() < 0.3:
            letters.append(self.dice.choice(self.world.heard[service]))
        if self.dice.random() < 0.1:
            letters.append(letters[0])
        if self.dice.random() < 0.5:
            letters.sort(key=lambda letter: letter.nth)
        self.diary.append(f"post: {service} hears {[f'{own.nth}:{own.type}' for own in letters]}")
        await self.world.deliver(service, letters)

    async def _do(self, what: str, doing: Awaitable[Any]) -> None:
        before = len(self.world.told)
        self.diary.append(what)
        await doing
        told = [f"{letter.nth}:{letter.type}" for letter in self.world.told[before:]]
        if told:
            self.diary.append(f"   told {told}")

    async def _choose(self, service: str, query: str) -> Any:
        rows = await self.world.rows(service, query)
        return self.dice.choice(rows) if rows else None

    # --- orders -------------------------------------------------------------------------------------------------------

    async def orders(self) -> None:
        lines: list[tuple[str, int]] = [
            (self.dice.choice(SKUS), self.dice.randint(1, 12)) for _ in range(self.dice.randint(1, 3))
        ]
        customer = self.dice.choice(["ACME", "ACME", "BETA", "CAUTIOUS"])
        warehouse = self.dice.choice([MAIN, MAIN, MAIN, EAST])
        await self._do(
            f"{customer} orders {lines} from {warehouse}",
            self.world.order(*lines, customer=customer, warehouse=warehouse),
        )

    async def _open_line(self) -> Any:
        return await self._choose(
            "orders",
            "SELECT l.*, o.number FROM order_lines l JOIN sales_orders o ON o.id = l.order_id "
            "WHERE o.state = 'open' ORDER BY o.number, l.line_no",
        )

    async def cancels_an_order(self) -> None:
        if line := await self._open_line():
            await self._do(f"{line.number} is cancelled", self.world.cancel(line.order_id))

    async def cancels_a_line(self) -> None:
        if line := await self._open_line():
            qty = self.dice.choice([None, self.dice.randint(1, int(line.ordered))])
            await self._do(
                f"{line.number}/{line.line_no}: {qty} cancelled",
                self.world.cancel_line(line.order_id, line.line_no, qty),
            )

    async def changes_a_quantity(self) -> None:
        if line := await self._open_line():
            qty = self.dice.randint(1, int(line.ordered) + 4)
            await self._do(
                f"{line.number}/{line.line_no}: {line.ordered} -> {qty}",
                self.world.change_line(line.order_id, line.line_no, qty=qty),
            )

    async def raises_a_priority(self) -> None:
        if line := await self._open_line():
            priority = self.dice.randint(0, 3)
            await self._do(
                f"{line.number} gets priority {priority}",
                self.world.change_order(line.order_id, priority=priority),
            )

    async def changes_a_ship_type(self) -> None:
        if line := await self._open_line():
            kind = self.dice.choice(["complete", "partial_ok"])
            await self._do(
                f"{line.number} ships {kind}", self.world.change_order(line.order_id, ship_type=kind)
            )

    async def holds_a_customer(self) -> None:
        code = self.dice.choice(["ACME", "BETA"])
        await self._do(f"{code} is held", self.world.credit_hold(code, True))

    async def lifts_holds(self) -> None:
        for code in ("ACME", "BETA"):
            await self._do(f"{code} is not held", self.world.credit_hold(code, False))

    async def holds_an_order(self) -> None:
        if line := await self._open_line():
            hold = self.dice.random() < 0.5
            await self._do(
                f"{line.number}'s own hold is {hold}",
                self.world.change_order(line.order_id, customer_hold=hold),
            )

    async def releases_by_hand(self) -> None:
        if line := await self._open_line():
            await self._do(f"{line.number} is released by hand", self.world.release(line.order_id))

    # --- the warehouse ------------------------------------------------------------------------------------------------

    async def adjusts(self) -> None:
        sku, warehouse = self.dice.choice(SKUS), self.dice.choice([MAIN, MAIN, EAST])
        qty = self.dice.choice([1, 2, 3, 8, -1, -2])
        await self._do(f"{qty} {sku} at {warehouse} by hand", self.world.on_the_shelf(sku, qty, warehouse))

    async def receives(self) -> None:
        expected = await self.world.expected()
        if not expected:
            return
        shipment = self.dice.choice(expected)
        lines = await self.world.to_come(shipment.id)
        counted = [self._counted(int(line.expected)) for line in lines]
        complete = self.dice.random() < 0.85
        what = "is completed" if complete else "is counted"
        await self._do(
            f"{shipment.number} of {shipment.po_number} {what}: {counted} of {[int(s.expected) for s in lines]}",
            self.world.receive_shipment(shipment.id, *counted, complete=complete),
        )

    def _counted(self, expected: int) -> int:
        kind = self.dice.random()
        if kind < 0.5:
            return expected
        return self.dice.randint(0, expected) if kind < 0.8 else expected + self.dice.randint(1, 4)

    async def inspects(self) -> None:
        if row := await self._choose(
            "inventory", "SELECT * FROM inspections WHERE state = 'open' ORDER BY number"
        ):
            left = int(row.to_inspect - row.passed - row.failed)
            seen = self.dice.choice([left, left, self.dice.randint(1, left)])
            failed = self.dice.choice([0, 0, 0, self.dice.randint(0, seen)])
            await self._do(
                f"{row.number}: {seen - failed} pass, {failed} fail of {left}",
                self.world.inspect(row.id, seen - failed, failed),
            )

    async def brings_back(self) -> None:
        row = await self._choose(
            "orders",
            "SELECT l.*, o.number FROM order_lines l JOIN sales_orders o ON o.id = l.order_id "
            "WHERE l.shipped > 0 ORDER BY o.number, l.line_no",
        )
        if row:
            good = self.dice.random() < 0.7
            await self._do(
                f"{row.number}/{row.line_no}: 1 comes back, good: {good}",
                self.world.bring_back(row.order_id, row.line_no, 1, good=good),
            )

    async def sweeps(self) -> None:
        await self._do("a sweep", self.world.act("inventory", inventory.sweep, None, None))

    # --- shipping -----------------------------------------------------------------------------------------------------

    async def _shipment(self, *states: str) -> Any:
        found = await self.world.shipments(None, *states)
        return self.dice.choice(found) if found else None

    async def picks(self) -> None:
        if shipment := await self._shipment("pending"):
            await self._do(f"{shipment.number} is picked", self.world.move(shipment.id, shipping.pick))

    async def packs(self) -> None:
        if shipment := await self._shipment("picking"):
            await self._do(f"{shipment.number} is packed", self.world.move(shipment.id, shipping.pack))

    async def unpicks(self) -> None:
        if shipment := await self._shipment("picking", "packed"):
            await self._do(f"{shipment.number} is unpicked", self.world.move(shipment.id, shipping.unpick))

    async def voids(self) -> None:
        if shipment := await self._shipment("pending", "picking", "packed"):
            await self._do(
                f"{shipment.number} is voided", self.world.move(shipment.id, shipping.void, "damaged")
            )

    async def ships(self) -> None:
        if shipment := await self._shipment("pending", "picking", "packed"):
            counts = [
                self._count(line)
                for line in await self.world.shipment_lines(shipment.id)
                if line.qty and self.dice.random() < 0.35
            ]
            said = [(int(c.shipped), str(c.short), str(c.units)) for c in counts]
            await self._do(
                f"{shipment.number} ships, counts {said}", self.world.move(shipment.id, shipping.ship, counts)
            )

    def _count(self, line: Any) -> Count:
        answer, units = self.dice.choice(list(ShortAnswer)), self.dice.choice(list(ShortUnits))
        return Count(line.id, Decimal(self.dice.randint(0, int(line.qty))), answer, units)

    # --- buying -------------------------------------------------------------------------------------------------------

    async def _po(self) -> Any:
        return await self._choose(
            "purchasing",
            "SELECT p.id, p.number, p.version, l.line_no, l.ordered, l.cancelled FROM purchase_orders p "
            "JOIN purchase_order_lines l ON l.po_id = p.id "
            "WHERE p.state NOT IN ('closed', 'cancelled') ORDER BY p.number, l.line_no",
        )

    async def buys_for_stock(self) -> None:
        lines = [
            by_hand.WantedLine(sku, Decimal(self.dice.randint(1, 10)), override_reason="for the shop")
            for sku in self.dice.sample(SKUS, self.dice.randint(1, 2))
        ]
        said = [(line.sku, int(line.qty)) for line in lines]
        at_once = self.dice.random() < 0.7
        await self._do(
            f"a buyer orders {said}, sent: {at_once}",
            self.world.act(
                "purchasing", purchasing.create_purchase_order, VENDOR, MAIN, None, lines, at_once
            ),
        )

    async def sends(self) -> None:
        row = await self._choose(
            "purchasing", "SELECT * FROM purchase_orders WHERE state = 'draft' ORDER BY number"
        )
        if row:
            await self._do(
                f"{row.number} is sent", self.world.act("purchasing", purchasing.open_purchase_order, row.id)
            )

    async def resizes_a_po_line(self) -> None:
        if row := await self._po():
            qty = self.dice.randint(1, int(row.ordered) + 4)
            change = by_hand.LineChange(qty=Decimal(qty), override_reason="agreed", reason="agreed")
            await self._do(
                f"{row.number}/{row.line_no}: {row.ordered - row.cancelled} -> {qty}",
                self.world.act(
                    "purchasing",
                    purchasing.change_purchase_order_line,
                    row.id,
                    row.version,
                    row.line_no,
                    change,
                ),
            )

    async def cancels_a_po_line(self) -> None:
        if row := await self._po():
            await self._do(
                f"{row.number}/{row.line_no} is cancelled",
                self.world.act(
                    "purchasing", purchasing.cancel_purchase_order_line, row.id, row.line_no, "too dear"
                ),
            )

    async def cancels_a_po(self) -> None:
        if row := await self._po():
            await self._do(
                f"{row.number} is cancelled",
                self.world.act("purchasing", purchasing.cancel_purchase_order, row.id, "too dear"),
            )

    async def closes_a_po(self) -> None:
        if row := await self._po():
            await self._do(
                f"{row.number} is closed",
                self.world.act("purchasing", purchasing.close_purchase_order, row.id, "enough"),
            )

    async def buys_a_request(self) -> None:
        row = await self._choose(
            "purchasing", "SELECT * FROM demands WHERE request_state = 'open' ORDER BY order_number, line_no"
        )
        if row:
            await self._do(
                f"{row.order_number}/{row.line_no} is bought by hand",
                self.world.act("purchasing", purchasing.order_request, row.request_id, VENDOR),
            )


DEEDS: tuple[tuple[str, int], ...] = (
    ("orders", 16), ("cancels_an_order", 2), ("cancels_a_line", 4), ("changes_a_quantity", 4),
    ("raises_a_priority", 2), ("changes_a_ship_type", 1), ("holds_a_customer", 1), ("lifts_holds", 2),
    ("holds_an_order", 1), ("releases_by_hand", 3), ("adjusts", 6), ("receives", 12), ("inspects", 8),
    ("brings_back", 3), ("sweeps", 1), ("picks", 6), ("packs", 2), ("unpicks", 4), ("voids", 2), ("ships", 10),
    ("buys_for_stock", 2), ("sends", 1), ("resizes_a_po_line", 2), ("cancels_a_po_line", 2), ("cancels_a_po", 2),
    ("closes_a_po", 1), ("buys_a_request", 2),
)  # fmt: skip
Deed = Callable[[], Awaitable[None]]
