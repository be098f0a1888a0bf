"""`make soak`: a trade at a low rate for a chosen time while every broker connection is cut every few seconds (fault 62).

Memory, descriptors and broker channels of each service, and sessions at the database, are sampled; they must be as flat
at the end as they were when warm: what each reconnect leaked would show. The books are checked at the end.
"""

import asyncio
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import asyncpg

from deploy.checking import check
from deploy.local.announcing import CannotRun
from shared.auth import write_development_keys
from tests import houses
from tests.chaos import long_run
from tests.chaos.detour import behind_a_proxy
from tests.chaos.load import Trade
from tests.chaos.long_run import QUIET_PATIENCE, Run, compared, say, telling
from tests.chaos.proxy import Proxy
from tests.chaos.servers import Mortal
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
        self.silences = 0
        """Times that rabbitmqctl had no answer, as it may on a busy machine."""
        self.samples: list[Sample] = []

    async def go_on(self) -> None:
        """Until cancelled. Every second cut waits for a count: what is counted has had as long as ever to come back.

        Beside the cuts it would as often as not count those who have just been cut, and nobody would see a leak: rabbitmqctl
        starts an Erlang machine each time, which takes seconds.
        """
        while True:
            await asyncio.sleep(CUT_EVERY)
            if self.cuts % 2:
                await self._count()
            self._way.reset_all()
            self.cuts += 1

    async def _count(self) -> None:
        try:
            told = await self._mortal.control_broker("-q", "eval", _COUNTS)
        except CannotRun:
            self.silences += 1
            return
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


async def play(mortal: Mortal, run: Run) -> list[str]:
    """The whole run; what is wrong after it."""
    keys = write_development_keys(run.folder / "keys").parent
    logs = run.folder / "logs"
    logs.mkdir()
    async with houses.house(mortal.servers, keys, logs, "soak") as house, behind_a_proxy(house) as way:
        await house.start()
        trade = Trade(house, run.folder, run.seed)
        await trade.opens()
        trade.start(customers=2, pause=0.5)
        samples: list[Sample] = []
        cutter = Cutter(mortal, way)
        cutting = asyncio.create_task(cutter.go_on())
        began = time.monotonic()

        def progress() -> str:
            done = f"{len(trade.orders)} orders, {cutter.cuts} cuts; {_now(samples, cutter.samples)}"
            return f"-- {time.monotonic() - began:.0f} of {run.seconds:.0f} s: {done}"

        async with telling(progress):
            while time.monotonic() < began + run.seconds:
                await asyncio.sleep(SAMPLE_EVERY)
                samples.append(await _sample(house))
                trade.must_go_on()
                if cutting.done():
                    cutting.result()
        cutting.cancel()
        say(f"{progress()}; waiting until nothing is on its way, then comparing")
        await trade.stop()
        wrong = judged(samples, 12) + judged(cutter.samples, 4)
        wrong += [f"{name} has ended" for name, process in house.processes.items() if not process.is_running]
        report = await check(house.logins, patience=QUIET_PATIENCE, journal=trade.journal)
        say(
            f"seed {run.seed}, {len(trade.orders)} orders, {cutter.cuts} cuts, {len(samples)} samples of the processes, "
            f"{len(cutter.samples)} of the broker ({cutter.silences} times it did not answer)"
        )
        say(compared(report, trade.journal))
        return wrong if report.is_clean else [*wrong, f"the books do not add up:\n{report}"]


def _now(samples: Sequence[Sample], broker: Sequence[Sample]) -> str:
    """The latest figures, those of the processes summed up."""
    if not samples:
        return "no sample yet"
    latest = samples[-1]
    parts = [
        f"{sum(size for name, size in latest.items() if name.endswith(what)):.0f} {what}"
        for what in ("megabytes", "descriptors", "sessions")
    ]
    return ", ".join(
        parts + [f"{count:.0f} {name}" for name, count in (broker[-1] if broker else {}).items()]
    )


if __name__ == "__main__":
    sys.exit(long_run.main("soak", __doc__, 600, play, sys.argv[1:]))
