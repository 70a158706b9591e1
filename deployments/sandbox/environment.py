"""The environment of the sandbox: what Prefect and the courier are told, and nothing that would mislead them."""

import hashlib
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from deployments.sandbox.home import Home, Remembered
from deployments.sandbox.people import SERVICE_ACCOUNT
from deployments.sandbox.processes import MARKER

SERVER = "sandbox"
"""The short name of the stand-in among the courier's servers."""
ADMINISTRATOR = "facility@sandbox.example"
IMPATIENT = {
    "RETRIES__MINUTES": "[0.05, 0.1, 0.2, 0.4, 1, 1]",
    "RETRIES__CRASH_SECONDS": "1",
    "UPKEEP__SILENCE": "90",
}
"""Settings of a sandbox for tests, by name: what takes minutes to days elsewhere takes seconds."""
_FOREIGN = ("PREFECT_", "COURIER_", "OMERO", "ICE_", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


def for_parts(
    home: Home, remembered: Remembered, inherited: Mapping[str, str] = os.environ, *, for_tests: bool = False
) -> dict[str, str]:
    """Return the environment that every part starts with."""
    kept = {name: value for name, value in inherited.items() if not name.startswith(_FOREIGN)}
    kept = {name: value for name, value in kept.items() if name.lower() not in _PROXIES}
    return {
        **kept,
        **_prefect(home, remembered),
        # To look for runs is what a sandbox mostly does while it waits, and tests have several of them side by side.
        "PREFECT_WORKER_QUERY_SECONDS": "2" if for_tests else "0.5",
        MARKER: remembered.marker,
        "COURIER_ENV_FILE": str(home.settings),
        "NO_PROXY": "*",
        "OMERO_USERDIR": str(home.data / "omero-client"),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", os.defpath)]),
        "PYTHONUNBUFFERED": "1",
        # Prefect's worker keeps files in a fixed place there, which belongs to whoever came first.
        "TMPDIR": str(home.temporary),
    }


def _prefect(home: Home, remembered: Remembered) -> dict[str, str]:
    url = f"http://127.0.0.1:{remembered.ports['prefect']}"
    return {
        "PREFECT_HOME": str(home.prefect),
        "PREFECT_API_URL": f"{url}/api",
        "PREFECT_UI_URL": url,
        "PREFECT_SERVER_EPHEMERAL_ENABLED": "false",
        # Nothing calls home. The v2 UI fetches an analytics configuration even when told not to.
        "DO_NOT_TRACK": "1",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_CLOUD_ENABLE_ORCHESTRATION_TELEMETRY": "false",
        "PREFECT_TELEMETRY_ENABLE_RESOURCE_METRICS": "false",
        "PREFECT_SERVER_UI_V2_ENABLED": "false",
        "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
        "PREFECT_SERVER_UI_API_URL": f"{url}/api",
        # Otherwise the server writes its pages into the installed package, which sandboxes share.
        "PREFECT_SERVER_UI_STATIC_DIRECTORY": str(home.prefect / "ui"),
        # In files, and put right after a crash: in memory, the locks of what died with the server are never freed.
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "deployments.leases",
        # How far ahead rounds of housekeeping are planned; an hour of them would fill the list of runs.
        "PREFECT_SERVER_SERVICES_SCHEDULER_MIN_SCHEDULED_TIME": "PT3M",
        "PREFECT_WORKER_PREFETCH_SECONDS": "1",
    }


def settings_file(home: Home, remembered: Remembered, changed: Mapping[str, str] | None = None) -> str:
    """Return the courier's settings for this sandbox, as the file that COURIER_ENV_FILE names.

    `changed` are settings by name, without the prefix, that replace or add to the sandbox's own.
    """
    ports = remembered.ports
    values: dict[str, object] = {
        f"SERVERS__{SERVER}__HOST": "127.0.0.1",
        f"SERVERS__{SERVER}__PORT": ports["omero_ssl"],
        f"SERVERS__{SERVER}__WEB_URL": f"http://127.0.0.1:{ports['omero_control']}",
        f"SERVERS__{SERVER}__SERVICE_ACCOUNT__USER": SERVICE_ACCOUNT,
        f"SERVERS__{SERVER}__SERVICE_ACCOUNT__PASSWORD": remembered.passwords[SERVICE_ACCOUNT],
        # The stand-in's repository lies on this machine.
        f"SERVERS__{SERVER}__IN_PLACE__PLACEMENTS": '["ln_s", "ln", "cp"]',
        "ROOTS__shares__PATH": f"{home.shares}/{{user}}",
        "ROOTS__shares__AFTER": '["keep", "move", "delete"]',
        "ROOTS__watched__PATH": f"{home.watched}/{{user}}",
        "ROOTS__watched__AFTER": '["keep", "move", "delete"]',
        # As a workstation with Windows names the users' folders: S:\\alice\\cells.tif
        "MOUNTS__windows__CLIENT": "S:\\",
        "MOUNTS__windows__WORKER": home.shares,
        "SWEEPS__FOLDER": home.sweeps,
        "SWEEPS__MEMORY": home.memory,
        "VERIFICATION__SETTLE_SECONDS": 2,
        "STAGING__DIRECTORY": home.staging,
        "STAGING__KEEP_FREE": 100_000_000,
        "NOTIFICATIONS__MAIL__HOST": "127.0.0.1",
        "NOTIFICATIONS__MAIL__PORT": ports["smtp"],
        "NOTIFICATIONS__MAIL__SENDER": "omero-courier@sandbox.example",
        "NOTIFICATIONS__ADMINISTRATORS": f'["{ADMINISTRATOR}"]',
        "HTTP__PORT": ports["api"],
        "AUDIT__FILE": home.audit_log,
        "HTTP__TOKENS__machine__SHA256": hashlib.sha256(remembered.token.encode()).hexdigest(),
        "HTTP__TOKENS__machine__USERS": '["*"]',
        # Short: who stops a sandbox waits for it.
        "WORKER__DRAIN_SECONDS": 2,
        "WORKER__DIRECTORY": home.worker,
        # Everything here is for the imports: there is nobody for whom they should stand back.
        "WORKER__NICE": 0,
        "CONSOLE__URL": f"http://127.0.0.1:{ports['prefect']}",
        "SEAL_KEYS": f'["{remembered.seal_key}"]',
    }
    values |= changed or {}
    return "".join(f"COURIER_{name}={_quoted(str(value))}\n" for name, value in values.items())


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
