"""Who may do what at the broker."""

import base64
import hashlib
import json
import re

import pytest

from deploy.local.definitions import ADMIN, SERVICES, definitions, password_hash, permission


def may(user: str, action: str, thing: str) -> bool:
    """As the broker decides: the expression is searched for, not matched as a whole."""
    return re.search(permission(user)[action], thing) is not None


@pytest.mark.parametrize("action", ["configure", "write", "read"])
@pytest.mark.parametrize("thing", ["orders.events", "orders.inbox", "orders.dlx", "orders.dead"])
def test_a_service_does_anything_with_what_is_its_own(action: str, thing: str) -> None:
    assert may("orders", action, thing)


@pytest.mark.parametrize(
    ("action", "thing"),
    [
        ("write", "inventory.events"),  # speaking in another's name
        ("write", "amq.default"),  # feeding another's queue past its exchange
        ("read", "inventory.inbox"),  # consuming or purging another's queue
        ("configure", "inventory.inbox"),  # deleting it
        ("write", "inventory.dlx"),  # a dead-letter exchange that is not ours
        ("configure", "inventory.events"),
        ("configure", "reorders.events"),  # a name that ends like ours
        ("configure", "orders"),  # a name that is ours without the dot
        ("read", "inventory.events.copy"),
    ],
)
def test_a_service_touches_nothing_of_another(action: str, thing: str) -> None:
    assert not may("orders", action, thing)


@pytest.mark.parametrize("producer", SERVICES)
def test_every_service_may_bind_to_every_producers_events(producer: str) -> None:
    assert all(may(service, "read", f"{producer}.events") for service in SERVICES)


def test_the_administrator_may_touch_everything() -> None:
    assert all(may(ADMIN, action, "inventory.inbox") for action in ("configure", "write", "read"))


def test_every_user_has_its_permission_in_every_vhost_and_there_is_no_guest() -> None:
    content = json.loads(definitions(["a", "b"], lambda name: f"secret of {name}"))

    assert {user["name"] for user in content["users"]} == {ADMIN, *SERVICES}
    assert [vhost["name"] for vhost in content["vhosts"]] == ["a", "b"]
    pairs = {(one["user"], one["vhost"]) for one in content["permissions"]}
    assert pairs == {(user, vhost) for user in (ADMIN, *SERVICES) for vhost in "ab"}
    assert [user["name"] for user in content["users"] if user["tags"]] == [ADMIN]


def test_no_password_is_written_down_as_it_is() -> None:
    assert "secret of" not in definitions(["a"], lambda name: f"secret of {name}")


def test_a_password_is_hashed_as_rabbitmq_does() -> None:
    # the example of RabbitMQ's documentation: salt 908D C60A, password test12
    assert (
        password_hash("test12", bytes.fromhex("908DC60A"))
        == "kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR"
    )
    assert base64.b64decode(password_hash("x", b"salt"))[4:] == hashlib.sha256(b"saltx").digest()
