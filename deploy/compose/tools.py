"""`python -m deploy.compose.tools …`: the operator's command line in the tools image.

`tieline check` and `tieline events replay` ask for logins that exist nowhere but in the vault; here they are told, so
that nobody has to take a password out. What the environment says already goes before.
"""

import os
from collections.abc import Mapping

from deploy.cli import app
from deploy.compose.vault import Vault
from deploy.local.databases import CHECKER
from deploy.local.definitions import ADMIN, SERVICES


def logins(vault: Vault) -> Mapping[str, str]:
    """What operators' commands read from the environment; nothing before the first start has made passwords."""
    if not vault.folder.joinpath("database", CHECKER).exists():
        return {}
    broker = vault.broker_url(ADMIN)
    return {
        **{f"TIELINE_{name.upper()}_CHECK_URL": vault.database_url(CHECKER, name) for name in SERVICES},
        "TIELINE_CHECK_AMQP_URL": broker,
        "TIELINE_ADMIN_AMQP_URL": broker,
    }


if __name__ == "__main__":
    for variable, value in logins(Vault()).items():
        os.environ.setdefault(variable, value)
    app()
