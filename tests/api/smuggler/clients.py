"""Smuggler's real clients, as far as a server sees them: its own scripts, and OMERO.insight's offline import.

Nothing of theirs is here; they do what theirs were found to do: the same calls of curl, the same JSON and headers.
(ome/omero-ms-queue: components/server/src/test/scripts; ome/omero-insight: OfflineImportRequestBuilder, BasicChannel,
svc/proxy/ImportRequest and ImportReply, OmeroSessionServiceImpl)
"""

import json
import os
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

JSON_ONLY = ("-H", "Accept: application/json")
JSON_BOTH = (*JSON_ONLY, "-H", "Content-Type: application/json")


@dataclass(frozen=True)
class Scripts:
    """The scripts of Smuggler's repository, run in bash by somebody whose home may hold a `.curlrc`."""

    address: str
    home: Path

    def request_create_session(self, body: dict[str, Any]) -> Any:
        return json.loads(self._curl(*JSON_BOTH, "-d", self._file(body), f"{self.address}//omero/session/create"))

    def request_import(self, body: list[Any]) -> Any:
        return json.loads(self._curl(*JSON_BOTH, "-d", self._file(body), f"{self.address}/ome/import"))

    def get(self, path: str) -> str:
        return self._curl(f"{self.address}{path}")

    def delete(self, path: str) -> str:
        return self._curl("-X", "DELETE", f"{self.address}{path}")

    def list_failed_imports(self) -> Any:
        return json.loads(self._curl(*JSON_ONLY, f"{self.address}/ome/failed/import"))

    def list_failed_mail(self) -> Any:
        return json.loads(self._curl(*JSON_ONLY, f"{self.address}/ome/failed/mail"))

    def _file(self, body: Any) -> str:
        file = self.home / "body.json"
        file.write_text(json.dumps(body, indent=4))
        return f"@{file}"

    def _curl(self, *arguments: str) -> str:
        environment = {"HOME": str(self.home), "PATH": os.environ["PATH"], "NO_PROXY": "*"}
        command = ["bash", "-c", 'curl -v "$@"', "curl", *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=True)
        return done.stdout


def insight_request(
    path: str,
    *,
    user: str,
    omero: tuple[str, int | None],
    key: str,
    dataset: int | None = None,
    screen: int | None = None,
    tag: int | None = None,
) -> dict[str, Any]:
    """What Insight says of a file: an absolute path, numbers as texts, and nothing of what it does not know.

    It knows the port of OMERO only where its user wrote it behind the server's name.
    """
    host, port = omero
    numbers = {"omeroPort": port, "datasetId": dataset, "screenId": screen}
    return {
        "experimenterEmail": f"{user}@sandbox.example",
        "targetUri": path,
        "omeroHost": host,
        "sessionKey": key,
        **{name: str(number) for name, number in numbers.items() if number is not None},
        **({} if tag is None else {"annotationIds": [str(tag)]}),
    }


def insight_submits(url: str, batch: list[dict[str, Any]]) -> int:
    """Send a batch as Apache's HttpClient does for Insight, which expects a 100 before the body; return the status."""
    at = urlsplit(url)
    body = json.dumps(batch, separators=(",", ":")).replace("'", "\\u0027").replace("=", "\\u003d").encode()
    head = "\r\n".join(
        [
            f"POST {at.path} HTTP/1.1",
            "Accept: application/json",
            "Content-type: application/json",
            f"Content-Length: {len(body)}",
            f"Host: {at.netloc}",
            "Connection: Keep-Alive",
            "User-Agent: Apache-HttpClient/4.5.13 (Java/1.8.0_302)",
            "Expect: 100-Continue",
            "Accept-Encoding: gzip,deflate",
        ]
    )
    with socket.create_connection((at.hostname, at.port), timeout=60) as connection:
        connection.sendall(f"{head}\r\n\r\n".encode())
        answers = connection.makefile("rb")
        assert _status(answers.readline()) == 100
        assert answers.readline() == b"\r\n"
        connection.sendall(body)
        return _status(answers.readline())


def _status(line: bytes) -> int:
    return int(line.split()[1])
