"""Uploads one file and says how much memory that took: a process of its own, asked through its standard input."""

import json
import sys
from pathlib import Path

from pydantic import SecretStr

from flows.core.control import Uncontrolled
from flows.core.omero_client import ImportDetails, import_fileset, log_in
from flows.core.settings import OmeroServer
from tests.bench.material import staged


def main() -> None:
    """Read what to upload where, and write the peak of the memory in bytes."""
    asked = json.load(sys.stdin)
    server = OmeroServer(host="127.0.0.1", port=asked["port"])
    with log_in(server, asked["user"], SecretStr(asked["password"])) as session:
        before = peak()
        import_fileset(
            session,
            staged(Path(asked["path"])),
            target=None,
            details=ImportDetails(),
            control=Uncontrolled(),
            run_key="bench/sparse",
        )
    json.dump({"before": before, "peak": peak()}, sys.stdout)


def peak() -> int:
    """Return the most bytes that this process had in memory; getrusage would count its parent's, too."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    main()
