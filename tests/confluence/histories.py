"""Stories of the trade, in phases: people act, then all that was told arrives before the next of them acts."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from services.purchasing import handlers as purchasing
from services.shipping import handlers as shipping
from tests.world import VENDOR, World, vendor

Phase = Callable[[World], Awaitable[None]]
Story = tuple[Phase, ...]
KNOWN: dict[str, UUID] = {}
"""The orders of the story at hand, by name."""


def orders(name: str, *lines: tuple[str, int], **head: Any) -> Phase:
    """Somebody orders."""

    async def act(world: World) -> None:
        KNOWN[name] = await world.order(*lines, **head)

    return act


def shelf(sku: str, qty: int) -> Phase:
    """Stock by hand."""
    return lambda world: world.on_the_shelf(sku, qty)


def receives(name: str, *quantities: int) -> Phase:
    """The order's goods come."""
    return lambda world: world.receive(KNOWN[name], *quantities)


def inspects(failed: int = 0) -> Phase:
    """All that came is inspected."""
    return lambda world: world.inspect_all(failed)


def ships(name: str, **short: Any) -> Phase:
    """The order's shipment leaves."""
    return lambda world: world.ship(KNOWN[name], **short)


def cancels(name: str, line_no: int = 1, qty: int | None = None) -> Phase:
    """A line is wanted no more."""
    return lambda world: world.cancel_line(KNOWN[name], line_no, qty)


def together(*acts: Phase) -> Phase:
    """Several people act before anybody hears of it."""

    async def act(world: World) -> None:
        for one in acts:
            await one(world)

    return act


async def _pick(world: World) -> None:
    KNOWN["picked"] = await world.pick(KNOWN["a"])


async def _unpick(world: World) -> None:
    await world.move(KNOWN["picked"], shipping.unpick)


async def _void(world: World) -> None:
    await world.void(KNOWN["a"])


async def _release(world: World) -> None:
    await world.release(KNOWN["a"])


async def _sourceless_item(world: World) -> None:
    await world.item("ORPHAN", special=True, source="NEWCO", price=None)


async def _vendor_is_found(world: World) -> None:
    await world.act("purchasing", purchasing.create_vendor, vendor("NEWCO"))
    await world.price("ORPHAN", 5, "NEWCO")


async def _held(world: World) -> None:
    await world.credit_hold("ACME", True)


async def _lifted(world: World) -> None:
    await world.credit_hold("ACME", False)


async def _priority(world: World) -> None:
    await world.change_order(KNOWN["b"], priority=5)


async def _po_cancelled(world: World) -> None:
    row = await world.one("purchasing", "SELECT id FROM purchase_orders WHERE vendor = :v", v=VENDOR)
    await world.act("purchasing", purchasing.cancel_purchase_order, row.id, "too dear")


async def _returned(world: World) -> None:
    await world.bring_back(KNOWN["a"], 1, 1)


STORIES: dict[str, Story] = {
    "main chain": (orders("a", ("LAMP", 10)), receives("a", 10), inspects(), ships("a")),
    "partial receipts": (
        orders("a", ("LAMP", 10), ("TABLE", 3)), receives("a", 6), together(inspects(), receives("a", 4)),
        together(inspects(), shelf("TABLE", 2)), ships("a"), shelf("TABLE", 1), ships("a"),
    ),
    "over-receipt for two": (
        orders("a", ("LAMP", 4)), orders("b", ("LAMP", 5)), together(receives("a", 7), receives("b", 5)),
        together(inspects(), cancels("b", 1, 2)), together(ships("a"), ships("b")),
    ),
    "failed and replaced": (
        orders("a", ("LAMP", 10)), receives("a", 10), inspects(failed=3), together(ships("a"), receives("a", 3)),
        inspects(), ships("a"),
    ),
    "short ships": (
        together(shelf("TABLE", 9), orders("a", ("TABLE", 9))), ships("a", short=4), shelf("TABLE", 2),
        ships("a", short=1, units="left"), shelf("TABLE", 2), ships("a", short=1, answer="close"), shelf("TABLE", 5),
    ),
    "short special": (
        orders("a", ("LAMP", 5)), receives("a", 5), inspects(), ships("a", short=2), receives("a", 2), inspects(),
        ships("a"),
    ),
    "cancelled before and after the receipt": (
        together(orders("a", ("LAMP", 8), ("CHAIR", 4)), cancels("a", 1, 2)), cancels("a", 1, 3),
        receives("a", 3, 4), together(cancels("a", 1, 2), inspects()), cancels("a", 2), ships("a"),
    ),
    "cancelled while it comes": (
        orders("a", ("LAMP", 10)), together(cancels("a", 1, 6), receives("a", 10)), inspects(), ships("a"),
    ),
    "voided and released by hand": (
        together(shelf("TABLE", 8), orders("a", ("TABLE", 8), ("LAMP", 2))), together(receives("a", 2), inspects()),
        _void, together(_release, shelf("TABLE", 1)), ships("a"),
    ),
    "pick lock": (
        together(shelf("TABLE", 8), orders("a", ("TABLE", 8))), together(_pick, cancels("a", 1, 3)), _unpick,
        ships("a"), _returned,
    ),
    "credit hold": (
        together(shelf("TABLE", 5), _held, orders("a", ("TABLE", 5), ("LAMP", 2))), _lifted, _held,
        together(_lifted, receives("a", 2)), inspects(), ships("a"),
    ),
    "no source, then found": (
        _sourceless_item, orders("a", ("ORPHAN", 3)), _vendor_is_found, receives("a", 3), inspects(), ships("a"),
    ),
    "two compete": (
        together(shelf("TABLE", 8), orders("a", ("TABLE", 6)), orders("b", ("TABLE", 6))), _priority,
        together(shelf("TABLE", 2), cancels("a", 1, 1)), shelf("TABLE", 9), ships("a"),
    ),
    "bought as needed": (
        together(shelf("SEAT", 3), orders("a", ("SEAT", 10))), together(receives("a", 7), shelf("SEAT", 1)),
        inspects(), ships("a"),
    ),
    "purchase undone": (orders("a", ("LAMP", 6)), together(_po_cancelled, cancels("a", 1, 1)), cancels("a")),
    "complete orders wait": (
        together(shelf("TABLE", 2), orders("a", ("TABLE", 2), ("LAMP", 4), ship_type="complete")), receives("a", 3),
        together(inspects(), receives("a", 1)), inspects(), ships("a"),
    ),
}  # fmt: skip
