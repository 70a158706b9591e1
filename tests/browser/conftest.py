"""A browser for these tests, on the shared sandbox; whatever its pages ask for has to be on this machine."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from deployments.sandbox.home import Running
from deployments.sandbox.understudy.control import Control
from tests.browser.chromium import NO_GRAPHICS, browsing, executable, visiting
from tests.browser.console import Console


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Ends with the module: Playwright keeps an event loop, beside which other tests could not have theirs."""
    if (path := executable()) is None:
        pytest.skip("Chromium is not there: sudo apt-get install -y chromium")
    with browsing(path, *NO_GRAPHICS) as browser:
        yield browser


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A page that may ask this machine only."""
    with visiting(chromium) as (page, hosts):
        yield page
    assert hosts == {"127.0.0.1"}


@pytest.fixture
def console(page: Page, sandbox: Running) -> Console:
    """The Prefect UI."""
    return Console(page, sandbox.prefect)


@pytest.fixture
def slow_omero(sandbox: Running) -> Iterator[Control]:
    """An OMERO that takes its time over every write, until the test ends."""
    control = Control(sandbox.omero_control)
    control.latency(write=0.5)
    yield control
    control.clear()
