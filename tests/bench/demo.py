"""How long `make demo` takes where everything is installed."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.bench.figures import Figure, Sizes, seconds
from tests.bench.rigs import PROJECT


def measure(_sizes: Sizes, folder: Path) -> Iterator[Figure]:
    """Run it once, in a directory of its own."""
    log = folder / "demo.log"

    def demo() -> None:
        with log.open("wb") as output:
            command = ["make", "demo", f"DATA={folder / 'sandbox'}"]
            done = subprocess.run(command, cwd=PROJECT, stdout=output, stderr=output, check=False)
        if done.returncode:
            raise RuntimeError(f"make demo ended with {done.returncode}: {log.read_text()[-3000:]}")

    took = seconds(demo)
    yield Figure("demo: the whole story", took, "s", None, 90, {"make demo": [took]})
