"""Compares, when all is quiet, what OMERO holds with what was accepted: byte for byte and image for image."""

from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from typing import Any

from flows.core import names
from tests.faults.fleet import Accepted, Wanted
from tests.faults.holdings import HeldFileset, by_run, holdings
from tests.faults.machine import Machine, NotHealed, until

QUIET_SECONDS = 150.0
"""Locks are leased: those of a process that was killed come free a minute later."""
ALIVE = ("PENDING", "RUNNING", "CANCELLING")
PREFIX = "omero-courier/"


@dataclass
class Verdict:
    """What was found wrong, a line each; all of these are to be empty."""

    lost: list[str] = field(default_factory=list)
    """Accepted, and neither in OMERO nor in a clear failure that is listed."""
    doubled: list[str] = field(default_factory=list)
    """More than once in OMERO."""
    silent: list[str] = field(default_factory=list)
    """Over, and its user was not told."""
    leaked: list[str] = field(default_factory=list)
    """Places, locks and sessions that nobody uses and nobody else can have."""
    debris: list[str] = field(default_factory=list)
    """Half of something, left behind."""
    outcomes: dict[str, int] = field(default_factory=dict)
    """For information: how imports ended."""
    told_twice: int = 0
    """For information: imports of whose end somebody was told more than once."""

    @property
    def clean(self) -> bool:
        return not (self.lost or self.doubled or self.silent or self.leaked or self.debris)

    def wrong(self) -> dict[str, list[str]]:
        """What was found wrong, by its kind."""
        kinds = ("lost", "doubled", "silent", "leaked", "debris")
        return {kind: getattr(self, kind) for kind in kinds}


def judge(machine: Machine, accepted: Sequence[Accepted]) -> Verdict:
    """Compare everything; waits a while for what is let go of by time."""
    verdict = Verdict(outcomes=dict(Counter(each.state for each in accepted)))
    verdict.leaked = leaks(machine, {each.id for each in accepted})
    held = holdings(machine.running)
    runs = by_run(held)
    for each in accepted:
        judge_import(each, runs.get(each.id, []), held, verdict)
    judge_contents(accepted, held, verdict)
    judge_mails(machine, accepted, verdict)
    verdict.debris += debris(machine, held)
    return verdict


def judge_import(accepted: Accepted, own: list[HeldFileset], held: list[HeldFileset], verdict: Verdict) -> None:
    """One import, file by file."""
    who = f"{accepted.id} ({accepted.kind} of {accepted.user}, {accepted.state})"
    if not accepted.over:
        verdict.lost.append(f"{who}: not over")
        return
    said = {path: each for each in accepted.answer.get("filesets", ()) for path in each["files"]}
    for wanted in accepted.wanted:
        mine = [each for each in own if each.images and str(wanted.path).lstrip("/") in each.paths]
        if len(mine) > 1:
            verdict.doubled.append(f"{who}: {wanted.path} is in filesets {[each.id for each in mine]}")
        if any(each.owner != accepted.user for each in mine):
            verdict.lost.append(f"{who}: {wanted.path} belongs to somebody else")
        row = said.get(str(wanted.path)) or _row_of(accepted, mine)
        if (trouble := _trouble(accepted, wanted, mine, row, held)) is not None:
            verdict.lost.append(f"{who}: {wanted.path}: {trouble}")


def _row_of(accepted: Accepted, mine: list[HeldFileset]) -> dict[str, Any] | None:
    """What no process lived to note is told by its fileset alone, as OMERO holds it."""
    ids = {each.id for each in mine}
    return next((row for row in accepted.answer.get("filesets", ()) if row["fileset_id"] in ids), None)


def _trouble(
    accepted: Accepted,
    wanted: Wanted,
    mine: list[HeldFileset],
    row: dict[str, Any] | None,
    held: list[HeldFileset],
) -> str | None:
    """Say what is wrong with the outcome of one file, or None."""
    failed = row is not None and row["stage"] == "failed" and row["error"] is not None
    cancelled = accepted.cancelled and (row is None or row["stage"] == "cancelled")
    as_a_whole = accepted.state == "failed" and bool(accepted.answer.get("reason"))
    if mine:
        if not set(mine[0].sha1s) <= set(wanted.sha1s):
            return f"OMERO holds other bytes, {mine[0].sha1s}"
        return (
            None if row is not None and row["stage"] == "done" else f"in OMERO, but said to be {row and row['stage']}"
        )
    if failed or cancelled or (row is None and as_a_whole):
        return None
    if row is not None and row["stage"] == "done":
        return _pointer_trouble(accepted, wanted, row, held)
    return f"not in OMERO, and said to be {row and row['stage']}"


def _pointer_trouble(accepted: Accepted, wanted: Wanted, row: dict[str, Any], held: list[HeldFileset]) -> str | None:
    """A file that was not imported since the user had it: what it points to must be that."""
    shown = next((each for each in held if each.id == row["fileset_id"]), None)
    if shown is None or not {image["id"] for image in row["images"]} <= set(shown.images) or not row["images"]:
        return "said to be done, but is not in OMERO"
    if shown.owner != accepted.user or not set(shown.sha1s) <= set(wanted.sha1s) or not accepted.skips:
        return f"points to fileset {shown.id}, which is something else"
    return None


def judge_contents(accepted: Iterable[Accepted], held: Iterable[HeldFileset], verdict: Verdict) -> None:
    """The same content of the same user is there once, and once more for each import that asked for it so."""
    times_held: Counter[tuple[str, str]] = Counter()
    for each in held:
        if each.images and each.run_key:
            times_held.update({(each.owner, sha1): 1 for sha1 in set(each.sha1s)})
    skipping: dict[tuple[str, str], int] = {}
    importing: Counter[tuple[str, str]] = Counter()
    for one in accepted:
        for key in ((one.user, sha1) for wanted in one.wanted for sha1 in wanted.sha1s):
            if one.skips:
                skipping[key] = 1
            else:
                importing[key] += 1
    for key, times in times_held.items():
        if times > skipping.get(key, 0) + importing[key]:
            verdict.doubled.append(f"{key[0]} has the content {key[1]} {times} times")


def judge_mails(machine: Machine, accepted: Sequence[Accepted], verdict: Verdict) -> None:
    """Who ended was told; and how often."""
    verdict.silent += silent(machine, accepted)
    mails = mails_by_receiver(machine)
    for each in accepted:
        verdict.told_twice += len([text for text in mails[_address(each)] if each.id in text]) > 1 + each.retried


def silent(machine: Machine, accepted: Sequence[Accepted]) -> list[str]:
    """Return the imports that are over although no mail about them has reached their user."""
    mails = mails_by_receiver(machine)
    quiet = [each for each in accepted if each.over and not any(each.id in text for text in mails[_address(each)])]
    return [f"{each.id} ({each.kind} of {each.user}, {each.state})" for each in quiet]


def _address(accepted: Accepted) -> str:
    return f"{accepted.user}@sandbox.example"


def mails_by_receiver(machine: Machine) -> dict[str, list[str]]:
    """Return the texts that arrived, by receiver."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted(machine.home.mails.glob("*.eml")):
        mail = message_from_bytes(path.read_bytes(), policy=policy.default)
        body = mail.get_body(("plain",))
        found[str(mail["X-RcptTo"])].append(f"{mail['Subject']}\n{body.get_content() if body else ''}")
    return found


def leaks(machine: Machine, ids: Container[str]) -> list[str]:
    """Return what is still taken when nothing runs any more, after the time that leases need."""
    try:
        until(lambda: not taken(machine, ids), QUIET_SECONDS, "nothing is taken")
    except NotHealed:
        return taken(machine, ids)
    return []


def taken(machine: Machine, ids: Container[str]) -> list[str]:
    """Return what is taken now: places in work pools, locks, OMERO sessions, and processes."""
    imports = [run for run in machine.runs(*ALIVE) if _is_import(run)]
    limits = machine.prefect("/v2/concurrency_limits/filter", limit=200)
    return [
        *(f"{run['name']} is {run['state_name']}" for run in imports),
        *(f"lock {each['name']} is taken" for each in limits if each["active_slots"]),
        *(
            f"pool {name} gives {given} places of {wanted}"
            for name, given, wanted in machine.places()
            if given < wanted
        ),
        *(f"OMERO session of {agent}" for agent in machine.omero.stats().agents if agent.startswith(PREFIX)),
        *(f"process {each.pid} of import {run}" for each, run in machine.flows_by_run() if run in ids),
    ]


def _is_import(run: dict[str, Any]) -> bool:
    return str(run["work_pool_name"]).startswith("omero-")


def debris(machine: Machine, held: Iterable[HeldFileset]) -> list[str]:
    """Return halves of things: in OMERO, in the staging area, in Prefect."""
    variables = [each["name"] for each in machine.prefect("/variables/filter", limit=200)]
    staging = [path for path in machine.home.staging.iterdir() if not path.name.startswith(".")]
    return [
        *(f"fileset {each.id} of {each.owner} has no images: {each.paths}" for each in held if not each.images),
        *(f"{path} is left in the staging area" for path in staging),
        *(f"Prefect Variable {name}" for name in variables if name.startswith(_OURS)),
    ]


_OURS = (names.outage_name(""), "courier-session-")
