"""`python -m deployments.sandbox.understudy --data DIR`: runs until SIGINT or SIGTERM.

Prints one line of JSON when it is ready: host, port, ssl_port, control, pid.
"""

import json
import logging
import os
import signal
import sys
import threading

from deployments.sandbox.understudy.control_server import ControlServer
from deployments.sandbox.understudy.options import parse
from deployments.sandbox.understudy.server import Server


def main(arguments: list[str] | None = None) -> int:
    """Run, and stop in order."""
    options = parse(arguments)
    logging.basicConfig(level=options.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    server = Server(options)
    control = ControlServer(server.house, options.control_port)
    server.start()
    control.start()
    port, ssl_port = server.ports
    ready = {"host": options.host, "port": port, "ssl_port": ssl_port, "control": control.url, "pid": os.getpid()}
    print(json.dumps(ready), flush=True)
    stopped.wait()
    control.stop()
    server.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
