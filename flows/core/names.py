"""Names that the flows, the API and the deployments share: of pools, queues, states, tags and locks; plain text."""

import hashlib
import re
from datetime import timedelta

IMPORT_FLOW = "import-images"
HOUSEKEEPING_FLOW = "housekeeping"
MESSAGE_FLOW = "send-message"
PUT_AWAY_FLOW = "put-away"
"""Its deployments are named as those of the imports whose files it looks after: they run in the same pool."""
SWEEP_FLOW = "sweep-folders"
"""Its deployments are named after the sweeps: `sweep-folders/confocal`."""

COURIER_POOL = "courier"
"""The work pool of housekeeping and of messages that could not be sent at once."""
COURIER_DEPLOYMENT = "courier"
"""The deployment of either: `housekeeping/courier` and `send-message/courier`."""
ROUNDS = "rounds"
"""The queue of housekeeping. It has no limit: lost runs may fill one, and who would find them then?"""
MESSAGES = "messages"
"""The queue of messages that could not be sent at once."""
SWEEPS = "sweeps"
"""The queue of sweeps; as many as the settings say are made side by side."""
PEOPLE = "people"
"""The queue of those who wait for their images."""
BULK = "bulk"
"""The queue of those that nobody waits for: it comes second, and leaves a place free."""
_AT_STATION = re.compile(rf"(?:{PEOPLE}|{BULK})-(?P<station>.+)")

HELD = "Held"
"""A run that waits, of type SCHEDULED, until an earlier one of the same user in the same queue has ended."""
HELD_FOR = timedelta(days=3650)
"""How long after the time that it was asked for a held run is scheduled: its time has come when that long is left."""
AWAITING_RETRY = "AwaitingRetry"
"""A run that waits for a further try, after minutes to days. The Retry button of the UI sets it, too."""
PUT_OFF = "PutOff"
"""A run, of type SCHEDULED, that gave its place back: to others, or since its worker stops. No try is counted.
Or a sweep, of type COMPLETED, that stopped on the way, since its machine is to be left alone: the next one goes on."""
REVIVED = "Revived"
"""A run, of type SCHEDULED, that starts again after its process was lost."""
PARTLY_FAILED = "PartlyFailed"
FOLDER_AWAY = "FolderAway"
"""A sweep, of type FAILED, whose folder is not there or does not answer: nothing is concluded from that."""
UNDER_WAY = "UnderWay"
"""A sweep, of type COMPLETED, that did nothing, since another one of the same folder was not over."""
LOGIN_NEEDED = "LoginNeeded"
"""A run, of type FAILED, whose user has to log in again: the session that it lived in has ended."""

TOLD = "told"
"""The tag of a run that has ended and whose user knows, or a message to whom is on its way."""
INTERIM_TOLD = "told-of-delay"
"""The tag of a run whose user knows that it waits long."""
UNTIDY = "untidy"
"""The tag of a run that has ended and may have left something half-done in OMERO: housekeeping removes it."""
REPLAY_ALL = "replay:all"
"""The tag of a run that a person retried as a whole: also what was imported or skipped is looked at again."""

SESSION = "session:"
"""How the tag of a run begins that says with which OMERO session it came."""
DEALT = "dealt:"
"""How the tag of a run begins that says that somebody dealt with the failure of one of its sources."""

EMAIL = "courier.email"
"""The label of a run with the address in its user's OMERO profile: for a word while that OMERO is away."""

STRIPES = 64
"""Locks that look-up and creation share out among themselves."""
LOCK_PREFIXES = ("courier-import-", "courier-sweep-")
"""What the names of our locks begin with; each is a global concurrency limit of 1."""


def pool_of(server: str) -> str:
    """Name the work pool of an OMERO server: the waiting room of its imports."""
    return f"omero-{server}"


def put_away_deployment(imports: str) -> str:
    """Name the deployment whose runs look after the files of imports: no two have one name in the list of the UI."""
    return f"files-of-{imports}"


def queue_of(*, bulk: bool, station: str | None = None) -> str:
    """Name a queue of such a pool: of those that lie on a workstation only its own workers take from it."""
    return f"{BULK if bulk else PEOPLE}{'' if station is None else f'-{station}'}"


def station_of(queue: str | None) -> str | None:
    """Say which workstation's queue it is, if it is one's."""
    found = _AT_STATION.fullmatch(queue or "")
    return None if found is None else found["station"]


def is_bulk(queue: str | None) -> bool:
    """Whether it is a queue of those that nobody waits for."""
    return queue is not None and queue == queue_of(bulk=True, station=station_of(queue))


def is_line(queue: str) -> bool:
    """Whether imports stand in it; operators may have made others."""
    return queue in (PEOPLE, BULK) or station_of(queue) is not None


def user_tag(user: str) -> str:
    """Tag a run with the OMERO login name that it imports for."""
    return f"user:{user}"


def server_tag(server: str) -> str:
    """Tag a run with our name of its OMERO server."""
    return f"server:{server}"


def about_tag(run_id: str) -> str:
    """Tag a message with the import that it tells of."""
    return f"about:{run_id}"


def session_tag(key: str) -> str:
    """Tag a run with the OMERO session that came with it, by a hash of the session's key."""
    return f"{SESSION}{hashlib.sha256(key.encode()).hexdigest()[:16]}"


def lock_name(stripe: int) -> str:
    """Name a lock: a global concurrency limit of 1."""
    return f"courier-import-{stripe:02d}"


def sweep_tag(sweep: str) -> str:
    """Tag an import with the sweep that asked for it."""
    return f"sweep:{sweep}"


def sweep_lock(sweep: str) -> str:
    """Name the lock under which a folder is swept: a global concurrency limit of 1."""
    return f"courier-sweep-{sweep}"


def sweep_table(sweep: str, *, dry_run: bool = False) -> str:
    """Name the artifact with the table of the latest sweep of a folder."""
    return f"sweep-{sweep}{'-dry-run' if dry_run else ''}"


def sweep_totals(sweep: str, *, dry_run: bool = False) -> str:
    """Name the artifact with the totals of the latest sweep of a folder."""
    return f"sweep-{sweep}{'-dry-run' if dry_run else ''}-totals"


def outage_name(server: str) -> str:
    """Name the Prefect Variable that says since when we hold a pool because its OMERO is away."""
    return f"courier-outage-{server}"


def pace_name(server: str) -> str:
    """Name the Prefect Variable with the limit of a pool as the operator wants it, while we keep it lower."""
    return f"courier-pace-{server}"


def bandwidth_name(worker: str) -> str:
    """Name the Prefect Variable with the bytes per second of a worker, while an operator wants others than set."""
    return f"courier-bandwidth-{re.sub('[^a-z0-9]+', '-', worker.lower())}"


def agent_of(run_id: str, attempt: int) -> str:
    """Name an attempt of a run to OMERO, which shows it as the agent of its session."""
    return f"omero-courier/{run_id}/{attempt}"
