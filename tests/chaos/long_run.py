"""What `make chaos` and `make soak` have in common: a bound, progress, a summary, and how to play a failed run again."""

import argparse
import asyncio
import faulthandler
import os
import secrets
import shutil
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from deploy.checking import Journal, Report
from deploy.local import postgres, rabbitmq
from tests.chaos.servers import Mortal, mortal_servers

QUIET_PATIENCE = 180.0
"""Seconds that what is on its way has to arrive, once nobody sends any more."""
OPENING_AND_CLOSING = 240.0
"""Seconds for all that a run does beside its work and the wait for quiet: migrate, open, finish requests, stop."""
SERVERS = 180.0
"""Seconds for the servers of its own to start, and at the end to go."""
PROGRESS_EVERY = 30.0


@dataclass(frozen=True)
class Run:
    """One run as it was asked for."""

    name: str
    seconds: float
    seed: int
    folder: Path
    """Where its logs, keys and journal are; it stays if something is wrong."""

    @property
    def again(self) -> str:
        """The command that draws the same again."""
        return f"make {self.name} SECONDS={self.seconds:.0f} SEED={self.seed}"

    @property
    def limit(self) -> float:
        """Seconds after which the run itself is broken off."""
        return self.seconds + QUIET_PATIENCE + OPENING_AND_CLOSING


Play = Callable[[Mortal, Run], Awaitable[list[str]]]
"""The run itself, on servers of its own; what is wrong after it."""


def say(words: str) -> None:
    """A line with the time, at once."""
    sys.stdout.write(f"{time.strftime('%H:%M:%S')} {words}\n")
    sys.stdout.flush()


def main(name: str, about: str | None, seconds: float, play: Play, arguments: Sequence[str]) -> int:
    """The command line of a long run; 0 when nothing is wrong, 2 when it cannot be had here, 130 when a signal ended it."""
    parser = argparse.ArgumentParser(prog=f"make {name}", description=about)
    parser.add_argument("--seconds", type=float, default=seconds, help=f"default: {seconds:.0f}")
    parser.add_argument("--seed", type=int, default=None, help="what an earlier run has printed")
    chosen = parser.parse_args(arguments)
    if rabbitmq.installed_binaries() is None or postgres.installed_binaries() is None:
        say(
            f"make {name} kills servers of its own: it needs PostgreSQL and RabbitMQ installed on this machine"
        )
        return 2
    seed = secrets.randbelow(1_000_000) if chosen.seed is None else chosen.seed
    run = Run(name, chosen.seconds, seed, Path(tempfile.mkdtemp(prefix=f"tieline-{name}-")))
    say(f"seed {seed}: {run.seconds:.0f} s, ends by itself after {run.limit + SERVERS:.0f} s at the latest")
    return _told(run, _carried_out(run, play))


def _carried_out(run: Run, play: Play) -> list[str] | None:
    """What is wrong; None when a signal has ended it."""
    try:
        with bounded(run.limit + SERVERS), mortal_servers(run.name) as mortal:
            return asyncio.run(asyncio.wait_for(play(mortal, run), run.limit))
    except (KeyboardInterrupt, SystemExit):
        return None
    except Exception as broken:
        traceback.print_exc()
        return [f"it broke off: {type(broken).__name__}: {str(broken)[:500]}"]


def _told(run: Run, wrong: list[str] | None) -> int:
    if wrong == []:
        shutil.rmtree(run.folder, ignore_errors=True)
        say(f"seed {run.seed}: nothing is wrong")
        return 0
    for words in wrong or ():
        say(f"WRONG {words}")
    say(f"{'ended by a signal' if wrong is None else 'FAILED'}; logs and journal: {run.folder}")
    say(f"the same again: {run.again}")
    return 130 if wrong is None else 1


@contextmanager
def bounded(seconds: float, grace: float = 150.0) -> Iterator[None]:
    """End this process as `kill` would if the block takes longer, which stops what it has started; then by force."""
    over = threading.Event()

    def watch() -> None:
        if over.wait(seconds):
            return
        say(f"it still runs after {seconds:.0f} s, which is too long; where each thread stands:")
        with suppress(Exception):  # output may have been taken away, as tests do
            faulthandler.dump_traceback(all_threads=True)
        os.kill(os.getpid(), signal.SIGTERM)
        if not over.wait(grace):
            os._exit(70)

    threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        over.set()


@asynccontextmanager
async def telling(line: Callable[[], str], every: float = PROGRESS_EVERY) -> AsyncIterator[None]:
    """Say how far it is every so often."""

    async def tell() -> None:
        while True:
            await asyncio.sleep(every)
            say(line())

    telling_task = asyncio.create_task(tell())
    try:
        yield
    finally:
        telling_task.cancel()


def compared(report: Report, journal: Journal) -> str:
    """What the checker has looked at, and what there was nothing of."""
    untouched = [found.invariant.id for found in report.findings if found.violations is None]
    looked = len(report.findings) - len(untouched)
    absent = f"; nothing to look at for {', '.join(untouched)}" if untouched else ""
    return (
        f"compared: {looked} invariants over five databases and the queues, "
        f"{len(journal.intents)} requests in the clients' journal, {len(journal.answers)} answered{absent}"
    )
