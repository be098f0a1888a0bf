"""`make bench`: whole chains per second through the five services, on servers of its own.

python -m bench                      everything, about five minutes
python -m bench single --chains 500  one part: broker, relay-poll, low, single, bulk, statements, queues
"""

import argparse
import os
import re
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial

import uvloop

from bench import broker, one_receipt, peer, queues, relay_poll
from bench.books import Books
from bench.door import Door
from bench.figures import quantile, spread
from bench.hop import Hops, probe
from bench.shop import Lane, Shop, closed_loop
from bench.usage import Meter, Usage
from deploy.cli.client import EVERY_SCOPE
from deploy.local import stack
from deploy.local.definitions import SERVICES
from deploy.local.stack import Stack
from shared.auth import development_token

INSTANCE = "bench"
PARTS = ("broker", "relay-poll", "low", "single", "bulk", "statements", "queues")
BULK = 50
LOW_CHAINS = 300


def main(arguments: Sequence[str]) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help=f"default: {' '.join(PARTS)}")
    parser.add_argument("--chains", type=int, default=1500, help="at most so many chains singly")
    parser.add_argument("--in-flight", type=int, default=64, help="chains at a time singly")
    parser.add_argument("--bulk-orders", type=int, default=5000, help="at most so many orders in bulk")
    parser.add_argument("--bulk-in-flight", type=int, default=4, help="batches of 50 at a time")
    parser.add_argument("--seconds", type=float, default=60.0, help="begin nothing new after so many")
    chosen = parser.parse_args(arguments)
    with stack.running(INSTANCE) as running:
        uvloop.run(_measure(running, chosen))
    return 0


async def _measure(running: Stack, chosen: argparse.Namespace) -> None:
    parts = chosen.parts or PARTS
    say(f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    if "broker" in parts:
        await broker.measure(running.servers, say)
    if "relay-poll" in parts:
        await relay_poll.measure(running.servers, say)
    token = development_token(running.keys, "bench", EVERY_SCOPE)
    doors = {service: Door(running.url(service), token) for service in SERVICES}
    books = Books(
        {
            service: running.servers.service_database_url(service, "ro", driver="postgresql")
            for service in SERVICES
        }
    )
    await books.open()
    bench = _Run(doors, _meter(running, doors), books, running)
    try:
        if "low" in parts:
            await bench.low(chosen.seconds)
        if "single" in parts:
            await bench.single(chosen.chains, chosen.in_flight, chosen.seconds)
        if "bulk" in parts:
            await bench.bulk(chosen.bulk_orders, chosen.bulk_in_flight, chosen.seconds)
        if "statements" in parts:
            await bench.statements()
        if "queues" in parts:
            await one_receipt.measure(running, doors, _meter(running, doors), say)
            await queues.measure(running.servers, say)
    finally:
        await books.close()
        for door in doors.values():
            door.close()


def _meter(running: Stack, doors: dict[str, Door]) -> Meter:
    place = running.servers.instance

    def pid(server: str) -> int | None:
        processes = place.known(server).get("processes") or []
        return int(processes[0]["pid"]) if processes else None

    services = {name: one.process.pid for name, one in stack.services(place).items()}
    return Meter(services, pid("postgres"), pid("rabbitmq"), doors, running.servers.postgres_url)


class _Run:
    def __init__(self, doors: dict[str, Door], meter: Meter, books: Books, running: Stack) -> None:
        self._doors = doors
        self._meter = meter
        self._books = books
        self._running = running

    async def low(self, seconds: float) -> None:
        """One chain at a time: how long after the answered receipt the other services show it, and a hop beside it."""
        shop = Shop(self._doors)
        lanes = await shop.opens(1)
        await shop.chain(lanes[0])
        shop.times.chain.clear()
        await self._settle(shop)
        beside: list[float] = []
        async with probe(self._running.servers) as hop:
            alone = await hop.sends(1000, rate=100)
            async with hop.sending(20, beside):
                watched = partial(shop.chain, watched=True)
                await closed_loop(lanes, watched, most=LOW_CHAINS, seconds=seconds)
        await self._end(shop)
        say("\nLow load, one chain at a time: from the answered receipt until a wait= read shows it")
        _latencies(shop)
        for hops in (
            Hops("hop before, 100/s, nothing else", alone),
            Hops("hop beside the chains, 20/s", beside),
        ):
            _in_hops(shop.times.shipment, hops)

    async def single(self, chains: int, in_flight: int, seconds: float) -> None:
        """Saturation with one-line orders."""
        shop = Shop(self._doors)
        lanes = await shop.opens(in_flight)
        warm = 2 * in_flight
        await closed_loop(lanes, shop.chain, most=warm, seconds=seconds)
        await self._settle(shop)
        shop.times.chain.clear()
        warm = shop.finished
        before, busy = await self._meter.read(), sum(d.busy for d in self._doors.values())
        requests = sum(d.requests for d in self._doors.values())
        took = await closed_loop(lanes, partial(self._sampled, shop), most=chains, seconds=seconds)
        took += await self._settle(shop)
        used = (await self._meter.read()).since(before)
        done = shop.finished - warm
        rate = done / took
        say(f"\nSingly, {in_flight} in flight: {done} chains in {took:.1f} s = {rate:.1f} chains/s "
            f"({self._of_peer('singly', rate)})")  # fmt: skip
        requests = sum(d.requests for d in self._doors.values()) - requests
        say(
            f"  requests a chain {requests / done:.1f}, answered busy {sum(d.busy for d in self._doors.values()) - busy}"
        )
        _latencies(shop)
        _usage(used, done, took)
        await self._end(shop)

    async def _sampled(self, shop: Shop, lane: Lane) -> None:
        await shop.chain(lane, watched=shop.finished % 8 == 0)

    async def bulk(self, orders: int, in_flight: int, seconds: float) -> None:
        """Saturation with batches of 50."""
        shop = Shop(self._doors)
        lanes = await shop.opens(in_flight)
        await closed_loop(lanes, partial(shop.bulk, size=BULK), most=in_flight, seconds=seconds)
        await self._settle(shop)
        shop.times.chain.clear()
        warm = shop.finished
        before = await self._meter.read()
        took = await closed_loop(
            lanes, partial(shop.bulk, size=BULK), most=max(1, orders // BULK), seconds=seconds
        )
        took += await self._settle(shop)
        used = (await self._meter.read()).since(before)
        done = shop.finished - warm
        rate = done / took
        say(f"\nIn bulk, {in_flight} batches of {BULK} in flight: {done} chains in {took:.1f} s = {rate:.1f} chains/s "
            f"({self._of_peer('bulk', rate)})")  # fmt: skip
        _usage(used, done, took)
        await self._end(shop)

    async def statements(self) -> None:
        """Statements a chain by database, counted in the server's log of a short run of its own."""
        place = self._running.servers.instance
        log = place.logs / "postgres.log"
        shop = Shop(self._doors)
        lanes = await shop.opens(1)
        await shop.chain(lanes[0])
        await self._settle(shop)
        await self._meter.set_logging("all")
        start = log.stat().st_size
        chains = 20
        await closed_loop(lanes, shop.chain, most=chains, seconds=60)
        await self._settle(shop)
        await self._meter.set_logging("none")
        with log.open("rb") as text:
            text.seek(start)
            found = re.findall(rb"_app@(\w+) LOG:  (?:execute|statement)[^:]*: *\s*(\w+)", text.read())
        say(
            f"\nStatements a chain, one chain at a time ({chains} chains; idle polls of relay and retry included)"
        )
        for service in SERVICES:
            mine = [word.upper().decode() for name, word in found if name.decode() == service]
            ends = sum(word in {"BEGIN", "COMMIT", "ROLLBACK"} for word in mine)
            say(f"  {service:14} {len(mine) / chains:6.1f}   of them BEGIN and COMMIT {ends / chains:.1f}")
        say(f"  {'together':14} {len(found) / chains:6.1f}")
        await self._end(shop)

    def _of_peer(self, what: str, rate: float) -> str:
        figure = peer.figure(self._running.servers.instance.folder, what)
        return f"{rate / figure.value:.0f}x the peer's {figure.value:.2f}/s, {figure.source}"

    async def _settle(self, shop: Shop) -> float:
        """Seconds until the last consequence of all chains so far is booked and published."""
        return await self._books.settle(shop.mark, shop.warehouse, shop.finished)

    async def _end(self, shop: Shop) -> None:
        await shop.closes()
        await self._settle(shop)
        say("  books: " + await self._books.check(shop.mark, shop.warehouse, shop.finished))


def _latencies(shop: Shop) -> None:
    times = shop.times
    for name, seconds in (
        ("shipment visible", times.shipment), ("notice visible", times.notice), ("whole chain", times.chain)
    ):  # fmt: skip
        if seconds:
            say(f"  {name:32} {spread(seconds)}")


def _in_hops(shipments: Sequence[float], hops: Hops) -> None:
    """Row 4: p50 against p50 and p99 against p99."""
    p50, p99 = (quantile(shipments, share) / quantile(hops.seconds, share) for share in (0.5, 0.99))
    say(
        f"  {hops.name:32} {spread(hops.seconds, 2)}   shipment visible is p50 {p50:.1f} hops, p99 {p99:.1f} hops"
    )


def _usage(used: Usage, chains: int, took: float) -> None:
    ours = sum(seconds for name, seconds in used.cpu.items() if name != "machine")
    cores = f"{used.cpu['machine'] / took:.2f} cores in use, {ours / took:.2f} of them by us and the client"
    say(f"  CPU ms a chain ({cores})")
    groups = {
        "services": SERVICES,
        "postgres": [n for n in used.cpu if n.startswith("postgres")],
        "broker (beam)": ["broker (beam)"],
        "client": ["client"],
    }
    for group, names in groups.items():
        parts = {name.removeprefix("postgres "): 1e3 * used.cpu.get(name, 0.0) / chains for name in names}
        listed = ", ".join(f"{name} {ms:.2f}" for name, ms in parts.items()) if len(parts) > 1 else ""
        say(f"    {group:14} {sum(parts.values()):7.2f}   {listed}")
    say(f"    {'together':14} {1e3 * ours / chains:7.2f}   = {chains / ours:.1f} chains per CPU second")
    say(
        "  transactions a chain "
        + ", ".join(f"{name} {n / chains:.1f}" for name, n in used.transactions.items())
    )
    say("  broker a chain " + ", ".join(f"{name} {n / chains:.2f}" for name, n in used.messages.items()))


def say(words: str) -> None:
    """Print at once."""
    print(words, flush=True)


if __name__ == "__main__":
    began = time.perf_counter()
    code = main(sys.argv[1:])
    say(f"\nall of it in {time.perf_counter() - began:.0f} s")
    sys.exit(code)
