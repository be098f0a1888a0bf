"""A new version takes over while people work: fault 45 of `reliability.md`, over real processes."""

import asyncio
from pathlib import Path

import pytest

from shared.migrate import SERVICES
from tests.chaos.conftest import trading
from tests.chaos.test_crash_points import becomes_live
from tests.houses import House


async def replaced(house: House, service: str) -> None:
    """As a rollout does it: a further process comes, then the old one goes, in order; at the end there is one again."""
    further = await house.second(service)
    await becomes_live(further)
    first = house.processes[service]
    await first.stop()
    await first.start()
    await first.ready()
    del house.processes[f"{service}-2"]
    await further.stop()


@pytest.mark.fault(45)
@pytest.mark.slow
@pytest.mark.chaos
@pytest.mark.timeout(600)
async def test_45_all_five_are_restarted_one_by_one_under_load_and_no_caller_meets_a_fault(
    house: House, tmp_path: Path
) -> None:
    async with trading(house, tmp_path, seed=45) as trade:
        trade.start(customers=3, pause=0.1)
        await asyncio.sleep(2)
        for service in SERVICES:
            before = len(trade.orders)
            await replaced(house, service)
            if service != "orders":
                assert len(trade.orders) > before, f"while {service} was restarted nothing could be ordered"
        await asyncio.sleep(2)

        # a connection that is refused while one listens no more is no fault; a request that was taken is answered
        faults = {what: times for what, times in trade.met.items() if what.startswith("5")}
        assert faults == {}
        assert trade.met["201 orders"] > 20
