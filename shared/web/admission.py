"""Who may call a route, and with what: `allows`, the dependency that every route has, and the parameters of lists."""

import hashlib
import re
from typing import Annotated, Any

from fastapi import Query, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer, SecurityScopes

from shared import errors
from shared.auth import Principal, TokenMissing, Verifier
from shared.paging import DEFAULT_LIMIT, MOST_ROWS, PageParams, Sorts
from shared.unit_of_work import Origin
from shared.web.call import LONGEST_WAIT, Call, VersionMissing

MOST_BODY_DEPTH = 32
READS = frozenset({"GET", "HEAD", "OPTIONS"})


class ScopeMissing(errors.Forbidden):
    """The token lacks the scope that this route needs."""


class VersionUnreadable(errors.BadRequest):
    """`If-Match` must hold the ETag as it was given."""


class UnknownParameter(errors.Invalid):
    """The route does not know this query parameter."""


class BodyTooDeep(errors.BadRequest):
    """JSON within JSON within JSON: no request of ours needs so much of it."""


class TextUnusable(errors.Invalid):
    """Text in the address must not contain NUL."""


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
