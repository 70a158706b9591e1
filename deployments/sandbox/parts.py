"""What the sandbox consists of: each part's command, what it needs, and how to see that it is ready."""

import subprocess
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import httpx

from deployments.sandbox import postgres
from deployments.sandbox.environment import SERVER
from deployments.sandbox.home import Home
from deployments.sandbox.supervisor import Part
from flows.core import names

PROJECT = Path(__file__).resolve().parents[2]
_PYTHON = (sys.executable, "-m")
_PROBE_SECONDS = 2.0


def all_parts(home: Home, ports: Mapping[str, int], sockets: Path) -> list[Part]:
    """Return the parts, in the order in which they are shown."""
    return [
        *_database(home, sockets),
        _mail_sink(home, ports),
        _omero(home, ports),
        _prefect(home, ports, sockets),
        _api(home, ports),
        _deployments(home),
        _lost_runs(home, ports),
        _worker(home, ports, "worker", names.pool_of(SERVER)),
        _worker(home, ports, "housekeeper", names.COURIER_POOL),
    ]


def _database(home: Home, sockets: Path) -> list[Part]:
    log = home.logs / "postgresql.log"
    steps = []
    if not (home.postgres / "PG_VERSION").exists():
        steps = [Part("new database", postgres.initialise(home.postgres), log=home.logs / "initdb.log")]
    probe = postgres.is_ready(sockets)
    server = Part(
        "database",
        postgres.serve(home.postgres, sockets),
        needs=tuple(step.name for step in steps),
        ready=lambda: subprocess.run(probe, check=False).returncode == 0,
        log=log,
        stop_signal=postgres.FAST_SHUTDOWN,
    )
    return [*steps, server]


def _mail_sink(home: Home, ports: Mapping[str, int]) -> Part:
    log = home.logs / "mail-sink.log"
    command = (*_PYTHON, "deployments.sandbox.mail_sink", str(home.mails), str(ports["smtp"]))
    return Part("mail sink", command, ready=lambda: "keeping mails" in log.read_text(), log=log)


def _omero(home: Home, ports: Mapping[str, int]) -> Part:
    log = home.logs / "omero-stand-in.log"
    command = (
        *(*_PYTHON, "deployments.sandbox.understudy", "--data", str(home.omero)),
        *("--port", str(ports["omero"]), "--ssl-port", str(ports["omero_ssl"])),
        *("--control-port", str(ports["omero_control"]), "--users", str(home.users)),
    )
    return Part("OMERO stand-in", command, ready=lambda: '"ssl_port"' in log.read_text(), log=log)


def _prefect(home: Home, ports: Mapping[str, int], sockets: Path) -> Part:
    return Part(
        "Prefect server",
        (*_PYTHON, "deployments.prefect_server"),
        needs=("database",),
        ready=_answers(f"http://127.0.0.1:{ports['prefect']}/api/ready"),
        log=home.logs / "prefect-server.log",
        environment={
            "PREFECT_SERVER_API_HOST": "127.0.0.1",
            "PREFECT_SERVER_API_PORT": str(ports["prefect"]),
            "PREFECT_SERVER_DATABASE_CONNECTION_URL": postgres.url(sockets),
        },
    )


def _api(home: Home, ports: Mapping[str, int]) -> Part:
    """Started at once, since loading it takes as long as Prefect does; ready once it finds Prefect and OMERO."""
    where = ("--host", "127.0.0.1", "--port", str(ports["api"]))
    return Part(
        "API",
        (*_PYTHON, "uvicorn", "--factory", "api.app:create_app", *where),
        needs=("OMERO stand-in",),
        ready=_answers(f"http://127.0.0.1:{ports['api']}/health/ready"),
        log=home.logs / "api.log",
    )


def _deployments(home: Home) -> Part:
    command = (*_PYTHON, "deployments.deploy")
    return Part("deployments", command, needs=("Prefect server",), log=home.logs / "deploy.log")


def _lost_runs(home: Home, ports: Mapping[str, int]) -> Part:
    command = (*_PYTHON, "deployments.sandbox.lost_runs", f"http://127.0.0.1:{ports['prefect']}/api")
    return Part("lost runs", command, needs=("Prefect server",), log=home.logs / "lost-runs.log")


def _worker(home: Home, ports: Mapping[str, int], name: str, pool: str) -> Part:
    return Part(
        name,
        (*_PYTHON, "deployments.worker", "--pool", pool, "--name", f"sandbox-{name}"),
        needs=("deployments", "lost runs", "Prefect server", "OMERO stand-in", "mail sink"),
        ready=_worker_polls(f"http://127.0.0.1:{ports['prefect']}/api", pool),
        log=home.logs / f"{name}.log",
        may_end=True,
    )


def _answers(url: str) -> Callable[[], bool]:
    def probe() -> bool:
        try:
            return httpx.get(url, timeout=_PROBE_SECONDS, trust_env=False).is_success
        except httpx.TransportError:
            return False

    return probe


def _worker_polls(prefect: str, pool: str) -> Callable[[], bool]:
    """Prefect remembers workers of earlier starts: only a later sign of life counts."""
    since = datetime.now(UTC)

    def probe() -> bool:
        asked = httpx.post(
            f"{prefect}/work_pools/{pool}/workers/filter", json={}, timeout=_PROBE_SECONDS, trust_env=False
        )
        return any(datetime.fromisoformat(each["last_heartbeat_time"]) > since for each in asked.json())

    return probe
