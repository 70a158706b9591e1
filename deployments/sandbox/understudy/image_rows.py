"""The rows that an image read from a file becomes: Image, Pixels, Channels, links to target and annotations.

Source: omero-blitz ome.formats.model.PixelsProcessor, TargetProcessor.
"""

from dataclasses import dataclass
from typing import Any

import omero.model

from deployments.sandbox.understudy.convert import object_id
from deployments.sandbox.understudy.handles import RequestFailed
from deployments.sandbox.understudy.house import House
from deployments.sandbox.understudy.rows import Quantity, Ref, Row, Value
from deployments.sandbox.understudy.saving import Saver, class_name
from deployments.sandbox.understudy.seen import ChannelSeen, FileSeen, ImageSeen, PlateSeen

NAME_LIMIT = 255
SIZES = ("physicalSizeX", "physicalSizeY", "physicalSizeZ")


@dataclass(frozen=True)
class SavedImage:
    """An image in the database."""

    image: Row
    pixels: Row
    is_field: bool = False
    """It belongs to a well of a plate."""


class ImageWriter:
    """Saves the images of one fileset within one transaction."""

    def __init__(self, house: House, saver: Saver, fileset: Ref, settings: Any) -> None:
        self._house, self._saver = house, saver
        self._fileset, self._settings = fileset, settings
        self.plate: Row | None = None
        """What the file was found to hold, once it is saved."""

    def save(self, file: FileSeen) -> list[SavedImage]:
        """All images of a file, the user's annotations on each, in the target."""
        annotations = [self._saver.save(one) for one in self._settings.userSpecifiedAnnotationList or ()]
        saved: list[SavedImage] = []
        for series, seen in enumerate(file.images):
            image = self._save_image(self._name(file, series), series, seen)
            for annotation in annotations:
                self._saver.make("ImageAnnotationLink", {"parent": image.ref, "child": annotation})
            self._put_into_target(image.ref)
            saved.append(SavedImage(image, self._save_pixels(seen, image.ref), file.plate is not None))
        if file.plate is not None:
            self.plate = self._save_plate(file, file.plate, saved)
        return saved

    def _save_plate(self, file: FileSeen, seen: PlateSeen, images: list[SavedImage]) -> Row:
        """The plate with its wells and their fields, under one run; in the screen, if that is the target."""
        named, described = self._settings.userSpecifiedName, self._settings.userSpecifiedDescription
        values: dict[str, Value] = {
            "name": (named.val.strip() if named else "") or seen.name or file.name,
            "description": described.val if described else None,
            "rows": seen.rows,
            "columns": seen.columns,
            "status": None,
        }
        plate = self._saver.make("Plate", values)
        run = self._saver.make("PlateAcquisition", {"plate": plate.ref, "name": "Run 1"})
        for well in seen.wells:
            made = self._saver.make("Well", {"plate": plate.ref, "row": well.row, "column": well.column})
            for field in well.fields:
                sample: dict[str, Value] = {
                    "well": made.ref,
                    "image": images[field].image.ref,
                    "plateAcquisition": run.ref,
                }
                self._saver.make("WellSample", sample)
        target = self._settings.userSpecifiedTarget
        if target is not None and class_name(target) == "Screen":
            link = omero.model.ScreenPlateLinkI()
            link.parent = omero.model.ScreenI(object_id(target), False)
            link.child = omero.model.PlateI(plate.id, False)
            self._saver.save(link)
        return plate

    def _name(self, file: FileSeen, series: int) -> str:
        """The user's name or the file's; when there are several, with the image's own in brackets."""
        given = self._settings.userSpecifiedName
        name = (given.val.strip() if given else "") or file.name
        if len(file.images) > 1:
            name = f"{name} [{(file.images[series].name or '').strip() or series}]"
        return name if len(name) <= NAME_LIMIT else "…" + name[-NAME_LIMIT + 1 :]

    def _save_image(self, name: str, series: int, seen: ImageSeen) -> Row:
        given = self._settings.userSpecifiedDescription
        values: dict[str, Value] = {
            "name": name,
            "description": given.val if given else seen.description,
            "series": series,
            "archived": False,
            "acquisitionDate": seen.acquired,
            "format": self._format(seen.reader),
            "fileset": self._fileset,
        }
        return self._saver.make("Image", values)

    def _format(self, reader: str) -> Ref:
        """OMERO's database has one for each reader of Bio-Formats from the start."""
        try:
            return self._house.enumeration("Format", reader)
        except LookupError:
            transaction = self._saver.transaction
            return transaction.put(Row("Format", transaction.new_ref("Format"), {"value": reader})).ref

    def _save_pixels(self, seen: ImageSeen, image: Ref) -> Row:
        values: dict[str, Value] = {
            "image": image,
            "sizeX": seen.size_x,
            "sizeY": seen.size_y,
            "sizeZ": seen.size_z,
            "sizeC": seen.size_c,
            "sizeT": seen.size_t,
            "sha1": "Pending...",
            "pixelsType": self._house.enumeration("PixelsType", seen.pixel_type),
            "dimensionOrder": self._house.enumeration("DimensionOrder", seen.dimension_order),
            **self._physical_sizes(seen),
        }
        pixels = self._saver.make("Pixels", values)
        for channel in seen.channels[: seen.size_c]:
            self._save_channel(pixels.ref, channel)
        return pixels

    def _physical_sizes(self, seen: ImageSeen) -> dict[str, Value]:
        """The file's; the user's, in micrometers, where the file says nothing."""
        own = list(self._settings.userSpecifiedPixels or ())
        given = own[:3] if len(own) >= 3 else [None] * 3
        sizes: dict[str, Value] = {}
        for name, read, other in zip(SIZES, seen.physical_sizes, given, strict=True):
            if read or other:
                sizes[name] = Quantity("Length", *(read or (float(str(other)), "MICROMETER")))
        return sizes

    def _save_channel(self, pixels: Ref, seen: ChannelSeen) -> None:
        logical: dict[str, Value] = {"name": seen.name}
        for name, wave in (("emissionWave", seen.emission), ("excitationWave", seen.excitation)):
            if wave:
                logical[name] = Quantity("Length", *wave)
        made = self._saver.make("LogicalChannel", logical)
        colour = dict(zip(("red", "green", "blue", "alpha"), seen.colour or (), strict=False))
        self._saver.make("Channel", {"pixels": pixels, "logicalChannel": made.ref, **colour})

    def _put_into_target(self, image: Ref) -> None:
        """Datasets take all images, also those of plates; screens take plates only."""
        target = self._settings.userSpecifiedTarget
        if target is None or class_name(target) == "Screen":
            return
        if class_name(target) != "Dataset":
            message = f"Unable to handle target: {class_name(target)}"
            raise RequestFailed("import-request-failure", {"message": message})
        link = omero.model.DatasetImageLinkI()
        link.parent = omero.model.DatasetI(object_id(target), False)
        link.child = omero.model.ImageI(image.id, False)
        self._saver.save(link)
