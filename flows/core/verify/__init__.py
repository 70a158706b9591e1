"""Does the disk hold what was promised, may this user have it imported, and is it visibly whole."""

from flows.core.verify.check import verify_copies, verify_fileset
from flows.core.verify.expand import Expansion, expand
from flows.core.verify.roots import Access, Gate, Permit, check_after, folder_holding

__all__ = [
    "Access",
    "Expansion",
    "Gate",
    "Permit",
    "check_after",
    "expand",
    "folder_holding",
    "verify_copies",
    "verify_fileset",
]
