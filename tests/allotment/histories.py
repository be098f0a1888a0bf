"""Random histories: what people may do, as small values that hypothesis can draw and shrink."""

import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeVar

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from shared.contracts.shipping import ShipmentState as State
from tests.allotment.papers import Line, Order
from tests.allotment.shop import Shop, together

KEYS = (("TABLE", "MAIN"), ("TABLE", "EAST"), ("CHAIR", "MAIN"))
T = TypeVar("T")
EXAMPLES = int(os.environ.get("TIELINE_ALLOTMENT_EXAMPLES", "6"))
profile = settings(
    max_examples=EXAMPLES, deadline=None, print_blob=True,
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip
AT_ONCE = 4
"""Deeds of one round."""
LATE = 0.3
"""How much of the post waits for a later round."""


@dataclass(frozen=True)
class Deed:
    """One thing that somebody does; `who` and `what` are taken modulo what there is."""

    name: str
    who: int = 0
    what: int = 0
    qty: int = 1
    number: int = 0

    async def happens(self, shop: Shop) -> None:
        """Nothing happens when there is nothing to do it to."""
        await DEEDS[self.name](shop, self)


async def _opens(shop: Shop, deed: Deed) -> None:
    first = KEYS[deed.what % len(KEYS)]
    lines = [(first, deed.qty)]
    if deed.number % 3 == 2:
        lines.append((KEYS[(deed.what + 1) % len(KEYS)], deed.qty))
    priority = deed.number % 4 if deed.number > 5 else 0
    shop.opens(*lines, priority=priority, at=deed.who, whole=deed.number in (5, 9))


async def _orders_specially(shop: Shop, deed: Deed) -> None:
    """A special order, bought at once; its line gets nothing but what comes for it (SO-5)."""
    order = shop.opens((KEYS[deed.what % len(KEYS)], deed.qty), at=deed.who, special=True)
    shop.buys(order.lines[0], order, deed.qty)


async def _adds(shop: Shop, deed: Deed) -> None:
    if order := _order(shop, deed):
        shop.adds(order, KEYS[deed.what % len(KEYS)], deed.qty, at=10 + deed.number)


async def _gives_up(shop: Shop, deed: Deed) -> None:
    if order := _order(shop, deed):
        shop.gives_up(order, _line(order, deed), deed.qty)


async def _cancels(shop: Shop, deed: Deed) -> None:
    if order := _order(shop, deed):
        shop.cancels(order)


async def _ranks(shop: Shop, deed: Deed) -> None:
    if order := _order(shop, deed):
        shop.ranks(order, deed.number % 4 - 1)


async def _buys(shop: Shop, deed: Deed) -> None:
    if order := _order(shop, deed):
        shop.buys(_line(order, deed), order, deed.qty)


async def _receives(shop: Shop, deed: Deed) -> None:
    await shop.receives(deed.who, less=deed.number % 3)


async def _inspects(shop: Shop, deed: Deed) -> None:
    await shop.inspects(deed.who, failed=deed.number % 3)


async def _finds(shop: Shop, deed: Deed) -> None:
    await shop.finds(KEYS[deed.what % len(KEYS)], deed.qty + deed.number)


async def _loses(shop: Shop, deed: Deed) -> None:
    await shop.finds(KEYS[deed.what % len(KEYS)], -deed.qty - deed.number)


async def _counts(shop: Shop, deed: Deed) -> None:
    await shop.counts(KEYS[deed.what % len(KEYS)], deed.number - 4)


async def _uses_stock(shop: Shop, deed: Deed) -> None:
    """A special line takes what is on the shelf instead (SO-5)."""
    order = _order(shop, deed)
    if order and (line := _line(order, deed)).special:
        line.special = False
        shop.says(order)


async def _takes_back(shop: Shop, deed: Deed) -> None:
    await shop.takes_back(KEYS[deed.what % len(KEYS)], deed.qty, to_stock=deed.number % 3 != 0)


async def _picks(shop: Shop, deed: Deed) -> None:
    if found := shop.dispatch.in_state(State.PENDING):
        shop.handles(shop.dispatch.pick, found[deed.who % len(found)])


async def _unpicks(shop: Shop, deed: Deed) -> None:
    if found := shop.dispatch.in_state(State.PICKING):
        shop.handles(shop.dispatch.unpick, found[deed.who % len(found)])


async def _ships(shop: Shop, deed: Deed) -> None:
    if found := shop.dispatch.in_state(State.PENDING, State.PICKING):
        short = Decimal(max(0, deed.number - 3))

        def ship(parcel):  # type: ignore[no-untyped-def]  # as pick and void
            return shop.dispatch.ship(parcel, short, is_missing=deed.what % 2 == 1)

        shop.handles(ship, found[deed.who % len(found)])


async def _voids(shop: Shop, deed: Deed) -> None:
    if found := shop.dispatch.in_state(State.PENDING, State.PICKING):
        shop.handles(shop.dispatch.void, found[deed.who % len(found)])


def _order(shop: Shop, deed: Deed) -> Order | None:
    return shop.orders[deed.who % len(shop.orders)] if shop.orders else None


def _line(order: Order, deed: Deed) -> Line:
    return order.lines[deed.what % len(order.lines)]


DEEDS: dict[str, Callable[[Shop, Deed], Awaitable[None]]] = {
    "opens": _opens, "finds": _finds, "ranks": _ranks, "gives up": _gives_up, "cancels": _cancels, "adds": _adds,
    "picks": _picks, "unpicks": _unpicks, "ships": _ships, "voids": _voids, "orders specially": _orders_specially,
    "buys": _buys, "receives": _receives, "inspects": _inspects, "takes back": _takes_back, "loses": _loses,
    "counts": _counts, "uses stock": _uses_stock,
}  # fmt: skip
OFTEN = (
    *["opens"] * 4, "finds", "finds", "ranks", "ranks", "picks", "ships", "orders specially", "receives", "inspects",
    "loses",
)  # fmt: skip

deeds = st.builds(
    Deed, st.sampled_from(["rests", *OFTEN, *DEEDS]), st.integers(0, 7), st.sampled_from([0, 0, 0, 0, 1, 1, 2]),
    st.integers(1, 9), st.integers(0, 9),
)  # fmt: skip


@dataclass(frozen=True)
class History:
    """What happens, a few deeds at once; `seed` decides how the post travels."""

    shelf: tuple[int, int]
    """What lies there before anybody orders."""
    deeds: tuple[Deed, ...]
    seed: int
    workers: int

    async def is_played(self, shop: Shop, at_quiet: Callable[[Shop], Awaitable[None]]) -> None:
        """What a round's deeds tell arrives meanwhile or later; every few rounds, and in the end, all is quiet."""
        for key, qty in zip(KEYS, self.shelf, strict=False):
            await shop.finds(key, qty)
        for start in range(0, len(self.deeds), AT_ONCE):
            now = [deed for deed in self.deeds[start : start + AT_ONCE] if deed.name in DEEDS]
            shop.diary += [str(deed) for deed in now]
            await self._round(shop, now)
            if start // AT_ONCE % 3 == 2:
                await at_quiet(shop)
        await at_quiet(shop)

    async def _round(self, shop: Shop, deeds_now: list[Deed]) -> None:
        late, unheard = _late(shop, shop.to_inventory), _late(shop, shop.to_shipping)
        if self.workers == 1:
            for deed in deeds_now:
                await deed.happens(shop)
            await shop.works(1)
        else:
            workers = (shop.works() for _ in range(self.workers))
            await together(*(deed.happens(shop) for deed in deeds_now), *workers)
        shop.to_inventory += late
        shop.to_shipping += unheard


def _late(shop: Shop, waiting: list[T]) -> list[T]:
    """A part of the post is put aside for the next round."""
    late = [own for own in waiting if shop.dice.random() < LATE]
    waiting[:] = [own for own in waiting if own not in late]
    return late


def histories(workers: int, most: int) -> st.SearchStrategy[History]:
    """Histories of up to so many deeds."""
    shelf = st.tuples(st.integers(1, 30), st.integers(1, 10))
    drawn = st.lists(deeds, min_size=most // 2, max_size=most).map(tuple)
    return st.builds(History, shelf, drawn, st.integers(0, 999), st.just(workers))
