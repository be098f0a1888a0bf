"""Who hears what: the bindings of `deploy/rabbitmq/topology.json`."""

from functools import cache

from deploy.local.instance import CHECKOUT
from shared.topology import Topology, every_major

FILE = CHECKOUT / "deploy" / "rabbitmq" / "topology.json"


@cache
def _bound() -> dict[str, frozenset[str]]:
    bindings = Topology.load(FILE).bindings
    return {
        service: frozenset(key for keys in heard.values() for key in keys)
        for service, heard in bindings.items()
    }


def hears(consumer: str, kind: str) -> bool:
    """Whether a service's inbox is bound to this fact, in any major version."""
    return every_major(kind) in _bound().get(consumer, frozenset())
