"""BO-17: proposals for stock. They are kept as inventory tells them; buying them is the replenishment report's (BUY-6)."""

from collections.abc import Sequence
from typing import Any

from services.purchasing.store import replenishment as store
from shared.contracts.inventory import ReplenishmentNeeded
from shared.unit_of_work import Told, Tx


async def replenishment_needed(tx: Tx, told: Sequence[Told[ReplenishmentNeeded]]) -> None:
    """Stock is below its minimum, or no longer; the newest snapshot of each item and warehouse is what stands."""
    newest = {(t.fact.sku, t.fact.warehouse): t for t in sorted(told, key=lambda t: t.fact.version)}
    await store.hear_proposals(tx, (_proposal(t) for t in newest.values()))


def _proposal(told: Told[ReplenishmentNeeded]) -> dict[str, Any]:
    fact = told.fact
    return {
        "sku": fact.sku, "warehouse": fact.warehouse, "version": fact.version, "qty": fact.qty,
        "position": fact.position, "minimum": fact.minimum, "target": fact.target, "safety": fact.safety,
        "lead_time_days": fact.lead_time_days, "vendor": fact.source.vendor,
        "source_warehouse": fact.source.warehouse, "told_at": told.time,
    }  # fmt: skip
