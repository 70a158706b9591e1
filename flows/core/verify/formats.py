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
    reader: str = ""
    """Bio-Formats' class, without its package; empty where several may turn out to be it."""

    @property
    def reader_class(self) -> str | None:
        """Bio-Formats' class, as OMERO is told of it."""
        return f"loci.formats.in.{self.reader}" if self.reader else None


OME_TIFF = Format(
    "OME-TIFF", (".ome.tif", ".ome.tiff", ".ome.tf2", ".ome.tf8", ".ome.btf"), (are.TIFF,), reader="OMETiffReader"
)
TIFF = Format("TIFF", (".tif", ".tiff", ".tf2", ".tf8", ".btf"), (are.TIFF,), reader="TiffDelegateReader")
"""Some twenty readers take such a file, each for what one program writes, and this one all others."""
FORMATS = (
    OME_TIFF,
    TIFF,
    Format("OME-XML", (".ome", ".ome.xml"), (are.XML,), reader="OMEXMLReader"),
    Format("Zeiss CZI", (".czi",), (are.CZI,), reader="ZeissCZIReader"),
    Format("Zeiss LSM", (".lsm",), (are.LSM,), reader="ZeissLSMReader"),
    Format("Zeiss ZVI", (".zvi",), (are.OLE,), reader="ZeissZVIReader"),
    Format("Leica LIF", (".lif",), (are.LIF,), reader="LIFReader"),
    Format("Leica LOF", (".lof",), (are.LOF,), reader="LOFReader"),
    Format("SCN", (".scn",)),
    Format("Nikon ND2", (".nd2",), (are.ND2, are.JPEG2000), reader="ND2Reader"),
    Format("Olympus OIB", (".oib",), (are.OLE,), reader="FV1000Reader"),
    Format("Olympus OIR", (".oir",), (are.OIR,), reader="OIRReader"),
    Format("DeltaVision", (".dv", ".r3d", ".d3d", ".r3d_d3d"), (are.DELTAVISION,), reader="DeltavisionReader"),
    Format("Imaris", (".ims",), (are.HDF5, are.TIFF)),
    Format("CellH5", (".ch5",), (are.HDF5,), reader="CellH5Reader"),
    Format("MetaMorph STK", (".stk",), (are.TIFF,), reader="MetamorphReader"),
    Format("Aperio SVS", (".svs",), (are.TIFF,), reader="SVSReader"),
    Format("Hamamatsu NDPI", (".ndpi",), (are.TIFF_HEAD,), reader="NDPIReader"),
    Format("Ventana BIF", (".bif",), (are.TIFF,), reader="VentanaReader"),
    Format("Vectra QPTIFF", (".qptiff",), (are.TIFF,), reader="VectraReader"),
    Format("Amersham GEL", (".gel",), (are.TIFF,), reader="GelReader"),
    Format("Imacon", (".fff",), (are.TIFF,), reader="ImaconReader"),
    Format("PCO-RAW", (".pcoraw",), (are.TIFF,), reader="PCORAWReader"),
    Format("Gatan Digital Micrograph", (".dm3", ".dm4"), (are.DM,), reader="GatanReader"),
    Format("Imspector", (".msr",)),
    Format("OBF", (".obf",), (are.OBF,), reader="OBFReader"),
    Format("Compix SimplePCI", (".cxd",), (are.OLE,), reader="PCIReader"),
    Format("Image-Pro Workspace", (".ipw",), (are.OLE,), reader="IPWReader"),
    Format("PNG", (".png",), (are.PNG,), reader="APNGReader"),
    Format("JPEG", (".jpg", ".jpeg", ".jpe"), (are.JPEG,), reader="JPEGReader"),
    Format("JPEG 2000", (".jp2", ".j2k", ".jpf", ".jpx"), (are.JPEG2000,)),
    Format("BMP", (".bmp",), (are.BMP,), reader="BMPReader"),
    Format("GIF", (".gif",), (are.GIF,), reader="GIFReader"),
    Format("Photoshop", (".psd",), (are.PHOTOSHOP,), reader="PSDReader"),
    Format("AVI", (".avi",), (are.AVI,), reader="AVIReader"),
    Format("FITS", (".fits", ".fts"), (are.FITS,), reader="FitsReader"),
    Format("NRRD", (".nrrd",), (are.NRRD,), reader="NRRDReader"),
    Format("NIfTI", (".nii",), reader="NiftiReader"),
    Format("NIfTI, compressed", (".nii.gz",), (are.GZIP,), reader="NiftiReader"),
    Format("MRC", (".mrc", ".mrcs", ".st", ".ali", ".map"), reader="MRCReader"),
    Format("MINC", (".mnc",), reader="MINCReader"),
    Format("SlideBook", (".sld",), reader="SlidebookReader"),
    Format("Openlab LIFF", (".liff",), reader="OpenlabReader"),
    Format("QuickTime", (".mov",), reader="QTReader"),
    Format("Portable Any Map", (".pgm", ".pbm", ".ppm"), reader="PGMReader"),
    Format("PCX", (".pcx",), reader="PCXReader"),
    Format("Targa", (".tga",), reader="TargaReader"),
    Format("PICT", (".pict", ".pct"), reader="PictReader"),
    Format("EPS", (".eps", ".epsi"), reader="EPSReader"),
    Format("MNG", (".mng",), reader="MNGReader"),
    Format("Camera raw", (".cr2", ".crw", ".nef", ".dng", ".mrw")),
    Format("Gatan DM2", (".dm2",), reader="GatanDM2Reader"),
    Format("IPLab", (".ipl", ".ipm")),
    Format("RCPNL", (".rcpnl",), reader="RCPNLReader"),
    Format("SPCImage", (".sdt",), reader="SDTReader"),
    Format("Alicona", (".al3d",), reader="AliconaReader"),
    Format("Amira", (".am", ".amiramesh"), reader="AmiraReader"),
    Format("KLB", (".klb",), reader="KLBReader"),
    Format("Andor SIF", (".sif",), reader="SIFReader"),
    Format("Princeton SPE", (".spe",), reader="SPEReader"),
    Format("Hamamatsu HIS", (".his",), reader="HISReader"),
    Format("Hamamatsu Aquacosmos", (".naf",), reader="NAFReader"),
    Format("FlowSight", (".cif",), reader="FlowSightReader"),
    Format("Nuance IM3", (".im3",), reader="IM3Reader"),
    Format("LI-FLIM", (".fli",), reader="LiFlimReader"),
    Format("Image-Pro Sequence", (".seq", ".ips"), reader="SEQReader"),
    Format("Laboratory Imaging", (".lim",), reader="LIMReader"),
    Format("Zeiss LMS", (".lms",), reader="ZeissLMSReader"),
    Format("Bio-Rad GEL", (".1sc",), reader="BioRadGelReader"),
    Format("Volocity clipping", (".acff",), reader="VolocityClippingReader"),
    Format("Khoros XV", (".xv",), reader="KhorosReader"),
    Format("SPIDER", (".spi",), reader="SpiderReader"),
    Format("JPK", (".jpk",), reader="JPKReader"),
    Format("Quesant AFM", (".afm",), reader="QuesantReader"),
    Format("RHK", (".sm2", ".sm3"), reader="RHKReader"),
    Format("TopoMetrix", (".tfr", ".ffr", ".zfr", ".zfp", ".2fl"), reader="TopometrixReader"),
    Format("Seiko", (".xqd", ".xqf"), reader="SeikoReader"),
    Format("Molecular Imaging", (".stp",), reader="MolecularImagingReader"),
    Format("LEO", (".sxm",), reader="LEOReader"),
    Format("Varian FDF", (".fdf",), reader="VarianFDFReader"),
    Format("INR", (".inr",), reader="INRReader"),
    Format("I2I", (".i2i",), reader="I2IReader"),
    Format("AIM", (".aim",), reader="AIMReader"),
    Format("ARF", (".arf",), reader="ARFReader"),
    Format("POV-Ray", (".df3",), reader="PovrayReader"),
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
_BY_SUFFIX = MappingProxyType({suffix: each for each in FORMATS for suffix in each.suffixes})


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
