"""Which service the gateway sends a request to."""

import re

import pytest

from deploy.gateway import routes
from deploy.gateway.routes import RoutesUnclear, owners, resource
from deploy.local.definitions import SERVICES
from deploy.local.instance import CHECKOUT


@pytest.mark.parametrize(
    ("path", "decides"),
    [
        ("/v1/sales-orders", "sales-orders"),
        ("/v1/sales-orders/{order_id}/lines/{line}/trace", "sales-orders"),
        ("/v1/preferences/orders", "preferences/orders"),
        ("/v1/ops/shipping/parked/{event_id}/replay", "ops/shipping"),
    ],
)
def test_a_request_is_routed_by_its_resource(path: str, decides: str) -> None:
    assert resource(path) == decides


@pytest.mark.parametrize("path", ["/items", "/v2/items", "/v1", "/v1/{service}/items", "/v1/ops/{service}"])
def test_what_names_no_resource_below_v1_cannot_be_routed(path: str) -> None:
    with pytest.raises(RoutesUnclear):
        resource(path)


def test_a_resource_has_one_owner() -> None:
    assert owners({"orders": ["/v1/b", "/v1/b/{id}", "/v1/a"], "shipping": ["/v1/c"]}) == {
        "a": "orders",
        "b": "orders",
        "c": "shipping",
    }
    with pytest.raises(RoutesUnclear, match=r"/v1/b/\{id\} of shipping lies in a resource of orders"):
        owners({"orders": ["/v1/b"], "shipping": ["/v1/b/{id}"]})


def test_the_table_is_what_the_documents_say() -> None:
    written = routes.FILE.read_text(encoding="utf-8")

    assert written == routes.text(owners(routes.documented())), "run: python -m deploy.gateway.routes"


def test_every_service_is_on_the_first_page() -> None:
    page = (CHECKOUT / "deploy" / "gateway" / "index.html").read_text(encoding="utf-8")

    assert re.findall(r'href="/docs/(\w+)"', page) == list(SERVICES)
