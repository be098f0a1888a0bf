"""Who may do what at the broker: one user per service, which touches only what is its own.

A service `orders` declares, writes and consumes `orders.*`; of the others it reads their exchanges
`<service>.events`, which is what binding a queue to them takes. It cannot publish in another's name,
nor read, purge or feed another's queue.
"""

import base64
import hashlib
import json
import secrets
from collections.abc import Callable, Iterable
from typing import Any

SERVICES = ("orders", "inventory", "purchasing", "shipping", "notifications")
ADMIN = "tieline_admin"
"""Applies the topology and replays: the only user that may touch everybody's things."""
VHOST = "tieline"
"""The vhost of the demo; tests make their own."""


def definitions(vhosts: Iterable[str], password: Callable[[str], str]) -> str:
    """The broker's definitions as JSON for `load_definitions` and `rabbitmqctl import_definitions`.

    Importing them adds and corrects, and removes nothing.
    """
    names = list(vhosts)
    content = {
        "vhosts": [{"name": vhost} for vhost in names],
        "users": [_user(name, password(name)) for name in (ADMIN, *SERVICES)],
        "permissions": [_permission(user, vhost) for vhost in names for user in (ADMIN, *SERVICES)],
    }
    return json.dumps(content, indent=2)


def permission(user: str) -> dict[str, str]:
    """What a user may configure, write and read in a vhost, as the broker's regular expressions."""
    if user == ADMIN:
        return {"configure": ".*", "write": ".*", "read": ".*"}
    own = rf"^{user}\."
    return {"configure": own, "write": own, "read": rf"^({user}\.|[a-z]+\.events$)"}


def _permission(user: str, vhost: str) -> dict[str, str]:
    return {"user": user, "vhost": vhost, **permission(user)}


def _user(name: str, password: str) -> dict[str, Any]:
    return {
        "name": name,
        "password_hash": password_hash(password, secrets.token_bytes(4)),
        "hashing_algorithm": "rabbit_password_hashing_sha256",
        "tags": ["administrator"] if name == ADMIN else [],
    }


def password_hash(password: str, salt: bytes) -> str:
    """RabbitMQ's salted hash: base64(salt + sha256(salt + password))."""
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()
