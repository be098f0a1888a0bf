"""The inbox (NOTE-3)."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from services.notifications import handlers, schemas, views
from services.notifications.domain.notice import Kind, State
from shared.paging import PageParams
from shared.web import Call, Page, allows, paging, problems

router = APIRouter(tags=["notices"])

Code = Annotated[str | None, Query(max_length=64)]


@router.get("/notices", operation_id="listNotices", response_model=Page[schemas.NoticeRow])
async def list_notices(
    call: Call = allows("notices:read"),
    page: PageParams = paging(views.NOTICE_SORTS),
    kind: Kind | None = None,
    state: State | None = None,
    warehouse: Code = None,
    order_id: UUID | None = None,
    receipt_id: UUID | None = None,
    shipment_id: UUID | None = None,
    unread: bool | None = None,
    mine: bool = False,
) -> Response:
    """Notices, newest first. `mine`: those that go to one of the caller's teams."""
    query = views.notice_list(
        call.scope,
        call.principal.subject,
        kind=kind,
        state=state,
        warehouse=warehouse,
        order_id=order_id,
        receipt_id=receipt_id,
        shipment_id=shipment_id,
        unread=unread,
        mine=mine,
    )
    return await call.list(query, page, schemas.notice_row)


@router.get(
    "/notices/{notice_id}", operation_id="getNotice", response_model=schemas.Notice, responses=problems(404)
)
async def show(notice_id: UUID, call: Call = allows("notices:read")) -> Response:
    """One notice, with the orders and lines that it concerns."""
    return await call.read(
        views.notice, notice_id, call.scope, call.principal.subject, respond=schemas.notice
    )


@router.post(
    "/notices/{notice_id}/read",
    operation_id="readNotice",
    response_model=schemas.Notice,
    responses=problems(404),
)
async def read(notice_id: UUID, call: Call = allows("notices:read")) -> Response:
    """The caller has read it; news of it makes it unread again."""
    return await call.run(handlers.read_notice, notice_id, respond=schemas.notice)


@router.post(
    "/notices/{notice_id}/close",
    operation_id="closeNotice",
    response_model=schemas.Notice,
    responses=problems(404, 409),
)
async def close(notice_id: UUID, body: schemas.CloseRequest, call: Call = allows("notices:read")) -> Response:
    """Somebody has dealt with a failed inspection, a short ship or a voided shipment; other notices close by themselves."""
    return await call.run(handlers.close_notice, notice_id, body.reason, respond=schemas.notice)
