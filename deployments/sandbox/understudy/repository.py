"""The managed repository: where imports begin, and the shared resources through which clients find it."""

from typing import Any

import omero
import omero.grid
import omero.model
from omero.rtypes import rstring

from deployments.sandbox.understudy.access import Right
from deployments.sandbox.understudy.house import Call, SessionService
from deployments.sandbox.understudy.imports import Begun, ImportProcess
from deployments.sandbox.understudy.refusals import refusal
from deployments.sandbox.understudy.rows import Ref
from deployments.sandbox.understudy.saving import Saver, milliseconds
from deployments.sandbox.understudy.templates import kept_paths, make_directory

REPOSITORY = "ManagedRepository"


class SharedResources(SessionService):
    """Only the way to the repository."""

    def repositories(self, _current: Any) -> Any:
        """One repository: the managed one."""
        name = "omero.grid.ManagedRepository"
        repository = ManagedRepository(self.house, self.session)
        proxy = self.house.registry.publish(self.session.uuid, name, omero.grid.ManagedRepository, repository)
        found = omero.grid.RepositoryMap()
        found.proxies = [omero.grid.RepositoryPrx.uncheckedCast(proxy)]
        found.descriptions = [repository.describe()]
        return found

    def areTablesEnabled(self, _current: Any) -> Any:  # noqa: N802
        """No."""
        return False


class ManagedRepository(SessionService):
    """Source: omero-blitz ManagedRepositoryI."""

    def describe(self) -> Any:
        """The repository's own OriginalFile."""
        description = omero.model.OriginalFileI(0, True)
        description.unloadCollections()
        description.name = rstring(REPOSITORY)
        description.path = rstring(f"{self.house.options.data.resolve()}/")
        description.hash = rstring(self.house.config["understudy.repository.uuid"])
        description.mimetype = rstring("Repository")
        return description

    def root(self, _current: Any) -> Any:
        """Where it is on the server's disk: path + name."""
        return self.describe()

    def fileExists(self, path: str, _current: Any) -> Any:  # noqa: N802
        """Is there something at a path of the repository?"""
        return (self.house.options.data / REPOSITORY / path.lstrip("/")).exists()

    def listChecksumAlgorithms(self, current: Any) -> Any:  # noqa: N802
        """All that are supported, the server's favourite first."""
        reader = self.call(current).reader
        return [reader.load(row) for row in self.house.database.table("ChecksumAlgorithm")]

    def suggestChecksumAlgorithm(self, supported: Any, current: Any) -> Any:  # noqa: N802
        """The server's favourite among the client's, or None."""
        names = {algorithm.value.val for algorithm in supported}
        found = (one for one in self.listChecksumAlgorithms(current) if one.value.val in names)
        return next(found, None)

    def importFileset(self, fileset: Any, settings: Any, current: Any) -> Any:  # noqa: N802
        """Begin an import: directories, rows, and the process that takes the bytes."""
        if fileset is None or fileset.sizeOfUsedFiles() < 1:
            raise refusal(omero.ApiUsageException, "No paths provided")
        if settings is None or settings.checksumAlgorithm is None:
            raise refusal(omero.ApiUsageException, "must specify checksum algorithm")
        _check_jobs(fileset)
        call = self.call(current)
        if call.caller.group_id < 0:
            raise refusal(omero.InternalException, "OneGroupSecurityFilter is not capable of handling omero.group=-1.")
        location = self._location(call, fileset)
        ref = self._save(call, fileset, settings, location)
        process = ImportProcess(self.house, self.session, Begun(ref, settings, location, dict(current.ctx)))
        return process.proxy

    def _location(self, call: Call, fileset: Any) -> Any:
        client_paths = [entry.getClientPath().val for entry in fileset.copyUsedFiles()]
        repository = self.house.options.data / REPOSITORY
        if self.house.faults.disk_full:
            raise refusal(omero.ResourceError, "Cannot create directory: No space left on device")
        try:
            prefix = make_directory(repository, call.caller.user_name, call.caller.user_id)
            folder, files = kept_paths(client_paths, _reader(fileset), self.house.bioformats)
            shared = f"{prefix}/{folder}".rstrip("/")
            for file in files:
                (repository / shared / file).parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise refusal(omero.ResourceError, f"Cannot create directory: {error.strerror}") from error
        location = omero.grid.ImportLocation()
        location.sharedPath, location.usedFiles, location.omittedLevels = shared, files, 0
        location.directory = omero.model.OriginalFileI()
        location.directory.path = rstring(prefix)
        return location

    def _save(self, call: Call, fileset: Any, settings: Any, location: Any) -> Ref:
        """One transaction: the fileset, its annotations, files and jobs."""
        prefix = location.directory.path.val
        fileset.setTemplatePrefix(rstring(f"{prefix}/"))
        for entry, path in zip(fileset.copyUsedFiles(), location.usedFiles, strict=True):
            entry.originalFile = self._original_file(f"{location.sharedPath}/{path}", settings.checksumAlgorithm)
        jobs = [omero.model.MetadataImportJobI(), omero.model.PixelDataJobI()]
        if settings.doThumbnails is not None and settings.doThumbnails.val:
            jobs.append(omero.model.ThumbnailGenerationJobI())
        for job in (*jobs, omero.model.IndexingJobI()):
            fileset.linkJob(job)
        for link in fileset.copyJobLinks():
            self._fill_job(call, link.child)
        log_file = self._original_file(f"{prefix}.log", settings.checksumAlgorithm)
        log_file.mimetype = rstring("application/omero-log-file")
        fileset.copyJobLinks()[0].child.linkOriginalFile(log_file)
        with self.house.database.transaction() as transaction:
            return Saver(transaction, call.access).save(fileset)

    def _original_file(self, path: str, algorithm: Any) -> Any:
        folder, _, name = path.rpartition("/")
        file = omero.model.OriginalFileI()
        file.name, file.path = rstring(name), rstring(f"{folder}/")
        file.repo = rstring(self.house.config["understudy.repository.uuid"])
        row = self.house.enumeration("ChecksumAlgorithm", algorithm.value.val)
        file.hasher = omero.model.ChecksumAlgorithmI(row.id, False)
        file.mimetype = rstring("application/octet-stream")
        return file

    def _fill_job(self, call: Call, job: Any) -> None:
        status = self.house.enumeration("JobStatus", "Waiting")
        now = omero.rtypes.rtime(milliseconds())
        group = self.house.database.get(Ref("ExperimenterGroup", call.caller.group_id))
        job.username = rstring(call.caller.user_name)
        job.groupname = rstring(str(group.get("name")) if group else "")
        job.type, job.message = rstring("User"), rstring("")
        job.submitted = job.scheduledFor = now
        job.status = omero.model.JobStatusI(status.id, False)

    def listImports(self, current: Any) -> Any:  # noqa: N802
        """The processes of all imports of the caller's groups that the caller may edit; some may be gone."""
        call = Call(self.house, self.session, {**current.ctx, "omero.group": "-1"})
        found = []
        for process in self.house.begun_imports:
            row = self.house.database.get(process.fileset)
            if row and row.group in call.caller.member_of and call.access.allows(row, Right.WRITE):
                found.append(process.proxy)
        return found


def _reader(fileset: Any) -> str | None:
    """Bio-Formats' class, where the client says which; source: ManagedRepositoryI.getReaderClass."""
    info = fileset.copyJobLinks()[0].child.getVersionInfo() or ()
    return next((pair.value for pair in info if pair is not None and pair.name == "bioformats.reader"), None)


def _check_jobs(fileset: Any) -> None:
    if fileset.sizeOfJobLinks() != 1:
        message = "Found more than one job link. Link only updateJob on creation!"
        raise refusal(omero.ValidationException, message)
    job = fileset.copyJobLinks()[0].child
    if not isinstance(job, omero.model.UploadJob):
        raise refusal(omero.ValidationException, f"Found non-UploadJob on creation: {type(job).__name__}")
