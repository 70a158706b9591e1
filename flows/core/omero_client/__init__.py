"""Everything that speaks to OMERO; nothing else in the product does."""

from flows.core.omero_client.annotations import ImportDetails
from flows.core.omero_client.confirming import confirm_held
from flows.core.omero_client.duplicates import Duplicates, find_duplicates
from flows.core.omero_client.earlier import find_earlier, find_earlier_of, keys_of_run
from flows.core.omero_client.fence import fence
from flows.core.omero_client.health import check_answers, keep_alive_once, latency
from flows.core.omero_client.importer import BegunImport, begin_import, import_fileset
from flows.core.omero_client.java_importer import (
    BegunJavaImport,
    begin_java_import,
    check_wanted,
    find_java,
    opens_with_java,
)
from flows.core.omero_client.linking import link_to_target
from flows.core.omero_client.logins import join, log_in, make_long_session, ping, raise_idle, sudo
from flows.core.omero_client.marked import find_marked
from flows.core.omero_client.session import Borrowed, OmeroSession
from flows.core.omero_client.targets import ResolvedTarget, resolve_target

__all__ = [
    "BegunImport",
    "BegunJavaImport",
    "Borrowed",
    "Duplicates",
    "ImportDetails",
    "OmeroSession",
    "ResolvedTarget",
    "begin_import",
    "begin_java_import",
    "check_answers",
    "check_wanted",
    "confirm_held",
    "fence",
    "find_duplicates",
    "find_earlier",
    "find_earlier_of",
    "find_java",
    "find_marked",
    "import_fileset",
    "join",
    "keep_alive_once",
    "keys_of_run",
    "latency",
    "link_to_target",
    "log_in",
    "make_long_session",
    "opens_with_java",
    "ping",
    "raise_idle",
    "resolve_target",
    "sudo",
]
