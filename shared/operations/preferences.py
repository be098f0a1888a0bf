"""A service's preferences: typed, with defaults, each change in the record log."""

from typing import Any

from fastapi import APIRouter, Response
from pydantic import TypeAdapter, ValidationError

from shared.errors import Invalid
from shared.preferences import choose, read_preferences
from shared.unit_of_work import Tx
from shared.web import Call, Output, allows, problems


class PreferenceUnknown(Invalid):
    """There is no such preference, or the value is not one of its choices."""


def preferences_router(service: str, kind: type[Any]) -> APIRouter:
    """`GET` and `PATCH /v1/preferences/<service>`: typed, with defaults, each change in the record log."""
    router = APIRouter(prefix="/v1/preferences", tags=["preferences"])
    adapter: TypeAdapter[Any] = TypeAdapter(kind)

    class Preferences(Output):
        version: int
        chosen: kind  # type: ignore[valid-type]  # the service's own dataclass

    def shown(result: tuple[Any, int]) -> Preferences:
        return Preferences(chosen=result[0], version=result[1])

    async def change(tx: Tx, version: int, wanted: dict[str, Any]) -> "_Chosen":
        names = adapter.json_schema()["properties"]
        unknown = sorted(set(wanted) - set(names))
        if unknown:
            raise PreferenceUnknown(f"There is no preference {', '.join(unknown)}", known=sorted(names))
        try:
            return _Chosen(*await choose(tx, service, kind, version, wanted))
        except ValidationError as problem:
            found = [
                {"pointer": "/" + "/".join(map(str, e["loc"])), "detail": e["msg"]}
                for e in problem.errors(include_input=False)
            ]
            raise PreferenceUnknown(
                "A value is not one of its preference's choices", errors=found
            ) from problem

    @router.get(f"/{service}", operation_id=f"showPreferences{service.title()}", response_model=Preferences)
    async def show(call: Call = allows("preferences:read", "preferences:write")) -> Response:
        async def view(db: Any) -> _Chosen:
            return _Chosen(*await read_preferences(db, kind))

        return await call.read(view, respond=lambda c: shown((c.chosen, c.version)))

    @router.patch(
        f"/{service}",
        operation_id=f"choosePreferences{service.title()}",
        response_model=Preferences,
        responses=problems(422),
    )
    async def choose_some(
        body: dict[str, Any], call: Call = allows("preferences:write", if_match=True)
    ) -> Response:
        return await call.run(change, call.version, body, respond=lambda c: shown((c.chosen, c.version)))

    return router


class _Chosen:
    """Preferences with the version for their ETag."""

    def __init__(self, chosen: Any, version: int) -> None:
        self.chosen = chosen
        self.version = version
