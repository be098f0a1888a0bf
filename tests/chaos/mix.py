"""`make chaos`: a trade on servers of its own, everything failing at random from one seed, the checker at the end.

It ends by itself after the seconds given and what cleaning up takes. A failure prints what differs, where the logs are
and how to play the same faults again.
"""

import argparse
import asyncio
import random
import secrets
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

from deploy.checking import check
from shared.auth import write_development_keys
from shared.migrate import SERVICES
from tests import houses
from tests.chaos.detour import behind_a_proxy
from tests.chaos.load import Trade
from tests.chaos.proxy import Proxy
from tests.chaos.servers import Mortal, mortal_servers
from tests.chaos.sessions import end_sessions
from tests.houses import House

QUIET_PATIENCE = 180.0
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

    async def go_on(self, until: float) -> None:
        """One fault after the other until then; everything runs again afterwards."""
        while time.monotonic() < until:
            weights = [weight for weight, _ in self._faults]
            ((_, fault),) = self._chance.choices(self._faults, weights)
            self.done[fault.__name__] += 1
            say(f"{fault.__name__.replace('_', ' ')}")
            await fault()
            await asyncio.sleep(self._chance.uniform(0.2, 2.0))
        await self._house.start()

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


async def play(mortal: Mortal, seconds: float, seed: int, folder: Path) -> bool:
    """The whole run; whether the books add up at its end."""
    keys = write_development_keys(folder / "keys").parent
    logs = folder / "logs"
    logs.mkdir()
    async with houses.house(mortal.servers, keys, logs, "mix") as house, behind_a_proxy(house) as way:
        await house.start()
        trade = Trade(house, folder, seed)
        await trade.opens()
        mix = Mix(house, mortal, way, seed)
        trade.start(customers=4, pause=0.1)
        await mix.go_on(time.monotonic() + seconds)
        await trade.stop()
        report = await check(house.logins, patience=QUIET_PATIENCE, journal=trade.journal)
        say(f"faults: {dict(mix.done)}")
        say(f"clients met: {dict(sorted(trade.met.items()))}")
        faults = sum(times for what, times in trade.met.items() if what.startswith("500"))
        if faults:
            say(f"{faults} requests were answered with 500")
        say(f"{len(trade.orders)} orders; the books: {report}")
        return report.is_clean and not faults


def say(words: str) -> None:
    sys.stdout.write(f"{time.strftime('%H:%M:%S')} {words}\n")
    sys.stdout.flush()


def main(arguments: list[str]) -> int:
    """The command line; 0 when the books add up."""
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--seconds", type=float, default=100)
    parser.add_argument("--seed", type=int, default=None, help="what a failed run has printed")
    chosen = parser.parse_args(arguments)
    seed = secrets.randbelow(1_000_000) if chosen.seed is None else chosen.seed
    again = f"make chaos SECONDS={chosen.seconds:.0f} SEED={seed}"
    say(f"{chosen.seconds:.0f} s of faults from the seed {seed}")
    folder = Path(tempfile.mkdtemp(prefix="tieline-chaos-"))
    limit = chosen.seconds + QUIET_PATIENCE + 240
    with mortal_servers() as mortal:
        fine = asyncio.run(asyncio.wait_for(play(mortal, chosen.seconds, seed, folder), limit))
    say(
        "nothing lost, nothing twice"
        if fine
        else f"logs and journal: {folder}; the same faults again: {again}"
    )
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
