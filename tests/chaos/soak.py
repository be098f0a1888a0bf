"""`make soak`: a trade at a low rate for a chosen time while every broker connection is cut every few seconds (fault 62).

Memory, descriptors and broker channels of each service, and sessions at the database, are sampled; they must be as flat
at the end as they were when warm: what each reconnect leaked would show. The books are checked at the end.
"""

import argparse
import asyncio
import secrets
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import asyncpg

from deploy.checking import check
from shared.auth import write_development_keys
from tests import houses
from tests.chaos.detour import behind_a_proxy
from tests.chaos.load import Trade
from tests.chaos.mix import QUIET_PATIENCE, say
from tests.chaos.proxy import Proxy
from tests.chaos.servers import Mortal, mortal_servers
from tests.houses import House

CUT_EVERY = 5.0
SAMPLE_EVERY = 2.0
MOST_GROWTH, MOST_MORE_MEGABYTES = 0.15, 12.0
"""Memory may end 15 % and 12 MB above what it was when warm: caches fill, and an interpreter gives little back."""
MOST_MORE = 6
"""Descriptors, channels, connections and sessions may end so many above: a pool may stand fuller at one moment."""


Sample = Mapping[str, float]
"""The figures of one moment by name: `orders megabytes`, `orders descriptors`, `broker channels`, …"""


async def _sample(house: House) -> Sample:
    figures: dict[str, float] = {}
    for service, process in house.processes.items():
        figures |= await asyncio.to_thread(_of_process, service, process.pid)
    db = await asyncpg.connect(house.servers.postgres_url)
    try:
        figures["sessions"] = float(
            await db.fetchval(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = ANY($1)", list(house.names.values())
            )
        )
    finally:
        await db.close()
    return figures


# from the node's own tables: asking every connection and channel for itself takes long on a busy machine
_COUNTS = "{ets:info(connection_created, size), ets:info(channel_created, size)}."


class Cutter:
    """Cuts every broker connection every few seconds, by the proxy that all of them go through, and counts them between."""

    def __init__(self, mortal: Mortal, way: Proxy) -> None:
        self._mortal = mortal
        self._way = way
        self.cuts = 0
        self.samples: list[Sample] = []

    async def cut(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(CUT_EVERY)
            self._way.reset_all()
            self.cuts += 1

    async def count(self) -> None:
        """Until cancelled; rabbitmqctl starts an Erlang machine each time, which takes seconds, so it has its own pace."""
        while True:
            await asyncio.sleep(CUT_EVERY)
            told = await self._mortal.control_broker("-q", "eval", _COUNTS)
            connections, channels = map(float, told.strip().strip("{}").split(","))
            self.samples.append({"broker connections": connections, "broker channels": channels})


def _of_process(service: str, pid: int) -> dict[str, float]:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return {
        f"{service} megabytes": pages * 4096 / 1e6,
        f"{service} descriptors": float(len(list(Path(f"/proc/{pid}/fd").iterdir()))),
    }


def judged(samples: Sequence[Sample], fewest: int) -> list[str]:
    """What grew: the last quarter against the second one, in medians (a cut lies between any two samples)."""
    if len(samples) < fewest:
        return [f"only {len(samples)} samples: too short to say anything"]
    quarter = len(samples) // 4
    grown = []
    for name in samples[0]:
        warm, late = (
            statistics.median(sample[name] for sample in part)
            for part in (samples[quarter : 2 * quarter], samples[-quarter:])
        )
        most = warm * (1 + MOST_GROWTH) + MOST_MORE_MEGABYTES if "megabytes" in name else warm + MOST_MORE
        say(f"{name}: {warm:.0f} when warm, {late:.0f} at the end (at most {most:.0f})")
        if late > most:
            grown.append(f"{name} grew from {warm:.0f} to {late:.0f}")
    return grown


async def play(mortal: Mortal, seconds: float, seed: int, folder: Path) -> list[str]:
    """The whole run; what is wrong after it."""
    keys = write_development_keys(folder / "keys").parent
    logs = folder / "logs"
    logs.mkdir()
    async with houses.house(mortal.servers, keys, logs, "soak") as house, behind_a_proxy(house) as way:
        await house.start()
        trade = Trade(house, folder, seed)
        await trade.opens()
        trade.start(customers=2, pause=0.5)
        samples: list[Sample] = []
        cutter = Cutter(mortal, way)
        cutting = [asyncio.create_task(work) for work in (cutter.cut(), cutter.count())]
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            await asyncio.sleep(SAMPLE_EVERY)
            samples.append(await _sample(house))
        for work in cutting:
            work.cancel()
        ended = await asyncio.gather(*cutting, return_exceptions=True)
        await trade.stop()
        wrong = judged(samples, 12) + judged(cutter.samples, 4)
        wrong += [name for name, process in house.processes.items() if not process.is_running]
        wrong += [f"{how!r}" for how in ended if not isinstance(how, asyncio.CancelledError)]
        report = await check(house.logins, patience=QUIET_PATIENCE, journal=trade.journal)
        say(f"{len(trade.orders)} orders, {cutter.cuts} cuts, {len(samples)} samples; the books: {report}")
        return wrong if report.is_clean else [*wrong, "the books do not add up"]


def main(arguments: list[str]) -> int:
    """The command line; 0 when all stayed flat and the books add up."""
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=None, help="what an earlier run has printed")
    chosen = parser.parse_args(arguments)
    seconds = chosen.seconds
    seed = secrets.randbelow(1_000_000) if chosen.seed is None else chosen.seed
    say(f"{seconds:.0f} s of trade from the seed {seed}, a cut every {CUT_EVERY:.0f} s")
    folder = Path(tempfile.mkdtemp(prefix="tieline-soak-"))
    with mortal_servers("soak") as mortal:
        limit = seconds + QUIET_PATIENCE + 240
        wrong = asyncio.run(asyncio.wait_for(play(mortal, seconds, seed, folder), limit))
    again = f"make soak SECONDS={seconds:.0f} SEED={seed}"
    say("flat" if not wrong else f"{'; '.join(wrong)}; logs: {folder}; the same trade again: {again}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
