"""The sandbox that faults are tried in: parts that die are started again, and everything that waits waits seconds."""

from collections.abc import Mapping

from deployments.sandbox.home import Running
from tests.support.sandbox import SandboxProcess

QUICK: Mapping[str, object] = {
    "SERVERS__sandbox__RUNS": 3,
    "SERVERS__sandbox__CONNECT_TIMEOUT": 3,
    "SERVERS__sandbox__CALL_TIMEOUT": 8,
    "VERIFICATION__SETTLE_SECONDS": 1,
    "STAGING__KEEP_FREE": 1_000_000,
    "RETRIES__MINUTES": [0.1, 0.1, 0.2, 0.2, 0.3, 0.3, 0.5, 0.5, 1, 1],
    "RETRIES__CRASH_SECONDS": 1,
    "WORKER__LIMIT": 8,
    "WORKER__DRAIN_SECONDS": 5,
    "UPKEEP__INTERVAL": 30,
    "UPKEEP__SILENCE": 60,
}
"""Settings of the courier. What takes minutes and days in the field takes seconds here."""


def start(sandbox: SandboxProcess, **changed: object) -> Running:
    """Start a sandbox so that faults can be tried in it; further settings of the courier as keywords."""
    settings = {**QUICK, **changed}
    return sandbox.start(
        "--restart", *(word for name, value in settings.items() for word in ("--set", f"{name}={value}"))
    )
