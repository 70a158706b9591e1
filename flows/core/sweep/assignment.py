"""Says whose a fileset is and where it goes, as the definition of its sweep says; asks no OMERO whether that exists.

The templates of the definition are filled in with the variables of the file; what there is no template for is the
variable of that name. Of variables the later wins: what every file has, the path template, the pattern, the mapping
table, sidecars. Whose a file is, though, a sidecar decides only where nothing else does: whoever may write into a
folder could otherwise import as somebody else.
"""

from collections.abc import Mapping

from flows.core.errors import Unassigned
from flows.core.requests import Fileset, SourceFile
from flows.core.sweep.definition import SweepDefinition
from flows.core.sweep.limits import into_dataset, into_screen, login_name, name_of, pairs_within, target_of
from flows.core.sweep.sidecars import RIVALS, Sidecars
from flows.core.sweep.templates import Filling
from flows.core.sweep.variables import Known, Variables
from flows.core.sweep.verdicts import Assignment


class Assigner:
    """Assigns the filesets of one sweep; what it reads on the way it reads once."""

    def __init__(self, definition: SweepDefinition) -> None:
        """Read the mapping table, where there is one.

        Raises:
            Misdefined: it is faulty.
            SourceError: it cannot be read.
        """
        self._assign = definition.assign
        self._filled = {place: Filling(template) for place, template in definition.assign.templates.items()}
        used = {variable for each in self._filled.values() for variable in each.variables}
        self._sidecars = Sidecars(str(definition.root).rstrip("/"))
        self._variables = Variables(definition, used, self._sidecars)
        self._folders: dict[str, Assignment | Unassigned] = {}

    def assign(self, fileset: Fileset) -> Assignment:
        """Say whose it is and where it goes, by the file that OMERO opens.

        Raises:
            Unassigned: nothing says so, or not in a way that OMERO could take.
            SourceAway: the share does not answer, so that nobody knows.
        """
        file = fileset.files[0]
        try:
            if not self._variables.same_in_a_folder:
                return self._assigned(file)
            return self._assigned_folder(file)
        except Unassigned as refused:
            raise refused.about(file.client_path) from refused

    def user_of(self, path: str) -> str:
        """Say whose a path below the root is, wherever it goes, and whether it exists or not.

        Raises:
            Unassigned: nothing says so.
            SourceAway: the share does not answer, so that nobody knows.
        """
        return self._user(self._variables.of(SourceFile(path=path, client_path=path, size=0, mtime_ns=0)))

    def has_sidecar(self, folder: str) -> bool:
        """Whether there is an import.yml or metadata.csv in a folder or above it, up to the root.

        Raises:
            SourceError: the folder cannot be looked into, or its share does not answer.
        """
        return self._sidecars.any(folder)

    def _assigned_folder(self, file: SourceFile) -> Assignment:
        """Assign what is the same for all files of its folder."""
        folder = file.client_path.rpartition("/")[0]
        if folder not in self._folders:
            try:
                self._folders[folder] = self._assigned(file)
            except Unassigned as refused:
                self._folders[folder] = refused
        known = self._folders[folder]
        if isinstance(known, Unassigned):
            raise known.with_traceback(None)
        return known

    def _assigned(self, file: SourceFile) -> Assignment:
        known = self._variables.of(file)
        said = known.sidecar
        tags = (name_of(tag, "tag") for tag in self._those_known("tags", known).values())
        pairs = {**said.key_values, **self._those_known("key_values", known)}
        name = self._filled_in("name", known.variables)
        group = self._filled_in("group", known.variables) or known.places.get("group")
        return Assignment(
            user=self._user(known),
            group=login_name(group, "group") if group else None,
            target=self._target(known),
            name=name_of(name, "image") if name else said.name,
            description=said.description,
            tags=tuple(dict.fromkeys((*tags, *said.tags))),
            key_values=pairs_within(pairs),
            notify=self._assign.notify or said.notify,
        )

    def _user(self, known: Known) -> str:
        user = self._filled_in("user", known.sure) or known.places.get("user")
        if not user:
            raise Unassigned("Nothing says whose it is.", advice=_say("user", sidecars=self._assign.sidecars))
        return login_name(user)

    def _target(self, known: Known) -> str:
        """Take what the definition says, whatever is said elsewhere of another kind of place."""
        if self._assign.target:
            return self._assign.target
        if screen := self._filled_in("screen", known.variables):
            return into_screen(screen)
        project, dataset = (self._filled_in(name, known.variables) for name in ("project", "dataset"))
        places = known.places
        if not (project or dataset):
            _check_one_place(places)
            if "target" in places:
                return target_of(places["target"])
            if "screen" in places:
                return into_screen(places["screen"])
        dataset = dataset or places.get("dataset") or known.variables["folder"]
        return into_dataset(project or places.get("project"), dataset)

    def _filled_in(self, name: str, variables: Mapping[str, str]) -> str | None:
        return self._filled[(name,)].fill(variables) if (name,) in self._filled else None

    def _those_known(self, name: str, known: Known) -> dict[str, str]:
        """Fill in tags or key-value pairs; those of which something is not known are left out."""
        return {
            str(place[1]): filling.fill(known.variables)
            for place, filling in self._filled.items()
            if place[0] == name and len(place) == 2 and filling.missing(known.variables) is None
        }


def _check_one_place(places: Mapping[str, str]) -> None:
    for kind in places:
        if others := sorted(RIVALS.get(kind, frozenset()) & places.keys()):
            raise Unassigned(f"It goes into a {kind} and into a {others[0]}: one of them has to be left out.")


def _say(what: str, *, sidecars: bool) -> str:
    where = "in an import.yml beside it, or in the definition" if sidecars else "in the definition or its table"
    return f"Say the {what} {where}."
