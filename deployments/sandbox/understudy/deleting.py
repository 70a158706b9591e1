"""Delete2, and DoAll around several: one transaction, then the files; a report of what went.

Source: omero-blitz Delete2I, DoAllI.
"""

from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import omero
import omero.cmd

from deployments.sandbox.understudy.database import Transaction
from deployments.sandbox.understudy.deletion_plan import ChildOptions, DeletionPlan, GraphRefused
from deployments.sandbox.understudy.filestore import repository_path
from deployments.sandbox.understudy.handles import RequestFailed
from deployments.sandbox.understudy.house import Call, House
from deployments.sandbox.understudy.refusals import NOT_MODELLED
from deployments.sandbox.understudy.rows import Row
from deployments.sandbox.understudy.schema import kind_of
from deployments.sandbox.understudy.sessions import Session

ACROSS_GROUPS = {"omero.group": "-1"}
"""Delete2 looks at all groups of the caller."""


class Delete:
    """One Delete2."""

    def __init__(self, house: House, session: Session, request: Any) -> None:
        self._house, self._request = house, request
        self._call = Call(house, session, ACROSS_GROUPS)
        self.steps = 4 if request.dryRun else 6

    def run(self) -> Iterable[Any]:
        """Plan, check, delete rows, delete files."""
        with self._house.database.transaction() as transaction:
            plan = self.plan(transaction)
            if not self._request.dryRun:
                transaction.delete(plan.rows)
        for _ in range(self.steps - 1):
            yield None
        if not self._request.dryRun:
            remove_files(self._house, plan.rows.values())
        yield report(plan.rows.values())

    def plan(self, transaction: Transaction) -> DeletionPlan:
        """What will go.

        Raises:
            RequestFailed: OMERO's GraphException; nothing happens.
        """
        if self._request.typesToIgnore:
            raise RequestFailed("graph-fail", {"message": f"{NOT_MODELLED}: typesToIgnore"})
        plan = DeletionPlan(transaction, self._call.access, ChildOptions(self._request.childOptions or ()))
        try:
            plan.delete(self._request.targetObjects or {})
        except GraphRefused as refused:
            err = omero.cmd.GraphException()
            err.message = str(refused)
            raise RequestFailed("graph-fail", {"message": str(refused)}, err=err) from refused
        return plan


class DoAll:
    """Several Delete2 in one transaction."""

    def __init__(self, house: House, session: Session, request: Any) -> None:
        self._house, self._session, self._request = house, session, request
        self.steps = max(1, len(request.requests))

    def run(self) -> Iterable[Any]:
        """All, or nothing."""
        for request in self._request.requests:
            if not isinstance(request, omero.cmd.Delete2) or request.dryRun:
                raise RequestFailed("not-modelled", {"message": f"{NOT_MODELLED}: DoAll of {request.ice_id()}"})
        plans = []
        with self._house.database.transaction() as transaction:
            for request in self._request.requests:
                plan = Delete(self._house, self._session, request).plan(transaction)
                transaction.delete(plan.rows)
                plans.append(plan)
        for _ in range(self.steps - 1):
            yield None
        for plan in plans:
            remove_files(self._house, plan.rows.values())
        response = omero.cmd.DoAllRsp()
        response.responses = [report(plan.rows.values()) for plan in plans]
        response.status = [omero.cmd.Status() for _ in plans]
        yield response


def report(rows: Iterable[Row]) -> Any:
    """The response: ids by class."""
    deleted: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        deleted[kind_of(row.kind).java_name].append(row.id)
    response = omero.cmd.Delete2Response()
    response.deletedObjects = {name: sorted(ids) for name, ids in sorted(deleted.items())}
    return response


def remove_files(house: House, rows: Iterable[Row]) -> None:
    """The bytes of deleted OriginalFiles, and directories that are empty then."""
    for row in rows:
        if row.kind != "OriginalFile":
            continue
        path = repository_path(house, row)
        path.unlink(missing_ok=True)
        with suppress(OSError):
            for folder in path.relative_to(house.options.data).parents[:-2]:
                (house.options.data / folder).rmdir()
