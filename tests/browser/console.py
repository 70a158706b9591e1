"""The Prefect UI as a person sees it: what can be read there, and what can be clicked."""

import re

from playwright.sync_api import Locator, Page, expect

SECONDS = 1000.0
PATIENCE = 90 * SECONDS
"""For what a run does; in the milliseconds of Playwright."""


class Console:
    """One browser page on the Prefect UI of a sandbox."""

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self._address = address

    def deployment(self, name: str = "sandbox") -> None:
        """Go to the deployment, from the list of all."""
        self.page.goto(f"{self._address}/deployments")
        self.page.get_by_role("link", name=name, exact=True).click()
        expect(self.page.get_by_text("Configuration", exact=True)).to_be_visible()

    def form(self) -> None:
        """Open the form that starts a run."""
        self.deployment()
        self.page.get_by_role("button", name="Run", exact=True).click()
        self.page.get_by_text("Custom run", exact=True).click()
        expect(self.field("OMERO user")).to_be_visible()

    @property
    def fields(self) -> Locator:
        """All fields of the request, in their order."""
        return self.page.locator(".schema-form-properties .schema-form-properties > .schema-form-property")

    def field(self, title: str) -> Locator:
        """One field, with its title and its description."""
        return self.fields.filter(has=self.page.get_by_text(re.compile(rf"^{title}( \(Optional\))?$")))

    @property
    def titles(self) -> list[str]:
        """What the fields are called."""
        return self.fields.locator(".schema-form-property__label").all_inner_texts()

    @property
    def explanations(self) -> list[str]:
        """What is said of the fields."""
        return self.fields.locator(".schema-form-property__description").all_inner_texts()

    def options(self, title: str) -> list[str]:
        """Open the list of a field, and read what it offers."""
        self.field(title).locator(".p-select-button__icon").click()
        options = self.page.get_by_role("option")
        expect(options.first).to_be_visible()
        found = options.all_inner_texts()
        self.page.keyboard.press("Escape")
        return found

    def fill(self, title: str, text: str) -> None:
        """Write into a field."""
        self.field(title).get_by_role("textbox").fill(text)

    def add(self, title: str, text: str) -> None:
        """Add an item to a list."""
        field = self.field(title)
        field.get_by_role("button", name="Add item").click()
        field.get_by_role("textbox").last.fill(text)

    def submit(self) -> None:
        """Send the form."""
        self.page.get_by_role("button", name="Submit").click()

    def start(self, user: str, *sources: str, target: str | None = None) -> str:
        """Fill in the form, send it, go to the run, and return its id."""
        self.form()
        for source in sources:
            self.add("Files or folders", source)
        self.fill("OMERO user", user)
        if target is not None:
            self.fill("Where in OMERO", target)
        with self.page.expect_response("**/create_flow_run") as answer:
            self.submit()
        number: str = answer.value.json()["id"]
        self.run(number)
        return number

    def run(self, number: str) -> None:
        """Go to a run."""
        self.page.goto(f"{self._address}/runs/flow-run/{number}")

    def back(self) -> None:
        """Go back to where the page was before, which takes no second to load."""
        self.page.go_back()

    def ends(self, state: str) -> None:
        """See the run end in a state."""
        expect(self.page.get_by_text(state, exact=True).first).to_be_visible(timeout=PATIENCE)

    def retry(self) -> None:
        """Run the run that is shown once more."""
        self.page.get_by_role("button", name="Retry", exact=True).click()
        self.page.locator(".p-modal").get_by_role("button", name="Retry", exact=True).click()

    def cancel(self) -> None:
        """Cancel the run that is shown."""
        self.page.get_by_role("button", name="Cancel", exact=True).click()
        self.page.get_by_role("button", name="Confirm", exact=True).click()

    def tab(self, name: str) -> None:
        """Turn to one of the pages of what is shown."""
        self.page.get_by_text(name, exact=True).first.click()

    def artifact(self, name: str) -> None:
        """Open one of the run's artifacts."""
        self.tab("Artifacts")
        self.page.get_by_text(name, exact=True).first.click()
        self.page.wait_for_url("**/artifacts/artifact/*")
