"""The locks and the environment made from them."""

import re
from pathlib import Path

import pytest

from deploy.local import environment, packages
from deploy.local.instance import CHECKOUT

LOCKS = sorted(CHECKOUT.glob("requirements*.lock"))


def versions(lock: str) -> dict[str, str]:
    return dict(re.findall(r"^([\w.-]+)==([\w.+!-]+)", (CHECKOUT / lock).read_text(), re.MULTILINE))


def test_there_are_three_locks() -> None:
    assert [lock.name for lock in LOCKS] == [
        "requirements-dev.lock",
        "requirements-embedded.lock",
        "requirements.lock",
    ]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: str(lock.name))
def test_a_lock_names_no_index_and_hashes_everything(lock: Path) -> None:
    text = lock.read_text()

    assert "://" not in text
    assert "--index-url" not in text
    blocks = re.split(r"^(?=[\w.-]+==)", text, flags=re.MULTILINE)[1:]
    assert blocks
    assert all("--hash=sha256:" in block for block in blocks)


def test_what_is_tested_is_what_runs() -> None:
    running, tested = versions("requirements.lock"), versions("requirements-dev.lock")

    assert {name: tested.get(name) for name in running} == running


def test_nothing_locked_is_taken_for_a_stranger() -> None:
    assert {environment._normal(name) for name in versions("requirements-dev.lock")} <= environment._locked()
    assert environment._normal("Ruamel.YAML_x") == "ruamel-yaml-x"


def test_a_policy_of_the_machine_is_as_it_was_afterwards(tmp_path: Path) -> None:
    policy = tmp_path / "policy-rc.d"
    policy.write_text("#!/bin/sh\nexit 0\n")
    policy.chmod(0o744)

    with packages.nothing_starts(policy):
        assert "exit 101" in policy.read_text()

    assert policy.read_text() == "#!/bin/sh\nexit 0\n"
    assert policy.stat().st_mode & 0o777 == 0o744


def test_a_machine_without_policy_has_none_afterwards_even_if_apt_fails(tmp_path: Path) -> None:
    policy = tmp_path / "policy-rc.d"

    with pytest.raises(RuntimeError, match="apt"):
        _fail_under(policy)

    assert not policy.exists()


def _fail_under(policy: Path) -> None:
    with packages.nothing_starts(policy):
        assert policy.stat().st_mode & 0o111
        raise RuntimeError("apt failed")
