"""Requests that are carried out together are answered, told and logged as if each had come alone."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, Response
from sqlalchemy import text

from shared.errors import Refused, TielineError
from shared.idempotency import keyed
from shared.service import Service
from shared.testing import Api, Bench, make_api
from shared.unit_of_work import Tx
from shared.web import Call, Input, Output, allows
from tests.kernel.hearing import saved
from tests.kernel.test_web import Chosen, told_problem

router = APIRouter(prefix="/v1")
together: list[list[str]] = []
"""The codes of each transaction's wishes, as the handler saw them."""


meanwhile: list[Callable[[], Awaitable[None]]] = []
"""What happens once, behind the next handler's back."""


class Toy(Input):
    code: str


class Made(Output):
    code: str
    by: str
    version: int = 1


class ToyRefused(Refused):
    """Nobody wants this one."""


_MAKE = text("INSERT INTO heard SELECT code, 1 FROM unnest(CAST(:codes AS text[])) AS code")


async def make_toys(tx: Tx, toys: Sequence[Toy]) -> list[Made | TielineError]:
    together.append([toy.code for toy in toys])
    if meanwhile:
        await meanwhile.pop()()
    results: list[Made | TielineError] = []
    for own, toy in zip(tx.each(len(toys)), toys, strict=True):
        if toy.code.startswith("bad") or not own.scope.allows("MAIN"):
            results.append(ToyRefused(f"Nobody wants {toy.code}", toy=toy.code))
            continue
        own.record("toy", toy.code, "made", None, {"times": 1})
        own.announce(saved(toy.code))
        results.append(Made(code=toy.code, by=own.actor))
    good = [result.code for result in results if isinstance(result, Made)]
    await tx.db.execute(_MAKE, {"codes": good})
    if "BUG" in good:
        raise RuntimeError("a bug")
    await asyncio.sleep(0.02)  # so that others come meanwhile
    return results


@router.post("/toys", status_code=201, operation_id="makeToy", response_model=Made)
async def make_toy(body: Toy, call: Call = allows("ops:parked")) -> Response:
    return await call.gather(make_toys, body, respond=lambda made: made, status=201)


@pytest.fixture
async def api(kernel: Bench, development_keys: Path) -> AsyncIterator[Api]:
    service = Service("inventory", title="Toys", routers=[router], subscriptions={}, preferences=Chosen)
    made = make_api(service, kernel, development_keys)
    together.clear()
    meanwhile.clear()
    try:
        yield made
    finally:
        await made.client.aclose()


async def make_all(api: Api, codes: Sequence[str], **headers: str) -> list[httpx.Response]:
    return await asyncio.gather(
        *(api.post("/v1/toys", json={"code": code}, headers=headers) for code in codes)
    )


async def rows(kernel: Bench, table: str) -> int:
    return int((await kernel.sql(f"SELECT count(*) FROM {table}"))[0][0])


async def test_what_comes_while_a_transaction_runs_is_taken_together(kernel: Bench, api: Api) -> None:
    codes = [f"T{n:02}" for n in range(30)]

    answers = await make_all(api, codes)

    assert [(a.status_code, a.json()["code"], a.headers["etag"]) for a in answers] == [
        (201, code, '"1"') for code in codes
    ]
    assert sorted(code for batch in together for code in batch) == codes
    assert len(together) <= 5
    assert [await rows(kernel, table) for table in ("heard", "outbox", "idempotency", "record_log")] == [
        30
    ] * 4


async def test_one_alone_waits_for_nobody(api: Api) -> None:
    assert (await api.post("/v1/toys", json={"code": "A"})).status_code == 201
    assert together == [["A"]]


async def test_a_refused_one_hinders_no_other_and_its_key_stays_free(kernel: Bench, api: Api) -> None:
    codes = ["A", "bad-1", "B", "bad-2", "C"]

    answers = await make_all(api, codes)

    assert [a.status_code for a in answers] == [201, 409, 201, 409, 201]
    told_problem(answers[1], 409, "toy-refused")
    assert answers[1].json()["toy"] == "bad-1"
    assert [row.code for row in await kernel.sql("SELECT code FROM heard ORDER BY code")] == ["A", "B", "C"]
    assert await rows(kernel, "idempotency") == 3


async def test_facts_log_and_permissions_are_each_callers_own(kernel: Bench, api: Api) -> None:
    anna, bert = api.as_(subject="anna"), api.as_(subject="bert", warehouses=["EAST"])
    chris = api.as_(subject="chris")

    answers = await asyncio.gather(
        *(one.post("/v1/toys", json={"code": code}) for one, code in ((anna, "A"), (bert, "B"), (chris, "C")))
    )

    assert [a.status_code for a in answers] == [201, 409, 201]
    assert [answers[0].json()["by"], answers[2].json()["by"]] == ["anna", "chris"]
    logged = await kernel.sql("SELECT document_id, actor, cause FROM record_log ORDER BY document_id")
    assert [(row.document_id, row.actor) for row in logged] == [("A", "anna"), ("C", "chris")]
    assert [row.cause for row in logged] == [answers[n].headers["x-request-id"] for n in (0, 2)]
    told = await kernel.sql(
        "SELECT subject, body::jsonb ->> 'actor', body::jsonb ->> 'causationid' FROM event_log ORDER BY subject"
    )
    assert [tuple(row)[1:] for row in told] == [(row.actor, row.cause) for row in logged]


async def test_a_key_that_was_answered_is_answered_again_and_others_go_on(kernel: Bench, api: Api) -> None:
    (first,) = await make_all(api, ["A"], **{"Idempotency-Key": "k"})

    same, other, new = await asyncio.gather(
        api.post("/v1/toys", json={"code": "A"}, headers={"Idempotency-Key": "k"}),
        api.post("/v1/toys", json={"code": "X"}, headers={"Idempotency-Key": "k", "X-Other": "1"}),
        api.post("/v1/toys", json={"code": "B"}),
    )

    assert (same.status_code, same.content, same.headers["idempotency-replayed"]) == (
        201,
        first.content,
        "true",
    )
    told_problem(other, 409, "request-in-progress")
    assert new.status_code == 201
    reused = await api.post("/v1/toys", json={"code": "X"}, headers={"Idempotency-Key": "k"})
    told_problem(reused, 422, "idempotency-key-reused")
    assert await rows(kernel, "heard") == 2


async def test_the_same_request_twice_at_once_is_carried_out_once(kernel: Bench, api: Api) -> None:
    answers = await make_all(api, ["A"] * 10, **{"Idempotency-Key": "same"})

    assert sorted(a.status_code for a in answers) == [201] + [409] * 9
    assert {a.json()["code"] for a in answers if a.status_code == 409} == {"request-in-progress"}
    assert await rows(kernel, "heard") == 1


async def test_a_bug_is_the_guilty_ones_alone(kernel: Bench, api: Api) -> None:
    codes = ["A", "B", "C", "BUG", "D", "E", "F", "G"]

    answers = await make_all(api, codes)

    assert {code: a.status_code for code, a in zip(codes, answers, strict=True)} == {
        code: 500 if code == "BUG" else 201 for code in codes
    }
    assert await rows(kernel, "heard") == await rows(kernel, "idempotency") == 7


@pytest.mark.fault(47)
async def test_an_answer_that_another_process_stores_meanwhile_is_the_answer(kernel: Bench, api: Api) -> None:
    """It held the key until just after we had looked for the answer, and let it go just before we asked for the lock."""
    request = keyed("tester", "k", "POST", "/v1/toys", b'{"code":"A"}')

    async def stored() -> None:
        await kernel.write(
            "INSERT INTO idempotency (principal, key, fingerprint, status, body) VALUES ('tester', 'k', :f, 201, '{}')",
            f=request.fingerprint,
        )

    meanwhile.append(stored)
    headers = {"Idempotency-Key": "k", "Content-Type": "application/json"}
    answer = await api.post("/v1/toys", content=b'{"code":"A"}', headers=headers)

    assert (answer.status_code, answer.content, answer.headers["idempotency-replayed"]) == (
        201,
        b"{}",
        "true",
    )
    assert await rows(kernel, "heard") == 0


@pytest.mark.fault(39)
async def test_a_caller_who_goes_away_has_wished_all_the_same(kernel: Bench, api: Api) -> None:
    begun = asyncio.Event()

    async def begin() -> None:
        begun.set()

    meanwhile.append(begin)
    gone = asyncio.create_task(api.post("/v1/toys", json={"code": "A"}, headers={"Idempotency-Key": "k"}))
    await begun.wait()
    gone.cancel()
    others = await make_all(api, ["B", "C"])
    await kernel.work.under_way.ended(5)

    again: Any = await api.post("/v1/toys", json={"code": "A"}, headers={"Idempotency-Key": "k"})

    assert [a.status_code for a in others] == [201, 201]
    assert (again.status_code, again.headers["idempotency-replayed"]) == (201, "true")
    assert await rows(kernel, "heard") == 3
