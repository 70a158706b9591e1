"""Debian's Chromium, driven by Playwright: asks no other host, and remembers what its pages asked for."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, WebSocket, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
NO_GRAPHICS = ("--disable-3d-apis", "--disable-software-rasterizer")
"""Leaves out the drawing of a run's tasks, which takes a fifth of all without a graphics card."""
LIGHT = """localStorage.setItem('color-scheme', '"light"')"""
"""The Prefect UI is dark unless it was told otherwise."""


def executable() -> str | None:
    """Where Chromium is."""
    return next(filter(None, map(shutil.which, NAMES)), None)


@contextmanager
def browsing(path: str, *flags: str) -> Iterator[Browser]:
    """Run the browser, with further flags."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=[*FLAGS, *flags])
        yield browser
        browser.close()


@contextmanager
def visiting(browser: Browser, *, width: int = 1280, height: int = 1000) -> Iterator[tuple[Page, set[str]]]:
    """Open a page as a newcomer's browser does; with it come the hosts that were asked for anything."""
    hosts: set[str] = set()

    def note(url: str) -> None:
        if urlsplit(url).scheme not in ("data", "blob", "about"):
            hosts.add(str(urlsplit(url).hostname))

    def watch(socket: WebSocket) -> None:
        note(socket.url)

    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme="light")
    context.add_init_script(LIGHT)
    context.on("request", lambda request: note(request.url))
    context.on("page", lambda page: page.on("websocket", watch))
    yield context.new_page(), hosts
    context.close()
