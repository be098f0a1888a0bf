"""Roles and databases as SQL; that the server enforces it is shown in test_real_servers.py."""

import pytest

from deploy.local.databases import (
    CHECKER,
    connect_statements,
    content_statements,
    database_name,
    role_names,
    role_statements,
    with_database,
)
from deploy.local.definitions import SERVICES


def secret(role: str) -> str:
    return f"secret-of-{role}"


def test_every_service_has_an_owner_an_application_and_a_reader_and_all_share_the_checker() -> None:
    made = [
        text.split()[2] for text in role_statements(secret, existing=[]) if text.startswith("CREATE ROLE")
    ]

    assert made == [
        *(f"{service}_{role}" for service in SERVICES for role in ("owner", "app", "ro")),
        CHECKER,
    ]


def test_a_role_that_exists_is_corrected_and_not_made_again() -> None:
    statements = role_statements(secret, existing=["orders_app"], services=["orders"])

    assert any(text.startswith("ALTER ROLE orders_app LOGIN NOSUPERUSER") for text in statements)
    assert not any(text.startswith("CREATE ROLE orders_app") for text in statements)


def test_the_application_is_bounded_and_the_owner_is_not() -> None:
    statements = role_statements(secret, existing=[], services=["orders"])

    limits = [text for text in statements if " SET " in text and "read_only" not in text]
    assert limits == [
        "ALTER ROLE orders_app SET statement_timeout = '5s'",
        "ALTER ROLE orders_app SET lock_timeout = '2s'",
        "ALTER ROLE orders_app SET idle_in_transaction_session_timeout = '10s'",
    ]


def test_nobody_but_the_services_roles_connects() -> None:
    assert connect_statements("orders", "orders_gw0") == [
        "REVOKE ALL ON DATABASE orders_gw0 FROM PUBLIC",
        "GRANT CONNECT ON DATABASE orders_gw0 TO orders_app, orders_ro, checker_ro",
    ]


def test_the_application_never_gets_more_than_rows() -> None:
    grants = [text for text in content_statements("orders") if "GRANT" in text and "orders_app" in text]

    assert not any(
        word in text for text in grants for word in ("TRUNCATE", "CREATE", "ALL PRIVILEGES", "REFERENCES")
    )


def test_nothing_is_granted_on_tables_that_are_there() -> None:
    # migrations take rights on the record log back; a grant on all tables would return them
    assert not any("ALL TABLES" in text for text in content_statements("orders"))


@pytest.mark.parametrize("suffix", ['"; DROP DATABASE orders; --', "-gw0", "_GW0", " "])
def test_a_name_that_would_need_quotes_is_refused(suffix: str) -> None:
    with pytest.raises(ValueError, match="plain"):
        database_name("orders", suffix)


@pytest.mark.parametrize("password", ["it's", "", "a b", "back\\slash"])
def test_a_password_that_would_need_quotes_is_refused(password: str) -> None:
    with pytest.raises(ValueError, match="password"):
        role_statements(lambda _: password, existing=[])


def test_another_database_of_the_same_server() -> None:
    url = "postgresql://a:b@h:1/postgres?sslmode=require"
    assert with_database(url, "orders") == "postgresql://a:b@h:1/orders?sslmode=require"


def test_the_names_of_roles() -> None:
    assert role_names("orders") == ("orders_owner", "orders_app", "orders_ro")
