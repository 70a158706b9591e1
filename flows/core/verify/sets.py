"""Knows which files belong to sets that we cannot put together, so that no part of one is imported as if it were whole.

`set_of` says that a file belongs to one, by its name and its neighbours' names (structures from Bio-Formats' list of
multi-file formats). What we can put together stands in `families`, which are asked first.
"""

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase, translate
from functools import cache
from pathlib import PurePath
from typing import NamedTuple

from flows.core.errors import SourceError, SourceIncomplete
from flows.core.verify.families import ome_zarr


class Rule(NamedTuple):
    """How files of a set are told: by their own names, and by one of the further marks at most.

    All patterns are of lower-case names; any of several is enough.
    """

    name: str
    members: tuple[str, ...]
    beside: tuple[str, ...] = ()
    """Names of other files in the same folder; none: the member's own name is enough."""
    kin: tuple[str, ...] = ()
    """Exact names beside, made from the member's: {name}, {stem}, and {first}, the stem without ` (2)` or `_d3d`."""
    folder: str = ""
    """The name of the folder it lies in."""
    above: tuple[str, ...] = ()
    """Exact names in the folder above."""


_TIFF = ("*.tif", "*.tiff", "*.stk")
_OPENERS = (
    Rule("Olympus tiles", ("*.omp2info",)),
    Rule("Olympus APL", ("*.apl", "*.mtb", "*.tnb")),
    Rule("Olympus ScanR", ("experiment_descriptor.xml",)),
    Rule("a Columbus plate", ("measurementindex.columbusidx.xml",)),
    Rule("an InCell plate", ("*.xdce",)),
    Rule("a CellVoyager plate", ("measurementresult.xml", "measurementresult.ome.xml", "*.wpi", "*.mlf")),
    Rule("a MetaXpress plate", ("*.htd", "*.pnl")),
    Rule("a Cellomics plate", ("*.c01", "*.dib")),
    Rule("a Flex plate", ("*.flex", "*.mea")),
    Rule("BD Pathway", ("*.exp",)),
    Rule("MetaMorph", ("*.nd", "*.scan")),
    Rule("a Leica LEI experiment", ("*.lei",)),
    Rule("a Leica LAS X project", ("*.xlef", "*.xllf", "*.xlif")),
    Rule("a Volocity library", ("*.mvd2", "*.aisf", "*.aiix", "*.atsf")),
    Rule("Aperio AFI", ("*.afi",)),
    Rule("Hamamatsu NDPIS", ("*.ndpis",)),
    Rule("Hamamatsu VMS", ("*.vms",)),
    Rule("a header and its data", ("*.hdr", "*.img", "*.hed", "*.nhdr")),
    Rule("a Zeiss LSM database", ("*.mdb",)),
    Rule("TillVision", ("*.vws", "*.pst")),
    Rule("Li-Cor L2D", ("*.l2d",)),
    Rule("Visitech XYS", ("*.xys",)),
    Rule("SPC FIFO", ("*.spc",)),
    Rule("MicroCT", ("*.vff",)),
    Rule("Bio-Rad PIC", ("*.pic",)),
    Rule("BigDataViewer", ("*.h5",)),
    Rule("a file pattern", ("*.pattern",)),
)
_MEMBERS = (
    Rule("Olympus ScanR", _TIFF, above=("experiment_descriptor.xml",)),
    Rule("a CellVoyager plate", _TIFF, above=("measurementresult.xml",)),
    Rule("a MIAS plate", _TIFF, folder="well[0-9][0-9][0-9][0-9]"),
    Rule("a Columbus plate", _TIFF, ("measurementindex.columbusidx.xml",)),
    Rule("an InCell plate", _TIFF, ("*.xdce",)),
    Rule("a CellVoyager plate", _TIFF, ("*.wpi", "*.mlf")),
    Rule("a MetaXpress plate", _TIFF, ("*.htd",)),
    Rule("BD Pathway", _TIFF, ("*.exp",)),
    Rule("MetaMorph", _TIFF, ("*.nd", "*.scan")),
    Rule("a Leica LEI experiment", _TIFF, ("*.lei",)),
    Rule("Prairie View", _TIFF, ("*.env", "*.cfg")),
    Rule("PerkinElmer UltraView", _TIFF, ("*.tim", "*.zpo", "*.ano", "*.rec")),
    Rule("Olympus APL", _TIFF, ("*.apl", "*.mtb", "*.tnb")),
    Rule("Li-Cor L2D", ("*.tif", "*.tiff", "*.scn"), ("*.l2d",)),
    Rule("AxioVision", _TIFF, ("_meta.xml",)),
    Rule("AxioVision", _TIFF, kin=("{name}_meta.xml", "{stem}_meta.xml")),
    Rule("a Zeiss LSM database", ("*.lsm",), ("*.mdb",)),
    Rule("a Zeiss CZI of several files", ("*.czi",), kin=("{stem}(1).czi", "{stem} (1).czi", "{first}.czi")),
    Rule("DeltaVision with its log", ("*.dv", "*.r3d", "*.d3d"), kin=("{name}.log", "{stem}.log", "{first}.dv.log")),
    Rule("Olympus OIR of several files", ("*.oir",), kin=("{stem}_00001",)),
    Rule("Olympus tiles", ("*.oir",), ("*.omp2info",)),
    Rule("Aperio AFI", ("*.svs",), ("*.afi",)),
    Rule("Hamamatsu NDPIS", ("*.ndpi",), ("*.ndpis",)),
    Rule("Hamamatsu VMS", ("*.jpg",), ("*.vms",)),
    Rule("PCO-RAW", ("*.pcoraw",), kin=("{stem}.rec",)),
)
_FOLDERS = (Rule(ome_zarr.NAME, ("*.zarr",)), Rule("SlideBook 7", ("*.sldy",)))
KINDS = frozenset(rule.name for rule in (*_OPENERS, *_MEMBERS, *_FOLDERS)) - {ome_zarr.NAME}
"""What sets are called that we cannot put together."""
_OPENING = re.compile("|".join(translate(each) for rule in _OPENERS for each in rule.members))
_NUMBER = re.compile(r" ?\(\d+\)$|_d3d$")


def opens_a_set(name: str) -> bool:
    """Say whether a file of that name opens a set that we cannot put together: to be asked about before its parts."""
    return _OPENING.match(name.lower()) is not None


class Neighbours:
    """The names in one folder, and what they say of each other."""

    def __init__(self, folder: str, names: Iterable[str], above: Iterable[str] = ()) -> None:
        """Take the folder's own path, the names in it, and the names in the folder above."""
        self._names = frozenset(name.lower() for name in names)
        self._above = frozenset(name.lower() for name in above)
        self._folder = PurePath(folder).name.lower()
        self._rules = _OPENERS + tuple(rule for rule in _MEMBERS if self._may_hold(rule))
        self._members = _any_of(tuple(pattern for rule in self._rules for pattern in rule.members))

    def _may_hold(self, rule: Rule) -> bool:
        ends = tuple(each.rpartition("}")[2] for each in rule.kin)
        return (
            (ends != () and any(name.endswith(ends) for name in self._names))
            or (rule.folder != "" and fnmatchcase(self._folder, rule.folder))
            or not self._above.isdisjoint(rule.above)
            or (rule.beside != () and any(map(_any_of(rule.beside).match, self._names)))
        )

    def set_of(self, name: str) -> str | None:
        """Return what kind of set the file `name` of this folder belongs to; None where it stands alone."""
        lower = name.lower()
        if not self._members.match(lower):
            return None
        return next((rule.name for rule in self._rules if self._is_member(rule, lower)), None)

    def _is_member(self, rule: Rule, name: str) -> bool:
        if not _any_of(rule.members).match(name):
            return False
        if not rule.kin:
            return True
        stem = name.rpartition(".")[0]
        kin = {each.format(name=name, stem=stem, first=_NUMBER.sub("", stem)) for each in rule.kin} - {name}
        return not self._names.isdisjoint(kin)

    @property
    def folder_set(self) -> str | None:
        """What kind of set the folder is as a whole, from its name or what lies in it; None where it is none.

        Also of those that we can put together: who lists folders has to know what is one thing.
        """
        if not self._names.isdisjoint(ome_zarr.MARKS):
            return ome_zarr.NAME
        return next((rule.name for rule in _FOLDERS if fnmatchcase(self._folder, rule.members[0])), None)


@cache
def _any_of(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(map(translate, patterns)))


def belongs_to_a_set(
    kind: str, which: str, files: int = 1, *, asked: bool = False, why: SourceError | None = None
) -> SourceError:
    """Say that files are not imported because they are parts of something.

    Args:
        kind: of set.
        which: a file, or the folder of several.
        files: how many there are of them.
        asked: Bio-Formats could not put them together either.
        why: what it said.
    """
    what = f"It belongs to a set of files, {kind}{f' ({files:,} files here)' if files > 1 else ''}, "
    if why is not None:
        return type(why)(f"{what}that cannot be put together. {why.what}", which=which, advice=why.advice)
    if asked:
        return SourceIncomplete(
            f"{what}that Bio-Formats cannot put together.",
            which=which,
            advice="See that the set is complete, and that it has the names that it was acquired with.",
        )
    return SourceIncomplete(
        f"{what}that the courier cannot put together without Bio-Formats.",
        which=which,
        advice="Ask the operator to install Bio-Formats and Java, export it as one OME-TIFF, or use another client.",
    )
