"""`python -m deployments.sandbox up|demo`: the whole courier on one machine, or a story told with it."""

import argparse
import math
import os
import subprocess
import sys
from pathlib import Path

from deployments.sandbox.home import Home, SandboxBusy
from deployments.sandbox.parts import PROJECT
from deployments.sandbox.run import Wishes, run
from deployments.sandbox.supervisor import Part


def main(arguments: list[str]) -> int:
    """Do what is asked and return the exit status."""
    asked = _parse(arguments)
    home = Home(asked.data)
    # The project's modules are found from its root.
    os.chdir(PROJECT)
    story = None
    if asked.what == "demo":
        command = (sys.executable, "-m", "deployments.sandbox.demo", str(home.data))
        if home.running():
            print(f"A sandbox runs on {home.data} already: the story is told there.")
            return subprocess.run(command, check=False).returncode
        story = Part("demo", command, patience=math.inf)
    try:
        return run(home, Wishes(asked.for_tests, asked.restart, dict(asked.set)), story=story)
    except SandboxBusy as busy:
        print(busy, file=sys.stderr)
        return 1


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m deployments.sandbox", description=__doc__)
    parser.add_argument("what", choices=("up", "demo"), help="up: keep it running. demo: tell the story and stop.")
    parser.add_argument("--data", type=Path, default=PROJECT / ".sandbox", help="directory that holds everything")
    parser.add_argument("--for-tests", action="store_true", help="any ports, secret passwords, ends with its parent")
    parser.add_argument("--restart", action="store_true", help="start parts again that die (docs/faults.md)")
    parser.add_argument(
        "--set", action="append", type=_setting, default=[], metavar="NAME=VALUE", help="a setting, without COURIER_"
    )
    return parser.parse_args(arguments)


def _setting(text: str) -> tuple[str, str]:
    name, given, value = text.partition("=")
    if not given:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
