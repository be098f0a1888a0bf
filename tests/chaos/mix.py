"""`make chaos`: a trade on servers of its own, everything failing at random from one seed, the checker at the end.

It ends by itself after the seconds given and what cleaning up takes. A failure prints what differs, where the logs are
and how to play the same faults again.
"""

import asyncio
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable

from deploy.checking import check
from shared.auth import write_development_keys
from shared.migrate import SERVICES
from tests import houses
from tests.chaos import long_run
from tests.chaos.detour import behind_a_proxy
from tests.chaos.load import Trade
from tests.chaos.long_run import QUIET_PATIENCE, Run, compared, say, telling
from tests.chaos.proxy import Proxy
from tests.chaos.servers import Mortal
from tests.chaos.sessions import end_sessions
from tests.houses import House

POINTS = (
    "pre_commit", "post_commit", "batch_pre_commit", "batch_committed", "relay_selected", "relay_confirmed",
    "on_first_message",
)  # fmt: skip


class Mix:
    """The faults, each drawn with its weight; one at a time, as that is what can be read afterwards."""

    def __init__(self, house: House, mortal: Mortal, way: Proxy, seed: int) -> None:
        self._house = house
        self._mortal = mortal
        self._way = way
        self._chance = random.Random(seed)
        self.done: Counter[str] = Counter()
        self.fell: list[str] = []
        """Services that ended by themselves, as none should whatever is away."""
        self._faults: tuple[tuple[int, Callable[[], Awaitable[None]]], ...] = (
            (8, self.kill_a_service),
            (6, self.crash_at_a_point),
            (4, self.freeze_a_service),
            (4, self.end_database_sessions),
            (3, self.reset_broker_connections),
            (2, self.silence_the_network),
            (1, self.kill_all_services),
            (1, self.kill_the_broker),
            (1, self.freeze_the_broker),
            (1, self.kill_the_database),
            (1, self.restart_the_database_at_once),
        )

    async def go_on(self, until: float, look: Callable[[], None]) -> None:
        """One fault after the other until then, with a look between; everything runs again afterwards."""
        while time.monotonic() < until:
            weights = [weight for weight, _ in self._faults]
            ((_, fault),) = self._chance.choices(self._faults, weights)
            self.done[fault.__name__] += 1
            say(f"{fault.__name__.replace('_', ' ')}")
            await fault()
            await asyncio.sleep(self._chance.uniform(0.2, 2.0))
            look()
            await self.raise_the_fallen()
        await self._house.start()

    async def raise_the_fallen(self) -> None:
        """Start what has ended though no fault has ended it, and remember it."""
        for name, process in self._house.processes.items():
            if not process.is_running:
                say(f"{name} has ended by itself:\n{process.tail()}")
                self.fell.append(name)
                await process.start()

    async def kill_a_service(self) -> None:
        process = self._house.processes[self._chance.choice(SERVICES)]
        await process.kill()
        await process.start()

    async def crash_at_a_point(self) -> None:
        process = self._house.processes[self._chance.choice(SERVICES)]
        point, nth = self._chance.choice(POINTS), self._chance.randint(1, 5)
        await process.kill()
        await process.start(CRASH_AT=f"{point}:{nth}")
        await asyncio.sleep(6)
        # it may never have come to the point
        await process.kill()
        await process.start()

    async def freeze_a_service(self) -> None:
        process = self._house.processes[self._chance.choice(SERVICES)]
        process.tell(signal.SIGSTOP)
        await asyncio.sleep(self._chance.uniform(0.5, 5))
        process.tell(signal.SIGCONT)

    async def kill_all_services(self) -> None:
        await asyncio.gather(*(process.kill() for process in self._house.processes.values()))
        await self._house.start()

    async def end_database_sessions(self) -> None:
        await end_sessions(self._house, self._chance, 0.3)

    async def reset_broker_connections(self) -> None:
        self._way.reset_all()

    async def silence_the_network(self) -> None:
        self._way.weather.is_black_hole = True
        await asyncio.sleep(self._chance.uniform(1, 8))
        self._way.weather.is_black_hole = False

    async def kill_the_broker(self) -> None:
        await self._mortal.kill_broker()
        await self._mortal.start_broker()

    async def freeze_the_broker(self) -> None:
        self._mortal.tell_broker(signal.SIGSTOP)
        await asyncio.sleep(self._chance.uniform(2, 8))
        self._mortal.tell_broker(signal.SIGCONT)

    async def kill_the_database(self) -> None:
        await self._restart_the_database(signal.SIGKILL)

    async def restart_the_database_at_once(self) -> None:
        await self._restart_the_database(signal.SIGQUIT)

    async def _restart_the_database(self, demand: signal.Signals) -> None:
        await self._mortal.end_postgres(demand)
        await self._mortal.start_postgres()


async def play(mortal: Mortal, run: Run) -> list[str]:
    """The whole run; what is wrong at its end."""
    keys = write_development_keys(run.folder / "keys").parent
    logs = run.folder / "logs"
    logs.mkdir()
    async with houses.house(mortal.servers, keys, logs, "mix") as house, behind_a_proxy(house) as way:
        await house.start()
        trade = Trade(house, run.folder, run.seed)
        await trade.opens()
        mix = Mix(house, mortal, way, run.seed)
        began = time.monotonic()

        def progress() -> str:
            done = f"{mix.done.total()} faults, {len(trade.orders)} orders, {_faulty(trade)} answers of 500"
            return f"-- {time.monotonic() - began:.0f} of {run.seconds:.0f} s: {done}"

        trade.start(customers=4, pause=0.1)
        async with telling(progress):
            await mix.go_on(began + run.seconds, trade.must_go_on)
        say(f"{progress()}; waiting until nothing is on its way, then comparing")
        await trade.stop()
        report = await check(house.logins, patience=QUIET_PATIENCE, journal=trade.journal)
        say(f"seed {run.seed}, {len(trade.orders)} orders, {mix.done.total()} faults: {_counted(mix.done)}")
        say(f"clients met: {_counted(trade.met)}")
        say(compared(report, trade.journal))
        wrong = [] if report.is_clean else [f"the books do not add up:\n{report}"]
        wrong += [f"{_faulty(trade)} requests were answered with 500"] if _faulty(trade) else []
        return wrong + [f"{name} has ended by itself" for name in mix.fell]


def _faulty(trade: Trade) -> int:
    return sum(times for what, times in trade.met.items() if what.startswith("500"))


def _counted(what: Counter[str]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {times}" for name, times in sorted(what.items()))


if __name__ == "__main__":
    sys.exit(long_run.main("chaos", __doc__, 100, play, sys.argv[1:]))
