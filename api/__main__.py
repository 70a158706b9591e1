"""`python -m api`: serves the interface at the address that the settings name."""

import sys

import uvicorn

from api.app import create_app
from flows.core.settings import read_settings


def main() -> int:
    """Serve until stopped."""
    try:
        settings = read_settings()
    except ValueError as wrong:
        sys.stderr.write(f"{wrong}\n")
        return 2
    http = settings.http
    uvicorn.run(create_app(settings), host=http.host, port=http.port, forwarded_allow_ips=list(http.proxies))
    return 0


if __name__ == "__main__":
    sys.exit(main())
