"""Fault 53 at every door: what only we may say is not taken from callers, and no scope opens another's door."""

from collections.abc import Iterator
from typing import Any

import pytest

from shared.migrate import SERVICES
from shared.testing import ALL_SCOPES, Api
from tests.doors import DOORS, Door

WITH_BODY = [door for door in DOORS if door.input_schema is not None]


@pytest.fixture
def apis(
    api_orders: Api, api_inventory: Api, api_purchasing: Api, api_shipping: Api, api_notifications: Api
) -> dict[str, Api]:
    """Every service's REST door."""
    found = (api_orders, api_inventory, api_purchasing, api_shipping, api_notifications)
    return dict(zip(SERVICES, found, strict=True))


def out_only(door: Door, given: dict[str, Any], told: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """Paths of fields that an answer has and a request has not, in the document and in the lists in it."""
    given, told = door.resolved(given), door.resolved(told)
    if "properties" not in given or "properties" not in told:
        return
    for name, schema in told["properties"].items():
        if name not in given["properties"]:
            yield (name,)
            continue
        inner, outer = door.resolved(given["properties"][name]), door.resolved(schema)
        if inner.get("type") == "array" and outer.get("type") == "array":
            yield from ((name, *rest) for rest in out_only(door, inner["items"], outer["items"]))


def with_field(door: Door, path: tuple[str, ...]) -> Any:
    """The smallest body with one field more."""
    body = door.smallest_body()
    if len(path) == 2:
        items = door.resolved(door.resolved((door.input_schema or {})["properties"][path[0]])["items"])
        return {**body, path[0]: [{**door.smallest(items), path[1]: "1"}]}
    return {**body, path[0]: "1"}


@pytest.mark.fault(53)
@pytest.mark.parametrize("door", WITH_BODY, ids=str)
async def test_no_field_that_is_only_told_can_be_set(apis: dict[str, Api], door: Door) -> None:
    fields = list(out_only(door, door.input_schema or {}, door.output_schema))
    fields += [(name,) for name in ("state", "version", "created_by", "approved", "company_id", "is_admin")
               if name not in (door.input_schema or {}).get("properties", {})]  # fmt: skip

    for path in fields:
        answer = await apis[door.service].request(
            door.method, door.nowhere(), json=with_field(door, path), headers={"If-Match": '"1"'}
        )
        assert answer.status_code == 422, f"{door} {path}: {answer.text[:300]}"
        assert path[-1] in answer.text, f"{door} {path}: {answer.text[:300]}"


@pytest.mark.fault(53)
@pytest.mark.parametrize("door", DOORS, ids=str)
async def test_every_other_scope_together_does_not_open_a_door(apis: dict[str, Api], door: Door) -> None:
    caller = apis[door.service].as_(scopes=ALL_SCOPES - door.scopes)

    answer = await caller.request(
        door.method, door.nowhere(), json=door.smallest_body(), headers={"If-Match": '"1"'}
    )

    assert (answer.status_code, answer.json()["code"]) == (403, "scope-missing"), answer.text


@pytest.mark.parametrize("door", WITH_BODY, ids=str)
def test_the_documents_smallest_body_has_the_right_form(door: Door) -> None:
    assert isinstance(door.smallest_body(), dict)
