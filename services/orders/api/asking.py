"""Ask inventory only when a rule wants to know, and only outside the transaction (BO-2, ADR 9).

A command runs at once. If it opens a stock line it ends with FiguresWanted before it has written anything; then inventory
is asked and the command runs again with the figures. So a special order, whose goods are bought, costs nothing of it.
"""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from fastapi import FastAPI, Response
from pydantic import BaseModel

from shared.web import Call

from ..domain.shortage import NOBODY_TO_ASK, NOT_ASKED_YET, Figures, FiguresWanted
from .inventory import InventoryReads

R = TypeVar("R")


async def run_asking(
    call: Call,
    handler: Callable[..., Awaitable[R]],
    /,
    *args: Any,
    respond: Callable[[R], BaseModel],
    status: int = 200,
) -> Response:
    """Carry out a command whose handler takes figures last; they are fetched when it says that it wants them."""
    reads = reads_of(call.request.app)
    if reads is None:
        return await call.run(handler, *args, NOBODY_TO_ASK, respond=respond, status=status)
    try:
        return await call.run(handler, *args, NOT_ASKED_YET, respond=respond, status=status)
    except FiguresWanted as unknown:
        figures = await figures_of(call, unknown)
    return await call.run(handler, *args, figures, respond=respond, status=status)


async def figures_of(call: Call, unknown: FiguresWanted) -> Figures:
    """What inventory says to the question; nothing, if nobody said where it is."""
    reads = reads_of(call.request.app)
    return NOBODY_TO_ASK if reads is None else await reads.availability(unknown.wanted, token_of(call))


def reads_of(app: FastAPI) -> InventoryReads | None:
    """The reads of this process, made when first needed; None: nobody said where inventory is."""
    found: InventoryReads | None = getattr(app.state, "inventory", None)
    if found is None and app.state.settings.inventory_url:
        found = app.state.inventory = InventoryReads(app.state.settings.inventory_url)
    return found


def token_of(call: Call) -> str:
    """The caller's own token, to go along."""
    return call.request.headers["authorization"]
