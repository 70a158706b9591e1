import hashlib
import re
from pathlib import Path

import pytest

from deployments.make_secret import new_key, new_token
from flows.core.settings import read_settings

SERVER = "COURIER_SERVERS__main__HOST=omero.example.org\n"


@pytest.fixture
def env_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COURIER_ENV_FILE", str(tmp_path / "courier.env"))
    return tmp_path / "courier.env"


def test_a_new_key_is_a_setting_that_is_taken(env_file: Path) -> None:
    env_file.write_text(SERVER + new_key())

    assert len(read_settings().seal_keys) == 1


def test_a_new_token_is_a_setting_that_knows_its_hash_only(env_file: Path) -> None:
    told = new_token("scope")
    token = re.findall(r"machine: +(\S+)", told)[0]
    env_file.write_text(SERVER + new_key() + told.split("courier:   ")[1])

    settings = read_settings()

    assert settings.http.tokens["scope"].sha256 == hashlib.sha256(token.encode()).hexdigest()
    assert token not in told.splitlines()[1]


def test_keys_and_tokens_are_never_the_same() -> None:
    assert new_key() != new_key()
    assert new_token("scope") != new_token("scope")
