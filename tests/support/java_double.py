"""Stands in for Java and OMERO's importer at the process boundary: this program is the `java` of the tests.

No OMERO.java can be had where the tests run. What is real: omero-py's own `omero import`, which makes the command line,
and the import itself, over Ice into the stand-in for OMERO. What is made here after omero-blitz: what
CommandLineImporter, ImportLibrary and LoggingImportMonitor print and how they exit. It can be told to misbehave.
"""

import hashlib
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import Ice
import omero
import omero.clients
from omero.model import ChecksumAlgorithmI, DatasetI, FilesetEntryI, FilesetI, NamedValue, ScreenI, UploadJobI
from omero.rtypes import rbool, rstring

sys.path.append(str(Path(__file__).parents[2]))
from tests.support.java_arguments import arguments_in

HOME = Path(sys.argv[1])
"""Where its behaviour is read from, and where it notes down how it was called."""
MAIN = "ome.formats.importer.cli.CommandLineImporter"
LIMIT = 90.0
"""Seconds that it hangs at most, should nobody end it."""
OUT_OF_MEMORY = "Terminating due to java.lang.OutOfMemoryError: Java heap space"
USAGE = "\n Usage:  importer-cli [OPTION]... [path [path ...]]... "
LONG = {"--output", "--name", "--description", "--encrypted", "--debug"}


def say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def put(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def event(text: str) -> None:
    """As the log that the courier configures prints it."""
    say(f"INFO  LoggingImportMonitor - {text}")


class Behaviour:
    """What it was told to do wrong; each only in as many of its lives as was said."""

    def __init__(self) -> None:
        file = HOME / "behaviour.json"
        told = json.loads(file.read_text()) if file.exists() else {}
        self._told = told if told.get("times", 1) else {}
        if "times" in told:
            file.write_text(json.dumps({**told, "times": max(told["times"] - 1, 0)}))

    def get(self, name: str) -> Any:
        return self._told.get(name)

    def reach(self, place: str) -> None:
        """Do what was told for this place."""
        if self._told.get("at") != place:
            return
        if self._told.get("stubborn"):
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if words := self._told.get("say"):
            say(words)
        if words := self._told.get("print"):
            put(words)
        (HOME / "reached").write_text(str(os.getpid()))
        if self._told.get("hang"):
            time.sleep(LIMIT)
        if number := self._told.get("signal"):
            os.kill(os.getpid(), number)
        if (status := self._told.get("status")) is not None:
            sys.stdout.flush()
            os._exit(status)


class Call:
    """Its command line, taken apart."""

    def __init__(self, command: list[str]) -> None:
        self.virtual_machine = command[: command.index(MAIN)]
        self.options: dict[str, str] = {}
        self.paths: list[str] = []
        rest = iter(command[command.index(MAIN) + 1 :])
        for each in rest:
            name, given, value = each.partition("=")
            if each.startswith("--"):
                self.options[name] = value if given else next(rest) if name in LONG else ""
            elif each == "-f":
                self.options[each] = ""
            elif each.startswith("-"):
                self.options[each] = next(rest)
            else:
                self.paths.append(each)


def main() -> int:
    (at_file,) = sys.argv[2:]
    command = arguments_in(Path(at_file.removeprefix("@")).read_text(encoding="utf-8"))
    call, behaviour = Call(command), Behaviour()
    note = {
        "command": command,
        "cwd": str(Path.cwd()),
        "environment": dict(os.environ),
        "cmdline": Path("/proc/self/cmdline").read_bytes().decode().split("\0"),
        "group": os.getpgid(0),
        "pid": os.getpid(),
    }
    with (HOME / "calls.jsonl").open("a") as calls:
        calls.write(json.dumps(note) + "\n")
    say("INFO  ImportConfig - OMERO.blitz Version: 5.8.3")
    behaviour.reach("start")
    if "-f" in call.options:
        return show_files(call, behaviour)
    if not Path(call.paths[0]).exists():
        say(f"ERROR ErrorHandler - UNREADABLE_FILE: {call.paths[0]}\njava.io.FileNotFoundException: {call.paths[0]}")
        say("No imports due to errors!")
        return 0
    if not is_image(Path(call.paths[0])):
        say("No imports found")
        say(USAGE)
        return 1
    return bring_in(call, behaviour)


def is_image(path: Path) -> bool:
    return path.read_bytes()[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def show_files(call: Call, behaviour: Behaviour) -> int:
    put("---")
    for path in call.paths:
        if is_image(Path(path)):
            put(f"- group: {path}\n  spw: false\n  reader: loci.formats.in.OMETiffReader\n  files:")
            for each in (path, *(behaviour.get("extra") or [])):
                put(f"   - {each}")
            found = True
    return 0 if found else 125


def bring_in(call: Call, behaviour: Behaviour) -> int:
    """Import as ImportLibrary.importImage does."""
    client = omero.client(host=call.options["-s"], port=int(call.options["-p"]))
    client.setAgent("OMERO.importer")
    try:
        client.joinSession(call.options["-k"])
        status = uploaded_and_imported(client, call, behaviour)
    except (Ice.Exception, omero.ClientError) as error:
        say(f"ERROR CommandLineImporter - Error during import process.\n{type(error).__name__}: {error}")
        return 2
    client.closeSession()
    return status


def uploaded_and_imported(client: Any, call: Call, behaviour: Behaviour) -> int:
    event("FILESET_UPLOAD_PREPARATION")
    behaviour.reach("preparing")
    files = [call.paths[0], *(behaviour.get("extra") or [])]
    fileset, settings = order(client, call, files)
    process = client.getManagedRepository().importFileset(fileset, settings)
    behaviour.reach("created")
    event("FILESET_UPLOAD_START")
    sums = []
    for index, path in enumerate(files):
        event(f"FILE_UPLOAD_STARTED: {path}")
        sums.append(send(process, index, Path(path), behaviour))
        event(f"FILE_UPLOAD_COMPLETE: {path}")
    behaviour.reach("sent")
    handle = process.verifyUpload(sums)
    process.close()
    event("FILESET_UPLOAD_END")
    event("IMPORT_STARTED Logfile: 99")
    behaviour.reach("importing")
    while (response := handle.getResponse()) is None:
        time.sleep(0.02)
    fileset_id = handle.getRequest().activity.parent.id.val
    handle.close()
    if isinstance(response, omero.cmd.ERR):
        parameters = ", ".join(f"{name}={value}" for name, value in (response.parameters or {}).items())
        say(
            f"ERROR ErrorHandler - INTERNAL_EXCEPTION: {files[0]}\n"
            "java.lang.RuntimeException: Failure response on import!\n"
            f"Category: {response.category}\nName: {response.name}\nParameters: {{{parameters}}}\n"
        )
        return 2
    for number, name in enumerate(
        ("METADATA_IMPORTED", "PIXELDATA_PROCESSED", "THUMBNAILS_GENERATED", "METADATA_PROCESSED", "OBJECTS_RETURNED"),
        1,
    ):
        event(f"{name} Step: {number} of 5  Logfile: 99")
    behaviour.reach("committed")
    event(f"IMPORT_DONE Imported file: {files[0]}")
    behaviour.reach("done")
    if garbage := behaviour.get("garbage"):
        put(garbage)
        return 0
    tell(fileset_id, response)
    say("\n==> Summary\n1 file uploaded, 1 fileset created, 1 image imported, 0 errors in 0:00:01.000")
    return 0


def order(client: Any, call: Call, files: list[str]) -> tuple[Any, Any]:
    fileset, job = FilesetI(), UploadJobI()
    for path in files:
        entry = FilesetEntryI()
        entry.clientPath = rstring(path.lstrip("/").replace(":", ";").replace("\\", "!"))
        fileset.addFilesetEntry(entry)
    job.setVersionInfo([NamedValue("client.language.name", "Java"), NamedValue("omero.version", "5.8.3")])
    fileset.linkJob(job)
    settings = omero.grid.ImportSettings()
    settings.doThumbnails, settings.noStatsInfo = rbool(True), rbool(False)
    for option, kind in (("-d", DatasetI), ("-r", ScreenI)):
        if option in call.options:
            settings.userSpecifiedTarget = kind(int(call.options[option]), False)
    settings.userSpecifiedName = rstring(call.options["--name"]) if "--name" in call.options else None
    told = call.options.get("--description")
    settings.userSpecifiedDescription = rstring(told) if told else None
    algorithm = ChecksumAlgorithmI()
    algorithm.value = rstring("SHA1-160")
    settings.checksumAlgorithm = client.getManagedRepository().suggestChecksumAlgorithm([algorithm])
    return fileset, settings


def send(process: Any, index: int, path: Path, behaviour: Behaviour) -> str:
    data, step = path.read_bytes(), int(behaviour.get("block") or 5_000_000)
    store = process.getUploader(index)
    for offset in range(0, max(len(data), 1), step):
        block = data[offset : offset + step]
        store.write(block, offset, len(block))
        say(
            "DEBUG LoggingImportMonitor - FILE_UPLOAD_BYTES uploaded:"
            f" {offset + len(block)} of: {len(data)} bytes (ETA: 0' 1\")"
        )
        behaviour.reach("sending")
    store.close()
    return hashlib.sha1(data).hexdigest()


def tell(fileset: int, response: Any) -> None:
    """As LoggingImportMonitor.outputYamlResults."""
    say("Imported objects:")
    found: dict[str, list[str]] = {}
    for each in response.objects:
        found.setdefault(type(each).__name__.removesuffix("I"), []).append(str(each.id.val))
    put("---")
    put(f"- Fileset: {fileset}")
    for kind, ids in found.items():
        put(f"  {kind}: [{','.join(ids)}]")


if __name__ == "__main__":
    sys.exit(main())
