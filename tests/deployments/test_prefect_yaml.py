from pathlib import Path

import yaml

from deployments.deploy import ENTRYPOINT, plan
from flows.core.settings import OmeroServer

PROJECT = Path(__file__).resolve().parents[2]


def test_the_default_set_is_what_make_deploy_makes_for_a_server_named_main() -> None:
    written = yaml.safe_load((PROJECT / "prefect.yaml").read_text())["deployments"]
    planned = plan({"main": OmeroServer(host="omero.example.org")})

    assert written == [
        {
            "name": each.server,
            "entrypoint": ENTRYPOINT,
            "tags": each.tags,
            "work_pool": {
                "name": each.pool,
                "work_queue_name": "people",
                "job_variables": each.job_variables,
            },
        }
        for each in planned
    ]
