"""Makes plates that look like a screen: for the demo and the tests. The same arguments make the same bytes."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

Pixels = np.ndarray[tuple[int, ...], np.dtype[Any]]

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
    folder: Path,
    *,
    wells: tuple[str, ...] = ("A1", "B3"),
    fields: int = 2,
    channels: int = 2,
    side: int = 32,
    version: str = "0.4",
) -> Path:
    """Write a plate as OME-Zarr 0.4 or 0.5, its chunks not compressed; the folder's name has to end in `.zarr`."""
    rows = sorted({well[0] for well in wells})
    columns = sorted({well[1:] for well in wells}, key=int)
    plate = {
        "version": version,
        "name": folder.stem,
        "rows": [{"name": row} for row in rows],
        "columns": [{"name": column} for column in columns],
        "field_count": fields,
        "wells": [
            {"path": f"{well[0]}/{well[1:]}", "rowIndex": rows.index(well[0]), "columnIndex": columns.index(well[1:])}
            for well in wells
        ],
    }
    _group(folder, version, plate=plate)
    for well in wells:
        _group(folder / well[0], version)
        home = folder / well[0] / well[1:]
        _group(home, version, well={"version": version, "images": [{"path": str(field)} for field in range(fields)]})
        for field in range(fields):
            pixels = [_pixels(side, _ROWS.index(well[0]), int(well[1:]), field, channel) for channel in range(channels)]
            make_zarr_image(home / str(field), np.stack(pixels), version=version)
    return folder


def make_zarr_image(folder: Path, pixels: Pixels, *, axes: str = "cyx", version: str = "0.4") -> Path:
    """Write an image as OME-Zarr 0.4 or 0.5, a chunk for each plane, not compressed."""
    kinds = {"t": "time", "c": "channel"}
    scale = [{"type": "scale", "scale": [1] * len(axes)}]
    pyramid = {
        "version": version,
        "axes": [{"name": name, "type": kinds.get(name, "space")} for name in axes],
        "datasets": [{"path": "0", "coordinateTransformations": scale}],
    }
    _group(folder, version, multiscales=[pyramid])
    _array(folder / "0", version, pixels)
    for place in np.ndindex(*pixels.shape[:-2]):
        names = [*map(str, place), "0", "0"]
        file = folder / "0" / (".".join(names) if version == "0.4" else "/".join(("c", *names)))
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(pixels[place].astype(pixels.dtype.newbyteorder("<")).tobytes())
    return folder


def _array(folder: Path, version: str, pixels: Pixels) -> None:
    chunks = [1] * (pixels.ndim - 2) + list(pixels.shape[-2:])
    if version == "0.4":
        described = {
            "zarr_format": 2,
            "shape": pixels.shape,
            "chunks": chunks,
            "dtype": pixels.dtype.newbyteorder("<").str,
            "compressor": None,
            "fill_value": 0,
            "filters": None,
            "order": "C",
        }
    else:
        described = {
            "zarr_format": 3,
            "node_type": "array",
            "shape": pixels.shape,
            "data_type": pixels.dtype.name,
            "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": chunks}},
            "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
            "fill_value": 0,
            "codecs": [{"name": "bytes", "configuration": {"endian": "little"}}],
        }
    folder.mkdir()
    (folder / (".zarray" if version == "0.4" else "zarr.json")).write_text(json.dumps(described))


def _group(folder: Path, version: str, **attributes: object) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if version == "0.4":
        (folder / ".zgroup").write_text('{"zarr_format": 2}')
        (folder / ".zattrs").write_text(json.dumps(attributes))
        return
    told = {"ome": {"version": version, **attributes}} if attributes else {}
    (folder / "zarr.json").write_text(json.dumps({"zarr_format": 3, "node_type": "group", "attributes": told}))


def _pixels(side: int, *seed: int) -> Pixels:
    return np.random.default_rng(seed).integers(0, 4096, (side, side), dtype=np.uint16)
