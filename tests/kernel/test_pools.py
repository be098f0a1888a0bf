"""ADR 14: what writes is planned once, what looks is planned for its filters and leaves no transaction open."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import text

from shared.database import make_engine
from shared.patience import patiently
from shared.testing import Bench


@pytest.mark.parametrize(("reads", "planned"), [(False, "force_generic_plan"), (True, "auto")])
async def test_a_session_plans_as_its_pool_says(kernel: Bench, reads: bool, planned: str) -> None:
    engine = make_engine(kernel.engine.url.render_as_string(hide_password=False), pool_size=1, reads=reads)
    try:
        async with engine.connect() as db:
            shown = [
                (await db.execute(text(f"SHOW {setting}"))).scalar_one()
                for setting in ("plan_cache_mode", "enable_seqscan", "jit")
            ]
    finally:
        await engine.dispose()

    assert shown == [planned, "off", "off"]


async def test_each_look_is_a_transaction_of_its_own(kernel: Bench) -> None:
    engine = make_engine(kernel.engine.url.render_as_string(hide_password=False), pool_size=1, reads=True)
    mine = text("SELECT CAST(CAST(pg_current_xact_id() AS text) AS bigint)")
    try:
        async with engine.connect() as db:
            seen = [(await db.execute(mine)).scalar_one() for _ in range(4)]
            open_ones = await kernel.sql(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
                "AND state LIKE 'idle in transaction%'"
            )
    finally:
        await engine.dispose()

    assert len(set(seen)) == 4
    assert open_ones[0][0] == 0


async def test_the_session_that_was_given_back_last_is_taken_first(kernel: Bench) -> None:
    engine = make_engine(kernel.engine.url.render_as_string(hide_password=False), pool_size=3)
    pid = text("SELECT pg_backend_pid()")
    try:
        async with engine.connect() as first, engine.connect() as last:
            pids = [(await db.execute(pid)).scalar_one() for db in (first, last)]
            await first.close()
        async with engine.connect() as again:
            assert (await again.execute(pid)).scalar_one() == pids[1]
    finally:
        await engine.dispose()


async def test_a_session_that_is_lost_while_it_is_set_up_is_a_lost_connection_and_nothing_worse(
    kernel: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ended a process once: the driver's own error stood among none that are waited out."""
    engine = make_engine(kernel.engine.url.render_as_string(hide_password=False), pool_size=1)
    set_up = engine.dialect.setup_asyncpg_json_codec  # type: ignore[attr-defined]  # the driver's dialect
    lost: list[bool] = []

    async def loses_the_first(session: Any) -> None:
        if not lost:
            lost.append(True)
            await session._connection.close()
        await set_up(session)

    monkeypatch.setattr(engine.dialect, "setup_asyncpg_json_codec", loses_the_first)
    looks: list[int] = []

    async def look() -> None:
        async with engine.connect() as db:
            looks.append((await db.execute(text("SELECT 1"))).scalar_one())

    try:
        with pytest.raises(ConnectionResetError, match="being set up"):
            await look()
        lost.clear()
        await patiently(look, asyncio.Event())
    finally:
        await engine.dispose()

    assert looks == [1]
