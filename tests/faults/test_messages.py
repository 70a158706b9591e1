"""The mail server is down: imports do not mind, and every word arrives once it is back, or is kept in a list."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas import filters as where
from prefect.client.schemas.objects import FlowRun
from prefect.states import Scheduled

from deployments.sandbox.home import Running
from flows.core.notify import Letter, Message
from flows.outbox import About, hand_over
from tests.faults.conftest import Hurt
from tests.faults.fleet import Accepted, Kind
from tests.faults.machine import MAIL
from tests.support.courier import eventually, mails_about

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(300)]


@dataclass
class Post:
    """What Prefect says of messages that could not be sent at once."""

    sandbox: Running
    prefect: SyncPrefectClient

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
def post(hurt: Hurt) -> Iterator[Post]:
    with hurt.scene.upkeep.client() as client:
        yield Post(hurt.machine.running, client)


@pytest.fixture
def without_mail(hurt: Hurt) -> Iterator[ExitStack]:
    """The mail server is down until this is closed."""
    with ExitStack() as stack:
        stack.enter_context(hurt.machine.down(MAIL))
        yield stack


def an_import(hurt: Hurt) -> Accepted:
    accepted = hurt.fleet.send(Kind.SMALL, "alice")
    assert hurt.outcome(accepted) == "completed"
    return accepted


def test_a_summary_arrives_once_the_mail_server_is_back(hurt: Hurt, post: Post, without_mail: ExitStack) -> None:
    accepted = an_import(hurt)
    waiting = post.message_in(accepted.id, "AwaitingRetry")

    without_mail.close()
    post.message_in(accepted.id, "Completed")

    (letter,) = mails_about(post.sandbox, accepted.id)
    assert f"{accepted.wanted[0].path.name} is in OMERO" in str(letter["Subject"])
    assert {"user:alice", "server:sandbox", f"about:{accepted.id}"} <= set(waiting.tags)
    assert "took no message" in str(waiting.state.message)


@pytest.mark.thorough
def test_what_cannot_be_sent_for_long_is_kept_and_can_be_sent_again(
    hurt: Hurt, post: Post, without_mail: ExitStack
) -> None:
    accepted = an_import(hurt)
    kept = post.message_in(accepted.id, "Failed")

    without_mail.close()
    post.prefect.set_flow_run_state(kept.id, Scheduled(name="AwaitingRetry"))
    post.message_in(accepted.id, "Completed")

    assert kept.name.startswith(f"{accepted.wanted[0].path.name} is in OMERO")
    assert hurt.fleet.refresh(accepted).state == "completed"
    assert len(mails_about(post.sandbox, accepted.id)) == 1


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
