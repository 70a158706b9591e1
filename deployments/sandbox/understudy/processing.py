"""What OMERO does with uploaded files, in its five steps; images are saved in the first, in one transaction.

Source: omero-blitz ManagedImportRequestI; omero-server OMEROMetadataStore. No thumbnails, no statistics.
"""

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import omero
import omero.grid
import omero.model

from deployments.sandbox.understudy.convert import object_id
from deployments.sandbox.understudy.filestore import repository_path
from deployments.sandbox.understudy.house import Call, House
from deployments.sandbox.understudy.pixels import BrokenFile, ChannelSeen, ImageSeen, UnknownFormat, read_images
from deployments.sandbox.understudy.requests import RequestFailed
from deployments.sandbox.understudy.rows import Quantity, Ref, Row, Value
from deployments.sandbox.understudy.saving import Saver, class_name, milliseconds


class Processing:
    """The work behind an import's handle."""

    steps = 5

    def __init__(self, house: House, call: Call, fileset: Ref, settings: Any) -> None:
        self._house, self._call = house, call
        self._fileset, self._settings = fileset, settings
        self._images: list[Row] = []
        self._pixels: list[Row] = []

    def run(self) -> Iterable[Any]:
        """Metadata, pixel data, thumbnails, processing, result."""
        counts = self._house.faults.counts
        counts.imports_running += 1
        counts.imports_at_once = max(counts.imports_at_once, counts.imports_running)
        try:
            yield from self._steps()
        finally:
            counts.imports_running -= 1

    def _steps(self) -> Iterable[Any]:
        target = self._target_file()
        seen = self._open(target)
        self._strike(target, 0)
        self._save(target, seen)
        yield None
        for step in (1, 2, 3):
            self._strike(target, step)
            time.sleep(self._house.options.import_seconds / 3)
            yield None
        yield self._response()

    def _target_file(self) -> Path:
        entry = self._house.database.pointing_at(self._fileset, "FilesetEntry", "fileset")[0]
        file = entry.get("originalFile")
        row = self._house.database.get(file) if isinstance(file, Ref) else None
        if row is None:
            raise RequestFailed("error-on-init", {"message": "The fileset is gone."})
        return repository_path(self._house, row)

    def _open(self, target: Path) -> list[ImageSeen]:
        """Opening happens in `init`, so OMERO names a failure there `error-on-init`, whatever it was."""
        try:
            return read_images(target)
        except UnknownFormat as error:
            cause = f"loci.formats.UnknownFormatException: {error}"
            raise RequestFailed("error-on-init", {"message": str(error)}, cause) from error
        except BrokenFile as error:
            cause = f"loci.formats.FormatException: {error}"
            raise RequestFailed("error-on-init", {"message": str(error)}, cause) from error

    def _strike(self, target: Path, step: int) -> None:
        """An ERR on demand: `Faults.fail_import`."""
        failure = self._house.faults.import_failure(step)
        if failure:
            raise RequestFailed(failure, {"message": "a fault on demand", "filename": str(target)})

    # Step 0

    def _save(self, target: Path, seen: list[ImageSeen]) -> None:
        with self._house.database.transaction() as transaction:
            saver = Saver(transaction, self._call.access)
            annotations = [saver.save(one) for one in self._settings.userSpecifiedAnnotationList or ()]
            for series, image in enumerate(seen):
                self._save_image(saver, target.name, series, image, len(seen), annotations)

    def _save_image(
        self, saver: Saver, file: str, series: int, seen: ImageSeen, how_many: int, annotations: list[Ref]
    ) -> None:
        settings, enumeration = self._settings, self._house.enumeration
        description = settings.userSpecifiedDescription.val if settings.userSpecifiedDescription else seen.description
        image = saver.make(
            "Image",
            {
                "name": self._name(file, series, seen, how_many),
                "description": description,
                "series": series,
                "archived": False,
                "partial": None,
                "acquisitionDate": int(seen.acquired) if seen.acquired else milliseconds(),
                "format": enumeration("Format", seen.reader),
                "fileset": self._fileset,
            },
        )
        pixels = saver.make("Pixels", self._pixels_values(seen, image.ref))
        for index, channel in enumerate(seen.channels[: seen.size_c]):
            self._save_channel(saver, pixels.ref, channel, index)
        for annotation in annotations:
            saver.make("ImageAnnotationLink", {"parent": image.ref, "child": annotation})
        self._put_into_target(saver, image.ref)
        self._images.append(image)
        self._pixels.append(pixels)

    def _name(self, file: str, series: int, seen: ImageSeen, how_many: int) -> str:
        """OMERO's naming: the user's name or the file's, with the series' own name in brackets."""
        name = self._settings.userSpecifiedName.val if self._settings.userSpecifiedName else file
        if how_many > 1:
            name = f"{name} [{seen.name or f'Series {series + 1}'}]"
        return name[-255:]

    def _pixels_values(self, seen: ImageSeen, image: Ref) -> dict[str, Value]:
        own = list(self._settings.userSpecifiedPixels or ())
        sizes = (
            [Quantity("Length", value, "MICROMETER") for value in own[:3]]
            if len(own) >= 3
            else [Quantity("Length", *size) if size else None for size in seen.physical_sizes]
        )
        return {
            "image": image,
            "sizeX": seen.size_x, "sizeY": seen.size_y, "sizeZ": seen.size_z, "sizeC": seen.size_c, "sizeT": seen.size_t,
            "sha1": "Pending...",
            "pixelsType": self._house.enumeration("PixelsType", seen.pixel_type),
            "dimensionOrder": self._house.enumeration("DimensionOrder", seen.dimension_order),
            **dict(zip(("physicalSizeX", "physicalSizeY", "physicalSizeZ"), sizes, strict=True)),
        }  # fmt: skip

    @staticmethod
    def _save_channel(saver: Saver, pixels: Ref, seen: ChannelSeen, index: int) -> None:
        logical: dict[str, Value] = {"name": seen.name}
        if seen.emission_nm is not None:
            logical["emissionWave"] = Quantity("Length", seen.emission_nm, "NANOMETER")
        if seen.excitation_nm is not None:
            logical["excitationWave"] = Quantity("Length", seen.excitation_nm, "NANOMETER")
        made = saver.make("LogicalChannel", logical)
        color = dict(zip(("red", "green", "blue", "alpha"), seen.color or (), strict=False))
        saver.make("Channel", {"pixels": pixels, "logicalChannel": made.ref, **color}, {"index": index})

    def _put_into_target(self, saver: Saver, image: Ref) -> None:
        """Datasets take images; screens take plates only, which no TIFF makes."""
        target = self._settings.userSpecifiedTarget
        if target is None or class_name(target) == "Screen":
            return
        if class_name(target) != "Dataset":
            raise RequestFailed("import-request-failure", {"message": f"Unable to handle target: {class_name(target)}"})
        link = omero.model.DatasetImageLinkI()
        link.parent = omero.model.DatasetI(object_id(target), False)  # noqa: FBT003
        link.child = omero.model.ImageI(image.id, False)  # noqa: FBT003
        saver.save(link)

    # Step 4

    def _response(self) -> Any:
        response = omero.grid.ImportResponse()
        reader = self._call.reader
        response.pixels = [reader.load(row, {"image": {}}) for row in self._pixels]
        response.objects = [reader.load(row) for row in self._images]
        return response
