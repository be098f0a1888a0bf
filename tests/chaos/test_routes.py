"""The broker's routes and rights go missing under running services: faults 19, 20, and the loss that a broker confirms.

A fact that several services hear is confirmed as soon as one queue has taken it. While another's queue is gone, it is
lost to that one, and nobody is told: the checker names it, and `tieline events replay` mends it.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import aio_pika
import httpx
import pytest
from aio_pika.abc import AbstractChannel

from deploy.local.definitions import permission
from deploy.topology import topology
from shared.topology import apply
from tests.chaos.conftest import trading
from tests.chaos.servers import Mortal
from tests.chaos.test_crash_points import becomes, one_of
from tests.chaos.test_servers import all_ready
from tests.houses import House
from tests.integration.test_operating import Operator, operator

__all__ = ["operator"]
pytestmark = pytest.mark.timeout(300)

OUTBOX = "SELECT count(*) FROM outbox"
SET_ASIDE = "SELECT count(*) FROM outbox WHERE quarantined_at IS NOT NULL"
RELEASED = "orders.lines.released.*"
"""Only shipping hears it: without that binding the broker has no queue for it."""
AGAIN = 45.0
"""What was set aside is tried again every half minute."""


@asynccontextmanager
async def administrator(house: House) -> AsyncIterator[AbstractChannel]:
    async with await aio_pika.connect(house.amqp) as connection:
        yield await connection.channel()


async def metric(house: House, service: str, name: str) -> float:
    async with httpx.AsyncClient(trust_env=False) as client:
        told = (await client.get(f"{house.processes[service].url}/metrics", timeout=5)).text
    return sum(float(line.rpartition(" ")[2]) for line in told.splitlines() if line.startswith(name))


@pytest.mark.fault(19)
@pytest.mark.slow
@pytest.mark.chaos
async def test_19_what_has_lost_its_binding_is_set_aside_seen_and_published_once_it_is_bound_again(
    house: House, tmp_path: Path
) -> None:
    async with trading(house, tmp_path, seed=19) as trade:
        async with administrator(house) as broker:
            await (await broker.get_queue("shipping.inbox")).unbind("orders.events", RELEASED)
        shipments = await one_of(house, "shipping", "SELECT count(*) FROM shipments")
        for _ in range(3):
            await trade.order(1, special=False)
        await becomes(house, "orders", SET_ASIDE, 3)

        report = await house.check(patience=1, only=["I-13"])
        assert "3 of them set aside" in report.violated["I-13"][0]
        await asyncio.sleep(2.5)
        assert await metric(house, "orders", "tieline_outbox_quarantined") == 3, "no alarm would ring"
        assert await one_of(house, "shipping", "SELECT count(*) FROM shipments") == shipments

        await apply(house.amqp, topology())
        await becomes(house, "orders", OUTBOX, 0, patience=AGAIN)
        await becomes(house, "shipping", "SELECT count(*) FROM shipments", shipments + 3)


@pytest.mark.fault(19)
@pytest.mark.slow
@pytest.mark.chaos
async def test_19_without_its_exchange_a_service_keeps_what_it_tells_and_works_on(
    house: House, tmp_path: Path
) -> None:
    async with trading(house, tmp_path, seed=190) as trade:
        pids = {name: process.pid for name, process in house.processes.items()}
        before = await metric(house, "orders", "tieline_reconnects_total")
        async with administrator(house) as broker:
            await broker.exchange_delete("orders.events")
        for _ in range(3):
            assert await trade.order(1, special=False) is not None, "orders are taken all the same"
        await asyncio.sleep(6)

        assert await one_of(house, "orders", OUTBOX) >= 3, "an event went where no exchange is"
        assert await metric(house, "orders", "tieline_reconnects_total") - before < 30, "a loop of connects"
        assert {name: process.pid for name, process in house.processes.items() if process.is_running} == pids
        await apply(house.amqp, topology())
        await becomes(house, "orders", OUTBOX, 0, patience=AGAIN)


@pytest.mark.fault(20)
@pytest.mark.slow
@pytest.mark.chaos
@pytest.mark.servers
async def test_20_a_service_that_loses_its_permissions_backs_off_and_goes_on_when_it_has_them_again(
    mortal: Mortal, mortal_house: House, tmp_path: Path
) -> None:
    house, rights = mortal_house, permission("orders")
    async with trading(house, tmp_path, seed=20) as trade:
        trade.start(customers=2, pause=0.1)
        await asyncio.sleep(1)
        before = await metric(house, "orders", "tieline_reconnects_total")
        await mortal.control_broker("clear_permissions", "-p", house.vhost, "orders")
        try:
            # what a channel was allowed is remembered by it: a new connection is refused at once
            await mortal.control_broker("close_all_connections", "-p", house.vhost, "permissions")
            taken = len(trade.orders)
            await asyncio.sleep(10)
            assert len(trade.orders) > taken, "orders are taken without a broker"
            assert await one_of(house, "orders", OUTBOX) > 0
            assert await metric(house, "orders", "tieline_reconnects_total") - before < 60, (
                "a loop of connects"
            )
            assert all(process.is_running for process in house.processes.values())
        finally:
            await mortal.control_broker("set_permissions", "-p", house.vhost, "orders", *rights.values())
        await all_ready(house, 30)
        waited = "SELECT count(*) FROM outbox WHERE event_at < now() - interval '15 s'"
        await becomes(house, "orders", waited, 0, patience=AGAIN)


@pytest.mark.fault(18, 19)
@pytest.mark.slow
@pytest.mark.chaos
async def test_18_what_was_told_while_one_of_its_queues_was_gone_is_named_and_a_replay_mends_it(
    house: House, operator: Operator, tmp_path: Path
) -> None:
    async with trading(house, tmp_path, seed=18) as trade:
        began = datetime.now(UTC)
        await house.processes["purchasing"].stop()
        async with administrator(house) as broker:
            await broker.queue_delete("purchasing.inbox")
        ordered = [await trade.order(2, special=True) for _ in range(3)]
        assert all(ordered), "orders are taken"
        # inventory's and notifications' queues took them, so the broker confirmed them
        await becomes(house, "orders", OUTBOX, 0)
        await house.processes["purchasing"].start()
        await house.processes["purchasing"].ready()

        lost = await house.check(patience=3, only=["I-14"])
        assert "3 orders.sales-order.opened.v1" in _of(lost.violated["I-14"], "purchasing never heard")
        assert "have not arrived" in lost.unquiet["purchasing hears"]
        bought = "SELECT count(*) FROM demands"
        without = await one_of(house, "purchasing", bought)

        told = await operator.does(
            "events", "replay", "--consumer", "purchasing", "--from", began.isoformat(),
            "--to", datetime.now(UTC).isoformat(),
        )  # fmt: skip
        assert int(told.splitlines()[-1].split()[0]) >= 3
        await becomes(house, "purchasing", bought, without + 3)
        # what only purchasing hears had no queue at all: it was set aside, and comes by itself
        await becomes(house, "inventory", OUTBOX, 0, patience=AGAIN)
        assert (await house.check(patience=30, only=["I-14"])).is_clean


def _of(violations: list[str], beginning: str) -> str:
    return next(words for words in violations if words.startswith(beginning))
