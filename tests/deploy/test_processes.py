"""Our processes: recognised, ended for certain, found again."""

import os
import signal
import sys
from pathlib import Path

import pytest

from deploy.local import processes
from deploy.local.accounts import ourselves
from deploy.local.announcing import CannotRun
from deploy.local.processes import Process, birth, end_all, left_behind, named_in, wait_until

STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("deaf", flush=True)
time.sleep(60)
"""


def started(folder: Path, *command: str) -> Process:
    return processes.start(
        command, account=ourselves(), folder=folder, env=dict(os.environ), log=folder / "logs" / "program.log"
    )


def test_a_process_is_told_from_a_later_one_with_its_number() -> None:
    ours = Process(os.getpid(), birth(os.getpid()) or "")

    assert ours.is_alive
    assert not Process(os.getpid(), "born another day").is_alive


def test_a_process_that_ended_is_dead_though_nobody_has_buried_it() -> None:
    child = os.fork()
    if child == 0:
        os._exit(0)
    processes.becomes(lambda: birth(child) is None, 5)

    assert birth(child) is None
    os.waitpid(child, 0)


def test_ending_goes_on_to_kill_what_does_not_listen(tmp_path: Path) -> None:
    process = started(tmp_path, sys.executable, "-c", STUBBORN)
    log = tmp_path / "logs" / "program.log"
    wait_until(lambda: "deaf" in log.read_text(), process, log, "the stubborn one", 10)

    process.end(((signal.SIGTERM, 0.2), (signal.SIGKILL, 5.0)))

    assert not process.is_alive


def test_all_are_asked_at_once(tmp_path: Path) -> None:
    both = [started(tmp_path, "sleep", "60") for _ in range(2)]

    end_all(both)

    assert not any(process.is_alive for process in both)


def test_a_process_survives_ctrl_c_at_the_terminal_that_started_it(tmp_path: Path) -> None:
    process = started(tmp_path, "sleep", "60")

    assert os.getpgid(process.pid) != os.getpgrp()
    process.end()


def test_one_that_dies_while_starting_is_reported_with_its_last_words(tmp_path: Path) -> None:
    process = started(tmp_path, sys.executable, "-c", "raise SystemExit('no such table')")

    with pytest.raises(CannotRun, match=r"ended while starting.*\n.*no such table"):
        wait_until(lambda: False, process, tmp_path / "logs" / "program.log", "it", 10)


def test_one_that_never_gets_ready_is_reported_too(tmp_path: Path) -> None:
    process = started(tmp_path, "sleep", "60")

    with pytest.raises(CannotRun, match="was not ready after 0 s"):
        wait_until(lambda: False, process, tmp_path / "logs" / "program.log", "it", 0.1)
    process.end()


needs_proc = pytest.mark.skipif(not processes.PROC.joinpath("self").exists(), reason="needs /proc")


@needs_proc
def test_what_a_killed_run_left_is_found_by_its_mark(tmp_path: Path) -> None:
    process = started(tmp_path, "sleep", "60")

    assert left_behind(tmp_path) == [process]
    assert left_behind(tmp_path.parent) == []
    process.end()


@needs_proc
def test_a_pid_file_is_not_believed_when_the_number_belongs_to_another(tmp_path: Path) -> None:
    process = started(tmp_path, "sleep", "60")
    pid_file = tmp_path / "pid"
    pid_file.write_text(f"{process.pid}\n/data\n")

    assert named_in(pid_file, "sleep") == [process]
    assert named_in(pid_file, "postgres") == []
    process.end()
    assert named_in(pid_file, "sleep") == []
    assert named_in(tmp_path / "none", "sleep") == []
