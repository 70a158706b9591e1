"""The files that Bio-Formats reads, by the end of their names: a table.

From Bio-Formats' list of readers (formats-api: readers.txt) and their suffixes. Left out are endings that mostly mean
something else (txt, csv, xml, html, dat, raw, bin, db, zip), so that a folder's notes are not offered as images.
Formats made of several files stand in `families` and `sets`.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from flows.core.verify import containers as are
from flows.core.verify.containers import Container


class Format(NamedTuple):
    """A single-file format."""

    name: str
    """For people."""
    suffixes: tuple[str, ...]
    containers: tuple[Container, ...] = ()
    """Any of these may hold it; empty where nothing can be said."""


_FORMATS = (
    Format("OME-TIFF", (".ome.tif", ".ome.tiff", ".ome.tf2", ".ome.tf8", ".ome.btf"), (are.TIFF,)),
    Format("TIFF", (".tif", ".tiff", ".tf2", ".tf8", ".btf"), (are.TIFF,)),
    Format("OME-XML", (".ome", ".ome.xml"), (are.XML,)),
    Format("Zeiss CZI", (".czi",), (are.CZI,)),
    Format("Zeiss LSM", (".lsm",), (are.LSM,)),
    Format("Zeiss ZVI", (".zvi",), (are.OLE,)),
    Format("Leica LIF", (".lif",), (are.LIF,)),
    Format("Leica LOF", (".lof",), (are.LOF,)),
    Format("SCN", (".scn",)),
    Format("Nikon ND2", (".nd2",), (are.ND2, are.JPEG2000)),
    Format("Olympus OIB", (".oib",), (are.OLE,)),
    Format("Olympus OIR", (".oir",), (are.OIR,)),
    Format("DeltaVision", (".dv", ".r3d", ".d3d", ".r3d_d3d"), (are.DELTAVISION,)),
    Format("Imaris", (".ims",), (are.HDF5, are.TIFF)),
    Format("CellH5", (".ch5",), (are.HDF5,)),
    Format("MetaMorph STK", (".stk",), (are.TIFF,)),
    Format("Aperio SVS", (".svs",), (are.TIFF,)),
    Format("Hamamatsu NDPI", (".ndpi",), (are.TIFF_HEAD,)),
    Format("Ventana BIF", (".bif",), (are.TIFF,)),
    Format("Vectra QPTIFF", (".qptiff",), (are.TIFF,)),
    Format("Amersham GEL", (".gel",), (are.TIFF,)),
    Format("Imacon", (".fff",), (are.TIFF,)),
    Format("PCO-RAW", (".pcoraw",), (are.TIFF,)),
    Format("Gatan Digital Micrograph", (".dm3", ".dm4"), (are.DM,)),
    Format("Imspector", (".msr",)),
    Format("OBF", (".obf",), (are.OBF,)),
    Format("Compix SimplePCI", (".cxd",), (are.OLE,)),
    Format("Image-Pro Workspace", (".ipw",), (are.OLE,)),
    Format("PNG", (".png",), (are.PNG,)),
    Format("JPEG", (".jpg", ".jpeg", ".jpe"), (are.JPEG,)),
    Format("JPEG 2000", (".jp2", ".j2k", ".jpf", ".jpx"), (are.JPEG2000,)),
    Format("BMP", (".bmp",), (are.BMP,)),
    Format("GIF", (".gif",), (are.GIF,)),
    Format("Photoshop", (".psd",), (are.PHOTOSHOP,)),
    Format("AVI", (".avi",), (are.AVI,)),
    Format("FITS", (".fits", ".fts"), (are.FITS,)),
    Format("NRRD", (".nrrd",), (are.NRRD,)),
    Format("NIfTI", (".nii",)),
    Format("NIfTI, compressed", (".nii.gz",), (are.GZIP,)),
    Format("MRC", (".mrc", ".mrcs", ".st", ".ali", ".map")),
    Format("MINC", (".mnc",)),
    Format("SlideBook", (".sld",)),
    Format("Openlab LIFF", (".liff",)),
    Format("QuickTime", (".mov",)),
    Format("Portable Any Map", (".pgm", ".pbm", ".ppm")),
    Format("PCX", (".pcx",)),
    Format("Targa", (".tga",)),
    Format("PICT", (".pict", ".pct")),
    Format("EPS", (".eps", ".epsi")),
    Format("MNG", (".mng",)),
    Format("Camera raw", (".cr2", ".crw", ".nef", ".dng", ".mrw")),
    Format("Gatan DM2", (".dm2",)),
    Format("IPLab", (".ipl", ".ipm")),
    Format("RCPNL", (".rcpnl",)),
    Format("SPCImage", (".sdt",)),
    Format("Alicona", (".al3d",)),
    Format("Amira", (".am", ".amiramesh")),
    Format("KLB", (".klb",)),
    Format("Andor SIF", (".sif",)),
    Format("Princeton SPE", (".spe",)),
    Format("Hamamatsu HIS", (".his",)),
    Format("Hamamatsu Aquacosmos", (".naf",)),
    Format("FlowSight", (".cif",)),
    Format("Nuance IM3", (".im3",)),
    Format("LI-FLIM", (".fli",)),
    Format("Image-Pro Sequence", (".seq", ".ips")),
    Format("Laboratory Imaging", (".lim",)),
    Format("Zeiss LMS", (".lms",)),
    Format("Bio-Rad GEL", (".1sc",)),
    Format("Volocity clipping", (".acff",)),
    Format("Khoros XV", (".xv",)),
    Format("SPIDER", (".spi",)),
    Format("JPK", (".jpk",)),
    Format("Quesant AFM", (".afm",)),
    Format("RHK", (".sm2", ".sm3")),
    Format("TopoMetrix", (".tfr", ".ffr", ".zfr", ".zfp", ".2fl")),
    Format("Seiko", (".xqd", ".xqf")),
    Format("Molecular Imaging", (".stp",)),
    Format("LEO", (".sxm",)),
    Format("Varian FDF", (".fdf",)),
    Format("INR", (".inr",)),
    Format("I2I", (".i2i",)),
    Format("AIM", (".aim",)),
    Format("ARF", (".arf",)),
    Format("POV-Ray", (".df3",)),
)
UNKNOWN = Format("a file of a set", ())
"""A file that its name says nothing of."""
_PARTS = (
    Format("Olympus VSI", (".vsi",), (are.TIFF,)),
    Format("Olympus ETS", (".ets",), (are.ETS,)),
    Format("Image Cytometry Standard", (".ics",), (are.ICS,)),
)
"""Files that are no image by themselves."""
_PARTS_BY_SUFFIX = MappingProxyType({suffix: each for each in _PARTS for suffix in each.suffixes})
_BY_SUFFIX = MappingProxyType({suffix: each for each in _FORMATS for suffix in each.suffixes})


def format_of(name: str) -> Format | None:
    """Return the format that a file's name promises; None where nothing is known that reads it.

    Of several suffixes the longest counts: `a.ome.tiff` is an OME-TIFF.
    """
    return _look_up(name, _BY_SUFFIX)


def part_of(name: str) -> Format | None:
    """Return what the name of a file of a set promises; None where nothing can be said."""
    return _look_up(name, _PARTS_BY_SUFFIX) or _look_up(name, _BY_SUFFIX)


def _look_up(name: str, known: Mapping[str, Format]) -> Format | None:
    parts = name.lower().split(".")[1:]
    candidates = (known.get("." + ".".join(parts[start:])) for start in range(max(0, len(parts) - 2), len(parts)))
    return next((found for found in candidates if found is not None), None)
