"""Automation schedules: what is acted on at once, when the sweep comes, what it did (BO-15)."""

from typing import Any

from fastapi import APIRouter, Response
from sqlalchemy.ext.asyncio import AsyncConnection

from services.inventory import handlers
from services.inventory.domain.automation import Automation
from services.inventory.schemas import automation as schemas
from services.inventory.views import automation as views
from shared.paging import PageParams
from shared.web import Call, Page, allows, paging, problems

router = APIRouter(prefix="/v1/automation-schedules", tags=["automation schedules"])


@router.get("", operation_id="listAutomationSchedules", response_model=Page[schemas.ScheduleOut])
async def list_schedules(call: Call = allows("inventory:read")) -> Response:
    """Both schedules with their last run."""
    return await call.read(views.schedules, respond=schemas.schedules)


@router.get("/{name}", operation_id="getAutomationSchedule", response_model=schemas.ScheduleOut)
async def show_schedule(name: Automation, call: Call = allows("inventory:read")) -> Response:
    """One schedule with its last run."""

    async def shown(db: AsyncConnection) -> Any:
        rows = await views.schedules(db)
        return schemas.schedule(rows[name]) if name in rows else schemas.untouched(name)

    return await call.read(shown, respond=lambda found: found)


@router.patch(
    "/{name}",
    operation_id="changeAutomationSchedule",
    response_model=schemas.ChangedSchedule,
    responses=problems(409, 412, 428),
)
async def change_schedule(
    name: Automation, body: schemas.ScheduleChange, call: Call = allows("preferences:write", if_match=True)
) -> Response:
    """Switch it on or off, or give it another time. Switched on, it makes up at once for what was left meanwhile."""
    answer = await call.run(
        handlers.change_schedule, name, call.version, body.wanted(), respond=schemas.changed
    )
    call.work.alarm.set()
    return answer


@router.post(
    "/{name}/run",
    operation_id="runAutomationSchedule",
    response_model=schemas.RunOut,
    responses=problems(409),
)
async def run_schedule(name: Automation, call: Call = allows("stock:adjust")) -> Response:
    """Run it now, on or off. 409 `run-in-progress` while it runs; a very long run goes on after the answer."""
    answer = await call.run(handlers.run_schedule, name, respond=schemas.run)
    call.work.alarm.set()
    return answer


@router.get(
    "/{name}/runs",
    operation_id="listAutomationRuns",
    response_model=Page[schemas.RunOut],
    responses=problems(400),
)
async def list_runs(
    name: Automation, call: Call = allows("inventory:read"), page: PageParams = paging(views.RUN_SORTS)
) -> Response:
    """What it did, newest first."""
    return await call.list(views.runs(name), page, schemas.run_row)
