"""Faults 24, 25, 26 and 57: facts come in any order, in any batches, twice, and again long after; the state is the same.

`recording.py` says which facts may be permuted, `states.py` what must be equal.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from shared.testing import Bench
from tests.confluence import recording
from tests.confluence.histories import STORIES
from tests.confluence.recording import Case, History, again, dump, line_ids, record, restore, translated
from tests.confluence.states import STATES
from tests.world import Letter, World

EXAMPLES = int(os.environ.get("TIELINE_CONFLUENCE_EXAMPLES", "12"))
slowly = partial(
    settings,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
    # an example costs a database's rows; the case, the order and the part that differs say enough without shrinking
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
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


class Moments:
    """Every moment of every story, by service."""

    def __init__(self, cases: Sequence[Case]) -> None:
        self._of = {service: [case for case in cases if case.service == service] for service in STATES}

    def chosen(self, service: str, which: int) -> Case:
        """One of the service's, by any number."""
        return self._of[service][which % len(self._of[service])]


@pytest.fixture(scope="session")
async def moments(benches: Any) -> Moments:
    """All stories, played once."""
    five = [await benches.of(service) for service in STATES]
    return Moments([case for nth, name in enumerate(STORIES) for case in await record(five, nth, name)])


async def _ends_alike(bench: Bench, world: World, case: Case, deliveries: Sequence[Sequence[Letter]]) -> None:
    await restore(bench, case.before)
    for batch in deliveries:
        await world.take(case.service, batch)
    _same(case, await dump(bench), deliveries)


def _same(case: Case, after: recording.Tables, deliveries: Sequence[Sequence[Letter]]) -> None:
    expected, found = STATES[case.service](case.after), STATES[case.service](after)
    way = [[f"{letter.nth}:{letter.type}" for letter in batch] for batch in deliveries]
    for part in expected:
        assert found[part] == expected[part], f"{part} differs; {case}; heard as {way}"


@pytest.mark.parametrize("service", sorted(STATES))
@pytest.mark.timeout(600)
@slowly(max_examples=EXAMPLES)
@given(post=POSTS)
async def test_what_waits_for_a_service_may_come_in_any_order_and_again(
    service: str, five: list[Bench], moments: Moments, post: Post
) -> None:
    case = moments.chosen(service, post.which)
    world = World({bench.service: bench for bench in five})
    await _ends_alike(world.benches[service], world, case, post.deliveries(case))


@pytest.fixture(scope="session")
async def orders_listen(benches: Any) -> Callable[[int], History]:
    """Stories in which orders acts first and then hears all the rest; one of them, by any number."""
    five = [await benches.of(service) for service in STATES]
    found = [await recording.record_orders(five, name) for name in recording.FIRST_ORDERS_THEN_LISTENS]
    return lambda which: found[which % len(found)]


@pytest.mark.timeout(600)
@slowly(max_examples=EXAMPLES)
@given(post=POSTS)
async def test_orders_may_hear_a_whole_history_in_any_order(
    five: list[Bench], orders_listen: Callable[[int], History], post: Post
) -> None:
    history = orders_listen(post.which)
    case = history.case
    batches = post.deliveries(case)
    world = World({bench.service: bench for bench in five})
    bench = world.benches["orders"]
    await restore(bench, case.before)
    late: list[Letter] = []
    for batch in [*batches, *([] for _ in case.letters)]:
        late = await _hear_what_can_be(world, history, [*late, *batch])
    assert not late, f"{case}: what {[letter.type for letter in late]} speak of was never made"
    _same(case, await dump(bench), batches)


async def _hear_what_can_be(world: World, history: History, letters: list[Letter]) -> list[Letter]:
    """Nobody speaks of a line before orders has made it, ships what it has not released, or answers what it has not told:
    such letters wait. So do fills before the answer to the opening: a shortage is decided on all that is known when that
    comes, and so may be another one (`test_crossings.py`).
    """
    bench = world.benches["orders"]
    now = await line_ids(bench)
    names = {old: now[place] for old, place in history.lines.items() if place in now}
    unmade = history.lines.keys() - names.keys()
    known = {str(row.id) for row in await bench.sql("SELECT id FROM allotments WHERE release_no > 0")}
    (undecided,) = (await bench.sql("SELECT count(*) FROM order_lines WHERE NOT opening_decided"))[0]
    told = {str(row.id): row.told for row in await bench.sql("SELECT id, told FROM sales_orders")}
    ready = [
        letter
        for letter in letters
        if not any(str(line) in letter.body for line in unmade)
        and not (undecided and _is_fill(letter))
        and all(told[answered] >= version for answered, version in _answers(letter.data))
        and (letter.producer != "shipping" or _claims(letter.data) <= known)
    ]
    if ready:
        await world.take("orders", [translated(letter, names) for letter in ready])
    return [letter for letter in letters if letter not in ready]


def _is_fill(letter: Letter) -> bool:
    said = letter.data
    received = (
        any(line["fills"] for line in said["lines"])
        if letter.type.startswith("inventory.goods.received")
        else False
    )
    return received or (
        letter.type.startswith("inventory.stock.allotted") and said["reason"] not in ("opened", "changed")
    )


def _answers(said: dict[str, Any]) -> list[tuple[str, int]]:
    """The (order, version) that a standing of inventory's answers."""
    return [
        (line["order_id"], line["settled_version"])
        for line in said.get("lines", [])
        if "settled_version" in line
    ]


def _claims(said: Any) -> set[str]:
    """Every allotment that a fact names."""
    if isinstance(said, dict):
        own = {str(said["allotment_id"])} if "allotment_id" in said else set()
        return own.union(*(_claims(value) for value in said.values()))
    return set().union(*(_claims(value) for value in said)) if isinstance(said, list) else set()
