"""The mail server is down: imports do not mind, and every word arrives once it is back, or is kept in a list."""

import json
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas import filters as where
from prefect.client.schemas.objects import FlowRun
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Scheduled

from deployments.sandbox.home import Running
from flows.core.notify import Letter, Message
from flows.outbox import About, hand_over
from tests.support.courier import Courier, eventually
from tests.support.images import MakeImage
from tests.support.sandbox import SandboxProcess

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(300)]
SINK = "mail sink"
RETRIES = "RETRIES__MINUTES=[0.25]"


@dataclass
class Post:
    """A sandbox whose mail server can be taken away, and what Prefect says of the messages."""

    sandbox: Running
    prefect: SyncPrefectClient

    def take_the_mail_server_away(self) -> None:
        (self.sandbox.home.holds / SINK).touch()
        if (pid := self._sink()) is not None:
            os.kill(pid, signal.SIGKILL)
        eventually(lambda: self._sink() is None, "the mail server is down")

    def bring_the_mail_server_back(self) -> None:
        (self.sandbox.home.holds / SINK).unlink()
        eventually(self._sink, "the mail server is back")

    def _sink(self) -> int | None:
        found: int | None = json.loads(self.sandbox.home.pids.read_text())[SINK]
        return found

    def messages(self, about: str) -> list[FlowRun]:
        """The messages about an import that could not be sent at once."""
        tagged = where.FlowRunFilter(tags=where.FlowRunFilterTags(all_=[f"about:{about}"]))
        return self.prefect.read_flow_runs(flow_run_filter=tagged)

    def message_in(self, about: str, state: str) -> FlowRun:
        """The message about an import, once it is in that state."""

        def there() -> FlowRun | None:
            return next((each for each in self.messages(about) if each.state_name == state), None)

        return eventually(there, f"a message about {about} is {state}")


@pytest.fixture(scope="module")
def post(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Post]:
    process = SandboxProcess(tmp_path_factory.mktemp("post") / "data")
    try:
        running = process.start("--restart", "--set", RETRIES)
        with temporary_settings({PREFECT_API_URL: f"{running.prefect}/api"}), get_client(sync_client=True) as client:
            yield Post(running, client)
    finally:
        process.stop()


@pytest.fixture
def user(post: Post) -> Iterator[Courier]:
    courier = Courier(post.sandbox, "alice")
    yield courier
    courier.http.close()


@pytest.fixture
def without_mail(post: Post) -> Iterator[Post]:
    post.take_the_mail_server_away()
    yield post
    (post.sandbox.home.holds / SINK).unlink(missing_ok=True)


def an_import(courier: Courier, make_image: MakeImage, name: str) -> str:
    folder = courier.folder()
    make_image(name).rename(folder / name)
    number = courier.asks(folder)
    assert courier.outcome(number)["state"] == "completed"
    return number


def test_a_summary_arrives_once_the_mail_server_is_back(
    without_mail: Post, user: Courier, make_image: MakeImage
) -> None:
    number = an_import(user, make_image, "late.tif")
    waiting = without_mail.message_in(number, "AwaitingRetry")

    without_mail.bring_the_mail_server_back()
    without_mail.message_in(number, "Completed")

    (letter,) = user.mails(number)
    assert "late.tif is in OMERO" in str(letter["Subject"])
    assert {"user:alice", "server:sandbox", f"about:{number}"} <= set(waiting.tags)
    assert "took no message" in str(waiting.state.message)


@pytest.mark.thorough
def test_what_cannot_be_sent_for_long_is_kept_and_can_be_sent_again(
    without_mail: Post, user: Courier, make_image: MakeImage
) -> None:
    number = an_import(user, make_image, "unsent.tif")
    kept = without_mail.message_in(number, "Failed")

    without_mail.bring_the_mail_server_back()
    without_mail.prefect.set_flow_run_state(kept.id, Scheduled(name="AwaitingRetry"))
    without_mail.message_in(number, "Completed")

    assert kept.name.startswith("unsent.tif is in OMERO")
    assert user.status(number)["state"] == "completed"
    assert len(user.mails(number)) == 1


def test_the_same_word_is_handed_over_once(post: Post) -> None:
    letter = Letter("zoe@lab.example", Message("Twice is once", "Hello\n", "<p>Hello</p>"))

    for about in (
        About(user="zoe", occasion="monday"),
        About(user="zoe", occasion="monday"),
        About(occasion="tuesday"),
    ):
        hand_over([letter], about)

    def arrived() -> list[Path] | None:
        found = [each for each in post.sandbox.home.mails.glob("*.eml") if "Twice is once" in each.read_text()]
        return found if len(found) >= 2 else None

    assert len(eventually(arrived, "both days' messages arrive")) == 2


def test_a_message_to_nobody_fails_at_once(post: Post) -> None:
    hand_over([Letter("no such channel", Message("To nobody", "Hello\n", "<p>Hello</p>"))], About(user="x"))

    def ended() -> FlowRun | None:
        runs = post.prefect.read_flow_runs(
            flow_run_filter=where.FlowRunFilter(name=where.FlowRunFilterName(like_="To nobody"))
        )
        return runs[0] if runs and runs[0].state_name == "Failed" else None

    assert "No channel has this name" in str(eventually(ended, "it is given up").state.message)
