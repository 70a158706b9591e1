"""Makes plates that look like a screen: for the demo and the tests. The same arguments make the same bytes."""

import json
from pathlib import Path

import numpy as np
import tifffile

_ROWS = "ABCDEFGHIJKLMNOP"
_INDEX = (
    '<?xml version="1.0"?>\n<EvaluationInputData xmlns="http://www.perkinelmer.com/PEHH/HarmonyV5">'
    "<Plates><Plate><PlateID>{name}</PlateID><Name>{name}</Name><PlateRows>8</PlateRows>"
    "<PlateColumns>12</PlateColumns></Plate></Plates><Images>{images}</Images></EvaluationInputData>"
)
_IMAGE = (
    "<Image><State>Ok</State><URL>{url}</URL><Row>{row}</Row><Col>{column}</Col><FieldID>{field}</FieldID>"
    "<PlaneID>1</PlaneID><TimepointID>0</TimepointID><ChannelID>{channel}</ChannelID>"
    "<ChannelName>{name}</ChannelName></Image>"
)


def make_operetta_plate(
    folder: Path,
    *,
    wells: tuple[str, ...] = ("A1", "B3"),
    fields: int = 2,
    channels: tuple[str, ...] = ("DAPI", "GFP"),
    side: int = 32,
) -> Path:
    """Write a plate as the Operetta does, into `Images` of a folder; return its index."""
    images = folder / "Images"
    images.mkdir(parents=True, exist_ok=True)
    entries = []
    for well in wells:
        row, column = _ROWS.index(well[0]) + 1, int(well[1:])
        for field in range(1, fields + 1):
            for number, name in enumerate(channels, 1):
                url = f"r{row:02d}c{column:02d}f{field:02d}p01-ch{number}sk1fk1fl1.tiff"
                tifffile.imwrite(images / url, _pixels(side, row, column, field, number), metadata=None)
                entries.append(_IMAGE.format(url=url, row=row, column=column, field=field, channel=number, name=name))
    index = images / "Index.idx.xml"
    index.write_text(_INDEX.format(name=folder.name, images="".join(entries)), encoding="utf-8")
    return index


def make_zarr_plate(
    folder: Path, *, wells: tuple[str, ...] = ("A1", "B3"), fields: int = 2, channels: int = 2, side: int = 32
) -> Path:
    """Write a plate as OME-Zarr 0.4, its chunks not compressed; the folder's name has to end in `.zarr`."""
    rows = sorted({well[0] for well in wells})
    columns = sorted({well[1:] for well in wells}, key=int)
    plate = {
        "version": "0.4",
        "name": folder.stem,
        "rows": [{"name": row} for row in rows],
        "columns": [{"name": column} for column in columns],
        "field_count": fields,
        "wells": [
            {"path": f"{well[0]}/{well[1:]}", "rowIndex": rows.index(well[0]), "columnIndex": columns.index(well[1:])}
            for well in wells
        ],
    }
    _group(folder, {"plate": plate})
    for well in wells:
        _group(folder / well[0], {})
        home = folder / well[0] / well[1:]
        _group(home, {"well": {"version": "0.4", "images": [{"path": str(field)} for field in range(fields)]}})
        for field in range(fields):
            _field(home / str(field), well, field, channels, side)
    return folder


def _field(folder: Path, well: str, field: int, channels: int, side: int) -> None:
    axes = [{"name": name, "type": kind} for name, kind in (("c", "channel"), ("y", "space"), ("x", "space"))]
    scale = [{"type": "scale", "scale": [1, 1, 1]}]
    datasets = [{"path": "0", "coordinateTransformations": scale}]
    _group(folder, {"multiscales": [{"version": "0.4", "axes": axes, "datasets": datasets}]})
    array = folder / "0"
    array.mkdir()
    described = {
        "zarr_format": 2,
        "shape": [channels, side, side],
        "chunks": [1, side, side],
        "dtype": "<u2",
        "compressor": None,
        "fill_value": 0,
        "filters": None,
        "order": "C",
    }
    (array / ".zarray").write_text(json.dumps(described))
    for channel in range(channels):
        pixels = _pixels(side, _ROWS.index(well[0]), int(well[1:]), field, channel)
        (array / f"{channel}.0.0").write_bytes(pixels.astype("<u2").tobytes())


def _group(folder: Path, attributes: dict[str, object]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ".zgroup").write_text('{"zarr_format": 2}')
    (folder / ".zattrs").write_text(json.dumps(attributes))


def _pixels(side: int, *seed: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint16]]:
    return np.random.default_rng(seed).integers(0, 4096, (side, side), dtype=np.uint16)
