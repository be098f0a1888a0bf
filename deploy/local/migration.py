"""`python -m deploy.local.migration SERVICE "what it does"`: write a migration on a scratch database of its own."""

import asyncio
import os
import sys

from deploy.local import databases, servers
from deploy.local.instance import Instance
from shared.migrate import SERVICES, migrate


def main(arguments: list[str]) -> int:
    """The command line."""
    if len(arguments) != 2 or arguments[0] not in SERVICES:
        sys.stderr.write(f"usage: python -m deploy.local.migration {{{'|'.join(SERVICES)}}} 'what it does'\n")
        return 2
    place = Instance("test")
    if servers.is_kept(place):
        _write(servers.attach(place.state_file), *arguments)
    else:
        with servers.running("test") as found:
            _write(found, *arguments)
    return 0


def _write(found: servers.Servers, service: str, what: str) -> None:
    suffix = f"_scratch_{os.getpid()}"

    async def work() -> None:
        names = await databases.ensure_databases(found.postgres_url, suffix, services=[service])
        try:
            await migrate(service, found.service_database_url(service, "owner", names[service]), new=what)
        finally:
            await databases.drop_databases(found.postgres_url, suffix, services=[service])

    asyncio.run(work())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
