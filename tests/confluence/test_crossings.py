"""Facts that crossed on their way and once broke something: each found by a random world, told here in short."""

import pytest

from services.shipping import handlers as shipping
from tests.world import World
from tests.world_books import differences


async def _adds_up(world: World) -> None:
    await world.quiet()
    assert not (found := await differences(world)), "\n".join(found)


@pytest.mark.rule("SO-9")
@pytest.mark.parametrize("first", ["inspection", "shipping"])
async def test_units_that_fail_while_their_shipment_is_voided_have_one_fate(world: World, first: str) -> None:
    await world.opens()
    order = await world.order(("LAMP", 6))
    await world.quiet()
    await world.receive(order, 6)
    await world.quiet()

    await world.inspect_all(failed=2)
    await world.void(order)
    for service in ("orders", "purchasing"):
        letters = sorted(
            world.waiting[service], key=lambda letter: (first in letter.type, letter.nth), reverse=True
        )
        await world.deliver(service, letters)

    await _adds_up(world)
    line = await world.line(order)
    assert (line.granted, line.shipped) == (4, 0)
    (claim,) = await world.rows("orders", "SELECT * FROM allotments WHERE failed > 0")
    assert (claim.failed, claim.returned) == (2, 4)


assert shipping
