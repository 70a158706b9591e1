"""What the demo imports: images as a microscope would leave them, and two that went wrong."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from deployments.sandbox.images import make_empty, make_large_ome_tiff, make_ome_tiff, make_tiff, make_truncated

LARGE_BYTES = 210_000_000


@dataclass(frozen=True)
class Acquisition:
    """A folder of images."""

    folder: Path
    good: tuple[Path, ...]
    truncated: Path
    """Looks whole by its name and beginning; its end never arrived."""
    empty: Path
    """In a folder of its own."""

    @property
    def channels(self) -> dict[str, int]:
        """Channels by file name, as they were made."""
        return dict(zip((path.name for path in self.good), (2, 3, 4, 1), strict=True))


def acquire(share: Path, now: datetime) -> Acquisition:
    """Make the images in a new folder of this share."""
    folder = share / f"demo-{now:%Y%m%d-%H%M%S}"
    elsewhere = folder.with_name(f"{folder.name}-empty")
    folder.mkdir(parents=True)
    elsewhere.mkdir()
    seed = int(now.timestamp())
    good = (
        make_large_ome_tiff(folder / "long-time-lapse.ome.tiff", at_least=LARGE_BYTES, seed=seed),
        make_ome_tiff(
            folder / "mitosis.ome.tiff", channels=("DAPI", "GFP", "RFP"), z=7, t=4, size=(256, 256), seed=seed
        ),
        make_ome_tiff(folder / "four-colours.ome.tiff", channels=("DAPI", "GFP", "RFP", "Cy5"), z=3, t=1, seed=seed),
        make_tiff(folder / "overview.tif", size=(1024, 1024), seed=seed),
    )
    return Acquisition(
        folder, good, make_truncated(folder / "cut-short.ome.tiff", seed=seed), make_empty(elsewhere / "empty.ome.tiff")
    )
