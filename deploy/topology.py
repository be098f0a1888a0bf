"""`python -m deploy.topology`: write `deploy/rabbitmq/topology.json` from what the services subscribe to."""

import sys
from importlib import import_module
from pathlib import Path

from shared.migrate import SERVICES
from shared.topology import Topology

FILE = Path(__file__).parent / "rabbitmq" / "topology.json"


def subscriptions() -> dict[str, list[str]]:
    """The fact types that each service hears."""
    return {
        service: sorted(
            fact.TYPE for fact in import_module(f"services.{service}.subscriptions").SUBSCRIPTIONS
        )
        for service in SERVICES
    }


def topology() -> Topology:
    """The whole topology, as the subscriptions want it."""
    return Topology.of(subscriptions())


def main() -> int:
    """Write the file."""
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(topology().text(), encoding="utf-8")
    sys.stdout.write(f"wrote {FILE.name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
