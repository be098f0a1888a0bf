"""Adjustments of stock by hand. A loss takes free units only for now; allotments and pegs follow with BO-12."""

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from services.inventory.domain.demand import Key
from shared.decimals import plain
from shared.errors import Refused, TielineError


class NothingToAdjust(Refused):
    """An adjustment of 0."""


class MoreThanIsFree(Refused):
    """A loss larger than the free stock."""


class NotInventoried(Refused):
    """Services and kits have no stock."""


class TooPrecise(Refused):
    """More decimals than the item's unit has."""


WITHOUT_STOCK = frozenset({"service", "kit"})


@dataclass(frozen=True, slots=True)
class ItemUnit:
    """What an adjustment has to know of its item."""

    sku: str
    kind: str
    unit: str
    precision: int


def must_be_stock(item: ItemUnit, qty: Decimal) -> None:
    """Whether a quantity of this item can lie on a shelf at all."""
    if item.kind in WITHOUT_STOCK:
        raise NotInventoried(f"{item.sku} is a {item.kind}: it has no stock", sku=item.sku, kind=item.kind)
    if qty != round(qty, item.precision):
        raise TooPrecise(
            f"{item.sku} is counted in {item.unit} with {item.precision} decimals, {plain(qty)} has more",
            sku=item.sku,
            precision=item.precision,
            qty=qty,
        )


@dataclass(frozen=True, slots=True)
class Wish:
    """A wanted change of one item in one warehouse."""

    key: Key
    qty: Decimal


def adjust(wishes: list[Wish], available: dict[Key, Decimal]) -> list[TielineError | None]:
    """Carry wishes out one after the other against what is free; a result each: None, or why it is refused.

    `available` is updated: a gain earlier in the list may cover a loss later in it.
    """
    return [_adjust(wish, available) for wish in wishes]


def _adjust(wish: Wish, available: dict[Key, Decimal]) -> TielineError | None:
    sku, warehouse = wish.key
    free = available[wish.key]
    if wish.qty == 0:
        return NothingToAdjust(f"An adjustment of {sku} by 0 changes nothing: give a quantity", sku=sku)
    if free + wish.qty < 0:
        return MoreThanIsFree(
            f"Only {plain(free)} of {sku} in {warehouse} are free, {plain(-wish.qty)} are to be taken out: "
            f"take out at most {plain(free)}",
            sku=sku,
            warehouse=warehouse,
            most=free,
            wanted=-wish.qty,
        )
    available[wish.key] = free + wish.qty
    return None


@dataclass(frozen=True, slots=True)
class Adjustment:
    """A change of stock by hand; the caller's `reference` makes it happen once."""

    id: UUID
    number: str
    reference: str | None
    sku: str
    warehouse: str
    qty: Decimal
    reason: str
    adjusted_by: str


@dataclass(frozen=True, slots=True)
class WantedAdjustment:
    """One row of an adjustment request."""

    sku: str
    warehouse: str
    qty: Decimal
    reason: str
    reference: str | None = None

    @property
    def key(self) -> Key:
        """The stock it changes."""
        return self.sku, self.warehouse


@dataclass(frozen=True, slots=True)
class AdjustmentResult:
    """What became of one row: made now, made before under its reference, or refused."""

    adjustment: Adjustment | None
    is_repeated: bool = False
    refusal: TielineError | None = None
