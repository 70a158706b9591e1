"""Packs the IcePy installed for the Python that runs this into a wheel below the directory given: stdlib, one file."""

from __future__ import annotations

import sys
import zipfile
from importlib import metadata
from pathlib import Path


def pack(distribution: metadata.Distribution, directory: Path) -> Path:
    """Write the wheel that `distribution` was installed from.

    Raises:
        ValueError: it was not installed from a wheel.
    """
    described, files = distribution.read_text("WHEEL"), distribution.files
    if described is None or files is None:
        raise ValueError(f"{distribution.metadata['Name']} was not installed from a wheel")
    tags = [line.split(":")[1].strip().split("-") for line in described.splitlines() if line.startswith("Tag:")]
    tag = "-".join(".".join(dict.fromkeys(alternatives)) for alternatives in zip(*tags, strict=True))
    name = distribution.metadata["Name"].replace("-", "_")
    target = directory / f"{name}-{distribution.version}-{tag}.whl"
    partial = target.with_suffix(".partial")
    with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as wheel:
        for file in files:
            # Scripts outside site-packages are made again by pip, compiled files by Python.
            if ".." not in file.parts and "__pycache__" not in file.parts:
                wheel.write(str(file.locate()), str(file))
    return partial.rename(target)


if __name__ == "__main__":
    pack(metadata.distribution("zeroc-ice"), Path(sys.argv[1]))
