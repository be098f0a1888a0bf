"""Random worlds: people act, facts come late, twice and in any order, and whenever all is quiet the books add up.

Fault 55, 56, 57 of reliability.md without a broker, so that thousands of interleavings fit into seconds. A failure
prints its seed and the diary; `TIELINE_WORLD_SEED=…` plays it again, `TIELINE_WORLD_SECONDS=…` plays longer.
"""

import os
import random
import time

import pytest

from shared.testing import Bench
from tests.confluence.people import People
from tests.world import fresh_world
from tests.world_books import differences

SECONDS = float(os.environ.get("TIELINE_WORLD_SECONDS", "25"))
STEPS = int(os.environ.get("TIELINE_WORLD_STEPS", "45"))


async def _play(five: list[Bench], seed: int) -> int:
    people = People(await fresh_world(five), random.Random(seed))
    try:
        await people.arrive()
        for n in range(1, STEPS + 1):
            await people.step()
            if n % 15 == 0:
                await _must_add_up(people)
        await _must_add_up(people)
    except BaseException:
        print(f"\nTIELINE_WORLD_SEED={seed}\n" + "\n".join(people.diary))
        raise
    return len(people.world.told)


async def _must_add_up(people: People) -> None:
    await people.world.quiet()
    people.diary.append("--- all is quiet")
    assert not (found := await differences(people.world)), "\n".join(found)


@pytest.mark.timeout(SECONDS * 2 + 120)
async def test_whatever_people_do_and_however_facts_travel_the_books_add_up_when_all_is_quiet(
    five: list[Bench],
) -> None:
    if seed := os.environ.get("TIELINE_WORLD_SEED"):
        await _play(five, int(seed))
        return
    worlds, told, until = 0, 0, time.monotonic() + SECONDS
    seeds = random.Random(os.environ.get("TIELINE_WORLD_FIRST", "20260101"))
    while time.monotonic() < until:
        told += await _play(five, seeds.getrandbits(32))
        worlds += 1
    print(f"{worlds} worlds, {told} facts")
    assert worlds
