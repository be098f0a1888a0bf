"""What the services are told, and the command line around them."""

import socket
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deploy import cli
from deploy.cli.running import ServiceName
from deploy.local import stack, testrun
from deploy.local.announcing import CannotRun
from deploy.local.choice import Way
from deploy.local.definitions import SERVICES
from deploy.local.instance import Instance, free_port
from deploy.local.servers import Servers

PORTS = {name: 8001 + offset for offset, name in enumerate(SERVICES)}


@pytest.fixture
def ready(tmp_path: Path) -> Servers:
    return Servers(
        instance=Instance("demo", checkout=tmp_path),
        postgres_way=Way.INSTALLED,
        rabbitmq_way=Way.INSTALLED,
        postgres_url="postgresql://tieline_admin:top-secret@127.0.0.1:25432/postgres",
        rabbitmq_url="amqp://tieline_admin:top-secret@127.0.0.1:25672/tieline",
    )


def test_a_service_is_told_where_the_others_answer_and_not_itself(ready: Servers) -> None:
    told = stack.service_environment(ready, "orders", PORTS)

    assert told["TIELINE_PORT"] == "8001"
    assert told["TIELINE_INVENTORY_URL"] == "http://127.0.0.1:8002"
    assert "TIELINE_ORDERS_URL" not in told


def test_a_service_never_learns_an_administrators_login(
    ready: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIELINE_POSTGRES_URL", ready.postgres_url)
    monkeypatch.setenv("TIELINE_RABBITMQ_URL", ready.rabbitmq_url)

    told = stack.service_environment(ready, "orders", PORTS)

    assert not any("top-secret" in value for value in told.values())


def test_consumers_check_broker_users_only_where_there_are_some(ready: Servers) -> None:
    named = Servers(**(vars(ready) | {"rabbitmq_way": Way.URL}))

    assert stack.service_environment(ready, "orders", PORTS)["TIELINE_BROKER_USERS"] == "own"
    assert stack.service_environment(named, "orders", PORTS)["TIELINE_BROKER_USERS"] == "single"


def test_a_taken_port_is_left_to_its_owner(
    ready: Servers, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    base = free_port()
    monkeypatch.setenv("TIELINE_PORT_BASE", str(base))
    with socket.socket() as occupant:
        occupant.bind(("127.0.0.1", base))
        occupant.listen()

        ports = stack.choose_ports(ready.instance)

    assert ports["orders"] != base
    assert f"port {base} is taken: orders listens on {ports['orders']}" in capsys.readouterr().err


@pytest.mark.parametrize("setting", ["http", "80", "70000", "-1"])
def test_a_port_base_that_is_none_is_refused(setting: str) -> None:
    with pytest.raises(CannotRun, match="no port between 1024 and 65000"):
        stack.first_port(setting)


def test_the_usual_ports_begin_at_8001() -> None:
    assert stack.first_port(None) == 8001
    assert stack.first_port("9100") == 9100


def test_the_command_line_knows_every_service() -> None:
    assert tuple(ServiceName) == SERVICES


def test_a_wrong_setting_is_answered_with_words_and_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIELINE_PORT_BASE", "x")
    monkeypatch.setattr("deploy.cli.server_commands.servers.start", _refuse)

    answer = CliRunner().invoke(cli.app, ["servers", "start", "test"])

    assert answer.exit_code == 1
    assert "tieline: install [PostgreSQL] first" in answer.output


def _refuse(*_: object, **__: object) -> None:
    raise CannotRun("install [PostgreSQL] first")


def test_commands_that_are_not_written_yet_are_not_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(cli.ELSEWHERE, "later", ("deploy.cli.not_written_yet", "later"))

    answer = CliRunner().invoke(cli.app, ["--help"])

    assert answer.exit_code == 0
    assert "later" not in answer.output
    assert CliRunner().invoke(cli.app, ["later"]).exit_code == 2


def test_logs_of_nothing_say_how_to_begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deploy.cli.running.Instance", lambda name: Instance(name, checkout=tmp_path))

    answer = CliRunner().invoke(cli.app, ["logs", "orders"])

    assert answer.exit_code == 1
    assert "tieline up" in answer.output


def test_two_workers_test_side_by_side_unless_told_otherwise(ready: Servers) -> None:
    assert testrun.worker_options(ready, ["tests"]) == ("-n", "2")
    assert testrun.worker_options(ready, ["-n0", "tests"]) == ()
    assert testrun.worker_options(ready, ["--pdb"]) == ()


def test_one_worker_tests_where_there_is_one_vhost(ready: Servers) -> None:
    named = Servers(**(vars(ready) | {"rabbitmq_way": Way.URL}))

    assert testrun.worker_options(named, ["tests"]) == ("-n", "0")
