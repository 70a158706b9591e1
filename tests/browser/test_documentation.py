"""The page about the HTTP interface, tried out in the browser without anything from elsewhere."""

import json

import pytest
from playwright.sync_api import Locator, Page, expect

from deployments.sandbox.home import Running

pytestmark = [pytest.mark.browser, pytest.mark.sandbox, pytest.mark.timeout(300)]


@pytest.fixture
def log_in(page: Page, sandbox: Running) -> Locator:
    """The part about logging in, opened."""
    page.goto(f"{sandbox.api}/docs")
    part = page.locator(".opblock").filter(has_text="Log in")
    part.locator(".opblock-summary-control").click()
    return part


def test_every_call_is_listed(log_in: Locator) -> None:
    expect(log_in.page.locator(".opblock-summary-description")).to_contain_text(
        ["Ask for an import", "List imports", "Look at an import", "Log in", "Log out"]
    )


def test_a_call_can_be_tried_out_on_the_page(log_in: Locator, sandbox: Running) -> None:
    body = json.dumps({"user": "bob", "password": sandbox.logins["bob"]})
    log_in.get_by_role("textbox").fill(body)
    log_in.get_by_role("button", name="Execute").click()

    expect(log_in.locator(".live-responses-table").get_by_role("cell", name="201", exact=True)).to_be_visible()
