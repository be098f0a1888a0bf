"""Replenishment proposals as callers get them."""

from datetime import datetime
from typing import Any

from pydantic import Field

from shared.quantity import Qty, SignedQty
from shared.web import Output


class ReplenishmentProposal(Output):
    """What to buy so that stock of one item in one warehouse comes up to its target (BO-17)."""

    sku: str
    warehouse: str
    qty: Qty = Field(
        description="target - position, as inventory told it; supply on sent purchase orders counts"
    )
    on_drafts: Qty = Field(
        description="Untied units of purchase orders that are not sent, which inventory knows nothing of"
    )
    to_buy: Qty = Field(description="qty - on_drafts, at least 0")
    position: SignedQty = Field(description="available - unallotted need of the queue + open untied supply")
    minimum: Qty
    target: Qty
    safety: Qty
    lead_time_days: int
    vendor: str | None = Field(description="The item's vendor for this warehouse, if it has one (ITEM-6)")
    source_warehouse: str | None
    told_at: datetime


def replenishment_proposal(row: Any) -> ReplenishmentProposal:
    """A proposal."""
    return ReplenishmentProposal.model_validate(row._mapping)
