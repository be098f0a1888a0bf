"""Bad input at every door of every service: a problem document that says what is wrong, never a 500, nothing changed."""

from collections.abc import Iterator
from importlib import import_module
from typing import Any
from uuid import UUID

import pytest

from shared.ids import new_id
from shared.migrate import SERVICES
from shared.testing import Api, Bench
from shared.web import api_routes

BODIES: dict[str, Any] = {
    "nothing": None,
    "a list": [],
    "a word": "x",
    "unknown fields": {"no_such_field": 1, "version": 7, "state": "open"},
    "nul": {"code": "A\x00", "name": "\x00", "reason": "\x00", "sku": "\x00", "lines": ["\x00"]},
    "huge": {"qty": "9" * 400, "lines": [{"qty": "9" * 400}] * 5, "priority": 10**40},
    "negative": {"qty": "-1", "lines": [{"sku": "A", "qty": "-1"}], "target": "-1"},
    "no numbers": {"qty": "NaN", "price": "Infinity", "lines": [{"sku": "A", "qty": "1e3"}]},
    "nulls": {"code": None, "lines": None, "qty": None, "reason": None},
    "deep": {"lines": [[[[[[[[{}]]]]]]]]},
    "surrogates": {"code": "\ud800", "name": "\udfff", "reason": "\ud800"},
}


class Door:
    """One route, with addresses that lead nowhere."""

    def __init__(self, service: str, method: str, path: str, types: dict[str, Any]) -> None:
        self.service = service
        self.method = method
        self.path = path
        self.types = types

    def __str__(self) -> str:
        return f"{self.service} {self.method} {self.path}"

    def nowhere(self) -> str:
        """The path with ids that do not exist."""
        values = {
            name: str(new_id()) if kind is UUID else "1" if kind is int else "NOWHERE"
            for name, kind in self.types.items()
        }
        return self.path.format(**values)

    def nonsense(self, word: str) -> str:
        """The path with one word in every place."""
        return self.path.format(**dict.fromkeys(self.types, word))


def doors() -> Iterator[Door]:
    """Every route of every service but the endless stream."""
    for service in SERVICES:
        for route in api_routes(import_module(f"services.{service}.main").app):
            types = {field.name: field.field_info.annotation for field in route.dependant.path_params}
            for method in sorted(route.methods - {"HEAD"}):
                if not route.path_format.endswith("/stream"):
                    yield Door(service, method, route.path_format, types)


DOORS = list(doors())


@pytest.fixture
def apis(
    api_orders: Api, api_inventory: Api, api_purchasing: Api, api_shipping: Api, api_notifications: Api
) -> dict[str, Api]:
    """Every service's REST door."""
    found = (api_orders, api_inventory, api_purchasing, api_shipping, api_notifications)
    return dict(zip(SERVICES, found, strict=True))


def is_a_problem(answer: Any, what: str) -> None:
    """A problem document with words, below 500."""
    assert 400 <= answer.status_code < 500, f"{what}: {answer.status_code} {answer.text[:300]}"
    assert answer.headers["content-type"] == "application/problem+json", what
    document = answer.json()
    assert document["detail"], what
    assert document["code"], what
    assert document["type"].endswith(document["code"]), what


@pytest.mark.parametrize("door", [d for d in DOORS if d.method in {"POST", "PUT", "PATCH"}], ids=str)
async def test_a_bad_body_is_told_what_is_wrong(apis: dict[str, Api], benches: Any, door: Door) -> None:
    for kind, body in BODIES.items():
        answer = await apis[door.service].request(
            door.method,
            door.nowhere(),
            content=_json(body),
            headers={"If-Match": '"1"', "Content-Type": "application/json"},
        )
        if answer.status_code < 400:
            # a body without meaning for the route, such as {} where every field has a default
            assert body in (None, {}), f"{door} took {kind}: {answer.text[:300]}"
        else:
            is_a_problem(answer, f"{door}: {kind}")
            assert await benches_told(benches, door.service) == 0, f"{door}: {kind} was told to others"


async def benches_told(benches: Any, service: str) -> int:
    """How many events a service has told since the test began."""
    bench: Bench = await benches.of(service)
    return int((await bench.sql("SELECT count(*) FROM event_log"))[0][0])


def _json(body: Any) -> bytes:
    import json

    return b"" if body is None else json.dumps(body).encode()


@pytest.mark.parametrize("door", [d for d in DOORS if d.types], ids=str)
async def test_an_address_that_leads_nowhere_is_a_4xx(apis: dict[str, Api], door: Door) -> None:
    for word in ("%00", "0", "-1", "9" * 60, "a%27%3B--", "%F0%9F%92%A9", "..%2F..", "x" * 300):
        answer = await apis[door.service].request(
            door.method, door.nonsense(word), json={"reason": "test"}, headers={"If-Match": '"1"'}
        )
        if answer.status_code == 200:
            assert answer.json()["data"] == [], f"{door}: {word}"  # a list of nothing
        else:
            is_a_problem(answer, f"{door}: {word}")


@pytest.mark.parametrize("door", DOORS, ids=str)
async def test_no_door_opens_without_a_token_or_with_another_scope(apis: dict[str, Api], door: Door) -> None:
    api = apis[door.service]

    anonymous = await api.request(door.method, door.nowhere(), json={}, headers={"Authorization": None})
    stranger = await api.as_(scopes=["nothing:at-all"]).request(door.method, door.nowhere(), json={})

    assert (anonymous.status_code, anonymous.json()["code"]) == (401, "token-missing")
    assert stranger.status_code in (403, 422), stranger.text
    if stranger.status_code == 403:
        assert stranger.json()["code"] == "scope-missing"


@pytest.mark.parametrize("door", [d for d in DOORS if d.method == "POST"], ids=str)
async def test_every_post_asks_for_its_key(apis: dict[str, Api], door: Door) -> None:
    api = apis[door.service]
    for key in ("x" * 256, "two words"):
        answer = await api.request(
            "POST", door.nowhere(), json={}, headers={"Idempotency-Key": key, "If-Match": '"1"'}
        )
        assert answer.status_code in (400, 422), f"{door}: {answer.text[:200]}"
