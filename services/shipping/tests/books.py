"""What must hold in shipping's books at every quiet point."""

from collections import defaultdict

from shared.contracts.shipping import (
    ReleaseWithdrawn,
    Shipment,
    ShipmentCreated,
    ShipmentShipped,
    ShipmentUnpicked,
    ShipmentVoided,
    UnitsWithdrawn,
)
from shared.testing import Bench

_STANDING = """
    SELECT a.allotment_id, a.standing,
           CASE WHEN a.release_no > a.revoke_no
                THEN a.qty - a.withdrawn - a.failed - a.shipped - a.returned ELSE 0 END AS due,
           COALESCE(sum(s.qty) FILTER (WHERE h.state IN ('pending', 'picking', 'packed')), 0) AS on_open,
           COALESCE(sum(s.qty) FILTER (WHERE h.state IN ('picking', 'packed')), 0) AS locked,
           COALESCE(sum(s.shipped), 0) AS left_with, a.shipped
    FROM allotments a
    LEFT JOIN shipment_shares s ON s.allotment_id = a.allotment_id
    LEFT JOIN shipment_lines l ON l.id = s.shipment_line_id
    LEFT JOIN shipments h ON h.id = l.shipment_id
    GROUP BY a.allotment_id
"""


async def books_agree(bench: Bench) -> None:
    """Every live unit of a released allotment is on exactly one open shipment, and every snapshot was told once."""
    for row in await bench.sql(_STANDING):
        assert row.standing == row.on_open, (
            f"{row.allotment_id}: books say {row.standing}, shipments {row.on_open}"
        )
        assert row.shipped == row.left_with, (
            f"{row.allotment_id}: shipped {row.shipped}, left {row.left_with}"
        )
        assert row.standing >= row.due, f"{row.allotment_id}: {row.due} are due, {row.standing} stand"
        assert row.standing == row.due or row.locked, (
            f"{row.allotment_id}: {row.standing} stand, {row.due} are due"
        )
    for row in await bench.sql("SELECT number FROM shipments h WHERE state <> 'voided' AND NOT EXISTS"
                               " (SELECT 1 FROM shipment_lines l WHERE l.shipment_id = h.id)"):  # fmt: skip
        raise AssertionError(f"{row.number} is empty and not voided")
    await _versions_have_no_gap(bench)


async def _versions_have_no_gap(bench: Bench) -> None:
    told: dict[str, list[int]] = defaultdict(list)
    for shipment in await _snapshots(bench):
        told[shipment.number].append(shipment.version)
    known = {row.number: row.told for row in await bench.sql("SELECT number, told FROM shipments")}
    for number, versions in told.items():
        assert sorted(versions) == list(range(min(versions), known[number] + 1)), (
            f"{number} was told as {versions}"
        )


async def _snapshots(bench: Bench) -> list[Shipment]:
    told = [fact.shipment for fact in await bench.told(ShipmentCreated)]
    told += [fact.shipment for fact in await bench.told(ShipmentUnpicked)]
    told += [fact.shipment for fact in await bench.told(ShipmentShipped)]
    told += [fact.shipment for fact in await bench.told(ShipmentVoided)]
    told += [one for fact in await bench.told(ReleaseWithdrawn) for one in fact.shipments]
    told += [one for fact in await bench.told(UnitsWithdrawn) for one in fact.shipments]
    return told
