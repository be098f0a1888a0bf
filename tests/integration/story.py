"""A storyteller: people at the five services' REST doors, in the trade's words, with awaited consequences."""

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from itertools import count
from typing import Any
from uuid import uuid4

from deploy.cli.client import Client

PATIENCE = 20.0
_stories = count(1)


class Story:
    """One story's catalogue and customers; every code carries the story's own mark, so that stories do not meet."""

    def __init__(self, client: Client, tokens: Callable[..., Client] | None = None) -> None:
        self.client = client
        self._tokens = tokens
        self.mark = f"{next(_stories)}{uuid4().hex[:6]}".upper()
        self.warehouse = self.code("WH")
        self.vendor = self.code("VENDOR")

    def as_(self, **token: Any) -> "Story":
        """The same story told by somebody with another token: `as_(scopes=["orders:read"], warehouses=["MAIN"])`."""
        assert self._tokens is not None, "this story has no token maker"
        return Story(self._tokens(**token))

    def code(self, name: str) -> str:
        """`WIDGET` -> this story's own `WIDGET-1A2B3C4`."""
        return f"{name}-{self.mark}"

    # --- the catalogue ------------------------------------------------------------------------------------------------

    async def opens(self) -> None:
        """A warehouse and a vendor, known to everybody."""
        await self.client.post(
            "inventory", "/v1/warehouses",
            {"code": self.warehouse, "name": "Main", "company": "TL1", "time_zone": "UTC"},
        )  # fmt: skip
        await self.client.post(
            "purchasing", "/v1/vendors", {"code": self.vendor, "name": "Vendor", "currency": "USD"}
        )

    async def item(self, name: str, *, cost: str | None = "7.50", vendor: bool = True, **fields: Any) -> str:
        """An item that orders knows, with a price of the vendor; a stocked one unless the fields say otherwise."""
        sku = self.code(name)
        source = [{"warehouse": "*", "vendor": self.vendor}] if vendor else []
        await self.client.post(
            "inventory", "/v1/items",
            {"sku": sku, "description": name.title(), "kind": "stocked", "unit": "EA", "precision": 0, "price": "10",
             "currency": "USD", "sources": source, **fields},
        )  # fmt: skip
        if cost is not None:
            await self.client.post(
                "purchasing", "/v1/vendor-prices",
                {"vendor": self.vendor, "sku": sku, "purchase_unit": "EA", "units_per": "1", "price": cost},
            )  # fmt: skip
        await self.client.get("orders", f"/v1/catalogue-items/{sku}", wait=PATIENCE)
        return sku

    async def on_the_shelf(self, sku: str, qty: int | str) -> None:
        """So many are in stock."""
        await self.client.post(
            "inventory", "/v1/stock/adjustments",
            {"sku": sku, "warehouse": self.warehouse, "qty": str(qty), "reason": "opening balance"},
        )  # fmt: skip

    async def customer(self, name: str = "CUSTOMER", **terms: Any) -> str:
        """A customer with one location, who splits short lines unless the terms say otherwise (None: is asked)."""
        code = self.code(name)
        place = {"code": "SHOP", "name": name, "street": "1 Road", "city": "Town", "country": "US"}
        await self.client.post(
            "orders",
            "/v1/customers",
            {
                "code": code,
                "name": name,
                "currency": "USD",
                "ship_tos": [place],
                "shortage_answer": "split",
                **terms,
            },
        )
        return code

    # --- orders -------------------------------------------------------------------------------------------------------

    async def order(
        self, customer: str, *lines: tuple[str, int | str] | dict[str, Any], **head: Any
    ) -> dict[str, Any]:
        """An order that is opened at once."""
        wanted = [line if isinstance(line, dict) else {"sku": line[0], "qty": str(line[1])} for line in lines]
        body = {"customer": customer, "warehouse": self.warehouse, "open": True, "lines": wanted, **head}
        order: dict[str, Any] = await self.client.post("orders", "/v1/sales-orders", body)
        return order

    async def now(self, order: dict[str, Any]) -> dict[str, Any]:
        """The order as it stands, once inventory has answered."""
        found: dict[str, Any] = await self.client.get("orders", f"/v1/sales-orders/{order['id']}", wait=10)
        return found

    async def line(self, order: dict[str, Any], line_no: int = 1) -> dict[str, Any]:
        """One line of the order as it stands."""
        return next(line for line in (await self.now(order))["lines"] if line["line_no"] == line_no)

    async def special(self, order: dict[str, Any], line_no: int = 1) -> dict[str, Any]:
        """The special order of a line as it stands."""
        found = (await self.line(order, line_no))["special"]
        assert found is not None, "the line has no special order"
        special: dict[str, Any] = await self.client.get("orders", f"/v1/special-orders/{found['id']}")
        return special

    async def trace(self, order: dict[str, Any], line_no: int = 1) -> dict[str, Any]:
        """The line's way from order to invoice."""
        trace: dict[str, Any] = await self.client.get(
            "orders", f"/v1/sales-orders/{order['id']}/lines/{line_no}/trace"
        )
        return trace

    # --- buying and receiving -------------------------------------------------------------------------------------------

    async def purchase_order(self, order: dict[str, Any], nth: int = 1) -> dict[str, Any]:
        """The nth purchase order that is tied to the order, when it is there."""

        async def there() -> list[dict[str, Any]] | None:
            found = (
                await self.client.get(
                    "purchasing", "/v1/purchase-orders", order_id=order["id"], sort="created_at"
                )
            )["data"]
            return found if len(found) >= nth else None

        found = await self.when(there, f"purchase order {nth} of {order['number']}")
        po: dict[str, Any] = await self.client.get(
            "purchasing", f"/v1/purchase-orders/{found[nth - 1]['id']}"
        )
        return po

    async def expected(self, po: dict[str, Any]) -> dict[str, Any]:
        """The incoming shipment that is expected for the purchase order."""

        async def there() -> dict[str, Any] | None:
            rows = (
                await self.client.get("inventory", "/v1/incoming-shipments", po_id=po["id"], state="expected")
            )["data"]
            return rows[0] if rows else None

        row = await self.when(there, f"{po['number']} is expected")
        shipment: dict[str, Any] = await self.client.get("inventory", f"/v1/incoming-shipments/{row['id']}")
        return shipment

    async def receive(self, po: dict[str, Any], *quantities: int | str) -> dict[str, Any]:
        """What was counted, line by line, is received."""
        shipment = await self.expected(po)
        lines = [
            {"po_line_id": line["po_line_id"], "qty": str(qty)}
            for line, qty in zip(shipment["lines"], quantities, strict=True)
        ]
        received: dict[str, Any] = await self.client.act(
            "inventory",
            f"/v1/incoming-shipments/{shipment['id']}/receive",
            shipment["version"],
            {"lines": lines},
        )
        return received

    async def inspect(self, order: dict[str, Any], *, passed: int = 0, failed: int = 0) -> dict[str, Any]:
        """The open inspection of the order's goods is completed."""

        async def there() -> dict[str, Any] | None:
            rows = (
                await self.client.get("inventory", "/v1/inspections", order_id=order["id"], state="open")
            )["data"]
            return rows[0] if rows else None

        inspection = await self.when(there, f"an inspection for {order['number']}")
        done: dict[str, Any] = await self.client.act(
            "inventory", f"/v1/inspections/{inspection['id']}/complete", inspection["version"],
            {"passed": str(passed), "failed": str(failed), "reason": "seen" if failed else None},
        )  # fmt: skip
        return done

    # --- shipping -------------------------------------------------------------------------------------------------------

    async def shipments(self, order: dict[str, Any], **filters: Any) -> list[dict[str, Any]]:
        """The order's shipments, oldest first."""
        rows = (
            await self.client.get(
                "shipping", "/v1/shipments", order_id=order["id"], sort="created_at", **filters
            )
        )["data"]
        return [await self.client.get("shipping", f"/v1/shipments/{row['id']}") for row in rows]

    async def pending_shipment(self, order: dict[str, Any], qty: int | str) -> dict[str, Any]:
        """The order's one pending shipment, once it holds so many units."""

        async def there() -> dict[str, Any] | None:
            found = await self.shipments(order, state="pending")
            return found[0] if len(found) == 1 and units(found[0]) == Decimal(qty) else None

        shipment: dict[str, Any] = await self.when(
            there, f"a pending shipment of {qty} for {order['number']}"
        )
        return shipment

    async def ship(self, shipment: dict[str, Any], *counts: dict[str, Any]) -> dict[str, Any]:
        """The shipment leaves, as expected or with actual quantities."""
        current = await self.client.get("shipping", f"/v1/shipments/{shipment['id']}")
        left: dict[str, Any] = await self.client.act(
            "shipping", f"/v1/shipments/{shipment['id']}/ship", current["version"], {"lines": list(counts)}
        )
        return left

    async def invoices(self, order: dict[str, Any]) -> list[dict[str, Any]]:
        """The order's invoices, oldest first."""
        rows = (await self.client.get("orders", "/v1/invoices", order_id=order["id"], sort="created_at"))[
            "data"
        ]
        return [await self.client.get("orders", f"/v1/invoices/{row['id']}") for row in rows]

    async def notices(self, order: dict[str, Any], **filters: Any) -> list[dict[str, Any]]:
        """The notices about the order."""
        found: list[dict[str, Any]] = (
            await self.client.get("notifications", "/v1/notices", order_id=order["id"], **filters)
        )["data"]
        return found

    # --- waiting --------------------------------------------------------------------------------------------------------

    async def when(self, look: Callable[[], Awaitable[Any]], what: str) -> Any:
        """Look until there is something; fail with what was awaited."""
        deadline = asyncio.get_running_loop().time() + PATIENCE
        while not (found := await look()):
            assert asyncio.get_running_loop().time() < deadline, f"never came: {what}"
            await asyncio.sleep(0.05)
        return found

    async def until(self, is_so: Callable[[], Awaitable[bool]], what: str) -> None:
        """Wait until something is so."""
        await self.when(is_so, what)

    async def eventually(self, order: dict[str, Any], line_no: int = 1, **figures: Any) -> dict[str, Any]:
        """Wait until a line shows these figures: `eventually(order, granted=4, backordered=6)`."""
        seen: dict[str, Any] = {}

        async def shows() -> dict[str, Any] | None:
            seen.update(await self.line(order, line_no))
            same = all(_same(seen[name], value) for name, value in figures.items())
            return seen if same else None

        deadline = asyncio.get_running_loop().time() + PATIENCE
        while not (found := await shows()):
            shown = {name: seen.get(name) for name in figures}
            assert asyncio.get_running_loop().time() < deadline, (
                f"line {line_no} shows {shown}, not {figures}"
            )
            await asyncio.sleep(0.05)
        return found

    async def becomes(self, order: dict[str, Any], **fields: Any) -> dict[str, Any]:
        """Wait until the order shows these fields: `becomes(order, state="filled")`."""

        async def shows() -> dict[str, Any] | None:
            found = await self.now(order)
            return found if all(found[name] == value for name, value in fields.items()) else None

        found: dict[str, Any] = await self.when(shows, f"{order['number']} becomes {fields}")
        return found


def units(shipment: dict[str, Any]) -> Decimal:
    """How many units stand on a shipment."""
    return sum((Decimal(line["qty"]) for line in shipment["lines"]), Decimal(0))


def _same(found: Any, wanted: Any) -> bool:
    if isinstance(wanted, int | str) and not isinstance(wanted, bool) and isinstance(found, str):
        try:
            return Decimal(found) == Decimal(wanted)
        except ArithmeticError:
            return found == wanted
    return bool(found == wanted)
