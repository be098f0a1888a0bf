"""Settings of one service process, from the environment (`TIELINE_…`) or files in `TIELINE_SECRETS_DIR`."""

import os
from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """One process's settings; a secret may be a file of its name (`tieline_database_url`) in the secrets folder."""

    model_config = SettingsConfigDict(env_prefix="TIELINE_", extra="ignore", hide_input_in_errors=True)

    database_url: str = Field(repr=False)
    """`postgresql+asyncpg://…` as the service's application role."""
    amqp_url: str = Field(repr=False)
    host: str = "127.0.0.1"
    port: int = 8000
    role: Literal["all", "api", "worker"] = "all"
    """`api` serves REST only, `worker` consumes and relays only; `all` does both in one process."""
    issuer: str = "http://localhost/tieline-development"
    audience: str = "tieline"
    jwks: str
    """Where the issuer's public keys are: a file or an https URL."""
    broker_users: Literal["own", "single"] = "own"
    """`own`: each service publishes as a broker user of its name, which consumers check; `single`: one for all."""
    pool_size: int = 10
    read_pool_size: int = 5
    pool_timeout_seconds: float = 2.0
    shed_outbox_rows: int = Field(200_000, ge=1)
    """Commands answer 503 while more events than this wait to be published."""
    shed_outbox_seconds: float = Field(300, gt=0)
    """Commands answer 503 while the oldest event has waited longer than this."""
    principal_rate: float = Field(1000, ge=0)
    """Requests a second that one caller may send to this process; 0: as many as it likes."""
    principal_burst: float = Field(2000, ge=1)
    """Requests that one caller may send at once."""
    inventory_url: str | None = None
    """Where orders asks what is available and why a line waits; without it nobody is asked (ADR 9)."""
    cors_origins: list[str] = []
    log_level: str = "INFO"
    log_format: Literal["json", "console"] = "json"


def load_settings() -> Settings:
    """The settings of this process; raises pydantic's ValidationError naming what is missing (never the values)."""
    folder = os.environ.get("TIELINE_SECRETS_DIR")
    return Settings(_secrets_dir=folder if folder and Path(folder).is_dir() else None)
