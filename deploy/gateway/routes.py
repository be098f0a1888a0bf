"""`python -m deploy.gateway.routes`: write `routes.conf`, the gateway's table, from the services' OpenAPI documents.

A resource belongs to one service; whatever stands below it (`/v1/sales-orders/{id}/lines/{n}`) goes there too. A test
compares the file with what this would write.
"""

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from shared.migrate import SERVICES

FILE = Path(__file__).parent / "routes.conf"
DOCUMENTS = Path(__file__).resolve().parents[2] / "docs" / "openapi"
SHARED = ("preferences", "ops")
"""Resources that every service has; the next part of the address says whose."""

NOTE = "# Generated from docs/openapi by `python -m deploy.gateway.routes`; not edited."


class RoutesUnclear(Exception):
    """The documents do not say which one service answers."""


def resource(path: str) -> str:
    """What decides: `sales-orders` of `/v1/sales-orders/{id}`, `ops/orders` of `/v1/ops/orders/lag`."""
    start, version, *rest = path.split("/")
    if start or version != "v1" or not rest:
        raise RoutesUnclear(f"{path} is not below /v1, so the gateway does not serve it")
    named = rest[: 2 if rest[0] in SHARED else 1]
    if any("{" in part for part in named):
        raise RoutesUnclear(f"{path} begins with a parameter; the gateway routes by resource")
    return "/".join(named)


def owners(paths: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """{resource: service}, from the addresses that each service answers."""
    found: dict[str, str] = {}
    for service, addresses in paths.items():
        for address in addresses:
            owner = found.setdefault(resource(address), service)
            if owner != service:
                raise RoutesUnclear(f"{address} of {service} lies in a resource of {owner}")
    return dict(sorted(found.items()))


def documented(folder: Path = DOCUMENTS) -> dict[str, list[str]]:
    """The addresses of every service, as its document has them."""
    return {
        service: list(json.loads((folder / f"{service}.json").read_text(encoding="utf-8"))["paths"])
        for service in SERVICES
    }


def text(owned: Mapping[str, str]) -> str:
    """The file's content."""
    return "\n".join(
        [
            NOTE,
            "map $resource $service {",
            '    default "";',
            *(f"    {name} {service};" for name, service in owned.items()),
            "}",
            "map $asked $documented {",
            '    default "";',
            *(f"    {service} {service};" for service in SERVICES),
            "}",
            "",
        ]
    )


def main() -> int:
    """Write the file."""
    FILE.write_text(text(owners(documented())), encoding="utf-8")
    sys.stdout.write(f"wrote {FILE.name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
