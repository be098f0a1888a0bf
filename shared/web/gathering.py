"""Requests of one route that come while a transaction of it runs are carried out together in the next one.

Nobody lingers: a request that comes alone begins at once. What has come meanwhile is one transaction: one claim of all
keys, the list handler, one closing statement, one COMMIT. A refusal is one request's own: its neighbours commit, and its
key stays free. If the transaction fails as a whole it is halved, so that only the guilty request gets the failure.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from shared import idempotency
from shared.auth import Principal, Scope
from shared.errors import TielineError
from shared.idempotency import Kept, RequestInProgress, Stored
from shared.inbox import infrastructure
from shared.logging import get_logger
from shared.unit_of_work import Origin, Tx, Work, run

log = get_logger(__name__)

MOST_TOGETHER = 50
MOST_AT_ONCE = 2
"""Transactions of one route at a time: while one waits for a lock or the disk the next can already work."""
GATHERED = Origin("gathered", "gathered", "gathered")
NOBODY = Principal("gathered", frozenset(), Scope(frozenset()))
"""The gathered transaction as such may see and do nothing: a handler acts in the name of each caller (`Tx.each`)."""

ListHandler = Callable[[Tx, Sequence[Any]], Awaitable[Sequence[Any]]]
Answer = tuple[Stored, bool]
"""An answer, and whether it had been given before."""


@dataclass(frozen=True)
class Wish:
    """One request among others."""

    item: Any
    key: idempotency.Request
    origin: Origin
    principal: Principal
    answer: Callable[[Any], Stored]
    outcome: "asyncio.Future[Answer | Exception]" = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )

    def settle(self, outcome: Answer | Exception) -> None:
        """Tell whoever still waits."""
        if not self.outcome.done():
            self.outcome.set_result(outcome)


class Gatherer:
    """All requests of this process for one list handler."""

    def __init__(self, work: Work, handler: ListHandler) -> None:
        self._work = work
        self._handler = handler
        self._waiting: deque[Wish] = deque()
        self._keys: set[tuple[str, str]] = set()
        self._running = 0

    async def ask(self, wish: Wish) -> Answer:
        """Carry a wish out, with whatever else is wished; raises what refuses it."""
        key = wish.key.principal, wish.key.key
        if key in self._keys:
            raise RequestInProgress(idempotency.IN_PROGRESS)
        self._keys.add(key)
        wish.outcome.add_done_callback(lambda _: self._keys.discard(key))
        self._waiting.append(wish)
        if self._running < MOST_AT_ONCE:
            self._running += 1
            self._work.under_way.start(self._empty())
        outcome = await asyncio.shield(wish.outcome)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def _empty(self) -> None:
        try:
            while self._waiting:
                count = min(MOST_TOGETHER, len(self._waiting))
                await self._halving([self._waiting.popleft() for _ in range(count)])
        finally:
            self._running -= 1

    async def _halving(self, wishes: Sequence[Wish]) -> None:
        outcomes: Sequence[Answer | Exception]
        try:
            outcomes = await run(self._work, self._together, GATHERED, NOBODY, wishes)
        except (
            Exception
        ) as problem:  # whatever a handler raises: it is one request's, as if it had come alone
            if len(wishes) > 1 and not infrastructure(problem):
                log.warning(
                    "gathered requests failed together", requests=len(wishes), error=str(problem)[:300]
                )
                middle = len(wishes) // 2
                await asyncio.gather(self._halving(wishes[:middle]), self._halving(wishes[middle:]))
                return
            outcomes = [problem] * len(wishes)
        for wish, outcome in zip(wishes, outcomes, strict=True):
            wish.settle(outcome)

    async def _together(self, tx: Tx, wishes: Sequence[Wish]) -> list[Answer | Exception]:
        found = await idempotency.claim(tx.db, [wish.key for wish in wishes])
        fresh = [wish for wish, known in zip(wishes, found, strict=True) if known is None]
        made = iter(await self._carried_out(tx, fresh) if fresh else ())
        return [
            next(made) if known is None else known if isinstance(known, TielineError) else (known, True)
            for known in found
        ]

    async def _carried_out(self, tx: Tx, wishes: Sequence[Wish]) -> list[Answer | Exception]:
        tx.callers = tuple(tx.as_(wish.origin, wish.principal) for wish in wishes)
        results = await self._handler(tx, [wish.item for wish in wishes])
        return [_outcome(tx, wish, result) for wish, result in zip(wishes, results, strict=True)]


def _outcome(tx: Tx, wish: Wish, result: Any) -> Answer | Exception:
    if isinstance(result, TielineError):
        return result
    answer = wish.answer(result)
    tx.kept.append(Kept(wish.key, answer))
    return answer, False
