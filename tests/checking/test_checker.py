"""The whole-system checker: clean after a real history, and each invariant speaks when its own rule is broken."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import aio_pika
import asyncpg
import pytest
from typer.testing import CliRunner

from deploy.checking import Journal, Logins, Report, check, read_journal
from deploy.checking.invariants import INVARIANTS
from deploy.checking.journal import JournalWriter
from deploy.cli import app
from deploy.local import databases
from shared.ids import new_id
from tests.checking.plants import PLANTS, Plant
from tests.houses import House

UNCHECKED = """
DO $$ DECLARE c record; BEGIN
    FOR c IN SELECT conrelid::regclass AS place, conname FROM pg_constraint WHERE contype IN ('c', 'u', 'f')
             AND connamespace = 'public'::regnamespace AND conrelid::regclass::text NOT LIKE 'event_log%'
             ORDER BY contype = 'u' LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I CASCADE', c.place, c.conname);
    END LOOP;
END $$
"""
"""Bad states are impossible by constraint; to plant one the constraints go first."""


async def test_a_real_history_is_clean(lived: Report) -> None:
    assert lived.is_clean, str(lived)
    assert {f.invariant.id for f in lived.findings if f.violations is None} == {"I-17"}


async def test_what_is_left_open_and_who_does_not_run_are_named(lived: Report, house: House) -> None:
    url = house.servers.service_database_url("shipping", "app", house.names["shipping"], "postgresql")
    forgotten = await asyncpg.connect(url)
    await forgotten.execute("BEGIN")
    try:
        report = await house.check(patience=1)
    finally:
        await forgotten.close()
    await house.processes["notifications"].stop()
    stopped = await house.check(patience=1, only=["I-19"])
    await house.start()

    assert set(report.violated) == {"I-19"}
    assert "transaction open" in report.violated["I-19"][0]
    assert "open: shipping_app" in report.unquiet["shipping transactions"]
    assert stopped.violated["I-19"] == [
        "notifications: 0 relays are at work",
        "nobody consumes notifications.inbox",
    ]


async def test_a_message_that_the_broker_gave_up_is_named(lived: Report, house: House) -> None:
    async with await aio_pika.connect(house.amqp) as connection:
        channel = await connection.channel()
        await channel.default_exchange.publish(aio_pika.Message(b"[]"), "orders.dead")
        report = await house.check(patience=1, only=["I-16"])
        await (await channel.get_queue("orders.dead")).purge()

    assert report.violated == {"I-16": ["orders.dead holds 1 messages"]}


async def test_the_journal_of_a_client_is_compared(lived: Report, house: House, tmp_path: Path) -> None:
    writer = JournalWriter(tmp_path / "journal")
    async with house.story() as story:
        await story.opens()
        sku = await story.item("GADGET")
        body = {"sku": sku, "warehouse": story.warehouse, "qty": "3", "reason": "count"}
        for key, reference in (("a", "R-1"), ("b", "R-2")):
            path = "/v1/stock/adjustments"
            own = story.code(key)
            writer.intends(own, "inventory", "POST", path, reference=story.code(reference))
            if key == "a":
                answer = await story.client.post(
                    "inventory", path, {**body, "reference": story.code(reference)}, key=own
                )
                writer.answered(own, 201, id=answer["id"])
    writer.close()
    with writer.file.open("ab") as torn:
        torn.write(b'{"key": "cut sho')
    journal = read_journal(writer.file)
    lost, twice = f"lost-{new_id()}", f"refused-{new_id()}"
    wrong = Journal(
        {**journal.intents, lost: {"key": lost, "service": "orders", "method": "POST", "path": "/v1/sales-orders",
                                   "reference": lost}},
        {**journal.answers, lost: {"key": lost, "status": 201}, twice: {"key": twice, "status": 409}},
    )  # fmt: skip

    right = await house.check(patience=20, steady=0.5, journal=journal)
    missed = await house.check(patience=0, journal=wrong)

    assert right.is_clean, str(right)
    assert len(journal.intents) == 2
    assert set(missed.violated) == {"I-17"}
    assert len(missed.violated["I-17"]) == 2


def test_the_command_prints_a_table_and_fails_on_violations(
    lived: Report, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    for service, login in house.logins.databases.items():
        monkeypatch.setenv(f"TIELINE_{service.upper()}_CHECK_URL", login)
    monkeypatch.setenv("TIELINE_CHECK_AMQP_URL", house.amqp)

    clean = CliRunner().invoke(app, ["check", "--patience", "20"])
    unknown = CliRunner().invoke(app, ["check", "--only", "I-99"])

    assert clean.exit_code == 0, clean.output
    assert all(f"{invariant.id} " in clean.output for invariant in INVARIANTS)
    assert unknown.exit_code == 1


async def test_an_order_that_was_made_twice_is_named(stopped: House) -> None:
    twice = "UPDATE sales_orders SET reference = 'R-7'"
    intent = {
        "key": "k",
        "service": "orders",
        "method": "POST",
        "path": "/v1/sales-orders",
        "reference": "R-7",
    }

    async with planted(stopped, "orders", twice) as logins:
        report = await check(logins, patience=0, journal=Journal({"k": intent}), only=["I-17"])

    assert "asked for once" in report.violated["I-17"][0]


@pytest.mark.parametrize(
    "plant", PLANTS, ids=[f"{p.invariant} {p.service} {n}" for n, p in enumerate(PLANTS)]
)
async def test_a_planted_violation_makes_its_invariant_speak(stopped: House, plant: Plant) -> None:
    async with planted(stopped, plant.service, plant.change) as logins:
        report = await check(logins, patience=0, are_running=False)

    assert " ".join(report.violated) == plant.speak, str(report)
    assert plant.invariant in report.violated


def test_every_invariant_has_a_plant() -> None:
    elsewhere = {"I-17", "I-19"}  # below: they are about a client's journal and about what runs

    assert {invariant.id for invariant in INVARIANTS} - elsewhere == {plant.invariant for plant in PLANTS}


@asynccontextmanager
async def planted(house: House, service: str, change: str) -> AsyncIterator[Logins]:
    """Logins to the house of which one leads to a changed copy."""
    servers = house.servers
    suffix = f"{house.suffix}_planted"
    copy = await databases.ensure_databases(servers.postgres_url, suffix, [service], template=house.suffix)
    owner = await asyncpg.connect(servers.service_database_url(service, "owner", copy[service], "postgresql"))
    try:
        await owner.execute(UNCHECKED)
        done = await owner.execute(change.replace(":new_id", f"'{new_id()}'"))
        assert not done.endswith(" 0"), f"nothing was changed: {done}"
    finally:
        await owner.close()
    login = servers.service_database_url(service, "checker", copy[service], "postgresql")
    try:
        yield replace(house.logins, databases={**house.logins.databases, service: login})
    finally:
        await databases.drop_databases(servers.postgres_url, suffix, [service])
