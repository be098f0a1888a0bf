"""Random passwords, made once and kept in volumes, so that no file of the repository or of the host holds one.

`/run/vault` holds them all and is there for the one-shot jobs only. Each server and service has a volume of its own
(`/run/handout/<name>` here, `/run/tieline` there) with what it needs and nothing else, which is why a file in it may be
readable for whoever runs there: PostgreSQL's and RabbitMQ's users are not ours.
"""

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from deploy.local import databases
from deploy.local.definitions import ADMIN, SERVICES, VHOST, definitions
from deploy.local.servers import for_driver, login
from shared.auth import write_development_keys

POSTGRES = "postgresql://postgres:5432"
RABBITMQ = "amqp://rabbitmq:5672"


@dataclass(frozen=True)
class Vault:
    """The passwords of one installation."""

    folder: Path = Path("/run/vault")

    @property
    def keys(self) -> Path:
        """The folder of the key pair that signs development tokens."""
        return self.folder / "keys"

    def database_password(self, role: str) -> str:
        """The password of a role of PostgreSQL."""
        return self._password("database", role)

    def broker_password(self, user: str) -> str:
        """The password of a user of RabbitMQ."""
        return self._password("broker", user)

    def database_url(self, role: str, database: str) -> str:
        """Login of a role to a database, as plain drivers read it."""
        return login(POSTGRES, role, self.database_password(role), database)

    def broker_url(self, user: str) -> str:
        """Login of a user to Tieline's vhost."""
        return login(RABBITMQ, user, self.broker_password(user), VHOST)

    def _password(self, kind: str, whose: str) -> str:
        file = self.folder / kind / whose
        if not file.exists():
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write(file, secrets.token_urlsafe(24), mode=0o400)
        return file.read_text(encoding="utf-8")


def hand_out(vault: Vault, handout: Path, *, development_keys: bool) -> None:
    """Give every server and service its files; what is there already comes out the same."""
    write(handout / "postgres" / "password", vault.database_password(ADMIN))
    write(handout / "rabbitmq" / "definitions.json", definitions([VHOST], vault.broker_password))
    public = write_development_keys(vault.keys).read_text(encoding="utf-8") if development_keys else None
    vault.database_password(databases.CHECKER)
    for service in SERVICES:
        owner, app, reader = databases.role_names(service)
        for role in (owner, reader):
            vault.database_password(role)  # made now: the jobs that use it may only read
        url = for_driver(vault.database_url(app, service), "postgresql+asyncpg")
        write(handout / service / "tieline_database_url", url)
        write(handout / service / "tieline_amqp_url", vault.broker_url(service))
        if public is not None:
            write(handout / service / "jwks.json", public)
        else:
            # whoever names an issuer of its own no longer accepts tokens that were signed here
            (handout / service / "jwks.json").unlink(missing_ok=True)


def write(file: Path, content: str, *, mode: int = 0o444) -> None:
    """Replace a file as a whole, so that no reader and no killed run ever sees half of it."""
    draft = file.with_name(f".{file.name}.draft")
    draft.unlink(missing_ok=True)
    with open(draft, "x", opener=lambda path, flags: os.open(path, flags, 0o600)) as text:
        text.write(content)
        os.fchmod(text.fileno(), mode)
    draft.replace(file)
