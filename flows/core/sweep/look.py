"""Looks at a watched folder: every file gets a verdict, and what is new and settled an assignment.

Hands nothing over. What has not changed since the last look is passed by folder, not by file.
"""

from collections import Counter
from dataclasses import dataclass, field
from itertools import islice

from flows.core.control import Control
from flows.core.settings import Verification
from flows.core.sweep.context import Context
from flows.core.sweep.definition import SweepDefinition
from flows.core.sweep.findings import SHOWN, Findings
from flows.core.sweep.judge import Judge
from flows.core.sweep.memory import Memory
from flows.core.sweep.ports import Assigner
from flows.core.sweep.rules import Rules
from flows.core.sweep.share import Share
from flows.core.sweep.verdicts import Decision, Verdict
from flows.core.sweep.walk import Walk
from flows.core.verify.settle import Clock

_REMEMBERED = (Verdict.SUBMITTED, Verdict.FAILED, Verdict.QUARANTINED)


@dataclass(frozen=True)
class Look:
    """What a look found."""

    decisions: list[Decision]
    """What is new, as much as one sweep hands over; of what settles, is submitted, failed or quarantined at most
    `SHOWN` each. The counts know of the rest."""
    counts: Counter[Verdict]
    """Filesets by verdict; files that were not put together yet count one by one."""
    skipped: Counter[str]
    """Files, and folders as a whole, that are not looked at, by the code of the reason."""
    files: int
    folders: int
    problems: list[Decision] = field(default_factory=list)
    """Folders of which nothing could be said, and clocks that are off."""


def look(
    definition: SweepDefinition,
    *,
    assigner: Assigner,
    memory: Memory,
    verification: Verification,
    control: Control,
    clock: Clock,
) -> Look:
    """Look at everything below the root once.

    Raises:
        SourceAway: the share is not there, or does not answer: nothing is concluded from that.
        ImportCancelled: the look is not wanted any more.
    """
    now = clock.now()
    rules = Rules(definition)
    findings = Findings(memory, now)
    judge = Judge(
        definition,
        rules=rules,
        assigner=assigner,
        memory=memory,
        verification=verification,
        control=control,
        now=now,
    )
    share = Share(definition, memory)
    share.begin()
    context = Context(definition, verification)
    Walk(definition, rules=rules, context=context, judge=judge, memory=memory, control=control, findings=findings).run()
    share.check()
    memory.folders.forget(findings.gone_folders)
    memory.forget(findings.gone)
    return _as_look(findings, memory)


def _as_look(findings: Findings, memory: Memory) -> Look:
    decisions = list(findings.decisions)
    for verdict in _REMEMBERED:
        decisions += (each.as_decision() for each in islice(memory.with_verdict(verdict), SHOWN))
    counts = findings.counts
    skipped = Counter({code.removeprefix("skipped/"): counts[code] for code in counts if code.startswith("skipped/")})
    verdicts = Counter({verdict: counts[verdict.value] for verdict in Verdict})
    verdicts[Verdict.SKIPPED] = skipped.total()
    return Look(decisions, +verdicts, skipped, findings.files, findings.folders, findings.problems)
