"""Teams and subscriptions (NOTE-3)."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from services.notifications import handlers, schemas, views
from services.notifications.domain.notice import Kind
from services.notifications.domain.team import Team
from shared.paging import PageParams
from shared.web import Call, Page, allows, paging, problems

router = APIRouter(tags=["teams"])

Text = Annotated[str | None, Query(max_length=200)]


@router.get("/teams", operation_id="listTeams", response_model=Page[schemas.Team])
async def list_teams(
    call: Call = allows("notices:read", "teams:write"),
    page: PageParams = paging(views.TEAM_SORTS),
    warehouse: Text = None,
    member: Text = None,
) -> Response:
    """Teams by code, with their warehouses and members."""
    return await call.list(
        views.team_list(call.scope, warehouse=warehouse, member=member), page, schemas.team
    )


@router.post(
    "/teams", status_code=201, operation_id="createTeam", response_model=schemas.Team, responses=problems(409)
)
async def create_team(body: schemas.NewTeam, call: Call = allows("teams:write")) -> Response:
    """A new team: it gets the notices of its warehouses."""
    new = Team(body.code, body.name, warehouses=tuple(body.warehouses), members=tuple(body.members))
    return await call.run(handlers.create_team, new, respond=schemas.team, status=201)


@router.get(
    "/teams/{team_code}", operation_id="getTeam", response_model=schemas.Team, responses=problems(404)
)
async def show_team(team_code: str, call: Call = allows("notices:read", "teams:write")) -> Response:
    """One team."""
    return await call.read(views.team, team_code, call.scope, respond=schemas.team)


@router.patch(
    "/teams/{team_code}", operation_id="changeTeam", response_model=schemas.Team, responses=problems(404)
)
async def change_team(
    team_code: str, body: schemas.TeamChange, call: Call = allows("teams:write", if_match=True)
) -> Response:
    """Another name, other warehouses, other members; its members see the open notices at once."""
    wanted = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in body.model_dump(exclude_unset=True).items()
    }
    return await call.run(handlers.change_team, team_code, call.version, wanted, respond=schemas.team)


@router.get("/subscriptions", operation_id="listSubscriptions", response_model=Page[schemas.Subscription])
async def list_subscriptions(
    call: Call = allows("notices:read", "teams:write"),
    page: PageParams = paging(views.SUBSCRIPTION_SORTS),
    team: Text = None,
    kind: Kind | None = None,
    warehouse: Text = None,
) -> Response:
    """Who wants which notices, beyond those of their own warehouses."""
    query = views.subscription_list(call.scope, team_code=team, kind=kind, warehouse=warehouse)
    return await call.list(query, page, schemas.subscription)


@router.post(
    "/subscriptions",
    status_code=201,
    operation_id="subscribe",
    response_model=schemas.Subscription,
    responses=problems(409),
)
async def subscribe(body: schemas.NewSubscription, call: Call = allows("teams:write")) -> Response:
    """A team also wants the notices of a kind, from one warehouse or from all."""
    return await call.run(
        handlers.subscribe, body.team, body.kind, body.warehouse, respond=schemas.subscription, status=201
    )


@router.delete(
    "/subscriptions/{subscription_id}",
    operation_id="unsubscribe",
    response_model=schemas.Subscription,
    responses=problems(404),
)
async def unsubscribe(subscription_id: UUID, call: Call = allows("teams:write")) -> Response:
    """The team wants these notices no longer; the answer is what it was."""
    return await call.run(handlers.unsubscribe, subscription_id, respond=schemas.subscription)
