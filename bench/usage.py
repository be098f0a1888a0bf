"""What a run uses: CPU by process, transactions and rows by database, messages and deliveries by service."""

import asyncio
import os
import re
import resource
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from bench.door import Door
from deploy.local.definitions import SERVICES

PROC = Path("/proc")
TICK = os.sysconf("SC_CLK_TCK")
Figures = dict[str, float]

_COUNTED = {
    "tieline_events_per_message_count": "messages",
    "tieline_relay_events_total": "events",
    "tieline_batch_events_count": "deliveries (transactions)",
    "tieline_batch_events_sum": "deliveries (events)",
    "tieline_inbox_duplicates_total": "duplicates",
}


@dataclass(frozen=True)
class Usage:
    """Counters at one moment; subtract two of them."""

    cpu: Figures
    transactions: Figures
    messages: Figures

    def since(self, before: "Usage") -> "Usage":
        """What was used from then to now."""
        return Usage(
            _less(self.cpu, before.cpu),
            _less(self.transactions, before.transactions),
            _less(self.messages, before.messages),
        )


def _less(after: Mapping[str, float], before: Mapping[str, float]) -> Figures:
    return {name: value - before.get(name, 0.0) for name, value in after.items()}


class Meter:
    """Reads the counters of a stack's processes and databases."""

    def __init__(
        self, services: Mapping[str, int], postmaster: int | None, broker: int | None,
        doors: Mapping[str, Door], admin_url: str,
    ) -> None:  # fmt: skip
        self._services = services
        self._postmaster = postmaster
        self._broker = broker
        self._doors = doors
        self._admin_url = admin_url

    async def read(self) -> Usage:
        """All counters now."""
        return Usage(self._cpu(), await self._transactions(), await self._messages())

    async def set_logging(self, which: str) -> None:
        """Whether the server logs its statements (`all`) or not (`none`)."""
        db = await asyncpg.connect(self._admin_url)
        try:
            await db.execute(f"ALTER SYSTEM SET log_statement = '{which}'")
            await db.execute("SELECT pg_reload_conf()")
        finally:
            await db.close()
        await asyncio.sleep(0.5)

    def _cpu(self) -> Figures:
        own = resource.getrusage(resource.RUSAGE_SELF)
        found = {name: _seconds(pid) for name, pid in self._services.items()}
        if self._postmaster:
            found |= self._postgres(self._postmaster)
        if self._broker:
            found["broker (beam)"] = _seconds(self._broker)
        return found | {"client": own.ru_utime + own.ru_stime, "machine": _machine()}

    def _postgres(self, postmaster: int) -> Figures:
        found = dict.fromkeys((*(f"postgres {name}" for name in SERVICES), "postgres other"), 0.0)
        found["postgres other"] += _seconds(postmaster, with_ended=True)
        for stat in PROC.glob("[0-9]*/stat"):
            try:
                parent = int(stat.read_text().rpartition(")")[2].split()[1])
                title = (stat.parent / "cmdline").read_bytes().decode(errors="replace")
            except OSError:
                continue  # it has ended
            if parent == postmaster:
                word = re.match(r"postgres: \w+_app (\w+) ", title)
                key = f"postgres {word[1]}" if word and f"postgres {word[1]}" in found else "postgres other"
                found[key] += _seconds(int(stat.parent.name))
        return found

    async def _transactions(self) -> Figures:
        db = await asyncpg.connect(self._admin_url)
        try:
            await db.execute("SELECT pg_stat_clear_snapshot()")
            rows = await db.fetch(
                "SELECT datname, xact_commit FROM pg_stat_database WHERE datname = ANY($1::text[])",
                list(SERVICES),
            )
        finally:
            await db.close()
        return {row["datname"]: float(row["xact_commit"]) for row in rows}

    async def _messages(self) -> Figures:
        total = dict.fromkeys(_COUNTED.values(), 0.0)
        for door in self._doors.values():
            for line in (await door.text("/metrics")).splitlines():
                name, _, value = line.partition(" ")
                if name in _COUNTED:
                    total[_COUNTED[name]] += float(value)
        return total


def _seconds(pid: int, *, with_ended: bool = False) -> float:
    """User and system time of a process, and of its children that have ended."""
    try:
        fields = PROC.joinpath(str(pid), "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(int(ticks) for ticks in fields[11 : 15 if with_ended else 13]) / TICK


def _machine() -> float:
    """Seconds that all cores were busy, with whoever."""
    fields = [int(ticks) for ticks in PROC.joinpath("stat").read_text().splitlines()[0].split()[1:9]]
    idle = fields[3] + fields[4]
    return (sum(fields) - idle) / TICK
