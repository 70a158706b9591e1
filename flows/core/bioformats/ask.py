"""Asks Bio-Formats about files, and puts its answers into our words and types."""

import base64
import posixpath
import re
from functools import cache
from typing import Any

from flows.core.bioformats.answers import Grouped, Images, Plane, Size
from flows.core.bioformats.java import Command, Java
from flows.core.bioformats.locate import located
from flows.core.control import Control, Uncontrolled
from flows.core.errors import SourceBroken, SourceError, SourceIncomplete
from flows.core.settings import BioFormats as BioFormatsSettings

_PATH = re.compile(r"/[^\s:;,'\"()\[\]]+")
_LONGEST_REASON = 300
_LACKING = "A file that it names is not there, or lies where you may not import from"


@cache
def bioformats_of(settings: BioFormatsSettings) -> "BioFormats | None":
    """Return what answers for these settings in this process, always the same; None where it is not installed.

    So everything that a run asks costs one start of Java.
    """
    found = located(settings)
    if found is None:
        return None
    command = Command(*found, heap=settings.heap, idle=settings.idle)
    return BioFormats(Java(command, settings.timeout))


class BioFormats:
    """What Bio-Formats says of files. Every call may raise what `Java.ask` raises."""

    def __init__(self, java: Java) -> None:
        """Take the process that knows."""
        self._java = java

    def close(self) -> None:
        """End the process; the next question starts it again."""
        self._java.close()

    @property
    def pid(self) -> int | None:
        """Return the process's number; None where there is none at the moment."""
        return self._java.pid

    def group(self, path: str, control: Control | None = None) -> Grouped | None:
        """Return which files belong with this one; None where Bio-Formats does not know what it is.

        The files that it names are judged by nobody here.

        Raises:
            SourceError: it knows the format, but cannot read the file, or finds others missing.
        """
        answer = self._ask(path, control, "group", path)
        if answer is None:
            return None
        files = list(dict.fromkeys(answer["files"])) or [path]
        opens = [each for each in answer["openers"] if each in files]
        first = opens[0] if opens else path if path in files else files[0]
        return Grouped(
            reader=answer["reader"],
            format=answer["format"],
            files=(first, *sorted(set(files) - {first})),
            opens=tuple(opens),
            images=answer["images"],
            resolutions=answer["resolutions"],
            plate=answer["plate"],
        )

    def images(self, path: str, control: Control | None = None) -> Images | None:
        """Return what is in a file or in the set that it opens; None where Bio-Formats does not know what it is.

        Raises:
            SourceError: as above.
        """
        answer = self._ask(path, control, "images", path)
        if answer is None:
            return None
        sizes = (Size(*(each[key] for key in ("x", "y", "z", "c", "t", "type", "order"))) for each in answer["images"])
        return Images(answer["reader"], answer["format"], tuple(sizes), answer["xml"])

    def read_through(self, path: str, control: Control | None = None) -> int:
        """Read planes, 16 MiB of them and the last of each image, and return how many it were.

        Raises:
            SourceError: one cannot be read.
        """
        answer = self._known(path, self._ask(path, control, "planes", path))
        return int(answer["read"])

    def plane(self, path: str, series: int, z: int, c: int, t: int) -> Plane:
        """Return the pixels of one plane.

        Raises:
            SourceError: it cannot be read.
        """
        answer = self._known(path, self._ask(path, None, "plane", path, *map(str, (series, z, c, t))))
        return Plane(
            answer["type"],
            "<" if answer["little"] else ">",
            answer["x"],
            answer["y"],
            base64.b64decode(answer["pixels"]),
        )

    def parents(self, reader: str, paths: list[str]) -> int:
        """Return how many folders above the common one a reader needs, that one included (getRequiredDirectories).

        Raises:
            SourceError: there is no such reader, or it cannot say.
        """
        answer = self._known(reader, self._ask(reader, None, "parents", reader, *paths))
        return int(answer["parents"])

    def _ask(self, which: str, control: Control | None, what: str, *about: str) -> dict[str, Any] | None:
        answer = self._java.ask(which, control or Uncontrolled(), what, *about)
        if answer.get("failed") == "unknown":
            return None
        if "failed" in answer:
            raise _refusal(which, answer)
        return answer

    def _known(self, which: str, answer: dict[str, Any] | None) -> dict[str, Any]:
        if answer is None:
            raise SourceBroken("Bio-Formats does not know what it is.", which=which)
        return answer


def _refusal(which: str, answer: dict[str, Any]) -> SourceError:
    """Put a failure into words. Of files elsewhere it is not said whether they exist: names in metadata may be any."""
    message = " ".join(str(answer["message"]).split()).replace(f"{posixpath.dirname(which)}/", "")
    named = _PATH.findall(message)
    if answer["failed"] == "missing" or named:
        about = posixpath.basename(named[0] if named else message.removesuffix(" (No such file or directory)"))
        return SourceIncomplete(f"{_LACKING}: {about[:_LONGEST_REASON]}.", which=which)
    what = message if message != "null" else str(answer["error"]).rpartition(".")[2]
    return SourceBroken(f"Bio-Formats cannot read it: {what[:_LONGEST_REASON].rstrip('.')}.", which=which)
