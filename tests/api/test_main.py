"""`python -m api`, as it is started by people and service files."""

import os
import re
import subprocess
import sys
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


def test_it_serves_where_the_settings_say_though_its_neighbours_are_away() -> None:
    settings = {
        "COURIER_SERVERS__main__HOST": "omero.invalid",
        "COURIER_SEAL_KEYS": f'["{Fernet.generate_key().decode()}"]',
        "COURIER_HTTP__PORT": "0",
    }
    with subprocess.Popen(COMMAND, cwd=ROOT, env=environment(**settings), stderr=subprocess.PIPE, text=True) as served:
        try:
            address = next(found[0] for line in served.stderr if (found := re.findall(r"http://127\S+", line)))

            assert httpx.get(f"{address}/health/live").json() == {"status": "live"}
        finally:
            served.terminate()
