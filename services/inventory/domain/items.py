"""Items: kinds, the two flags that exclude each other, sources and kits (ITEM-1 to ITEM-7)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from shared.errors import Refused

EVERYWHERE = "*"
"""The warehouse of an item's default source."""


class SpecialOrDropShip(Refused):
    """Both flags in one request (ITEM-1)."""


class AssemblyNotSpecial(Refused):
    """Assemblies are made, not bought (ITEM-5)."""


class TwoSources(Refused):
    """A source is a vendor or a warehouse (ITEM-6)."""


class SourceTwice(Refused):
    """Two sources for one warehouse."""


class SourceIsItself(Refused):
    """A warehouse cannot be its own source."""


class NotAKit(Refused):
    """Only kits have components."""


class ComponentTwice(Refused):
    """Two components with one sequence number."""


class KitInItself(Refused):
    """A kit that contains itself, directly or through another kit."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where an item's special orders for one warehouse come from."""

    warehouse: str
    vendor: str | None
    from_warehouse: str | None


@dataclass(frozen=True, slots=True)
class Component:
    """A line of a kit's recipe."""

    seq: int
    sku: str
    qty_per_kit: Decimal


@dataclass(frozen=True, slots=True)
class Item:
    """A line item code as it stands."""

    sku: str
    version: int
    description: str
    kind: str
    unit: str
    precision: int
    product_line: str | None
    special_order: bool
    drop_ship: bool
    special_reason: str | None
    price: Decimal | None
    currency: str | None
    sources: tuple[Source, ...] = ()
    kit: tuple[Component, ...] = ()

    @property
    def is_replenished(self) -> bool:
        """ITEM-2, ITEM-4: only stocked items without the special-order flag are bought below minimum."""
        return self.kind == "stocked" and not self.special_order


def flags(item: Item, *, special_order: bool | None, drop_ship: bool | None) -> Item:
    """ITEM-1: setting one flag clears the other in the same write; both at once is refused. None leaves it as it is."""
    if special_order and drop_ship:
        raise SpecialOrDropShip(
            f"{item.sku} cannot be special order and drop ship at once: set one of the two", sku=item.sku
        )
    special = item.special_order if special_order is None else special_order
    direct = item.drop_ship if drop_ship is None else drop_ship
    if special_order:
        direct = False
    if drop_ship:
        special = False
    return replace(
        item, special_order=special, drop_ship=direct, special_reason=item.special_reason if special else None
    )


def must_be_sound(item: Item) -> None:
    """All that an item has to satisfy by itself, however it came to be."""
    if item.kind == "assembly" and item.special_order and not item.special_reason:
        raise AssemblyNotSpecial(
            f"{item.sku} is an assembly: give `special_reason` to make it special order all the same",
            sku=item.sku,
        )
    _sources_must_be_sound(item)
    if item.kit and item.kind != "kit":
        raise NotAKit(f"{item.sku} is {item.kind}: only a kit has components", sku=item.sku, kind=item.kind)
    if seq := _twice(component.seq for component in item.kit):
        raise ComponentTwice(
            f"{item.sku} has two components with sequence number {seq}", sku=item.sku, seq=seq
        )


def _sources_must_be_sound(item: Item) -> None:
    for source in item.sources:
        if source.vendor and source.from_warehouse:
            raise TwoSources(
                f"{item.sku} for warehouse {source.warehouse}: name a vendor or a warehouse as the source, not both",
                warehouse=source.warehouse,
                vendor=source.vendor,
                from_warehouse=source.from_warehouse,
            )
        if source.from_warehouse == source.warehouse:
            raise SourceIsItself(f"{source.warehouse} cannot be its own source", warehouse=source.warehouse)
    if warehouse := _twice(source.warehouse for source in item.sources):
        raise SourceTwice(f"{item.sku} has two sources for warehouse {warehouse}", warehouse=warehouse)


def _twice(values: Iterable[object]) -> object | None:
    seen: set[object] = set()
    for value in values:
        if value in seen:
            return value
        seen.add(value)
    return None


def must_not_contain_itself(kit: str, recipes: Mapping[str, Iterable[str]]) -> None:
    """No kit in itself, at any depth. `recipes`: {kit: its components' skus}, with the recipe that is to be saved."""
    path = [kit]

    def look(sku: str) -> None:
        for component in recipes.get(sku, ()):
            if component == kit:
                way = " > ".join([*path, component])
                raise KitInItself(f"{kit} would contain itself: {way}", kit=kit, path=[*path, component])
            if component not in path:
                path.append(component)
                look(component)
                path.pop()

    look(kit)


@dataclass(frozen=True, slots=True)
class Warehouse:
    """A warehouse or store."""

    code: str
    version: int
    name: str
    company: str
    time_zone: str


@dataclass(frozen=True, slots=True)
class Levels:
    """How an item is replenished in one warehouse (BO-17); inactive while the item is a special order (ITEM-2)."""

    sku: str
    warehouse: str
    version: int
    minimum: Decimal
    target: Decimal
    safety: Decimal
    lead_time_days: int


@dataclass(frozen=True, slots=True)
class ItemView:
    """An item with its replenishment levels."""

    item: Item
    levels: Sequence[Levels]

    @property
    def version(self) -> int:
        """The item's version, for its ETag."""
        return self.item.version


@dataclass(frozen=True, slots=True)
class LevelsView:
    """Replenishment levels, and whether they are active (ITEM-2)."""

    levels: Levels
    is_active: bool

    @property
    def version(self) -> int:
        """The levels' version, for their ETag."""
        return self.levels.version
