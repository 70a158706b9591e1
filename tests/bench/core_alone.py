"""Imports what a request names through the core's stages, as the flow does but without Prefect, and tells its CPU time.

The request comes through standard input, the settings from the environment.
"""

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

from flows.core import pipeline
from flows.core.job import Chunk, Job
from flows.core.requests import ImportRequest
from flows.core.settings import read_settings


def main() -> None:
    """Import everything, and write the seconds of CPU that took: a run's process has no start of its own either."""
    began = time.process_time()
    request = ImportRequest.model_validate_json(sys.stdin.read())
    with Job(str(uuid4()), request, read_settings()) as job:

        def bring_in(chunk: Chunk) -> None:
            for stage in (pipeline.verify, pipeline.transfer, pipeline.bring_in):
                if (failed := stage(job, chunk)) is not None:
                    raise RuntimeError(failed)

        with ThreadPoolExecutor(job.server.filesets_per_run + 1) as pool:
            list(pool.map(bring_in, pipeline.prepare(job)))
    json.dump({"cpu": time.process_time() - began}, sys.stdout)


if __name__ == "__main__":
    main()
