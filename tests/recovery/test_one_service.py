"""Fault 60: the backup of one service alone, older than what the others remember, over real processes.

A service that only hears is healed by telling it again. One that tells has forgotten what others hold: the checker names
it, and docs/operations.md says which hands it takes; so the cluster is restored as one (test_backup.py).
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from deploy.local import databases
from deploy.local.servers import Servers
from tests import houses
from tests.houses import House
from tests.integration.test_main_chain import special_order
from tests.integration.test_operating import Operator, operator

__all__ = ["operator"]
pytestmark = [pytest.mark.fault(60), pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
async def house(
    test_servers: Servers, development_keys: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[House]:
    """Started and ready; what is restored in it is its own."""
    logs = tmp_path_factory.mktemp("logs")
    async with houses.house(test_servers, development_keys, logs, "restored") as made:
        await made.start()
        yield made


@asynccontextmanager
async def restored_after(house: House, service: str) -> AsyncIterator[None]:
    """A backup of the service is taken now; whatever happens in the block it has forgotten afterwards."""
    url, backup = house.servers.postgres_url, f"{house.suffix}_backup"
    await house.processes[service].stop()
    await databases.ensure_databases(url, backup, [service], template=house.suffix)
    try:
        await house.start()
        yield
        await house.check(patience=20)  # until all is quiet: nothing of the block waits in its queue
        await house.processes[service].stop()
        await databases.drop_databases(url, house.suffix, [service])
        await databases.ensure_databases(url, house.suffix, [service], template=backup)
        await house.start()
    finally:
        await databases.drop_databases(url, backup, [service])


async def received_and_inspected(house: House) -> None:
    """An order whose goods arrive and pass: notices are raised and closed."""
    async with house.story() as story:
        _, order = await special_order(story, 3)
        await story.receive(await story.purchase_order(order), 3)
        await story.inspect(order, passed=3)


async def test_a_service_that_only_hears_is_told_again_and_the_books_add_up(
    house: House, operator: Operator
) -> None:
    await received_and_inspected(house)
    await house.must_add_up()  # all of it is heard, so the backup holds it
    began = datetime.now(UTC)
    async with restored_after(house, "notifications"):
        await received_and_inspected(house)

    forgotten = await house.check(patience=2)
    assert any(
        "notifications never heard" in words and "inventory.goods.received" in words
        for words in forgotten.violated["I-14"]
    )
    assert "I-9" in forgotten.violated, "an inspection has no notice"
    await operator.does("events", "replay", "--consumer", "notifications", "--from", began.isoformat())
    await house.must_add_up(steady=1.0)


async def test_what_a_service_that_tells_has_forgotten_is_named(house: House) -> None:
    await received_and_inspected(house)
    await house.must_add_up()
    async with restored_after(house, "purchasing"):
        await received_and_inspected(house)

    forgotten = (await house.check(patience=2)).violated

    # what it never heard, what it has received, and the documents of its own that only others still know
    assert {"I-4", "I-14", "I-15"} <= set(forgotten), forgotten
