"""Problem documents (RFC 9457): what each exception is over HTTP."""

from collections.abc import Sequence
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.types import Scope

from shared import errors
from shared.inbox import infrastructure
from shared.logging import get_logger
from shared.unit_of_work import constraint, sqlstate
from shared.web.models import PROBLEMS

log = get_logger(__name__)

MOST_BODY_BYTES = 1024 * 1024
BODY_SECONDS = 30.0

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


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The problem answers of a route, for its OpenAPI document; `_complete` adds those that every route has."""
    return {
        status: {
            "description": TITLES[status],
            "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status in statuses
    }


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
    return _answer(refused(request, error))


def refused(request: Request, error: errors.TielineError) -> dict[str, Any]:
    members = {**error.facts, **({"errors": error.errors} if error.errors else {})}
    reserved = {"type", "title", "status", "detail", "instance", "code", "request_id"}
    members = {(f"{name}_" if name in reserved else name): value for name, value in members.items()}
    return _document(request, status_of(error), error.code, error.message, **members)


async def _validation_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101  # registered for this type
    return _answer(_unacceptable(request, [(_pointer(e["loc"]), e["msg"]) for e in error.errors()]))


def invalid(request: Request, error: ValidationError) -> dict[str, Any]:
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
        return too_large(request.scope)
    if request.scope.get("tieline.too_slow"):
        return too_slow(request.scope)
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
        name = constraint(error)
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


def too_large(scope: Scope) -> Response:
    return problem(
        Request(scope),
        413,
        "body-too-large",
        f"A request body has at most {MOST_BODY_BYTES} bytes",
        limit=MOST_BODY_BYTES,
    )


def too_slow(scope: Scope) -> Response:
    answer = problem(
        Request(scope),
        408,
        "body-too-slow",
        f"The request's body did not come within {BODY_SECONDS:g} s",
        limit=str(BODY_SECONDS),
    )
    answer.headers["Connection"] = "close"
    return answer
