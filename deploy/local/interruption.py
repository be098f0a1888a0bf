"""What Ctrl-C and kill do to a run that has started servers."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

ENDING = (signal.SIGTERM, signal.SIGHUP)


@contextmanager
def ends_the_block() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the block as Ctrl-C does, so that what it started is stopped."""
    with _handling(ENDING, _leave):
        yield


@contextmanager
def ignored() -> Iterator[None]:
    """Finish stopping even if Ctrl-C is pressed again: what is left behind would be in nobody's care."""
    with _handling((signal.SIGINT, *ENDING), signal.SIG_IGN):
        yield


Handler = Callable[[int, FrameType | None], None] | signal.Handlers


@contextmanager
def _handling(numbers: tuple[signal.Signals, ...], handler: Handler) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield  # Python lets only the main thread handle signals
        return
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)


def _leave(number: int, _: FrameType | None) -> None:
    raise SystemExit(128 + number)
