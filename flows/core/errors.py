"""Every failure the courier knows, in one tree; whether to try again is an attribute.

    CourierError
    ├── RequestError                 what was asked cannot be done as asked
    │   ├── TargetSyntax
    │   ├── TargetUnfit              an image asked into a screen, or a plate into a dataset
    │   ├── TableRefused             a metadata table, or a bulk file, is faulty or does not fit the files
    │   ├── UnknownServer
    │   ├── UnknownSweep
    │   ├── PlacementNotAllowed      files in place, which this OMERO server is not set up for
    │   └── Misdefined               a sweep definition, or a file that it names, is faulty
    ├── SourceError                  about the files on disk
    │   ├── SourceSyntax             it names no file or folder that could be found
    │   ├── SourceUnmapped           no rule says where the worker sees what the client named
    │   ├── SourceElsewhere          only another machine sees it
    │   ├── SourceNotAllowed         outside the roots, or in somebody else's; says nothing about existence
    │   ├── SourceMissing
    │   ├── SourceUnreadable
    │   ├── SourceEmpty
    │   ├── NothingImportable
    │   ├── SourceIncomplete         files of the set are missing, or the format needs files we cannot group yet
    │   ├── SourceAway               its disk or share does not answer                (transient)
    │   ├── RemoteLoginRefused       the host that holds it refuses the courier's login
    │   ├── HostKeyUnknown           the host that holds it is perhaps not the one that is meant
    │   ├── SourceOpaque             its server sends it as a whole only, so that it cannot be looked into
    │   ├── SourceBroken             truncated or not what its name says
    │   ├── SourceUnsettled          still being written                              (transient)
    │   ├── SourceChanged            changed while it was copied or read              (transient)
    │   ├── BioFormatsAway           what it is could not be asked                    (transient)
    │   └── Unassigned               its sweep does not say whose it is or where it goes
    ├── TransferError
    │   ├── StagingNeeded            from another machine, and there is no staging area
    │   ├── CopyDiffers              not what its server says the bytes are              (transient)
    │   ├── StagingFull                                                               (transient)
    │   ├── StagingFailed                                                             (transient)
    │   └── NotPlaced                cannot be linked or copied into OMERO's repository
    ├── OmeroError                   about one OMERO server
    │   ├── OmeroUnavailable         not reachable, connection lost, time-out         (transient)
    │   ├── OmeroBusy                asks to come back later                          (transient)
    │   ├── OmeroFull                no space, or cannot write its repository         (transient)
    │   ├── OmeroFault               an internal error without a better name          (transient)
    │   ├── SessionLost              the session ended while it was used              (transient)
    │   ├── UploadCorrupted          checksums differ after the upload                (transient)
    │   ├── DuplicateUnderWay        another import brings in the same files just now  (transient)
    │   ├── AccountRefused           OMERO refuses the courier's own account           (transient)
    │   ├── NotConfirmed             OMERO was not seen to hold the very same bytes
    │   ├── LoginRefused
    │   │   └── SessionEnded         the session that the import lived in is over
    │   ├── NotPermitted
    │   ├── TargetNotFound
    │   ├── ImportRefused            OMERO cannot read the data
    │   └── OmeroMisused             OMERO says that we called it wrongly
    ├── ImporterError                about OMERO's own importer, the Java program
    │   ├── ImporterMissing          it is not installed here
    │   ├── ImporterOutOfMemory      its heap is too small for these files
    │   └── ImporterFailed           it ended without a result                        (transient)
    ├── FilesetsUnfinished           nothing of a chunk got through a stage yet        (transient)
    ├── SealBroken                   a sealed value that none of our keys opens
    ├── NotificationFailed                                                            (transient)
    │   └── MessageUndeliverable
    ├── ImportCancelled
    ├── RunPutOff                    the run gives its place back and goes on later    (transient)
    ├── SweepUnderWay                another sweep of the same folder is not over      (transient)
    ├── AttemptSuperseded            another attempt of the same run has taken over
    ├── ProcessLost                  the process of the import died, again and again
    └── UnexpectedFault              outside the tree: a bug, or the machine          (transient)

A message says what happened, to which file or import, and what to do about it.
"""

import re
from typing import ClassVar, Self


class CourierError(Exception):
    """Something went wrong."""

    transient: ClassVar[bool] = False
    advice_by_default: ClassVar[str] = "Ask the operator of the courier to look at the log of this import."

    def __init__(self, what: str = "", *, which: str = "", advice: str = "") -> None:
        """Say what happened, to which file or import, and what to do.

        Nothing given for `what` is the class's docstring, nothing given for `advice` the class's own.
        """
        self.what = what or (type(self).__doc__ or "").strip()
        self.which = which
        self.advice = advice or self.advice_by_default
        super().__init__(self.what, which, advice)

    @property
    def code(self) -> str:
        """The failure's stable name for machines, for example `source-missing`."""
        return re.sub(r"(?<!^)(?=[A-Z])", "-", type(self).__name__).lower()

    def about(self, which: str) -> Self:
        """Return the same failure, told of `which` when it did not know of whom it speaks."""
        return self if self.which else type(self)(self.what, which=which, advice=self.advice)

    def __str__(self) -> str:
        """What happened, to whom, what to do: one line."""
        about = f"{self.which}: " if self.which else ""
        return f"{about}{self.what} {self.advice}".strip()

    def __reduce__(self) -> tuple[object, ...]:
        """Survive pickling, which rebuilds exceptions from positional arguments only."""
        return _rebuild, (type(self), self.what, self.which, self.advice)


def _rebuild(kind: type[CourierError], what: str, which: str, advice: str) -> CourierError:
    return kind(what, which=which, advice=advice)


class RequestError(CourierError):
    """The request cannot be carried out as it stands."""

    advice_by_default = "Correct the request and send it again."


class TargetSyntax(RequestError):
    """The target is not written as OMERO's command line writes targets."""

    advice_by_default = (
        "Write for example Dataset:id:5, Dataset:name:Cells, Project:name:Mitosis/Dataset:name:Cells or Screen:id:7."
    )


class TargetUnfit(RequestError):
    """OMERO does not put this into such a target."""

    advice_by_default = "Ask for a screen for plates, and for a dataset for images; or leave the target out."


class TableRefused(RequestError):
    """The metadata table cannot be used."""

    advice_by_default = "Correct the table and send the request again; nothing was imported."
    problems: "tuple[tuple[int, str], ...]" = ()
    """Row, 0 where it is about the whole, and what is wrong with it."""


class UnknownServer(RequestError):
    """The OMERO server is not one that this courier serves."""

    advice_by_default = "Name one of the configured servers, or ask the operator to add it."


class UnknownSweep(RequestError):
    """There is no sweep of that name."""

    advice_by_default = "Name one of the sweep definitions: `python -m deployments.sweeps list` shows them."


class PlacementNotAllowed(RequestError):
    """This OMERO server takes no files in place."""

    advice_by_default = "Leave out `placement`, or ask the operator for `in_place` in the settings of this server."


class Misdefined(RequestError):
    """A sweep definition is faulty."""

    advice_by_default = "Correct the file, and try `python -m deployments.sweeps check` on it."


class SourceError(CourierError):
    """A source file cannot be imported."""

    advice_by_default = "Look at the file, then import it again."


class SourceSyntax(SourceError):
    """It names no file or folder that could be found."""

    advice_by_default = (
        r"Give an absolute path or a URI, for example /data/alice/cells.ome.tiff, C:\Data\cells.lif, "
        r"\\nas\data\cells.lif or file://nas/data/cells.lif."
    )


class SourceUnmapped(SourceError):
    """No rule says where the courier sees this path."""

    advice_by_default = "The operator adds a rule for it to `mounts` in the settings, or name a path that has one."


class SourceElsewhere(SourceError):
    """It lies on a workstation that imports it by its own worker."""

    advice_by_default = "Ask for it over HTTP, where it finds its way, and apart from what lies elsewhere."


class SourceNotAllowed(SourceError):
    """You may not import from this path."""

    advice_by_default = "Use a folder that the operator opened to you, or ask them to open this one."


class SourceMissing(SourceError):
    """There is no such file."""

    advice_by_default = "Check the path, and that the share is mounted on the worker."


class SourceUnreadable(SourceError):
    """The file exists but cannot be read."""

    advice_by_default = "Give the courier's account read access to it."


class SourceAway(SourceError):
    """The disk or share that holds the file does not answer."""

    transient = True
    advice_by_default = "Nothing to do: it is tried again. If it lasts, the operator should check the share."


class SourceEmpty(SourceError):
    """The file is empty."""

    advice_by_default = "Export it again from the microscope's software."


class NothingImportable(SourceError):
    """There is nothing in there that OMERO could import."""

    advice_by_default = "Name a folder that holds images in a format that Bio-Formats reads."


class SourceIncomplete(SourceError):
    """Files that belong to this image are missing."""

    advice_by_default = "Put all files of the image together and import the whole set."


class RemoteLoginRefused(SourceError):
    """The host that holds the file refuses the courier's login."""

    advice_by_default = "The operator should check the credentials of that host in `remotes`, then retry the import."


class HostKeyUnknown(SourceError):
    """The host that holds the file is not known by the key that it shows."""

    advice_by_default = (
        "If the host was given a new key, the operator puts it into `host_keys`, then retries the import. "
        "If it was not, somebody may be listening in: nothing was sent."
    )


class SourceOpaque(SourceError):
    """The server lets the file be read as a whole only, so that it cannot be looked into where it is."""

    advice_by_default = "Fetch it, and import the copy."


class SourceBroken(SourceError):
    """The file is damaged, or is not what its name says."""

    advice_by_default = "Open it in the microscope's software and export it again."


class SourceUnsettled(SourceError):
    """The file is still being written."""

    transient = True
    advice_by_default = "Nothing to do: it is looked at again later."


class SourceChanged(SourceError):
    """The file changed while it was being copied."""

    transient = True
    advice_by_default = "Wait until the acquisition has finished; the copy is made again."


class BioFormatsAway(SourceError):
    """Bio-Formats, which would know what it is, does not run on this machine."""

    transient = True
    advice_by_default = "The operator should look at Java and at the settings of Bio-Formats. It is tried again."


class Unassigned(SourceError):
    """Nothing says whose it is, or where it goes."""

    advice_by_default = "Put it where the sweep's definition expects it, or change the definition."


class TransferError(CourierError):
    """The files could not be brought to where the import reads them."""


class StagingNeeded(TransferError):
    """Files from another machine are copied first, and this courier has no staging area."""

    advice_by_default = "The operator names one in the settings: `staging.directory`."


class CopyDiffers(TransferError):
    """The copy is not what its server says the file is."""

    transient = True
    advice_by_default = "It was thrown away and is fetched again; if it stays, check the file on its server."


class StagingFull(TransferError):
    """There is not enough room in the staging area."""

    transient = True
    advice_by_default = "The operator should free space in the staging area; the import goes on by itself."


class StagingFailed(TransferError):
    """The staging area could not be written."""

    transient = True
    advice_by_default = "The operator should check the staging area's disk and rights."


class NotPlaced(TransferError):
    """The file cannot be put into OMERO's repository in place."""

    advice_by_default = "Import it with the placement upload, or ask the operator to read docs/placement.md."


class OmeroError(CourierError):
    """OMERO did not do what it was asked."""

    advice_by_default = "Ask the administrator of this OMERO."


class OmeroUnavailable(OmeroError):
    """OMERO does not answer."""

    transient = True
    advice_by_default = "Nothing to do: it is tried again. If it lasts, tell the administrator of this OMERO."


class OmeroBusy(OmeroError):
    """OMERO is busy and asks to come back later."""

    transient = True
    advice_by_default = "Nothing to do: it is tried again."


class OmeroFull(OmeroError):
    """OMERO cannot write to its repository."""

    transient = True
    advice_by_default = "The OMERO administrator should check free space and rights of the managed repository."


class OmeroFault(OmeroError):
    """OMERO had an internal error."""

    transient = True
    advice_by_default = "It is tried again; if it stays, the OMERO administrator finds the cause in Blitz-0.log."


class SessionLost(OmeroError):
    """The OMERO session ended while it was in use."""

    transient = True
    advice_by_default = "It is tried again with a new session where the courier may make one; else log in again."


class UploadCorrupted(OmeroError):
    """OMERO's checksum of the uploaded file differs from ours."""

    transient = True
    advice_by_default = "It is uploaded again; if it stays, check the network and the file's disk."


class LoginRefused(OmeroError):
    """OMERO refused the login."""

    advice_by_default = "Check user, password or session, and that the account is active."


class SessionEnded(LoginRefused):
    """The OMERO session that this import lived in has ended."""

    advice_by_default = "Log in again, and retry the import: what is in OMERO already is not imported twice."


class AccountRefused(OmeroError):
    """OMERO refuses the courier's own account."""

    transient = True
    advice_by_default = "Nothing for users to do. The operator corrects the service account in the settings."


class DuplicateUnderWay(OmeroError):
    """Another import is bringing in the same files."""

    transient = True
    advice_by_default = "Nothing to do: once that one has ended, this one is looked at again."


class NotConfirmed(OmeroError):
    """OMERO was not seen to hold the very bytes of this file."""

    advice_by_default = "The file stays where it is. Look at the image in OMERO, and import the file again if need be."


class NotPermitted(OmeroError):
    """OMERO does not allow this user to do that."""

    advice_by_default = "Choose a group and target that you may write to, or ask the OMERO administrator."


class TargetNotFound(OmeroError):
    """The target does not exist in this group, or you cannot see it."""

    advice_by_default = "Check the target's id or name, and the group."


class ImportRefused(OmeroError):
    """OMERO cannot import this file."""

    advice_by_default = "Check that Bio-Formats reads the file; export it again if it is damaged."


class OmeroMisused(OmeroError):
    """OMERO says that the courier called it wrongly."""

    advice_by_default = "This is a bug of the courier: report it with the log."


class ImporterError(CourierError):
    """OMERO's own importer, a Java program, did not do what it was started for."""


class ImporterMissing(ImporterError):
    """The Java importer is not installed here."""

    advice_by_default = "Import with `importer: native`, or ask the operator to install it: docs/java-importer.md."


class ImporterOutOfMemory(ImporterError):
    """The Java importer ran out of memory."""

    advice_by_default = "The operator should give it more, `java.heap` in the settings; then retry the import."


class ImporterFailed(ImporterError):
    """The Java importer ended without a result."""

    transient = True
    advice_by_default = "It is tried again; if it stays, the operator finds what it said in the log of this import."


class FilesetsUnfinished(CourierError):
    """Nothing of this chunk got through the stage yet."""

    transient = True
    advice_by_default = "They are tried again."


class SealBroken(CourierError):
    """A sealed value cannot be opened: it was altered, or the key that sealed it is gone."""

    advice_by_default = (
        "Log in again; the operator keeps old keys in seal_keys, after the new one, while they are needed."
    )


class NotificationFailed(CourierError):
    """A message could not be sent."""

    transient = True
    advice_by_default = "The operator should check the mail server or the channel's address."


class MessageUndeliverable(NotificationFailed):
    """Whom the message goes to cannot be reached as things are configured."""

    transient = False
    advice_by_default = "Correct the address, or ask the operator to."


class ImportCancelled(CourierError):
    """The import was cancelled."""

    advice_by_default = "What was already in OMERO stays there; import the rest again if you want it."


class RunPutOff(CourierError):
    """The run gives its place back and goes on later."""

    transient = True
    advice_by_default = "Nothing to do: it goes on by itself."


class SweepUnderWay(CourierError):
    """Another sweep of this folder is not over yet."""

    transient = True
    advice_by_default = "Nothing: the next one finds what this one would have found."


class AttemptSuperseded(CourierError):
    """Another attempt of this import has taken over."""

    advice_by_default = "Nothing to do: this process was thought dead, and stops."


class ProcessLost(CourierError):
    """The process of this import was lost, and it is not started again by itself."""

    advice_by_default = "The operator should look at the log of the run and of its worker, then retry the import."


class UnexpectedFault(CourierError):
    """Something happened that the courier does not know."""

    transient = True
