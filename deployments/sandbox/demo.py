"""`make demo`: tells on a running sandbox how images get from the microscope into OMERO, and checks every word."""

import sys
import time
from collections.abc import Mapping
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.filesize import decimal

from deployments.sandbox.demo_images import Acquisition, acquire
from deployments.sandbox.demo_omero import HeldImage, images_in
from deployments.sandbox.demo_progress import TooLong, follow
from deployments.sandbox.home import Home, Running
from deployments.sandbox.table import console, print_rows
from flows.core.checksums import new_hash

USER = "alice"
PROJECT, DATASET = "Mitosis", "HeLa"
_MAIL_SECONDS = 30.0


class DemoFailed(Exception):
    """Something is not as it was promised."""


def main(data: Path) -> int:
    """Tell the story, keep it in `demo.txt`, and return the exit status."""
    running, out, began = Home(data).running(), console(record=True), time.monotonic()
    if running is None:
        out.print(f"No sandbox runs on {data}: start one with `make up`.")
        return 1
    status = 0
    try:
        tell(running, out)
    except (DemoFailed, TooLong, ConnectionError, httpx.HTTPError) as failure:
        out.print(f"\nThe demo failed: {failure}\nThe logs are in {Home(data).logs}", markup=False)
        status = 1
    out.print(f"\nTold in {time.monotonic() - began:.0f} s; this text is kept in {data / 'demo.txt'}")
    out.save_text(str(data / "demo.txt"))
    return status


def tell(running: Running, out: Console) -> None:
    """Tell it from beginning to end.

    Raises:
        DemoFailed: something is not as promised; says what.
    """
    began = datetime.now().astimezone()
    target = f"Project:name:{PROJECT}/Dataset:name:{DATASET} {began:%Y-%m-%d %H:%M:%S}"
    acquired = _at_the_microscope(running, out, began)
    with httpx.Client(base_url=running.api, trust_env=False, timeout=30) as courier:
        accepted = _hand_over(courier, running, acquired, target, out)
        ended = _come_back(courier, running, accepted, out)
    _outcome(ended, acquired, out)
    _what_omero_holds(running, acquired, target, out)
    _the_mail(running, accepted["id"], out)
    _heading(out, "Look around")
    out.print(f"The run in the Prefect UI: {accepted['links']['ui']}\n")
    out.print("`make up` brings it all back as it was; `make clean` removes it.")


def _at_the_microscope(running: Running, out: Console, now: datetime) -> Acquisition:
    _heading(out, "1. At the microscope")
    acquired = acquire(running.home.shares / USER, now)
    files = [*acquired.good, acquired.truncated]
    out.print(f"{USER} has {len(files)} files in {acquired.folder}; the copy of one was cut short:")
    print_rows(out, ("file", "size"), [(path.name, decimal(path.stat().st_size)) for path in files])
    return acquired


def _hand_over(
    courier: httpx.Client, running: Running, acquired: Acquisition, target: str, out: Console
) -> dict[str, Any]:
    _heading(out, "2. Handed over, logged out")
    bearer = _log_in(courier, running, out)
    refused = courier.post("/v1/imports", json={"sources": [str(acquired.empty)], "target": target}, headers=bearer)
    _expect(refused.status_code == 422, f"An empty file should get 422, but: {_said(refused)}")
    out.print(
        f"An empty file is refused at the door:\n  {refused.json()['detail']} {refused.json()['advice']}", markup=False
    )
    request = {"sources": [str(acquired.folder)], "target": target, "key_values": {"Cell line": "HeLa"}}
    accepted = courier.post("/v1/imports", json=request, headers=bearer)
    _expect(accepted.status_code == 202, f"The import should get 202, but: {_said(accepted)}")
    out.print(f"The folder is accepted for {target}: import {accepted.json()['id']}")
    gone = courier.delete("/v1/sessions/current", headers=bearer)
    _expect(gone.status_code == 204, f"Logging out should get 204, but: {_said(gone)}")
    late = courier.get(f"/v1/imports/{accepted.json()['id']}", headers=bearer)
    _expect(late.status_code == 401, f"A closed session should get 401, but: {_said(late)}")
    out.print(f"{USER} has logged out; that session opens nothing any more. The import goes on.")
    answer: dict[str, Any] = accepted.json()
    return answer


def _come_back(courier: httpx.Client, running: Running, accepted: Mapping[str, Any], out: Console) -> Mapping[str, Any]:
    _heading(out, "3. Later, from another computer")
    bearer = _log_in(courier, running, out)

    def look() -> dict[str, Any]:
        answer: dict[str, Any] = courier.get(accepted["links"]["status"], headers=bearer).raise_for_status().json()
        return answer

    return follow(look, out)


def _log_in(courier: httpx.Client, running: Running, out: Console) -> dict[str, str]:
    answer = courier.post("/v1/sessions", json={"user": USER, "password": running.logins[USER]})
    _expect(answer.is_success, f"{USER} should be let in, but: {_said(answer)}")
    out.print(f"{USER} logs in to the courier with the OMERO password.")
    return {"Authorization": f"Bearer {answer.json()['token']}"}


def _outcome(ended: Mapping[str, Any], acquired: Acquisition, out: Console) -> None:
    _heading(out, "4. What became of each file")
    rows = [(each["name"], each["stage"], _words(each["error"])) for each in ended["filesets"]]
    print_rows(out, ("file", "stage", "reason and advice"), rows)
    done = {each["name"] for each in ended["filesets"] if each["stage"] == "done"}
    _expect(
        done == {path.name for path in acquired.good}, f"All good files should be imported; these are: {sorted(done)}"
    )
    _expect(ended["state"] == "partly_failed", f"The import should end partly_failed; it is {ended['state']}")
    out.print("The broken file is refused with a reason, and held nothing up.")


def _words(error: Mapping[str, Any] | None) -> str:
    return f"{error['what']} {error['advice']}" if error else ""


def _what_omero_holds(running: Running, acquired: Acquisition, target: str, out: Console) -> None:
    _heading(out, "5. What OMERO holds, asked with a plain omero-py client")
    images = images_in(running, USER, PROJECT, target.split("Dataset:name:")[1])
    sources = {path.name: path for path in acquired.good}
    for image in images:
        _expect_as_made(image, sources, acquired)
    print_rows(
        out, ("image", "name", "x, y, z, t", "channels", "owner", "dataset"), [_described(each) for each in images]
    )
    checksums = [(each.file, decimal(each.bytes), f"{each.algorithm} {each.checksum}", "equal") for each in images]
    print_rows(out, ("stored file", "size", "OMERO's checksum", "and the source's"), checksums)
    files = sorted(image.file for image in images)
    _expect(files == sorted(sources), f"OMERO should hold one image of each good file; it holds {files}")


def _described(image: HeldImage) -> tuple[str, ...]:
    return str(image.id), image.name, image.shape, str(image.size_c), image.owner, image.dataset


def _expect_as_made(image: HeldImage, sources: Mapping[str, Path], acquired: Acquisition) -> None:
    _expect(image.file in sources, f"{image.file} should not be in OMERO")
    own = _checksum(sources[image.file], image.algorithm)
    _expect(image.checksum == own, f"{image.file}: OMERO's checksum {image.checksum} should be the source's {own}")
    _expect(image.owner == USER, f"{image.file} should belong to {USER}, not {image.owner}")
    made = acquired.channels[image.file]
    _expect(image.size_c == made, f"{image.file} should have {made} channels, not {image.size_c}")


def _checksum(path: Path, algorithm: str) -> str:
    hashed = new_hash(algorithm)  # type: ignore[arg-type]
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            hashed.update(block)
    return hashed.hexdigest()


def _the_mail(running: Running, run_id: str, out: Console) -> None:
    _heading(out, "6. The mail that arrived")
    until = time.monotonic() + _MAIL_SECONDS
    while not (mails := _mails_about(running, run_id)) and time.monotonic() < until:
        time.sleep(0.2)
    _expect(bool(mails), f"A mail to {USER} should have arrived within {_MAIL_SECONDS:.0f} s")
    body = mails[0].get_body(("plain",))
    out.print(f"To: {mails[0]['To']}\nSubject: {mails[0]['Subject']}\n", markup=False)
    out.print(body.get_content().strip() if body else "", markup=False)


def _mails_about(running: Running, run_id: str) -> list[EmailMessage]:
    mails = [message_from_bytes(path.read_bytes(), policy=policy.default) for path in running.home.mails.glob("*.eml")]
    mine = [mail for mail in mails if USER in str(mail["X-RcptTo"])]
    return [mail for mail in mine if (body := mail.get_body(("plain",))) and run_id in body.get_content()]


def _said(answer: httpx.Response) -> str:
    return f"{answer.status_code} {answer.text}"


def _heading(out: Console, text: str) -> None:
    out.print(f"\n{text}\n{'-' * len(text)}", style="bold")


def _expect(true: bool, what: str) -> None:
    if not true:
        raise DemoFailed(what)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
