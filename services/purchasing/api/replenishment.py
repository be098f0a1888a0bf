"""Replenishment proposals: what stock itself needs (BO-17)."""

from fastapi import APIRouter, Response

from services.purchasing import views
from services.purchasing.schemas import replenishment as schemas
from services.purchasing.schemas.words import Code, Sku
from shared.paging import PageParams
from shared.quantity import PositiveQty
from shared.web import Call, Page, allows, paging

router = APIRouter()


@router.get(
    "/replenishment-proposals",
    tags=["replenishment"],
    operation_id="listReplenishmentProposals",
    response_model=Page[schemas.ReplenishmentProposal],
)
async def list_proposals(
    call: Call = allows("purchasing:read"),
    page: PageParams = paging(views.PROPOSAL_SORTS),
    sku: Sku | None = None,
    warehouse: Code | None = None,
    vendor: Code | None = None,
    min_qty: PositiveQty | None = None,
) -> Response:
    """Items below their minimum, each once per warehouse; `min_qty` leaves small ones out."""
    query = views.proposals_list(call.scope, sku=sku, warehouse=warehouse, vendor=vendor, min_qty=min_qty)
    return await call.list(query, page, schemas.replenishment_proposal)
