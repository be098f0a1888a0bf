"""Which servers are used on which machine."""

from pathlib import Path
from typing import Any

import pytest

from deploy.local.announcing import CannotRun
from deploy.local.choice import Machine, Setting, Way, setting_named, way_to_postgres, way_to_rabbitmq

BINARIES = Path("/somewhere/bin")


def machine(**facts: Any) -> Machine:
    """A machine that has nothing but what is said here."""
    nothing: dict[str, Any] = {
        "postgres_url": None,
        "rabbitmq_url": None,
        "postgres_binaries": None,
        "rabbitmq_binaries": None,
        "wheel_fits": False,
        "is_root": False,
        "has_apt": False,
        "docker_answers": lambda: False,
    }
    return Machine(**(nothing | facts))


EVERYTHING = {
    "postgres_url": "postgresql://a:b@db/postgres",
    "rabbitmq_url": "amqp://a:b@mq/",
    "postgres_binaries": BINARIES,
    "rabbitmq_binaries": BINARIES,
    "wheel_fits": True,
    "is_root": True,
    "has_apt": True,
    "docker_answers": lambda: True,
}


def without(*facts: str) -> Machine:
    return machine(**{name: value for name, value in EVERYTHING.items() if name not in facts})


@pytest.mark.parametrize(
    ("where", "postgres", "rabbitmq"),
    [
        (without(), Way.URL, Way.URL),
        (without("postgres_url", "rabbitmq_url"), Way.INSTALLED, Way.INSTALLED),
        (
            without("postgres_url", "rabbitmq_url", "postgres_binaries", "rabbitmq_binaries"),
            Way.EMBEDDED,
            Way.EMBEDDED,
        ),
        (machine(docker_answers=lambda: True), Way.DOCKER, Way.DOCKER),
        # each for itself: a wheel needs no root, Debian's package does
        (machine(wheel_fits=True, has_apt=True, docker_answers=lambda: True), Way.EMBEDDED, Way.DOCKER),
        (without("rabbitmq_url"), Way.URL, Way.INSTALLED),
    ],
    ids=["urls first", "then installed", "then fetched", "then docker", "apart", "one url"],
)
def test_auto_takes_the_way_that_changes_the_machine_least(
    where: Machine, postgres: Way, rabbitmq: Way
) -> None:
    assert way_to_postgres(Setting.AUTO, where) is postgres
    assert way_to_rabbitmq(Setting.AUTO, where) is rabbitmq


def test_a_machine_without_anything_is_told_what_to_install() -> None:
    with pytest.raises(CannotRun, match="apt-get install postgresql"):
        way_to_postgres(Setting.AUTO, machine())
    with pytest.raises(CannotRun, match="apt-get install rabbitmq-server"):
        way_to_rabbitmq(Setting.AUTO, machine())


@pytest.mark.parametrize("setting", [Setting.URLS, Setting.INSTALLED, Setting.EMBEDDED, Setting.DOCKER])
def test_a_forced_way_is_taken_though_others_are_nearer(setting: Setting) -> None:
    wanted = Way.URL if setting is Setting.URLS else Way(setting.value)

    assert way_to_postgres(setting, without()) is wanted
    assert way_to_rabbitmq(setting, without()) is wanted


@pytest.mark.parametrize(
    ("setting", "postgres_words", "rabbitmq_words"),
    [
        (Setting.URLS, "TIELINE_POSTGRES_URL", "TIELINE_RABBITMQ_URL"),
        (Setting.INSTALLED, "apt-get install postgresql", "apt-get install rabbitmq-server"),
        (Setting.EMBEDDED, "made for Linux", "needs apt-get and root"),
        (Setting.DOCKER, "docker info", "docker info"),
    ],
)
def test_a_forced_way_that_is_impossible_says_what_it_lacks(
    setting: Setting, postgres_words: str, rabbitmq_words: str
) -> None:
    with pytest.raises(CannotRun, match=postgres_words):
        way_to_postgres(setting, machine())
    with pytest.raises(CannotRun, match=rabbitmq_words):
        way_to_rabbitmq(setting, machine())


def test_debians_package_that_is_there_already_needs_no_root() -> None:
    assert way_to_rabbitmq(Setting.EMBEDDED, machine(rabbitmq_binaries=BINARIES)) is Way.EMBEDDED


def test_docker_is_not_asked_while_something_nearer_is_there() -> None:
    def docker() -> bool:
        raise AssertionError("asking an engine takes time")

    near = machine(postgres_binaries=BINARIES, rabbitmq_binaries=BINARIES, docker_answers=docker)

    assert way_to_postgres(Setting.AUTO, near) is Way.INSTALLED
    assert way_to_rabbitmq(Setting.AUTO, near) is Way.INSTALLED


def test_an_unknown_setting_names_the_known_ones() -> None:
    with pytest.raises(CannotRun, match="podman is not one of: auto, urls, installed, embedded, docker"):
        setting_named("podman")
