"""Asks OMERO what it holds, with a plain omero-py client that knows nothing of the courier."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import Ice
from omero.gateway import BlitzGateway

from deployments.sandbox.home import Running


@dataclass(frozen=True)
class HeldImage:
    """An image as OMERO describes it, and the file it keeps of it."""

    id: int
    name: str
    size_x: int
    size_y: int
    size_z: int
    size_c: int
    size_t: int
    owner: str
    dataset: str
    file: str
    bytes: int
    checksum: str
    algorithm: str

    @property
    def shape(self) -> str:
        """Its extent, in pixels, focal planes and time points."""
        return f"{self.size_x} x {self.size_y}, {self.size_z}, {self.size_t}"


def images_in(running: Running, user: str, project: str, dataset: str) -> list[HeldImage]:
    """Return what is in this dataset of this project, as this user sees it.

    Raises:
        ConnectionError: OMERO does not answer as it should.
    """
    with _connected(running, user) as gateway:
        return [
            _describe(image, dataset)
            for parent in gateway.getObjects("Project", attributes={"name": project})
            for child in gateway.getObjects("Dataset", opts={"project": parent.getId()}, attributes={"name": dataset})
            for image in gateway.getObjects("Image", opts={"dataset": child.getId()})
        ]


@contextmanager
def _connected(running: Running, user: str) -> Iterator[Any]:
    address = {"host": running.omero_host, "port": running.omero_ssl_port, "secure": True}
    gateway = BlitzGateway(user, running.logins[user], **address)
    if not gateway.connect():
        raise ConnectionError(f"OMERO does not let {user} in: {gateway.getLastError()}")
    try:
        yield gateway
    except Ice.Exception as error:
        raise ConnectionError(f"OMERO answers with {error}") from error
    finally:
        gateway.close()


def _describe(image: Any, dataset: str) -> HeldImage:
    (file,) = image.getImportedImageFiles()
    return HeldImage(
        id=image.getId(),
        name=image.getName(),
        size_x=image.getSizeX(),
        size_y=image.getSizeY(),
        size_z=image.getSizeZ(),
        size_c=image.getSizeC(),
        size_t=image.getSizeT(),
        owner=image.getOwnerOmeName(),
        dataset=dataset,
        file=file.getName(),
        bytes=file.getSize(),
        checksum=file.getHash(),
        algorithm=file.getHasher().getValue(),
    )
