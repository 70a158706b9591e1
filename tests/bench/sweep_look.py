"""Looks at a watched folder once, and says how long it took and how large it grew: asked through its standard input."""

import json
import sys
import time
from pathlib import Path

from flows.core.control import Uncontrolled
from flows.core.requests import Fileset
from flows.core.settings import Verification
from flows.core.sweep.definition import SweepDefinition
from flows.core.sweep.look import look
from flows.core.sweep.memory import Memory
from flows.core.sweep.verdicts import Assignment
from flows.core.verify.settle import Clock
from tests.bench.sparse_client import peak


class ByFolder:
    """Files are of the user that their uppermost folder is named after."""

    def __init__(self, root: str) -> None:
        self._root = root

    def assign(self, fileset: Fileset) -> Assignment:
        """Take the folder's name."""
        return Assignment(user=fileset.files[0].client_path[len(self._root) + 1 :].partition("/")[0])

    def has_sidecar(self, folder: str) -> bool:
        """None are looked for."""
        return False


def main() -> None:
    """Look, and write what was found, the seconds and the bytes."""
    asked = json.load(sys.stdin)
    definition = SweepDefinition(root=Path(asked["root"]), assign={"path": "{user}/{project}/{dataset}"})
    began = time.perf_counter()
    with Memory.opened(Path(asked["memory"])) as memory:
        found = look(
            definition,
            assigner=ByFolder(asked["root"]),
            memory=memory,
            verification=Verification(),
            control=Uncontrolled(),
            clock=Clock(now=lambda: asked["now"]),
        )
    took = time.perf_counter() - began
    json.dump({"seconds": took, "peak": peak(), "counts": found.counts, "files": found.files}, sys.stdout)


if __name__ == "__main__":
    main()
