"""Reads from OME-XML which files it speaks of; understands nothing else of it."""

from dataclasses import dataclass, field
from xml.parsers import expat

from flows.core.errors import SourceBroken

_ADVICE = "Export the image again; OME-XML that cannot be read loses channels and physical sizes."


@dataclass
class OmeXml:
    """What one OME-XML block says of files."""

    own_uuid: str = ""
    metadata_file: str = ""
    """The file that holds the real metadata, where this block is only a pointer to it."""
    pixel_files: dict[str, str] = field(default_factory=dict)
    """UUID, or name where there is none, and name of each file that planes are said to be in; a name may be empty."""
    plate: bool = False
    """Its images are those of a plate."""

    def others(self, own_name: str) -> tuple[str, ...]:
        """Return the names of the other files that belong to this image.

        A file that was renamed is known by its UUID (Bio-Formats: OMETiffReader.initFile). A block without a UUID
        of its own, which speaks of one file only, speaks of the file that it is in.
        """
        if self.metadata_file:
            return (self.metadata_file,)
        if not self.own_uuid and len(self.pixel_files) == 1:
            return ()
        return tuple(
            name or uuid for uuid, name in self.pixel_files.items() if uuid != self.own_uuid and name != own_name
        )


def looks_like_ome_xml(description: bytes) -> bool:
    """Say whether a TIFF's description is OME-XML."""
    head = description[:10_000].lstrip()
    return head.startswith((b"<", b"\xef\xbb\xbf<")) and (b"<OME" in head or b":OME" in head)


def read_ome_xml(text: bytes) -> OmeXml:
    """Parse a block of OME-XML.

    Raises:
        SourceBroken: it is no well-formed XML, or declares entities, which OME-XML never does.
    """
    reader = _Reader()
    try:
        reader.parser.Parse(text.strip(), True)
    except (expat.ExpatError, ValueError, LookupError) as broken:
        raise SourceBroken(f"Its OME-XML cannot be read: {broken}.", advice=_ADVICE) from broken
    return reader.found


class _Reader:
    """Collects while the parser goes through the text."""

    def __init__(self) -> None:
        self.found = OmeXml()
        self._file_name: str | None = None
        self._text = ""
        self.parser = expat.ParserCreate()
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._characters
        self.parser.EntityDeclHandler = self._refuse

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        match tag.rpartition(":")[2]:
            case "OME":
                self.found.own_uuid = attributes.get("UUID", "")
            case "Plate":
                self.found.plate = True
            case "BinaryOnly":
                self.found.metadata_file = attributes.get("MetadataFile", "a companion file")
            case "UUID":
                self._file_name, self._text = attributes.get("FileName", ""), ""

    def _characters(self, text: str) -> None:
        if self._file_name is not None:
            self._text += text

    def _end(self, tag: str) -> None:
        if self._file_name is not None and tag.rpartition(":")[2] == "UUID":
            self.found.pixel_files[self._text.strip() or self._file_name] = self._file_name
            self._file_name = None

    def _refuse(self, *_declaration: object) -> None:
        raise SourceBroken("Its OME-XML declares entities.", advice=_ADVICE)
