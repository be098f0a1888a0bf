"""The REST door, on a toy service: who may, in which form, how often, and how problems are told."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from fastapi import APIRouter, Response
from pydantic import Field
from sqlalchemy import Column, Integer, MetaData, Table, Text, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.auth import Verifier, development_token
from shared.errors import Refused, Stale
from shared.ids import new_id
from shared.paging import PageParams, Sorts
from shared.quantity import PositiveQty
from shared.service import Service
from shared.testing import Api, Bench, make_api
from shared.unit_of_work import Tx
from shared.web import Call, Input, Output, Page, WaitSeconds, allows, paging

toys = Table("heard", MetaData(), Column("code", Text, primary_key=True), Column("times", Integer))
SORTS = Sorts({"code": toys.c.code, "times": toys.c.times}, default="code", tie=toys.c.code)
router = APIRouter(prefix="/v1")


class NewToy(Input):
    code: str = Field(max_length=20)
    qty: PositiveQty


class Toy(Output):
    code: str
    version: int


@dataclass(frozen=True)
class Chosen:
    shortage: str = "split"
    limit: int = 5


class ToyTaken(Refused):
    """A toy of that code is there already."""


class ToyMoved(Stale):
    """The toy has changed."""


async def make(tx: Tx, toy: NewToy) -> Toy:
    inserted = await tx.db.execute(
        text("INSERT INTO heard VALUES (:code, 1) ON CONFLICT DO NOTHING RETURNING 1"), {"code": toy.code}
    )
    if inserted.first() is None:
        raise ToyTaken(f"{toy.code} is there already", code=toy.code, qty=toy.qty)
    await asyncio.sleep(0.05)
    return Toy(code=toy.code, version=1)


async def play(tx: Tx, code: str, version: int) -> Toy:
    times = (
        await tx.db.execute(text("SELECT times FROM heard WHERE code = :c FOR UPDATE"), {"c": code})
    ).scalar_one()
    if times != version:
        raise ToyMoved("Read it again", current=times, given=version)
    await tx.db.execute(text("UPDATE heard SET times = times + 1 WHERE code = :c"), {"c": code})
    return Toy(code=code, version=version + 1)


async def one(db: AsyncConnection, code: str) -> Toy | None:
    row = (await db.execute(select(toys).where(toys.c.code == code))).first()
    return None if row is None else Toy(code=row.code, version=row.times)


@router.post("/toys", status_code=201, response_model=Toy)
async def post(body: NewToy, call: Call = allows("toys:write")) -> Response:
    return await call.run(make, body, respond=lambda toy: toy, status=201)


@router.patch("/toys/{code}", response_model=Toy)
async def patch(code: str, call: Call = allows("toys:write", if_match=True)) -> Response:
    return await call.run(play, code, call.version, respond=lambda toy: toy)


@router.get("/toys/{code}", response_model=Toy)
async def get(code: str, wait: WaitSeconds = 0, call: Call = allows("toys:read")) -> Response:
    return await call.read(one, code, respond=lambda toy: toy, wait=wait, until=lambda toy: toy.version > 1)


@router.get("/toys", response_model=Page[Toy])
async def many(
    call: Call = allows("toys:read"), page: PageParams = paging(SORTS), times: int | None = None
) -> Response:
    query = select(toys) if times is None else select(toys).where(toys.c.times == times)
    return await call.list(query, page, lambda row: Toy(code=row.code, version=row.times))


@router.get("/fails")
async def fails(call: Call = allows("toys:read")) -> Response:
    raise RuntimeError("the secret is 42")


@pytest.fixture
async def api(kernel: Bench, development_keys: Path) -> AsyncIterator[Api]:
    service = Service("inventory", title="Toys", routers=[router], subscriptions={}, preferences=Chosen)
    made = make_api(service, kernel, development_keys)
    yield made.as_(scopes=["toys:read", "toys:write", "preferences:write", "ops:read"])
    await made.client.aclose()


def toy(code: str = "A", qty: Any = "1") -> dict[str, Any]:
    return {"code": code, "qty": qty}


def told_problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert answer.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = answer.json()
    assert (answer.status_code, document["code"], document["status"]) == (status, code, status)
    assert document["type"].endswith(f"/{code}")
    assert document["instance"].startswith("/v1/")
    assert document["request_id"] == answer.headers["x-request-id"]
    return document


async def test_a_refusal_is_a_problem_document_with_the_numbers(api: Api) -> None:
    await api.post("/v1/toys", json=toy())

    problem = told_problem(await api.post("/v1/toys", json=toy(qty="2.50")), 409, "toy-taken")

    assert (problem["detail"], problem["qty"]) == ("A is there already", "2.5")


@pytest.mark.parametrize(
    "body",
    [
        {}, {"code": "A"}, toy(qty="0"), toy(qty="-1"), toy(qty="1e3"), toy(qty="NaN"), toy(qty=1.5), toy(qty=True),
        toy(qty="1" * 30), toy(qty="٣"), toy(qty="0.0000001"), toy(qty=None), toy(code="x" * 21), toy(code="a\x00b"),
        {**toy(), "version": 9}, [], "toy", None,
    ],
)  # fmt: skip
async def test_bad_input_is_422_and_changes_nothing(api: Api, kernel: Bench, body: Any) -> None:
    problem = told_problem(await api.post("/v1/toys", json=body), 422, "invalid-input")

    assert problem["errors"][0]["detail"]
    assert await kernel.sql("SELECT 1 FROM heard") == []


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe", b"[" * 100_000, b"nope"])
async def test_an_unreadable_body_is_a_problem_and_never_a_500(api: Api, body: bytes) -> None:
    answer = await api.post("/v1/toys", content=body, headers={"Content-Type": "application/json"})

    assert answer.status_code in (400, 422)
    assert answer.json()["code"] in ("unreadable-body", "invalid-input")


@pytest.mark.fault(49)
async def test_a_body_above_the_limit_is_413(api: Api) -> None:
    told_problem(await api.post("/v1/toys", content=b"x" * 1_100_000), 413, "body-too-large")

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(30):
            yield b"x" * 50_000

    told_problem(await api.post("/v1/toys", content=endless()), 413, "body-too-large")


async def test_the_same_post_again_is_answered_again(api: Api, kernel: Bench) -> None:
    headers = {"Idempotency-Key": "k-1"}
    first = await api.post("/v1/toys", json=toy(), headers=headers)

    again = await api.post("/v1/toys", json=toy(), headers=headers)

    assert (again.status_code, again.content, again.headers["etag"]) == (201, first.content, '"1"')
    assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers


@pytest.mark.fault(47)
async def test_ten_at_once_with_one_key_make_one_toy(api: Api, kernel: Bench) -> None:
    headers = {"Idempotency-Key": "k-1"}

    answers = await asyncio.gather(*(api.post("/v1/toys", json=toy(), headers=headers) for _ in range(10)))

    fresh = [a for a in answers if a.status_code == 201 and "idempotency-replayed" not in a.headers]
    assert len(fresh) == 1
    assert {a.status_code for a in answers} <= {201, 409}
    assert {a.json()["code"] for a in answers if a.status_code == 409} <= {"request-in-progress"}


@pytest.mark.fault(48)
async def test_a_key_belongs_to_one_request_and_one_caller(api: Api) -> None:
    headers = {"Idempotency-Key": "k-1"}
    await api.post("/v1/toys", json=toy(), headers=headers)

    told_problem(await api.post("/v1/toys", json=toy("B"), headers=headers), 422, "idempotency-key-reused")
    other = api.as_(subject="somebody else", scopes=["toys:write"])
    told_problem(await other.post("/v1/toys", json=toy(), headers=headers), 409, "toy-taken")


async def test_a_refused_post_may_be_sent_again_with_its_key(api: Api, kernel: Bench) -> None:
    await api.post("/v1/toys", json=toy())
    headers = {"Idempotency-Key": "k-2"}
    told_problem(await api.post("/v1/toys", json=toy(), headers=headers), 409, "toy-taken")
    await kernel.write("DELETE FROM heard")

    assert (await api.post("/v1/toys", json=toy(), headers=headers)).status_code == 201


@pytest.mark.parametrize(
    ("key", "code"),
    [(None, "idempotency-key-required"), ("", "idempotency-key-unusable"), ("x" * 256, "idempotency-key-unusable"),
     ("a b", "idempotency-key-unusable")],
)  # fmt: skip
async def test_every_post_needs_a_usable_key(api: Api, key: str | None, code: str) -> None:
    told_problem(await api.post("/v1/toys", json=toy(), headers={"Idempotency-Key": key}), 400, code)


@pytest.mark.fault(54)
async def test_an_update_says_which_version_it_means(api: Api) -> None:
    await api.post("/v1/toys", json=toy())

    told_problem(await api.patch("/v1/toys/A"), 428, "version-missing")
    told_problem(await api.patch("/v1/toys/A", headers={"If-Match": '"soon"'}), 400, "version-unreadable")
    told_problem(await api.patch("/v1/toys/A", headers={"If-Match": '"7"'}), 412, "toy-moved")
    moved = await api.patch("/v1/toys/A", headers={"If-Match": '"1"'})
    assert (moved.status_code, moved.headers["etag"]) == (200, '"2"')
    told_problem(await api.patch("/v1/toys/A", headers={"If-Match": '"1"'}), 412, "toy-moved")


async def test_a_list_is_paged_by_keys_and_each_row_comes_once(api: Api, kernel: Bench) -> None:
    await kernel.write(
        "INSERT INTO heard SELECT 'T' || lpad(n::text, 3, '0'), n % 3 FROM generate_series(1, 25) n"
    )
    seen: list[str] = []
    cursor: str | None = None

    while True:
        page = (
            await api.get(
                "/v1/toys", params={"limit": 10, "sort": "-times", **({"cursor": cursor} if cursor else {})}
            )
        ).json()
        seen += [row["code"] for row in page["data"]]
        cursor = page["next_cursor"]
        if not page["has_more"]:
            break

    rows = await kernel.sql("SELECT code FROM heard ORDER BY times DESC, code DESC")
    assert seen == [row.code for row in rows]


async def test_a_cursor_fits_only_its_own_list(api: Api, kernel: Bench) -> None:
    await kernel.write("INSERT INTO heard SELECT 'T' || n, 1 FROM generate_series(1, 5) n")
    cursor = (await api.get("/v1/toys", params={"limit": 2})).json()["next_cursor"]

    for params in (
        {"cursor": cursor, "sort": "-code"},
        {"cursor": cursor, "times": 1},
        {"cursor": "AAAA"},
        {"cursor": "é"},
    ):
        told_problem(await api.get("/v1/toys", params=params), 400, "cursor-unusable")


@pytest.mark.parametrize(
    ("params", "code"),
    [({"color": "red"}, "unknown-parameter"), ({"limit": 0}, "invalid-input"), ({"limit": 201}, "invalid-input"),
     ({"sort": "password"}, "sort-unknown"), ({"times": "many"}, "invalid-input"), ({"cursor": "\x00"}, "text-unusable"),
     ({"wait": 31}, "invalid-input")],
)  # fmt: skip
async def test_a_list_refuses_what_it_does_not_know(api: Api, params: dict[str, Any], code: str) -> None:
    told_problem(await api.get("/v1/toys", params=params), 422, code)


async def test_a_read_can_wait_for_what_is_pending(api: Api) -> None:
    await api.post("/v1/toys", json=toy())
    waiting = asyncio.create_task(api.get("/v1/toys/A", params={"wait": 20}))

    await asyncio.sleep(0.05)
    started = time.monotonic()
    await api.patch("/v1/toys/A", headers={"If-Match": '"1"'})
    assert (await waiting).json()["version"] == 2
    assert time.monotonic() - started < 10


async def test_what_is_not_there_is_404(api: Api) -> None:
    told_problem(await api.get("/v1/toys/none"), 404, "no-such-document")
    told_problem(await api.get("/v1/nowhere"), 404, "no-such-route")


async def test_our_own_faults_are_told_without_their_insides(api: Api) -> None:
    answer = await api.get("/v1/fails")

    told_problem(answer, 500, "internal")
    assert "secret" not in answer.text


@pytest.mark.fault(52)
async def test_every_route_asks_who_calls(api: Api, development_keys: Path) -> None:
    bad = {
        "none": None,
        "no bearer": "Basic abc",
        "rubbish": "Bearer rubbish",
        "expired": f"Bearer {development_token(development_keys, 'x', ['toys:read'], seconds=-60)}",
        "other audience": f"Bearer {development_token(development_keys, 'x', ['toys:read'], audience='bank')}",
        "other issuer": f"Bearer {development_token(development_keys, 'x', ['toys:read'], issuer='http://evil')}",
        "alg none": f"Bearer {jwt.encode({'sub': 'x', 'scope': 'toys:read'}, '', algorithm='none')}",
        "confused key": f"Bearer {_signed_with_the_public_key(development_keys)}",
    }
    for kind, header in bad.items():
        answer = await api.get("/v1/toys", headers={"Authorization": header})
        assert answer.status_code == 401, kind
        assert answer.json()["code"] in ("token-missing", "token-refused")
        assert answer.headers["www-authenticate"] == "Bearer"


def _signed_with_the_public_key(keys: Path) -> str:
    import base64
    import hashlib
    import hmac
    import json

    kid = json.loads((keys / "jwks.json").read_text())["keys"][0]["kid"]
    parts = [
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=")
        for part in ({"alg": "HS256", "kid": kid}, {"sub": "x", "aud": "tieline", "exp": 9999999999})
    ]
    mac = hmac.new((keys / "jwks.json").read_bytes(), b".".join(parts), hashlib.sha256).digest()
    return b".".join([*parts, base64.urlsafe_b64encode(mac).rstrip(b"=")]).decode()


async def test_a_scope_that_is_missing_is_403(api: Api) -> None:
    reader = api.as_(scopes=["toys:read"])

    problem = told_problem(await reader.post("/v1/toys", json=toy()), 403, "scope-missing")

    assert problem["needed"] == ["toys:write"]


@pytest.mark.fault(52)
async def test_a_flood_of_unknown_keys_reads_the_key_set_once(
    development_keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = 0

    async def counted(place: str) -> dict[str, Any]:
        nonlocal reads
        reads += 1
        return {"keys": []}

    monkeypatch.setattr("shared.auth._read_jwks", counted)
    verifier = Verifier("nowhere", "issuer", "tieline")
    for _ in range(50):
        with pytest.raises(Exception, match="does not publish"):
            await verifier.principal(development_token(development_keys, str(new_id()), []))

    assert reads == 1


async def test_preferences_have_defaults_versions_and_a_log(api: Api, kernel: Bench) -> None:
    before = await api.get("/v1/preferences/inventory")
    assert before.json() == {"version": 0, "chosen": {"shortage": "split", "limit": 5}}

    after = await api.patch(
        "/v1/preferences/inventory", json={"limit": 7}, headers={"If-Match": before.headers["etag"]}
    )
    assert after.json() == {"version": 1, "chosen": {"shortage": "split", "limit": 7}}
    told_problem(
        await api.patch("/v1/preferences/inventory", json={"limit": 8}, headers={"If-Match": '"0"'}),
        412,
        "preferences-changed",
    )
    told_problem(
        await api.patch("/v1/preferences/inventory", json={"colour": 8}, headers={"If-Match": '"1"'}),
        422,
        "preference-unknown",
    )
    told_problem(
        await api.patch("/v1/preferences/inventory", json={"limit": "x"}, headers={"If-Match": '"1"'}),
        422,
        "preference-unknown",
    )
    log = (await api.get("/v1/ops/inventory/record-log", params={"document": "preferences"})).json()["data"]
    assert [(row["before"]["limit"], row["after"]["limit"]) for row in log] == [(5, 7)]


async def test_the_document_names_keys_versions_and_problems(api: Api) -> None:
    document = (await api.client.get("/openapi.json")).json()

    post = document["paths"]["/v1/toys"]["post"]
    patch = document["paths"]["/v1/toys/{code}"]["patch"]
    assert [p["name"] for p in post["parameters"]] == ["Idempotency-Key"]
    assert {p["name"] for p in patch["parameters"]} == {"code", "If-Match"}
    assert "application/problem+json" in post["responses"]["422"]["content"]
    assert post["security"] == [{"token": ["toys:write"]}]
    assert document["components"]["schemas"]["NewToy"]["properties"]["qty"]["type"] == "string"
