"""Faults 24, 25, 26 and 57: facts come in any order, in any batches, twice, and again long after; the state is the same.

`recording.py` says which facts may be permuted, `states.py` what must be equal.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.testing import Bench
from tests.confluence import recording
from tests.confluence.histories import STORIES
from tests.confluence.recording import Case, History, again, dump, line_ids, record, restore, translated
from tests.confluence.states import STATES
from tests.world import Letter, World, fresh_world

EXAMPLES = int(os.environ.get("TIELINE_CONFLUENCE_EXAMPLES", "30"))
slowly = partial(
    settings, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True, report_multiple_bugs=False
)


@dataclass(frozen=True)
class Post:
    """One way for letters to arrive: which comes when, where a batch ends, which come again. It fits any case."""

    which: int
    ranks: tuple[int, ...]
    ends: tuple[bool, ...]
    repeated: tuple[tuple[int, bool], ...]
    """(letter, under a new id)."""
    old: tuple[int, ...]

    def deliveries(self, case: Case) -> list[list[Letter]]:
        """The batches."""
        many = len(case.letters)
        order = sorted(range(many), key=lambda n: (self.ranks[n % len(self.ranks)], n))
        batches: list[list[Letter]] = [[]]
        for n, place in enumerate(order):
            batches[-1].append(case.letters[place])
            if self.ends[n % len(self.ends)]:
                batches.append([])
        for n, (place, is_new) in enumerate(self.repeated):
            letter = case.letters[place % many]
            batches[n % len(batches)].append(again(letter) if is_new else letter)
        for n, place in enumerate(self.old if case.old else ()):
            batches[-1 - n % len(batches)].append(again(case.old[place % len(case.old)]))
        return [batch for batch in batches if batch]


_PLACES = st.integers(0, 10_000)
POSTS = st.builds(
    Post,
    which=_PLACES,
    ranks=st.lists(st.integers(0, 100), min_size=24, max_size=24).map(tuple),
    ends=st.lists(st.booleans(), min_size=24, max_size=24).map(tuple),
    repeated=st.lists(st.tuples(_PLACES, st.booleans()), max_size=4).map(tuple),
    old=st.lists(_PLACES, max_size=3).map(tuple),
)


@pytest.fixture(scope="session")
async def cases(benches: Any) -> list[Case]:
    """Every moment of every story."""
    five = [await benches.of(service) for service in STATES]
    return [case for nth, name in enumerate(STORIES) for case in await record(five, nth, name)]


async def _ends_alike(bench: Bench, world: World, case: Case, deliveries: Sequence[Sequence[Letter]]) -> None:
    await restore(bench, case.before)
    for batch in deliveries:
        await world.take(case.service, batch)
    _same(case, await dump(bench))


def _same(case: Case, after: recording.Tables) -> None:
    expected, found = STATES[case.service](case.after), STATES[case.service](after)
    for part in expected:
        assert found[part] == expected[part], f"{case}: {part}"


@pytest.mark.parametrize("service", sorted(STATES))
@pytest.mark.timeout(600)
@slowly(max_examples=EXAMPLES)
@given(post=POSTS)
async def test_what_waits_for_a_service_may_come_in_any_order_and_again(
    service: str, five: list[Bench], cases: list[Case], post: Post
) -> None:
    own = [case for case in cases if case.service == service]
    case = own[post.which % len(own)]
    world = World({bench.service: bench for bench in five})
    await _ends_alike(world.benches[service], world, case, post.deliveries(case))


@pytest.fixture(scope="session")
async def whole_story(benches: Any) -> list[Case]:
    """All that notifications hears of each story, from the first day on."""
    five = [await benches.of(service) for service in STATES]
    found = []
    for name in STORIES:
        world = await fresh_world(five)
        nothing = await dump(world.benches["notifications"])
        await world.opens()
        for act in STORIES[name]:
            await act(world)
            await world.quiet()
        letters = tuple(world.heard["notifications"])
        if letters:
            after = await dump(world.benches["notifications"])
            found.append(Case(f"{name}, all of it", "notifications", nothing, letters, (), after))
    return found


@pytest.mark.timeout(600)
@slowly(max_examples=EXAMPLES)
@given(post=POSTS)
async def test_notifications_may_hear_a_whole_history_in_any_order(
    five: list[Bench], whole_story: list[Case], post: Post
) -> None:
    case = whole_story[post.which % len(whole_story)]
    world = World({bench.service: bench for bench in five})
    await _ends_alike(world.benches["notifications"], world, case, post.deliveries(case))


@pytest.fixture(scope="session")
async def orders_listen(benches: Any) -> list[History]:
    """Stories in which orders acts first and then hears all the rest."""
    five = [await benches.of(service) for service in STATES]
    return [await recording.record_orders(five, name) for name in recording.FIRST_ORDERS_THEN_LISTENS]


@pytest.mark.timeout(600)
@slowly(max_examples=EXAMPLES)
@given(post=POSTS)
async def test_orders_may_hear_a_whole_history_in_any_order(
    five: list[Bench], orders_listen: list[History], post: Post
) -> None:
    history = orders_listen[post.which % len(orders_listen)]
    case = history.case
    batches = post.deliveries(case)
    world = World({bench.service: bench for bench in five})
    bench = world.benches["orders"]
    await restore(bench, case.before)
    late: list[Letter] = []
    for batch in batches:
        # a line that orders makes itself is named by nobody before: what names it waits until it is made
        names = await _names(bench, history)
        ready = [letter for letter in batch if not _names_unmade(letter, history, names)]
        late += [letter for letter in batch if letter not in ready]
        if ready:
            await world.take("orders", [translated(letter, names) for letter in ready])
    while late:
        names = await _names(bench, history)
        ready = [letter for letter in late if not _names_unmade(letter, history, names)]
        assert ready, f"{case}: a line was never made"
        late = [letter for letter in late if letter not in ready]
        await world.take("orders", [translated(letter, names) for letter in ready])
    _same(case, await dump(bench))


async def _names(bench: Bench, history: History) -> dict[UUID, UUID]:
    now = await line_ids(bench)
    return {old: now[place] for old, place in history.lines.items() if place in now}


def _names_unmade(letter: Letter, history: History, names: dict[UUID, UUID]) -> bool:
    return any(str(line) in letter.body for line in history.lines.keys() - names.keys())
