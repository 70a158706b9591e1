import socket
import stat
from pathlib import Path

import pytest

from deployments.sandbox.home import Home, SandboxBusy, free_ports, write_private


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "data")


def test_ports_keys_and_passwords_stay_from_start_to_start(home: Home) -> None:
    with home.locked():
        first = home.remember(for_tests=True)
    with home.locked():
        again = home.remember(for_tests=True)

    assert again == first


def test_a_port_that_was_taken_meanwhile_is_replaced(home: Home) -> None:
    with home.locked(), socket.socket() as other:
        first = home.remember(for_tests=True)
        other.bind(("127.0.0.1", first.ports["api"]))

        again = home.remember(for_tests=True)

    assert again.ports["api"] != first.ports["api"]
    assert again.ports["prefect"] == first.ports["prefect"]


def test_free_ports_are_all_different() -> None:
    ports = free_ports(dict.fromkeys("abcdef", 0))

    assert len(set(ports.values())) == 6


def test_two_sandboxes_on_one_directory_are_refused(home: Home) -> None:
    with home.locked(), pytest.raises(SandboxBusy, match="already runs"), Home(home.data).locked():
        pass


def test_what_is_secret_only_its_owner_may_read(home: Home) -> None:
    with home.locked():
        home.remember(for_tests=True)

    assert stat.S_IMODE((home.data / "sandbox.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(home.data.stat().st_mode) == 0o700


def test_a_private_file_replaces_one_that_others_could_read(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("old")

    write_private(tmp_path / "key", "new")

    assert (tmp_path / "key").read_text() == "new"
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600


def test_passwords_for_tests_can_be_searched_for(home: Home) -> None:
    with home.locked():
        known = home.remember(for_tests=True).passwords

    assert all(len(password) >= 20 for password in known.values())
    assert len(set(known.values())) == len(known)
