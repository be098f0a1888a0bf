"""A client of the five services for the command line: at a local instance, or behind one gateway."""

import os
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Annotated, Any

import httpx
import typer

from deploy.local import stack
from deploy.local.announcing import CannotRun
from deploy.local.definitions import SERVICES
from deploy.local.instance import Instance
from shared.auth import development_token
from shared.ids import new_id

BaseUrl = Annotated[
    str | None,
    typer.Option("--base-url", envvar="TIELINE_URL", help="A gateway in front of all five services."),
]
Keys = Annotated[
    Path | None,
    typer.Option("--keys", help="Folder of the development key pair; default: the instance's own."),
]
InstanceName = Annotated[str, typer.Option("--instance", help="The local instance to talk to.")]

EVERY_SCOPE = (
    "orders:read orders:write orders:priority customers:write "
    "inventory:read inventory:write items:write stock:adjust receiving:write inspections:write returns:write "
    "purchasing:read purchasing:write vendors:write approve:nonstock approve:special approve:kit "
    "shipping:read shipping:write notices:read teams:write "
    "preferences:read preferences:write ops:read ops:parked"
).split()


class Problem(Exception):
    """A request that was refused, with its problem document."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        super().__init__(f"{document.get('status')} {document.get('code')}: {document.get('detail')}")
        self.document = dict(document)

    @property
    def code(self) -> str:
        """The stable code of the problem."""
        return str(self.document.get("code", ""))


@dataclass(frozen=True)
class Place:
    """Where the services answer, and a token for them."""

    urls: Mapping[str, str]
    token: str


def find_place(instance: str, base_url: str | None, keys: Path | None, *, subject: str) -> Place:
    """The services of a running instance, or a gateway; raises `CannotRun` saying what to start."""
    folder = keys or stack.keys_folder(Instance(instance))
    if base_url:
        urls = dict.fromkeys(SERVICES, base_url.rstrip("/"))
    else:
        running = stack.services(Instance(instance))
        missing = [name for name in SERVICES if name not in running]
        if missing:
            raise CannotRun(f"{', '.join(missing)} do not run; start them with: make up")
        urls = {name: running[name].url for name in SERVICES}
    return Place(urls, token_from(folder, subject))


def token_from(folder: Path, subject: str) -> str:
    """The token in `TIELINE_TOKEN`, else one signed with the folder's development key."""
    if given := os.environ.get("TIELINE_TOKEN"):
        return given
    if not (folder / "development-key.pem").exists():
        raise CannotRun(
            f"There is no key pair in {folder}; set TIELINE_TOKEN to an access token of your issuer."
        )
    return development_token(folder, subject, EVERY_SCOPE)


class Client:
    """HTTP to the services: each POST has an Idempotency-Key, problems are raised."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._http = httpx.AsyncClient(
            headers={"Authorization": f"Bearer {place.token}"}, timeout=60, trust_env=False
        )

    async def __aenter__(self) -> "Client":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def get(self, service: str, path: str, **params: Any) -> Any:
        """GET, parameters that are None left out."""
        known = {name: value for name, value in params.items() if value is not None}
        return (await self._send("GET", service, path, params=known)).json()

    async def post(self, service: str, path: str, body: Any = None, *, key: str | None = None) -> Any:
        """POST; without a key of its own each call is a new request."""
        return (await self.post_once(service, path, body, key=key or str(new_id())))[0]

    async def post_once(self, service: str, path: str, body: Any, *, key: str) -> tuple[Any, bool]:
        """POST under a key: the answer, and whether it was given before and is only repeated."""
        headers = {"Idempotency-Key": key}
        answer = await self._send("POST", service, path, json={} if body is None else body, headers=headers)
        return answer.json(), "Idempotency-Replayed" in answer.headers

    async def every(self, service: str, path: str, **params: Any) -> AsyncIterator[Any]:
        """Every row of a list, page by page."""
        cursor: str | None = None
        while True:
            page = await self.get(service, path, limit=200, cursor=cursor, **params)
            for row in page["data"]:
                yield row
            if (cursor := page["next_cursor"]) is None:
                return

    async def stream(self, service: str, path: str) -> AsyncIterator[str]:
        """The lines of a live stream, for as long as the caller reads."""
        async with self._http.stream("GET", f"{self._place.urls[service]}{path}") as answer:
            if answer.is_error:
                await answer.aread()
                raise Problem(_document(answer))
            async for line in answer.aiter_lines():
                yield line

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def patch(self, service: str, path: str, version: int, body: Any) -> Any:
        """PATCH the version that was read."""
        headers = {"If-Match": f'"{version}"'}
        return (await self._send("PATCH", service, path, json=body, headers=headers)).json()

    async def act(self, service: str, path: str, version: int, body: Any = None) -> Any:
        """POST a transition of the version that was read."""
        headers = {"If-Match": f'"{version}"', "Idempotency-Key": str(new_id())}
        return (await self._send("POST", service, path, json=body or {}, headers=headers)).json()

    async def put(self, service: str, path: str, body: Any, *, version: int | None = None) -> Any:
        """PUT, with the version that was read where the route asks for one."""
        headers = {} if version is None else {"If-Match": f'"{version}"'}
        return (await self._send("PUT", service, path, json=body, headers=headers)).json()

    async def _send(self, method: str, service: str, path: str, **options: Any) -> httpx.Response:
        try:
            answer = await self._http.request(method, f"{self._place.urls[service]}{path}", **options)
        except httpx.TransportError as lost:
            raise CannotRun(f"{service} does not answer ({lost!r}); look at: tieline status") from lost
        if answer.is_error:
            raise Problem(_document(answer))
        return answer


def _document(answer: httpx.Response) -> dict[str, Any]:
    try:
        document: dict[str, Any] = answer.json()
    except ValueError:
        return {"status": answer.status_code, "code": "http-error", "detail": answer.text[:500]}
    return document
