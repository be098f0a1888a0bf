"""A house whose ways to the broker all lead through one proxy, so that they can be cut in an instant."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.chaos.proxy import Proxy, proxy
from tests.houses import House


@asynccontextmanager
async def behind_a_proxy(house: House) -> AsyncIterator[Proxy]:
    """Every process goes through it, whenever it is started; none has been yet."""
    async with proxy(house.amqp) as way:
        for service, process in house.processes.items():
            port = int(process.url.rpartition(":")[2])
            process.keep(TIELINE_AMQP_URL=way.through(house.environment(service, port)["TIELINE_AMQP_URL"]))
        yield way
