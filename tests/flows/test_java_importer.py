"""Imports with OMERO's own importer, the whole way through HTTP: once in OMERO, whatever happens on the way."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from omero.gateway import BlitzGateway
from omero.rtypes import rstring
from omero.sys import ParametersI

from deployments.sandbox.home import Running
from deployments.sandbox.images import make_small_ome_tiff
from tests.faults.machine import Machine
from tests.faults.upkeep import Upkeep
from tests.support.courier import Courier, eventually
from tests.support.java import JavaDouble

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(400)]


@pytest.fixture
def machine(sandbox: Running) -> Iterator[Machine]:
    opened = Machine(sandbox)
    yield opened
    opened.close()


@pytest.fixture
def java(sandbox: Running) -> Iterator[JavaDouble]:
    """The double of the importer that the sandbox's settings name."""
    double = JavaDouble.of(sandbox)
    yield double
    double.behave()


@pytest.fixture
def held(sandbox: Running) -> Iterator[Callable[[Path], list[int]]]:
    """Say which images OMERO holds of a file, and those of its filesets that have none."""
    gateway = BlitzGateway(
        "alice", sandbox.logins["alice"], host=sandbox.omero_host, port=sandbox.omero_ssl_port, secure=True
    )
    assert gateway.connect(), gateway.getLastError()

    def of(path: Path) -> list[Any]:
        parameters = ParametersI()
        parameters.add("path", rstring(str(path).lstrip("/")))
        rows = "from FilesetEntry e join e.fileset f left outer join f.images i where e.clientPath = :path"
        return list(gateway.getQueryService().projection(f"select f.id, i.id {rows}", parameters))

    yield of
    gateway.close()


def test_an_image_comes_in_once_and_is_known_the_next_time(
    alice: Courier, java: JavaDouble, held: Callable[[Path], list[int]]
) -> None:
    image = make_small_ome_tiff(alice.folder() / "cells.ome.tiff")
    before = len(java.calls)

    ended = alice.outcome(alice.asks(image, importer="java", key_values={"Cell line": "HeLa"}))
    again = alice.outcome(alice.asks(image, importer="java"))

    assert (ended["state"], again["state"]) == ("completed", "completed")
    assert again["filesets"][0]["images"] == ended["filesets"][0]["images"]
    assert len(held(image)) == 1
    assert len(java.calls) - before == 1


@pytest.mark.thorough
def test_it_ends_in_omero_once_when_its_process_is_killed_midway(
    *, alice: Courier, java: JavaDouble, machine: Machine, held: Callable[[Path], list[int]]
) -> None:
    image = make_small_ome_tiff(alice.folder() / "cells.ome.tiff")
    java.behave(at="sent", hang=True, times=1)
    number = alice.asks(image, importer="java")
    eventually(lambda: java.reached, "the importer is at work")
    importer = java.calls[-1]["pid"]

    machine.kill_flows(number)
    eventually(lambda: not psutil.pid_exists(importer), "the importer died with its process")
    upkeep = Upkeep(machine)

    def over() -> bool:
        upkeep.round_in_turn()
        return alice.status(number)["state"] == "completed"

    eventually(over, "the import has gone on, and ended")
    assert len(held(image)) == 1


@pytest.mark.thorough
def test_a_cancel_ends_the_importer_and_leaves_nothing(
    alice: Courier, java: JavaDouble, held: Callable[[Path], list[int]]
) -> None:
    image = make_small_ome_tiff(alice.folder() / "cells.ome.tiff")
    java.behave(at="sending", hang=True, stubborn=True)
    number = alice.asks(image, importer="java")
    eventually(lambda: java.reached, "the importer is at work")

    assert alice.http.post(f"/v1/imports/{number}/cancel").status_code == 202

    assert alice.outcome(number)["state"] == "cancelled"
    assert not psutil.pid_exists(java.calls[-1]["pid"])
    assert held(image) == []


def test_what_bio_formats_does_not_read_is_refused_in_words(alice: Courier, java: JavaDouble) -> None:
    image = make_small_ome_tiff(alice.folder() / "cells.ome.tiff")
    java.behave(at="start", status=1, say="No imports found")

    ended = alice.outcome(alice.asks(image, importer="java"))

    assert ended["state"] == "failed"
    assert ended["filesets"][0]["error"]["code"] == "import-refused"
    assert "finds no image in this file" in ended["filesets"][0]["error"]["what"]
