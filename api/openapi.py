"""Makes the OpenAPI document say what is so here: examples that can be pasted, errors as problem documents."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api.problems import MEDIA_TYPE
from flows.core.settings import Settings

USER = "alice"


def describe(app: FastAPI, settings: Settings) -> None:
    """Give the application its OpenAPI document."""
    examples = _examples(settings)

    def document() -> dict[str, Any]:
        if not app.openapi_schema:
            made = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
            for path, methods in made["paths"].items():
                for method, operation in methods.items():
                    _finish(operation, examples.get((method, path)), smuggler=path.startswith(("/ome/", "/omero/")))
            app.openapi_schema = made
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


def _finish(operation: dict[str, Any], example: object, *, smuggler: bool) -> None:
    kind, schema = ("application/json", "Reason") if smuggler else (MEDIA_TYPE, "ProblemDocument")
    for status, answer in operation["responses"].items():
        if status == "4XX":
            answer["content"] = {kind: {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    if example is not None:
        operation["requestBody"]["content"]["application/json"]["example"] = example


def _examples(settings: Settings) -> dict[tuple[str, str], object]:
    """Bodies by method and path; their folders are those of the first root."""
    root = str(next((root.path for root in settings.roots.values()), "/data/{user}"))
    folder = f"{root.replace('{user}', USER)}/today"
    wanted = {
        "sources": [folder],
        "target": "Project:name:Mitosis/Dataset:name:First",
        "key_values": {"Cell line": "HeLa"},
    }
    server = next(iter(settings.servers.values()))
    at = {"omeroHost": server.host, "omeroPort": str(server.port)}
    batch = {"experimenterEmail": f"{USER}@example.org", "targetUri": f"file://{folder}", **at, "sessionKey": "..."}
    bulk = {"text": "path: files.txt", "folder": folder, "files": {"files.txt": "cells.ome.tiff"}}
    return {
        ("post", "/ome/import"): [batch],
        ("post", "/omero/session/create"): {**at, "username": USER, "password": USER, "keepAliveDuration": "600000"},
        ("post", "/v1/imports"): wanted,
        ("post", "/v1/imports/preview"): wanted,
        ("post", "/v1/imports/bulk"): bulk,
        ("post", "/v1/imports/bulk/preview"): bulk,
        ("post", "/v1/imports/{import_id}/retry"): {"what": "failed"},
        ("post", "/v1/sweeps/{name}/runs"): {"dry_run": True},
        ("post", "/v1/sweeps/{name}/release"): {"path": folder},
        ("post", "/v1/sessions"): {"user": USER, "password": USER},
    }
