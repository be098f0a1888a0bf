"""What `make chaos` and `make soak` say and how they end, without a run of either."""

import asyncio
import signal
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from pathlib import Path

import pytest

from deploy.checking import Finding, Journal, Report
from deploy.checking.invariants import INVARIANTS
from deploy.local import postgres, rabbitmq
from tests.chaos import long_run
from tests.chaos.load import Trade
from tests.chaos.long_run import Run, compared, main
from tests.chaos.mix import Mix
from tests.houses import ROOT, House

Outcome = Callable[[], Awaitable[list[str]]]


@pytest.fixture(autouse=True)
def without_servers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(long_run, "mortal_servers", lambda _: nullcontext())
    for server in (postgres, rabbitmq):
        monkeypatch.setattr(server, "installed_binaries", lambda: Path("/"))
    monkeypatch.setattr(tempfile, "mkdtemp", lambda prefix: str(_made(tmp_path / prefix)))


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def ends(outcome: Outcome, *arguments: str) -> int:
    async def play(_: object, run: Run) -> list[str]:
        assert run.folder.is_dir()
        return await outcome()

    return main("soak", "about", 600, play, arguments)


async def nothing() -> list[str]:
    return []


async def two_things() -> list[str]:
    return ["orders grew", "the books do not add up"]


async def raises() -> list[str]:
    raise AssertionError("orders ended with 70")


async def interrupted() -> list[str]:
    raise KeyboardInterrupt


async def hangs() -> list[str]:
    await asyncio.Event().wait()
    return []


def test_a_run_in_which_nothing_is_wrong_leaves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ends(nothing, "--seconds", "5") == 0

    assert "seed" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("outcome", "code", "words"),
    [
        (two_things, 1, "WRONG orders grew"),
        (raises, 1, "WRONG it broke off: AssertionError: orders ended with 70"),
        (interrupted, 130, "ended by a signal"),
    ],
)
def test_however_a_run_fails_it_says_how_to_play_it_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], outcome: Outcome, code: int, words: str
) -> None:
    assert ends(outcome, "--seconds", "5", "--seed", "7") == code

    said = capsys.readouterr().out
    assert words in said
    assert "make soak SECONDS=5 SEED=7" in said
    assert str(tmp_path / "tieline-soak-") in said
    assert (tmp_path / "tieline-soak-").is_dir()


def test_a_run_that_does_not_end_is_broken_off(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(long_run, "QUIET_PATIENCE", 0.0)
    monkeypatch.setattr(long_run, "OPENING_AND_CLOSING", 0.05)

    assert ends(hangs, "--seconds", "0", "--seed", "7") == 1
    assert "WRONG it broke off: TimeoutError" in capsys.readouterr().out


def test_where_servers_of_its_own_cannot_be_had_it_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(rabbitmq, "installed_binaries", lambda: None)

    assert ends(nothing) == 2
    assert "it needs PostgreSQL and RabbitMQ installed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("deaf", "code"), [("", -signal.SIGTERM), ("signal.signal(signal.SIGTERM, signal.SIG_IGN);", 70)]
)
def test_what_hangs_is_ended_as_by_kill_and_what_does_not_hear_that_by_force(deaf: str, code: int) -> None:
    script = f"""
import signal, time
from tests.chaos.long_run import bounded
{deaf}
with bounded(0.1, grace=0.1):
    time.sleep(30)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.returncode == code, done.stderr
    assert "it still runs after 0 s" in done.stdout
    assert "time.sleep" in script
    assert "<string>" in done.stderr, "it does not say where it stood"


def test_a_summary_names_what_was_compared_and_what_there_was_nothing_of() -> None:
    held, empty = INVARIANTS[:2]
    journal = Journal({"a": {}, "b": {}}, {"a": {}})

    assert compared(Report([Finding(held, []), Finding(empty, None)]), journal) == (
        "compared: 1 invariants over five databases and the queues, 2 requests in the clients' journal, 1 answered; "
        f"nothing to look at for {empty.id}"
    )


class Asked:
    """A house of one service that has ended."""

    def __init__(self) -> None:
        self.started = 0
        self.processes = {"orders": self}
        self.is_running = False

    def tail(self) -> str:
        return "Traceback"

    async def start(self) -> None:
        self.started += 1
        self.is_running = True


async def test_a_service_that_ends_by_itself_is_noticed_and_started_again() -> None:
    house = Asked()
    mix = Mix(house, None, None, 1)  # type: ignore[arg-type]  # only its processes are asked for

    await mix.raise_the_fallen()
    await mix.raise_the_fallen()

    assert (mix.fell, house.started) == (["orders"], 1)


async def test_a_trade_that_one_of_its_people_has_left_does_not_go_on(tmp_path: Path) -> None:
    house = House.__new__(House)
    object.__setattr__(house, "place", type("Place", (), {"urls": {}, "token": ""}))
    trade = Trade(house, tmp_path)

    async def leaves() -> int:
        raise AssertionError("nobody answered")

    async def stays() -> int:
        return 0

    for work, how in (("receive_some", leaves), ("inspect_some", stays), ("ship_some", stays)):
        setattr(trade, work, how)
    trade.start(customers=0, pause=0)
    trade.must_go_on()
    await asyncio.sleep(0.01)

    with pytest.raises(AssertionError, match="nobody answered"):
        trade.must_go_on()
    with pytest.raises(AssertionError, match="nobody answered"):
        await trade.stop()
