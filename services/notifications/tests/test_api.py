"""The inbox, teams and subscriptions over REST."""

from typing import Any

import pytest

from services.notifications import handlers, schemas
from shared.testing import Api, Bench
from shared.web import Page

from .facts import inspected, line, of_team, peg, pegged, raised, received, uid


@pytest.fixture
def scene(api_notifications: Api, db_notifications: Bench) -> tuple[Api, Bench]:
    """The client and the bench on the same database."""
    return api_notifications, db_notifications


async def two_notices(bench: Bench) -> None:
    """An inspection in MAIN for order 1, and a purchase exception in EAST for the same order."""
    await bench.hear(handlers.goods_received, received(line(peg(1, 6), peg(2, "2.5", order=2))))
    await bench.hear(handlers.exception_told, raised(warehouse="EAST"))


async def kinds(api: Api, **params: Any) -> list[str]:
    """The kinds of the listed notices."""
    answer = await api.get("/v1/notices", params=params)
    assert answer.status_code == 200, answer.text
    return [row["kind"] for row in answer.json()["data"]]


async def only(api: Api) -> dict[str, Any]:
    """The one notice in the list."""
    (row,) = (await api.get("/v1/notices")).json()["data"]
    return dict(row)


def at(version: int) -> dict[str, str]:
    """If-Match."""
    return {"If-Match": f'"{version}"'}


@pytest.mark.rule("NOTE-1")
async def test_a_notice_says_what_how_many_for_whom_and_from_which_po(scene: tuple[Api, Bench]) -> None:
    api, bench = scene
    await bench.hear(handlers.goods_received, received(line(peg(1, 6), peg(2, "2.5", order=2))))

    page = Page[schemas.NoticeRow].model_validate_json((await api.get("/v1/notices")).content)
    answer = await api.get(f"/v1/notices/{page.data[0].id}")

    notice = schemas.Notice.model_validate_json(answer.content)
    assert notice.title == "Inspect 8.5 EA of VALVE from PO-000012"
    assert (notice.number[:3], notice.vendor, notice.receipt_number, notice.read) == (
        "NT-",
        "ACME",
        "RC-000007",
        False,
    )
    assert answer.json()["concerns"][1]["qty"] == "2.5"
    assert [(one.order_number, one.line_no) for one in notice.concerns] == [
        ("SO-000001", 10),
        ("SO-000002", 10),
    ]
    assert answer.headers["etag"] == '"1"'


@pytest.mark.rule("NOTE-3")
@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({}, ["purchase_exception", "inspection"]),
        ({"sort": "raised_at"}, ["inspection", "purchase_exception"]),
        ({"sort": "-position", "limit": 1}, ["purchase_exception"]),
        ({"kind": "inspection"}, ["inspection"]),
        ({"state": "closed"}, []),
        ({"state": "open", "warehouse": "EAST"}, ["purchase_exception"]),
        ({"order_id": str(uid(1001))}, ["purchase_exception", "inspection"]),
        ({"order_id": str(uid(1002))}, ["inspection"]),
        ({"receipt_id": str(uid(3000))}, ["inspection"]),
        ({"unread": "true"}, ["purchase_exception", "inspection"]),
        ({"unread": "false"}, []),
        ({"mine": "true"}, []),
    ],
)
async def test_the_inbox_is_filtered(
    scene: tuple[Api, Bench], filters: dict[str, Any], found: list[str]
) -> None:
    api, bench = scene
    await two_notices(bench)

    assert await kinds(api, **filters) == found


@pytest.mark.rule("NOTE-3")
async def test_mine_are_those_of_my_teams_warehouses_and_subscriptions(scene: tuple[Api, Bench]) -> None:
    api, bench = scene
    await two_notices(bench)
    for team in (
        {"code": "MAIN", "name": "Receiving", "warehouses": ["MAIN"], "members": ["rita"]},
        {"code": "BUYERS", "name": "Buyers", "members": ["bob"]},
    ):
        assert (await api.post("/v1/teams", json=team)).status_code == 201
    rita, bob = api.as_(subject="rita"), api.as_(subject="bob")

    before = await kinds(bob, mine="true")
    await api.post("/v1/subscriptions", json={"team": "BUYERS", "kind": "purchase_exception"})

    assert await kinds(rita, mine="true") == ["inspection"]
    assert (before, await kinds(bob, mine="true")) == ([], ["purchase_exception"])


@pytest.mark.rule("NOTE-1")
async def test_mine_are_also_those_of_my_teams_orders_even_when_their_team_is_heard_later(
    scene: tuple[Api, Bench],
) -> None:
    api, bench = scene
    await bench.hear(handlers.goods_received, received(line(peg(1, 6))))
    await api.post("/v1/teams", json={"code": "SALES", "name": "Sales", "members": ["sam"]})
    sam = api.as_(subject="sam")

    before = await kinds(sam, mine="true")
    await bench.hear(handlers.order_told, of_team("SALES"))

    assert (before, await kinds(sam, mine="true")) == ([], ["inspection"])


@pytest.mark.rule("NOTE-3")
async def test_each_member_reads_for_himself_and_news_make_it_unread_again(scene: tuple[Api, Bench]) -> None:
    api, bench = scene
    await bench.hear(handlers.goods_received, received(line(peg(1, 6))))
    path = f"/v1/notices/{(await only(api))['id']}"
    rita, bob = api.as_(subject="rita"), api.as_(subject="bob")

    read = await rita.post(f"{path}/read")

    assert (read.json()["read"], (await only(rita))["read"], (await only(bob))["read"]) == (True, True, False)
    assert (await kinds(rita, unread="true"), await kinds(bob, unread="true")) == ([], ["inspection"])
    await bench.hear(handlers.inspection_completed, inspected(passed=2))
    assert await kinds(rita, unread="true") == []
    await bench.hear(handlers.goods_pegged, pegged(peg(2, 4, order=2), inspection_version=3))
    assert await kinds(rita, unread="true") == ["inspection"]


@pytest.mark.rule("NOTE-3")
async def test_a_closed_notice_wants_nobodys_attention(scene: tuple[Api, Bench]) -> None:
    api, bench = scene
    await bench.hear(handlers.goods_received, received(line(peg(1, 6))))
    await bench.hear(handlers.inspection_completed, inspected(passed=6, closed=True))

    assert (await kinds(api, unread="true"), await kinds(api, unread="false")) == ([], ["inspection"])


async def test_reading_twice_with_one_key_is_one(scene: tuple[Api, Bench]) -> None:
    api, bench = scene
    await bench.hear(handlers.goods_received, received(line(peg(1, 6))))
    path = f"/v1/notices/{(await only(api))['id']}/read"

    first = await api.post(path, headers={"Idempotency-Key": "once"})
    again = await api.post(path, headers={"Idempotency-Key": "once"})
    third = await api.post(path)

    assert (first.json(), again.headers["idempotency-replayed"]) == (third.json(), "true")
    assert len(await bench.sql("SELECT * FROM notice_reads")) == 1


@pytest.mark.rule("NOTE-3")
async def test_a_team_is_made_shown_and_changed(scene: tuple[Api, Bench]) -> None:
    api, bench = scene
    team = {
        "code": "RECEIVING",
        "name": "Receiving",
        "warehouses": ["MAIN", "EAST", "MAIN"],
        "members": ["rita"],
    }

    made = await api.post("/v1/teams", json=team)
    changed = await api.patch(
        "/v1/teams/RECEIVING", json={"members": ["bob", "rita"], "warehouses": []}, headers=at(1)
    )

    assert schemas.Team.model_validate_json(made.content).warehouses == ["EAST", "MAIN"]
    assert (changed.status_code, changed.headers["etag"]) == (200, '"2"')
    shown = await api.get("/v1/teams/RECEIVING")
    assert (
        shown.json()
        == changed.json()
        == {
            "code": "RECEIVING",
            "name": "Receiving",
            "version": 2,
            "warehouses": [],
            "members": ["bob", "rita"],
        }
    )
    assert [row.action for row in await bench.log("team", "RECEIVING")] == ["created", "changed"]


async def test_teams_are_listed_by_warehouse_and_member(scene: tuple[Api, Bench]) -> None:
    api, _ = scene
    for code, warehouse, member in (("A", "MAIN", "rita"), ("B", "EAST", "bob")):
        team = {"code": code, "name": code, "warehouses": [warehouse], "members": [member]}
        await api.post("/v1/teams", json=team)

    async def codes(**params: str) -> list[str]:
        return [row["code"] for row in (await api.get("/v1/teams", params=params)).json()["data"]]

    assert await codes() == ["A", "B"]
    assert await codes(sort="-code") == ["B", "A"]
    assert await codes(warehouse="EAST") == ["B"]
    assert await codes(member="rita") == ["A"]


async def test_a_subscription_is_made_once_listed_and_removed(scene: tuple[Api, Bench]) -> None:
    api, bench = scene
    await api.post("/v1/teams", json={"code": "BUYERS", "name": "Buyers"})
    wanted = {"team": "BUYERS", "kind": "purchase_exception"}

    made = await api.post("/v1/subscriptions", json=wanted)
    twice = await api.post("/v1/subscriptions", json=wanted)
    listed = await api.get("/v1/subscriptions", params={"team": "BUYERS", "kind": "purchase_exception"})
    gone = await api.delete(f"/v1/subscriptions/{made.json()['id']}")
    again = await api.delete(f"/v1/subscriptions/{made.json()['id']}")

    assert (made.status_code, twice.status_code, twice.json()["code"]) == (201, 409, "already-subscribed")
    assert listed.json()["data"] == [made.json()]
    assert (gone.status_code, again.status_code) == (200, 404)
    assert [row.action for row in await bench.log("subscription", made.json()["id"])] == [
        "created",
        "removed",
    ]


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "status"),
    [
        ("POST", "/v1/teams", {"code": "T", "name": "x"}, {}, 409),
        ("POST", "/v1/teams", {"code": "T 1", "name": "x"}, {}, 422),
        ("POST", "/v1/teams", {"code": "", "name": "x"}, {}, 422),
        ("POST", "/v1/teams", {"code": "U", "name": " "}, {}, 422),
        ("POST", "/v1/teams", {"code": "U", "name": "x\u0000"}, {}, 422),
        ("POST", "/v1/teams", {"code": "U", "name": "x", "members": [""]}, {}, 422),
        ("POST", "/v1/teams", {"code": "U", "name": "x", "members": ["a\u0000b"]}, {}, 422),
        ("POST", "/v1/teams", {"code": "U", "name": "x", "version": 7}, {}, 422),
        ("POST", "/v1/teams", {"code": "U", "name": "x"}, {"Idempotency-Key": None}, 400),
        ("PATCH", "/v1/teams/T", {"name": "y"}, {"If-Match": None}, 428),
        ("PATCH", "/v1/teams/T", {"name": "y"}, {"If-Match": '"7"'}, 412),
        ("PATCH", "/v1/teams/T", {"name": None}, {}, 422),
        ("PATCH", "/v1/teams/T", {"code": "V"}, {}, 422),
        ("PATCH", "/v1/teams/NONE", {"name": "y"}, {}, 404),
        ("GET", "/v1/teams/NONE", None, {}, 404),
        ("POST", "/v1/subscriptions", {"team": "NONE", "kind": "inspection"}, {}, 422),
        ("POST", "/v1/subscriptions", {"team": "T", "kind": "gossip"}, {}, 422),
        ("DELETE", f"/v1/subscriptions/{uid(1)}", None, {}, 404),
        ("DELETE", "/v1/subscriptions/one", None, {}, 422),
        ("GET", f"/v1/notices/{uid(1)}", None, {}, 404),
        ("POST", f"/v1/notices/{uid(1)}/read", None, {}, 404),
        ("GET", "/v1/notices?colour=red", None, {}, 422),
        ("GET", "/v1/notices?sort=title", None, {}, 422),
        ("GET", "/v1/notices?state=lost", None, {}, 422),
        ("GET", "/v1/notices?cursor=xx", None, {}, 400),
        ("GET", "/v1/notices/stream?after=-1", None, {}, 422),
        ("GET", "/v1/notices/stream", None, {"Last-Event-ID": "seven"}, 400),
        ("GET", "/v1/notices/stream", None, {"Authorization": None}, 401),
    ],
)
async def test_bad_requests_are_refused_with_a_problem(
    api_notifications: Api,
    method: str,
    path: str,
    body: dict[str, Any] | None,
    headers: dict[str, Any],
    status: int,
) -> None:
    await api_notifications.post("/v1/teams", json={"code": "T", "name": "Team"})
    before = (await api_notifications.get("/v1/teams")).json()

    answer = await api_notifications.request(method, path, json=body, headers={**at(1), **headers})

    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), (
        answer.text
    )
    assert (await api_notifications.get("/v1/teams")).json() == before


async def test_a_limited_caller_sees_and_arranges_only_what_concerns_his_warehouses(
    scene: tuple[Api, Bench],
) -> None:
    api, bench = scene
    await two_notices(bench)
    inspection = next(
        row for row in (await api.get("/v1/notices")).json()["data"] if row["kind"] == "inspection"
    )
    for team in (
        {"code": "M", "name": "M", "warehouses": ["MAIN"]},
        {"code": "E", "name": "E", "warehouses": ["EAST"]},
    ):
        await api.post("/v1/teams", json=team)
    foreign = await api.post(
        "/v1/subscriptions", json={"team": "M", "kind": "inspection", "warehouse": "MAIN"}
    )
    east = api.as_(warehouses=["EAST"])

    assert await kinds(east) == ["purchase_exception"]
    assert (await east.get(f"/v1/notices/{inspection['id']}")).status_code == 404
    assert (await east.post(f"/v1/notices/{inspection['id']}/read")).status_code == 404
    assert [row["code"] for row in (await east.get("/v1/teams")).json()["data"]] == ["E"]
    assert (await east.get("/v1/teams/M")).status_code == 404
    assert (await east.patch("/v1/teams/M", json={"name": "mine"}, headers=at(1))).status_code == 404
    assert (await east.patch("/v1/teams/E", json={"warehouses": ["MAIN"]}, headers=at(1))).status_code == 403
    assert (
        await east.post("/v1/teams", json={"code": "X", "name": "X", "warehouses": ["MAIN"]})
    ).status_code == 403
    assert (await east.post("/v1/subscriptions", json={"team": "E", "kind": "inspection"})).status_code == 403
    assert (await east.delete(f"/v1/subscriptions/{foreign.json()['id']}")).status_code == 404
    assert (await east.get("/v1/subscriptions")).json()["data"] == []


async def test_reading_notices_needs_one_scope_and_arranging_teams_another(api_notifications: Api) -> None:
    reader, arranger = (
        api_notifications.as_(scopes=["notices:read"]),
        api_notifications.as_(scopes=["teams:write"]),
    )

    assert (await reader.get("/v1/notices")).status_code == 200
    assert (await reader.get("/v1/teams")).status_code == 200
    assert (await reader.post("/v1/teams", json={"code": "T", "name": "T"})).status_code == 403
    assert (await arranger.get("/v1/notices")).status_code == 403
    assert (await arranger.get("/v1/notices/stream")).status_code == 403
    assert (await arranger.post("/v1/teams", json={"code": "T", "name": "T"})).status_code == 201


async def test_the_preferences_page_exists(api_notifications: Api) -> None:
    assert (await api_notifications.get("/v1/preferences/notifications")).status_code == 200
