"""`make soak`: a trade at a low rate for a chosen time while every broker connection is cut every few seconds (fault 62).

Memory, descriptors and broker channels of each service, and sessions at the database, are sampled; they must be as flat
at the end as they were when warm: what each reconnect leaked would show. The books are checked at the end.
"""

import argparse
import asyncio
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
from tests.chaos.load import Trade
from tests.chaos.mix import QUIET_PATIENCE, say
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


async def _sample_broker(house: House, mortal: Mortal) -> Sample:
    """Asking the broker takes seconds on a busy machine, so it is asked less often."""
    return {
        f"broker {what}": await _counted(mortal, f"list_{what}", house.vhost, "pid", "vhost")
        for what in ("connections", "channels")
    }


class Cutter:
    """Cuts every broker connection every few seconds; before each cut it counts them."""

    def __init__(self, house: House, mortal: Mortal) -> None:
        self._house = house
        self._mortal = mortal
        self.cuts = 0
        self.samples: list[Sample] = []

    async def cut(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(CUT_EVERY)
            self.samples.append(await _sample_broker(self._house, self._mortal))
            await self._mortal.control_broker("close_all_connections", "-p", self._house.vhost, "soak")
            self.cuts += 1


def _of_process(service: str, pid: int) -> dict[str, float]:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return {
        f"{service} megabytes": pages * 4096 / 1e6,
        f"{service} descriptors": float(len(list(Path(f"/proc/{pid}/fd").iterdir()))),
    }


async def _counted(mortal: Mortal, command: str, vhost: str, *columns: str) -> float:
    # channels are listed by vhost, connections of all of them with theirs
    where = ("-p", vhost) if command == "list_channels" else ()
    told = await mortal.control_broker("-q", command, *where, *columns)
    return float(sum(1 for line in told.splitlines() if line.split("\t")[-1:] == [vhost]))


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


async def play(mortal: Mortal, seconds: float, folder: Path) -> list[str]:
    """The whole run; what is wrong after it."""
    keys = write_development_keys(folder / "keys").parent
    logs = folder / "logs"
    logs.mkdir()
    async with houses.house(mortal.servers, keys, logs, "soak") as house:
        await house.start()
        trade = Trade(house, folder)
        await trade.opens()
        trade.start(customers=2, pause=0.5)
        samples: list[Sample] = []
        cutter = Cutter(house, mortal)
        cutting = asyncio.create_task(cutter.cut())
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            await asyncio.sleep(SAMPLE_EVERY)
            samples.append(await _sample(house))
        cutting.cancel()
        await asyncio.gather(cutting, return_exceptions=True)
        await trade.stop()
        wrong = judged(samples, 12) + judged(cutter.samples, 4)
        wrong += [name for name, process in house.processes.items() if not process.is_running]
        report = await check(house.logins, patience=QUIET_PATIENCE, journal=trade.journal)
        say(f"{len(trade.orders)} orders, {cutter.cuts} cuts, {len(samples)} samples; the books: {report}")
        return wrong if report.is_clean else [*wrong, "the books do not add up"]


def main(arguments: list[str]) -> int:
    """The command line; 0 when all stayed flat and the books add up."""
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    seconds = parser.parse_args(arguments).seconds
    folder = Path(tempfile.mkdtemp(prefix="tieline-soak-"))
    with mortal_servers("soak") as mortal:
        wrong = asyncio.run(asyncio.wait_for(play(mortal, seconds, folder), seconds + QUIET_PATIENCE + 240))
    say("flat" if not wrong else f"{'; '.join(wrong)}; logs: {folder}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
