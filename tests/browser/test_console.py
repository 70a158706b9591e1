"""The Prefect UI for somebody who has read nothing: start an import, follow it, stop it, read what became of it."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, expect

from deployments.sandbox.home import Running
from deployments.sandbox.images import make_large_ome_tiff, make_small_ome_tiff, make_text
from flows.core.notify.render import Link, as_markdown
from flows.core.requests import ImportRequest, Staging
from tests.browser.chromium import visiting
from tests.browser.console import PATIENCE, Console
from tests.support.courier import Courier

pytestmark = [pytest.mark.browser, pytest.mark.sandbox, pytest.mark.timeout(300)]

FORM: dict[str, Any] = ImportRequest.model_json_schema()["properties"]


def images(status: dict[str, Any], name: str) -> list[int]:
    (fileset,) = (each for each in status["filesets"] if each["name"] == name)
    return [image["id"] for image in fileset["images"]]


@pytest.fixture(scope="module")
def form(chromium: Browser, sandbox: Running) -> Iterator[Console]:
    """The form, on a page of its own: to load one takes seconds."""
    with visiting(chromium) as (page, hosts):
        console = Console(page, sandbox.prefect)
        console.form()
        yield console
    assert hosts == {"127.0.0.1"}


@pytest.fixture
def folder(alice: Courier) -> Path:
    """A new folder of alice's."""
    return alice.folder()


def test_the_deployment_says_what_it_does_and_how_to_start_it(console: Console) -> None:
    console.deployment()
    console.tab("Description")

    expect(console.page.get_by_text("Bring microscopy images into OMERO")).to_be_visible()
    expect(console.page.get_by_text("choose Run and Custom run")).to_be_visible()


def test_the_form_names_and_explains_every_field_what_is_needed_first(form: Console) -> None:
    in_order = sorted(FORM.values(), key=lambda field: field["position"])
    titles = [field["title"] for field in in_order]
    assert form.titles == [*titles[:2], *(f"{title} (Optional)" for title in titles[2:])]
    assert form.explanations == [field["description"].replace("`", "") for field in in_order]


def test_a_choice_is_made_from_a_list(form: Console) -> None:
    assert form.options("Copy first") == [each.value for each in Staging]


def test_a_form_without_files_is_sent_back_with_a_word_at_the_field(form: Console) -> None:
    form.fill("OMERO user", "alice")
    form.submit()

    expect(form.field("Files or folders")).to_contain_text("'sources' is a required property")


def test_an_import_started_from_the_form_is_followed_to_its_end(console: Console, folder: Path) -> None:
    make_small_ome_tiff(folder / "cells.ome.tiff")

    console.start("alice", str(folder), target=f"Project:name:Browser/Dataset:name:{folder.name}")
    console.ends("Completed")

    expect(console.page.get_by_text(f"alice: cells.ome.tiff into Dataset {folder.name}").first).to_be_visible()
    console.artifact("progress")
    expect(console.page.get_by_text("██████████ 1 of 1 file in OMERO")).to_be_visible()
    expect(console.page.get_by_text("Progress: 100%")).to_be_visible()
    console.back()
    console.artifact("report")
    expect(console.page.get_by_role("heading", name=f"in OMERO, in dataset {folder.name}")).to_be_visible()
    expect(console.page.get_by_text(re.compile(r"64 . 64, 2 channels, z 3, t 2\. Image \d+"))).to_be_visible()


@pytest.mark.thorough
def test_the_audit_trail_says_that_an_import_was_started_in_prefect(
    console: Console, sandbox: Running, folder: Path
) -> None:
    image = make_small_ome_tiff(folder / "cells.ome.tiff")

    run = console.start("alice", str(folder))
    console.ends("Completed")

    entries = map(json.loads, sandbox.home.audit_log.read_text().splitlines())
    asked, done = [each for each in entries if each.get("import_id") == run]
    assert (asked["action"], asked["who"], asked["as_whom"]) == ("import", "prefect", "alice")
    assert (asked["sources"], done["sources"]) == ([str(folder)], [str(image)])


def test_a_broken_file_is_named_with_the_reason_and_what_to_do(console: Console, folder: Path) -> None:
    make_small_ome_tiff(folder / "good.ome.tiff")
    make_text(folder / "bad.tif")
    console.start("alice", str(folder))
    console.ends("PartlyFailed")

    console.artifact("report")
    expect(console.page.get_by_role("heading", name="1 of 2 files is in OMERO, 1 is not")).to_be_visible()
    failed = console.page.get_by_role("listitem").filter(has_text="Its name says TIFF, but it is a text.")
    expect(failed).to_contain_text(str(folder / "bad.tif"))
    expect(failed).to_contain_text("Open it in the microscope's software and export it again.")
    console.back()
    console.artifact("filesets")
    rows = console.page.get_by_role("row").filter(has_text=re.compile(r"good\.ome\.tiff\s*done|bad\.tif\s*failed"))
    expect(rows).to_have_count(2)


@pytest.mark.thorough
def test_a_retry_imports_what_is_missing_and_nothing_twice(console: Console, alice: Courier, folder: Path) -> None:
    make_small_ome_tiff(folder / "good.ome.tiff")
    make_text(folder / "late.ome.tiff")
    run = console.start("alice", str(folder))
    console.ends("PartlyFailed")
    before = images(alice.status(run), "good.ome.tiff")

    make_small_ome_tiff(folder / "late.ome.tiff")
    console.retry()
    console.ends("Completed")

    assert images(alice.status(run), "good.ome.tiff") == before
    console.artifact("report")
    expect(console.page.get_by_role("heading", name="All 2 files are in OMERO")).to_be_visible()


@pytest.mark.usefixtures("slow_omero")
def test_the_bar_moves_while_a_file_is_uploaded_and_the_cancel_button_stops_it(console: Console, folder: Path) -> None:
    make_large_ome_tiff(folder / "night.ome.tiff")
    run = console.start("alice", str(folder))
    console.tab("Artifacts")

    begun = console.page.get_by_text(re.compile(r"^█.*0 of 1 file in OMERO; now: upload 1"))
    expect(begun).to_be_visible(timeout=PATIENCE)
    first = begun.inner_text()
    expect(begun).not_to_have_text(first, timeout=PATIENCE)
    console.cancel()
    console.ends("Cancelled")
    console.run(run)
    console.artifact("report")
    expect(console.page.get_by_role("heading", name="Import cancelled: nothing of it is in OMERO")).to_be_visible()


def test_links_in_a_report_lead_to_omero_web(console: Console, sandbox: Running) -> None:
    url = "https://omero.example/webclient/?show=image-7"
    report = {"type": "markdown", "key": "report", "data": as_markdown(((Link("Image 7", url),),), "Done")}
    made = httpx.post(f"{sandbox.prefect}/api/artifacts/", json=report, trust_env=False).json()

    console.page.goto(f"{sandbox.prefect}/artifacts/artifact/{made['id']}")

    expect(console.page.get_by_role("link", name="Image 7")).to_have_attribute("href", url)


def test_there_is_no_way_to_the_ui_that_calls_home(console: Console, sandbox: Running) -> None:
    console.page.goto(f"{sandbox.prefect}/v2/dashboard")
    console.deployment()

    expect(console.page.get_by_text("V2")).to_have_count(0)
