"""The whole sandbox: what it shows, how it ends, what it leaves behind."""

import signal
import smtplib
from email.message import EmailMessage
from pathlib import Path

import httpx
import psutil
import pytest

from deployments.sandbox.home import Running
from tests.support.sandbox import SandboxProcess, dump_database, until

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(300)]


def process_of(sandbox: SandboxProcess, argument: str) -> psutil.Process:
    return next(each for each in sandbox.processes if argument in each.cmdline())


def status_of_prefect(running: Running, path: str) -> int:
    return httpx.get(f"{running.prefect}{path}", trust_env=False).status_code


def test_everything_answers_where_it_says(sandbox: Running) -> None:
    assert httpx.get(f"{sandbox.api}/health/ready", trust_env=False).json()["status"] == "ready"
    assert httpx.get(f"{sandbox.api}/docs", trust_env=False).status_code == 200
    assert status_of_prefect(sandbox, "/") == 200
    assert b"CREATE TABLE public.flow_run" in dump_database(sandbox)


def test_mails_are_kept(sandbox: Running) -> None:
    mail = EmailMessage()
    mail["Subject"] = "Are you there?"
    mail.set_content("Yes.")
    with smtplib.SMTP("127.0.0.1", sandbox.smtp_port) as server:
        server.send_message(mail, "from@sandbox.example", ["to@sandbox.example"])

    kept = [path.read_text() for path in sandbox.home.mails.glob("*.eml")]

    assert any("X-RcptTo: to@sandbox.example" in each and "Are you there?" in each for each in kept)


def test_the_pool_has_its_limit_and_its_queues(sandbox: Running) -> None:
    pool = httpx.get(f"{sandbox.prefect}/api/work_pools/omero-sandbox", trust_env=False).json()
    queues = httpx.post(
        f"{sandbox.prefect}/api/work_pools/omero-sandbox/queues/filter", json={}, trust_env=False
    ).json()

    assert pool["concurrency_limit"] == 2
    assert {"people", "bulk"} <= {queue["name"] for queue in queues}


def test_prefect_calls_nobody(sandbox: Running) -> None:
    settings = httpx.get(f"{sandbox.prefect}/api/admin/settings", trust_env=False).json()["server"]

    assert settings["analytics_enabled"] is False
    assert settings["ui"]["v2_enabled"] is False


@pytest.mark.thorough
def test_sigterm_stops_everything_and_the_data_comes_back(own_sandbox: SandboxProcess) -> None:
    first = own_sandbox.start()
    for address in (first.api, first.prefect, "shares/USER", "Ctrl-C"):
        assert address in own_sandbox.told
    deployed = deployment(first)

    assert own_sandbox.send(signal.SIGTERM) == 0
    assert own_sandbox.processes == []
    assert own_sandbox.home.running() is None
    assert not Path(first.database).exists()

    again = own_sandbox.start()

    assert again.api == first.api
    assert deployment(again)["id"] == deployed["id"]


def deployment(running: Running) -> dict[str, object]:
    answer = httpx.get(f"{running.prefect}/api/deployments/name/import-images/sandbox", trust_env=False)
    found: dict[str, object] = answer.raise_for_status().json()
    return found


@pytest.mark.thorough
def test_a_part_that_dies_is_named_with_its_log_and_takes_everything_down(own_sandbox: SandboxProcess) -> None:
    own_sandbox.start()

    process_of(own_sandbox, "deployments.sandbox.mail_sink").kill()

    assert own_sandbox.wait() == 1
    assert "mail sink: killed by SIGKILL" in own_sandbox.told
    assert str(own_sandbox.home.logs / "mail-sink.log") in own_sandbox.told
    assert own_sandbox.processes == []


def test_nothing_is_left_when_the_supervisor_itself_is_killed(own_sandbox: SandboxProcess) -> None:
    running = own_sandbox.start()
    assert len(own_sandbox.processes) >= 7

    own_sandbox.send(signal.SIGKILL)

    until(lambda: not own_sandbox.processes, 30, "every process has ended")
    until(lambda: not Path(running.database).exists(), 30, "the directory of the socket is gone")
