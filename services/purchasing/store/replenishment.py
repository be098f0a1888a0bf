"""What inventory says that stock itself needs: one proposal per item and warehouse."""

from collections.abc import Iterable, Mapping
from typing import Any

from services.purchasing.store.rows import packed, replacing, upsert
from services.purchasing.tables import replenishment_proposals
from shared.unit_of_work import Tx

_TOLD = (
    "version", "qty", "position", "minimum", "target", "safety", "lead_time_days", "vendor", "source_warehouse",
    "told_at",
)  # fmt: skip
_HEAR = upsert(
    replenishment_proposals,
    key=("sku", "warehouse"),
    columns=("sku", "warehouse", *_TOLD),
    update=replacing(_TOLD),
    tail="WHERE replenishment_proposals.version < excluded.version",
)


async def hear_proposals(tx: Tx, rows: Iterable[Mapping[str, Any]]) -> None:
    """Keep the newest version of each; one that was withdrawn stays with quantity 0, so that an older cannot come back."""
    await tx.db.execute(_HEAR, packed(rows))
