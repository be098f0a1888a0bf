"""`python -m deploy.compose JOB`: what `docker-compose.yml` runs once, in this order, before the services start.

secrets    make the missing passwords and give each server and service its own
databases  the services' databases and roles
migrate    each database to its newest schema, as its owner
topology   exchanges, queues and bindings, as the administrator

Each may run again at any time: it adds what is missing and leaves the rest.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path

from deploy.compose.vault import Vault, hand_out
from deploy.local.announcing import say
from deploy.local.databases import ensure_databases, ensure_roles, role_names
from deploy.local.definitions import ADMIN, SERVICES
from shared import topology
from shared.migrate import migrate


def main(arguments: list[str]) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m deploy.compose",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("job", choices=JOBS)
    JOBS[parser.parse_args(arguments).job](Vault())
    return 0


def _secrets(vault: Vault) -> None:
    issuer = os.environ.get("TIELINE_JWKS", "")
    hand_out(vault, Path("/run/handout"), development_keys=not issuer)
    say(
        f"tokens are checked with the keys at {issuer}"
        if issuer
        else "tokens are signed with a key of our own"
    )


def _databases(vault: Vault) -> None:
    async def work() -> None:
        url = vault.database_url(ADMIN, "postgres")
        await ensure_roles(url, vault.database_password)
        names = await ensure_databases(url)
        say(f"databases: {', '.join(names.values())}")

    asyncio.run(work())


def _migrate(vault: Vault) -> None:
    async def work() -> None:
        # one after the other: alembic keeps the migration that runs in a global
        for service in SERVICES:
            owner, _, _ = role_names(service)
            await migrate(service, vault.database_url(owner, service))
            say(f"{service} is at the newest schema")

    asyncio.run(work())


def _topology(vault: Vault) -> None:
    asyncio.run(topology.apply(vault.broker_url(ADMIN), topology.Topology.load(topology.DEFAULT_FILE)))
    say(f"the broker has what {topology.DEFAULT_FILE} names")


JOBS: dict[str, Callable[[Vault], None]] = {
    "secrets": _secrets,
    "databases": _databases,
    "migrate": _migrate,
    "topology": _topology,
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
