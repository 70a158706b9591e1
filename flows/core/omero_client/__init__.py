"""Everything that speaks to OMERO; nothing else in the product does."""

from flows.core.omero_client.annotations import CLIENT_MAP, ImportDetails, existing
from flows.core.omero_client.attachments import LocalFile, attach_file, tie_to
from flows.core.omero_client.beginning import ask_for_import, begin_import, import_fileset, know_apart
from flows.core.omero_client.confirming import confirm_held
from flows.core.omero_client.duplicates import Duplicates, find_duplicates
from flows.core.omero_client.earlier import find_earlier, find_earlier_of, keys_of_run
from flows.core.omero_client.fence import fence
from flows.core.omero_client.health import check_answers, keep_alive_once, latency
from flows.core.omero_client.holdings import plates_of
from flows.core.omero_client.importer import BegunImport, confirm
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
from flows.core.omero_client.naming import Alone, alone_here
from flows.core.omero_client.session import Borrowed, OmeroSession
from flows.core.omero_client.tags import ensure_tags
from flows.core.omero_client.targets import ResolvedTarget, resolve_target

__all__ = [
    "CLIENT_MAP",
    "Alone",
    "BegunImport",
    "BegunJavaImport",
    "Borrowed",
    "Duplicates",
    "ImportDetails",
    "LocalFile",
    "OmeroSession",
    "ResolvedTarget",
    "alone_here",
    "ask_for_import",
    "attach_file",
    "begin_import",
    "begin_java_import",
    "check_answers",
    "check_wanted",
    "confirm",
    "confirm_held",
    "ensure_tags",
    "existing",
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
    "know_apart",
    "latency",
    "link_to_target",
    "log_in",
    "make_long_session",
    "opens_with_java",
    "ping",
    "plates_of",
    "raise_idle",
    "resolve_target",
    "sudo",
    "tie_to",
]
