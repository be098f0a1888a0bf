"""Packages of shipments and what is in them."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, Numeric, Uuid, bindparam, delete, insert, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.shipping.domain.packing import Package
from services.shipping.tables import packages

_INSERT = insert(packages)
_INSERT_CONTENTS = text(
    """
    INSERT INTO package_contents (package_id, shipment_line_id, qty)
    SELECT :package_id, shipment_line_id, qty FROM unnest(:lines, :quantities) AS given(shipment_line_id, qty)
    """
).bindparams(
    bindparam("package_id", type_=Uuid),
    bindparam("lines", type_=ARRAY(Uuid)),
    bindparam("quantities", type_=ARRAY(Numeric)),
)
_DROP = delete(packages).where(packages.c.id == bindparam("ids", type_=ARRAY(Uuid)).any_())


async def save_package(db: AsyncConnection, shipment_id: UUID, package: Package, at: datetime) -> None:
    """A new package with its contents."""
    await db.execute(
        _INSERT,
        {
            "id": package.package_id,
            "shipment_id": shipment_id,
            "package_no": package.package_no,
            "tracking_number": package.tracking_number,
            "weight": package.weight,
            "packed_at": at,
        },
    )
    contents = {
        "package_id": package.package_id,
        "lines": [content.shipment_line_id for content in package.contents],
        "quantities": [content.qty for content in package.contents],
    }
    await db.execute(_INSERT_CONTENTS, contents)


async def drop_packages(db: AsyncConnection, gone: Iterable[Package]) -> None:
    """What was packed is unpacked."""
    await db.execute(_DROP, {"ids": [package.package_id for package in gone]})
