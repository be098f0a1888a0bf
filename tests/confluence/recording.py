"""Recorded moments: a service's rows, and facts that wait for it of which none answers another through it.

While everybody else acts and hears until nothing moves, one service hears nothing. What waits for it then may reach it
in any order, in any batches, twice, and mixed with what it has long heard: it must end in the same state.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any
from uuid import UUID

from sqlalchemy import MetaData, insert

from shared.ids import new_id
from shared.migrate import SERVICES
from shared.testing import Bench
from tests.confluence import histories
from tests.world import MOST_A_DELIVERY, Letter, World, fresh_world

Row = Mapping[str, Any]
Tables = Mapping[str, Sequence[Row]]


@dataclass(frozen=True)
class Case:
    """A service at a moment, what it is about to hear, and the state that it had after hearing it in order."""

    name: str
    service: str
    before: Tables
    letters: tuple[Letter, ...]
    old: tuple[Letter, ...]
    """What it had heard before: hearing it again changes nothing, even after its inbox has forgotten (fault 26)."""
    after: Tables

    def __repr__(self) -> str:
        return f"<{self.service}: {self.name}>"


def tables_of(service: str) -> MetaData:
    """A service's own tables."""
    metadata: MetaData = import_module(f"services.{service}.tables").metadata
    return metadata


async def dump(bench: Bench) -> Tables:
    """All rows of a service's own tables."""
    return {
        table.name: [dict(row._mapping) for row in await bench.sql(f'SELECT * FROM "{table.name}"')]
        for table in tables_of(bench.service).sorted_tables
    }


async def restore(bench: Bench, rows: Tables) -> None:
    """The service as it was at a moment; its inbox has forgotten everything."""
    await bench.empty()
    async with bench.engine.begin() as db:
        for table in tables_of(bench.service).sorted_tables:
            given = [column.name for column in table.columns if column.computed is None]
            if rows[table.name]:
                await db.execute(
                    insert(table), [{name: row[name] for name in given} for row in rows[table.name]]
                )


async def record(five: Sequence[Bench], nth: int, name: str) -> list[Case]:
    """Play a story once; at each turn another service hears last, so that as much as possible waits for it.

    What notifications has heard from the first day on is a case too: it tells nobody anything that comes back.
    """
    world = await fresh_world(five)
    nothing = await dump(world.benches["notifications"])
    await world.opens()
    cases: list[Case] = []
    histories.KNOWN.clear()
    turn = nth
    for n, act in enumerate(histories.STORIES[name], 1):
        await act(world)
        while any(world.waiting.values()):
            last = SERVICES[turn % len(SERVICES)]
            turn += 1
            await _quiet_without(world, last)
            if letters := tuple(world.waiting[last]):
                cases.append(await _case(world, last, letters, f"{name}, phase {n}"))
    if heard := tuple(world.heard["notifications"]):
        after = await dump(world.benches["notifications"])
        cases.append(Case(f"{name}, all of it", "notifications", nothing, heard, (), after))
    return cases


async def _quiet_without(world: World, silent: str) -> None:
    while busy := [service for service in SERVICES if service != silent and world.waiting[service]]:
        for service in busy:
            await world.deliver(service, world.waiting[service][:MOST_A_DELIVERY])


async def _case(world: World, service: str, letters: tuple[Letter, ...], name: str) -> Case:
    bench = world.benches[service]
    before, old = await dump(bench), tuple(world.heard[service])
    for letter in letters:
        await world.deliver(service, [letter])
    return Case(name, service, before, letters, old, await dump(bench))


def again(letter: Letter) -> Letter:
    """The same fact as another event, as a producer restored from a backup might tell it."""
    id_ = new_id()
    return Letter(
        letter.nth, id_, letter.producer, letter.type, letter.body.replace(str(letter.id), str(id_), 1)
    )


# --- the whole history of orders ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class History:
    """All that a service heard in a story in which it acted first and then only listened."""

    case: Case
    lines: Mapping[UUID, tuple[UUID, int]]
    """Lines that orders made itself while it listened, by (order, line number)."""


def translated(letter: Letter, names: Mapping[UUID, UUID]) -> Letter:
    """The letter with other ids for the same things."""
    body = letter.body
    for old, new in names.items():
        body = body.replace(str(old), str(new))
    return Letter(letter.nth, letter.id, letter.producer, letter.type, body)


async def line_ids(bench: Bench) -> dict[tuple[UUID, int], UUID]:
    """Order lines by what names them."""
    return {
        (row.order_id, row.line_no): row.id
        for row in await bench.sql("SELECT id, order_id, line_no FROM order_lines")
    }


# Stories in which nobody acts on what orders has said meanwhile, but for releases. Where goods are short-shipped and come
# again, each fill has the shipment before it as its past, and another order of them is no possible history.
FIRST_ORDERS_THEN_LISTENS = (
    "main chain", "partial receipts", "failed and replaced", "bought as needed", "complete orders wait",
)  # fmt: skip


async def record_orders(five: Sequence[Bench], name: str) -> History:
    """A story in which only the first phases are acts at orders; everything heard after them."""
    world = await fresh_world(five)
    await world.opens()
    histories.KNOWN.clear()
    bench = world.benches["orders"]
    before: Tables | None = None
    heard: list[Letter] = []
    known: dict[tuple[UUID, int], UUID] = {}
    for act in histories.STORIES[name]:
        await act(world)
        if before is None and histories.KNOWN:
            before, heard = await dump(bench), list(world.heard["orders"])
            known = await line_ids(bench)
        await world.quiet()
    assert before is not None
    made = {id_: place for place, id_ in (await line_ids(bench)).items() if place not in known}
    letters = tuple(world.heard["orders"][len(heard) :])
    case = Case(f"{name}, all of it", "orders", before, letters, tuple(heard), await dump(bench))
    return History(case, made)
