"""The URLs that services and tests log in with."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from deploy.local.choice import Way
from deploy.local.instance import Instance
from deploy.local.servers import Servers, for_driver, login


@pytest.fixture
def own(tmp_path: Path) -> Servers:
    return Servers(
        instance=Instance("demo", checkout=tmp_path),
        postgres_way=Way.INSTALLED,
        rabbitmq_way=Way.INSTALLED,
        postgres_url="postgresql://tieline_admin:top@127.0.0.1:25432/postgres",
        rabbitmq_url="amqp://tieline_admin:top@127.0.0.1:25672/tieline",
    )


@pytest.fixture
def named(tmp_path: Path) -> Servers:
    return Servers(
        instance=Instance("demo", checkout=tmp_path),
        postgres_way=Way.URL,
        rabbitmq_way=Way.URL,
        postgres_url="postgresql://admin:top@db.example:5432/postgres?sslmode=require",
        rabbitmq_url="amqps://someone:secret@mq.example/their%2Fvhost",
    )


def test_a_service_logs_in_as_its_application_role_to_its_own_database(own: Servers) -> None:
    url = urlsplit(own.service_database_url("orders"))

    assert (url.scheme, url.username, url.port, url.path) == (
        "postgresql+asyncpg",
        "orders_app",
        25432,
        "/orders",
    )
    assert url.password == own.instance.password("orders_app") != own.instance.password("orders_owner")


def test_tests_name_their_own_database_and_driver(own: Servers) -> None:
    url = urlsplit(own.service_database_url("orders", "owner", "orders_gw0", driver="postgresql"))

    assert (url.scheme, url.username, url.path) == ("postgresql", "orders_owner", "/orders_gw0")


def test_the_checker_is_one_role_for_all(own: Servers) -> None:
    urls = [urlsplit(own.service_database_url(service, "checker")) for service in ("orders", "shipping")]

    assert {url.username for url in urls} == {"checker_ro"}
    assert len({url.password for url in urls}) == 1


def test_a_broker_user_is_named_like_its_service(own: Servers) -> None:
    url = urlsplit(own.amqp_url("inventory", "gw 0"))

    assert (url.username, url.path) == ("inventory", "/gw%200")
    assert urlsplit(own.amqp_url("inventory")).path == "/tieline"


def test_at_a_named_broker_everybody_uses_the_url_as_it_is(named: Servers) -> None:
    assert named.amqp_url("inventory", "gw0") == named.rabbitmq_url
    assert not named.makes_vhosts


def test_at_a_named_database_server_every_checkout_comes_to_the_same_passwords(
    named: Servers, tmp_path: Path
) -> None:
    elsewhere = Servers(**(vars(named) | {"instance": Instance("test", checkout=tmp_path / "other")}))

    assert named.service_database_url("orders") == elsewhere.service_database_url("orders")
    assert (
        urlsplit(named.service_database_url("orders")).password
        != urlsplit(named.service_database_url("shipping")).password
    )


def test_encryption_is_asked_for_as_each_driver_reads_it(named: Servers) -> None:
    assert named.service_database_url("orders").endswith("/orders?ssl=require")
    assert named.service_database_url("orders", driver="postgresql").endswith("/orders?sslmode=require")


def test_logins_are_quoted() -> None:
    assert login("amqp://old:pw@h:5672/x", "a/b", "p@:ss", "v/h") == "amqp://a%2Fb:p%40%3Ass@h:5672/v%2Fh"
    assert for_driver("postgresql://u@h/d", "postgresql+asyncpg") == "postgresql+asyncpg://u@h/d"
