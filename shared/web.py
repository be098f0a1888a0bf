"""The REST door: who calls, in which form, and how it is answered. HTTP status lives here only.

A route parses, calls `call.run(handler, …)`, `call.read(view, …)` or `call.list(query, …)`, and returns. Every problem is
an RFC 9457 document; business refusals are 409, malformed input 422, and nothing of our insides is told.
"""

import asyncio
import hashlib
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar

import orjson
from fastapi import FastAPI, Query, Request, Response, Security
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute, iter_route_contexts
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer, SecurityScopes
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from sqlalchemy import Select
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared import errors, idempotency, metrics
from shared.auth import Principal, TokenMissing, Verifier
from shared.auth import Scope as Warehouses
from shared.ids import new_id
from shared.inbox import infrastructure
from shared.logging import get_logger
from shared.paging import DEFAULT_LIMIT, MOST_ROWS, PageParams, Sorts, next_cursor, page_query
from shared.unit_of_work import Origin, Tx, Work, run, sqlstate

R = TypeVar("R")
T = TypeVar("T")

log = get_logger(__name__)

PROBLEMS = "https://tieline.dev/problems/"
MOST_BODY_BYTES = 1024 * 1024
MOST_BODY_DEPTH = 32
BODY_SECONDS = 30.0
LONGEST_WAIT = 30
POLL_SECONDS = 0.25
LONGEST_GAP = 0.1
READS = frozenset({"GET", "HEAD", "OPTIONS"})

STATUS: dict[type[errors.TielineError], int] = {
    errors.Invalid: 422,
    errors.Refused: 409,
    errors.NotFound: 404,
    errors.Forbidden: 403,
    errors.Unauthorised: 401,
    errors.Stale: 412,
    errors.PreconditionMissing: 428,
    errors.BadRequest: 400,
    errors.TooLarge: 413,
    errors.TooMany: 429,
    errors.Unavailable: 503,
}
TITLES = {
    400: "The request's form is wrong", 401: "Who are you?", 403: "Not allowed", 404: "Not found", 405: "Method not allowed",
    408: "Too slow", 409: "Refused", 412: "The document has moved on", 413: "Too large", 422: "Invalid input",
    428: "Say which version you mean", 429: "Too often", 500: "Our fault", 503: "Not now",
}  # fmt: skip


class Input(BaseModel):
    """What a caller sends: unknown fields and NUL bytes are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _no_nul(cls, values: Any) -> Any:
        if isinstance(values, dict):
            for name, value in values.items():
                if isinstance(value, str) and "\x00" in value:
                    raise ValueError(f"{name}: text must not contain NUL")
                if isinstance(value, list) and any(isinstance(v, str) and "\x00" in v for v in value):
                    raise ValueError(f"{name}: text must not contain NUL")
        return values


class Output(BaseModel):
    """What a caller gets."""

    model_config = ConfigDict(frozen=True)


class Page(BaseModel, Generic[T]):
    """One page of a list."""

    data: list[T]
    has_more: bool
    next_cursor: str | None = Field(description="Send it as `cursor` to get the next page")


class FieldProblem(BaseModel):
    """What is wrong at one place of the request."""

    pointer: str = Field(
        description="JSON pointer into the body, or the parameter's name", examples=["/lines/0/qty"]
    )
    detail: str


class Problem(BaseModel):
    """RFC 9457 problem details; further members carry the numbers."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(examples=[PROBLEMS + "received-too-much"])
    title: str
    status: int
    detail: str
    instance: str
    code: str
    request_id: str
    errors: list[FieldProblem] = []


class BatchResult(Output):
    """What became of one row of a batch; a refused row brings the problem that a request of its own would have got."""

    index: int = Field(description="The row's place in the request, from 0")
    result: str
    problem: Problem | None = None


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The problem answers of a route, for its OpenAPI document; `_complete` adds those that every route has."""
    return {
        status: {
            "description": TITLES[status],
            "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status in statuses
    }


class ScopeMissing(errors.Forbidden):
    """The token lacks the scope that this route needs."""


class VersionMissing(errors.PreconditionMissing):
    """An update needs `If-Match` with the ETag that was read."""


class VersionUnreadable(errors.BadRequest):
    """`If-Match` must hold the ETag as it was given."""


class NoSuchDocument(errors.NotFound):
    """There is no such document, or it is not in your warehouses."""


class UnknownParameter(errors.Invalid):
    """The route does not know this query parameter."""


class BodyTooDeep(errors.BadRequest):
    """JSON within JSON within JSON: no request of ours needs so much of it."""


class TextUnusable(errors.Invalid):
    """Text in the address must not contain NUL."""


@dataclass(frozen=True)
class Call:
    """One request: who calls, and the ways to answer."""

    request: Request
    work: Work
    principal: Principal
    origin: Origin
    if_match: int | None

    @property
    def scope(self) -> Warehouses:
        """The warehouses that the caller may see."""
        return self.principal.scope

    @property
    def version(self) -> int:
        """The version that the caller read, from `If-Match`."""
        if self.if_match is None:
            raise VersionMissing('Send If-Match with the ETag you read, such as If-Match: "3"')
        return self.if_match

    async def run(
        self,
        handler: Callable[..., Awaitable[R]],
        /,
        *args: Any,
        respond: Callable[[R], BaseModel],
        status: int = 200,
    ) -> Response:
        """Carry out a command in a transaction; a POST is carried out once per Idempotency-Key."""
        keyed = await self._keyed()

        async def once(tx: Tx) -> tuple[idempotency.Stored, bool]:
            if keyed and (stored := await idempotency.claim(tx, keyed)):
                return stored, True
            result = await handler(tx, *args)
            answer = idempotency.Stored(status, respond(result).model_dump_json().encode(), etag_of(result))
            if keyed:
                await idempotency.keep(tx, keyed, answer)
            return answer, False

        answer, replayed = await run(self.work, once, self.origin, self.principal)
        return _json(answer.body, answer.status, answer.etag, replayed=replayed)

    async def read(
        self,
        view: Callable[..., Awaitable[R | None]],
        /,
        *args: Any,
        respond: Callable[[R], BaseModel],
        wait: float = 0,
        until: Callable[[R], bool] | None = None,
    ) -> Response:
        """Read one thing; with `wait` and `until`, hold the answer until it is so, at most that long."""
        found = await self._when(lambda: self._view(view, *args), until, wait)
        if found is None:
            raise NoSuchDocument("There is no such document, or it is not in your warehouses")
        return _json(respond(found).model_dump_json().encode(), 200, etag_of(found))

    async def list(self, query: Select[Any], page: PageParams, row: Callable[[Any], BaseModel]) -> Response:
        """One page of a list; with `wait`, hold the answer until there is at least one row."""
        statement = page_query(query, page)

        async def fetch(db: AsyncConnection) -> Any:
            return (await db.execute(statement)).all()

        rows = await self._when(lambda: self._view(fetch), bool, page.wait)
        data = b",".join(row(r).model_dump_json().encode() for r in rows[: page.limit])
        cursor = next_cursor(rows, page)
        tail = orjson.dumps({"has_more": cursor is not None, "next_cursor": cursor})
        return _json(b'{"data":[' + data + b"]," + tail[1:], 200, None)

    async def _view(self, view: Callable[..., Awaitable[R]], *args: Any) -> R:
        async with self.work.engine.connect() as db:
            await db.execution_options(isolation_level="AUTOCOMMIT")
            return await view(db, *args)

    async def _when(
        self, fetch: Callable[[], Awaitable[R]], until: Callable[[Any], bool] | None, wait: float
    ) -> R:
        """Re-read after each commit of this process, or every quarter second for commits of another one."""
        deadline = time.monotonic() + min(wait, LONGEST_WAIT)
        gap = 0.0
        while True:
            mark = self.work.committed.mark()
            found = await fetch()
            left = deadline - time.monotonic()
            stopping: asyncio.Event = self.request.app.state.stopping
            if until is None or left <= 0 or stopping.is_set() or (found is not None and until(found)):
                return found
            await self.work.committed.wait(min(POLL_SECONDS, left), mark)
            # the first commit is looked at there and then; a busy process has hundreds a second, and many who wait
            await asyncio.sleep(gap)
            gap = min(LONGEST_GAP, gap * 1.5 + 0.004)

    def problem_of(self, refusal: errors.TielineError | ValidationError) -> Problem:
        """What refused one row of a batch, as the problem document of a request of its own."""
        if isinstance(refusal, ValidationError):
            return Problem(**_invalid(self.request, refusal))
        return Problem(**_refused(self.request, refusal))

    async def _keyed(self) -> idempotency.Request | None:
        if self.request.method != "POST":
            return None
        key = self.request.headers.get("idempotency-key")
        return idempotency.keyed(
            self.principal.subject, key, self.request.method, self.request.url.path, await self.request.body()
        )


def etag_of(result: Any) -> str | None:
    """`"3"` for a result with a version."""
    version = getattr(result, "version", None)
    return f'"{version}"' if isinstance(version, int) else None


def _json(body: bytes, status: int, etag: str | None, *, replayed: bool = False) -> Response:
    headers = {"ETag": etag} if etag else {}
    if replayed:
        headers["Idempotency-Replayed"] = "true"
    return Response(body, status, headers, "application/json")


_bearer = HTTPBearer(auto_error=False, scheme_name="token", description="A JWT access token with scopes")


def allows(*scopes: str, if_match: bool = False, shed: bool = True) -> Any:
    """The dependency that every route has: the caller's token must hold one of these scopes.

    With `if_match` the request must say which version it means. While too many events wait for the broker a command
    answers 503, unless `shed` is False (what operators need then). Raises 401, 403, 428, 429, and 422 for parameters
    that the route does not know.
    """

    async def caller(
        request: Request,
        needed: SecurityScopes,
        token: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
    ) -> Call:
        if token is None:
            raise TokenMissing("Send Authorization: Bearer <token>")
        verifier: Verifier = request.app.state.verifier
        principal = await verifier.principal(token.credentials)
        request.app.state.measure.take(principal.subject)
        if not principal.scopes.intersection(needed.scopes):
            raise ScopeMissing(
                f"This needs the scope {' or '.join(needed.scopes)}", needed=list(needed.scopes)
            )
        _refuse_unknown_parameters(request)
        version = _if_match(request) if if_match else None
        if if_match and version is None:
            raise VersionMissing('Send If-Match with the ETag you read, such as If-Match: "3"')
        if request.method not in READS:
            _refuse_deep(await request.body())
            if shed:
                await request.app.state.backlog.admit()
        return Call(request, request.app.state.work, principal, _origin(request, principal), version)

    caller.if_match = if_match  # type: ignore[attr-defined]  # read by the OpenAPI document
    return Security(caller, scopes=list(scopes))


def _origin(request: Request, principal: Principal) -> Origin:
    request_id: str = request.scope["tieline.request_id"]
    return Origin(principal.subject, request_id, request_id, request.scope["tieline.traceparent"])


_TEXT = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_ONE_BRACKET = bytes.maketrans(b"{}", b"[]")
_NO_BRACKET = bytes(set(range(256)) - set(b"[]{}"))


def _refuse_deep(body: bytes) -> None:
    """Measure how deep the JSON goes: without texts, each round removes the innermost brackets of all."""
    if body.count(b"[") + body.count(b"{") <= MOST_BODY_DEPTH:
        return
    brackets = _TEXT.sub(b"", body).translate(_ONE_BRACKET, _NO_BRACKET)
    for _ in range(MOST_BODY_DEPTH):
        brackets = brackets.replace(b"[]", b"")
    if brackets:
        raise BodyTooDeep(f"A request body is at most {MOST_BODY_DEPTH} levels deep", limit=MOST_BODY_DEPTH)


def _refuse_unknown_parameters(request: Request) -> None:
    texts = [*request.path_params.values(), *request.query_params.keys(), *request.query_params.values()]
    if any(isinstance(text, str) and "\x00" in text for text in texts):
        raise TextUnusable("Text in the address must not contain NUL")
    route = request.scope["route"]
    known = {field.alias for field in route.dependant.query_params}
    for dependency in route.dependant.dependencies:
        known |= {field.alias for field in dependency.query_params}
    unknown = sorted(set(request.query_params) - known)
    if unknown:
        raise UnknownParameter(
            f"Unknown parameter {', '.join(unknown)}; this list knows {', '.join(sorted(known)) or 'none'}",
            errors=[{"pointer": name, "detail": "unknown parameter"} for name in unknown],
        )


def _if_match(request: Request) -> int | None:
    header = request.headers.get("if-match")
    if header is None:
        return None
    bare = header.strip().removeprefix("W/").strip('"')
    if not (bare.isascii() and bare.isdigit() and len(bare) < 19):
        raise VersionUnreadable('If-Match must hold the ETag as it was given, such as "3"')
    return int(bare)


WaitSeconds = Annotated[
    float,
    Query(
        ge=0, le=LONGEST_WAIT, description="Hold the answer until nothing is pending, at most so many seconds"
    ),
]


def paging(sorts: Sorts) -> Any:
    """The dependency of a list: limit, cursor, sort and wait, bound to the other parameters."""

    async def parameters(
        request: Request,
        limit: Annotated[int, Query(ge=1, le=MOST_ROWS)] = DEFAULT_LIMIT,
        cursor: Annotated[str | None, Query(max_length=1000)] = None,
        sort: Annotated[
            str | None,
            Query(
                max_length=100,
                description=f"One or more of {', '.join(sorted(sorts.columns))}, `-` for descending",
            ),
        ] = None,
        wait: Annotated[
            float,
            Query(
                ge=0,
                le=LONGEST_WAIT,
                description="Hold the answer until there is a row, at most so many seconds",
            ),
        ] = 0,
    ) -> PageParams:
        own = sorted(
            (k, v)
            for k, v in request.query_params.multi_items()
            if k not in {"cursor", "limit", "sort", "wait"}
        )
        filters = hashlib.sha256(repr((request.url.path, own)).encode()).hexdigest()
        sorts.parse(sort)
        return PageParams(sorts, limit, cursor, sort, filters, wait)

    return Security(parameters)


# --- problems -------------------------------------------------------------------------------------------------------


def install_problem_handlers(app: FastAPI) -> None:
    """Every exception becomes a problem document; only ours tell their words."""
    app.add_exception_handler(errors.TielineError, _tieline_problem)
    app.add_exception_handler(RequestValidationError, _validation_problem)
    app.add_exception_handler(HTTPException, _http_problem)
    app.add_exception_handler(PoolTimeout, _busy_problem)
    app.add_exception_handler(DBAPIError, _database_problem)
    app.add_exception_handler(OSError, _away_problem)


def problem(request: Request, status: int, code: str, detail: str, **members: Any) -> Response:
    """The answer with an RFC 9457 document."""
    return _answer(_document(request, status, code, detail, **members))


def _document(request: Request, status: int, code: str, detail: str, **members: Any) -> dict[str, Any]:
    request_id = request.scope.get("tieline.request_id", "")
    return {
        "type": PROBLEMS + code, "title": TITLES.get(status, "Problem"), "status": status, "detail": detail,
        "instance": request.url.path, "code": code, "request_id": request_id, **members,
    }  # fmt: skip


def _answer(document: dict[str, Any]) -> Response:
    status = document["status"]
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
    if status in (429, 503):
        headers["Retry-After"] = str(document.get("retry_after", 1))
    return Response(orjson.dumps(document), status, headers, "application/problem+json")


def status_of(error: errors.TielineError) -> int:
    """The HTTP status of an error: its nearest parent's in the table."""
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


async def _tieline_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, errors.TielineError)  # noqa: S101  # registered for this type
    return _answer(_refused(request, error))


def _refused(request: Request, error: errors.TielineError) -> dict[str, Any]:
    members = {**error.facts, **({"errors": error.errors} if error.errors else {})}
    reserved = {"type", "title", "status", "detail", "instance", "code", "request_id"}
    members = {(f"{name}_" if name in reserved else name): value for name, value in members.items()}
    return _document(request, status_of(error), error.code, error.message, **members)


async def _validation_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101  # registered for this type
    return _answer(_unacceptable(request, [(_pointer(e["loc"]), e["msg"]) for e in error.errors()]))


def _invalid(request: Request, error: ValidationError) -> dict[str, Any]:
    """A row of a batch that is none: its places begin at the row, not at the body."""
    found = error.errors(include_input=False, include_url=False, include_context=False)
    return _unacceptable(request, [(_pointer(("body", *e["loc"])), e["msg"]) for e in found])


def _unacceptable(request: Request, found: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    told = [{"pointer": place, "detail": _printable(str(detail))} for place, detail in found[:50]]
    first = f"{told[0]['pointer']}: {told[0]['detail']}" if told else "invalid"
    return _document(request, 422, "invalid-input", first, errors=told)


def _printable(message: str) -> str:
    # a validator may quote a lone surrogate of the input, which no JSON document can carry
    return message.encode("utf-8", "backslashreplace").decode()


def _pointer(place: tuple[Any, ...]) -> str:
    where, rest = (place[0], place[1:]) if place else ("", ())
    if where == "body":
        return _printable("".join(f"/{part}" for part in rest) or "/")
    return _printable(".".join(str(part) for part in rest) or str(where))


async def _http_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101  # registered for this type
    if request.scope.get("tieline.too_large"):
        return _too_large(request.scope)
    if request.scope.get("tieline.too_slow"):
        return _too_slow(request.scope)
    code = {404: "no-such-route", 405: "method-not-allowed", 400: "unreadable-body"}.get(
        error.status_code, "http-error"
    )
    answer = problem(request, error.status_code, code, str(error.detail))
    for name, value in (error.headers or {}).items():
        answer.headers[name] = value
    return answer


async def _busy_problem(request: Request, error: Exception) -> Response:
    log.warning("pool exhausted", path=request.url.path)
    return problem(request, 503, "busy", "The service is busy; send the same request again", retry_after=1)


async def _away_problem(request: Request, error: Exception) -> Response:
    # a connection that cannot be made is no DBAPIError yet: the driver raises what the socket says
    log.warning("database away", path=request.url.path, error=str(error) or type(error).__name__)
    return problem(
        request, 503, "busy", "The database does not answer; send the same request again", retry_after=1
    )


async def _database_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, DBAPIError)  # noqa: S101  # registered for this type
    state = sqlstate(error)
    if infrastructure(error) or state in {"40001", "40P01", "55P03", "57014"}:
        log.warning("database away or contended", path=request.url.path, sqlstate=state)
        return problem(
            request, 503, "busy", "The database is busy; send the same request again", retry_after=1
        )
    if isinstance(error, IntegrityError):
        name = getattr(getattr(error.orig, "__cause__", None), "constraint_name", None)
        log.error("constraint stopped a write", path=request.url.path, constraint=name)
        return problem(
            request,
            409,
            "constraint",
            f"This would break a rule of the books ({name}); nothing was changed",
            constraint=name,
        )
    log.error("database error", path=request.url.path, sqlstate=state, exc_info=error)
    return problem(request, 500, "internal", "Something went wrong on our side; it has been logged")


# --- the outermost layer --------------------------------------------------------------------------------------------


class Edge:
    """Pure ASGI (a task per request would be cancelled when a client goes away): request id, trace, size limit, metrics."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {
            name: value for name, value in scope["headers"] if name in (b"traceparent", b"content-length")
        }
        scope["tieline.request_id"] = str(new_id())
        scope["tieline.traceparent"] = _traceparent(headers.get(b"traceparent"))
        started, status = time.perf_counter(), 500

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [
                    *message["headers"],
                    (b"x-request-id", scope["tieline.request_id"].encode()),
                ]
            await send(message)

        try:
            if _declared(headers) > MOST_BODY_BYTES:
                await _too_large(scope)(scope, receive, answer)
            else:
                await self._guarded(scope, _limited(scope, receive), answer)
        finally:
            route = getattr(scope.get("route"), "path", "none")
            metrics.http_seconds.labels(scope["method"], route, str(status)).observe(
                time.perf_counter() - started
            )

    async def _guarded(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def watched(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except _BodyTooLarge:
            await _too_large(scope)(scope, receive, send)
        except _BodyTooSlow:
            await _too_slow(scope)(scope, receive, send)
        except asyncio.CancelledError:
            raise
        except Exception as error:  # the last net: logged, and told without insides
            log.error(
                "request failed", path=scope["path"], request_id=scope["tieline.request_id"], exc_info=error
            )
            if begun:
                raise
            answer = problem(
                Request(scope), 500, "internal", "Something went wrong on our side; it has been logged"
            )
            await answer(scope, receive, send)


class _BodyTooLarge(Exception):
    """More bytes came than were declared or are accepted."""


class _BodyTooSlow(Exception):
    """The body did not come in the time that a request has for it."""


def _declared(headers: dict[bytes, bytes]) -> int:
    length = headers.get(b"content-length", b"0")
    return int(length) if length.isdigit() else 0


def _too_large(scope: Scope) -> Response:
    return problem(
        Request(scope),
        413,
        "body-too-large",
        f"A request body has at most {MOST_BODY_BYTES} bytes",
        limit=MOST_BODY_BYTES,
    )


def _too_slow(scope: Scope) -> Response:
    answer = problem(
        Request(scope),
        408,
        "body-too-slow",
        f"The request's body did not come within {BODY_SECONDS:g} s",
        limit=str(BODY_SECONDS),
    )
    answer.headers["Connection"] = "close"
    return answer


def _limited(scope: Scope, receive: Receive) -> Receive:
    """The body, bounded in bytes and in time; what is received after it (that the client has gone) may take for ever."""
    got = 0
    is_whole = False
    deadline = asyncio.get_running_loop().time() + BODY_SECONDS

    async def bounded() -> Message:
        nonlocal got, is_whole
        try:
            async with asyncio.timeout_at(None if is_whole else deadline):
                message = await receive()
        except TimeoutError:
            scope["tieline.too_slow"] = True
            raise _BodyTooSlow from None
        is_whole = not message.get("more_body", False)
        got += len(message.get("body", b""))
        if got > MOST_BODY_BYTES:
            # FastAPI turns whatever is raised while it reads into its own 400; the mark tells the handler the truth
            scope["tieline.too_large"] = True
            raise _BodyTooLarge
        return message

    return bounded


def _traceparent(header: bytes | None) -> str:
    """The caller's trace if it sent a well-formed one (W3C), else a new one."""
    if header and len(header) == 55 and header[:3] == b"00-" and header[3:].replace(b"-", b"").isalnum():
        return header.decode("ascii")
    return f"00-{new_id().hex}-{new_id().hex[16:]}-01"


# --- the OpenAPI document -------------------------------------------------------------------------------------------


def openapi_document(app: FastAPI, title: str, description: str) -> dict[str, Any]:
    """The document of one service: bearer scopes, Idempotency-Key on POST, If-Match where needed, problem answers."""
    document = get_openapi(title=title, version="1", description=description, routes=app.routes)
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas.pop("HTTPValidationError", None)
    schemas.pop("ValidationError", None)
    template = "#/components/schemas/{model}"
    schemas["Problem"] = Problem.model_json_schema(ref_template=template)
    schemas |= schemas["Problem"].pop("$defs", {})
    for route in api_routes(app):
        for method in route.methods or ():
            operation = document.get("paths", {}).get(route.path_format, {}).get(method.lower())
            if operation is not None:
                _complete(operation, route, method)
    return document


def api_routes(app: FastAPI) -> list[Any]:
    """The routes that the document describes, with their whole paths, however their routers are nested."""
    contexts = iter_route_contexts(app.routes)
    return [c for c in contexts if isinstance(c.original_route, APIRoute) and c.include_in_schema]


def _complete(operation: dict[str, Any], route: Any, method: str) -> None:
    headers = operation.setdefault("parameters", [])
    if method == "POST":
        headers.append(
            _header(
                "Idempotency-Key",
                "Sending the same request again with the same key answers the same",
                "^[!-~]+$",
            )
        )
    if any(getattr(d.call, "if_match", False) for d in route.dependant.dependencies):
        headers.append(_header("If-Match", 'The ETag that was read, such as `"3"`', '^(W/)?"[0-9]{1,18}"$'))
    answers = operation["responses"]
    statuses = {400, 401, 403, 422, 429, 503}
    if method not in READS:
        statuses |= {408, 409, 413}
    if "{" in route.path_format:
        statuses |= {404}
    if any(h.get("name") == "If-Match" for h in headers):
        statuses |= {412, 428}
    answers |= {str(status): body for status, body in problems(*sorted(statuses)).items()}


def _header(name: str, description: str, pattern: str) -> dict[str, Any]:
    schema = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": pattern}
    return {"name": name, "in": "header", "required": True, "description": description, "schema": schema}
