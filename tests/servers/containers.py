"""PostgreSQL 17 and RabbitMQ 4 as testcontainers, behind the same face as the servers of this machine.

`make test-containers` sets `TIELINE_TEST_CONTAINERS`; the fixtures and tests are the same ones.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from testcontainers.community.postgres import PostgresContainer
from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import LogMessageWaitStrategy

from deploy.local.choice import Way
from deploy.local.containers import POSTGRES_IMAGE, RABBITMQ_IMAGE
from deploy.local.definitions import ADMIN, VHOST, definitions
from deploy.local.instance import Instance
from deploy.local.servers import Servers


@dataclass(frozen=True)
class ContainerServers(Servers):
    """Servers in containers of this test run; vhosts are made by the broker's own tool inside its container."""

    broker: Any = None

    @property
    def makes_vhosts(self) -> bool:
        """Always: the container is ours alone."""
        return True

    def ensure_vhosts(self, names: Iterable[str]) -> None:
        """Make vhosts in which every service has its permissions."""
        told = definitions(names, self.instance.password)
        container = self.broker.get_wrapped_container()
        code, output = container.exec_run(
            ["sh", "-c", f"cat >$HOME/told.json <<'END'\n{told}\nEND\n{IMPORT}"]
        )
        if code:
            raise AssertionError(f"import_definitions failed: {output.decode(errors='replace')}")


STARTED = re.compile(r"Server startup complete|Starting broker\.\.\. completed")
"""What the broker prints when it is up: the first with its log on the console, the second without."""
IMPORT = "rabbitmqctl --quiet import_definitions $HOME/told.json && rm $HOME/told.json"


@contextmanager
def containers() -> Iterator[ContainerServers]:
    """Both containers for as long as the block lasts."""
    place = Instance("containers")
    password = place.password(ADMIN)
    database = PostgresContainer(
        POSTGRES_IMAGE, username=ADMIN, password=password, dbname="postgres", driver=None
    )
    broker = DockerContainer(RABBITMQ_IMAGE).with_exposed_ports(5672)
    # the library's own RabbitMQ container waits in a way that it has deprecated itself
    broker.waiting_for(LogMessageWaitStrategy(STARTED).with_startup_timeout(90))
    with database.with_command("-c max_connections=500"), broker:
        port = broker.get_exposed_port(5672)
        host = broker.get_container_host_ip()
        servers = ContainerServers(
            instance=place,
            postgres_way=Way.DOCKER,
            rabbitmq_way=Way.DOCKER,
            postgres_url=database.get_connection_url(),
            rabbitmq_url=f"amqp://{ADMIN}:{place.password(ADMIN)}@{host}:{port}/{VHOST}",
            broker=broker,
        )
        servers.ensure_vhosts([VHOST])
        servers.ensure_roles()
        yield servers
