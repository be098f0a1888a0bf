"""One request in a route's hands: the ways to carry it out and to answer."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import orjson
from fastapi import Request, Response
from pydantic import BaseModel, ValidationError
from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncConnection

from shared import errors, idempotency
from shared.auth import Principal
from shared.auth import Scope as Warehouses
from shared.paging import PageParams, next_cursor, page_query
from shared.unit_of_work import Origin, Tx, Work, run
from shared.web.gathering import Gatherer, Wish
from shared.web.models import Problem
from shared.web.problems import invalid, refused

R = TypeVar("R")
W = TypeVar("W")

LONGEST_WAIT = 30
POLL_SECONDS = 0.25
LONGEST_GAP = 0.1


class VersionMissing(errors.PreconditionMissing):
    """An update needs `If-Match` with the ETag that was read."""


class NoSuchDocument(errors.NotFound):
    """There is no such document, or it is not in your warehouses."""


@dataclass(frozen=True)
class Call:
    """One request: who calls, and the ways to answer."""

    request: Request
    work: Work
    principal: Principal
    origin: Origin
    if_match: int | None

    @property
    def scope(self) -> Warehouses:
        """The warehouses that the caller may see."""
        return self.principal.scope

    @property
    def version(self) -> int:
        """The version that the caller read, from `If-Match`."""
        if self.if_match is None:
            raise VersionMissing('Send If-Match with the ETag you read, such as If-Match: "3"')
        return self.if_match

    async def run(
        self,
        handler: Callable[..., Awaitable[R]],
        /,
        *args: Any,
        respond: Callable[[R], BaseModel],
        status: int = 200,
    ) -> Response:
        """Carry out a command in a transaction; a POST is carried out once per Idempotency-Key."""
        keyed = await self._keyed()

        async def once(tx: Tx) -> tuple[idempotency.Stored, bool]:
            if keyed:
                (found,) = await idempotency.claim(tx.db, [keyed])
                if isinstance(found, errors.TielineError):
                    raise found
                if found is not None:
                    return found, True
            result = await handler(tx, *args)
            answer = idempotency.Stored(status, respond(result).model_dump_json().encode(), etag_of(result))
            if keyed:
                tx.kept.append(idempotency.Kept(keyed, answer))
            return answer, False

        answer, replayed = await run(self.work, once, self.origin, self.principal)
        return _json(answer.body, answer.status, answer.etag, replayed=replayed)

    async def gather(
        self,
        handler: Callable[[Tx, Sequence[W]], Awaitable[Sequence[R | errors.TielineError]]],
        item: W,
        /,
        *,
        respond: Callable[[R], BaseModel],
        status: int = 200,
    ) -> Response:
        """Carry out a POST together with others of its handler that come meanwhile, as if it had come alone.

        The handler takes a list, acts in the name of each one's caller (`tx.each`), and answers each with its result or
        with the error that refuses it, having written nothing for that one.
        """
        keyed = await self._keyed()
        assert keyed is not None, "only a POST is gathered"  # noqa: S101  # a route's mistake, not a caller's

        def answer(result: R) -> idempotency.Stored:
            return idempotency.Stored(status, respond(result).model_dump_json().encode(), etag_of(result))

        if handler not in self.work.gathering:
            self.work.gathering[handler] = Gatherer(self.work, handler)
        gatherer: Gatherer = self.work.gathering[handler]
        stored, replayed = await gatherer.ask(Wish(item, keyed, self.origin, self.principal, answer))
        return _json(stored.body, stored.status, stored.etag, replayed=replayed)

    async def read(
        self,
        view: Callable[..., Awaitable[R | None]],
        /,
        *args: Any,
        respond: Callable[[R], BaseModel],
        wait: float = 0,
        until: Callable[[R], bool] | None = None,
    ) -> Response:
        """Read one thing; with `wait` and `until`, hold the answer until it is so, at most that long."""
        found = await self._when(lambda: self._view(view, *args), until, wait)
        if found is None:
            raise NoSuchDocument("There is no such document, or it is not in your warehouses")
        return _json(respond(found).model_dump_json().encode(), 200, etag_of(found))

    async def look(self, view: Callable[..., Awaitable[R | None]], /, *args: Any) -> R:
        """Read one thing for a route that has more to ask before it answers; no connection is held afterwards."""
        found = await self._view(view, *args)
        if found is None:
            raise NoSuchDocument("There is no such document, or it is not in your warehouses")
        return found

    async def list(self, query: Select[Any], page: PageParams, row: Callable[[Any], BaseModel]) -> Response:
        """One page of a list; with `wait`, hold the answer until there is at least one row."""
        statement = page_query(query, page)

        async def fetch(db: AsyncConnection) -> Any:
            return (await db.execute(statement)).all()

        rows = await self._when(lambda: self._view(fetch), bool, page.wait)
        data = b",".join(row(r).model_dump_json().encode() for r in rows[: page.limit])
        cursor = next_cursor(rows, page)
        tail = orjson.dumps({"has_more": cursor is not None, "next_cursor": cursor})
        return _json(b'{"data":[' + data + b"]," + tail[1:], 200, None)

    async def _view(self, view: Callable[..., Awaitable[R]], *args: Any) -> R:
        async def looked() -> R:
            async with self.work.reading() as db:
                return await view(db, *args)

        return await self.work.under_way.carry(looked())

    async def _when(
        self, fetch: Callable[[], Awaitable[R]], until: Callable[[Any], bool] | None, wait: float
    ) -> R:
        """Re-read after each commit of this process, or every quarter second for commits of another one."""
        deadline = time.monotonic() + min(wait, LONGEST_WAIT)
        gap = 0.0
        while True:
            mark = self.work.committed.mark()
            found = await fetch()
            left = deadline - time.monotonic()
            stopping: asyncio.Event = self.request.app.state.stopping
            if until is None or left <= 0 or stopping.is_set() or (found is not None and until(found)):
                return found
            await self.work.committed.wait(min(POLL_SECONDS, left), mark)
            # the first commit is looked at there and then; a busy process has hundreds a second, and many who wait
            await asyncio.sleep(gap)
            gap = min(LONGEST_GAP, gap * 1.5 + 0.004)

    def problem_of(self, refusal: errors.TielineError | ValidationError) -> Problem:
        """What refused one row of a batch, as the problem document of a request of its own."""
        if isinstance(refusal, ValidationError):
            return Problem(**invalid(self.request, refusal))
        return Problem(**refused(self.request, refusal))

    async def _keyed(self) -> idempotency.Request | None:
        if self.request.method != "POST":
            return None
        key = self.request.headers.get("idempotency-key")
        return idempotency.keyed(
            self.principal.subject, key, self.request.method, self.request.url.path, await self.request.body()
        )


def etag_of(result: Any) -> str | None:
    """`"3"` for a result with a version."""
    version = getattr(result, "version", None)
    return f'"{version}"' if isinstance(version, int) else None


def _json(body: bytes, status: int, etag: str | None, *, replayed: bool = False) -> Response:
    headers = {"ETag": etag} if etag else {}
    if replayed:
        headers["Idempotency-Replayed"] = "true"
    return Response(body, status, headers, "application/json")
