"""Where an instance keeps its things, and that runs take turns."""

import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local import instance as module
from deploy.local.accounts import Account, ourselves
from deploy.local.instance import PORTS, Instance, free_port, is_free


@pytest.fixture
def demo(tmp_path: Path) -> Instance:
    return Instance("demo", checkout=tmp_path)


def test_a_password_is_made_once_and_read_by_nobody_else(demo: Instance) -> None:
    first = demo.password("orders_app")

    again = Instance("demo", checkout=demo.checkout).password("orders_app")

    assert again == first
    assert demo.password("orders_owner") != first
    assert stat.S_IMODE((demo.folder / "passwords.json").stat().st_mode) == 0o600


def test_a_broken_state_file_counts_as_none(demo: Instance) -> None:
    demo.remember(detached=True)
    demo.state_file.write_text('{"detached": tr')

    assert demo.state() == {}


def test_what_is_remembered_is_added(demo: Instance) -> None:
    demo.remember(postgres={"port": 1})
    demo.remember(rabbitmq={"port": 2})

    assert demo.known("postgres") == {"port": 1}
    assert stat.S_IMODE(demo.state_file.stat().st_mode) == 0o600


def test_only_the_demo_keeps_its_data(demo: Instance) -> None:
    assert not demo.is_disposable
    assert Instance("test").is_disposable
    assert Instance("bench").is_disposable


def test_data_lies_in_the_checkout_where_the_account_can_come(demo: Instance) -> None:
    assert demo.data(ourselves()) == demo.checkout / ".local" / "demo"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can take on another account")
def test_data_of_an_account_that_cannot_come_to_the_checkout_lies_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = tmp_path / "home-of-root"
    closed.mkdir(mode=0o700)
    monkeypatch.setattr(module, "COMMON", tmp_path / "common")
    place = Instance("demo", checkout=closed)
    stranger = Account("stranger", 54_321, 54_321)

    data = place.data(stranger)

    assert data == tmp_path / "common" / place.fingerprint / "demo"
    assert place.fingerprint != Instance("demo", checkout=tmp_path).fingerprint


def test_a_remembered_port_is_taken_again_unless_someone_listens_there() -> None:
    port = free_port()
    assert port in PORTS
    assert free_port(port) == port

    with socket.socket() as occupant:
        occupant.bind(("127.0.0.1", port))
        occupant.listen()

        assert not is_free(port)
        assert free_port(port) != port


def test_ports_that_other_servers_have_chosen_are_left_to_them(demo: Instance) -> None:
    demo.remember(rabbitmq={"ports": {"amqp": 20_001}})
    Instance("test", demo.checkout).remember(postgres={"ports": {"sql": 20_002}})

    again = demo.choose_ports("rabbitmq", {"amqp": 20_001}, ["amqp"])
    moved = [demo.choose_ports("postgres", {"sql": port}, ["sql"])["sql"] for port in (20_001, 20_002)]

    assert again == {"amqp": 20_001}
    assert not {20_001, 20_002} & set(moved)


TAKES_A_TURN = """
import sys
from pathlib import Path
from deploy.local.instance import Instance
with Instance("demo", checkout=Path(sys.argv[1])).turn():
    print("mine", flush=True)
    sys.stdin.read()
"""


def test_a_second_run_of_the_instance_waits_for_the_first(demo: Instance) -> None:
    command = [sys.executable, "-c", TAKES_A_TURN, str(demo.checkout)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as first:  # type: ignore[call-overload]  # a dict of options
        assert first.stdout.readline() == "mine\n"
        with subprocess.Popen(command, **pipes) as second:  # type: ignore[call-overload]  # a dict of options
            told = second.stderr.readline()
            assert f"another run (pid {first.pid})" in told

            first.communicate()

            assert second.stdout.readline() == "mine\n"
            second.communicate()


def test_within_a_run_the_turn_may_be_taken_again(demo: Instance) -> None:
    with demo.turn(), demo.turn():
        pass
    with demo.turn():
        pass
