"""Adjustments of stock by hand. A loss takes free units, then asks for those that lines hold (BO-12)."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from services.inventory.domain.claim import Allotment
from services.inventory.domain.demand import Key
from shared.decimals import ZERO, plain
from shared.errors import Refused, TielineError


class NothingToAdjust(Refused):
    """An adjustment of 0."""


class MoreThanIsFree(Refused):
    """A loss larger than the free stock and all that could be asked for."""


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


def adjust(
    wishes: list[Wish], available: dict[Key, Decimal], askable: dict[Key, Decimal]
) -> list[Decimal | TielineError]:
    """Carry wishes out one after the other: what of each must be asked for (0: all of it is booked), or its refusal.

    `available` units and those that are `askable` are updated: a gain earlier in the list may cover a loss later in it.
    """
    return [_adjust(wish, available, askable) for wish in wishes]


def _adjust(wish: Wish, available: dict[Key, Decimal], askable: dict[Key, Decimal]) -> Decimal | TielineError:
    sku, warehouse = wish.key
    free, held = available[wish.key], askable.get(wish.key, ZERO)
    if wish.qty == 0:
        return NothingToAdjust(f"An adjustment of {sku} by 0 changes nothing: give a quantity", sku=sku)
    asking = max(ZERO, -wish.qty - free)
    if asking > held:
        return MoreThanIsFree(
            f"Only {plain(free)} of {sku} in {warehouse} are free and {plain(held)} could be asked for, {plain(-wish.qty)} "
            f"are to be taken out: take out at most {plain(free + held)}",
            sku=sku,
            warehouse=warehouse,
            free=free,
            askable=held,
            most=free + held,
            wanted=-wish.qty,
        )
    available[wish.key] = free + wish.qty + asking
    askable[wish.key] = held - asking
    return asking


def lose(
    units: Decimal, holdings: Sequence[Allotment], asked: dict[UUID, Decimal]
) -> list[tuple[Allotment, Decimal]]:
    """BO-12: which allotments are asked for so many lost units: (allotment, units), in the order of `holdings`.

    `asked` are units that losses earlier in the list want of them; it is updated.
    """
    found = []
    for own in holdings:
        taken = min(units, own.askable - asked.get(own.id, ZERO))
        if taken > 0:
            found.append((own, taken))
            asked[own.id] = asked.get(own.id, ZERO) + taken
            units -= taken
    return found


class AdjustmentState(StrEnum):
    """Whether an adjustment still waits for an answer."""

    ASKING = "asking"
    """Units that stand on lines are asked for; what is given back will be booked."""
    DONE = "done"
    """Booked as far as it could be."""


@dataclass(frozen=True, slots=True)
class Adjustment:
    """A change of stock by hand; the caller's `reference` makes it happen once.

    Of a loss, `asking` units are still asked for, and `refused` ones stay where they are: on shipments that are being
    picked.
    """

    id: UUID
    number: str
    reference: str | None
    sku: str
    warehouse: str
    qty: Decimal
    reason: str
    adjusted_by: str
    asking: Decimal = ZERO
    refused: Decimal = ZERO

    @property
    def key(self) -> Key:
        """The stock it changes."""
        return self.sku, self.warehouse

    @property
    def booked(self) -> Decimal:
        """By how much stock on hand has changed so far."""
        return self.qty + self.asking + self.refused

    @property
    def state(self) -> AdjustmentState:
        """Whether it still waits for an answer."""
        return AdjustmentState.ASKING if self.asking > 0 else AdjustmentState.DONE


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
