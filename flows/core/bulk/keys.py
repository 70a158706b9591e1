"""What the keys of OMERO's bulk files mean here: each is followed, told of as not followed, or refused.

They are the options of OMERO's command line, and a few of the file's own (omero-py: omero.plugins.import, parse_bulk).
"""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints, field_validator

from flows.core.requests import AfterImport, Name, Placement, TargetText
from flows.core.values import Frozen

Id = Annotated[int, Field(ge=1)]
Description = Annotated[str, StringConstraints(max_length=10_000)]
Named = Annotated[str, StringConstraints(min_length=1, max_length=4096)]


class BulkFile(Frozen):
    """The keys of a bulk file that are followed; the others stand beside them, unread."""

    model_config = ConfigDict(frozen=True, extra="allow", hide_input_in_errors=True)

    include: Named | None = None
    path: Named | None = None
    columns: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    dry_run: bool | str | None = None
    f: bool | str | None = None
    name: Name | None = None
    plate_name: Name | None = None
    description: Description | None = None
    plate_description: Description | None = None
    target: TargetText | None = None
    d: Id | None = None
    r: Id | None = None
    group: Name | None = None
    transfer: str | None = None
    annotation_ns: Annotated[str, StringConstraints(min_length=1, max_length=255)] | None = None
    annotation_text: Annotated[str, StringConstraints(min_length=1)] | None = None
    annotation_link: Id | None = None

    @field_validator("transfer")
    @classmethod
    def _can_be_followed(cls, way: str | None) -> str | None:
        if way is not None and way not in TRANSFERS:
            why = NO_TRANSFERS.get(way, f"{way!r} is no way to transfer that the courier knows")
            raise ValueError(f"{why}; there are: {', '.join(TRANSFERS)}")
        return way

    @property
    def is_dry(self) -> bool:
        """Whether nothing is to be imported."""
        return any(each is not None and str(each).lower() != "false" for each in (self.dry_run, self.f))


TRANSFERS: dict[str, tuple[Placement, AfterImport | None]] = {
    "upload": (Placement.UPLOAD, None),
    "ln_s": (Placement.LN_S, None),
    "ln": (Placement.LN, None),
    "cp": (Placement.CP, None),
    "upload_rm": (Placement.UPLOAD, AfterImport.DELETE),
    "cp_rm": (Placement.CP, AfterImport.DELETE),
}
"""What `transfer` asks for: how files get there, and what becomes of them."""
NO_TRANSFERS = {
    "ln_rm": "with 'ln_rm' the only name of the file would be the one in OMERO's repository, which is never done here",
    "ln_s_rm": "with 'ln_s_rm' what OMERO reads would be taken away",
}

Both = Literal["name", "description", "target"]
SAME: dict[str, Both] = {
    "name": "name",
    "plate_name": "name",
    "description": "description",
    "plate_description": "description",
    "target": "target",
    "d": "target",
    "r": "target",
}
"""Keys that may differ from file to file, by what they say."""

_ADMINISTRATORS = "the administrator's settings decide on that"
_LOGS = "the courier keeps its own log, which you find with the import"
_LOGIN = "you are logged in already, and that counts"
_SECRET = "it is not needed; take it out, since whoever reads the file has it"  # noqa: S105 - no password
_OME = "nothing is sent to the OME team; who is told stands in `notify`"
_GOES_ON = "each file stands for itself: what fails is told of, and the others are imported"
_ALWAYS = "OMERO makes thumbnails and statistics of every image"
TOLD: dict[str, str] = {
    "continue": _GOES_ON,
    "c": _GOES_ON,
    "skip": f"checksums are always compared, and {_ALWAYS}",
    "exclude": "what you have in OMERO already, by its content, is not imported again but put into the target;"
    " `duplicates` decides on that",
    "checksum_algorithm": f"{_ADMINISTRATORS}; checksums are always compared",
    "parallel_upload": _ADMINISTRATORS,
    "parallel_fileset": _ADMINISTRATORS,
    "encrypted": _ADMINISTRATORS,
    "no_stats_info": _ALWAYS,
    "no_thumbnails": _ALWAYS,
    "no_upgrade_check": "nothing is asked for upgrades",
    "depth": "folders are looked through to the bottom",
    "report": _OME,
    "upload": _OME,
    "logs": _OME,
    "email": _OME,
    "qa_baseurl": _OME,
    "file": _LOGS,
    "errs": _LOGS,
    "logprefix": _LOGS,
    "logback": _LOGS,
    "JAVA_DEBUG": _LOGS,
    "quiet": _LOGS,
    "output": "the answer is this one",
    "clientdir": _ADMINISTRATORS,
    "server": f"{_LOGIN}; another server is named in the request",
    "port": f"{_LOGIN}; another server is named in the request",
    "user": f"{_LOGIN}; another user is named in `on_behalf_of`",
    "sudo": f"{_LOGIN}; another user is named in `on_behalf_of`",
    "create": _LOGIN,
    "password": _SECRET,
    "key": _SECRET,
}
"""Keys that are not followed without harm, and why."""
_NO_IMPORT = "it is no wish of an import"
REFUSED: dict[str, str] = {
    "readers": "the courier asks Bio-Formats with all its readers: leave it out",
    "bulk": "one bulk file cannot name another so: write include",
    "fetch_jars": _NO_IMPORT,
    "advanced_help": _NO_IMPORT,
    "javahelp": _NO_IMPORT,
}
"""Keys with which the import would be another one than was meant, and why."""
FOLLOWED = tuple(BulkFile.model_fields)
KNOWN = (*FOLLOWED, *TOLD, *REFUSED)
