"""`python -m deploy.compose.check --base-url URL --keys FOLDER`: is everything behind the gateway where it should be?

It looks at what only the gateway can get wrong: that each operation of each service is reached at the one origin and
refuses who has no token, that pages and live notices come through, and that what is not for outsiders does not.
The chain itself is played by `tieline demo`.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx

from deploy.gateway.routes import resource
from deploy.local.announcing import say
from deploy.local.definitions import SERVICES
from shared.auth import development_token
from shared.web import MOST_BODY_BYTES

NOBODY = "00000000-0000-7000-8000-000000000000"
FIRST_LINE_SECONDS = 20


class Wrong(Exception):
    """The gateway answers otherwise than it should."""


def main(arguments: list[str]) -> int:
    """The command line; 0 when everything is as it should be."""
    parser = argparse.ArgumentParser(prog="python -m deploy.compose.check", description=__doc__)
    parser.add_argument("--base-url", required=True)
    parser.add_argument("--keys", type=Path, required=True)
    chosen = parser.parse_args(arguments)
    token = development_token(chosen.keys, "compose-check", ["preferences:read", "notices:read", "ops:read"])
    # never by way of a proxy that the environment names: it is the gateway that is looked at
    with httpx.Client(base_url=chosen.base_url, timeout=10, trust_env=False) as http:
        failed = [name for check in CHECKS if (name := _failure(check, http, token))]
    return 1 if failed else 0


def _failure(check: Callable[[httpx.Client, str], str], http: httpx.Client, token: str) -> str | None:
    name = check.__name__.strip("_").replace("_", " ")
    try:
        say(f"ok    {name}: {check(http, token)}")
    except (Wrong, httpx.HTTPError) as problem:
        say(f"WRONG {name}: {problem}")
        return name
    return None


def _every_service_is_ready(http: httpx.Client, _: str) -> str:
    _expect(http.get("/health/live"), 200)
    for service in SERVICES:
        _expect(http.get(f"/health/{service}"), 200)
    return ", ".join(SERVICES)


def _every_operation_is_reached_and_refuses_strangers(http: httpx.Client, _: str) -> str:
    found = 0
    for service in SERVICES:
        for method, path in _operations(http, service):
            answer = http.request(method, path)
            _expect(answer, 401, code="token-missing")
            found += 1
    return f"{found} operations"


def _a_token_opens_what_its_scopes_name(http: httpx.Client, token: str) -> str:
    http_as = {"Authorization": f"Bearer {token}"}
    for service in SERVICES:
        _expect(http.get(f"/v1/preferences/{service}", headers=http_as), 200)
        _expect(http.get(f"/v1/ops/{service}/lag", headers=http_as), 200)
    _expect(http.get("/v1/sales-orders", headers=http_as), 403)
    return "200 with the scope, 403 without"


def _every_page_finds_its_document(http: httpx.Client, _: str) -> str:
    index = _expect(http.get("/"), 200).text
    for service in SERVICES:
        page = _expect(http.get(f"/docs/{service}"), 200).text
        for text, wanted in ((index, f"/docs/{service}"), (page, f"/openapi/{service}.json")):
            if wanted not in text:
                raise Wrong(f"the page does not name {wanted}")
    return "/ and /docs/<service>"


def _nothing_else_is_there(http: httpx.Client, _: str) -> str:
    for path in ("/metrics", "/v1/nothing", "/v1/ops/postgres/lag", "/docs/rabbitmq", "/openapi.json", "/x"):
        _expect(http.get(path), 404, code="no-such-route")
    return "unknown addresses are 404 problems"


def _a_large_body_is_a_problem(http: httpx.Client, token: str) -> str:
    http_as = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    # the first is refused by the service, the second by the gateway
    for size in (MOST_BODY_BYTES + 1, 3 * MOST_BODY_BYTES):
        answer = http.post("/v1/sales-orders", headers=http_as, content=b" " * size)
        _expect(answer, 413, code="body-too-large")
    return "413"


def _live_notices_come_as_they_are_made(http: httpx.Client, token: str) -> str:
    http_as = {"Authorization": f"Bearer {token}", "Accept": "text/event-stream"}
    started = time.monotonic()
    with http.stream(
        "GET", "/v1/notices/stream", headers=http_as, timeout=httpx.Timeout(10, read=FIRST_LINE_SECONDS)
    ) as answer:
        if answer.status_code != 200:
            answer.read()
        _expect(answer, 200)
        if "text/event-stream" not in answer.headers["content-type"]:
            raise Wrong(f"the stream is {answer.headers['content-type']}")
        # a gateway that gathers an answer before it passes it on would stay silent here
        first = next(answer.iter_lines(), None)
    if first is None:
        raise Wrong("the stream ended at once")
    return f"{first!r} after {time.monotonic() - started:.1f} s"


CHECKS: tuple[Callable[[httpx.Client, str], str], ...] = (
    _every_service_is_ready,
    _every_operation_is_reached_and_refuses_strangers,
    _a_token_opens_what_its_scopes_name,
    _every_page_finds_its_document,
    _nothing_else_is_there,
    _a_large_body_is_a_problem,
    _live_notices_come_as_they_are_made,
)


def _operations(http: httpx.Client, service: str) -> Iterator[tuple[str, str]]:
    """Method and address of everything that a service's document names, its parameters filled in."""
    document: dict[str, Any] = _expect(http.get(f"/openapi/{service}.json"), 200).json()
    for path, methods in document["paths"].items():
        resource(path)  # raises if the gateway could not know whose it is
        parts = (NOBODY if part.startswith("{") else part for part in path.split("/"))
        address = "/".join(parts)
        yield from ((method.upper(), address) for method in methods)


def _expect(answer: httpx.Response, status: int, *, code: str | None = None) -> httpx.Response:
    asked = f"{answer.request.method} {answer.request.url.path}"
    if answer.status_code != status:
        raise Wrong(f"{asked} is {answer.status_code}, not {status}: {answer.text[:300]}")
    if code is None:
        return answer
    if answer.headers["content-type"] != "application/problem+json":
        raise Wrong(f"{asked} is no problem document but {answer.headers['content-type']}")
    problem = json.loads(answer.text)
    if problem.get("code") != code or problem.get("status") != status or "request_id" not in problem:
        raise Wrong(f"{asked} tells another problem: {answer.text[:300]}")
    return answer


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
