"""Ends, for Prefect, the runs that died with the last sandbox: they would keep their places in the work pool."""

import sys

import httpx

_RUNNING = {"flow_runs": {"state": {"type": {"any_": ["PENDING", "RUNNING", "CANCELLING"]}}}}
_CRASHED = {"type": "CRASHED", "message": "The sandbox was stopped while this ran."}


def main(prefect: str) -> None:
    """Mark them Crashed; `prefect` is the address of Prefect's API."""
    with httpx.Client(base_url=prefect, trust_env=False, timeout=30) as client:
        while lost := client.post("/flow_runs/filter", json=_RUNNING).raise_for_status().json():
            for run in lost:
                state = {"state": _CRASHED, "force": True}
                client.post(f"/flow_runs/{run['id']}/set_state", json=state).raise_for_status()
                print(f"{run['name']}: was {run['state_name']}, is Crashed", flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
