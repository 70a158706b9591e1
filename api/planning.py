"""Plans a request's metadata at the door, as far as this machine sees its table, attachments and files."""

from api.door import is_here
from api.models import NewImport
from api.problems import Problem, Reason
from flows.core.errors import SourceError, TableRefused
from flows.core.metadata.orders import attachments_of, table_of
from flows.core.metadata.plan import Plan, plan
from flows.core.settings import Metadata
from flows.core.verify import Access, Expansion


def plan_at_the_door(
    body: NewImport, access: Access, limits: Metadata, expansion: Expansion, *, complete: bool
) -> Plan | None:
    """Say what would be said of each fileset and where it would go; None where the worker has to look first.

    Raises:
        Problem: the table, or what is to be attached, is not the user's (403), or cannot be used (422).
    """
    extras = [("table", body.table)] if body.table else []
    extras += [(f"attachments.{index}", path) for index, path in enumerate(body.attachments)]
    # Each is judged, also where another one cannot be seen.
    seen = [_is_seen(path, access, field) for field, path in extras]
    if not all(seen):
        return None
    try:
        attachments_of(body.attachments, access, limits)
        table = table_of(body, access, limits)
        return plan(body, expansion.filesets, table, refused=expansion.refused) if complete else None
    except TableRefused as refused:
        raise _table_problem(refused, "body.table" if body.table else "body.table_text") from refused
    except SourceError as wrong:
        field = next((field for field, path in extras if path == wrong.which), "table")
        raise Problem.of(wrong, f"body.{field}") from wrong


def _is_seen(path: str, access: Access, field: str) -> bool:
    """Say whether this machine has what holds a file; whoever may not import from there hears no more."""
    try:
        permit = access.judge(path)
    except SourceError as refused:
        raise Problem.of(refused, f"body.{field}") from refused
    return permit.station == access.here and is_here(access, permit)


def _table_problem(refused: TableRefused, field: str) -> Problem:
    reasons = [
        Reason(field=field, code=refused.code, what=f"row {row}: {what}" if row else what, which=refused.which)
        for row, what in refused.problems
    ]
    whole = Problem.of(refused, field)
    return Problem(422, refused.code, whole.document.detail, advice=refused.advice, errors=reasons or None)
