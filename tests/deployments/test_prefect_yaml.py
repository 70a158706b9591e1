from pathlib import Path
from typing import Any

import yaml
from cryptography.fernet import Fernet

from deployments.plan import PlannedDeployment, plan
from flows.core.settings import OmeroServer, Settings

PROJECT = Path(__file__).resolve().parents[2]


def test_the_default_set_is_what_make_deploy_makes_for_a_server_named_main() -> None:
    settings = Settings(servers={"main": OmeroServer(host="omero.example.org")}, seal_keys=[Fernet.generate_key()])

    written = yaml.safe_load((PROJECT / "prefect.yaml").read_text())["deployments"]

    assert written == [_as_written(each) for each in plan(settings).deployments]


def _as_written(planned: PlannedDeployment) -> dict[str, Any]:
    schedules = [{"interval": planned.every, "slug": "rounds"}]
    return {
        "name": planned.name,
        "entrypoint": planned.entrypoint,
        "tags": list(planned.tags),
        "work_pool": {
            "name": planned.pool,
            "work_queue_name": planned.queue,
            "job_variables": planned.job_variables,
        },
        **({"schedules": schedules} if planned.every else {}),
    }
