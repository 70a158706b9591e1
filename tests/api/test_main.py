"""`python -m api`, as it is started by people and service files."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from cryptography.fernet import Fernet

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "api"]


def environment(**changes: str) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("COURIER_", "PREFECT_"))}
    return {**inherited, "PREFECT_API_URL": "http://127.0.0.1:9/api", **changes}


def test_wrong_settings_are_told_and_nothing_starts() -> None:
    ended = subprocess.run(
        COMMAND, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=60, check=False
    )

    assert ended.returncode == 2
    assert "servers: Field required" in ended.stderr
    assert "Traceback" not in ended.stderr


@contextmanager
def served(**changes: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The interface at an address of its own, with neighbours that are away."""
    settings = {
        "COURIER_SERVERS__main__HOST": "omero.invalid",
        "COURIER_SEAL_KEYS": f'["{Fernet.generate_key().decode()}"]',
        "COURIER_HTTP__PORT": "0",
        **changes,
    }
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(COMMAND, cwd=ROOT, env=environment(**settings), text=True, **pipes) as process:
        try:
            assert process.stderr is not None
            yield next(found[0] for line in process.stderr if (found := re.findall(r"http://127\S+", line))), process
        finally:
            process.terminate()


def test_it_serves_where_the_settings_say_though_its_neighbours_are_away() -> None:
    with served() as (address, _):
        assert httpx.get(f"{address}/health/live").json() == {"status": "live"}


def test_only_the_proxies_of_the_settings_are_believed_where_a_request_comes_from() -> None:
    # uvicorn's own variable is not looked at.
    with served(COURIER_HTTP__PROXIES='["127.0.0.2"]', FORWARDED_ALLOW_IPS="*") as (address, process):
        for peer in ("127.0.0.1", "127.0.0.2"):
            with httpx.Client(transport=httpx.HTTPTransport(local_address=peer)) as client:
                client.get(f"{address}/health/live", headers={"X-Forwarded-For": "192.0.2.9, 192.0.2.7"})
        process.terminate()
        came_from = re.findall(r"INFO: +(\S+):\d+ - ", process.communicate(timeout=60)[0])

    assert came_from == ["127.0.0.1", "192.0.2.7"]
