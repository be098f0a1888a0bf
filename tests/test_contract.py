"""schemathesis at every door: what a service answers is what its OpenAPI document says, and never our fault."""

import asyncio
import copy
from importlib import import_module
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from shared.migrate import SERVICES
from shared.testing import Api

pytestmark = pytest.mark.slow

EXAMPLES = {schemathesis.GenerationMode.POSITIVE: 8, schemathesis.GenerationMode.NEGATIVE: 4}
CHECKS = [
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
LEFT_TO_US = {
    "authorization",
    "host",
    "content-length",
    "user-agent",
    "accept",
    "accept-encoding",
    "connection",
}


@pytest.fixture
def apis(
    api_orders: Api, api_inventory: Api, api_purchasing: Api, api_shipping: Api, api_notifications: Api
) -> dict[str, Api]:
    """Every service's REST door."""
    found = (api_orders, api_inventory, api_purchasing, api_shipping, api_notifications)
    return dict(zip(SERVICES, found, strict=True))


@pytest.mark.fault(48, 50)
@pytest.mark.parametrize("mode", EXAMPLES, ids=lambda mode: mode.value)
@pytest.mark.parametrize("service", SERVICES)
async def test_answers_are_as_the_document_says(
    apis: dict[str, Api], service: str, mode: schemathesis.GenerationMode
) -> None:
    found = await examined(apis[service], document_of(service), mode)

    assert found == [], "\n\n".join(found)


async def test_an_answer_that_the_document_does_not_know_is_seen(apis: dict[str, Api]) -> None:
    document = copy.deepcopy(document_of("inventory"))
    path = "/v1/warehouses/{code}"
    document["paths"] = {path: {"get": document["paths"][path]["get"]}}
    del document["paths"][path]["get"]["responses"]["404"]

    found = await examined(apis["inventory"], document, schemathesis.GenerationMode.POSITIVE)

    assert any("Undocumented status code" in words for words in found), found


def document_of(service: str) -> dict[str, Any]:
    """What a service says of itself."""
    found: dict[str, Any] = import_module(f"services.{service}.main").app.openapi()
    return found


async def examined(api: Api, document: dict[str, Any], mode: schemathesis.GenerationMode) -> list[str]:
    """What is wrong with the answers of every operation of a document."""
    return await asyncio.to_thread(_examine, api, document, mode, asyncio.get_running_loop())


def _examine(
    api: Api, document: dict[str, Any], mode: schemathesis.GenerationMode, loop: asyncio.AbstractEventLoop
) -> list[str]:
    """What every operation of a service does wrong; hypothesis in this thread, the service in the loop's."""
    schema = schemathesis.openapi.from_dict(document)
    found = []
    for result in schema.get_all_operations():
        operation: Any = result.ok()  # type: ignore[union-attr]  # a document that is none fails here
        if operation.path.endswith("/stream"):
            continue
        try:
            _tried(operation, mode, api, loop)
        except (Failure, FailureGroup) as failure:
            said = failure.exceptions if isinstance(failure, FailureGroup) else [failure]
            found += [f"{operation.label}: {one.title}: {one.message[:600]}" for one in said]
        except AssertionError as fault:
            found.append(str(fault))
    return found


def _tried(
    operation: Any, mode: schemathesis.GenerationMode, api: Api, loop: asyncio.AbstractEventLoop
) -> None:
    @settings(
        max_examples=EXAMPLES[mode], derandomize=True, deadline=None, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck), report_multiple_bugs=False,
    )  # fmt: skip
    @given(case=operation.as_strategy(generation_mode=mode))
    def tried(case: schemathesis.Case[Any]) -> None:
        case.query.pop("wait", None)  # nothing that is waited for would come
        answer = asyncio.run_coroutine_threadsafe(_sent(case, api), loop).result(timeout=30)
        assert answer.status_code < 500, f"{case.method} {case.path}: {answer.text[:300]}"
        case.validate_response(answer, checks=CHECKS)

    try:
        tried()
    except Exception as problem:
        if "Unsatisfiable" in type(problem).__name__:  # a route that cannot be asked wrongly
            return
        raise


async def _sent(case: schemathesis.Case[Any], api: Api) -> httpx.Response:
    asked = case.as_transport_kwargs(base_url=str(api.client.base_url).rstrip("/"))
    headers = {
        name: str(value) for name, value in asked["headers"].items()
        if name.lower() not in LEFT_TO_US and str(value).isascii() and str(value).isprintable()
    }  # fmt: skip
    body = (
        {"content": asked["data"]} if "data" in asked else {"json": asked["json"]} if "json" in asked else {}
    )
    return await api.request(
        asked["method"], asked["url"], params=asked.get("params"), headers=headers, **body
    )
