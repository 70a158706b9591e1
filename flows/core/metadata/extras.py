"""What comes into OMERO with the images of a run: targets, tags and attachments, each looked up or made once."""

import threading

from flows.core.account import Account
from flows.core.control import Control
from flows.core.metadata.orders import attachments_of
from flows.core.metadata.plan import Plan, Said
from flows.core.omero_client import (
    CLIENT_MAP,
    Alone,
    ImportDetails,
    LocalFile,
    ResolvedTarget,
    attach_file,
    ensure_tags,
    existing,
    resolve_target,
    tie_to,
)
from flows.core.requests import AttachTo, ImportRequest, SourceFile
from flows.core.settings import Metadata
from flows.core.verify.roots import Gate


class Extras:
    """Those of one attempt. Its calls may come from any thread; they wait for each other."""

    def __init__(self, account: Account, request: ImportRequest, alone: Alone, control: Control, run_id: str) -> None:
        """Know nothing yet.

        Args:
            account: gives the session.
            request: what was asked.
            alone: keeps out other runs that make the same.
            control: asked between two parts of an attachment whether to go on.
            run_id: whose they are.
        """
        self._account, self._request, self._alone, self._control = account, request, alone, control
        self._run_id = run_id
        self._said: dict[str, Said] = {}
        self._attached: tuple[SourceFile, ...] = ()
        self._annotations: dict[str, int] = {}
        self._targets: dict[str, ResolvedTarget] = {}
        self._tags: set[str] = set()
        self._tied: set[int | None] = set()
        self._lock = threading.Lock()

    def settle(self, plan: Plan, access: Gate, limits: Metadata) -> None:
        """Check all of it, before anything is copied; nothing is made.

        Raises:
            TargetNotFound: there is no target or annotation of that id, or it is ambiguous.
            NotPermitted: the user may not write there.
            SourceError: a file that is to be attached is not there, too large, or not this user's.
        """
        self._said = plan.said
        self._attached = attachments_of(self._request.attachments, access, limits)
        session = self._account.session()
        existing(session, self._request.annotation_ids)
        for target in {str(each.target): each.target for each in plan.said.values()}.values():
            resolve_target(session, target, make=False, mark=self._run_id)

    def said(self, key: str) -> Said:
        """Return what is said of a fileset."""
        return self._said[key]

    def make_ready(self, said: Said) -> None:
        """Make what the images of a fileset need in OMERO; called before the locks of imports are taken.

        Raises:
            CourierError: it could not be made.
        """
        target = self.target(said)
        with self._lock:
            session = self._account.session()
            if missing := [name for name in said.tags if name not in self._tags]:
                ensure_tags(session, missing, alone=self._alone)
                self._tags.update(missing)
            for file in self._attached:
                if file.client_path not in self._annotations:
                    local = LocalFile(path=file.path, client_path=file.client_path)
                    made = attach_file(session, local, control=self._control, alone=self._alone)
                    self._annotations[file.client_path] = made
            if self._request.attach_to is AttachTo.TARGET and target.id not in self._tied:
                tie_to(session, target, list(self._annotations.values()))
                self._tied.add(target.id)

    def target(self, said: Said) -> ResolvedTarget:
        """Return a target in OMERO, made when it is first asked for."""
        with self._lock:
            text = str(said.target)
            if text not in self._targets:
                self._targets[text] = resolve_target(
                    self._account.session(), said.target, make=True, alone=self._alone, mark=self._run_id
                )
            return self._targets[text]

    def details(self, said: Said) -> ImportDetails:
        """Return what is put on the images of a fileset, in the transaction that makes them."""
        on_images = self._request.attach_to is AttachTo.IMAGES
        attached = self._annotations.values() if on_images else ()
        return ImportDetails(
            name=said.name,
            description=said.description,
            key_values=said.key_values,
            namespace=self._request.key_values_namespace or CLIENT_MAP,
            tags=said.tags,
            comments=said.comments,
            text_annotations=tuple(self._request.text_annotations),
            annotation_ids=(*self._request.annotation_ids, *attached),
        )

    @property
    def target_text(self) -> str:
        """The target as OMERO's command line writes it; where there are several, what was asked for."""
        texts = {str(each.target) for each in self._said.values()}
        return texts.pop() if len(texts) == 1 else self._request.target or ""

    @property
    def only_target(self) -> ResolvedTarget | None:
        """The target in OMERO where there is one only, once something was imported into it."""
        planned: set[str] = {str(each.target) for each in self._said.values()}
        return next(iter(self._targets.values()), None) if len(planned) == 1 else None
