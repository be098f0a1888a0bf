"""A service's database runs out of disk: fault 37 of `reliability.md`, on a small file system of the test's own."""

import asyncio
import os
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from deploy.local import accounts
from deploy.local.databases import with_database
from tests.chaos.conftest import trading
from tests.chaos.servers import Mortal
from tests.chaos.test_crash_points import one_of
from tests.houses import House

pytestmark = [pytest.mark.chaos, pytest.mark.slow, pytest.mark.servers, pytest.mark.timeout(300)]

MEGABYTES = 96
FILLED = "repeat(md5(random()::text), 200)"
SERVICE = "orders"


@pytest.fixture
def disk() -> Iterator[Path]:
    """A folder of the server's account on a file system that is soon full."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a file system")
    with tempfile.TemporaryDirectory(prefix="tieline-disk-") as folder:
        Path(folder).chmod(0o755)
        place = Path(folder) / "disk"
        place.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m", "none", str(place)]
        if subprocess.run(mount, capture_output=True, check=False).returncode:
            pytest.skip("file systems cannot be mounted here")
        try:
            yield accounts.unprivileged("postgres", "nobody").own(place / "tablespace")
        finally:
            subprocess.run(["umount", "-l", str(place)], check=True)


async def as_administrator(mortal: Mortal, statement: str, database: str = "postgres") -> None:
    db = await asyncpg.connect(with_database(mortal.servers.postgres_url, database))
    try:
        await db.execute(statement)
    finally:
        await db.close()


@asynccontextmanager
async def on_the_disk(mortal: Mortal, house: House, disk: Path) -> AsyncIterator[str]:
    """The service's database stands on the small file system for the block; its name."""
    database = house.names[SERVICE]
    await as_administrator(mortal, f"CREATE TABLESPACE small LOCATION '{disk}'")
    await moved(mortal, house, f"ALTER DATABASE {database} SET TABLESPACE small")
    try:
        yield database
    finally:
        await moved(mortal, house, f"ALTER DATABASE {database} SET TABLESPACE pg_default")
        await as_administrator(mortal, "DROP TABLESPACE small")


async def moved(mortal: Mortal, house: House, statement: str) -> None:
    """A database moves only while nobody is connected."""
    await house.processes[SERVICE].stop()
    await as_administrator(mortal, statement)
    await house.start()


async def fill(mortal: Mortal, database: str) -> None:
    """Until not a page is left; what was written stays."""
    await as_administrator(mortal, "CREATE TABLE filler (words text)", database)
    await as_administrator(mortal, "ALTER TABLE filler ALTER words SET STORAGE external", database)
    for rows in (500, 20, 1):
        try:
            while True:
                await as_administrator(
                    mortal, f"INSERT INTO filler SELECT {FILLED} FROM generate_series(1, {rows})", database
                )
        except asyncpg.DiskFullError:
            continue


@pytest.mark.fault(37)
async def test_37_a_full_disk_puts_commands_off_loses_nothing_and_is_forgotten_when_there_is_room(
    mortal: Mortal, mortal_house: House, disk: Path, tmp_path: Path
) -> None:
    house = mortal_house
    async with on_the_disk(mortal, house, disk) as database, trading(house, tmp_path, seed=37) as trade:
        trade.start(customers=3, pause=0.1)
        await asyncio.sleep(2)
        await fill(mortal, database)
        # pages that are not full yet still take some rows
        async with asyncio.timeout(60):
            while not trade.met[f"503 {SERVICE}"]:  # noqa: ASYNC110  # a counter has no event
                await asyncio.sleep(0.1)
        await asyncio.sleep(4)

        assert all(process.is_running for process in house.processes.values())
        dead = await one_of(house, SERVICE, "SELECT count(*) FROM parked WHERE state = 'dead'")
        assert dead == 0, "nobody's event is to blame"
        taken = trade.met[f"201 {SERVICE}"]
        await as_administrator(mortal, "DROP TABLE filler", database)
        async with asyncio.timeout(30):
            while trade.met[f"201 {SERVICE}"] < taken + 3:  # noqa: ASYNC110  # a counter has no event
                await asyncio.sleep(0.1)
