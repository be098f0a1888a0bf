"""Items, warehouses and replenishment levels over REST."""

from typing import Annotated, Any
from zoneinfo import available_timezones

from pydantic import AfterValidator, Field

from services.inventory.domain.items import (
    EVERYWHERE,
    Component,
    Item,
    ItemView,
    Levels,
    LevelsView,
    Source,
    Warehouse,
)
from services.inventory.schemas.words import Code, Words
from shared.contracts.base import ItemKind
from shared.decimals import ZERO
from shared.quantity import Money, PositiveQty, Qty
from shared.web import Input, Output


def _known_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("not a time zone of the IANA list, such as Europe/Vienna")
    return name


TimeZone = Annotated[str, Field(max_length=64, examples=["America/Chicago"]), AfterValidator(_known_zone)]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$", examples=["USD"])]
AnyWarehouse = Annotated[
    str, Field(min_length=1, max_length=40, pattern=r"^(\*|[A-Za-z0-9][A-Za-z0-9._-]*)$")
]
"""A warehouse, or `*` for all that have no source of their own."""


class ItemSource(Input):
    """Where special orders of the item come from: a vendor or a warehouse (ITEM-6)."""

    warehouse: AnyWarehouse = EVERYWHERE
    vendor: Code | None = None
    from_warehouse: Code | None = None


class KitComponent(Input):
    """A line of a kit's recipe."""

    seq: Annotated[int, Field(ge=1, le=9999)]
    sku: Code
    qty_per_kit: PositiveQty


class NewItem(Input):
    """A line item code to be created."""

    sku: Code
    description: Words
    kind: ItemKind = ItemKind.STOCKED
    unit: Annotated[str, Field(min_length=1, max_length=10, examples=["EA"])] = "EA"
    precision: Annotated[int, Field(ge=0, le=6, description="Decimals of the unit")] = 0
    product_line: Code | None = None
    special_order: bool = False
    drop_ship: bool = False
    special_reason: Words | None = Field(
        None, description="Why an assembly is special order all the same (ITEM-5)"
    )
    price: Money | None = None
    currency: Currency | None = None
    sources: Annotated[list[ItemSource], Field(max_length=200)] = []
    kit: Annotated[list[KitComponent], Field(max_length=200)] = []

    def as_item(self) -> Item:
        """The item without its flags, which have a rule of their own."""
        return Item(
            sku=self.sku,
            version=1,
            description=self.description,
            kind=self.kind.value,
            unit=self.unit,
            precision=self.precision,
            product_line=self.product_line,
            special_order=False,
            drop_ship=False,
            special_reason=self.special_reason,
            price=self.price,
            currency=self.currency,
            sources=_sources(self.sources),
            kit=_kit(self.kit),
        )


class ItemChange(Input):
    """What to change on an item; what is left out stays. Kind, unit and precision never change."""

    description: Words = Field(default_factory=str)
    product_line: Code | None = None
    special_order: bool = False
    drop_ship: bool = False
    special_reason: Words | None = None
    price: Money | None = None
    currency: Currency | None = None
    sources: Annotated[list[ItemSource], Field(max_length=200)] = []
    kit: Annotated[list[KitComponent], Field(max_length=200)] = []

    def wanted(self) -> dict[str, Any]:
        """The fields that were sent."""
        sent = {name: getattr(self, name) for name in self.model_fields_set}
        if "sources" in sent:
            sent["sources"] = _sources(self.sources)
        if "kit" in sent:
            sent["kit"] = _kit(self.kit)
        return sent


def _sources(sources: list[ItemSource]) -> tuple[Source, ...]:
    """A source that names neither vendor nor warehouse is no source."""
    named = [Source(s.warehouse, s.vendor, s.from_warehouse) for s in sources if s.vendor or s.from_warehouse]
    return tuple(sorted(named, key=lambda s: s.warehouse))


def _kit(kit: list[KitComponent]) -> tuple[Component, ...]:
    return tuple(sorted((Component(c.seq, c.sku, c.qty_per_kit) for c in kit), key=lambda c: c.seq))


class NewLevels(Input):
    """Replenishment levels (BO-17)."""

    minimum: Qty
    target: Qty
    safety: Qty = ZERO
    lead_time_days: Annotated[int, Field(ge=0, le=3650)] = 0

    def as_levels(self, sku: str, warehouse: str) -> Levels:
        """The levels of one item in one warehouse."""
        return Levels(sku, warehouse, 0, self.minimum, self.target, self.safety, self.lead_time_days)


class ItemSourceOut(Output):
    """Where special orders of the item come from."""

    warehouse: str
    vendor: str | None
    from_warehouse: str | None


class KitComponentOut(Output):
    """A line of a kit's recipe."""

    seq: int
    sku: str
    qty_per_kit: Qty


class LevelsOut(Output):
    """Replenishment levels; inactive ones are kept until the item is no longer a special order (ITEM-2)."""

    warehouse: str
    version: int
    minimum: Qty
    target: Qty
    safety: Qty
    lead_time_days: int
    active: bool


class ItemRow(Output):
    """An item in a list."""

    sku: str
    version: int
    description: str
    kind: ItemKind
    unit: str
    precision: int
    product_line: str | None
    special_order: bool
    drop_ship: bool
    special_reason: str | None
    price: Money | None
    currency: str | None


class ItemOut(ItemRow):
    """An item with its sources, recipe and replenishment."""

    sources: list[ItemSourceOut]
    kit: list[KitComponentOut]
    replenishment: list[LevelsOut]


_ROW = tuple(ItemRow.model_fields)


def item_row(row: Any) -> ItemRow:
    """A list's row."""
    return ItemRow(**{name: getattr(row, name) for name in _ROW})


def item(view: ItemView) -> ItemOut:
    """The whole item."""
    held = view.item
    return ItemOut(
        **{name: getattr(held, name) for name in _ROW},
        sources=[
            ItemSourceOut(warehouse=s.warehouse, vendor=s.vendor, from_warehouse=s.from_warehouse)
            for s in held.sources
        ],
        kit=[KitComponentOut(seq=c.seq, sku=c.sku, qty_per_kit=c.qty_per_kit) for c in held.kit],
        replenishment=[levels(LevelsView(own, held.is_replenished)) for own in view.levels],
    )


def levels(view: LevelsView) -> LevelsOut:
    """Levels of one warehouse."""
    names = ("warehouse", "version", "minimum", "target", "safety", "lead_time_days")
    return LevelsOut(**{name: getattr(view.levels, name) for name in names}, active=view.is_active)


class NewWarehouse(Input):
    """A warehouse or store to be created."""

    code: Code
    name: Words
    company: Code = "MAIN"
    time_zone: TimeZone = "UTC"

    def as_warehouse(self) -> Warehouse:
        """Its first version."""
        return Warehouse(self.code, 1, self.name, self.company, self.time_zone)


class WarehouseChange(Input):
    """What to change on a warehouse; what is left out stays."""

    name: Words = Field(default_factory=str)
    company: Code = Field(default_factory=str)
    time_zone: TimeZone = Field(default_factory=str)

    def wanted(self) -> dict[str, Any]:
        """The fields that were sent."""
        return {name: getattr(self, name) for name in self.model_fields_set}


class WarehouseOut(Output):
    """A warehouse or store."""

    code: str
    version: int
    name: str
    company: str
    time_zone: str


def warehouse(held: Any) -> WarehouseOut:
    """From a row or a warehouse."""
    return WarehouseOut(**{name: getattr(held, name) for name in WarehouseOut.model_fields})
