"""A packed shipment is put into packages, and taken out again (SHIP-6)."""

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any
from uuid import UUID

from services.shipping import store, views
from services.shipping.domain.packing import (
    Content,
    NoSuchPackage,
    Package,
    add_package,
    refuse_unpacked,
)
from services.shipping.domain.shipment import Shipment
from services.shipping.views import Packed
from shared.decimals import plain
from shared.ids import new_id
from shared.unit_of_work import Tx

from .shipments import Held, hold
from .wording import line_name


@dataclass(frozen=True)
class NewPackage:
    """What somebody puts into a box."""

    contents: tuple[Content, ...]
    tracking_number: str | None = None
    weight: Decimal | None = None


async def pack_package(tx: Tx, shipment_id: UUID, version: int, wanted: NewPackage) -> Packed:
    """One more package of a packed shipment. Raises NotPacked, UnreadableContents or PackedTooMuch."""
    held = await hold(tx, shipment_id, version)
    packages = await views.packages_of(tx.db, shipment_id)
    number = max((package.package_no for package in packages), default=0) + 1
    new = Package(new_id(), number, wanted.tracking_number, wanted.weight, wanted.contents)
    package = add_package(held.shipment, packages, new)
    await store.save_package(tx.db, shipment_id, package, tx.now)
    told = _told(held.shipment, package)
    tx.record("shipment", shipment_id, "package packed", None, told, part=f"package {number}")
    return await _moved_on(tx, held, (*packages, package))


async def unpack_package(tx: Tx, shipment_id: UUID, version: int, package_no: int) -> Packed:
    """A package is taken apart again. Raises NotPacked or NoSuchPackage."""
    held = await hold(tx, shipment_id, version)
    refuse_unpacked(held.shipment)
    packages = await views.packages_of(tx.db, shipment_id)
    gone = [package for package in packages if package.package_no == package_no]
    if not gone:
        raise NoSuchPackage(f"{held.shipment.number} has no package {package_no}", package_no=package_no)
    await store.drop_packages(tx.db, gone)
    told = _told(held.shipment, gone[0])
    tx.record("shipment", shipment_id, "package unpacked", told, None, part=f"package {package_no}")
    return await _moved_on(tx, held, tuple(one for one in packages if one not in gone))


async def _moved_on(tx: Tx, held: Held, packages: tuple[Package, ...]) -> Packed:
    """Packages are part of the shipment: whoever read it before reads it again."""
    after = replace(held.shipment, version=held.shipment.version + 1)
    await store.save(tx.db, [(held.shipment, after)])
    return Packed(after, packages)


def _told(shipment: Shipment, package: Package) -> dict[str, Any]:
    names = {line.shipment_line_id: line_name(line) for line in shipment.lines}
    contents = {names[one.shipment_line_id]: plain(one.qty) for one in package.contents}
    return {"tracking_number": package.tracking_number, "weight": package.weight, "contents": contents}
