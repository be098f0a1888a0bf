"""The two reads that orders makes of another service (ADR 9): what is available, and why inventory has a line wait.

Both are bounded: one request at a time for what is asked together, a second at most, never tried again, never while a
transaction or a connection is held. The caller's own token goes along, so nobody learns here what they may not read
there. No answer is an answer too: no question is put, and the explanation says who is silent.
"""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

import httpx
from pydantic import BaseModel, ConfigDict, ValidationError

from shared.logging import get_logger
from shared.quantity import SignedQty

from ..domain.shortage import Figure, Figures, Wanted
from ..schemas import Inventory

log = get_logger(__name__)

SECONDS = 1.0
MOST_SKUS = 100
MOST_CONNECTIONS = 20


class _Row(BaseModel):
    model_config = ConfigDict(extra="ignore")

    sku: str
    warehouse: str
    available: SignedQty
    takeable: SignedQty = Decimal(0)


class _Answer(BaseModel):
    model_config = ConfigDict(extra="ignore")

    data: list[_Row]


class _Reasons(BaseModel):
    model_config = ConfigDict(extra="ignore")

    reasons: list[dict[str, Any]]


_SAYS: Mapping[int, Inventory] = {403: "not allowed", 404: "not heard yet"}


@dataclass(frozen=True, slots=True)
class Told:
    """What inventory has said to the question why a line waits, or why it has said nothing."""

    how: Inventory
    reasons: Sequence[Mapping[str, Any]] = ()


class InventoryReads:
    """Inventory's REST as orders may use it: reads only."""

    def __init__(self, base_url: str, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._http = httpx.AsyncClient(
            base_url=base_url,
            timeout=SECONDS,
            limits=httpx.Limits(max_connections=MOST_CONNECTIONS),
            transport=transport,
            # a service of ours, never by way of a proxy that the environment names
            trust_env=False,
        )

    async def availability(self, wanted: Collection[Wanted], authorization: str) -> Figures:
        """What is there of each item, one request for each warehouse and priority; what is not answered is left out."""
        groups = _grouped(wanted)
        answers = await asyncio.gather(
            *(
                self._available(warehouse, priority, skus, authorization)
                for (warehouse, priority), skus in groups
            )
        )
        return Figures({asked: figure for answer in answers for asked, figure in answer.items()})

    async def _available(
        self, warehouse: str, priority: int, skus: list[str], authorization: str
    ) -> Mapping[Wanted, Figure]:
        parameters: list[tuple[str, str | int]] = [("warehouse", warehouse), ("priority", priority)]
        parameters += [("sku", sku) for sku in skus]
        answer = await self._get("/v1/stock/availability", parameters, authorization)
        if answer is None or answer.is_error:
            return {}
        try:
            rows = _Answer.model_validate_json(answer.content).data
        except ValidationError as problem:
            log.warning("inventory's answer is unreadable", read="availability", problem=str(problem))
            return {}
        return {Wanted(row.warehouse, priority, row.sku): Figure(row.available, row.takeable) for row in rows}

    async def explanation(self, line_id: UUID, component: int, authorization: str) -> Told:
        """Why inventory has this line wait, in its own words."""
        path = f"/v1/demand/{line_id}/explain"
        answer = await self._get(path, [("component", component)], authorization)
        if answer is None or (answer.is_error and answer.status_code not in _SAYS):
            return Told("unreachable")
        if answer.is_error:
            return Told(_SAYS[answer.status_code])
        try:
            told = _Reasons.model_validate_json(answer.content)
        except ValidationError as problem:
            log.warning("inventory's answer is unreadable", read="explain", problem=str(problem))
            return Told("unreachable")
        return Told("answered", told.reasons)

    async def _get(
        self, path: str, parameters: Iterable[tuple[str, str | int]], authorization: str
    ) -> httpx.Response | None:
        try:
            async with asyncio.timeout(SECONDS):
                answer = await self._http.get(
                    path, params=list(parameters), headers={"Authorization": authorization}
                )
        except (httpx.HTTPError, TimeoutError) as problem:
            log.warning("inventory does not answer", path=path, problem=repr(problem))
            return None
        if answer.is_error:
            log.info("inventory refuses", path=path, status=answer.status_code)
        return answer

    async def close(self) -> None:
        """Give the connections back."""
        await self._http.aclose()


def _grouped(wanted: Collection[Wanted]) -> list[tuple[tuple[str, int], list[str]]]:
    skus: dict[tuple[str, int], list[str]] = {}
    for one in sorted(wanted):
        skus.setdefault((one.warehouse, one.priority), []).append(one.sku)
    return [
        (key, own[start : start + MOST_SKUS])
        for key, own in skus.items()
        for start in range(0, len(own), MOST_SKUS)
    ]
