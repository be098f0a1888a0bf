"""A connection to the broker that leaves nothing behind when it fails.

Known of the library: a connection that failed to connect, or whose closing was cut off, counts as open for ever. When
it is collected, it closes itself on whatever event loop is about; where there is none (another thread, a loop between
two runs) that is a coroutine nobody awaits.
"""

import aio_pika
from aio_pika.abc import AbstractConnection
from aio_pika.exceptions import ConnectionClosed
from aiormq.abc import ExceptionType
from pamqp.common import FieldTable


class Connection(aio_pika.Connection):
    """The library's connection; one that cannot be opened, or not be closed in time, counts as closed."""

    async def connect(self, timeout: float | int | None = None) -> None:  # noqa: ASYNC109  # the library's own
        """Connect, or be closed."""
        try:
            await super().connect(timeout)
        finally:
            if not self.connected.is_set():
                await super().close()

    async def close(self, exc: ExceptionType | None = ConnectionClosed) -> None:
        """Close; cut off in the middle, it has let go of its transport and says so."""
        try:
            await super().close(exc)
        finally:
            if not self.is_closed:
                await super().close(exc)


async def connect(
    url: str, seconds: float, *, client_properties: FieldTable | None = None
) -> AbstractConnection:
    """Connect within so many seconds; raises what the library raises."""
    return await aio_pika.connect(
        url, timeout=seconds, client_properties=client_properties, connection_class=Connection
    )
