"""Takes the pictures of docs/images from a running sandbox: `python -m tests.browser.screenshots`."""

import argparse
import io
import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, expect
from prefect.client.orchestration import SyncPrefectClient

from deployments.sandbox.home import Home, Running
from deployments.sandbox.images import make_large_ome_tiff, make_small_ome_tiff, make_truncated
from deployments.sandbox.understudy.control import Control
from deployments.sandbox.watched import NAME
from flows.core.names import SWEEP_FLOW, sweep_table
from tests.browser.chromium import browsing, executable, visiting
from tests.browser.console import PATIENCE, Console

PICTURES = Path(__file__).resolve().parents[2] / "docs" / "images"
COLOURS = 128
WIDTH = 1180
SECONDS_FOR_A_WRITE = 1.0
Clip = tuple[int, int, int, int]
"""Left, top, width, height."""


def main(arguments: list[str]) -> int:
    """Take all pictures."""
    parser = argparse.ArgumentParser(prog="python -m tests.browser.screenshots", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path(".sandbox"), help="the data directory of the sandbox")
    running, chromium = Home(parser.parse_args(arguments).data).running(), executable()
    if running is None or chromium is None:
        sys.stderr.write("This needs a sandbox that runs (`make up`), and Chromium.\n")
        return 1
    folder = acquired(running.home.shares / "alice" / "2026-11-23")
    control = Control(running.omero_control)
    with browsing(chromium) as browser:
        for take in (the_form, the_report, the_progress, the_runs, the_sweep, the_interface):
            with visiting(browser, width=WIDTH, height=1400) as (page, _):
                take(page, running, folder, control)
    return 0


def acquired(folder: Path) -> Path:
    """Make what a microscope left: a large file, small ones, and one that was cut off while it was copied."""
    shutil.rmtree(folder, ignore_errors=True)
    for name in ("overnight", "mitosis", "screen"):
        (folder / name).mkdir(parents=True)
    make_large_ome_tiff(folder / "overnight" / "HeLa overnight.ome.tiff")
    for number in range(1, 4):
        make_small_ome_tiff(folder / "mitosis" / f"HeLa {number}.ome.tiff", seed=number)
    make_truncated(folder / "mitosis" / "HeLa 4.ome.tiff")
    make_small_ome_tiff(folder / "screen" / "well A01.ome.tiff")
    return folder


def the_form(page: Page, running: Running, folder: Path, _: Control) -> None:
    """The run form, with what is needed filled in."""
    console = Console(page, running.prefect)
    console.form()
    console.add("Files or folders", str(folder / "mitosis"))
    console.fill("OMERO user", "alice")
    console.fill("Where in OMERO", "Project:name:Mitosis/Dataset:name:HeLa")
    console.field("Where in OMERO").get_by_role("textbox").blur()
    save(page, "ui-run-form", (256, 0, WIDTH - 256, 890))


def the_report(page: Page, running: Running, folder: Path, _: Control) -> None:
    """The report of an import of which one file failed."""
    console = Console(page, running.prefect)
    console.start("alice", str(folder / "mitosis"), target="Project:name:Mitosis/Dataset:name:HeLa")
    console.ends("PartlyFailed")
    console.artifact("report")
    expect(page.get_by_text("In OMERO", exact=True)).to_be_visible()
    save(page, "ui-report", (256, 0, WIDTH - 256, 820))


def the_progress(page: Page, running: Running, folder: Path, control: Control) -> None:
    """An import while its large file is uploaded, and before it is cancelled."""
    console = Console(page, running.prefect)
    console.start("alice", str(folder / "screen"), target="Dataset:name:Screen")
    console.ends("Completed")
    control.latency(write=SECONDS_FOR_A_WRITE)
    try:
        console.start("alice", str(folder / "overnight"), target="Project:name:Mitosis/Dataset:name:Overnight")
        console.tab("Artifacts")
        expect(page.get_by_text("████░")).to_be_visible(timeout=PATIENCE)
        save(page, "ui-progress", (256, 0, WIDTH - 256, 870))
        console.cancel()
        console.ends("Cancelled")
    finally:
        control.clear()


def the_runs(page: Page, running: Running, _: Path, __: Control) -> None:
    """The list of runs: one completed, one partly failed, one cancelled."""
    page.goto(f"{running.prefect}/runs")
    expect(page.get_by_text("Cancelled", exact=True).first).to_be_visible()
    expect(page.get_by_text("PartlyFailed", exact=True).first).to_be_visible()
    save(page, "ui-runs", (256, 690, WIDTH - 256, 350))


def the_sweep(page: Page, running: Running, _: Path, __: Control) -> None:
    """The table of a sweep that found a bit of everything."""
    day = running.home.watched / "alice" / "Mitosis" / "Day 2"
    for folder in (day, running.home.watched / "Mallory" / "Tests" / "Day 1"):
        folder.mkdir(parents=True, exist_ok=True)
    for number in range(1, 4):
        make_small_ome_tiff(day / f"HeLa {number}.ome.tiff", seed=100 + number)
    (day / "HeLa 4.tif").touch()
    make_small_ome_tiff(running.home.watched / "Mallory" / "Tests" / "Day 1" / "cells.ome.tiff", seed=200)
    console = Console(page, running.prefect)
    with SyncPrefectClient(f"{running.prefect}/api") as prefect:
        deployment = prefect.read_deployment_by_name(f"{SWEEP_FLOW}/{NAME}").id
        for _ in range(3):
            run = prefect.create_flow_run_from_deployment(deployment)
            console.run(str(run.id))
            console.ends("Completed")
            make_small_ome_tiff(day / "HeLa 5.ome.tiff", seed=105)
    console.artifact(sweep_table(NAME))
    expect(page.get_by_text("quarantined", exact=True).first).to_be_visible()
    save(page, "ui-sweep", (256, 0, WIDTH - 256, 620))


def the_interface(page: Page, running: Running, _: Path, __: Control) -> None:
    """The page about the HTTP interface."""
    page.goto(f"{running.api}/docs")
    expect(page.get_by_text("Can it take imports?")).to_be_visible()
    save(page, "api-docs", (0, 40, WIDTH, 870))


def save(page: Page, name: str, clip: Clip) -> None:
    """Keep a part of what is seen, in few colours."""
    page.wait_for_load_state("networkidle")
    left, top, width, height = clip
    taken = page.screenshot(
        animations="disabled", caret="hide", clip={"x": left, "y": top, "width": width, "height": height}
    )
    picture = Image.open(io.BytesIO(taken)).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    picture.save(PICTURES / f"{name}.png", optimize=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
