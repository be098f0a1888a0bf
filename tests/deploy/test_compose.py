"""Tieline in containers, as far as it can be seen without an engine; `deploy/compose/try` proves the rest."""

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml  # type: ignore[import-untyped]  # comes with the tests' libraries, its types do not

from deploy.compose.tools import logins
from deploy.compose.vault import Vault, hand_out
from deploy.local.definitions import ADMIN, SERVICES
from deploy.local.instance import CHECKOUT
from deploy.local.postgres import SETTINGS
from deploy.local.rabbitmq import CONFIGURATION


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault(tmp_path / "vault")


@pytest.fixture
def handout(tmp_path: Path) -> Path:
    for name in ("postgres", "rabbitmq", *SERVICES):
        (tmp_path / "handout" / name).mkdir(parents=True)
    return tmp_path / "handout"


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((CHECKOUT / "docker-compose.yml").read_text(encoding="utf-8"))
    return content


def files(folder: Path) -> dict[str, str]:
    return {str(f.relative_to(folder)): f.read_text() for f in folder.rglob("*") if f.is_file()}


def test_each_service_is_told_its_own_logins_only(vault: Vault, handout: Path) -> None:
    hand_out(vault, handout, development_keys=True)

    for service in SERVICES:
        told = files(handout / service)
        assert sorted(told) == ["jwks.json", "tieline_amqp_url", "tieline_database_url"]
        database, broker = urlsplit(told["tieline_database_url"]), urlsplit(told["tieline_amqp_url"])
        assert (database.scheme, database.username, database.path) == (
            "postgresql+asyncpg",
            f"{service}_app",
            f"/{service}",
        )
        assert (broker.username, broker.path) == (service, "/tieline")
    passwords = [p.read_text() for kind in ("database", "broker") for p in (vault.folder / kind).iterdir()]
    assert len(set(passwords)) == len(passwords) == 17 + 6
    in_clear = files(handout / "rabbitmq")["definitions.json"]
    assert not any(password in in_clear for password in passwords)


def test_passwords_stay_as_they_are(vault: Vault, handout: Path) -> None:
    hand_out(vault, handout, development_keys=True)
    before = files(vault.folder), files(handout / "orders"), files(handout / "postgres")
    hand_out(vault, handout, development_keys=True)

    assert (files(vault.folder), files(handout / "orders"), files(handout / "postgres")) == before


def test_the_jobs_that_only_read_find_every_password(vault: Vault, handout: Path) -> None:
    hand_out(vault, handout, development_keys=True)
    there = files(vault.folder)

    for role in ("checker_ro", ADMIN, *(f"{s}_{r}" for s in SERVICES for r in ("owner", "app", "ro"))):
        vault.database_password(role)
    for user in (ADMIN, *SERVICES):
        vault.broker_password(user)
    assert files(vault.folder) == there


def test_the_operators_commands_find_their_logins_as_soon_as_there_are_any(
    vault: Vault, handout: Path
) -> None:
    assert logins(vault) == {}

    hand_out(vault, handout, development_keys=True)
    there = files(vault.folder)

    told = logins(vault)
    assert {urlsplit(told[f"TIELINE_{service.upper()}_CHECK_URL"]).username for service in SERVICES} == {
        "checker_ro"
    }
    assert {urlsplit(told[f"TIELINE_{what}_AMQP_URL"]).username for what in ("CHECK", "ADMIN")} == {ADMIN}
    assert files(vault.folder) == there, "a job that may only read would fail here"


def test_with_an_issuer_of_ones_own_there_is_no_development_key(vault: Vault, handout: Path) -> None:
    hand_out(vault, handout, development_keys=True)
    hand_out(vault, handout, development_keys=False)

    assert not list(handout.rglob("jwks.json"))


def test_the_vault_is_for_its_owner_only_and_a_handout_for_whoever_has_it(
    vault: Vault, handout: Path
) -> None:
    hand_out(vault, handout, development_keys=False)

    assert {f.stat().st_mode & 0o777 for f in vault.folder.rglob("*") if f.is_file()} == {0o400}
    assert {f.stat().st_mode & 0o777 for f in handout.rglob("*") if f.is_file()} == {0o444}


def test_only_the_gateway_is_published_and_on_loopback_only(compose: dict[str, Any]) -> None:
    published = {
        name: service["ports"] for name, service in compose["services"].items() if "ports" in service
    }

    assert list(published) == ["gateway"]
    assert all(port.startswith("127.0.0.1:") for port in published["gateway"])


def test_whatever_is_ours_is_read_only_and_whatever_runs_has_bounds(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["mem_limit"], name
        assert service["restart"], name
        assert service.get("read_only") is (None if name in ("postgres", "rabbitmq") else True), name
    for name in (*SERVICES, "gateway", "postgres", "rabbitmq"):
        assert compose["services"][name]["stop_grace_period"] in ("30s", "60s"), name


def test_a_secret_reaches_its_reader_only(compose: dict[str, Any]) -> None:
    for name in ("postgres", "rabbitmq", *SERVICES):
        mounted = [volume.split(":")[0] for volume in compose["services"][name]["volumes"]]
        assert [volume for volume in mounted if volume.endswith(("secrets", "vault"))] == [f"{name}-secrets"]
    assert "volumes" not in compose["services"]["gateway"]
    assert [n for n, s in compose["services"].items() if "vault:/run/vault" in s.get("volumes", ())] == [
        "secrets"
    ]


def test_every_service_is_there_and_waits_for_the_jobs(compose: dict[str, Any]) -> None:
    for name in SERVICES:
        service = compose["services"][name]
        assert service["build"]["args"]["SERVICE"] == name
        assert service["environment"][f"TIELINE_{name.upper()}_URL"] == f"http://{name}:8000"
        assert {job: wait["condition"] for job, wait in service["depends_on"].items()} == dict.fromkeys(
            ("migrate", "topology"), "service_completed_successfully"
        )


def test_the_servers_are_set_up_as_the_local_ones() -> None:
    conf = (CHECKOUT / "deploy" / "postgres" / "postgresql.conf").read_text(encoding="utf-8")
    here = {name: value.strip("'") for name, value in re.findall(r"^(\w+) = (.*)$", conf, re.MULTILINE)}
    elsewhere = {name: value for name, value in SETTINGS.items() if name in here}
    assert {name: here[name] for name in elsewhere} == elsewhere | {"listen_addresses": "*"}
    assert {"fsync", "synchronous_commit", "max_connections", "jit", "timezone"} <= here.keys()

    broker = (CHECKOUT / "deploy" / "rabbitmq" / "rabbitmq.conf").read_text(encoding="utf-8")
    for line in ("default_vhost", "raft.wal_max_size_bytes"):
        assert re.findall(rf"^{line} = .*$", broker, re.MULTILINE) == re.findall(
            rf"^{line} = .*$", CONFIGURATION, re.MULTILINE
        )


def test_no_password_is_written_down(compose: dict[str, Any]) -> None:
    assert "PASSWORD=" not in json.dumps(compose)
    for service in compose["services"].values():
        for name, value in service.get("environment", {}).items():
            assert "PASS" not in name or (name.endswith("_FILE") and value.startswith("/run/")), name


def test_images_are_named_by_what_picks_says_and_no_frontend_is_fetched() -> None:
    dockerfile = (CHECKOUT / "deploy" / "Dockerfile").read_text(encoding="utf-8")

    assert "# syntax=" not in dockerfile.splitlines()[0]
    assert set(re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE)) == {
        "python:3.13-slim",
        "nginx:1.26",
        "base",
    }
