"""Every setting is written down, and a wrong one is told by name and without its value."""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest
from cryptography.fernet import Fernet
from dotenv import dotenv_values
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from flows.core.settings import PREFIX, Settings, Sweeps, read_settings

EXAMPLE = Path(__file__).parents[2] / "deployments" / "courier.example.env"
OWN_NAMES = {
    "servers": "main",
    "roots": "homes",
    "mounts": "nas",
    "remotes": "archive",
    "workstations": "microscope",
    "tokens": "scope",
    "channels": "team",
}
SECRET = "s3cret-of-mine"
KEYS = json.dumps([Fernet.generate_key().decode()])


def every_setting(model: type[BaseModel] = Settings, place: tuple[str, ...] = ()) -> Iterator[tuple[str, FieldInfo]]:
    """The variable of each setting that holds a value, dictionaries under the example's own names."""
    for name, field in model.model_fields.items():
        here = (*place, name, OWN_NAMES[name]) if get_origin(field.annotation) is dict else (*place, name)
        if parts := list(models_in(field.annotation)):
            yield from every_setting(parts[0], here)
        else:
            yield PREFIX + "__".join(here).upper(), field


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from models_in(inner)


def default_of(field: FieldInfo) -> object:
    return field.get_default(call_default_factory=True)


SETTINGS = list(every_setting())
WITH_DEFAULT = [
    (variable, field)
    for variable, field in SETTINGS
    if not field.is_required() and default_of(field) not in (None, (), {}, frozenset())
]


@pytest.fixture(autouse=True)
def _no_settings_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.upper().startswith(PREFIX)]:
        monkeypatch.delenv(name)


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Only what a start needs is set."""
    monkeypatch.setenv("COURIER_SERVERS__MAIN__HOST", "omero.example.org")
    monkeypatch.setenv("COURIER_SEAL_KEYS", KEYS)
    return monkeypatch


@pytest.fixture
def all_lines(tmp_path: Path) -> Path:
    """The example with every line that is commented out made active."""
    path = tmp_path / "all.env"
    path.write_text(re.sub(r"^#(?=COURIER_)", "", EXAMPLE.read_text(), flags=re.MULTILINE))
    return path


def test_the_example_loads_once_a_key_is_put_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURIER_ENV_FILE", str(EXAMPLE))
    monkeypatch.setenv("COURIER_SEAL_KEYS", KEYS)

    settings = read_settings()

    assert settings.servers["main"].host == "omero.example.org"
    assert str(settings.roots["homes"].path) == "/data/{user}"


def test_the_example_asks_for_a_key_of_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURIER_ENV_FILE", str(EXAMPLE))

    with pytest.raises(ValueError, match=r"seal_keys\.0: no Fernet key: make one with `make key`"):
        read_settings()


def test_the_example_loads_with_every_line_of_it(environment: pytest.MonkeyPatch, all_lines: Path) -> None:
    environment.setenv("COURIER_ENV_FILE", str(all_lines))

    settings = read_settings()

    assert settings.notifications.administrators == ("omero-admin@example.org", "team")


def test_the_example_has_no_line_that_is_no_setting(all_lines: Path) -> None:
    assert set(dotenv_values(all_lines)) == {variable for variable, _ in SETTINGS}


@pytest.mark.parametrize(("variable", "field"), SETTINGS, ids=[variable for variable, _ in SETTINGS])
def test_the_example_describes_each_setting_in_its_own_words(variable: str, field: FieldInfo) -> None:
    comment = re.search(rf"((?:^# .*\n|^#COURIER_.*\n)*)^#?{variable}=", EXAMPLE.read_text(), re.MULTILINE)

    assert field.description
    assert comment is not None
    assert field.description.rstrip(".") in comment[1].replace("\n# ", " ")


@pytest.mark.parametrize(("variable", "field"), WITH_DEFAULT, ids=[variable for variable, _ in WITH_DEFAULT])
def test_the_example_shows_the_default(variable: str, field: FieldInfo, all_lines: Path) -> None:
    shown = dotenv_values(all_lines)[variable] or ""

    assert (json.loads(shown) if shown.startswith("[") else shown) == written(default_of(field))


def written(default: object) -> object:
    if isinstance(default, tuple | frozenset):
        return list(default)
    return str(default).lower() if isinstance(default, bool) else str(default)


@pytest.mark.parametrize(
    ("variable", "named"),
    [
        pytest.param("COURIER_SERVRES", "COURIER_SERVRES", id="at the top"),
        pytest.param("COURIER_HTTP__PROT", "http.prot", id="nested"),
        pytest.param("COURIER_SERVERS__MAIN__PROT", "servers.main.prot", id="of a server"),
        pytest.param("COURIER_RETIRES__DELAYS", "COURIER_RETIRES__DELAYS", id="below an unknown part"),
    ],
)
def test_an_unknown_variable_is_refused_by_name(environment: pytest.MonkeyPatch, variable: str, named: str) -> None:
    environment.setenv(variable, SECRET)

    with pytest.raises(ValueError, match=named) as refused:
        read_settings()

    assert SECRET not in str(refused.value)


@pytest.mark.parametrize("line", ["COURIER_SERVRES=1", "COURIER_HTTP__PROT=1", "HTTP_PORT=1"])
def test_an_unknown_key_in_the_file_is_refused_by_name(
    environment: pytest.MonkeyPatch, tmp_path: Path, line: str
) -> None:
    (tmp_path / "courier.env").write_text(line + "\n")
    environment.setenv("COURIER_ENV_FILE", str(tmp_path / "courier.env"))

    with pytest.raises(ValueError, match="there is no such setting"):
        read_settings()


def test_a_file_that_is_not_there_is_told(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    environment.setenv("COURIER_ENV_FILE", str(tmp_path / "courier.env"))

    with pytest.raises(ValueError, match=r"COURIER_ENV_FILE: there is no file .*courier\.env"):
        read_settings()


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        pytest.param("SERVER", "other", "server: 'other' is not among servers: main", id="server nobody knows"),
        pytest.param("SERVERS__MAIN__PORT", "high", "servers.main.port: ", id="port that is no number"),
        pytest.param("SERVERS__MAIN__CHECKSUMS", '["ROT13"]', "servers.main.checksums.0", id="unknown checksum"),
        pytest.param("ROOTS__A__PATH", "/data", "say whose it is", id="root of nobody"),
        pytest.param("ROOTS__A__PATH", "data/{user}", "is not absolute", id="relative root"),
        pytest.param("ROOTS__A_B__PATH", "/data/{user}", "roots.a_b", id="name that is no label"),
        pytest.param("ROOTS__A__USERS", '["alice"]', "roots.a.path", id="root without a path"),
        pytest.param("NOTIFICATIONS__MAIL__USER", "me", "user and password come together", id="user, no password"),
        pytest.param("NOTIFICATIONS__ADMINISTRATORS", '["a@b.example"]', "needs the mail server", id="mail to nowhere"),
        pytest.param("NOTIFICATIONS__ADMINISTRATORS", '["team"]', "no channel is named team", id="unknown channel"),
        pytest.param("HTTP__PROXIES", '["gate"]', "http.proxies.0: no address or network", id="proxy by its name"),
        pytest.param("HTTP__PROXIES", '["*"]', "http.proxies.0: no address or network", id="all the world a proxy"),
        pytest.param("HTTP__PROXIES", '["10.1.2.3/8"]', "such as 192.0.2.7 or 192.0.2.0/24", id="proxy in a network"),
        pytest.param("HTTP__PROXIES", "10.1.2.3", "write lists and tables as JSON", id="proxies that are no list"),
        pytest.param("SEAL_KEYS", "[]", "seal_keys", id="no key"),
    ],
)
def test_a_setting_that_cannot_be_meant_is_refused(
    environment: pytest.MonkeyPatch, variable: str, value: str, told: str
) -> None:
    environment.setenv(PREFIX + variable, value)

    with pytest.raises(ValueError, match=re.escape(told)):
        read_settings()


@pytest.mark.parametrize("grant", ["servers", "roots"])
def test_a_token_for_what_does_not_exist_is_refused(environment: pytest.MonkeyPatch, grant: str) -> None:
    environment.setenv("COURIER_HTTP__TOKENS__SCOPE__SHA256", "0" * 64)
    environment.setenv("COURIER_HTTP__TOKENS__SCOPE__USERS", '["alice"]')
    environment.setenv(f"COURIER_HTTP__TOKENS__SCOPE__{grant.upper()}", '["nowhere"]')

    with pytest.raises(ValueError, match=r"http\.tokens\.scope: unknown nowhere"):
        read_settings()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        pytest.param("SEAL_KEYS", f'["{SECRET}"]', id="key that is none"),
        pytest.param("SEAL_KEYS", SECRET, id="keys that are no JSON"),
        pytest.param("SERVERS__MAIN__SERVICE_ACCOUNT__PASSWORD", f'{{"a": "{SECRET}"}}', id="password of a wrong type"),
        pytest.param("NOTIFICATIONS__CHANNELS", f'{{"team": ["slack://{SECRET}"]}}', id="channel of a wrong type"),
        pytest.param("NOTIFICATIONS__CHANNELS", f"slack://{SECRET}", id="channels that are no JSON"),
        pytest.param("HTTP__TOKENS__SCOPE__SHA256", SECRET, id="token instead of its hash"),
    ],
)
def test_a_refused_secret_is_not_repeated(environment: pytest.MonkeyPatch, variable: str, value: str) -> None:
    environment.setenv(PREFIX + variable, value)

    with pytest.raises(ValueError, match=r"setting|JSON") as refused:
        read_settings()

    assert SECRET not in str(refused.value)
    assert refused.value.__cause__ is None


def test_secrets_are_in_no_representation(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("COURIER_SERVERS__MAIN__SERVICE_ACCOUNT__USER", "courier")
    environment.setenv("COURIER_SERVERS__MAIN__SERVICE_ACCOUNT__PASSWORD", SECRET)
    environment.setenv("COURIER_NOTIFICATIONS__CHANNELS__TEAM", f"slack://{SECRET}")

    settings = read_settings()
    shown = f"{settings} {settings!r} {settings.model_dump()} {settings.model_dump_json()}"

    assert SECRET not in shown
    assert json.loads(KEYS)[0] not in shown


@pytest.mark.parametrize("password", ["12345", "1e5", "007", "true", "null", "[x", "a b$c#d"])
def test_a_password_is_taken_as_it_is_written(environment: pytest.MonkeyPatch, password: str) -> None:
    environment.setenv("COURIER_SERVERS__MAIN__SERVICE_ACCOUNT__USER", "courier")
    environment.setenv("COURIER_SERVERS__MAIN__SERVICE_ACCOUNT__PASSWORD", password)

    account = read_settings().servers["main"].service_account

    assert account is not None
    assert account.password.get_secret_value() == password


def test_the_environment_wins_over_the_file(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "courier.env").write_text("COURIER_HTTP__PORT=8001\nCOURIER_HTTP__HOST=0.0.0.0\n")
    environment.setenv("COURIER_ENV_FILE", str(tmp_path / "courier.env"))
    environment.setenv("COURIER_HTTP__PORT", "8002")

    http = read_settings().http

    assert (http.host, http.port) == ("0.0.0.0", 8002)


@pytest.mark.parametrize(
    ("memory", "file"),
    [
        pytest.param(Path("/var/lib/sweeps"), Path("/var/lib/sweeps/confocal.db"), id="where it was set"),
        pytest.param(None, Path.home() / ".cache/omero-courier/sweeps/confocal.db", id="in the account's cache"),
    ],
)
def test_each_sweep_remembers_in_a_file_of_its_own(memory: Path | None, file: Path) -> None:
    assert Sweeps(memory=memory).memory_of("confocal") == file
