"""Unmodified omero-py clients of the shared understudy, closed when a test is over."""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import omero
import omero.clients
import pytest
import tifffile
from omero.gateway import BlitzGateway

from tests.support.understudy import Understudy, start_understudy

Connect = Callable[..., Any]


@pytest.fixture(scope="session")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Understudy]:
    """Takes its time, for two imports at once, lets others wait for little longer, and sessions live for an hour."""
    limits = ("--background-threads", "2", "--background-timeout", "1500", "--import-seconds", "1")
    started = start_understudy(tmp_path_factory.mktemp("limited"), *limits, "--session-max-live", "3600000")
    yield started
    started.stop()


@pytest.fixture
def connect(understudy: Understudy) -> Iterator[Connect]:
    """Log in: `connect("alice")`, in a group, over ssl or tcp, to another understudy; a client with a session."""
    opened: list[Any] = []

    def open_client(name: str, *, group: str = "", to: Understudy = understudy, ssl: bool = True, **more: str) -> Any:
        address = f"{'ssl' if ssl else 'tcp'}://{to.host}:{to.ssl_port if ssl else to.port}"
        client = omero.client(address, pmap={"Ice.Default.InvocationTimeout": "20000", "omero.group": group})
        opened.append(client)
        client.setAgent(more.get("agent", "tests"))
        client.createSession(name, more.get("password", name))
        return client

    yield open_client
    for client in opened:
        client.__del__()


@pytest.fixture
def join(understudy: Understudy) -> Iterator[Callable[..., Any]]:
    """Join a session by its key."""
    opened: list[Any] = []

    def open_client(key: str, *, to: Understudy = understudy) -> Any:
        client = omero.client(f"ssl://{to.host}:{to.ssl_port}", pmap={"Ice.Default.InvocationTimeout": "20000"})
        opened.append(client)
        client.joinSession(key)
        return client

    yield open_client
    for client in opened:
        client.__del__()


@pytest.fixture
def gateway(understudy: Understudy) -> Iterator[Callable[..., Any]]:
    """A BlitzGateway of a user."""
    opened: list[Any] = []

    def open_gateway(name: str, *, secure: bool = True) -> Any:
        connection = BlitzGateway(name, name, host=understudy.host, port=understudy.ssl_port, secure=secure)
        assert connection.connect()
        opened.append(connection)
        return connection

    yield open_gateway
    for connection in opened:
        connection.close()


@pytest.fixture
def unique() -> str:
    """A name that no other test uses."""
    return f"test-{uuid.uuid4()}"


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """An OME-TIFF: 2 times, 3 planes, 2 channels, with names and sizes."""
    path = tmp_path / "deep" / "er" / "some" / "where" / "cells.ome.tiff"
    path.parent.mkdir(parents=True)
    pixels = np.arange(2 * 3 * 2 * 16 * 24, dtype="uint16").reshape(2, 3, 2, 16, 24)
    metadata = {
        "axes": "TZCYX",
        "Channel": {"Name": ["DAPI", "GFP"]},
        "PhysicalSizeX": 0.25,
        "PhysicalSizeXUnit": "µm",
    }
    tifffile.imwrite(path, pixels, ome=True, metadata=metadata)
    return path
