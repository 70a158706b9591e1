"""An import in the plainest omero-py, and a few short words for what tests do often."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import omero
import omero.grid
import omero.model
from omero.callbacks import CmdCallbackI
from omero.rtypes import rbool, rstring

SECONDS = 20
SETTINGS = {"target": "Target", "name": "Name", "description": "Description", "annotations": "AnnotationList"}


def dataset(client: Any, name: str, group: int | None = None) -> Any:
    """A new dataset, unloaded."""
    made = omero.model.DatasetI()
    made.setName(rstring(name))
    context = {} if group is None else {"omero.group": str(group)}
    saved = client.getSession().getUpdateService().saveAndReturnObject(made, context)
    return omero.model.DatasetI(saved.id.val, False)


def project(client: Any, query: str, context: dict[str, str] | None = None, **parameters: Any) -> list[list[Any]]:
    """Plain values of a projection."""
    given = omero.sys.ParametersI()
    for name, value in parameters.items():
        given.add(name, omero.rtypes.wrap(value))
    rows = client.getSession().getQueryService().projection(query, given, context or {})
    return [[omero.rtypes.unwrap(value) for value in row] for row in rows]


def begin(client: Any, paths: Sequence[Path], algorithm: str = "SHA1-160", **settings: Any) -> Any:
    """The process of a new import."""
    fileset = omero.model.FilesetI()
    for path in paths:
        entry = omero.model.FilesetEntryI()
        entry.setClientPath(rstring(str(path)))
        fileset.addFilesetEntry(entry)
    for annotation in settings.pop("fileset_annotations", ()):
        fileset.linkAnnotation(annotation)
    job = omero.model.UploadJobI()
    if reader := settings.pop("reader", None):
        job.setVersionInfo([omero.model.NamedValue("bioformats.reader", reader)])
    fileset.linkJob(job)
    chosen = omero.grid.ImportSettings()
    chosen.doThumbnails, chosen.noStatsInfo = rbool(True), rbool(settings.pop("no_stats", False))
    for name, value in settings.items():
        setattr(chosen, f"userSpecified{SETTINGS[name]}", rstring(value) if isinstance(value, str) else value)
    wanted = omero.model.ChecksumAlgorithmI()
    wanted.setValue(rstring(algorithm))
    repository = client.getManagedRepository()
    chosen.checksumAlgorithm = repository.suggestChecksumAlgorithm([wanted])
    return repository.importFileset(fileset, chosen)


def upload(process: Any, paths: Sequence[Path]) -> list[str]:
    """Send the bytes; the SHA1 of each file."""
    for index, path in enumerate(paths):
        store = process.getUploader(index)
        store.write(path.read_bytes(), 0, path.stat().st_size)
        store.close()
    return [hashlib.sha1(path.read_bytes()).hexdigest() for path in paths]


def response(client: Any, handle: Any) -> Any:
    """What a handle answers at the end."""
    callback = CmdCallbackI(client, handle)
    try:
        assert callback.event.wait(SECONDS)
        return callback.getResponse()
    finally:
        callback.close(True)


def do_import(client: Any, *paths: Path, **settings: Any) -> Any:
    """A whole import; its ImportResponse or ERR."""
    process = begin(client, paths, **settings)
    handle = process.verifyUpload(upload(process, paths))
    process.close()
    return response(client, handle)


def delete(client: Any, kind: str, *ids: int, options: Sequence[Any] = ()) -> Any:
    """Delete2; its response or ERR."""
    request = omero.cmd.Delete2(targetObjects={kind: list(ids)}, childOptions=list(options))
    return response(client, client.getSession().submit(request))


def comment(text: str, namespace: str = "example.org/tests") -> Any:
    """A comment annotation, unsaved."""
    made = omero.model.CommentAnnotationI()
    made.setNs(rstring(namespace))
    made.setTextValue(rstring(text))
    return made
