"""Packages of a packed shipment (SHIP-6): what is in which box, never more than is on the shipment."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from shared.decimals import ZERO, fits_precision, plain
from shared.errors import Invalid, NotFound, Refused

from .shipment import Line, Shipment, State


class NotPacked(Refused):
    """Only a packed shipment is put into packages."""


class PackedTooMuch(Refused):
    """A line would be in packages with more than is on the shipment."""


class UnreadableContents(Invalid):
    """Contents name a line that is not on the shipment, or twice, or with more decimals than its unit has."""


class NoSuchPackage(NotFound):
    """The shipment has no package of that number."""


@dataclass(frozen=True, slots=True)
class Content:
    """So many units of one shipment line in a package."""

    shipment_line_id: UUID
    qty: Decimal


@dataclass(frozen=True, slots=True)
class Package:
    """One box; `package_no` counts from 1 within its shipment."""

    package_id: UUID
    package_no: int
    tracking_number: str | None
    weight: Decimal | None
    """In kilograms."""
    contents: tuple[Content, ...]


@dataclass(frozen=True, slots=True)
class Printed:
    """What the documents of a shipment say: `uninspected` are the units per shipment line that wait (SO-9)."""

    shipment: Shipment
    uninspected: Mapping[UUID, Decimal]
    packages: Sequence[Package]


class NothingToPrint(Refused):
    """A voided shipment has no documents."""


def printable(printed: Printed) -> Printed:
    """Raises NothingToPrint for a shipment that will not leave."""
    if printed.shipment.state is State.VOIDED:
        raise NothingToPrint(
            f"{printed.shipment.number} is voided: {printed.shipment.void_reason}; nothing of it is picked or packed",
            shipment=printed.shipment.number,
            state=printed.shipment.state,
        )
    return printed


def add_package(shipment: Shipment, packages: Sequence[Package], new: Package) -> Package:
    """The package with its number. Raises NotPacked, UnreadableContents or PackedTooMuch."""
    refuse_unpacked(shipment)
    lines = {line.shipment_line_id: line for line in shipment.lines}
    packed = packed_units(packages)
    seen: set[UUID] = set()
    for nth, content in enumerate(new.contents):
        line = lines.get(content.shipment_line_id)
        _refuse_unreadable(shipment, line, content, nth, twice=content.shipment_line_id in seen)
        seen.add(content.shipment_line_id)
        if line is not None:
            _refuse_surplus(shipment, line, packed.get(line.shipment_line_id, ZERO), content.qty)
    return new


def refuse_unpacked(shipment: Shipment) -> None:
    """Raises NotPacked, naming the state."""
    if shipment.state is not State.PACKED:
        raise NotPacked(
            f"{shipment.number} is {shipment.state}; packages are made while it is packed",
            shipment=shipment.number,
            state=shipment.state,
            wanted_state=State.PACKED,
        )


def packed_units(packages: Iterable[Package]) -> Mapping[UUID, Decimal]:
    """How many units of each shipment line are in packages."""
    found: dict[UUID, Decimal] = {}
    for package in packages:
        for content in package.contents:
            found[content.shipment_line_id] = found.get(content.shipment_line_id, ZERO) + content.qty
    return found


def _refuse_unreadable(
    shipment: Shipment, line: Line | None, content: Content, nth: int, *, twice: bool
) -> None:
    pointer = f"/contents/{nth}"
    if line is None or twice:
        detail = "stands twice in the package" if twice else "is not a line of this shipment"
        raise UnreadableContents(
            f"Line {content.shipment_line_id} {detail} ({shipment.number})",
            errors=[{"pointer": f"{pointer}/shipment_line_id", "detail": detail}],
        )
    if not fits_precision(content.qty, line.precision):
        detail = f"{line.sku} is packed with at most {line.precision} decimals, got {plain(content.qty)}"
        raise UnreadableContents(detail, errors=[{"pointer": f"{pointer}/qty", "detail": detail}])


def _refuse_surplus(shipment: Shipment, line: Line, packed: Decimal, qty: Decimal) -> None:
    if packed + qty > line.qty:
        raise PackedTooMuch(
            f"{plain(line.qty)} of {line.sku} are on {shipment.number}, {plain(packed)} are packed already:"
            f" {plain(qty)} more do not fit",
            shipment=shipment.number,
            shipment_line_id=line.shipment_line_id,
            sku=line.sku,
            expected=line.qty,
            packed=packed,
            qty=qty,
        )
